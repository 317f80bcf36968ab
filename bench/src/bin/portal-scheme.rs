//! Writes a scheme for whoever looks at its pages, as a server keeps it: `data/` with keys and texts, `export/` for
//! `ctl-server ledger import`.
//!
//! `portal-scheme FOLDER empty` is one that was just founded, `large` one of two years with three lists, a hundred
//! roots and ten thousand MO identifiers, `hostile` one in which every word is an attack on who shows it.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::path::PathBuf;
use std::time::SystemTime;

use ctl_bench::written::write_server;
use ctl_bench::years::{Applicant, Years};
use ctl_core::Timestamp;
use ctl_core::parts::Services;
use ctl_sandbox::{Pki, PkiKind, PkiSpec};

/// The roots of the large one.
const ROOTS: usize = 100;

fn main() {
    let mut words = std::env::args_os().skip(1);
    let folder: PathBuf = words.next().unwrap().into();
    let which = words.next().and_then(|word| word.into_string().ok());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix(since.as_secs().try_into().unwrap());
    let years = match which.as_deref() {
        Some("empty") => Years::founded(now.minus_seconds(60)),
        Some("hostile") => Years::hostile(now),
        _ => large(now),
    };
    write_server(&years.scheme, &folder);
    for (digest, blob) in &years.blobs {
        let name = digest.to_string();
        let folder = folder.join("data/blobs").join(&name[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), blob).unwrap();
    }
    println!("{} entries in {}", years.scheme.entries.len(), folder.display());
}

fn large(now: Timestamp) -> Years {
    let begin = now.unix() - 800 * 86_400;
    let pkis: Vec<Pki> = (0..ROOTS).map(|n| Pki::generate(&spec(n, begin)).unwrap()).collect();
    let services: Vec<Services> = pkis.iter().map(|pki| services(&pki.spec().slug())).collect();
    let applicants: Vec<Applicant<'_>> =
        pkis.iter().zip(&services).map(|(pki, services)| Applicant { pki, services }).collect();
    Years::lived(&applicants, now)
}

/// The n-th PKI: six of ten are V2G roots.
fn spec(n: usize, begin: i64) -> PkiSpec {
    let kind = match n % 10 {
        0..6 => PkiKind::V2g,
        6..8 => PkiKind::Oem,
        _ => PkiKind::Mo,
    };
    let names =
        ["Aurora", "Borealis", "Cirrus", "Dynamo", "Elektra", "Fjord", "Glacier", "Halo", "Iris", "Juno"];
    let words =
        ["", " Nord", " Süd", " Charging", " Mobility", " Trust", " Grid", " One", " Plus", " Energy"];
    let ends = ["B.V.", "Inc.", "AG", "S.A.", "GmbH", "AS", "Ltd.", "AB", "K.K.", "S.p.A."];
    let countries = ["NL", "US", "CH", "FR", "DE", "NO", "GB", "SE", "JP", "IT"];
    let name = format!("{}{}", names[n % 10], words[n / 10]);
    PkiSpec::new(kind, &name, countries[n % 10], &format!("{name} {}", ends[n % 10]), "portal", begin)
}

fn services(slug: &str) -> Services {
    let at = |kind: &str| vec![format!("http://{kind}.{slug}.example/").parse().unwrap()];
    Services { ocsp: at("ocsp"), crl: at("crl"), est: Vec::new(), root_pool: Vec::new() }
}
