//! Issues one certificate: the only place that touches the X.509 builder.

use std::time::Duration;

use ctl_pki::Certificate;
use der::asn1::{GeneralizedTime, Ia5String, OctetString};
use der::flagset::FlagSet;
use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use p256::ecdsa::{DerSignature, SigningKey};
use sha1::{Digest as _, Sha1};
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder, Result as BuilderResult};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CrlDistributionPoints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use crate::{MAX_CERTIFICATE_SIZE, SandboxError};

const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// Everything that stands in a certificate, besides what follows from the keys.
pub(crate) struct Request {
    pub(crate) subject: Name,
    pub(crate) issuer: Name,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    pub(crate) serial: [u8; 16],
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) is_ca: bool,
    pub(crate) path_len: Option<u8>,
    pub(crate) key_usage: FlagSet<KeyUsages>,
    /// Absent in roots: they have no authority but themselves.
    pub(crate) has_authority_key_id: bool,
    pub(crate) ocsp: Option<String>,
    pub(crate) ca_issuers: Option<String>,
    /// The addresses of one CRL.
    pub(crate) crl: Vec<String>,
}

/// Signs the certificate with the issuer's key, by ECDSA with SHA-256 and without randomness (RFC 6979).
pub(crate) fn issue(request: Request, issuer_key: &SigningKey) -> Result<Certificate, SandboxError> {
    let validity = Validity::new(time(request.not_before)?, time(request.not_after)?);
    let serial = SerialNumber::new(&positive(request.serial))?;
    let public_key = request.public_key.clone();
    let subject = request.subject.to_string();
    let built = CertificateBuilder::new(request, serial, validity, public_key)?
        .build::<_, DerSignature>(issuer_key)?
        .to_der()?;
    if built.len() > MAX_CERTIFICATE_SIZE {
        return Err(SandboxError::TooLarge { subject, size: built.len(), limit: MAX_CERTIFICATE_SIZE });
    }
    Ok(Certificate::from_der(&built)?)
}

/// The name and key of an existing certificate, taken over byte for byte.
pub(crate) fn name_and_key(
    certificate: &Certificate,
) -> Result<(Name, SubjectPublicKeyInfoOwned), SandboxError> {
    Ok((
        Name::from_der(certificate.subject_der())?,
        SubjectPublicKeyInfoOwned::from_der(certificate.spki_der())?,
    ))
}

impl BuilderProfile for Request {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> BuilderResult<Vec<Extension>> {
        let subject = tbs.subject();
        let mut extensions = Vec::new();
        // Tables 5 to 7 mark basic constraints and key usage critical in leaves too.
        let constraints = BasicConstraints { ca: self.is_ca, path_len_constraint: self.path_len };
        extensions.push((true, &constraints).to_extension(subject, &extensions)?);
        extensions.push((true, &KeyUsage(self.key_usage)).to_extension(subject, &extensions)?);
        let subject_key_id = SubjectKeyIdentifier(key_id(&key)?);
        extensions.push((false, &subject_key_id).to_extension(subject, &extensions)?);
        if self.has_authority_key_id {
            let authority =
                AuthorityKeyIdentifier { key_identifier: Some(key_id(&issuer_key)?), ..Default::default() };
            extensions.push((false, &authority).to_extension(subject, &extensions)?);
        }
        let mut access = Vec::new();
        for (method, url) in [(OCSP, &self.ocsp), (CA_ISSUERS, &self.ca_issuers)] {
            if let Some(url) = url {
                access.push(AccessDescription { access_method: method, access_location: location(url)? });
            }
        }
        if !access.is_empty() {
            extensions.push((false, &AuthorityInfoAccessSyntax(access)).to_extension(subject, &extensions)?);
        }
        if !self.crl.is_empty() {
            let names = self.crl.iter().map(|url| location(url)).collect::<der::Result<_>>()?;
            let point = DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(names)),
                reasons: None,
                crl_issuer: None,
            };
            let points = CrlDistributionPoints(vec![point]);
            extensions.push((false, &points).to_extension(subject, &extensions)?);
        }
        Ok(extensions)
    }
}

/// SHA-1 over the key's bits (RFC 5280 section 4.2.1.2, method 1).
fn key_id(key: &SubjectPublicKeyInfoRef<'_>) -> der::Result<OctetString> {
    OctetString::new(Sha1::digest(key.subject_public_key.raw_bytes()).to_vec())
}

fn location(url: &str) -> der::Result<GeneralName> {
    Ia5String::new(url).map(GeneralName::UniformResourceIdentifier)
}

/// The builder turns years before 2050 into UTCTime, as RFC 5280 section 4.1.2.5 wants.
fn time(seconds: i64) -> Result<Time, SandboxError> {
    let since_epoch = u64::try_from(seconds).map_err(|_| SandboxError::Time(seconds))?;
    GeneralizedTime::from_unix_duration(Duration::from_secs(since_epoch))
        .map(Time::GeneralTime)
        .map_err(|_| SandboxError::Time(seconds))
}

/// A serial number is positive and has no leading zeros (RFC 5280 section 4.1.2.2): its first byte is 64 to 127.
fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    let [first, ..] = &mut serial;
    *first = (*first & 0x3f) | 0x40;
    serial
}
