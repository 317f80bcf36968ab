//! Service levels and cross-certification with the tool's library: what watchers say is shown and verified
//! down to the arithmetic, and who keeps whom waiting is seen.

use std::sync::Arc;

use ctl_admin::AdminError;
use ctl_admin::applicant::cross::{self, Attached};
use ctl_admin::auditor::{audit, sla};
use ctl_admin::elector::review;
use ctl_admin::output::Render as _;
use ctl_admin::screening::Policies;
use ctl_admin::signing::{Say as _, Signing};
use ctl_core::Digest;
use ctl_core::parts::PolicyRef;
use ctl_governance::statement::body::*;
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_policy::sla::{
    Counts, IncidentReport, Kind, Material, Objective as Promised, PolicyName, Report, Verdict,
};
use ctl_replica::statement::SALT;
use ctl_replica::{Replica, Submission, Trust};
use tempfile::TempDir;

use crate::common::story::{DAY, World, charter, na};
use crate::common::{Server, files, options, root_json, write};

/// A scheme with two PKIs on its list, a server, and someone who looks.
struct Stage {
    directory: TempDir,
    server: Arc<Server>,
    trust: Trust,
    alpha: Digest,
    beta: Digest,
}

impl Stage {
    async fn new() -> Self {
        let mut world = World::published_with(charter());
        let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
        world.publish_list();
        let directory = tempfile::tempdir().unwrap();
        let trust = root_json(directory.path(), &world);
        Self { server: Server::start(world).await, directory, trust, alpha, beta }
    }

    fn session(&self) -> Replica {
        let now = self.server.world.lock().unwrap().now;
        let cache = self.directory.path().join("cache");
        Replica::open(options(&self.server.url, self.trust.clone(), Some(&cache), now)).unwrap()
    }

    fn wait(&self, seconds: u64) {
        self.server.world.lock().unwrap().wait(seconds);
    }

    fn say(&self, body: impl Into<ctl_governance::statement::Body>) -> u64 {
        self.say_as("watcher-north", body)
    }

    fn say_as(&self, watcher: &str, body: impl Into<ctl_governance::statement::Body>) -> u64 {
        self.server.world.lock().unwrap().say(&[watcher], body).unwrap()
    }

    /// What an honest watcher enters, and what is served, of a report.
    fn record(&self, report: &Report) -> SlaReport {
        self.record_as(report, summary(report))
    }

    fn record_as(&self, report: &Report, summary: Vec<ServiceSummary>) -> SlaReport {
        let sha256 = self.upload(report);
        let statement = SlaReport {
            from: report.from.to_string().parse().unwrap(),
            operator: Some(report.operator.parse().unwrap()),
            policy: policy(),
            report: BlobRef { access: BlobAccess::Public, sha256 },
            summary,
            to: report.to.to_string().parse().unwrap(),
        };
        self.say(statement.clone());
        statement
    }

    fn upload(&self, report: &Report) -> Digest {
        let bytes = [vec![7; SALT], serde_json::to_vec(report).unwrap()].concat();
        let sha256 = Digest::of(&bytes);
        self.server.blobs.lock().unwrap().insert(sha256.to_string(), bytes);
        sha256
    }

    /// January 2026 of an operator: two responders, one of them down for an hour.
    fn january(&self, operator: &str) -> Report {
        let world = self.server.world.lock().unwrap();
        report(&world.state.scheme, operator)
    }

    async fn verify(&self, month: &str) -> Result<sla::Reports, AdminError> {
        let operator = "alpha-pki".parse().unwrap();
        sla::report(&mut self.session(), Some(&operator), None, Some(month.parse().unwrap())).await
    }

    async fn audit(&self) -> audit::Report {
        let (mut served, now) = {
            let world = self.server.world.lock().unwrap();
            (files(&world), world.now)
        };
        for (digest, blob) in &*self.server.blobs.lock().unwrap() {
            served.insert(format!("v1/blobs/{digest}"), blob.clone());
        }
        let url = write(&self.directory.path().join("mirror"), &served);
        let policies = Policies::with(&[] as &[std::path::PathBuf]).unwrap();
        audit::run(options(&url, self.trust.clone(), None, now), &policies).await.unwrap()
    }
}

