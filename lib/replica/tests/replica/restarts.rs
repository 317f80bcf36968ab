//! The log gets another key, or begins anew: a replica follows root.json for the one, and stops for the other until
//! a person confirms it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ctl_core::list::LogRef;
use ctl_core::log::Checkpoint;
use ctl_core::role::Role;
use ctl_core::tuf::{GoOnFrom, RestartReason, TufSignature};
use ctl_governance::draft;
use ctl_governance::statement::body::{Change, LogRestart, MoAssign};
use ctl_replica::{Confirmed, Options, Replica, Trust};
use story::{World, ed25519};

use crate::common::{log_files, options, signing_key, story, tree};

/// What is served below a folder: the log under the key that the charter names, and every root.
struct Mirror {
    folder: tempfile::TempDir,
    roots: Vec<Vec<u8>>,
}

const BOARD: [&str; 2] = ["board-1", "board-2"];

impl Mirror {
    fn new(world: &World) -> Self {
        let mut mirror = Self { folder: tempfile::tempdir().unwrap(), roots: vec![] };
        mirror.add_root(world);
        mirror.serve(world);
        mirror
    }

    fn add_root(&mut self, world: &World) {
        let documents = &world.state.published[&Role::Root].documents;
        let sign = |name: &&str| TufSignature::over(&documents.metadata, &world.keys[*name]).unwrap();
        self.roots.push(documents.metadata_file(&BOARD.iter().map(sign).collect::<Vec<_>>()));
    }

