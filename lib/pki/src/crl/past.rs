//! What is remembered of a CRL when its bytes are gone: digest, times, number, scope and serial numbers, by which
//! the next CRL is measured.

use sha2::{Digest as _, Sha256};

use super::Crl;
use crate::revocation::RevocationReason;

/// The bit of an entry's first byte that says it was on hold; the others are the length of the serial number.
const ON_HOLD: u8 = 0x80;
/// A longer number, as no serial number and no CRL number is, is not remembered.
const MAX_BYTES: usize = 0x7f;

/// A CRL that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    sha256: [u8; 32],
    size: u64,
    this_update: i64,
    next_update: Option<i64>,
    number: Option<Box<[u8]>>,
    scope: Option<[u8; 32]>,
    /// Of each entry a byte with [`ON_HOLD`] and the length, and the serial number.
    serials: Box<[u8]>,
}

/// An entry that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastEntry<'a> {
    /// The serial number: the INTEGER's content.
    pub serial: &'a [u8],
    /// Whether it was revoked only for the time being.
    pub on_hold: bool,
}

impl Past {
    /// What is remembered of this CRL.
    pub fn of(crl: &Crl) -> Self {
        let mut serials = Vec::new();
        for entry in crl.entries() {
            let Ok(length @ ..=0x7f) = u8::try_from(entry.serial.len()) else { continue };
            let on_hold = entry.reason() == Some(RevocationReason::CertificateHold);
            serials.push(length | if on_hold { ON_HOLD } else { 0 });
            serials.extend(entry.serial);
        }
        Self {
            sha256: crl.sha256(),
            size: u64::try_from(crl.der().len()).unwrap_or(u64::MAX),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            number: crl.number().filter(|number| number.len() <= MAX_BYTES).map(Into::into),
            scope: scope(crl),
            serials: serials.into(),
        }
    }

    /// The same without its serial numbers, for want of room: that entries are gone is not seen then.
    #[must_use]
    pub fn without_serials(&self) -> Self {
        Self { serials: Box::default(), ..self.clone() }
    }

    /// SHA-256 of the CRL.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// How many bytes the CRL had.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it was issued, in Unix seconds.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// By when the next one was due, in Unix seconds.
    pub fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// Its number: the INTEGER's content.
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// Whether it covered the same as this CRL covers.
    pub fn has_scope_of(&self, crl: &Crl) -> bool {
        self.scope == scope(crl)
    }

    /// How many bytes its serial numbers take.
    pub fn weight(&self) -> usize {
        self.serials.len()
    }

    /// The entries, in the order of their serial numbers' bytes.
    pub fn entries(&self) -> impl Iterator<Item = PastEntry<'_>> {
        let mut rest = &*self.serials;
        std::iter::from_fn(move || {
            let (entry, after) = entry(rest)?;
            rest = after;
            Some(entry)
        })
    }

    /// As bytes, for a disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.sha256.to_vec();
        bytes.extend(self.size.to_be_bytes());
        bytes.extend(self.this_update.to_be_bytes());
        optional(&mut bytes, self.next_update.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        optional(&mut bytes, self.number.as_deref());
        optional(&mut bytes, self.scope.as_ref().map(<[u8; 32]>::as_slice));
        bytes.extend(&*self.serials);
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) wrote; nothing if it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sha256, rest) = bytes.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (this_update, rest) = rest.split_first_chunk()?;
        let (next_update, rest) = read_optional(rest)?;
        let (number, rest) = read_optional(rest)?;
        let (scope, serials) = read_optional(rest)?;
        let mut rest = serials;
        while !rest.is_empty() {
            rest = entry(rest)?.1;
        }
        Some(Self {
            sha256: *sha256,
            size: u64::from_be_bytes(*size),
            this_update: i64::from_be_bytes(*this_update),
            next_update: next_update
                .map(|bytes| bytes.try_into().map(i64::from_be_bytes))
                .transpose()
                .ok()?,
            number: number.map(Into::into),
            scope: scope.map(TryInto::try_into).transpose().ok()?,
            serials: serials.into(),
        })
    }
}

fn scope(crl: &Crl) -> Option<[u8; 32]> {
    crl.issuing_distribution_point_der().map(|der| Sha256::digest(der).into())
}

fn entry(bytes: &[u8]) -> Option<(PastEntry<'_>, &[u8])> {
    let (head, rest) = bytes.split_first()?;
    let (serial, rest) = rest.split_at_checked(usize::from(head & !ON_HOLD))?;
    Some((PastEntry { serial, on_hold: head & ON_HOLD != 0 }, rest))
}

/// A length, one more than it is, and the bytes; 0 for nothing. All that is written so is shorter than 128 bytes.
fn optional(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    let length = value.and_then(|value| u8::try_from(value.len() + 1).ok()).unwrap_or(0);
    bytes.push(length);
    bytes.extend(value.unwrap_or_default());
}

fn read_optional(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    match usize::from(*length).checked_sub(1) {
        None => Some((None, rest)),
        Some(length) => rest.split_at_checked(length).map(|(value, rest)| (Some(value), rest)),
    }
}
