//! What is remembered of CRLs from round to round. Of the last good one: digest, times, number and serial numbers, with
//! which the next is compared. Of those served last and signed by the issuer: the digest and the findings about the
//! signature, so that an unchanged CRL is not verified again. A CRL that is not proven to be the issuer's is not
//! remembered, however much of it is served.

use std::sync::Arc;

use ctl_fetch::{Fetch, Reservation};
use ctl_pki::crl::{Crl, Past, Verdict, Verified};
use ctl_pki::revocation::RevocationError;

use super::judge::{self, By, Judged, Wrong};
use crate::code::Weight;
use crate::observation::CrlIdentity;
use crate::probe::Memory;

/// The first byte of saved bytes: their format.
const FORM: u8 = 2;
/// At most this many bytes of serial numbers are kept over a restart, because they take space of the history.
const MAX_SAVED: usize = 1 << 20;

/// What is remembered of a target.
#[derive(Clone, Default)]
pub(super) struct Remembered {
    pub(super) good: Option<Arc<Seen>>,
    /// What the addresses served in the last round.
    pub(super) held: Vec<Arc<Held>>,
}

/// What is remembered of a usable CRL.
pub(super) struct Seen {
    past: Past,
    /// Unix time of the probe that found it first.
    since: i64,
    /// For the serial numbers; none if they were just read from the disk.
    reserved: Option<Reservation>,
}

impl Seen {
    /// Remembers the serial numbers too, if there is memory for them.
    fn new(past: Past, since: i64, fetch: &dyn Fetch) -> Self {
        match fetch.reserve(past.weight()) {
            Some(reserved) => Self { past, since, reserved: Some(reserved) },
            None => Self { past: past.without_serials(), since, reserved: Some(Reservation::default()) },
        }
    }
}

/// A CRL that was served and that its issuer signed.
pub(super) struct Held {
    verdict: Verdict,
    /// SHA-256 of the issuer's certificate that verified it.
    issuer: [u8; 32],
    /// Unix time of the probe that found it first.
    pub(super) since: i64,
    /// What changed for the worse since the last good CRL.
    pub(super) changes: Wrong,
    /// What the next CRL is compared with, if this one was usable when it was read.
    seen: Option<Arc<Seen>>,
}

/// A CRL within one round; its bytes are dropped.
pub(super) struct Looked {
    pub(super) sha256: [u8; 32],
    /// None if the CRL is not proven to be its issuer's.
    pub(super) held: Option<Arc<Held>>,
    pub(super) judged: Judged,
    pub(super) next_update: Option<i64>,
    pub(super) identity: CrlIdentity,
    /// Age and number; the greater is the newer.
    pub(super) rank: (i64, usize, Vec<u8>),
    /// How texts name it.
    pub(super) name: String,
}

/// A CRL that was read, before memory is reserved for it.
pub(super) struct Read {
    looked: Looked,
    verdict: Verdict,
    /// What to remember of it, if it is new and usable, and what changed for the worse.
    new: Option<(Past, Wrong)>,
    known: Option<Arc<Held>>,
}

/// Reads and judges a CRL. Its signature is verified unless that was done before.
pub(super) fn read(bytes: &[u8], before: &Remembered, by: &By<'_>) -> Result<Read, RevocationError> {
    let crl = Arc::new(Crl::from_der(bytes, by.limits.max_body)?);
    let known = before.held.iter().find(|held| held.is(&crl, by)).cloned();
    let again = known.as_ref().and_then(|held| Verified::again(crl.clone(), &held.verdict));
    let verified = again.unwrap_or_else(|| Verified::new(crl.clone(), &[&by.subject.issuer]));
    let checked = verified.check(by.now, &by.of(&crl));
    let judged = judge::judge(&checked, by);
    let good = before.good.as_deref();
    let since = match (&known, good) {
        (Some(held), _) => held.since,
        (None, Some(good)) if *good.past.sha256() == crl.sha256() => good.since,
        (None, _) => by.now,
    };
    let is_new = known.is_none() && checked.problems().is_empty();
    let new = is_new.then(|| {
        let measure = good.map(|good| before.measure(good, by));
        let changes = measure.map(|earlier| judge::compare(earlier, &crl, by)).unwrap_or_default();
        (Past::of(&crl), changes)
    });
    let number = crl.number().unwrap_or_default();
    let numbered = crl.number().map(|number| format!(" number {}", hex::encode(number)));
    let looked = Looked {
        sha256: crl.sha256(),
        held: None,
        next_update: crl.next_update(),
        identity: judge::identity(&crl, since),
        rank: (crl.this_update(), number.len(), number.to_vec()),
        name: format!(
            "the CRL{} of {}",
            numbered.unwrap_or_default(),
            ctl_pki::time::date(crl.this_update())
        ),
        judged,
    };
    Ok(Read { looked, verdict: verified.verdict(), new, known })
}

