//! Which roots a vehicle with little room should install to reach the most chargers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use ctl_core::names::{Environment, Label, ListId};
use ctl_core::parts::{Purpose, Standard, Use};
use ctl_core::selection::{SelectedRoot, Selection};
use ctl_core::{Digest, Timestamp};
use ctl_reach::budget::{Choice, Counting, MAX_WEIGHT};
use ctl_reach::{Facts, Network, budget, standard_name};
use ctl_replica::Replica;
use serde::{Deserialize, Serialize};

use crate::arguments::word;
use crate::auditor::interop::{Known, Source};
use crate::output::{Render, section, table};
use crate::{AdminError, files};

/// A file of weights is at most so many bytes.
const MAX_WEIGHTS: usize = 1024 * 1024;

/// What is asked.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Whose roots and cross-certificates.
    #[command(flatten)]
    pub source: Source,
    /// How many roots the vehicle has room for
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub max_roots: u16,
    /// How many chargers stand under each root: a TOML file [default: one under each]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// iso15118-2 or iso15118-20
    #[arg(long, default_value = "iso15118-2", value_parser = word::<Standard>)]
    pub standard: Standard,
    /// Count also pairs that work only for chargers with a shorter chain
    #[arg(long)]
    pub short_chains: bool,
    /// Write the choice for K roots to this file, for somebody to sign off with `sign-off`
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

/// The best roots for each number of them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How far the list was verified.
    pub verified: Vec<String>,
    /// The list.
    pub list: String,
    /// Its version.
    pub sequence: u64,
    /// The moment that it is right for.
    pub as_of: Timestamp,
    /// The standard.
    pub standard: Standard,
    /// Which pairs count.
    pub counting: Counting,
    /// Chargers under all roots together.
    pub chargers: u64,
    /// Chargers that some root on the list reaches.
    pub reachable: u64,
    /// The choices, for one root, two roots and so on.
    pub choices: Vec<Row>,
}

/// The best choice of so many roots.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// How many roots.
    pub count: usize,
    /// Which.
    pub roots: Vec<Installed>,
    /// Bytes of their certificates in DER.
    pub bytes: usize,
    /// Chargers that they reach.
    pub reached: u64,
    /// Whether no choice of so many roots can reach more.
    pub exact: bool,
    /// No choice of so many roots reaches more than this.
    pub at_most: u64,
}

/// A root to install.
#[derive(Clone, Debug, Serialize)]
pub struct Installed {
    /// SHA-256 of its certificate.
    pub fingerprint: Digest,
    /// Its name.
    pub name: Label,
}

/// Finds them.
///
/// # Errors
/// The list cannot be had or does not verify, or the weights cannot be used.
pub async fn run(
    options: Options,
    session: Option<&mut Replica>,
    now: Timestamp,
) -> Result<Report, AdminError> {
    if options.write.is_some() && options.source.list.is_some() && options.source.root.is_none() {
        return Err(AdminError::Input("--write needs a list that was verified: give --root, too".into()));
    }
    let known = Known::from(&options.source, session, now).await?;
    let scheme = known.scheme;
    let weights = match &options.weights {
        Some(path) => Weights::read(path)?.of(&known.network, path)?,
        None => vec![1; known.network.roots().len()],
    };
    let at = options.source.time.unwrap_or(now);
    let counting = if options.short_chains { Counting::Short } else { Counting::All };
    let asked = Use { standard: options.standard, purpose: Purpose::V2g };
    let matrix = Facts::matrix(&Facts::new(known.network, at).into(), asked);
    // Only chargers of this standard count: roots that are not listed for it have none.
    let mut counted = vec![0; weights.len()];
    for place in matrix.listed() {
        if let (Some(counted), Some(weight)) = (counted.get_mut(place), weights.get(place)) {
            *counted = *weight;
        }
    }
    let reach = budget::reach(&matrix, counting);
    let reachable: std::collections::BTreeSet<usize> = reach.iter().flatten().copied().collect();
    let sum = |places: &mut dyn Iterator<Item = usize>| places.filter_map(|place| counted.get(place)).sum();
    let roots = matrix.network().roots();
    let row = |choice: Choice| {
        let installed = || choice.roots.iter().filter_map(|place| roots.get(*place));
        Row {
            count: choice.roots.len(),
            roots: installed()
                .map(|root| Installed { fingerprint: root.fingerprint, name: root.name.clone() })
                .collect(),
            bytes: installed().map(|root| root.certificate.der().len()).sum(),
            reached: choice.reached,
            exact: choice.is_exact(),
            at_most: choice.at_most,
        }
    };
    let report = Report {
        verified: known.verified,
        list: known.subject.list.to_string(),
        sequence: known.subject.sequence,
        as_of: at,
        standard: options.standard,
        counting,
        chargers: counted.iter().sum(),
        reachable: sum(&mut reachable.into_iter()),
        choices: budget::choices(&reach, &counted, options.max_roots.into()).into_iter().map(row).collect(),
    };
    if let Some(path) = &options.write {
        let selection = report.selection(known.subject.list, scheme, now);
        let selection = selection.ok_or_else(|| AdminError::NotNow("no root reaches any charger".into()))?;
        files::write(path, &serde_json::to_vec_pretty(&selection).unwrap_or_default())?;
    }
    Ok(report)
}

