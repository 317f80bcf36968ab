//! Certificate revocation lists (RFC 5280 sections 5 and 6.3): read, check, judge, compare. Pure: the bytes, the
//! time and the limits come from the caller.
//!
//! A CRL is handled in three steps. [`Crl::from_der`] says whether the bytes are a CRL. [`check()`] says, once per CRL,
//! what forbids its use for any certificate: its signature, its age, what it asks of its reader. [`judge()`] says what
//! the checked CRLs mean for one certificate. [`compare()`] compares two CRLs of one issuer, for those who watch it.
//!
//! Indirect and delta CRLs are refused by name: no PKI of this field uses them, and each would let somebody else
//! than the issuer speak, or only half the truth be read.

mod check;
mod compare;
mod form;
mod judge;
mod note;
mod past;
mod read;
mod reason;
mod scope;

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::error::{AlgorithmName, SignatureError};
use crate::revocation::{RevocationError, RevocationReason};
use crate::signature;
use crate::{Certificate, DistinguishedName, pem};

pub use check::{Checked, Limits, MAX_SIGNERS, Verdict, Verified, check};
pub use compare::{Change, MAX_VANISHED, compare, compare_except};
pub use judge::{Considered, Judgement, judge, judge_checked};
pub use note::Note;
pub use past::{Past, PastEntry};
pub use reason::Reason;
pub use scope::IssuingDistributionPoint;

/// The largest CRL that can be read, in bytes: some six million entries. Callers pass their own, lower limit.
pub const MAX_CRL_SIZE: usize = 256 * 1024 * 1024 - 1;
/// The most CRLs that one PEM file may hold.
pub const MAX_PEM_CRLS: usize = 200;

const WHAT: &str = "CRL";

/// A parsed CRL. Parsing says that the bytes have the form of a CRL and nothing about whether to believe it.
#[derive(Clone)]
pub struct Crl {
    der: Box<[u8]>,
    // Asked for by every judgement, and dear for a large one.
    sha256: OnceLock<[u8; 32]>,
    signed_part: Range<usize>,
    signature: Range<usize>,
    inner_algorithm: AlgorithmName,
    outer_algorithm: AlgorithmName,
    algorithms_agree: bool,
    version: u8,
    issuer_der: Box<[u8]>,
    issuer_name: DistinguishedName,
    this_update: i64,
    next_update: Option<i64>,
    /// Sorted by serial number, so that one is found without reading all.
    entries: Vec<Slot>,
    has_empty_list: bool,
    has_entry_extensions: bool,
    has_extensions: bool,
    number: Option<Box<[u8]>>,
    authority_key_id: Option<Box<[u8]>>,
    is_delta: bool,
    names_certificate_issuer: bool,
    points_to_deltas: bool,
    distribution_point: Option<scope::Scoped>,
    unknown_critical: Option<String>,
    unknown_critical_in_entry: Option<String>,
    form: form::Form,
}

/// One entry, as small as it can be: the serial number stays where it is in the CRL's bytes.
#[derive(Clone, Copy, Debug)]
struct Slot {
    serial_at: u32,
    serial_length: u32,
    time: i64,
    reason: Option<u8>,
}

/// One revoked certificate of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The serial number: the INTEGER's content.
    pub serial: &'a [u8],
    /// Since when, in Unix seconds.
    pub time: i64,
    /// The number of the reason, whether or not the number means something.
    pub reason_code: Option<u8>,
}

impl Entry<'_> {
    /// The reason, if one is given and its number means something.
    pub fn reason(&self) -> Option<RevocationReason> {
        self.reason_code.and_then(RevocationReason::from_code)
    }

    /// The serial number in hex, as the CRL has it.
    pub fn serial_hex(&self) -> String {
        hex::encode(self.serial)
    }
}

impl Crl {
    /// Parses one DER CRL of at most `limit` bytes (never more than [`MAX_CRL_SIZE`]), with nothing after it.
    pub fn from_der(der: &[u8], limit: usize) -> Result<Self, RevocationError> {
        read::crl(der, limit.min(MAX_CRL_SIZE))
    }

    /// Exactly one CRL, given as DER or as PEM: for files that people hold. What a distribution point serves must
    /// be DER: use [`from_der`](Self::from_der) for that.
    pub fn from_bytes(bytes: &[u8], limit: usize) -> Result<Self, RevocationError> {
        if let [0x30, 0x80..=0xff, ..] = bytes {
            return Self::from_der(bytes, limit);
        }
        let mut crls = crls_from_pem(bytes, limit)?;
        match crls.pop() {
            Some(crl) if crls.is_empty() => Ok(crl),
            _ => Err(RevocationError::NotExactlyOne { what: WHAT, count: crls.len() + 1 }),
        }
    }

