//! What is drafted, and when.

use ctl_core::list::difference::Difference;
use ctl_core::log::{LogKey, WitnessKey};
use ctl_core::names::Environment;
use ctl_core::parts::{AnchorStatus, Constraints, DistrustKind, Distrusted, MoStatus, WithdrawalReason};
use ctl_core::tuf::{Root, Signed};

use super::fixture::{FOUNDED, Scheme, VALIDITY, key, list_id, na, pki};
use super::*;
use crate::state::MoEntry;
use crate::statement::body::{NoticeIssue, ParticipantRotateKey};

fn list(documents: &Documents) -> ListPayload {
    ListPayload::read(documents.document.as_deref().unwrap()).unwrap()
}

/// The metadata as a client reads it from the published file.
fn signed<T: Metadata>(documents: &Documents) -> T {
    let read = Signed::<T>::parse("any", &documents.metadata_file(&[]), 1_000_000).unwrap();
    assert_eq!(read.signing_bytes(), &*documents.metadata);
    read.signed
}

fn certificate(sha256: Digest) -> Distrusted {
    Distrusted { kind: DistrustKind::Certificate, sha256 }
}

#[test]
fn the_first_root_follows_from_the_genesis_alone() {
    let mut scheme = Scheme::founded(Environment::Test);
    let open = scheme.due(&Role::Root).unwrap();
    assert_eq!((open.version, open.sequence, open.issued_at), (1, None, FOUNDED));
    let now = build(&scheme.state, &open, 1);
    let drafted = scheme.draft(&Role::Root);
    assert_eq!(now.metadata, drafted.metadata);

    let root: Root = signed(&drafted);
    assert_eq!(root.threshold("root").needed, 2);
    assert_eq!(root.threshold("targets").keys.len(), 3);
    let trust = root.v2g.unwrap();
    assert_eq!((trust.scheme, &*trust.environment), (scheme.state.scheme, "test"));
    let log: LogKey = trust.log.key.parse().unwrap();
    assert_eq!(log.name(), "ctl.example/test");
    assert!(trust.witnesses[0].key.parse::<WitnessKey>().is_ok());
}

#[test]
fn each_role_is_due_once_those_before_it_are_published() {
    let mut scheme = Scheme::founded(Environment::Test);
    let roles = |scheme: &Scheme| -> Vec<Role> {
        due(&scheme.state, scheme.now).into_iter().map(|open| open.role).collect()
    };
    assert_eq!(roles(&scheme), [Role::Root]);
    scheme.publish(&Role::Root, &[11, 12]);
    assert_eq!(roles(&scheme), [Role::Targets]);
    scheme.publish(&Role::Targets, &[11, 12]);
    assert_eq!(roles(&scheme), [Role::Notices, Role::Registry, na()]);
    for role in roles(&scheme) {
        let all = due(&scheme.state, scheme.now);
        let same = all.into_iter().find(|open| open.role == role);
        assert_eq!(due_for(&scheme.state, &role, scheme.now), same, "asked alone it is the same");
        scheme.publish(&role, &[21, 22]);
        assert_eq!(due_for(&scheme.state, &role, scheme.now), None);
    }
    assert_eq!(roles(&scheme), []);
}

#[test]
fn the_targets_delegate_to_the_charters_holders_and_nobody_else() {
    let scheme = Scheme::running();
    let targets: Targets = signed(&scheme.state.published[&Role::Targets].documents);
    assert!(targets.targets.is_empty());
    let delegations = targets.delegations.unwrap();
    let names: Vec<_> = delegations.roles.iter().map(|role| (&*role.name, role.terminating)).collect();
    assert_eq!(names, [("na", true), ("registry", true), ("notices", true)]);
    let signers = delegations.role("na").unwrap().signers.threshold(&delegations.keys);
    let expected = [21, 22, 23].map(|n| key(n).public_key().key_id());
    assert_eq!((signers.needed, signers.keys.keys().copied().collect::<Vec<_>>()), (2, sorted(&expected)));
    assert_eq!(scheme.state.authorities[&na()].keys.len(), 3);
    assert!(scheme.state.authorities[&na()].keys.values().all(|a| a.organisation.is_some()));
}

