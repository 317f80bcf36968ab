//! The log's history: what was published lies in it, and it only ever grew.

use std::collections::VecDeque;

use ctl_core::Digest;
use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::log::tile::MAX_TILE_BYTES;
use ctl_core::log::{Checkpoint, LogError, Note, TileId, TileSet, checkpoint, tiles_for_consistency};
use ctl_core::paths::{CHECKPOINT, LOG};
use ctl_core::tuf::Clock;

use super::conflict::Standing;
use super::document::Candidate;
use super::metadata::Trust;
use super::{Client, SyncReport, Work};
use crate::error::{ClientError, FetchError};
use crate::state::LogMemory;
use crate::transport::Source;

/// The log as it is shown now.
pub(super) struct History<'a> {
    source: &'a Source,
    pub(super) size: u64,
    root: Digest,
    pub(super) note: Note,
    tiles: TileSet,
}

impl History<'_> {
    /// Fetches what is needed to compare two sizes. Tiles are always asked for as wide as the newest
    /// checkpoint has them: narrower ones may be gone.
    async fn fetch_tiles(&mut self, older: u64, newer: u64) -> Result<(), ClientError> {
        for id in self.tiles.missing(&tiles_for_consistency(older, newer)?) {
            let nodes = self.size.checked_shr(u32::from(id.level).saturating_mul(8)).unwrap_or(0);
            let from = id.index.saturating_mul(256);
            let width = u16::try_from(nodes.saturating_sub(from).min(256)).unwrap_or(256).max(id.width);
            let wide = TileId { width, ..id };
            let path = |id: TileId| LOG.of(&[&id.path()]);
            let (id, bytes) = match self.source.fetch_if_there(&path(wide), MAX_TILE_BYTES).await? {
                Some(bytes) => (wide, bytes),
                // The log has grown meanwhile, and only the full tile is kept.
                None => {
                    let found = self.source.fetch(&path(wide.full()), MAX_TILE_BYTES).await?;
                    (wide.full(), found.ok_or(LogError::MissingTile(wide))?)
                }
            };
            self.tiles.insert(id, &bytes)?;
        }
        Ok(())
    }

    /// Size and root of the newest checkpoint.
    pub(super) const fn newest(&self) -> (u64, Digest) {
        (self.size, self.root)
    }

    /// The proof that the larger log begins with the smaller one, both named by size and root.
    ///
    /// # Errors
    /// [`LogError::NotAPrefix`] is proven; every other error is damage, and proves nothing.
    pub(super) async fn consistency(
        &mut self,
        older: (u64, Digest),
        newer: (u64, Digest),
    ) -> Result<Vec<Digest>, ClientError> {
        self.fetch_tiles(older.0, newer.0).await?;
        let (root, proof) = self.tiles.prefix(older.0, newer.0, &newer.1)?;
        if root == older.1 {
            Ok(proof)
        } else {
            Err(LogError::NotAPrefix { older: older.0, newer: newer.0 }.into())
        }
    }
}

impl Client {
    /// Takes up the candidates whose log is consistent with all that was ever seen of it.
    pub(super) async fn accept(
        &self,
        source: &Source,
        trust: &Trust,
        candidates: Vec<Candidate>,
        work: &mut Work,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let mut history = match self.newest(source, trust, &candidates).await {
            Ok(history) => history,
            Err(error) => {
                report.problem("log", error);
                return Ok(());
            }
        };
        match self.compare(&mut history, trust, work).await {
            Ok(Standing::Follows) => {}
            Ok(Standing::Restarted { replaced }) => self.restarted(replaced, trust, work, report),
            Ok(Standing::Conflicts(how)) => {
                return self.conflict(how, &mut history, trust, candidates, work, report).await;
            }
            Err(error) => {
                report.problem("log", error);
                return Ok(());
            }
        }
        if work.state.conflict.take().is_some() {
            report.notes.push("the log follows again from what is remembered of it".into());
        }
        self.remember(&history, trust, work);
        // Suspensions that a newer list lifts make room for others, so notices that exceed the cap are
        // tried once more after the lists.
        let mut waiting: VecDeque<(Candidate, bool)> = candidates.into_iter().map(|c| (c, true)).collect();
        while let Some((candidate, first)) = waiting.pop_front() {
            let (role, sequence) = (candidate.role.clone(), candidate.head.sequence);
            match self.take_up(&mut history, &candidate, trust, work).await {
                Ok(()) => report.accepted.push((role, sequence)),
                Err(ClientError::Document { .. }) if first && !waiting.is_empty() => {
                    waiting.push_back((candidate, false));
                }
                Err(error) => report.problem(role.to_string(), error),
            }
        }
        Ok(())
    }

