//! What changed from one version of a document to the next, for signers and readers.
//!
//! Entries are compared member by member as they stand in the JSON, so that no change can hide in a
//! member that nobody thought of here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{ListAnchor, ListCrossCertificate, ListPayload};
use crate::names::{Label, print};
use crate::notices::{NoticeEntry, NoticesDocument};
use crate::parts::{DistrustKind, Distrusted};
use crate::registry::{RegistryDocument, RegistryEntry};

/// The parts of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A list's roots.
    Anchors,
    /// A list's cross-certificates.
    CrossCertificates,
    /// What a list distrusts.
    Distrusted,
    /// The registry's MO identifiers.
    Identifiers,
    /// The suspension notices.
    Notices,
}

/// An entry that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What identifies it: fingerprint, digest, MO identifier, index.
    pub id: String,
    /// The line for people, with its sign.
    pub text: String,
}

/// An entry that stayed and says something else now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedItem {
    /// What identifies it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What is different.
    pub members: Vec<MemberChange>,
}

/// One member and its two values; null stands for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberChange {
    pub member: String,
    pub from: Value,
    /// What it is now.
    pub to: Value,
}

/// The changes of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartChanges {
    /// New entries.
    pub added: Vec<Item>,
    /// Entries that are gone.
    pub removed: Vec<Item>,
    /// Entries that say something else.
    pub changed: Vec<ChangedItem>,
}

/// What changed between two versions. Number, times, previous digest and log always do, and are no
/// part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Sequence of the older version; none if there was none.
    pub from: Option<u64>,
    /// Sequence of the newer version.
    pub to: u64,
    /// Changes in the document's own members, such as its policy.
    pub members: Vec<MemberChange>,
    /// Changes by part; a part without any is not there.
    #[serde(flatten)]
    pub parts: BTreeMap<Part, PartChanges>,
}

/// Members of a document that differ in every version, and the parts, which are compared by entry.
const NOT_COMPARED: [&str; 10] = [
    "anchors",
    "cross_certificates",
    "distrusted",
    "identifiers",
    "issued_at",
    "log",
    "next_update",
    "notices",
    "previous",
    "sequence",
];

impl Difference {
    /// From one version of a list to another.
    #[must_use]
    pub fn between(old: Option<&ListPayload>, new: &ListPayload) -> Self {
        let distrusted_now: BTreeSet<&Distrusted> = new.distrusted.iter().collect();
        let gone = |fingerprint| {
            distrusted_now.contains(&Distrusted { kind: DistrustKind::Certificate, sha256: fingerprint })
        };
        let mut difference = Self::of_documents(old, new, |list| list.sequence);
        difference.compare(
            Part::Anchors,
            old.map(|list| &*list.anchors),
            &new.anchors,
            &Words {
                id: &|anchor| anchor.fingerprint.to_string(),
                name: &|anchor| format!("root {}", name(&anchor.name)),
                added: &|anchor| format!("+ admits root {}", anchor_words(anchor)),
                removed: &|anchor| {
                    let words = anchor_words(anchor);
                    if gone(anchor.fingerprint) {
                        format!("! suspends or withdraws root {words}: distrusted from now on")
                    } else {
                        format!("- removes root {words}")
                    }
                },
            },
        );
        difference.compare(
            Part::CrossCertificates,
            old.map(|list| &*list.cross_certificates),
            &new.cross_certificates,
            &Words {
                id: &|cross| cross.fingerprint.to_string(),
                name: &|cross| format!("cross-certificate {}", name(&cross.name)),
                added: &|cross| format!("+ admits cross-certificate {}", cross_words(cross)),
                removed: &|cross| {
                    let words = cross_words(cross);
                    if gone(cross.fingerprint) {
                        format!("! suspends or withdraws cross-certificate {words}: distrusted from now on")
                    } else {
                        format!("- removes cross-certificate {words}")
                    }
                },
            },
        );
        difference.compare(
            Part::Distrusted,
            old.map(|list| &*list.distrusted),
            &new.distrusted,
            &Words {
                id: &|entry| distrusted_words(entry),
                name: &distrusted_words,
                added: &|entry| format!("! distrusts {}", distrusted_words(entry)),
                removed: &|entry| format!("! no longer distrusts {}", distrusted_words(entry)),
            },
        );
        difference
    }

    /// From one version of the registry to another.
    #[must_use]
    pub fn between_registries(old: Option<&RegistryDocument>, new: &RegistryDocument) -> Self {
        let words = |entry: &RegistryEntry| {
            format!("{} of {} ({}), from {}", entry.id, name(&entry.name), entry.holder, entry.source)
        };
        let mut difference = Self::of_documents(old, new, |registry| registry.sequence);
        difference.compare(
            Part::Identifiers,
            old.map(|registry| &*registry.identifiers),
            &new.identifiers,
            &Words {
                id: &|entry| entry.id.to_string(),
                name: &|entry| format!("MO identifier {}", entry.id),
                added: &|entry| format!("+ enters MO identifier {}", words(entry)),
                removed: &|entry| format!("- removes MO identifier {}", words(entry)),
            },
        );
        difference
    }

