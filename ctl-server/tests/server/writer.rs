//! The one writer: what it records, what it refuses, and what it does when the clock fails.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use ctl_core::log::{leaf_hash, verify_consistency, verify_inclusion};
use ctl_governance::Reason;
use ctl_governance::statement::Statement;
use ctl_governance::statement::body::{Body, Change, Choice, CommentAdd, VoteCast};
use ctl_server::keys::Keys;
use ctl_server::ledger::{Ledger, MemoryStore, OpenError, RecordError};

use crate::common::world::{self, DAY, World, start};
use crate::common::{assignment, comment, fill, in_memory, setup, statement, talkative, with_application};

#[tokio::test]
async fn a_recorded_statement_is_in_the_log_with_a_proof() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    let before = ledger.snapshot();
    let mut changes = ledger.changes();
    let said = comment(&before, world.now, application, 1);
    let recorded = ledger.record(said.clone()).await.unwrap();
    assert_eq!(recorded.index, before.size());
    assert_eq!(recorded.statement, said.id);
    assert!(changes.has_changed().unwrap());
    assert_eq!(*changes.borrow_and_update(), recorded.index + 1);

    let after = ledger.snapshot();
    let bytes = ledger.entry(recorded.index).unwrap().unwrap();
    assert_eq!(leaf_hash(&bytes), recorded.leaf_hash);
    let root = after.log.root_at(after.size()).unwrap();
    assert_eq!(root, after.state.root());
    let proof = after.log.inclusion_proof(recorded.index).unwrap();
    verify_inclusion(&recorded.leaf_hash, recorded.index, after.size(), &proof, &root).unwrap();
    let consistent = after.log.consistency_proof(before.size()).unwrap();
    verify_consistency(before.size(), &before.state.root(), after.size(), &root, &consistent).unwrap();
    // A reader who holds the older view keeps it.
    assert_eq!(before.log.size() + 1, after.log.size());
    assert!(before.log.leaf(recorded.index).is_err());
    assert!(before.log.root_at(after.size()).is_err());
}

#[tokio::test]
async fn a_statement_is_recorded_once_however_often_it_is_sent() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    let size = ledger.snapshot().size();
    let said = comment(&ledger.snapshot(), world.now, application, 1);
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (ledger, said) = (ledger.clone(), said.clone());
            tokio::spawn(async move { ledger.record(said).await })
        })
        .collect();
    let (mut recorded, mut replayed) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => recorded += 1,
            Err(error) => {
                assert_eq!(error.reason(), Some(Reason::Replayed));
                replayed += 1;
            }
        }
    }
    assert_eq!((recorded, replayed), (1, 39));
    assert_eq!(ledger.snapshot().size(), size + 1);
}

#[tokio::test]
async fn what_the_rules_refuse_leaves_no_trace() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    let before = ledger.snapshot();
    let by_a_stranger = statement(
        &before,
        world.now,
        "nobody",
        1,
        CommentAdd { about: application, comment: world::blob("x") },
    );
    let wrong_role = statement(&before, world.now, "mo-one", 2, assignment("USABC"));
    let elsewhere =
        statement(&before, world.now, "mo-one", 3, CommentAdd { about: 99, comment: world::blob("x") });
    for (said, reason) in [
        (by_a_stranger, Reason::UnknownSigner),
        (wrong_role, Reason::WrongRole),
        (elsewhere, Reason::NotFound),
    ] {
        assert_eq!(ledger.record(said).await.unwrap_err().reason(), Some(reason));
    }
    assert_eq!(ledger.snapshot().state.root(), before.state.root());
    assert!(ledger.entry(before.size()).unwrap().is_none());
}

#[tokio::test]
async fn statements_that_arrive_together_stand_one_after_the_other() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    let seen = ledger.snapshot();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (ledger, said) = (ledger.clone(), comment(&seen, world.now, application, number));
            tokio::spawn(async move { ledger.record(said).await.unwrap().index })
        })
        .collect();
    let mut indices = Vec::new();
    for task in tasks {
        indices.push(task.await.unwrap());
    }
    indices.sort_unstable();
    assert_eq!(indices, (seen.size()..seen.size() + 200).collect::<Vec<_>>());
    let entries = ledger.entries(0..u64::MAX).unwrap();
    let replayed: Vec<_> =
        entries.iter().map(|bytes| ctl_governance::statement::Entry::parse(bytes).unwrap()).collect();
    let state = ctl_governance::State::replay(&replayed).unwrap();
    assert_eq!(state.root(), ledger.snapshot().state.root());
}

