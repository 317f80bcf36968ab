//! `ctl-watch probe`: probes one service as the watch would, and prints the findings. For operators before they apply,
//! and for whoever wants to reproduce an incident.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use ctl_core::jws::Jws;
use ctl_core::list::offline::MAX_FILE;
use ctl_core::list::{ListAnchor, ListPayload};
use ctl_core::names::ParticipantId;
use ctl_fetch::{Fetcher, Options, Ports};
use ctl_host::clock::{Clock as _, SystemClock};
use ctl_host::files;
use ctl_host::network::Network;
use ctl_pki::Certificate;
use ctl_policy::sla::{BUILT_IN, Kind, SlaPolicy};

use super::Failure;
use crate::config::Serial;
use crate::plan::certificate_file;
use crate::probe::{self, Memory, Probed, Round, bundle};
use crate::target::{CrlSubject, OcspSubject, Roots};
use crate::{Code, Finding, Subject, Target, TargetId, Weight};

/// The largest file with roots or a list, in bytes.
const MAX_KNOWN: u64 = 2 * 16 * 1024 * 1024;
/// The largest service level policy, in bytes.
const MAX_POLICY: u64 = 1 << 20;

/// One service, and what it is judged by.
#[derive(Debug, Args)]
pub struct Probe {
    /// The kind: ocsp, crl, ca-issuers, est, root-pool or https.
    #[arg(value_parser = kind)]
    kind: Kind,
    /// The address.
    url: String,
    /// The issuer's certificate, PEM or DER (ocsp, crl); the certificates that must be served (ca-issuers, est,
    /// root-pool).
    #[arg(long, value_name = "FILE")]
    issuer: Vec<PathBuf>,
    /// Roots that may also be served (est): certificates in PEM, DER or PKCS#7, or a list as downloaded, ctl.json or
    /// ctl.jws, whose signatures are not checked.
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Valid certificates of the issuer (ocsp: this or --revoked), or certificates that name the CRL (crl).
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// Serial numbers of revoked certificates of the issuer, in hex (ocsp).
    #[arg(long, value_name = "HEX")]
    revoked: Vec<String>,
    /// The operator whose limits apply, if the policy has any for it.
    #[arg(long, default_value = "anyone")]
    operator: ParticipantId,
    /// The service level policy [default: the one built into the release].
    #[arg(long, value_name = "FILE")]
    service_levels: Option<PathBuf>,
    /// A private network that may be called, like 127.0.0.0/8.
    #[arg(long, value_name = "NETWORK")]
    allow: Vec<Network>,
    /// A port or range that may be called in addition to that of the URL, 80 and 443, like 8000-8010.
    #[arg(long, value_name = "PORT")]
    port: Vec<Ports>,
    /// A name and its address, instead of asking DNS, like pki.example=192.0.2.7.
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = host)]
    host: Vec<(String, IpAddr)>,
    /// A PEM file of certificates trusted for TLS in addition to the system's.
    #[arg(long, value_name = "FILE")]
    tls_root: Vec<PathBuf>,
    /// How many probes; two ask every question.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// The pause between probes.
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    pause: Duration,
    /// How long one probe may take.
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Service);
    let names: Vec<&str> = known.clone().map(Kind::as_str).collect();
    known.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("one of {}", names.join(", ")))
}

fn host(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or("NAME=ADDRESS, like pki.example=192.0.2.7")?;
    let address = address.parse().map_err(|error| format!("{address:?}: {error}"))?;
    Ok((name.to_owned(), address))
}

