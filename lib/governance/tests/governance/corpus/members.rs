//! Every member and every fixed word of every statement says since which rules it is known: what statements can
//! say, found out by asking the reader of each what it would accept, against the table.

use std::collections::BTreeSet;

use ctl_governance::RulesVersion;
use ctl_governance::statement::Body;
use ctl_governance::statement::known::{BROUGHT, unknown_member};
use serde_json::Value;

use super::ledgers;

type Member = (&'static str, String);

/// What the table says.
fn table() -> BTreeSet<Member> {
    let lines =
        BROUGHT.iter().flat_map(|(_, of, members)| members.split_whitespace().map(move |one| (*of, one)));
    lines.map(|(of, member)| (of, member.to_owned())).collect()
}

#[test]
fn every_member_and_word_says_since_when_it_is_known() {
    let (mut members, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut asked = BTreeSet::new();
    for line in &ledgers(RulesVersion::LATEST).lines {
        let body = line.said.entry().statement.payload.body;
        let (of, value) = (body.type_name(), body.to_value());
        let mut shape = BTreeSet::new();
        flatten(&value, "", &mut shape);
        seen.extend(shape.iter().map(|path| (of, path.clone())));
        if asked.insert((of, shape)) {
            ask(of, &value, &mut Vec::new(), "", &mut members);
        }
    }
    let missing: Vec<_> = members.difference(&table()).cloned().collect();
    assert!(missing.is_empty(), "in statements and not in the table:\n{}", lines(&members));
    let idle: Vec<_> = table().difference(&members).cloned().collect();
    assert!(idle.is_empty(), "in the table and in no statement: {idle:#?}");
    // The corpus has each of them at least once: only so is it asked what stands inside.
    let paths = members.iter().filter(|(_, member)| !member.contains('='));
    let unseen: Vec<_> =
        paths.filter(|(of, member)| !seen.iter().any(|s| s.0 == *of && same(&s.1, member))).collect();
    assert!(unseen.is_empty(), "in no statement of the corpus: {unseen:#?}");
}

#[test]
fn nothing_in_the_corpus_is_newer_than_its_rules() {
    for line in &ledgers(RulesVersion::V1).lines {
        assert_eq!(unknown_member(RulesVersion::V1, &line.said.entry().statement.payload.body), None);
    }
}

/// A path with the names of a map's members, and the same with `*` for them.
fn same(seen: &str, member: &str) -> bool {
    let (mut seen, mut member) = (seen.split('.'), member.split('.'));
    loop {
        match (seen.next(), member.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if other == "*" || one == other => {}
            _ => return false,
        }
    }
}

fn flatten(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.insert(path.clone());
                flatten(inner, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(item, path, found)),
        _ => {}
    }
}

/// Puts something unknown into every place of a statement and listens to what would have been expected there.
fn ask(of: &'static str, whole: &Value, place: &mut Vec<String>, path: &str, found: &mut BTreeSet<Member>) {
    let here = at(whole, place);
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match here {
        Some(Value::Object(members)) => {
            let expected = expected(of, whole, place, |value| {
                value.as_object_mut().unwrap().insert("?".into(), 0.into());
            });
            let fixed = expected.as_ref().filter(|(what, _)| what == "unknown field");
            if let Some((_, names)) = fixed {
                found.extend(names.iter().map(|name| (of, join(name))));
            }
            for name in members.keys() {
                let shown = if fixed.is_some() { name.as_str() } else { "*" };
                found.insert((of, join(shown)));
                place.push(name.clone());
                ask(of, whole, place, &join(shown), found);
                place.pop();
            }
        }
        Some(Value::Array(items)) => {
            for step in 0..items.len() {
                place.push(step.to_string());
                ask(of, whole, place, path, found);
                place.pop();
            }
        }
        Some(Value::String(_)) => {
            let expected = expected(of, whole, place, |value| *value = "?".into());
            if let Some((_, words)) = expected.filter(|(what, _)| what == "unknown variant") {
                found.extend(words.iter().map(|word| (of, format!("{path}={word}"))));
            }
        }
        _ => {}
    }
}

/// What the reader says to a changed statement: the kind of its complaint, and what it would take.
fn expected(
    of: &str,
    whole: &Value,
    place: &[String],
    change: impl FnOnce(&mut Value),
) -> Option<(String, Vec<String>)> {
    let mut changed = whole.clone();
    let inner = place.iter().fold(&mut changed, |value, step| match value {
        Value::Array(items) => &mut items[step.parse::<usize>().unwrap()],
        value => &mut value[step.as_str()],
    });
    change(inner);
    let is_member = at(whole, place).is_some_and(|value| value.is_object());
    let read = Body::from_value(of, changed);
    assert!(read.is_err() || !is_member, "an unknown member at {place:?} of a {of} is passed over");
    let error = read.err()?.to_string();
    if error.contains("unknown field `?`, there are no fields") {
        return Some(("unknown field".into(), Vec::new()));
    }
    let (what, rest) = ["unknown field", "unknown variant"]
        .into_iter()
        .find_map(|what| Some((what, error.split_once(&format!("{what} `?`, expected "))?.1)))?;
    let names = rest.split('`').skip(1).step_by(2).map(str::to_owned);
    Some((what.to_owned(), names.collect()))
}

fn at(whole: &Value, place: &[String]) -> Option<Value> {
    let inner = place.iter().try_fold(whole, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    });
    inner.cloned()
}

/// The table, as its source has it.
fn lines(members: &BTreeSet<Member>) -> String {
    let mut text = String::new();
    for of in Body::TYPES {
        text += &format!("    (\n        RulesVersion::V1,\n        {of:?},\n        \"");
        let mut width = 0;
        for (_, member) in members.iter().filter(|(one, _)| one == of) {
            if width > 0 && width + member.len() > 95 {
                text += " \\\n         ";
                width = 0;
            } else if width > 0 {
                text += " ";
            }
            text += member;
            width += member.len() + 1;
        }
        text += "\",\n    ),\n";
    }
    text
}
