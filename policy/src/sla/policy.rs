//! The service level policy: named, versioned promises.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::checks::{check, line, named, operator, per_day};
use super::file::{File, MaintenanceFile, Service};
use super::level::Objective;
use super::time::Time;
use super::{Kind, ServiceLimits};

/// The largest policy file that is read, in bytes.
pub const MAX_SLA_POLICY_SIZE: usize = 256 * 1024;

/// What holds for one kind of service of one PKI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What is promised.
    pub objective: Objective,
    /// By what limits answers are judged.
    pub limits: ServiceLimits,
    /// How many bad probes in a row open an incident.
    pub incident_after: u32,
    /// How many good probes in a row close it.
    pub incident_over_after: u32,
    /// An incident that lasts this many seconds is a breach and enters the log.
    pub breach_after: i64,
    /// Reason codes that make an answer bad although they are warnings.
    pub counted: BTreeSet<String>,
    /// Reason codes that do not make an answer bad although they are errors.
    pub excused: BTreeSet<String>,
    /// What is required, in words, of the departure if there is one.
    pub text: String,
    /// Where that comes from.
    pub source: String,
}

impl Terms {
    /// Whether a reason code makes an answer bad, for the service level.
    #[must_use]
    pub fn counts(&self, code: &str, is_error: bool) -> bool {
        (is_error && !self.excused.contains(code)) || self.counted.contains(code)
    }
}

/// Maintenance that was announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    pub operator: String,
    /// Of which kinds of services; empty: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    pub announced_at: Time,
    /// From when.
    pub starts_at: Time,
    /// Until when.
    pub ends_at: Time,
    /// What is done.
    pub text: String,
    /// Whether it was announced long enough beforehand: else it excuses nothing.
    pub excuses: bool,
}

impl Maintenance {
    fn covers(&self, operator: &str, kind: Kind, at: Time) -> bool {
        self.excuses
            && self.operator == operator
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.starts_at <= at
            && at < self.ends_at
    }
}

/// How many beginnings of breaches a watcher enters into the log within any 24 hours at most, so that services that come
/// and go all day fill nobody's copy of it. Ends always do. All operators that are on no list have together as many more as
/// one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerDay {
    /// Of all listed operators.
    pub all: u32,
    pub of_operator: u32,
}

/// A policy, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaPolicy {
    name: String,
    version: String,
    digest: [u8; 32],
    breaches_per_day: PerDay,
    services: BTreeMap<Kind, Terms>,
    departures: BTreeMap<String, BTreeMap<Kind, Terms>>,
    maintenance: Vec<Maintenance>,
    tell: BTreeMap<Option<String>, BTreeSet<String>>,
}

