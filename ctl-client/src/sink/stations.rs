//! How the charging stations behind a sink stand: for `status`, whatever kind of back end it is.

use std::collections::BTreeSet;

use ctl_core::{Digest, Timestamp};
use serde::Serialize;

ctl_pki::words! {
    /// How a station stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Standing by as_str {
        /// It said itself that it holds what it should.
        Installed => "installed",
        /// The back end was told, and nobody can ask the station.
        Sent => "sent, not proven",
        /// It holds what it should by now; what the lists added lately waits for its turn.
        Waiting => "waiting",
        /// There is something to do, or to read.
        Pending => "pending",
        /// It does not take what it should, or does not let go of it.
        Refused => "refused",
        /// It does not answer.
        Offline => "offline",
    }
}

/// One station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StationLine {
    /// Its id at the back end.
    pub station: String,
    /// The version of OCPP that it speaks.
    pub ocpp: String,
    /// How it stands.
    pub standing: Standing,
    /// How many roots it should hold, each counted for each of its stores.
    pub wanted: usize,
    /// How many of them it said it holds; none where that was not proven since something was last sent.
    pub held: Option<usize>,
    /// How many roots of others it holds, and keeps.
    pub foreign: usize,
    /// When it last said what it holds.
    pub read_at: Option<Timestamp>,
    /// Whether it may hold a root that is distrusted.
    pub may_hold_distrusted: bool,
    /// What is in the way, for people.
    pub reasons: Vec<String>,
}

/// The roll-out to the stations of a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StationRollout {
    /// What is rolled out, until a day after the last stage began: a line for all that is wanted since one moment.
    pub lines: Vec<RolloutLine>,
    /// Whether it is paused.
    pub paused: Option<RolloutPause>,
    /// Why it is not known what waits since when, if so: then nothing is added anywhere.
    pub lost: Option<String>,
}

/// Roots that are rolled out together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolloutLine {
    /// Since when they are wanted.
    pub since: Timestamp,
    /// Their SHA-256.
    pub roots: BTreeSet<Digest>,
    /// The stage that has begun, from 1; 0 before the first.
    pub stage: usize,
    /// How many there are.
    pub of: usize,
    /// The share of the stations whose turn has come, in percent.
    pub percent: u8,
    /// When the next stage begins; none after the last and in a pause.
    pub next_at: Option<Timestamp>,
}

/// A roll-out that is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolloutPause {
    /// Since when.
    pub since: Timestamp,
    /// Why, and what to do.
    pub reason: String,
}

impl std::fmt::Display for RolloutLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, of, percent, .. } = self;
        let roots: Vec<String> = self.roots.iter().map(Digest::short).collect();
        write!(f, "stage {stage} of {of} ({percent} % of the stations) for {}", roots.join(", "))?;
        match self.next_at {
            Some(next) => write!(f, ", the next one at {next}"),
            None => Ok(()),
        }
    }
}

/// How many stations stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StationCounts {
    /// All of them.
    pub stations: usize,
    /// Those that said themselves that they hold what they should.
    pub installed: usize,
    /// Those whose back end was told, and that nobody can ask.
    pub sent: usize,
    /// Those that hold what they should by now, and wait for their turn in a roll-out.
    pub waiting: usize,
    /// Those with something to do.
    pub pending: usize,
    /// Those that refuse.
    pub refused: usize,
    /// Those that do not answer.
    pub offline: usize,
    /// Those that may hold a root that is distrusted.
    pub may_hold_distrusted: usize,
}

impl StationCounts {
    /// Of these.
    #[must_use]
    pub fn of(lines: &[StationLine]) -> Self {
        let of = |standing| lines.iter().filter(|line| line.standing == standing).count();
        Self {
            stations: lines.len(),
            installed: of(Standing::Installed),
            sent: of(Standing::Sent),
            waiting: of(Standing::Waiting),
            pending: of(Standing::Pending),
            refused: of(Standing::Refused),
            offline: of(Standing::Offline),
            may_hold_distrusted: lines.iter().filter(|line| line.may_hold_distrusted).count(),
        }
    }
}

impl std::fmt::Display for StationCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} stations: {} installed", self.stations, self.installed)?;
        if self.sent > 0 {
            write!(f, ", {} sent and not proven", self.sent)?;
        }
        if self.waiting > 0 {
            write!(f, ", {} waiting for their turn", self.waiting)?;
        }
        write!(f, ", {} pending, {} refused, {} offline", self.pending, self.refused, self.offline)?;
        match self.may_hold_distrusted {
            0 => Ok(()),
            number => write!(f, "; {number} MAY HOLD A DISTRUSTED ROOT"),
        }
    }
}
