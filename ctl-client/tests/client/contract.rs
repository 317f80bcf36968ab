//! A vehicle presents a contract: what a charger that has synced says of it, and why.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output};
use std::sync::OnceLock;

use ctl_client::ask::Known;
use ctl_client::contract::{CertificateStatus, Code, Contracts, Evidence, Standing, Strictness, Verdict};
use ctl_core::role::Role;
use ctl_pki::Certificate;
use ctl_pki::ocsp::{Hash, Question};
use ctl_sandbox::live::{Live, Options as LiveOptions, Revocation};
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
    judged(&Device::synced(&repository), &pem(presented(&pki("gamma"))))
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

/// What a service answers.
fn fetch(live: &Live, url: &str, question: Option<&[u8]>) -> Vec<u8> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = match question {
        None => format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        Some(body) => format!(
            "POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/ocsp-request\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ),
    };
    let answer = exchange(live.address(), &[head.as_bytes(), question.unwrap_or_default()].concat());
    answer.1
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

#[test]
fn revocation_is_read_from_crl_and_ocsp_and_what_does_not_tell_is_not_taken_for_good() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = LiveOptions {
        clock: std::sync::Arc::new(|| start().unix()),
        ..LiveOptions::new(vec![spec("gamma")])
    };
    let live = runtime.block_on(Live::start(options)).unwrap();
    let gamma = live.pki("gamma").unwrap();
    let mut repository = scheme();
    repository.set_list(&na(), vec![anchor_with("gamma", gamma.root().certificate())]);
    repository.publish(&na());
    repository.refresh();
    let device = Device::synced(&repository);
    let members = presented(gamma);
    let chain = pem(members.iter().copied());
    let crl = |at: usize| fetch(&live, members[at].crl_urls()[0], None);
    let ocsp = |at: usize| {
        let issuer = gamma.chain(Entity::Contract)[at + 1];
        let request = Question::about(members[at], issuer).request(Hash::Sha256).unwrap();
        fetch(&live, members[at].ocsp_urls()[0], Some(&request))
    };
    let with = |crls: Vec<Vec<u8>>, responses: Vec<Vec<u8>>| {
        let mut evidence = Evidence::default();
        crls.iter().for_each(|crl| evidence.add_crl("the CRL", crl).unwrap());
        responses.iter().for_each(|one| evidence.add_response("the response", one).unwrap());
        judged_with(&device, &chain, &evidence)
    };

    // Each certificate has its own, and all of them are good.
    let verdict = with(vec![crl(0), crl(1)], vec![ocsp(2)]);
    assert!(verdict.is_accepted(), "{verdict}");
    assert!(verdict.chain.iter().all(|member| member.revocation == Standing::Good), "{verdict}");
    assert!(!verdict.reasons.iter().any(|reason| reason.code == Code::RevocationNotAsked));
    // One about somebody else says nothing.
    let verdict = with(vec![crl(0)], vec![]);
    assert!(verdict.is_accepted());
    let standings: Vec<_> = verdict.chain.iter().map(|member| member.revocation).collect();
    assert_eq!(standings, [Standing::Good, Standing::NotAsked, Standing::NotAsked]);

    // Stale, or not of the issuer: unknown, with its reason, and refused.
    for (kind, code) in
        [("crl", "next_update_past"), ("crl", "signature_invalid"), ("ocsp", "signature_invalid")]
    {
        live.set_fault("gamma", kind, code, true).unwrap();
        let verdict = match kind {
            "crl" => with(vec![crl(0)], vec![]),
            _ => with(vec![], vec![ocsp(0)]),
        };
        assert_eq!(refused(&verdict), (Code::RevocationUnknown, CertificateStatus::CertChainError), "{code}");
        assert_eq!(verdict.chain[0].revocation, Standing::Unknown);
        // The other source may know better.
        let verdict = with(vec![crl(0)], vec![ocsp(0)]);
        assert!(verdict.is_accepted(), "{code}: {verdict}");
        live.clear_faults();
    }

    // Revoked: the contract, or a sub-CA above it.
    for (at, issuer) in [(0, Entity::MoSub2), (1, Entity::MoSub1)] {
        let revocation = Revocation { time: start().minus_seconds(DAY).unix(), reason: Some(1) };
        live.record("gamma", issuer, members[at], Some(revocation)).unwrap();
        for verdict in [with(vec![crl(at)], vec![]), with(vec![], vec![ocsp(at)])] {
            assert_eq!(
                refused(&verdict),
                (Code::Revoked, CertificateStatus::CertificateRevoked),
                "{at}: {verdict}"
            );
            assert_eq!(verdict.chain[at].revocation, Standing::Revoked);
        }
        live.record("gamma", issuer, members[at], None).unwrap();
    }

    // What OCPP's Authorize carries names each certificate as its responder knows it.
    let verdict = with(vec![], vec![]);
    let requests = serde_json::to_value(&verdict).unwrap()["iso15118CertificateHashData"].clone();
    assert_eq!(requests.as_array().unwrap().len(), 3);
    for (at, request) in requests.as_array().unwrap().iter().enumerate() {
        assert_eq!(request["serialNumber"], json!(members[at].serial_hex()));
        assert_eq!(request["hashAlgorithm"], json!("SHA256"));
        assert_eq!(request["responderURL"], json!(members[at].ocsp_urls()[0]));
        let response = Question::about(members[at], gamma.chain(Entity::Contract)[at + 1]);
        let der = hex(&response.request(Hash::Sha256).unwrap());
        for member in ["issuerNameHash", "issuerKeyHash"] {
            assert!(der.contains(request[member].as_str().unwrap()), "{request}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// A device as the program has it, by the real clock: gamma's PKI is of today.
struct Program {
    folder: tempfile::TempDir,
    repository: Repository,
    gamma: Pki,
}

impl Program {
    fn new() -> Self {
        let mut repository = Repository::of_today();
        let not_before = repository.now.minus_seconds(30 * DAY).unix();
        let gamma = Pki::generate(&PkiSpec { not_before, ..spec("gamma") }).unwrap();
        let root = anchor_with("gamma", gamma.root().certificate());
        repository.set_list(&na(), vec![anchor("alpha"), root]);
        repository.publish(&na());
        repository.refresh();
        let program = Self { folder: tempfile::tempdir().unwrap(), repository, gamma };
        program.put("root.json", &program.repository.first_root());
        program.put("chain.pem", &pem(presented(&program.gamma)));
        let url = format!("file://{}", program.at("repository"));
        let root = program.at("root.json");
        assert!(program.run(&["init", "--url", &url, "--root", &root, "--list", "na"]).status.success());
        program.sync();
        program
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-client"));
        command.args(["--dir", &self.at("state")]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn sync(&self) {
        self.repository.write(self.at("repository").as_ref());
        let output = self.run(&["sync", "--once"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_command_says_yes_by_its_exit_status_and_no_with_what_to_do() {
    let program = Program::new();
    let chain = program.at("chain.pem");
    let output = program.run(&["authorize", &chain]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.starts_with("Accepted  DESBXC"), "{text}");
    let evil = program.put("evil.pem", &pem(presented(&pki("evil"))));
    let output = program.run(&["authorize", &evil]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("CertChainError") && text.contains("REFUSED unknown-root"), "{text}");
    assert!(text.contains("What to do: "), "{text}");
    let output = program.run(&["authorize", &chain, "--json", "--strict"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &verdict["certificateStatus"]), (Some(1), &json!("CertChainError")));
    assert_eq!(verdict["reasons"][0]["code"], "revocation-not-asked");
    for arguments in [
        vec!["authorize"],
        vec!["authorize", "nowhere.pem"],
        vec!["authorize", &chain, "--crl", &evil],
        vec!["authorize", &chain, "--ocsp", &chain],
    ] {
        let output = program.run(&arguments);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[cfg(feature = "back-end")]
#[test]
fn a_station_asks_over_http_and_hears_of_a_suspension_with_the_next_car() {
    let mut program = Program::new();
    let chain = pem(presented(&program.gamma));
    let output = program.run(&["authorize", "--listen", "0.0.0.0:0"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("only this machine may ask"));

    let (mut child, address) =
        crate::fleet::listening(program.command(&["authorize", "--listen", "127.0.0.1:0"]));
    let address: SocketAddr = address.parse().unwrap();
    let ask = |method: &str, body: &[u8]| {
        let head = format!(
            "{method} /v1/authorize HTTP/1.1\r\nhost: station\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let (status, body) = exchange(address, &[head.as_bytes(), body].concat());
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (status, verdict) = ask("POST", &chain);
    assert!(status.contains("200"), "{status}");
    assert_eq!(verdict["certificateStatus"], "Accepted", "{verdict}");
    let (status, verdict) = ask("POST", b"");
    assert!(status.contains("200"), "{status}");
    assert_eq!(verdict["certificateStatus"], "NoCertificateAvailable");
    assert!(ask("GET", b"").0.contains("405"));
    assert!(ask("POST", &vec![b'x'; 65 * 1024]).0.contains("413"));

    let now = program.repository.now;
    let mut notice = notice(0, "na", "gamma", now.plus_seconds(30 * DAY));
    let root = program.gamma.root().certificate();
    notice["anchor"] = json!(ctl_core::Digest::from_bytes(root.sha256()));
    notice["spki"] = json!(ctl_core::Digest::from_bytes(root.spki_sha256()));
    notice["issued_at"] = json!(now);
    program.repository.set_notices(vec![notice]);
    program.repository.publish(&Role::Notices);
    program.repository.refresh();
    program.sync();
    let (_, verdict) = ask("POST", &chain);
    assert_eq!(verdict["certificateStatus"], "CertChainError", "{verdict}");
    assert_eq!(verdict["reasons"][0]["code"], "distrusted");

    // What cannot be read any more is not trusted any more.
    std::fs::remove_dir_all(program.at("state/objects")).unwrap();
    std::fs::write(program.at("state/state.json"), b"{}").unwrap();
    std::fs::remove_file(program.at("state/state.backup.json")).unwrap();
    let (status, _) = ask("POST", &chain);
    assert!(status.contains("503"), "{status}");
    child.kill().unwrap();
    child.wait().unwrap();
}
