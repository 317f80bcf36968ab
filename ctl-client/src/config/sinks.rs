//! What a sink is told in `client.toml`: one kind of sink each.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ctl_core::Digest;
use serde::{Deserialize, Serialize};

#[cfg(feature = "back-end")]
use crate::csms::config::{BackEndConfig, Brand};

/// A program to which changes are handed may run so long.
const MAX_SECONDS: u64 = 3600;

const fn default_seconds() -> u64 {
    60
}

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
    #[serde(default = "super::yes")]
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
    pub(super) fn keep_in(&mut self, directory: &Path) {
        match self {
            #[cfg(feature = "back-end")]
            Self::Citrineos(config) | Self::Maeve(config) | Self::Steve(config) => config.keep_in(directory),
            _ => {
                let _ = directory;
            }
        }
    }

    /// Everything that is wrong with it: what to correct.
    pub(super) fn problem(&self) -> Option<String> {
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
