//! Who signs for devices and for the scheme: drafts, the charter, notices, the restart of a log.

pub mod charter;
pub(crate) mod charter_words;
pub mod draft;
pub mod notice;
pub mod restart;
