//! Writes a scheme of the size that one small machine is to serve: a hundred anchors and ten thousand
//! MO identifiers, everything published. The folder then holds `data/keys` and `data/server-keys.json`
//! for the server, and `export/` for `ctl-server ledger import`.
//!
//! `cargo run --profile bench -p ctl-bench --bin large-scheme -- FOLDER`
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::path::PathBuf;
use std::time::SystemTime;

use ctl_bench::scheme::Scheme;
use ctl_bench::written::write_server;
use ctl_core::Timestamp;

fn main() {
    let folder: PathBuf = std::env::args_os().nth(1).unwrap().into();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix(since.as_secs().try_into().unwrap());
    let scheme = Scheme::large(now);
    write_server(&scheme, &folder);
    println!("{} entries in {}", scheme.entries.len(), folder.display());
}
