//! Where two JSON documents differ: each difference with its kind, its place and its whole values. From the old
//! document and the differences the new one follows, and no two lists of differences have the same text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ctl_core::json;
use ctl_core::names::print;
use serde::Serialize;
use serde_json::Value;

/// A value of at most so many characters stands on the line of its place; a longer one below it.
const MAX_INLINE: usize = 100;
/// So many lines, of so many characters each, stand for a difference that nobody signs.
const BRIEF: (usize, usize) = (40, 4000);

/// What names the items of an array, first come first served.
const NAMES: [&str; 6] = ["fingerprint", "id", "sha256", "notice", "keyid", "name"];

/// One difference. A place is a path of members, `lists.na.quorum`; `[]` is an item of a set of plain values,
/// `[id="a"]` the item with this member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "kebab-case")]
pub enum Change {
    /// A member or item that was not there.
    Added {
        /// Where.
        place: String,
        /// What it says.
        value: Value,
    },
    /// A member or item that is gone.
    Removed {
        /// Where.
        place: String,
        /// What it said.
        value: Value,
    },
    /// Another value.
    Changed {
        /// Where.
        place: String,
        /// What it was.
        from: Value,
        /// What it is.
        to: Value,
    },
    /// The items of an array stand in another order than the old ones with the new ones behind them.
    Reordered {
        /// Where.
        place: String,
        /// The items, or what names them, in their order now.
        to: Vec<Value>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { place, value } => write!(f, "+ {place}: {}", shown(value)),
            Self::Removed { place, value } => write!(f, "- {place}: {}", shown(value)),
            Self::Changed { place, from, to } => write!(f, "~ {place}: {} → {}", shown(from), shown(to)),
            Self::Reordered { place, to } => {
                write!(f, "~ {place}, the order now: {}", shown(&Value::Array(to.clone())))
            }
        }
    }
}

impl Change {
    /// The same in words where the old document is what follows from the log and the new one what a server shows.
    #[must_use]
    pub fn against_the_log(&self) -> String {
        match self {
            Self::Added { place, value } => {
                format!("{place}: shown, but does not follow from the log: {}", shown(value))
            }
            Self::Removed { place, value } => {
                format!("{place}: missing in what is shown; by the log {}", shown(value))
            }
            Self::Changed { place, from, to } => {
                format!("{place}: {} by the log, {} shown", shown(from), shown(to))
            }
            Self::Reordered { place, to } => {
                format!("{place}: in another order: {}", shown(&Value::Array(to.clone())))
            }
        }
    }
}

/// A value as JSON of safe characters: on one line, or on several if it is long.
#[must_use]
pub fn shown(value: &Value) -> String {
    let line = print::line(&value.to_string());
    if line.chars().count() <= MAX_INLINE || !(value.is_array() || value.is_object()) {
        return line;
    }
    // Of the text, only line breaks of the layout are no part of a JSON string.
    print::lines(&serde_json::to_string_pretty(value).unwrap_or(line))
}

/// The differences between two values.
#[must_use]
pub fn between(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk("", old, new, &mut changes);
    changes
}

/// What a server shows, held against what follows from the log; both are canonical JSON of either kind and of at most
/// `limit` bytes. Nothing if they are the same bytes. Nobody signs what is shown so: too much of it is cut.
#[must_use]
pub fn from_the_log(ours: &[u8], shown: &[u8], limit: usize) -> Vec<String> {
    if ours == shown {
        return Vec::new();
    }
    let (ours, shown) = match (json::parse_olpc(ours, limit), json::parse_olpc(shown, limit)) {
        (Ok(ours), Ok(shown)) => (ours, shown),
        (_, Err(error)) => return vec![format!("what the server shows cannot be read: {error}")],
        (Err(error), _) => return vec![format!("what follows from the log cannot be read: {error}")],
    };
    let changes = between(&ours, &shown);
    if changes.is_empty() {
        return vec!["the same content in another spelling: the bytes differ".into()];
    }
    let (most, longest) = BRIEF;
    let cut = |line: String| match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}… ({} bytes in all)", line.get(..end).unwrap_or_default(), line.len()),
        None => line,
    };
    let mut lines: Vec<String> =
        changes.iter().take(most).map(|change| cut(change.against_the_log())).collect();
    if changes.len() > most {
        lines.push(format!("and {} more differences", changes.len() - most));
    }
    lines
}

fn walk(place: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                either(&member(place, name), a.get(name), b.get(name), changes);
            }
        }
        (Value::Array(a), Value::Array(b)) if are_plain(a) && are_plain(b) => set(place, a, b, changes),
        (Value::Array(a), Value::Array(b)) => match NAMES.iter().find_map(|name| named(name, a, b)) {
            Some(found) => items(place, &found, changes),
            None => changes.push(changed(place, old, new)),
        },
        _ => changes.push(changed(place, old, new)),
    }
}

