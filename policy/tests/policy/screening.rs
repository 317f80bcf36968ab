//! For each rule a candidate that breaks exactly that rule, and candidates that break none.

mod below;
mod candidates;
mod policies;
mod roots;
