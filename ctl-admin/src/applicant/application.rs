//! Applications, what speaks for them, and comments.

use std::path::{Path, PathBuf};

use clap::Args;
use ctl_core::names::{Label, ListId, MoId, Url};
use ctl_core::parts::{Constraint, Constraints, Der, MAX_CERTIFICATE, Services, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::body::{
    ApplicationSubmit, ApplicationWithdraw, Candidate, CommentAdd, EvidenceAttach,
};
use ctl_governance::statement::parts::{BlobAccess, EvidenceKind};
use ctl_pki::{Certificate, certificate_from_bytes, pem};
use ctl_replica::statement::{MAX_BLOB, SALT};
use ctl_replica::{Blob, Replica};
use serde::Serialize;

use crate::applicant::possession;
use crate::arguments::{parse_use, word};
use crate::output::{Render, section};
use crate::screening::{self, Policies, Subject};
use crate::signing::{self, Ask, Said, Say, Signing};
use crate::{AdminError, describe, difference, files};

/// A PEM file with one certificate is at most so many bytes.
const MAX_PEM: usize = 2 * MAX_CERTIFICATE;

/// What applies.
pub trait Applicant: Args {
    /// As the statement has it.
    fn candidate(&self) -> Candidate;

    /// The file with the proof that the applicant holds its key.
    fn possession(&self) -> Option<&Path> {
        None
    }
}

/// A root.
#[derive(Args, Clone, Debug)]
pub struct Root {
    /// What it is to be trusted for, like iso15118-2/v2g; may be given several times
    #[arg(long = "use", value_name = "STANDARD/PURPOSE", required = true, value_parser = parse_use)]
    pub uses: Vec<Use>,
    /// Where its PKI can be reached.
    #[command(flatten)]
    pub services: Addresses,
    /// Its constraints.
    #[command(flatten)]
    pub constraints: Limits,
    /// That you hold the root's key: the certification request that it signed (see apply challenge).
    /// Without it electors must waive the rule possession
    #[arg(long, value_name = "FILE")]
    pub possession: Option<PathBuf>,
}

impl Applicant for Root {
    fn candidate(&self) -> Candidate {
        let Addresses { ocsp, crl, est, root_pool } = self.services.clone();
        Candidate::Root {
            constraints: self.constraints.constraints(),
            services: Services { ocsp, crl, est, root_pool },
            uses: sorted(self.uses.clone()),
        }
    }

    fn possession(&self) -> Option<&Path> {
        self.possession.as_deref()
    }
}

/// In the order of statements, each once.
pub(crate) fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

/// A cross-certificate between two listed anchors.
#[derive(Args, Clone, Debug)]
pub struct CrossCertificate {
    /// Fingerprint of the anchor that signed it
    #[arg(long, value_name = "SHA-256")]
    pub issuer: Digest,
    /// Fingerprint of the anchor whose key it is for
    #[arg(long, value_name = "SHA-256")]
    pub subject: Digest,
}

impl Applicant for CrossCertificate {
    fn candidate(&self) -> Candidate {
        Candidate::CrossCertificate { issuer: self.issuer, subject: self.subject }
    }
}

/// Where a PKI can be reached.
#[derive(Args, Clone, Debug, Default)]
pub struct Addresses {
    /// OCSP responder
    #[arg(long, value_name = "URL")]
    pub ocsp: Vec<Url>,
    /// CRL distribution point
    #[arg(long, value_name = "URL")]
    pub crl: Vec<Url>,
    /// EST cacerts address
    #[arg(long, value_name = "URL")]
    pub est: Vec<Url>,
    /// Root certificate pool
    #[arg(long, value_name = "URL")]
    pub root_pool: Vec<Url>,
}

/// The constraints that this release knows, all critical.
#[derive(Args, Clone, Debug, Default)]
pub struct Limits {
    /// Nothing issued after this moment is trusted, like 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub not_issued_after: Option<Timestamp>,
    /// The anchor is not trusted after this moment
    #[arg(long, value_name = "TIME")]
    pub not_trusted_after: Option<Timestamp>,
    /// Only contracts of this MO identifier; may be given several times
    #[arg(long = "mo-id", value_name = "ID")]
    pub mo_ids: Vec<MoId>,
}

impl Limits {
    /// As statements have them.
    #[must_use]
    pub fn constraints(&self) -> Constraints {
        let mut constraints = Constraints::default();
        for (name, time) in [
            (Constraints::NOT_ISSUED_AFTER, self.not_issued_after),
            (Constraints::NOT_TRUSTED_AFTER, self.not_trusted_after),
        ] {
            if let Some(time) = time {
                constraints.set_time(name, time, true);
            }
        }
        if !self.mo_ids.is_empty() {
            let value = self.mo_ids.iter().map(ToString::to_string).collect::<Vec<_>>().into();
            constraints.0.insert(Constraints::MO_IDS.into(), Constraint { critical: true, value });
        }
        constraints
    }
}

/// Applies for a place on a list.
#[derive(Args, Clone, Debug)]
pub struct Apply<T: Args> {
    /// The certificate, PEM or DER
    pub certificate: PathBuf,
    /// For which list
    #[arg(long)]
    pub list: ListId,
    /// Its name for people
    #[arg(long)]
    pub name: Label,
    /// What applies.
    #[command(flatten)]
    pub what: T,
    /// A policy that the charter names and this release does not bring
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
}

/// An application, ready to be sent, with what the policy finds.
#[derive(Clone, Debug, Serialize)]
pub struct Prepared {
    /// The certificate's subject.
    pub subject: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// What the policy finds, in lines; none is good.
    pub findings: Vec<String>,
    /// Whether one of them stands against admission.
    pub has_errors: bool,
    /// Everything that is signed.
    body: ApplicationSubmit,
}

impl Render for Prepared {
    fn text(&self) -> String {
        let proof = match (&self.body.candidate, &self.body.possession) {
            (Candidate::Root { .. }, None) => {
                "no proof that you hold its key: electors must waive the rule possession (see apply challenge)\n"
            }
            (Candidate::Root { .. }, Some(_)) => "with a proof that you hold its key\n",
            (Candidate::CrossCertificate { .. }, _) => "",
        };
        let head = format!("{}\nSHA-256 {}\n{proof}", self.subject, self.fingerprint);
        let findings = if self.findings.is_empty() {
            "screening by the list's policy finds nothing, before any evidence is attached\n".to_owned()
        } else {
            section("screening by the list's policy finds:", &self.findings)
        };
        head + &findings + &section("in full:", &difference::text(&describe::every_member(&self.body)))
    }
}

impl<T: Applicant> Ask for Apply<T> {
    type Prepared = Prepared;

    /// Screens it here, as the server will.
    async fn prepare(&self, session: &mut Replica, signing: &Signing) -> Result<Prepared, AdminError> {
        let now = session.now();
        let mut policies = Policies::with(&self.policy)?;
        let state = session.sync().await?.at(now).into_owned();
        if let Some(list) = state.charter.lists.get(&self.list) {
            policies.obtain(session.transport(), &list.policy).await?;
        }
        let certificate = read_certificate(&self.certificate)?;
        let proof = match (self.what.possession(), signing.keys.first()) {
            (Some(file), Some(key)) => {
                let key = key.public_key().key_id();
                Some(possession::read(file, &state, &certificate, &self.list, key, now)?)
            }
            _ => None,
        };
        let candidate = self.what.candidate();
        let subject = Subject { list: &self.list, candidate: &candidate, certificate: certificate.der() };
        let findings = screening::screen(&state, subject, &policies, now)?;
        Ok(Prepared {
            subject: certificate.subject().to_owned(),
            fingerprint: Digest::from_bytes(certificate.sha256()),
            has_errors: findings.iter().any(|finding| finding.severity == ctl_policy::Severity::Error),
            findings: findings.iter().map(screening::line).collect(),
            body: ApplicationSubmit {
                candidate,
                certificate: Der(certificate.der().to_vec()),
                list: self.list.clone(),
                name: self.name.clone(),
                possession: proof,
            },
        })
    }
}

impl signing::Prepared for Prepared {
    const QUESTION: &'static str = "Apply?";

    fn said(self) -> Result<Said, AdminError> {
        Ok((self.body.into(), Vec::new()))
    }
}

/// Reads one certificate, PEM or DER.
///
/// # Errors
/// The file cannot be read or is not one certificate.
pub fn read_certificate(path: &Path) -> Result<Certificate, AdminError> {
    certificate_from_bytes(&files::read(path, MAX_PEM)?).map_err(|e| AdminError::input(path.display(), e))
}

/// Takes an application back.
#[derive(Args, Clone, Copy, Debug)]
pub struct Withdraw {
    /// Index of the application's entry
    pub application: u64,
}

impl Say for Withdraw {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        Ok((ApplicationWithdraw { application: self.application }.into(), Vec::new()))
    }
}

