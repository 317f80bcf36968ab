//! What of a list is taken up, version by version, when some of it waits. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ctl_client::local::{TakenUp, Terms, settle};
use ctl_core::list::ListPayload;
use ctl_core::parts::Use;
use ctl_core::{Digest, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

const V2G: &str = "v2g";
const MO: &str = "mo";

/// A list with these anchors, by a number and their purposes.
fn list(anchors: &[(u8, &[&str])]) -> ListPayload {
    let anchor = |&(number, purposes): &(u8, &[&str])| {
        let uses: Vec<Value> =
            purposes.iter().map(|purpose| json!({ "standard": "iso15118-2", "purpose": purpose })).collect();
        json!({
            "certificate": "", "constraints": {}, "decision": 0, "fingerprint": Digest::of(&[number]),
            "identifiers": { "certificate_sha1": "", "public_key_sha1": "", "subject": "" }, "name": "root",
            "operator": "operator", "services": {}, "since": Timestamp::EPOCH, "status": "usable", "uses": uses,
        })
    };
    let anchors: Vec<Value> = anchors.iter().map(anchor).collect();
    serde_json::from_value(json!({
        "anchors": anchors, "cross_certificates": [], "distrusted": [], "environment": "test", "format": 1,
        "issued_at": Timestamp::EPOCH, "list": "na", "next_update": Timestamp::EPOCH, "previous": Digest::ZERO,
        "log": { "origin": "log.example", "root_hash": Digest::ZERO, "size": 0 }, "scheme": Digest::ZERO,
        "policy": { "name": "policy", "sha256": Digest::ZERO, "version": "1" }, "sequence": 1,
        "type": ListPayload::TYPE,
    }))
    .unwrap()
}

fn taken(anchors: &[(u8, &[&str])]) -> BTreeMap<Digest, BTreeSet<Use>> {
    TakenUp::all(&list(anchors)).anchors
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + second)
}

const ALL: &dyn Fn(Digest, Use) -> bool = &|_, _| true;
const FREE: Terms<'_> = Terms { is_held: false, is_due: &|_| true, is_usable: ALL };
const HELD: Terms<'_> = Terms { is_held: true, is_due: &|_| true, is_usable: ALL };
const LATER: Terms<'_> = Terms { is_held: false, is_due: &|_| false, is_usable: ALL };

#[test]
fn what_is_new_waits_what_is_gone_goes_and_a_new_device_takes_all() {
    let first = list(&[(1, &[V2G]), (2, &[MO])]);
    let begun = settle(None, &first, LATER, at(0));
    assert_eq!(begun, TakenUp::all(&first));

    let second = list(&[(1, &[V2G, MO]), (3, &[MO]), (2, &[MO])]);
    let waits = settle(Some(&begun), &second, LATER, at(10));
    assert_eq!(waits.anchors, begun.anchors);
    assert_eq!(
        waits.waiting.keys().copied().collect::<BTreeSet<_>>(),
        [1, 3].map(|n| Digest::of(&[n])).into()
    );
    assert_eq!(waits.narrow(&second).anchors.len(), 2);

    let third = list(&[(1, &[V2G, MO]), (3, &[MO])]);
    let gone = settle(Some(&waits), &third, HELD, at(20));
    assert_eq!(gone.anchors, taken(&[(1, &[V2G])]), "2 is gone, though nothing is added");
    assert_eq!(settle(Some(&gone), &third, FREE, at(30)), TakenUp::all(&third));
}

#[test]
fn a_use_that_would_have_nothing_left_does_not_wait_for_its_turn_unless_it_is_held() {
    let begun = TakenUp::all(&list(&[(1, &[V2G]), (2, &[MO])]));
    let replaced = list(&[(1, &[V2G]), (3, &[MO, V2G])]);
    let settled = settle(Some(&begun), &replaced, LATER, at(0));
    assert_eq!(settled.anchors, taken(&[(1, &[V2G]), (3, &[MO])]), "its other use waits");
    assert_eq!(settle(Some(&begun), &replaced, HELD, at(0)).anchors, taken(&[(1, &[V2G])]));
}