fn sorted(keys: &[Digest]) -> Vec<Digest> {
    let mut keys = keys.to_vec();
    keys.sort();
    keys
}

#[test]
fn a_list_names_its_log_its_predecessor_and_its_draft() {
    let mut scheme = Scheme::running();
    scheme.admit(&pki("Aurora"));
    let first = scheme.publish(&na(), &[21, 22]);
    scheme.admit(&pki("Borealis"));
    let second = scheme.draft(&na());
    let draft = scheme.state.drafts[&na()].index;
    let (one, two) = (list(&first), list(&second));
    assert_eq!((one.sequence, one.previous, one.anchors.len()), (1, Digest::ZERO, 1));
    assert_eq!((two.sequence, two.anchors.len()), (2, 2));
    assert_eq!(two.previous, Digest::of(first.document.as_deref().unwrap()));
    assert_eq!((two.log.size, Some(two.log.root_hash)), (draft + 1, scheme.state.root_at(draft + 1)));
    assert_eq!(two.next_update, two.issued_at.plus_seconds(VALIDITY));
    assert_eq!(two.anchors[0].uses.len(), 3);

    let metadata: Targets = signed(&second);
    let target = &metadata.targets["na.ctl.json"];
    target.hashes.check_bytes("na.ctl.json", second.document.as_deref().unwrap()).unwrap();
    let custom = serde_json::json!({
        "list": "na", "sequence": 2, "previous": two.previous.to_string(), "draft": draft,
    });
    assert_eq!(target.custom, Some(custom));
}

#[test]
fn what_is_not_trusted_is_absent_and_its_key_distrusted_with_every_cross_certificate_for_it() {
    for status in [AnchorStatus::Suspended, AnchorStatus::Withdrawn] {
        let mut scheme = Scheme::running();
        let (aurora, borealis) = (pki("Aurora"), pki("Borealis"));
        let (a, b) = (scheme.admit(&aurora), scheme.admit(&borealis));
        let vouched = scheme.admit_cross(&borealis, &aurora);
        let vouching = scheme.admit_cross(&aurora, &borealis);
        assert_eq!(list(&scheme.publish(&na(), &[21, 22])).cross_certificates.len(), 2);
        scheme.set_status(&a, status);
        let list = list(&scheme.draft(&na()));
        assert_eq!(list.anchors.iter().map(|anchor| anchor.fingerprint).collect::<Vec<_>>(), [b]);
        assert!(list.cross_certificates.is_empty());
        let spki = Digest::from_bytes(aurora.root().certificate().spki_sha256());
        let mut expected = vec![
            certificate(a),
            certificate(vouched),
            certificate(vouching),
            Distrusted { kind: DistrustKind::Spki, sha256: spki },
        ];
        expected.sort();
        assert_eq!(list.distrusted, expected);
    }
}

