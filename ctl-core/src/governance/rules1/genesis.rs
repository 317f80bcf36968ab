//! x
use super::super::*;
pub(in crate::governance) fn found(_e: &Entry) -> Result<State, Refusal> {
    Err(Refusal::new(Reason::Genesis, ""))
}
