//! Which months are reported on, and how large a report is.

use super::*;

#[test]
fn no_month_is_reported_on_before_all_of_its_hours_are_written() {
    let world = World::found_with(charter());
    let month = Month::of(Time(world.now.unix()));
    let (end, since_ms) = (hour_at(month.end()), (month.end().0 - 3600) * 1000);
    let watched =
        Description::new(1, &target("alpha-pki", Kind::Ocsp, "http://ocsp.alpha.example/"), since_ms);
    let targets = Arc::new(BTreeMap::from([(1, watched)]));
    let now = Timestamp::from_unix(month.end().0 + 3000);
    let due = |open_hour| {
        let levels = Levels { targets: targets.clone(), open_hour, ..Levels::default() };
        reports_due(&world.state, &watcher(), &levels, now)
    };
    assert!(due(end - 1).is_empty(), "what was counted in the last hour would be missing in the report");
    assert_eq!(due(end), [("alpha-pki".parse().unwrap(), month)]);
}

#[test]
fn a_month_is_due_only_if_there_will_be_something_to_report() {
    let (world, directory) = (World::found_with(charter()), tempfile::tempdir().unwrap());
    let store = Store::open(directory.path(), Retention::default()).unwrap();
    let month = Month::of(Time(world.now.unix()));
    let now = Timestamp::from_unix(month.end().0 + 3000);
    let hours = (hour_at(month.begin()), hour_at(month.end()));
    // Watched for the last seconds of the month, a period being 30; the first probe came after it.
    for (seconds, is_due) in [(10, false), (45, false), (60, true), (3000, true)] {
        let since_ms = (month.end().0 - seconds) * 1000;
        let watched =
            Description::new(1, &target("alpha-pki", Kind::Ocsp, "http://ocsp.alpha.example/"), since_ms);
        let targets = Arc::new(BTreeMap::from([(1, watched.clone())]));
        let levels = Levels { targets, open_hour: hours.1, ..Levels::default() };
        let due = reports_due(&world.state, &watcher(), &levels, now);
        let counted = counted(&store, &[watched], hours, begin_of(hours.1)).unwrap();
        assert_eq!((!due.is_empty(), counted.contains_key(&1)), (is_due, is_due), "{seconds}");
    }
}

#[test]
fn the_worst_month_that_there_can_be_is_no_larger_than_what_is_read() {
    // More than anyone's numbers have digits.
    const MANY: u64 = 9_999_999;
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let url = |n: u64| format!("http://{n:05}.{}.example/", "a".repeat(478));
    assert_eq!(url(1).len(), 500, "the longest that is watched");
    let codes: BTreeMap<String, u64> =
        Code::ALL.iter().map(|code| (code.as_str().to_owned(), MANY)).collect();
    let counts = Counts {
        good: MANY,
        bad: MANY,
        excused: MANY,
        missing: MANY,
        answered: 2 * MANY,
        fresh: MANY,
        correct: MANY,
        latency_ms: ctl_policy::sla::Histogram([MANY / 17; 17]),
        reasons: codes,
    };
    let targets = u64::try_from(Bounds::default().per_operator).unwrap();
    let operator: ParticipantId = "a".repeat(48).parse().unwrap();
    let month: Month = "2026-01".parse().unwrap();
    let incident = |number: u64| Incident {
        number: u64::from(u32::MAX) + number,
        target: format!("{:016x}", number % targets),
        kind: Kind::CaIssuers,
        operator: operator.clone(),
        url: url(number % targets),
        cause: Cause::Failures,
        began_ms: month.begin().0 * 1000,
        opened_ms: month.begin().0 * 1000,
        ended_ms: Some(month.end().0 * 1000),
        unwatched: false,
        breach_ms: Some(month.end().0 * 1000),
        bad_ms: 0,
        failures: MANY,
        probes: MANY,
        reasons: Code::ALL.iter().map(|code| (*code, MANY)).collect(),
        evidence: (0..8_u8).map(|n| Digest::of(&[n])).collect(),
    };
    let objectives =
        Kind::ALL.iter().map(|kind| (*kind, policy.terms("x", *kind).unwrap().objective.clone()));
    // As much maintenance as a policy can announce.
    let announced = "[[maintenance]]\noperator='x'\nannounced_at='2026-01-01T00:00:00Z'\n\
                     starts_at='2026-01-09T00:00:00Z'\nends_at='2026-01-09T02:00:00Z'\ntext='\"\"\"\"\"\"\"\"\"\"'\n";
    let room = (ctl_policy::sla::MAX_SLA_POLICY_SIZE - BUILT_IN.len()) / announced.len();
    let crowded = SlaPolicy::parse(&format!("{BUILT_IN}\n{}", announced.repeat(room))).unwrap();
    let maintenance: Vec<_> = crowded.maintenance_of("x", month.begin(), month.end()).cloned().collect();
    assert!(maintenance.len() > 1000);
    let report = Report::new(Material {
        scheme: Digest::ZERO.to_string(),
        operator: operator.to_string(),
        month,
        made_at: Time(month.end().0 + 600),
        policy: ctl_policy::sla::PolicyName {
            name: "\u{1f50c}".repeat(120),
            version: "1".repeat(48),
            sha256: hex::encode(policy.digest()),
        },
        method: "x".repeat(1000),
        objectives: objectives.collect(),
        targets: (0..targets)
            .map(|n| (format!("{n:016x}"), Kind::CaIssuers, url(n), counts.clone()))
            .collect(),
        incidents: (0..10_000).map(|n| incident_report(&incident(n))).collect(),
        maintenance,
    });
    let bytes = ctl_core::json::canonical(&report);
    assert!(bytes.len() <= MAX_REPORT_SIZE, "{}", bytes.len());
    assert!(bytes.len() > MAX_REPORT_SIZE - 10_000, "and nothing is left out without need: {}", bytes.len());
    report.check().unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&bytes).unwrap(), report);
    let left_out = report.left_out.as_ref().unwrap();
    assert_eq!(left_out.incidents + report.incidents.len() as u64, 10_000);
    let others: u64 = left_out.targets.iter().map(|others| others.targets).sum();
    assert_eq!(others + report.targets.len() as u64, targets);
    assert!(report.targets.len() > 200 && report.incidents.len() > 200, "there is room for what says most");
}

#[test]
fn every_policy_that_is_accepted_can_be_named_in_statements() {
    for (name, version) in [
        ("Dienstgüte", "2026-1"),
        ("サービス", " v 1~"),
        ("x", "1"),
        (&*"\u{1f50c}".repeat(120), &*"1".repeat(48)),
    ] {
        let policy = BUILT_IN.replacen("\"Service levels\"", &format!("\"{name}\""), 1).replacen(
            "\"2026-1\"",
            &format!("\"{version}\""),
            1,
        );
        let named = policy_ref(&SlaPolicy::parse(&policy).unwrap()).unwrap();
        assert_eq!((named.name.as_str(), named.version.as_str()), (name, version));
    }
    // And what cannot be named is not accepted.
    for name in ["\u{a0}x", "x\u{2003}", "a\u{85}b", "a\u{2067}b", "a\u{7f}b"] {
        assert!(name.parse::<ctl_core::names::Label>().is_err(), "{name:?}");
        let escaped: String = name.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
        let policy = BUILT_IN.replacen("Service levels", &escaped, 1);
        let refused = SlaPolicy::parse(&policy).unwrap_err().to_string();
        assert!(refused.contains("statements in the log name the policy"), "{refused}");
    }
}
