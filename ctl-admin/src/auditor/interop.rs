//! Which vehicles can charge at which chargers: a table of roots, with reasons below, and a picture.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use ctl_core::list::ListPayload;
use ctl_core::names::{Environment, ListId};
use ctl_core::parts::{Purpose, Standard};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp, json};
use ctl_reach::document::Subject;
use ctl_reach::{Answer, Cell, Matrix, Network, both_standards, document, standard_name, svg};
use ctl_replica::{Log, Replica};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::arguments::word;
use crate::judge::path::list::List;
use crate::output::{Render, section, table};
use crate::{AdminError, files};

/// Where roots and cross-certificates are taken from: the scheme's log, downloaded, verified and replayed (the list as
/// published, with the sub-CAs that were disclosed and the notices in force), or a list alone.
#[derive(Args, Clone, Debug, Default)]
pub struct Source {
    /// Which list of the scheme at --url, from its verified log [default: the only one]
    pub name: Option<ListId>,
    /// Instead of the scheme's log a list alone: a file (ctl.jws), or an address like
    /// https://ctl.example/v1/lists/na; verified from --root, unverified without
    #[arg(long, value_name = "FILE|URL", conflicts_with = "name")]
    pub list: Option<String>,
    /// Judge for this moment, like 2026-11-21T20:13:00Z [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub time: Option<Timestamp>,
    /// A root.json to verify a list alone from.
    #[arg(skip)]
    pub root: Option<PathBuf>,
}

/// What is asked.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Whose roots and cross-certificates.
    #[command(flatten)]
    pub source: Source,
    /// iso15118-2 or iso15118-20 [default: both]
    #[arg(long, value_parser = word::<Standard>)]
    pub standard: Option<Standard>,
    /// Whose chains: v2g (chargers before vehicles), mo, oem or vehicle
    #[arg(long, default_value = "v2g", value_parser = word::<Purpose>)]
    pub purpose: Purpose,
    /// Write a picture of the roots and cross-certificates here
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// A list with what is known of its roots, and how far it was verified.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) network: Network,
    pub(crate) subject: Subject,
    /// Of whose list it is.
    pub(crate) scheme: (Digest, Environment),
    pub(crate) verified: Vec<String>,
}

impl Known {
    /// Takes it from its source; the session is needed for the log only.
    pub(crate) async fn from(
        source: &Source,
        session: Option<&mut Replica>,
        now: Timestamp,
    ) -> Result<Self, AdminError> {
        match (&source.list, session) {
            (Some(place), _) => {
                let list = List::fetch(place, source.root.as_deref(), now).await?;
                Ok(Self {
                    network: Network::of_list(&list.payload),
                    subject: subject(&list.payload),
                    scheme: (list.payload.scheme, list.payload.environment),
                    verified: vec![
                        format!("{place}: {}", list.report.words),
                        "sub-CAs and notices are not known from a list alone: chains of the usual two sub-CAs \
                         are assumed"
                            .into(),
                    ],
                })
            }
            (None, Some(session)) => {
                session.sync().await?;
                Self::of_log(session.log()?, source.name.as_ref(), now)
            }
            (None, None) => {
                Err(AdminError::Input("give the scheme with --url and --root, or a list with --list".into()))
            }
        }
    }

    fn of_log(replayed: &Log, list: Option<&ListId>, now: Timestamp) -> Result<Self, AdminError> {
        let state = replayed.at(now);
        let mut lists = state.charter.lists.keys();
        let list = match (list, lists.next(), lists.next()) {
            (Some(list), ..) | (None, Some(list), None) => list.clone(),
            _ => {
                let names: Vec<String> = state.charter.lists.keys().map(ToString::to_string).collect();
                return Err(AdminError::Input(format!("name one of the lists: {}", names.join(", "))));
            }
        };
        let published = state.published.get(&Role::List(list.clone()));
        let bytes = published.and_then(|published| Some((published, published.documents.document.as_ref()?)));
        let Some((published, bytes)) = bytes else {
            return Err(AdminError::NotNow(format!(
                "list {list} is not known or has not been published yet"
            )));
        };
        let payload = ListPayload::read(bytes).map_err(|error| AdminError::Untrue(error.to_string()))?;
        let verified = format!(
            "the log of {} entries, verified and replayed; the list as entry {} published it, with the sub-CAs \
             that were disclosed and the notices in force",
            replayed.state().size(),
            published.index
        );
        Ok(Self {
            network: Network::of_list(&payload)
                .suspend(state.suspended_keys())
                .disclose(state.disclosed_sub_cas()),
            subject: subject(&payload),
            scheme: (payload.scheme, payload.environment),
            verified: vec![verified],
        })
    }
}

