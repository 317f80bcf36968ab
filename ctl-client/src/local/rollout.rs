//! Staged roll-out: of many devices, or of many stations behind one client, a few take up what is new at first, and
//! the others later. A pure function of names and times, so that nobody has to be asked whose turn it is.

use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::transport::private_address;

const HOUR: u64 = 3600;

/// When what a list adds is taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// The stages, each with at least the share of the one before it.
    pub stages: Vec<Stage>,
    /// Where the operator says whether the roll-out is paused: a folder at `https://…` or `file:///…` that has
    /// `v1/rollout`, such as the address of `ctl-client collect`. Without it nothing pauses. `http://` is for this machine
    /// only: on the way a pause could be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
}

/// From when on, after an addition was first seen, which share takes it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Hours since it was first seen here.
    pub after_hours: u32,
    /// The share, in percent.
    pub percent: u8,
}

/// What the operator's address answers. Other members are left to whoever reads them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Gate {
    /// Whether nobody else shall take up what is new.
    pub paused: bool,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

impl Gate {
    /// The file below the address.
    pub const PATH: &'static str = "v1/rollout";
    /// Its size in bytes at most.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// A reason is told with so many characters.
    const MAX_REASON: usize = 200;

    /// Why it is paused, in words that may be shown anywhere; none if it is not.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let why: String = ctl_pki::print::line(&self.reason).chars().take(Self::MAX_REASON).collect();
        let why = if why.trim().is_empty() { "its operator gives no reason".to_owned() } else { why };
        self.paused.then_some(why)
    }
}

impl Rollout {
    /// When a device of this name takes up what was first seen at `since`; none if no stage reaches it.
    #[must_use]
    pub fn turn(&self, name: &str, since: Timestamp) -> Option<Timestamp> {
        Some(since.plus_seconds(Stage::of(&self.stages, name)?.after_seconds()))
    }

    /// What is wrong with it: what to correct.
    pub(crate) fn problem(&self) -> Option<String> {
        let gate = || {
            let gate = self.gate.as_ref().filter(|gate| !gate.starts_with("file:///"))?;
            private_address(gate).err().map(|problem| format!("rollout.gate: {problem}"))
        };
        Stage::problem(&self.stages).or_else(gate)
    }
}

impl Stage {
    /// The stage that a device or station of this name takes part in first; none if no stage reaches it.
    #[must_use]
    pub fn of(stages: &[Self], name: &str) -> Option<Self> {
        let place = place(name);
        stages.iter().find(|stage| place < f64::from(stage.percent)).copied()
    }

    /// From when on, after an addition was first seen, in seconds.
    #[must_use]
    pub fn after_seconds(self) -> u64 {
        u64::from(self.after_hours).saturating_mul(HOUR)
    }

    /// What is wrong with stages: what to correct.
    pub(crate) fn problem(stages: &[Self]) -> Option<String> {
        let is_share = |stage: &Self| (1..=100).contains(&stage.percent);
        if stages.is_empty() || !stages.iter().all(is_share) {
            return Some("rollout.stages: write at least one, each with a percent from 1 to 100".into());
        }
        let grows = |pair: &[Self; 2]| {
            let [earlier, later] = pair;
            earlier.after_hours <= later.after_hours && earlier.percent <= later.percent
        };
        let all_grow = stages.array_windows().all(grows);
        (!all_grow)
            .then(|| "rollout.stages: hours and percent must not fall from one stage to the next".into())
    }
}

/// Where a device or station of this name stands among all, in percent: from 0 to just below 100, always the same.
#[must_use]
pub fn place(name: &str) -> f64 {
    let digest = Digest::of_parts(&[b"ctl-client rollout", name.as_bytes()]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(stages: &[(u32, u8)]) -> Rollout {
        let stages = stages.iter().map(|&(after_hours, percent)| Stage { after_hours, percent }).collect();
        Rollout { stages, gate: None }
    }

    #[test]
    fn each_stage_takes_its_share_of_the_fleet_and_the_same_devices_come_first_every_time() {
        let rollout = rollout(&[(0, 5), (24, 50), (72, 100)]);
        let now = Timestamp::from_unix(1_800_000_000);
        let mut counts = [0_u32; 3];
        for number in 0..10_000 {
            let name = format!("cp-{number}");
            let turn = rollout.turn(&name, now).unwrap();
            let stage = [0, 24, 72].iter().position(|hours| turn == now.plus_seconds(hours * HOUR)).unwrap();
            counts[stage] += 1;
            assert_eq!(rollout.turn(&name, now), Some(turn));
        }
        let [first, second, third] = counts;
        assert!((400..600).contains(&first) && (4300..4700).contains(&second) && third > 4800, "{counts:?}");
    }

    #[test]
    fn whom_no_stage_reaches_waits_until_the_operator_goes_on() {
        let now = Timestamp::from_unix(1_800_000_000);
        let turns = |percent: u8| {
            let rollout = rollout(&[(0, percent)]);
            (0..100).filter(|number| rollout.turn(&format!("cp-{number}"), now).is_some()).count()
        };
        assert!(turns(10) < 30 && turns(10) > 0);
        assert_eq!(turns(100), 100);
    }

    #[test]
    fn stages_that_contradict_themselves_are_refused() {
        for stages in [&[][..], &[(0, 0)], &[(0, 101)], &[(24, 5), (0, 50)], &[(0, 50), (24, 5)]] {
            assert!(rollout(stages).problem().is_some(), "{stages:?}");
        }
        assert_eq!(rollout(&[(0, 5), (24, 100)]).problem(), None);
    }

    #[test]
    fn a_gate_that_others_on_the_way_could_open_is_refused() {
        let with = |gate: &str| Rollout { gate: Some(gate.into()), ..rollout(&[(0, 100)]) }.problem();
        for gate in
            ["https://fleet.example", "http://127.0.0.1:8790", "http://localhost/x", "file:///media/fleet"]
        {
            assert_eq!(with(gate), None, "{gate}");
        }
        for gate in ["http://fleet.example", "fleet.example", "ftp://fleet.example", "file:relative", ""] {
            assert!(with(gate).is_some_and(|problem| problem.starts_with("rollout.gate")), "{gate}");
        }
    }

    #[test]
    fn what_a_gate_says_steers_no_terminal_and_fills_no_disk() {
        let gate = Gate { paused: true, reason: format!("\u{1b}[2J\nsync complete\n{}", "x".repeat(60_000)) };
        let why = gate.why().unwrap();
        assert!(why.chars().count() <= 200 && !why.contains(['\u{1b}', '\n']), "{why}");
        assert!(Gate { paused: true, reason: " ".into() }.why().unwrap().contains("no reason"));
        assert_eq!(Gate { paused: false, reason: "x".into() }.why(), None);
    }
}
