//! `client.toml` in the state directory: what to follow, where to put it. Written by `init`, edited
//! by people.

mod annotated;
mod sinks;

use std::collections::BTreeMap;
use std::path::Path;

use ctl_core::Digest;
use ctl_core::names::{Environment, ListId};
use serde::Deserialize;

pub use sinks::{CommandConfig, FilesConfig, SelectionConfig, SinkConfig};

use crate::error::ClientError;
use crate::files::{self, Files};
use crate::local::Local;
use crate::metrics::MetricsConfig;
use crate::report::ReportConfig;

/// The file's name.
pub const FILE: &str = "client.toml";
const MAX_BYTES: usize = 256 * 1024;

/// What this client was born with. It changes only by `init`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// SHA-256 of the trusted `root.json` beside this file.
    pub root_sha256: Digest,
    /// The scheme.
    pub scheme: Digest,
    /// Test or production.
    pub environment: Environment,
}

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the repository is: `https://…` or `file:///…`.
    pub url: String,
    /// The lists to follow; none for every list of the scheme.
    #[serde(default)]
    pub lists: Vec<ListId>,
    /// Whether to follow the registry of MO identifiers.
    #[serde(default = "yes")]
    pub registry: bool,
    /// Whether this device's clock may be believed.
    #[serde(default = "yes")]
    pub clock: bool,
    /// A proxy; without one, `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured.
    #[serde(default)]
    pub proxy: Option<String>,
    /// Seconds from one sync to the next, ± a fifth.
    #[serde(default = "default_interval")]
    pub interval_seconds: u64,
    /// How long past its next update a list's age is a warning before it is an error.
    #[serde(default = "default_grace")]
    pub grace_seconds: u64,
    /// What its operator calls this device: for roll-outs and reports.
    #[serde(default)]
    pub device: Option<String>,
    /// What this client was born with.
    pub identity: Identity,
    /// What the operator of this device says beside the lists.
    #[serde(default)]
    pub local: Local,
    /// Whom to report to.
    #[serde(default)]
    pub report: Option<ReportConfig>,
    /// Where to write metrics.
    #[serde(default)]
    pub metrics: Option<MetricsConfig>,
    /// Where anchors are put.
    #[serde(default)]
    pub sink: Vec<SinkConfig>,
}

const fn yes() -> bool {
    true
}

pub(crate) const fn default_interval() -> u64 {
    3600
}

pub(crate) const fn default_grace() -> u64 {
    30 * 86_400
}

