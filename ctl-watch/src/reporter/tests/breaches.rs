//! When a breach is told, and when it ends.

use super::*;

#[test]
fn who_names_its_evidence_first_keeps_no_watcher_out() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.outage("beta-pki", "ocsp.beta.example", 400);
    // South was passed on what north sent, which was held back.
    let stolen = story.due().statements.remove(0);
    story.world.say(&["watcher-south"], stolen.clone()).unwrap();
    let theft = story.due();
    assert_eq!((theft.statements.len(), theft.copied), (1, [number].into()), "beta's is not held up");
    assert_eq!(story.world.say(&["watcher-north"], stolen).unwrap_err().reason, Reason::Exists);

    story.change(number, |incident| incident.evidence.push(Digest::of(b"what the next probe was answered")));
    assert_eq!((story.due().copied.len(), story.record().len()), (0, 2));
    assert_eq!(
        story.world.state.service_levels.confirmed().count(),
        1,
        "the thief has confirmed what is true"
    );
}

#[test]
fn evidence_is_told_when_nobody_can_claim_it_first_any_more() {
    let mut story = Story::begin();
    let [claimed, brief, beta] = ["alpha", "alpha-2", "beta"].map(|host| {
        let operator = if host == "beta" { "beta-pki" } else { "alpha-pki" };
        story.outage(operator, &format!("ocsp.{host}.example"), 400)
    });
    story.change(brief, |incident| incident.breach_ms = None);
    let north = key("watcher-north").public_key();
    let withheld = |story: &Story, number: u64| {
        withholds(Some(&story.world.state), &north, &story.incidents[&number], story.world.now)
    };
    assert!(withholds(None, &north, &story.incidents[&claimed], story.world.now), "the log is not known");
    assert!([claimed, brief, beta].iter().all(|number| withheld(&story, *number)));
    let due = story.due().statements;
    let first =
        due.iter().find(|one| one.service.url.as_ref().unwrap().as_str() == "http://ocsp.alpha.example/");
    story.world.say(&["watcher-north"], first.unwrap().clone()).unwrap();
    assert!(!withheld(&story, claimed) && withheld(&story, beta), "each by its own claim");
    story.over(brief);
    assert!(!withheld(&story, brief), "it never is a breach");
    story.over(beta);
    assert!(withheld(&story, beta), "it may be claimed late");
    let others = [key("elector-1"), key("alpha-watcher")].map(|key| key.public_key());
    let alphas = &story.incidents[&claimed];
    assert!(!others.iter().any(|key| withholds(Some(&story.world.state), key, alphas, story.world.now)));
    story.world.wait(4 * DAY);
    assert!(!withheld(&story, beta), "too late");
}

#[test]
fn a_breach_whose_history_is_lost_ends_so_that_the_next_one_can_be_told() {
    let mut story = Story::begin();
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let begin = story.record().remove(0);
    assert_eq!((begin.phase, story.open()), (BreachPhase::Opened, 1));
    assert!(story.due().statements.is_empty(), "nothing is lost as long as the incident is there");

    // The watch's disk is gone. The log has the breach, and nobody will ever see its end.
    story.incidents.clear();
    story.world.wait(3 * DAY);
    let end = story.record().remove(0);
    let index = story.world.state.service_levels.claims.keys().next().copied();
    assert_eq!((end.phase, end.opened, end.closed_at), (BreachPhase::Closed, index, Some(story.world.now)));
    let as_it_began = SlaBreach { closed_at: None, opened: None, phase: BreachPhase::Opened, ..end };
    assert_eq!(as_it_began, begin, "what was found stays as the beginning has it");
    assert_eq!(story.open(), 0);
    assert!(story.due().statements.is_empty(), "once");

    // The service still fails: that is another incident, by the first number again, and another breach.
    story.world.wait(600);
    assert_eq!(story.outage("alpha-pki", "ocsp.alpha.example", 400), 1);
    let again = story.record();
    assert_eq!((again.len(), again[0].phase), (1, BreachPhase::Opened));
    assert!(State::replay(&story.world.entries).unwrap() == story.world.state);
}

