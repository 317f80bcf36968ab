//! Writes a signed repository twice, with one version of its list and with the next, for programs that watch what a client
//! makes of the step between them.
//!
//! ```text
//! two_lists FOLDER
//! ```
//!
//! `FOLDER/first` has alpha and beta for V2G and gamma for MO. In `FOLDER/second` evil is new, alpha is gone, and beta
//! is distrusted. The roots are in `FOLDER/roots`, and what clients start from is `FOLDER/root.json`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it shares a module with the tests, which may stop at once"
)]

#[path = "../tests/client/common/mod.rs"]
mod common;

use std::path::PathBuf;

use common::{Repository, distrusted, na, roots, spki};
use serde_json::json;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("name a folder"));
    let mut repository = Repository::of_today();
    repository.write(&folder.join("first"));
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
    repository.set_anchors(&na(), &["evil", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    repository.write(&folder.join("second"));
    std::fs::create_dir_all(folder.join("roots")).unwrap();
    for (name, root) in roots() {
        std::fs::write(folder.join("roots").join(format!("{name}.pem")), root.to_pem()).unwrap();
    }
    std::fs::write(folder.join("root.json"), repository.first_root()).unwrap();
}
