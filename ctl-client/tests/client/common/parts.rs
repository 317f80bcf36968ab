//! Names, keys, roots, and what stands on lists.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ctl_core::keys::{Algorithm, PrivateKey, PublicKey};
use ctl_core::list::{Identifiers, ListAnchor};
use ctl_core::log::note::{KeyRole, NoteKey};
use ctl_core::parts::{AnchorStatus, Constraints, Der, Purpose, Services, Standard, Use};
use ctl_core::role::Role;
use ctl_core::tuf::KeyHolders;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use serde_json::{Value, json};

pub const DAY: u64 = 86_400;
pub const ORIGIN: &str = "log.example/v2g";

pub fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub fn na() -> Role {
    Role::List("na".parse().unwrap())
}

pub fn eu() -> Role {
    Role::List("eu".parse().unwrap())
}

pub fn key(n: u8) -> PrivateKey {
    let ed25519 = n % 2 == 1 || matches!(n, 12 | 60 | 61);
    PrivateKey::from_seed(if ed25519 { Algorithm::EdDsa } else { Algorithm::Es256 }, &[n; 32]).unwrap()
}

pub fn note_signer(n: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[n; 32])
}

pub fn note_key<R: KeyRole>(name: &str, n: u8) -> String {
    NoteKey::<R>::new(name, note_signer(n).verifying_key()).unwrap().to_string()
}

pub fn holders(threshold: u32, keys: &[u8]) -> KeyHolders {
    KeyHolders { threshold, keys: keys.iter().map(|n| key(*n).public_key()).collect() }
}

/// Pretend roots, made once: alpha and beta for V2G, gamma for MO.
pub fn roots() -> &'static BTreeMap<&'static str, Certificate> {
    static ROOTS: OnceLock<BTreeMap<&'static str, Certificate>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let not_before = start().minus_seconds(30 * DAY).unix();
        [("alpha", PkiKind::V2g), ("beta", PkiKind::V2g), ("gamma", PkiKind::Mo), ("evil", PkiKind::V2g)]
            .map(|(name, kind)| {
                let spec = PkiSpec::new(kind, name, "DE", name, "client tests", not_before);
                (name, Pki::generate(&spec).unwrap().root().certificate().clone())
            })
            .into()
    })
}

pub fn fingerprint(name: &str) -> Digest {
    Digest::from_bytes(roots()[name].sha256())
}

pub fn spki(name: &str) -> Digest {
    Digest::from_bytes(roots()[name].spki_sha256())
}

/// An anchor as it stands on a list. Gamma is for MO, all others for V2G.
pub fn anchor(name: &str) -> Value {
    anchor_with(name, &roots()[name])
}

/// The same with another certificate.
pub fn anchor_with(name: &str, certificate: &Certificate) -> Value {
    let purpose = if name == "gamma" { Purpose::Mo } else { Purpose::V2g };
    let anchor = ListAnchor {
        certificate: Der(certificate.der().to_vec()),
        constraints: Constraints::default(),
        decision: 0,
        fingerprint: Digest::from_bytes(certificate.sha256()),
        identifiers: Identifiers::of(certificate),
        name: name.parse().unwrap(),
        operator: name.parse().unwrap(),
        services: Services::default(),
        since: start(),
        status: AnchorStatus::Usable,
        uses: vec![Use { standard: Standard::Iso15118_2, purpose }],
    };
    serde_json::to_value(anchor).unwrap()
}

/// The same with a constraint.
pub fn constrained(name: &str, constraint: &str, value: Value, critical: bool) -> Value {
    let mut anchor = anchor(name);
    anchor["constraints"][constraint] = json!({ "critical": critical, "value": value });
    anchor
}

pub fn distrusted(kind: &str, sha256: Digest) -> Value {
    json!({ "kind": kind, "sha256": sha256 })
}

pub fn notice(index: u64, list: &str, name: &str, expires_at: Timestamp) -> Value {
    json!({
        "anchor": fingerprint(name), "expires_at": expires_at, "issued_at": start(), "list": list,
        "notice": index, "reason": "key-compromise", "spki": spki(name),
    })
}
pub fn public(n: u8) -> PublicKey {
    key(n).public_key()
}
