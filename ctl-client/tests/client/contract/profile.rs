//! Chains that no honest PKI issues, under a root that is trusted; and those of ISO 15118-20.

use ctl_sandbox::shape::{Key, Shape};

use super::*;

const ROOT: &str = "CN=Shaped Root CA,DC=MO,O=Shaped,C=DE";
const SUBS: [&str; 2] = ["CN=Shaped MO Sub1 CA,O=Shaped", "CN=Shaped MO Sub2 CA,O=Shaped"];
const CONTRACT: &str = "CN=DESBXC00000001,DC=MO,O=Shaped";

type MakeKey = fn(&str) -> Result<Key, ctl_sandbox::SandboxError>;

/// A chain, each certificate of which may be changed before it is signed: root, two sub-CAs, contract.
fn chain(key: MakeKey, contract: &str, change: impl Fn(usize, Shape) -> Shape) -> Vec<Certificate> {
    let keys = ["root", "sub1", "sub2", "contract"].map(|label| key(label).unwrap());
    let shapes = [
        Shape::ca(ROOT, &keys[0], None).unwrap(),
        Shape::ca(SUBS[0], &keys[1], Some(1)).unwrap(),
        Shape::ca(SUBS[1], &keys[2], Some(0)).unwrap(),
        Shape::new(contract, &keys[3]).unwrap().key_usage(&[0, 1, 2, 4]),
    ];
    let issuers = [(ROOT, 0), (ROOT, 0), (SUBS[0], 1), (SUBS[1], 2)];
    let signed = shapes.into_iter().zip(issuers).enumerate().map(|(at, (shape, (issuer, by)))| {
        let shape = change(at, shape);
        if at == 0 { shape.self_signed().unwrap() } else { shape.signed_by(issuer, &keys[by]).unwrap() }
    });
    signed.collect()
}

/// What a device says that trusts the chain's root for contracts of one standard.
fn presented_under(standard: &str, chain: &[Certificate]) -> Verdict {
    let mut root = anchor_with("gamma", &chain[0]);
    root["uses"] = json!([{ "purpose": "mo", "standard": standard }]);
    let mut repository = scheme();
    repository.set_list(&na(), vec![anchor("alpha"), root]);
    repository.publish(&na());
    repository.refresh();
    judged(&Device::synced(&repository), &pem(chain[1..].iter().rev()))
}

#[test]
fn a_contract_belongs_to_the_standard_of_its_key() {
    let unchanged = |_, shape| shape;
    let two = chain(Key::p256, CONTRACT, unchanged);
    let twenty = chain(Key::p521, CONTRACT, unchanged);
    for (chain, standard, other) in
        [(&two, "iso15118-2", "iso15118-20"), (&twenty, "iso15118-20", "iso15118-2")]
    {
        let verdict = presented_under(standard, chain);
        assert!(verdict.is_accepted() && verdict.rules == standard, "{verdict}");
        assert_eq!(refused(&presented_under(other, chain)).0, Code::NotTrusted);
    }
    // The older form of an eMAID names its operator as well.
    let older = chain(Key::p256, "CN=DE*SBX*123456*7,DC=MO,O=Shaped", unchanged);
    let verdict = presented_under("iso15118-2", &older);
    assert!(verdict.is_accepted() && verdict.emaid.as_deref() == Some("DESBX1234567"), "{verdict}");
}

#[test]
fn what_a_trusted_pki_must_not_issue_is_refused_by_what_is_wrong_with_it() {
    type Change = fn(usize, Shape) -> Shape;
    let unknown: Change =
        |at, shape| if at == 3 { shape.extension("1.3.6.1.4.1.99999.1", true, &[5, 0]) } else { shape };
    let no_signing: Change = |at, shape| if at == 3 { shape.key_usage(&[2]) } else { shape };
    let sub_signs_nothing: Change = |at, shape| if at == 2 { shape.key_usage(&[6]) } else { shape };
    let leaf_is_ca: Change = |at, shape| if at == 3 { shape.key_usage(&[0, 1, 2, 4, 5]) } else { shape };
    let unchanged: Change = |_, shape| shape;
    for (what, contract, change, code) in [
        ("critical extension", CONTRACT, unknown, Code::Path),
        ("a key that may not sign", CONTRACT, no_signing, Code::Profile),
        ("a sub-CA that may not issue", CONTRACT, sub_signs_nothing, Code::Path),
        ("a contract that may issue", CONTRACT, leaf_is_ca, Code::Profile),
        ("a charger's purpose", "CN=DESBXC00000001,DC=CPO,O=Shaped", unchanged, Code::Profile),
        ("no eMAID", "CN=somebody,DC=MO,O=Shaped", unchanged, Code::NoEmaid),
    ] {
        let verdict = presented_under("iso15118-2", &chain(Key::p256, contract, change));
        let found: Vec<Code> = verdict.reasons.iter().filter(|one| one.refuses).map(|one| one.code).collect();
        assert_eq!(found, [code], "{what}: {verdict}");
        assert_eq!(verdict.certificate_status, CertificateStatus::CertChainError, "{what}");
    }
    // A charger's certificate is no contract, though its name may be read as an eMAID, whatever the standard asks of keys.
    for (key, standard) in [(Key::p256 as MakeKey, "iso15118-2"), (Key::p521, "iso15118-20")] {
        let charger: Change = |at, shape| if at == 3 { shape.key_usage(&[0, 4]) } else { shape };
        let verdict = presented_under(standard, &chain(key, "CN=DESBXS00000001,DC=CPO,O=Shaped", charger));
        assert_eq!(refused(&verdict).0, Code::Profile, "{verdict}");
    }
    // Which of several keys counts: the leaf's, and it may not stand under keys of the other standard.
    let strange = |label: &str| if label == "contract" { Key::p256(label) } else { Key::p521(label) };
    let verdict = presented_under("iso15118-2", &chain(strange, CONTRACT, unchanged));
    assert_eq!(refused(&verdict).0, Code::Profile, "{verdict}");
}
