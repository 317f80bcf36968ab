//! The judgement of one chain: the path to a listed root, then what lists, rules, revocation and registry say of it.

use ctl_core::emaid::{CheckDigit, Emaid};
use ctl_core::parts::{MoStatus, Standard};
use ctl_core::role::Role;
use ctl_core::tuf::Clock;
use ctl_core::{Digest, Timestamp};
use ctl_pki::path::{
    Candidate, DeadEndReason, Failure, Finding, Limits, Outcome, Purpose, Question, Rejection, RuleSet,
    Rules, TOLERATED, search,
};
use ctl_pki::{Certificate, SignatureError};

use super::chain::{self, Brought};
use super::listed::{Listed, contracts_of};
use super::{
    CertificateStatus, Code, Evidence, Member, OcspRequestData, Reason, Root, Standing, Strictness, Verdict,
};
use crate::ask::Known;
use crate::ask::chain::dead_end;
use crate::hash_data::{Algorithm, HashData};
use crate::sink::fingerprint;

const P256: &str = "1.2.840.10045.3.1.7";
/// OCPP 2.0.1: `responderURL` has at most so many characters, and `iso15118CertificateHashData` so many entries.
const MAX_URL: usize = 512;
const MAX_REQUESTS: usize = 4;
/// What judges contracts: a device's verified state, prepared once for many chains.
#[derive(Debug)]
pub struct Contracts {
    known: Known,
    listed: Vec<Certificate>,
}

impl Contracts {
    /// By what a device holds to be true.
    #[must_use]
    pub fn new(known: Known) -> Self {
        Self { listed: known.listed_certificates(), known }
    }

    /// What it judges by.
    #[must_use]
    pub const fn known(&self) -> &Known {
        &self.known
    }

    /// The time goes on; what is in force by it is for [`Known`] to say.
    pub const fn set_clock(&mut self, clock: Clock) {
        self.known.clock = clock;
    }

    /// Judges a chain in PEM, DER or certs-only PKCS#7.
    #[must_use]
    pub fn judge(&self, bytes: &[u8], evidence: &Evidence, strictness: Strictness) -> Verdict {
        let mut reasons = Vec::new();
        let mut verdict = Verdict {
            certificate_status: CertificateStatus::NoCertificateAvailable,
            time: self.known.clock.earliest(),
            emaid: None,
            mo_id: None,
            mo: None,
            rules: RuleSet::Iso15118_2.name(),
            root: None,
            chain: Vec::new(),
            reasons: Vec::new(),
            ocsp_requests: Vec::new(),
        };
        match chain::read(bytes) {
            Ok(brought) => self.judge_brought(brought, evidence, &mut verdict, &mut reasons),
            Err(reason) => reasons.push(reason),
        }
        if strictness.unknown_refuses {
            let unknown = [Code::RevocationNotAsked, Code::MoUnknown, Code::NoRegistry, Code::NoClock];
            let hits = reasons.iter_mut().filter(|reason| unknown.contains(&reason.code));
            hits.for_each(|reason| reason.refuses = true);
        }
        reasons.sort_by_key(|reason| (!reason.refuses, reason.code));
        verdict.reasons = reasons;
        verdict.certificate_status =
            verdict.refusal().map_or(CertificateStatus::Accepted, |reason| reason.code.status());
        verdict
    }

