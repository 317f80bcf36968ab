//! In which listed root the chain of a certificate ends, through whatever certificates were brought along.

use std::collections::BTreeSet;

use ctl_core::Digest;
use ctl_pki::Certificate;
use ctl_pki::path::{Candidate, DeadEnd, DeadEndReason, Question, Search, search};
use serde::Serialize;

use super::Known;
use crate::sink::fingerprint;

/// Signatures that may be verified for one question, however many certificates it brings.
const SIGNATURES: usize = 2_000;
/// Certificates that may be looked at, each counted once for every search that it stands in.
const LOOKS: usize = 300_000;

/// A chain from a certificate to a root that a list names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// SHA-256 of the root.
    pub anchor: Digest,
    /// Whether it is valid by RFC 5280, now, and holds nothing that is distrusted. Revocation is not asked about.
    pub valid: bool,
    /// What is wrong with it, if it is not.
    pub problem: Option<String>,
    /// Subjects from the certificate up to the root.
    pub subjects: Vec<String>,
}

/// The chains of one certificate.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// One for each root, the valid ones first.
    pub(super) found: Vec<Chain>,
    /// Where it goes no further, if there is none.
    pub(super) dead_end: Option<String>,
}

/// Where a search that found no path to a listed root came furthest, and that in words.
pub(crate) fn dead_end<'s, 'c>(known: &Known, search: &'s Search<'c>) -> (Option<&'s DeadEnd<'c>>, String) {
    let longest = search.dead_ends.iter().max_by_key(|dead_end| dead_end.chain.len());
    let words = longest.and_then(|dead_end| {
        let end = *dead_end.chain.first()?;
        let distrusted = known.distrusted_by(end).map(|by| format!(" ({by})"));
        let words = match dead_end.reason {
            DeadEndReason::NotAnAnchor => {
                "it is its own issuer, and no list that this device follows names it".to_owned()
            }
            _ => dead_end.reason.words(end),
        };
        Some(format!("its chain ends at {}: {words}{}", end.subject(), distrusted.unwrap_or_default()))
    });
    (longest, words.unwrap_or_else(|| "no chain to a listed root was found".into()))
}

/// Looks for chains, and never does more than so much for all questions together.
pub(super) struct Searcher<'a> {
    known: &'a Known,
    anchors: Vec<Certificate>,
    pool: Vec<&'a Certificate>,
    signatures: usize,
    looks: usize,
}

impl<'a> Searcher<'a> {
    pub(super) fn new(known: &'a Known, brought: impl IntoIterator<Item = &'a Certificate>) -> Self {
        let pool = known.trust.cross_certificates.iter().chain(brought).collect();
        Self { known, anchors: known.listed_certificates(), pool, signatures: SIGNATURES, looks: LOOKS }
    }

    pub(super) fn chains(&mut self, leaf: &Certificate) -> Chains {
        let cost = self.pool.len().saturating_add(self.anchors.len());
        if self.signatures == 0 || self.looks < cost {
            let tired =
                "its chain was not looked for: so many certificates were brought; ask again with fewer";
            return Chains { dead_end: Some(tired.into()), ..Chains::default() };
        }
        self.looks -= cost;
        let mut question = Question::at(self.known.clock.earliest().unix());
        question.limits.signatures = question.limits.signatures.min(self.signatures);
        let search = search(leaf, self.pool.iter().copied(), &self.anchors, &question);
        self.signatures = self.signatures.saturating_sub(search.work.signatures);
        let mut chains = Chains::default();
        let mut seen = BTreeSet::new();
        for candidate in &search.candidates {
            if seen.insert(fingerprint(candidate.anchor)) {
                chains.found.push(self.chain(leaf, candidate));
            }
        }
        chains.found.sort_by_key(|chain| !chain.valid);
        if chains.found.is_empty() {
            chains.dead_end = Some(dead_end(self.known, &search).1);
        }
        chains
    }

    fn chain(&self, leaf: &Certificate, candidate: &Candidate<'_>) -> Chain {
        let up = || candidate.chain.iter().rev().copied().chain([candidate.anchor]);
        let distrusted = up().find_map(|one| Some((one, self.known.distrusted_by(one)?)));
        let failure = candidate.validation.failure.as_ref().map(|failure| {
            let at = candidate.chain.get(failure.position).map_or(leaf, |certificate| certificate);
            format!("{}: {}", at.subject(), failure.rejection)
        });
        let problem = distrusted.map(|(one, by)| format!("{}: {by}", one.subject())).or(failure);
        Chain {
            anchor: fingerprint(candidate.anchor),
            valid: problem.is_none(),
            problem,
            subjects: up().map(|certificate| certificate.subject().to_owned()).collect(),
        }
    }
}
