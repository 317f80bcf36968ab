//! Restarts of the log and rotations of its key: what the board may say, and what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::list::LogRef;
use ctl_core::parts::Der;
use ctl_core::role::Role;
use ctl_core::tuf::{GoOnFrom, RestartReason, Root, Signed, TufSignature, verify_root_rotation};
use ctl_governance::statement::body::*;
use ctl_governance::{Reason, Refusal, check, draft};

use crate::common::*;

fn list() -> Role {
    Role::List(na())
}

/// The board's statement on this world, going on from what is published.
fn restart(world: &World) -> LogRestart {
    let mut roles: BTreeMap<String, GoOnFrom> = world
        .state
        .published
        .iter()
        .map(|(role, last)| {
            let (version, sequence) = (last.open.version, last.open.sequence.unwrap_or(0));
            (role.to_string(), GoOnFrom { version, sequence })
        })
        .collect();
    for role in ["snapshot", "timestamp", "registry", "notices", "na"] {
        roles.entry(role.into()).or_default();
    }
    let (root_hash, size) = (world.state.root(), world.state.size());
    LogRestart {
        key: ed25519("second log"),
        last_root: None,
        old: LogRef { origin: world.state.charter.server.log_origin.clone(), root_hash, size },
        origin: "ctl.example/stories-2".parse().unwrap(),
        reason: RestartReason::LogKeyCompromise,
        roles,
    }
}

/// Opens what is due for a role and publishes it.
fn publish_due(world: &mut World, role: &Role, signers: &[&str]) -> Result<u64, Refusal> {
    let due = draft::due(&world.state, world.now).into_iter().find(|open| open.role == *role);
    world.say(&["recorder"], due.expect("it is due"))?;
    let record = world.publication(role, signers);
    world.say(&["recorder"], record)
}

/// The role's published metadata as a file, signed by these people.
fn file(world: &World, role: &Role, signers: &[&str]) -> Vec<u8> {
    let documents = &world.state.published[role].documents;
    let signatures: Vec<TufSignature> = signers
        .iter()
        .map(|name| TufSignature::over(&documents.metadata, &world.keys[*name]).unwrap())
        .collect();
    documents.metadata_file(&signatures)
}

fn root_file(world: &World, signers: &[&str]) -> Signed<Root> {
    Signed::parse("root", &file(world, &Role::Root, signers), 100_000).unwrap()
}

const BOARD: [&str; 2] = ["board-1", "board-2"];

#[test]
fn the_board_lets_the_log_begin_anew_and_root_names_it_and_nothing_else() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let before = root_file(&world, &BOARD);
    let body = LogRestart {
        roles: BTreeMap::from_iter(restart(&world).roles.into_iter().map(|(role, numbers)| {
            // Devices may have seen more of the list than this ledger has.
            let lost = if role == "na" { GoOnFrom { version: 7, sequence: 9 } } else { numbers };
            (role, lost)
        })),
        ..restart(&world)
    };
    let size = world.state.size();
    let index = world.say(&BOARD, body.clone()).unwrap();
    assert_eq!(index, size);
    let named = world.state.restarts[0].clone();
    assert_eq!((&named.new.origin, named.new.size, named.time), (&body.origin, size, world.now));
    assert_eq!(Some(named.new.root_hash), world.state.root_at(size));

    assert!(world.due().contains(&"root".into()) && world.due().contains(&"na".into()));
    publish_due(&mut world, &Role::Root, &["board-1", "board-3"]).unwrap();
    let after = root_file(&world, &["board-1", "board-3"]);
    verify_root_rotation(&before.signed, &after).unwrap();
    let v2g = after.signed.v2g.clone().unwrap();
    assert_eq!((v2g.restarts.as_slice(), v2g.log.origin.as_str()), (&[named][..], "ctl.example/stories-2"));
    assert!(!world.due().contains(&"root".into()), "once is enough");

    publish_due(&mut world, &list(), &["signer-1", "signer-2"]).unwrap();
    let open = &world.state.published[&list()].open;
    assert_eq!((open.version, open.sequence), (8, Some(10)), "no device is asked for a smaller number");
    assert!(!world.due().contains(&"na".into()));
}

