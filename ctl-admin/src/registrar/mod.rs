//! Who keeps the registry of mobility operators.

pub mod mo;
