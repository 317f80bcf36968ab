//! The readable profile: which certificates may stand in a file that devices load.
//!
//! OpenSSL, and Python on top of it, refuse *every* certificate of a PEM bundle when they cannot parse one of them. So
//! one odd root on a list takes all trust from a charger. What is admitted is therefore DER throughout, and written so
//! that the parsers in the field read it: OpenSSL, Python's `ssl` and `cryptography`, mbedTLS, wolfSSL. The profile is
//! a subset of what they read, on purpose: in doubt it refuses. docs/readable.md is the same in words, and
//! `interop/checks/22-readable` holds it against the parsers themselves.
//!
//! It says nothing of trust. An expired or forged certificate, and one with an algorithm that nobody knows, can be read.

mod bundle;
mod extensions;

pub use bundle::{UnreadableBundle, readable_bundle};

use crate::Certificate;
use crate::der::{
    self, Face, IA5_STRING, Malformed, NULL, OBJECT_IDENTIFIER, PRINTABLE_STRING, SEQUENCE, UTF8_STRING, time,
};
use crate::error::CertificateError;
use crate::written::{Algorithm, Name, Parts};

/// Seconds of 1950-01-01T00:00:00Z, before which UTCTime cannot write.
const YEAR_1950: i64 = -631_152_000;
/// RFC 5280 section 4.1.2.2.
const MAX_SERIAL: usize = 20;

