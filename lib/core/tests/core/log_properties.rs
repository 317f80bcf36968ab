//! The log against an independent judge (the crate `ct-merkle`), and its parsers against arbitrary
//! bytes.

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use ctl_core::Digest;
use ctl_core::log::note::{MAX_SIGNATURES, Note};
use ctl_core::log::{
    BundleId, Checkpoint, Frontier, LogKey, LogProof, TileId, TileSet, Tree, WitnessKey, leaf_hash,
    tiles_for_consistency, tiles_for_inclusion, tiles_for_root, verify_consistency, verify_inclusion,
    verify_prefix,
};
use ed25519_dalek::SigningKey;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::Sha256;

type Judge = MemoryBackedTree<Sha256, Vec<u8>>;

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn tree(size: u64) -> Tree {
    (0..size).map(|number| leaf_hash(&entry(number))).collect()
}

fn judge(size: u64) -> Judge {
    let mut judge = Judge::new();
    (0..size).for_each(|number| judge.push(entry(number)));
    judge
}

fn judged_root(size: u64, root: &Digest) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

fn bytes(proof: &[Digest]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn fetch(tree: &Tree, tiles: &[TileId]) -> TileSet {
    let mut set = TileSet::new();
    for tile in tiles {
        // As over HTTP: by path and bytes.
        assert_eq!(TileId::parse(&tile.path()), Ok(*tile));
        set.insert(*tile, &tile.bytes(tree).unwrap()).unwrap();
    }
    set
}

/// An index and a size that has it, up to a few times the width of a tile.
fn place() -> impl Strategy<Value = (u64, u64)> {
    (1_u64..1200).prop_flat_map(|size| (0..size, Just(size)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_are_the_judges(size in 0_u64..600) {
        let ours = tree(size);
        prop_assert_eq!(ours.root().as_bytes().to_vec(), judge(size).root().as_bytes().to_vec());
        let mut frontier = Frontier::new();
        for number in 0..size {
            prop_assert_eq!(frontier.root(), ours.root_at(number).unwrap());
            frontier.push(leaf_hash(&entry(number)));
        }
        prop_assert_eq!(frontier.root(), ours.root());
    }

    #[test]
    fn inclusion_proofs_are_the_judges_and_each_accepts_the_others((index, size) in place()) {
        let (ours, theirs) = (tree(size), judge(size));
        let proof = ours.inclusion_proof(index, size).unwrap();
        let judged = theirs.prove_inclusion(index as usize);
        prop_assert_eq!(&bytes(&proof)[..], judged.as_bytes());
        let read = InclusionProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
        prop_assert!(judged_root(size, &ours.root()).verify_inclusion(&entry(index), index, &read).is_ok());
        prop_assert!(verify_inclusion(&leaf_hash(&entry(index)), index, size, &proof, &ours.root()).is_ok());
    }

    #[test]
    fn consistency_proofs_are_the_judges_and_each_accepts_the_others((older, newer) in place()) {
        let older = older + 1;
        let (ours, theirs) = (tree(newer), judge(newer));
        let proof = ours.consistency_proof(older, newer).unwrap();
        let judged = theirs.prove_consistency((newer - older) as usize);
        prop_assert_eq!(&bytes(&proof)[..], judged.as_bytes());
        let (older_root, newer_root) = (ours.root_at(older).unwrap(), ours.root());
        let read = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
        prop_assert!(
            judged_root(newer, &newer_root).verify_consistency(&judged_root(older, &older_root), &read).is_ok()
        );
        prop_assert!(verify_consistency(older, &older_root, newer, &newer_root, &proof).is_ok());
    }

    /// Whatever is altered in a proof or in what it is for, it is refused; and the judge agrees.
    #[test]
    fn altered_proofs_are_refused(
        (index, size) in place(), change in 0..5, at in any::<prop::sample::Index>(), other in 0_u64..1200,
    ) {
        let ours = tree(size);
        let mut proof = ours.inclusion_proof(index, size).unwrap();
        let (mut claimed, mut content) = (index, entry(index));
        match change {
            0 if !proof.is_empty() => { let at = at.index(proof.len()); proof[at] = Digest::of(b"another"); }
            1 if !proof.is_empty() => { proof.remove(at.index(proof.len())); }
            2 => proof.insert(at.index(proof.len() + 1), Digest::of(b"another")),
            3 if other != index && other < size => claimed = other,
            _ => content = b"another".to_vec(),
        }
        prop_assert!(verify_inclusion(&leaf_hash(&content), claimed, size, &proof, &ours.root()).is_err());
        let read = InclusionProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
        prop_assert!(judged_root(size, &ours.root()).verify_inclusion(&content, claimed, &read).is_err());
    }

    #[test]
    fn tiles_lead_to_the_same_roots_and_proofs((older, newer) in place(), grown in 0_u64..300) {
        // The server has grown meanwhile: tiles are those of the checkpoint's size, not of its own.
        let server = tree(newer + grown);
        let (older_root, newer_root) = (server.root_at(older).unwrap(), server.root_at(newer).unwrap());

        let set = fetch(&server, &tiles_for_root(newer));
        prop_assert_eq!(set.root(newer).unwrap(), newer_root);

        let needed = tiles_for_consistency(older, newer).unwrap();
        let set = fetch(&server, &needed);
        prop_assert_eq!(set.missing(&needed), []);
        prop_assert_eq!(
            set.consistency_proof(older, newer).unwrap(), server.consistency_proof(older, newer).unwrap()
        );
        prop_assert_eq!(verify_prefix(&set, older, &older_root, newer, &newer_root), Ok(()));
        let (found, proof) = set.prefix(older, newer, &newer_root).unwrap();
        prop_assert_eq!(found, older_root);
        prop_assert_eq!(verify_consistency(older, &found, newer, &newer_root, &proof), Ok(()));

        let set = fetch(&server, &tiles_for_inclusion(older, newer).unwrap());
        prop_assert_eq!(
            set.inclusion_proof(older, newer).unwrap(), server.inclusion_proof(older, newer).unwrap()
        );
        prop_assert_eq!(set.verify_entry(&leaf_hash(&entry(older)), older, newer, &newer_root), Ok(()));
    }

    #[test]
    fn bundles_round_trip(entries in vec(vec(any::<u8>(), 0..200), 1..=256)) {
        let bundle = BundleId { index: 7, width: entries.len() as u16 };
        let bytes = bundle.encode(&entries).unwrap();
        prop_assert_eq!(bundle.decode(&bytes).unwrap(), entries);
    }

    #[test]
    fn notes_and_proofs_round_trip(
        text in "[ -~é\n]{0,200}", names in vec("[!-*,-~é]{1,40}", 1..8),
        extra in prop::option::of(vec(any::<u8>(), 0..300)),
        index in any::<u64>(), hashes in vec(any::<[u8; 32]>(), 0..=64),
    ) {
        let mut checkpoint = Note::new(text + "\n").unwrap();
        for (number, name) in names.iter().enumerate() {
            checkpoint.sign(name, &SigningKey::from_bytes(&[number as u8; 32])).unwrap();
        }
        prop_assert_eq!(&Note::parse(checkpoint.to_string().as_bytes()).unwrap(), &checkpoint);
        let hashes = hashes.into_iter().map(Digest::from_bytes).collect();
        let proof = LogProof { extra, index, hashes, checkpoint };
        prop_assert_eq!(LogProof::parse(proof.encode().as_bytes()).unwrap(), proof);
    }

    #[test]
    fn tile_paths_round_trip(level in 0_u8..64, index in any::<u64>(), width in 1_u16..=256) {
        let tile = TileId { level, index, width };
        prop_assert_eq!(TileId::parse(&tile.path()), Ok(tile));
        let bundle = BundleId { index, width };
        prop_assert_eq!(BundleId::parse(&bundle.path()), Ok(bundle));
    }
}

/// Large enough for three levels of tiles; the pairs straddle the borders of tiles and levels.
#[test]
fn tiles_of_three_levels_lead_to_the_same_roots_and_proofs() {
    let server = tree(132_000);
    for (older, newer) in [
        (1, 131_072),
        (255, 65_537),
        (256, 70_000),
        (65_535, 65_536),
        (65_536, 131_073),
        (65_793, 131_999),
        (131_071, 132_000),
    ] {
        let (older_root, newer_root) = (server.root_at(older).unwrap(), server.root_at(newer).unwrap());
        let set = fetch(&server, &tiles_for_root(newer));
        assert_eq!(set.root(newer).unwrap(), newer_root);
        let set = fetch(&server, &tiles_for_consistency(older, newer).unwrap());
        assert_eq!(verify_prefix(&set, older, &older_root, newer, &newer_root), Ok(()));
        let set = fetch(&server, &tiles_for_inclusion(older, newer).unwrap());
        assert_eq!(set.verify_entry(&leaf_hash(&entry(older)), older, newer, &newer_root), Ok(()));
    }
}

/// Bytes that get past the first lines of the parsers, and others.
fn outside() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "c2sp.org/tlog-proof@v1\n",
        "extra ",
        "AAAA",
        "index ",
        "index 0\n",
        "\n",
        "\n\n",
        "— ",
        "— log AAAAAAAA\n",
        "log\n",
        "3\n",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "tile/0/",
        "tile/entries/",
        "x001/",
        "067",
        ".p/",
        "255",
        "log+",
        "00000000+",
        "é",
    ]);
    prop_oneof![vec(any::<u8>(), 0..400), vec(pieces, 0..24).prop_map(|pieces| pieces.concat().into_bytes()),]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No parser panics, and what it accepts it writes back to the same bytes.
    #[test]
    fn parsers_accept_only_what_they_would_write(bytes in outside(), width in any::<u16>()) {
        if let Ok(note) = Note::parse(&bytes) {
            let written = note.to_string();
            prop_assert_eq!(written.as_bytes(), &bytes[..]);
            prop_assert!(note.signatures().len() <= MAX_SIGNATURES);
        }
        if let Ok(proof) = LogProof::parse(&bytes) {
            let written = proof.encode();
            prop_assert_eq!(written.as_bytes(), &bytes[..]);
        }
        let bundle = BundleId { index: 0, width };
        if let Ok(entries) = bundle.decode(&bytes) {
            prop_assert_eq!(bundle.encode(&entries).unwrap(), &bytes[..]);
        }
        if let Ok(hashes) = (TileId { level: 0, index: 0, width }).hashes(&bytes) {
            prop_assert_eq!(hashes.len(), usize::from(width));
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            if let Ok(tile) = TileId::parse(text) { prop_assert_eq!(tile.path(), text); }
            if let Ok(bundle) = BundleId::parse(text) { prop_assert_eq!(bundle.path(), text); }
            if let Ok(key) = text.parse::<LogKey>() { prop_assert_eq!(key.to_string(), text); }
            if let Ok(key) = text.parse::<WitnessKey>() { prop_assert_eq!(key.to_string(), text); }
            if let Ok(checkpoint) = Checkpoint::parse(text) { prop_assert!(text.starts_with(&checkpoint.text())); }
        }
    }

    /// Sizes that a stranger chose cost nothing, however large.
    #[test]
    fn huge_sizes_do_no_harm(a in any::<u64>(), b in any::<u64>(), hashes in vec(any::<[u8; 32]>(), 0..70)) {
        let hashes: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let root = Digest::of(b"root");
        prop_assert!(verify_inclusion(&root, a, b, &hashes, &root).is_err());
        prop_assert!(verify_consistency(a, &root, b, &root, &hashes).is_err() || a == b);
        prop_assert!(tiles_for_root(a).len() <= 64);
        if let Ok(tiles) = tiles_for_consistency(a, b) {
            prop_assert!(tiles.len() <= 64);
            prop_assert!(tiles.iter().all(|tile| tile.exists_in(b)));
        }
        if let Ok(tiles) = tiles_for_inclusion(a, b) { prop_assert!(tiles.len() <= 64); }
        prop_assert!(TileSet::new().root(a).is_err() || a == 0);
    }
}
