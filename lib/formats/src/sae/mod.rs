//! The certificate trust list of the SAE EVPKI consortium.
//!
//! Its text is not public. Version 1 is written down as the one open reader of it has it (secondary: EVerest pull request
//! 2371, `crypto/openssl/openssl_ASN1_ctl.cpp`), all tags universal, in DER:
//!
//! ```text
//! EvpkiCtl ::= SEQUENCE {
//!   ctlVersion        INTEGER (0..255),
//!   sequenceNumber    INTEGER (0..65535),
//!   validity          SEQUENCE { notBefore GeneralizedTime, notAfter GeneralizedTime },
//!   rootCertificates  SEQUENCE OF SEQUENCE {
//!     certificateType ENUMERATED { v2g(0), oem(1), msp(2), other(3) },
//!     ctlStatus       ENUMERATED { active(0), warning(1), deprecated(2) },
//!     certificate     OCTET STRING } }
//! ```
//!
//! Version 0 is what the signed sample beside that reader holds: one INTEGER, of which nobody says whether it is a version
//! or a sequence, the validity, and certificates without type and status. The two are told apart by what the second
//! element is. Times are `YYYYMMDDHHMMSSZ`. How the list is signed: [`cms`](crate::cms).

mod export;
mod read;

use ctl_core::Timestamp;
use ctl_pki::der::{ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, encode, generalized_time, unsigned};
use ctl_pki::{Certificate, CertificateError, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE};

pub use export::{SaeExport, SaeExportError};

/// The largest list that is looked at, in bytes.
pub const MAX_SAE_SIZE: usize = MAX_PEM_SIZE;
/// The most certificates that a list may hold.
pub const MAX_SAE_CERTIFICATES: usize = MAX_PEM_CERTIFICATES;
/// `ctlVersion` of what is written here.
pub const SAE_VERSION: u8 = 1;

/// Why bytes are no list of this form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaeError {
    /// Larger than the limit.
    #[error("{size} bytes of an SAE list are more than the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not DER of the structure.
    #[error("no SAE list in DER: {what} (octet {at})")]
    Malformed {
        /// Where, counted from 0.
        at: usize,
        what: &'static str,
    },
    /// Something follows the list.
    #[error("{0} octets follow the SAE list; give the list alone")]
    TrailingBytes(usize),
    #[error("ctlVersion is not between 0 and 255")]
    VersionOutOfRange,
    #[error("sequenceNumber is not between 0 and 65535")]
    SequenceOutOfRange,
    #[error("notBefore is no GeneralizedTime written YYYYMMDDHHMMSSZ")]
    BadNotBefore,
    #[error("notAfter is no GeneralizedTime written YYYYMMDDHHMMSSZ")]
    BadNotAfter,
    #[error("the list's validity ends ({not_after}) before it begins ({not_before})")]
    ValidityInverted { not_before: Timestamp, not_after: Timestamp },
    #[error("entry {position}: certificateType is none of v2g(0), oem(1), msp(2), other(3)")]
    BadType {
        /// Counted from 1.
        position: usize,
    },
    #[error("entry {position}: ctlStatus is none of active(0), warning(1), deprecated(2)")]
    BadStatus {
        /// Counted from 1.
        position: usize,
    },
    /// The OCTET STRING holds something else than one certificate in DER.
    #[error("entry {position} does not hold exactly one DER certificate: {source}")]
    NotOneCertificate {
        /// Counted from 1.
        position: usize,
        /// What is wrong with what it holds.
        source: CertificateError,
    },
    #[error("more than {0} entries in one SAE list")]
    TooMany(usize),
}

/// From when until when a list holds; never the wrong way round, and in the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaeValidity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl SaeValidity {
    /// Between these two, both included; none if that is no validity.
    #[must_use]
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Option<Self> {
        let is_written = generalized_time(not_before.unix()).is_some();
        (is_written && not_before <= not_after).then_some(Self { not_before, not_after })
    }

    #[must_use]
    pub const fn not_before(self) -> Timestamp {
        self.not_before
    }

    #[must_use]
    pub const fn not_after(self) -> Timestamp {
        self.not_after
    }

    /// Whether it holds at this moment.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }
}

