//! The closed set of requirements that a profile may make of a certificate. A file that asks for anything else is
//! refused: a rule that is not checked must never look fulfilled.

mod names;
mod words;

use std::collections::BTreeMap;
use std::fmt;

pub use names::{Curve, KeyAlgorithm, Purpose, SignatureAlgorithm, StringType};
use serde::Deserialize;
use serde::de::Error as _;

/// What a rule requires. In a profile's file it is written by its name in small letters with hyphens, with its
/// parameter behind it, for instance `{ size = 800 }`; those without parameter are written as `"positive-serial"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// The bytes have the form of one X.509 certificate, with nothing after it.
    Certificate,
    /// The parsers that devices use read it (docs/readable.md).
    Readable,
    /// The bytes are DER in this respect (X.690 sections 10 and 11).
    Der(DerForm),
    /// At most this many bytes of DER.
    Size(usize),
    /// The version, as people count: 3.
    Version(u8),
    /// The serial number is greater than zero.
    PositiveSerial,
    /// The serial number's content has at most this many bytes.
    SerialBytes(usize),
    /// The signature algorithm is one of these.
    SignatureAlgorithm(Vec<SignatureAlgorithm>),
    /// The signature algorithm is the same inside and outside the signed part.
    SameAlgorithms,
    /// Signature algorithms, and Edwards keys, have no parameters.
    NoAlgorithmParameters,
    /// The signature has the form that its algorithm prescribes.
    SignatureForm,
    /// The issuer's attribute.
    Issuer(Attribute),
    /// If the issuer has domain components, each is one of these.
    IssuerDomainComponent(Vec<String>),
    /// The subject's attribute.
    Subject(Attribute),
    /// If the subject has domain components, each is one of these.
    DomainComponent(Vec<String>),
    /// The subject has no attribute of another type.
    SubjectAttributes(Vec<String>),
    /// The string types that each attribute's value may have, in issuer and subject; `other` is for the rest.
    StringTypes(BTreeMap<String, Vec<StringType>>),
    /// The characters of each value in a name are those of its string type.
    StringCharacters,
    /// The most characters an attribute's value may have, in issuer and subject.
    NameLengths(BTreeMap<String, usize>),
    /// Countries are codes that ISO 3166-1 assigns.
    CountryCodes,
    /// The common name is an identifier of this kind.
    CommonName(Identifier),
    /// The common name has at most this many characters.
    CommonNameLength(usize),
    /// The subject has no domain component of these, which the rules do not know and real lists hold.
    UnusualDomainComponent(Vec<String>),
    /// If the common name is an eMAID of 15 characters, the last is its check digit.
    EmaidCheckDigit,
    /// Times are written as RFC 5280 section 4.1.2.5 wants.
    TimeForms,
    /// Validity does not end before it begins.
    OrderedValidity,
    /// Validity is at most this long.
    ValidityMax(Period),
    /// Validity is at least this long.
    ValidityMin(Period),
    /// The public key's algorithm is one of these.
    KeyAlgorithm(Vec<KeyAlgorithm>),
    /// An elliptic-curve key names its curve.
    NamedCurve,
    /// The named curve of an elliptic-curve key is one of these.
    Curve(Vec<Curve>),
    /// The key is a point of its curve, uncompressed and not the identity.
    PointOnCurve,
    /// Issuer and subject are the same name.
    SelfIssued,
    /// Issuer and subject are not the same name.
    NotSelfIssued,
    /// Neither issuer nor subject has a unique identifier.
    NoUniqueIdentifiers,
    /// No extension stands in the certificate twice.
    UniqueExtensions,
    /// Known extensions have the form that is prescribed for them.
    WellFormedExtensions,
    /// No critical extension is unknown.
    KnownCriticalExtensions,
    /// There is no other extension than those that the profile speaks of.
    ListedExtensions,
    /// Whether an extension stands in the certificate, and whether it is critical.
    Extension(ExtensionUse),
    /// Key usage, bit by bit.
    KeyUsage(KeyUsage),
    /// Extended key usage holds exactly these purposes.
    ExtendedKeyUsage(Vec<Purpose>),
    /// What basic constraints say about being a CA.
    Ca(bool),
    /// The path length of basic constraints.
    PathLength(PathLength),
    /// If the extension is there, it names at least one address that begins with http:// or https://, in any case.
    Address(Service),
    /// If there is an authority key identifier, it has a key identifier.
    AuthorityKeyId,
    /// In a self-issued certificate, the authority key identifier is its own subject key identifier.
    OwnAuthorityKeyId,
    /// If the issuer is given, it has the name that the certificate gives its issuer.
    IssuedByIssuer,
    /// If the issuer is given, the authority key identifier is its subject key identifier.
    IssuerKeyId,
    /// If the issuer is given, validity lies within the issuer's.
    WithinIssuerValidity,
}

