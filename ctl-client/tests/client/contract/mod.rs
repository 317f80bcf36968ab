//! A vehicle presents a contract: what a charger that has synced says of it, and why.

mod profile;
mod program;
mod revocation;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;

use ctl_client::ask::Known;
use ctl_client::contract::{CertificateStatus, Code, Contracts, Evidence, Standing, Strictness, Verdict};
use ctl_core::role::Role;
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, Role as Entity, cross_certify};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::device::Options;
use crate::common::*;

fn spec(name: &str) -> PkiSpec {
    let kind = if name == "gamma" { PkiKind::Mo } else { PkiKind::V2g };
    PkiSpec::new(kind, name, "DE", name, "client tests", start().minus_seconds(30 * DAY).unix())
}

fn pki(name: &str) -> Pki {
    Pki::generate(&spec(name)).unwrap()
}

/// The contract of a PKI with its sub-CAs, as a vehicle presents it.
fn presented(pki: &Pki) -> Vec<&Certificate> {
    pki.chain(Entity::Contract).into_iter().take(3).collect()
}

fn pem<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Vec<u8> {
    certificates.into_iter().map(Certificate::to_pem).collect::<String>().into_bytes()
}

fn registered(repository: &mut Repository, status: &str) {
    let entry = json!({
        "decision": 0, "holder": "sbx-mobility", "id": "DESBX", "name": "Sandbox Mobility", "since": start(),
        "source": "bdew", "status": status,
    });
    repository.documents.get_mut(&Role::Registry).unwrap()["identifiers"] = json!([entry]);
    repository.publish(&Role::Registry);
    repository.refresh();
}

/// A scheme in which DESBX is in use.
fn scheme() -> Repository {
    let mut repository = Repository::new();
    registered(&mut repository, "assigned");
    repository
}

fn judged(device: &Device, chain: &[u8]) -> Verdict {
    judged_with(device, chain, &Evidence::default())
}

fn judged_with(device: &Device, chain: &[u8], evidence: &Evidence) -> Verdict {
    let verdict =
        Contracts::new(device.client.known().unwrap()).judge(chain, evidence, Strictness::default());
    // Never accepted with a reason against it, never refused without; and each reason says what to do.
    assert_eq!(verdict.is_accepted(), verdict.refusal().is_none());
    assert!(verdict.reasons.iter().all(|reason| !reason.what.is_empty() && !reason.advice.is_empty()));
    verdict
}

/// What decides against it, and how OCPP calls it.
fn refused(verdict: &Verdict) -> (Code, CertificateStatus) {
    let refusal = verdict.refusal().unwrap_or_else(|| panic!("accepted: {verdict}"));
    (refusal.code, verdict.certificate_status)
}

#[test]
fn a_contract_under_a_listed_root_is_accepted_however_it_is_written() {
    let device = Device::synced(&scheme());
    let gamma = pki("gamma");
    let chain = presented(&gamma);
    let der = chain.iter().flat_map(|one| one.der().to_vec()).collect();
    let backwards = pem(chain.iter().rev().copied());
    let with_root = pem(gamma.chain(Entity::Contract));
    let with_text = [b"Contract of the car\n".to_vec(), pem(chain.iter().copied())].concat();
    for written in [pem(chain.iter().copied()), der, backwards, with_root, with_text] {
        let verdict = judged(&device, &written);
        assert!(verdict.is_accepted(), "{verdict}");
        assert_eq!(verdict.emaid.as_deref(), chain[0].common_name());
        assert_eq!(verdict.mo.as_ref().unwrap().holder.as_str(), "sbx-mobility");
        assert_eq!(verdict.root.as_ref().unwrap().sha256, fingerprint("gamma"));
        assert_eq!(verdict.chain.len(), 3);
        // That nobody looked for a revocation is told.
        assert!(verdict.chain.iter().all(|member| member.revocation == Standing::NotAsked));
        assert!(verdict.reasons.iter().any(|reason| reason.code == Code::RevocationNotAsked));
    }
    let contracts = Contracts::new(device.client.known().unwrap());
    let strict = Strictness { unknown_refuses: true };
    let verdict = contracts.judge(&pem(chain), &Evidence::default(), strict);
    assert_eq!(refused(&verdict), (Code::RevocationNotAsked, CertificateStatus::CertChainError));
}

