//! Roots with something wrong, for the demo and for tests of those who must notice.

use ctl_pki::Certificate;

use crate::pki::make_root;
use crate::{Entity, PkiSpec, SandboxError};

/// 41 years: one more than a root's validity.
const LONGER_THAN_A_ROOT: i64 = 41 * 366 * 24 * 3600;

/// A sound root whose 40 years had run out before `now` (Unix seconds, after the year 2012).
pub fn expired_root(spec: &PkiSpec, now: i64) -> Result<Entity, SandboxError> {
    make_root(&PkiSpec { not_before: now - LONGER_THAN_A_ROOT, ..spec.clone() }, None)
}

/// The same root with one bit of its signature changed: it parses, and its signature is wrong.
pub fn root_with_broken_signature(root: &Entity) -> Result<Entity, SandboxError> {
    let mut der = root.certificate().der().to_vec();
    if let Some(last) = der.last_mut() {
        *last ^= 1;
    }
    Ok(Entity::new(Certificate::from_der(&der)?, root.key().clone()))
}

/// A sound root by `spec` whose key is another root's: one key under two names.
pub fn root_with_key_of(other: &Entity, spec: &PkiSpec) -> Result<Entity, SandboxError> {
    make_root(spec, Some(other.key().clone()))
}
