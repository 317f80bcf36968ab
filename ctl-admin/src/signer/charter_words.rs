//! A charter in words, whole: who holds which role, how many must act together, how long everything lasts, whose key
//! and certificate is whose. What has no words here is shown as it stands in the document, so that nothing is passed over and no two
//! foundings have the same text.

use std::fmt::Write as _;

use ctl_core::PublicKey;
use ctl_core::names::print;
use ctl_core::parts::Der;
use ctl_governance::statement::body::CharterEstablish;
use serde::Deserialize as _;
use serde_json::Value;

use crate::{describe, difference};

/// A founding in words.
#[must_use]
pub(crate) fn founding(establish: &CharterEstablish) -> String {
    of_document(serde_json::to_value(establish).unwrap_or_default())
}

/// What is said of a charter's roles and bounds. In braces stands what is taken out of the document: a member of the
/// charter as it stands, or `ids`, `name`, `key`, `certificate`, `time` or `of` it (how many of whom).
const ROLES: &[&str] = &[
    "board (root.json and the top-level targets): {of board}",
    "assembly (charter, participants, auditors): {assembly/quorum} approvals; electors {ids assembly/electors}; a vote \
     is open for {time assembly/voting_seconds}",
    "admissions officers (countersign registrations): {of admissions_officers}",
    "registrars (MO identifiers): {of registry/registrars}; a registry is valid for {time registry/validity_seconds}",
    "emergency officers (suspend trust): {of notices/officers}; at most {notices/max_in_force} notices in force, each \
     for at most {time notices/max_duration_seconds}; the document is valid for {time notices/validity_seconds}",
];
const WATCHERS: &str = "watchers (breaches and reports of service levels): {ids watchers/holders}; {watchers/threshold} of \
                        their organisations confirm a breach";
const NO_WATCHERS: &str = "watchers (breaches and reports of service levels): there are none";
const LIST: &[&str] = &[
    "electors: {ids electors}",
    "approvals needed: to admit a root {quorum/admit}, to admit a cross-certificate {quorum/admit_cross}, to constrain \
     {quorum/constrain}, to change a status {quorum/change_status}, to distrust {quorum/distrust}",
    "an application is discussed for {time discussion_seconds}; a vote is open for {time voting_seconds}",
    "signers: {of signers}",
    "policy: {name policy/name} {name policy/version}, SHA-256 {id policy/sha256}",
    "evidence that must be attached: {ids required_evidence}",
    "a list is valid for {time validity_seconds}; a new anchor is usable {time take_up_seconds} after its first \
     publication",
];
const SAE_CMS_CA: &str = "in CMS by certificates of the CA {certificate sae_cms/ca}";
const NO_SAE_CMS: &str = "not signed as an SAE list in CMS";
const BOUNDS: &[&str] = &[
    "validity: root.json {time validity/root_seconds}, targets.json {time validity/targets_seconds}, snapshot.json \
     {time validity/snapshot_seconds}, timestamp.json {time validity/timestamp_seconds}",
    "a statement is recorded at most {time limits/issued_behind_seconds} after it was signed; of one participant at \
     most {limits/statements_per_day} a day, and {limits/open_applications} open applications",
    "rules: version {rules}",
];
const SERVER_KEYS: &str = "\nthe server's keys, none of which can change what is trusted:\n";
const SERVER: &[&str] = &[
    "log {name server/log_origin}: key {key server/log}",
    "recorder: key {key server/recorder}",
    "snapshot: key {key server/snapshot}",
    "timestamp: key {key server/timestamp}",
    "a device asks for the cosignatures of {witnesses/threshold} witnesses of those named here",
];
const WITNESS: &str = "witness {name name}: key {key key}";
const PARTICIPANT: &str = "{id id} of {id organisation}, {name name} ({ids kinds}): key {key key}";