    fn judge_brought(
        &self,
        brought: Brought,
        evidence: &Evidence,
        verdict: &mut Verdict,
        reasons: &mut Vec<Reason>,
    ) {
        let Brought { leaf, others, notes } = brought;
        reasons.extend(notes);
        verdict.time = self.time(std::iter::once(&leaf).chain(&others), reasons);
        let is_p256 = leaf.public_key_curve().is_some_and(|curve| curve.oid() == P256);
        let (standard, set) = match is_p256 {
            true => (Standard::Iso15118_2, RuleSet::Iso15118_2),
            false => (Standard::Iso15118_20, RuleSet::Iso15118_20),
        };
        verdict.rules = set.name();
        self.registered(&leaf, verdict, reasons);
        self.overdue(reasons);

        let listed = Listed { known: &self.known, wanted: contracts_of(standard), time: verdict.time };
        let rules = Rules { set, purpose: Some(Purpose::Mo), time: verdict.time.unix() };
        let question = Question {
            judges: vec![&listed, &rules],
            limits: Limits {
                signatures: 24,
                edges: 200,
                judged: 16,
                checks: 20_000,
                kept: 4,
                depth: 6,
                dead_ends: 8,
            },
            ..Question::at(verdict.time.unix())
        };
        let pool = self.known.trust.cross_certificates.iter().chain(&others);
        let search = search(&leaf, pool, &self.listed, &question);
        let Some(candidate) = search.candidates.first() else {
            verdict.chain.push(Member::of(&leaf, Standing::NotAsked));
            let (end, words) = dead_end(&self.known, &search);
            let code = match end.map(|end| &end.reason) {
                Some(DeadEndReason::NotTheSigner { error, .. }) if is_forged(error) => Code::Signature,
                _ => Code::UnknownRoot,
            };
            let distrusted = std::iter::once(&leaf).chain(&others).find_map(|one| {
                Some(Reason::refuse(Code::Distrusted, self.known.distrusted_by(one)?).about(one))
            });
            reasons.extend(distrusted);
            reasons.push(Reason::refuse(code, words));
            return;
        };
        if candidate.chain.is_empty() {
            return reasons.push(Reason::refuse(Code::NoCertificate, "it is a root, and no contract"));
        }
        reasons.extend(of_path(candidate));
        let (standings, said) = evidence.judge(candidate.anchor, &candidate.chain, verdict.time);
        reasons.extend(said);
        verdict.root = Some(Root {
            sha256: fingerprint(candidate.anchor),
            subject: candidate.anchor.subject().to_owned(),
            lists: listed.anchors(candidate.anchor).map(|anchor| anchor.list.to_string()).collect(),
        });
        let members = candidate.chain.iter().zip(standings);
        verdict.chain =
            members.rev().map(|(certificate, standing)| Member::of(certificate, standing)).collect();
        verdict.ocsp_requests = requests(candidate);
    }

    /// The moment to judge for. Without a clock it is the earliest that it can be: whoever issued the chain had one, and
    /// nothing is over because it is new.
    fn time<'c>(
        &self,
        brought: impl Iterator<Item = &'c Certificate>,
        reasons: &mut Vec<Reason>,
    ) -> Timestamp {
        let Clock::UnknownButAfter(known) = self.known.clock else { return self.known.clock.earliest() };
        let newest = brought.map(Certificate::not_before).max().unwrap_or_default();
        let time = known.max(Timestamp::from_unix(newest));
        let what = format!(
            "this device has no clock that can be believed: judged for {time}, the earliest it can be"
        );
        reasons.push(Reason::warn(Code::NoClock, what));
        time
    }

    /// The eMAID, and what the registry says of its operator.
    fn registered(&self, leaf: &Certificate, verdict: &mut Verdict, reasons: &mut Vec<Reason>) {
        let Some(emaid) = leaf.common_name().and_then(Emaid::read) else {
            let what = format!("its common name is no eMAID: {}", leaf.subject());
            return reasons.push(Reason::refuse(Code::NoEmaid, what).about(leaf));
        };
        if let CheckDigit::Wrong(wanted) = emaid.check_digit() {
            let what = format!("the check digit of {emaid} should be {wanted}");
            reasons.push(Reason::warn(Code::CheckDigit, what).about(leaf));
        }
        let id = emaid.mo_id();
        verdict.emaid = Some(emaid.to_string());
        verdict.mo_id = Some(id.to_string());
        let Some(registry) = &self.known.registry else {
            let what = match self.known.damaged.contains(&Role::Registry) {
                true => format!("the registry kept here is damaged: sync again; nobody says who holds {id}"),
                false => format!("no registry is known here: nobody says who holds {id}"),
            };
            return reasons.push(Reason::warn(Code::NoRegistry, what));
        };
        let Some(entry) = registry.entry(id) else {
            let what = format!("version {} of the registry does not name {id}", registry.sequence);
            return reasons.push(Reason::warn(Code::MoUnknown, what));
        };
        verdict.mo = Some(entry.clone());
        let what = |is: &str| format!("{id} ({}) is {is} since {}", entry.name, entry.since);
        match entry.status {
            MoStatus::Assigned => {}
            MoStatus::Suspended => reasons.push(Reason::refuse(Code::MoSuspended, what("suspended"))),
            MoStatus::Withdrawn => reasons.push(Reason::refuse(Code::MoWithdrawn, what("withdrawn"))),
        }
    }

    fn overdue(&self, reasons: &mut Vec<Reason>) {
        let Clock::Known(now) = self.known.clock else { return };
        for list in self.known.trust.lists.iter().filter(|list| list.next_update < now) {
            let what = format!("list {} should have been replaced by {}", list.list, list.next_update);
            reasons.push(Reason::warn(Code::ListOverdue, what));
        }
    }
}

