//! The field's root pool (OPCP 1.0, OPNC 1.0) and EST's CA certificates, of the lists that the configuration names.
//!
//! [`sources`] is pure: of the latest published lists it leaves what may be handed out at a moment. [`answers`] makes
//! every common answer of that; the [`keeper`] has them made anew whenever they would be others, and swaps them in.
//! [`respond`](respond::respond) is the one way in from HTTP.
//!
//! An answer here carries no signature: it is this server's word. What is signed are the lists.

mod answers;
mod chains;
mod config;
mod ctl;
pub(crate) mod error;
mod keeper;
mod question;
mod respond;
pub mod routes;
mod sources;

pub use answers::{Answers, Counts};
pub use chains::{Ca, Curve};
pub use config::{Config, Ctl, Source};
pub use keeper::{Keeper, Served, SharedPool};
pub use respond::{Asked, respond};
pub use sources::Sources;
