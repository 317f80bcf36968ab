//! Writes a scheme for whoever looks at its pages, as a server keeps it: `data/` with keys and texts, `export/` for
//! `ctl-server ledger import`.
//!
//! `portal-scheme FOLDER empty` is one that was just founded, `hostile` one in which every word is an attack on who shows
//! it, `large` one of two years with three lists, a hundred roots and ten thousand MO identifiers. `ctl-watch.toml` is for a
//! watch that follows it (`SERVER` in the file stands for the server's address). For `large` there is also `watch/`, of one
//! that has followed the services of two hundred PKIs for ninety days; then the services answer until the input ends.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ctl_bench::past::remember;
use ctl_bench::written::write_server;
use ctl_bench::years::{Applicant, Years};
use ctl_core::Timestamp;
use ctl_core::parts::Services;
use ctl_governance::statement::body::Candidate;
use ctl_pki::Certificate;
use ctl_sandbox::live::{Kind, Live, Options};
use ctl_sandbox::{PkiKind, PkiSpec, Role};

/// The PKIs of the large one, and how many of them have applied with their roots.
const PKIS: usize = 200;
const ROOTS: usize = 100;
/// What is wrong with some PKI's services now.
const FAULTS: [(usize, &str, &str); 4] = [
    (0, "ocsp", "http_status"),
    (13, "crl", "next_update_past"),
    (27, "ocsp", "body_truncated"),
    (50, "crl", "http_status"),
];

fn main() {
    let mut words = std::env::args_os().skip(1);
    let folder: PathBuf = words.next().unwrap().into();
    let which = words.next().and_then(|word| word.into_string().ok());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix(since.as_secs().try_into().unwrap());
    match which.as_deref() {
        Some("empty") => write(&Years::founded(now.minus_seconds(60)), &folder),
        Some("hostile") => write(&Years::hostile(now), &folder),
        _ => large(&folder, now),
    }
}

fn write(years: &Years, folder: &Path) {
    write_server(&years.scheme, folder);
    for (digest, blob) in &years.blobs {
        let name = digest.to_string();
        let folder = folder.join("data/blobs").join(&name[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), blob).unwrap();
    }
    std::fs::write(folder.join("ctl-watch.toml"), following(years)).unwrap();
    println!("{} entries in {}", years.scheme.entries.len(), folder.display());
}

fn large(folder: &Path, now: Timestamp) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let begin = now.unix() - 800 * 86_400;
        let live = Live::start(Options::new((0..PKIS).map(|n| spec(n, begin)).collect())).await.unwrap();
        let pkis: Vec<(&str, &ctl_sandbox::Pki)> = live.pkis().collect();
        let services: Vec<Services> = pkis.iter().map(|(slug, _)| services(&live, slug)).collect();
        let applicants = pkis.iter().zip(&services).take(ROOTS);
        let applicants: Vec<Applicant<'_>> =
            applicants.map(|((_, pki), services)| Applicant { pki, services }).collect();
        let years = Years::lived(&applicants, now);
        write(&years, folder);
        std::fs::write(folder.join("tls-root.pem"), live.tls_root_pem()).unwrap();
        let config = folder.join("ctl-watch.toml");
        let others = pkis.iter().skip(ROOTS).map(|(slug, _)| *slug);
        std::fs::write(&config, watch(&live, &years, others)).unwrap();
        let targets = remember(&config, &years.scheme.state, now.unix() * 1000);
        println!("{targets} services watched for ninety days");
        record_crosses(&live, &years);
        for (n, kind, code) in FAULTS {
            live.set_fault(pkis.get(n).unwrap().0, kind, code, true).unwrap();
        }
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        end.await.unwrap().unwrap();
    });
}

/// Cross-certificates are of their issuers, whose services must know them.
fn record_crosses(live: &Live, years: &Years) {
    for application in years.scheme.state.applications.values() {
        let Candidate::CrossCertificate { issuer, .. } = &application.candidate else { continue };
        let certificate = Certificate::from_der(&application.certificate).unwrap();
        let mut pkis = live.pkis();
        let (slug, _) =
            pkis.find(|(_, pki)| pki.root().certificate().sha256() == *issuer.as_bytes()).unwrap();
        live.record(slug, Role::Root, &certificate, None).unwrap();
    }
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
    let pick = |of: [&'static str; 10], n: usize| of.into_iter().cycle().nth(n % 10).unwrap_or_default();
    let generation = if n < ROOTS { "" } else { " Two" };
    let name = format!("{}{}{generation}", pick(names, n), pick(words, n / 10));
    PkiSpec::new(kind, &name, pick(countries, n), &format!("{name} {}", pick(ends, n)), "portal", begin)
}

fn services(live: &Live, slug: &str) -> Services {
    let at = |kind| live.urls(slug, kind).unwrap().iter().take(1).map(|url| url.parse().unwrap()).collect();
    Services { ocsp: at(Kind::Ocsp), crl: at(Kind::Crl), est: at(Kind::Est), root_pool: at(Kind::RootPool) }
}

/// The configuration of a watch that follows the scheme.
fn following(years: &Years) -> String {
    format!(
        "data = \"watch\"\n\n[scheme]\nserver = \"SERVER\"\nid = \"{}\"\n\n\
         [http]\nlisten = \"127.0.0.1:0\"\nreads_per_minute = 60000\nread_burst = 10000\n\n",
        years.scheme.state.scheme
    )
}

/// That of one that asks those PKIs besides that have not applied.
fn watch<'a>(live: &Live, years: &Years, others: impl Iterator<Item = &'a str>) -> String {
    let mut text = following(years);
    text += "[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [\"1-65535\"]\ntls_roots = [\"tls-root.pem\"]\n\n[fetch.hosts]\n";
    for name in live.names() {
        let addresses: Vec<String> =
            live.resolve(&name).iter().map(|address| format!("\"{address}\"")).collect();
        writeln!(text, "\"{name}\" = [{}]", addresses.join(", ")).unwrap();
    }
    text += "\n[watch]\nperiod = \"2m\"\n";
    for slug in others {
        for kind in [Kind::Est, Kind::RootPool, Kind::Https] {
            for url in live.urls(slug, kind).unwrap() {
                writeln!(
                    text,
                    "[[watch.targets]]\noperator = \"{slug}\"\nkind = \"{}\"\nurl = \"{url}\"",
                    kind.as_str()
                )
                .unwrap();
            }
        }
    }
    text
}
