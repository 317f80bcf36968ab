//! The file for stacks without new code, at the edges of what their messages have room for.

use ctl_core::names::MoId;
use ctl_sdp::choose::Offer;
use ctl_sdp::vas::{Form, Room, in_order, service_file, supported_providers};

fn ids(count: usize) -> Vec<MoId> {
    (0..count).map(|number| format!("XX{number:03}").parse().unwrap()).collect()
}

/// The texts of the parameters, set by set.
fn values(file: &str) -> Vec<Vec<&str>> {
    let mut sets = Vec::new();
    for line in file.lines() {
        if line.trim_start().starts_with("- id:") {
            sets.push(Vec::new());
        }
        if let Some((_, value)) = line.split_once("value: \"") {
            sets.last_mut().unwrap().push(value.trim_end_matches("\"}"));
        }
    }
    sets.into_iter().filter(|set| !set.is_empty()).collect()
}

#[test]
fn as_many_fit_as_the_messages_have_room_for_and_the_rest_is_told() {
    for (room, form, fits, sets, in_set) in [
        (Room::Iso15118_2, Form::Single, 80, 5, 16),
        (Room::Iso15118_20, Form::Single, 32, 4, 8),
        (Room::Both, Form::Single, 32, 4, 8),
        (Room::Iso15118_2, Form::Lists, 255, 5, 16),
        (Room::Iso15118_20, Form::Lists, 255, 4, 8),
        (Room::Both, Form::Lists, 255, 4, 8),
    ] {
        assert_eq!(room.fits(form), fits, "{room} {form}");
        for count in [0, 1, 10, 11, 13, 14, 32, 33, 80, 81, 255, 256, 1000] {
            let all = ids(count);
            let fitted = service_file(&all, room, form);
            let values = values(&fitted.written);
            assert!(
                values.len() <= sets && values.iter().all(|set| set.len() <= in_set),
                "{room} {form} {count}"
            );
            let longest = if room == Room::Iso15118_20 { 80 } else { 64 };
            assert!(values.iter().flatten().all(|value| value.len() <= longest), "{room} {form} {count}");
            // A car reads all of them, or all but those that are told; in either form.
            let offer = Offer::of_service(values.iter().flatten().copied());
            let (read, left): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|id| offer.names(id));
            assert_eq!((read.len(), left), (count.min(fits), fitted.left_out), "{room} {form} {count}");
            assert_eq!(fitted.written.contains("services: []"), count == 0);
        }
    }
    for (count, left) in [(127, 0), (128, 0), (129, 1)] {
        let fitted = supported_providers(&ids(count));
        let written = fitted.written["SupportedProviders"]["ProviderID"].as_array().unwrap().len();
        assert_eq!((fitted.left_out.len(), written), (left, count - left));
    }
}

#[test]
fn who_is_named_first_fits_in_first() {
    let first: Vec<MoId> = ["XX090", "XX007"].map(|id| id.parse().unwrap()).into();
    let all = in_order(ids(100), &first);
    assert_eq!(all[..3], ["XX090", "XX007", "XX000"].map(|id| id.parse::<MoId>().unwrap()));
    let fitted = service_file(&all, Room::Iso15118_2, Form::Single);
    assert!(fitted.written.contains("XX090") && !fitted.left_out.contains(&first[0]));
    assert_eq!(fitted.left_out.first().unwrap().as_str(), "XX079");
    assert_eq!(in_order(ids(3).into_iter().chain(ids(3)), &[]), ids(3));
}
