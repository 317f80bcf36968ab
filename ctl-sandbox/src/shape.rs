//! Certificates of any shape, for graphs that no PKI would issue: any name over any key, signed by any key,
//! with whatever key identifiers and extensions a test, a fuzz target or a measurement needs.
//!
//! Nothing is checked, and nothing follows from the profiles of ISO 15118: use [`Pki`](crate::Pki) for those.

use std::str::FromStr as _;
use std::time::Duration;

use ctl_pki::Certificate;
use der::Encode as _;
use der::asn1::{GeneralizedTime, UtcTime};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_cert::name::Name;
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use crate::SandboxError;

/// id-ce-subjectKeyIdentifier.
const SUBJECT_KEY_ID: &str = "2.5.29.14";
/// id-ce-keyUsage.
const KEY_USAGE: &str = "2.5.29.15";
/// id-ce-basicConstraints.
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
/// id-ce-authorityKeyIdentifier.
const AUTHORITY_KEY_ID: &str = "2.5.29.35";
/// ecdsa-with-SHA256 and ecdsa-with-SHA512 as DER AlgorithmIdentifier.
const ECDSA_SHA256: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA512: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

/// A private key that follows from its label: equal labels give equal keys.
#[derive(Clone)]
pub struct Key {
    secret: Secret,
    spki: Vec<u8>,
    id: [u8; 20],
}

