//! Notes, checkpoints, tiles, bundles and proofs.
#![no_main]

use ctl_core::log::checkpoint::Checkpoint;
use ctl_core::log::note::Note;
use ctl_core::log::proof::LogProof;
use ctl_core::log::tile::{BundleId, TileId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        let _ = Checkpoint::parse(note.text());
    }
    if let Ok(proof) = LogProof::parse(bytes) {
        assert_eq!(proof.encode().as_bytes(), bytes);
    }
    if let Ok(path) = std::str::from_utf8(bytes) {
        if let Ok(tile) = TileId::parse(path) {
            assert_eq!(tile.path(), path);
        }
        if let Ok(bundle) = BundleId::parse(path) {
            assert_eq!(bundle.path(), path);
            let _ = bundle.decode(bytes);
        }
    }
});
