//! The interop matrix of many roots and cross-certificates, compared with the bare verifications of the
//! signatures in it; and the budget of 40 roots in cases that are hard for it. Prints the best of three, in
//! seconds of one processor (Linux counts them in `/proc/thread-self/schedstat`).
//!
//! `cargo run --profile bench -p ctl-bench --bin interop -- [ROOTS [CROSS-CERTIFICATES]]`
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may stop at once")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::parts::{AnchorStatus, Constraints, Purpose, Standard, Use};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_reach::{Cross, Network, Root, SubCas, both_standards, budget, document, svg};
use ctl_sandbox::shape::{Key, Shape};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn main() {
    let argument = |place, usual| std::env::args().nth(place).map_or(usual, |n: String| n.parse().unwrap());
    let (roots, crosses) = (argument(1, 100), argument(2, 1000));
    for standard in [Standard::Iso15118_2, Standard::Iso15118_20] {
        matrix(standard, roots, crosses);
    }
    for (name, reach) in hard_cases() {
        let time = best(|| {
            let found = budget::choices(&reach, &[1; 40], 40);
            assert!(found.iter().all(budget::Choice::is_exact), "{name}");
        });
        println!(
            "budget of 40 roots, {name}: {:.3} s for every number of roots, each exact",
            time.as_secs_f64()
        );
    }
}

fn best(mut work: impl FnMut()) -> Duration {
    let once = |_| {
        let start = processor();
        work();
        processor() - start
    };
    (0..3).map(once).min().unwrap()
}

/// The processor's time that this thread has had.
fn processor() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(counted.split(' ').next().unwrap().parse().unwrap())
}

fn matrix(standard: Standard, roots: usize, crosses: usize) {
    let (network, pairs) = network(standard, roots, crosses);
    let bare = best(|| {
        for (certificate, issuer) in &pairs {
            certificate.verify_signed_by(issuer).unwrap();
        }
    });
    let mut done = None;
    let time = best(|| done = Some(both_standards(network.clone(), Purpose::V2g, NOW)));
    let matrices = done.unwrap();
    let work = matrices[usize::from(standard == Standard::Iso15118_20)].work();
    let list = document::Subject { list: "na".parse().unwrap(), sequence: 1, sha256: Digest::of(b"") };
    let mut bytes = (0, 0);
    let shown = best(|| {
        bytes = (document::document(&list, &matrices).len(), svg::svg(&list, &matrices).len());
    });
    println!(
        "{standard:?}, {roots} roots, {crosses} cross-certificates: matrix {:.3} s ({} signatures, {} cross paths, {} paths), \
         bare signatures {:.3} s; JSON ({} bytes) and SVG ({} bytes) {:.3} s",
        time.as_secs_f64(),
        work.signatures,
        work.cross_paths,
        work.paths,
        bare.as_secs_f64(),
        bytes.0,
        bytes.1,
        shown.as_secs_f64(),
    );
}

/// Roots with cross-certificates between them that look random and are the same everywhere.
fn network(standard: Standard, roots: usize, crosses: usize) -> (Network, Vec<(Certificate, Certificate)>) {
    let mut random = shuffled(15118);
    let made: Vec<(String, Key, Certificate)> = (0..roots)
        .map(|number| {
            let name = format!("CN=Root {number},DC=V2G");
            let label = format!("root {number}");
            let key = match standard {
                Standard::Iso15118_2 => Key::p256(&label).unwrap(),
                Standard::Iso15118_20 => Key::p521(&label).unwrap(),
            };
            let certificate = Shape::ca(&name, &key, None).unwrap().self_signed().unwrap();
            (name, key, certificate)
        })
        .collect();
    let mut network = Network::default();
    for (name, _, certificate) in &made {
        network = network.with_root(Root {
            fingerprint: Digest::of(certificate.der()),
            name: name.parse().unwrap(),
            status: AnchorStatus::Usable,
            uses: vec![Use { standard, purpose: Purpose::V2g }],
            constraints: Constraints::default(),
            certificate: Arc::new(certificate.clone()),
            sub_cas: SubCas::default(),
        });
    }
    let mut pairs = Vec::new();
    for number in 0..crosses {
        let from = random(roots as u64) as usize;
        let to = (from + 1 + random(roots as u64 - 1) as usize) % roots;
        let shape = Shape::ca(&made[to].0, &made[to].1, Some(1)).unwrap().serial(number as u64 + 2);
        let certificate = shape.signed_by(&made[from].0, &made[from].1).unwrap();
        let (issuer, subject) = (Digest::of(made[from].2.der()), Digest::of(made[to].2.der()));
        pairs.push((certificate.clone(), made[from].2.clone()));
        let name = format!("cross {number}").parse().unwrap();
        network = network
            .with_cross_certificate(Cross::proposed(certificate.der(), name, issuer, subject).unwrap());
    }
    (network, pairs)
}

/// Sets of 40 roots out of 40 of several sizes, and a ring of overlapping ones.
fn hard_cases() -> Vec<(String, Vec<Vec<usize>>)> {
    let mut cases = Vec::new();
    for size in [3, 4, 5, 6, 8, 12] {
        let mut random = shuffled(size as u64);
        let set = |place: usize| -> Vec<usize> {
            let mut set = BTreeSet::from([place]);
            while set.len() < size {
                set.insert(random(40) as usize);
            }
            set.into_iter().collect()
        };
        cases.push((format!("each reaching {size} at random"), (0..40).map(set).collect()));
    }
    let ring = (0..40).map(|place: usize| (0..5).map(|step| (place + step * step) % 40).collect()).collect();
    cases.push(("each reaching five in a ring".to_owned(), ring));
    cases
}

fn shuffled(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}
