//! One store, looked at as the programs that load it will: what of it can be read, what is missing, what should not be
//! there. OpenSSL takes all of a file or nothing, so most of what is wrong with one certificate is wrong with all.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::tuf::Clock;
use ctl_pki::{Certificate, Timestamp, UnreadableBundle, readable, readable_bundle};
use serde::Serialize;

use super::Known;
use super::pieces::{Content, pieces};
use crate::sink::{Form, without_nobody};
use crate::status::Severity;

/// So many problems of one file are told.
const MAX_PROBLEMS: usize = 50;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Something about a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad. A note is worth knowing, and nothing is wrong.
    pub severity: Severity,
    /// A stable name for what it is.
    pub rule: &'static str,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The byte, from 0.
    pub byte: Option<usize>,
    /// SHA-256 of the certificate that it is about.
    pub certificate: Option<Digest>,
    /// What is wrong.
    pub problem: String,
    /// What to do; empty if nothing needs to be done.
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(
        severity: Severity,
        rule: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (problem, remedy) = (problem.into(), remedy.into());
        Self { severity, rule, line: None, byte: None, certificate: None, problem, remedy }
    }

    /// Whether it is worse than a note.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.severity > Severity::Note
    }
}

/// What there is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Certificates in it, each counted as often as it stands there.
    pub certificates: usize,
    /// How many of those that belong there are there.
    pub ours: usize,
    /// Whether devices read it as a whole, by the profile of what devices read.
    pub readable: bool,
    /// What is wrong, in the order of the file.
    #[serde(skip)]
    pub problems: Vec<Problem>,
}

/// The remedies that come again.
const SYNC: &str = "run sync";
const TAKE_OUT: &str = "take this block out of the file";

/// Looks at the bytes of a store of this form, into which the certificates with these fingerprints belong.
#[must_use]
pub fn inspect(bytes: &[u8], form: Form, wanted: &BTreeSet<Digest>, known: &Known) -> Inspection {
    let found =
        if form.is_text() { text(bytes, wanted, known) } else { document(bytes, form, wanted, known) };
    bounded(found)
}

/// So many problems are told, the worst first if there are more.
fn bounded(mut found: Inspection) -> Inspection {
    let told = found.problems.len();
    if told > MAX_PROBLEMS {
        found.problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        found.problems.truncate(MAX_PROBLEMS);
        let more = format!("and {} more", told - MAX_PROBLEMS);
        found.problems.push(Problem::new(Severity::Warning, "more", more, "mend these first and ask again"));
    }
    found
}

/// What is no PEM: its reader finds all of it or nothing, and it has no lines to name.
fn document(bytes: &[u8], form: Form, wanted: &BTreeSet<Digest>, known: &Known) -> Inspection {
    let mut found = Inspection { readable: true, ..Inspection::default() };
    let mut seen = BTreeMap::new();
    for block in form.blocks(bytes) {
        let Some(own) = block.certificate else { continue };
        found.certificates = found.certificates.saturating_add(1);
        let first = found.problems.len();
        if let Some(parsed) = &block.parsed {
            certificate(parsed.der(), wanted.contains(&own), known, &mut found.problems);
        }
        seen.insert(own, 1);
        found.problems.iter_mut().skip(first).for_each(|problem| problem.certificate = Some(own));
    }
    if let Err(reason) = form.read(bytes) {
        found.readable = false;
        if !found.problems.iter().any(|problem| problem.rule == "unreadable") {
            let text = format!("its reader finds nothing in this file: {reason}");
            found.problems.push(Problem::new(
                Severity::Error,
                "unreadable",
                text,
                "move it away, and run sync",
            ));
        }
    }
    found.ours = wanted.iter().filter(|digest| seen.contains_key(digest)).count();
    missing(wanted, &seen, known, &mut found.problems);
    found
}

