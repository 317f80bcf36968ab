//! Service levels: what is promised of the services of each PKI, by what limits their answers are judged, and how
//! good they were.

mod kind;
mod limits;

pub use kind::Kind;
pub use limits::Limits;
