//! Applications, what speaks for them, and comments.

use std::path::{Path, PathBuf};

use ctl_core::names::{Label, ListId, MoId};
use ctl_core::parts::{Constraint, Constraints, Der, MAX_CERTIFICATE, Services, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{
    ApplicationSubmit, ApplicationWithdraw, Candidate, CommentAdd, EvidenceAttach,
};
use ctl_governance::statement::parts::{BlobAccess, EvidenceKind};
use ctl_pki::{Certificate, certificate_from_bytes};
use ctl_replica::statement::{MAX_BLOB, SALT};
use ctl_replica::{Blob, Replica, Submission};
use serde::Serialize;

use crate::applicant::possession;
use crate::output::{Render, section};
use crate::screening::{self, Policies, Subject};
use crate::signing::{self, Signing};
use crate::{AdminError, describe, difference, files};

/// A PEM file with one certificate is at most so many bytes.
const MAX_PEM: usize = 2 * MAX_CERTIFICATE;

/// What applies.
#[derive(Clone, Debug)]
pub enum What {
    /// A root.
    Root {
        /// What it is to be trusted for.
        uses: Vec<Use>,
        /// Where its PKI can be reached.
        services: Services,
        /// Its constraints.
        constraints: Limits,
        /// The certification request that proves that the applicant holds its key.
        possession: Option<PathBuf>,
    },
    /// A cross-certificate between two listed anchors.
    CrossCertificate {
        /// Fingerprint of the anchor that signed it.
        issuer: Digest,
        /// Fingerprint of the anchor whose key it is for.
        subject: Digest,
    },
}

/// The constraints that this release knows, all critical.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Nothing issued after this moment is trusted.
    pub not_issued_after: Option<Timestamp>,
    /// The anchor is not trusted after this moment.
    pub not_trusted_after: Option<Timestamp>,
    /// Only contracts of these MO identifiers; all if empty.
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
#[derive(Clone, Debug)]
pub struct Apply {
    /// The certificate's file, PEM or DER.
    pub certificate: PathBuf,
    /// For which list.
    pub list: ListId,
    /// Its name for people.
    pub name: Label,
    /// What applies.
    pub what: What,
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

impl Apply {
    /// Screens it here, as the server will.
    ///
    /// # Errors
    /// The certificate, policy or proof of possession cannot be used, or the list is unknown.
    pub async fn prepare(
        &self,
        session: &mut Replica,
        policies: &Policies,
        signing: &Signing,
    ) -> Result<Prepared, AdminError> {
        let now = session.now();
        let mut policies = policies.clone();
        let state = session.sync().await?.at(now).into_owned();
        if let Some(list) = state.charter.lists.get(&self.list) {
            policies.obtain(session.transport(), &list.policy).await?;
        }
        let certificate = read_certificate(&self.certificate)?;
        let proof = match (&self.what, signing.keys.first()) {
            (What::Root { possession: Some(file), .. }, Some(key)) => {
                let key = key.public_key().key_id();
                Some(possession::read(file, &state, &certificate, &self.list, key, now)?)
            }
            _ => None,
        };
        let candidate = match &self.what {
            What::Root { uses, services, constraints, .. } => {
                let mut uses = uses.clone();
                uses.sort_unstable();
                uses.dedup();
                Candidate::Root { constraints: constraints.constraints(), services: services.clone(), uses }
            }
            What::CrossCertificate { issuer, subject } => {
                Candidate::CrossCertificate { issuer: *issuer, subject: *subject }
            }
        };
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

impl Prepared {
    /// Sends it.
    ///
    /// # Errors
    /// Refused.
    pub async fn send(self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        signing::state(session, signing, self.body, Vec::new()).await
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
#[derive(Clone, Copy, Debug)]
pub struct Withdraw {
    /// Index of its entry.
    pub application: u64,
}

impl Withdraw {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        session.sync().await?;
        let body = ApplicationWithdraw { application: self.application };
        signing::state(session, signing, body, Vec::new()).await
    }
}

/// What speaks for an application.
#[derive(Clone, Debug)]
pub enum Exhibit {
    /// The fingerprint that was heard over a second channel.
    Fingerprint(Digest),
    /// A document.
    Document {
        /// What it is.
        kind: EvidenceKind,
        /// Its file.
        file: PathBuf,
        /// Whether only some may read it; it must be encrypted to them already.
        restricted: bool,
        /// The date that an audit report bears.
        dated: Option<Timestamp>,
    },
}

/// Attaches evidence to an application.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Index of the application's entry.
    pub application: u64,
    /// The evidence.
    pub exhibit: Exhibit,
}

impl Evidence {
    /// Records it, then uploads the document.
    ///
    /// # Errors
    /// The file cannot be used, or refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let application = self.application;
        let (body, blobs) = match &self.exhibit {
            Exhibit::Fingerprint(fingerprint) => {
                let kind = EvidenceKind::SecondChannelFingerprint;
                (
                    EvidenceAttach {
                        application,
                        blob: None,
                        dated: None,
                        fingerprint: Some(*fingerprint),
                        kind,
                    },
                    Vec::new(),
                )
            }
            Exhibit::Document { kind, file, restricted, dated } => {
                let blob = document(file, *restricted)?;
                let reference = Some(blob.reference.clone());
                let body = EvidenceAttach {
                    application,
                    blob: reference,
                    dated: *dated,
                    fingerprint: None,
                    kind: *kind,
                };
                (body, vec![blob])
            }
        };
        session.sync().await?;
        signing::state(session, signing, body, blobs).await
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
    if let Some(at) = content.windows(10).position(|window| window == b"-----BEGIN") {
        let pem = content.get(at..).unwrap_or_default();
        return pem_rfc7468::decode_vec(pem)
            .is_ok_and(|(label, der)| matches!(label, "CMS" | "PKCS7") && is_enveloped(&der));
    }
    is_enveloped(content)
}

/// A DER SEQUENCE whose first member is one of the two object identifiers.
fn is_enveloped(der: &[u8]) -> bool {
    let Some((&[0x30, length], rest)) = der.split_first_chunk::<2>() else { return false };
    let skip = if length < 0x80 { 0 } else { usize::from(length & 0x7f) };
    rest.get(skip..).is_some_and(|content| ENVELOPED.iter().any(|oid| content.starts_with(oid)))
}

/// Comments on an application or proposal. The text is public and can be erased later.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Index of the entry of the application or proposal.
    pub about: u64,
    /// The text.
    pub text: String,
}

impl Comment {
    /// Records it, then uploads the text.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let blob = Blob::new(self.text.as_bytes(), BlobAccess::Public)?;
        session.sync().await?;
        let body = CommentAdd { about: self.about, comment: blob.reference.clone() };
        signing::state(session, signing, body, vec![blob]).await
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
        let pem = pem_rfc7468::encode_string("CMS", pem_rfc7468::LineEnding::LF, &enveloped).unwrap();
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