/// A store in PEM.
fn text(bytes: &[u8], wanted: &BTreeSet<Digest>, known: &Known) -> Inspection {
    let mut found = Inspection { readable: true, ..Inspection::default() };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        found.problems.push(empty(wanted));
        return found;
    }
    let rest = without_nobody(bytes);
    if rest != bytes && readable_bundle(&rest).is_ok_and(|certificates| certificates.is_empty()) {
        found.problems.push(nobody(wanted));
        return found;
    }
    let bytes = rest.as_slice();
    let mut seen = BTreeMap::new();
    for piece in pieces(bytes) {
        let first = found.problems.len();
        match piece.content {
            Content::Certificate(der) => {
                found.certificates = found.certificates.saturating_add(1);
                let own = Digest::of(&der);
                match seen.get(&own) {
                    Some(line) => found.problems.push(Problem::new(
                        Severity::Warning,
                        "duplicate",
                        format!("the certificate of line {line} stands here once more"),
                        TAKE_OUT,
                    )),
                    None => certificate(&der, wanted.contains(&own), known, &mut found.problems),
                }
                seen.entry(own).or_insert(piece.line);
                found.problems.iter_mut().skip(first).for_each(|problem| problem.certificate = Some(own));
            }
            Content::Other(label) if label.contains("PRIVATE KEY") => found.problems.push(Problem::new(
                Severity::Error,
                "private-key",
                "a private key stands in a store that others read",
                "take it out, and replace the key: whoever could read this file may have it",
            )),
            Content::Other(label) => found.problems.push(Problem::new(
                Severity::Error,
                "other-block",
                format!("a block {} stands in a store of certificates", ctl_pki::print::quoted(&label)),
                TAKE_OUT,
            )),
            Content::Broken(problem) => found.problems.push(Problem::new(
                Severity::Error,
                "unreadable",
                format!("devices read nothing of this file: {problem}"),
                "mend or remove what stands here; ours is written again by sync",
            )),
        }
        for problem in found.problems.iter_mut().skip(first) {
            (problem.line, problem.byte) = (Some(piece.line), Some(piece.byte));
        }
    }
    found.ours = wanted.iter().filter(|digest| seen.contains_key(digest)).count();
    whole(bytes, &mut found);
    missing(wanted, &seen, known, &mut found.problems);
    found
}

/// A file of nothing. It is what the lists say where they name nobody.
fn empty(wanted: &BTreeSet<Digest>) -> Problem {
    let words = "the store is empty: OpenSSL refuses to load such a file (NO_CERTIFICATE_OR_CRL_FOUND), and programs \
                 that do not expect it end";
    match wanted.len() {
        0 => Problem::new(
            Severity::Note,
            "empty",
            format!("{words}. The lists name nobody for it"),
            "do not configure a program with this file if it does not start because of it",
        ),
        n => Problem::new(Severity::Error, "empty", format!("{words}. It should hold {n} of ours"), SYNC),
    }
}

/// A file that says in words of this client's that nobody is trusted.
fn nobody(wanted: &BTreeSet<Digest>) -> Problem {
    let words = "the store says that nobody is trusted";
    match wanted.len() {
        0 => Problem::new(Severity::Note, "nobody", format!("{words}: the lists name nobody for it"), ""),
        n => Problem::new(
            Severity::Error,
            "nobody",
            format!("{words}, and {n} certificates belong here"),
            SYNC,
        ),
    }
}

