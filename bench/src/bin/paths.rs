//! Trust paths: single chains against rustls-webpki and against the bare signature verifications in them, and
//! the worst graphs of a hundred certificates that we could think of.

use std::hint::black_box;
use std::time::Duration;

use ctl_pki::Certificate;
use ctl_pki::path::{Limits, Question, Search, search};
use ctl_sandbox::SandboxError;
use ctl_sandbox::shape::{Key, Shape};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring::ECDSA_P256_SHA256};

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;
const ROUNDS: usize = 7;
const REPEATS: u32 = 200;

fn main() -> Result<(), SandboxError> {
    println!("chains, microseconds of processor time (best of {ROUNDS} rounds of {REPEATS}):");
    println!(
        "{:>12} {:>10} {:>10} {:>7} {:>14} {:>14}",
        "certificates", "bare", "search", "ratio", "from DER", "webpki, ring"
    );
    for length in [3, 4] {
        chain(length)?;
    }
    println!("\ngraphs of 100 certificates (best of {ROUNDS}), limits as by default:");
    println!(
        "{:>52} {:>8} {:>10} {:>6} {:>6} {:>6}  limits reached",
        "graph", "ms", "signatures", "edges", "judged", "found"
    );
    for (name, make) in [
        ("ten CAs that all certify each other", mesh as Make),
        ("ten CAs, all certify each other, no anchor", mesh_without_anchor),
        ("one name, 50 keys, no hints, no anchor", namesakes),
        ("one key, 33 names", one_key),
        ("eight twins on each of twelve rungs", ladder),
        ("the same without path to an anchor", ladder_to_nowhere),
        ("the same, each twin over a path length", ladder_too_long),
        ("97 impostors", impostors),
    ] {
        for (curve, key) in [("P-256", Key::p256 as MakeKey), ("P-521", Key::p521)] {
            graph(&format!("{name}, {curve}"), make(key)?);
        }
    }
    Ok(())
}

type MakeKey = fn(&str) -> Result<Key, SandboxError>;
type Made = (Certificate, Vec<Certificate>, Vec<Certificate>);
type Make = fn(MakeKey) -> Result<Made, SandboxError>;

/// Processor time of this thread, which a busy machine stretches less than the time on the wall.
fn processor_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn best(repeats: u32, mut work: impl FnMut()) -> Duration {
    let mut times = (0..ROUNDS).map(|_| {
        let start = processor_time();
        (0..repeats).for_each(|_| work());
        (processor_time() - start) / repeats
    });
    let first = times.next().unwrap_or_default();
    times.fold(first, Duration::min)
}

/// A chain of `length` certificates below the root.
fn chain(length: usize) -> Result<(), SandboxError> {
    let name = |level: usize| format!("CN=Level {level},O=Measured PKI,DC=V2G,C=NL");
    let key = |level: usize| Key::p256(&format!("chain {level}"));
    let root = Shape::ca(&name(0), &key(0)?, None)?.self_signed()?;
    let mut pool = Vec::new();
    for level in 1..length {
        let sub = Shape::ca(&name(level), &key(level)?, None)?;
        pool.push(sub.signed_by(&name(level - 1), &key(level - 1)?)?);
    }
    let leaf = Shape::new("CN=Charger,DC=CPO", &key(length)?)?.key_usage(&[0, 4]);
    let leaf = leaf.signed_by(&name(length - 1), &key(length - 1)?)?;
    let anchors = [root];

    let whole: Vec<&Certificate> = anchors.iter().chain(&pool).chain([&leaf]).collect();
    let bare = best(REPEATS, || {
        for pair in whole.windows(2) {
            if let [issuer, certificate] = pair {
                assert_eq!(black_box(certificate.verify_signed_by(issuer)), Ok(()));
            }
        }
    });
    let question = Question::at(NOW);
    let ours = best(REPEATS, || {
        assert!(black_box(search(&leaf, &pool, &anchors, &question)).best().is_some());
    });
    let ders: Vec<&[u8]> = whole.iter().map(|certificate| certificate.der()).collect();
    let from_der = best(REPEATS, || {
        let parsed: Vec<_> = ders.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        if let [root, pool @ .., leaf] = &parsed[..] {
            assert!(black_box(search(leaf, pool, [root], &question)).best().is_some());
        }
    });
    let root_der = CertificateDer::from(anchors.iter().map(Certificate::der).collect::<Vec<_>>().concat());
    let pool_der: Vec<_> = pool.iter().map(|one| CertificateDer::from(one.der())).collect();
    let leaf_der = CertificateDer::from(leaf.der());
    let time = UnixTime::since_unix_epoch(Duration::from_secs(NOW.unsigned_abs()));
    let theirs = best(REPEATS, || {
        let accepted = anchor_from_trusted_cert(&root_der).and_then(|anchor| {
            let end = EndEntityCert::try_from(&leaf_der)?;
            let usage = KeyUsage::client_auth();
            let algorithms = &[ECDSA_P256_SHA256];
            end.verify_for_usage(algorithms, &[anchor], &pool_der, time, usage, None, None).map(|_| ())
        });
        assert_eq!(black_box(accepted), Ok(()));
    });
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "{length:>12} {:>10.1} {:>10.1} {:>7.3} {:>14.1} {:>14.1}",
        micros(bare),
        micros(ours),
        ours.as_secs_f64() / bare.as_secs_f64(),
        micros(from_der),
        micros(theirs)
    );
    Ok(())
}

