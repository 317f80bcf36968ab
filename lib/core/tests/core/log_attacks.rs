//! What a hostile log, mirror or network tries, one test for each attack.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ctl_core::log::checkpoint::{cosign, cosignatures};
use ctl_core::log::{
    Checkpoint, LogError, LogKey, LogProof, Note, TileId, TileSet, Tree, WitnessKey, leaf_hash,
    tiles_for_consistency, verify_consistency, verify_inclusion, verify_prefix,
};
use ctl_core::{Digest, Timestamp};
use ed25519_dalek::SigningKey;

const ORIGIN: &str = "ctl.example.org/log";

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn log_key() -> LogKey {
    LogKey::new(ORIGIN, secret(1).verifying_key()).unwrap()
}

fn witness_key(name: &str, seed: u8) -> WitnessKey {
    WitnessKey::new(name, secret(seed).verifying_key()).unwrap()
}

/// A log whose entries from `fork` on are others than those of an honest one.
fn log(size: u64, fork: u64) -> Tree {
    let entry = |number| if number < fork { format!("entry {number}") } else { format!("forged {number}") };
    (0..size).map(|number| leaf_hash(entry(number).as_bytes())).collect()
}

fn honest(size: u64) -> Tree {
    log(size, u64::MAX)
}

fn signed(tree: &Tree) -> Note {
    Checkpoint { origin: ORIGIN.into(), size: tree.size(), root: tree.root() }.sign(&secret(1)).unwrap()
}

fn tiles(tree: &Tree, needed: &[TileId]) -> TileSet {
    let mut set = TileSet::new();
    needed.iter().for_each(|id| set.insert(*id, &id.bytes(tree).unwrap()).unwrap());
    set
}

fn proof(tree: &Tree, index: u64) -> LogProof {
    let hashes = tree.inclusion_proof(index, tree.size()).unwrap();
    LogProof { extra: None, index, hashes, checkpoint: signed(tree) }
}

#[test]
fn a_proof_travels_as_a_file_and_verifies() {
    let tree = honest(1000);
    let mut sent = proof(&tree, 700);
    sent.extra = Some(b"entry 700".to_vec());
    let text = sent.encode();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra ZW50cnkgNzAw\nindex 700\n"));
    let read = LogProof::parse(text.as_bytes()).unwrap();
    let leaf = leaf_hash(read.extra.as_ref().unwrap());
    let checkpoint = read.verify(&leaf, ORIGIN, &log_key()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (1000, tree.root()));
}

#[test]
fn the_proof_of_another_entry() {
    let proof = proof(&honest(1000), 700);
    let refused = proof.verify(&leaf_hash(b"entry 701"), ORIGIN, &log_key());
    assert_eq!(refused, Err(LogError::NotIncluded { index: 700, size: 1000 }));
}

#[test]
fn a_proof_with_the_wrong_index() {
    let mut proof = proof(&honest(1000), 700);
    for index in [0, 699, 701, 999] {
        proof.index = index;
        let refused = proof.verify(&leaf_hash(b"entry 700"), ORIGIN, &log_key());
        assert_eq!(refused, Err(LogError::NotIncluded { index, size: 1000 }));
    }
    proof.index = 1000;
    let refused = proof.verify(&leaf_hash(b"entry 700"), ORIGIN, &log_key());
    assert_eq!(refused, Err(LogError::NoSuchEntry { index: 1000, size: 1000 }));
}

#[test]
fn a_truncated_or_padded_proof() {
    let tree = honest(1000);
    let leaf = leaf_hash(b"entry 700");
    let whole = proof(&tree, 700);
    for cut in 0..whole.hashes.len() {
        let mut short = whole.clone();
        short.hashes.truncate(cut);
        assert!(matches!(short.verify(&leaf, ORIGIN, &log_key()), Err(LogError::NotIncluded { .. })));
    }
    let mut long = whole.clone();
    long.hashes.push(tree.root());
    assert!(matches!(long.verify(&leaf, ORIGIN, &log_key()), Err(LogError::NotIncluded { .. })));

    let mut consistency = tree.consistency_proof(300, 1000).unwrap();
    let old = tree.root_at(300).unwrap();
    let refused = Err(LogError::NotAPrefix { older: 300, newer: 1000 });
    for cut in 0..consistency.len() {
        assert_eq!(verify_consistency(300, &old, 1000, &tree.root(), &consistency[..cut]), refused);
    }
    consistency.push(tree.root());
    assert_eq!(verify_consistency(300, &old, 1000, &tree.root(), &consistency), refused);
}