#[test]
fn another_incident_of_the_same_service_does_not_keep_a_lost_one_open() {
    let mut story = Story::begin();
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.outage("beta-pki", "ocsp.beta.example", 500);
    assert_eq!(story.record().len(), 2);
    story.incidents.clear();
    story.world.wait(900);
    // Beta's was in the part of the store that is still there.
    story.outage("beta-pki", "ocsp.beta.example", 1400);
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let first = story.record();
    assert_eq!((first.len(), first[0].phase), (1, BreachPhase::Closed));
    assert_eq!(Story::hosts(&first), ["http://ocsp.alpha.example/"].into());
    let began = story.world.now.minus_seconds(400);
    assert_eq!(first[0].closed_at, Some(began), "the log takes no claim from within another");
    let second = story.record();
    assert_eq!((second.len(), second[0].phase), (1, BreachPhase::Opened));
    assert_eq!(second[0].opened_at, began);
    assert_eq!(story.open(), 2);
}

#[test]
fn what_may_be_put_away_where_it_cannot_be_read_is_not_lost_and_keeps_nothing_else_waiting() {
    let mut story = Story::begin();
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let over = story.outage("beta-pki", "ocsp.beta.example", 400);
    assert_eq!(story.record().len(), 2);
    let claimed = Timestamp::from_unix(story.incidents[&1].began_ms.div_euclid(1000));
    story.incidents.remove(&1);
    story.world.wait(600);
    story.over(over);
    story.outage("alpha-pki", "crl.alpha.example", 500);
    let unread = BTreeSet::from([claimed]);
    let due = story.due_of(&unread).statements;
    assert_eq!(
        due.iter().map(|one| one.phase).collect::<Vec<_>>(),
        [BreachPhase::Closed, BreachPhase::Opened]
    );
    assert_eq!(Story::hosts(&due[..1]), ["http://ocsp.beta.example/"].into());
    assert_eq!(story.due().statements.len(), 3, "once all could be read, it is lost");
}

#[test]
fn only_the_incident_of_the_same_service_makes_a_look_at_what_is_put_away_needless() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.record();
    let began = story.world.now.minus_seconds(400);
    assert!(without_incident(&story.world.state, &watcher(), &story.incidents).is_empty());
    story.outage("beta-pki", "ocsp.beta.example", 400);
    story.incidents.remove(&number);
    assert_eq!(without_incident(&story.world.state, &watcher(), &story.incidents), [began].into());
}

#[test]
fn a_clock_that_is_set_back_leaves_no_breach_open_that_nothing_ends() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.record();
    // The aggregator lets nothing that it knows be yet to come.
    story.change(number, |incident| incident.began_ms -= 600_000);
    let mut phases = || story.record().iter().map(|one| one.phase).collect::<Vec<_>>();
    assert_eq!(phases(), [BreachPhase::Closed]);
    assert_eq!(phases(), [BreachPhase::Opened]);
    assert!(phases().is_empty());
}

#[test]
fn an_incident_that_the_store_knows_from_before_its_breach_still_ends_it() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    story.record();
    // The last write failed, and then the server was killed.
    story.change(number, |incident| incident.breach_ms = None);
    assert!(story.due().statements.is_empty());
    story.world.wait(60);
    story.over(number);
    let ends = story.record();
    assert_eq!((ends.len(), ends[0].closed_at), (1, Some(story.world.now)));
}

#[test]
fn a_breach_ends_under_the_promise_by_which_it_began() {
    let mut story = Story::begin();
    let number = story.outage("alpha-pki", "ocsp.alpha.example", 400);
    let begin = story.record().remove(0);
    story.policy =
        SlaPolicy::parse(&BUILT_IN.replace("availability = 999_000", "availability = 900_000")).unwrap();
    story.over(number);
    let end = story.record().remove(0);
    assert_eq!((end.policy, end.objective), (begin.policy, begin.objective));
}
