//! A target as the history knows it, also when it is no longer watched.

use ctl_core::names::ParticipantId;
use ctl_policy::sla::Kind;
use serde::{Deserialize, Serialize};

use super::target::{Target, TargetId};

/// A stretch of time in which a target was watched, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    pub from_ms: i64,
    /// None while the target is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<i64>,
}

/// A target as the history knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its number in the history, by which counts and incidents name it.
    pub number: u32,
    pub kind: Kind,
    pub operator: ParticipantId,
    pub url: String,
    /// How often it is probed, in milliseconds.
    pub period_ms: u64,
    /// The stretches in which it was watched, in order.
    pub watched: Vec<Watched>,
    /// Whether anything but an undecided application ever named it: only of that something is promised. None where the
    /// history was written before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<bool>,
}

/// How many stretches are kept apart; older ones are merged.
const MAX_STRETCHES: usize = 100;

impl Description {
    /// Describes a target that is watched from now on.
    #[must_use]
    pub fn new(number: u32, target: &Target, now_ms: i64) -> Self {
        Self {
            number,
            kind: target.kind,
            operator: target.operator.clone(),
            url: target.url.clone(),
            period_ms: period_ms(target),
            watched: vec![Watched { from_ms: now_ms, to_ms: None }],
            promised: Some(target.is_promised()),
        }
    }

    /// Notes what names it now; what was ever promised stays so. Returns whether that changed anything.
    pub fn named_by(&mut self, target: &Target) -> bool {
        let promised = Some(self.promised == Some(true) || target.is_promised());
        std::mem::replace(&mut self.promised, promised) != promised
    }

    /// The target's id.
    #[must_use]
    pub fn id(&self) -> TargetId {
        TargetId::of(self.kind, &self.operator, &self.url)
    }

    /// Whether it is watched now.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watched.last().is_some_and(|last| last.to_ms.is_none())
    }

    /// Begins to watch it, perhaps again.
    pub fn begin(&mut self, now_ms: i64) {
        if self.is_watched() {
            return;
        }
        if self.watched.len() >= MAX_STRETCHES {
            self.watched.remove(0);
        }
        self.watched.push(Watched { from_ms: now_ms, to_ms: None });
    }

    /// Stops watching it.
    pub fn end(&mut self, now_ms: i64) {
        if let Some(last) = self.watched.last_mut() {
            last.to_ms = Some(last.to_ms.unwrap_or(now_ms));
        }
    }

    /// Whether a stretch begins or ends after a moment.
    #[must_use]
    pub fn is_known_after(&self, at_ms: i64) -> bool {
        self.watched.iter().any(|stretch| stretch.to_ms.unwrap_or(stretch.from_ms) > at_ms)
    }

    /// Moves moments after `now_ms` to it: they were taken from a wrong clock. Returns whether that changed anything.
    pub fn bring_back(&mut self, now_ms: i64) -> bool {
        let mut watched: Vec<Watched> = Vec::with_capacity(self.watched.len());
        for stretch in &self.watched {
            let (from_ms, to_ms) = (stretch.from_ms.min(now_ms), stretch.to_ms.map(|to| to.min(now_ms)));
            match watched.last_mut() {
                Some(last) if last.to_ms.is_none_or(|to| from_ms <= to) => {
                    last.from_ms = last.from_ms.min(from_ms);
                    last.to_ms = last.to_ms.zip(to_ms).map(|(one, other)| one.max(other));
                }
                _ => watched.push(Watched { from_ms, to_ms }),
            }
        }
        watched.retain(|stretch| stretch.to_ms.is_none_or(|to| stretch.from_ms < to));
        let changed = watched != self.watched;
        self.watched = watched;
        changed
    }

    /// The stretches of watching between two moments, in order.
    pub fn watched_within(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (i64, i64)> {
        self.watched.iter().filter_map(move |stretch| {
            let (from, to) = (stretch.from_ms.max(from_ms), stretch.to_ms.unwrap_or(i64::MAX).min(to_ms));
            (from < to).then_some((from, to))
        })
    }

    /// How many probes were due between two moments.
    #[must_use]
    pub fn due(&self, from_ms: i64, to_ms: i64) -> u64 {
        let stretches =
            self.watched_within(from_ms, to_ms).map(|(from, to)| to.saturating_sub(from).unsigned_abs());
        stretches.fold(0_u64, u64::saturating_add) / self.period_ms.max(1)
    }
}

/// A target's period in milliseconds.
#[must_use]
pub fn period_ms(target: &Target) -> u64 {
    u64::try_from(target.period.as_millis()).unwrap_or(u64::MAX).max(1)
}
