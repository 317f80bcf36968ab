//! Step 1: the PKIs, pretended, with their services live.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ctl_admin::ctl_core::Digest;
use ctl_admin::ctl_core::parts::Purpose;
use ctl_sandbox::live::Options;
use ctl_sandbox::{Entity, PkiKind, PkiSpec, Role, cross_certify, root_with_key_of, write_certificate};

use crate::Problem;
use crate::services::Services;
use crate::tour::Tour;

const DAY: i64 = 86_400;
const POLICY: &str = "certificate-policy.txt";
const AUDIT: &str = "audit-report.txt";

/// A certificate that someone wants on the list.
pub(crate) struct Candidate {
    /// The company that operates it.
    pub(crate) operator: &'static str,
    /// The PKI whose services answer for it.
    pub(crate) services_of: &'static str,
    /// Its name on the list.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// The certificate's file.
    pub(crate) file: PathBuf,
    /// The file of its operator's certificate policy.
    pub(crate) policy: PathBuf,
    /// The file of the auditor's report.
    pub(crate) audit: PathBuf,
    /// SHA-256 of the certificate.
    pub(crate) fingerprint: Digest,
}

/// All there are.
pub(crate) struct Pkis {
    /// Three V2G roots, one of a vehicle manufacturer, one of a mobility operator.
    pub(crate) roots: Vec<Candidate>,
    /// Aurora vouches for Borealis.
    pub(crate) cross: Candidate,
    /// A root that nobody should trust: another name for Aurora's key.
    pub(crate) eclipse: Candidate,
    /// Their services.
    pub(crate) services: Services,
}

impl Pkis {
    /// The root of an operator.
    pub(crate) fn root(&self, operator: &str) -> Result<&Candidate, Problem> {
        let found = self.roots.iter().find(|root| root.operator == operator);
        found.ok_or_else(|| Problem::Unexpected(format!("{operator} has no root")))
    }
}

/// Makes them.
pub(crate) fn make(tour: &mut Tour) -> Result<Pkis, Problem> {
    tour.begin("Pretend PKIs", "check");
    let yesterday = now() - DAY;
    let specs = vec![
        spec(PkiKind::V2g, "Aurora", "NL", "Aurora Charging B.V."),
        spec(PkiKind::V2g, "Borealis", "US", "Borealis Trust Inc."),
        spec(PkiKind::V2g, "Cirrus", "DE", "Cirrus Netz AG"),
        spec(PkiKind::Oem, "Dynamo", "FR", "Dynamo Motors S.A."),
        spec(PkiKind::Mo, "Elektra", "DE", "Elektra Mobility GmbH"),
    ];
    let services = Services::start(Options::new(specs))?;
    let pki = |name| services.live().pki(name);
    let (aurora, borealis) = (pki("aurora")?, pki("borealis")?);
    let folder = tour.path("pki");
    let mut roots = Vec::new();
    for operator in ["aurora", "borealis", "cirrus", "dynamo", "elektra"] {
        let pki = pki(operator)?;
        let folder = folder.join(operator);
        pki.write_to(&folder)?;
        roots.push(candidate(operator, pki.root(), pki.spec(), &folder)?);
    }
    let (issuer, subject) = (aurora.root(), borealis.root().certificate());
    let cross = cross_certify(issuer, subject, yesterday, issuer.certificate().not_after())?;
    let by_borealis = folder.join("borealis");
    write_certificate(&by_borealis, "cross-by-aurora", &cross)?;
    services.live().record("aurora", Role::Root, &cross, None)?;
    let shadowed = spec(PkiKind::V2g, "Eclipse", "NL", "Eclipse Services Ltd.");
    let shadow = root_with_key_of(aurora.root(), &shadowed)?;
    let by_eclipse = folder.join("eclipse");
    std::fs::create_dir(&by_eclipse).map_err(Problem::file(&by_eclipse))?;
    write_certificate(&by_eclipse, "root", shadow.certificate())?;
    let eclipse = candidate("eclipse", &shadow, &shadowed, &by_eclipse)?;
    tour.say("V2G roots Aurora, Borealis and Cirrus, an OEM root Dynamo, an MO root Elektra,");
    tour.say("each with its chains; and a cross-certificate by which Aurora vouches for Borealis");
    tour.see_file("pki");
    tour.say(format!(
        "their OCSP responders, CRLs, EST servers and root pools answer at http://{} and https://{}",
        services.live().address(),
        services.live().tls_address()
    ));
    Ok(Pkis {
        roots,
        cross: Candidate {
            operator: "borealis",
            services_of: "borealis",
            name: "Borealis, cross-certified by Aurora".into(),
            purpose: Purpose::V2g,
            file: by_borealis.join("cross-by-aurora.pem"),
            policy: by_borealis.join(POLICY),
            audit: by_borealis.join(AUDIT),
            fingerprint: Digest::from_bytes(cross.sha256()),
        },
        eclipse,
        services,
    })
}

/// What a PKI is made from.
pub(crate) fn spec(kind: PkiKind, name: &str, country: &str, operator: &str) -> PkiSpec {
    PkiSpec::new(kind, name, country, operator, "ctl-demo", now() - DAY)
}

/// A root in its operator's folder, with a certificate policy and an audit report beside it.
fn candidate(
    operator: &'static str,
    root: &Entity,
    spec: &PkiSpec,
    folder: &Path,
) -> Result<Candidate, Problem> {
    let policy = folder.join(POLICY);
    let text = format!("Certificate policy of {}, version 1.\n", spec.operator);
    std::fs::write(&policy, text).map_err(Problem::file(&policy))?;
    let audit = folder.join(AUDIT);
    let text = format!("Audit of {}: the policy is followed. No exceptions.\n", spec.operator);
    std::fs::write(&audit, text).map_err(Problem::file(&audit))?;
    let purpose = match spec.kind {
        PkiKind::V2g => Purpose::V2g,
        PkiKind::Mo => Purpose::Mo,
        PkiKind::Oem => Purpose::Oem,
    };
    Ok(Candidate {
        operator,
        // Who has Aurora's key and no PKI names Aurora's services as its own.
        services_of: if operator == "eclipse" { "aurora" } else { operator },
        name: spec.name.clone(),
        purpose,
        file: folder.join("root.pem"),
        policy,
        audit,
        fingerprint: Digest::from_bytes(root.certificate().sha256()),
    })
}

/// Whether a root is for `V2G`, `MO` or `OEM`.
pub(crate) fn is_for(candidate: &Candidate, purpose: &str) -> bool {
    match candidate.purpose {
        Purpose::V2g | Purpose::Vehicle => purpose == "V2G",
        Purpose::Mo => purpose == "MO",
        Purpose::Oem => purpose == "OEM",
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