#[test]
fn an_inner_node_passed_off_as_an_entry() {
    // Without distinct prefixes for leaves and nodes, the node above entries 0 and 1 would be an
    // "entry" of a log with half the size.
    let tree = honest(4);
    let pair = [tree.leaf(0).unwrap(), tree.leaf(1).unwrap()];
    let entry = [*pair[0].as_bytes(), *pair[1].as_bytes()].concat();
    let sibling = tree.inclusion_proof(0, 4).unwrap()[1];
    let refused = verify_inclusion(&leaf_hash(&entry), 0, 2, &[sibling], &tree.root());
    assert_eq!(refused, Err(LogError::NotIncluded { index: 0, size: 2 }));
}

#[test]
fn a_log_that_rewrites_its_history() {
    // It signs both histories properly, and serves whichever tiles fit best.
    let (seen, forged) = (honest(600), log(1000, 555));
    let needed = tiles_for_consistency(600, 1000).unwrap();
    let verify = |served| verify_prefix(&tiles(served, &needed), 600, &seen.root(), 1000, &forged.root());
    assert_eq!(verify(&forged), Err(LogError::NotAPrefix { older: 600, newer: 1000 }));
    // Tiles of another log than the checkpoint's prove nothing, neither for nor against.
    assert_eq!(verify(&honest(1000)), Err(LogError::DamagedTiles { size: 1000 }));
    let grown = honest(1000);
    assert_eq!(verify_prefix(&tiles(&grown, &needed), 600, &seen.root(), 1000, &grown.root()), Ok(()));
}

#[test]
fn two_histories_of_the_same_size() {
    let (seen, forged) = (honest(600), log(600, 599));
    let refused = verify_prefix(&TileSet::new(), 600, &seen.root(), 600, &forged.root());
    assert_eq!(refused, Err(LogError::NotAPrefix { older: 600, newer: 600 }));
    assert_eq!(verify_prefix(&TileSet::new(), 600, &seen.root(), 600, &seen.root()), Ok(()));
}

#[test]
fn a_mirror_without_any_key_cannot_convict_an_honest_log() {
    let server = honest(1000);
    for older in [1, 2, 255, 256, 300, 512, 600, 768, 999] {
        let needed = tiles_for_consistency(older, 1000).unwrap();
        let seen = server.root_at(older).unwrap();
        for id in &needed {
            let width = usize::from(id.width) * 32;
            for at in [0, width / 2, width - 1] {
                let mut bytes = id.bytes(&server).unwrap();
                bytes[at] ^= 1;
                let mut damaged = TileSet::new();
                damaged.insert(*id, &bytes).unwrap();
                for other in needed.iter().filter(|other| *other != id) {
                    damaged.insert(*other, &other.bytes(&server).unwrap()).unwrap();
                }
                let verdict = verify_prefix(&damaged, older, &seen, 1000, &server.root());
                assert!(
                    matches!(verdict, Ok(()) | Err(LogError::DamagedTiles { .. })),
                    "{older} {id}: {verdict:?}"
                );
            }
        }
    }
}

#[test]
fn a_log_that_shrinks() {
    let tree = honest(600);
    let refused = verify_prefix(&TileSet::new(), 600, &tree.root(), 599, &tree.root_at(599).unwrap());
    assert_eq!(refused, Err(LogError::Shrunk { older: 600, newer: 599 }));
}

#[test]
fn a_log_that_claims_more_entries_than_its_root_covers() {
    let tree = honest(1000);
    let old = tree.root_at(300).unwrap();
    let proof = tree.consistency_proof(300, 1000).unwrap();
    assert_eq!(verify_consistency(300, &old, 1000, &tree.root(), &proof), Ok(()));
    for claimed in [1025, 2000, u64::MAX] {
        let refused = verify_consistency(300, &old, claimed, &tree.root(), &proof);
        assert_eq!(refused, Err(LogError::NotAPrefix { older: 300, newer: claimed }));
    }
}

