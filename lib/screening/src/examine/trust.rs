//! Whether a path leads from a certificate to an anchor of a list: for which uses and through which certificates, or why
//! not. The verdict is that of a device which obeys the list; of ISO 15118's rules, those that the field's own PKIs do not
//! keep are said and refuse nothing, as `ctl-client` has it.

use std::collections::BTreeSet;

use ctl_core::list::ListJudge;
use ctl_core::names::{Label, ListId};
use ctl_core::parts::{Purpose, Use};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_pki::path::{
    self, AnchorConstraints, Candidate, DeadEndReason, Finding, Judge, Limits, Outcome, Question, Rules,
    Search, Signatures, TOLERATED, search,
};
use serde::Serialize;

use super::ground::Ground;
use super::safe;

/// Signatures verified for everything that is brought at once.
const SIGNATURES: usize = 400;
/// Certificates that all searches together have before them.
const LOOKS: usize = 200_000;
/// Ways told for one certificate and list.
const MAX_WAYS: usize = 4;
/// Reasons told for one certificate and list.
const MAX_REASONS: usize = 6;
/// What one search may cost.
const LIMITS: Limits =
    Limits { signatures: 40, edges: 400, judged: 24, checks: 30_000, kept: 6, depth: 8, dead_ends: 16 };

/// What a list says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    pub list: ListId,
    pub answer: Answer,
}

/// Whether it is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// A path leads to a trusted anchor. The best one first.
    Trusted { ways: Vec<Way> },
    /// None does.
    NotTrusted {
        /// Why, what decides first.
        reasons: Vec<String>,
        /// The path that comes nearest, from the certificate up; it may end before an anchor.
        path: Vec<Member>,
    },
    /// It was not looked for: too much was brought at once.
    NotAsked { why: String },
}

/// A path to a trusted anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// From the certificate up to the anchor; the anchor alone if it is one itself.
    pub path: Vec<Member>,
    /// The anchor's name on the list.
    pub anchor: Label,
    /// What it is trusted for through this path. Of a CA: what it may issue for.
    pub uses: Vec<Use>,
    /// What the anchor is listed for and this path is not good for, and why.
    pub not_for: Vec<(Use, String)>,
    /// What hinders nobody and should be known.
    pub warnings: Vec<String>,
}

/// A certificate of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    pub subject: String,
    pub fingerprint: Digest,
    pub source: Source,
}

/// Where a certificate of a path was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// It was brought.
    Given,
    /// An anchor of the list.
    Anchor,
    /// A cross-certificate of the list.
    CrossCertificate,
    /// A sub-CA that its operator disclosed.
    Disclosed,
}

/// How much may still be done.
pub(super) struct Budget {
    pub(super) signatures: usize,
    looks: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { signatures: SIGNATURES, looks: LOOKS }
    }
}

/// What is asked of a list.
pub(super) struct Asked<'c> {
    pub(super) certificate: &'c Certificate,
    /// What came along.
    pub(super) given: &'c [&'c Certificate],
    /// What a leaf is for.
    pub(super) purpose: Option<path::Purpose>,
    /// The chains that a CA stands in, if it tells; any.
    pub(super) chains: Option<&'c [Purpose]>,
    pub(super) now: Timestamp,
}