/// Which store a root belongs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SaeType {
    /// The chain of the charger.
    V2g,
    /// The chain of the vehicle's maker.
    Oem,
    /// The contract chain.
    Msp,
    /// Something else; the one known reader takes it for a root of back ends (OCPP's CSMS).
    Other,
}

impl SaeType {
    const ALL: [Self; 4] = [Self::V2g, Self::Oem, Self::Msp, Self::Other];

    /// The word of the structure.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2g => "v2g",
            Self::Oem => "oem",
            Self::Msp => "msp",
            Self::Other => "other",
        }
    }
}

/// Where a root stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SaeStatus {
    Active,
    Warning,
    Deprecated,
}

impl SaeStatus {
    const ALL: [Self; 3] = [Self::Active, Self::Warning, Self::Deprecated];

    /// The word of the structure.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Warning => "warning",
            Self::Deprecated => "deprecated",
        }
    }
}

/// A root on a list of version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaeEntry {
    pub kind: SaeType,
    pub status: SaeStatus,
    pub certificate: Certificate,
}

/// A list of version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaeListV1 {
    /// `ctlVersion`.
    pub version: u8,
    /// `sequenceNumber`: a greater one is newer, and it never begins anew.
    pub sequence: u16,
    pub validity: SaeValidity,
    /// In their order; one certificate may stand under several types.
    pub entries: Vec<SaeEntry>,
}

/// A list of version 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaeListV0 {
    /// Its INTEGER: a version or a sequence.
    pub number: u16,
    pub validity: SaeValidity,
    /// In their order.
    pub certificates: Vec<Certificate>,
}

/// A list of either version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaeList {
    V0(SaeListV0),
    V1(SaeListV1),
}

impl SaeList {
    /// Reads a list in DER of at most [`MAX_SAE_SIZE`] bytes and [`MAX_SAE_CERTIFICATES`] entries, with nothing after it.
    ///
    /// # Errors
    /// [`SaeError`]: it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, SaeError> {
        read::list(der)
    }

    #[must_use]
    pub fn validity(&self) -> SaeValidity {
        match self {
            Self::V0(list) => list.validity,
            Self::V1(list) => list.validity,
        }
    }

    /// Its certificates, in their order.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let (plain, entries) = match self {
            Self::V0(list) => (list.certificates.as_slice(), [].as_slice()),
            Self::V1(list) => ([].as_slice(), list.entries.as_slice()),
        };
        plain.iter().chain(entries.iter().map(|entry| &entry.certificate))
    }
}

impl SaeListV1 {
    /// The list in DER. A list that [`SaeList::from_der`] gave comes out as the same bytes.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let number = |number: u16| encode(INTEGER, &[&unsigned(u64::from(number))]);
        let time = |time: Timestamp| generalized_time(time.unix()).unwrap_or_default();
        let SaeValidity { not_before, not_after } = self.validity;
        let validity = encode(SEQUENCE, &[&time(not_before), &time(not_after)]);
        let entries: Vec<u8> = self.entries.iter().flat_map(SaeEntry::to_der).collect();
        let (version, sequence) = (number(u16::from(self.version)), number(self.sequence));
        encode(SEQUENCE, &[&version, &sequence, &validity, &encode(SEQUENCE, &[&entries])])
    }
}

impl SaeEntry {
    fn to_der(&self) -> Vec<u8> {
        let kind = encode(ENUMERATED, &[&[self.kind as u8]]);
        let status = encode(ENUMERATED, &[&[self.status as u8]]);
        encode(SEQUENCE, &[&kind, &status, &encode(OCTET_STRING, &[self.certificate.der()])])
    }
}
