//! What appeared at a source, vanished from it, or is said otherwise than before.

use std::collections::BTreeMap;

use ctl_core::Digest;
use serde::{Deserialize, Serialize};

use super::contents::{Contents, Said};

/// A certificate as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The certificate's subject: not safe to print as it is.
    pub subject: String,
    pub said: Said,
}

/// What a source holds, by the SHA-256 of each certificate: equal whatever the order, and however often one stands there.
pub type Set = BTreeMap<Digest, Entry>;

/// The difference between two readings of a source, in the order of fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    pub appeared: Vec<(Digest, Entry)>,
    pub vanished: Vec<(Digest, Entry)>,
    /// What was said before, and what is said now.
    pub changed: Vec<(Digest, Said, Entry)>,
}

impl Changes {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.appeared.is_empty() && self.vanished.is_empty() && self.changed.is_empty()
    }
}

impl Contents {
    /// Its certificates that can be read, each once, with everything that is said of it anywhere.
    #[must_use]
    pub fn set(&self) -> Set {
        let mut set = Set::new();
        for item in &self.items {
            let Ok(certificate) = &item.certificate else { continue };
            let new = || Entry { subject: certificate.subject().to_owned(), said: Said::default() };
            let entry = set.entry(Digest::from_bytes(certificate.sha256())).or_insert_with(new);
            entry.said.merge(&item.said);
        }
        set
    }
}

/// What is different after than before.
#[must_use]
pub fn changes(before: &Set, after: &Set) -> Changes {
    let without = |one: &Set, other: &Set| -> Vec<(Digest, Entry)> {
        let missing = one.iter().filter(|(fingerprint, _)| !other.contains_key(fingerprint));
        missing.map(|(fingerprint, entry)| (*fingerprint, entry.clone())).collect()
    };
    let changed = after.iter().filter_map(|(fingerprint, now)| {
        let was = &before.get(fingerprint)?.said;
        (*was != now.said).then(|| (*fingerprint, was.clone(), now.clone()))
    });
    Changes { changed: changed.collect(), appeared: without(after, before), vanished: without(before, after) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::contents::Purpose;
    use super::*;

    fn set(members: &[(u8, bool)]) -> Set {
        let entry = |is_v2g: bool| {
            let purpose = if is_v2g { Purpose::V2g } else { Purpose::Mo };
            Entry { subject: "CN=Root".into(), said: Said::of_purpose(purpose) }
        };
        members.iter().map(|(name, is_v2g)| (Digest::of(&[*name]), entry(*is_v2g))).collect()
    }

    proptest! {
        /// Whoever has the one set and the changes has the other.
        #[test]
        fn changes_lead_from_the_one_to_the_other(before: Vec<(u8, bool)>, after: Vec<(u8, bool)>) {
            let (before, after) = (set(&before), set(&after));
            let found = changes(&before, &after);
            prop_assert_eq!(found.is_empty(), before == after);
            let mut led = before.clone();
            for (fingerprint, entry) in &found.vanished {
                let gone = led.remove(fingerprint);
                prop_assert_eq!(gone.as_ref(), Some(entry));
            }
            for (fingerprint, entry) in &found.appeared {
                prop_assert!(led.insert(*fingerprint, entry.clone()).is_none());
            }
            for (fingerprint, was, now) in found.changed {
                prop_assert_eq!(led.insert(fingerprint, now).unwrap().said, was);
            }
            prop_assert_eq!(led, after);
        }
    }
}