pub(super) fn judge(ground: &Ground<'_>, asked: &Asked<'_>, budget: &mut Budget) -> Judged {
    let list = ground.list.clone();
    let cost = ground.size().saturating_add(asked.given.len());
    if budget.signatures == 0 || budget.looks < cost {
        let why = "so much was brought at once that no path was looked for: bring this certificate with its sub-CAs alone";
        return Judged { list, answer: Answer::NotAsked { why: why.to_owned() } };
    }
    budget.looks -= cost;
    let by_list = ListJudge {
        name: "the list",
        anchors: &ground.contents.anchors,
        distrusted: &ground.contents.distrusted,
        standard: None,
        purpose: asked.purpose,
        time: asked.now,
    };
    // Conditions that were loosened hold from the next version on.
    let by_version = ListJudge { name: "the version in force", anchors: &ground.in_force, ..by_list };
    let limits = Limits { signatures: LIMITS.signatures.min(budget.signatures), ..LIMITS };
    let judges: Vec<&dyn Judge> = vec![&by_list, &by_version, ground, &AnchorConstraints];
    let question = Question { judges, limits, ..Question::at(asked.now.unix()) };
    let pool = ground.pool().chain(asked.given.iter().copied());
    let search = search(asked.certificate, pool, &ground.anchors, &question);
    budget.signatures = budget.signatures.saturating_sub(search.work.signatures);
    Judged { list, answer: answer(ground, asked, &search, &limits) }
}

fn answer(ground: &Ground<'_>, asked: &Asked<'_>, search: &Search<'_>, limits: &Limits) -> Answer {
    let accepted = search.candidates.iter().filter(|candidate| candidate.is_accepted());
    let ways: Vec<Way> = accepted.filter_map(|candidate| way(ground, asked, candidate)).collect();
    let (mut good, bad): (Vec<Way>, Vec<Way>) = ways.into_iter().partition(|way| !way.uses.is_empty());
    if !good.is_empty() {
        good.truncate(MAX_WAYS);
        return Answer::Trusted { ways: good };
    }
    let mut reasons = Vec::new();
    let mut path = Vec::new();
    if let Some(way) = bad.into_iter().next() {
        reasons.extend(way.not_for.into_iter().map(|(of, why)| format!("not for {of}: {why}")));
        if reasons.is_empty() {
            reasons.push("the anchor is not listed for what this certificate is for".to_owned());
        }
        path = way.path;
    } else if let Some(candidate) = search.candidates.first() {
        reasons.extend(refusals(candidate));
        path = members(ground, asked, candidate.chain.iter().rev().copied().chain([candidate.anchor]));
    } else {
        let longest = search.dead_ends.iter().max_by_key(|dead_end| dead_end.chain.len());
        match longest {
            Some(dead_end) => {
                reasons.extend(end_of_road(ground, &dead_end.reason, dead_end.chain.first().copied()));
                path = members(ground, asked, dead_end.chain.iter().rev().copied());
            }
            None => reasons.push("no path to an anchor of this list was found".to_owned()),
        }
    }
    reasons.truncate(MAX_REASONS);
    if !search.reached.is_empty() {
        let cut = search.reached.iter().map(|limit| limit.words(limits));
        reasons.push(format!("the search was cut short: {}", cut.collect::<Vec<_>>().join("; ")));
    }
    Answer::NotTrusted { reasons, path }
}

/// Where the road ends, in words.
fn end_of_road(ground: &Ground<'_>, reason: &DeadEndReason<'_>, end: Option<&Certificate>) -> Option<String> {
    let end = end?;
    let words = match reason {
        DeadEndReason::NotAnAnchor => {
            "it is its own issuer, and this list does not name it: nobody vouches for it".to_owned()
        }
        DeadEndReason::NoIssuer => format!(
            "no certificate of its issuer {} was brought, and this list knows none: bring every sub-CA between it and the root",
            print_quoted(end.issuer())
        ),
        other => other.words(end),
    };
    let distrusted = ground.contents.distrusted.iter().any(|entry| {
        let digest = entry.sha256.as_bytes();
        *digest == end.sha256() || *digest == end.spki_sha256()
    });
    let distrusted = if distrusted { "; the list distrusts it" } else { "" };
    Some(safe(&format!("the path ends at {}: {words}{distrusted}", end.subject())))
}

fn print_quoted(name: &str) -> String {
    ctl_pki::print::quoted(&safe(name))
}