fn policy() -> PolicyRef {
    PolicyRef {
        name: "Levels".parse().unwrap(),
        version: "1".parse().unwrap(),
        sha256: Digest::of(b"levels"),
    }
}

const PROMISED: Promised = Promised {
    availability_ppm: 999_000,
    freshness_ppm: 999_000,
    correctness_ppm: 999_900,
    p50_ms: 300,
    p95_ms: 1000,
    p99_ms: 5000,
    coverage_ppm: 900_000,
};

fn counts(good: u64, bad: u64) -> Counts {
    let mut counts = Counts { good, bad, answered: good, fresh: good, correct: good, ..Counts::default() };
    (0..good).for_each(|n| counts.latency_ms.add(n % 40));
    counts
}

fn report(scheme: &Digest, operator: &str) -> Report {
    let target =
        |n: u64, kind, counts| (format!("{n:016x}"), kind, format!("http://{kind}-{n}.example/"), counts);
    Report::new(Material {
        scheme: scheme.to_string(),
        operator: operator.into(),
        month: "2026-01".parse().unwrap(),
        made_at: "2026-02-01T00:05:00Z".parse().unwrap(),
        policy: PolicyName {
            name: "Levels".into(),
            version: "1".into(),
            sha256: policy().sha256.to_string(),
        },
        method: "A probe every 30 s.".into(),
        objectives: [(Kind::Ocsp, PROMISED), (Kind::Crl, PROMISED)].into(),
        targets: vec![
            target(0, Kind::Ocsp, counts(89_160, 120)),
            target(1, Kind::Ocsp, counts(89_280, 0)),
            target(2, Kind::Crl, counts(89_270, 10)),
        ],
        incidents: vec![IncidentReport {
            incident: 7,
            target: format!("{:016x}", 0),
            kind: Kind::Ocsp,
            url: "http://ocsp-0.example/".into(),
            began_at: "2026-01-14T03:00:00Z".parse().unwrap(),
            ended_at: Some("2026-01-14T04:00:00Z".parse().unwrap()),
            failures: 120,
            reasons: [("tcp_refused".to_owned(), 120)].into(),
            evidence: vec![Digest::of(b"answer").to_string()],
            breach: true,
        }],
        maintenance: Vec::new(),
    })
}

fn summary(report: &Report) -> Vec<ServiceSummary> {
    let mut summary: Vec<_> = report
        .kinds
        .iter()
        .map(|one| ServiceSummary {
            good: one.counts.good,
            kind: one.kind.as_str().parse().unwrap(),
            met: one.level.verdict() == Verdict::Met,
            missing: one.counts.missing,
            target_ppm: u32::try_from(one.objective.availability_ppm).unwrap(),
            valid: one.counts.valid(),
        })
        .collect();
    summary.sort_by(|a, b| a.kind.cmp(&b.kind));
    summary
}

fn signing(name: &str) -> Signing {
    Signing { keys: vec![Box::new(crate::common::story::key(name))], out: None }
}

fn recorded(submission: Result<Submission, AdminError>) -> u64 {
    submission.unwrap().receipt().unwrap().index
}

