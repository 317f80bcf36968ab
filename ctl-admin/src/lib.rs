//! The command line for people: keys, applications, votes, signatures, audits.
#![forbid(unsafe_code)]