#[test]
fn the_root_of_a_restart_waits_for_no_other_change_and_takes_none_along() {
    let mut world = World::published();
    let before = root_file(&world, &BOARD);
    // The assembly has decided on another cap, and the board has not signed it yet.
    let mut amended = world.state.charter.as_ref().clone();
    amended.notices.max_in_force = 9;
    let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(amended) }).unwrap();
    world.decide(proposal);
    let body = restart(&world);
    world.say(&BOARD, body).unwrap();
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    let named = root_file(&world, &BOARD);
    verify_root_rotation(&before.signed, &named).unwrap();
    assert_eq!(named.signed.v2g.as_ref().unwrap().notices_cap, 2);
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    let then = root_file(&world, &BOARD);
    verify_root_rotation(&named.signed, &then).unwrap();
    assert_eq!(then.signed.v2g.as_ref().unwrap().notices_cap, 9);
}

#[test]
fn a_root_that_the_ledger_lost_is_gone_on_from_and_its_board_signs() {
    // A copy of the ledger is older than the root that devices hold.
    let mut world = World::published();
    let mut restored = World::published();
    let mut amended = world.state.charter.as_ref().clone();
    amended.board = holders(&["board-2", "board-3"], 2);
    let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(amended) }).unwrap();
    world.decide(proposal);
    publish_due(&mut world, &Role::Root, &["board-2", "board-3"]).unwrap();
    let held = root_file(&world, &["board-2", "board-3"]);

    let good = LogRestart {
        last_root: Some(Der(file(&world, &Role::Root, &["board-2", "board-3"]))),
        reason: RestartReason::LedgerLost,
        ..restart(&world)
    };
    let unnamed = LogRestart { last_root: None, ..good.clone() };
    assert_eq!(reason(restored.say(&BOARD, unnamed)), Reason::Content);
    let mut foreign = good.clone();
    foreign.last_root = Some(Der(file(&world, &Role::Root, &["board-2"])));
    assert_eq!(reason(restored.say(&BOARD, foreign)), Reason::Content, "not signed by its board");
    restored.say(&BOARD, good).unwrap();
    assert!(
        publish_due(&mut restored, &Role::Root, &["board-1", "board-2"]).is_err(),
        "the board that devices know has not signed"
    );
    let record = restored.publication(&Role::Root, &["board-2", "board-3"]);
    restored.say(&["recorder"], record).unwrap();
    let after = root_file(&restored, &["board-2", "board-3"]);
    assert_eq!(after.signed.version, 3);
    verify_root_rotation(&held.signed, &after).unwrap();
}

/// The same statement, for another log than the one before.
fn another(world: &World, number: u32) -> LogRestart {
    LogRestart {
        key: ed25519(&format!("log {number}")),
        origin: format!("ctl.example/stories-{number}").parse().unwrap(),
        ..restart(world)
    }
}

#[test]
fn a_second_restart_waits_for_the_root_that_names_the_first() {
    let mut world = World::published();
    let first = root_file(&world, &BOARD);
    let body = another(&world, 2);
    world.say(&BOARD, body).unwrap();
    // Both in one root would be refused by every device for good.
    let body = another(&world, 3);
    let refused = world.say(&BOARD, body.clone()).unwrap_err();
    assert_eq!(refused.reason, Reason::Stage);
    assert!(refused.to_string().contains("draft sign root"), "{refused}");

    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    let second = root_file(&world, &BOARD);
    verify_root_rotation(&first.signed, &second).unwrap();
    let body = another(&world, 3);
    world.say(&BOARD, body).unwrap();
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    verify_root_rotation(&second.signed, &root_file(&world, &BOARD)).unwrap();
}

#[test]
fn a_root_that_devices_would_refuse_is_not_published_whatever_led_to_it() {
    let mut world = World::published();
    let body = another(&world, 2);
    world.say(&BOARD, body).unwrap();
    let mut twice = world.state.restarts[0].clone();
    twice.old.origin = world.state.charter.server.log_origin.clone();
    twice.new.origin = "ctl.example/stories-3".parse().unwrap();
    std::sync::Arc::make_mut(&mut world.state.charter).server.log_origin = twice.new.origin.clone();
    Arc::make_mut(&mut world.state.restarts).push(twice);
    let refused = publish_due(&mut world, &Role::Root, &BOARD).unwrap_err();
    assert_eq!(refused.reason, Reason::Draft);
    assert!(refused.to_string().contains("more than one restart"), "{refused}");
}