    fn serve(&self, world: &World) {
        let _ = std::fs::remove_dir_all(self.served());
        let server = &world.state.charter.server;
        let name = ["log", "second log"].into_iter().find(|name| ed25519(name) == server.log).unwrap();
        let tree = tree(world);
        let checkpoint =
            Checkpoint { origin: server.log_origin.to_string(), size: tree.size(), root: tree.root() };
        let note = checkpoint.sign(&signing_key(name)).unwrap().to_string().into_bytes();
        let mut files = log_files(world);
        files.insert("log/checkpoint".into(), note);
        for (number, root) in self.roots.iter().enumerate() {
            files.insert(format!("tuf/metadata/{}.root.json", number + 1), root.clone());
        }
        for (path, bytes) in files {
            let path = self.served().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::write(self.root(), &self.roots[0]).unwrap();
    }

    fn served(&self) -> PathBuf {
        self.folder.path().join("served")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("1.root.json")
    }

    fn options(&self, world: &World, cache: &Path, confirmed: Confirmed) -> Options {
        let url = format!("file://{}/", self.served().display());
        Options { confirmed, ..options(&url, Trust::Root(self.root()), Some(cache), world.now) }
    }

    /// A new run of the tool; gives the size that it has seen, or why it stops.
    async fn sync(&self, world: &World, cache: &Path, confirmed: Confirmed) -> Result<u64, String> {
        let mut session = Replica::open(self.options(world, cache, confirmed)).unwrap();
        session.sync().await.map(|log| log.size()).map_err(|error| error.to_string())
    }
}

fn assign(world: &mut World, id: &str) {
    let (holder, source) = ("mo-one".parse().unwrap(), "bdew".parse().unwrap());
    world.wait(1);
    world.say(&["registrar"], MoAssign { holder, id: id.parse().unwrap(), source }).unwrap();
}

fn publish_root(world: &mut World) {
    let due = draft::due(&world.state, world.now).into_iter().find(|open| open.role == Role::Root);
    world.say(&["recorder"], due.unwrap()).unwrap();
    let record = world.publication(&Role::Root, &BOARD);
    world.say(&["recorder"], record).unwrap();
}

fn restart(world: &mut World) {
    let mut roles: BTreeMap<String, GoOnFrom> =
        ["na", "notices", "registry", "root", "snapshot", "targets", "timestamp"]
            .map(|role| (role.to_owned(), GoOnFrom::default()))
            .into();
    for role in ["root", "targets"] {
        roles.insert(role.into(), GoOnFrom { version: 1, sequence: 0 });
    }
    let origin = world.state.charter.server.log_origin.clone();
    let old = LogRef { origin, root_hash: world.state.root(), size: world.state.size() };
    let body = LogRestart {
        key: ed25519("second log"),
        last_root: None,
        old,
        origin: "ctl.example/stories-2".parse().unwrap(),
        reason: RestartReason::LedgerLost,
        roles,
    };
    world.say(&BOARD, body).unwrap();
}

#[tokio::test]
async fn a_log_that_began_anew_is_followed_only_by_who_confirms_it() {
    let mut world = World::published();
    let mut restored = World::published();
    let mut mirror = Mirror::new(&world);
    let folder = tempfile::tempdir().unwrap();
    assign(&mut world, "USAAA");
    assign(&mut world, "USBBB");
    mirror.serve(&world);
    let none = Confirmed::default;
    let seen = mirror.sync(&world, folder.path(), none()).await.unwrap();
    assert_eq!(seen, world.state.size());

    // The database was lost, and an older copy goes on under a new name.
    restart(&mut restored);
    mirror.serve(&restored);
    let why = mirror.sync(&restored, folder.path(), none()).await.unwrap_err();
    assert!(why.contains("not signed by"), "root.json does not name it yet: {why}");
    let mut named = restored.state.charter.server.clone();
    let foreign = {
        named.log = ed25519("another");
        Confirmed { new_log: Some(named), restart: None }
    };
    assert!(
        mirror.sync(&restored, folder.path(), foreign).await.is_err(),
        "another log than the person confirmed"
    );
    publish_root(&mut restored);
    mirror.add_root(&restored);
    mirror.serve(&restored);
    let why = mirror.sync(&restored, folder.path(), none()).await.unwrap_err();
    assert!(why.contains("begin anew"), "{why}");
    let other = Confirmed { restart: Some(2), new_log: None };
    assert!(mirror.sync(&restored, folder.path(), other).await.is_err(), "another restart than this");
    let confirmed = Confirmed { restart: Some(1), new_log: None };
    assert_eq!(mirror.sync(&restored, folder.path(), confirmed).await, Ok(restored.state.size()));
    // Once is enough; and the old log is not followed any more.
    assert_eq!(mirror.sync(&restored, folder.path(), none()).await, Ok(restored.state.size()));
    mirror.serve(&world);
    assert!(mirror.sync(&world, folder.path(), none()).await.is_err());
}

#[tokio::test]
async fn the_board_works_with_a_new_log_before_root_names_it() {
    let mut world = World::published();
    let mirror = Mirror::new(&world);
    let folder = tempfile::tempdir().unwrap();
    mirror.sync(&world, folder.path(), Confirmed::default()).await.unwrap();
    restart(&mut world);
    mirror.serve(&world);
    let new_log = Some(world.state.charter.server.clone());
    let confirmed = Confirmed { restart: None, new_log };
    assert_eq!(mirror.sync(&world, folder.path(), confirmed).await, Ok(world.state.size()));
    assert_eq!(mirror.sync(&world, folder.path(), Confirmed::default()).await, Ok(world.state.size()));
}

#[tokio::test]
async fn another_key_of_the_same_log_is_taken_from_root_and_what_was_seen_must_be_in_it() {
    let mut world = World::published();
    let mut mirror = Mirror::new(&world);
    let folder = tempfile::tempdir().unwrap();
    assign(&mut world, "USAAA");
    mirror.serve(&world);
    mirror.sync(&world, folder.path(), Confirmed::default()).await.unwrap();
    let rotate = |world: &mut World| {
        let mut amended = world.state.charter.as_ref().clone();
        amended.server.log = ed25519("second log");
        let proposal =
            world.propose("elector-1", Change::AmendCharter { charter: Box::new(amended) }).unwrap();
        world.decide(proposal);
        publish_root(world);
    };
    // One who rewrites the log under the new key is found out.
    let mut rewritten = World::published();
    assign(&mut rewritten, "USZZZ");
    rotate(&mut rewritten);
    mirror.add_root(&rewritten);
    mirror.serve(&rewritten);
    let why = mirror.sync(&rewritten, folder.path(), Confirmed::default()).await.unwrap_err();
    assert!(why.contains("rewritten"), "{why}");
    mirror.roots.pop();
    rotate(&mut world);
    mirror.add_root(&world);
    mirror.serve(&world);
    assert_eq!(mirror.sync(&world, folder.path(), Confirmed::default()).await, Ok(world.state.size()));
}