/// Why a policy file was refused.
#[derive(Debug, thiserror::Error)]
pub enum SlaPolicyError {
    /// Larger than [`MAX_SLA_POLICY_SIZE`].
    #[error("the service level policy has {0} bytes, more than the limit of {MAX_SLA_POLICY_SIZE}")]
    TooLarge(usize),
    /// Not the TOML that a policy is.
    #[error("the service level policy cannot be read: {0}")]
    Malformed(#[from] toml::de::Error),
    /// Something is missing, twice, or out of its bounds.
    #[error("the service level policy, {place}: {wrong}")]
    Wrong {
        place: String,
        /// What, and what to do.
        wrong: String,
    },
}

pub(super) fn wrong<T>(place: impl Into<String>, wrong: impl Into<String>) -> Result<T, SlaPolicyError> {
    Err(SlaPolicyError::Wrong { place: place.into(), wrong: wrong.into() })
}

impl SlaPolicy {
    /// Reads a policy file. Refuses what it does not know: a promise that is not measured must never look kept.
    ///
    /// # Errors
    /// [`SlaPolicyError`]
    pub fn parse(text: &str) -> Result<Self, SlaPolicyError> {
        if text.len() > MAX_SLA_POLICY_SIZE {
            return Err(SlaPolicyError::TooLarge(text.len()));
        }
        let file: File = toml::from_str(text)?;
        named(&file.name, &file.version)?;
        let breaches_per_day =
            PerDay { all: file.breaches_per_day, of_operator: file.breaches_per_day_of_operator };
        per_day(breaches_per_day)?;
        let mut services = BTreeMap::new();
        for service in file.service {
            let (kind, place) = (service.kind, format!("service {}", service.kind));
            if services.contains_key(&kind) {
                return wrong(place, "it stands twice");
            }
            let terms = terms(service);
            check(&place, &terms)?;
            services.insert(kind, terms);
        }
        if let Some(missing) = Kind::ALL.iter().find(|kind| !services.contains_key(kind)) {
            return wrong(
                format!("service {missing}"),
                "it is missing: every kind of service needs its terms",
            );
        }
        let mut departures: BTreeMap<String, BTreeMap<Kind, Terms>> = BTreeMap::new();
        for departure in file.operator {
            let place = format!("operator {:?}, {}", departure.operator, departure.kind);
            operator(&place, &departure.operator)?;
            let Some(general) = services.get(&departure.kind) else { continue };
            let mut terms =
                Terms { text: departure.text.clone(), source: departure.source.clone(), ..general.clone() };
            departure.apply(&mut terms);
            check(&place, &terms)?;
            let of_operator = departures.entry(departure.operator).or_default();
            if of_operator.insert(departure.kind, terms).is_some() {
                return wrong(place, "it stands twice");
            }
        }
        let notice = file.maintenance_notice.0;
        let maintenance =
            file.maintenance.into_iter().map(|one| maintenance(one, notice)).collect::<Result<_, _>>()?;
        let mut tell: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
        for told in file.tell {
            for participant in told.operator.iter().chain(&told.participants) {
                operator("tell", participant)?;
            }
            tell.entry(told.operator).or_default().extend(told.participants);
        }
        let (name, version, digest) = (file.name, file.version, Sha256::digest(text).into());
        Ok(Self { name, version, digest, breaches_per_day, services, departures, maintenance, tell })
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the file's bytes, by which reports and breaches name it.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// How many breaches enter the log within a day at most.
    #[must_use]
    pub const fn breaches_per_day(&self) -> PerDay {
        self.breaches_per_day
    }

    /// What holds for a kind of service of a PKI; none only for a policy without that kind, which is refused.
    #[must_use]
    pub fn terms(&self, operator: &str, kind: Kind) -> Option<&Terms> {
        let departure = self.departures.get(operator).and_then(|kinds| kinds.get(&kind));
        departure.or_else(|| self.services.get(&kind))
    }

    /// By what limits the answers of a PKI's services are judged.
    #[must_use]
    pub fn limits(&self, operator: &str, kind: Kind) -> ServiceLimits {
        self.terms(operator, kind).map(|terms| terms.limits.clone()).unwrap_or_default()
    }

    /// The announced maintenance that a probe at this moment fell into.
    #[must_use]
    pub fn maintenance(&self, operator: &str, kind: Kind, at: Time) -> Option<&Maintenance> {
        self.maintenance.iter().find(|one| one.covers(operator, kind, at))
    }

    /// All maintenance of a PKI that touches a stretch of time.
    pub fn maintenance_of(&self, operator: &str, from: Time, to: Time) -> impl Iterator<Item = &Maintenance> {
        let of = self.maintenance.iter().filter(move |one| one.operator == operator);
        of.filter(move |one| one.starts_at < to && from < one.ends_at)
    }

    /// The participants who are told of a PKI's incidents.
    #[must_use]
    pub fn told(&self, operator: &str) -> BTreeSet<&str> {
        let keys = [None, Some(operator.to_owned())];
        let told = keys.iter().filter_map(|key| self.tell.get(key));
        told.flatten().map(String::as_str).collect()
    }

    /// Every reason code that the policy names, for whoever knows which there are.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<&str> {
        let departures = self.departures.values().flat_map(BTreeMap::values);
        let terms = self.services.values().chain(departures);
        terms.flat_map(|terms| terms.counted.iter().chain(&terms.excused)).map(String::as_str).collect()
    }
}

fn terms(service: Service) -> Terms {
    let mut limits = ServiceLimits::default();
    service.limits.apply(&mut limits);
    Terms {
        objective: Objective {
            availability_ppm: service.availability,
            freshness_ppm: service.freshness,
            correctness_ppm: service.correctness,
            p50_ms: service.p50_ms,
            p95_ms: service.p95_ms,
            p99_ms: service.p99_ms,
            coverage_ppm: service.coverage,
        },
        limits,
        incident_after: service.incident_after,
        incident_over_after: service.incident_over_after,
        breach_after: service.breach_after.0,
        counted: service.counted.into_iter().collect(),
        excused: service.excused.into_iter().collect(),
        text: service.text,
        source: service.source,
    }
}

fn maintenance(file: MaintenanceFile, notice: i64) -> Result<Maintenance, SlaPolicyError> {
    let MaintenanceFile { operator: name, kinds, announced_at, starts_at, ends_at, text } = file;
    let place = format!("maintenance of {name:?} from {starts_at}");
    operator(&place, &name)?;
    line(&format!("{place}, text"), &text, 500)?;
    if ends_at <= starts_at {
        return wrong(place, "it ends before it starts");
    }
    let excuses = announced_at < starts_at && announced_at.0.saturating_add(notice) <= starts_at.0;
    Ok(Maintenance { operator: name, kinds, announced_at, starts_at, ends_at, text, excuses })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sla::BUILT_IN;

    fn with(more: &str) -> Result<SlaPolicy, SlaPolicyError> {
        SlaPolicy::parse(&format!("{BUILT_IN}\n{more}"))
    }

    fn refused(more: &str) -> String {
        with(more).unwrap_err().to_string()
    }

    #[test]
    fn the_policy_of_the_release_has_terms_for_every_kind_with_the_limits_of_the_standards() {
        let policy = SlaPolicy::parse(BUILT_IN).unwrap();
        for kind in Kind::ALL {
            let terms = policy.terms("anyone", kind).unwrap();
            assert!(terms.incident_after >= 2, "{kind}: a single lost packet is no incident");
            assert_eq!(policy.limits("anyone", kind), ServiceLimits::default(), "{kind}");
        }
        assert!(policy.told("anyone").is_empty());
    }

    #[test]
    fn a_practice_statement_that_is_stricter_than_the_standards_binds_its_own_pki_only() {
        let policy = with(
            "[[operator]]\noperator = \"alpha-pki\"\nkind = \"ocsp\"\ntext = \"Answers for at most four days.\"\n\
             source = \"Practice statement of alpha-pki, section 4.9.10\"\navailability = 999_900\n\
             [operator.limits]\nocsp_max_interval = \"4 days\"\n",
        )
        .unwrap();
        let alpha = policy.terms("alpha-pki", Kind::Ocsp).unwrap();
        assert_eq!((alpha.limits.ocsp_max_interval, alpha.objective.availability_ppm), (4 * 86_400, 999_900));
        assert_eq!(policy.limits("alpha-pki", Kind::Crl), ServiceLimits::default());
        assert_eq!(policy.limits("beta-pki", Kind::Ocsp), ServiceLimits::default());
    }

    #[test]
    fn maintenance_excuses_only_what_was_announced_in_time() {
        let maintenance = |announced: &str| {
            with(&format!(
                "[[maintenance]]\noperator = \"alpha-pki\"\nkinds = [\"ocsp\"]\nannounced_at = \"{announced}\"\n\
                 starts_at = \"2026-11-20T00:00:00Z\"\nends_at = \"2026-11-20T02:00:00Z\"\ntext = \"New hardware.\"\n"
            ))
            .unwrap()
        };
        let at = |text: &str| text.parse::<Time>().unwrap();
        let announced = maintenance("2026-11-10T00:00:00Z");
        let covers =
            |policy: &SlaPolicy, kind, time| policy.maintenance("alpha-pki", kind, at(time)).is_some();
        assert!(covers(&announced, Kind::Ocsp, "2026-11-20T01:59:59Z"));
        assert!(!covers(&announced, Kind::Ocsp, "2026-11-20T02:00:00Z"));
        assert!(!covers(&announced, Kind::Crl, "2026-11-20T01:00:00Z"));
        assert!(announced.maintenance("beta-pki", Kind::Ocsp, at("2026-11-20T01:00:00Z")).is_none());
        for late in ["2026-11-19T23:00:00Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"] {
            assert!(!covers(&maintenance(late), Kind::Ocsp, "2026-11-20T01:00:00Z"), "{late}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let departure =
            "[[operator]]\noperator = \"alpha-pki\"\nkind = \"ocsp\"\ntext = \"t\"\nsource = \"s\"\n";
        assert!(refused(&format!("{departure}availability = 1_000_000")).contains("nothing is always there"));
        assert!(refused(&format!("{departure}p95_ms = 1234")).contains("must be one of"));
        assert!(refused(&format!("{departure}p95_ms = 5")).contains("must not fall"));
        assert!(refused(&format!("{departure}uptime = 5")).contains("unknown field `uptime`"));
        assert!(refused(&format!("{departure}limits = {{ skew = \"5m\" }}")).contains("5m"));
        assert!(refused(&format!("{departure}{departure}")).contains("twice"));
        assert!(refused(&format!("{departure}counted = [\"slow\"]\nexcused = [\"slow\"]")).contains("both"));
        assert!(refused("[[tell]]\nparticipants = [\"Alpha\"]").contains("no participant"));
        let without = BUILT_IN.replacen("kind = \"crl\"", "kind = \"ocsp\"", 1);
        assert!(SlaPolicy::parse(&without).unwrap_err().to_string().contains("twice"));
        let huge = "#".repeat(MAX_SLA_POLICY_SIZE);
        assert!(matches!(with(&huge), Err(SlaPolicyError::TooLarge(_))));
    }

    fn instead(of: &str, put: &str) -> Result<SlaPolicy, SlaPolicyError> {
        assert!(BUILT_IN.contains(of), "{of}");
        SlaPolicy::parse(&BUILT_IN.replacen(of, put, 1))
    }

    #[test]
    fn a_policy_that_no_statement_could_name_is_refused() {
        for name in ["Dienstgüte", "x"] {
            instead("name = \"Service levels\"", &format!("name = \"{name}\"")).unwrap();
        }
        let long = "x".repeat(121);
        for name in ["", " ", " Levels", "Levels ", "Le\\tvels", "Levels \\u202eslevel", &long] {
            let refused = instead("name = \"Service levels\"", &format!("name = \"{name}\"")).unwrap_err();
            assert!(refused.to_string().contains("statements in the log name the policy"), "{refused}");
        }
        let long = "1".repeat(49);
        for version in ["", " ", "2026\u{2011}1", "2026\u{e4}", "1\\n2", &long] {
            let refused =
                instead("version = \"2026-1\"", &format!("version = \"{version}\"")).unwrap_err().to_string();
            assert!(refused.contains("version") && refused.contains("printable ASCII"), "{refused}");
        }
    }

    #[test]
    fn a_breach_that_could_never_be_recorded_is_refused() {
        let departure =
            "[[operator]]\noperator = \"alpha-pki\"\nkind = \"ocsp\"\ntext = \"t\"\nsource = \"s\"\n";
        with(&format!("{departure}breach_after = \"3 days\"")).unwrap();
        for late in ["259201 seconds", "4 days", "30 days"] {
            let refused = refused(&format!("{departure}breach_after = \"{late}\""));
            assert!(refused.contains("alpha-pki") && refused.contains("4 days after it began"), "{refused}");
            let refused =
                instead("breach_after = \"5 minutes\"", &format!("breach_after = \"{late}\"")).unwrap_err();
            assert!(refused.to_string().contains("service ocsp: breach_after"), "{refused}");
        }
    }

    #[test]
    fn how_many_breaches_a_day_may_bring_is_bounded_and_has_a_default() {
        let standard = PerDay { all: 200, of_operator: 50 };
        assert_eq!(SlaPolicy::parse(BUILT_IN).unwrap().breaches_per_day(), standard);
        let without = BUILT_IN.lines().filter(|line| !line.starts_with("breaches_per_day"));
        let without = SlaPolicy::parse(&without.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(without.breaches_per_day(), standard);
        for (of, put) in [
            ("breaches_per_day = 200", "breaches_per_day = 0"),
            ("breaches_per_day = 200", "breaches_per_day = 49"),
            ("breaches_per_day = 200", "breaches_per_day = 2001"),
            ("breaches_per_day_of_operator = 50", "breaches_per_day_of_operator = 0"),
        ] {
            assert!(instead(of, put).unwrap_err().to_string().contains("breaches_per_day"), "{put}");
        }
    }

    #[test]
    fn who_is_told_of_everything_is_told_of_each_pki_too() {
        let policy = with(
            "[[tell]]\nparticipants = [\"elector-1\"]\n[[tell]]\noperator = \"alpha-pki\"\nparticipants = [\"alpha-pki\"]\n",
        )
        .unwrap();
        assert_eq!(policy.told("alpha-pki"), ["alpha-pki", "elector-1"].into());
        assert_eq!(policy.told("beta-pki"), ["elector-1"].into());
    }
}
