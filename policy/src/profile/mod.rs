//! Certificate profiles, and the linter that applies them.
//!
//! A [`Profile`] is a TOML file that a PKI auditor can read next to the table it comes from (`policy/profiles/`):
//! each rule has an id, a severity, the field it is about, what it requires, and its source. The requirements are
//! a closed set ([`Requirement`]), so a file cannot ask for what is not checked. [`lint`] applies a profile to any
//! bytes; [`guess`] says which profile a certificate seems to follow, and why.
//!
//! Everything here is pure: no clock, no I/O. Whether a certificate has expired or been revoked is no question of
//! its profile.

mod check;
mod file;
mod guess;
mod identifier;
mod library;
mod requirement;

pub use check::{Finding, lint};
pub use ctl_pki::identifier::emaid_check_digit;
pub use file::{MAX_PROFILE_SIZE, Profile, ProfileError, Rule};
pub use guess::{Guess, guess};
pub use library::{Library, profile, profiles, profiles_digest};
pub use requirement::{
    Attribute, Bit, Critical, Curve, DerForm, ExtensionUse, Identifier, KeyAlgorithm, KeyUsage, PathLength,
    Period, Presence, Purpose, Requirement, Service, SignatureAlgorithm, StringType,
};
