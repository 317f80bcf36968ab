//! The promise of the fold: what was once concluded from a ledger is concluded with every later release, and what
//! was once refused is refused. `fixtures/rules-1` was recorded with `record.sh` in it and is not made anew once
//! there is a release. If a test of these fails, the change that made it fail belongs into a new version of the
//! rules (`src/rules.rs`), or a dependency reads something differently than it did.
//!
//! - `ledgers.jsonl` is a tree of ledgers: each line hangs below the line `after`, and is an entry with the
//!   digest of the state that it leads to, or a statement that was refused there, when, and for which reason.
//!   It holds what all stories and attacks of this crate's tests say.
//! - `certificates.jsonl` has certificates, sound and odd, with what the fold reads of each.

mod certificates;
mod members;
mod record;
mod snapshots;
mod stories;
mod tree;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ctl_governance::statement::Body;
use ctl_governance::{Reason, RulesVersion};
use tree::{Line, Tree};

fn folder(version: RulesVersion) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/rules-{version}"))
}

fn ledgers(version: RulesVersion) -> Tree {
    Tree::read(&folder(version).join("ledgers.jsonl"))
}

#[test]
fn every_ledger_leads_to_the_states_that_it_led_to_and_what_was_refused_is_refused() {
    for version in RulesVersion::ALL {
        let tree = ledgers(*version);
        assert!(tree.lines.len() > 500, "the corpus is there");
        tree.replay(|place, line, found| {
            assert_eq!(&found, &line.said.conclusion(), "rules {version}, line {}", place + 1);
        });
    }
}

#[test]
fn every_type_of_statement_is_recorded_somewhere_and_refused_somewhere_and_for_every_reason() {
    let tree = ledgers(RulesVersion::V1);
    let recorded: BTreeSet<_> = tree.lines.iter().filter_map(Line::recorded_type).collect();
    assert_eq!(recorded, Body::TYPES.iter().copied().collect());
    let refused: BTreeSet<_> = tree.lines.iter().filter_map(Line::refused_type).collect();
    assert_eq!(refused, Body::TYPES.iter().copied().collect());
    let reasons: BTreeSet<&str> = tree.lines.iter().filter_map(Line::reason).collect();
    // An entry that is too large is none.
    let all = Reason::ALL.iter().filter(|reason| **reason != Reason::TooLarge).map(|reason| reason.as_str());
    assert_eq!(reasons, all.collect());
}