impl Read {
    /// What to remember of it, as far as there is memory.
    pub(super) fn remember(self, before: &Remembered, by: &By<'_>, fetch: &dyn Fetch) -> Looked {
        let Self { mut looked, verdict, new, known } = self;
        if known.is_none() && !looked.is_proven() {
            return looked;
        }
        looked.held = Some(known.unwrap_or_else(|| {
            let since = looked.identity.since;
            let (seen, changes) = match new {
                Some((past, changes)) => {
                    let same = before.good.as_ref().filter(|good| good.past == past).cloned();
                    let seen = same.unwrap_or_else(|| Arc::new(Seen::new(past, since, fetch)));
                    (Some(seen), changes)
                }
                None => (None, Wrong::new()),
            };
            Arc::new(Held { verdict, issuer: by.subject.issuer.sha256(), since, changes, seen })
        }));
        looked
    }
}

impl Looked {
    /// Whether it is proven to be its issuer's.
    pub(super) fn is_proven(&self) -> bool {
        self.judged.facts.this_update.is_some()
    }

    /// What changed for the worse since the last good one.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&crate::code::Code, &String)> {
        self.held.iter().flat_map(|held| &held.changes)
    }
}

impl Held {
    /// Whether this is the same CRL, verified by the present issuer.
    fn is(&self, crl: &Crl, by: &By<'_>) -> bool {
        *self.verdict.sha256() == crl.sha256() && self.issuer == by.subject.issuer.sha256()
    }
}

impl Remembered {
    /// The memory, if this kind wrote it.
    pub(super) fn of(memory: &Memory) -> Option<Arc<Self>> {
        memory.0.clone()?.downcast().ok()
    }

    /// Reserves memory for what was just read from the disk.
    pub(super) fn housed(self: Arc<Self>, fetch: &dyn Fetch) -> Arc<Self> {
        let Some(good) = self.good.as_ref().filter(|good| good.reserved.is_none()) else { return self };
        let good = Arc::new(Seen::new(good.past.clone(), good.since, fetch));
        Arc::new(Self { good: Some(good), held: self.held.clone() })
    }

    /// What the next CRL is compared with: the last good one; or, once that has expired everywhere, the one served
    /// instead, so that an issuer that began anew is right again.
    fn measure<'a>(&'a self, good: &'a Seen, by: &By<'_>) -> &'a Past {
        let holds = |past: &Past| past.next_update().is_some_and(|next| next >= by.now);
        if holds(&good.past) {
            return &good.past;
        }
        let served = self.held.iter().filter_map(|held| held.seen.as_deref()).map(|seen| &seen.past);
        let newest = served.filter(|past| holds(past)).max_by_key(|past| {
            let number = past.number().unwrap_or_default();
            (past.this_update(), number.len(), number)
        });
        newest.unwrap_or(&good.past)
    }

    /// The memory after a round that served these. The newest becomes the last good one if nothing is wrong with it.
    /// Without any, nothing changes.
    pub(super) fn next(&self, looked: &[Looked], newest: Option<&Looked>) -> Self {
        let is_good = |wrong: &Wrong| wrong.keys().all(|code| code.weight() < Weight::Error);
        let good = newest
            .filter(|newest| is_good(&newest.judged.wrong) && newest.changes().next().is_none())
            .and_then(|newest| newest.held.as_ref()?.seen.clone())
            .or_else(|| self.good.clone());
        let held: Vec<_> = looked.iter().filter_map(|looked| looked.held.clone()).collect();
        Self { good, held: if looked.is_empty() { self.held.clone() } else { held } }
    }

    /// Whether nothing changed.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<Held>, &Arc<Held>)| Arc::ptr_eq(one, other);
        let good = match (&self.good, &other.good) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        good && self.held.len() == other.held.len() && self.held.iter().zip(&other.held).all(same)
    }

    /// The last good CRL as bytes: format, time first seen, and what is remembered; without the serial numbers if they
    /// take more than [`MAX_SAVED`].
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let good = self.good.as_ref()?;
        let past = if good.past.weight() <= MAX_SAVED {
            good.past.to_bytes()
        } else {
            good.past.without_serials().to_bytes()
        };
        Some([&[FORM], good.since.to_be_bytes().as_slice(), &past].concat())
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (since, past) = rest.split_first_chunk::<8>()?;
        let past = Past::from_bytes(past).filter(|_| *form == FORM)?;
        let seen = Seen { past, since: i64::from_be_bytes(*since), reserved: None };
        Some(Self { good: Some(Arc::new(seen)), held: Vec::new() })
    }
}
