//! What a look at a source means: pure.

use ctl_core::{Digest, Timestamp};
use ctl_sources::Entry;

use super::{Cause, Contents, SourceIncident, Standing, Told};

/// At most so many roots of each kind stand in one incident; the numbers are always whole.
const MAX_TOLD: usize = 200;

/// How the source stands after a look, and the incidents that this look begins or ends, with their numbers if they have one.
///
/// What cannot be read changes nothing of what is known, and neither does a smaller number: an old list shown again would
/// bring back roots that are gone. The first look tells nothing: everything would be new.
#[must_use]
pub fn judge(
    before: &Standing,
    look: Result<Contents, String>,
    at: Timestamp,
) -> (Standing, Vec<(Option<u64>, SourceIncident)>) {
    let mut after = Standing { last_try_at: Some(at), ..before.clone() };
    let mut incidents = Vec::new();
    let trouble = match &look {
        Err(why) => Some((Cause::Unread, why.clone())),
        Ok(contents) => went_back(before.contents.as_ref(), contents).map(|why| (Cause::WentBack, why)),
    };
    // What lasts and is not what is wrong now has ended.
    if let Some((number, open)) = &before.open
        && trouble.as_ref().is_none_or(|(cause, _)| *cause != open.cause)
    {
        incidents.push((Some(*number), SourceIncident { ended_at: Some(at), ..open.clone() }));
        after.open = None;
    }
    if let Some((cause, why)) = trouble {
        if after.open.is_none() {
            incidents.push((None, SourceIncident::new(cause, at, why)));
        }
        return (after, incidents);
    }
    let Ok(contents) = look else { return (after, incidents) };
    if let Some(held) = &before.contents {
        let moved = compare(held, &contents, at);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let [appeared, vanished, changed] = [&moved.appeared, &moved.vanished, &moved.changed].map(Vec::len);
        if appeared + vanished + changed > 0 {
            after.appeared = after.appeared.saturating_add(count(appeared));
            after.vanished = after.vanished.saturating_add(count(vanished));
            after.changed = after.changed.saturating_add(count(changed));
            after.last_moved_at = Some(at);
            incidents.push((None, bounded(moved)));
        }
    }
    after.last_read_at = Some(at);
    after.contents = Some(contents);
    (after, incidents)
}

fn went_back(held: Option<&Contents>, now: &Contents) -> Option<String> {
    match (held?.sequence, now.sequence) {
        (Some(held), Some(now)) if now < held => {
            Some(format!("it shows number {now}, and number {held} was seen before"))
        }
        (Some(held), None) => Some(format!("it shows no number, and number {held} was seen before")),
        _ => None,
    }
}

fn compare(held: &Contents, now: &Contents, at: Timestamp) -> SourceIncident {
    let changes = ctl_sources::changes(&held.roots, &now.roots);
    let told = |entries: Vec<(Digest, Entry)>| -> Vec<Told> {
        entries.into_iter().map(|(fingerprint, entry)| Told::of(fingerprint, entry)).collect()
    };
    let (appeared, vanished) = (told(changes.appeared), told(changes.vanished));
    let changed =
        told(changes.changed.into_iter().map(|(fingerprint, _, entry)| (fingerprint, entry)).collect());
    let number = match (held.sequence, now.sequence) {
        (Some(from), Some(to)) => format!(", from number {from} to {to}"),
        _ => String::new(),
    };
    let detail = format!(
        "{} appeared, {} vanished, {} changed{number}",
        appeared.len(),
        vanished.len(),
        changed.len()
    );
    SourceIncident {
        ended_at: Some(at),
        appeared,
        vanished,
        changed,
        ..SourceIncident::new(Cause::Moved, at, detail)
    }
}