    /// From one version of the notices to another.
    #[must_use]
    pub fn between_notices(old: Option<&NoticesDocument>, new: &NoticesDocument) -> Self {
        let words = |entry: &NoticeEntry| {
            let NoticeEntry { anchor, list, expires_at, .. } = entry;
            format!(
                "root {anchor} on list {list} until {expires_at}, {}",
                value_words(&to_value(&entry.reason))
            )
        };
        let mut difference = Self::of_documents(old, new, |notices| notices.sequence);
        difference.compare(
            Part::Notices,
            old.map(|notices| &*notices.notices),
            &new.notices,
            &Words {
                id: &|entry| entry.notice.to_string(),
                name: &|entry| format!("notice {}", entry.notice),
                added: &|entry| format!("! suspends {} (notice {})", words(entry), entry.notice),
                removed: &|entry| {
                    format!("+ lifts the suspension of {} (notice {})", words(entry), entry.notice)
                },
            },
        );
        difference
    }

    /// Whether the newer version says the same as the older one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.parts.is_empty()
    }

    fn of_documents<T: Serialize>(old: Option<&T>, new: &T, sequence: impl Fn(&T) -> u64) -> Self {
        let mut members = Vec::new();
        if let Some(old) = old {
            members = changed_members(old, new);
            members.retain(|change| !NOT_COMPARED.contains(&change.member.as_str()));
        }
        Self { from: old.map(&sequence), to: sequence(new), members, parts: BTreeMap::new() }
    }

    fn compare<T: Serialize + PartialEq>(
        &mut self,
        part: Part,
        old: Option<&[T]>,
        new: &[T],
        words: &Words<'_, T>,
    ) {
        let mut before: BTreeMap<String, &T> =
            old.unwrap_or_default().iter().map(|entry| ((words.id)(entry), entry)).collect();
        let mut changes = PartChanges::default();
        for entry in new {
            let id = (words.id)(entry);
            match before.remove(&id) {
                None => changes.added.push(Item { id, text: (words.added)(entry) }),
                Some(was) if was == entry => {}
                Some(was) => {
                    let members = changed_members(was, entry);
                    changes.changed.push(ChangedItem { id, name: (words.name)(entry), members });
                }
            }
        }
        let removed = before.into_iter().map(|(id, entry)| Item { id, text: (words.removed)(entry) });
        changes.removed = removed.collect();
        if changes != PartChanges::default() {
            self.parts.insert(part, changes);
        }
    }
}

/// How the entries of a part are called.
struct Words<'a, T> {
    id: &'a dyn Fn(&T) -> String,
    name: &'a dyn Fn(&T) -> String,
    added: &'a dyn Fn(&T) -> String,
    removed: &'a dyn Fn(&T) -> String,
}

fn anchor_words(anchor: &ListAnchor) -> String {
    let uses: Vec<String> = anchor.uses.iter().map(ToString::to_string).collect();
    let ListAnchor { operator, fingerprint, status, constraints, .. } = anchor;
    let (name, uses) = (name(&anchor.name), uses.join(", "));
    let mut text = format!("{name} of {operator} for {uses}, {status}, SHA-256 {fingerprint}");
    if !constraints.0.is_empty() {
        text.push_str(", constraints ");
        text.push_str(&value_words(&to_value(constraints)));
    }
    text
}

fn cross_words(cross: &ListCrossCertificate) -> String {
    let ListCrossCertificate { issuer, subject, fingerprint, .. } = cross;
    format!("{}, by which {issuer} vouches for {subject}, SHA-256 {fingerprint}", name(&cross.name))
}

fn distrusted_words(entry: &Distrusted) -> String {
    match entry.kind {
        DistrustKind::Certificate => format!("certificate {}", entry.sha256),
        DistrustKind::Spki => format!("key {}", entry.sha256),
    }
}

#[expect(clippy::expect_used, reason = "documents of strings and integers have a JSON form")]
fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("a part of a document has a JSON form")
}

fn changed_members<T: Serialize>(old: &T, new: &T) -> Vec<MemberChange> {
    let members = |value| match value {
        Value::Object(members) => members,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    let (mut old, new) = (members(to_value(old)), members(to_value(new)));
    let mut changes = Vec::new();
    for (member, to) in new {
        let from = old.remove(&member).unwrap_or_default();
        if from != to {
            changes.push(MemberChange { member, from, to });
        }
    }
    let gone = old.into_iter().filter(|(_, from)| !from.is_null());
    changes.extend(gone.map(|(member, from)| MemberChange { member, from, to: Value::Null }));
    changes
}

/// A value as JSON on one line of safe characters.
fn value_words(value: &Value) -> String {
    if value.is_null() { "none".into() } else { print::line(&value.to_string()) }
}

fn name(label: &Label) -> String {
    print::name(label.as_str())
}

impl fmt::Display for MemberChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {}", self.member, value_words(&self.from), value_words(&self.to))
    }
}

impl fmt::Display for Difference {
    /// One line per change, for signers to read before they sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => writeln!(f, "from version {from} to version {}:", self.to)?,
            None => writeln!(f, "version {}, the first:", self.to)?,
        }
        for change in &self.members {
            writeln!(f, "~ {change}")?;
        }
        for changes in self.parts.values() {
            for item in changes.added.iter().chain(&changes.removed) {
                writeln!(f, "{}", item.text)?;
            }
            for item in &changes.changed {
                let members: Vec<String> = item.members.iter().map(ToString::to_string).collect();
                writeln!(f, "~ {} ({}): {}", item.name, item.id, members.join("; "))?;
            }
        }
        if self.is_empty() {
            writeln!(f, "  no change but number, times and log")?;
        }
        Ok(())
    }
}
