//! What the stories share: statements about alpha's responder, as a watcher would make them.

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

/// Three who watch, of two organisations, and none of them alpha's.
pub const NORTH: &str = "watcher-north";
pub const NORTH_2: &str = "watcher-north-2";
pub const SOUTH: &str = "watcher-south";

/// Two answers that nobody else has.
pub fn evidence(of: &str) -> Vec<Digest> {
    let mut evidence =
        ["first", "second"].map(|one| Digest::of(format!("{one} of {of}").as_bytes())).to_vec();
    evidence.sort();
    evidence
}

/// What north says: a breach of availability of alpha's responder that began so many seconds ago.
pub fn opened(world: &World, ago: u64) -> SlaBreach {
    opened_by(world, NORTH, ago)
}

/// The same by another watcher, with evidence of its own.
pub fn opened_by(world: &World, watcher: &str, ago: u64) -> SlaBreach {
    SlaBreach {
        closed_at: None,
        evidence: evidence(&format!("{watcher} at {}", world.now)),
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
    let claim = &world.state.service_levels.claims[&index];
    SlaBreach {
        evidence: evidence(&format!("the end of {index} at {}", world.now)),
        closed_at: Some(world.now.minus_seconds(ago)),
        opened: Some(index),
        opened_at: claim.opened_at,
        phase: BreachPhase::Closed,
        service: claim.service.clone(),
        objective: claim.objective.clone(),
        ..opened(world, 0)
    }
}

/// A watcher says that alpha's responder has been down for so many seconds.
pub fn down(world: &mut World, watcher: &str, ago: u64) -> u64 {
    let body = opened_by(world, watcher, ago);
    world.say(&[watcher], body).unwrap()
}

/// A watcher says that it has been well again for so many seconds.
pub fn well(world: &mut World, watcher: &str, claim: u64, ago: u64) -> u64 {
    let body = closed(world, claim, ago);
    world.say(&[watcher], body).unwrap()
}

/// How many of a watcher's claims are open.
pub fn open_claims(world: &World, watcher: &str) -> usize {
    world.state.service_levels.open_claims(&watcher.parse().unwrap()).count()
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
    refused_of(world, NORTH, what, body)
}

pub fn refused_of(world: &mut World, signer: &str, what: &str, body: impl Into<Body>) -> Reason {
    let before = world.state.clone();
    let refusal = world.say(&[signer], body).expect_err(what);
    assert!(!refusal.detail.is_empty() && world.state == before, "{what}");
    refusal.reason
}

pub fn decline(request: u64) -> CrossRespond {
    let reason = Some(RefusalReason::PolicyNotMet);
    CrossRespond { answer: CrossAnswer::Declined, document: None, reason, request }
}
