//! The guided tour: from a root's application to a charger's trust store.
#![forbid(unsafe_code)]
