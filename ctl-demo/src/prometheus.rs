//! A Prometheus that is found on this machine, started beside the tour: it scrapes the programs of the tour and
//! evaluates the rules and alerts of `dashboards/`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::{Problem, port};

/// The program's name.
const PROGRAM: &str = "prometheus";
const RULES: &str = include_str!("../../dashboards/prometheus/rules.yml");
const ALERTS: &str = include_str!("../../dashboards/prometheus/alerts.yml");

/// A running Prometheus; it ends with the tour.
pub(crate) struct Prometheus {
    address: SocketAddr,
    _child: Child,
}

impl Prometheus {
    /// Finds it among the programs of this machine and starts it on a free port.
    pub(crate) fn start(folder: &Path, jobs: &[(&str, &[&str])]) -> Result<Self, Problem> {
        let program = find().ok_or_else(|| {
            Problem::Unexpected(format!(
                "there is no program {PROGRAM} on the PATH: install it (on Debian: apt install prometheus), or leave out --prometheus"
            ))
        })?;
        std::fs::create_dir_all(folder).map_err(Problem::file(folder))?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(Problem::file(&path))
        };
        write("rules.yml", RULES)?;
        write("alerts.yml", ALERTS)?;
        write("prometheus.yml", &configuration(jobs))?;
        let address = port::free(PROGRAM)?;
        let log = folder.join("prometheus.log");
        let file = std::fs::File::create(&log).map_err(Problem::file(&log))?;
        let child = Command::new(&program)
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Problem::Unexpected(format!("{}: {error}", program.display())))?;
        Ok(Self { address, _child: child })
    }

    /// Where it answers.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

/// The jobs, each with the addresses of its programs, are called as the rules and alerts expect.
fn configuration(jobs: &[(&str, &[&str])]) -> String {
    let job = |(name, urls): &(&str, &[&str])| {
        let targets: Vec<String> =
            urls.iter().map(|url| format!("\"{}\"", url.trim_start_matches("http://"))).collect();
        let targets = targets.join(", ");
        format!("  - job_name: {name}\n    static_configs:\n      - targets: [{targets}]\n")
    };
    format!(
        "global:\n  scrape_interval: 2s\n  evaluation_interval: 2s\n\
         rule_files: [rules.yml, alerts.yml]\nscrape_configs:\n{}",
        jobs.iter().map(job).collect::<String>()
    )
}
