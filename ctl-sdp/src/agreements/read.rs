//! Lists of provider ids as operators have them: lines of text, JSON, what OCPI's modules and OICP's messages carry. Pure.

use std::collections::BTreeSet;

use ctl_core::names::MoId;
use serde_json::{Map, Value};

use crate::identifier::mo_id;

/// The largest list in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// So many are read at most.
const MAX_PROVIDERS: usize = 50_000;
/// So many mistakes are told.
const MAX_TOLD: usize = 10;
/// Where lists stand in answers: OCPI wraps them in `data`, a credentials object has `roles`, OICP pages `content`.
const LISTS: [&str; 7] =
    ["data", "roles", "content", "providers", "Providers", "ProviderIDs", "ProviderAuthenticationData"];

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub with: BTreeSet<MoId>,
    /// What could not be read or was left out, in words; the first few.
    pub problems: Vec<String>,
}

impl Read {
    fn problem(&mut self, text: String) {
        if self.problems.len() < MAX_TOLD {
            self.problems.push(text);
        }
    }

    fn take(&mut self, place: &str, text: &str) {
        match mo_id(text) {
            Ok(id) => {
                self.with.insert(id);
            }
            Err(error) => self.problem(format!("{place}: {error}")),
        }
    }
}

/// Reads a list. A single entry that cannot be read is a problem to tell; a list of which nothing can be read, or that is
/// none, is refused, so that a page of error does not count as "no agreements".
///
/// # Errors
/// What is wrong, in words.
pub fn read(bytes: &[u8]) -> Result<Read, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    let read = match text.trim_start().bytes().next() {
        Some(b'[' | b'{') => {
            read_json(&serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?)?
        }
        Some(b'<') => return Err("this is a page, not a list".into()),
        _ => read_lines(text),
    };
    if read.with.len() > MAX_PROVIDERS {
        return Err(format!("more than {MAX_PROVIDERS} providers"));
    }
    match read.problems.first() {
        Some(first) if read.with.is_empty() => Err(format!("nothing in it can be read; the first: {first}")),
        _ => Ok(read),
    }
}

/// Identifiers, one a line or several with commas; `#` begins a comment. Words of a sentence are none: "error" could be one.
fn read_lines(text: &str) -> Read {
    let mut read = Read::default();
    for (at, line) in text.lines().enumerate() {
        let place = format!("line {}", at.saturating_add(1));
        let line = line.split('#').next().unwrap_or_default();
        for part in line.split([',', ';']).filter(|part| !part.trim().is_empty()) {
            read.take(&place, part.trim());
        }
    }
    read
}

fn read_json(value: &Value) -> Result<Read, String> {
    let list = match value {
        Value::Array(list) => list,
        Value::Object(members) => {
            let mut lists = LISTS.iter().filter_map(|name| members.get(*name)?.as_array());
            match (lists.next(), lists.next()) {
                (Some(list), None) => list,
                (None, _) => {
                    return Err(format!(
                        "a JSON object without a list; expected one of {}",
                        LISTS.join(", ")
                    ));
                }
                (Some(_), Some(_)) => return Err("a JSON object with several lists of providers".into()),
            }
        }
        _ => return Err("neither a JSON list nor an object with one".into()),
    };
    let mut read = Read::default();
    for (at, one) in list.iter().enumerate() {
        let place = format!("entry {}", at.saturating_add(1));
        match one {
            Value::String(text) => read.take(&place, text),
            Value::Object(members) => read_member(&mut read, &place, members),
            _ => read.problem(format!("{place}: neither text nor an object")),
        }
    }
    Ok(read)
}

/// OCPI's `country_code` with `party_id` (roles, hub clients); OICP's `ProviderID`; `id` of our own registry.
fn read_member(read: &mut Read, place: &str, members: &Map<String, Value>) {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if let Some(role) = text("role").filter(|role| *role != "EMSP") {
        // A party of another role has no contracts: nothing is wrong with the list.
        let _ = role;
        return;
    }
    if let Some(status @ ("PLANNED" | "SUSPENDED")) = text("status") {
        return read.problem(format!("{place}: left out, its status is {status}"));
    }
    match (text("country_code"), text("party_id")) {
        (Some(country), Some(party)) => return read.take(place, &format!("{country}-{party}")),
        (None, None) => {}
        _ => return read.problem(format!("{place}: country_code and party_id belong together")),
    }
    let named =
        ["ProviderID", "ProviderId", "provider_id", "providerId", "mo_id", "id"].into_iter().find_map(text);
    match named {
        Some(id) => read.take(place, id),
        None => {
            read.problem(format!("{place}: neither country_code with party_id (OCPI) nor ProviderID (OICP)"))
        }
    }
}
