//! Findings that need more than one target. Pure; the state machine asks for them on each observation of a CRL, before
//! it applies it.
//!
//! * `ocsp_crl_disagree`: OCSP and CRL disagree on a certificate. A revocation takes time to reach both, so this is a
//!   contradiction only if what says "not revoked" was issued after what says "revoked", or a day after the date of
//!   the revocation. The CRL gets the finding: a responder that contradicts what the ledger knows of a certificate is
//!   found by the OCSP probe, and its answer is compared with nothing.
//! * `distribution_points_disagree`: distribution points for the same certificates serve different CRLs of the same
//!   scope, and the newer one has been served at its point for longer than a CRL may take to reach all points. The
//!   point with the older one gets the finding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_pki::time::date;
use ctl_policy::sla::ServiceLimits;

use super::code::Code;
use super::observation::{Facts, Finding, Observation, Status};
use super::probe::http::finding;
use super::standings::Standing;
use super::target::{Kind, Subject, Target, TargetId};

/// A revocation must be everywhere after this many seconds. The CA/Browser Forum Baseline Requirements section 4.9.5
/// allow a day; a shorter time would be the PKI's own promise.
const PUBLICATION: i64 = 86_400;

/// Which targets are about the same certificates. Depends on the targets only.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// For each CRL: the OCSP responders of its issuer.
    responders: BTreeMap<TargetId, BTreeSet<TargetId>>,
    /// For each CRL: the other distribution points of the same certificates.
    copies: BTreeMap<TargetId, BTreeSet<TargetId>>,
}

impl Neighbours {
    /// Finds the neighbours. Only targets of one operator are compared: what applicants name proves nothing about
    /// others.
    pub fn of<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Self {
        let mut of_issuer: BTreeMap<_, (Vec<TargetId>, Vec<TargetId>)> = BTreeMap::new();
        let mut of_certificate: BTreeMap<_, Vec<TargetId>> = BTreeMap::new();
        for target in targets {
            match &target.subject {
                Subject::Ocsp(subjects) => {
                    for subject in subjects {
                        let issuer = (&target.operator, subject.issuer.spki_sha256());
                        of_issuer.entry(issuer).or_default().0.push(target.id);
                    }
                }
                Subject::Crl(subject) => {
                    let issuer = (&target.operator, subject.issuer.spki_sha256());
                    of_issuer.entry(issuer).or_default().1.push(target.id);
                    for covered in &subject.covered {
                        let certificate = (&target.operator, covered.sha256());
                        of_certificate.entry(certificate).or_default().push(target.id);
                    }
                }
                _ => {}
            }
        }
        let mut neighbours = Self::default();
        for (responders, crls) in of_issuer.values() {
            for crl in crls {
                neighbours.responders.entry(*crl).or_default().extend(responders);
            }
        }
        for points in of_certificate.values().filter(|points| points.len() > 1) {
            for point in points {
                let others = points.iter().filter(|other| *other != point);
                neighbours.copies.entry(*point).or_default().extend(others);
            }
        }
        neighbours
    }

    /// The findings between the target of this observation and its neighbours as they stand.
    #[must_use]
    pub fn findings(
        &self,
        standings: &BTreeMap<TargetId, Arc<Standing>>,
        observation: &Observation,
        limits: &ServiceLimits,
    ) -> Vec<Finding> {
        if observation.target.kind != Kind::Crl {
            return Vec::new();
        }
        let id = observation.target.id;
        let now = observation.at_ms.div_euclid(1000);
        let standing = |ids: &BTreeMap<TargetId, BTreeSet<TargetId>>| -> Vec<&Standing> {
            ids.get(&id).into_iter().flatten().filter_map(|id| standings.get(id).map(|one| &**one)).collect()
        };
        let crl = &observation.facts;
        let contradiction = standing(&self.responders)
            .into_iter()
            .find_map(|responder| contradiction(crl, responder, now, limits.skew));
        let older = standing(&self.copies)
            .into_iter()
            .find_map(|copy| is_older(crl, copy, now.saturating_sub(limits.crl_propagation)));
        contradiction.into_iter().chain(older).collect()
    }
}

