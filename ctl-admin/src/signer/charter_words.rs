//! A charter in words, whole: who holds which role, how many must act together, how long everything lasts, whose key
//! is whose. What has no words here is shown as it stands in the document, so that nothing is passed over and no two
//! foundings have the same text.

use std::fmt::Write as _;

use ctl_core::PublicKey;
use ctl_core::names::print;
use ctl_governance::statement::body::CharterEstablish;
use serde::Deserialize as _;
use serde_json::Value;

use crate::difference;

/// A founding in words.
#[must_use]
pub(crate) fn founding(establish: &CharterEstablish) -> String {
    of_document(serde_json::to_value(establish).unwrap_or_default())
}

fn of_document(mut document: Value) -> String {
    let (name, environment) =
        (take_name(&mut document, "/charter/name"), take(&mut document, "/environment"));
    let mut words = format!("{name} ({})\n", bare(&environment));
    roles(&mut document, &mut words);
    lists(&mut document, &mut words);
    bounds(&mut document, &mut words);
    server(&mut document, &mut words);
    participants(&mut document, &mut words);
    prune(&mut document);
    let rest = difference::between(&Value::Object(serde_json::Map::new()), &document);
    if !rest.is_empty() {
        words += "\nand, as the document has it:\n";
        rest.iter().for_each(|member| line(&mut words, &member.to_string()));
    }
    words
}

fn roles(document: &mut Value, words: &mut String) {
    *words += "\nwho signs and decides:\n";
    let holders = of_holders(document, "/charter/board");
    line(words, &format!("board (root.json and the top-level targets): {holders}"));
    let (quorum, electors) =
        (take(document, "/charter/assembly/quorum"), take_ids(document, "/charter/assembly/electors"));
    let voting = take_duration(document, "/charter/assembly/voting_seconds");
    line(
        words,
        &format!(
            "assembly (charter, participants, auditors): {quorum} approvals; electors {electors}; a vote is open for \
             {voting}"
        ),
    );
    let holders = of_holders(document, "/charter/admissions_officers");
    line(words, &format!("admissions officers (countersign registrations): {holders}"));
    let holders = of_holders(document, "/charter/registry/registrars");
    let validity = take_duration(document, "/charter/registry/validity_seconds");
    line(words, &format!("registrars (MO identifiers): {holders}; a registry is valid for {validity}"));
    let holders = of_holders(document, "/charter/notices/officers");
    let most = take(document, "/charter/notices/max_in_force");
    let longest = take_duration(document, "/charter/notices/max_duration_seconds");
    let validity = take_duration(document, "/charter/notices/validity_seconds");
    line(
        words,
        &format!(
            "emergency officers (suspend trust): {holders}; at most {most} notices in force, each for at most \
             {longest}; the document is valid for {validity}"
        ),
    );
    let watchers = if document.pointer("/charter/watchers").is_some_and(|watchers| !watchers.is_null()) {
        let threshold = take(document, "/charter/watchers/threshold");
        let holders = take_ids(document, "/charter/watchers/holders");
        format!("{holders}; {threshold} of their organisations confirm a breach")
    } else {
        "there are none".to_owned()
    };
    line(words, &format!("watchers (breaches and reports of service levels): {watchers}"));
}

fn lists(document: &mut Value, words: &mut String) {
    let lists = document.pointer("/charter/lists").and_then(Value::as_object);
    let ids: Vec<String> = lists.into_iter().flatten().map(|(id, _)| id.clone()).collect();
    for id in ids {
        let place = |member: &str| format!("/charter/lists/{id}/{member}");
        let _ = writeln!(words, "\nlist {id}, {}:", take_name(document, &place("name")));
        let electors = take_ids(document, &place("electors"));
        line(words, &format!("electors: {electors}"));
        let quorums: Vec<String> = [
            ("admit a root", "admit"),
            ("admit a cross-certificate", "admit_cross"),
            ("constrain", "constrain"),
            ("change a status", "change_status"),
            ("distrust", "distrust"),
        ]
        .iter()
        .map(|(what, member)| {
            let place = format!("{}/{member}", place("quorum"));
            format!("to {what} {}", take(document, &place))
        })
        .collect();
        line(words, &format!("approvals needed: {}", quorums.join(", ")));
        let discussion = take_duration(document, &place("discussion_seconds"));
        let voting = take_duration(document, &place("voting_seconds"));
        line(words, &format!("an application is discussed for {discussion}; a vote is open for {voting}"));
        let signers = of_holders(document, &place("signers"));
        line(words, &format!("signers: {signers}"));
        let policy = |document: &mut Value, member: &str| take(document, &place(&format!("policy/{member}")));
        let (name, version, sha256) =
            (policy(document, "name"), policy(document, "version"), policy(document, "sha256"));
        let policy = format!("{} {}, SHA-256 {}", shown_name(&name), shown_name(&version), bare(&sha256));
        line(words, &format!("policy: {policy}"));
        let evidence = take_ids(document, &place("required_evidence"));
        line(words, &format!("evidence that must be attached: {evidence}"));
        let validity = take_duration(document, &place("validity_seconds"));
        let take_up = take_duration(document, &place("take_up_seconds"));
        line(
            words,
            &format!(
                "a list is valid for {validity}; a new anchor is usable {take_up} after its first publication"
            ),
        );
    }
}

