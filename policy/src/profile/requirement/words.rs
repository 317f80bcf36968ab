//! A requirement in words, for findings and for those who read what a profile asks.

use std::fmt;

use super::{
    Attribute, Bit, Critical, DerForm, ExtensionUse, Identifier, PathLength, Presence, Requirement, Service,
};

/// The requirement in words, as a finding names what was expected.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => f.write_str("one X.509 certificate in DER, with nothing after it"),
            Self::Readable => f.write_str("a certificate that the parsers of devices read (docs/readable.md)"),
            Self::Der(form) => f.write_str(match form {
                DerForm::MinimalLengths => "lengths in the fewest bytes",
                DerForm::MinimalNumbers => "numbers in the fewest bytes",
                DerForm::Booleans => "BOOLEAN is 00 or ff",
                DerForm::BitStrings => "unused bits are zero, and named bits end with the last that is set",
                DerForm::SortedSets => "SET OF in ascending order",
                DerForm::NoDefaults => "default values are left out",
            }),
            Self::Size(size) => write!(f, "at most {size} bytes"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::PositiveSerial => f.write_str("a serial number greater than zero"),
            Self::SerialBytes(bytes) => write!(f, "a serial number of at most {bytes} bytes"),
            Self::SignatureAlgorithm(algorithms) => write!(f, "signed with {}", any_of(algorithms)),
            Self::SameAlgorithms => f.write_str("the same signature algorithm inside and outside the signed part"),
            Self::NoAlgorithmParameters => f.write_str("no parameters of the signature or Edwards-curve algorithm"),
            Self::SignatureForm => f.write_str("a signature in the form that its algorithm prescribes"),
            Self::Issuer(attribute) => write!(f, "issuer: {attribute}"),
            Self::IssuerDomainComponent(values) => write!(f, "issuer: DC, if any, is {}", any_of(values)),
            Self::Subject(attribute) => write!(f, "subject: {attribute}"),
            Self::DomainComponent(values) => write!(f, "subject: DC, if any, is {}", any_of(values)),
            Self::SubjectAttributes(kinds) => write!(f, "subject: only {}", kinds.join(", ")),
            Self::StringTypes(types) => {
                let types = types.iter().map(|(kind, types)| format!("{kind} as {}", any_of(types)));
                f.write_str(&types.collect::<Vec<_>>().join(", "))
            }
            Self::StringCharacters => f.write_str("only characters that the string type has"),
            Self::NameLengths(limits) => {
                let limits = limits.iter().map(|(kind, limit)| format!("{kind} at most {limit}"));
                write!(f, "characters: {}", limits.collect::<Vec<_>>().join(", "))
            }
            Self::CountryCodes => f.write_str("a country is a code of ISO 3166-1, in capital letters"),
            Self::CommonName(identifier) => f.write_str(match identifier {
                Identifier::Emaid => {
                    "CN is an eMAID: two letters, three and nine letters or digits, perhaps a check digit, perhaps with hyphens"
                }
                Identifier::Pcid => "CN is a PCID: 17 or 18 letters or digits",
                Identifier::SeccId => {
                    "CN is a SECC or EVSE id: country, operator of three, S or E, number; perhaps with separators"
                }
            }),
            Self::CommonNameLength(limit) => write!(f, "CN has at most {limit} characters"),
            Self::UnusualDomainComponent(unusual) => write!(f, "subject: DC is not {}", any_of(unusual)),
            Self::EmaidCheckDigit => f.write_str("the check digit that follows from the first 14 characters"),
            Self::TimeForms => {
                f.write_str("YYMMDDHHMMSSZ in UTCTime through 2049, YYYYMMDDHHMMSSZ in GeneralizedTime from 2050")
            }
            Self::OrderedValidity => f.write_str("notAfter is not before notBefore"),
            Self::ValidityMax(period) => write!(f, "valid for at most {period}"),
            Self::ValidityMin(period) => write!(f, "valid for at least {period}"),
            Self::KeyAlgorithm(algorithms) => write!(f, "a key of {}", any_of(algorithms)),
            Self::NamedCurve => f.write_str("an elliptic-curve key names its curve"),
            Self::Curve(curves) => write!(f, "the curve {}", any_of(curves)),
            Self::PointOnCurve => f.write_str("a point of the curve, uncompressed, not the identity"),
            Self::SelfIssued => f.write_str("issuer and subject are the same name"),
            Self::NotSelfIssued => f.write_str("issuer and subject are different names"),
            Self::NoUniqueIdentifiers => f.write_str("no unique identifiers"),
            Self::UniqueExtensions => f.write_str("each extension at most once"),
            Self::WellFormedExtensions => f.write_str("the form that is prescribed for the extension"),
            Self::KnownCriticalExtensions => f.write_str("no unknown critical extension"),
            Self::ListedExtensions => f.write_str("no extension that the profile does not speak of"),
            Self::Extension(ExtensionUse { name, presence, critical }) => {
                let critical = match (presence, critical) {
                    (Presence::Forbidden, _) | (_, Critical::Either) => "",
                    (_, Critical::Yes) => ", critical",
                    (_, Critical::No) => ", not critical",
                };
                write!(f, "{name} {}{critical}", presence.word())
            }
            Self::KeyUsage(usage) => {
                let named = |wanted| {
                    let bits = usage.bits().into_iter().filter(move |(_, bit)| *bit == wanted);
                    bits.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
                };
                write!(f, "keyUsage with {}; without {}", named(Bit::Set), named(Bit::Clear))
            }
            Self::ExtendedKeyUsage(purposes) => write!(f, "extKeyUsage is {}", all_of(purposes)),
            Self::Ca(ca) => write!(f, "basicConstraints: cA {ca}"),
            Self::PathLength(PathLength::Absent) => f.write_str("no pathLenConstraint"),
            Self::PathLength(PathLength::Exactly(length)) => write!(f, "pathLenConstraint {length}"),
            Self::PathLength(PathLength::AtMost(length)) => write!(f, "pathLenConstraint of at most {length}"),
            Self::Address(Service::Ocsp) => f.write_str("authorityInfoAccess names an http address of an OCSP responder"),
            Self::Address(Service::Crl) => f.write_str("cRLDistributionPoints names an http address of a CRL"),
            Self::AuthorityKeyId => f.write_str("authorityKeyIdentifier has a keyIdentifier"),
            Self::OwnAuthorityKeyId => f.write_str("authorityKeyIdentifier, if any, is its own subjectKeyIdentifier"),
            Self::IssuedByIssuer => f.write_str("the issuer that was given has the name that the certificate gives"),
            Self::IssuerKeyId => f.write_str("authorityKeyIdentifier is the issuer's subjectKeyIdentifier"),
            Self::WithinIssuerValidity => f.write_str("validity lies within the issuer's"),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.attribute, self.presence.word())
    }
}

impl Presence {
    fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Forbidden => "absent",
        }
    }
}

fn any_of<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" or ")
}

fn all_of<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" and ")
}
