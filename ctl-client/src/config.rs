//! `client.toml` in the state directory: what to follow, where to put it. Written by `init`, edited
//! by people.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ctl_core::Digest;
use ctl_core::names::{Environment, ListId};
use serde::{Deserialize, Serialize};

#[cfg(feature = "back-end")]
use crate::csms::config::{BackEndConfig, Brand};
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::local::Local;
use crate::metrics::MetricsConfig;
use crate::report::ReportConfig;

/// The file's name.
pub const FILE: &str = "client.toml";
const MAX_BYTES: usize = 256 * 1024;
/// A program to which changes are handed may run so long.
const MAX_SECONDS: u64 = 3600;

/// Where verified anchors are put, and how: a kind of sink with what that kind is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SinkConfig {
    /// One file for each anchor, one bundle for each use, below `current/`.
    Pem(FilesConfig),
    /// EVerest's certificate directory: `ca/v2g/V2G_ROOT_CA.pem`, `ca/mo/MO_ROOT_CA.pem`.
    Everest(FilesConfig),
    /// The certificate folders of Josev (EcoG's iso15118): `iso15118_2/certs/`, `iso15118_20/certs/`.
    Josev(FilesConfig),
    /// A file: certs-only PKCS#7 of all anchors.
    P7c(FilesConfig),
    /// A file: what is trusted, and by which names, as JSON.
    Manifest(FilesConfig),
    /// A folder that is handed to a program at each change.
    Command(CommandConfig),
    /// Charging stations behind CitrineOS, by its message API.
    #[cfg(feature = "back-end")]
    Citrineos(BackEndConfig),
    /// Charging stations behind MaEVe, which never says what they hold.
    #[cfg(feature = "back-end")]
    Maeve(BackEndConfig),
    /// Charging stations of OCPP 1.6 behind SteVe, by DataTransfer.
    #[cfg(feature = "back-end")]
    Steve(BackEndConfig),
}

/// What a sink is told that hands a folder to a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandConfig {
    /// The folder in which what is handed over stands.
    pub path: PathBuf,
    /// The program and its arguments; it is given the folder of a version and a file of changes as its last two.
    pub program: Vec<String>,
    /// How long it may run.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
    /// Hands over only what was selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionConfig>,
}

/// Which of what is trusted goes into a sink, where it has little room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionConfig {
    /// The signed selection.
    pub file: PathBuf,
    /// The public key in PEM of whoever signs it off.
    pub key: PathBuf,
}

/// What a sink of files in a directory is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// The directory, or the file where it is one.
    pub path: PathBuf,
    /// Whether certificates that this client did not put there stay. They do unless it is said that
    /// they do not.
    #[serde(default = "yes")]
    pub keep_foreign: bool,
    /// A command and its arguments, run before every change with the directory of the new files as its
    /// last argument. Unless it succeeds, nothing is changed.
    #[serde(default)]
    pub check_before_change: Vec<String>,
    /// A command and its arguments, run after every change.
    #[serde(default)]
    pub run_after_change: Vec<String>,
    /// Which root a file takes that holds one: the first of these that is trusted for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Digest>,
    /// EVerest's folder of trust lists, into which a `.p7c` is put beside the bundles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctl_folder: Option<PathBuf>,
    /// Takes only what was selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionConfig>,
}

