//! The pool without a server: what follows from lists, disclosed sub-CAs and a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::list::{DisclosedSubCa, ListPayload};
use ctl_core::parts::{Der, Standard};
use ctl_core::{Digest, Timestamp};
use ctl_formats::{PoolCtl, PoolForm, PoolPage};
use ctl_sandbox::shape::{Key, Shape};
use ctl_server::pool::{self, Answers, Ca, Ctl, Sources};

use super::{decoded, listed};
use crate::common::world::na;

/// The list of a world, as a pool takes it at a moment.
fn sources(list: ListPayload, now: Timestamp) -> Sources {
    let lists = vec![(list, PoolCtl::American)];
    Sources { lists, sub_cas: BTreeMap::new(), suspended: BTreeSet::new(), now }
}

fn handed_out(answers: &Answers) -> usize {
    let answer = answers.collection(PoolForm::Opnc, &Default::default());
    PoolPage::read(answer.identity().unwrap()).unwrap().items.len()
}

#[test]
fn an_anchor_leaves_with_the_last_second_of_its_certificate() {
    let (mut world, anchors) = listed(&["alpha-pki"]);
    let list = world.list();
    let end = world.state.anchor(&na(), &anchors[0]).unwrap().listed.not_after;
    let last = Answers::of(sources(list.clone(), end));
    assert_eq!((handed_out(&last), last.next), (1, Some(end.plus_seconds(1))));
    assert!(last.certificates(Ca::Cpo, Standard::Iso15118_2, None).is_some());
    let over = Answers::of(sources(list, end.plus_seconds(1)));
    assert_eq!((handed_out(&over), over.next), (0, None));
    assert!(over.left.iter().next().unwrap().why.contains("has ended"));
    assert!(over.certificates(Ca::Cpo, Standard::Iso15118_2, None).is_none());
}

#[test]
fn a_root_that_some_client_cannot_read_is_left_out_and_hides_no_other() {
    let (mut world, _) = listed(&["alpha-pki", "beta-pki"]);
    let now = world.now;
    let mut list = world.list();
    let broken = Shape::ca("CN=Broken", &Key::p256("broken").unwrap(), None).unwrap();
    // A key usage that is none: our reader reads on, others refuse the whole file.
    let broken =
        broken.without_extension("2.5.29.15").extension("2.5.29.15", true, b"junk").self_signed().unwrap();
    assert!(broken.check_readable().is_err());
    list.anchors[0].certificate = Der(broken.der().to_vec());
    list.anchors[0].fingerprint = Digest::from_bytes(broken.sha256());
    let answers = Answers::of(sources(list, now));
    assert_eq!(handed_out(&answers), 1);
    assert_eq!(answers.left.len(), 1, "{:?}", answers.left);
    let est = answers.certificates(Ca::Cpo, Standard::Iso15118_2, None).unwrap();
    assert_eq!(decoded(est.identity().unwrap()).len(), 1);
}

#[test]
fn whoever_discloses_too_many_sub_cas_fills_nobody_elses_answer() {
    let (mut world, anchors) = listed(&["alpha-pki", "beta-pki"]);
    let now = world.now;
    let mut flooded = sources(world.list(), now);
    let key = Key::p256("flood").unwrap();
    let sub_ca = |number: u64| {
        let shape = Shape::ca("CN=CPO Sub1,DC=V2G", &key, None).unwrap().serial(number);
        let certificate = shape.valid(now.unix(), now.unix() + 1_000_000).signed_by("CN=Root", &key).unwrap();
        DisclosedSubCa {
            fingerprint: Digest::from_bytes(certificate.sha256()),
            issuer: anchors[0],
            certificate: Der(certificate.der().to_vec()),
        }
    };
    let count = |sources: &Sources| {
        let answers = Answers::of(sources.clone());
        let est = answers.certificates(Ca::Cpo, Standard::Iso15118_2, None).unwrap();
        (decoded(est.identity().unwrap()).len(), answers.left.len())
    };
    flooded.sub_cas.insert(anchors[0], (1..65).map(sub_ca).collect());
    assert_eq!(count(&flooded), (66, 0));
    flooded.sub_cas.insert(anchors[0], (1..71).map(sub_ca).collect());
    let of_beta = DisclosedSubCa { issuer: anchors[1], ..sub_ca(100) };
    flooded.sub_cas.insert(anchors[1], vec![of_beta]);
    assert_eq!(count(&flooded), (3, 1));
    // A chain as deep as somebody likes is not followed for ever.
    let mut deep: BTreeMap<Digest, Vec<_>> = BTreeMap::new();
    let mut issuer = anchors[0];
    for number in 1..2000 {
        let next = DisclosedSubCa { issuer, ..sub_ca(number) };
        issuer = next.fingerprint;
        deep.insert(next.issuer, vec![next]);
    }
    flooded.sub_cas = deep;
    assert_eq!(count(&flooded), (10, 1));
}

#[test]
fn whoever_keeps_the_pool_answers_nothing_rather_than_what_may_be_wrong() {
    let (mut world, anchors) = listed(&["alpha-pki"]);
    let document = ctl_core::json::canonical(&world.list());
    let source = pool::Source { list: na(), ctl: Ctl::None };
    let mut keeper = pool::Keeper::new(Arc::new(pool::Config { lists: vec![source] }));
    let served = keeper.served().clone();
    let count = || match &*served.load_full() {
        pool::Served::Ready(answers) => Ok(handed_out(answers)),
        pool::Served::Unavailable(why) => Err(why.clone()),
        pool::Served::Off => panic!("a list is named"),
    };
    let mut follow = |now, went_back, published: Option<(u64, &[u8])>| {
        keeper.follow(&world.state, now, went_back, |_| published);
    };
    let (now, whole) = (world.now, Some((7, document.as_slice())));
    assert!(count().is_err());
    follow(now, false, whole);
    assert_eq!(count(), Ok(1));
    follow(now, true, whole);
    assert!(count().unwrap_err().contains("went back"));
    follow(now, false, whole);
    assert_eq!(count(), Ok(1));
    // The next version, at the same size of the log: publishing came later than the entry.
    follow(now, false, Some((8, b"{}")));
    assert!(count().unwrap_err().contains("cannot be read"));
    follow(now, false, None);
    assert!(count().unwrap_err().contains("published yet"));
    follow(now, false, whole);
    let end = world.state.anchor(&na(), &anchors[0]).unwrap().listed.not_after;
    follow(end, false, whole);
    assert_eq!(count(), Ok(1));
    follow(end.plus_seconds(1), false, whole);
    assert_eq!(count(), Ok(0), "nothing was recorded, only time has passed");
}