/// A signature that is wrong, not one that cannot be verified here.
const fn is_forged(error: &SignatureError) -> bool {
    !matches!(error, SignatureError::UnsupportedAlgorithm(_))
}

/// What lists, RFC 5280 and the rules of ISO 15118 say of a path.
fn of_path(candidate: &Candidate<'_>) -> Vec<Reason> {
    let about =
        |reason: Reason, position: Option<usize>| match position.and_then(|at| candidate.chain.get(at)) {
            Some(certificate) => reason.about(certificate),
            None => reason,
        };
    let mut reasons = Vec::new();
    if let Some(Failure { position, rejection }) = &candidate.validation.failure {
        let code = match rejection {
            Rejection::Expired { .. } => Code::Expired,
            Rejection::NotYetValid { .. } => Code::NotYetValid,
            Rejection::Signature(_) => Code::Signature,
            _ => Code::Path,
        };
        reasons.push(about(Reason::refuse(code, rejection.to_string()), Some(*position)));
    }
    for finding in candidate.verdicts.iter().flat_map(|verdict| &verdict.findings) {
        let Finding { rule, outcome, position, words, source } = finding;
        let (code, refuses) = match (*rule, outcome) {
            (_, Outcome::Passed) => continue,
            ("distrusted", _) => (Code::Distrusted, true),
            ("trusted", _) => (Code::NotTrusted, true),
            ("not-trusted-after" | "not-issued-after" | "mo-ids", Outcome::Failed) => {
                (Code::Constraint, true)
            }
            ("status", _) => (Code::RootOnNotice, false),
            (rule, outcome) => (Code::Profile, *outcome == Outcome::Failed && !TOLERATED.contains(&rule)),
        };
        let what = if code == Code::Profile { format!("{words} ({source})") } else { words.clone() };
        let reason = if refuses { Reason::refuse(code, what) } else { Reason::warn(code, what) };
        reasons.push(about(reason, *position));
    }
    reasons
}

/// OCPP's Authorize carries one for each certificate of the chain, the contract first.
fn requests(candidate: &Candidate<'_>) -> Vec<OcspRequestData> {
    let issuers = std::iter::once(candidate.anchor).chain(candidate.chain.iter().copied());
    let pairs: Vec<_> = issuers.zip(candidate.chain.iter().copied()).collect();
    let named = pairs.into_iter().rev().filter_map(|(issuer, certificate)| {
        let url = certificate.ocsp_urls().into_iter().find(|url| url.len() <= MAX_URL)?;
        let name = HashData::of(certificate, issuer, Algorithm::Sha256);
        Some(OcspRequestData::new(name, url.to_owned()))
    });
    named.take(MAX_REQUESTS).collect()
}

impl Member {
    fn of(certificate: &Certificate, revocation: Standing) -> Self {
        Self {
            subject: certificate.subject().to_owned(),
            sha256: Digest::from_bytes(certificate.sha256()),
            not_after: Timestamp::from_unix(certificate.not_after()),
            revocation,
        }
    }
}
