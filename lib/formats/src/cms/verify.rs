//! Judges the signers of a SignedData.

use std::collections::BTreeSet;

use ctl_core::{Digest, Timestamp};
use ctl_pki::path::{Limits, Question, search};
use ctl_pki::{Certificate, SignatureError};

use super::attributes::Attributes;
use super::{Hash, SignedData, SignerId, SignerInfo, SignerRefusal};

/// id-kp-codeSigning.
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
const NULL: &[u8] = &[5, 0];
/// How many certificates with the name of a signer are tried.
const MAX_CANDIDATES: usize = 4;
/// How many signatures are verified to find the path of one certificate. A stranger's CMS costs a second or two at most.
const MAX_PATH_SIGNATURES: usize = 20;

/// Who may have signed.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// The holders of these very certificates.
    Pinned(&'a [Certificate]),
    /// Holders of certificates for signing code below one of these, by RFC 5280; the CAs between may stand in the CMS.
    IssuedBy(&'a [Certificate]),
}

/// What was found about one SignerInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerReport {
    /// The certificate that it was judged by; in a refusal perhaps just one that came along and has its name.
    pub certificate: Option<Certificate>,
    /// When the signer says it signed: its own word, even if the signature is good.
    pub signing_time: Option<Timestamp>,
    /// Why it counts for nothing; none if it is good.
    pub refusal: Option<SignerRefusal>,
}

impl SignerReport {
    /// Whether the signature is good.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.refusal.is_none()
    }

    /// When the signer's certificate ended, if that was before `now`: a signature that is judged at an earlier moment is
    /// shown with this.
    #[must_use]
    pub fn ended_before(&self, now: Timestamp) -> Option<Timestamp> {
        let ended = Timestamp::from_unix(self.certificate.as_ref()?.not_after());
        (ended < now).then_some(ended)
    }
}

/// What was found about each signer, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    pub signers: Vec<SignerReport>,
}

impl Verification {
    /// The keys that signed, by the SHA-256 of their SubjectPublicKeyInfo: each once, however often it signed and under
    /// however many certificates.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<Digest> {
        let valid = self.signers.iter().filter(|signer| signer.is_valid());
        valid
            .filter_map(|signer| signer.certificate.as_ref())
            .map(|certificate| Digest::from_bytes(certificate.spki_sha256()))
            .collect()
    }

    /// The first refusal, if there is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&SignerRefusal> {
        self.signers.iter().find_map(|signer| signer.refusal.as_ref())
    }
}

pub(super) fn verify(message: &SignedData, trust: Trust<'_>, at: Timestamp) -> Verification {
    let signers = message.signers.iter().map(|signer| report(message, signer, trust, at)).collect();
    Verification { signers }
}

fn report(message: &SignedData, signer: &SignerInfo, trust: Trust<'_>, at: Timestamp) -> SignerReport {
    let named = || message.certificates.iter().find(|certificate| signer.id.names(certificate)).cloned();
    let refused =
        |signing_time, refusal| SignerReport { certificate: named(), signing_time, refusal: Some(refusal) };
    let attributes = match attributes(message, signer) {
        Ok(attributes) => attributes,
        Err(refusal) => return refused(None, refusal),
    };
    let signing_time = attributes.signing_time;
    let mut last = None;
    // Anybody can put certificates with the signer's name beside the right one: one that fits is enough.
    for certificate in candidates(message, signer, trust) {
        let judged = judge(message, signer, certificate, &attributes.signed, trust, at);
        let certificate = Some(certificate.clone());
        match judged {
            Ok(()) => return SignerReport { certificate, signing_time, refusal: None },
            Err(refusal) => last = Some(SignerReport { certificate, signing_time, refusal: Some(refusal) }),
        }
    }
    last.unwrap_or_else(|| {
        let refusal = named().map_or(SignerRefusal::NoCertificate, |certificate| {
            SignerRefusal::WrongSigner { subject: certificate.subject().to_owned() }
        });
        refused(signing_time, refusal)
    })
}