#[tokio::test]
async fn a_flood_that_comes_to_nothing_does_not_delay_what_was_accepted() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    let before = ledger.snapshot();
    // The writer is held up until everything waits in its queue.
    let (release, released) = std::sync::mpsc::channel::<()>();
    ask(ledger.observe(move |_| {
        released.recv().unwrap();
        None
    }));
    let mut accepted = Box::pin(ledger.record(comment(&before, world.now, application, 1)));
    ask(accepted.as_mut());
    for _ in 0..500 {
        ask(ledger.observe(|_| None));
    }
    let (seen, size) = (ledger.clone(), before.size());
    let shown = Arc::new(AtomicBool::new(false));
    let noted = shown.clone();
    let mut last = Box::pin(ledger.observe(move |_| {
        noted.store(seen.snapshot().size() > size, Ordering::Relaxed);
        None
    }));
    ask(last.as_mut());
    release.send(()).unwrap();
    last.await.unwrap();
    assert!(shown.load(Ordering::Relaxed), "it is on the disk and shown before the flood is over");
    assert_eq!(accepted.await.unwrap().index, size);
}

/// Puts a request into the writer's queue. Who does not keep the future does not wait for the answer.
fn ask<T>(request: impl Future<Output = T>) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(request).poll(&mut context).is_pending());
}

#[tokio::test]
async fn the_server_observes_on_the_present_state_or_not_at_all() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    assert_eq!(ledger.observe(|_| None).await.unwrap(), None);
    // The recorder changes no trust: it may not even comment.
    let refused = ledger
        .observe(move |_| Some(Body::from(CommentAdd { about: application, comment: world::blob("x") })))
        .await;
    assert!(refused.unwrap_err().reason().is_some());
}

#[tokio::test]
async fn a_clock_that_jumps_years_ahead_poisons_nothing() {
    let (world, application) = with_application(talkative());
    let (ledger, clock) = in_memory(&world);
    let honest = clock_now(&clock);
    clock.set(honest.plus_seconds(5 * 365 * DAY));
    // A server that believed its clock would take this, and nothing of today ever after.
    let from_the_future = comment(&ledger.snapshot(), clock_now(&clock), application, 1);
    assert!(matches!(ledger.record(from_the_future).await, Err(RecordError::Clock(_))));
    let honest_one = comment(&ledger.snapshot(), honest, application, 2);
    assert!(matches!(ledger.record(honest_one.clone()).await, Err(RecordError::Clock(_))));
    assert!(ledger.writable().is_err());
    assert!(ledger.observe(|_| None).await.is_err());

    clock.set(honest);
    clock.pass(30);
    assert!(ledger.writable().is_ok());
    let recorded = ledger.record(honest_one).await.unwrap();
    assert_eq!(recorded.recorded_at, honest.plus_seconds(30));
}

#[tokio::test]
async fn a_clock_that_jumps_back_never_makes_time_run_backwards() {
    let (world, application) = with_application(talkative());
    let (ledger, clock) = in_memory(&world);
    clock.pass(3600);
    let now = clock_now(&clock);
    let first = ledger.record(comment(&ledger.snapshot(), now, application, 1)).await.unwrap();
    clock.set(now.minus_seconds(120));
    let second = ledger.record(comment(&ledger.snapshot(), now, application, 2)).await.unwrap();
    assert_eq!(second.recorded_at, first.recorded_at, "a little back: time stands still");
    clock.set(now.minus_seconds(365 * DAY));
    let third = comment(&ledger.snapshot(), now, application, 3);
    assert!(matches!(ledger.record(third).await, Err(RecordError::Clock(_))));
}

#[tokio::test]
async fn a_server_that_starts_with_a_wrong_clock_waits_for_the_right_one() {
    let (world, application) = with_application(talkative());
    let store = Arc::new(MemoryStore::new());
    fill(&*store, &world);
    let (clock, guarded) = crate::common::clock_at(start().plus_seconds(10 * 365 * DAY));
    let ledger = Ledger::open(setup(store, guarded, None)).unwrap();
    assert!(matches!(ledger.writable(), Err(RecordError::Clock(_))), "and it serves readers all the same");
    clock.set(start().plus_seconds(60));
    ledger.record(comment(&ledger.snapshot(), start().plus_seconds(60), application, 1)).await.unwrap();
}