#[test]
fn a_backup_from_before_an_earlier_restart_begins_anew_with_what_the_last_root_names() {
    let mut world = World::published();
    let mut restored = World::published();
    // The log began anew once, with numbers for the list, and under another board.
    let mut body = another(&world, 2);
    body.roles.insert("na".into(), GoOnFrom { version: 7, sequence: 9 });
    world.say(&BOARD, body).unwrap();
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    let mut amended = world.state.charter.as_ref().clone();
    amended.board = holders(&["board-3", "elector-3"], 2);
    let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(amended) }).unwrap();
    world.decide(proposal);
    publish_due(&mut world, &Role::Root, &["board-1", "board-2", "board-3", "elector-3"]).unwrap();
    let held = root_file(&world, &["board-1", "board-2", "board-3", "elector-3"]);

    // Then everything since the founding is lost.
    let of_devices = Der(file(&world, &Role::Root, &["board-3", "elector-3"]));
    let good = LogRestart {
        last_root: Some(of_devices),
        reason: RestartReason::LedgerLost,
        old: restart(&world).old,
        roles: restart(&world).roles,
        ..another(&restored, 3)
    };
    let mut refuse = |why: Reason, change: &dyn Fn(&mut LogRestart)| {
        let mut body = good.clone();
        change(&mut body);
        assert_eq!(reason(restored.say(&BOARD, body)), why);
    };
    refuse(Reason::Content, &|body| body.old.origin = "ctl.example/stories".parse().unwrap());
    refuse(Reason::Exists, &|body| body.origin = "ctl.example/stories-2".parse().unwrap());
    refuse(Reason::Exists, &|body| body.origin = "ctl.example/stories".parse().unwrap());
    // The ledger does not know this key any more; devices do.
    refuse(Reason::Content, &|body| body.key = ed25519("log 2"));
    restored.say(&BOARD, good).unwrap();
    let origins: Vec<_> = restored.state.restarts.iter().map(|restart| restart.new.origin.as_str()).collect();
    assert_eq!(origins, ["ctl.example/stories-2", "ctl.example/stories-3"]);
    assert_eq!(restored.state.go_on_from("na"), GoOnFrom { version: 7, sequence: 9 });

    publish_due(&mut restored, &Role::Root, &["board-3", "elector-3"]).unwrap();
    let after = root_file(&restored, &["board-3", "elector-3"]);
    verify_root_rotation(&held.signed, &after).unwrap();
    let mut again = another(&restored, 4);
    again.key = ed25519("log 2");
    assert_eq!(reason(restored.say(&BOARD, again)), Reason::Exists);
}

#[test]
fn what_was_drafted_before_a_restart_is_not_published_after_it() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.open_draft(&list()).unwrap();
    let signed = world.publication(&list(), &["signer-1", "signer-2"]);
    let mut body = restart(&world);
    body.roles.insert("na".into(), GoOnFrom { version: 7, sequence: 9 });
    world.say(&BOARD, body).unwrap();
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    // Devices that have seen version 7 would take it for an attack.
    assert_eq!(reason(world.say(&["recorder"], signed)), Reason::Draft);
    publish_due(&mut world, &list(), &["signer-1", "signer-2"]).unwrap();
    assert_eq!(world.state.published[&list()].open.version, 8);
}

#[test]
fn no_restart_names_a_number_after_which_nothing_can_follow() {
    let most = 1 << 52;
    let mut world = World::published();
    for role in ["na", "snapshot", "timestamp", "registry"] {
        for (version, sequence) in [(most + 1, 0), (0, most + 1), (9, (1 << 53) - 1)] {
            let mut body = restart(&world);
            body.roles.insert(role.into(), GoOnFrom { version, sequence });
            let refused = world.say(&BOARD, body).unwrap_err();
            assert_eq!(refused.reason, Reason::Content, "{role}");
            let why = refused.to_string();
            assert!(why.contains("no room to go on") || why.contains("are published"), "{why}");
        }
    }
    let mut body = another(&world, 2);
    body.roles.insert("na".into(), GoOnFrom { version: most, sequence: most });
    world.say(&BOARD, body).unwrap();
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    world.admitted("alpha-pki");
    publish_due(&mut world, &list(), &["signer-1", "signer-2"]).unwrap();
    // What the ledger itself has can always be named again.
    let body = another(&world, 3);
    assert_eq!(body.roles["na"], GoOnFrom { version: most + 1, sequence: most + 1 });
    world.say(&BOARD, body).unwrap();

    // At the very end, the fold drafts nothing rather than something that nobody can read.
    Arc::make_mut(&mut world.state.restarts)[1]
        .roles
        .insert("na".into(), GoOnFrom { version: (1 << 53) - 1, sequence: 0 });
    assert!(!world.due().contains(&"na".into()));
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    assert!(!world.due().contains(&"na".into()));
}