impl Config {
    /// Reads the configuration of a state directory.
    ///
    /// # Errors
    /// [`ClientError::Config`] saying what to correct.
    pub fn read(directory: &Path) -> Result<Self, ClientError> {
        let path = directory.join(FILE);
        let refused = |problem: String| ClientError::Config { path: path.clone(), problem };
        let missing = || refused("does not exist; run init first".into());
        let folder = files::open_directory(directory)?.ok_or_else(missing)?;
        let read = folder.read_linked(FILE, MAX_BYTES);
        let bytes = read.map_err(|source| ClientError::file("read", &path, source))?.ok_or_else(missing)?;
        let text = String::from_utf8(bytes).map_err(|_| refused("not UTF-8".into()))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            // Without the line itself: it may hold a password.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count()).saturating_add(1);
            refused(format!("line {line}: {}", error.message()))
        })?;
        if config.interval_seconds == 0 {
            return Err(refused("interval_seconds: must be at least 1".into()));
        }
        if config.local.rollout.is_some() && config.device.is_none() {
            return Err(refused("local.rollout needs a name for this device: write device = \"…\"".into()));
        }
        config.sink.iter_mut().for_each(|sink| sink.keep_in(directory));
        match config.problem() {
            Some(problem) => Err(refused(problem)),
            None => Ok(config),
        }
    }

    fn problem(&self) -> Option<String> {
        let sinks = self.sink.iter().find_map(SinkConfig::problem);
        let sinks = sinks.or_else(|| {
            let mut taken = BTreeMap::new();
            let mut all = self.sink.iter().flat_map(|sink| crate::sink::places(sink).into_iter().map(move |at| (at, sink)));
            all.find_map(|(at, sink)| {
                let other = taken.insert(at.clone(), sink)?;
                let names = [other, sink].map(|sink| crate::sink::open(sink).name());
                let [one, two] = names;
                Some(format!(
                    "the sinks {one:?} and {two:?} are at the same place ({}): they would undo each other; give one another \
                     path",
                    at.display()
                ))
            })
        });
        let report = || self.report.as_ref()?.problem(self.device.as_deref());
        let metrics = || self.metrics.as_ref()?.problem();
        sinks.or_else(|| self.local.problem()).or_else(report).or_else(metrics)
    }

    /// Writes it with explanations, once.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn write(&self, files: &dyn Files, directory: &Path) -> Result<(), ClientError> {
        let folder = files::create_directories(files, directory)?;
        let text = self
            .annotated()
            .map_err(|problem| ClientError::Config { path: directory.join(FILE), problem })?;
        files::replace(files, &folder, FILE, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use ctl_core::parts::DistrustKind;

    use super::*;
    use crate::files::Disk;
    use crate::local::{Distrust, Hold, Rollout, Stage};

    fn config() -> Config {
        Config {
            url: "file:///media/usb \"x\"/".into(),
            lists: vec!["na".parse().unwrap(), "eu".parse().unwrap()],
            registry: true,
            clock: false,
            proxy: Some("http://proxy:3128".into()),
            interval_seconds: 60,
            grace_seconds: 86_400,
            device: Some("cp-17".into()),
            identity: Identity {
                root_sha256: Digest::of(b"root"),
                scheme: Digest::of(b"scheme"),
                environment: Environment::Test,
            },
            local: Local {
                distrust: vec![Distrust {
                    sha256: Digest::of(b"lost"),
                    kind: DistrustKind::Spki,
                    reason: "a key that we know is lost".into(),
                }],
                hold: vec![Hold { list: "na".parse().unwrap(), sequence: 7, reason: "change freeze".into() }],
                rollout: Some(Rollout {
                    stages: vec![
                        Stage { after_hours: 0, percent: 5 },
                        Stage { after_hours: 24, percent: 100 },
                    ],
                    gate: Some("https://fleet.example".into()),
                }),
            },
            report: Some(ReportConfig {
                url: "https://fleet.example/v1/reports".into(),
                token_file: "/etc/ctl-client/token".into(),
                every_hours: 12,
            }),
            metrics: Some(MetricsConfig { textfile: "/var/lib/node/ctl_client.prom".into() }),
            sink: vec![
                SinkConfig::Everest(FilesConfig {
                    path: "/etc/everest/certs".into(),
                    keep_foreign: true,
                    check_before_change: vec!["/usr/bin/check".into()],
                    run_after_change: vec!["/bin/echo".into(), "a \"b\"\n".into()],
                    order: vec![],
                    ctl_folder: Some("/usr/share/everest/CTL".into()),
                    selection: None,
                }),
                SinkConfig::Josev(FilesConfig {
                    order: vec![Digest::of(b"root")],
                    ..FilesConfig::at("/etc/josev/pki".into())
                }),
                SinkConfig::Pem(FilesConfig::at("/var/lib/roots".into())),
                SinkConfig::P7c(FilesConfig::at("/var/lib/roots.p7c".into())),
                SinkConfig::Manifest(FilesConfig::at("/var/lib/trust.json".into())),
                SinkConfig::Command(CommandConfig {
                    path: "/var/lib/hand-over".into(),
                    program: vec!["/usr/bin/take".into()],
                    seconds: 300,
                    selection: Some(SelectionConfig {
                        file: "/etc/ctl-client/selection.jws".into(),
                        key: "/etc/ctl-client/selection.pub".into(),
                    }),
                }),
            ],
        }
    }

    #[test]
    fn what_init_writes_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for config in [
            config(),
            Config {
                proxy: None,
                device: None,
                local: Local::default(),
                report: None,
                metrics: None,
                sink: vec![],
                ..config()
            },
        ] {
            config.write(&Disk, folder.path()).unwrap();
            assert_eq!(Config::read(folder.path()).unwrap(), config);
        }
    }

    #[test]
    fn what_others_put_there_stays_unless_the_operator_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let all = config().annotated().unwrap();
        let silent = all.replace("keep_foreign = true\n", "");
        assert_ne!(silent, all);
        std::fs::write(folder.path().join(FILE), silent).unwrap();
        assert_eq!(Config::read(folder.path()).unwrap(), config());
    }

    #[test]
    fn mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Config::read(folder.path()).unwrap_err().to_string().contains("run init first"));
        let good = config().annotated().unwrap();
        for (from, to, named) in [
            ("clock = false", "clok = false", "clok"),
            ("interval_seconds = 60", "interval_seconds = 0", "at least 1"),
            ("lists = [\"na\", \"eu\"]", "lists = [\"../na\"]", "list's id"),
            ("path = \"/etc", "path = \"etc", "absolute path"),
            ("device = \"cp-17\"", "", "device"),
            ("percent = 5", "percent = 0", "percent"),
            ("reason = \"change freeze\"", "reason = \" \"", "reason"),
            ("kind = \"pem\"", "kind = \"pen\"", "pen"),
            ("kind = \"josev\"", "kind = \"pem\"", "only a josev sink has an order"),
            ("kind = \"everest\"", "kind = \"pem\"", "only an everest sink has a ctl_folder"),
            ("seconds = 300", "seconds = 0", "from 1 to 3600"),
            ("program = [\"/usr/bin/take\"]", "program = []", "name a program"),
            ("keep_foreign = true", "keep_forein = true", "keep_forein"),
            ("url = \"https://fleet", "url = \"http://fleet", "write https"),
            ("device = \"cp-17", "device = \"../cp-17", "letters, digits"),
            ("token_file = \"/etc", "token_file = \"etc", "absolute path"),
            ("every_hours = 12", "every_hours = 0", "at least 1"),
            ("ctl_client.prom", "ctl_client.txt", "ends in .prom"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from}");
            std::fs::write(folder.path().join(FILE), bad).unwrap();
            let error = Config::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