#[tokio::test]
async fn nobody_who_sends_a_statement_learns_where_the_ledger_stands_on_the_disk() {
    let (world, application) = with_application(talkative());
    let directory = tempfile::tempdir().unwrap();
    crate::common::on_disk(directory.path(), &world);
    let ledger = crate::common::open(directory.path(), world.now).unwrap();
    // The checkpoint cannot be put in its place.
    let head = directory.path().join("checkpoint");
    std::fs::remove_file(&head).unwrap();
    std::fs::create_dir_all(head.join("in the way")).unwrap();
    let refused = ledger.record(comment(&ledger.snapshot(), world.now, application, 1)).await.unwrap_err();
    let not_writable = ledger.writable().unwrap_err();
    for text in [refused.to_string(), not_writable.to_string()] {
        assert!(text.contains("checkpoint") && !text.contains(directory.path().to_str().unwrap()), "{text}");
    }
}

fn clock_now(clock: &ctl_host::clock::ManualClock) -> ctl_core::Timestamp {
    ctl_host::clock::Clock::now(clock)
}

#[tokio::test]
async fn a_stopping_server_records_what_waits_and_refuses_what_comes() {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    let seen = ledger.snapshot();
    let waiting = tokio::spawn({
        let (ledger, said) = (ledger.clone(), comment(&seen, world.now, application, 1));
        async move { ledger.record(said).await }
    });
    tokio::task::yield_now().await;
    ledger.close().await;
    waiting.await.unwrap().unwrap();
    let late = ledger.record(comment(&seen, world.now, application, 2)).await;
    assert!(matches!(late, Err(RecordError::Closed)));
}

#[test]
fn a_server_with_keys_that_the_charter_does_not_name_does_not_start() {
    let world = World::found();
    let store = Arc::new(MemoryStore::new());
    fill(&*store, &world);
    let mut setup = setup(store, crate::common::clock_at(world.now).1, None);
    let stranger = Keys::generate("ctl.example/stories".parse().unwrap()).unwrap();
    setup.keys = Arc::new(Keys { recorder: stranger.recorder, ..crate::common::keys() });
    assert!(matches!(Ledger::open(setup), Err(OpenError::Keys("recorder key"))));
}

#[test]
fn a_statement_of_another_form_is_refused_with_a_reason() {
    let (world, application) = with_application(talkative());
    let good = comment(&in_memory(&world).0.snapshot(), world.now, application, 1).jws.to_bytes();
    assert!(Statement::parse(&good).is_ok());
    let large = vec![b' '; 70_000];
    let deep = [b"[".repeat(40), b"]".repeat(40)].concat();
    let twice = br#"{"payload":"e30","payload":"e30","signatures":[]}"#.to_vec();
    for (bytes, reason) in [
        (large, Reason::TooLarge),
        (deep, Reason::Content),
        (twice, Reason::Content),
        (vec![0], Reason::Content),
    ] {
        let error = Statement::parse(&bytes).unwrap_err();
        assert_eq!(ctl_server::ledger::error::refusal_of(&error).reason, reason, "{error}");
    }
}

#[tokio::test]
async fn a_charter_with_new_server_keys_stops_the_old_ones_and_starts_with_the_new() {
    let mut world = World::found();
    // One log has one key for life; the server's other keys may change.
    let new = Keys {
        log: crate::common::keys().log,
        ..Keys::generate("ctl.example/stories".parse().unwrap()).unwrap()
    };
    let mut charter = world::charter();
    charter.server = new.public();
    let change = Change::AmendCharter { charter: Box::new(charter) };
    let proposal = world.propose("elector-1", change).unwrap();
    for elector in ["elector-1", "elector-2", "elector-3"] {
        world.vote(elector, proposal, Choice::Approve).unwrap();
    }
    let store = Arc::new(MemoryStore::new());
    fill(&*store, &world);
    let ledger = Ledger::open(setup(store.clone(), crate::common::clock_at(world.now).1, None)).unwrap();
    // The last vote: with it the charter is another one.
    let leaf_hash = world.state.proposals[&proposal].leaf_hash;
    let vote = VoteCast { choice: Choice::Approve, proposal: leaf_hash, rationale: None };
    let last = statement(&ledger.snapshot(), world.now, "alpha-elector", 1, vote);
    ledger.record(last).await.unwrap();
    assert!(matches!(ledger.writable(), Err(RecordError::ReadOnly(_))));
    let size = ledger.snapshot().size();
    ledger.close().await;

    let old = setup(store.clone(), crate::common::clock_at(world.now).1, None);
    assert!(matches!(Ledger::open(old), Err(OpenError::Keys("recorder key"))));
    let mut renewed = setup(store, crate::common::clock_at(world.now).1, None);
    renewed.keys = Arc::new(new);
    let ledger = Ledger::open(renewed).unwrap();
    assert_eq!(ledger.snapshot().size(), size);
    assert!(ledger.writable().is_ok());
}
