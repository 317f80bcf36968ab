//! Processes that follow a scheme one after another, with one folder that remembers.

use std::path::PathBuf;

use ctl_core::role::Role;
use ctl_governance::statement::Entry;
use ctl_governance::{Snapshot, State, snapshot};
use ctl_replica::{Log, Options, Replica, ReplicaError, Trust};
use tempfile::TempDir;

use super::story::{World, na};
use super::{Files, files, noted, options, write};

/// A folder that remembers, and a server that is a directory.
pub struct Reader {
    pub directory: TempDir,
}

/// What one process did.
pub struct Contact {
    pub log: Log,
    /// The entries that it replayed.
    pub replayed: Vec<u64>,
    /// What its listener heard.
    pub heard: Vec<String>,
}

impl Reader {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// One that has seen the world as it is.
    pub async fn of(world: &World) -> Self {
        let reader = Self::new();
        let first = reader.contact(world).await.unwrap();
        assert_eq!((first.replayed.len(), first.heard.len()), (world.entries.len(), 0));
        reader
    }

    pub fn folder(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    pub fn file(&self, world: &World, name: &str) -> PathBuf {
        self.folder().join(world.state.scheme.to_string()).join(name)
    }

    pub fn snapshot(&self, world: &World) -> PathBuf {
        self.file(world, "state.snapshot")
    }

    pub fn options(&self, world: &World, files: &Files) -> Options {
        let url = write(&self.directory.path().join("served"), files);
        options(&url, Trust::Scheme(world.state.scheme), Some(&self.folder()), world.now)
    }

    /// A new process that syncs once.
    pub async fn contact(&self, world: &World) -> Result<Contact, ReplicaError> {
        let (listener, heard) = noted();
        let mut replica = Replica::open(Options { listener, ..self.options(world, &files(world)) }).unwrap();
        let mut replayed = Vec::new();
        let log = replica
            .sync_with(&mut |_: Option<&State>, index: u64, _: &Entry| replayed.push(index))
            .await?
            .clone();
        assert_eq!(log.state(), &world.state, "however it came about");
        let heard = heard.lock().unwrap().clone();
        Ok(Contact { log, replayed, heard })
    }

    pub fn read(&self, world: &World) -> Snapshot {
        snapshot::read(&std::fs::read(self.snapshot(world)).unwrap()).unwrap()
    }

    /// Puts another state in the snapshot's place, sealed as it must be.
    pub fn seal(&self, world: &World, state: &State, hashes: &[u8]) {
        let mut bytes = Vec::new();
        snapshot::write(state, hashes, &[], &mut bytes).unwrap();
        std::fs::write(self.snapshot(world), bytes).unwrap();
    }
}

pub fn all(world: &World) -> Vec<u64> {
    (0..world.entries.len() as u64).collect()
}

pub fn drafted() -> World {
    let mut world = World::published();
    more(&mut world);
    world
}

pub fn more(world: &mut World) {
    world.wait(60);
    world.open_draft(&Role::List(na())).unwrap();
}
