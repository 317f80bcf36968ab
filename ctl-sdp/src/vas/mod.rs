//! What a charger supports, for stacks that know nothing of 0x9004: as value-added service 64 in the file that EVerest's
//! module `StaticISO15118VASProvider` reads, and as `SupportedProviders` of ISO 15118-20 in JSON.
//!
//! Neither message has room for thousands of operators. What does not fit is told, and the order in which identifiers
//! are given decides which do: a car that reads a list inside TLS presents no contract that is not on it.

pub(crate) mod command;

use std::fmt::Write as _;

use ctl_core::names::MoId;
use serde_json::{Value, json};

/// The proposal: the service has room for so many identifiers.
pub const MOST: usize = 255;
/// `SupportedProviders` has room for so many.
pub const MOST_PROVIDERS: usize = 128;
/// The number and name of the service (CharIN's workshop).
pub const SERVICE: u16 = 64;
const NAME: &str = "SupportedMO";
/// An identifier has five characters, and a comma stands before all but the first.
const IDENTIFIER: usize = 5;

ctl_pki::words! {
    /// The messages that the file has to fit into.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Room by name {
        /// Those of both standards, since one file is read for both.
        Both => "both",
        /// ISO 15118-2.
        Iso15118_2 => "iso15118-2",
        /// ISO 15118-20.
        Iso15118_20 => "iso15118-20",
    }
}

ctl_pki::words! {
    /// How identifiers stand in parameters. The proposal does not say which, so cars should read both.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Form by name {
        /// One in each.
        Single => "single",
        /// As many in each as its text has room for, with commas between them.
        Lists => "lists",
    }
}

/// The limits of EVerest's codec (FACTS of the field: cbv2g).
struct Limits {
    sets: usize,
    parameters: usize,
    text: usize,
}

impl Room {
    const fn limits(self) -> Limits {
        match self {
            Self::Iso15118_2 => Limits { sets: 5, parameters: 16, text: 64 },
            Self::Iso15118_20 => Limits { sets: 4, parameters: 8, text: 80 },
            Self::Both => Limits { sets: 4, parameters: 8, text: 64 },
        }
    }

    /// So many identifiers fit.
    #[must_use]
    pub fn fits(self, form: Form) -> usize {
        let Limits { sets, parameters, .. } = self.limits();
        sets.saturating_mul(parameters).saturating_mul(self.in_one(form)).min(MOST)
    }

    /// So many fit into one parameter.
    fn in_one(self, form: Form) -> usize {
        match form {
            Form::Single => 1,
            Form::Lists => self.limits().text.saturating_add(1) / (IDENTIFIER + 1),
        }
    }
}

/// Identifiers, and what does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted<T> {
    /// What was written.
    pub written: T,
    /// What did not fit, in order.
    pub left_out: Vec<MoId>,
}

/// The file for `StaticISO15118VASProvider`: the service with these identifiers, the first ones if there is no room for
/// all. Without any there is no service, and cars may try whatever they hold.
#[must_use]
pub fn service_file(identifiers: &[MoId], room: Room, form: Form) -> Fitted<String> {
    let (fitting, left_out) = identifiers.split_at(identifiers.len().min(room.fits(form)));
    let mut text = String::from(
        "# Written by ctl-sdp: which mobility operators this charger supports. Read at start.\n",
    );
    let parameters: Vec<(String, String)> = match form {
        Form::Single => fitting.iter().map(|id| (id.to_string(), id.to_string())).collect(),
        Form::Lists => fitting
            .chunks(room.in_one(form))
            .enumerate()
            .map(|(at, ids)| {
                let ids: Vec<&str> = ids.iter().map(MoId::as_str).collect();
                (format!("{NAME}{}", at.saturating_add(1)), ids.join(","))
            })
            .collect(),
    };
    if parameters.is_empty() {
        text.push_str("services: []\n");
    } else {
        // Writing to a text cannot fail. An identifier is letters and digits: nothing in it needs escaping.
        let _ = write!(
            text,
            "services:\n  - id: {SERVICE}\n    name: {NAME}\n    description: Mobility operators whose contracts work here\n    \
             parameter_sets:\n"
        );
        for (number, set) in (1..).zip(parameters.chunks(room.limits().parameters)) {
            let _ = write!(text, "      - id: {number}\n        parameters:\n");
            for (name, value) in set {
                let _ = writeln!(text, "          - {{name: \"{name}\", type: string, value: \"{value}\"}}");
            }
        }
    }
    Fitted { written: text, left_out: left_out.to_vec() }
}

/// `SupportedProviders` of AuthorizationSetupRes (ISO 15118-20), with these or the first of them.
#[must_use]
pub fn supported_providers(identifiers: &[MoId]) -> Fitted<Value> {
    let (fitting, left_out) = identifiers.split_at(identifiers.len().min(MOST_PROVIDERS));
    let written = json!({ "SupportedProviders": { "ProviderID": fitting } });
    Fitted { written, left_out: left_out.to_vec() }
}

/// Identifiers in the order in which they are to fit: those that were named first, then the rest by their letters.
#[must_use]
pub fn in_order(identifiers: impl IntoIterator<Item = MoId>, first: &[MoId]) -> Vec<MoId> {
    let mut all: Vec<MoId> = identifiers.into_iter().collect();
    let place = |id: &MoId| first.iter().position(|one| one == id).unwrap_or(usize::MAX);
    all.sort_by(|one, other| (place(one), one).cmp(&(place(other), other)));
    all.dedup();
    all
}
