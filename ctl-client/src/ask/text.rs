//! The answers for people: a few lines for each certificate. What comes from outside is escaped here, once.

use std::fmt::Write as _;

use ctl_core::names::print::{line as plain, name};

use super::{Explanation, InSink, ListedAnchor, Preflight, Problem, Resolved, Verdict};
use crate::status::Severity;

/// Writes to a text, which cannot fail.
macro_rules! add {
    ($text:expr, $($what:tt)*) => {{
        let _ = writeln!($text, $($what)*);
    }};
}

fn add(text: &mut String, mark: &str, words: &str) {
    add!(text, "{mark}{}", plain(words));
}

/// What `explain` says.
pub(super) fn explanations(all: &[Explanation]) -> String {
    let mut text = String::new();
    for one in all {
        let what = match &one.certificate {
            Some(facts) => format!("{}  {}", facts.sha256.short(), plain(&facts.subject)),
            None => "no certificate".to_owned(),
        };
        let mark = match one.verdict {
            Verdict::Trusted => "INSTALL",
            Verdict::CrossCertificate => "cross-certificate",
            Verdict::ListedNotTrusted | Verdict::Distrusted => "DO NOT USE",
            Verdict::NotListed => "not listed",
            Verdict::NotARoot => "no root",
            Verdict::NoCertificate => "UNREADABLE",
        };
        add!(text, "{}:{}  {what}", plain(&one.file), one.line);
        add!(text, "  {mark}: {}", plain(&one.reason));
        if let Some(problem) = &one.unreadable {
            add!(text, "  devices could read nothing of a file that holds it: {}", plain(problem));
        }
        for chain in &one.chains {
            let subjects: Vec<String> = chain.subjects.iter().map(|subject| plain(subject)).collect();
            add!(text, "  chain  {}", subjects.join(" < "));
            if let Some(problem) = &chain.problem {
                add!(text, "         not valid: {}", plain(problem));
            }
        }
        for anchor in &one.anchors {
            match one.verdict {
                // What is told of its root must not be taken for what is to be done with it.
                Verdict::NotARoot => {
                    add!(text, "  its root {} stands on {}", anchor.fingerprint, entry(anchor))
                }
                _ => listed(&mut text, anchor),
            }
        }
        places(&mut text, &one.sinks);
    }
    text
}

/// What `resolve` says.
pub(super) fn resolved(answer: &Resolved) -> String {
    let mut text = String::new();
    if answer.matches.is_empty() {
        add!(text, "no listed root is meant");
    }
    for one in &answer.matches {
        add!(text, "{}  {}", one.anchor.fingerprint, plain(&one.anchor.subject));
        one.how.iter().for_each(|how| add(&mut text, "  ", how));
        listed(&mut text, &one.anchor);
    }
    answer.notes.iter().for_each(|note| add(&mut text, "note: ", note));
    text
}

/// What `preflight` says.
pub(super) fn preflight(answer: &Preflight) -> String {
    let mut text = String::new();
    for store in &answer.stores {
        let (wrong, state) = match (&store.inspection, store.problems.iter().any(Problem::is_wrong)) {
            (None, _) => (true, "not read".to_owned()),
            (Some(found), wrong) => (
                wrong,
                format!("{} {}, {} of ours", found.certificates, plural(found.certificates), found.ours),
            ),
        };
        let mark = if wrong { "WRONG" } else { "ok   " };
        add!(text, "{mark}  {}: {state}", plain(&store.file));
        store.problems.iter().for_each(|problem| trouble(&mut text, problem));
    }
    for (sink, problem) in &answer.sinks {
        add!(text, "{}  sink {}", if problem.is_wrong() { "WRONG" } else { "ok   " }, plain(sink));
        trouble(&mut text, problem);
    }
    let wrong = answer.wrong();
    match wrong {
        0 => add(&mut text, "", "nothing is wrong"),
        some => add(&mut text, "", &format!("{some} to be looked after")),
    }
    text
}

const fn plural(number: usize) -> &'static str {
    if number == 1 { "certificate" } else { "certificates" }
}

fn trouble(text: &mut String, problem: &Problem) {
    let mark = match problem.severity {
        Severity::Note => "note",
        Severity::Warning => "WARNING",
        Severity::Error => "ERROR",
    };
    let place = match (problem.line, problem.byte) {
        (Some(line), Some(byte)) => format!(" line {line} (byte {byte}):"),
        (Some(line), None) => format!(" line {line}:"),
        _ => String::new(),
    };
    add!(text, "  {mark}{place} {}", plain(&problem.problem));
    if !problem.remedy.is_empty() {
        add!(text, "    what to do: {}", plain(&problem.remedy));
    }
}

/// What the lists say of a root, and where it belongs.
fn listed(text: &mut String, anchor: &ListedAnchor) {
    add!(text, "  {}", entry(anchor));
    if let Some(reason) = &anchor.reason {
        add!(text, "    not trusted here: {}", plain(reason));
    }
    places(text, &anchor.sinks);
}

fn entry(anchor: &ListedAnchor) -> String {
    let trusted = if anchor.trusted { "" } else { ", NOT TRUSTED HERE" };
    format!(
        "list {}: {} ({}), {} since {}, for {}{trusted}",
        anchor.list,
        name(&anchor.name),
        plain(&anchor.operator),
        anchor.status,
        anchor.since,
        anchor.uses.join(" ")
    )
}

fn places(text: &mut String, sinks: &[InSink]) {
    for sink in sinks {
        for file in &sink.files {
            add!(text, "    -> {}", plain(file));
        }
        for store in &sink.stores {
            add!(text, "    -> {}: {}", plain(&sink.sink), plain(store));
        }
        if let Some(reason) = &sink.reason {
            add!(text, "    not in sink {}: {}", plain(&sink.sink), plain(reason));
        }
    }
}
