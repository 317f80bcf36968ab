//! X.509 machinery: parse, fingerprint and verify certificates.
#![forbid(unsafe_code)]