/// Why devices might not read a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// This release cannot parse it either.
    #[error(transparent)]
    NotParsed(#[from] CertificateError),
    /// Something in it is not DER.
    #[error("it is not DER throughout: {0}")]
    NotDer(&'static str),
    /// Neither version 3 nor, without extensions, version 1.
    #[error("the version is neither 3 nor, for a certificate without extensions, left out")]
    Version,
    /// The serial number.
    #[error("the serial number {0}")]
    Serial(&'static str),
    /// The parameters of the signature's or the key's algorithm.
    #[error("the algorithm of the {of} {problem}")]
    Algorithm {
        /// `signature` or `public key`.
        of: &'static str,
        /// What is wrong, to be read behind "the algorithm of the …".
        problem: &'static str,
    },
    /// Issuer or subject.
    #[error("the {whose} {problem}")]
    Name {
        /// `issuer` or `subject`.
        whose: &'static str,
        /// What is wrong, to be read behind "the issuer …".
        problem: &'static str,
    },
    /// The validity.
    #[error("the validity is odd: {0}")]
    Time(&'static str),
    /// The list of extensions.
    #[error("the extensions: {0}")]
    Extensions(&'static str),
    #[error("extension {name} ({oid}) {problem}")]
    Extension {
        /// The name the field uses, or again the object identifier.
        name: String,
        /// Its object identifier, dotted.
        oid: String,
        /// What is wrong, to be read behind the extension's name.
        problem: &'static str,
    },
    /// Unique identifiers, which RFC 5280 section 4.1.2.8 forbids.
    #[error("it has a unique identifier of issuer or subject, which no certificate of today has")]
    UniqueIdentifier,
}

impl Unreadable {
    /// A stable name for the rule that is broken.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NotParsed(_) => "parses",
            Self::NotDer(_) => "der",
            Self::Version => "version",
            Self::Serial(_) => "serial",
            Self::Algorithm { .. } => "algorithm-parameters",
            Self::Name { .. } => "name",
            Self::Time(_) => "time",
            Self::Extensions(_) => "extensions",
            Self::Extension { .. } => "extension",
            Self::UniqueIdentifier => "unique-identifier",
        }
    }
}

/// Parses one DER certificate and holds it against the readable profile.
pub fn readable(der: &[u8]) -> Result<Certificate, Unreadable> {
    let certificate = Certificate::from_der(der)?;
    certificate.check_readable()?;
    Ok(certificate)
}

impl Certificate {
    /// Whether the parsers that devices use read this certificate, by the written profile
    /// (docs/readable.md): DER throughout, and nothing in it that makes one of them refuse the whole file.
    pub fn check_readable(&self) -> Result<(), Unreadable> {
        let not_der = |error: Malformed| Unreadable::NotDer(error.what);
        self.check_der().map_err(not_der)?;
        der::check(self.der(), 0).map_err(not_der)?;
        check_parts(&Parts::read(self.der(), Face::Strict).map_err(not_der)?)
    }
}

fn check_parts(parts: &Parts<'_>) -> Result<(), Unreadable> {
    let version = parts.version.map(|version| version.content);
    if !matches!((version, parts.extension_list), (Some([2]), _) | (None, None)) {
        return Err(Unreadable::Version);
    }
    check_serial(parts.serial.content).map_err(Unreadable::Serial)?;
    check_signature_algorithm(&parts.inner_algorithm)?;
    let wrong_name = |whose| move |problem| Unreadable::Name { whose, problem };
    check_name(&parts.issuer).map_err(wrong_name("issuer"))?;
    check_name(&parts.subject).map_err(wrong_name("subject"))?;
    for moment in parts.validity {
        let seconds = time(moment).map_err(|error| Unreadable::Time(error.what))?;
        if seconds < YEAR_1950 {
            return Err(Unreadable::Time("a year before 1950"));
        }
    }
    check_key_algorithm(&parts.key.algorithm)?;
    if parts.issuer.attributes.is_empty() {
        return Err(Unreadable::Name { whose: "issuer", problem: "is empty" });
    }
    if parts.has_unique_identifiers {
        return Err(Unreadable::UniqueIdentifier);
    }
    extensions::check(parts)
}

fn check_serial(content: &[u8]) -> Result<(), &'static str> {
    match content {
        [] => Err("is empty"),
        [0x80..=0xff, ..] => Err("is negative"),
        [0] => Err("is zero"),
        [0, 0..=0x7f, ..] => Err("is not in its shortest form"),
        content if content.len() > MAX_SERIAL => Err("has more than 20 bytes"),
        _ => Ok(()),
    }
}

/// `1.2.840.113549.1.1`: RSA's algorithms, the only ones with NULL for parameters.
const RSA: &str = "1.2.840.113549.1.1.";
const RSA_PSS: [&str; 3] = ["1.2.840.113549.1.1.7", "1.2.840.113549.1.1.8", "1.2.840.113549.1.1.10"];

/// Kinds of keys that some read only with parameters: Diffie-Hellman, in both writings, and DSA.
const NEEDING_PARAMETERS: [&str; 3] = ["1.2.840.10046.2.1", "1.2.840.113549.1.3.1", "1.2.840.10040.4.1"];

fn check_signature_algorithm(algorithm: &Algorithm<'_>) -> Result<(), Unreadable> {
    check_usual_parameters(algorithm).map_err(|problem| Unreadable::Algorithm { of: "signature", problem })
}

fn check_key_algorithm(algorithm: &Algorithm<'_>) -> Result<(), Unreadable> {
    let wrong = |problem| Unreadable::Algorithm { of: "public key", problem };
    let oid = algorithm.oid.as_str();
    if NEEDING_PARAMETERS.contains(&oid) {
        return Err(wrong("is Diffie-Hellman or DSA, which no root of today has"));
    }
    if oid != "1.2.840.10045.2.1" {
        return check_usual_parameters(algorithm).map_err(wrong);
    }
    match algorithm.parameters.map(|parameters| parameters.tag) {
        Some(OBJECT_IDENTIFIER) => Ok(()),
        Some(SEQUENCE) => Err(wrong(
            "writes its curve out in explicit parameters instead of naming it (RFC 5480 section 2.1.1)",
        )),
        Some(NULL) => Err(wrong("has NULL where it must name its curve (RFC 5480 section 2.1.1)")),
        _ => Err(wrong("does not name its curve (RFC 5480 section 2.1.1)")),
    }
}

fn check_usual_parameters(algorithm: &Algorithm<'_>) -> Result<(), &'static str> {
    let (oid, parameters) = (algorithm.oid.as_str(), algorithm.parameters.map(|parameters| parameters.tag));
    if oid.starts_with(RSA) && !RSA_PSS.contains(&oid) {
        return if parameters == Some(NULL) {
            Ok(())
        } else {
            Err("is RSA and lacks the NULL that RFC 4055 asks for")
        };
    }
    match parameters {
        None => Ok(()),
        Some(NULL) => Err(
            "has NULL for parameters, where there must be none (RFC 5758 section 3.2, RFC 8410 section 3)",
        ),
        Some(_) => Err("has parameters, where there must be none"),
    }
}

/// Whether every value is of a string type that all read. What its characters are was seen before.
fn check_name(name: &Name<'_>) -> Result<(), &'static str> {
    for (position, attribute) in name.attributes.iter().enumerate() {
        if !matches!(attribute.tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING) {
            return Err("has a value that is neither UTF8String nor PrintableString nor IA5String");
        }
        if attribute.bytes.is_empty() {
            return Err("has an empty value");
        }
        let mut earlier = name.attributes.iter().take(position);
        if earlier.any(|other| other.part == attribute.part && other.oid == attribute.oid) {
            return Err("has an attribute twice in one of its parts");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::Reader;

    #[test]
    fn serial_numbers_are_positive_short_and_plain() {
        for content in [[].as_slice(), &[0], &[0xff], &[0, 1], &[1; 21], &[0, 0x80, 0]] {
            assert_eq!(check_serial(content).is_ok(), content == [0, 0x80, 0], "{content:02x?}");
        }
        assert_eq!(check_serial(&[0x7f; 20]), Ok(()));
    }

    #[test]
    fn parameters_that_one_parser_takes_and_another_refuses_are_refused() {
        let read = |bytes: &'static [u8]| Algorithm::read(&mut Reader::new(bytes)).unwrap();
        let ecdsa = read(&[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
        assert!(check_signature_algorithm(&ecdsa).is_ok());
        let with_null = read(&[0x30, 12, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2, 5, 0]);
        assert!(check_signature_algorithm(&with_null).unwrap_err().to_string().contains("NULL"));
        let explicit = read(&[0x30, 11, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x30, 0]);
        assert!(check_key_algorithm(&explicit).unwrap_err().to_string().contains("explicit"));
    }
}