fn changed(place: &str, from: &Value, to: &Value) -> Change {
    Change::Changed { place: place.to_owned(), from: from.clone(), to: to.clone() }
}

fn either(place: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    let place = || place.to_owned();
    match (old, new) {
        (Some(old), Some(new)) => walk(&place(), old, new, changes),
        (Some(old), None) => changes.push(Change::Removed { place: place(), value: old.clone() }),
        (None, Some(new)) => changes.push(Change::Added { place: place(), value: new.clone() }),
        (None, None) => {}
    }
}

/// A member's place: one that is not made of letters, digits, hyphens and underscores is quoted.
fn member(place: &str, name: &str) -> String {
    let simple =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let name = if simple { name.to_owned() } else { print::quoted(name) };
    if place.is_empty() { name } else { format!("{place}.{name}") }
}

/// Whether an array can be taken as a set: plain values, none of them twice.
fn are_plain(items: &[Value]) -> bool {
    let plain = items.iter().all(|item| !item.is_array() && !item.is_object());
    plain && items.iter().map(Value::to_string).collect::<BTreeSet<_>>().len() == items.len()
}

fn set(place: &str, old: &[Value], new: &[Value], changes: &mut Vec<Change>) {
    let inside = || format!("{place}[]");
    let text = |items: &[Value]| items.iter().map(Value::to_string).collect::<BTreeSet<_>>();
    let (before, after) = (text(old), text(new));
    let (kept, gone): (Vec<&Value>, Vec<&Value>) =
        old.iter().partition(|item| after.contains(&item.to_string()));
    let fresh: Vec<&Value> = new.iter().filter(|item| !before.contains(&item.to_string())).collect();
    let of = |item: &&Value| (*item).clone();
    changes.extend(gone.iter().map(|item| Change::Removed { place: inside(), value: of(item) }));
    changes.extend(fresh.iter().map(|item| Change::Added { place: inside(), value: of(item) }));
    if kept.into_iter().chain(fresh).ne(new) {
        changes.push(Change::Reordered { place: place.to_owned(), to: new.to_vec() });
    }
}

/// The items of two arrays by what names them.
struct Named<'a> {
    member: &'static str,
    old: Vec<(Value, &'a Value)>,
    new: Vec<(Value, &'a Value)>,
}

/// The items by this member, if all have it and it names them: plain, and none twice in one array.
fn named<'a>(member: &'static str, old: &'a [Value], new: &'a [Value]) -> Option<Named<'a>> {
    let by_name = |items: &'a [Value]| -> Option<Vec<(Value, &'a Value)>> {
        let found: Option<Vec<_>> =
            items.iter().map(|item| Some((item.get(member)?.clone(), item))).collect();
        found.filter(|found| are_plain(&found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()))
    };
    Some(Named { member, old: by_name(old)?, new: by_name(new)? })
}

