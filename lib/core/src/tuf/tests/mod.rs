//! The attacks of specification §1.5.2 and what else a repository can try, one test each.

mod freshness;
mod lookup;
mod repository;
mod signatures;

use super::TufError;
use crate::threshold::TooFew;

/// The count of an error that must be about this role's signatures.
fn too_few(error: TufError, expected: &str) -> TooFew {
    match error {
        TufError::Signatures { role, source } if role == expected => *source,
        other => panic!("expected too few signatures of {expected}, got: {other}"),
    }
}
