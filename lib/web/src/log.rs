//! The log: every entry readable, with its proof and the way to its bytes; and who vouches for the whole of it.

use ctl_core::keys::PublicKey;
use ctl_core::log::{BundleId, Checkpoint, LogKey, Note, WitnessKey, checkpoint};
use ctl_core::{Digest, paths};
use ctl_governance::State;
use ctl_governance::statement::Entry;
use ctl_pki::print;
use maud::{Markup, html};
use serde_json::Value;

use crate::{Frame, entry as words, parts, place};

/// So many entries stand on a page.
pub const ENTRIES_AT_ONCE: u64 = 50;
/// So many members of a statement are shown as fields, and so much of each.
const FIELDS: usize = 300;
const VALUE: usize = 300;
/// So many characters of a statement's JSON are shown: more than nearly any has.
const JSON: usize = 100_000;

/// The newest entries before one (or of all), the newest first.
#[must_use]
pub fn log(frame: &Frame<'_>, entries: &[(u64, Option<Entry>)], checkpoint: &[u8]) -> String {
    let state = frame.state;
    let table = html! {
        table {
            thead { tr { th scope="col" { "Entry" } th scope="col" { "Recorded" } th scope="col" { "What" } th scope="col" { "Signed by" } } }
            tbody {
                @for (index, entry) in entries {
                    tr {
                        th scope="row" { a href=(place::entry(*index)) { (index) } }
                        @match entry {
                            Some(entry) => {
                                td { (parts::moment(entry.recorded_at)) }
                                td { (words::told(state, *index, &entry.statement.payload.body)) }
                                td { (words::signers(state, entry)) }
                            }
                            None => { td {} td { "cannot be read here: tell the operator of this server" } td {} }
                        }
                    }
                }
            }
        }
    };
    let last = entries.last().map_or(0, |(index, _)| *index);
    let newest = entries.first().is_some_and(|(index, _)| index.saturating_add(1) == state.size());
    let body = html! {
        p.lead { "Everything that was ever said or decided here, in order. Each checkpoint commits to all entries before it: whoever keeps one sees if any of them is changed or taken away." }
        @if newest { (signed(state, checkpoint)) }
        section aria-labelledby="entries" {
            h2 id="entries" { @if newest { "The newest entries" } @else { "Earlier entries" } }
            (parts::wide("Entries", &table))
            @if last > 0 { p { a href={ (place::LOG) "?before=" (last) } { "Earlier entries" } } }
        }
        form.line method="get" action=(place::LOG) {
            label { "Entries before " input type="number" name="before" min="1" max=(state.size()) value=(last.max(1)) required; }
            button type="submit" { "Show" }
        }
        section aria-labelledby="whole" {
            h2 id="whole" { "All of it" }
            p {
                "The log is laid out as tiles (C2SP tlog-tiles): " code { "/log/checkpoint" } ", " code { "/log/tile/…" } ". "
                code { "ctl-admin audit" } " downloads all of it, verifies every signature and hash, and works out this state again."
            }
        }
    };
    frame.page("Log", &body)
}

/// A checkpoint, if the key that the charter names has signed it and it is one of the log that this state follows from.
#[must_use]
pub fn verified(state: &State, note: &[u8]) -> Option<(Note, Checkpoint)> {
    let server = &state.charter.server;
    let origin = server.log_origin.as_str();
    let PublicKey::Ed25519(key) = &server.log else { return None };
    let note = Note::parse(note).ok()?;
    let checkpoint = Checkpoint::open_note(&note, origin, &LogKey::new(origin, *key).ok()?).ok()?;
    (state.root_at(checkpoint.size) == Some(checkpoint.root)).then_some((note, checkpoint))
}

