//! What was found, as it is shown to programs. Members are added, never renamed.

use std::collections::BTreeSet;

use ctl_core::Timestamp;
use ctl_pki::Certificate;
use ctl_pki::path::{Candidate, DeadEnd, Outcome, Question, Search};
use serde::Serialize;

use super::{ListReport, Options};

/// All that a search found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether a path is accepted, by RFC 5280 and by every further judge.
    pub valid: bool,
    /// The certificate asked about.
    pub leaf: CertificateRef,
    /// The moment it was judged for.
    pub time: Timestamp,
    /// The rule set it was judged by beside RFC 5280.
    pub rules: &'static str,
    /// What it is for, as far as that is known.
    pub purpose: Option<PurposeReport>,
    /// How many CRLs were given; with none, nothing is known of revocation.
    pub crls: usize,
    /// The trust list that anchors were taken from.
    pub list: Option<ListReport>,
    /// The paths, accepted ones first, then the shorter ones.
    pub paths: Vec<PathReport>,
    /// How many more paths were judged and not accepted, beyond those in `paths`.
    pub not_shown: usize,
    /// Where paths ended before they came to an anchor.
    pub dead_ends: Vec<DeadEndReport>,
    /// Limits that cut the search short; empty when everything was looked at.
    pub limits_reached: Vec<LimitReport>,
    /// What it took.
    pub work: WorkReport,
    #[serde(skip)]
    pub(super) explain: bool,
}

/// What a certificate is for.
#[derive(Clone, Debug, Serialize)]
pub struct PurposeReport {
    /// `v2g`, `mo`, `oem`, `vehicle` or `cps`.
    pub name: &'static str,
    /// Whether this was read out of the certificate, because nobody named it.
    pub guessed: bool,
}

/// Names a certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateRef {
    /// Its subject.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its serial number in hex.
    pub serial: String,
    /// SHA-256 of it.
    pub sha256: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
}

/// One path from an anchor to the certificate.
#[derive(Clone, Debug, Serialize)]
pub struct PathReport {
    /// Whether RFC 5280 and every further judge accept it.
    pub accepted: bool,
    /// The trust anchor.
    pub anchor: CertificateRef,
    /// The certificates from the anchor's child to the one asked about, with what was checked of each.
    pub steps: Vec<Step>,
    /// RFC 5280, first of all, then the others.
    pub verdicts: Vec<VerdictReport>,
    /// The certificate policies for which it is valid (RFC 5280 section 6.1.6); `2.5.29.32.0` is any.
    pub policies: BTreeSet<String>,
}

/// One certificate of a path.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The certificate.
    pub certificate: CertificateRef,
    /// What RFC 5280 has checked of it; nothing after the check that failed.
    pub checks: Vec<CheckReport>,
}

/// What one judge thinks of a path.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictReport {
    /// `rfc5280`, or the name of a rule set.
    pub judge: String,
    /// Whether it accepts the path.
    pub accepted: bool,
    /// What it found; for RFC 5280 only what failed, the rest stands with the steps.
    pub findings: Vec<CheckReport>,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// A stable name.
    pub rule: String,
    /// `passed`, `warning` or `failed`.
    pub outcome: &'static str,
    /// Which step of the path, counted from 0; none for the anchor or the whole.
    pub step: Option<usize>,
    /// What was found, in words.
    pub words: String,
    /// Where the rule stands.
    pub source: &'static str,
}

/// A path that ended before it came to an anchor.
#[derive(Clone, Debug, Serialize)]
pub struct DeadEndReport {
    /// The certificates, from the one where the path ended down to the one asked about.
    pub certificates: Vec<CertificateRef>,
    /// A stable name for the reason.
    pub rule: &'static str,
    /// The reason in words.
    pub words: String,
}

/// A limit that was reached.
#[derive(Clone, Debug, Serialize)]
pub struct LimitReport {
    /// Which.
    pub limit: &'static str,
    /// What it means.
    pub words: String,
}

