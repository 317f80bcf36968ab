//! What else is to be said about a CRL: nothing here forbids its use.

use std::fmt;

use crate::revocation::span;

/// What is worth knowing about a CRL and does not forbid its use. Each has a stable [`rule`](Self::rule), a
/// [`source`](Self::source), and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Version 1: neither numbered nor bound to a key.
    VersionNotV2,
    /// The issuer is the same name written otherwise.
    IssuerNotByteExact,
    /// The authority key identifier is not the signer's key identifier.
    AkiMismatch,
    /// There is no authority key identifier.
    AkiMissing,
    /// There is no CRL number.
    CrlNumberMissing,
    /// The next one is due soon.
    NextUpdateNear {
        /// In how many seconds.
        left: i64,
    },
    /// It holds longer than the limit.
    IntervalTooLong {
        /// How long, in seconds.
        interval: i64,
        limit: i64,
    },
    /// The list of revoked certificates is there and empty; it should be absent.
    EmptyRevokedSequence,
    /// The same serial number more than once.
    DuplicateSerial {
        /// The first such serial number, in hex.
        serial: String,
        /// How many entries repeat one.
        count: usize,
    },
    /// A reason that a complete CRL may not give: 0, 7, 8 or above 10.
    ReasonIllegal {
        /// The first such serial number, in hex.
        serial: String,
        /// The number given there.
        code: u8,
        /// How many entries have such a number.
        count: usize,
    },
    /// A revocation date in the future; the certificate counts as revoked.
    RevocationDateFuture {
        /// The first such serial number, in hex.
        serial: String,
        /// How many entries have such a date.
        count: usize,
    },
    /// A time is a GeneralizedTime where UTCTime is due: for every date through the year 2049.
    TimeEncoding {
        /// The first such time.
        place: &'static str,
        /// How many there are.
        count: usize,
    },
    /// An extension that must be critical is not, or the other way round.
    ExtensionCriticality {
        extension: &'static str,
        /// Whether it must be.
        must_be_critical: bool,
    },
    /// The CRL number has more than 20 bytes, which is all that readers must be able to handle.
    CrlNumberTooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The algorithm is given parameters that it must not have.
    AlgorithmParameters,
    /// The authority information access does not name the issuer's certificate, or names something else.
    AccessInvalid { problem: &'static str },
    /// It points to delta CRLs, which are not read: what they say comes here with the next complete CRL.
    DeltasExist,
    /// A newer CRL of the same scope was given; this one was not asked.
    Superseded,
    /// The certificate is no longer valid; an issuer may take it off the CRL then.
    CertificateExpired,
    /// The certificate is revoked without a reason.
    RevocationReasonMissing,
}

