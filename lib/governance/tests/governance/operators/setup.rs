//! What the stories share: statements about alpha's responder, as a recorder would make them.

use ctl_core::Digest;
use ctl_core::parts::*;
use ctl_governance::Reason;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::*;

use crate::common::*;

pub const HOUR: u64 = 3600;
pub const WINDOW: u64 = 30 * DAY;

pub fn world() -> World {
    World::published_with(charter())
}

pub fn ocsp() -> Service {
    Service {
        kind: "ocsp".parse().unwrap(),
        operator: Some("alpha-pki".parse().unwrap()),
        url: Some("http://ocsp.alpha.example/".parse().unwrap()),
    }
}

pub fn objective(name: &str) -> Objective {
    Objective { name: name.parse().unwrap(), target_ppm: 999_000, window_seconds: WINDOW }
}

/// A breach of availability of alpha's responder that began so many seconds ago.
pub fn opened(world: &World, ago: u64) -> SlaBreach {
    let mut evidence = vec![Digest::of(b"a"), Digest::of(b"b")];
    evidence.sort();
    SlaBreach {
        closed_at: None,
        evidence,
        measured: Measured { good: 86_000, missing: 12, valid: 86_388 },
        objective: objective("availability"),
        opened: None,
        opened_at: world.now.minus_seconds(ago),
        phase: BreachPhase::Opened,
        policy: sla_policy(),
        reasons: [("tcp_refused".parse().unwrap(), 300), ("slow".parse().unwrap(), 88)].into(),
        service: ocsp(),
    }
}

/// Its end, so many seconds ago.
pub fn closed(world: &World, index: u64, ago: u64) -> SlaBreach {
    let breach = &world.state.breaches[&index];
    SlaBreach {
        closed_at: Some(world.now.minus_seconds(ago)),
        opened: Some(index),
        opened_at: breach.opened_at,
        phase: BreachPhase::Closed,
        ..opened(world, 0)
    }
}

pub fn sla_policy() -> PolicyRef {
    PolicyRef {
        name: "service-levels".parse().unwrap(),
        sha256: Digest::of(b"the service level policy"),
        version: "2026-1".parse().unwrap(),
    }
}

pub fn line(kind: &str, good: u64, valid: u64, met: bool) -> ServiceSummary {
    ServiceSummary { good, kind: kind.parse().unwrap(), met, missing: 3, target_ppm: 999_000, valid }
}

/// January 2026 of alpha.
pub fn january() -> SlaReport {
    SlaReport {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        operator: Some("alpha-pki".parse().unwrap()),
        policy: sla_policy(),
        report: blob("the report of January"),
        summary: vec![line("crl", 1000, 1000, true), line("ocsp", 86_000, 86_388, false)],
        to: "2026-02-01T00:00:00Z".parse().unwrap(),
    }
}

pub fn refused(world: &mut World, what: &str, body: impl Into<Body>) -> Reason {
    let before = world.state.clone();
    let refusal = world.say(&["recorder"], body).expect_err(what);
    assert!(!refusal.detail.is_empty() && world.state == before, "{what}");
    refusal.reason
}

pub fn decline(request: u64) -> CrossRespond {
    let reason = Some(RefusalReason::PolicyNotMet);
    CrossRespond { answer: CrossAnswer::Declined, document: None, reason, request }
}