#[test]
fn a_held_list_of_which_nothing_was_taken_up_gives_nothing() {
    let settled = settle(None, &list(&[(1, &[V2G])]), HELD, at(0));
    assert!(settled.anchors.is_empty() && settled.waiting.len() == 1);
}

#[test]
fn a_list_that_is_signed_anew_each_day_delays_nothing() {
    let begun = TakenUp::all(&list(&[(1, &[V2G])]));
    let newer = list(&[(1, &[V2G]), (2, &[V2G])]);
    let mut settled = begun;
    for day in 0..3 {
        let now = at(day * 86_400);
        let is_due = |since: Timestamp| now.seconds_since(since) >= 2 * 86_400;
        settled = settle(Some(&settled), &newer, Terms { is_due: &is_due, ..FREE }, now);
        assert_eq!(settled.anchors.len(), if day < 2 { 1 } else { 2 }, "day {day}");
    }
    // A clock that goes back does not make it wait for longer.
    let waiting = settle(Some(&TakenUp::all(&list(&[(1, &[V2G])]))), &newer, LATER, at(1_000_000));
    let back = settle(Some(&waiting), &newer, LATER, at(0));
    assert_eq!(back.waiting.values().collect::<Vec<_>>(), [&at(0)]);
}

fn anchors() -> impl Strategy<Value = ListPayload> {
    let purposes = prop_oneof![Just(&[V2G][..]), Just(&[MO][..]), Just(&[V2G, MO][..])];
    proptest::collection::btree_map(0_u8..6, purposes, 0..6)
        .prop_map(|anchors| list(&anchors.into_iter().collect::<Vec<_>>()))
}

proptest! {
    #[test]
    fn nothing_is_taken_up_that_the_list_does_not_say_and_nothing_lasts_that_it_drops(
        versions in proptest::collection::vec((anchors(), any::<bool>(), any::<bool>()), 1..6),
    ) {
        let mut before = None;
        for (list, is_held, is_due) in versions {
            let settled = settle(before.as_ref(), &list, Terms { is_held, is_due: &|_| is_due, is_usable: ALL }, at(0));
            let all = TakenUp::all(&list);
            let former: TakenUp = before.clone().unwrap_or_default();
            for (anchor, uses) in &settled.anchors {
                prop_assert!(uses.is_subset(&all.anchors[anchor]) && !uses.is_empty());
                let had = former.anchors.get(anchor).cloned().unwrap_or_default();
                prop_assert!(!is_held || uses.is_subset(&had), "a held list adds nothing");
            }
            // Removal never waits, and what is not taken up is said to wait.
            for (anchor, uses) in &all.anchors {
                let kept = former.anchors.get(anchor).map_or_else(BTreeSet::new, |had| had & uses);
                let now = settled.anchors.get(anchor).cloned().unwrap_or_default();
                prop_assert!(kept.is_subset(&now));
                prop_assert_eq!(settled.waiting.contains_key(anchor), now != *uses);
            }
            if !is_held && (is_due || before.is_none()) {
                prop_assert_eq!(&settled, &all);
            }
            prop_assert_eq!(settled.narrow(&list).anchors.len(), settled.anchors.len());
            before = Some(settled);
        }
    }

    #[test]
    fn a_use_that_is_listed_is_never_left_without_a_usable_anchor_by_waiting_alone(
        one in anchors(),
        other in anchors(),
        hit in proptest::collection::btree_set(0_u8..6, 0..6),
    ) {
        let hit: BTreeSet<Digest> = hit.into_iter().map(|number| Digest::of(&[number])).collect();
        let is_usable: &dyn Fn(Digest, Use) -> bool = &|anchor, _| !hit.contains(&anchor);
        let settled = settle(Some(&TakenUp::all(&one)), &other, Terms { is_usable, ..LATER }, at(0));
        prop_assert_eq!(settled.uses(is_usable), TakenUp::all(&other).uses(is_usable));
        // Held, it is left without rather than given what nobody took up.
        let held = settle(Some(&TakenUp::all(&one)), &other, Terms { is_usable, ..HELD }, at(0));
        prop_assert!(held.uses(ALL).is_subset(&TakenUp::all(&one).uses(ALL)));
    }
}
