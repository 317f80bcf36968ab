//! The report of a PKI's month: what was counted, the levels that follow, and the incidents. Whoever has it can
//! compute its levels again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::level::{Level, Objective};
use super::policy::Maintenance;
use super::room::{LeftOut, OtherTargets, fit};
use super::time::{Month, Time};
use super::{Kind, MILLION};

/// The largest report that is read, in bytes.
pub const MAX_REPORT_SIZE: usize = 4 * 1024 * 1024;

/// What every report is.
const TYPE: &str = "v2g-sla-report";

/// The policy that a report applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyName {
    pub name: String,
    pub version: String,
    /// SHA-256 of its file, in hex.
    pub sha256: String,
}

/// One kind of service in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindReport {
    pub kind: Kind,
    /// What was promised.
    pub objective: Objective,
    /// What was counted of all its targets.
    pub counts: Counts,
    /// What follows.
    pub level: Level,
}

/// One target in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetReport {
    /// Its id, in hex.
    pub target: String,
    pub kind: Kind,
    pub url: String,
    pub counts: Counts,
    /// What follows.
    pub level: Level,
}

/// One incident that touched a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentReport {
    /// Its number.
    pub incident: u64,
    /// The target's id, in hex.
    pub target: String,
    pub kind: Kind,
    pub url: String,
    /// Time of the first bad probe.
    pub began_at: Time,
    /// Time of the first good probe of those that ended it; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Bad probes.
    pub failures: u64,
    /// How often each reason was found.
    pub reasons: BTreeMap<String, u64>,
    /// SHA-256 of the evidence, in hex.
    pub evidence: Vec<String>,
    /// Whether it lasted long enough to be a breach.
    pub breach: bool,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// `v2g-sla-report`.
    pub r#type: String,
    /// 1.
    pub format: u64,
    /// The scheme's id, in hex.
    pub scheme: String,
    /// Whose services.
    pub operator: String,
    /// The month, in UTC.
    pub month: Month,
    /// Its first moment.
    pub from: Time,
    /// The first moment after it.
    pub to: Time,
    /// When the report was made.
    pub made_at: Time,
    pub policy: PolicyName,
    /// How it was measured, in words.
    pub method: String,
    /// By kind of service.
    pub kinds: Vec<KindReport>,
    pub targets: Vec<TargetReport>,
    /// What went wrong.
    pub incidents: Vec<IncidentReport>,
    /// Announced maintenance that touches the month.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<Maintenance>,
    /// What there was no room for; absent where everything has its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// Why a report is not what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Another document.
    #[error("this is {found:?} format {format}, not a service level report of format 1")]
    Other {
        /// What it says it is.
        found: String,
        format: u64,
    },
    /// The times do not fit.
    #[error(
        "the report of {month} is from {from} to {to}, made at {made_at}: that is not the month, or not over then"
    )]
    Times {
        month: Month,
        /// Its beginning, as it says.
        from: Time,
        /// Its end, as it says.
        to: Time,
        made_at: Time,
    },
    /// A number does not follow from the others.
    #[error("{place}: {wrong}")]
    Arithmetic { place: String, wrong: String },
}

fn arithmetic(place: impl Into<String>, wrong: impl Into<String>) -> Result<(), ReportError> {
    Err(ReportError::Arithmetic { place: place.into(), wrong: wrong.into() })
}

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// The scheme's id, in hex.
    pub scheme: String,
    /// Whose services.
    pub operator: String,
    pub month: Month,
    /// When the report is made.
    pub made_at: Time,
    pub policy: PolicyName,
    /// How it was measured.
    pub method: String,
    /// What was promised, for each kind that has a target.
    pub objectives: BTreeMap<Kind, Objective>,
    /// The targets: id, kind, address, and what was counted.
    pub targets: Vec<(String, Kind, String, Counts)>,
    /// The incidents that touch the month.
    pub incidents: Vec<IncidentReport>,
    /// The maintenance that touches the month.
    pub maintenance: Vec<Maintenance>,
}

