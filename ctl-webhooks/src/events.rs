//! What is to be said: the difference between the roots that were known and those that are.

use ctl_core::Timestamp;
use ctl_formats::{EventRoot, RootEvent};

use crate::roots::{Key, Roots};

/// Something that happened to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: RootEvent,
    pub key: Key,
    pub root: EventRoot,
}

/// Whether a root's certificate has ended.
const fn is_over(root: &EventRoot, now: Timestamp) -> bool {
    now.unix() > root.not_after
}

/// The roots that are of use at a moment: a root past its end leaves the pool by itself.
#[must_use]
pub fn living(roots: Roots, now: Timestamp) -> Roots {
    roots.into_iter().filter(|(_, root)| !is_over(root, now)).collect()
}

/// What happened between two looks, of which the first saw only what was [living]. A root that was there and is not has
/// expired if its certificate has ended, and was revoked otherwise: distrusted, suspended, withdrawn, or taken off the
/// list. One that is new and has ended already never was.
#[must_use]
pub fn events(before: &Roots, after: &Roots, now: Timestamp) -> Vec<Event> {
    let lives = |key: &Key| after.get(key).is_some_and(|root| !is_over(root, now));
    let gone = before.iter().filter(|(key, _)| !lives(key)).map(|(key, root)| {
        let kind = if is_over(root, now) { RootEvent::Expired } else { RootEvent::Revoked };
        Event { kind, key: key.clone(), root: root.clone() }
    });
    let new = after
        .iter()
        .filter(|(key, _)| !before.contains_key(key) && lives(key))
        .map(|(key, root)| Event { kind: RootEvent::Added, key: key.clone(), root: root.clone() });
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use ctl_formats::{EventPayload, PoolForm};

    use super::*;

    fn roots(all: &[(&str, i64)]) -> Roots {
        let one = |(id, not_after): &(&str, i64)| {
            let text = || String::from("x");
            let payload = EventPayload {
                root_certificate_id: (*id).to_owned(),
                distinguished_name: text(),
                common_name: text(),
                root_type: "V2G".to_owned(),
                root_serial_number: text(),
                signature_algorithm: None,
                fingerprint_sha256: text(),
            };
            let key = Key { form: PoolForm::Opcp, id: (*id).to_owned() };
            (key, EventRoot { namespace: None, not_after: *not_after, payload })
        };
        all.iter().map(one).collect()
    }

    fn told(before: &[(&str, i64)], after: &[(&str, i64)], now: i64) -> Vec<(RootEvent, String)> {
        let all = events(&roots(before), &roots(after), Timestamp::from_unix(now));
        all.into_iter().map(|event| (event.kind, event.key.id)).collect()
    }

    #[test]
    fn each_change_is_told_once_in_the_word_for_it() {
        use RootEvent::{Added, Expired, Revoked};
        let said = |kind, id: &str| (kind, id.to_owned());
        assert_eq!(told(&[("a", 10)], &[("a", 10)], 5), []);
        assert_eq!(told(&[], &[("a", 10)], 5), [said(Added, "a")]);
        assert_eq!(told(&[("a", 10)], &[], 5), [said(Revoked, "a")]);
        assert_eq!(told(&[("a", 10)], &[("a", 10)], 10), [], "valid to the end of the last second");
        assert_eq!(told(&[("a", 10)], &[("a", 10)], 11), [said(Expired, "a")], "without a new list");
        assert_eq!(told(&[("a", 10)], &[], 11), [said(Expired, "a")]);
        assert_eq!(told(&[], &[("a", 10)], 11), [], "it never was");
        assert_eq!(
            told(&[("a", 10), ("b", 99)], &[("c", 99)], 11),
            [said(Expired, "a"), said(Revoked, "b"), said(Added, "c")]
        );
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let now = Timestamp::from_unix(11);
        let after = roots(&[("a", 10), ("b", 99)]);
        let known = living(after.clone(), now);
        assert_eq!(known.len(), 1);
        assert_eq!(events(&known, &after, now), []);
    }
}
