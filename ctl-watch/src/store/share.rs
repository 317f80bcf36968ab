//! Whose evidence goes first. Pure: pieces come in, and in what order they go comes out.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::SystemTime;

/// A piece of evidence on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Whose services it is about.
    pub(super) operator: String,
    pub(super) at: SystemTime,
    pub(super) bytes: u64,
    pub(super) place: PathBuf,
}

/// What every operator holds, oldest first.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    of: BTreeMap<String, (u64, VecDeque<Piece>)>,
    total: u64,
}

impl Holdings {
    pub(super) fn new(mut pieces: Vec<Piece>) -> Self {
        pieces.sort_by(|a, b| (a.at, &a.place).cmp(&(b.at, &b.place)));
        let mut holdings = Self::default();
        for piece in pieces {
            holdings.total = holdings.total.saturating_add(piece.bytes);
            let (sum, all) = holdings.of.entry(piece.operator.clone()).or_default();
            *sum = sum.saturating_add(piece.bytes);
            all.push_back(piece);
        }
        holdings
    }

    /// The oldest piece of whoever holds most: nobody's evidence pushes out that of one who has less.
    pub(super) fn next(&mut self) -> Option<Piece> {
        let piece = Self::take(self.of.values_mut().max_by_key(|(sum, _)| *sum)?)?;
        self.total = self.total.saturating_sub(piece.bytes);
        Some(piece)
    }

    /// The next piece that is too much: while anyone holds more than a share, or all together more than the whole.
    /// What is nobody's, of an earlier release, has no share.
    pub(super) fn beyond(&mut self, share: u64, whole: u64) -> Option<Piece> {
        if self.total > whole {
            return self.next();
        }
        let of_someone = self.of.iter_mut().filter(|(operator, _)| !operator.is_empty()).map(|(_, of)| of);
        let largest = of_someone.max_by_key(|(sum, _)| *sum).filter(|(sum, _)| *sum > share)?;
        let piece = Self::take(largest)?;
        self.total = self.total.saturating_sub(piece.bytes);
        Some(piece)
    }

    fn take((sum, all): &mut (u64, VecDeque<Piece>)) -> Option<Piece> {
        let piece = all.pop_front()?;
        *sum = sum.saturating_sub(piece.bytes);
        Some(piece)
    }

    /// The next piece from before a moment, whosever it is.
    pub(super) fn before(&mut self, moment: SystemTime) -> Option<Piece> {
        let is_old = |all: &VecDeque<Piece>| all.front().is_some_and(|piece| piece.at < moment);
        let piece = Self::take(self.of.values_mut().find(|(_, all)| is_old(all))?)?;
        self.total = self.total.saturating_sub(piece.bytes);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn piece(operator: &str, at: u64, bytes: u64) -> Piece {
        let place = format!("{operator}/{at}").into();
        Piece {
            operator: operator.into(),
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(at),
            bytes,
            place,
        }
    }

    fn gone(holdings: &mut Holdings, share: u64, whole: u64) -> Vec<String> {
        std::iter::from_fn(|| holdings.beyond(share, whole))
            .map(|one| one.place.display().to_string())
            .collect()
    }

    #[test]
    fn an_operator_that_fails_in_ever_new_ways_pushes_out_its_own_evidence_only() {
        let mut pieces: Vec<Piece> = (0..1000).map(|at| piece("mallory", 100 + at, 10)).collect();
        pieces.extend((0..50).map(|at| piece("alice", at, 10)));
        let mut holdings = Holdings::new(pieces);
        let gone = gone(&mut holdings, 1000, 10_000);
        assert_eq!(gone.len(), 900);
        assert_eq!((&*gone[0], &*gone[899]), ("mallory/100", "mallory/999"), "its oldest first");
    }

    #[test]
    fn many_operators_that_fill_their_shares_leave_those_with_less_alone() {
        let flooders =
            (0..30).flat_map(|one| (0..10).map(move |at| piece(&format!("flooder-{one}"), 100 + at, 100)));
        let mut holdings =
            Holdings::new(flooders.chain([piece("alice", 1, 100), piece("bob", 2, 150)]).collect());
        let gone = gone(&mut holdings, 1000, 10_000);
        assert!(gone.iter().all(|place| place.starts_with("flooder")), "{gone:?}");
        assert!(holdings.total <= 10_000 && holdings.total > 9_800);
    }

    #[test]
    fn evidence_of_an_earlier_release_is_bounded_by_the_whole_alone() {
        let mut holdings = Holdings::new((0..50).map(|at| piece("", at, 100)).collect());
        assert!(gone(&mut holdings, 1000, 5_000).is_empty());
        assert_eq!(gone(&mut holdings, 1000, 4_900), ["/0"]);
    }

    #[test]
    fn age_spares_nobody() {
        let mut holdings =
            Holdings::new(vec![piece("alice", 1, 1), piece("bob", 5, 1), piece("alice", 7, 1)]);
        let limit = SystemTime::UNIX_EPOCH + Duration::from_secs(6);
        let old: Vec<_> = std::iter::from_fn(|| holdings.before(limit)).map(|one| one.operator).collect();
        assert_eq!(old, ["alice", "bob"]);
        assert_eq!(holdings.total, 1);
        assert!(holdings.next().is_some() && holdings.next().is_none());
    }
}
