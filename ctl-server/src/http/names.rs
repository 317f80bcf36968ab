//! Marks names that could be mistaken for others.

use ctl_core::names::print;
use serde_json::Value;

/// The same object; with `mixed_scripts: true` if its `name` has a word that mixes scripts, such as a Cyrillic letter
/// among Latin ones.
pub(super) fn marked(mut value: Value) -> Value {
    let mixed =
        value.get("name").and_then(Value::as_str).is_some_and(|name| print::mixed_scripts(name).is_some());
    if let (true, Some(members)) = (mixed, value.as_object_mut()) {
        members.insert("mixed_scripts".into(), true.into());
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_names_that_mix_scripts_are_marked() {
        let marked = |name: Value| marked(json!({ "name": name }));
        assert_eq!(marked(json!("\u{410}lpha"))["mixed_scripts"], true);
        for fine in [json!("Alpha"), json!("\u{410}\u{43b}\u{44c}\u{444}\u{430}"), json!(null)] {
            assert_eq!(marked(fine.clone()), json!({ "name": fine }));
        }
    }
}
