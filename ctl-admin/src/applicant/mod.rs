//! Who wants something recorded: registers, applies for a list, proves possession of a key, discloses sub-CAs, asks
//! for a cross-certificate.

pub mod application;
pub mod application_file;
pub mod cross;
pub mod participant;
pub mod possession;
pub mod subca;
