//! What is written down of a state is read again the same, and the fold goes on from it as if nothing had been.

use ctl_core::Digest;
use ctl_core::log::Tree;
use ctl_governance::snapshot::{self, FORMAT, SnapshotError};
use ctl_governance::{RulesVersion, State, genesis};
use proptest::prelude::*;

use super::ledgers;
use super::tree::Said;
use crate::common::World;

/// A format, and the SHA-256 of all snapshots of the corpus in it, seals left out. Whoever changes what is written, on
/// purpose or not, raises [`FORMAT`] and puts the new digest here: a snapshot of the release before must not be taken.
const WRITTEN: (u32, &str) = (2, "68017788f9d7e6cf5e7f8ba86b0496bb46b3f4c4bd7fd19d6644416a8754c575");

fn written(state: &State, tree: &Tree, added: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot::write(state, &tree.hashes(state.size()).unwrap(), added, &mut bytes).unwrap();
    bytes
}

/// A scheme with something in most of its maps.
fn story() -> (State, Tree) {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    world.discussed("beta-pki");
    let tree = world.entries.iter().map(|entry| entry.leaf_hash).collect();
    (world.state.clone(), tree)
}

#[test]
fn every_state_of_the_corpus_is_read_as_it_was_written_and_goes_on_as_it_would_have() {
    let mut all = Vec::new();
    for version in RulesVersion::ALL {
        let mut states: Vec<Option<(State, Tree)>> = Vec::new();
        for (place, line) in ledgers(*version).lines.iter().enumerate() {
            let Said::Entry { digest, .. } = &line.said else {
                states.push(None);
                continue;
            };
            let entry = line.said.entry();
            // The state before was read from a snapshot itself.
            let before = line.after.map(|after| states[after].clone().unwrap());
            let (state, mut tree) = match before {
                None => (genesis(&entry).unwrap(), Tree::new()),
                Some((mut state, tree)) => {
                    state.apply(&entry);
                    (state, tree)
                }
            };
            tree.push(entry.leaf_hash);
            let bytes = written(&state, &tree, b"beside");
            let read = snapshot::read(&bytes).unwrap_or_else(|error| panic!("line {}: {error}", place + 1));
            assert_eq!(read.state, state, "line {}", place + 1);
            assert_eq!(read.state.digest(), *digest, "line {}", place + 1);
            assert_eq!((&read.tree, read.added.as_slice()), (&tree, b"beside".as_slice()));
            assert_eq!(written(&read.state, &read.tree, b"beside"), bytes, "one state has one form");
            states.push(Some((read.state, read.tree)));
            // The last line is the seal.
            let seal = bytes.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').unwrap();
            all.extend(Digest::of(&bytes[..seal]).as_bytes());
        }
    }
    assert_eq!((FORMAT, Digest::of(&all).to_string().as_str()), WRITTEN);
}

#[test]
fn a_snapshot_of_another_format_or_release_is_not_taken() {
    let (state, tree) = story();
    let text = written(&state, &tree, b"");
    let changed = |from: &str, to: &str| {
        let at = text.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
        [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
    };
    let other = changed(&format!("\"format\":{FORMAT}"), &format!("\"format\":{}", FORMAT + 1));
    let error = snapshot::read(&other).unwrap_err();
    assert!(matches!(error, SnapshotError::Release { format, .. } if format == FORMAT + 1), "{error}");
    let release = concat!("\"release\":\"", env!("CARGO_PKG_VERSION"), "\"");
    let error = snapshot::read(&changed(release, "\"release\":\"9.9.9\"")).unwrap_err();
    assert!(matches!(&error, SnapshotError::Release { release, .. } if release == "9.9.9"), "{error}");
    // A seal of one ledger on the snapshot of another.
    for (from, to) in
        [("\"size\":", "\"size\":1"), ("\"rules\":1", "\"rules\":7"), ("\"state\":", "\"state\":9")]
    {
        let error = snapshot::read(&changed(from, to)).unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged(_)), "{error}");
    }
}

#[test]
fn what_is_cut_off_or_empty_is_no_snapshot() {
    let (state, tree) = story();
    let whole = written(&state, &tree, b"kept");
    for length in (0..whole.len()).step_by(1 + whole.len() / 500) {
        assert!(matches!(snapshot::read(&whole[..length]), Err(SnapshotError::Damaged(_))), "{length}");
    }
    assert!(matches!(snapshot::read(b"\n{}"), Err(SnapshotError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_flipped_bit_is_believed(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let (state, tree) = story();
            written(&state, &tree, b"kept")
        });
        let mut damaged = WHOLE.clone();
        damaged[at.index(WHOLE.len())] ^= 1_u8 << bit;
        prop_assert!(snapshot::read(&damaged).is_err());
    }

    #[test]
    fn whatever_the_bytes_reading_them_ends(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(snapshot::read(&bytes).is_err());
    }
}