fn subject(payload: &ListPayload) -> Subject {
    Subject {
        list: payload.list.clone(),
        sequence: payload.sequence,
        sha256: Digest::of(&json::canonical(payload)),
    }
}

/// The answers.
#[derive(Clone, Debug)]
pub struct Report {
    verified: Vec<String>,
    subject: Subject,
    matrices: Vec<Matrix>,
    svg: Option<PathBuf>,
}

/// Finds the answers.
///
/// # Errors
/// The list cannot be had or does not verify, or the picture cannot be written.
pub async fn run(
    options: Options,
    session: Option<&mut Replica>,
    now: Timestamp,
) -> Result<Report, AdminError> {
    let known = Known::from(&options.source, session, now).await?;
    let matrices = both_standards(known.network, options.purpose, options.source.time.unwrap_or(now));
    let wanted = |matrix: &Matrix| options.standard.is_none_or(|one| matrix.asked().standard == one);
    let matrices: Vec<Matrix> = matrices.into_iter().filter(wanted).collect();
    if let Some(path) = &options.svg {
        files::write(path, &svg::svg(&known.subject, &matrices))?;
    }
    Ok(Report { verified: known.verified, subject: known.subject, matrices, svg: options.svg })
}

impl Serialize for Report {
    /// The document that the server serves, and how far it was verified here.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = document::document(&self.subject, &self.matrices);
        let mut value: Value = serde_json::from_slice(&bytes).map_err(serde::ser::Error::custom)?;
        if let Some(members) = value.as_object_mut() {
            members.insert("verified".into(), self.verified.clone().into());
        }
        value.serialize(serializer)
    }
}

impl Render for Report {
    fn text(&self) -> String {
        let Subject { list, sequence, .. } = &self.subject;
        let as_of = self.matrices.first().map(|matrix| matrix.at().to_string()).unwrap_or_default();
        let mut text = format!("list {list}, version {sequence}, as of {as_of}\n");
        text += &section("verified:", &self.verified);
        for matrix in &self.matrices {
            text += "\n";
            text += &one(matrix);
        }
        if let Some(path) = &self.svg {
            text += &format!("\npicture written to {}\n", path.display());
        }
        text
    }
}

/// Wider tables are cut into pieces of so many columns.
const COLUMNS: usize = 12;

fn one(matrix: &Matrix) -> String {
    let roots = matrix.network().roots();
    let standard = standard_name(matrix.asked().standard);
    let listed: Vec<usize> = matrix.listed().collect();
    if listed.is_empty() {
        return format!("{standard}: no root is listed for it\n");
    }
    // Letters stand for roots: a table of names would fit on no screen.
    let letters: BTreeMap<usize, String> =
        listed.iter().enumerate().map(|(number, place)| (*place, letter(number))).collect();
    let letter = |place: usize| letters.get(&place).cloned().unwrap_or_else(|| "?".into());
    let name = |place: usize| roots.get(place).map_or("?", |root| root.name.as_str());
    let mut text = format!(
        "{standard}: rows are the root a vehicle trusts, columns the root a charger's chain ends in\n"
    );
    for columns in listed.chunks(COLUMNS) {
        let mut head = vec![String::new()];
        head.extend(columns.iter().map(|place| letter(*place)));
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let rows = listed.iter().map(|row| {
            let cells = columns.iter().map(|column| matrix.cell(*row, *column).map_or("?", sign).to_owned());
            std::iter::once(format!("{} {}", letter(*row), name(*row))).chain(cells).collect()
        });
        text += &table(&head, rows);
    }
    text += "yes: directly   cross: through a cross-certificate   part: for some chargers   no*: only with shorter chains\n";
    let chains: Vec<String> = listed
        .iter()
        .filter_map(|place| {
            let chains = matrix.chains(*place)?;
            let numbers: Vec<String> = chains.sub_cas.iter().map(ToString::to_string).collect();
            let how = if chains.assumed { "assumed, none disclosed" } else { "disclosed" };
            Some(format!("{} {}: {} sub-CAs ({how})", letter(*place), name(*place), numbers.join(" or ")))
        })
        .collect();
    text += &section("chargers' chains:", &chains);
    text += &section("reasons:", &reasons(matrix, &letter));
    text
}

