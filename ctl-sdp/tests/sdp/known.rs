//! From what the client verified: constraints of roots, notices, damage and age.

use std::collections::{BTreeMap, BTreeSet};

use ctl_client::ask::Known;
use ctl_client::store::TrustStore;
use ctl_core::list::{Identifiers, ListAnchor, ListPayload, LogRef};
use ctl_core::names::{Environment, MoId};
use ctl_core::parts::{
    AnchorStatus, Constraint, Constraints, Der, DistrustKind, Distrusted, PolicyRef, Purpose, Services,
    Standard, Use,
};
use ctl_core::role::Role;
use ctl_core::tuf::Clock;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use ctl_sdp::known::conclude;
use ctl_sdp::supported::Agreements;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

fn root(kind: PkiKind, name: &str) -> Certificate {
    let spec = PkiSpec::new(kind, name, "DE", name, "sdp tests", NOW - 86_400);
    Pki::generate(&spec).unwrap().root().certificate().clone()
}

fn anchor(root: &Certificate, purpose: Purpose, mo_ids: Option<Value>) -> ListAnchor {
    let constraint = |value| (Constraints::MO_IDS.to_owned(), Constraint { critical: true, value });
    ListAnchor {
        certificate: Der(root.der().to_vec()),
        constraints: Constraints(mo_ids.map(constraint).into_iter().collect()),
        decision: 1,
        fingerprint: Digest::from_bytes(root.sha256()),
        identifiers: Identifiers::of(root),
        name: "Root A".parse().unwrap(),
        operator: "operator-a".parse().unwrap(),
        services: Services::default(),
        since: Timestamp::from_unix(NOW - 1000),
        status: AnchorStatus::Usable,
        uses: vec![Use { standard: Standard::Iso15118_2, purpose }],
    }
}

fn known(anchors: Vec<ListAnchor>, distrusted: Vec<Distrusted>) -> Known {
    let list = ListPayload {
        anchors,
        cross_certificates: vec![],
        distrusted,
        environment: Environment::Test,
        format: ListPayload::FORMAT,
        issued_at: Timestamp::from_unix(NOW - 1000),
        list: "na".parse().unwrap(),
        log: LogRef { origin: "log.example/na".parse().unwrap(), root_hash: Digest::ZERO, size: 9 },
        next_update: Timestamp::from_unix(NOW + 1000),
        policy: PolicyRef {
            name: "policy".parse().unwrap(),
            sha256: Digest::ZERO,
            version: "1".parse().unwrap(),
        },
        previous: Digest::ZERO,
        scheme: Digest::ZERO,
        sequence: 1,
        r#type: ListPayload::TYPE.into(),
    };
    let clock = Clock::Known(Timestamp::from_unix(NOW));
    Known {
        trust: TrustStore::new(&[&list], &[], &BTreeMap::new(), clock),
        lists: vec![list],
        notices: vec![],
        registry: None,
        damaged: vec![],
        local: vec![],
        sinks: vec![],
        clock,
    }
}

fn with(ids: &[&str]) -> Agreements {
    Agreements::With(ids.iter().map(|id| id.parse().unwrap()).collect())
}

fn supported(known: &Known) -> BTreeSet<String> {
    let known = conclude(&with(&["DE8AA", "USEVG"]), known, vec![]).unwrap();
    let ids = known.supported.standings().keys().filter(|id| known.supported.contains(id));
    ids.map(MoId::to_string).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_root_vouches_for_contracts_only_as_far_as_the_list_says() {
    let mo = root(PkiKind::Mo, "alpha");
    let of = |purpose, mo_ids| known(vec![anchor(&mo, purpose, mo_ids)], vec![]);
    assert_eq!(supported(&of(Purpose::Mo, None)), set(&["DE8AA", "USEVG"]));
    assert_eq!(supported(&of(Purpose::Mo, Some(json!(["USEVG"])))), set(&["USEVG"]));
    assert_eq!(supported(&of(Purpose::V2g, None)), set(&[]), "a root for chargers vouches for no contract");
    assert_eq!(supported(&known(vec![], vec![])), set(&[]));
    let distrusted = Distrusted { kind: DistrustKind::Spki, sha256: Digest::from_bytes(mo.spki_sha256()) };
    assert_eq!(supported(&known(vec![anchor(&mo, Purpose::Mo, None)], vec![distrusted])), set(&[]));
}

#[test]
fn what_is_damaged_concludes_nothing_and_what_is_late_or_missing_is_told() {
    let mo = root(PkiKind::Mo, "alpha");
    let mut known = known(vec![anchor(&mo, Purpose::Mo, None)], vec![]);
    let concluded = conclude(&with(&["DE8AA"]), &known, vec!["as before".into()]).unwrap();
    assert_eq!(concluded.warnings.len(), 2, "{:?}", concluded.warnings);
    assert!(concluded.warnings[1].contains("registry = true"));
    known.clock = Clock::Known(Timestamp::from_unix(NOW + 2000));
    let late = conclude(&with(&["DE8AA"]), &known, vec![]).unwrap();
    assert!(late.warnings[0].contains("list na is past its next update"), "{:?}", late.warnings);
    assert!(late.supported.contains(&"DE8AA".parse().unwrap()), "it stays in force");
    known.damaged = vec![Role::Registry];
    let error = conclude(&with(&["DE8AA"]), &known, vec![]).unwrap_err();
    assert!(error.contains("registry") && error.contains("run ctl-client sync"), "{error}");
}
