//! What the server itself contributes to governance: it screens every application by the list's policy
//! and records what it found. Statements of people go straight to the ledger's writer.

pub mod policies;
pub mod screener;

pub use policies::{Policies, PoliciesError};
pub use screener::Screener;