#[test]
fn each_thing_that_is_wrong_with_a_chain_has_a_word_of_its_own() {
    let device = Device::synced(&scheme());
    let (gamma, evil, alpha) = (pki("gamma"), pki("evil"), pki("alpha"));
    let chain = presented(&gamma);
    let mut forged = chain[0].der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = [forged, chain[1].der().to_vec(), chain[2].der().to_vec()].concat();
    let two = [gamma.get(Entity::MoSub2).unwrap().certificate(), chain[0], alpha.chain(Entity::Secc)[0]];
    use CertificateStatus::{CertChainError, NoCertificateAvailable, SignatureError};
    let cases: [(&str, Vec<u8>, Code, CertificateStatus); 10] = [
        ("another root", pem(presented(&evil)), Code::UnknownRoot, CertChainError),
        ("its root in tow", pem(evil.chain(Entity::Contract)), Code::UnknownRoot, CertChainError),
        ("a sub-CA is missing", pem([chain[0], chain[2]]), Code::UnknownRoot, CertChainError),
        ("root for chargers only", pem(presented(&alpha)), Code::NotTrusted, CertChainError),
        ("a charger's", pem(alpha.chain(Entity::Secc)), Code::NotTrusted, CertChainError),
        ("forged", forged, Code::Signature, SignatureError),
        ("nothing", Vec::new(), Code::NoCertificate, NoCertificateAvailable),
        ("only CAs", pem(chain[1..].iter().copied()), Code::NoCertificate, NoCertificateAvailable),
        ("two leaves", pem(two), Code::NoCertificate, NoCertificateAvailable),
        ("too much", vec![b' '; 70_000], Code::NoCertificate, NoCertificateAvailable),
    ];
    for (what, bytes, code, status) in cases {
        let verdict = judged(&device, &bytes);
        assert_eq!(refused(&verdict), (code, status), "{what}: {verdict}");
    }
    // A key in the file is not looked at, and told.
    let key = gamma.get(Entity::Contract).unwrap().key_pkcs8_pem().unwrap();
    let verdict = judged(&device, &[pem(chain), key.clone().into_bytes()].concat());
    assert!(verdict.is_accepted());
    assert!(verdict.reasons.iter().any(|reason| reason.what.contains("private key")), "{verdict}");
    assert!(!verdict.to_string().contains(key.lines().nth(1).unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever is changed of a chain, or put in its place, is refused for some reason, and nothing panics.
    #[test]
    fn a_chain_of_which_one_bit_is_another_is_never_accepted(
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        strange in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        static CONTRACTS: OnceLock<(Known, Vec<u8>)> = OnceLock::new();
        let (known, chain) = CONTRACTS.get_or_init(|| {
            let gamma = pki("gamma");
            let chain = presented(&gamma).iter().flat_map(|one| one.der().to_vec()).collect();
            (Device::synced(&scheme()).client.known().unwrap(), chain)
        });
        let contracts = Contracts::new(known.clone());
        let judge = |bytes: &[u8]| contracts.judge(bytes, &Evidence::default(), Strictness::default());
        prop_assert!(judge(chain).is_accepted());
        let mut changed = chain.clone();
        changed[place.index(chain.len())] ^= 1 << bit;
        prop_assert!(!judge(&changed).is_accepted());
        prop_assert!(!judge(&strange).is_accepted());
        prop_assert!(!judge(&[&chain[..place.index(chain.len())], &strange].concat()).is_accepted());
    }
}

#[test]
fn what_is_over_or_not_yet_begun_is_refused_and_a_missing_clock_is_no_way_out() {
    let gamma = pki("gamma");
    let chain = pem(presented(&gamma));
    let device = Device::synced(&scheme());
    device.now.set(start().plus_seconds(720 * DAY));
    let verdict = judged(&device, &chain);
    assert_eq!(refused(&verdict), (Code::Expired, CertificateStatus::CertificateExpired));
    assert!(verdict.reasons.iter().any(|reason| reason.code == Code::ListOverdue), "{verdict}");

    let later = PkiSpec { not_before: start().plus_seconds(DAY).unix(), ..spec("gamma") };
    let later = Pki::generate(&later).unwrap();
    let mut repository = scheme();
    repository.set_list(&na(), vec![anchor_with("gamma", later.root().certificate())]);
    repository.publish(&na());
    repository.refresh();
    let device = Device::synced(&repository);
    assert_eq!(refused(&judged(&device, &pem(presented(&later)))).0, Code::NotYetValid);

    // Without a clock nothing is too new, and what ended before the last signed time is over.
    let mut device = Device::with(&repository, Options { clock: false, ..Options::default() });
    device.sync(&repository);
    let verdict = judged(&device, &pem(presented(&later)));
    assert!(verdict.is_accepted(), "{verdict}");
    assert!(verdict.reasons.iter().any(|reason| reason.code == Code::NoClock));
    repository.pass(800 * DAY);
    repository.publish_all();
    repository.set_list(&na(), vec![anchor_with("gamma", later.root().certificate())]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    assert_eq!(refused(&judged(&device, &pem(presented(&later)))).0, Code::Expired);
}

#[test]
fn the_registry_takes_contracts_away_and_gives_none() {
    let gamma = pki("gamma");
    let chain = pem(presented(&gamma));
    let mut repository = scheme();
    let mut device = Device::synced(&repository);
    for (status, code) in [("suspended", Code::MoSuspended), ("withdrawn", Code::MoWithdrawn)] {
        repository.pass(60);
        registered(&mut repository, status);
        device.sync(&repository);
        assert_eq!(refused(&judged(&device, &chain)), (code, CertificateStatus::ContractCancelled));
        // A registered operator helps no unknown root.
        assert_eq!(refused(&judged(&device, &pem(presented(&pki("evil"))))).0, Code::UnknownRoot);
    }
    let device = Device::synced(&Repository::new());
    let verdict = judged(&device, &chain);
    assert!(verdict.is_accepted() && verdict.mo.is_none());
    assert!(verdict.reasons.iter().any(|reason| reason.code == Code::MoUnknown), "{verdict}");
}

/// What a device says of gamma's contract when gamma stands on its list in this way.
fn with_anchor(anchor: Value) -> Verdict {
    let mut repository = scheme();
    repository.set_list(&na(), vec![super::common::anchor("alpha"), anchor]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::new(&repository);
    // A root that a bundle cannot express leaves that bundle empty, which the sync tells.
    assert!(device.sync(&repository).is_complete());
    judged(&device, &pem(presented(&pki("gamma"))))
}

#[test]
fn what_the_list_says_of_the_root_holds_for_the_contract() {
    let constrained = |name, value| with_anchor(constrained("gamma", name, value, true));
    assert!(constrained("mo_ids", json!(["DESBX", "USEVG"])).is_accepted());
    assert_eq!(refused(&constrained("mo_ids", json!(["USEVG"]))).0, Code::Constraint);
    assert_eq!(
        refused(&constrained("not_issued_after", json!(start().minus_seconds(60 * DAY)))).0,
        Code::Constraint
    );
    assert!(constrained("not_issued_after", json!(start())).is_accepted());
    let over = constrained("not_trusted_after", json!(start().minus_seconds(DAY)));
    assert_eq!(refused(&over).0, Code::NotTrusted);
    assert!(over.refusal().unwrap().what.contains("not trusted after"), "{over}");
    assert_eq!(refused(&constrained("new_one", json!(1))).0, Code::NotTrusted);
    let mut on_notice = anchor("gamma");
    on_notice["status"] = json!("warning");
    let verdict = with_anchor(on_notice);
    assert!(verdict.is_accepted() && verdict.reasons.iter().any(|one| one.code == Code::RootOnNotice));
    let mut other_standard = anchor("gamma");
    other_standard["uses"] = json!([{ "purpose": "mo", "standard": "iso15118-20" }]);
    assert_eq!(refused(&with_anchor(other_standard)).0, Code::NotTrusted);
}

#[test]
fn a_suspended_root_and_a_distrusted_sub_ca_end_its_contracts_at_once() {
    let gamma = pki("gamma");
    let chain = pem(presented(&gamma));
    let mut repository = scheme();
    let mut device = Device::synced(&repository);
    repository.pass(60);
    let sub = ctl_core::Digest::from_bytes(gamma.get(Entity::MoSub2).unwrap().certificate().spki_sha256());
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", sub)]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    let verdict = judged(&device, &chain);
    assert_eq!(refused(&verdict), (Code::Distrusted, CertificateStatus::CertChainError));
    assert!(verdict.refusal().unwrap().certificate.as_ref().unwrap().contains("MO Sub2"), "{verdict}");

    let mut repository = scheme();
    let mut device = Device::synced(&repository);
    repository.pass(60);
    repository.set_notices(vec![notice(0, "na", "gamma", start().plus_seconds(30 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    device.sync(&repository);
    let verdict = judged(&device, &chain);
    assert_eq!(refused(&verdict).0, Code::Distrusted, "{verdict}");
    assert!(verdict.refusal().unwrap().what.contains("notice 0"), "{verdict}");
}

#[test]
fn a_cross_certificate_leads_to_a_trusted_root_and_counts_towards_the_depth() {
    let (gamma, evil) = (pki("gamma"), pki("evil"));
    let cross = cross_certify(
        gamma.root(),
        evil.root().certificate(),
        start().minus_seconds(DAY).unix(),
        start().plus_seconds(300 * DAY).unix(),
    );
    let cross = cross.unwrap();
    let device = Device::synced(&scheme());
    let chain = presented(&evil);
    let brought = pem(chain.iter().copied().chain([&cross]));
    // RFC 5280 would take it; ISO 15118 counts it towards its depth of three, and says so.
    let verdict = judged(&device, &brought);
    assert_eq!(refused(&verdict), (Code::Profile, CertificateStatus::CertChainError));
    assert!(verdict.refusal().unwrap().what.contains("4 certificates stand below the root"), "{verdict}");
    assert_eq!(verdict.root.unwrap().sha256, fingerprint("gamma"));
}

#[test]
fn what_ocpp_is_told_is_the_table_in_the_manual() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vehicle-and-charger.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let rows: Vec<String> =
        Code::ALL.iter().map(|code| format!("| `{code}` | {} |", code.status())).collect();
    // In that order, too: the first one that refuses decides.
    assert!(manual.contains(&rows.join("\n")), "{}", rows.join("\n"));
}

/// Status line and body of one request.
fn exchange(address: SocketAddr, request: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.lines().next().unwrap().to_owned(), answer.split_off(end + 4))
}
