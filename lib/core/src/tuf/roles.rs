//! Keys and roles as they stand in root and targets metadata (specification §4.2, §4.3, §4.5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::TufError;
use super::paths;
use crate::Digest;
use crate::keys::{Algorithm, KeyId, PublicKey};
use crate::threshold::{Authority, Threshold};

/// The four roles that every root names.
pub const TOP_LEVEL: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

/// A key in metadata: kept as it was found, and usable if it is of a kind that counts here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    raw: Value,
    public: Option<PublicKey>,
}

impl Key {
    /// The key, if it is Ed25519 or P-256; keys of other kinds stand there but verify nothing.
    #[must_use]
    pub const fn public(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }

    /// Foreign repositories add members or spell PEM differently, so this is more lenient than
    /// [`PublicKey::from_object`]; keys are counted by themselves, never by id, so it is no harm.
    fn read(raw: &Value) -> Option<PublicKey> {
        let text = |name: &str| raw.get(name).and_then(Value::as_str);
        let public = raw.get("keyval")?.get("public")?.as_str()?;
        match (text("keytype")?, text("scheme")?) {
            ("ed25519", "ed25519") => {
                let mut bytes = [0; 32];
                hex::decode_to_slice(public, &mut bytes).ok()?;
                PublicKey::ed25519(&bytes)
            }
            ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
                PublicKey::from_pem(public).ok().filter(|key| key.algorithm() == Algorithm::Es256)
            }
            _ => None,
        }
    }
}

impl From<&PublicKey> for Key {
    #[expect(clippy::expect_used, reason = "a key object is an object of strings")]
    fn from(key: &PublicKey) -> Self {
        let raw = serde_json::to_value(key.to_object()).expect("a key object has a JSON form");
        Self { raw, public: Some(key.clone()) }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        if !raw.is_object() {
            return Err(serde::de::Error::custom("a key is an object"));
        }
        let public = Self::read(&raw);
        Ok(Self { raw, public })
    }
}

/// Keys by key id, in the spelling of the file. In what we write the id is the key object's hash;
/// elsewhere it may be any text.
pub type Keys = BTreeMap<String, Key>;

/// The id by which signatures are matched to keys: the text itself where it is a digest, as ours
/// are, and the digest of the text otherwise.
#[must_use]
pub fn key_id(text: &str) -> KeyId {
    text.parse().unwrap_or_else(|_| Digest::of(text.as_bytes()))
}

/// Which keys sign for a role, and how many of them must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// Key ids, looked up in the same file's `keys`.
    pub keyids: Vec<String>,
    /// How many of them must sign; at least 1.
    pub threshold: u32,
}

impl RoleKeys {
    /// The one threshold check's view of this role. Ids without a key, or with a key of a kind that
    /// does not count here, cannot contribute.
    #[must_use]
    pub fn threshold(&self, keys: &Keys) -> Threshold {
        let keys = self.keyids.iter().filter_map(|id| {
            let key = keys.get(id)?.public()?.clone();
            Some((key_id(id), Authority { key, organisation: None }))
        });
        Threshold { needed: self.threshold, keys: keys.collect() }
    }

    pub(super) fn check(&self, role: &str) -> Result<(), TufError> {
        if self.threshold == 0 {
            return Err(malformed(role, "a threshold of 0 lets anybody sign"));
        }
        let mut seen = BTreeSet::new();
        match self.keyids.iter().find(|id| !seen.insert(*id)) {
            Some(id) => Err(TufError::DuplicateKeyId { role: role.into(), key_id: id.clone() }),
            None => Ok(()),
        }
    }
}

/// Keys and threshold of a role that is about to be written into metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolders {
    /// How many must sign.
    pub threshold: u32,
    /// Who may sign.
    pub keys: Vec<PublicKey>,
}

impl KeyHolders {
    /// Enters the keys and gives the role that names them; sorted, so equal input is equal bytes.
    pub(super) fn enter(&self, keys: &mut Keys) -> RoleKeys {
        let ids: BTreeSet<String> = self
            .keys
            .iter()
            .map(|key| {
                let id = key.key_id().to_string();
                keys.insert(id.clone(), key.into());
                id
            })
            .collect();
        RoleKeys { keyids: ids.into_iter().collect(), threshold: self.threshold }
    }
}

/// To whom a targets file delegates, in order of trust (§4.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegations {
    /// The keys of the roles below.
    pub keys: Keys,
    /// The roles; earlier ones are asked first. Succinct roles (TAP 15) are not supported: a file
    /// that uses them delegates nothing here.
    #[serde(default)]
    pub roles: Vec<DelegatedRole>,
}

/// One delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedRole {
    /// The role's name, and its file's.
    pub name: String,
    /// Keys and threshold.
    #[serde(flatten)]
    pub signers: RoleKeys,
    /// Whether the search ends with this role if it does not have the target.
    pub terminating: bool,
    /// Patterns of the targets it may describe; `*` and `?` do not match `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
    /// Instead of `paths`: hex prefixes of the SHA-256 of the target's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hash_prefixes: Option<Vec<String>>,
}

impl DelegatedRole {
    /// Whether the role may describe this target.
    #[must_use]
    pub fn covers(&self, target: &str) -> bool {
        let named = self.paths.iter().flatten().any(|pattern| paths::matches(pattern, target));
        let hash = Digest::of(target.as_bytes()).to_string();
        named || self.path_hash_prefixes.iter().flatten().any(|prefix| hash.starts_with(prefix))
    }
}

impl Delegations {
    /// Adds a role after those already there.
    pub fn add(&mut self, name: &str, holders: &KeyHolders, paths: Vec<String>, terminating: bool) {
        let signers = holders.enter(&mut self.keys);
        let role = DelegatedRole {
            name: name.into(),
            signers,
            terminating,
            paths: Some(paths),
            path_hash_prefixes: None,
        };
        self.roles.push(role);
    }

    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<&DelegatedRole> {
        self.roles.iter().find(|role| role.name == name)
    }

    pub(super) fn check(&self) -> Result<(), TufError> {
        let mut seen = BTreeSet::new();
        for role in &self.roles {
            // Its file would overwrite that of the top-level role, also where case does not matter.
            let top_level = TOP_LEVEL.iter().any(|name| name.eq_ignore_ascii_case(&role.name));
            if role.name.is_empty() || top_level {
                return Err(malformed("targets", &format!("no delegated role may be named {:?}", role.name)));
            }
            if !seen.insert(&role.name) {
                return Err(malformed("targets", &format!("it delegates twice to {:?}", role.name)));
            }
            if role.paths.is_some() == role.path_hash_prefixes.is_some() {
                let problem = format!("{:?} needs either paths or path_hash_prefixes", role.name);
                return Err(malformed("targets", &problem));
            }
            role.signers.check(&role.name)?;
        }
        Ok(())
    }
}

pub(super) fn malformed(role: &str, problem: &str) -> TufError {
    TufError::Malformed { role: role.into(), problem: problem.into() }
}
