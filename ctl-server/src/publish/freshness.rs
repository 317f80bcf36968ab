//! TUF's snapshot and timestamp, with which the server itself vouches that it serves the latest. They are the only
//! files that do not follow from the ledger.
//!
//! Their versions never decrease: each file is on the disk before it is served. They are also at least the Unix time of
//! signing, so that a server restored from an export of the ledger, without this record, does not reuse versions that
//! devices have seen. The ledger's clock guard keeps a wrong clock from raising them far ahead.

use std::collections::BTreeMap;

use ctl_core::tuf::{self, MetaFile, Metadata, Signed};
use ctl_core::{Signer, SignerError, Timestamp};
use ctl_governance::statement::charter::Validity;
use serde::{Deserialize, Serialize};

use crate::keys::Keys;

/// A signed file, as stored between runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedFile {
    pub version: u64,
    pub signed_at: Timestamp,
    pub expires: Timestamp,
    pub file: String,
}

/// The two served files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// `snapshot.json`.
    pub snapshot: Option<SignedFile>,
    /// `timestamp.json`.
    pub timestamp: Option<SignedFile>,
}

impl Freshness {
    /// Signs what is due: the snapshot if a role changed, the timestamp if the snapshot changed, and both before half
    /// of their validity is over. Versions are greater than those in `from`, which a restart of the log names. Returns
    /// both as they should be now.
    ///
    /// # Errors
    /// [`SignerError`]
    pub fn renewed(
        &self,
        roles: &BTreeMap<String, MetaFile>,
        now: Timestamp,
        validity: &Validity,
        keys: &Keys,
        from: [u64; 2],
    ) -> Result<Self, SignerError> {
        let [snapshot_from, timestamp_from] = from;
        let roles: BTreeMap<String, MetaFile> =
            roles.iter().map(|(role, file)| (format!("{role}.json"), file.clone())).collect();
        let snapshot = self
            .snapshot
            .clone()
            .filter(|old| old.stands(now, validity.snapshot_seconds, &keys.snapshot))
            .filter(|old| meta::<tuf::Snapshot>(old, |snapshot| snapshot.meta) == Some(roles.clone()));
        let renew = || {
            let (version, expires) =
                next(self.snapshot.as_ref(), now, validity.snapshot_seconds, snapshot_from);
            let names =
                roles.iter().filter_map(|(name, file)| Some((name.strip_suffix(".json")?, file.clone())));
            SignedFile::new(&tuf::Snapshot::new(version, expires, names), now, &keys.snapshot)
        };
        let snapshot = snapshot.map_or_else(renew, Ok)?;
        let described = MetaFile::of(snapshot.version, snapshot.file.as_bytes());
        let wanted: BTreeMap<String, MetaFile> = [("snapshot.json".to_owned(), described.clone())].into();
        let timestamp = self
            .timestamp
            .clone()
            .filter(|old| old.stands(now, validity.timestamp_seconds, &keys.timestamp))
            .filter(|old| meta::<tuf::Timestamp>(old, |timestamp| timestamp.meta) == Some(wanted));
        let renew = || {
            let (version, expires) =
                next(self.timestamp.as_ref(), now, validity.timestamp_seconds, timestamp_from);
            SignedFile::new(&tuf::Timestamp::new(version, expires, described), now, &keys.timestamp)
        };
        let timestamp = timestamp.map_or_else(renew, Ok)?;
        Ok(Self { snapshot: Some(snapshot), timestamp: Some(timestamp) })
    }
}

/// Version and expiry of the next file.
fn next(old: Option<&SignedFile>, now: Timestamp, seconds: u64, from: u64) -> (u64, Timestamp) {
    let after = old.map_or(0, |old| old.version).max(from).saturating_add(1);
    (after.max(now.unix().unsigned_abs()), now.plus_seconds(seconds))
}

fn meta<T: Metadata>(
    file: &SignedFile,
    read: impl Fn(T) -> BTreeMap<String, MetaFile>,
) -> Option<BTreeMap<String, MetaFile>> {
    Signed::<T>::parse(T::TYPE, file.file.as_bytes(), file.file.len()).ok().map(|signed| read(signed.signed))
}

