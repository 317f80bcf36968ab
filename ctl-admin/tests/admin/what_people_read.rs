//! Two different proposals never have the same text: what an elector reads is what it votes on.

use std::collections::BTreeMap;

use ctl_admin::{describe, difference};
use ctl_core::Digest;
use ctl_governance::statement::body::Change;
use ctl_governance::statement::charter::Charter;
use proptest::prelude::*;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::common::story::certificates::{ca, for_signer, issue, sae_cms};
use crate::common::story::{World, na};

/// What is shown of a proposal, without its author and leaf hash.
fn text(world: &World, change: &Change) -> String {
    let words = describe::change(&world.state, change);
    let full = difference::text(&describe::in_full(&world.state, change));
    [words, full].concat().join("\n")
}

fn change() -> impl Strategy<Value = Change> {
    let digest = || prop::sample::select(vec![Digest::of(b"a").to_string(), Digest::of(b"b").to_string()]);
    let time = || prop::sample::select(vec!["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]);
    let id = || prop::sample::select(vec!["alpha-pki", "elector-1", "nobody"]);
    let number = || 0_u64..3;
    let numbers = || prop::collection::vec(0_u64..3, 0..3);
    let rules = || prop::collection::vec(prop::sample::select(vec!["rule-a", "rule-b"]), 0..3);
    let purpose = || prop::sample::select(vec!["v2g", "mo"]);
    let uses = prop::collection::vec(
        purpose().prop_map(|purpose| json!({ "standard": "iso15118-2", "purpose": purpose })),
        0..3,
    );
    let constraints = || {
        let name = prop::sample::select(vec!["not_trusted_after", "mo_ids", "x = 1", "\"", "\n+ y"]);
        let value = prop::sample::select(vec![
            json!("a"),
            json!(["USEVG", "DE8AA"]),
            json!("b (critical)"),
            json!(1),
        ]);
        let one = (value, any::<bool>())
            .prop_map(|(value, critical)| json!({ "value": value, "critical": critical }));
        prop::collection::btree_map(name, one, 0..3).prop_map(|found| json!(found))
    };
    let admit = (number(), digest(), constraints(), numbers(), number(), uses, rules()).prop_map(
        |(application, certificate, constraints, evidence, screening, uses, waived)| {
            json!({
                "kind": "admit", "application": application, "certificate": certificate, "list": "na",
                "constraints": constraints, "evidence": evidence, "screening": screening, "uses": uses, "waived": waived,
            })
        },
    );
    let cross = (number(), digest(), numbers(), number(), rules()).prop_map(
        |(application, certificate, evidence, screening, waived)| {
            json!({
                "kind": "admit-cross", "application": application, "certificate": certificate, "list": "na",
                "evidence": evidence, "screening": screening, "waived": waived,
            })
        },
    );
    let constrain = (digest(), constraints()).prop_map(|(anchor, constraints)| {
        json!({ "kind": "constrain", "anchor": anchor, "constraints": constraints, "list": "na" })
    });
    let status = (digest(), prop::option::of(time()), prop::sample::select(vec!["warning", "withdrawn"]))
        .prop_map(|(certificate, time, to)| {
            let mut change =
                json!({ "kind": "change-status", "certificate": certificate, "list": "na", "to": to });
            if let Some(time) = time {
                change["not_issued_after"] = time.into();
            }
            change
        });
    let distrust = (digest(), prop::sample::select(vec!["certificate", "spki"])).prop_map(|(sha256, kind)| {
        json!({ "kind": "distrust", "list": "na", "what": { "kind": kind, "sha256": sha256 } })
    });
    let lift = number().prop_map(|notice| json!({ "kind": "lift-notice", "notice": notice }));
    let actions = vec!["suspend", "suspend-for-compromise", "reinstate"];
    let participant = (id(), prop::sample::select(actions)).prop_map(|(participant, action)| {
        json!({ "kind": "participant", "participant": participant, "action": { "action": action } })
    });
    let mo = id().prop_map(|to| json!({ "kind": "transfer-mo", "id": "USEVG", "to": to }));
    let accredit = (id(), prop::option::of(time())).prop_map(|(auditor, time)| {
        let mut change = json!({ "kind": "accredit-auditor", "auditor": auditor });
        if let Some(time) = time {
            change["expires_at"] = time.into();
        }
        change
    });
    let withdraw = id().prop_map(|auditor| json!({ "kind": "withdraw-auditor", "auditor": auditor }));
    prop_oneof![admit, cross, constrain, status, distrust, lift, participant, mo, accredit, withdraw]
        .prop_map(|value| Change::deserialize(&value).unwrap_or_else(|e| panic!("{e}: {value}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn two_different_proposals_never_give_the_same_text(changes in prop::collection::vec(change(), 2..12)) {
        let world = World::found();
        let mut texts: BTreeMap<String, Change> = BTreeMap::new();
        for change in changes {
            let text = text(&world, &change);
            if let Some(other) = texts.insert(text, change.clone()) {
                prop_assert_eq!(other, change);
            }
        }
    }
}

/// Every place of a charter, changed to something else that can stand there.
fn mutations(value: &Value, place: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Number(number) => found.push((place.into(), json!(number.as_u64().unwrap() + 1))),
        Value::String(_) => {
            for other in ["x", "x shown", "audit-report", "1"] {
                found.push((place.into(), other.into()));
            }
        }
        Value::Array(items) => {
            found.push((place.into(), items.iter().rev().cloned().collect()));
            found.push((place.into(), items.iter().skip(1).cloned().collect()));
            for (number, item) in items.iter().enumerate() {
                mutations(item, &format!("{place}/{number}"), found);
            }
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| mutations(member, &format!("{place}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn whatever_an_amendment_changes_is_read_before_the_vote() {
    let world = World::found();
    let mut signed_in_cms = (*world.state.charter).clone();
    signed_in_cms.lists.get_mut(&na()).unwrap().sae_cms = Some(sae_cms());
    let charter = serde_json::to_value(&signed_in_cms).unwrap();
    let mut found = Vec::new();
    mutations(&charter, "", &mut found);
    let mut texts: BTreeMap<String, Charter> = BTreeMap::new();
    for (place, value) in found {
        let mut amended = charter.clone();
        *amended.pointer_mut(&place).unwrap() = value;
        let Ok(amended) = Charter::deserialize(&amended) else { continue };
        let text = text(&world, &Change::AmendCharter { charter: Box::new(amended.clone()) });
        if let Some(other) = texts.insert(text, amended.clone()) {
            assert_eq!(other, amended, "at {place}");
        }
    }
    assert!(texts.len() > 60, "{}", texts.len());
}

#[test]
fn an_amendment_that_swaps_the_last_elector_says_who_for_whom() {
    let world = World::found();
    let mut charter = (*world.state.charter).clone();
    let electors = &mut charter.lists.get_mut(&crate::common::story::na()).unwrap().electors;
    *electors.last_mut().unwrap() = "mo-one".parse().unwrap();
    charter.name = "A scheme for stories shown".parse().unwrap();
    let text = text(&world, &Change::AmendCharter { charter: Box::new(charter) });
    for line in [
        "- lists.na.electors[]: \"alpha-elector\"",
        "+ lists.na.electors[]: \"mo-one\"",
        "~ name: \"A scheme for stories\" → \"A scheme for stories shown\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(text.starts_with("another charter comes into force, with 3 differences"), "{text}");
}

#[test]
fn what_an_amendment_has_signed_in_cms_is_told_by_certificate_and_signer() {
    let with = |sae_cms| {
        let mut charter = crate::common::story::charter();
        charter.lists.get_mut(&na()).unwrap().sae_cms = sae_cms;
        charter
    };
    let read = |before, after| {
        let world = World::published_with(with(before));
        describe::change(&world.state, &Change::AmendCharter { charter: Box::new(with(after)) })
    };
    let from = read(None, Some(sae_cms()));
    let [_, what, by, one, two, three] = &from[..] else { panic!("{from:#?}") };
    assert!(
        what.starts_with("list na: signed as an SAE list in CMS, too") && what.contains("any one signer's")
    );
    assert!(by.contains("of the CA \"CN=List Signing CA,O=Stories\", valid "), "{by}");
    assert!(by.ends_with(&format!("SHA-256 {}", Digest::of(&ca("list signing CA").0))), "{by}");
    for (line, id) in [one, two, three].into_iter().zip(["signer-1", "signer-2", "signer-3"]) {
        let digest = Digest::of(&issue(for_signer(id)).0);
        assert!(line.starts_with(&format!("list na: in CMS {id} signs with \"CN={id}\", valid ")), "{line}");
        assert!(line.ends_with(&format!("to 2049-01-01T00:00:00Z, SHA-256 {digest}")), "{line}");
    }

    let mut renewed = sae_cms();
    renewed.signers.insert("signer-2".parse().unwrap(), issue(for_signer("signer-2").serial(99)));
    renewed.signers.remove(&"signer-3".parse().unwrap());
    let lines = read(Some(sae_cms()), Some(renewed));
    let [_, other, gone] = &lines[..] else { panic!("{lines:#?}") };
    assert!(other.starts_with("list na: in CMS signer-2 signs with"), "{other}");
    assert_eq!(gone, "list na: in CMS signer-3 signs no longer");
    assert_eq!(read(Some(sae_cms()), None)[1..], ["list na: no longer signed as an SAE list in CMS"]);
    assert_eq!(read(Some(sae_cms()), Some(sae_cms())).len(), 1);
}
