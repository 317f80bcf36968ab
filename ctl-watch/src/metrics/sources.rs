//! The series of other people's lists and pools, read at each scrape.

use super::family::Page;
use crate::sources::{Cause, Sources};

ctl_serve::families! {
    READABLE: Gauge "ctl_source_readable" ["source"]
        "1 if the last look at another list or pool could be read and was not older than what was seen before, 0 if not; absent before the first look.";
    READ: Gauge "ctl_source_read_timestamp_seconds" ["source"]
        "Unix time of the last look that was taken.";
    ROOTS: Gauge "ctl_source_roots" ["source"]
        "Roots that it held then.";
    UNREADABLE: Gauge "ctl_source_unreadable_items" ["source"]
        "Items in it that could not be read as certificates.";
    SEQUENCE: Gauge "ctl_source_sequence" ["source"]
        "The number of the list, where it has one.";
    NOT_AFTER: Gauge "ctl_source_not_after_timestamp_seconds" ["source"]
        "Unix time at which the list ends, where it says so.";
    MOVED: Gauge "ctl_source_moved_timestamp_seconds" ["source"]
        "Unix time at which roots last appeared, vanished or changed; absent while they never did.";
    CHANGES: Counter "ctl_source_changes_total" ["source", "change"]
        "Roots that appeared, vanished, or are told of in another way since the first look.";
    INCIDENT: Gauge "ctl_source_incident_started_timestamp_seconds" ["source", "cause"]
        "Unix time since which it cannot be read (unread), or shows an older list than before (went-back); absent when all is well.";
}

/// Writes them.
pub(super) fn write(page: &mut Page<'_>, sources: &Sources) {
    let all = sources.all();
    let mut gauge = |family, value: &dyn Fn(&crate::sources::Standing) -> Option<String>| {
        let mut series = page.family(family);
        for (named, standing) in &all {
            if let Some(value) = value(standing) {
                series.sample(&[&named.name], value);
            }
        }
    };
    gauge(&READABLE, &|one| one.last_try_at.map(|_| u8::from(one.open.is_none()).to_string()));
    gauge(&READ, &|one| one.last_read_at.map(|at| at.unix().to_string()));
    gauge(&ROOTS, &|one| one.contents.as_ref().map(|held| held.roots.len().to_string()));
    gauge(&UNREADABLE, &|one| one.contents.as_ref().map(|held| held.unreadable.to_string()));
    gauge(&SEQUENCE, &|one| one.contents.as_ref()?.sequence.map(|number| number.to_string()));
    gauge(&NOT_AFTER, &|one| one.contents.as_ref()?.not_after.map(|end| end.unix().to_string()));
    gauge(&MOVED, &|one| one.last_moved_at.map(|at| at.unix().to_string()));
    let mut series = page.family(&CHANGES);
    for (named, standing) in &all {
        let counts =
            [("appeared", standing.appeared), ("vanished", standing.vanished), ("changed", standing.changed)];
        for (change, count) in counts {
            series.sample(&[&named.name, change], count);
        }
    }
    let mut series = page.family(&INCIDENT);
    for (named, standing) in &all {
        if let Some((_, open)) = &standing.open {
            debug_assert_ne!(open.cause, Cause::Moved);
            series.sample(&[&named.name, open.cause.as_str()], open.began_at.unix());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ctl_core::Timestamp;

    use super::*;
    use crate::sources::{Contents, Named, SourceIncident, Standing};

    #[test]
    fn a_source_that_cannot_be_read_keeps_its_roots_and_says_since_when() {
        let sources = Sources::default();
        let named = Named { name: "sae".to_owned(), place: "https://list.example/".to_owned() };
        let at = |second| Some(Timestamp::from_unix(second));
        let contents = Contents { sequence: Some(7), ..Contents::default() };
        let incident = SourceIncident::new(Cause::Unread, Timestamp::from_unix(200), "silent".to_owned());
        let standing = Standing {
            contents: Some(contents),
            last_try_at: at(300),
            last_read_at: at(100),
            open: Some((1, incident)),
            vanished: 2,
            ..Standing::default()
        };
        sources.put(&named, Arc::new(standing));
        let mut text = String::new();
        write(&mut Page(&mut text), &sources);
        for line in [
            "ctl_source_readable{source=\"sae\"} 0",
            "ctl_source_read_timestamp_seconds{source=\"sae\"} 100",
            "ctl_source_roots{source=\"sae\"} 0",
            "ctl_source_sequence{source=\"sae\"} 7",
            "ctl_source_changes_total{source=\"sae\",change=\"vanished\"} 2",
            "ctl_source_incident_started_timestamp_seconds{source=\"sae\",cause=\"unread\"} 200",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
        assert!(!text.contains("ctl_source_moved") && !text.contains("ctl_source_not_after"), "{text}");
    }
}
