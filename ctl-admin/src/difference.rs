//! Where two JSON documents differ, in words: what a signer reads when the server shows something else
//! than what follows from the log.

use std::collections::BTreeMap;

use ctl_core::json;
use serde_json::Value;

/// More differences than these are only counted.
const MAX_LINES: usize = 40;
/// A value is shown with at most so many characters.
const MAX_VALUE: usize = 100;

/// Compares two documents of at most `limit` bytes each, in canonical JSON of either kind. Nothing if they
/// are the same bytes.
#[must_use]
pub fn between(ours: &[u8], theirs: &[u8], limit: usize) -> Vec<String> {
    if ours == theirs {
        return Vec::new();
    }
    let (ours, theirs) = match (json::parse_olpc(ours, limit), json::parse_olpc(theirs, limit)) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (_, Err(error)) => return vec![format!("what the server shows cannot be read: {error}")],
        (Err(error), _) => return vec![format!("what follows from the log cannot be read: {error}")],
    };
    let lines = values(&ours, &theirs);
    if lines.is_empty() {
        vec!["the same content in another spelling: the bytes differ".into()]
    } else {
        lines
    }
}

/// Compares two values: a line for each place that differs, at most some forty.
#[must_use]
pub fn values(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk("", ours, theirs, &mut lines);
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("and {more} more differences"));
    }
    lines
}

fn walk(place: &str, ours: &Value, theirs: &Value, lines: &mut Vec<String>) {
    if ours == theirs {
        return;
    }
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => walk(&inside(name), a, b, lines),
                    (a, b) => lines.push(one_sided(&inside(name), a.or(b), a.is_some())),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => match (keyed(a), keyed(b)) {
            (Some(a), Some(b)) => {
                let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
                let before = lines.len();
                for key in keys {
                    let here = format!("{place}[{key}]");
                    match (a.get(key), b.get(key)) {
                        (Some(a), Some(b)) => walk(&here, a, b, lines),
                        (a, b) => lines.push(one_sided(&here, a.or(b).copied(), a.is_some())),
                    }
                }
                if lines.len() == before {
                    lines.push(format!("{place}: the same items in another order"));
                }
            }
            _ => lines.push(changed(place, ours, theirs)),
        },
        _ => lines.push(changed(place, ours, theirs)),
    }
}

fn changed(place: &str, ours: &Value, theirs: &Value) -> String {
    format!("{place}: {} by the log, {} shown", shorten(ours), shorten(theirs))
}

fn one_sided(place: &str, value: Option<&Value>, ours: bool) -> String {
    let value = value.map(shorten).unwrap_or_default();
    if ours {
        format!("{place}: missing in what is shown; by the log {value}")
    } else {
        format!("{place}: shown, but does not follow from the log: {value}")
    }
}

/// The items of an array by what names them; none if they have no names or one stands twice.
fn keyed(items: &[Value]) -> Option<BTreeMap<String, &Value>> {
    let mut map = BTreeMap::new();
    for item in items {
        let name = ["fingerprint", "id", "sha256", "notice", "keyid", "name"]
            .iter()
            .find_map(|member| item.get(member))
            .map(|value| {
                value.as_str().map_or_else(|| value.to_string(), |text| text.chars().take(16).collect())
            })?;
        if map.insert(name, item).is_some() {
            return None;
        }
    }
    Some(map)
}

/// A value for people: what names it if it is an object, and not all of something long.
fn shorten(value: &Value) -> String {
    let text = match value {
        Value::Object(members) => match members.get("name").and_then(Value::as_str) {
            Some(name) => format!("{name:?}"),
            None => value.to_string(),
        },
        _ => value.to_string(),
    };
    if text.chars().count() <= MAX_VALUE {
        return text;
    }
    text.chars().take(MAX_VALUE).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_compared_by_what_names_them() {
        let ours =
            json!({"anchors": [{"fingerprint": "aa", "name": "A"}, {"fingerprint": "bb", "name": "B"}]});
        let theirs =
            json!({"anchors": [{"fingerprint": "bb", "name": "B2"}, {"fingerprint": "cc", "name": "C"}]});
        assert_eq!(
            values(&ours, &theirs),
            [
                "anchors[aa]: missing in what is shown; by the log \"A\"",
                "anchors[bb].name: \"B\" by the log, \"B2\" shown",
                "anchors[cc]: shown, but does not follow from the log: \"C\"",
            ]
        );
    }

    #[test]
    fn no_difference_in_bytes_is_silent_and_every_other_speaks() {
        assert!(between(b"{}", b"{}", 10).is_empty());
        assert_eq!(between(b"{\"a\":1}", b"{ \"a\":1}", 10).len(), 1);
        assert_eq!(between(b"{}", b"not json", 10).len(), 1);
        assert_eq!(between(b"[{\"id\":1},{\"id\":2}]", b"[{\"id\":2},{\"id\":1}]", 50).len(), 1);
    }
}