#[derive(Clone)]
enum Secret {
    P256(p256::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl Key {
    /// A P-256 key, which signs with SHA-256.
    pub fn p256(label: &str) -> Result<Self, SandboxError> {
        Self::of(&Self::secret_p256(label))
    }

    /// A P-256 key that somebody has already, as PKCS#8 PEM.
    pub fn p256_from_pem(pem: &str) -> Result<Self, SandboxError> {
        use p256::pkcs8::DecodePrivateKey as _;
        Self::of(&p256::SecretKey::from_pkcs8_pem(pem).map_err(|_| SandboxError::Key)?)
    }

    /// The private key behind [`p256`](Self::p256).
    pub(crate) fn secret_p256(label: &str) -> p256::SecretKey {
        loop_until(label, |random| {
            let mut bytes = [0; 32];
            random.fill_bytes(&mut bytes);
            p256::SecretKey::from_slice(&bytes).ok()
        })
    }

    /// A P-521 key, which signs with SHA-512.
    pub fn p521(label: &str) -> Result<Self, SandboxError> {
        let secret = loop_until(label, |random| {
            let mut bytes = [0; 66];
            random.fill_bytes(&mut bytes);
            // The field has 521 bits: the first byte holds one of them.
            let [first, ..] = &mut bytes;
            *first &= 1;
            p521::SecretKey::from_slice(&bytes).ok()
        });
        let spki = SubjectPublicKeyInfoOwned::from_key(&secret.public_key());
        Self::new(Secret::P521(secret.into()), spki)
    }

    fn new(
        secret: Secret,
        spki: Result<SubjectPublicKeyInfoOwned, x509_cert::spki::Error>,
    ) -> Result<Self, SandboxError> {
        let spki = spki.map_err(x509_cert::builder::Error::from)?;
        let id = Sha1::digest(spki.subject_public_key.raw_bytes()).into();
        Ok(Self { secret, spki: spki.to_der()?, id })
    }

    /// A P-256 key that somebody has already.
    pub(crate) fn of(secret: &p256::SecretKey) -> Result<Self, SandboxError> {
        let spki = SubjectPublicKeyInfoOwned::from_key(&secret.public_key());
        Self::new(Secret::P256(secret.into()), spki)
    }

    /// The key identifier of RFC 5280 section 4.2.1.2, method 1.
    pub fn id(&self) -> [u8; 20] {
        self.id
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The private key as DER PKCS#8, for a server that is to use it.
    pub fn pkcs8_der(&self) -> Result<Vec<u8>, SandboxError> {
        use p256::pkcs8::EncodePrivateKey as _;
        let document = match &self.secret {
            Secret::P256(key) => key.to_pkcs8_der(),
            Secret::P521(key) => key.to_pkcs8_der(),
        };
        Ok(document.map_err(|_| SandboxError::Key)?.as_bytes().to_vec())
    }

    pub(crate) fn algorithm(&self) -> &'static [u8] {
        match self.secret {
            Secret::P256(_) => &ECDSA_SHA256,
            Secret::P521(_) => &ECDSA_SHA512,
        }
    }

    /// Signs as nobody should any more: with SHA-1.
    pub(crate) fn sign_sha1(&self, message: &[u8]) -> Result<Vec<u8>, SandboxError> {
        // The digest is a number (FIPS 186-5 section 6.4.1), here written as wide as the largest field.
        let mut number = [0; 66];
        let (_, last) = number.split_at_mut(66 - 20);
        last.copy_from_slice(&Sha1::digest(message));
        let signature = match &self.secret {
            Secret::P256(key) => key
                .sign_prehash(&number[66 - 32..])
                .map(|signature: p256::ecdsa::DerSignature| signature.as_bytes().to_vec()),
            Secret::P521(key) => key
                .sign_prehash(&number)
                .map(|signature: p521::ecdsa::DerSignature| signature.as_bytes().to_vec()),
        };
        signature.map_err(|_| SandboxError::Key)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Secret::P521(key) => {
                let signature: p521::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
        }
    }
}

/// What stands in a certificate, before it is signed.
#[derive(Clone)]
pub struct Shape {
    subject: Vec<u8>,
    key: Key,
    serial: u64,
    not_before: i64,
    not_after: i64,
    /// Object identifier, critical, DER value.
    extensions: Vec<(String, bool, Vec<u8>)>,
    with_key_ids: bool,
}

impl Shape {
    /// A certificate for this name (as RFC 4514 writes it) and key, valid from 2020 to 2049, with a subject
    /// key identifier and, once signed, an authority key identifier.
    pub fn new(subject: &str, key: &Key) -> Result<Self, SandboxError> {
        Ok(Self {
            subject: Name::from_str(subject)?.to_der()?,
            key: key.clone(),
            serial: 1,
            not_before: 1_577_836_800,
            not_after: 2_493_072_000,
            extensions: Vec::new(),
            with_key_ids: true,
        })
    }

    /// A CA: critical basic constraints, and critical key usage keyCertSign and cRLSign.
    pub fn ca(subject: &str, key: &Key, path_len: Option<u8>) -> Result<Self, SandboxError> {
        let mut constraints = tlv(0x01, &[0xff]);
        if let Some(path_len) = path_len {
            constraints.extend(tlv(0x02, &[path_len & 0x7f]));
        }
        let constraints = tlv(0x30, &constraints);
        Ok(Self::new(subject, key)?.extension(BASIC_CONSTRAINTS, true, &constraints).key_usage(&[5, 6]))
    }

    /// The serial number.
    #[must_use]
    pub fn serial(mut self, serial: u64) -> Self {
        self.serial = serial;
        self
    }

    /// The validity, in Unix seconds.
    #[must_use]
    pub fn valid(mut self, not_before: i64, not_after: i64) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    /// An extension, instead of any of the same object identifier.
    #[must_use]
    pub fn extension(mut self, oid: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.retain(|(present, ..)| present != oid);
        self.extensions.push((oid.to_owned(), critical, value.to_vec()));
        self
    }

    /// Leaves an extension out.
    #[must_use]
    pub fn without_extension(mut self, oid: &str) -> Self {
        self.extensions.retain(|(present, ..)| present != oid);
        self
    }

    /// Critical key usage with these bits, counted as RFC 5280 section 4.2.1.3 does (0 digitalSignature …).
    #[must_use]
    pub fn key_usage(self, bits: &[u8]) -> Self {
        let mut bytes = [0u8; 2];
        for bit in bits {
            if let Some(byte) = bytes.get_mut(usize::from(bit / 8)) {
                *byte |= 0x80 >> (bit % 8);
            }
        }
        let used = if bytes[1] == 0 { 1 } else { 2 };
        let last = if used == 1 { bytes[0] } else { bytes[1] };
        let unused = u8::try_from(last.trailing_zeros().min(7)).unwrap_or(0);
        let mut value = vec![unused];
        value.extend(bytes.iter().take(used));
        self.extension(KEY_USAGE, true, &tlv(0x03, &value))
    }

    /// An authority key identifier that says this, true or not.
    #[must_use]
    pub fn authority_key_id(self, id: &[u8]) -> Self {
        self.extension(AUTHORITY_KEY_ID, false, &tlv(0x30, &tlv(0x80, id)))
    }

    /// A subject key identifier that says this, true or not.
    #[must_use]
    pub fn subject_key_id(self, id: &[u8]) -> Self {
        self.extension(SUBJECT_KEY_ID, false, &tlv(0x04, id))
    }

    /// Leaves out the key identifiers that were not asked for.
    #[must_use]
    pub fn without_key_ids(mut self) -> Self {
        self.with_key_ids = false;
        self
    }

    /// Signed by its own key in its own name.
    pub fn self_signed(mut self) -> Result<Certificate, SandboxError> {
        if self.with_key_ids && !self.has(SUBJECT_KEY_ID) {
            let id = self.key.id();
            self = self.subject_key_id(&id);
        }
        let (key, issuer) = (self.key.clone(), self.subject.clone());
        self.sign(&issuer, &key)
    }

    /// Signed by this key in this name, whoever they belong to.
    pub fn signed_by(self, issuer: &str, key: &Key) -> Result<Certificate, SandboxError> {
        let issuer = Name::from_str(issuer)?.to_der()?;
        self.signed_as(&issuer, key)
    }

    /// Signed by this key in this name, given as DER: byte for byte what stands in another certificate.
    pub(crate) fn signed_as(mut self, issuer: &[u8], key: &Key) -> Result<Certificate, SandboxError> {
        if self.with_key_ids {
            if !self.has(SUBJECT_KEY_ID) {
                let id = self.key.id();
                self = self.subject_key_id(&id);
            }
            if !self.has(AUTHORITY_KEY_ID) {
                self = self.authority_key_id(&key.id());
            }
        }
        self.sign(issuer, key)
    }

    fn has(&self, oid: &str) -> bool {
        self.extensions.iter().any(|(present, ..)| present == oid)
    }

    fn sign(&self, issuer: &[u8], key: &Key) -> Result<Certificate, SandboxError> {
        let mut serial = self.serial.to_be_bytes().to_vec();
        // Positive, and in as few bytes as it takes.
        while serial.len() > 1 && serial.first() == Some(&0) && serial.get(1).is_some_and(|next| *next < 0x80)
        {
            serial.remove(0);
        }
        if serial.first().is_some_and(|first| *first >= 0x80) {
            serial.insert(0, 0);
        }
        let validity =
            Validity::<x509_cert::certificate::Rfc5280>::new(time(self.not_before)?, time(self.not_after)?);
        let mut signed = tlv(0xa0, &tlv(0x02, &[2]));
        signed.extend(tlv(0x02, &serial));
        signed.extend(key.algorithm());
        signed.extend(issuer);
        signed.extend(validity.to_der()?);
        signed.extend(&self.subject);
        signed.extend(&self.key.spki);
        if !self.extensions.is_empty() {
            let mut extensions = Vec::new();
            for (oid, critical, value) in &self.extensions {
                let mut extension = ObjectIdentifier::from_str(oid).map_err(der::Error::from)?.to_der()?;
                if *critical {
                    extension.extend(tlv(0x01, &[0xff]));
                }
                extension.extend(tlv(0x04, value));
                extensions.extend(tlv(0x30, &extension));
            }
            signed.extend(tlv(0xa3, &tlv(0x30, &extensions)));
        }
        let signed = tlv(0x30, &signed);
        let mut bits = vec![0];
        bits.extend(key.sign(&signed));
        let mut certificate = signed;
        certificate.extend(key.algorithm());
        certificate.extend(tlv(0x03, &bits));
        Ok(Certificate::from_der(&tlv(0x30, &certificate))?)
    }
}

/// One DER element of less than 16 MiB.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut element = vec![tag];
    match length {
        0..0x80 => element.push(length as u8),
        0x80..0x100 => element.extend([0x81, length as u8]),
        0x100..0x1_0000 => element.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => element.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    element.extend(content);
    element
}

/// UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5).
fn time(seconds: i64) -> Result<Time, SandboxError> {
    let since_epoch = u64::try_from(seconds).map_err(|_| SandboxError::Time(seconds))?;
    let since_epoch = Duration::from_secs(since_epoch);
    let time = match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => GeneralizedTime::from_unix_duration(since_epoch).map(Time::GeneralTime),
    };
    time.map_err(|_| SandboxError::Time(seconds))
}

/// Draws until what is drawn is a key; nearly every first draw is.
fn loop_until<T>(label: &str, draw: impl Fn(&mut ChaCha20Rng) -> Option<T>) -> T {
    let mut hash = Sha256::new();
    hash.update(b"ctl-sandbox shape");
    hash.update(label.as_bytes());
    let mut random = ChaCha20Rng::from_seed(hash.finalize().into());
    loop {
        if let Some(key) = draw(&mut random) {
            return key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stands_in_the_certificate() {
        for (issuer_key, key) in [
            (Key::p256("root").unwrap(), Key::p521("leaf").unwrap()),
            (Key::p521("root").unwrap(), Key::p256("leaf").unwrap()),
        ] {
            let root = Shape::ca("CN=Root", &issuer_key, Some(2)).unwrap().self_signed().unwrap();
            assert_eq!((root.is_ca(), root.path_len()), (true, Some(2)));
            assert_eq!(root.verify_self_signature(), Ok(()));
            assert!(root.authority_key_id().is_none());
            let leaf = Shape::new("CN=Leaf,O=Söhne", &key).unwrap().serial(200).valid(0, 4_000_000_000);
            let lying = leaf.clone().authority_key_id(b"another").signed_by("CN=Root", &issuer_key).unwrap();
            let leaf = leaf.signed_by("CN=Root", &issuer_key).unwrap();
            assert_eq!(leaf.verify_signed_by(&root), Ok(()));
            assert_eq!(leaf.issuer_der(), root.subject_der());
            assert_eq!(leaf.authority_key_id(), root.subject_key_id());
            assert_eq!(lying.authority_key_id(), Some(&b"another"[..]));
            assert_eq!((leaf.serial_hex(), leaf.not_after()), ("c8", 4_000_000_000));
        }
    }
}