/// A, B, … Z, A1, B1 …
fn letter(number: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(number % 26).unwrap_or(0));
    if number < 26 { letter.to_string() } else { format!("{letter}{}", number / 26) }
}

fn sign(cell: &Cell) -> &'static str {
    match cell.answer {
        Answer::Direct => "yes",
        Answer::Cross => "cross",
        Answer::Partly => "part",
        Answer::No if would_work(cell) => "no*",
        Answer::No => "no",
    }
}

/// Whether shorter chains would do, of at least one sub-CA: only private roots issue to chargers themselves.
fn would_work(cell: &Cell) -> bool {
    cell.path.as_ref().is_some_and(|path| path.sub_cas > 0)
}

/// Equal reasons together, with the pairs that they are for.
fn reasons(matrix: &Matrix, letter: &impl Fn(usize) -> String) -> Vec<String> {
    let listed: Vec<usize> = matrix.listed().collect();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (vehicle, charger, cell) in matrix.pairs() {
        if !listed.contains(&vehicle) || !listed.contains(&charger) || cell.answer == Answer::Direct {
            continue;
        }
        let words = words(matrix, cell);
        let place = *places.entry(words.clone()).or_insert_with(|| {
            found.push((words, Vec::new()));
            found.len() - 1
        });
        if let Some((_, pairs)) = found.get_mut(place) {
            pairs.push(format!("{}→{}", letter(vehicle), letter(charger)));
        }
    }
    found
        .into_iter()
        .map(|(words, pairs)| {
            let more = pairs.len().saturating_sub(MOST_PAIRS);
            let shown: Vec<String> = pairs.into_iter().take(MOST_PAIRS).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}: {words}", shown.join(" "))
        })
        .collect()
}

/// So many pairs are named for one reason.
const MOST_PAIRS: usize = 12;

fn words(matrix: &Matrix, cell: &Cell) -> String {
    let network = matrix.network();
    let crosses = |places: &[usize]| -> Vec<String> {
        let named = places.iter().filter_map(|place| network.cross_certificates().get(*place));
        named.map(|cross| format!("{:?} ({})", cross.name.as_str(), cross.fingerprint.short())).collect()
    };
    let reasons: Vec<String> =
        cell.reasons.iter().map(|reason| reason.text(network, matrix.asked())).collect();
    let through = cell.path.as_ref().map(|path| crosses(&path.crosses)).unwrap_or_default();
    let through =
        if through.is_empty() { String::new() } else { format!(" through {}", through.join(", then ")) };
    let mut words = match (cell.answer, &cell.path) {
        (Answer::Direct | Answer::Cross, _) => format!("works{through}"),
        (Answer::Partly, Some(path)) => {
            format!("works{through} for chargers with {}: {}", at_most(path.sub_cas), reasons.join("; "))
        }
        (Answer::No, Some(path)) if would_work(cell) => {
            format!("{}; works{through} for chargers with {}", reasons.join("; "), at_most(path.sub_cas))
        }
        _ => reasons.join("; "),
    };
    if !cell.alternatives.is_empty() {
        words += &format!("; as well through {}", crosses(&cell.alternatives).join(" or "));
    }
    if let Some(until) = cell.issued_until {
        words += &format!("; only certificates issued until {until}");
    }
    words
}

fn at_most(sub_cas: usize) -> String {
    match sub_cas {
        0 => "no sub-CA".to_owned(),
        1 => "at most one sub-CA".to_owned(),
        more => format!("at most {more} sub-CAs"),
    }
}