/// The signed checkpoint: how long the log is, and who says so.
fn signed(state: &State, note: &[u8]) -> Markup {
    let origin = state.charter.server.log_origin.as_str();
    let Some((note, checkpoint)) = verified(state, note) else {
        return html! { p { span.badge.suspended { "unsigned" } " The checkpoint that is served is not one of this log, signed by the key that the charter names." } };
    };
    let witnesses = &state.charter.witnesses;
    let keys: Vec<WitnessKey> = witnesses
        .witnesses
        .iter()
        .filter_map(|witness| match &witness.key {
            PublicKey::Ed25519(key) => WitnessKey::new(witness.name.as_str(), *key).ok(),
            _ => None,
        })
        .collect();
    let seen = checkpoint::cosignatures(&note, &keys);
    let known = |name: &str| name == origin || seen.iter().any(|one| one.name == name);
    let strangers: Vec<&str> =
        note.signatures().iter().map(|one| one.name()).filter(|name| !known(name)).collect();
    html! {
        section aria-labelledby="checkpoint" {
            h2 id="checkpoint" { "The latest checkpoint" }
            dl {
                dt { "Log" } dd { code { (print::line(&checkpoint.origin)) } }
                dt { "Entries" } dd { (checkpoint.size) }
                dt { "Root hash" } dd { (parts::digest(&checkpoint.root)) }
                dt { "Signed by" }
                dd {
                    "the log itself, " code { (origin) } " " span.badge.usable { "verified" }
                    @for one in &seen { br; "the witness " bdi { (print::line(&one.name)) } ", " (parts::moment(one.time)) " " span.badge.usable { "verified" } }
                    @for name in strangers { br; bdi { (print::line(name)) } " " small { "of no witness that the charter names" } }
                }
                dt { "Witnesses" }
                dd {
                    @if witnesses.threshold == 0 { "The charter asks for none: nobody else vouches that everyone sees the same log." }
                    @else {
                        (cosigned(seen.len(), witnesses.threshold)) " "
                        @if seen.len() < witnesses.threshold as usize { span.badge.warning { "unwitnessed" } }
                    }
                }
                dt { "The note" } dd { a href={ "/" (paths::CHECKPOINT.plain()) } { code { "/" (paths::CHECKPOINT.plain()) } } }
            }
        }
    }
}

fn cosigned(seen: usize, needed: u32) -> String {
    let have = if seen == 1 { "1 witness has".to_owned() } else { format!("{seen} witnesses have") };
    format!("{have} cosigned; the charter asks for at least {needed}")
}

/// That an entry is in the log of a signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The checkpoint, as [`verified`] gives it.
    pub checkpoint: Checkpoint,
    /// The inclusion proof (RFC 6962 section 2.1.1).
    pub path: Vec<Digest>,
}

/// The page of an entry; without a proof as long as no signed checkpoint covers it.
#[must_use]
pub fn entry(frame: &Frame<'_>, index: u64, entry: &Entry, proof: Option<&Proof>) -> String {
    let state = frame.state;
    let payload = &entry.statement.payload;
    let mut fields = Vec::new();
    flatten("", &payload.body.to_value(), &mut fields);
    let all = pretty(&entry.statement.jws.payload);
    let table = html! {
        table.fields {
            thead { tr { th scope="col" { "Member" } th scope="col" { "Value" } } }
            tbody {
                @for (name, value) in fields.iter().take(FIELDS) {
                    tr { th scope="row" { code { (print::line(name)) } } td { bdi { (parts::brief(value, VALUE)) } } }
                }
            }
        }
    };
    let body = html! {
        p.lead { (words::told(state, index, &payload.body)) "." }
        ul.ways {
            @if index > 0 { li { a href=(place::entry(index - 1)) { "Entry before" } } }
            @if index.saturating_add(1) < state.size() { li { a href=(place::entry(index + 1)) { "Entry after" } } }
            li { a href=(place::LOG) { "Log" } }
        }
        dl {
            dt { "Type" } dd { code { (payload.body.type_name()) } }
            dt { "Recorded" } dd { (parts::moment(entry.recorded_at)) }
            dt { "Signed" } dd { (parts::moment(payload.issued_at)) ", by its author's clock" }
            dt { "By" }
            dd {
                @for signature in entry.statement.jws.signatures.iter().take(FIELDS) {
                    (words::whose(state, &signature.protected.kid)) ", key " code.digest { (signature.protected.kid) }
                    @if let Some(replaced) = state.keys.get(&signature.protected.kid).and_then(|record| record.replaced_by) {
                        " " small { "(replaced since, by " (parts::entry(replaced)) ")" }
                    }
                    br;
                }
            }
            dt { "Its author had seen" } dd { (payload.basis.size) " entries of the log" }
        }
        section aria-labelledby="says" {
            h2 id="says" { "What it says" }
            (parts::wide("What it says", &table))
            @if fields.len() > FIELDS { p { "And " (fields.len() - FIELDS) " members more: see the JSON." } }
            details {
                summary { "As it was signed, in JSON" }
                pre tabindex="0" { code { (all) } }
            }
        }
        (inclusion(index, entry, proof))
    };
    frame.page(&format!("Entry {index}"), &body)
}

