//! The file of a profile: read, checked, and joined with those it extends.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::requirement::Requirement;
use crate::Severity;

/// The largest profile file that is read, in bytes.
pub const MAX_PROFILE_SIZE: usize = 64 * 1024;

/// How many files may extend each other in a row.
const MAX_BASES: usize = 8;

/// One rule of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for instance `validity-max`; the same wherever a profile asks the same of the same field.
    pub id: String,
    /// How much it weighs when a certificate breaks it.
    pub severity: Severity,
    /// The field it is about, as the table names it.
    pub field: String,
    /// What is required.
    pub requirement: Requirement,
    /// Where the requirement comes from; says `secondary` when the standard itself was not read.
    pub source: String,
    /// What the reader should know besides.
    pub note: Option<String>,
}

/// A profile: what one kind of certificate must fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: String,
    title: String,
    rules: Vec<Rule>,
    files: Vec<(String, [u8; 32])>,
    digest: [u8; 32],
}

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Larger than [`MAX_PROFILE_SIZE`].
    #[error("profile {name} has {size} bytes, more than the limit of {MAX_PROFILE_SIZE}")]
    TooLarge {
        /// The file's name without `.toml`.
        name: String,
        /// Its bytes.
        size: usize,
    },
    /// Not the TOML that a profile is, or a requirement that this engine cannot check.
    #[error("profile {name} cannot be read: {source}")]
    Malformed {
        /// The file's name without `.toml`.
        name: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// The same rule twice, in the file or in one that it extends.
    #[error("profile {name}: rule {id:?} appears twice; a file cannot change a rule of one that it extends")]
    DuplicateRule {
        /// The file's name without `.toml`.
        name: String,
        /// The rule.
        id: String,
    },
    /// An id that is not small letters, digits and hyphens, or an extension that has no such name.
    #[error("profile {name}: {what} {value:?} is unknown or badly written")]
    BadName {
        /// The file's name without `.toml`.
        name: String,
        /// What it should be the name of.
        what: &'static str,
        /// The name.
        value: String,
    },
    /// It extends a file that is not there, or the files extend each other in a circle.
    #[error("profile {name} extends {base:?}, which is not there or extends too many others in turn")]
    NoBase {
        /// The file's name without `.toml`.
        name: String,
        /// What it extends.
        base: String,
    },
}

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileFile {
    title: String,
    /// Only there to be extended.
    #[serde(default)]
    pub(super) base: bool,
    extends: Option<String>,
    /// The source of every rule that names none of its own.
    source: String,
    rules: Vec<RuleLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleLine {
    id: String,
    severity: Severity,
    field: String,
    require: Requirement,
    source: Option<String>,
    note: Option<String>,
}

impl ProfileFile {
    pub(super) fn read(name: &str, text: &str) -> Result<Self, ProfileError> {
        if text.len() > MAX_PROFILE_SIZE {
            return Err(ProfileError::TooLarge { name: name.to_owned(), size: text.len() });
        }
        let malformed = |source| ProfileError::Malformed { name: name.to_owned(), source: Box::new(source) };
        let file: Self = toml::from_str(text).map_err(malformed)?;
        for rule in &file.rules {
            let bad = |what, value: &str| {
                Err(ProfileError::BadName { name: name.to_owned(), what, value: value.to_owned() })
            };
            let of_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if rule.id.is_empty() || rule.id.len() > 48 || !rule.id.bytes().all(of_id) {
                return bad("rule id", &rule.id);
            }
            if let Requirement::Extension(wanted) = &rule.require
                && wanted.oid().is_none()
            {
                return bad("extension", &wanted.name);
            }
        }
        Ok(file)
    }
}

impl Profile {
    /// Joins a file with those it extends: its own rules first, in the file's order.
    pub(super) fn join<'a>(
        name: &str,
        find: impl Fn(&str) -> Option<(&'a str, &'a ProfileFile)>,
    ) -> Result<Self, ProfileError> {
        let no_base = |base: &str| ProfileError::NoBase { name: name.to_owned(), base: base.to_owned() };
        let mut rules: Vec<Rule> = Vec::new();
        let mut texts = Vec::new();
        let mut title = None;
        let mut next = Some(name);
        while let Some(current) = next {
            let (text, file) =
                find(current).filter(|_| texts.len() < MAX_BASES).ok_or_else(|| no_base(current))?;
            for line in &file.rules {
                if rules.iter().any(|rule| rule.id == line.id) {
                    return Err(ProfileError::DuplicateRule { name: name.to_owned(), id: line.id.clone() });
                }
                rules.push(Rule {
                    id: line.id.clone(),
                    severity: line.severity,
                    field: line.field.clone(),
                    requirement: line.require.clone(),
                    source: line.source.as_ref().unwrap_or(&file.source).clone(),
                    note: line.note.clone(),
                });
            }
            title.get_or_insert_with(|| file.title.clone());
            texts.push((current.to_owned(), text));
            next = file.extends.as_deref();
        }
        let mut whole = Sha256::new();
        for (_, text) in texts.iter().rev() {
            whole.update(text);
        }
        let files = texts.into_iter().map(|(name, text)| (name, Sha256::digest(text).into())).collect();
        let title = title.unwrap_or_default();
        Ok(Self { name: name.to_owned(), title, rules, files, digest: whole.finalize().into() })
    }

    /// The profile's name: its file's name without `.toml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is the profile of.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its rules: those of its table first, then those of the files it extends.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The files that it is made of, itself first, each with the SHA-256 of its bytes.
    pub fn files(&self) -> &[(String, [u8; 32])] {
        &self.files
    }

    /// SHA-256 of its files one behind the other, the most general first: what `cat rfc5280.toml iso15118-2.toml
    /// secc.toml | sha256sum` gives. It names everything that the profile asks.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
