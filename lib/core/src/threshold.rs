//! The one place where signatures are counted: "k of n" for statements, lists and TUF roles alike.
//!
//! What counts is distinct public keys and distinct organisations, never key ids or signatures: a
//! key listed under two ids, a signature given twice, or two keys of one organisation count once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::keys::{KeyId, PublicKey};

/// A key that may sign, and whom it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    pub key: PublicKey,
    /// Its holder's organisation; where none is known (TUF metadata alone), keys are counted.
    pub organisation: Option<String>,
}

/// Who may sign, and how many of them must.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Threshold {
    /// How many must sign; 0 is never met.
    pub needed: u32,
    /// The keys that may sign, by the id that signatures use.
    pub keys: BTreeMap<KeyId, Authority>,
}

/// What became of the signatures that were presented.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Count {
    /// Key ids that counted.
    pub counted: BTreeSet<KeyId>,
    /// Key ids presented that may not sign.
    pub unknown: BTreeSet<KeyId>,
    /// Key ids whose signature is wrong.
    pub wrong: BTreeSet<KeyId>,
    /// Key ids of valid signatures that counted already under another id or organisation.
    pub repeated: BTreeSet<KeyId>,
}

/// Too few valid signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} of the {needed} signatures needed ({} by keys that may not sign, {} wrong, {} counted already)",
    count.counted.len(), count.unknown.len(), count.wrong.len(), count.repeated.len()
)]
pub struct TooFew {
    /// How many were needed.
    pub needed: u32,
    /// What was presented.
    pub count: Count,
}

impl Threshold {
    /// Counts the signatures: each is a key id and a function that tells whether it verifies under
    /// a key. Verification stops being asked for once a key has counted.
    pub fn count<'a, F>(&self, signatures: impl IntoIterator<Item = (&'a KeyId, F)>) -> Count
    where
        F: Fn(&PublicKey) -> bool,
    {
        let mut count = Count::default();
        let mut keys: Vec<&PublicKey> = Vec::new();
        let mut organisations: BTreeSet<&str> = BTreeSet::new();
        for (key_id, verifies) in signatures {
            let Some(authority) = self.keys.get(key_id) else {
                count.unknown.insert(*key_id);
                continue;
            };
            if count.counted.contains(key_id) {
                continue;
            }
            if !verifies(&authority.key) {
                count.wrong.insert(*key_id);
                continue;
            }
            count.wrong.remove(key_id);
            let organisation = authority.organisation.as_deref();
            if keys.contains(&&authority.key) || organisation.is_some_and(|o| organisations.contains(o)) {
                count.repeated.insert(*key_id);
                continue;
            }
            keys.push(&authority.key);
            organisations.extend(organisation);
            count.counted.insert(*key_id);
        }
        count
    }

    /// Whether enough of them signed.
    ///
    /// # Errors
    /// [`TooFew`] with what was found instead.
    pub fn check<'a, F>(&self, signatures: impl IntoIterator<Item = (&'a KeyId, F)>) -> Result<Count, TooFew>
    where
        F: Fn(&PublicKey) -> bool,
    {
        let count = self.count(signatures);
        if self.needed > 0 && count.counted.len() >= self.needed as usize {
            Ok(count)
        } else {
            Err(TooFew { needed: self.needed, count })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Algorithm, PrivateKey};

    fn key(n: u8) -> PublicKey {
        PrivateKey::from_seed(Algorithm::EdDsa, &[n; 32]).unwrap().public_key()
    }

    fn threshold(needed: u32, holders: &[(u8, &str)]) -> Threshold {
        let keys = holders
            .iter()
            .map(|(n, organisation)| {
                let key = key(*n);
                (key.key_id(), Authority { key, organisation: Some((*organisation).into()) })
            })
            .collect();
        Threshold { needed, keys }
    }

    #[test]
    fn one_key_or_organisation_counts_once() {
        let two = threshold(2, &[(1, "a"), (2, "a"), (3, "b")]);
        let [k1, k2, k3, k9] = [1, 2, 3, 9].map(|n| key(n).key_id());
        let valid = |_: &PublicKey| true;
        assert!(two.check([(&k1, valid), (&k1, valid)]).is_err(), "a signature given twice");
        let twice = two.check([(&k1, valid), (&k2, valid)]).unwrap_err();
        assert_eq!(twice.count.repeated.len(), 1, "two keys of one organisation");
        let unknown = two.check([(&k1, valid), (&k9, valid)]).unwrap_err();
        assert!(unknown.count.unknown.contains(&k9));
        assert!(two.check([(&k1, valid), (&k3, valid)]).is_ok());
    }

    #[test]
    fn one_key_under_two_ids_counts_once() {
        let mut two = threshold(2, &[(1, "a")]);
        let alias = key(2).key_id();
        two.keys.insert(alias, Authority { key: key(1), organisation: None });
        let own = key(1).key_id();
        let valid = |_: &PublicKey| true;
        assert!(two.check([(&own, valid), (&alias, valid)]).is_err());
    }

    #[test]
    fn a_threshold_of_zero_is_never_met() {
        assert!(threshold(0, &[(1, "a")]).check([(&key(1).key_id(), |_: &PublicKey| true)]).is_err());
    }

    #[test]
    fn wrong_signatures_do_not_count() {
        let one = threshold(1, &[(1, "a")]);
        let error = one.check([(&key(1).key_id(), |_: &PublicKey| false)]).unwrap_err();
        assert!(error.to_string().contains("0 of the 1 signatures needed"), "{error}");
        assert_eq!(error.count.wrong.len(), 1);
    }
}
