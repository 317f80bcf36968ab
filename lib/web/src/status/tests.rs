//! Pages made of hostile texts: whatever services send, a page stays a page.

mod told;

use ctl_core::{Digest, Timestamp};
use ctl_policy::sla::{BUILT_IN, Kind, Level, Objective, SlaPolicy};

use super::*;

/// 2026-11-30T00:00:00Z.
const NOW: i64 = 1_796_000_400 - 1_796_000_400 % 86_400;

/// Markup, quotes, control characters, what turns the direction of writing, and what nobody sees.
const HOSTILE: &str = "\"'></code></title><script>alert(1)</script><style>*{display:none}</style>\u{202e}\u{2066}\u{200b}\0\u{1b}[2J\r\n&amp;";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds)
}

fn site(problems: &[String]) -> Site<'_> {
    Site {
        name: HOSTILE,
        environment: Some(Environment::Test),
        now: at(0),
        here: "/incidents/7",
        observer: HOSTILE,
        policy: HOSTILE,
        problems,
    }
}

fn one() -> Incident {
    Incident {
        number: 7,
        operator: "alpha-pki".parse().unwrap(),
        name: HOSTILE.to_owned(),
        kind: Kind::Ocsp,
        url: format!("http://a.example/{HOSTILE}"),
        began_at: at(-7200),
        ended_at: None,
        unwatched: false,
        breach_at: Some(at(-3600)),
        burns: true,
        failures: 9,
        probes: 10,
        reasons: vec![("next_update_past", "nextUpdate has passed.", 9)],
    }
}

fn found(detail: String) -> Finding {
    Finding {
        code: "slow",
        meaning: "It was slow.",
        is_error: false,
        address: Some(HOSTILE.to_owned()),
        detail,
    }
}

/// Nothing of a hostile text does anything, and nothing of it hides.
fn holds(page: &str) {
    for bad in ["<script", "<style", "\u{202e}", "\u{2066}", "\u{200b}", "\0", "\u{1b}", " style=", "\r"] {
        assert!(!page.contains(bad), "{bad:?}: {page}");
    }
    assert_eq!((page.matches("<h1>").count(), page.matches("</html>").count()), (1, 1));
}

#[test]
fn attack_an_incident_full_of_markup_and_megabytes_is_a_small_page_of_text() {
    let problems = [HOSTILE.to_owned()];
    let evidence = |detail: String| Evidence {
        sha256: Digest::of(b"evidence"),
        bytes: Some(5),
        read: Some((
            HOSTILE.to_owned(),
            vec![found(detail)],
            vec![Exchange {
                request: HOSTILE.to_owned(),
                address: Some(HOSTILE.to_owned()),
                status: None,
                bytes: 0,
            }],
        )),
    };
    let page = IncidentPage {
        incident: one(),
        advice: vec!["Look."],
        lists: vec![HOSTILE.to_owned()],
        last: Some((at(-5), vec![found("x".repeat(10_000_000))])),
        evidence: vec![evidence(HOSTILE.to_owned()), evidence(HOSTILE.repeat(100_000))],
        withheld: None,
        is_promised: Some(true),
        in_log: Some(breach(HOSTILE)),
        tell: vec![HOSTILE],
    };
    let text = incident(&site(&problems), &page);
    holds(&text);
    assert!(text.len() < 30_000, "{}", text.len());
    assert!(text.contains("\\u202e") && text.contains("&lt;script&gt;") && text.contains('…'), "{text}");
    assert!(!text.contains("ctl-watch probe"), "no command is made of an address that could be one itself");
    let held = IncidentPage { withheld: Some(2), evidence: Vec::new(), ..page };
    let text = incident(&site(&[]), &held);
    assert!(text.contains("It is kept, and held back") && !text.contains("/v1/evidence/"), "{text}");
    let none = incident(&site(&[]), &IncidentPage { withheld: Some(0), ..held });
    assert!(none.contains("None is here yet.") && !none.contains("It is kept"), "{none}");
}

fn breach(text: &str) -> Breach {
    Breach {
        objective: text.to_owned(),
        url: Some(text.to_owned()),
        opened_at: at(-1),
        closed_at: None,
        confirmed: true,
        organisations: 3,
        needed: 2,
        entry: 9,
    }
}

fn service<'a>(objective: &'a Objective, level: Option<Level>, day: ServiceDay) -> Service<'a> {
    Service {
        kind: Kind::Ocsp,
        now: Some(Now::Trouble),
        is_promised: true,
        objective,
        text: HOSTILE,
        source: HOSTILE,
        level,
        is_counted: true,
        is_timed: true,
        days: vec![day; 90],
        addresses: vec![],
    }
}

fn day() -> ServiceDay {
    ServiceDay {
        day: Day::Missed,
        good: u64::from(u32::MAX),
        bad: u64::from(u32::MAX),
        excused: 0,
        p50_ms: Some(None),
        p95_ms: Some(Some(5)),
        burnt_milli: Some(u64::MAX),
    }
}

fn page_of<'a>(services: Vec<Service<'a>>) -> Operator<'a> {
    Operator {
        id: "alpha-pki".parse().unwrap(),
        name: "Alpha".to_owned(),
        sight: Sight::Measured,
        left_out: vec![],
        left_out_count: 0,
        lists: vec![],
        open: vec![],
        open_count: 0,
        past: vec![],
        maintenance: vec![],
        services,
        addresses: 1,
        bad: 0,
        unknown: 0,
        breaches: vec![],
        tell: vec![],
        today: 20_787,
        since: Some(20_698),
        is_counted: true,
        page: 1,
        pages: 1,
        manager: None,
    }
}

