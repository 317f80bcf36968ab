//! What the operator of this device says beside the lists: certificates that are never trusted here, versions that
//! are held, and additions that wait for this device's turn. All of it only takes away or delays: it can add nothing
//! that the lists do not say, and it delays no removal.

mod config;
mod rollout;
mod taken;

pub use config::{Distrust, Hold, Local};
pub use rollout::{Gate, Rollout, Stage, place};
pub use taken::{TakenUp, Terms, settle};
