//! Judging metadata: signatures through the one threshold check, expiry, and the chain of roots.
//!
//! This is also what a device uses that only ever receives one file and no repository.

use super::client::Clock;
use super::metadata::{Metadata, Root, Targets};
use super::{Limits, Signed, TufError, restart, roles};
use crate::keys::{KeyId, PublicKey};
use crate::threshold::{Count, Threshold};

/// Whether enough of the role's keys signed this.
///
/// # Errors
/// [`TufError::Signatures`] with what was counted instead.
pub fn verify_role<T: Metadata>(
    role: &str,
    signed: &Signed<T>,
    threshold: &Threshold,
) -> Result<Count, TufError> {
    let message = signed.signing_bytes();
    let signatures: Vec<(KeyId, Vec<u8>)> = signed
        .signatures
        .iter()
        .map(|signature| (roles::key_id(&signature.keyid), hex::decode(&signature.sig).unwrap_or_default()))
        .collect();
    let message = message.as_slice();
    threshold
        .check(signatures.iter().map(|(id, signature)| {
            let verifies = move |key: &PublicKey| key.verify_tuf(message, signature);
            (id, verifies)
        }))
        .map_err(|source| TufError::Signatures { role: role.into(), source: Box::new(source) })
}

/// Whether a root may follow the trusted one: its version is the next, and both the trusted root's
/// and its own board signed it (§5.3.4, §5.3.5).
///
/// # Errors
/// [`TufError::Signatures`], [`TufError::RootVersion`]; [`TufError::Restart`] if the log that it names does
/// not follow from the one named before.
pub fn verify_root_rotation(trusted: &Root, new: &Signed<Root>) -> Result<(), TufError> {
    verify_role("root", new, &trusted.threshold("root"))?;
    verify_role("root", new, &new.signed.threshold("root"))?;
    let expected = trusted.version.saturating_add(1);
    if new.signed.version != expected {
        return Err(TufError::RootVersion { expected, found: new.signed.version });
    }
    restart::check_log_succession(trusted, &new.signed)
}

/// Reads a root that is trusted because of how it came here: it must only be signed by itself.
///
/// # Errors
/// [`TufError`] if it is no root, or its own board did not sign it.
pub fn trusted_root(bytes: &[u8], limits: &Limits) -> Result<Signed<Root>, TufError> {
    let root = Signed::<Root>::parse("root", bytes, limits.root)?;
    verify_role("root", &root, &root.signed.threshold("root"))?;
    Ok(root)
}

/// Goes from a trusted root through later ones to the newest; versions not newer than the trusted
/// one are passed over, a gap is refused. Expiry is not looked at: see [`check_expiry`].
///
/// # Errors
/// [`TufError`] for the first root that cannot follow.
pub fn walk_root_chain<B: AsRef<[u8]>>(
    trusted: &[u8],
    later: &[B],
    limits: &Limits,
) -> Result<Signed<Root>, TufError> {
    let mut current = trusted_root(trusted, limits)?;
    for (rotations, bytes) in later.iter().enumerate() {
        if rotations >= limits.root_rotations as usize {
            return Err(TufError::EndlessRootChain { limit: limits.root_rotations });
        }
        let next = Signed::<Root>::parse("root", bytes.as_ref(), limits.root)?;
        if next.signed.version <= current.signed.version {
            continue;
        }
        verify_root_rotation(&current.signed, &next)?;
        current = next;
    }
    Ok(current)
}

/// Who must sign for a role that a targets file delegates to.
///
/// # Errors
/// [`TufError::NotDelegated`].
pub fn delegated_threshold(targets: &Targets, role: &str) -> Result<Threshold, TufError> {
    let delegations = targets.delegations.as_ref();
    delegations
        .and_then(|delegations| Some(delegations.role(role)?.signers.threshold(&delegations.keys)))
        .ok_or_else(|| TufError::NotDelegated { role: role.into() })
}

/// Whether metadata may still be accepted as new: `expires` lies after now.
///
/// # Errors
/// [`TufError::Expired`].
pub fn check_expiry<T: Metadata>(role: &str, signed: &T, clock: Clock) -> Result<(), TufError> {
    let (expires, now) = (signed.expires(), clock.earliest());
    if now < expires { Ok(()) } else { Err(TufError::Expired { role: role.into(), expires, now }) }
}