/// What is wrong with one certificate of a store.
fn certificate(der: &[u8], is_ours: bool, known: &Known, problems: &mut Vec<Problem>) {
    if let Err(reason) = readable(der) {
        problems.push(Problem::new(
            Severity::Error,
            "unreadable",
            format!("devices read nothing of this file because of this certificate: {reason}"),
            TAKE_OUT,
        ));
    }
    let Ok(certificate) = Certificate::from_der(der) else { return };
    let subject = certificate.subject();
    let mut add = |severity, rule, problem: String, remedy: &str| {
        problems.push(Problem::new(severity, rule, format!("{subject}: {problem}"), remedy));
    };
    if let Some(by) = known.distrusted_by(&certificate) {
        add(
            Severity::Error,
            "distrusted",
            format!("it must not be used: {by}"),
            "run sync, which takes it out",
        );
    }
    if !is_ours {
        let listed = known.listed(Digest::of(der));
        let uses: Vec<String> = listed.iter().map(|line| line.uses.join(" ")).collect();
        match listed.first() {
            Some(_) => add(
                Severity::Warning,
                "other-use",
                format!("it is listed for {}, and does not belong into this store", uses.join(", ")),
                TAKE_OUT,
            ),
            None if known.trust.cross_certificates.contains(&certificate) => {}
            None if !certificate.is_self_issued_by_name() || certificate.verify_self_signature().is_err() => add(
                Severity::Warning,
                "no-root",
                "somebody else put it here, and it is no root: some programs trust it all the same, others never \
                 list or delete it again"
                    .into(),
                TAKE_OUT,
            ),
            None => add(Severity::Note, "foreign", "somebody else put it here, and no list names it".into(), ""),
        }
    }
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let earliest = known.clock.earliest().unix();
    let remedy = match is_ours {
        true => "tell the governance body: the lists still name it",
        false => TAKE_OUT,
    };
    if earliest > until {
        let until = Timestamp::from_unix(until);
        add(Severity::Warning, "expired", format!("it was valid until {until}"), remedy);
    }
    // Without a clock it may be later than is known.
    if let Clock::Known(now) = known.clock
        && now.unix() < from
    {
        let from = Timestamp::from_unix(from);
        add(
            Severity::Warning,
            "not-yet-valid",
            format!("it is valid only from {from} on"),
            "set the clock, or wait: until then no chain that ends in it holds",
        );
    }
}

/// What makes the file as a whole unreadable, beside its certificates.
fn whole(bytes: &[u8], found: &mut Inspection) {
    let Err(reason) = readable_bundle(bytes) else { return };
    found.readable = false;
    let wrong = |rule, problem: String, remedy: &str| Problem::new(Severity::Error, rule, problem, remedy);
    if bytes.first() == Some(&0x30) && std::str::from_utf8(bytes).is_err() {
        found.problems.retain(|problem| problem.rule != "unreadable");
        found.problems.insert(
            0,
            wrong(
                "der",
                "this is DER, and readers of this file expect PEM: they find no certificate".into(),
                "openssl x509 -inform DER -in FILE -out FILE.pem, and put that in its place",
            ),
        );
        return;
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        let problem =
            "the file begins with a byte order mark: OpenSSL passes over the first certificate in silence";
        found.problems.insert(0, wrong("byte-order-mark", problem.into(), "save it as UTF-8 without a mark"));
    }
    let line = match &reason {
        UnreadableBundle::Line { line, .. } | UnreadableBundle::Certificate { line, .. } => Some(*line),
        _ => None,
    };
    // Told already, with more: reading ends at the first thing that is wrong.
    let told =
        |other: &Problem| other.severity == Severity::Error && other.line.is_some() && other.line <= line;
    if line.is_some() && found.problems.iter().any(told) {
        return;
    }
    let text = format!("devices may not read this file: {reason}");
    let mut problem =
        wrong("unreadable", text, "mend or remove what stands here; ours is written again by sync");
    problem.line = line;
    found.problems.push(problem);
}

/// What belongs here and is not here.
fn missing(
    wanted: &BTreeSet<Digest>,
    seen: &BTreeMap<Digest, usize>,
    known: &Known,
    problems: &mut Vec<Problem>,
) {
    let missing: Vec<&Digest> = wanted.iter().filter(|digest| !seen.contains_key(digest)).collect();
    if missing.is_empty() {
        return;
    }
    if missing.len() == wanted.len() {
        let text = format!("nothing of ours is here, of {} that belong here", wanted.len());
        return problems.push(Problem::new(Severity::Error, "nothing-of-ours", text, SYNC));
    }
    for digest in missing {
        let name = known.listed(*digest).into_iter().next().map(|line| format!(" ({})", line.subject));
        let text = format!("{digest}{} is trusted, belongs here and is missing", name.unwrap_or_default());
        problems.push(Problem {
            certificate: Some(*digest),
            ..Problem::new(Severity::Error, "missing", text, SYNC)
        });
    }
}