#[tokio::test]
async fn a_month_is_verified_from_the_log_to_the_last_number() {
    let stage = Stage::new().await;
    stage.wait(40 * DAY);
    let error = stage.verify("2026-01").await.unwrap_err();
    assert!(error.to_string().contains("no report on alpha-pki for 2026-01"), "{error}");
    let recorded = stage.record(&stage.january("alpha-pki"));
    let verified = stage.verify("2026-01").await.unwrap();
    let [only] = verified.reports.as_slice() else { panic!("{verified:?}") };
    assert_eq!((&only.statement, only.report.is_some()), (&recorded, true));
    let text = verified.text();
    for expected in [
        "signed by watcher-north's key",
        "its numbers follow from one another",
        "Service levels of alpha-pki in 2026-01",
        "ocsp: met",
        "crl: met",
        "tcp_refused 120",
        "99.9327 %",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
    }
    let json = serde_json::to_value(&verified).unwrap();
    assert_eq!(json["reports"][0]["report"]["kinds"][0]["counts"]["good"], 178_440);
    assert_eq!(json["reports"][0]["statement"]["summary"][1]["good"], 178_440);
    let error = stage.verify("2026-02").await.unwrap_err();
    assert!(error.to_string().contains("it has: 2026-01"), "{error}");
    let (alpha, south) = ("alpha-pki".parse().unwrap(), "watcher-south".parse().unwrap());
    let latest = sla::report(&mut stage.session(), Some(&alpha), None, None).await.unwrap();
    assert_eq!(latest.reports[0].entry, verified.reports[0].entry);

    // Another watcher has its own.
    let by_south = sla::report(&mut stage.session(), Some(&alpha), Some(&south), None).await;
    assert!(by_south.unwrap_err().to_string().contains("by watcher-south; it has: none at all"));
    stage.say_as("watcher-south", recorded);
    let both = stage.verify("2026-01").await.unwrap();
    let watchers: Vec<_> = both.reports.iter().map(|one| one.watcher.as_str()).collect();
    assert_eq!(watchers, ["watcher-north", "watcher-south"]);
    let by_south = sla::report(&mut stage.session(), Some(&alpha), Some(&south), None).await.unwrap();
    assert_eq!(by_south.reports.len(), 1);

    // Erased: the log still says what it said.
    stage.server.blobs.lock().unwrap().clear();
    let verified = stage.verify("2026-01").await.unwrap();
    let text = verified.text();
    assert!(verified.reports.iter().all(|one| one.report.is_none()), "{text}");
    assert_eq!(text.matches("IS NOT SERVED").count(), 2, "{text}");
    assert!(text.contains("ocsp: met; 99.9327 % (178440 good of 178560, 0 missing)"), "{text}");
}

#[tokio::test]
async fn a_report_that_is_not_what_was_recorded_is_not_believed() {
    // Served: another file under the digest.
    let stage = Stage::new().await;
    stage.wait(40 * DAY);
    let honest = stage.january("alpha-pki");
    let recorded = stage.record(&honest);
    stage.server.blobs.lock().unwrap().insert(recorded.report.sha256.to_string(), b"a nicer one".to_vec());
    let error = stage.verify("2026-01").await.unwrap_err();
    assert!(error.to_string().contains("another file"), "{error}");
    assert_eq!(error.exit_code(), 1);

    // Recorded by a watcher that lies: each in a scheme of its own, for a month is reported on once.
    type Trick = fn(&mut Report, &mut Vec<ServiceSummary>);
    let tricks: [(&str, Trick); 9] = [
        ("ocsp: 178560 good of 178560", |_, summary| summary[1].good = 178_560),
        ("met in the report", |_, summary| summary[0].met = false),
        ("crl: nothing by the log", |_, summary| drop(summary.remove(0))),
        ("nothing in the report", |report, _| {
            report.kinds.pop();
            report.targets.pop();
        }),
        ("does not follow", |report, _| report.kinds[0].level.freshness_ppm = Some(1)),
        ("not the sum of its targets", |report, _| report.targets.truncate(1)),
        ("operator: alpha-pki by the log, beta-pki", |report, _| report.operator = "beta-pki".into()),
        ("scheme: ", |report, _| report.scheme = "00".repeat(32)),
        ("policy's SHA-256: ", |report, _| report.policy.sha256 = "11".repeat(32)),
    ];
    for (expected, trick) in tricks {
        let stage = Stage::new().await;
        stage.wait(40 * DAY);
        let mut forged = stage.january("alpha-pki");
        let mut lines = summary(&forged);
        trick(&mut forged, &mut lines);
        let sha256 = stage.upload(&forged);
        let index = stage.say(SlaReport {
            report: BlobRef { access: BlobAccess::Public, sha256 },
            summary: lines,
            ..recorded.clone()
        });
        let error = stage.verify("2026-01").await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected:?}: {error}");
        let audited = stage.audit().await;
        let line = format!("entry {index}, watcher-north's report on alpha-pki from 2026-01-01T00:00:00Z");
        assert!(
            audited.differences.iter().any(|one| one.starts_with(&line) && one.contains(expected)),
            "{expected:?}: {}",
            audited.text()
        );
    }
}

