//! The search for trust paths: graphs chosen from a fixed set of certificates, whole or with bytes changed, and
//! arbitrary certificates one after the other. Whatever comes, the work stays within its limits, every path told
//! is one, and every end has a reason.
#![no_main]

use std::sync::LazyLock;

use ctl_pki::Certificate;
use ctl_pki::path::{Inputs, Judge, Limits, Purpose, Question, RuleSet, Rules, Signatures, search, validate};
use ctl_sandbox::shape::{Key, Shape};
use libfuzzer_sys::fuzz_target;

/// Three names over three keys, each pair certified by several others; some expired, with path lengths, without
/// key identifiers, with policies; leaves at the end.
static CERTIFICATES: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    let keys: Vec<Key> = (0..3).filter_map(|n| Key::p256(&format!("fuzz {n}")).ok()).collect();
    let mut made = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        for name in 0..3 {
            let (issuer, by) = (format!("CN=N{},DC=V2G", (name + index + 1) % 3), &keys[(index + name) % 3]);
            let shape = || Shape::ca(&format!("CN=N{name},DC=V2G"), key, (name == 1).then_some(1));
            made.push(shape().and_then(Shape::self_signed));
            made.push(shape().and_then(|shape| shape.serial(2).signed_by(&issuer, by)));
            made.push(
                shape().and_then(|shape| shape.valid(0, 1_600_000_000).signed_by(&issuer, &keys[name])),
            );
            made.push(shape().and_then(|shape| {
                // anyPolicy, and a mapping that is forbidden.
                let policies = [0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
                let shape = shape.extension("2.5.29.32", true, &policies).without_key_ids();
                shape.signed_by(&issuer, &keys[(index + 2) % 3])
            }));
            let leaf = Shape::new("CN=Charger,DC=CPO", key).map(|shape| shape.key_usage(&[0, 4]));
            made.push(leaf.and_then(|shape| shape.signed_by(&issuer, by)));
        }
    }
    made.into_iter().filter_map(Result::ok).collect()
});

struct Bytes<'b>(std::slice::Iter<'b, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }
}

/// One of the fixed set, perhaps with bytes changed.
fn choose(bytes: &mut Bytes<'_>) -> Option<Certificate> {
    let chosen = CERTIFICATES.get(usize::from(bytes.next()) % CERTIFICATES.len())?;
    let changes = bytes.next();
    if changes < 0xc0 {
        return Some(chosen.clone());
    }
    let mut der = chosen.der().to_vec();
    for _ in 0..(changes & 3) + 1 {
        let at = usize::from(u16::from_be_bytes([bytes.next(), bytes.next()])) % der.len();
        *der.get_mut(at)? ^= bytes.next();
    }
    Certificate::from_der(&der).ok()
}

/// Certificates one after the other, as far as they go.
fn concatenated(mut bytes: &[u8]) -> Vec<Certificate> {
    let mut found = Vec::new();
    while let [0x30, 0x82, high, low, ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low])) + 4;
        let Some((one, rest)) = bytes.split_at_checked(length) else { break };
        found.extend(Certificate::from_der(one));
        bytes = rest;
    }
    found
}

fuzz_target!(|input: &[u8]| {
    let mut bytes = Bytes(input.iter());
    let settings = bytes.next();
    let time = 1_500_000_000 + i64::from(bytes.next()) * 4_000_000;
    let certificates: Vec<Certificate> = if settings & 1 == 0 {
        let count = bytes.next() % 40;
        (0..count).filter_map(|_| choose(&mut bytes)).collect()
    } else {
        concatenated(input.get(2..).unwrap_or_default())
    };
    let Some((leaf, others)) = certificates.split_first() else { return };
    let (anchors, pool) = others.split_at(others.len().min(usize::from(settings >> 6)));
    let small = usize::from(settings >> 1 & 1) * 20;
    let limits = Limits {
        // Few, because they take nearly all of the time: more come in other runs.
        signatures: 2 + 2 * usize::from(settings >> 3 & 7),
        edges: 400 - small * 10,
        judged: 40 - small,
        checks: 20_000,
        kept: 8,
        depth: 8 - small / 5,
        dead_ends: 8,
    };
    let inputs = Inputs { require_explicit_policy: settings & 4 != 0, ..Inputs::at(time) };
    let rules = RuleSet::ALL.map(|set| Rules { set, purpose: Purpose::guess(leaf, None), time });
    let judges = rules.iter().map(|rules| rules as &dyn Judge).collect();
    let found = search(leaf, pool, anchors, &Question { inputs: inputs.clone(), judges, limits });

    assert!(found.work.signatures <= limits.signatures);
    assert!(found.work.edges <= limits.edges);
    assert!(found.work.judged <= limits.judged);
    assert!(found.candidates.len() <= 2 * limits.kept && found.dead_ends.len() <= limits.dead_ends);
    for candidate in &found.candidates {
        assert!(anchors.contains(candidate.anchor));
        assert!(candidate.chain.len() <= limits.depth);
        assert_eq!(*candidate.chain.last().unwrap_or(&candidate.anchor), leaf);
        for (position, one) in candidate.chain.iter().enumerate() {
            assert!(!candidate.chain.iter().skip(position + 1).any(|other| other == one));
        }
        if candidate.is_accepted() && !candidate.chain.is_empty() {
            let mut fresh = Signatures::with_limit(limits.depth);
            assert!(validate(candidate.anchor, &candidate.chain, &inputs, &mut fresh).is_valid());
        }
    }
    for end in &found.dead_ends {
        assert!(end.chain.first().is_some_and(|last| !end.reason.words(last).is_empty()));
    }
});
