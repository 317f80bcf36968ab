//! Records the corpus: `fixtures/rules-1/record.sh` calls this.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ctl_governance::RulesVersion;
use ctl_governance::possession::Challenge;
use ctl_governance::statement::{Entry, Statement};
use serde_json::Value;

use super::tree::{Conclusion, Line, Said, Tree, conclude};
use super::{certificates, folder};
use crate::common::{World, key};

/// Every story that the tests have written down below `CTL_CORPUS`, as one tree.
#[test]
#[ignore = "makes the frozen corpus anew: see fixtures/rules-1/record.sh"]
fn record_the_corpus() {
    let raw = PathBuf::from(std::env::var_os("CTL_CORPUS").expect("CTL_CORPUS: run record.sh"));
    let mut stories: Vec<PathBuf> =
        std::fs::read_dir(raw).unwrap().map(|file| file.unwrap().path()).collect();
    stories.sort();
    assert!(!stories.is_empty(), "no test has written its story down");
    let mut tree = Tree::default();
    // What was said where, so that stories share what they have in common.
    let mut known: BTreeMap<(Option<usize>, Vec<u8>), usize> = BTreeMap::new();
    let mut add = |tree: &mut Tree, line: Line| -> usize {
        let bytes = line.said.entry().bytes;
        *known.entry((line.after, bytes)).or_insert_with(|| {
            tree.lines.push(line);
            tree.lines.len() - 1
        })
    };
    for entry in geneses() {
        let (conclusion, _) = conclude(None, &entry);
        add(&mut tree, Line { after: None, said: said(&entry, &conclusion) });
    }
    for story in stories {
        let (mut after, mut state) = (None, None);
        for line in std::fs::read_to_string(&story).unwrap().lines() {
            let entry = Entry::parse(line.as_bytes()).unwrap();
            let (conclusion, next) = conclude(state.as_ref(), &entry);
            let place = add(&mut tree, Line { after, said: said(&entry, &conclusion) });
            if next.is_some() {
                (after, state) = (Some(place), next);
            }
        }
    }
    let folder = folder(RulesVersion::LATEST);
    let lines: Vec<String> =
        tree.lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    std::fs::write(folder.join("ledgers.jsonl"), lines.concat()).unwrap();
    certificates::record(&folder.join("certificates.jsonl"));
}

fn said(entry: &Entry, conclusion: &Conclusion) -> Said {
    let value: Value = serde_json::from_slice(&entry.bytes).unwrap();
    match conclusion {
        Conclusion::State(digest) => Said::Entry { digest: *digest, entry: value },
        Conclusion::Refusal(reason) => Said::Refused {
            at: entry.recorded_at,
            reason: reason.clone(),
            refused: value["statement"].clone(),
        },
    }
}

/// Foundings that fail, each for something else.
fn geneses() -> Vec<Entry> {
    let good = World::genesis_with(crate::common::charter(), &[]);
    let signed_by = |names: &[&str]| {
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        let statement = crate::common::signed_by(&good.statement.payload, &keys.iter().collect::<Vec<_>>());
        Entry::new(good.recorded_at, statement).unwrap()
    };
    let mut payload = good.statement.payload.clone();
    payload.scheme = ctl_core::Digest::of(Challenge::TYPE.as_bytes());
    let named = crate::common::signed_by(&payload, &[&key("board-1"), &key("board-2")]);
    let mut early = crate::common::charter();
    early.board.threshold = 4;
    let twice = crate::common::new_participant("mo-one", "again", &[]);
    let reserved = crate::common::new_participant("trust-list-manager", "itself", &[]);
    vec![
        signed_by(&["board-1"]),
        signed_by(&["board-1", "board-2", "elector-1"]),
        Entry::new(good.recorded_at.minus_seconds(3600), good.statement.clone()).unwrap(),
        Entry::new(good.recorded_at, named).unwrap(),
        World::genesis_with(early, &[]),
        World::genesis_with(crate::common::charter(), &[twice]),
        World::genesis_with(crate::common::charter(), &[reserved]),
        not_a_genesis(),
    ]
}

fn not_a_genesis() -> Entry {
    let mut world = World::found();
    let participant = "mo-one".parse().unwrap();
    let payload = world.payload(ctl_governance::statement::body::ParticipantSuspend { participant });
    let statement: Statement = world.sign(&payload, &["mo-one"]);
    Entry::new(world.now, statement).unwrap()
}