/// That it is in the log, and where its bytes are.
fn inclusion(index: u64, entry: &Entry, proof: Option<&Proof>) -> Markup {
    html! {
        section aria-labelledby="proof" {
            h2 id="proof" { "That it is in the log" }
            dl {
                dt { "Leaf hash" } dd { (parts::digest(&entry.leaf_hash)) }
                dt { "SHA-256 of the statement" } dd { (parts::digest(&entry.statement.id)) }
                @if let Some(Proof { checkpoint, .. }) = proof {
                    dt { "In the log of" }
                    dd { (checkpoint.size) " entries with the root hash " (parts::digest(&checkpoint.root)) ", as the log signed it" }
                }
            }
            @match proof {
                None => p { span.badge.warning { "no proof yet" } " No signed checkpoint covers this entry yet. Look again in a minute." },
                Some(proof) => (path(index, proof)),
            }
        }
    }
}

fn path(index: u64, proof: &Proof) -> Markup {
    let bundle = BundleId::added(index, proof.checkpoint.size).into_iter().next();
    let file = place::proof(index);
    html! {
        p { "The hashes that lead from the leaf to the root (RFC 6962 section 2.1.1), the lowest first:" }
        ol { @for hash in &proof.path { li { (parts::digest(hash)) } } }
        @if proof.path.is_empty() { p { "None: it is the only entry." } }
        p { "Entry, hashes and signed checkpoint in one file (C2SP tlog-proof): " a href=(file) download { code { (file) } } "." }
        p {
            "Its bytes: number " (index % 256) ", counted from 0, in "
            @if let Some(bundle) = bundle { @let path = format!("/log/{}", bundle.path()); a href=(path) download { code { (path) } } }
            ". " code { "ctl-admin audit" } " downloads the log, verifies every signature and hash in it, and compares the root with the "
            a href={ "/" (paths::CHECKPOINT.plain()) } { "signed checkpoint" } "."
        }
    }
}

/// Every member of a value on a line of its own, by its place.
fn flatten(place: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let dot = if place.is_empty() { "" } else { "." };
                flatten(&format!("{place}{dot}{name}"), value, fields);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{place}[{at}]"), item, fields);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            fields.push((place.to_owned(), items.join(", ")));
        }
        other => fields.push((place.to_owned(), plain(other))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON with one member on a line; its beginning, if it is very long.
fn pretty(json: &[u8]) -> String {
    let value: Value = serde_json::from_slice(json).unwrap_or_default();
    let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
    let whole = print::lines(&pretty);
    let mut shown: String = whole.chars().take(JSON).collect();
    if shown.len() < whole.len() {
        shown.push_str("\n… and more: see the bytes");
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn more_witnesses_than_needed_are_no_nonsense() {
        assert_eq!(super::cosigned(3, 2), "3 witnesses have cosigned; the charter asks for at least 2");
        assert_eq!(super::cosigned(1, 2), "1 witness has cosigned; the charter asks for at least 2");
    }
}
