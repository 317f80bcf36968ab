//! `preflight`: every store of every sink, before a charger or car relies on it. Nothing is changed, and no program of
//! this machine is asked: a store is read by our own profile of what devices read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::inspect::{Inspection, Problem, inspect};
use super::{Known, MAX_FILE, Reader};
use crate::error::ClientError;
use crate::folder::{Folder, Kind};
use crate::sink::{Form, Sink, StoreFile};
use crate::status::Severity;
use crate::sync::Client;

/// So many files of one directory are read.
const MAX_FILES: usize = 10_000;

/// One file that readers of a sink load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreReport {
    /// The sink.
    pub sink: String,
    /// The file.
    pub file: String,
    /// What is in it, if it could be read.
    pub inspection: Option<Inspection>,
    /// What is wrong, and what is worth knowing.
    pub problems: Vec<Problem>,
}

/// All stores of all sinks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// The files.
    pub stores: Vec<StoreReport>,
    /// What concerns a sink as a whole.
    pub sinks: Vec<(String, Problem)>,
}

impl Preflight {
    /// How many things are worse than a note.
    #[must_use]
    pub fn wrong(&self) -> usize {
        let problems = self.stores.iter().flat_map(|store| &store.problems);
        problems
            .chain(self.sinks.iter().map(|(_, problem)| problem))
            .filter(|problem| problem.is_wrong())
            .count()
    }
}

impl Client {
    /// Looks at every store of every sink, for a reader that is this user, if one is named.
    ///
    /// # Errors
    /// [`ClientError::NothingKnown`], [`ClientError::File`] of the state directory.
    pub async fn preflight(&self, reader: Option<&Reader>) -> Result<Preflight, ClientError> {
        let known = self.known()?;
        let mut all = Preflight::default();
        for sink in &self.sinks {
            self.preflight_sink(sink.as_ref(), &known, reader, &mut all).await?;
        }
        if self.sinks.is_empty() {
            let text = "no sink is configured: nothing is put anywhere";
            let problem = Problem::new(Severity::Warning, "no-sink", text, "name one in client.toml");
            all.sinks.push((String::new(), problem));
        }
        Ok(all)
    }

    async fn preflight_sink(
        &self,
        sink: &dyn Sink,
        known: &Known,
        reader: Option<&Reader>,
        all: &mut Preflight,
    ) -> Result<(), ClientError> {
        let name = sink.name();
        let mut add = |rule, text: String, remedy: &str| {
            all.sinks.push((name.clone(), Problem::new(Severity::Error, rule, text, remedy)));
        };
        if let Some(trouble) = sink.trouble() {
            add(
                "medium",
                format!("it {trouble}: no change can be put there"),
                "make room, or mount it for writing",
            );
        }
        let (state, _, _) = self.kept()?;
        if let Err(waits) = self.may_fill(sink, &state) {
            add("never-filled", waits.to_string(), "");
        }
        let before = all.stores.len();
        match sink.stores(&known.trust) {
            Ok(stores) => {
                let mut files: BTreeMap<PathBuf, StoreFile> =
                    stores.files.into_iter().map(|file| (file.path.clone(), file)).collect();
                for folder in &stores.folders {
                    if let Err(error) = others(folder, &mut files) {
                        add(
                            "not-read",
                            format!("{}: {error}", folder.display()),
                            "remove what does not belong there",
                        );
                    }
                }
                all.stores.extend(files.values().filter_map(|file| store(&name, file, known, reader)));
            }
            Err(error) => add("refused", error.to_string(), ""),
        }
        let told = |all: &Preflight| {
            all.stores.iter().skip(before).flat_map(|store| &store.problems).any(Problem::is_wrong)
        };
        let placed = state.placed.get(&name).cloned().unwrap_or_default();
        let found = match sink.plan(&known.trust, &placed).await {
            Ok(plan) => {
                let complaints =
                    plan.complaints.iter().map(|complaint| ("complaint", complaint.to_string(), ""));
                let mut found: Vec<_> = complaints.collect();
                if !plan.in_place && !told(all) {
                    found.push(("not-in-place", "it does not hold what it should".to_owned(), "run sync"));
                }
                found
            }
            Err(error) => vec![("refused", error.to_string(), "")],
        };
        for (rule, text, remedy) in found {
            all.sinks.push((name.clone(), Problem::new(Severity::Error, rule, text, remedy)));
        }
        Ok(())
    }
}

/// What else stands in a directory that readers load as a whole.
fn others(folder: &Path, files: &mut BTreeMap<PathBuf, StoreFile>) -> std::io::Result<()> {
    let names = match Folder::open(folder) {
        // The sink was never filled, which is told.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?.names()?,
    };
    if names.len() > MAX_FILES {
        return Err(std::io::Error::other(format!(
            "it has more than {MAX_FILES} names: nobody looked at the others"
        )));
    }
    for name in names {
        let path = folder.join(name);
        let theirs = || StoreFile { path: path.clone(), form: Form::Pem, certificates: BTreeSet::new() };
        files.entry(path.clone()).or_insert_with(theirs);
    }
    Ok(())
}

/// One file; nothing if it is as it should be that there is none.
fn store(sink: &str, file: &StoreFile, known: &Known, reader: Option<&Reader>) -> Option<StoreReport> {
    let path = &file.path;
    let mut report = StoreReport {
        sink: sink.to_owned(),
        file: path.display().to_string(),
        inspection: None,
        problems: vec![],
    };
    match read(path) {
        Ok(bytes) => {
            let mut inspection = inspect(&bytes, file.form, &file.certificates, known);
            report.problems.append(&mut inspection.problems);
            report.inspection = Some(inspection);
            if let Some((problem, remedy)) = reader.and_then(|reader| reader.hindrance(path)) {
                report.problems.push(Problem::new(Severity::Error, "permission", problem, remedy));
            }
        }
        Err(problem) => {
            let may_be_absent = file.certificates.is_empty() && !file.form.is_there_when_empty();
            if may_be_absent && problem.rule == "absent" {
                return None;
            }
            report.problems.push(*problem);
        }
    }
    Some(report)
}

fn read(path: &Path) -> Result<Vec<u8>, Box<Problem>> {
    let wrong =
        |rule, text: String, remedy: &str| Box::new(Problem::new(Severity::Error, rule, text, remedy));
    let absent = |link: Option<PathBuf>| match link {
        Some(target) => wrong(
            "dangling-link",
            format!("it is a symbolic link to {}, where nothing is", target.display()),
            "mount the partition that it leads to, or remove the link; then run sync",
        ),
        None => wrong("absent", "there is no such file".into(), "run sync"),
    };
    let failed = |error: std::io::Error| {
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied => "run this as the user of ctl-client, or give that user permission",
            _ => "move it away, and run sync",
        };
        wrong("not-read", format!("it cannot be read: {error}"), remedy)
    };
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(wrong("not-read", "it has no name".into(), "correct the sink's path in client.toml"));
    };
    let folder = match Folder::open(above) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent(None)),
        other => other.map_err(failed)?,
    };
    let link = folder.link(name).ok().flatten();
    if link.is_none() && folder.kind(name).ok().flatten() == Some(Kind::Folder) {
        let text = "a directory stands where readers expect a file".to_owned();
        return Err(wrong("directory", text, "move it away, and run sync"));
    }
    folder.read_linked(name, MAX_FILE).map_err(failed)?.ok_or_else(|| absent(link))
}
