//! Which anchors a file of plain certificates can carry.

use ctl_core::parts::{Purpose, Standard};
use ctl_formats::omission::{Omission, Selection};
use ctl_sandbox::Edition;

use crate::list::{MO, OEM, V2G, mixed, root};

#[test]
fn anchors_are_chosen_by_use_and_what_is_not_asked_for_is_no_omission() {
    let list = mixed();
    let chosen = |purpose, standard| {
        let wanted = Selection::of(&list, |one| one.purpose == purpose && one.standard == standard);
        let left_out = wanted.omissions.iter().filter_map(Omission::left_out).count();
        (wanted.certificates().map(|one| one.common_name().unwrap().to_owned()).collect::<Vec<_>>(), left_out)
    };
    let name = |name| root(name, Edition::Iso2).common_name().unwrap().to_owned();
    assert_eq!(chosen(Purpose::V2g, Standard::Iso15118_2), (vec![name(V2G)], 0));
    // The root of ISO 15118-20 has a constraint that no plain file can carry.
    assert_eq!(chosen(Purpose::V2g, Standard::Iso15118_20), (vec![name(V2G)], 1));
    assert_eq!(chosen(Purpose::Vehicle, Standard::Iso15118_20), (vec![name(OEM)], 0));
    assert_eq!(chosen(Purpose::Oem, Standard::Iso15118_2), (vec![], 0));
    let (mut both, _) = chosen(Purpose::Mo, Standard::Iso15118_2);
    both.sort();
    assert_eq!(both, [name(MO), name(V2G)]);
    assert_eq!(Selection::all(&list).anchors.len(), 3);
}

#[test]
fn a_certificate_that_cannot_be_read_is_left_out_and_told() {
    let mut list = mixed();
    list.anchors.iter_mut().for_each(|anchor| anchor.certificate.0.truncate(9));
    let selection = Selection::all(&list);
    assert!(selection.anchors.is_empty());
    let unreadable = |one: &&Omission| matches!(one, Omission::Unreadable { .. });
    assert_eq!(selection.omissions.iter().filter(unreadable).count(), 3);
    for omission in &selection.omissions {
        assert!(!omission.to_string().is_empty());
    }
}