#[tokio::test]
async fn a_report_on_the_service_itself_is_on_nobody_else() {
    for (named, holds) in [("trust-list-manager", true), ("beta-pki", false), ("nobody-known", false)] {
        let stage = Stage::new().await;
        stage.wait(40 * DAY);
        let report = Report { operator: named.into(), ..stage.january("alpha-pki") };
        let sha256 = stage.upload(&report);
        stage.say(SlaReport {
            from: report.from.to_string().parse().unwrap(),
            operator: None,
            policy: policy(),
            report: BlobRef { access: BlobAccess::Public, sha256 },
            summary: summary(&report),
            to: report.to.to_string().parse().unwrap(),
        });
        let verified = sla::report(&mut stage.session(), None, None, None).await;
        assert_eq!(verified.is_ok(), holds, "{named}");
        if let Err(error) = verified {
            let expected = format!("operator: trust-list-manager by the log, {named} in the report");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}

#[tokio::test]
async fn breaches_are_told_as_long_as_they_last_and_after() {
    let stage = Stage::new().await;
    let now = stage.server.world.lock().unwrap().now;
    let begin = SlaBreach {
        closed_at: None,
        evidence: vec![Digest::of(b"answer")],
        measured: Measured { good: 86_000, missing: 12, valid: 86_388 },
        objective: Objective {
            name: "availability".parse().unwrap(),
            target_ppm: 999_000,
            window_seconds: 30 * DAY,
        },
        opened: None,
        opened_at: now.minus_seconds(300),
        phase: BreachPhase::Opened,
        policy: policy(),
        reasons: [("slow".parse().unwrap(), 88), ("tcp_refused".parse().unwrap(), 300)].into(),
        service: Service {
            kind: "ocsp".parse().unwrap(),
            operator: Some("alpha-pki".parse().unwrap()),
            url: Some("http://ocsp.alpha.example/".parse().unwrap()),
        },
    };
    let index = stage.say(begin.clone());
    stage.wait(3300);
    let alpha = "alpha-pki".parse().unwrap();
    let open = sla::breaches(&mut stage.session(), Some(&alpha), true).await.unwrap();
    let text = open.text();
    for expected in [
        "ocsp http://ocsp.alpha.example/ of alpha-pki",
        "NOT CONFIRMED, 1 of 2 organisations",
        "NOT OVER, for 1 h",
        "availability promised 99.9000 %",
        &format!("watcher-north of gridwatch, entry {index}: from "),
        "measured 99.5508 % (86000 good of 86388, 12 missing)",
        "reasons: tcp_refused 300, slow 88",
        &format!("evidence: {}", Digest::of(b"answer")),
    ] {
        assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
    }
    let json = serde_json::to_value(&open).unwrap();
    assert_eq!(
        (&json["breaches"][0]["confirmed"], &json["breaches"][0]["organisations"]),
        (&false.into(), &1.into())
    );
    let overview = review::overview(&mut stage.session()).await.unwrap();
    assert!(overview.breaches[0].contains("NOT OVER"), "{}", overview.text());
    assert!(overview.breaches[0].contains("NOT CONFIRMED"), "{}", overview.text());

    // Another organisation saw it too, a little later and with answers of its own.
    let began = begin.opened_at.plus_seconds(60);
    let evidence = vec![Digest::of(b"another answer")];
    let second = stage.say_as("watcher-south", SlaBreach { evidence, opened_at: began, ..begin.clone() });
    let open = sla::breaches(&mut stage.session(), None, true).await.unwrap();
    let text = open.text();
    assert_eq!((open.breaches.len(), open.breaches[0].seconds), (1, 3540));
    for expected in [
        &format!("{second}: ocsp http://ocsp.alpha.example/ of alpha-pki\n  confirmed, 2 of 2 organisations")
            as &str,
        "watcher-north of gridwatch",
        "watcher-south of roamcheck",
        &format!("evidence: {}", Digest::of(b"another answer")),
    ] {
        assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
    }
    let json = serde_json::to_value(&open).unwrap();
    assert_eq!(
        (&json["breaches"][0]["confirmed"], &json["breaches"][0]["entry"]),
        (&true.into(), &second.into())
    );
    assert_eq!(json["breaches"][0]["claims"].as_array().unwrap().len(), 2);

    // One says that it is over: it is, though the other does not yet.
    let end = stage.server.world.lock().unwrap().now;
    let closed = SlaBreach { closed_at: Some(end), opened: Some(index), phase: BreachPhase::Closed, ..begin };
    let cause = stage.say(closed);
    assert!(sla::breaches(&mut stage.session(), None, true).await.unwrap().breaches.is_empty());
    let all = sla::breaches(&mut stage.session(), None, false).await.unwrap();
    assert_eq!((all.breaches.len(), all.breaches[0].seconds), (1, 3540));
    assert!(all.text().contains(&format!("(entry {cause}), 59 min")), "{}", all.text());
    assert!(
        all.text().contains(&format!("watcher-south of roamcheck, entry {second}: from {began} NOT OVER"))
    );
    let beta = "beta-pki".parse().unwrap();
    assert!(sla::breaches(&mut stage.session(), Some(&beta), false).await.unwrap().breaches.is_empty());
    let nobody = "nobody".parse().unwrap();
    assert!(sla::breaches(&mut stage.session(), Some(&nobody), false).await.is_err());
    let audited = stage.audit().await;
    assert!(audited.watch.breaches[0].contains("availability of ocsp"), "{}", audited.text());
    assert!(audited.watch.breaches[0].contains("2 of 2 organisations"), "{}", audited.text());
}

#[tokio::test]
async fn two_operators_settle_on_a_cross_certificate_before_everyones_eyes() {
    let stage = Stage::new().await;
    let file = stage.directory.path().join("terms.txt");
    std::fs::write(&file, "the same for everyone").unwrap();
    let request = cross::Request {
        list: na(),
        issuer: stage.alpha,
        subject: stage.beta,
        terms: Attached { document: Some(file.clone()), restricted: false },
    };
    let mut session = stage.session();
    let error = request.run(&mut session, &signing("alpha-pki")).await.unwrap_err();
    assert!(error.to_string().contains("is operated by beta-pki"), "{error}");
    let index = recorded(request.run(&mut session, &signing("beta-pki")).await);
    assert_eq!(stage.server.blobs.lock().unwrap().len(), 1, "the terms");
    let error = request.run(&mut session, &signing("beta-pki")).await.unwrap_err();
    assert!(error.to_string().contains("waits for its answer already"), "{error}");

    stage.wait(3 * DAY);
    let mut session = stage.session();
    let open = cross::list(&mut session, None, true).await.unwrap().text();
    assert!(open.contains("NOT ANSWERED, for 3 d") && open.contains("beta-pki"), "{open}");
    let overview = review::overview(&mut session).await.unwrap();
    assert_eq!(overview.requests.len(), 1, "{}", overview.text());
    let answer = |answer, reason, attached| cross::Respond { request: index, answer, reason, attached };
    let none = Attached::default;
    let secret = Attached { document: Some(file), restricted: true };
    let error = answer(CrossAnswer::Accepted, None, secret).run(&mut session, &signing("alpha-pki")).await;
    assert!(error.unwrap_err().to_string().contains("is not encrypted"));
    let bare = answer(CrossAnswer::Declined, None, none()).run(&mut session, &signing("alpha-pki")).await;
    assert!(bare.unwrap_err().to_string().contains("a refusal names its reason"));
    let declined = answer(CrossAnswer::Declined, Some(RefusalReason::TermsNotAgreed), none());
    assert!(declined.run(&mut session, &signing("beta-pki")).await.is_err(), "not its own request");
    recorded(declined.run(&mut session, &signing("alpha-pki")).await);
    let again = recorded(request.run(&mut session, &signing("beta-pki")).await);
    stage.wait(DAY);
    let mut session = stage.session();
    let accepted = cross::Respond { request: again, ..answer(CrossAnswer::Accepted, None, none()) };
    recorded(accepted.run(&mut session, &signing("alpha-pki")).await);

    let all = cross::list(&mut session, Some(&"beta-pki".parse().unwrap()), false).await.unwrap();
    let text = all.text();
    assert!(text.contains("declined (terms-not-agreed)") && text.contains("accepted by entry"), "{text}");
    assert_eq!((all.requests[0].seconds, all.requests[1].seconds), (3 * DAY, DAY));
    let audited = stage.audit().await;
    assert_eq!(audited.watch.requests.len(), 2, "{}", audited.text());

    let promises = sla::promises(&mut session).await.unwrap();
    let text = promises.text();
    assert!(text.contains("terms-not-agreed 1") && text.contains("1 d (3 d)"), "{text}");
    assert_eq!(promises.0.cross_certification.issuers[0].waits.requests, 2);
}
