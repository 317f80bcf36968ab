//! Two CRLs of one issuer and scope, one after the other: what an issuer must not do over time.

use super::{Crl, Past, PastEntry};
use crate::conditions::conditions;
use crate::time::date;

conditions! {
    /// Something that should not happen between one CRL and the next, or is worth a look.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum Change {
        /// The number did not grow, and the CRL is another.
        #[error("the number of the CRL did not grow")]
        NumberNotIncreasing => "crl-number-not-increasing", "RFC 5280 section 5.2.3";
        /// The same number with other bytes.
        #[error("two different CRLs have the same number")]
        SameNumberDifferentBytes => "same-number-different-bytes", "RFC 5280 section 5.2.3";
        /// Issued before the one that came before it.
        #[error("a CRL of {} came after one of {}", date(*.to), date(*.from))]
        ThisUpdateRegressed {
            /// When the earlier one was issued.
            from: i64,
            /// When the later one was issued.
            to: i64,
        } => "this-update-regressed", "RFC 5280 section 5.1.2.4";
        /// Entries are gone. That is right for certificates that have expired since (RFC 5280 section 3.3) or that
        /// were on hold, and for no others: the caller knows which.
        #[error("{count} entries are gone, the first of them {}", .serials.first().map_or("", |serial| serial))]
        EntriesVanished {
            /// Their serial numbers, in hex, at most [`MAX_VANISHED`].
            serials: Vec<String>,
            /// How many there are.
            count: usize,
        } => "entry-vanished", "RFC 5280 section 3.3";
        /// The size changed by more than the factor that the caller gave.
        #[error("the CRL's size went from {from} to {to} bytes")]
        SizeJump {
            /// Bytes before.
            from: u64,
            /// Bytes now.
            to: u64,
        } => "size-jump", "limit given by the caller";
    }
}

/// The most serial numbers that [`Change::EntriesVanished`] names.
pub const MAX_VANISHED: usize = 100;

/// What changed from `earlier` to `later`, two CRLs of the same issuer and scope in the order in which they were
/// received. Both should have passed [`check()`](super::check()). `size_factor` is how many times larger or smaller
/// is a jump.
pub fn compare(earlier: &Crl, later: &Crl, size_factor: u64) -> Vec<Change> {
    compare_except(&Past::of(earlier), later, size_factor, |_| false)
}

/// The same for who remembers the earlier one, and knows which entries may be gone.
pub fn compare_except(
    earlier: &Past,
    later: &Crl,
    size_factor: u64,
    may_be_gone: impl Fn(&PastEntry<'_>) -> bool,
) -> Vec<Change> {
    let mut changes = Vec::new();
    if *earlier.sha256() == later.sha256() {
        return changes;
    }
    if let (Some(before), Some(after)) = (earlier.number(), later.number()) {
        if before == after {
            changes.push(Change::SameNumberDifferentBytes);
        } else if (after.len(), after) < (before.len(), before) {
            changes.push(Change::NumberNotIncreasing);
        }
    }
    let (from, to) = (earlier.this_update(), later.this_update());
    if to < from {
        changes.push(Change::ThisUpdateRegressed { from, to });
    }
    changes.extend(vanished(earlier, later, may_be_gone));
    let (from, to) = (earlier.size(), u64::try_from(later.der().len()).unwrap_or(u64::MAX));
    if to > from.saturating_mul(size_factor) || from > to.saturating_mul(size_factor) {
        changes.push(Change::SizeJump { from, to });
    }
    changes
}

fn vanished(earlier: &Past, later: &Crl, may_be_gone: impl Fn(&PastEntry<'_>) -> bool) -> Option<Change> {
    let mut serials = Vec::new();
    let mut count = 0;
    for entry in earlier.entries() {
        if later.find(entry.serial).next().is_none() && !may_be_gone(&entry) {
            count += 1;
            if serials.len() < MAX_VANISHED {
                serials.push(hex::encode(entry.serial));
            }
        }
    }
    (count > 0).then_some(Change::EntriesVanished { serials, count })
}