impl Report {
    /// The last choice, for somebody to sign off; none if there is none.
    fn selection(
        &self,
        list: ListId,
        (scheme, environment): (Digest, Environment),
        now: Timestamp,
    ) -> Option<Selection> {
        let row = self.choices.last()?;
        let proof =
            if row.exact { "no other choice of so many reaches more" } else { "not proven to be the best" };
        let root = |root: &Installed| SelectedRoot { fingerprint: root.fingerprint, name: root.name.clone() };
        Some(Selection {
            environment,
            format: Selection::FORMAT,
            issued_at: now,
            list,
            roots: row.roots.iter().map(root).collect(),
            scheme,
            sequence: self.sequence,
            standard: self.standard,
            r#type: Selection::TYPE.into(),
            why: format!("{} roots reach {} of {} chargers; {proof}", row.count, row.reached, self.chargers),
        })
    }
}

/// How many chargers stand under each root:
///
/// ```toml
/// default = 100               # roots that are not named; 1 without this line
/// [chargers]
/// "Aurora Root" = 12000       # by the root's name on the list,
/// "8b5b6a…" = 300             # or by its SHA-256 in full
/// ```
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    #[serde(default = "one")]
    default: u64,
    #[serde(default)]
    chargers: BTreeMap<String, u64>,
}

const fn one() -> u64 {
    1
}

impl Weights {
    fn read(path: &Path) -> Result<Self, AdminError> {
        let text = files::read_text(path, MAX_WEIGHTS)?;
        toml::from_str(&text).map_err(|error| AdminError::input(path.display(), error))
    }

    /// For each root its weight. A line that names no root or several is refused: it would not do what
    /// it seems to.
    fn of(&self, network: &Network, path: &Path) -> Result<Vec<u64>, AdminError> {
        let refuse =
            |key: &str, problem: &str| Err(AdminError::input(path.display(), format!("{key:?} {problem}")));
        let mut weights = vec![self.default; network.roots().len()];
        for (key, weight) in &self.chargers {
            let named = |(_, root): &(usize, &ctl_reach::Root)| {
                root.name.as_str() == key || root.fingerprint.to_string() == *key
            };
            let mut found = network.roots().iter().enumerate().filter(named).map(|(place, _)| place);
            match (found.next(), found.next()) {
                (Some(place), None) => weights.iter_mut().skip(place).take(1).for_each(|one| *one = *weight),
                (Some(_), Some(_)) => return refuse(key, "names several roots: use the SHA-256"),
                (None, _) => return refuse(key, "is neither the name nor the SHA-256 of a root on the list"),
            }
        }
        if let Some(large) = weights.iter().find(|weight| **weight > MAX_WEIGHT) {
            return refuse(&large.to_string(), "is more chargers than there can be");
        }
        Ok(weights)
    }
}

impl Render for Report {
    fn text(&self) -> String {
        let mut text = format!(
            "list {}, version {}, as of {}, {}\n",
            self.list,
            self.sequence,
            self.as_of,
            standard_name(self.standard)
        );
        text += &section("verified:", &self.verified);
        text +=
            &format!("{} of {} chargers can be reached by roots on the list", self.reachable, self.chargers);
        text += match self.counting {
            Counting::All => "\n",
            Counting::Short => " if their chains are short enough\n",
        };
        let mut last: Vec<String> = Vec::new();
        let rows = self.choices.iter().map(|row| {
            let names: Vec<String> = row.roots.iter().map(|root| root.name.to_string()).collect();
            let added: Vec<String> =
                names.iter().filter(|name| !last.contains(name)).map(|n| format!("+ {n}")).collect();
            let removed: Vec<String> =
                last.iter().filter(|name| !names.contains(name)).map(|n| format!("- {n}")).collect();
            last = names;
            let share = row.reached.saturating_mul(1000) / self.chargers.max(1);
            let proof = if row.exact { "best".into() } else { format!("at most {}", row.at_most) };
            vec![
                row.count.to_string(),
                row.bytes.to_string(),
                row.reached.to_string(),
                format!("{}.{} %", share / 10, share % 10),
                proof,
                added.into_iter().chain(removed).collect::<Vec<_>>().join(", "),
            ]
        });
        text += &table(&["roots", "bytes", "chargers", "share", "proof", "change"], rows);
        if let Some(row) = self.choices.last() {
            let names: Vec<String> =
                row.roots.iter().map(|root| format!("{} {}", root.fingerprint.short(), root.name)).collect();
            text += &section(&format!("install for {} root(s):", row.count), &names);
        }
        if self.choices.iter().any(|row| !row.exact) {
            text += "not every row is proven to be the best: none is below 63 % of it, and \"at most\" bounds it\n";
        }
        text
    }
}