/// Probes the service and prints the findings.
///
/// # Errors
/// Words for standard error: an argument cannot be used, or something is wrong with the service.
pub fn run(arguments: Probe) -> Result<(), Failure> {
    let policy = match &arguments.service_levels {
        None => SlaPolicy::parse(BUILT_IN)?,
        Some(path) => {
            let text = files::read(path, MAX_POLICY)?.ok_or_else(|| format!("no file {}", path.display()))?;
            SlaPolicy::parse(&String::from_utf8(text)?)?
        }
    };
    let mut hosts: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for (name, address) in &arguments.host {
        hosts.entry(name.clone()).or_default().push(*address);
    }
    let mut ports = Options::default().ports;
    ports.extend(arguments.port.iter().copied());
    // The port of the URL was meant.
    ports.extend(url::Url::parse(&arguments.url).ok().and_then(|url| url.port()).map(Ports::from));
    let options = Options {
        allow: arguments.allow.clone(),
        tls_roots: arguments.tls_root.clone(),
        hosts,
        ports,
        ..Options::default()
    };
    let target = target(&arguments)?;
    let probe = probe::all()
        .into_iter()
        .find(|probe| probe.kind() == target.kind)
        .ok_or_else(|| format!("{} is not probed", target.kind))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetcher = Fetcher::new(&options)?;
    let limits = policy.limits(target.operator.as_str(), target.kind);
    let clock = SystemClock::new();
    let mut memory = Memory::default();
    let mut tally = Tally::default();
    for number in 0..arguments.rounds {
        if number > 0 {
            std::thread::sleep(arguments.pause);
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| format!("the system gives no random bytes: {error}"))?;
        let round = Round {
            fetch: &fetcher,
            limits: &limits,
            now: clock.now().unix(),
            number,
            timeout: arguments.timeout,
            random,
        };
        let begin = Instant::now();
        let probed = runtime.block_on(probe.probe(&target, round, &memory));
        tally.say(number, begin.elapsed(), &probed);
        memory = probed.memory;
    }
    println!("{}", tally.summary());
    if tally.is_clean() { Ok(()) } else { Err("not everything is in order".into()) }
}

/// The target that the arguments describe.
fn target(arguments: &Probe) -> Result<Target, Failure> {
    let read = |paths: &[PathBuf]| {
        let certificates = paths.iter().map(|path| {
            certificate_file(path).map(Arc::new).map_err(|why| format!("{}: {why}", path.display()))
        });
        certificates.collect::<Result<Vec<_>, String>>()
    };
    let (issuers, certificates) = (read(&arguments.issuer)?, read(&arguments.certificate)?);
    let issuer = || match issuers.as_slice() {
        [issuer] => Ok(Arc::clone(issuer)),
        _ => Err(format!("{} needs one --issuer", arguments.kind)),
    };
    let needs = |what: &str| Err(format!("{} needs {what}", arguments.kind));
    let subject = match arguments.kind {
        // Only a real certificate shows that the responder knows its certificates; an unissued serial number does not.
        Kind::Ocsp if certificates.is_empty() && arguments.revoked.is_empty() => {
            needs("a valid --certificate of the issuer, or the serial number of a --revoked one")?
        }
        Kind::CaIssuers | Kind::Est | Kind::RootPool if issuers.is_empty() => {
            needs("an --issuer: a certificate that must be served")?
        }
        Kind::Ocsp => {
            let serials =
                arguments.revoked.iter().map(|text| Serial::try_from(text.clone()).map(|serial| serial.0));
            let revoked = serials.collect::<Result<Vec<_>, String>>()?;
            Subject::Ocsp(vec![OcspSubject { issuer: issuer()?, good: certificates, revoked }])
        }
        Kind::Crl => {
            let issuer = issuer()?;
            let mut points: Vec<String> =
                certificates.iter().flat_map(|one| one.crl_urls()).map(str::to_owned).collect();
            points.push(arguments.url.clone());
            points.sort();
            points.dedup();
            Subject::Crl(CrlSubject { issuer, covered: certificates, points })
        }
        Kind::CaIssuers => Subject::CaIssuers(issuers),
        Kind::Est => Subject::Est(Roots { due: issuers, known: known(&arguments.known)? }),
        Kind::RootPool => Subject::RootPool(Roots { due: issuers, known: Vec::new() }),
        Kind::Https | Kind::Service => Subject::Https,
    };
    Ok(Target {
        id: TargetId::of(arguments.kind, &arguments.operator, &arguments.url),
        kind: arguments.kind,
        operator: arguments.operator.clone(),
        lists: Vec::new(),
        url: arguments.url.clone(),
        origins: Vec::new(),
        subject,
        period: arguments.timeout.saturating_mul(2),
    })
}

/// The roots in files: certificates, or the anchors of a list.
fn known(paths: &[PathBuf]) -> Result<Vec<Arc<Certificate>>, Failure> {
    let mut known = Vec::new();
    for path in paths {
        let named = |why: String| format!("{}: {why}", path.display());
        let bytes = files::read(path, MAX_KNOWN)?.ok_or_else(|| named("there is no such file".to_owned()))?;
        let read = match bytes.trim_ascii_start().first() {
            Some(b'{') => anchors(&bytes),
            _ => bundle::read(&bytes),
        };
        known.extend(read.map_err(named)?.into_iter().map(Arc::new));
    }
    Ok(known)
}

