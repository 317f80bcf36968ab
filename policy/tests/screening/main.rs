//! For each rule a candidate that breaks exactly that rule, and candidates that break none.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod below;
mod candidates;
mod policies;
mod roots;
