//! A device: a state directory, a PEM sink, an EVerest sink, a clock that only moves when told to.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use ctl_client::config::{FilesConfig, SinkConfig};
use ctl_client::files::Files;
use ctl_client::sink::Sink;
use ctl_client::state::StateDirectory;
use ctl_client::status::Status;
use ctl_client::sync::SyncReport;
use ctl_client::transport::TransportOptions;
use ctl_client::{Client, ClientError, Init, Machine, init};
use ctl_core::Timestamp;

use super::power::Unflushed;
use super::sinks::certificates_in;
use super::{Repository, roots, start};

pub struct Device {
    pub folder: tempfile::TempDir,
    pub now: Rc<Cell<Timestamp>>,
    pub client: Client,
    pub transport: TransportOptions,
}

/// What differs from device to device.
pub struct Options {
    pub clock: bool,
    pub keep_foreign: bool,
    pub check: Vec<String>,
    pub command: Vec<String>,
    pub lists: Vec<&'static str>,
    pub url: Option<String>,
    pub proxy: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: true,
            keep_foreign: true,
            check: vec![],
            command: vec![],
            lists: vec!["na"],
            url: None,
            proxy: None,
        }
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Device {
    /// A device that trusts the repository's first root.
    pub fn new(repository: &Repository) -> Self {
        Self::with(repository, Options::default())
    }

    pub fn with(repository: &Repository, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let url = options.url.unwrap_or_else(|| format!("file://{}/", path.join("repository").display()));
        let files = |name: &str| FilesConfig {
            keep_foreign: options.keep_foreign,
            check_before_change: options.check.clone(),
            run_after_change: options.command.clone(),
            ..FilesConfig::at(path.join(name))
        };
        let begin = Init {
            url,
            root: repository.first_root(),
            lists: options.lists.iter().map(|list| list.parse().unwrap()).collect(),
            clock: options.clock,
            proxy: options.proxy.clone(),
            sinks: vec![SinkConfig::Pem(files("pem")), SinkConfig::Everest(files("everest"))],
        };
        init(&path.join("state"), begin, Box::new(Unflushed)).unwrap();
        let now = Rc::new(Cell::new(start()));
        let transport = TransportOptions { total: Duration::from_secs(20), ..TransportOptions::default() };
        let client = open(path, &now, &transport, Box::new(Unflushed), vec![]);
        Self { folder, now, client, transport }
    }

    /// A device that has synced once.
    pub fn synced(repository: &Repository) -> Self {
        let mut device = Self::new(repository);
        let report = device.sync(repository);
        assert!(report.is_success(), "{:?}", report.problems);
        device
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// As after a restart of the program, perhaps with another file system.
    pub fn restart(&mut self, files: Box<dyn Files>) {
        // First let go of the lock.
        self.client = open(self.folder.path(), &self.now, &self.transport, Box::new(Unflushed), vec![]);
        self.client = open(self.folder.path(), &self.now, &self.transport, files, vec![]);
    }

    /// Names the device in `client.toml`.
    pub fn name(&mut self, name: &str) {
        let place = self.path("state/client.toml");
        let text = std::fs::read_to_string(&place).unwrap();
        let named = text.replacen("\nclock =", &format!("\ndevice = \"{name}\"\nclock ="), 1);
        assert_ne!(named, text);
        std::fs::write(place, named).unwrap();
    }

    /// As after somebody added this to `client.toml`.
    pub fn configure(&mut self, more: &str) {
        let place = self.path("state/client.toml");
        let text = std::fs::read_to_string(&place).unwrap();
        std::fs::write(place, format!("{text}\n{more}\n")).unwrap();
        self.restart(Box::new(Unflushed));
    }

    /// As after a restart of the program with a sink more.
    pub fn with_sink(self, sink: impl Sink + 'static) -> Self {
        self.with_sinks(vec![Box::new(sink)])
    }

    /// The same with several.
    pub fn with_sinks(mut self, sinks: Vec<Box<dyn Sink>>) -> Self {
        self.client = open(self.folder.path(), &self.now, &self.transport, Box::new(Unflushed), sinks);
        self
    }

    /// As after a restart of the program with another file system and a sink more.
    pub fn restart_with(&mut self, files: Box<dyn Files>, sink: impl Sink + 'static) {
        self.client = open(self.folder.path(), &self.now, &self.transport, Box::new(Unflushed), vec![]);
        let sinks = vec![Box::new(sink) as Box<dyn Sink>];
        self.client = open(self.folder.path(), &self.now, &self.transport, files, sinks);
    }

    pub fn try_sync(&mut self, repository: &Repository) -> Result<SyncReport, ClientError> {
        repository.write(&self.path("repository"));
        self.sync_again()
    }

    /// Without looking at what the repository holds now.
    pub fn sync_again(&mut self) -> Result<SyncReport, ClientError> {
        block_on(self.client.sync())
    }

    pub fn sync(&mut self, repository: &Repository) -> SyncReport {
        self.try_sync(repository).unwrap()
    }

    pub fn status(&self) -> Status {
        block_on(self.client.status()).unwrap()
    }

    /// The names of the roots in the PEM sink; every file of it must be whole.
    pub fn pem(&self) -> BTreeSet<&'static str> {
        let mut found = BTreeSet::new();
        for file in std::fs::read_dir(self.path("pem/current")).into_iter().flatten().flatten() {
            found.extend(names_in(&file.path()));
        }
        found
    }

    /// The names of the roots in EVerest's bundles.
    pub fn everest(&self) -> BTreeSet<&'static str> {
        let mut found = names_in(&self.path("everest/ca/v2g/V2G_ROOT_CA.pem"));
        found.extend(names_in(&self.path("everest/ca/mo/MO_ROOT_CA.pem")));
        found
    }

    /// What both sinks trust: they must agree.
    pub fn trusted(&self) -> BTreeSet<&'static str> {
        let (pem, everest) = (self.pem(), self.everest());
        assert_eq!(pem, everest);
        pem
    }

    /// Everything that is kept verifies, and the sinks equal it.
    pub fn assert_sound(&self) {
        let found = block_on(self.client.verify()).unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
    }

    /// Refused for a reason that says so, and nothing changed.
    pub fn assert_refuses(&mut self, repository: &Repository, why: &str) {
        let before = (self.trusted(), self.sequences());
        let report = self.sync(repository);
        let problems: Vec<String> = report.problems.iter().map(|problem| problem.error.to_string()).collect();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{why:?} is not among {problems:?}");
        assert_eq!((self.trusted(), self.sequences()), before);
        self.assert_sound();
    }

    pub fn sequences(&self) -> Vec<(String, u64)> {
        self.status().documents.iter().map(|line| (line.role.to_string(), line.sequence)).collect()
    }

    /// Keeps a copy of all that is on the device, for [`Device::restore`].
    pub fn save(&self) {
        copy(&self.path("state"), &self.path("saved/state"));
        copy(&self.path("pem"), &self.path("saved/pem"));
        copy(&self.path("everest"), &self.path("saved/everest"));
    }

    pub fn restore(&self) {
        for name in ["state", "pem", "everest"] {
            let _ = std::fs::remove_dir_all(self.path(name));
            copy(&self.path("saved").join(name), &self.path(name));
        }
    }

    pub fn state_directory(&self) -> StateDirectory {
        StateDirectory::open(&self.path("state"), Box::new(Unflushed))
    }
}

fn open(
    folder: &Path,
    now: &Rc<Cell<Timestamp>>,
    transport: &TransportOptions,
    files: Box<dyn Files>,
    sinks: Vec<Box<dyn Sink>>,
) -> Client {
    let now = Rc::clone(now);
    let machine = Machine {
        files,
        now: Box::new(move || now.get()),
        transport: transport.clone(),
        command_time: Duration::from_secs(60),
        sinks,
    };
    Client::open(&folder.join("state"), machine).unwrap()
}

pub fn names_in(path: &Path) -> BTreeSet<&'static str> {
    let Ok(bytes) = std::fs::read(path) else { return BTreeSet::new() };
    certificates_in(&bytes)
        .iter()
        .map(|certificate| *roots().iter().find(|(_, root)| *root == certificate).expect("a known root").0)
        .collect()
}

pub fn set(names: &[&'static str]) -> BTreeSet<&'static str> {
    names.iter().copied().collect()
}

/// A folder with its links as they are; nothing if there is none.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir_all(to).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        let (kind, place) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap();
            std::os::unix::fs::symlink(target, place).unwrap();
        } else if kind.is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}
