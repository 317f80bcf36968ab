//! What pages say of what was promised, seen and known, and of what was not.

use ctl_policy::sla::{Counts, Level, Objective};

use super::*;

/// Of how an incident ended and what it breaches, a page says no more than was seen.
#[test]
fn an_incident_is_told_as_it_was_seen() {
    let page = |one: Incident, is_promised| IncidentPage {
        incident: one,
        advice: vec![],
        lists: vec![],
        last: None,
        evidence: vec![],
        withheld: None,
        is_promised,
        in_log: None,
        tell: vec![],
    };
    let text = |one: Incident, is_promised| incident(&site(&[]), &page(one, is_promised));
    let over = Incident { ended_at: Some(at(-60)), breach_at: None, ..one() };
    assert!(text(over.clone(), None).contains("Incident 7: over after 1 hour"));
    let gone = Incident { unwatched: true, ..over.clone() };
    let told = text(gone.clone(), None);
    assert!(
        told.contains("Incident 7: not watched any more after 1 hour") && !told.contains("over after"),
        "{told}"
    );
    assert!(told.contains("how it went on nobody saw"), "{told}");
    let list = |which, shown, sight| {
        let (operator, older) = (Some(("alpha-pki".parse().unwrap(), "Alpha".to_owned())), None);
        incidents(&site(&[]), &Incidents { which, operator, open: 0, sight, shown, older, is_later: false })
    };
    let told = list(Which::Past, vec![gone], Sight::Measured);
    assert!(told.contains(">not watched</span>") && !told.contains(">over</span>"), "{told}");

    for (is_promised, words) in [
        (Some(true), "no: it has not lasted long enough"),
        (Some(false), "no: nothing is promised, it only applies"),
        (None, "<dd>no</dd>"),
    ] {
        assert!(text(over.clone(), is_promised).contains(words), "{words}");
    }

    for (sight, words) in [
        (Sight::Measured, "No incident is open.</p>"),
        (Sight::Unmeasured, "No incident is open. None of its services is measured now."),
        (Sight::Unwatched, "No incident is open. None of its services is watched."),
        (Sight::NotYet, "No incident is open. What there is to watch is not known yet."),
    ] {
        assert!(list(Which::Open, vec![], sight).contains(words), "{words}");
    }
}

