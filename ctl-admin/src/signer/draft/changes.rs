//! What a draft changes, in words and in full; and why there is none.

use ctl_core::list::{ListPayload, MAX_PAYLOAD, difference::Difference};
use ctl_core::notices::NoticesDocument;
use ctl_core::registry::RegistryDocument;
use ctl_core::role::Role;
use ctl_core::{Timestamp, json};
use ctl_governance::State;
use ctl_governance::draft::{Documents, due};
use ctl_governance::state::Draft;
use serde_json::{Map, Value};

use crate::difference::{self, Change};

/// What changes from the version published last, in words.
pub(super) fn words(state: &State, draft: &Draft) -> Vec<String> {
    let old = published(state, draft);
    let text = match (&draft.open.role, &draft.documents.document) {
        (Role::List(_), Some(new)) => documents::<ListPayload>(old, new)
            .map(|(old, new)| Difference::between(old.as_ref(), &new).to_string()),
        (Role::Registry, Some(new)) => documents::<RegistryDocument>(old, new)
            .map(|(old, new)| Difference::between_registries(old.as_ref(), &new).to_string()),
        (Role::Notices, Some(new)) => documents::<NoticesDocument>(old, new)
            .map(|(old, new)| Difference::between_notices(old.as_ref(), &new).to_string()),
        _ => return board_words(old, &draft.documents.metadata),
    };
    let unreadable = || vec!["no words for it: read what changes in full".into()];
    text.map_or_else(unreadable, |text| text.lines().map(str::to_owned).collect())
}

/// Every difference of the document from the version published last; of a first one, all of it.
pub(super) fn of_document(state: &State, draft: &Draft) -> Vec<Change> {
    let old = published(state, draft).and_then(|documents| documents.document.as_deref());
    draft.documents.document.as_deref().map(|new| between(old, new)).unwrap_or_default()
}

/// Every difference of the metadata, which is signed as well.
pub(super) fn of_metadata(state: &State, draft: &Draft) -> Vec<Change> {
    let old = published(state, draft).map(|documents| &*documents.metadata);
    between(old, &draft.documents.metadata)
}

fn published<'a>(state: &'a State, draft: &Draft) -> Option<&'a Documents> {
    state.published.get(&draft.open.role).map(|published| &published.documents)
}

fn parse(bytes: &[u8]) -> Value {
    // Both are this program's own bytes. Should they not be readable, they are shown as they are.
    let as_text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
    json::parse_olpc(bytes, MAX_PAYLOAD).unwrap_or_else(|_| as_text())
}

fn between(old: Option<&[u8]>, new: &[u8]) -> Vec<Change> {
    let nothing = Value::Object(Map::new());
    difference::between(&old.map_or(nothing, parse), &parse(new))
}

fn documents<T: serde::de::DeserializeOwned>(old: Option<&Documents>, new: &[u8]) -> Option<(Option<T>, T)> {
    let old = old.and_then(|documents| documents.document.as_deref());
    let old = old.map(|bytes| json::read(bytes, MAX_PAYLOAD)).transpose().ok()?;
    Some((old, json::read(new, MAX_PAYLOAD).ok()?))
}

/// Who signs for each role by the board's metadata: those that say something else than the version published last.
fn board_words(old: Option<&Documents>, new: &[u8]) -> Vec<String> {
    let before = old.map(|documents| role_lines(&parse(&documents.metadata))).unwrap_or_default();
    let after = role_lines(&parse(new));
    let mut lines = Vec::new();
    if old.is_none() {
        lines.push("the first version:".to_owned());
    }
    let fresh = after.iter().filter(|line| !before.contains(line));
    lines.extend(fresh.map(|line| format!("+ {line}")));
    let gone = before.iter().filter(|line| !after.contains(line));
    lines.extend(gone.map(|line| format!("- {line}")));
    if lines.is_empty() {
        lines.push("the same keys sign for the same roles".into());
    }
    lines
}

fn role_lines(metadata: &Value) -> Vec<String> {
    let line = |name: &str, role: &Value| {
        let keys = role.get("keyids").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
        let threshold = role.get("threshold").and_then(Value::as_u64).unwrap_or_default();
        format!("{name} is signed by {threshold} of the keys {}", keys.join(", "))
    };
    let top = metadata.get("roles").and_then(Value::as_object);
    let top = top.into_iter().flatten().map(|(name, role)| line(name, role));
    let delegated = metadata.pointer("/delegations/roles").and_then(Value::as_array);
    let delegated = delegated.into_iter().flatten().map(|role| {
        let name = role.get("name").and_then(Value::as_str).unwrap_or_default();
        line(name, role)
    });
    top.chain(delegated).collect()
}

/// Why there is nothing to sign, and when there will be.
pub(super) fn why_no_draft(state: &State, role: &Role, now: Timestamp) -> String {
    let none = format!("there is no draft of {role} to sign");
    if let Role::List(list) = role
        && !state.charter.lists.contains_key(list)
    {
        let known: Vec<String> = state.charter.lists.keys().map(ToString::to_string).collect();
        return format!("{none}: the charter has no such list; it has {}", known.join(", "));
    }
    if due(state, now).iter().any(|open| open.role == *role) {
        return format!(
            "{none} yet, and one is due: the server opens it within seconds. Try again, or give --wait; if none comes, \
             ask its operator"
        );
    }
    if *role != Role::Root && !state.authorities.contains_key(role) {
        let first = if state.published.contains_key(&Role::Root) { "targets" } else { "root, then targets" };
        return format!("{none}: nobody is appointed to sign it until the board has signed {first}");
    }
    match state.published.get(role) {
        None => format!("{none}: ask the server's operator why it opens none"),
        Some(published) => {
            let open = &published.open;
            let half = open.expires.seconds_since(open.issued_at).div_ceil(2);
            let renewed = open.expires.minus_seconds(half).plus_seconds(1);
            format!(
                "{none}: version {} says what follows from the log. The next one is opened as soon as something is \
                 decided that changes it, or at {renewed}, when half of its validity is over",
                open.version
            )
        }
    }
}