fn of_document(mut document: Value) -> String {
    let mut words = told(&mut document, "", "{name charter/name} ({id environment})") + "\n";
    let mut tell = |heading: &str, below: &str, document: &mut Value, templates: &[&str]| {
        words += heading;
        templates.iter().for_each(|template| line(&mut words, &told(document, below, template)));
    };
    tell("\nwho signs and decides:\n", "/charter", &mut document, ROLES);
    let there = |document: &Value, at: &str| document.pointer(at).is_some_and(|member| !member.is_null());
    let watched = there(&document, "/charter/watchers");
    tell("", "/charter", &mut document, &[if watched { WATCHERS } else { NO_WATCHERS }]);
    for id in members(&document, "/charter/lists") {
        let below = format!("/charter/lists/{id}");
        let heading = format!("\nlist {id}, {}:\n", told(&mut document, &below, "{name name}"));
        tell(&heading, &below, &mut document, LIST);
        let in_cms = there(&document, &format!("{below}/sae_cms"));
        let words: &[&str] = if in_cms { &[describe::SAE_CMS, SAE_CMS_CA] } else { &[NO_SAE_CMS] };
        tell("", &below, &mut document, words);
        for id in members(&document, &format!("{below}/sae_cms/signers")) {
            let signs = format!("in CMS {id} signs with {{certificate sae_cms/signers/{id}}}");
            tell("", &below, &mut document, &[&signs]);
        }
    }
    tell("\nbounds:\n", "/charter", &mut document, BOUNDS);
    tell(SERVER_KEYS, "/charter", &mut document, SERVER);
    let witnesses = items(take(&mut document, "/charter/witnesses/witnesses"));
    witnesses.into_iter().for_each(|one| line(&mut words, &told_whole(one, WITNESS)));
    words += "\nparticipants:\n";
    let participants = items(take(&mut document, "/participants"));
    participants.into_iter().for_each(|one| line(&mut words, &told_whole(one, PARTICIPANT)));
    prune(&mut document);
    let rest = difference::between(&Value::Object(serde_json::Map::new()), &document);
    if !rest.is_empty() {
        words += "\nand, as the document has it:\n";
        rest.iter().for_each(|member| line(&mut words, &member.to_string()));
    }
    words
}

fn line(words: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(words, "  {text}");
}

/// A template with what it names taken out of the document, below this place.
fn told(document: &mut Value, below: &str, template: &str) -> String {
    let mut pieces = template.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (named, after) in pieces.filter_map(|piece| piece.split_once('}')) {
        let (kind, member) = named.split_once(' ').unwrap_or(("", named));
        let place = format!("{below}/{member}");
        text += &match kind {
            "of" => {
                let threshold = take(document, &format!("{place}/threshold"));
                format!("{threshold} of {}", ids(take(document, &format!("{place}/holders"))))
            }
            "ids" => ids(take(document, &place)),
            "id" => bare(&take(document, &place)),
            "name" => shown_name(&take(document, &place)),
            "key" => key(&take(document, &place)),
            "certificate" => certificate(&take(document, &place)),
            "time" => duration(&take(document, &place)),
            _ => take(document, &place).to_string(),
        };
        text += after;
    }
    text
}

/// The same for one of several, with whatever else it says.
fn told_whole(mut item: Value, template: &str) -> String {
    let text = told(&mut item, "", template);
    prune(&mut item);
    let whole = item.as_object().is_some_and(serde_json::Map::is_empty);
    if whole { text } else { format!("{text}; and {}", difference::shown(&item)) }
}

/// Takes the member at a JSON pointer out of the document, so that what is left has not been told yet.
fn take(document: &mut Value, pointer: &str) -> Value {
    let Some((parent, member)) = pointer.rsplit_once('/') else { return Value::Null };
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.and_then(|members| members.remove(member)).unwrap_or_default()
}

