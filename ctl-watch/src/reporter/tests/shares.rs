//! How much is told a day, and of whom.

use super::*;

#[test]
fn services_that_come_and_go_all_day_do_not_fill_the_log_nor_take_the_place_of_others() {
    let mut story = Story::begin();
    let (all, each) = (story.policy.breaches_per_day().all, story.policy.breaches_per_day().of_operator);
    let flapping: Vec<u64> =
        (0..300).map(|n| story.outage("alpha-pki", &format!("ocsp-{n}.alpha.example"), 400)).collect();
    // One is down in earnest, and beta has an outage too. They are the last that the store has.
    story.outage("alpha-pki", "crl.alpha.example", 5000);
    story.outage("beta-pki", "ocsp.beta.example", 400);
    let due = story.due();
    assert_eq!((due.statements.len(), due.held_back), (each as usize + 1, 301 - u64::from(each)));
    let recorded = story.record();
    let hosts = Story::hosts(&recorded);
    assert!(hosts.contains("http://crl.alpha.example/") && hosts.contains("http://ocsp.beta.example/"));

    // The day is full for alpha, and not for beta. What is over is always told.
    story.world.wait(3600);
    flapping.iter().for_each(|number| story.over(*number));
    story.outage("beta-pki", "ocsp-2.beta.example", 400);
    let due = story.record();
    let ends = due.iter().filter(|one| one.phase == BreachPhase::Closed).count();
    assert_eq!((ends, due.len()), (each as usize - 1, each as usize), "all ends, and one beginning");
    assert_eq!(story.due().held_back, 301 - u64::from(each));

    // A day after the first, there is room for as many again; after four days it is too late for the others.
    story.world.wait(DAY - 3600);
    assert_eq!(story.record().len(), each as usize);
    story.world.wait(3 * DAY);
    let due = story.due();
    assert!(due.held_back == 0 && due.statements.iter().all(|one| one.phase == BreachPhase::Closed));
    assert!(story.world.state.service_levels.claims.size() < all as usize);
}

#[test]
fn all_operators_together_have_a_bound_and_take_turns() {
    let policy = BUILT_IN
        .replace("breaches_per_day = 200", "breaches_per_day = 7")
        .replace("breaches_per_day_of_operator = 50", "breaches_per_day_of_operator = 5");
    let mut story = Story::by(&policy);
    for n in 0..9 {
        story.outage("alpha-pki", &format!("ocsp-{n}.alpha.example"), 9000);
    }
    for n in 0..3 {
        story.outage("beta-pki", &format!("ocsp-{n}.beta.example"), 400);
    }
    assert_eq!(story.due().held_back, 5);
    let recorded = story.record();
    let of = |operator: &str| {
        recorded.iter().filter(|one| one.service.operator.as_ref().unwrap().as_str() == operator).count()
    };
    assert_eq!((of("alpha-pki"), of("beta-pki")), (4, 3));
    assert!(story.record().is_empty());
}

#[test]
fn outages_of_one_service_are_told_in_their_order_unless_there_are_too_many() {
    for (flaps, expected) in [(3_i64, 4000), (60, 1000)] {
        let mut story = Story::begin();
        for n in 0..flaps {
            let number = story.outage("alpha-pki", "ocsp.alpha.example", 4000 - n);
            story.change(number, |incident| {
                incident.bad_ms = 300_000;
                incident.ended_ms = Some(incident.began_ms + 300_000);
            });
        }
        story.outage("alpha-pki", "ocsp.alpha.example", 1000);
        let due = story.record();
        assert_eq!(due.len(), 1, "a service breaks an objective once at a time");
        assert_eq!(due[0].opened_at, story.world.now.minus_seconds(expected), "{flaps}");
    }
}

#[test]
fn reports_and_breaches_wait_once_the_days_share_is_used_up() {
    let mut story = Story::begin();
    let month = Month::of(Time(story.world.now.unix()));
    let now = Timestamp::from_unix(month.end().0 + 3000);
    let since_ms = month.begin().0 * 1000;
    // All on no list, so they have one share together.
    let operators = ["mo-one", "mo-two", "auditor"];
    let targets = operators.into_iter().zip(1..).map(|(operator, number)| {
        let url = format!("http://ocsp.{operator}.example/");
        (number, Description::new(number, &target(operator, Kind::Ocsp, &url), since_ms))
    });
    let targets = Arc::new(targets.collect::<BTreeMap<_, _>>());
    let levels = Levels { targets, open_hour: hour_at(month.end()), ..Levels::default() };
    let limit = story.world.state.rules().watched_per_day;
    story.world.now = now;
    story.outage("mo-one", "ocsp.mo-one.example", 400);
    story.outage("alpha-pki", "ocsp.alpha.example", 400);
    for (used, reports, breaches) in [(0, 3, 2), (limit - 2, 2, 2), (limit, 0, 1)] {
        let (today, key) = (now.unix().div_euclid(86_400), (watcher(), Share::Unlisted));
        story.world.state.service_levels.recorded_today.insert_mut(key, (today, used));
        let due = |at| reports_due(&story.world.state, &watcher(), &levels, at).len();
        assert_eq!((due(now), due(now.plus_seconds(DAY))), (reports, 3), "{used}");
        let due = story.due();
        assert_eq!((due.statements.len(), due.held_back), (breaches, 2 - breaches as u64), "{used}");
    }
}