/// Attaches evidence to an application: a fingerprint or a document.
#[derive(Args, Clone, Debug, Default)]
pub struct Evidence {
    /// Index of the application's entry
    pub application: u64,
    /// The fingerprint, as heard over a second channel
    #[arg(long, value_name = "SHA-256", conflicts_with_all = ["kind", "file"])]
    pub fingerprint: Option<Digest>,
    /// certificate-policy, audit-report or conformance-report
    #[arg(long, requires = "file", value_parser = word::<EvidenceKind>)]
    pub kind: Option<EvidenceKind>,
    /// The document
    #[arg(long, requires = "kind")]
    pub file: Option<PathBuf>,
    /// Only some may read it: the file is encrypted to them with age or CMS
    #[arg(long, requires = "file")]
    pub restricted: bool,
    /// The date that an audit report bears, like 2026-01-31T00:00:00Z (audit reports have one)
    #[arg(long, value_name = "TIME", requires = "file")]
    pub dated: Option<Timestamp>,
}

impl Say for Evidence {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        let &Self { application, fingerprint, kind, ref file, restricted, dated } = self;
        let (kind, blob) = match (fingerprint, kind, file) {
            (Some(_), ..) => (EvidenceKind::SecondChannelFingerprint, None),
            (None, Some(kind), Some(file)) => (kind, Some(document(file, restricted)?)),
            _ => return Err(AdminError::Input("give --fingerprint, or --kind and --file".into())),
        };
        let reference = blob.as_ref().map(|blob| blob.reference.clone());
        let body = EvidenceAttach { application, blob: reference, dated, fingerprint, kind };
        Ok((body.into(), blob.into_iter().collect()))
    }
}

