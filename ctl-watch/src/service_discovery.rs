//! The targets in the forms from which Prometheus discovers them, HTTP and file, for those who also probe with the
//! blackbox exporter.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ctl_host::files;
use serde::Serialize;

use super::code::Code;
use super::standings::Standings;
use super::target::Kind;

/// Targets with the same labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Their addresses, in order.
    pub targets: Vec<String>,
    pub labels: BTreeMap<&'static str, String>,
}

/// The targets by PKI and kind, in a fixed order, so that unchanged standings give unchanged text. Left out are the
/// targets of the service itself, which have no address to call; what only an application names; and addresses that the
/// watch must not call, because a prober calls whatever address it is given.
#[must_use]
pub fn groups(standings: &Standings) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, Kind), Vec<String>> = BTreeMap::new();
    for standing in standings.targets.values() {
        let target = &standing.target;
        let is_forbidden =
            standing.last.as_ref().is_some_and(|last| last.codes().contains(&Code::AddressForbidden));
        if target.kind != Kind::Service && target.is_promised() && !is_forbidden {
            groups.entry((target.operator.as_str(), target.kind)).or_default().push(target.url.clone());
        }
    }
    groups
        .into_iter()
        .map(|((pki, kind), mut targets)| {
            targets.sort();
            targets.dedup();
            let labels = [
                ("pki", pki.to_owned()),
                ("kind", kind.as_str().to_owned()),
                // dashboards/prometheus/blackbox.yml has a module for each kind.
                ("__param_module", format!("ctl_{}", kind.as_str().replace('-', "_"))),
            ];
            Group { targets, labels: labels.into() }
        })
        .collect()
}

/// Keeps the file `prometheus/targets.json` in the data directory up to date, for Prometheus' `file_sd_configs`.
#[derive(Debug)]
pub struct TargetsFile {
    path: PathBuf,
    written: Option<Vec<Group>>,
}

impl TargetsFile {
    /// The file in this data directory; writes nothing yet.
    #[must_use]
    pub fn below(data: &Path) -> Self {
        Self { path: data.join("prometheus").join("targets.json"), written: None }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file if the targets have changed since the last time; returns whether it did. Blocks on the disk.
    ///
    /// # Errors
    /// Those of the file system; the next call tries again.
    pub fn follow(&mut self, standings: &Standings) -> io::Result<bool> {
        let groups = groups(standings);
        if self.written.as_ref() == Some(&groups) {
            return Ok(false);
        }
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        files::write(&self.path, &serde_json::to_vec_pretty(&groups)?, 0o644)?;
        self.written = Some(groups);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::target;
    use super::*;
    use crate::{Facts, Standing};

    fn standings(targets: &[(&str, Kind, &str)]) -> Standings {
        let mut standings = Standings::default();
        for (pki, kind, url) in targets {
            let target = target(pki, *kind, url);
            let standing = Standing {
                target: target.clone(),
                since_ms: 0,
                last: None,
                verdict: None,
                answered_ms: None,
                good_ms: None,
                facts: Facts::default(),
            };
            standings.targets.insert(target.id, Arc::new(standing));
        }
        standings
    }

    #[test]
    fn targets_are_grouped_by_what_a_blackbox_exporter_needs() {
        let standings = standings(&[
            ("beta", Kind::Crl, "http://crl.beta.example/"),
            ("alpha", Kind::RootPool, "https://pool.alpha.example/"),
            ("alpha", Kind::Ocsp, "http://b.alpha.example/"),
            ("alpha", Kind::Ocsp, "http://a.alpha.example/"),
            ("operator", Kind::Service, "checkpoint"),
        ]);
        assert_eq!(
            serde_json::to_value(groups(&standings)).unwrap(),
            serde_json::json!([
                {
                    "targets": ["http://a.alpha.example/", "http://b.alpha.example/"],
                    "labels": { "pki": "alpha", "kind": "ocsp", "__param_module": "ctl_ocsp" },
                },
                {
                    "targets": ["https://pool.alpha.example/"],
                    "labels": { "pki": "alpha", "kind": "root-pool", "__param_module": "ctl_root_pool" },
                },
                {
                    "targets": ["http://crl.beta.example/"],
                    "labels": { "pki": "beta", "kind": "crl", "__param_module": "ctl_crl" },
                },
            ])
        );
    }

    #[test]
    fn the_file_is_written_when_something_changes_and_only_then() {
        let data = tempfile::tempdir().unwrap();
        let mut file = TargetsFile::below(data.path());
        let first = standings(&[("alpha", Kind::Crl, "http://crl.alpha.example/")]);
        assert!(file.follow(&first).unwrap());
        assert!(!file.follow(&first).unwrap());
        assert!(file.follow(&Standings::default()).unwrap());
        assert_eq!(std::fs::read(file.path()).unwrap(), b"[]");
    }
}