/// The anchors of a list, with or without its signatures.
fn anchors(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    let payload = Jws::parse(bytes, MAX_FILE).map(|jws| jws.payload);
    let list = ListPayload::read(payload.as_deref().unwrap_or(bytes)).map_err(|error| error.to_string())?;
    let read = |anchor: &ListAnchor| {
        Certificate::from_der(&anchor.certificate.0)
            .map_err(|error| format!("anchor {}: {error}", anchor.fingerprint))
    };
    list.anchors.iter().map(read).collect()
}

/// The findings so far.
#[derive(Default)]
struct Tally {
    probes: u64,
    good: u64,
    codes: BTreeMap<Code, u64>,
    last: Vec<Finding>,
}

impl Tally {
    /// Prints a probe, unless it found the same as the one before.
    fn say(&mut self, number: u64, took: Duration, probed: &Probed) {
        let findings: Vec<Finding> = probed.findings.iter().cloned().collect();
        self.probes += 1;
        if !findings.iter().any(|finding| finding.code.weight() == Weight::Error) {
            self.good += 1;
        }
        for finding in &findings {
            *self.codes.entry(finding.code).or_default() += 1;
        }
        let same =
            self.last.iter().map(|finding| finding.code).eq(findings.iter().map(|finding| finding.code));
        if number == 0 || !same {
            println!("probe {}: {} ms, {} found", number + 1, took.as_millis(), findings.len());
            for Finding { code, address, detail } in &findings {
                let address = address.map(|address| format!(" ({address})")).unwrap_or_default();
                println!("    {} {code}{address}: {detail}", weight(code.weight()));
            }
        }
        self.last = findings;
    }

    fn is_clean(&self) -> bool {
        self.codes.keys().all(|code| code.weight() == Weight::Information)
    }

    fn summary(&self) -> String {
        let found: Vec<String> = self
            .codes
            .iter()
            .filter(|(code, _)| code.weight() > Weight::Information)
            .map(|(code, count)| format!("{code} {count}"))
            .collect();
        let found = if found.is_empty() { "no findings".to_owned() } else { found.join(", ") };
        format!("{} probes, {} good, {found}", self.probes, self.good)
    }
}

const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Information => "information",
    }
}

#[cfg(test)]
mod tests {
    use ctl_core::jws::Jws;
    use ctl_core::role::Role;

    use super::*;
    use crate::testing::bytes::{leaf, root};
    use crate::testing::pkcs7;
    use crate::testing::world::{World, na};

    #[test]
    fn known_roots_come_from_files_of_every_form_and_from_lists() {
        let directory = tempfile::tempdir().unwrap();
        let read = |bytes: &[u8]| {
            let path = directory.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            known(&[path]).map(|known| known.iter().map(|one| one.sha256()).collect::<Vec<_>>())
        };
        let (root, leaf) = (root().certificate, leaf());
        let both = [root.sha256(), leaf.sha256()];
        assert_eq!(read(root.der()).unwrap(), both[..1]);
        assert_eq!(read(format!("{}{}", root.to_pem(), leaf.to_pem()).as_bytes()).unwrap(), both);
        assert_eq!(read(&pkcs7(&[root, leaf])).unwrap(), both);
        let mut world = World::published();
        world.admitted("alpha-pki");
        let list = world.list();
        let payload = world.state.drafts[&Role::List(na())].documents.document.clone().unwrap();
        let anchors: Vec<_> = list.anchors.iter().map(|anchor| *anchor.fingerprint.as_bytes()).collect();
        assert!(!anchors.is_empty());
        assert_eq!(read(&payload).unwrap(), anchors);
        let signed = Jws::sign(payload.to_vec(), "ctl+jws", &[&world.keys["signer-1"]]).unwrap();
        assert_eq!(read(&signed.to_bytes()).unwrap(), anchors);
        for none in [b"{}".as_slice(), b"", b"no root"] {
            assert!(read(none).unwrap_err().to_string().contains("file"));
        }
    }
}