fn items(place: &str, named: &Named<'_>, changes: &mut Vec<Change>) {
    let Named { member, old, new } = named;
    let by_text = |items: &[(Value, &'_ Value)]| -> BTreeMap<String, Value> {
        items.iter().map(|(name, item)| (name.to_string(), (*item).clone())).collect()
    };
    let (before, after) = (by_text(old), by_text(new));
    let inside = |name: &str| format!("{place}[{member}={}]", print::line(name));
    for name in old.iter().map(|(name, _)| name.to_string()) {
        either(&inside(&name), before.get(&name), after.get(&name), changes);
    }
    let fresh = || new.iter().map(|(name, _)| name).filter(|name| !before.contains_key(&name.to_string()));
    for name in fresh().map(Value::to_string) {
        either(&inside(&name), None, after.get(&name), changes);
    }
    let kept = old.iter().map(|(name, _)| name).filter(|name| after.contains_key(&name.to_string()));
    if kept.chain(fresh()).ne(new.iter().map(|(name, _)| name)) {
        let to = new.iter().map(|(name, _)| name.clone()).collect();
        changes.push(Change::Reordered { place: place.to_owned(), to });
    }
}

/// All differences as text, one after another.
#[must_use]
pub fn text(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_swapped_seventh_elector_is_seen() {
        let electors: Vec<String> = (1..=9).map(|n| format!("elector-of-a-long-name-{n}")).collect();
        let mut swapped = electors.clone();
        swapped[6] = "elector-of-a-thief".into();
        let place = || "electors[]".to_owned();
        assert_eq!(
            between(&json!({ "electors": electors }), &json!({ "electors": swapped })),
            [
                Change::Removed { place: place(), value: electors[6].clone().into() },
                Change::Added { place: place(), value: "elector-of-a-thief".into() },
                Change::Reordered {
                    place: "electors".into(),
                    to: swapped.iter().map(|one| one.clone().into()).collect()
                },
            ]
        );
    }

    #[test]
    fn items_are_compared_by_what_names_them() {
        let ours =
            json!({"anchors": [{"fingerprint": "aa", "name": "A"}, {"fingerprint": "bb", "name": "B"}]});
        let theirs =
            json!({"anchors": [{"fingerprint": "bb", "name": "B2"}, {"fingerprint": "cc", "name": "C"}]});
        let changes = between(&ours, &theirs);
        assert_eq!(
            text(&changes),
            [
                r#"- anchors[fingerprint="aa"]: {"fingerprint":"aa","name":"A"}"#,
                r#"~ anchors[fingerprint="bb"].name: "B" → "B2""#,
                r#"+ anchors[fingerprint="cc"]: {"fingerprint":"cc","name":"C"}"#,
            ]
        );
        assert_eq!(
            changes[1].against_the_log(),
            r#"anchors[fingerprint="bb"].name: "B" by the log, "B2" shown"#
        );
    }

    #[test]
    fn no_text_in_a_value_can_play_another_difference() {
        let old = json!({ "name": "A" });
        for name in ["A shown", "\"", "A\" → \"B", "A\n+ b: 1", "\u{202e}A", "A by the log, B shown"] {
            let changes = between(&old, &json!({ "name": name }));
            let [line] = &text(&changes)[..] else { panic!("{changes:?}") };
            assert!(line.starts_with("~ name: \"A\" → \"") && !line.contains('\n'), "{line}");
            let value = line.strip_prefix("~ name: \"A\" → ").unwrap();
            assert_eq!(serde_json::from_str::<String>(value).unwrap(), name);
        }
    }

    #[test]
    fn nothing_is_cut_that_people_sign() {
        let long = "x".repeat(100_000);
        let members: serde_json::Map<String, Value> =
            (0..500).map(|n| (format!("m{n:03}"), json!(n))).collect();
        let changes = between(&json!({}), &json!({ "long": long, "members": members }));
        let text = text(&changes).concat();
        assert!(text.contains(&long) && text.contains("\"m499\": 499"));
        let brief = from_the_log(b"{}", &serde_json::to_vec(&members).unwrap(), 1 << 20);
        assert_eq!(brief.len(), 41);
        assert!(brief[40].contains("460 more"), "{}", brief[40]);
    }

    #[test]
    fn no_difference_in_bytes_is_silent_and_every_other_speaks() {
        assert!(from_the_log(b"{}", b"{}", 10).is_empty());
        assert_eq!(from_the_log(b"{\"a\":1}", b"{ \"a\":1}", 10).len(), 1);
        assert_eq!(from_the_log(b"{}", b"not json", 10).len(), 1);
        assert_eq!(from_the_log(b"[{\"id\":1},{\"id\":2}]", b"[{\"id\":2},{\"id\":1}]", 50).len(), 1);
    }

    /// Few values, so that documents often differ in little, and texts that would be dangerous unquoted.
    fn value() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            Just(json!(true)),
            (0_u64..3).prop_map(Value::from),
            prop::sample::select(vec![
                "", "a", "b", "c", "a.b", "a[]", "\"", "\\", " → ", "a shown", "\n+ a: 1", "\u{202e}",
                "\\u202e", "1", "null", "[]",
            ])
            .prop_map(Value::from),
        ];
        plain.prop_recursive(4, 24, 4, |inner| {
            let name = prop::sample::select(vec!["a", "b", "a.b", "id", "name", "", "[]", "a: 1", "\n"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn two_different_documents_never_give_the_same_text(old in value(), a in value(), b in value()) {
            let text = |new: &Value| text(&between(&old, new)).join("\n");
            if a != b {
                prop_assert_ne!(text(&a), text(&b));
            }
            prop_assert_eq!(text(&old), "");
        }

        #[test]
        fn nor_do_two_arrays_of_nearly_the_same_items(
            old in prop::collection::vec(0_u8..4, 0..5),
            a in prop::collection::vec(0_u8..4, 0..5),
            b in prop::collection::vec(0_u8..4, 0..5),
            named in any::<bool>(),
        ) {
            let document = |items: &[u8]| -> Value {
                items.iter().map(|n| if named { json!({ "id": n }) } else { json!(n) }).collect()
            };
            let text = |new: &[u8]| text(&between(&document(&old), &document(new))).join("\n");
            if a != b {
                prop_assert_ne!(text(&a), text(&b));
            }
        }
    }
}
