//! A certificate as it is written: every part where it stands, nothing normalised, nothing forgiven.

pub(crate) mod der;
pub(crate) mod extensions;
mod name;
mod time;
mod view;

pub(crate) use name::{Attribute, Name};
pub(crate) use time::Time;
pub(crate) use view::{Algorithm, Extension, View};
