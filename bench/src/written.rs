//! A scheme written down as a server keeps it.
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ctl_core::json;
use ctl_core::log::BundleId;

use crate::scheme::{SERVER_KEYS, Scheme, key};

/// Writes `data/keys` and `data/server-keys.json` for a server, and `export/` for `ctl-server ledger import`.
pub fn write_server(scheme: &Scheme, folder: &Path) {
    for name in SERVER_KEYS {
        write(&folder.join(format!("data/keys/{name}.pem")), key(name).to_pem().as_bytes());
    }
    let public = json::canonical(&scheme.state.charter.server);
    write(&folder.join("data/server-keys.json"), &public);
    let bytes: Vec<&[u8]> = scheme.entries.iter().map(|entry| &*entry.bytes).collect();
    for (bundle, entries) in BundleId::added(0, scheme.state.size()).iter().zip(bytes.chunks(256)) {
        write(&folder.join("export").join(bundle.path()), &bundle.encode(entries).unwrap());
    }
    write(&folder.join("export/checkpoint"), scheme.checkpoint().as_bytes());
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    // The server refuses keys that others can read.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
