//! Whole pretend PKIs, reproducibly from a seed.
#![forbid(unsafe_code)]