    async fn take_up(
        &self,
        history: &mut History<'_>,
        candidate: &Candidate,
        trust: &Trust,
        work: &mut Work,
    ) -> Result<(), ClientError> {
        candidate.check_succession(&work.state, trust)?;
        let consistency = self.check_candidate(history, candidate).await?;
        let suspensions = self.suspensions_with(candidate, trust, work)?;
        let (clock, _) = self.clock(work.state.known_time);
        let now = if let Clock::Known(now) = clock { Some(now) } else { None };
        candidate.record(consistency, now, work);
        if let Some(suspensions) = suspensions {
            work.state.suspensions = suspensions;
        }
        Ok(())
    }

    /// The largest checkpoint at hand: the log's own, or one that a proof ends in.
    async fn newest<'a>(
        &self,
        source: &'a Source,
        trust: &Trust,
        candidates: &[Candidate],
    ) -> Result<History<'a>, ClientError> {
        let path = CHECKPOINT.plain();
        let problem = "there is none".to_owned();
        let missing = || FetchError::Connection { address: source.address(path), problem };
        let bytes = source.fetch(path, MAX_NOTE_BYTES).await?.ok_or_else(missing)?;
        let note = Note::parse(&bytes)?;
        let checkpoint = Checkpoint::open_note(&note, &trust.origin, &trust.log)?;
        let shown = candidates.iter().map(|candidate| (&candidate.checkpoint, &candidate.note));
        let (newest, note) = shown
            .fold((&checkpoint, &note), |best, next| if next.0.size > best.0.size { next } else { best });
        let (size, root, note) = (newest.size, newest.root, note.clone());
        Ok(History { source, size, root, note, tiles: TileSet::new() })
    }

    /// The proof's checkpoint must be in the log's history, and the log that the document was
    /// drafted from in the proof's. Gives the proof of the latter.
    pub(super) async fn check_candidate(
        &self,
        history: &mut History<'_>,
        candidate: &Candidate,
    ) -> Result<Vec<Digest>, ClientError> {
        let log = &candidate.head.log;
        let drafted = (log.size, log.root_hash);
        let proven = (candidate.checkpoint.size, candidate.checkpoint.root);
        let newest = history.newest();
        match history.consistency(proven, newest).await {
            Err(ClientError::Log(LogError::NotAPrefix { .. })) => {
                let problem = format!(
                    "the proof for {} is from a log of {} entries with root {}, which the log of {} entries does \
                     not begin with",
                    candidate.role, proven.0, proven.1, newest.0
                );
                let (one, other) = (candidate.note.to_string(), history.note.to_string());
                return Err(self.two_histories(problem, one.as_bytes(), other.as_bytes())?);
            }
            other => other?,
        };
        history.consistency(drafted, proven).await
    }

    /// Keeps both checkpoints. Each is signed, and that they exclude each other is proven: together they
    /// convict the log.
    pub(super) fn two_histories(
        &self,
        problem: String,
        former: &[u8],
        shown: &[u8],
    ) -> Result<ClientError, ClientError> {
        let items = [("seen.checkpoint", former), ("shown.checkpoint", shown)];
        let evidence = self.directory.keep_evidence(&items)?;
        Ok(ClientError::TwoHistories { problem, evidence })
    }

    fn remember(&self, history: &History<'_>, trust: &Trust, work: &mut Work) {
        let cosignatures = checkpoint::cosignatures(&history.note, &trust.witnesses);
        let mut witnesses: Vec<String> =
            cosignatures.into_iter().map(|cosignature| cosignature.name).collect();
        witnesses.sort();
        let new = LogMemory {
            note: Digest::ZERO,
            size: history.size,
            root: history.root,
            witnesses,
            witnesses_needed: trust.witnesses_needed,
            restarts: trust.restarts.len(),
        };
        // A checkpoint that is only signed anew is not worth a write to flash.
        let same = |old: &LogMemory| {
            LogMemory { note: Digest::ZERO, ..old.clone() } == new
                && self.directory.object(&old.note).is_some()
        };
        if !work.state.log.as_ref().is_some_and(same) {
            let note = work.object(history.note.to_string().into_bytes());
            work.state.log = Some(LogMemory { note, ..new });
        }
    }
}