fn bounded(mut incident: SourceIncident) -> SourceIncident {
    let lists = [&mut incident.appeared, &mut incident.vanished, &mut incident.changed];
    if lists.iter().any(|list| list.len() > MAX_TOLD) {
        lists.into_iter().for_each(|list| list.truncate(MAX_TOLD));
        incident.detail += &format!("; of each kind only the first {MAX_TOLD} are named here");
    }
    incident
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_unix(1_790_000_000 + second)
    }

    fn root(name: &str) -> (Digest, Entry) {
        let entry = Entry { subject: name.to_owned(), said: Default::default() };
        (Digest::of(name.as_bytes()), entry)
    }

    fn contents(sequence: Option<u64>, names: &[&str]) -> Contents {
        let roots = names.iter().map(|name| root(name)).collect();
        Contents { sequence, roots, ..Contents::default() }
    }

    /// Numbers what begins, as the store does.
    fn looked(
        before: &Standing,
        look: Result<Contents, String>,
        second: i64,
    ) -> (Standing, Vec<SourceIncident>) {
        let (mut after, incidents) = judge(before, look, time(second));
        let begun = incidents.iter().find(|(number, one)| number.is_none() && one.ended_at.is_none());
        if let Some((_, one)) = begun {
            after.open = Some((7, one.clone()));
        }
        (after, incidents.into_iter().map(|(_, one)| one).collect())
    }

    fn names(told: &[Told]) -> Vec<&str> {
        told.iter().map(|one| one.subject.as_str()).collect()
    }

    #[test]
    fn the_first_look_tells_nothing_and_the_next_what_came_and_went() {
        let (first, told) = looked(&Standing::default(), Ok(contents(Some(1), &["a", "b"])), 0);
        assert!(told.is_empty());
        let (second, told) = looked(&first, Ok(contents(Some(2), &["b", "c", "d"])), 60);
        let [moved] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((moved.cause, moved.ended_at), (Cause::Moved, Some(time(60))));
        assert_eq!(names(&moved.vanished), ["a"]);
        assert_eq!(names(&moved.appeared).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["c", "d"]));
        assert_eq!(moved.detail, "2 appeared, 1 vanished, 0 changed, from number 1 to 2");
        assert_eq!((second.appeared, second.vanished, second.last_moved_at), (2, 1, Some(time(60))));
        let (third, told) = looked(&second, Ok(contents(Some(2), &["b", "c", "d"])), 120);
        assert!(told.is_empty());
        assert_eq!(third.last_moved_at, Some(time(60)));
    }

    #[test]
    fn a_root_that_is_told_of_in_another_way_has_changed() {
        let (first, _) = looked(&Standing::default(), Ok(contents(None, &["a"])), 0);
        let mut now = contents(None, &["a"]);
        now.roots.values_mut().for_each(|root| root.said.status = ["deprecated".to_owned()].into());
        let (_, told) = looked(&first, Ok(now), 60);
        assert_eq!(names(&told[0].changed), ["a"]);
        assert!(told[0].appeared.is_empty() && told[0].vanished.is_empty());
    }

    #[test]
    fn a_source_that_cannot_be_read_loses_no_root_and_one_incident_lasts_until_it_can() {
        let (first, _) = looked(&Standing::default(), Ok(contents(None, &["a"])), 0);
        let (second, told) = looked(&first, Err("it answers 500".to_owned()), 60);
        assert_eq!(
            (told[0].cause, told[0].ended_at, told[0].detail.as_str()),
            (Cause::Unread, None, "it answers 500")
        );
        let (third, told) = looked(&second, Err("it answers 503".to_owned()), 120);
        assert!(told.is_empty());
        assert_eq!((third.contents.clone(), third.last_read_at), (first.contents.clone(), Some(time(0))));
        let (fourth, told) = looked(&third, Ok(contents(None, &["a"])), 180);
        assert_eq!((told.len(), told[0].began_at, told[0].ended_at), (1, time(60), Some(time(180))));
        assert_eq!((fourth.open, fourth.last_read_at), (None, Some(time(180))));
    }

    #[test]
    fn an_attacker_who_shows_an_old_list_or_hides_its_number_brings_no_root_back() {
        let (held, _) = looked(&Standing::default(), Ok(contents(Some(5), &["a"])), 0);
        for old in [contents(Some(4), &["a", "gone"]), contents(None, &["a", "gone"])] {
            let (after, told) = looked(&held, Ok(old), 60);
            assert_eq!(told[0].cause, Cause::WentBack);
            assert_eq!(after.contents, held.contents);
            // What is wrong becomes something else: one incident ends, another begins.
            let (_, told) = looked(&after, Err("silent".to_owned()), 120);
            assert_eq!(
                told.iter().map(|one| one.cause).collect::<Vec<_>>(),
                [Cause::WentBack, Cause::Unread]
            );
            assert_eq!(told[0].ended_at, Some(time(120)));
        }
    }

    #[test]
    fn ten_thousand_new_roots_are_counted_and_not_all_named() {
        let (first, _) = looked(&Standing::default(), Ok(Contents::default()), 0);
        let many: Vec<String> = (0..10_000).map(|number| format!("root {number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (after, told) = looked(&first, Ok(contents(None, &many)), 60);
        assert_eq!((after.appeared, told[0].appeared.len()), (10_000, MAX_TOLD));
        assert!(told[0].detail.starts_with("10000 appeared"), "{}", told[0].detail);
    }
}
