//! What is remembered of CRLs from round to round, and no more than that: of the last good one its digest, times,
//! number and serial numbers, by which the next is measured; of those that were served last and whose issuer signed
//! them, the digest and what was found about the signature, so that what did not change is not verified again. What
//! nobody proven has signed is not remembered at all, however much of it is served.

use std::sync::Arc;

use ctl_fetch::{Fetch, Reservation};
use ctl_pki::crl::{Crl, Past, Verdict, Verified};
use ctl_pki::revocation::RevocationError;

use super::judge::{self, By, Judged, Wrong};
use crate::code::Weight;
use crate::observation::CrlIdentity;
use crate::probe::Memory;

/// The first byte of what is saved: the form.
const FORM: u8 = 2;
/// Serial numbers of at most so many bytes are kept over a restart: they take the room of history.
const MAX_SAVED: usize = 1 << 20;

/// What is remembered of a target.
#[derive(Clone, Default)]
pub(super) struct Remembered {
    /// The last good CRL.
    pub(super) good: Option<Arc<Seen>>,
    /// What the addresses served in the last round.
    pub(super) held: Vec<Arc<Held>>,
}

/// What is remembered of a CRL that nothing forbids to use.
pub(super) struct Seen {
    past: Past,
    /// Unix time of the probe that found it first.
    since: i64,
    /// For the serial numbers; none for one that was just read from the disk.
    room: Option<Reservation>,
}

impl Seen {
    /// With its serial numbers, if there is room for them.
    fn new(past: Past, since: i64, fetch: &dyn Fetch) -> Self {
        match fetch.reserve(past.weight()) {
            Some(room) => Self { past, since, room: Some(room) },
            None => Self { past: past.without_serials(), since, room: Some(Reservation::default()) },
        }
    }
}

/// A CRL that was served, and that its issuer signed.
pub(super) struct Held {
    verdict: Verdict,
    /// SHA-256 of the issuer's certificate it was verified by.
    issuer: [u8; 32],
    /// Unix time of the probe that found it first.
    pub(super) since: i64,
    /// What changed for the worse since the last good one.
    pub(super) changes: Wrong,
    /// By what the next is measured, if this one could be used when it was read.
    seen: Option<Arc<Seen>>,
}

/// A CRL as one round sees it; its bytes are gone.
pub(super) struct Looked {
    pub(super) sha256: [u8; 32],
    /// None if nobody proven signed it.
    pub(super) held: Option<Arc<Held>>,
    pub(super) judged: Judged,
    pub(super) next_update: Option<i64>,
    pub(super) identity: CrlIdentity,
    /// By age and number: of two the greater is the newer.
    pub(super) rank: (i64, usize, Vec<u8>),
    /// How it is told from others, in words.
    pub(super) name: String,
}

/// What was read, before there is known to be room to remember it.
pub(super) struct Read {
    looked: Looked,
    verdict: Verdict,
    /// What is remembered, and what changed for the worse, of one that is new and usable.
    new: Option<(Past, Wrong)>,
    known: Option<Arc<Held>>,
}

/// Reads and judges a CRL; its signature is verified unless it was.
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
        name: format!("the CRL{} of {}", numbered.unwrap_or_default(), super::http::date(crl.this_update())),
        judged,
    };
    Ok(Read { looked, verdict: verified.verdict(), new, known })
}

impl Read {
    /// What is remembered of it, as far as there is room.
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
    /// Whether what it says is its issuer's word.
    pub(super) fn is_proven(&self) -> bool {
        self.judged.facts.this_update.is_some()
    }

    /// What changed for the worse since the last good one.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&crate::code::Code, &String)> {
        self.held.iter().flat_map(|held| &held.changes)
    }
}

impl Held {
    /// Whether this is the CRL, and it was verified by the issuer that counts now.
    fn is(&self, crl: &Crl, by: &By<'_>) -> bool {
        *self.verdict.sha256() == crl.sha256() && self.issuer == by.subject.issuer.sha256()
    }
}

impl Remembered {
    /// What a memory holds, if this kind wrote it.
    pub(super) fn of(memory: &Memory) -> Option<Arc<Self>> {
        memory.0.clone()?.downcast().ok()
    }

    /// The same with room for what was just read from the disk.
    pub(super) fn housed(self: Arc<Self>, fetch: &dyn Fetch) -> Arc<Self> {
        let Some(good) = self.good.as_ref().filter(|good| good.room.is_none()) else { return self };
        let good = Arc::new(Seen::new(good.past.clone(), good.since, fetch));
        Arc::new(Self { good: Some(good), held: self.held.clone() })
    }

    /// By which CRL the next is measured. The last good one; but once that has run out, so that nobody holds it
    /// any more, the one that was served instead: an issuer that began anew is in order again then.
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

    /// What is remembered after a round in which these were served; the newest of them, if nothing is wrong with
    /// it, is the last good one. A round without any changes nothing.
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

    /// The last good CRL as bytes: the form, since when it was seen, and what is remembered of it; without the serial
    /// numbers if these take more than [`MAX_SAVED`].
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
        let seen = Seen { past, since: i64::from_be_bytes(*since), room: None };
        Some(Self { good: Some(Arc::new(seen)), held: Vec::new() })
    }
}