impl SignedFile {
    fn new<T: Metadata>(signed: &T, now: Timestamp, key: &dyn Signer) -> Result<Self, SignerError> {
        let file = tuf::envelope(signed, &[tuf::sign(key, signed)?]);
        Ok(Self {
            version: signed.version(),
            signed_at: now,
            expires: signed.expires(),
            file: String::from_utf8_lossy(&file).into_owned(),
        })
    }

    /// Whether it is still good: signed by this key, with more than half of its validity left.
    fn stands(&self, now: Timestamp, seconds: u64, key: &dyn Signer) -> bool {
        let validity = self.expires.seconds_since(self.signed_at).min(seconds);
        now.seconds_since(self.signed_at) < validity.div_ceil(2)
            && self.file.contains(&key.public_key().key_id().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctl_core::tuf::Snapshot;

    const VALIDITY: Validity =
        Validity { root_seconds: 1, targets_seconds: 1, snapshot_seconds: 1000, timestamp_seconds: 100 };

    fn moment(seconds: u64) -> Timestamp {
        "2026-11-21T20:13:00Z".parse::<Timestamp>().unwrap().plus_seconds(seconds)
    }

    fn roles(version: u64) -> BTreeMap<String, MetaFile> {
        [("targets".to_owned(), MetaFile::of(version, b"file"))].into()
    }

    fn keys() -> Keys {
        Keys::generate("log.example".parse().unwrap()).unwrap()
    }

    fn versions(freshness: &Freshness) -> (u64, u64) {
        (freshness.snapshot.as_ref().unwrap().version, freshness.timestamp.as_ref().unwrap().version)
    }

    #[test]
    fn nothing_is_signed_before_it_is_due() {
        let keys = keys();
        let first = Freshness::default().renewed(&roles(1), moment(0), &VALIDITY, &keys, [0, 0]).unwrap();
        assert_eq!(first.renewed(&roles(1), moment(49), &VALIDITY, &keys, [0, 0]).unwrap(), first);
        let by_clock = first.renewed(&roles(1), moment(50), &VALIDITY, &keys, [0, 0]).unwrap();
        assert_eq!(by_clock.snapshot, first.snapshot);
        assert!(versions(&by_clock).1 > versions(&first).1);
        let changed = first.renewed(&roles(2), moment(1), &VALIDITY, &keys, [0, 0]).unwrap();
        assert!(versions(&changed).0 > versions(&first).0 && versions(&changed).1 > versions(&first).1);
        let halfway = first.renewed(&roles(1), moment(500), &VALIDITY, &keys, [0, 0]).unwrap();
        assert_ne!(halfway.snapshot, first.snapshot);
    }

    #[test]
    fn versions_grow_even_where_their_record_was_lost_or_time_stands_still() {
        let keys = keys();
        let first = Freshness::default().renewed(&roles(1), moment(0), &VALIDITY, &keys, [0, 0]).unwrap();
        let same_second = first.renewed(&roles(2), moment(0), &VALIDITY, &keys, [0, 0]).unwrap();
        assert_eq!(versions(&same_second).0, versions(&first).0 + 1);
        let restored = Freshness::default().renewed(&roles(1), moment(60), &VALIDITY, &keys, [0, 0]).unwrap();
        assert!(versions(&restored).0 > versions(&same_second).0);
    }

    #[test]
    fn a_clock_that_went_back_does_not_shorten_what_was_signed() {
        let keys = keys();
        let first = Freshness::default().renewed(&roles(1), moment(100), &VALIDITY, &keys, [0, 0]).unwrap();
        assert_eq!(first.renewed(&roles(1), moment(0), &VALIDITY, &keys, [0, 0]).unwrap(), first);
        let changed = first.renewed(&roles(2), moment(0), &VALIDITY, &keys, [0, 0]).unwrap();
        assert!(versions(&changed) > versions(&first));
    }

    #[test]
    fn other_keys_sign_anew() {
        let first = Freshness::default().renewed(&roles(1), moment(0), &VALIDITY, &keys(), [0, 0]).unwrap();
        let other = keys();
        let second = first.renewed(&roles(1), moment(1), &VALIDITY, &other, [0, 0]).unwrap();
        let file = second.snapshot.unwrap();
        let signed = Signed::<Snapshot>::parse("snapshot", file.file.as_bytes(), 10_000).unwrap();
        let signature = hex::decode(&signed.signatures[0].sig).unwrap();
        assert!(other.snapshot.public_key().verify_tuf(&signed.signing_bytes(), &signature));
    }
}