#[test]
fn only_the_board_restarts_and_only_forwards() {
    let mut world = World::published();
    let good = restart(&world);
    for signers in [&["board-1"][..], &["board-1", "signer-1"], &["recorder"], &["elector-1", "elector-2"]] {
        let refused = reason(world.say(signers, good.clone()));
        assert!(matches!(refused, Reason::TooFewSignatures | Reason::WrongRole), "{signers:?}: {refused}");
    }
    let mut refuse = |why: Reason, change: &dyn Fn(&mut LogRestart)| {
        let mut body = good.clone();
        change(&mut body);
        assert_eq!(reason(world.say(&BOARD, body)), why);
    };
    refuse(Reason::Exists, &|body| body.origin = "ctl.example/stories".parse().unwrap());
    refuse(Reason::Exists, &|body| body.key = ed25519("log"));
    refuse(Reason::Exists, &|body| body.key = ed25519("registrar"));
    refuse(Reason::Content, &|body| body.old.origin = "ctl.example/other".parse().unwrap());
    refuse(Reason::Content, &|body| {
        body.roles.remove("timestamp");
    });
    refuse(Reason::Content, &|body| body.roles.get_mut("targets").unwrap().version = 0);
    refuse(Reason::Content, &|body| {
        body.roles.insert("No role!".into(), GoOnFrom::default());
    });
    world.say(&BOARD, good.clone()).unwrap();
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    // Neither the origin nor the key comes back.
    let mut again = restart(&world);
    again.origin = "ctl.example/stories".parse().unwrap();
    assert_eq!(reason(world.say(&BOARD, again)), Reason::Exists);
    let mut again = restart(&world);
    (again.origin, again.key) = ("ctl.example/stories-3".parse().unwrap(), ed25519("log"));
    assert_eq!(reason(world.say(&BOARD, again)), Reason::Exists);
}

#[test]
fn a_statement_that_stands_on_the_old_log_is_to_be_signed_again() {
    let mut world = World::published();
    let mut lost = World::published();
    lost.wait(1);
    let assign = || MoAssign {
        holder: "mo-one".parse().unwrap(),
        id: "USEVG".parse().unwrap(),
        source: "bdew".parse().unwrap(),
    };
    lost.say(&["registrar"], assign()).unwrap();
    lost.say(&["registrar"], MoWithdraw { id: "USEVG".parse().unwrap() }).unwrap();
    let body = restart(&world);
    world.wait(2);
    world.say(&BOARD, body).unwrap();
    world.wait(1);
    let mut payload = world.payload(assign());
    payload.basis =
        ctl_governance::statement::Basis { size: lost.state.size(), root_hash: lost.state.root() };
    let refused = check(&world.state, &world.sign(&payload, &["registrar"]), world.now).unwrap_err();
    assert_eq!(refused.reason, Reason::Basis);
    assert!(refused.to_string().contains("sync, and sign again"), "{refused}");
}

#[test]
fn a_rotated_log_key_keeps_the_origin_and_never_comes_back() {
    let mut world = World::published();
    let before = root_file(&world, &BOARD);
    let amend = |world: &mut World, name: &str| {
        let mut amended = world.state.charter.as_ref().clone();
        amended.server.log = ed25519(name);
        let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(amended) });
        world.decide(proposal.unwrap());
    };
    amend(&mut world, "second log");
    assert_eq!(world.state.charter.server.log, ed25519("second log"));
    publish_due(&mut world, &Role::Root, &BOARD).unwrap();
    let after = root_file(&world, &BOARD);
    verify_root_rotation(&before.signed, &after).unwrap();
    let (old, new) = (before.signed.v2g.unwrap(), after.signed.v2g.unwrap());
    assert!(old.log.origin == new.log.origin && old.log.key != new.log.key && new.restarts.is_empty());
    // A stolen key cannot be voted back, and the origin only changes by a restart.
    let mut stolen = world.state.charter.as_ref().clone();
    stolen.server.log = ed25519("log");
    assert!(world.propose("elector-1", Change::AmendCharter { charter: Box::new(stolen) }).is_err());
    let mut renamed = world.state.charter.as_ref().clone();
    renamed.server.log_origin = "ctl.example/renamed".parse().unwrap();
    assert!(world.propose("elector-1", Change::AmendCharter { charter: Box::new(renamed) }).is_err());
}
