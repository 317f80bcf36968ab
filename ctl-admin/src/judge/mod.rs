//! Who judges certificates and paths, with no scheme at hand.

pub mod lint;
pub mod path;
pub mod profiles;