#[test]
fn a_notice_takes_an_anchor_off_the_list_until_it_ends() {
    let mut scheme = Scheme::running();
    let anchor = scheme.admit(&pki("Aurora"));
    scheme.admit(&pki("Borealis"));
    scheme.publish(&na(), &[21, 22]);
    scheme.publish(&Role::Notices, &[41]);
    let notice = scheme.record(NoticeIssue {
        anchor,
        expires_at: scheme.now.plus_seconds(3600),
        list: list_id(),
        reason: WithdrawalReason::KeyCompromise,
    });
    let notices = scheme.publish(&Role::Notices, &[41]);
    let notices = NoticesDocument::read(notices.document.as_deref().unwrap()).unwrap();
    assert_eq!(notices.notices.iter().map(|entry| entry.notice).collect::<Vec<_>>(), [notice]);
    let spki = notices.notices[0].spki;
    assert!(notices.against(&list_id(), &Digest::ZERO, &spki).is_some());
    assert!(notices.against(&"eu".parse().unwrap(), &anchor, &spki).is_none());
    let suspended = list(&scheme.publish(&na(), &[21, 22]));
    assert_eq!(suspended.anchors.len(), 1);
    assert!(suspended.distrusted.contains(&certificate(anchor)));

    scheme.wait(3601);
    let lifted = scheme.draft(&Role::Notices);
    assert!(NoticesDocument::read(lifted.document.as_deref().unwrap()).unwrap().notices.is_empty());
    assert_eq!(list(&scheme.draft(&na())).anchors.len(), 2);
}

#[test]
fn a_decision_to_distrust_filters_anchors_and_cross_certificates() {
    let mut scheme = Scheme::running();
    let (aurora, borealis) = (pki("Aurora"), pki("Borealis"));
    scheme.admit(&aurora);
    scheme.admit(&borealis);
    let cross = scheme.admit_cross(&borealis, &aurora);
    scheme.contents().distrusted.insert_mut(certificate(cross), 7);
    let documents = scheme.publish(&na(), &[21, 22]);
    assert_eq!((list(&documents).anchors.len(), list(&documents).cross_certificates.len()), (2, 0));
    let spki = Digest::from_bytes(aurora.root().certificate().spki_sha256());
    scheme.contents().distrusted.insert_mut(Distrusted { kind: DistrustKind::Spki, sha256: spki }, 8);
    assert_eq!(list(&scheme.draft(&na())).anchors.len(), 1);
}

#[test]
fn a_deprecated_anchor_says_until_when() {
    let mut scheme = Scheme::running();
    let anchor = scheme.admit(&pki("Aurora"));
    scheme.set_status(&anchor, AnchorStatus::Deprecated);
    let (list, now) = (list(&scheme.draft(&na())), scheme.now);
    assert_eq!(list.anchors[0].constraints.time(Constraints::NOT_ISSUED_AFTER), Some(now));
}

#[test]
fn a_document_is_due_when_it_would_say_something_else_or_is_half_over() {
    let mut scheme = Scheme::running();
    scheme.publish(&Role::Registry, &[31]);
    assert!(scheme.due(&Role::Registry).is_none());
    let entry = MoEntry {
        holder: "registrar".parse().unwrap(),
        source: "bdew".parse().unwrap(),
        status: MoStatus::Assigned,
        since: scheme.now,
        cause: 5,
    };
    scheme.state.mo_ids.insert_mut("USEVG".parse().unwrap(), entry);
    let registry = scheme.publish(&Role::Registry, &[31]);
    let registry = RegistryDocument::read(registry.document.as_deref().unwrap()).unwrap();
    assert_eq!(registry.entry(&"USEVG".parse().unwrap()).unwrap().holder.as_str(), "registrar");
    assert!(registry.entry(&"USEVX".parse().unwrap()).is_none());

    scheme.wait(VALIDITY / 2);
    assert!(scheme.due(&Role::Registry).is_none(), "half of it is left");
    scheme.wait(1);
    let open = scheme.due(&Role::Registry).unwrap();
    assert_eq!((open.version, open.sequence), (3, Some(3)));
}

#[test]
fn signers_are_not_asked_anew_while_the_same_draft_waits() {
    let mut scheme = Scheme::running();
    scheme.admit(&pki("Aurora"));
    scheme.draft(&na());
    assert!(scheme.due(&na()).is_none());
    scheme.wait(VALIDITY / 4 - 1);
    assert!(scheme.due(&na()).is_none());
    scheme.wait(1);
    assert!(scheme.due(&na()).is_some(), "it has become old");
    scheme.draft(&na());
    scheme.admit(&pki("Borealis"));
    assert!(scheme.due(&na()).is_some(), "it would say something else");
}

