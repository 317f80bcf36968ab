//! The history for people: a line for each event, and below it what belongs to it.

use std::fmt;

use ctl_core::names::print::{line as plain, name};

use super::{By, Event, History, Placed, Proven, SinkChange, Suspension, Trouble, Version, What};

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.iter().try_for_each(|event| write!(f, "{event}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = if self.clock { "" } else { " or later" };
        write!(f, "{}{since}  ", self.at)?;
        match &self.what {
            What::Accepted(version) => accepted(f, version),
            What::Sink(change) => sink(f, change),
            What::SinkForgotten { sink } => {
                writeln!(f, "sink {} is not configured any more; what it holds stays", plain(sink))
            }
            What::Suspended(suspension) => suspended(f, suspension, "suspended"),
            What::Lifted(suspension) => suspended(f, suspension, "no longer suspended"),
            What::Said { said } => writeln!(f, "the operator of this device says: {}", plain(said)),
            What::Unsaid { said } => {
                writeln!(f, "the operator of this device no longer says: {}", plain(said))
            }
            What::Refused(Trouble { about, problem }) => {
                writeln!(f, "REFUSED {}: {}", plain(about), plain(problem))
            }
            What::Trouble(Trouble { about, problem }) => {
                writeln!(f, "trouble with {}: {}", plain(about), plain(problem))
            }
            What::Over { about } => writeln!(f, "nothing is wrong any more with {}", plain(about)),
            What::Begun { why } => {
                writeln!(f, "{}: what follows may have been told already", plain(why))
            }
        }
    }
}

fn accepted(f: &mut fmt::Formatter<'_>, version: &Version) -> fmt::Result {
    let Version { role, sequence, sha256, entry, checkpoint } = version;
    write!(f, "accepted {role} version {sequence} ({})", sha256.short())?;
    if let Some(entry) = entry {
        write!(f, ", published by entry {entry}")?;
    }
    if let Some(Proven { size, root_hash }) = checkpoint {
        write!(f, ", proven by the checkpoint of {size} entries, root {}", root_hash.short())?;
    }
    writeln!(f)
}

fn sink(f: &mut fmt::Formatter<'_>, change: &SinkChange) -> fmt::Result {
    let SinkChange { sink, added, removed, unnamed, by } = change;
    writeln!(f, "sink {} changed", plain(sink))?;
    for (mark, placed) in added.iter().map(|one| ('+', one)).chain(removed.iter().map(|one| ('-', one))) {
        let Placed { sha256, name: called, stores } = placed;
        let stores = stores.iter().map(|store| plain(store)).collect::<Vec<_>>().join(", ");
        let place = if stores.is_empty() { "" } else { "  in " };
        writeln!(f, "    {mark} {sha256} {}{place}{stores}", name(called))?;
    }
    if *unnamed > 0 {
        writeln!(f, "    and {unnamed} more")?;
    }
    let entry = |by: &By| by.entry.map_or(String::new(), |entry| format!(" (entry {entry})"));
    let by: Vec<String> =
        by.iter().map(|by| format!("{} version {}{}", by.role, by.sequence, entry(by))).collect();
    if by.is_empty() { Ok(()) } else { writeln!(f, "    by {}", by.join(", ")) }
}

fn suspended(f: &mut fmt::Formatter<'_>, suspension: &Suspension, how: &str) -> fmt::Result {
    let Suspension { notice, list, anchor } = suspension;
    writeln!(f, "{anchor} on {list} is {how} by notice {notice}")
}
