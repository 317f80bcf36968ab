//! Names: patterns of delegations, file names of roles, names of targets.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Whether a shell-style pattern (`*`, `?`; neither matches `/`) covers a target name (§4.5).
#[must_use]
pub fn matches(pattern: &str, target: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut targets = target.split('/');
    loop {
        match (patterns.next(), targets.next()) {
            (None, None) => return true,
            (Some(pattern), Some(target)) if part_matches(pattern, target) => {}
            _ => return false,
        }
    }
}

/// Going back only to the last `*` keeps this at pattern × target steps, whatever is asked.
fn part_matches(pattern: &str, target: &str) -> bool {
    let (mut pattern, mut target) = (pattern.chars(), target.chars());
    let mut retry = None;
    loop {
        let target_before = target.clone();
        match (pattern.next(), target.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                target = target_before;
                retry = Some((pattern.clone(), target.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => {
                let Some((after_star, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, target) = (after_star.clone(), from.clone());
            }
        }
    }
}

/// Percent-encodes what is not plain in one segment of a path (RFC 3986 §2.3).
#[must_use]
pub fn encode_segment(segment: &str) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(segment, PLAIN).to_string()
}

/// The file of a role without version, percent-encoded so that it is one safe path segment.
#[must_use]
pub fn role_file(role: &str) -> String {
    encode_segment(role) + ".json"
}

/// Whether a target may have this name in what we publish: flat, printable ASCII that every client
/// makes the same URL and file of.
#[must_use]
pub fn is_flat_name(name: &str) -> bool {
    (1..=200).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Whether a target of this name may be asked for: foreign repositories have folders too, but
/// nothing may lead out of them.
#[must_use]
pub fn is_target_name(name: &str) -> bool {
    name.len() <= 1000
        && !name.contains(|c: char| c == '\\' || c.is_control())
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Where a target is fetched from when snapshots are consistent: the hash goes before the last
/// segment (§6.2).
#[must_use]
pub fn with_hash(name: &str, hash: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, file)) => format!("{folder}/{hash}.{file}"),
        None => format!("{hash}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_within_one_segment() {
        for (pattern, target, expected) in [
            ("*", "na.ctl.json", true),
            ("*", "a/b", false),
            ("*.json", "na.ctl.json", true),
            ("*.json", "na.ctl.jsonx", false),
            ("na.*.json", "na.ctl.json", true),
            ("na.ctl.json", "na.ctl.json", true),
            ("n?.ctl.json", "na.ctl.json", true),
            ("n?.ctl.json", "n.ctl.json", false),
            ("releases/*/*", "releases/x/y", true),
            ("releases/*/*", "releases/x", false),
            ("**a", "aaaa", true),
            ("", "", true),
            ("", "a", false),
            ("[a]", "a", false),
        ] {
            assert_eq!(matches(pattern, target), expected, "{pattern} {target}");
        }
        assert!(!matches(&"*a".repeat(2000), &"a".repeat(1999)), "no exponential search");
    }

    #[test]
    fn no_role_or_target_name_leads_out_of_its_folder() {
        assert_eq!(role_file("na"), "na.json");
        assert_eq!(role_file("../delegated?#"), "..%2Fdelegated%3F%23.json");
        for name in ["", "..", "a/../b", "/a", "a//b", "a\\b", "a\nb", "./a"] {
            assert!(!is_target_name(name), "{name:?}");
        }
        assert!(is_target_name("folder/a.json") && !is_flat_name("folder/a.json"));
        assert!(is_flat_name("mo-registry.json") && !is_flat_name(".hidden") && !is_flat_name("ä"));
        assert_eq!(with_hash("a/b.json", "00"), "a/00.b.json");
    }

    proptest! {
        #[test]
        fn a_pattern_made_from_a_name_matches_it(name in "[a-c.]{1,12}", at in 0usize..12, star in any::<bool>()) {
            let at = at.min(name.len() - 1);
            let wild = if star { "*" } else { "?" };
            let pattern = format!("{}{wild}{}", &name[..at], &name[at + 1..]);
            prop_assert!(matches(&pattern, &name));
        }

        #[test]
        fn any_texts_can_be_matched(pattern in "\\PC{0,40}", target in "\\PC{0,40}") {
            let _ = matches(&pattern, &target);
            prop_assert!(role_file(&target).bytes().all(|b| b != b'/' && b.is_ascii()));
        }
    }
}