#[test]
fn a_rotated_key_moves_from_the_targets_to_the_list() {
    let mut scheme = Scheme::running();
    scheme.publish(&na(), &[21, 22]);
    scheme.record(ParticipantRotateKey {
        new: key(24).public_key(),
        old: key(21).public_key().key_id(),
        participant: "signer-a".parse().unwrap(),
    });
    assert!(scheme.due(&na()).is_none(), "devices do not know the new key yet");
    scheme.publish(&Role::Targets, &[11, 12]);
    assert!(scheme.state.authorities[&na()].keys.contains_key(&key(24).public_key().key_id()));
    assert!(scheme.due(&na()).is_some(), "what the old key signed does not count any more");
    assert!(scheme.due(&Role::Root).is_none());
}

#[test]
fn a_suspended_holder_is_left_out() {
    let mut scheme = Scheme::running();
    scheme.state.participants.get_mut(&"board-c".parse().unwrap()).unwrap().suspended = true;
    let root: Root = signed(&scheme.publish(&Role::Root, &[11, 12]));
    assert_eq!((root.version, root.threshold("root").keys.len()), (2, 2));
    assert!(scheme.due(&Role::Root).is_none(), "a root that changes the board is followed by no other");
    assert!(scheme.due(&Role::Targets).is_some(), "the board that signs it is another");
}

#[test]
fn drafts_that_jump_backdate_or_stretch_are_refused() {
    let mut scheme = Scheme::running();
    scheme.publish(&na(), &[21, 22]);
    scheme.wait(VALIDITY - 1);
    let right = scheme.due(&na()).unwrap();
    let refused = |change: fn(&mut DraftOpen), why: &str| {
        let mut open = right.clone();
        change(&mut open);
        let error = opens_correctly(scheme.state.rules(), &scheme.state, &open, scheme.now).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    };
    opens_correctly(scheme.state.rules(), &scheme.state, &right, scheme.now).unwrap();
    refused(|open| open.version = 3, "version 3");
    refused(|open| open.version = 1, "version 1");
    refused(|open| open.sequence = Some(3), "not sequence 3");
    refused(|open| open.sequence = None, "not no sequence");
    refused(|open| open.issued_at = open.issued_at.minus_seconds(601), "600 seconds");
    refused(|open| open.issued_at = open.issued_at.plus_seconds(601), "600 seconds");
    refused(|open| open.expires = open.expires.plus_seconds(1), "valid for");
    refused(|open| open.role = Role::List("eu".parse().unwrap()), "no list eu");
    let founded = Scheme::founded(Environment::Test);
    let mut first = founded.due(&Role::Root).unwrap();
    first.issued_at = first.issued_at.plus_seconds(1);
    assert!(
        opens_correctly(founded.state.rules(), &founded.state, &first, founded.now)
            .unwrap_err()
            .contains("genesis")
    );
    let early = DraftOpen { role: na(), ..right.clone() };
    assert!(
        opens_correctly(founded.state.rules(), &founded.state, &early, founded.now)
            .unwrap_err()
            .contains("nobody")
    );
}

#[test]
fn content_is_the_same_however_it_is_asked_for() {
    let mut scheme = Scheme::running();
    scheme.admit(&pki("Aurora"));
    for role in [Role::Notices, Role::Registry, na()] {
        let first = scheme.publish(&role, &[21, 22]);
        assert_eq!(content(&scheme.state, &role), first.content, "{role}");
    }
    for role in [Role::Root, Role::Targets] {
        assert_eq!(content(&scheme.state, &role), scheme.state.published[&role].documents.content, "{role}");
    }
    scheme.wait(VALIDITY);
    let first = list(&scheme.state.published[&na()].documents);
    let second = list(&scheme.draft(&na()));
    assert!(Difference::between(Some(&first), &second).is_empty());
}