/// The signed attributes, if they belong to the content and the algorithms are known.
fn attributes<'a>(message: &SignedData, signer: &'a SignerInfo) -> Result<Attributes<'a>, SignerRefusal> {
    let version = match signer.id {
        SignerId::IssuerAndSerial { .. } => 1,
        SignerId::SubjectKeyId(_) => 3,
    };
    if signer.version != Some(version) {
        return Err(SignerRefusal::Version);
    }
    let digest = Hash::ALL.into_iter().find(|hash| hash.oid() == signer.digest.oid);
    let digest = digest.ok_or_else(|| SignerRefusal::UnknownDigest(signer.digest.name.clone()))?;
    let signature = Hash::ALL.into_iter().find(|hash| hash.ecdsa_oid() == signer.algorithm.oid);
    let signature =
        signature.ok_or_else(|| SignerRefusal::UnknownAlgorithm(signer.algorithm.name.clone()))?;
    if digest != signature {
        return Err(SignerRefusal::HashesDiffer);
    }
    // RFC 5754 section 2 lets a digest's parameters be NULL; section 3.3 lets those of ECDSA be nothing.
    let digest_parameters = signer.digest.parameters.as_deref();
    if digest_parameters.is_some_and(|found| found != NULL) || signer.algorithm.parameters.is_some() {
        return Err(SignerRefusal::AlgorithmParameters);
    }
    let attributes = signer.attributes.as_deref().ok_or(SignerRefusal::NoSignedAttributes)?;
    let attributes = Attributes::read(attributes)?;
    if attributes.message_digest != digest.digest(&message.content) {
        return Err(SignerRefusal::ContentDiffers);
    }
    Ok(attributes)
}

/// The certificates that the signer names, of those that may be trusted.
fn candidates<'a>(message: &'a SignedData, signer: &SignerInfo, trust: Trust<'a>) -> Vec<&'a Certificate> {
    let all: &[Certificate] = match trust {
        Trust::Pinned(pinned) => pinned,
        Trust::IssuedBy(_) => &message.certificates,
    };
    all.iter().filter(|certificate| signer.id.names(certificate)).take(MAX_CANDIDATES).collect()
}

fn judge(
    message: &SignedData,
    signer: &SignerInfo,
    certificate: &Certificate,
    signed: &[u8],
    trust: Trust<'_>,
    at: Timestamp,
) -> Result<(), SignerRefusal> {
    match certificate.verify_signature(&signer.algorithm.oid, signed, &signer.signature) {
        Ok(()) => {}
        Err(SignatureError::Invalid) => return Err(SignerRefusal::BadSignature),
        Err(error) => return Err(SignerRefusal::Signature(error)),
    }
    let (not_before, not_after) =
        (Timestamp::from_unix(certificate.not_before()), Timestamp::from_unix(certificate.not_after()));
    if at < not_before {
        return Err(SignerRefusal::NotYetValid { not_before, at });
    }
    if at > not_after {
        return Err(SignerRefusal::Expired { not_after, at });
    }
    match trust {
        Trust::Pinned(_) => Ok(()),
        Trust::IssuedBy(issuers) => issued(message, certificate, issuers, at),
    }
}

/// Whether a path leads from one of the issuers to the certificate, and the certificate is for signing code.
fn issued(
    message: &SignedData,
    certificate: &Certificate,
    issuers: &[Certificate],
    at: Timestamp,
) -> Result<(), SignerRefusal> {
    let subject = || certificate.subject().to_owned();
    let codes = certificate.extended_key_usage().ok().flatten();
    let keys = certificate.key_usage();
    let may_sign = match keys {
        Ok(usage) => usage.is_none_or(|usage| usage.value.has("digitalSignature")),
        Err(_) => false,
    };
    if !may_sign || !codes.is_some_and(|usage| usage.value.has(CODE_SIGNING)) {
        return Err(SignerRefusal::WrongUsage { subject: subject() });
    }
    let usual = Question::at(at.unix());
    let question = Question { limits: Limits { signatures: MAX_PATH_SIGNATURES, ..usual.limits }, ..usual };
    let found = search(certificate, &message.certificates, issuers, &question);
    if found.best().is_some() {
        return Ok(());
    }
    let failure = found.candidates.first().and_then(|candidate| candidate.validation.failure.as_ref());
    let problem =
        failure.map_or_else(|| "nothing leads there".to_owned(), |failure| failure.rejection.to_string());
    Err(SignerRefusal::NoPath { subject: subject(), problem })
}
