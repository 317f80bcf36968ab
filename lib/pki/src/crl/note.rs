//! What else is to be said about a CRL: nothing here forbids its use.

use crate::conditions::conditions;
use crate::time::span;

const NOT_CRITICAL: &str = "is not marked critical and must be";
const CRITICAL: &str = "is marked critical and must not be";

conditions! {
    /// What is worth knowing about a CRL and does not forbid its use. Each has a stable [`rule`](Self::rule), a
    /// [`source`](Self::source), and words.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Note {
        /// Version 1: neither numbered nor bound to a key.
        #[error("the CRL is version 1: it has neither a number nor a key identifier")]
        VersionNotV2 => "version-not-v2", "RFC 5280 section 5.1.2.1";
        /// The issuer is the same name written otherwise.
        #[error("the CRL writes its issuer's name with other bytes than the certificate does")]
        IssuerNotByteExact => "issuer-not-byte-exact", "RFC 5280 section 5.1.2.3";
        /// The authority key identifier is not the signer's key identifier.
        #[error("the CRL's authority key identifier is not the key identifier of its signer")]
        AkiMismatch => "aki-mismatch", "RFC 5280 section 5.2.1";
        /// There is no authority key identifier.
        #[error("the CRL has no authority key identifier")]
        AkiMissing => "aki-missing", "RFC 5280 section 5.2.1";
        /// There is no CRL number.
        #[error("the CRL has no number")]
        CrlNumberMissing => "crl-number-missing", "RFC 5280 section 5.2.3";
        /// The next one is due soon.
        #[error("the next CRL is due in {}", span(*.left))]
        NextUpdateNear {
            /// In how many seconds.
            left: i64,
        } => "next-update-near", "limit given by the caller";
        /// It holds longer than the limit.
        #[error("the CRL holds for {}, longer than {}", span(*.interval), span(*.limit))]
        IntervalTooLong {
            /// How long, in seconds.
            interval: i64,
            limit: i64,
        } => "interval-too-long", "limit given by the caller";
        /// The list of revoked certificates is there and empty; it should be absent.
        #[error("the CRL revokes nothing by an empty list, where the list should be absent")]
        EmptyRevokedSequence => "empty-revoked-sequence", "RFC 5280 section 5.1.2.6";
        /// The same serial number more than once.
        #[error("{count} entries repeat a serial number, the first of them {serial}")]
        DuplicateSerial {
            /// The first such serial number, in hex.
            serial: String,
            /// How many entries repeat one.
            count: usize,
        } => "duplicate-serial", "RFC 5280 section 5.1.2.6";
        /// A reason that a complete CRL may not give: 0, 7, 8 or above 10.
        #[error(
            "{count} entries give a reason that a complete CRL may not give, the first of them {serial} with {code}"
        )]
        ReasonIllegal {
            /// The first such serial number, in hex.
            serial: String,
            /// The number given there.
            code: u8,
            /// How many entries have such a number.
            count: usize,
        } => "reason-illegal", "RFC 5280 section 5.3.1";
        /// A revocation date in the future; the certificate counts as revoked.
        #[error("{count} entries are dated in the future, the first of them {serial}")]
        RevocationDateFuture {
            /// The first such serial number, in hex.
            serial: String,
            /// How many entries have such a date.
            count: usize,
        } => "revocation-date-future", "RFC 5280 section 5.1.2.6";
        /// A time is a GeneralizedTime where UTCTime is due: for every date through the year 2049.
        #[error("{count} times of the CRL are not encoded as their year demands (UTCTime through 2049, \
                     GeneralizedTime after; an invalidity date always GeneralizedTime), the first of them {place}")]
        TimeEncoding {
            /// The first such time.
            place: &'static str,
            /// How many there are.
            count: usize,
        } => "time-encoding", "RFC 5280 sections 5.1.2.4, 5.1.2.5, 5.1.2.6 and 5.3.2";
        /// An extension that must be critical is not, or the other way round.
        #[error("the CRL's {extension} {}", if *.must_be_critical { NOT_CRITICAL } else { CRITICAL })]
        ExtensionCriticality {
            extension: &'static str,
            /// Whether it must be.
            must_be_critical: bool,
        } => "extension-criticality", "RFC 5280 sections 5.2 and 5.3";
        /// The CRL number has more than 20 bytes, which is all that readers must be able to handle.
        #[error("the CRL number has {bytes} bytes, and readers need handle no more than 20")]
        CrlNumberTooLong {
            /// How many it has.
            bytes: usize,
        } => "crl-number-invalid", "RFC 5280 section 5.2.3";
        /// The algorithm is given parameters that it must not have.
        #[error("the CRL's signature algorithm is given parameters, inside and beside the signature; it has none")]
        AlgorithmParameters =>
            "algorithm-parameters", "RFC 5280 section 5.1.1.2, RFC 5758 section 3.2, RFC 8410 section 3";
        /// The authority information access does not name the issuer's certificate, or names something else.
        #[error("the CRL's authority information access {problem}")]
        AccessInvalid { problem: &'static str } => "crl-access-invalid", "RFC 5280 section 5.2.7";
        /// It points to delta CRLs, which are not read: what they say comes here with the next complete CRL.
        #[error("there are delta CRLs to this CRL; they are not read")]
        DeltasExist => "deltas-exist", "RFC 5280 section 5.2.6";
        /// A newer CRL of the same scope was given; this one was not asked.
        #[error("a newer CRL of the same scope was given")]
        Superseded => "superseded", "RFC 5280 section 6.3.3 (a)";
        /// The certificate is no longer valid; an issuer may take it off the CRL then.
        #[error("the certificate has expired, and an expired certificate may be taken off the CRL")]
        CertificateExpired => "certificate-expired", "RFC 5280 section 3.3";
        /// The certificate is revoked without a reason.
        #[error("no reason is given for the revocation")]
        RevocationReasonMissing => "revocation-reason-missing", "RFC 5280 section 5.3.1";
    }
}