/// A respect in which bytes may differ from DER and can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DerForm {
    /// Lengths in the fewest bytes.
    MinimalLengths,
    /// INTEGERs and object identifiers in the fewest bytes.
    MinimalNumbers,
    /// BOOLEANs are 00 or ff.
    Booleans,
    /// Unused bits are zero; named bits end with the last that is set.
    BitStrings,
    /// SET OF in ascending order.
    SortedSets,
    /// Default values are left out.
    NoDefaults,
}

/// Whether something stands in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Exactly once: `x` in the tables.
    Required,
    /// `(x)` in the tables.
    Optional,
    /// `-` in the tables.
    Forbidden,
}

/// An attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// `C`, `O`, `OU`, `CN`, `DC` …
    pub attribute: String,
    /// Whether it must be there.
    pub presence: Presence,
}

/// Whether an extension is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Critical {
    /// `c` in the tables.
    Yes,
    /// `nc` in the tables.
    No,
    /// The table does not say.
    Either,
}

/// Whether an extension stands in the certificate, and whether it is critical.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionUse {
    /// Its name in RFC 5280, or a dotted object identifier.
    pub name: String,
    /// Whether it must be there.
    pub presence: Presence,
    /// Whether it must be critical.
    pub critical: Critical,
}

impl ExtensionUse {
    /// The extension's object identifier; a dotted name stands for itself. `None` for a name that nobody uses.
    pub(crate) fn oid(&self) -> Option<&str> {
        let name = self.name.as_str();
        let is_dotted = name.contains('.') && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        ctl_pki::oid::extension_oid(name).or(is_dotted.then_some(name))
    }
}

/// One bit of key usage, as the tables write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Bit {
    /// Not set.
    #[serde(rename = "0")]
    Clear,
    #[serde(rename = "1")]
    Set,
    /// Either.
    #[serde(rename = "0/1")]
    Free,
}

/// Every bit of key usage (RFC 5280 section 4.2.1.3); a profile states them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyUsage {
    pub digital_signature: Bit,
    pub non_repudiation: Bit,
    pub key_encipherment: Bit,
    pub data_encipherment: Bit,
    pub key_agreement: Bit,
    pub key_cert_sign: Bit,
    #[serde(rename = "cRLSign")]
    pub crl_sign: Bit,
    pub encipher_only: Bit,
    pub decipher_only: Bit,
}

impl KeyUsage {
    /// The bits with their names, in RFC 5280's order.
    pub fn bits(&self) -> [(&'static str, Bit); 9] {
        [
            ("digitalSignature", self.digital_signature),
            ("nonRepudiation", self.non_repudiation),
            ("keyEncipherment", self.key_encipherment),
            ("dataEncipherment", self.data_encipherment),
            ("keyAgreement", self.key_agreement),
            ("keyCertSign", self.key_cert_sign),
            ("cRLSign", self.crl_sign),
            ("encipherOnly", self.encipher_only),
            ("decipherOnly", self.decipher_only),
        ]
    }
}

/// The path length of basic constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathLength {
    /// There is none: `-` in the tables.
    Absent,
    /// There is one, and it is this.
    Exactly(u32),
    /// There is one, and it is at most this.
    AtMost(u32),
}

/// Where an extension says that a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// An OCSP responder, in authorityInfoAccess.
    Ocsp,
    /// A CRL, in cRLDistributionPoints.
    Crl,
}

/// What a common name identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identifier {
    /// A contract, as OPCP 1.0 reads it (the check digit is optional).
    Emaid,
    /// A provisioning certificate, as OPCP 1.0 reads it.
    Pcid,
    /// A charger's communication controller, or one of its EVSEs.
    SeccId,
}

/// A length of time as the tables write it: `40 years`, `3 months`, `1 day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Calendar years.
    Years(u32),
    /// Calendar months.
    Months(u32),
    /// Days of 86,400 seconds.
    Days(u32),
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format!("{text:?} is no period; write it like \"40 years\""));
        let (number, unit) = text.split_once(' ').ok_or_else(unknown)?;
        let number = number.parse().ok().filter(|number| (1..=1000).contains(number)).ok_or_else(unknown)?;
        match unit {
            "year" | "years" => Ok(Self::Years(number)),
            "month" | "months" => Ok(Self::Months(number)),
            "day" | "days" => Ok(Self::Days(number)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self {
            Self::Years(number) => (number, "year"),
            Self::Months(number) => (number, "month"),
            Self::Days(number) => (number, "day"),
        };
        write!(f, "{number} {unit}{}", if *number == 1 { "" } else { "s" })
    }
}
