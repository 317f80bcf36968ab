//! What ends for good, what only rests, and what a list's own condition ends.

use super::*;

#[test]
fn what_electors_withdrew_or_suspended_does_not_come_back_when_its_notice_ends() {
    for to in [AnchorStatus::Withdrawn, AnchorStatus::Suspended] {
        let mut world = World::published();
        let alpha = world.admitted("alpha-pki");
        world.admitted("beta-pki");
        let expires_at = world.now.plus_seconds(5 * DAY);
        let reason = WithdrawalReason::KeyCompromise;
        world.say(&["officer-1"], NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).unwrap();
        assert_eq!(of(&world, Kind::Notice).len(), 1);
        let change = Change::ChangeStatus { certificate: alpha, list: na(), not_issued_after: None, to };
        let proposal = world.propose("elector-1", change).unwrap();
        world.decide(proposal);
        assert!(world.state.notices.values().any(|notice| notice.in_force()));
        assert_eq!(of(&world, Kind::Notice), [], "{to}");
    }
}

#[test]
fn the_end_of_a_suspended_root_stays_in_the_calendar() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let beta = world.admitted("beta-pki");
    let expires_at = world.now.plus_seconds(5 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).unwrap();
    let to = AnchorStatus::Suspended;
    let change = Change::ChangeStatus { certificate: beta, list: na(), not_issued_after: None, to };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let told: BTreeSet<String> = of(&world, Kind::Root).iter().map(|due| due.subject.key()).collect();
    assert_eq!(told, [alpha.to_string(), beta.to_string()].into());
}

#[test]
fn a_condition_that_ends_the_trust_in_a_root_is_its_end_on_that_list() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let sub = root("alpha-pki").get(PkiRole::CpoSub1).unwrap().certificate().der().to_vec();
    world.say(&["alpha-pki"], SubcaDisclose { certificate: Der(sub), issuer: alpha }).unwrap();
    let ends = one(&world, Kind::Root);
    let limit = world.now.plus_seconds(100 * DAY);
    let mut constraints = Constraints::default();
    constraints.set_time(Constraints::NOT_TRUSTED_AFTER, limit, true);
    let change = Change::Constrain { anchor: alpha, constraints, list: na() };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let due = one(&world, Kind::Root);
    assert!(matches!(due.subject, Subject::Limited { .. }), "{due:?}");
    assert_eq!((due.at, due.entry, &due.lists), (limit, Some(proposal), &vec![na()]));
    assert_eq!(due.urgency(world.now), Urgency::Soon);
    assert_ne!(due.id(), ends.id(), "each list may have a condition of its own");
    assert_eq!(of(&world, Kind::SubCa).len(), 1);
    world.now = limit;
    assert_eq!((of(&world, Kind::Root), of(&world, Kind::SubCa)), (vec![], vec![]), "it has happened");

    // One that comes after the certificate's end changes nothing.
    let mut constraints = Constraints::default();
    constraints.set_time(Constraints::NOT_TRUSTED_AFTER, ends.at.plus_seconds(1), true);
    let change = Change::Constrain { anchor: alpha, constraints, list: na() };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    assert_eq!((one(&world, Kind::Root).at, one(&world, Kind::Root).id()), (ends.at, ends.id()));
}
