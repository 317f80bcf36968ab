//! Who holds what is served against the log, and who wants to know what follows from it.

pub mod audit;
pub mod budget;
pub mod interop;
pub mod selection;
pub mod sla;
pub mod verify;
