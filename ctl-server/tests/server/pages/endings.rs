//! What ends by itself: notices, conditions, certificates; what is trusted again then, and what is not.

use ctl_core::names::ListId;
use ctl_core::parts::{AnchorStatus, Constraints};
use ctl_core::{Digest, Timestamp};
use ctl_governance::calendar::{AuditEnd, Due, Kind, calendar};
use ctl_governance::statement::body::Change;

use super::assert_tells;
use super::standing::{
    application, certificate, crossed, decided, distrust_key, list, made, on_two_lists, overview, suspend,
    turned,
};
use crate::common::world::{DAY, World, na, root};
use crate::served::Served;

const UNTIL: &str = "at the latest until";
const NO_RETURN: &str = "not trusted when the notice ends either";

/// The ends of notices that the calendar tells.
fn returns(world: &World) -> Vec<Due> {
    let state = world.state.at(world.now);
    let dues = calendar(&state, world.now, &|_, _| AuditEnd::Never);
    dues.into_iter().filter(|due| due.kind == Kind::Notice).collect()
}

fn limited(world: &mut World, anchor: Digest, until: Timestamp) {
    let mut constraints = Constraints::default();
    constraints.set_time(Constraints::NOT_TRUSTED_AFTER, until, true);
    decided(world, Change::Constrain { anchor, constraints, list: na() });
}

#[test]
fn a_cross_certificate_of_a_withdrawn_root_does_not_come_back_with_the_notice() {
    let mut world = World::published();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    crossed(&mut world, alpha, beta);
    suspend(&mut world, beta);
    assert_tells(&overview(&world), &[UNTIL]);
    assert_eq!(returns(&world).len(), 1);
    turned(&mut world, beta, AnchorStatus::Withdrawn);
    let page = overview(&world);
    assert_tells(&page, &["Withdrawn for good: ", "Suspended: ", NO_RETURN]);
    assert!(!page.contains(UNTIL), "{page}");
    assert_eq!(returns(&world), []);
}

#[test]
fn a_root_that_is_distrusted_while_its_notice_runs_is_not_told_to_come_back() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    suspend(&mut world, alpha);
    distrust_key(&mut world, &alpha);
    let page = overview(&world);
    assert_tells(&page, &["Suspended: ", NO_RETURN]);
    assert!(!page.contains(UNTIL), "{page}");
    assert_eq!(returns(&world), []);
}

#[test]
fn a_root_whose_condition_or_certificate_ends_before_the_notice_is_not_told_to_come_back() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    let condition = world.now.plus_seconds(3 * DAY);
    limited(&mut world, alpha, condition);
    suspend(&mut world, alpha);
    assert_eq!(returns(&world), []);

    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    let end = Timestamp::from_unix(root("alpha-pki").root().certificate().not_after());
    world.now = end.minus_seconds(DAY);
    suspend(&mut world, alpha);
    assert_tells(&overview(&world), &[NO_RETURN]);
    assert_eq!(returns(&world), []);
}

#[test]
fn what_a_notice_ends_is_told_for_each_list_apart() {
    let (mut world, eu, [alpha, _]) = on_two_lists();
    suspend(&mut world, alpha);
    let lists: Vec<ListId> = vec![eu.clone(), na()];
    assert_eq!(returns(&world)[0].lists, lists, "the calendar of each list has the end");
    let decision = turned(&mut world, alpha, AnchorStatus::Suspended);
    let page = overview(&world);
    let europe = "; on list <a href=\"/lists/eu\"><bdi>Europe</bdi></a>, at the latest until <time";
    let america =
        format!(", and by <a href=\"/proposals/{decision}\">decision {decision}</a> until another decision");
    assert_tells(&page, &[europe, &america]);
    assert_eq!(returns(&world)[0].lists, [eu]);
}

#[test]
fn a_root_whose_condition_has_ended_is_shown_as_trusted_no_longer() {
    let mut world = World::published();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    let cross = crossed(&mut world, alpha, beta);
    let end = world.now.plus_seconds(30 * DAY);
    limited(&mut world, alpha, end);
    world.publish_list();
    let index = *world.state.applications.keys().next().unwrap();
    for page in [certificate(&world, &alpha), list(&world, &na()), overview(&world)] {
        assert!(!page.contains(">not trusted</span>"), "{page}");
    }
    world.advance(30 * DAY);
    let why = format!("by a condition of the list, since <time datetime=\"{end}\">");
    assert_tells(&certificate(&world, &alpha), &["All the same it is not trusted: ", &why]);
    assert_tells(&certificate(&world, &cross), &[" that it connects is not trusted: "]);
    assert_tells(&list(&world, &na()), &["id=\"gone\"", ">not trusted</span>"]);
    assert_tells(&overview(&world), &["1 of them <span class=\"badge suspended\">not trusted</span>"]);
    let page = application(&world, index);
    assert_tells(&page, &["It is not trusted now: ", &why]);
    assert!(!page.contains("Nothing: it stands"), "{page}");
    assert!(!certificate(&world, &beta).contains("All the same"));
}

