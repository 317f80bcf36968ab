//! The companion: takes verified trust lists into chargers, vehicles and back ends.
#![forbid(unsafe_code)]
