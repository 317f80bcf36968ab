//! A copy of a state shares whatever grows with the ledger.

use std::sync::Arc;

use super::*;
use crate::second::common::*;
use crate::service_levels::ServiceLevels;
use crate::statement::body::CommentAdd;

/// Takes both apart in full, so that whoever adds a member must say whether the charter bounds it.
fn assert_shared(one: &State, other: &State) {
    let State {
        scheme: _,
        environment: _,
        charter,
        charter_since: _,
        founded_at: _,
        clock: _,
        recorder: _,
        participants,
        keys,
        auditors,
        applications,
        proposals,
        proposal_of_leaf,
        open_proposals,
        lists,
        sub_cas,
        mo_ids,
        notices,
        // One for each role, which the charter bounds.
        drafts: _,
        published: _,
        authorities: _,
        restarts,
        lost_root: _,
        former_log_keys,
        blobs,
        service_levels,
        cross_requests,
        cross_open,
        recorded_today,
        agenda,
        // At most 64 hashes.
        frontier: _,
        roots,
        times,
        recorded,
    } = one;
    let ServiceLevels { claims, breaches, reports, recorded_today: watched_today, open, about } =
        service_levels;
    assert!(Arc::ptr_eq(charter, &other.charter));
    assert!(Arc::ptr_eq(restarts, &other.restarts));
    let shared = [
        participants.ptr_eq(&other.participants),
        keys.ptr_eq(&other.keys),
        auditors.ptr_eq(&other.auditors),
        applications.ptr_eq(&other.applications),
        proposals.ptr_eq(&other.proposals),
        proposal_of_leaf.ptr_eq(&other.proposal_of_leaf),
        open_proposals.ptr_eq(&other.open_proposals),
        sub_cas.ptr_eq(&other.sub_cas),
        mo_ids.ptr_eq(&other.mo_ids),
        notices.ptr_eq(&other.notices),
        former_log_keys.ptr_eq(&other.former_log_keys),
        blobs.ptr_eq(&other.blobs),
        claims.ptr_eq(&other.service_levels.claims),
        breaches.ptr_eq(&other.service_levels.breaches),
        reports.ptr_eq(&other.service_levels.reports),
        watched_today.ptr_eq(&other.service_levels.recorded_today),
        open.ptr_eq(&other.service_levels.open),
        about.ptr_eq(&other.service_levels.about),
        cross_requests.ptr_eq(&other.cross_requests),
        cross_open.ptr_eq(&other.cross_open),
        recorded_today.ptr_eq(&other.recorded_today),
        agenda.ptr_eq(&other.agenda),
        // The elements of one allocation have one address.
        std::ptr::eq(roots.first().unwrap(), other.roots.first().unwrap()),
        std::ptr::eq(times.first().unwrap(), other.times.first().unwrap()),
        recorded.iter().zip(other.recorded.iter()).all(|(one, other)| std::ptr::eq(one, other)),
    ];
    assert!(shared.iter().all(|shared| *shared), "{shared:?}");
    for (list, contents) in lists {
        let ListState { anchors, cross_certificates, distrusted } = contents;
        let other = &other.lists[list];
        assert!(anchors.ptr_eq(&other.anchors));
        assert!(cross_certificates.ptr_eq(&other.cross_certificates));
        assert!(distrusted.ptr_eq(&other.distrusted));
    }
}

#[test]
fn a_copy_shares_what_grows_with_the_ledger() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let open = world.discussed("beta-pki");
    let before = world.state.clone();
    assert_shared(&world.state, &before);

    // One comment copies the application that it is about, and no other.
    let comment = CommentAdd { about: open, comment: blob("looks good") };
    world.say(&["elector-1"], comment).unwrap();
    assert!(before.applications[&open].comments.is_empty(), "the copy stays as it was");
    assert_eq!(world.state.applications[&open].comments.len(), 1);
    for (index, application) in &before.applications {
        assert_eq!(Arc::ptr_eq(application, &world.state.applications[index]), *index != open);
    }
    assert!(world.state.proposals.ptr_eq(&before.proposals) && world.state.keys.ptr_eq(&before.keys));
}