/// The names of an object's members.
fn members(document: &Value, pointer: &str) -> Vec<String> {
    let object = document.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// An identifier as it is; anything else as JSON.
fn bare(value: &Value) -> String {
    let plain = |text: &&str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    value.as_str().filter(plain).map_or_else(|| difference::shown(value), str::to_owned)
}

fn shown_name(value: &Value) -> String {
    value.as_str().map_or_else(|| difference::shown(value), print::name)
}

fn ids(value: Value) -> String {
    let ids: Vec<String> = items(value).iter().map(bare).collect();
    if ids.is_empty() { "nobody and nothing".into() } else { ids.join(", ") }
}

/// Seconds, exactly: `365 days 6 hours`.
fn duration(value: &Value) -> String {
    let Some(mut seconds) = value.as_u64() else { return difference::shown(value) };
    let mut parts = Vec::new();
    for (unit, name) in [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")] {
        let number = seconds / unit;
        seconds %= unit;
        if number > 0 || (unit == 1 && parts.is_empty()) {
            parts.push(format!("{number} {name}{}", if number == 1 { "" } else { "s" }));
        }
    }
    parts.join(" ")
}

/// A key by its fingerprint: its key id, which is the SHA-256 of the whole key.
fn key(value: &Value) -> String {
    PublicKey::deserialize(value).map_or_else(|_| difference::shown(value), |key| key.key_id().to_string())
}

/// A certificate by its SHA-256 and what people know it by.
fn certificate(value: &Value) -> String {
    Der::deserialize(value).map_or_else(|_| difference::shown(value), |der| describe::certificate(&der))
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

/// Removes the objects of which everything has been taken.
fn prune(value: &mut Value) {
    let Some(members) = value.as_object_mut() else { return };
    members.values_mut().for_each(prune);
    members.retain(|_, member| member.as_object().is_none_or(|inside| !inside.is_empty()));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ctl_core::keys::{Algorithm, PrivateKey};
    use ctl_sandbox::shape::{Key, Shape};
    use proptest::prelude::*;
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;

    fn certificate(seed: u8) -> Value {
        let shape = Shape::new(&format!("CN=Certificate {seed}"), &Key::p256("any").unwrap()).unwrap();
        serde_json::to_value(Der(shape.self_signed().unwrap().der().to_vec())).unwrap()
    }

    fn key(seed: u8) -> Value {
        let key = PrivateKey::from_seed(Algorithm::EdDsa, &[seed; 32]).unwrap().public_key();
        serde_json::to_value(key).unwrap()
    }

    fn establish() -> Value {
        let document = json!({
            "environment": "test",
            "participants": [
                {"id": "a", "organisation": "oa", "name": "A, board", "kinds": ["board-member"], "key": key(1)},
                {"id": "b", "organisation": "ob", "name": "B", "kinds": ["elector", "signer"], "key": key(2)},
            ],
            "charter": {
                "name": "Trust shown", "rules": 1,
                "board": {"holders": ["a", "b"], "threshold": 2},
                "assembly": {"electors": ["a", "b"], "quorum": 2, "voting_seconds": 86_400},
                "admissions_officers": {"holders": ["a"], "threshold": 1},
                "lists": {"na": {
                    "name": "North America", "electors": ["a", "b"], "discussion_seconds": 3600,
                    "quorum": {"admit": 2, "admit_cross": 2, "constrain": 2, "change_status": 2, "distrust": 2},
                    "voting_seconds": 120, "signers": {"holders": ["a", "b"], "threshold": 1},
                    "policy": {"name": "admission", "sha256": "ab".repeat(32), "version": "1 of 2"},
                    "required_evidence": ["audit-report"], "validity_seconds": 90_000, "take_up_seconds": 0,
                    "sae_cms": {"ca": certificate(1), "signers": {"a": certificate(2), "b": certificate(3)}},
                }},
                "registry": {"registrars": {"holders": ["a"], "threshold": 1}, "validity_seconds": 61},
                "notices": {
                    "officers": {"holders": ["b"], "threshold": 1}, "max_in_force": 3,
                    "max_duration_seconds": 7200, "validity_seconds": 60,
                },
                "watchers": {"holders": ["a", "b"], "threshold": 2},
                "server": {
                    "log_origin": "ctl.example/test", "log": key(3), "recorder": key(4), "snapshot": key(5),
                    "timestamp": key(6),
                },
                "witnesses": {"witnesses": [{"name": "w.example", "key": key(7)}], "threshold": 1},
                "validity": {
                    "root_seconds": 864_000, "targets_seconds": 86_400, "snapshot_seconds": 600,
                    "timestamp_seconds": 60,
                },
                "limits": {"issued_behind_seconds": 86_400, "statements_per_day": 5, "open_applications": 2},
            },
        });
        assert!(CharterEstablish::deserialize(&document).is_ok(), "the fixture is one");
        document
    }

    /// Every place of the document, and what else could stand there.
    fn variants(value: &Value, place: &str, found: &mut Vec<(String, Value)>) {
        let mut put = |value: Value| found.push((place.to_owned(), value));
        match value {
            Value::Number(number) => {
                let number = number.as_u64().unwrap();
                [number + 1, number * 60, number + 86_400].into_iter().for_each(|other| put(other.into()));
            }
            Value::String(text) => {
                for other in ["x", "x y", "x\" y", "production", "audit-report", "signer", "x shown", "x, y"]
                {
                    put(other.into());
                }
                put(format!("{text}x").into());
                if place.contains("sae_cms") {
                    [4, 5].into_iter().for_each(|seed| put(certificate(seed)));
                }
            }
            Value::Array(items) => {
                put(items.iter().rev().cloned().collect());
                put(items.iter().chain(items.first()).cloned().collect());
                put(items.iter().skip(1).cloned().collect());
            }
            _ => {}
        }
        match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    variants(item, &format!("{place}/{number}"), found);
                }
            }
            Value::Object(members) if members.contains_key("keyval") => {
                found.push((place.to_owned(), key(99)));
            }
            Value::Object(members) => {
                for (name, member) in members {
                    variants(member, &format!("{place}/{name}"), found);
                }
            }
            _ => {}
        }
    }

    fn put(document: &mut Value, place: &str, value: Value) {
        if let Some(old) = document.pointer_mut(place) {
            *old = value;
        }
    }

    #[test]
    fn whatever_is_changed_in_a_founding_changes_its_text() {
        let base = establish();
        let mut found = Vec::new();
        variants(&base, "", &mut found);
        let mut texts: BTreeMap<String, CharterEstablish> = BTreeMap::new();
        for (place, value) in found {
            let mut document = base.clone();
            put(&mut document, &place, value);
            let Ok(other) = CharterEstablish::deserialize(&document) else { continue };
            let text = founding(&other);
            if let Some(same) = texts.insert(text, other.clone()) {
                assert_eq!(same, other, "at {place}");
            }
        }
        assert!(texts.len() > 150, "{} different foundings", texts.len());
    }

    proptest! {
        #[test]
        fn two_different_foundings_never_give_the_same_text(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..6),
        ) {
            let base = establish();
            let mut found = Vec::new();
            variants(&base, "", &mut found);
            let (mut a, mut b) = (base.clone(), base);
            for (pick, both) in picks {
                let (place, value) = pick.get(&found);
                put(&mut a, place, value.clone());
                if both {
                    put(&mut b, place, value.clone());
                }
            }
            if let (Ok(a), Ok(b)) = (CharterEstablish::deserialize(&a), CharterEstablish::deserialize(&b)) {
                prop_assert_eq!(a == b, founding(&a) == founding(&b));
            }
        }
    }

    #[test]
    fn a_board_member_reads_words() {
        let text = founding(&CharterEstablish::deserialize(&establish()).unwrap());
        for expected in [
            "\"Trust shown\" (test)",
            "board (root.json and the top-level targets): 2 of a, b",
            "2 approvals; electors a, b; a vote is open for 1 day",
            "to admit a root 2",
            "a list is valid for 1 day 1 hour",
            "a of oa, \"A, board\" (board-member): key ",
            "witness \"w.example\": key ",
            "  signed as an SAE list in CMS, too, where a reader that is content with one signature takes any one signer's",
            "  in CMS by certificates of the CA \"CN=Certificate 1\", valid ",
            "  in CMS b signs with \"CN=Certificate 3\", valid ",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.contains("as the document has it"), "everything has its words:\n{text}");
        let mut without = establish();
        without["charter"]["lists"]["na"].as_object_mut().unwrap().remove("sae_cms");
        let text = founding(&CharterEstablish::deserialize(&without).unwrap());
        assert!(text.contains("\n  not signed as an SAE list in CMS\n"), "{text}");
    }

    #[test]
    fn a_member_without_words_is_shown_as_it_stands() {
        let mut document = establish();
        document["charter"]["board"]["new_power"] = json!({"of": ["a"]});
        document["participants"][0]["alias"] = "z".into();
        let text = of_document(document);
        assert!(text.contains(r#"+ charter: {"board":{"new_power":{"of":["a"]}}}"#), "{text}");
        assert!(text.contains(r#"; and {"alias":"z"}"#), "{text}");
    }
}
