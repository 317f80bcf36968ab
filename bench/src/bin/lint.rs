//! Holds certificates against the profiles for some seconds, over and over, and prints how many a second.
//! Guessing the profile counts, reading files does not.
//!
//! `lint SECONDS FILE...`, files in DER; `bench/lint` calls it.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::time::{Duration, Instant};

use ctl_policy::profile;

fn main() {
    let mut words = std::env::args().skip(1);
    let duration = Duration::from_secs_f64(words.next().unwrap().parse().unwrap());
    let certificates: Vec<Vec<u8>> = words.map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!certificates.is_empty(), "no certificates are given");
    let (mut linted, mut findings) = (0_u64, 0);
    let start = Instant::now();
    while start.elapsed() < duration {
        for der in &certificates {
            let guess = profile::guess(der, None).profile;
            let name = guess.as_deref().unwrap_or("any");
            findings += profile::lint(profile::profile(name).unwrap(), der, None).len();
        }
        linted += certificates.len() as u64;
    }
    let rate = linted as f64 / start.elapsed().as_secs_f64();
    eprintln!("{linted} certificates, {findings} findings");
    println!("{rate:.0}");
}