/// A document as a blob; one that only some may read must be encrypted to them.
pub(crate) fn document(file: &Path, restricted: bool) -> Result<Blob, AdminError> {
    let content = files::read(file, MAX_BLOB - SALT)?;
    let access = if restricted { BlobAccess::Restricted } else { BlobAccess::Public };
    if restricted && !is_encrypted(&content) {
        return Err(AdminError::input(
            file.display(),
            "is not encrypted. A restricted document is served to anyone who knows its digest, so \
             encrypt it to its readers first: age -r RECIPIENT, or openssl cms -encrypt",
        ));
    }
    Ok(Blob::new(&content, access)?)
}

/// DER of the object identifiers of CMS EnvelopedData (1.2.840.113549.1.7.3) and AuthEnvelopedData
/// (1.2.840.113549.1.9.16.1.23), RFC 5652 and RFC 5083.
const ENVELOPED: [&[u8]; 2] = [
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03],
    &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17],
];

/// Whether a file is encrypted with age (binary or armoured) or CMS (DER or PEM), by its first bytes: a
/// guard against mistakes, not against intent.
fn is_encrypted(content: &[u8]) -> bool {
    if content.starts_with(b"age-encryption.org/v1\n")
        || content.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
    {
        return true;
    }
    let mut blocks = pem::pieces(content).filter_map(|piece| piece.block).peekable();
    if blocks.peek().is_none() {
        return is_enveloped(content);
    }
    blocks.all(|block| {
        matches!(block.label, b"CMS" | b"PKCS7") && block.content.is_ok_and(|der| is_enveloped(&der))
    })
}

/// A DER SEQUENCE whose first member is one of the two object identifiers.
fn is_enveloped(der: &[u8]) -> bool {
    let Some((&[0x30, length], rest)) = der.split_first_chunk::<2>() else { return false };
    let skip = if length < 0x80 { 0 } else { usize::from(length & 0x7f) };
    rest.get(skip..).is_some_and(|content| ENVELOPED.iter().any(|oid| content.starts_with(oid)))
}

/// Comments on an application or proposal.
#[derive(Args, Clone, Debug)]
pub struct Comment {
    /// Index of its entry
    pub about: u64,
    /// The text; public, and can be erased later
    pub text: String,
}

impl Say for Comment {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        let blob = Blob::new(self.text.as_bytes(), BlobAccess::Public)?;
        let body = CommentAdd { about: self.about, comment: blob.reference.clone() };
        Ok((body.into(), vec![blob]))
    }
}

#[cfg(test)]
mod tests {
    use ctl_core::parts::{Purpose, Standard};

    use super::*;

    #[test]
    fn only_age_and_cms_files_count_as_encrypted() {
        assert!(is_encrypted(b"age-encryption.org/v1\n-> X25519 abc\n"));
        assert!(is_encrypted(b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"));
        let enveloped = [&[0x30, 0x82, 0x01, 0x00][..], ENVELOPED[0], &[0xa0, 0x00]].concat();
        assert!(is_encrypted(&enveloped));
        let pem = pem::pem_block("CMS", &enveloped);
        assert!(is_encrypted(pem.as_bytes()));
        let signed_data = [0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
        for plain in [&b"%PDF-1.7"[..], b"", b"0", b"-----BEGIN CERTIFICATE-----\n", &signed_data] {
            assert!(!is_encrypted(plain), "{plain:?}");
        }
    }

    /// A form filled in by somebody else must not get a signature for more than its signer read.
    #[test]
    fn what_is_asked_for_stands_whole_on_the_screen_that_asks() {
        let shown = |name: &str, ocsp: &str| {
            let services = Services { ocsp: vec![ocsp.parse().unwrap()], ..Services::default() };
            let limits = Limits { mo_ids: vec!["USEVG".parse().unwrap()], ..Limits::default() };
            let candidate = Candidate::Root {
                constraints: limits.constraints(),
                services,
                uses: vec![Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g }],
            };
            let body = ApplicationSubmit {
                candidate,
                certificate: Der(vec![0x30, 0]),
                list: "na".parse().unwrap(),
                name: name.parse().unwrap(),
                possession: None,
            };
            let (subject, fingerprint) = ("CN=Root".to_owned(), Digest::of(&[0x30, 0]));
            Prepared { subject, fingerprint, findings: Vec::new(), has_errors: false, body }.text()
        };
        let text = shown("Aurora", "http://ocsp.example/");
        for part in ["\"Aurora\"", "http://ocsp.example/", "USEVG", "iso15118-2", "na"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert_ne!(text, shown("Aurora", "http://ocsp.example/other"));
        assert_ne!(text, shown("Borealis", "http://ocsp.example/"));
    }
}
