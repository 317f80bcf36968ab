//! A scheme on a ledger: the people of `ctl-core`'s stories, and a server whose clock is set by hand.
#![allow(dead_code, unreachable_pub)]

#[path = "../../../../lib/governance/tests/governance/common/mod.rs"]
pub mod world;

pub mod founding;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_core::keys::{Algorithm, PrivateKey};
use ctl_core::names::Nonce;
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{CommentAdd, MoAssign};
use ctl_governance::statement::charter::Charter;
use ctl_governance::statement::{Basis, Body, Payload, Statement};
use ctl_host::clock::{ClockBounds, GuardedClock, ManualClock};
use ctl_server::keys::Keys;
use ctl_server::ledger::{Head, Ledger, MemoryStore, Setup, SledStore, Snapshot, Store, StoreError};
use world::World;

/// The keys that the charter of the stories names for the server.
pub fn keys() -> Keys {
    let log = PrivateKey::from_seed(Algorithm::EdDsa, Digest::of(b"log").as_bytes()).unwrap();
    Keys {
        origin: "ctl.example/stories".parse().unwrap(),
        log,
        recorder: world::key("recorder"),
        snapshot: world::key("snapshot"),
        timestamp: world::key("timestamp"),
        others: vec![],
    }
}

/// The policy that is built into the release, as a charter names it.
pub fn admission() -> PolicyRef {
    let policy = ctl_policy::Policy::parse(ctl_policy::ADMISSION).unwrap();
    PolicyRef {
        name: policy.name().parse().unwrap(),
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse().unwrap(),
    }
}

/// A charter under which one participant may say as much as it likes.
pub fn talkative() -> Charter {
    let mut charter = world::charter();
    charter.limits.statements_per_day = u32::MAX;
    charter
}

/// A scheme with one application to comment on; its index.
pub fn with_application(charter: Charter) -> (World, u64) {
    let mut world = World::found_with(charter);
    let application = world.apply_with_root("alpha-pki").unwrap();
    (world, application)
}

/// Puts what the world has recorded into a store, as the server would have.
pub fn fill(store: &dyn Store, world: &World) -> Vec<u8> {
    let checkpoint = keys().sign_checkpoint(world.state.size(), world.state.root()).unwrap().to_string();
    let entries: Vec<Vec<u8>> = world.entries.iter().map(|entry| entry.bytes.clone()).collect();
    store.append(0, &entries, Some(checkpoint.as_bytes())).unwrap();
    checkpoint.into_bytes()
}

pub fn clock_at(now: Timestamp) -> (Arc<ManualClock>, Arc<GuardedClock>) {
    let clock = Arc::new(ManualClock::at(now));
    (clock.clone(), Arc::new(GuardedClock::new(clock, ClockBounds::default())))
}

pub fn setup(store: Arc<dyn Store>, clock: Arc<GuardedClock>, head: Option<Head>) -> Setup {
    Setup { store, keys: Arc::new(keys()), clock, head, queue: 10_000 }
}

/// A server in memory over what the world has recorded.
pub fn in_memory(world: &World) -> (Ledger, Arc<ManualClock>) {
    let store = Arc::new(MemoryStore::new());
    fill(&*store, world);
    let (clock, guarded) = clock_at(world.now);
    (Ledger::open(setup(store, guarded, None)).unwrap(), clock)
}

/// Opens the store below `data`. Whoever has just closed it may still be letting go of its lock, and where the machine
/// stands still for longer than the server waits for that.
pub fn store_below(data: &Path) -> Result<SledStore, StoreError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match SledStore::open(&data.join("ledger")) {
            Err(StoreError::Locked) if Instant::now() < deadline => {}
            opened => return opened,
        }
    }
}

/// Opens the database of that store by itself, to spoil it. Our own opening waits until the lock of the last user is let
/// go of; sled's does not.
pub fn database_below(data: &Path) -> sled::Db {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match sled::open(data.join("ledger")) {
            Ok(database) => return database,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A ledger on disk below `data`, with what the world has recorded.
pub fn on_disk(data: &Path, world: &World) {
    let store = SledStore::open(&data.join("ledger")).unwrap();
    let checkpoint = fill(&store, world);
    Head::below(data).write(&checkpoint).unwrap();
}

/// Opens the ledger below `data`.
pub fn open(data: &Path, now: Timestamp) -> Result<Ledger, ctl_server::ledger::OpenError> {
    let store = Arc::new(store_below(data)?);
    Ledger::open(setup(store, clock_at(now).1, Some(Head::below(data))))
}

/// A statement on top of what a reader sees.
pub fn statement(
    snapshot: &Snapshot,
    now: Timestamp,
    signer: &str,
    nonce: u64,
    body: impl Into<Body>,
) -> Statement {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&nonce.to_be_bytes());
    let payload = Payload {
        scheme: snapshot.state.scheme,
        issued_at: now,
        basis: Basis { size: snapshot.state.size(), root_hash: snapshot.state.root() },
        nonce: Nonce::from_bytes(bytes),
        body: body.into(),
    };
    Statement::from_jws(payload.sign(&[&world::key(signer)]).unwrap()).unwrap()
}

/// A comment that nobody has made before.
pub fn comment(snapshot: &Snapshot, now: Timestamp, about: u64, number: u64) -> Statement {
    let comment = world::blob(&format!("comment {number}"));
    statement(snapshot, now, "mo-one", number, CommentAdd { about, comment })
}

/// An MO identifier's assignment.
pub fn assignment(id: &str) -> MoAssign {
    MoAssign { holder: "mo-one".parse().unwrap(), id: id.parse().unwrap(), source: "idro".parse().unwrap() }
}
