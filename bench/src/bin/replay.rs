//! Replays a ledger of many statements and compares the time with that of verifying the very same
//! signatures and nothing else. Prints both and their ratio.
//!
//! `cargo run --profile bench -p ctl-bench --bin replay -- [STATEMENTS]`
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may stop at once")]

use std::time::{Duration, Instant};

use ctl_bench::scheme::Scheme;
use ctl_core::keys::{KeyId, PublicKey};
use ctl_governance::State;
use ctl_governance::statement::Entry;

fn main() {
    let statements: usize = std::env::args().nth(1).map_or(100_000, |n| n.parse().unwrap());
    let mut scheme = Scheme::found("2026-01-01T00:00:00Z".parse().unwrap());
    scheme.chatter(statements);
    let bytes: Vec<Vec<u8>> = scheme.entries.iter().map(|entry| entry.bytes.clone()).collect();
    let size: usize = bytes.iter().map(Vec::len).sum();
    println!("{} entries, {:.1} MB", bytes.len(), size as f64 / 1e6);

    // Both sides run three times in turn; the best of each counts.
    let (mut bare, mut replay) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        bare = bare.min(verify_only(&scheme));
        let start = Instant::now();
        let entries = bytes.iter().map(|bytes| Entry::parse(bytes).unwrap()).collect::<Vec<_>>();
        let state = State::replay(&entries).unwrap();
        replay = replay.min(start.elapsed());
        assert_eq!(state.root(), scheme.state.root());
    }
    println!("bare signature verifications: {:.3} s", bare.as_secs_f64());
    println!("parse, check, fold and tree:  {:.3} s", replay.as_secs_f64());
    println!("ratio: {:.2}", replay.as_secs_f64() / bare.as_secs_f64());
}

/// The signature verifications that the replay contains, on prepared input.
fn verify_only(scheme: &Scheme) -> Duration {
    let key = |kid: &KeyId| -> PublicKey { scheme.public_keys[kid].clone() };
    let prepared: Vec<_> = scheme
        .entries
        .iter()
        .flat_map(|entry| {
            let jws = &entry.statement.jws;
            jws.signatures
                .iter()
                .map(|s| (key(&s.protected.kid), s.signing_input(&jws.payload), s.signature.clone()))
        })
        .collect();
    let start = Instant::now();
    assert!(prepared.iter().all(|(key, input, signature)| key.verify_jws(input, signature)));
    start.elapsed()
}
