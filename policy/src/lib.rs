//! Admission rules as data, and the engine that applies them.
#![forbid(unsafe_code)]
