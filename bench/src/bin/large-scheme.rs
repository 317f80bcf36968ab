//! Writes a scheme of the size that one small machine is to serve: a hundred anchors and ten thousand
//! MO identifiers, everything published. The folder then holds `data/keys` and `data/server-keys.json`
//! for the server, and `export/` for `ctl-server ledger import`.
//!
//! `cargo run --profile bench -p ctl-bench --bin large-scheme -- FOLDER`
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ctl_bench::scheme::{SERVER_KEYS, Scheme, key};
use ctl_core::log::BundleId;
use ctl_core::{Timestamp, json};

fn main() {
    let folder: PathBuf = std::env::args_os().nth(1).unwrap().into();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix(since.as_secs().try_into().unwrap());
    let scheme = Scheme::large(now);
    for (file, text) in keys(&scheme) {
        write(&folder.join("data").join(file), &text);
    }
    let bytes: Vec<&[u8]> = scheme.entries.iter().map(|entry| &*entry.bytes).collect();
    for (bundle, entries) in BundleId::added(0, scheme.state.size()).iter().zip(bytes.chunks(256)) {
        write(&folder.join("export").join(bundle.path()), &bundle.encode(entries).unwrap());
    }
    write(&folder.join("export/checkpoint"), scheme.checkpoint().as_bytes());
    println!("{} entries in {}", bytes.len(), folder.display());
}

/// The server's keys as its data directory holds them.
fn keys(scheme: &Scheme) -> Vec<(String, Vec<u8>)> {
    let private =
        SERVER_KEYS.iter().map(|name| (format!("keys/{name}.pem"), key(name).to_pem().into_bytes()));
    let public = ("server-keys.json".into(), json::canonical(&scheme.state.charter.server));
    private.chain([public]).collect()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    // The server refuses keys that others can read.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