#[test]
fn attack_every_other_page_stays_text_too() {
    let policy = SlaPolicy::parse(BUILT_IN).unwrap();
    let objective = &policy.terms("anyone", Kind::Ocsp).unwrap().objective;
    let address = Address {
        url: HOSTILE.repeat(10_000),
        now: Now::Trouble,
        open: Some((7, at(-7200))),
        last_probe: Some(at(5)),
        last_good: None,
        next_update: Some(at(-1)),
        days: vec![Day::Down; 90],
        findings: vec![found(HOSTILE.repeat(10_000))],
        more: 3,
    };
    let page = Operator {
        name: HOSTILE.to_owned(),
        lists: vec![HOSTILE.to_owned()],
        open: vec![one()],
        open_count: 40,
        past: vec![Incident { ended_at: Some(at(0)), ..one() }],
        maintenance: vec![maintenance()],
        bad: 1,
        breaches: vec![breach(HOSTILE)],
        tell: vec![HOSTILE],
        pages: 2,
        ..page_of(vec![Service { addresses: vec![address], ..service(objective, None, day()) }])
    };
    let text = operator(&site(&[]), &page);
    holds(&text);
    assert!(text.contains("40 incidents are open.") && text.contains("All 40 open incidents"), "{text}");
    assert!(text.contains("Seen by 3 organisations; 2 are needed (entry 9)."), "{text}");
    let page = Operator { open_count: 1, ..page };
    assert!(!operator(&site(&[]), &page).contains("All 1 open"), "it stands there already");
    let happening = Happening {
        what: "cannot be read",
        began_at: at(-9),
        ended_at: None,
        detail: HOSTILE.repeat(10_000),
        appeared: vec![HOSTILE.to_owned(); 1000],
        vanished: Vec::new(),
        changed: Vec::new(),
    };
    let other = Source {
        name: "theirs".to_owned(),
        place: HOSTILE.to_owned(),
        last_read_at: None,
        last_moved_at: None,
        roots: None,
        sequence: None,
        not_after: None,
        unreadable: 3,
        open: Some(happening.clone()),
    };
    holds(&source(&site(&[]), &other, &[happening]));
    holds(&sources(&site(&[]), &[other]));
    let list = Incidents {
        which: Which::All,
        operator: Some(("alpha-pki".parse().unwrap(), HOSTILE.to_owned())),
        open: 1,
        sight: Sight::Measured,
        shown: vec![one()],
        older: Some(7),
        is_later: true,
    };
    holds(&incidents(&site(&[]), &list));
    holds(&site(&[]).refusal("Not Found", HOSTILE));
}

fn maintenance() -> Maintenance<'static> {
    Maintenance { kinds: &[Kind::Crl], from: at(-1), to: at(9), text: HOSTILE, excuses: false }
}

fn row(name: &str, now: Now) -> Row {
    Row {
        operator: "alpha-pki".parse().unwrap(),
        name: name.to_owned(),
        now,
        since: None,
        addresses: 3,
        bad: usize::from(now <= Now::Failing),
        left_out: 0,
        open: None,
        days: vec![Day::Good; 90],
        availability_ppm: Some(999_999),
        is_promised: true,
        kept: Some(true),
    }
}

fn all(addresses: [usize; 6], open: Vec<Incident>, query: &str) -> Overview<'_> {
    Overview {
        addresses,
        left_out: 0,
        is_known: true,
        operators: 1,
        rows: vec![row(HOSTILE, Now::Good)],
        found: 1,
        manager: None,
        open_count: open.len(),
        open,
        maintenance: vec![("alpha-pki".parse().unwrap(), HOSTILE.to_owned(), maintenance())],
        today: 20_787,
        since: Some(20_698),
        query,
        show: Show::All,
        sort: Sort::Now,
        page: 2,
        pages: 3,
    }
}

#[test]
fn the_first_words_of_the_first_page_say_whether_anything_is_broken() {
    let headline = |addresses, open| {
        let page = overview(&site(&[]), &all(addresses, open, HOSTILE));
        holds(&page);
        let rest = page.split_once("<h1><bdi>").unwrap().1;
        rest.split_once("</bdi>").unwrap().0.to_owned()
    };
    assert_eq!(headline([2, 0, 0, 0, 0, 9], vec![one(), one()]), "2 services have trouble now");
    assert_eq!(headline([1, 3, 0, 0, 0, 9], vec![one()]), "1 service has trouble now");
    // Just started: incidents are known from the history, and nothing else.
    assert_eq!(headline([0; 6], vec![one(), one()]), "2 services have trouble now");
    assert_eq!(headline([0, 1, 0, 0, 0, 9], vec![]), "No incident; the last probe of 1 service was bad");
    assert_eq!(headline([0, 0, 2, 0, 0, 9], vec![]), "No trouble known; 2 services are not measured");
    assert_eq!(headline([0, 0, 2, 0, 0, 0], vec![]), "Nothing is measured now");
    assert_eq!(headline([0; 6], vec![]), "Nothing is measured now");
    assert_eq!(
        headline([0, 0, 0, 1, 1, 9], vec![]),
        "No trouble known; 1 service is in announced maintenance"
    );
    assert_eq!(headline([0, 0, 0, 0, 1, 9], vec![]), "All 10 services answer as they should");
}

#[test]
fn attack_a_query_leads_nowhere_else() {
    let page = overview(&site(&[]), &all([0; 6], vec![], "\"><a href=//evil.example&x=1#"));
    assert!(!page.contains("<a href=//evil"), "{page}");
    assert!(page.contains("?q=%22%3E%3Ca%20href%3D%2F%2Fevil.example%26x%3D1%23&amp;show=all"), "{page}");
}