fn bounds(document: &mut Value, words: &mut String) {
    *words += "\nbounds:\n";
    let validity = |document: &mut Value, member: &str| {
        take_duration(document, &format!("/charter/validity/{member}_seconds"))
    };
    let (root, targets) = (validity(document, "root"), validity(document, "targets"));
    let (snapshot, timestamp) = (validity(document, "snapshot"), validity(document, "timestamp"));
    line(
        words,
        &format!(
            "validity: root.json {root}, targets.json {targets}, snapshot.json {snapshot}, timestamp.json {timestamp}"
        ),
    );
    let behind = take_duration(document, "/charter/limits/issued_behind_seconds");
    let (daily, open) = (
        take(document, "/charter/limits/statements_per_day"),
        take(document, "/charter/limits/open_applications"),
    );
    line(
        words,
        &format!(
            "a statement is recorded at most {behind} after it was signed; of one participant at most {daily} a day, \
             and {open} open applications"
        ),
    );
    let rules = take(document, "/charter/rules");
    line(words, &format!("rules: version {rules}"));
}

fn server(document: &mut Value, words: &mut String) {
    *words += "\nthe server's keys, none of which can change what is trusted:\n";
    let origin = take_name(document, "/charter/server/log_origin");
    for (member, what) in [
        ("log", format!("log {origin}")),
        ("recorder", "recorder".to_owned()),
        ("snapshot", "snapshot".to_owned()),
        ("timestamp", "timestamp".to_owned()),
    ] {
        let key = take_key(document, &format!("/charter/server/{member}"));
        line(words, &format!("{what}: key {key}"));
    }
    let threshold = take(document, "/charter/witnesses/threshold");
    let witnesses = take(document, "/charter/witnesses/witnesses");
    line(words, &format!("a device asks for the cosignatures of {threshold} witnesses of those named here"));
    for mut witness in items(witnesses) {
        let (name, key) = (take_name(&mut witness, "/name"), take_key(&mut witness, "/key"));
        line(words, &format!("witness {name}: key {key}{}", rest_of(witness)));
    }
}

fn participants(document: &mut Value, words: &mut String) {
    *words += "\nparticipants:\n";
    for mut one in items(take(document, "/participants")) {
        let (id, organisation) = (take(&mut one, "/id"), take(&mut one, "/organisation"));
        let (name, kinds) = (take_name(&mut one, "/name"), take_ids(&mut one, "/kinds"));
        let key = take_key(&mut one, "/key");
        let who = format!("{} of {}, {name} ({kinds})", bare(&id), bare(&organisation));
        line(words, &format!("{who}: key {key}{}", rest_of(one)));
    }
}

fn line(words: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(words, "  {text}");
}

/// Takes the member at a JSON pointer out of the document, so that what is left has not been told yet.
fn take(document: &mut Value, pointer: &str) -> Value {
    let Some((parent, member)) = pointer.rsplit_once('/') else { return Value::Null };
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.and_then(|members| members.remove(member)).unwrap_or_default()
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

fn take_name(document: &mut Value, pointer: &str) -> String {
    shown_name(&take(document, pointer))
}

fn take_ids(document: &mut Value, pointer: &str) -> String {
    let ids: Vec<String> = items(take(document, pointer)).iter().map(bare).collect();
    if ids.is_empty() { "nobody and nothing".into() } else { ids.join(", ") }
}

/// `2 of a, b, c`.
fn of_holders(document: &mut Value, pointer: &str) -> String {
    let threshold = take(document, &format!("{pointer}/threshold"));
    format!("{threshold} of {}", take_ids(document, &format!("{pointer}/holders")))
}

/// Seconds, exactly: `365 days 6 hours`.
fn take_duration(document: &mut Value, pointer: &str) -> String {
    let value = take(document, pointer);
    let Some(mut seconds) = value.as_u64() else { return difference::shown(&value) };
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
fn take_key(document: &mut Value, pointer: &str) -> String {
    let value = take(document, pointer);
    PublicKey::deserialize(&value).map_or_else(|_| difference::shown(&value), |key| key.key_id().to_string())
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

fn rest_of(mut item: Value) -> String {
    prune(&mut item);
    let told = item.as_object().is_some_and(serde_json::Map::is_empty);
    if told { String::new() } else { format!("; and {}", difference::shown(&item)) }
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
    use proptest::prelude::*;
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;

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
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.contains("as the document has it"), "everything has its words:\n{text}");
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