/// Whether a responder contradicts this CRL.
fn contradiction(crl: &Facts, responder: &Standing, now: i64, skew: i64) -> Option<Finding> {
    let ocsp = &responder.facts;
    let holds = |facts: &Facts| facts.next_update.is_none_or(|next| next.saturating_add(skew) >= now);
    if !holds(crl) || !holds(ocsp) {
        return None;
    }
    let same = |one: &Status, other: &Status| {
        one.issuer_spki == other.issuer_spki && one.serial == other.serial && one.revoked != other.revoked
    };
    for by_ocsp in &ocsp.statuses {
        let Some(by_crl) = crl.statuses.iter().find(|status| same(status, by_ocsp)) else { continue };
        let (good, revoked, since) =
            if by_crl.revoked { (ocsp, crl, by_crl.since) } else { (crl, ocsp, by_ocsp.since) };
        let issued_after = good.this_update.zip(revoked.this_update).is_some_and(|(good, bad)| good >= bad);
        let long_known =
            good.this_update.zip(since).is_some_and(|(good, since)| good > since.saturating_add(PUBLICATION));
        if issued_after || long_known {
            let says = |revoked: bool| if revoked { "revoked" } else { "not revoked" };
            let of = |facts: &Facts| facts.this_update.map(date).unwrap_or_default();
            let words = format!(
                "serial number {} is {} by the CRL of {} and {} by the OCSP answer of {} from {}",
                hex::encode(&by_crl.serial),
                says(by_crl.revoked),
                of(crl),
                says(by_ocsp.revoked),
                of(ocsp),
                responder.target.url
            );
            return Some(finding(Code::OcspCrlDisagree, None, words));
        }
    }
    None
}

/// Whether another point has served a newer CRL of this scope since before the given moment.
fn is_older(crl: &Facts, copy: &Standing, before: i64) -> Option<Finding> {
    let (own, other) = (crl.crl?, copy.facts.crl?);
    let rank = |facts: &Facts| (facts.this_update, facts.crl_number);
    let differs = own.sha256 != other.sha256 && own.scope == other.scope;
    if !differs || rank(crl) > rank(&copy.facts) || other.since > before {
        return None;
    }
    let words = format!(
        "this CRL was issued at {}; {} has had one of {} since {}",
        crl.this_update.map(date).unwrap_or_default(),
        copy.target.url,
        copy.facts.this_update.map(date).unwrap_or_default(),
        date(other.since)
    );
    Some(finding(Code::DistributionPointsDisagree, None, words))
}

#[cfg(test)]
mod tests {

    use ctl_pki::Certificate;

    use super::*;
    use crate::observation::CrlIdentity;
    use crate::target::{CrlSubject, OcspSubject};
    use crate::testing::bytes::{DAY, HOUR, NOW, Shape, key, root};
    use crate::testing::{self, Says as _};

    const RESPONDER: &str = "http://ocsp.alpha.example/";
    const POINTS: [&str; 2] = ["http://crl.alpha.example/1", "http://crl.alpha.example/2"];

    fn covered() -> Arc<Certificate> {
        let shape = Shape::new("Sub", "Root", &[0x20]).ca().access(&[RESPONDER], &[]).crls(&POINTS);
        Arc::new(shape.signed(&key(2), &key(1)))
    }

    fn target(kind: Kind, operator: &str, url: &str) -> Arc<Target> {
        let issuer = Arc::new(root().certificate);
        let subject = match kind {
            Kind::Ocsp => Subject::Ocsp(vec![OcspSubject { issuer, good: vec![covered()], revoked: vec![] }]),
            _ => {
                let points = POINTS.map(str::to_owned).to_vec();
                Subject::Crl(CrlSubject { issuer, covered: vec![covered()], points })
            }
        };
        Arc::new(Target { subject, ..(*testing::target(operator, kind, url)).clone() })
    }

    fn status(revoked_since: Option<i64>) -> Status {
        let issuer_spki = root().certificate.spki_sha256();
        Status { issuer_spki, serial: [0x20].into(), revoked: revoked_since.is_some(), since: revoked_since }
    }

    /// What an answer of this age says.
    fn says(age: i64, revoked_since: Option<i64>) -> Facts {
        Facts {
            this_update: Some(NOW - age),
            next_update: Some(NOW + DAY),
            statuses: vec![status(revoked_since)],
            ..Facts::default()
        }
    }

    /// The CRL with this number, of this age, first seen so long ago.
    fn serves(number: u8, age: i64, seen: i64) -> Facts {
        let crl = CrlIdentity { sha256: [number; 32], scope: None, since: NOW - seen };
        let crl_number = Some(u64::from(number));
        Facts { crl: Some(crl), crl_number, this_update: Some(NOW - age), ..Facts::default() }
    }

