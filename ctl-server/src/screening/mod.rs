//! The server's own part in governance: it screens every application by the list's policy and records the result.
//! People's statements go straight to the ledger's writer.

pub mod policies;
pub mod screener;

pub use policies::{Policies, PoliciesError};
pub use screener::Screener;