#[test]
fn everything_grows_from_the_empty_log_and_nothing_else_does() {
    let tree = honest(5);
    let empty = Tree::new().root();
    assert_eq!(verify_prefix(&TileSet::new(), 0, &empty, 5, &tree.root()), Ok(()));
    assert!(verify_prefix(&TileSet::new(), 0, &Digest::ZERO, 5, &tree.root()).is_err());
    assert!(verify_prefix(&TileSet::new(), 0, &Digest::ZERO, 0, &Digest::ZERO).is_err());
    assert!(verify_consistency(0, &empty, 5, &tree.root(), &[empty]).is_err());
}

#[test]
fn a_mirror_that_alters_truncates_or_withholds_tiles() {
    let tree = honest(1000);
    let needed = tiles_for_consistency(700, 1000).unwrap();
    let (old, new) = (tree.root_at(700).unwrap(), tree.root());
    for id in &needed {
        let mut altered = TileSet::new();
        let mut withheld = TileSet::new();
        for other in &needed {
            let mut bytes = other.bytes(&tree).unwrap();
            if other == id {
                assert!(altered.insert(*id, &bytes[..bytes.len() - 1]).is_err());
                assert!(altered.insert(*id, &bytes[..bytes.len() - 32]).is_err());
                // Whatever part of the tile the proof uses.
                bytes.iter_mut().for_each(|byte| *byte ^= 1);
            } else {
                withheld.insert(*other, &bytes).unwrap();
            }
            altered.insert(*other, &bytes).unwrap();
        }
        let refused = verify_prefix(&altered, 700, &old, 1000, &new);
        assert_eq!(refused, Err(LogError::DamagedTiles { size: 1000 }), "{id}");
        let refused = verify_prefix(&withheld, 700, &old, 1000, &new);
        assert_eq!(refused, Err(LogError::MissingTile(*id)));
        assert_eq!(withheld.missing(&needed), [*id]);
    }
}

#[test]
fn a_full_tile_stands_in_for_a_deleted_partial_one() {
    let server = honest(1024);
    let needed = tiles_for_consistency(700, 1000).unwrap();
    let mut set = TileSet::new();
    for id in &needed {
        let id = if id.full().exists_in(server.size()) { id.full() } else { *id };
        set.insert(id, &id.bytes(&server).unwrap()).unwrap();
    }
    let (old, new) = (server.root_at(700).unwrap(), server.root_at(1000).unwrap());
    assert_eq!(verify_prefix(&set, 700, &old, 1000, &new), Ok(()));
}

#[test]
fn a_checkpoint_by_a_foreign_key_under_the_logs_name() {
    let tree = honest(10);
    let mut forged = Note::new(signed(&tree).text()).unwrap();
    forged.sign(ORIGIN, &secret(66)).unwrap();
    let refused = Checkpoint::open_note(&forged, ORIGIN, &log_key());
    // Another key has another id, so this is a stranger's line.
    assert_eq!(refused, Err(LogError::NotSigned { name: ORIGIN.into() }));
}

#[test]
fn a_checkpoint_with_the_logs_key_id_and_a_foreign_signature() {
    // The id is four bytes: assume that an attacker found a key with the same.
    let good = signed(&honest(10)).to_string();
    let other = signed(&honest(11)).to_string();
    let line = |note: &str| note.rsplit_once("\n\n").unwrap().1.to_owned();
    let forged = good.replace(&line(&good), &line(&other));
    let refused = Err(LogError::BadSignature { name: ORIGIN.into() });
    assert_eq!(Checkpoint::open(forged.as_bytes(), ORIGIN, &log_key()), refused);
    // A good line next to it does not help either.
    let both = format!("{good}{}", line(&other));
    assert_eq!(Checkpoint::open(both.as_bytes(), ORIGIN, &log_key()), refused);
}

#[test]
fn strangers_signatures_are_ignored() {
    let mut note = signed(&honest(10));
    note.sign("stranger.example", &secret(9)).unwrap();
    note.sign(ORIGIN, &secret(9)).unwrap();
    assert_eq!(Checkpoint::open_note(&note, ORIGIN, &log_key()).unwrap().size, 10);
}

#[test]
fn the_checkpoint_of_another_log_with_the_same_key() {
    let other = Checkpoint { origin: "ctl.example.org/test".into(), size: 1, root: Digest::of(b"root") };
    let mut note = Note::new(other.text()).unwrap();
    note.sign(ORIGIN, &secret(1)).unwrap();
    let refused = Checkpoint::open_note(&note, ORIGIN, &log_key());
    let found = "ctl.example.org/test".into();
    assert_eq!(refused, Err(LogError::WrongOrigin { expected: ORIGIN.into(), found }));
}