/// Why a path is refused: by RFC 5280, by the list, by the log.
fn refusals(candidate: &Candidate<'_>) -> Vec<String> {
    let about = |position: Option<usize>, words: &str| {
        let certificate = position.and_then(|position| candidate.chain.get(position));
        safe(&match certificate {
            Some(certificate) => format!("{}: {words}", certificate.subject()),
            None => words.to_owned(),
        })
    };
    let by_rfc = candidate.validation.failure.as_ref();
    let by_rfc = by_rfc.map(|failure| about(Some(failure.position), &failure.rejection.to_string()));
    let findings = candidate.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut failed: Vec<&Finding> = findings.filter(|finding| finding.outcome == Outcome::Failed).collect();
    // Why the list distrusts a key says more than that it does.
    failed.sort_by_key(|finding| finding.rule != "status");
    let failed = failed.into_iter().map(|finding| about(finding.position, &finding.words));
    let mut told = BTreeSet::new();
    by_rfc.into_iter().chain(failed).filter(|words| told.insert(words.clone())).collect()
}

/// What a path that RFC 5280 and the list accept is good for.
fn way(ground: &Ground<'_>, asked: &Asked<'_>, candidate: &Candidate<'_>) -> Option<Way> {
    let (anchor, in_force) = ground.anchor(candidate.anchor)?;
    let purpose = asked.purpose.map(Purpose::from);
    let wanted = |one: &&Use| {
        in_force.uses.contains(one)
            && purpose.is_none_or(|purpose| one.purpose == purpose)
            && asked.chains.is_none_or(|chains| chains.contains(&one.purpose))
    };
    let (mut uses, mut not_for) = (Vec::new(), Vec::new());
    let mut warnings: Vec<String> = ground.overdue(asked.now).into_iter().collect();
    for one in anchor.uses.iter().filter(wanted) {
        let rules = Rules { set: one.standard.rule_set(), purpose: asked.purpose, time: asked.now.unix() };
        let findings = rules.judge(candidate.anchor, &candidate.chain, &mut Signatures::with_limit(0));
        let refuses =
            |finding: &&Finding| finding.outcome == Outcome::Failed && !TOLERATED.contains(&finding.rule);
        if let Some(finding) = findings.iter().find(refuses) {
            not_for.push((*one, safe(&format!("{} ({})", finding.words, finding.source))));
            continue;
        }
        uses.push(*one);
        let noted = findings.iter().filter(|finding| finding.outcome != Outcome::Passed);
        warnings.extend(noted.map(|finding| safe(&format!("{} ({})", finding.words, finding.source))));
    }
    let of_list = candidate.verdicts.iter().flat_map(|verdict| &verdict.findings);
    // What a CA is for stays open; its uses say so.
    let of_list = of_list
        .filter(|finding| finding.outcome == Outcome::Warning && !["use", "listed"].contains(&finding.rule));
    warnings.extend(of_list.map(|finding| safe(&finding.words)));
    let mut told = BTreeSet::new();
    warnings.retain(|words| told.insert(words.clone()));
    warnings.truncate(MAX_REASONS);
    let up = candidate.chain.iter().rev().copied().chain([candidate.anchor]);
    Some(Way { path: members(ground, asked, up), anchor: anchor.name.clone(), uses, not_for, warnings })
}

fn members<'p>(
    ground: &Ground<'_>,
    asked: &Asked<'_>,
    up: impl Iterator<Item = &'p Certificate>,
) -> Vec<Member> {
    let is_among = |certificates: &[Certificate], one: &Certificate| certificates.contains(one);
    let member = |certificate: &Certificate| Member {
        subject: safe(certificate.subject()),
        fingerprint: Digest::from_bytes(certificate.sha256()),
        source: match certificate {
            one if is_among(&ground.anchors, one) => Source::Anchor,
            one if is_among(&ground.crosses, one) => Source::CrossCertificate,
            one if asked.given.contains(&one) => Source::Given,
            _ => Source::Disclosed,
        },
    };
    up.map(member).collect()
}