impl Report {
    /// The report of a month, at most [`MAX_REPORT_SIZE`] large: what does not fit is summed up.
    #[must_use]
    pub fn new(material: Material) -> Self {
        let Material { scheme, operator, month, made_at, policy, method, objectives, targets, .. } = material;
        let of_kind =
            |kind: Kind| targets.iter().filter(move |target| target.1 == kind).map(|target| &target.3);
        let present = objectives.iter().filter(|(kind, _)| of_kind(**kind).next().is_some());
        let kinds = present.map(|(kind, objective)| {
            let counts: Counts = of_kind(*kind).collect();
            let level = Level::of(&counts, objective);
            KindReport { kind: *kind, objective: objective.clone(), counts, level }
        });
        let kinds: Vec<_> = kinds.collect();
        let targets = targets.into_iter().filter_map(|(target, kind, url, counts)| {
            let level = Level::of(&counts, objectives.get(&kind)?);
            Some(TargetReport { target, kind, url, counts, level })
        });
        let mut report = Self {
            r#type: TYPE.to_owned(),
            format: 1,
            scheme,
            operator,
            month,
            from: month.begin(),
            to: month.end(),
            made_at,
            policy,
            method,
            kinds,
            targets: targets.collect(),
            incidents: material.incidents,
            maintenance: material.maintenance,
            left_out: None,
        };
        fit(&mut report);
        report
    }

