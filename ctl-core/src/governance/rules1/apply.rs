//! x
use super::super::*;
pub(in crate::governance) fn apply(_s: &mut State, _e: &Entry) {}
