//! The feed of what changed.

use ctl_core::role::Role;
use ctl_governance::statement::body::{NoticeIssue, ParticipantRegister};
use ctl_governance::statement::parts::{NewParticipant, ParticipantKind};

use ctl_web::changes::{self, Publications};

use super::*;
use crate::common::world::{DAY, World, na, new_participant};

fn entries(feed: &str) -> Vec<&str> {
    feed.split("<entry>").skip(1).collect()
}

fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let rest = text.split(&format!("<{tag}>")).nth(1).unwrap_or_default();
    rest.split(&format!("</{tag}>")).next().unwrap_or_default()
}

#[tokio::test]
async fn a_feed_reader_learns_of_decisions_publications_and_notices_and_keeps_what_it_knows() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    world.publish_list();
    world.wait(60);
    let expires_at = world.now.plus_seconds(DAY);
    let reason = ctl_core::parts::WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor, expires_at, list: na(), reason }).unwrap();
    let served = Served::start(&world).await;

    let answer = served.get("/feed.atom").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/atom+xml"));
    let feed = answer.text();
    let titles: Vec<&str> = entries(&feed).into_iter().map(|entry| between(entry, "title")).collect();
    let newest = "Suspended by an emergency notice: A root on list North America, for a key that is, or may be, in wrong hands";
    assert_eq!(titles[0], newest, "the newest stands first");
    for expected in [
        "Published: list North America, version 1",
        "Published: the board&#39;s keys and rules (root.json), version 1",
        "Decided: admit A root to list North America (3 approvals, 2 needed)",
        "Put to the vote: admit A root to list North America",
        "alpha-pki applies for a place on list North America with A root",
        "The scheme A scheme for stories was founded",
    ] {
        assert!(titles.contains(&expected), "{expected} is not in {titles:#?}");
    }
    assert!(feed.contains("href=\"/lists/na/versions/1\""));
    let ids = |feed: &str| -> Vec<String> {
        entries(feed).iter().map(|one| between(one, "id").to_owned()).collect()
    };
    let before = ids(&feed);
    let unique: std::collections::BTreeSet<&String> = before.iter().collect();
    assert_eq!(unique.len(), before.len());
    assert!(before.iter().all(|id| id.starts_with("urn:uuid:") && id.len() == 45), "{before:?}");

    // What comes later changes no name that a reader knows.
    let said = crate::common::statement(
        &served.ledger.snapshot(),
        served.now(),
        "registrar",
        1,
        crate::common::assignment("USAAA"),
    );
    assert_eq!(served.post("/v1/statements", &said.jws.to_bytes()).await.status, 201);
    served.pass(8 * DAY);
    let after = ids(&served.get("/feed.atom").await.text());
    assert!(before.iter().all(|id| after.contains(id)), "{before:#?}\n{after:#?}");
    let feed = served.get("/feed.atom").await.text();
    let newest = between(entries(&feed)[0], "title");
    assert_eq!(newest, "The notice against A root on list North America ended by itself");
}

#[tokio::test]
async fn attack_a_name_that_would_be_markup_stays_a_name_in_the_feed() {
    let mut world = World::published();
    let kinds = &[ParticipantKind::PkiOperator];
    let named =
        NewParticipant { name: HOSTILE.parse().unwrap(), ..new_participant("mallory", "mallory", kinds) };
    let key = crate::common::world::key("mallory");
    world.keys.insert("mallory".into(), key);
    world.say(&["mallory", "admissions"], ParticipantRegister { participant: named }).unwrap();
    world.apply_with_root("mallory").unwrap();
    world.publish(&Role::Registry, &["registrar"]).unwrap();
    let served = Served::start(&world).await;
    let feed = served.get("/feed.atom").await.text();
    assert!(feed.contains(&format!("<title>{HARMLESS} applies for a place")), "{feed}");
    // As HTML in the content it is escaped once more: a reader that shows it shows a name.
    assert!(feed.contains("&lt;bdi&gt;&amp;lt;img src=//evil.example"), "{feed}");
    assert!(!feed.contains("<img"), "{feed}");
}

#[tokio::test]
async fn the_feed_of_a_scheme_that_has_just_begun_tells_that() {
    let world = World::found();
    let served = Served::start(&world).await;
    let feed = served.get("/feed.atom").await.text();
    assert_eq!(entries(&feed).len(), 1);
    assert_eq!(between(&feed, "title"), "A scheme for stories");
}

#[test]
fn a_publication_that_cannot_be_read_yet_is_told_by_the_state_and_read_later() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let first = world.publish_list();
    let second = world.publish_list();
    let (size, mut news) = (world.state.size(), Publications::default());
    let read = |index: u64| world.entries.get(usize::try_from(index).unwrap()).cloned();
    let told = |news: &Publications| -> Vec<u64> {
        let all = changes::latest(&world.state, news, 100);
        all.iter().filter(|one| one.kind == "published").map(|one| one.entry).collect()
    };
    news.follow(size, &|index| if index < first { read(index) } else { None });
    assert_eq!(told(&news)[0], second, "the latest of a role is known by the state");
    assert!(!told(&news).contains(&first));
    news.follow(size, &read);
    assert_eq!(told(&news)[..2], [second, first]);
    let all = told(&news);
    news.follow(size, &read);
    assert_eq!(told(&news), all, "nothing is told twice");
}

#[test]
fn what_one_entry_did_to_two_certificates_are_two_things() {
    let world = World::found();
    let one = changes::latest(&world.state, &Publications::default(), 1).remove(0);
    let other = changes::Change { to: "/elsewhere".into(), ..one.clone() };
    assert_ne!(one.urn(&world.state.scheme), other.urn(&world.state.scheme));
}
