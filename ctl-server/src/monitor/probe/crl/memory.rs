//! What is remembered of a CRL from round to round: the last good one, by which the next is measured, and those
//! that were served last, so that what did not change is neither read nor verified again.

use std::sync::Arc;

use ctl_pki::crl::{Crl, MAX_CRL_SIZE, Verified};
use ctl_pki::revocation::RevocationError;

use super::judge::{self, By, Judged, Wrong};
use crate::monitor::code::Weight;
use crate::monitor::probe::Memory;

/// The first octet of what is saved: the form.
const FORM: u8 = 1;
/// A CRL of at most so many octets is kept over a restart: there may be many, and they take the room of history.
const MAX_SAVED: usize = 1 << 20;

/// What is remembered of a target.
#[derive(Clone, Default)]
pub(super) struct Remembered {
    /// The last good CRL, and since when it was seen.
    pub(super) good: Option<(Arc<Crl>, i64)>,
    /// What the addresses served in the last round.
    pub(super) held: Vec<Arc<Held>>,
}

/// A CRL that was served.
pub(super) struct Held {
    pub(super) verified: Verified,
    /// SHA-256 of the issuer's certificate it was verified by.
    issuer: [u8; 32],
    /// Unix time of the probe that found it first.
    pub(super) since: i64,
    /// What changed for the worse since the last good one.
    pub(super) changes: Wrong,
}

impl Held {
    /// Reads and verifies what was not seen before, and compares it with the last good CRL.
    pub(super) fn new(bytes: &[u8], before: &Remembered, by: &By<'_>) -> Result<Self, RevocationError> {
        let crl = Arc::new(Crl::from_der(bytes, by.limits.max_body)?);
        let issuer = &by.subject.issuer;
        let verified = Verified::new(crl.clone(), &[issuer]);
        let mut held = Self { verified, issuer: issuer.sha256(), since: by.now, changes: Wrong::new() };
        if let Some((good, seen)) = &before.good {
            if good.der() == crl.der() {
                held.since = *seen;
            } else if held.is_usable(by) {
                held.changes = judge::compare(before.measure(good, by), &crl, by);
            }
        }
        Ok(held)
    }

    /// Whether these bytes are this CRL, and it was verified by the issuer that counts now.
    pub(super) fn is(&self, bytes: &[u8], by: &By<'_>) -> bool {
        self.verified.crl().der() == bytes && self.issuer == by.subject.issuer.sha256()
    }

    /// Whether nothing forbids to use it now.
    fn is_usable(&self, by: &By<'_>) -> bool {
        self.verified.check(by.now, &by.of(self.verified.crl())).problems().is_empty()
    }

    /// Judges it as of now.
    pub(super) fn judge(&self, by: &By<'_>) -> Judged {
        judge::judge(&self.verified.check(by.now, &by.of(self.verified.crl())), by)
    }

    /// By age and number: of two the greater is the newer.
    pub(super) fn rank(&self) -> (i64, usize, &[u8]) {
        let crl = self.verified.crl();
        let number = crl.number().unwrap_or_default();
        (crl.this_update(), number.len(), number)
    }
}

impl Remembered {
    /// What a memory holds, if this kind wrote it.
    pub(super) fn of(memory: &Memory) -> Option<Arc<Self>> {
        memory.0.clone()?.downcast().ok()
    }

    /// By which CRL the next is measured. The last good one; but once that has run out, so that nobody holds it
    /// any more, the one that was served instead: an issuer that began anew is in order again then.
    fn measure<'a>(&'a self, good: &'a Arc<Crl>, by: &By<'_>) -> &'a Arc<Crl> {
        if good.next_update().is_some_and(|next| next >= by.now) {
            return good;
        }
        let usable = self.held.iter().filter(|held| held.is_usable(by));
        usable.max_by_key(|held| held.rank()).map_or(good, |held| held.verified.crl())
    }

    /// What is remembered after a round in which these were served; the newest of them, if nothing is wrong with
    /// it, is the last good one. A round without any changes nothing.
    pub(super) fn next(&self, held: &[Arc<Held>], newest: Option<(&Arc<Held>, &Wrong)>) -> Self {
        let is_good = |wrong: &Wrong| wrong.keys().all(|code| code.weight() < Weight::Error);
        let good = newest
            .filter(|(held, wrong)| is_good(wrong) && held.changes.is_empty())
            .map(|(held, _)| (held.verified.crl().clone(), held.since))
            .or_else(|| self.good.clone());
        let held = if held.is_empty() { self.held.clone() } else { held.to_vec() };
        Self { good, held }
    }

    /// Whether nothing changed.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<Held>, &Arc<Held>)| Arc::ptr_eq(one, other);
        let good = match (&self.good, &other.good) {
            (Some((one, _)), Some((other, _))) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        good && self.held.len() == other.held.len() && self.held.iter().zip(&other.held).all(same)
    }

    /// The last good CRL as bytes: the form, since when it was seen, the DER. A larger one than [`MAX_SAVED`] is
    /// not kept.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let (good, since) = self.good.as_ref().filter(|(good, _)| good.der().len() <= MAX_SAVED)?;
        Some([&[FORM], since.to_be_bytes().as_slice(), good.der()].concat())
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (since, der) = rest.split_first_chunk::<8>()?;
        let crl = Crl::from_der(der, MAX_CRL_SIZE).ok().filter(|_| *form == FORM)?;
        Some(Self { good: Some((Arc::new(crl), i64::from_be_bytes(*since))), held: Vec::new() })
    }
}