    /// The exact bytes that were parsed.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 over the bytes.
    pub fn sha256(&self) -> [u8; 32] {
        *self.sha256.get_or_init(|| Sha256::digest(&self.der).into())
    }

    /// 1 or 2. RFC 5280 wants 2 of issuers and both of readers.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The DER issuer name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The issuer; shown to people it is written as in RFC 4514 and safe to print.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer_name
    }

    /// When it was issued, in Unix seconds.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// By when the next one is issued, in Unix seconds.
    pub fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// The CRL number: the INTEGER's content.
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// The authority key identifier's key id, if there is one.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// What the CRL covers, if it does not cover all that its issuer issued.
    pub fn issuing_distribution_point(&self) -> Option<&IssuingDistributionPoint> {
        self.distribution_point.as_ref().map(|scoped| &scoped.point)
    }

    /// The DER of the issuing distribution point: CRLs cover the same if this is the same.
    pub fn issuing_distribution_point_der(&self) -> Option<&[u8]> {
        self.distribution_point.as_ref().map(|scoped| &*scoped.der)
    }

    /// The algorithm of the signature, as it stands beside the signature.
    pub fn signature_algorithm(&self) -> &AlgorithmName {
        &self.outer_algorithm
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in the order of their serial numbers' bytes.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries.iter().map(|slot| self.entry(slot))
    }

    /// The entries with this serial number (an INTEGER's content); more than one is the issuer's mistake.
    pub fn find(&self, serial: &[u8]) -> impl Iterator<Item = Entry<'_>> {
        let from = self.entries.partition_point(|slot| self.serial(slot) < serial);
        let found = self.entries.get(from..).unwrap_or_default();
        found.iter().map(|slot| self.entry(slot)).take_while(move |entry| entry.serial == serial)
    }

    /// Verifies that this certificate's key made the signature over the exact bytes of the CRL. Only the
    /// signature is judged: [`check()`] judges the rest.
    pub fn verify_signed_by(&self, signer: &Certificate) -> Result<(), SignatureError> {
        if !self.algorithms_agree {
            return Err(SignatureError::AlgorithmMismatch {
                inner: self.inner_algorithm.clone(),
                outer: self.outer_algorithm.clone(),
            });
        }
        let signed = self.der.get(self.signed_part.clone()).unwrap_or_default();
        let signature = self.der.get(self.signature.clone()).unwrap_or_default();
        signature::verify(&self.outer_algorithm, signed, signature, signer.public_key())
    }

    fn serial(&self, slot: &Slot) -> &[u8] {
        serial(&self.der, slot)
    }

    fn entry(&self, slot: &Slot) -> Entry<'_> {
        Entry { serial: self.serial(slot), time: slot.time, reason_code: slot.reason }
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({}, {} entries, sha256 {})", self.issuer_name, self.len(), hex::encode(self.sha256()))
    }
}

/// Every CRL of a PEM file of at most `limit` bytes, in its order; text and blocks of other kinds around them
/// are passed over. At least one must be there.
pub fn crls_from_pem(bytes: &[u8], limit: usize) -> Result<Vec<Crl>, RevocationError> {
    if bytes.len() > limit {
        return Err(RevocationError::TooLarge { what: WHAT, size: bytes.len(), limit });
    }
    let mut crls = Vec::new();
    for (block, der) in (1..).zip(pem::pem_blocks(bytes, "X509 CRL")) {
        if block > MAX_PEM_CRLS {
            return Err(RevocationError::NotExactlyOne { what: WHAT, count: block });
        }
        let der = der.map_err(|_| RevocationError::BrokenBlock { what: WHAT, block })?;
        crls.push(Crl::from_der(&der, limit)?);
    }
    if crls.is_empty() { Err(RevocationError::NoBlock(WHAT)) } else { Ok(crls) }
}

fn serial<'a>(der: &'a [u8], slot: &Slot) -> &'a [u8] {
    // Both numbers were taken from these bytes; a slot without bytes would match no certificate.
    let from = usize::try_from(slot.serial_at).unwrap_or(usize::MAX);
    let length = usize::try_from(slot.serial_length).unwrap_or(usize::MAX);
    der.get(from..from.saturating_add(length)).unwrap_or_default()
}
