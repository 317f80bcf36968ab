//! What changed, from what was told and what is now.

use std::collections::BTreeSet;

use ctl_core::log::{Checkpoint, LogProof};
use ctl_core::notices::NoticeEntry;
use ctl_core::parts::DistrustKind;
use ctl_core::role::Role;

use super::{By, Held, In, Placed, Proven, SinkChange, Suspension, Told, Trouble, Version, What};
use crate::local::Local;
use crate::state::{DocumentRecord, StateDirectory};

/// An event names at most so many certificates.
const MAX_NAMED: usize = 200;
/// Beside the first of everything in trouble, so many problems of one sync are told.
const MAX_TROUBLES: usize = 32;
/// A problem is told with so many characters.
const MAX_TEXT: usize = 600;

impl Told {
    /// A document is in force.
    pub(crate) fn accept(&mut self, role: &Role, record: &DocumentRecord, directory: &StateDirectory) {
        let same = |told: &Version| told.sequence == record.sequence && told.sha256 == record.sha256;
        if self.versions.get(role).is_some_and(same) {
            return;
        }
        // It was verified when the version was accepted.
        let proof = directory.object(&record.proof).and_then(|bytes| LogProof::parse(&bytes).ok());
        let checkpoint = proof.as_ref().and_then(|proof| Checkpoint::parse(proof.checkpoint.text()).ok());
        let version = Version {
            role: role.clone(),
            sequence: record.sequence,
            sha256: record.sha256,
            entry: proof.map(|proof| proof.index),
            checkpoint: checkpoint.map(|seen| Proven { size: seen.size, root_hash: seen.root }),
        };
        self.versions.insert(role.clone(), version);
    }

    /// These suspensions hold.
    pub(crate) fn suspend(&mut self, notices: &[NoticeEntry]) {
        let line = |notice: &NoticeEntry| Suspension {
            notice: notice.notice,
            list: notice.list.clone(),
            anchor: notice.anchor,
        };
        self.suspensions = notices.iter().map(line).collect();
    }

    /// The operator of this device says this beside the lists.
    pub(crate) fn say(&mut self, local: &Local, paused: Option<&String>) {
        let distrust = local.distrust.iter().map(|one| {
            let kind = if one.kind == DistrustKind::Spki { "key" } else { "certificate" };
            format!("{kind} {} is not trusted here: {}", one.sha256, one.reason)
        });
        let hold = local
            .hold
            .iter()
            .map(|one| format!("{} is held at version {}: {}", one.list, one.sequence, one.reason));
        let paused = paused.map(|why| format!("the roll-out is paused: {why}"));
        let all = distrust.chain(hold).chain(paused);
        self.said = all.map(|said| said.chars().take(MAX_TEXT).collect()).collect();
    }

    /// These are the sinks that there are.
    pub(crate) fn keep_sinks(&mut self, names: &BTreeSet<String>) {
        self.sinks.retain(|name, _| names.contains(name));
    }

    /// This is wrong, and nothing else: about what, what, and whether it was what was received.
    pub(crate) fn trouble<'a>(&mut self, problems: impl Iterator<Item = (&'a str, String, bool)>) {
        let (mut refused, mut troubles) = (BTreeSet::new(), BTreeSet::new());
        let (mut abouts, mut more) = (BTreeSet::new(), 0_usize);
        for (about, problem, is_refusal) in problems {
            let about: String = about.chars().take(MAX_TEXT).collect();
            // Everything that is in trouble is named, or its trouble would seem to be over; the rest is bounded.
            if !abouts.insert(about.clone()) {
                more = more.saturating_add(1);
                if more > MAX_TROUBLES {
                    continue;
                }
            }
            let trouble = Trouble { about, problem: problem.chars().take(MAX_TEXT).collect() };
            if is_refusal {
                refused.insert(trouble)
            } else {
                troubles.insert(trouble)
            };
        }
        // Said in other numbers, it is what was told.
        for (new, old) in [(&mut refused, &self.refused), (&mut troubles, &self.troubles)] {
            for told in old {
                let same = new.iter().find(|now| is_same(now, told)).cloned();
                if let Some(same) = same {
                    new.remove(&same);
                    new.insert(told.clone());
                }
            }
        }
        (self.refused, self.troubles) = (refused, troubles);
    }

    /// What is new since `former`.
    pub(crate) fn since(&self, former: &Self) -> Vec<What> {
        let mut events = Vec::new();
        let versions = self.versions.iter().filter(|(role, now)| former.versions.get(*role) != Some(*now));
        events.extend(versions.map(|(_, now)| What::Accepted(now.clone())));
        events.extend((&self.suspensions - &former.suspensions).into_iter().map(What::Suspended));
        events.extend((&former.suspensions - &self.suspensions).into_iter().map(What::Lifted));
        events.extend((&self.said - &former.said).into_iter().map(|said| What::Said { said }));
        events.extend((&former.said - &self.said).into_iter().map(|said| What::Unsaid { said }));
        let nothing = Held::default();
        for (sink, held) in &self.sinks {
            let before = former.sinks.get(sink).unwrap_or(&nothing);
            events.extend(self.sink_change(sink, before, held).map(What::Sink));
        }
        let forgotten = former.sinks.keys().filter(|sink| !self.sinks.contains_key(*sink));
        events.extend(forgotten.map(|sink| What::SinkForgotten { sink: sink.clone() }));
        events.extend((&self.refused - &former.refused).into_iter().map(What::Refused));
        events.extend((&self.troubles - &former.troubles).into_iter().map(What::Trouble));
        let gone = &former.about() - &self.about();
        events.extend(gone.into_iter().map(|about| What::Over { about: about.clone() }));
        events
    }

    fn about(&self) -> BTreeSet<&String> {
        self.refused.iter().chain(&self.troubles).map(|trouble| &trouble.about).collect()
    }

    fn sink_change(&self, sink: &str, before: &Held, now: &Held) -> Option<SinkChange> {
        let (mut added, mut removed) = (only_in(now, before), only_in(before, now));
        if added.is_empty() && removed.is_empty() {
            return None;
        }
        let all = added.len().saturating_add(removed.len());
        removed.truncate(MAX_NAMED);
        added.truncate(MAX_NAMED.saturating_sub(removed.len()));
        let unnamed = all.saturating_sub(added.len().saturating_add(removed.len()));
        let by = self.versions.values().filter(|version| version.role != Role::Registry);
        let by = by.map(|Version { role, sequence, entry, .. }| By {
            role: role.clone(),
            sequence: *sequence,
            entry: *entry,
        });
        Some(SinkChange { sink: sink.to_owned(), added, removed, unnamed, by: by.collect() })
    }
}

