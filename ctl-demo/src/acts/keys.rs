//! Step 2: everyone makes a key of their own.

use std::os::unix::fs::DirBuilderExt as _;

use ctl_admin::ctl_core::keys::Algorithm;
use ctl_admin::key;

use crate::Problem;
use crate::people::{COMPANIES, OFFICES, key_file};
use crate::tour::Tour;

/// Makes them. Board members have P-256 keys, as smart cards do; everyone else Ed25519.
pub(crate) fn make(tour: &mut Tour) -> Result<(), Problem> {
    tour.begin("Keys of people", "participants");
    let folder = tour.path("keys");
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(Problem::file(&folder))?;
    for name in OFFICES.into_iter().chain(COMPANIES) {
        let algorithm = if name.starts_with("board-") { Algorithm::Es256 } else { Algorithm::EdDsa };
        key::new(&key_file(&folder, name), algorithm)?;
    }
    tour.say("a board of 3, 5 electors of 4 organisations, 3 signers, a registrar, 2 emergency officers,");
    tour.say(
        "an admissions officer, 2 watchers, 8 companies. P-256 for the board, Ed25519 for everyone else;",
    );
    tour.say("the server never sees one of them");
    tour.see_file("keys");
    Ok(())
}
