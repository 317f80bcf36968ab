//! Founding a scheme: what the board has signed becomes the first three entries, or nothing does.

use std::sync::Arc;

use ctl_core::role::Role;
use ctl_governance::Reason;
use ctl_server::init::{self, InitError};
use ctl_server::keys::Keys;
use ctl_server::ledger::export::ExportError;
use ctl_server::ledger::{Head, Ledger, Setup};

use crate::common::founding::Founding;
use crate::common::store_below;
use crate::common::world::{DAY, start};

const TWO: [&str; 2] = ["board-1", "board-3"];

#[tokio::test]
async fn a_board_of_three_of_which_two_sign_founds_a_scheme() {
    let founding = Founding::prepared(start());
    founding.sign(&TWO, &TWO);
    let scheme = founding.found(start().plus_seconds(3600)).unwrap();
    assert_eq!(scheme, ctl_core::Digest::of(&founding.payload.to_bytes()));

    let data = founding.data();
    let ledger = Ledger::open(Setup {
        store: Arc::new(store_below(&data).unwrap()),
        keys: Arc::new(Keys::load(&data).unwrap()),
        clock: crate::common::clock_at(start().plus_seconds(7200)).1,
        head: Some(Head::below(&data)),
        queue: 10,
    })
    .unwrap();
    let snapshot = ledger.snapshot();
    assert_eq!(snapshot.size(), 3);
    let published = &snapshot.state.published[&Role::Root];
    assert_eq!(published.index, 2);
    assert_eq!(published.open.issued_at, start());

    let again = founding.found(start().plus_seconds(3700)).unwrap_err();
    assert!(matches!(again, InitError::Ledger(ExportError::Exists(_))), "{again}");
}

/// Founds, which must fail and leave no ledger.
fn refused(founding: &Founding) -> InitError {
    let error = founding.found(start().plus_seconds(3600)).unwrap_err();
    assert!(!founding.data().join("ledger").exists());
    assert!(!founding.data().join("checkpoint").exists());
    error
}

#[test]
fn too_few_of_the_board_found_nothing() {
    let founding = Founding::prepared(start());
    for (genesis_by, root_by, entry) in [
        (&["board-1"][..], &TWO[..], 0),
        (&["board-1", "elector-1"], &TWO, 0),
        (&TWO, &["board-2"], 2),
        (&TWO, &["board-2", "signer-1"], 2),
    ] {
        founding.sign(genesis_by, root_by);
        let error = refused(&founding);
        assert!(matches!(&error, InitError::Refused { index, .. } if *index == entry), "{error}");
    }
    // One member twice is no board of two.
    founding.sign(&TWO, &["board-2", "board-2"]);
    assert!(matches!(refused(&founding), InitError::Input { .. }));
}

#[test]
fn a_charter_file_that_says_something_else_is_noticed() {
    let founding = Founding::prepared(start());
    founding.sign(&TWO, &TWO);
    let path = founding.path("charter.toml");
    let charter = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, charter.replace("discussion = \"14days\"", "discussion = \"1day\"")).unwrap();
    let error = refused(&founding);
    assert!(
        matches!(&error, InitError::OtherCharter(place) if place == "charter.lists.na.discussion_seconds"),
        "{error}"
    );
}

#[test]
fn a_root_of_another_founding_is_refused() {
    let founding = Founding::prepared(start());
    founding.sign(&TWO, &TWO);
    let mut other = Founding::prepared(start());
    other.payload = founding.payload.clone();
    other.payload.nonce = ctl_core::names::Nonce::from_bytes([8; 16]);
    other.sign(&TWO, &TWO);
    std::fs::copy(other.path("1.root.json"), founding.path("1.root.json")).unwrap();
    assert!(matches!(refused(&founding), InitError::OtherRoot(_)));
}

#[test]
fn a_clock_that_is_far_off_founds_nothing() {
    let founding = Founding::prepared(start());
    founding.sign(&TWO, &TWO);
    let ahead = founding.found(start().plus_seconds(5 * 365 * DAY)).unwrap_err();
    assert!(matches!(ahead, InitError::Clock { .. }), "{ahead}");
    let behind = founding.found(start().minus_seconds(DAY)).unwrap_err();
    assert!(
        matches!(&behind, InitError::Refused { index: 0, refusal, .. } if refusal.reason == Reason::Genesis),
        "{behind}"
    );
    assert!(!founding.data().join("ledger").exists());
}

#[test]
fn the_servers_keys_are_made_once() {
    let founding = Founding::prepared(start());
    let again = init::prepare(&founding.data(), "ctl.example/stories".parse().unwrap());
    assert!(matches!(again, Err(InitError::Keys(_))));
    assert_eq!(Keys::load(&founding.data()).unwrap().public(), founding.keys.public());
}
