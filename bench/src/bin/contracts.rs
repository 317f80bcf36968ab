//! The chain of a contract, judged as `ctl-client authorize --listen` judges it: with a list of a hundred anchors, a registry
//! of ten thousand identifiers, and perhaps a CRL; beside the bare signature verifications in it, and beside processes of
//! `openssl verify` with the same roots and chain.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Duration;

use ctl_client::ask::Known;
use ctl_client::contract::{Contracts, Evidence, Strictness};
use ctl_client::store::TrustStore;
use ctl_core::list::{Identifiers, ListAnchor, ListPayload, LogRef};
use ctl_core::names::{Environment, MoId};
use ctl_core::parts::{
    AnchorStatus, Constraints, Der, MoStatus, PolicyRef, Purpose, Services, Standard, Use,
};
use ctl_core::registry::{RegistryDocument, RegistryEntry};
use ctl_core::tuf::Clock;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, Role};

const ANCHORS: usize = 100;
const IDENTIFIERS: usize = 10_000;
const ROUNDS: usize = 7;
const REPEATS: u32 = 100;
/// 2026-11-22.
const NOW: i64 = 1_795_305_600;
const DAY: i64 = 86_400;

fn main() {
    let pkis: Vec<Pki> = (0..ANCHORS).map(pki).collect();
    let chain: Vec<&Certificate> = pkis.first().unwrap().chain(Role::Contract);
    let presented: String = chain.iter().take(3).map(|one| one.to_pem()).collect();
    let contracts = Contracts::new(known(&pkis));
    let judge = |bytes: &str| {
        contracts.judge(black_box(bytes.as_bytes()), &Evidence::default(), Strictness::default())
    };
    let verdict = judge(&presented);
    assert!(verdict.is_accepted() && verdict.mo.is_some(), "{verdict}");
    let strange: String = chain.iter().take(1).map(|one| one.to_pem()).collect();
    assert!(!judge(&strange).is_accepted());

    let bare = best(|| {
        for [subject, issuer] in chain.array_windows() {
            assert!(subject.verify_signed_by(black_box(issuer)).is_ok());
        }
    });
    let (accepted, refused) = (best(|| drop(judge(&presented))), best(|| drop(judge(&strange))));
    let openssl = openssl(&pkis, &presented, chain.first().unwrap());
    println!(
        "{ANCHORS} anchors, {IDENTIFIERS} identifiers; processor time in ms (best of {ROUNDS} rounds of {REPEATS})"
    );
    println!(
        "| a chain of three | ms | ratio to bare verifications | ratio to openssl verify |\n|---|---|---|---|"
    );
    for (what, time) in [
        ("accepted", accepted),
        ("refused: no sub-CA", refused),
        ("bare verifications", bare),
        ("openssl verify", openssl),
    ] {
        let ratio = |to: Duration| time.as_secs_f64() / to.as_secs_f64();
        println!(
            "| {what} | {:.3} | {:.2} | {:.3} |",
            time.as_secs_f64() * 1000.0,
            ratio(bare),
            ratio(openssl)
        );
    }
}

fn pki(number: usize) -> Pki {
    let name = format!("Root {number}");
    Pki::generate(&PkiSpec::new(PkiKind::Mo, &name, "DE", &name, "contracts", NOW - 30 * DAY)).unwrap()
}

/// Processor time of this thread, which a busy machine stretches less than the time on the wall.
fn processor_time() -> Duration {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
}

fn best(work: impl Fn()) -> Duration {
    let round = || {
        let start = processor_time();
        (0..REPEATS).for_each(|_| work());
        (processor_time() - start) / REPEATS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

/// Processor time of the children that have ended.
fn children() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    let ticks: u64 =
        rest.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn openssl(pkis: &[Pki], presented: &str, leaf: &Certificate) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let roots: String = pkis.iter().map(|pki| pki.root().certificate().to_pem()).collect();
    fs::write(at("roots.pem"), roots).unwrap();
    fs::write(at("chain.pem"), presented).unwrap();
    fs::write(at("leaf.pem"), leaf.to_pem()).unwrap();
    let round = || {
        let start = children();
        for _ in 0..REPEATS {
            let mut command = Command::new("openssl");
            command.args(["verify", "-x509_strict", "-attime", &NOW.to_string(), "-CAfile"]);
            command.arg(at("roots.pem")).arg("-untrusted").arg(at("chain.pem")).arg(at("leaf.pem"));
            assert!(command.stdout(Stdio::null()).status().unwrap().success());
        }
        (children() - start) / REPEATS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

fn known(pkis: &[Pki]) -> Known {
    let now = Timestamp::from_unix(NOW);
    let (scheme, log) = (Digest::of(b"bench"), log());
    let mut anchors: Vec<ListAnchor> = pkis.iter().map(|pki| anchor(pki.root().certificate(), now)).collect();
    anchors.sort_by_key(|anchor| anchor.fingerprint);
    let list = ListPayload {
        anchors,
        cross_certificates: vec![],
        distrusted: vec![],
        environment: Environment::Test,
        format: ListPayload::FORMAT,
        issued_at: now,
        list: "na".parse().unwrap(),
        log: log.clone(),
        next_update: now.plus_seconds(30 * 86_400),
        policy: PolicyRef {
            name: "policy".parse().unwrap(),
            sha256: Digest::of(b"policy"),
            version: "1".parse().unwrap(),
        },
        previous: Digest::ZERO,
        scheme,
        sequence: 1,
        r#type: ListPayload::TYPE.into(),
    };
    let mut ids: Vec<MoId> = (0..IDENTIFIERS).map(|number| identifier(number).parse().unwrap()).collect();
    ids.push("DESBX".parse().unwrap());
    ids.sort();
    ids.dedup();
    let registry = RegistryDocument {
        environment: Environment::Test,
        format: RegistryDocument::FORMAT,
        identifiers: ids.into_iter().map(|id| entry(id, now)).collect(),
        issued_at: now,
        log,
        next_update: now.plus_seconds(30 * 86_400),
        previous: Digest::ZERO,
        scheme,
        sequence: 1,
        r#type: RegistryDocument::TYPE.into(),
    };
    let clock = Clock::Known(now);
    Known {
        trust: TrustStore::new(&[&list], &[], &BTreeMap::new(), clock),
        lists: vec![list],
        notices: vec![],
        registry: Some(registry),
        local: vec![],
        sinks: vec![],
        damaged: vec![],
        clock,
    }
}

fn log() -> LogRef {
    LogRef { origin: "bench.example/log".parse().unwrap(), root_hash: Digest::of(b"log"), size: 1 }
}

fn anchor(root: &Certificate, since: Timestamp) -> ListAnchor {
    ListAnchor {
        certificate: Der(root.der().to_vec()),
        constraints: Constraints::default(),
        decision: 0,
        fingerprint: Digest::from_bytes(root.sha256()),
        identifiers: Identifiers::of(root),
        name: "root".parse().unwrap(),
        operator: "operator".parse().unwrap(),
        services: Services::default(),
        since,
        status: AnchorStatus::Usable,
        uses: vec![Use { standard: Standard::Iso15118_2, purpose: Purpose::Mo }],
    }
}

fn entry(id: MoId, since: Timestamp) -> RegistryEntry {
    RegistryEntry {
        decision: 0,
        holder: "holder".parse().unwrap(),
        id,
        name: "Holder".parse().unwrap(),
        since,
        source: "bdew".parse().unwrap(),
        status: MoStatus::Assigned,
    }
}

/// Two letters and three digits.
fn identifier(number: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(number / 1000).unwrap_or(25));
    format!("X{letter}{:03}", number % 1000)
}