    /// Whether the report is what it says: its times are those of the month, its sums are the sums of its parts,
    /// and its levels follow from what was counted.
    ///
    /// # Errors
    /// [`ReportError`] naming the first number that does not follow.
    pub fn check(&self) -> Result<(), ReportError> {
        if self.r#type != TYPE || self.format != 1 {
            let found = self.r#type.chars().take(40).collect();
            return Err(ReportError::Other { found, format: self.format });
        }
        let (month, from, to, made_at) = (self.month, self.from, self.to, self.made_at);
        if from != month.begin() || to != month.end() || made_at < to {
            return Err(ReportError::Times { month, from, to, made_at });
        }
        let mut objectives = BTreeMap::new();
        for one in &self.kinds {
            if objectives.insert(one.kind, &one.objective).is_some() {
                return arithmetic(one.kind.as_str(), "the kind stands twice");
            }
            if one.objective.availability_ppm >= MILLION {
                return arithmetic(one.kind.as_str(), "an availability of everything cannot be promised");
            }
        }
        self.check_targets(&objectives)?;
        self.check_left_out(&objectives)?;
        for one in &self.kinds {
            let of_kind = self.targets.iter().filter(|target| target.kind == one.kind);
            let others = self.other_targets().filter(|others| others.kind == one.kind);
            let counts = of_kind.map(|target| &target.counts).chain(others.map(|others| &others.counts));
            if counts.collect::<Counts>() != one.counts {
                return arithmetic(one.kind.as_str(), "its counts are not the sum of its targets'");
            }
            if Level::of(&one.counts, &one.objective) != one.level {
                return arithmetic(one.kind.as_str(), "its level does not follow from its counts");
            }
        }
        self.check_incidents()
    }

    fn check_targets(&self, objectives: &BTreeMap<Kind, &Objective>) -> Result<(), ReportError> {
        let mut seen = BTreeSet::new();
        for one in &self.targets {
            let place = format!("target {} ({} {})", one.target, one.kind, one.url);
            if !seen.insert(&one.target) {
                return arithmetic(place, "it stands twice");
            }
            let Some(objective) = objectives.get(&one.kind) else {
                return arithmetic(place, "nothing says what was promised of its kind");
            };
            if !one.counts.is_possible() {
                return arithmetic(place, "its counts contradict each other");
            }
            if Level::of(&one.counts, objective) != one.level {
                return arithmetic(place, "its level does not follow from its counts");
            }
        }
        Ok(())
    }

    fn other_targets(&self) -> impl Iterator<Item = &OtherTargets> {
        self.left_out.iter().flat_map(|left_out| &left_out.targets)
    }

    fn check_left_out(&self, objectives: &BTreeMap<Kind, &Objective>) -> Result<(), ReportError> {
        let Some(left_out) = &self.left_out else { return Ok(()) };
        if left_out.incidents == 0 && left_out.targets.is_empty() {
            return arithmetic("left_out", "nothing is");
        }
        let mut seen = BTreeSet::new();
        for one in &left_out.targets {
            let place = format!("left_out, {}", one.kind);
            if !seen.insert(one.kind) {
                return arithmetic(place, "the kind stands twice");
            }
            if !objectives.contains_key(&one.kind) {
                return arithmetic(place, "nothing says what was promised of its kind");
            }
            if one.targets == 0 || !one.counts.is_possible() {
                return arithmetic(place, "its counts contradict each other");
            }
        }
        Ok(())
    }

    fn check_incidents(&self) -> Result<(), ReportError> {
        let mut seen = BTreeSet::new();
        for one in &self.incidents {
            let place = format!("incident {}", one.incident);
            if !seen.insert(one.incident) {
                return arithmetic(place, "it stands twice");
            }
            let is_there = |target: &TargetReport| target.target == one.target && target.kind == one.kind;
            let may_be_left_out = self.other_targets().any(|others| others.kind == one.kind);
            if !self.targets.iter().any(is_there) && !may_be_left_out {
                return arithmetic(place, "its target is not in the report");
            }
            let ends = one.ended_at.unwrap_or(self.made_at);
            if one.began_at >= self.to || ends < self.from || ends < one.began_at {
                return arithmetic(place, "it does not lie in the month");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::counts::tests::counts;
    use super::super::level::tests::OBJECTIVE;
    use super::*;
    use proptest::prelude::*;

    pub(in crate::sla) fn report(counted: Vec<Counts>) -> Report {
        let targets = counted.into_iter().enumerate().map(|(n, counts)| {
            let kind = if n % 2 == 0 { Kind::Ocsp } else { Kind::Crl };
            (format!("{n:016x}"), kind, format!("http://{kind}-{n}.alpha.example/"), counts)
        });
        let began_at: Time = "2026-10-31T23:59:30Z".parse().unwrap();
        Report::new(Material {
            scheme: "00".repeat(32),
            operator: "alpha-pki".into(),
            month: "2026-11".parse().unwrap(),
            made_at: "2026-12-01T00:05:00Z".parse().unwrap(),
            policy: PolicyName { name: "Levels".into(), version: "1".into(), sha256: "11".repeat(32) },
            method: "A probe every 30 s.".into(),
            objectives: [(Kind::Ocsp, OBJECTIVE), (Kind::Crl, OBJECTIVE), (Kind::Est, OBJECTIVE)].into(),
            targets: targets.collect(),
            incidents: vec![IncidentReport {
                incident: 7,
                target: format!("{:016x}", 0),
                kind: Kind::Ocsp,
                url: "http://ocsp-0.alpha.example/".into(),
                began_at,
                ended_at: Some(Time(began_at.0 + 900)),
                failures: 30,
                reasons: [("tcp_refused".to_owned(), 30)].into(),
                evidence: vec!["22".repeat(32)],
                breach: true,
            }],
            maintenance: Vec::new(),
        })
    }

    fn has_fraction(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => number.is_f64(),
            serde_json::Value::Array(items) => items.iter().any(has_fraction),
            serde_json::Value::Object(members) => members.values().any(has_fraction),
            _ => false,
        }
    }

    fn month() -> Report {
        let counts =
            Counts { good: 1000, bad: 2, answered: 1001, fresh: 1000, correct: 1001, ..Counts::default() };
        report(vec![counts.clone(), counts.clone(), counts])
    }

    proptest! {
        #[test]
        fn a_report_checks_and_survives_json(counted in proptest::collection::vec(counts(), 1..6)) {
            let report = report(counted);
            prop_assert_eq!(report.check(), Ok(()));
            let json = serde_json::to_string(&report).unwrap();
            prop_assert!(!has_fraction(&serde_json::from_str(&json).unwrap()), "{}", json);
            prop_assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        }
    }

    #[test]
    fn a_report_that_was_made_nicer_is_found_out() {
        type Trick = fn(&mut Report);
        let tricks: [(&str, Trick); 9] = [
            ("level does not follow", |report| report.kinds[0].level.availability_ppm = Some(MILLION)),
            ("level does not follow", |report| report.targets[0].level.budget_left_ppm = Some(1)),
            ("sum of its targets", |report| {
                report.kinds[0].counts.bad = 0;
                report.kinds[0].level = Level::of(&report.kinds[0].counts, &OBJECTIVE);
            }),
            ("sum of its targets", |report| {
                report.targets.remove(0);
                report.incidents.clear();
            }),
            ("contradict", |report| report.targets[0].counts.fresh = 5000),
            ("twice", |report| report.targets.push(report.targets[0].clone())),
            ("not in the report", |report| report.incidents[0].target = "ff".repeat(8)),
            ("not lie in the month", |report| report.incidents[0].began_at = Time(report.to.0)),
            ("is not the month", |report| report.to = Time(report.to.0 - 86_400)),
        ];
        for (expected, trick) in tricks {
            let mut report = month();
            report.check().unwrap();
            trick(&mut report);
            let wrong = report.check().expect_err(expected).to_string();
            assert!(wrong.contains(expected), "{expected:?}: {wrong}");
        }
    }

    #[test]
    fn a_report_is_not_made_before_its_month_is_over() {
        let mut report = month();
        report.made_at = Time(report.to.0 - 1);
        assert!(matches!(report.check(), Err(ReportError::Times { .. })));
    }

    #[test]
    fn kinds_without_a_target_are_not_in_the_report() {
        let kinds: Vec<Kind> = month().kinds.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Ocsp, Kind::Crl]);
    }
}