#[test]
fn a_root_that_came_back_is_not_told_as_if_devices_had_it() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    world.publish_list();
    let index = *world.state.applications.keys().next().unwrap();
    suspend(&mut world, alpha);
    world.publish_list();
    assert!(!certificate(&world, &alpha).contains("Not what devices are told"));
    world.advance(6 * DAY);
    let behind = "<a href=\"/lists/na/versions/2\">Version 2</a> does not have it";
    assert_tells(&certificate(&world, &alpha), &[behind]);
    assert_tells(&application(&world, index), &["the next version of the list, which will have it again"]);
    let operator = made(&world, |frame| ctl_web::participant(frame, &"alpha-pki".parse().unwrap()));
    assert_tells(&operator, &["What is decided now is not all in the published version of "]);
    world.publish_list();
    assert!(!certificate(&world, &alpha).contains("Not what devices are told"));
    assert_tells(&application(&world, index), &["Nothing: it stands"]);

    // The other way round: a withdrawal reaches devices when it is signed.
    turned(&mut world, alpha, AnchorStatus::Withdrawn);
    assert_tells(&certificate(&world, &alpha), &["Version 3</a> still has it"]);
    world.publish_list();
    assert!(!certificate(&world, &alpha).contains("still has it"));
}

#[test]
fn an_application_that_can_never_be_admitted_is_not_told_to_be_put_to_the_vote() {
    let mut world = World::published();
    let index = world.discussed("alpha-pki");
    assert_tells(&application(&world, index), &["An elector of the list can put it to the vote."]);
    let spki = world.state.applications[&index].spki;
    world.admitted("beta-pki");
    let what = ctl_core::parts::Distrusted { kind: ctl_core::parts::DistrustKind::Spki, sha256: spki };
    decided(&mut world, Change::Distrust { list: na(), what });
    let page = application(&world, index);
    assert_tells(&page, &["It cannot be admitted: certificate ", "its key is distrusted"]);
    assert!(!page.contains("can put it to the vote"), "{page}");
}

#[tokio::test]
async fn json_says_whether_it_is_trusted_as_the_page_does() {
    let (mut world, _, [alpha, beta]) = on_two_lists();
    suspend(&mut world, alpha);
    distrust_key(&mut world, &beta);
    let served = Served::start(&world).await;
    let shown = served.get(&format!("/v1/anchors/{beta}")).await.json();
    let trusted = |shown: &serde_json::Value, at: usize| {
        let one = &shown["lists"][at];
        (
            one["list"].as_str().unwrap().to_owned(),
            one["status"].as_str().unwrap().to_owned(),
            one["trusted"].as_bool(),
        )
    };
    assert_eq!(trusted(&shown, 0), ("eu".into(), "qualified".into(), Some(true)));
    assert_eq!(trusted(&shown, 1), ("na".into(), "qualified".into(), Some(false)));
    // The notice was issued on the other list; it holds here as well.
    let eu = served.get("/v1/lists/eu").await.json();
    assert_eq!(eu["notices"][0]["anchor"], alpha.to_string());
    let anchors = eu["anchors"].as_array().unwrap();
    let found = anchors.iter().find(|one| one["fingerprint"] == alpha.to_string()).unwrap();
    assert_eq!((&found["status"], &found["trusted"]), (&"suspended".into(), &false.into()));
}

#[tokio::test]
async fn who_can_charge_where_is_answered_anew_the_moment_a_condition_ends() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let midnight = Timestamp::from_unix((world.now.unix() / DAY as i64 + 1) * DAY as i64);
    let end = midnight.plus_seconds(10 * 3600);
    limited(&mut world, alpha, end);
    world.publish_list();
    let served = Served::start(&world).await;
    let answer_of = async |at: Timestamp| {
        let found = async |served: &Served| {
            let answer = served.get("/v1/lists/na/interop").await;
            Some(answer.json()).filter(|read| read["as_of"] == at.to_string())
        };
        let read = served.until("the answer", found).await;
        read["answers"][0]["pairs"][0]["result"].as_str().unwrap().to_owned()
    };
    served.pass(end.seconds_since(served.now()) - 3600);
    assert_eq!(answer_of(midnight).await, "direct");
    served.pass(3600);
    assert_ne!(answer_of(end).await, "direct");
}