impl Note {
    /// A stable name of the condition, for labels and machines.
    pub fn rule(&self) -> &'static str {
        self.rule_and_source().0
    }

    /// Where the rule comes from.
    pub fn source(&self) -> &'static str {
        self.rule_and_source().1
    }

    fn rule_and_source(&self) -> (&'static str, &'static str) {
        match self {
            Self::VersionNotV2 => ("version-not-v2", "RFC 5280 section 5.1.2.1"),
            Self::IssuerNotByteExact => ("issuer-not-byte-exact", "RFC 5280 section 5.1.2.3"),
            Self::AkiMismatch => ("aki-mismatch", "RFC 5280 section 5.2.1"),
            Self::AkiMissing => ("aki-missing", "RFC 5280 section 5.2.1"),
            Self::CrlNumberMissing => ("crl-number-missing", "RFC 5280 section 5.2.3"),
            Self::NextUpdateNear { .. } => ("next-update-near", "limit given by the caller"),
            Self::IntervalTooLong { .. } => ("interval-too-long", "limit given by the caller"),
            Self::EmptyRevokedSequence => ("empty-revoked-sequence", "RFC 5280 section 5.1.2.6"),
            Self::DuplicateSerial { .. } => ("duplicate-serial", "RFC 5280 section 5.1.2.6"),
            Self::ReasonIllegal { .. } => ("reason-illegal", "RFC 5280 section 5.3.1"),
            Self::RevocationDateFuture { .. } => ("revocation-date-future", "RFC 5280 section 5.1.2.6"),
            Self::TimeEncoding { .. } => {
                ("time-encoding", "RFC 5280 sections 5.1.2.4, 5.1.2.5, 5.1.2.6 and 5.3.2")
            }
            Self::ExtensionCriticality { .. } => ("extension-criticality", "RFC 5280 sections 5.2 and 5.3"),
            Self::CrlNumberTooLong { .. } => ("crl-number-invalid", "RFC 5280 section 5.2.3"),
            Self::AlgorithmParameters => {
                ("algorithm-parameters", "RFC 5280 section 5.1.1.2, RFC 5758 section 3.2, RFC 8410 section 3")
            }
            Self::AccessInvalid { .. } => ("crl-access-invalid", "RFC 5280 section 5.2.7"),
            Self::DeltasExist => ("deltas-exist", "RFC 5280 section 5.2.6"),
            Self::Superseded => ("superseded", "RFC 5280 section 6.3.3 (a)"),
            Self::CertificateExpired => ("certificate-expired", "RFC 5280 section 3.3"),
            Self::RevocationReasonMissing => ("revocation-reason-missing", "RFC 5280 section 5.3.1"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionNotV2 => {
                f.write_str("the CRL is version 1: it has neither a number nor a key identifier")
            }
            Self::IssuerNotByteExact => {
                f.write_str("the CRL writes its issuer's name with other bytes than the certificate does")
            }
            Self::AkiMismatch => {
                f.write_str("the CRL's authority key identifier is not the key identifier of its signer")
            }
            Self::AkiMissing => f.write_str("the CRL has no authority key identifier"),
            Self::CrlNumberMissing => f.write_str("the CRL has no number"),
            Self::NextUpdateNear { left } => write!(f, "the next CRL is due in {}", span(*left)),
            Self::IntervalTooLong { interval, limit } => {
                write!(f, "the CRL holds for {}, longer than {}", span(*interval), span(*limit))
            }
            Self::EmptyRevokedSequence => {
                f.write_str("the CRL revokes nothing by an empty list, where the list should be absent")
            }
            Self::DuplicateSerial { serial, count } => {
                write!(f, "{count} entries repeat a serial number, the first of them {serial}")
            }
            Self::ReasonIllegal { serial, code, count } => write!(
                f,
                "{count} entries give a reason that a complete CRL may not give, the first of them {serial} with {code}"
            ),
            Self::RevocationDateFuture { serial, count } => {
                write!(f, "{count} entries are dated in the future, the first of them {serial}")
            }
            Self::TimeEncoding { place, count } => write!(
                f,
                "{count} times of the CRL are not encoded as their year demands (UTCTime through 2049, \
                 GeneralizedTime after; an invalidity date always GeneralizedTime), the first of them {place}"
            ),
            Self::ExtensionCriticality { extension, must_be_critical: true } => {
                write!(f, "the CRL's {extension} is not marked critical and must be")
            }
            Self::ExtensionCriticality { extension, must_be_critical: false } => {
                write!(f, "the CRL's {extension} is marked critical and must not be")
            }
            Self::CrlNumberTooLong { bytes } => {
                write!(f, "the CRL number has {bytes} bytes, and readers need handle no more than 20")
            }
            Self::AlgorithmParameters => f.write_str(
                "the CRL's signature algorithm is given parameters, inside and beside the signature; it has none",
            ),
            Self::AccessInvalid { problem } => write!(f, "the CRL's authority information access {problem}"),
            Self::DeltasExist => f.write_str("there are delta CRLs to this CRL; they are not read"),
            Self::Superseded => f.write_str("a newer CRL of the same scope was given"),
            Self::RevocationReasonMissing => f.write_str("no reason is given for the revocation"),
            Self::CertificateExpired => f.write_str(
                "the certificate has expired, and an expired certificate may be taken off the CRL",
            ),
        }
    }
}