impl FilesConfig {
    /// A directory without any commands, where what others put stays.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self {
            path,
            keep_foreign: true,
            check_before_change: Vec::new(),
            run_after_change: Vec::new(),
            order: Vec::new(),
            ctl_folder: None,
            selection: None,
        }
    }

    /// The name of the file that it is about, where it is one.
    pub(crate) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl SinkConfig {
    /// Says where the state directory is, for those who remember something there.
    fn keep_in(&mut self, directory: &Path) {
        match self {
            #[cfg(feature = "back-end")]
            Self::Citrineos(config) | Self::Maeve(config) | Self::Steve(config) => config.keep_in(directory),
            _ => {
                let _ = directory;
            }
        }
    }

    /// Everything that is wrong with it: what to correct.
    fn problem(&self) -> Option<String> {
        let (path, files) = match self {
            #[cfg(feature = "back-end")]
            Self::Citrineos(config) => return config.problem(Brand::Citrineos),
            #[cfg(feature = "back-end")]
            Self::Maeve(config) => return config.problem(Brand::Maeve),
            #[cfg(feature = "back-end")]
            Self::Steve(config) => return config.problem(Brand::Steve),
            Self::Command(command) => (&command.path, None),
            Self::Pem(files)
            | Self::Everest(files)
            | Self::Josev(files)
            | Self::P7c(files)
            | Self::Manifest(files) => (&files.path, Some(files)),
        };
        let wrong = |problem: &str| Some(format!("sink path {path:?}: {problem}"));
        if !path.is_absolute() {
            return wrong("write an absolute path");
        }
        let selection = match (self, files) {
            (Self::Command(command), _) => &command.selection,
            (_, Some(files)) => &files.selection,
            _ => &None,
        };
        if selection.iter().any(|selection| !selection.file.is_absolute() || !selection.key.is_absolute()) {
            return wrong("selection: write absolute paths");
        }
        match (self, files) {
            (Self::Command(command), _) if command.program.is_empty() => wrong("name a program"),
            (Self::Command(command), _) if !(1..=MAX_SECONDS).contains(&command.seconds) => {
                wrong("seconds: from 1 to 3600")
            }
            (Self::P7c(_) | Self::Manifest(_), _) if path.file_name().and_then(OsStr::to_str).is_none() => {
                wrong("name a file")
            }
            (Self::Josev(_), Some(FilesConfig { ctl_folder: None, .. })) => None,
            (Self::Everest(_), Some(FilesConfig { order, ctl_folder, .. })) if order.is_empty() => {
                match ctl_folder.as_ref().filter(|folder| !folder.is_absolute()) {
                    Some(_) => wrong("ctl_folder: write an absolute path"),
                    None => None,
                }
            }
            (_, Some(files)) if !files.order.is_empty() => wrong("only a josev sink has an order"),
            (_, Some(files)) if files.ctl_folder.is_some() => wrong("only an everest sink has a ctl_folder"),
            _ => None,
        }
    }
}

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