#[test]
fn one_witness_counted_twice() {
    let mut note = signed(&honest(10));
    let at = Timestamp::from_unix(1_800_000_000);
    cosign(&mut note, "w1.example", &secret(2), at).unwrap();
    cosign(&mut note, "w1.example", &secret(2), at.plus_seconds(5)).unwrap();
    // The same key again, under another name that is configured too.
    cosign(&mut note, "w2.example", &secret(2), at).unwrap();
    let witnesses =
        [witness_key("w1.example", 2), witness_key("w1.example", 2), witness_key("w2.example", 2)];
    let counted = cosignatures(&note, &witnesses);
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].name.as_str(), counted[0].time), ("w1.example", at.plus_seconds(5)));

    cosign(&mut note, "w3.example", &secret(3), at).unwrap();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(cosignatures(&read, &[&witnesses[..], &[witness_key("w3.example", 3)]].concat()).len(), 2);
    // And the log's own signature still verifies.
    assert!(Checkpoint::open_note(&read, ORIGIN, &log_key()).is_ok());
}

#[test]
fn a_cosignature_moved_to_another_checkpoint_or_another_time() {
    let (mut small, mut large) = (signed(&honest(10)), signed(&honest(11)));
    let at = Timestamp::from_unix(1_800_000_000);
    cosign(&mut small, "w1.example", &secret(2), at).unwrap();
    let witnesses = [witness_key("w1.example", 2)];
    let text = small.to_string();
    let line = text.lines().last().unwrap();
    let moved = Note::parse(format!("{large}{line}\n").as_bytes()).unwrap();
    assert_eq!(cosignatures(&small, &witnesses).len(), 1);
    assert_eq!(cosignatures(&moved, &witnesses), []);

    // Four bytes of key id, then eight of time.
    let (name, encoded) = line.rsplit_once(' ').unwrap();
    let mut bytes = STANDARD.decode(encoded).unwrap();
    bytes[11] ^= 1;
    let later = format!("{}{name} {}\n", signed(&honest(10)), STANDARD.encode(&bytes));
    assert_eq!(cosignatures(&Note::parse(later.as_bytes()).unwrap(), &witnesses), []);

    // A broken line of one witness does not silence another.
    cosign(&mut large, "w2.example", &secret(3), at).unwrap();
    let mixed = Note::parse(format!("{large}{line}\n").as_bytes()).unwrap();
    let both = [witness_key("w1.example", 2), witness_key("w2.example", 3)];
    assert_eq!(cosignatures(&mixed, &both).len(), 1);
}

#[test]
fn the_logs_signature_passed_off_as_a_cosignature() {
    // A log key that is also configured as a witness: its note signature is no cosignature.
    let note = signed(&honest(10));
    assert_eq!(cosignatures(&note, &[witness_key(ORIGIN, 1)]), []);
}

#[test]
fn a_witness_does_not_cosign_what_is_no_checkpoint() {
    let mut note = Note::new("pay the bearer\n").unwrap();
    assert!(cosign(&mut note, "w1.example", &secret(2), Timestamp::EPOCH).is_err());
}

#[test]
fn oversized_and_malformed_proof_files() {
    let good = proof(&honest(5), 2).encode();
    assert!(LogProof::parse(good.as_bytes()).is_ok());
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    for bad in [
        good.replace("@v1", "@v2"),
        good.replace("index 2", "index 02"),
        good.replace("index 2", "index -2"),
        good.replace("index 2\n", ""),
        good.replace("index 2", "extra *\nindex 2"),
        good.replace("index 2", "extra AAAA\nextra AAAA\nindex 2"),
        good.replace("index 2", "index 2\nnot a hash"),
        good.replace("index 2\n", &format!("index 2\n{}", hash.repeat(65))),
        good.replace('\n', "\r\n"),
        good.replace("index 2", &format!("extra {}\nindex 2", "AAAA".repeat(22_000))),
        format!("{good}{}", "\n".repeat(300_000)),
    ] {
        assert!(LogProof::parse(bad.as_bytes()).is_err(), "{}", bad.chars().take(120).collect::<String>());
    }
}
