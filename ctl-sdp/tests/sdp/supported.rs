//! Who is supported: agreements, registry and roots, and the lists that operators have.

use std::collections::BTreeSet;

use ctl_core::list::LogRef;
use ctl_core::names::MoId;
use ctl_core::parts::MoStatus;
use ctl_core::registry::{RegistryDocument, RegistryEntry};
use ctl_core::{Digest, Timestamp};
use ctl_sdp::agreements::read::read;
use ctl_sdp::supported::{Agreements, MoRoot, Standing, Supported};

fn set(ids: &[&str]) -> BTreeSet<MoId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

fn registry(entries: &[(&str, MoStatus)]) -> RegistryDocument {
    let entry = |(id, status): &(&str, MoStatus)| RegistryEntry {
        decision: 3,
        holder: "mo-one".parse().unwrap(),
        id: id.parse().unwrap(),
        name: "An operator".parse().unwrap(),
        since: Timestamp::from_unix(1_700_000_000),
        source: "bdew".parse().unwrap(),
        status: *status,
    };
    RegistryDocument {
        environment: ctl_core::names::Environment::Test,
        format: RegistryDocument::FORMAT,
        identifiers: entries.iter().map(entry).collect(),
        issued_at: Timestamp::from_unix(1_700_000_000),
        log: LogRef { origin: "log.example/na".parse().unwrap(), root_hash: Digest::ZERO, size: 9 },
        next_update: Timestamp::from_unix(1_800_000_000),
        previous: Digest::ZERO,
        scheme: Digest::ZERO,
        sequence: 1,
        r#type: RegistryDocument::TYPE.into(),
    }
}

fn any() -> Vec<MoRoot> {
    vec![MoRoot { name: "Root A".into(), only: None }]
}

#[test]
fn withdrawn_and_suspended_identifiers_are_out_and_unknown_ones_are_told() {
    let registry = registry(&[
        ("DE8AA", MoStatus::Assigned),
        ("NLXYZ", MoStatus::Withdrawn),
        ("USEVG", MoStatus::Suspended),
    ]);
    let agreements = Agreements::With(set(&["DE8AA", "FRABC", "NLXYZ", "USEVG"]));
    let supported = Supported::new(&agreements, Some(&registry), &any()).unwrap();
    let words: Vec<_> =
        supported.standings().iter().map(|(id, standing)| (id.as_str(), standing.word())).collect();
    let expected =
        [("DE8AA", "supported"), ("FRABC", "unknown"), ("NLXYZ", "withdrawn"), ("USEVG", "suspended")];
    assert_eq!(words, expected);
    for (id, word) in expected {
        assert_eq!(supported.contains(&id.parse().unwrap()), matches!(word, "supported" | "unknown"), "{id}");
    }
    assert!(!supported.contains(&"ITNOT".parse().unwrap()), "no agreement");
}

#[test]
fn all_of_the_registry_is_everybody_in_use_and_cannot_be_had_without_one() {
    let registry = registry(&[("DE8AA", MoStatus::Assigned), ("NLXYZ", MoStatus::Withdrawn)]);
    let supported = Supported::new(&Agreements::Registry, Some(&registry), &any()).unwrap();
    assert!(supported.contains(&"DE8AA".parse().unwrap()) && !supported.contains(&"NLXYZ".parse().unwrap()));
    let error = Supported::new(&Agreements::Registry, None, &any()).unwrap_err();
    assert!(error.contains("registry = true"), "{error}");
    let alone = Supported::new(&Agreements::With(set(&["DE8AA"])), None, &any()).unwrap();
    assert_eq!(
        alone.standings().values().next(),
        Some(&Standing::Supported),
        "nobody is unknown to no registry"
    );
}

#[test]
fn whose_contracts_can_end_in_no_trusted_root_does_not_work_here() {
    let agreements = Agreements::With(set(&["DE8AA", "USEVG"]));
    let only = |name: &str, ids: &[&str]| MoRoot { name: name.into(), only: Some(set(ids)) };
    let standing = |roots: &[MoRoot], id: &str| {
        let supported = Supported::new(&agreements, None, roots).unwrap();
        supported.standings().get(&id.parse().unwrap()).unwrap().clone()
    };
    let told = standing(&[], "DE8AA").to_string();
    assert!(told.contains("no root is trusted here for contracts"), "{told}");
    let roots = [only("Root A", &["USEVG"]), only("Root B", &["FRABC"])];
    assert_eq!(standing(&roots, "USEVG"), Standing::Supported);
    let told = standing(&roots, "DE8AA").to_string();
    assert!(told.contains("Root A, Root B") && told.contains("mo_ids"), "{told}");
    let open = [only("Root A", &["USEVG"]), any().remove(0)];
    assert_eq!(standing(&open, "DE8AA"), Standing::Supported);
    assert!(matches!(standing(&[only("unreadable", &[])], "DE8AA"), Standing::NoRoot { .. }));
}

#[test]
fn lists_are_read_as_operators_have_them() {
    let both = set(&["DE8AA", "USEVG"]);
    for text in [
        "# ours\nDE8AA\nus-evg # a comment\n",
        "DE8AA, USEVG;DE8AA",
        r#"["DE-8AA", "USEVG"]"#,
        r#"{"data": [{"country_code": "DE", "party_id": "8AA", "role": "EMSP", "status": "CONNECTED"},
                     {"country_code": "US", "party_id": "EVG"}], "status_code": 1000}"#,
        r#"{"token": "x", "roles": [{"role": "EMSP", "country_code": "DE", "party_id": "8AA"},
                     {"role": "EMSP", "country_code": "us", "party_id": "evg"},
                     {"role": "CPO", "country_code": "DE", "party_id": "CPO"}]}"#,
        r#"{"content": [{"ProviderID": "DE*8AA"}, {"ProviderID": "US-EVG"}], "number": 0}"#,
        r#"{"ProviderIDs": ["DE8AA", "USEVG"]}"#,
    ] {
        let read = read(text.as_bytes()).unwrap();
        assert_eq!((read.with, read.problems), (both.clone(), vec![]), "{text}");
    }
    assert_eq!(read(b"").unwrap().with, set(&[]), "an empty list is a list");
    assert_eq!(read(b"[]").unwrap().with, set(&[]));
}

#[test]
fn one_mistake_is_told_and_a_page_of_error_is_no_list() {
    let mixed = read(b"DE8AA\nnonsense!\nUSEVG").unwrap();
    assert_eq!(mixed.with, set(&["DE8AA", "USEVG"]));
    assert!(mixed.problems.iter().any(|problem| problem.starts_with("line 2: \"nonsense!\"")));
    let planned = br#"[{"country_code":"DE","party_id":"8AA"},{"country_code":"NL","party_id":"XYZ","status":"PLANNED"}]"#;
    let planned = read(planned).unwrap();
    assert_eq!((planned.with, planned.problems.len()), (set(&["DE8AA"]), 1));
    for bad in [
        "<html>502 Bad Gateway</html>",
        r#"{"error": "unauthorized"}"#,
        r#"{"data": [], "roles": []}"#,
        "internal server error",
        "[1, 2]",
        r#"[{"party_id": "8AA"}]"#,
        "{",
        "\u{feff}\0",
    ] {
        assert!(read(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(read(&[0xff, 0xfe]).is_err() && read(&vec![b' '; 5_000_000]).is_err());
}
