//! A list of ours to write in other forms: four roots, among them one with several uses and one that plain certificates
//! cannot carry.

use ctl_core::list::{Identifiers, ListAnchor, ListCrossCertificate, ListPayload, LogRef};
use ctl_core::names::Environment;
use ctl_core::parts::{
    AnchorStatus, Constraints, Der, DistrustKind, Distrusted, PolicyRef, Purpose, Services, Standard, Use,
};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_sandbox::{Edition, specimen};

pub const V2G: &str = "v2g-root";
pub const MO: &str = "mo-root";
pub const OEM: &str = "oem-root";

pub fn root(name: &str, edition: Edition) -> Certificate {
    specimen(name, edition).unwrap().unwrap().certificate
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub const fn of(purpose: Purpose, standard: Standard) -> Use {
    Use { standard, purpose }
}

pub fn anchor(certificate: &Certificate, status: AnchorStatus, uses: &[Use]) -> ListAnchor {
    let mut uses = uses.to_vec();
    uses.sort();
    ListAnchor {
        certificate: Der(certificate.der().to_vec()),
        constraints: Constraints::default(),
        decision: 3,
        fingerprint: Digest::from_bytes(certificate.sha256()),
        identifiers: Identifiers::of(certificate),
        name: certificate.common_name().unwrap().parse().unwrap(),
        operator: "aurora".parse().unwrap(),
        services: Services::default(),
        since: time("2026-05-01T00:00:00Z"),
        status,
        uses,
    }
}

/// A version of the list with these anchors, as readers take it.
pub fn list(mut anchors: Vec<ListAnchor>) -> ListPayload {
    anchors.sort_by_key(|anchor| anchor.fingerprint);
    ListPayload {
        anchors,
        cross_certificates: Vec::new(),
        distrusted: Vec::new(),
        environment: Environment::Test,
        format: ListPayload::FORMAT,
        issued_at: time("2026-11-01T12:00:00Z"),
        list: "na".parse().unwrap(),
        log: LogRef { origin: "ctl.example/log".parse().unwrap(), root_hash: Digest::of(b"log"), size: 9 },
        next_update: time("2026-12-01T12:00:00Z"),
        policy: PolicyRef {
            name: "base".parse().unwrap(),
            sha256: Digest::of(b"policy"),
            version: "1.0.0".parse().unwrap(),
        },
        previous: Digest::of(b"before"),
        scheme: Digest::of(b"scheme"),
        sequence: 7,
        r#type: ListPayload::TYPE.to_owned(),
    }
}

/// The V2G root for two chains and both standards, the MO root on notice, the OEM root for vehicles too, the root of
/// ISO 15118-20 under a constraint; a cross-certificate and a key that must not be used.
pub fn mixed() -> ListPayload {
    let [v2g, mo, oem] = [V2G, MO, OEM].map(|name| root(name, Edition::Iso2));
    let (two, twenty) = (Standard::Iso15118_2, Standard::Iso15118_20);
    let mut constrained =
        anchor(&root(V2G, Edition::Iso20), AnchorStatus::Usable, &[of(Purpose::V2g, twenty)]);
    constrained.constraints.set_time(Constraints::NOT_ISSUED_AFTER, time("2027-01-01T00:00:00Z"), true);
    let mut warned = anchor(&mo, AnchorStatus::Warning, &[of(Purpose::Mo, two)]);
    warned.constraints.set_time(Constraints::NOT_TRUSTED_AFTER, time("2028-01-01T00:00:00Z"), false);
    let uses = [of(Purpose::V2g, two), of(Purpose::V2g, twenty), of(Purpose::Mo, two)];
    let mut list = list(vec![
        anchor(&v2g, AnchorStatus::Qualified, &uses),
        warned,
        anchor(&oem, AnchorStatus::Deprecated, &[of(Purpose::Oem, twenty), of(Purpose::Vehicle, twenty)]),
        constrained,
    ]);
    list.cross_certificates.push(ListCrossCertificate {
        certificate: Der(v2g.der().to_vec()),
        decision: 4,
        fingerprint: Digest::of(b"cross"),
        issuer: Digest::from_bytes(mo.sha256()),
        name: "Bridge".parse().unwrap(),
        since: time("2026-05-01T00:00:00Z"),
        status: AnchorStatus::Usable,
        subject: Digest::from_bytes(v2g.sha256()),
    });
    list.distrusted.push(Distrusted { kind: DistrustKind::Spki, sha256: Digest::of(b"a key") });
    list
}