    /// The codes at the first point, with another target that stands so.
    fn codes(observed: Facts, other: &Arc<Target>, standing: Facts) -> Vec<Code> {
        let own = target(Kind::Crl, "alpha-pki", POINTS[0]);
        let neighbours = Neighbours::of([&*own, &**other]);
        let standing = Standing {
            target: other.clone(),
            since_ms: 0,
            last: None,
            verdict: None,
            answered_ms: None,
            good_ms: None,
            facts: standing,
        };
        let standings = BTreeMap::from([(other.id, Arc::new(standing))]);
        let observation = Observation {
            target: own,
            at_ms: NOW * 1000,
            findings: BTreeSet::new(),
            timings: None,
            facts: observed,
            evidence: vec![],
        };
        let limits = ServiceLimits { crl_propagation: HOUR, ..ServiceLimits::default() };
        let findings = neighbours.findings(&standings, &observation, &limits);
        assert!(findings.iter().all(|finding| !finding.detail.is_empty()));
        findings.into_iter().map(|finding| finding.code).collect()
    }

    fn with_responder(crl: Facts, ocsp: Facts) -> Vec<Code> {
        codes(crl, &target(Kind::Ocsp, "alpha-pki", RESPONDER), ocsp)
    }

    #[test]
    fn a_revocation_on_its_way_is_no_contradiction() {
        // Revoked an hour ago: OCSP knows, the CRL of yesterday does not.
        assert_eq!(with_responder(says(DAY, None), says(0, Some(NOW - HOUR))), []);
        // The CRL knows; the OCSP answer was signed before.
        assert_eq!(with_responder(says(HOUR, Some(NOW - 2 * HOUR)), says(3 * HOUR, None)), []);
        assert_eq!(with_responder(says(0, None), says(0, None)), []);
        assert_eq!(with_responder(says(0, Some(1)), says(0, Some(1))), []);
    }

    #[test]
    fn what_was_issued_later_and_knows_less_contradicts() {
        let disagree = [Code::OcspCrlDisagree];
        assert_eq!(with_responder(says(HOUR, Some(NOW - 2 * HOUR)), says(0, None)), disagree);
        assert_eq!(with_responder(says(0, None), says(HOUR, Some(NOW - 2 * HOUR))), disagree);
        // A live responder is always newer than any CRL: after a day the CRL has no excuse.
        assert_eq!(with_responder(says(HOUR, None), says(0, Some(NOW - 26 * HOUR))), disagree);
        // Unless what it says has run out.
        let stale = Facts { next_update: Some(NOW - HOUR), ..says(0, Some(NOW - 26 * HOUR)) };
        assert_eq!(with_responder(says(HOUR, None), stale), []);
    }

    #[test]
    fn the_responder_of_another_operator_or_another_certificate_contradicts_nobody() {
        let foreign = target(Kind::Ocsp, "beta-pki", RESPONDER);
        assert_eq!(codes(says(HOUR, Some(1)), &foreign, says(0, None)), []);
        let mut other = says(0, None);
        other.statuses[0].serial = [0x21].into();
        assert_eq!(with_responder(says(HOUR, Some(1)), other), []);
    }

    #[test]
    fn points_may_differ_while_a_new_crl_spreads_and_no_longer() {
        let copy = target(Kind::Crl, "alpha-pki", POINTS[1]);
        let other = |standing| codes(serves(1, DAY, DAY), &copy, standing);
        assert_eq!(other(serves(1, DAY, DAY)), [], "the same");
        assert_eq!(other(serves(2, 2 * HOUR, HOUR / 2)), [], "newer, but not there for an hour yet");
        assert_eq!(other(serves(2, 2 * HOUR, HOUR)), [Code::DistributionPointsDisagree]);
        assert_eq!(other(serves(0, 2 * DAY, 2 * DAY)), [], "the other one is behind, not this one");
        let mut shard = serves(2, 2 * HOUR, HOUR);
        shard.crl = shard.crl.map(|crl| CrlIdentity { scope: Some([1; 32]), ..crl });
        assert_eq!(other(shard), [], "of another scope");
        assert_eq!(other(Facts::default()), [], "of one that did not answer nothing is known");
    }
}