/// What one holds and another does not, or not in the same stores.
fn only_in(one: &Held, other: &Held) -> Vec<Placed> {
    let mut found = Vec::new();
    for (digest, In { name, stores }) in &one.certificates {
        let elsewhere = other.certificates.get(digest).map(|found| &found.stores);
        let only: Vec<String> = match elsewhere {
            Some(others) => (stores - others).into_iter().collect(),
            None => stores.iter().cloned().collect(),
        };
        if elsewhere.is_none() || !only.is_empty() {
            found.push(Placed { sha256: *digest, name: name.clone(), stores: only });
        }
    }
    found
}

fn is_same(one: &Trouble, other: &Trouble) -> bool {
    one.about == other.about && gist(&one.problem) == gist(&other.problem)
}

/// A text but for its numbers, which tell how often, how long or how much.
pub(crate) fn gist(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use ctl_core::Digest;

    use super::*;

    fn held(certificates: &[(u8, &[&str])]) -> Held {
        let of = |(number, stores): &(u8, &[&str])| {
            let stores = stores.iter().map(|store| (*store).to_owned()).collect();
            (Digest::of(&[*number]), In { name: format!("root {number}"), stores })
        };
        Held { certificates: certificates.iter().map(of).collect(), ..Held::default() }
    }

    #[test]
    fn a_certificate_that_moved_was_removed_here_and_added_there() {
        let before =
            Told { sinks: [("s".into(), held(&[(1, &["v2g"]), (2, &["mo"])]))].into(), ..Told::default() };
        let now = Told { sinks: [("s".into(), held(&[(1, &["mo"]), (3, &[])]))].into(), ..Told::default() };
        let events = now.since(&before);
        let [What::Sink(change)] = events.as_slice() else { panic!("{events:?}") };
        let told = |placed: &[Placed]| -> BTreeSet<String> {
            placed.iter().map(|placed| format!("{} {}", placed.name, placed.stores.join(","))).collect()
        };
        assert_eq!(told(&change.added), ["root 1 mo".to_owned(), "root 3 ".to_owned()].into());
        assert_eq!(told(&change.removed), ["root 1 v2g".to_owned(), "root 2 mo".to_owned()].into());
        assert_eq!(now.since(&now), []);
    }

    #[test]
    fn an_event_is_bounded_and_says_how_much_it_leaves_out() {
        let many: Vec<(u8, &[&str])> = (0..=255).map(|number| (number, &[][..])).collect();
        let now = Told { sinks: [("s".into(), held(&many))].into(), ..Told::default() };
        let events = now.since(&Told::default());
        let [What::Sink(change)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((change.added.len(), change.unnamed), (MAX_NAMED, 256 - MAX_NAMED));
    }

    #[test]
    fn the_same_trouble_in_other_numbers_is_told_once_and_its_end_once() {
        let trouble = |told: &Told, problems: &[(&'static str, &str)]| {
            let mut now = told.clone();
            now.trouble(problems.iter().map(|(about, problem)| (*about, (*problem).to_owned(), false)));
            now
        };
        let one = trouble(&Told::default(), &[("log", "no answer for 3 s")]);
        assert_eq!(one.since(&Told::default()).len(), 1);
        let two = trouble(&one, &[("log", "no answer for 31 s")]);
        assert_eq!(two.since(&one), []);
        let three = trouble(&two, &[("log", "it shows two histories")]);
        assert!(matches!(three.since(&two).as_slice(), [What::Trouble(_)]));
        assert_eq!(trouble(&three, &[]).since(&three), [What::Over { about: "log".into() }]);
    }

    #[test]
    fn much_trouble_in_one_place_hides_none_elsewhere() {
        let mut now = Told::default();
        now.trouble([("b", "it fails".to_owned(), false)].into_iter());
        let former = now.clone();
        let many = (0..40).map(|number| ("a", format!("{} cannot be read", "x".repeat(number)), false));
        now.trouble(many.chain([("b", "it fails".to_owned(), false), ("c", "too".to_owned(), false)]));
        let events = now.since(&former);
        assert!(!events.iter().any(|event| matches!(event, What::Over { .. })), "{events:?}");
        assert!(events.iter().any(|event| matches!(event, What::Trouble(trouble) if trouble.about == "c")));
        assert!(events.len() <= MAX_TROUBLES + 2);
    }
}