/// All that is promised stands beside what was kept, in as many digits as tell one from the other.
#[test]
fn a_promise_that_was_not_kept_is_told_whatever_it_is_about() {
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let promised = Objective {
        availability_ppm: 999_950,
        p50_ms: 500,
        p95_ms: 2000,
        p99_ms: 5000,
        ..policy.terms("anyone", Kind::Ocsp).unwrap().objective.clone()
    };
    // Every probe is good, and the answers take four seconds.
    let mut slow =
        Counts { good: 100_000, answered: 100_000, fresh: 90_000, correct: 100_000, ..Counts::default() };
    (0..1000).for_each(|_| slow.latency_ms.add(4000));
    let level = Level::of(&slow, &promised);
    let text = operator(&site(&[]), &page_of(vec![service(&promised, Some(level), day())]));
    for wanted in [
        "Not kept in 30 days: freshness, response time.",
        "<strong>100.00\u{a0}%</strong>, promised 99.995",
        "<dt>Answers up to date</dt><dd><strong>90.00\u{a0}%</strong>, promised",
        "99 of 100 within 5 s (promised 5 s): missed",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let close = Counts {
        good: 999_910,
        bad: 90,
        answered: 999_910,
        fresh: 999_910,
        correct: 999_910,
        ..Counts::default()
    };
    let level = Level::of(&close, &promised);
    let text = operator(&site(&[]), &page_of(vec![service(&promised, Some(level), day())]));
    assert!(text.contains("<strong>99.9910\u{a0}%</strong>, promised 99.9950\u{a0}%: missed"), "{text}");

    // Beyond the last class is a time too.
    let mut counts = Counts { good: 100, answered: 100, fresh: 100, correct: 100, ..Counts::default() };
    (0..100).for_each(|_| counts.latency_ms.add(60_000));
    let level = Level::of(&counts, &promised);
    let text = operator(&site(&[]), &page_of(vec![service(&promised, Some(level), day())]));
    assert!(text.contains("half in more than 10 s (promised 500 ms), 95 of 100 in more than 10 s"), "{text}");
    let worst = ServiceDay { p95_ms: Some(None), ..day() };
    let text = operator(&site(&[]), &page_of(vec![service(&promised, None, worst)]));
    assert!(text.contains("95 of 100 answers of a day came in more than 10 s;"), "{text}");
}

#[test]
fn an_applicant_that_promised_nothing_breaks_no_promise() {
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let objective = &policy.terms("anyone", Kind::Ocsp).unwrap().objective;
    let level = Some(Level::of(&Counts { bad: 9000, ..Counts::default() }, objective));
    let applied = Service { is_promised: false, ..service(objective, level, day()) };
    let text = operator(&site(&[]), &page_of(vec![applied]));
    assert!(text.contains("Nothing is promised of it: it only applies."), "{text}");
    assert!(
        !text.contains(": missed") && !text.contains("Not kept") && !text.contains(", promised "),
        "{text}"
    );
}

#[test]
fn what_is_not_known_is_said_not_to_be_and_what_is_past_stands_last() {
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let objective = &policy.terms("anyone", Kind::Ocsp).unwrap().objective;
    let started = Service { is_counted: false, is_timed: false, ..service(objective, None, day()) };
    let page = Operator { sight: Sight::NotYet, addresses: 0, since: None, ..page_of(vec![started]) };
    let text = operator(&site(&[]), &page);
    assert!(text.contains("<p class=\"lead\">Nothing of it is measured now.</p>"), "{text}");
    assert!(text.contains("Which of its services are to be watched is not known yet."), "{text}");
    assert!(text.contains("<dt>Good in 30 days</dt><dd>not known yet"), "{text}");
    assert!(text.contains("The days before are being added up") && !text.contains("any more"), "{text}");
    assert!(text.contains("None that this watch saw and kept."), "{text}");
    let gone = Service { now: None, ..service(objective, None, day()) };
    let text = operator(&site(&[]), &page_of(vec![gone]));
    assert!(text.contains("no longer watched") && !text.contains("being added up"), "{text}");
    let unknown = Site { environment: None, ..site(&[]) };
    assert!(unknown.refusal("Not Found", "").contains("badge test\">not known yet"));
}

#[test]
fn what_is_named_and_not_watched_is_told() {
    let named = |why: &str| LeftOut { kind: Some(Kind::Crl), what: HOSTILE.to_owned(), why: why.to_owned() };
    let page = Operator {
        sight: Sight::Unwatched,
        addresses: 0,
        left_out: vec![named("port 9 is not allowed")],
        left_out_count: 3,
        ..page_of(vec![])
    };
    let text = operator(&site(&[]), &page);
    holds(&text);
    assert!(
        text.contains("None of its services is watched.") && text.contains("port 9 is not allowed"),
        "{text}"
    );
    assert!(text.contains("And 2 more:"), "{text}");
    let few = Row { left_out: 2, ..row("Alpha", Now::Good) };
    let told = Overview { left_out: 2, rows: vec![few], ..all([0, 0, 0, 0, 0, 9], vec![], "") };
    let text = overview(&site(&[]), &told);
    assert!(text.contains("No trouble known; 2 named services are not watched</bdi></h1>"), "{text}");
    assert!(text.contains("3 services, 2 not watched"), "{text}");
}

#[test]
fn the_first_page_says_what_is_not_known_what_is_announced_and_who_promised_nothing() {
    let applicant = Row { is_promised: false, kept: None, ..row("Alpha", Now::Trouble) };
    let told = Overview { rows: vec![applicant], ..all([1, 0, 0, 0, 0, 9], vec![], "") };
    let text = overview(&site(&[]), &told);
    assert!(text.contains("nothing promised"), "{text}");
    assert!(
        text.contains("CRL. ") && text.contains("It was announced too late: what fails counts."),
        "{text}"
    );
    let started = Overview { operators: 0, rows: vec![], is_known: false, ..told };
    let text = overview(&site(&[]), &started);
    assert!(
        text.contains("What there is to watch is not known yet.") && !text.contains("No list names"),
        "{text}"
    );
    let founded = Overview { is_known: true, ..started };
    assert!(overview(&site(&[]), &founded).contains("No list names a service to watch yet."));
}