/// What the search took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WorkReport {
    /// Distinct certificates given.
    pub certificates: usize,
    /// Signatures verified.
    pub signatures: usize,
    /// Steps between certificates tried.
    pub edges: usize,
    /// Paths judged.
    pub judged: usize,
    /// Checks of names and policies that judging took.
    pub checks: usize,
}

impl Report {
    pub(super) fn new(
        leaf: &Certificate,
        options: &Options,
        time: Timestamp,
        question: &Question<'_>,
        found: &Search<'_>,
    ) -> Self {
        let limit = |limit: &ctl_pki::path::Limit| LimitReport {
            limit: limit.id(),
            words: limit.words(&question.limits),
        };
        let work = found.work;
        Self {
            valid: found.best().is_some(),
            leaf: CertificateRef::of(leaf),
            time,
            rules: options.rules.name(),
            purpose: None,
            crls: 0,
            list: None,
            paths: found.candidates.iter().map(PathReport::of).collect(),
            not_shown: found.not_kept,
            dead_ends: found.dead_ends.iter().filter_map(DeadEndReport::of).collect(),
            limits_reached: found.reached.iter().map(limit).collect(),
            work: WorkReport {
                certificates: work.certificates,
                signatures: work.signatures,
                edges: work.edges,
                judged: work.judged,
                checks: work.checks,
            },
            explain: options.explain,
        }
    }
}

impl CertificateRef {
    fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            serial: certificate.serial_hex().to_owned(),
            sha256: hex::encode(certificate.sha256()),
            not_before: Timestamp::from_unix(certificate.not_before()),
            not_after: Timestamp::from_unix(certificate.not_after()),
        }
    }
}

impl PathReport {
    fn of(candidate: &Candidate<'_>) -> Self {
        let validation = &candidate.validation;
        let steps = candidate.chain.iter().enumerate().map(|(position, certificate)| Step {
            certificate: CertificateRef::of(certificate),
            checks: validation
                .steps
                .iter()
                .filter(|step| step.position == position)
                .flat_map(|step| &step.checks)
                .map(|check| CheckReport {
                    rule: check.rule.to_owned(),
                    outcome: if check.passed { "passed" } else { "failed" },
                    step: Some(position),
                    words: check.words.clone(),
                    source: check.source,
                })
                .collect(),
        });
        let failure = validation.failure.iter().map(|failure| CheckReport {
            rule: failure.rejection.rule().to_owned(),
            outcome: "failed",
            step: (!candidate.chain.is_empty()).then_some(failure.position),
            words: failure.rejection.to_string(),
            source: failure.rejection.source(),
        });
        let rfc5280 = VerdictReport {
            judge: "rfc5280".to_owned(),
            accepted: validation.is_valid(),
            findings: failure.collect(),
        };
        let others = candidate.verdicts.iter().map(|verdict| VerdictReport {
            judge: verdict.judge.clone(),
            accepted: verdict.is_accepted(),
            findings: verdict.findings.iter().map(CheckReport::of).collect(),
        });
        Self {
            accepted: candidate.is_accepted(),
            anchor: CertificateRef::of(candidate.anchor),
            steps: steps.collect(),
            verdicts: std::iter::once(rfc5280).chain(others).collect(),
            policies: validation.policies.clone(),
        }
    }
}

impl CheckReport {
    fn of(finding: &ctl_pki::path::Finding) -> Self {
        Self {
            rule: finding.rule.to_owned(),
            outcome: match finding.outcome {
                Outcome::Passed => "passed",
                Outcome::Warning => "warning",
                Outcome::Failed => "failed",
            },
            step: finding.position,
            words: finding.words.clone(),
            source: finding.source,
        }
    }
}

impl DeadEndReport {
    fn of(end: &DeadEnd<'_>) -> Option<Self> {
        let last = end.chain.first()?;
        Some(Self {
            certificates: end.chain.iter().map(|certificate| CertificateRef::of(certificate)).collect(),
            rule: end.reason.rule(),
            words: end.reason.words(last),
        })
    }
}
