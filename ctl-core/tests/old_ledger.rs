//! The promise of the fold: a ledger that was recorded by an older release replays to the same
//! bytes with every later one. `fixtures/ledger-rules-1` was recorded once, with every type of
//! statement of rules 1 in it, `fixtures/ledger-rules-2` and `fixtures/ledger-rules-3` with an amendment
//! to these rules in their middle and all that is new in them; none is ever made anew. If one of these
//! tests fails, the change that made it fail belongs into a new version of the rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use ctl_core::Digest;
use ctl_core::governance::application::Application;
use ctl_core::governance::state::Accreditation;
use ctl_core::governance::{State, check, genesis};
use ctl_core::statement::{Body, Entry};

const NEW_IN_RULES_3: [&str; 4] = ["sla.breach", "sla.report", "cross.request", "cross.respond"];

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn entries(ledger: &str) -> Vec<Entry> {
    let lines = fixture(&format!("{ledger}/entries.jsonl"));
    lines.lines().map(|line| Entry::parse(line.as_bytes()).unwrap()).collect()
}

/// Everything that was ever to be signed, and where the ledger ends.
fn transcript(entries: &[Entry]) -> String {
    let mut state = genesis(&entries[0]).unwrap();
    let mut text = format!("scheme {}\n", state.scheme);
    for entry in &entries[1..] {
        let index = state.size();
        check(&state, &entry.statement, entry.recorded_at).unwrap_or_else(|e| panic!("entry {index}: {e}"));
        state.apply(entry);
        if let Body::DraftOpen(open) = &entry.statement.payload.body {
            let documents = &state.drafts[&open.role].documents;
            let document = documents.document.as_deref().map_or("-".into(), |d| Digest::of(d).to_string());
            let metadata = Digest::of(&documents.metadata);
            writeln!(text, "{index} {} {document} {metadata}", open.role).unwrap();
        }
    }
    for (index, proposal) in &state.proposals {
        let decision =
            proposal.decision.as_ref().map(|d| format!("{} {:?} {}", d.at, d.outcome, d.approvals));
        writeln!(text, "proposal {index} {}", decision.unwrap_or_default()).unwrap();
    }
    for (id, found) in &state.auditors {
        let Accreditation { since, cause, expires_at, withdrawn, .. } = found;
        writeln!(text, "auditor {id} {since} {cause} {expires_at:?} {withdrawn:?}").unwrap();
    }
    for (index, breach) in &state.breaches {
        let (service, closed) = (&breach.service, breach.closed.map(|c| (c.index, c.at)));
        let name = &breach.objective.name;
        writeln!(text, "breach {index} {service:?} {name} {} {closed:?}", breach.opened_at).unwrap();
    }
    for ((operator, from), report) in &state.level_reports {
        let operator = operator.as_ref().map_or("-", |operator| operator.as_str());
        writeln!(text, "report {operator} {from} {} {}", report.index, report.report.sha256).unwrap();
    }
    for (index, request) in &state.cross_requests {
        let (requester, issuer) = (&request.requester, &request.issuer);
        let answer = request.answer.as_ref().map(|a| (a.index, a.at, a.answer, a.reason));
        writeln!(text, "cross {index} {requester} {issuer} {answer:?}").unwrap();
    }
    writeln!(text, "end {} {}", state.size(), state.root()).unwrap();
    text
}

#[test]
fn a_ledger_of_rules_1_replays_to_the_same_bytes() {
    let entries = entries("ledger-rules-1");
    let types: BTreeSet<_> = entries.iter().map(|e| e.statement.payload.body.type_name()).collect();
    let known = Body::TYPES.iter().copied().filter(|name| !NEW_IN_RULES_3.contains(name));
    assert_eq!(types, known.collect(), "every type of statement stands in it");
    assert_eq!(transcript(&entries), fixture("ledger-rules-1/expected.txt"));
    assert_eq!(State::replay(&entries).unwrap().size(), entries.len() as u64);
}

#[test]
fn a_ledger_that_enters_rules_2_replays_to_the_same_bytes() {
    let entries = entries("ledger-rules-2");
    assert_eq!(transcript(&entries), fixture("ledger-rules-2/expected.txt"));
    let state = State::replay(&entries).unwrap();
    assert_eq!((state.charter.rules, genesis(&entries[0]).unwrap().charter.rules), (2, 1));
    let kinds: BTreeSet<_> = state.proposals.values().map(|p| p.change.known_since()).collect();
    assert!(kinds.contains(&2) && state.auditors.len() == 2);
    let screened = |a: &Application| a.screening.as_ref().is_some_and(|s| !s.observed.is_empty());
    assert!(state.applications.values().any(|a| screened(a)));
    assert!(state.applications.values().flat_map(|a| &a.evidence).any(|e| e.dated.is_some()));
}

#[test]
fn a_ledger_that_enters_rules_3_replays_to_the_same_bytes() {
    let entries = entries("ledger-rules-3");
    assert_eq!(transcript(&entries), fixture("ledger-rules-3/expected.txt"));
    let state = State::replay(&entries).unwrap();
    assert_eq!((state.charter.rules, genesis(&entries[0]).unwrap().charter.rules), (3, 2));
    let types: BTreeSet<_> = entries.iter().map(|e| e.statement.payload.body.type_name()).collect();
    assert!(NEW_IN_RULES_3.iter().all(|name| types.contains(name)));
    let breaches = || state.breaches.values().map(|breach| breach.closed.is_some());
    assert!(breaches().any(|closed| closed) && breaches().any(|closed| !closed));
    assert!(state.level_reports.keys().any(|(operator, _)| operator.is_none()));
    let answers: BTreeSet<_> =
        state.cross_requests.values().map(|r| r.answer.as_ref().map(|a| a.answer)).collect();
    assert_eq!(answers.len(), 3, "accepted, declined, and one that waits");
}