fn graph(name: &str, (leaf, pool, anchors): Made) {
    let question = Question { limits: Limits::default(), ..Question::at(NOW) };
    let look = || -> Search<'_> { search(&leaf, &pool, &anchors, &question) };
    let time = best(10, || {
        black_box(look());
    });
    let found = look();
    let reached: Vec<_> = found.reached.iter().map(|limit| limit.id()).collect();
    println!(
        "{name:>52} {:>8.2} {:>10} {:>6} {:>6} {:>6}  {}",
        time.as_secs_f64() * 1e3,
        found.work.signatures,
        found.work.edges,
        found.work.judged,
        if found.best().is_some() { "yes" } else { "no" },
        reached.join(", ")
    );
}

fn ca(
    name: &str,
    key: &Key,
    issuer: &str,
    issuer_key: &Key,
    serial: u64,
) -> Result<Certificate, SandboxError> {
    Shape::ca(&format!("CN={name}"), key, None)?.serial(serial).signed_by(&format!("CN={issuer}"), issuer_key)
}

fn root(name: &str, key: &Key) -> Result<Certificate, SandboxError> {
    Shape::ca(&format!("CN={name}"), key, None)?.self_signed()
}

fn leaf(issuer: &str, issuer_key: &Key, key: MakeKey) -> Result<Certificate, SandboxError> {
    Shape::new("CN=leaf", &key("leaf")?)?.signed_by(&format!("CN={issuer}"), issuer_key)
}

fn keys(count: usize, key: MakeKey) -> Result<Vec<Key>, SandboxError> {
    (0..count).map(|n| key(&format!("key {n}"))).collect()
}

fn meshed(key: MakeKey, anchor_name: &str) -> Result<Made, SandboxError> {
    let keys = keys(10, key)?;
    let mut pool = Vec::new();
    for (i, subject) in keys.iter().enumerate() {
        for (j, issuer) in keys.iter().enumerate().filter(|(j, _)| *j != i) {
            pool.push(ca(&format!("M{i}"), subject, &format!("M{j}"), issuer, 1)?);
        }
    }
    let root_key = key("R")?;
    for (n, subject) in keys.iter().enumerate().skip(2) {
        pool.push(ca(&format!("M{n}"), subject, "R", &root_key, 2)?);
    }
    let [first, ..] = &keys[..] else { return Err(SandboxError::Key) };
    Ok((leaf("M0", first, key)?, pool, vec![root(anchor_name, &root_key)?]))
}

fn mesh(key: MakeKey) -> Result<Made, SandboxError> {
    meshed(key, "R")
}

/// Named like one of the mesh, so that names lead there for ever and no key does.
fn mesh_without_anchor(key: MakeKey) -> Result<Made, SandboxError> {
    meshed(key, "M9")
}

fn namesakes(key: MakeKey) -> Result<Made, SandboxError> {
    let keys = keys(50, key)?;
    let sign = |shape: Shape, issuer: usize| match keys.get(issuer % 50) {
        Some(key) => shape.without_key_ids().signed_by("CN=A", key),
        None => Err(SandboxError::Key),
    };
    let mut pool = Vec::new();
    for (index, subject) in keys.iter().enumerate() {
        for issuer in [index * 2 + 1, index * 3 + 2] {
            pool.push(sign(Shape::ca("CN=A", subject, None)?, issuer)?);
        }
    }
    let leaf = sign(Shape::new("CN=leaf", &key("leaf")?)?, 0)?;
    Ok((leaf, pool, vec![root("A", &key("nobody's")?)?]))
}

fn one_key(key: MakeKey) -> Result<Made, SandboxError> {
    let shared = key("shared")?;
    let name = |n: usize| format!("N{n}");
    let mut pool = Vec::new();
    for n in 0..33 {
        for step in [1, 2, 3] {
            pool.push(ca(&name(n), &shared, &name((n + step) % 33), &shared, step as u64)?);
        }
    }
    Ok((leaf("N26", &shared, key)?, pool, vec![root("N32", &shared)?]))
}

fn rungs(key: MakeKey, path_len: Option<u8>, anchor_key: &str) -> Result<Made, SandboxError> {
    let rung = |n: usize| (format!("L{n}"), key(&format!("rung {n}")));
    let mut pool = Vec::new();
    for n in 0..12 {
        let ((name, subject), (issuer, issuer_key)) = (rung(n), rung(n + 1));
        let (subject, issuer_key) = (subject?, issuer_key?);
        for twin in 1..=8 {
            let path_len = if n == 11 { path_len } else { None };
            let shape = Shape::ca(&format!("CN={name}"), &subject, path_len)?.serial(twin);
            pool.push(shape.signed_by(&format!("CN={issuer}"), &issuer_key)?);
        }
    }
    let (name, bottom) = rung(2);
    Ok((leaf(&name, &bottom?, key)?, pool, vec![root("L12", &key(anchor_key)?)?]))
}

fn ladder(key: MakeKey) -> Result<Made, SandboxError> {
    rungs(key, None, "rung 12")
}

fn ladder_to_nowhere(key: MakeKey) -> Result<Made, SandboxError> {
    rungs(key, None, "nobody's")
}

fn ladder_too_long(key: MakeKey) -> Result<Made, SandboxError> {
    rungs(key, Some(1), "rung 12")
}

fn impostors(key: MakeKey) -> Result<Made, SandboxError> {
    let (root_key, honest) = (key("R")?, key("honest")?);
    let mut pool = Vec::new();
    for n in 0..97 {
        let shape = Shape::ca("CN=A", &key(&format!("impostor {n}"))?, None)?;
        pool.push(shape.subject_key_id(&honest.id()).signed_by("CN=R", &root_key)?);
    }
    pool.push(ca("A", &honest, "R", &root_key, 1)?);
    Ok((leaf("A", &honest, key)?, pool, vec![root("R", &root_key)?]))
}