const fn default_seconds() -> u64 {
    60
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

    fn annotated(&self) -> Result<String, String> {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let lists: Vec<String> = self.lists.iter().map(|list| text(list.as_str())).collect();
        let proxy = match &self.proxy {
            Some(proxy) => format!("proxy = {}", text(proxy)),
            None => "# proxy = \"http://proxy.example:3128\"".into(),
        };
        let device = match &self.device {
            Some(device) => format!("device = {}", text(device)),
            None => "# device = \"cp-17\"".into(),
        };
        let Self { local, report, metrics, sink, .. } = self;
        let tables = Tables { local, report, metrics, sink };
        let tables = toml::to_string(&tables).map_err(|error| error.to_string())?;
        Ok(format!(
            "# What this device follows and where it puts it. Written by `ctl-client init`; edit freely\n\
             # except [identity].\n\
             \n\
             # The repository: https://…, or file:///… for a directory or USB stick.\n\
             url = {url}\n\
             # The lists to follow; [] for every list of the scheme. Removal wins: what one of them distrusts\n\
             # is not taken from another.\n\
             lists = [{lists}]\n\
             # Whether to keep the registry of mobility-operator identifiers.\n\
             registry = {registry}\n\
             # false if this device's clock cannot be believed: then time is the latest that was ever\n\
             # signed, and nobody can tell how fresh a list is.\n\
             clock = {clock}\n\
             # Without this line HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are honoured.\n\
             {proxy}\n\
             # Seconds from one sync to the next, ± a fifth. `status` fails after two of them without a sync\n\
             # that succeeded: say here how often cron or a person with a stick syncs.\n\
             interval_seconds = {interval}\n\
             # How long past its next update a list's age is a warning before it is an error. The list\n\
             # stays in force either way.\n\
             grace_seconds = {grace}\n\
             # What you call this device: for roll-outs and reports.\n\
             {device}\n\
             \n\
             # Do not edit: the root.json that everything starts from.\n\
             [identity]\n\
             root_sha256 = \"{root}\"\n\
             scheme = \"{scheme}\"\n\
             environment = \"{environment}\"\n\
             \n\
             # What you say beside the lists. It only takes away or delays: nothing of it adds trust or delays a removal.\n\
             #   [[local.distrust]]  sha256 = \"…\", reason = \"…\", kind = \"certificate\" or \"spki\": never trusted here\n\
             #   [[local.hold]]      list = \"na\", sequence = 7, reason = \"…\": what later versions add waits\n\
             #   [local.rollout]     stages = [{{ after_hours = 0, percent = 5 }}, {{ after_hours = 24, percent = 100 }}]:\n\
             #                       what a list adds is taken up first by some devices; gate = \"https://…\" may pause it\n\
             # After each sync that changed something, the status of this device as JSON to an address of yours, such as\n\
             # that of `ctl-client collect`; it needs device above. What fails is a note, and tried again.\n\
             #   [report]          url = \"https://…\", http:// on this machine only; token_file = \"…\", of mode 0600, with\n\
             #                     what proves who reports; every_hours = 24, at least so often if nothing changes\n\
             # For Prometheus, after each sync.\n\
             #   [metrics]         textfile = \"…/ctl_client.prom\", in the directory of node_exporter's textfile collector\n\
             # Where anchors go; as many [[sink]] as you like.\n\
             #   kind = \"pem\"      one file for each anchor and one bundle for each use, in <path>/current/\n\
             #   kind = \"everest\"  <path>/ca/v2g/V2G_ROOT_CA.pem and <path>/ca/mo/MO_ROOT_CA.pem\n\
             #   kind = \"josev\"    v2gRootCACert.pem and its like in <path>/iso15118_2/certs and iso15118_20/certs; a .der\n\
             #                     takes one root: order = [\"<SHA-256>\", …] says which, the first that is trusted\n\
             #   kind = \"p7c\"      <path>, a file: certs-only PKCS#7 of all anchors\n\
             #   kind = \"manifest\" <path>, a file: what is trusted, and by which names, as JSON\n\
             #   kind = \"command\"  program = [\"/usr/local/bin/take\"] is given a folder of all of it and a file of what\n\
             #                     changed, and again until it succeeds within seconds = 60\n\
             #   selection = {{ file = \"…\", key = \"…\" }}  takes only the roots that `ctl-admin sign-off` signed for, of those\n\
             #                     that are trusted\n\
             #   keep_foreign      certificates that others put there stay, unless they are distrusted; false\n\
             #                     replaces them\n\
             #   check_before_change  a command and its arguments; it is given the directory of the new files as\n\
             #                     last argument, and nothing is changed unless it succeeds within a minute: not\n\
             #                     even what is suspended goes, so let it fail for good reasons only\n\
             #   run_after_change  a command and its arguments, such as [\"systemctl\", \"restart\", \"everest\"]\n\
             \n\
             {tables}",
            url = text(&self.url),
            lists = lists.join(", "),
            registry = self.registry,
            clock = self.clock,
            interval = self.interval_seconds,
            grace = self.grace_seconds,
            root = self.identity.root_sha256,
            scheme = self.identity.scheme,
            environment = self.identity.environment,
        ))
    }
}

/// What is written as it is read.
#[derive(Serialize)]
struct Tables<'a> {
    #[serde(skip_serializing_if = "is_silent")]
    local: &'a Local,
    report: &'a Option<ReportConfig>,
    metrics: &'a Option<MetricsConfig>,
    // An empty list would be taken for one of the table above it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sink: &'a [SinkConfig],
}

fn is_silent(local: &&Local) -> bool {
    **local == Local::default()
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
