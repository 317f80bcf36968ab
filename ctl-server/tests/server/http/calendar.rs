//! The calendar as page, feed and metric; and names that try to be more than names in it.

use ctl_core::parts::Der;
use ctl_governance::calendar::{Due, Kind, Subject};
use ctl_governance::statement::body::{ApplicationSubmit, SubcaDisclose};
use ctl_sandbox::shape::{Key, Shape};

use super::*;

const DAY: u64 = 86_400;

/// The lines of a feed, unfolded as RFC 5545 section 3.1 says.
fn lines(feed: &str) -> Vec<String> {
    assert!(feed.ends_with("\r\n"));
    assert!(feed.split("\r\n").all(|line| line.len() <= 75 && !line.contains(['\r', '\n'])), "{feed}");
    feed.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
}

/// The lines of the event whose summary begins so.
fn event(feed: &str, summary: &str) -> Vec<String> {
    let lines = lines(feed);
    let events = lines.split(|line| line == "BEGIN:VEVENT");
    let found = events.into_iter().find(|event| {
        event.iter().any(|line| line.strip_prefix("SUMMARY:").is_some_and(|text| text.starts_with(summary)))
    });
    found.unwrap_or_else(|| panic!("nothing begins with {summary}: {feed}")).to_vec()
}

#[tokio::test]
async fn page_feed_and_metric_tell_the_same_and_follow_a_list_that_is_signed_again() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    world.publish_list();
    world.wait(12 * DAY);
    world.publish_list();
    let served = Served::start(&world).await;
    let due = world.now.plus_seconds(30 * DAY);

    let page = served.get("/calendar").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let text = page.text();
    assert!(text.contains(&format!("datetime=\"{due}\"")), "{text}");
    assert!(text.contains(&format!("href=\"/certificates/{anchor}\"")), "{text}");

    let feed = served.get("/calendar.ics").await;
    assert_eq!((feed.status, feed.header("content-type")), (200, "text/calendar; charset=utf-8"));
    assert_eq!(
        (feed.header("cache-control"), feed.header("x-content-type-options")),
        ("no-cache", "nosniff")
    );
    assert_eq!(served.get("/calendar.ics").await.body, feed.body, "the same until something changes");
    let next = event(&feed.text(), "The next version of list North America is due");
    let stamp = |at: ctl_core::Timestamp| at.to_string().replace(['-', ':'], "");
    assert!(next.contains(&format!("DTSTART:{}", stamp(due))), "{next:?}");
    let uid = format!("UID:list.na.na@{}", world.state.scheme);
    assert!(next.contains(&uid), "{next:?}");

    let metrics = served.get("/metrics").await.text();
    let series =
        format!("ctl_due_timestamp_seconds{{kind=\"list\",list=\"na\",subject=\"na\"}} {}", due.unix());
    assert!(metrics.contains(&series), "{metrics}");
    assert!(metrics.contains("ctl_dues{kind=\"root\",list=\"na\",urgency=\"later\"} 1"), "{metrics}");

    // Time passes; a new version moves the same event.
    served.pass(15 * DAY + 1);
    for signer in ["signer-1", "signer-2"] {
        let answer = served.sign(&Role::List(na()), signer).await;
        assert!(answer.status < 300, "{answer:?}");
    }
    let moved = served
        .until("the next version", async |served| {
            let feed = served.get("/calendar.ics").await.text();
            let event = event(&feed, "The next version of list North America is due");
            (!event.contains(&format!("DTSTART:{}", stamp(due)))).then_some(event)
        })
        .await;
    assert!(moved.contains(&uid), "{moved:?}");
}

#[tokio::test]
async fn a_reader_chooses_a_kind_and_a_list_without_a_script() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let served = Served::start(&world).await;
    let roots = served.get("/calendar?kind=root&list=na").await.text();
    assert!(roots.contains("Root ") && !roots.contains("(root.json)"), "{roots}");
    assert!(roots.contains("<option value=\"root\" selected>"), "{roots}");
    let all = served.get("/calendar?kind=&list=").await.text();
    assert!(all.contains("root.json"), "what a form sends where nothing was chosen: {all}");
    let feed = served.get("/calendar.ics?kind=root").await.text();
    assert_eq!(lines(&feed).iter().filter(|line| *line == "CATEGORIES:root").count(), 1);
    assert!(!feed.contains("CATEGORIES:list"), "{feed}");
    for (path, status) in [
        ("/calendar?kind=roots", 400),
        ("/calendar?list=nowhere", 404),
        ("/calendar?page=2", 404),
        ("/calendar?page=18446744073709551615", 404),
        ("/calendar?who=me", 400),
        ("/calendar.ics?page=1", 400),
        ("/calendar.ics?kind=%0d%0aX-Evil%3A1", 400),
    ] {
        served.get(path).await.problem(status);
    }
}

#[tokio::test]
async fn many_of_a_kind_leave_room_for_the_others_and_are_all_there_when_asked_for() {
    let mut world = World::published();
    let pki = world::root("alpha-pki");
    let issuer = Key::p256_from_pem(&pki.root().key_pkcs8_pem().unwrap()).unwrap();
    let alpha = world.admitted("alpha-pki");
    // Those of one month in a year, more than a page has.
    let ends = world.now.plus_seconds(365 * DAY).unix();
    for number in 0..120_u64 {
        if number % 40 == 39 {
            world.wait(DAY);
        }
        let sub_ca = Shape::ca(&format!("CN=Sub {number}"), &Key::p256("sub").unwrap(), Some(0)).unwrap();
        let sub_ca = sub_ca.serial(number + 2).valid(world.now.unix() - 10, ends);
        let sub_ca = sub_ca.signed_by(pki.root().certificate().subject(), &issuer).unwrap();
        let body = SubcaDisclose { certificate: Der(sub_ca.der().to_vec()), issuer: alpha };
        world.say(&["alpha-pki"], body).unwrap();
    }
    let served = Served::start(&world).await;
    let rows = |page: &str| page.matches(">Sub ").count();
    let page = served.get("/calendar").await.text();
    assert_eq!(rows(&page), 5, "{page}");
    assert!(page.contains("<a href=\"/calendar?kind=sub-ca\">and 115 more: sub-CAs</a>"), "{page}");
    assert!(page.contains("The validity of the board's keys and rules (root.json) ends"), "{page}");
    let first = served.get("/calendar?kind=sub-ca").await.text();
    let second = served.get("/calendar?kind=sub-ca&page=2").await.text();
    assert_eq!((rows(&first), rows(&second)), (100, 20));
    assert!(
        first.contains("href=\"/calendar?kind=sub-ca&amp;page=2\"") && first.contains("Page 1 of 2"),
        "{first}"
    );
    served.get("/calendar?kind=sub-ca&page=3").await.problem(404);
    let metrics = served.get("/metrics").await.text();
    assert_eq!(
        metrics.matches("ctl_due_timestamp_seconds{kind=\"sub-ca\"").count(),
        1,
        "one series, not 120"
    );
}

#[test]
fn a_flood_of_applications_pushes_no_root_out_of_the_feed_and_the_feed_says_what_it_leaves_out() {
    let world = World::published();
    let flood = (0..1_500_u64).map(|application| {
        let operator = "alpha-pki".parse().unwrap();
        let subject = Subject::Application { application, operator, name: "One of many".parse().unwrap() };
        Due::new(world.now.minus_seconds(application), Kind::Discussion, subject)
    });
    let root = Subject::Certificate {
        fingerprint: Digest::of(b"root"),
        operator: "beta-pki".parse().unwrap(),
        name: Some("The last root".parse().unwrap()),
    };
    let root = Due::new(world.now.plus_seconds(4_000 * DAY), Kind::Root, root);
    let mut dues: Vec<Due> = flood.chain([root]).collect();
    ctl_governance::calendar::sort(&mut dues);
    let feed = ctl_web::icalendar(&world.state, &dues, &ctl_web::WantedOfCalendar::default());
    assert!(!event(&feed, "Root The last root").is_empty());
    let lines = lines(&feed);
    assert_eq!(lines.iter().filter(|line| *line == "BEGIN:VEVENT").count(), 1_000);
    assert!(lines.iter().any(|line| line.contains("501 more are left out here")), "{:?}", &lines[..9]);
}

#[tokio::test]
async fn a_name_with_markup_or_line_ends_adds_nothing_to_page_feed_or_metric() {
    let mut world = World::published();
    let pki = world::root("alpha-pki");
    let alpha = world.admitted("alpha-pki");
    // A log holds no name with a line's end. A certificate may.
    let subject =
        "CN=X\\0D\\0AEND:VEVENT\\0D\\0ABEGIN:VEVENT\\0D\\0AATTACH:http://evil.example/ <b onclick\\=1>";
    let key = Key::p256("hostile").unwrap();
    let issuer = Key::p256_from_pem(&pki.root().key_pkcs8_pem().unwrap()).unwrap();
    let sub_ca = Shape::ca(subject, &key, Some(0)).unwrap();
    let sub_ca = sub_ca.signed_by(pki.root().certificate().subject(), &issuer).unwrap();
    assert!(sub_ca.common_name().unwrap().contains("\r\nBEGIN:VEVENT"));
    let body = SubcaDisclose { certificate: Der(sub_ca.der().to_vec()), issuer: alpha };
    world.say(&["alpha-pki"], body).unwrap();
    let name = "</td><script>alert(1)</script>\\;X,\"Y\" \u{5d0}\u{5d1}";
    let beta = world::root("beta-pki");
    let possession = Some(world.proof("beta-pki", beta.root()));
    let certificate = beta.root().certificate().der().to_vec();
    let body =
        ApplicationSubmit { possession, name: name.parse().unwrap(), ..world::application(certificate) };
    let application = world.say(&["beta-pki"], body).unwrap();
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    let served = Served::start(&world).await;

    let feed = served.get("/calendar.ics").await.text();
    let all = lines(&feed);
    let count = |wanted: &str| all.iter().filter(|line| *line == wanted).count();
    assert_eq!(count("BEGIN:VEVENT"), count("END:VEVENT"));
    assert_eq!(count("BEGIN:VEVENT"), all.iter().filter(|line| line.starts_with("UID:")).count());
    let known = [
        "BEGIN:",
        "END:",
        "VERSION:",
        "PRODID:",
        "NAME:",
        "X-WR-CALNAME:",
        "DESCRIPTION:",
        "REFRESH-INTERVAL;",
        "X-PUBLISHED-TTL:",
        "UID:",
        "DTSTAMP:",
        "DTSTART:",
        "SUMMARY:",
        "CATEGORIES:",
        "TRANSP:",
        "ACTION:",
        "TRIGGER;",
    ];
    assert!(all.iter().all(|line| known.iter().any(|known| line.starts_with(known))), "{feed}");
    assert!(!event(&feed, "Sub-CA X").is_empty());
    let discussion =
        event(&feed, "The discussion of </td><script>alert(1)</script>\\\\\\;X\\,\"Y\" \u{5d0}\u{5d1} of");
    assert!(discussion.iter().any(|line| line == "CATEGORIES:discussion"));

    let page = served.get("/calendar").await.text();
    assert!(!page.contains("<script") && !page.contains("<b onclick"), "{page}");
    assert!(page.contains("<bdi>&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    let metrics = served.get("/metrics").await.text();
    assert!(metrics.lines().all(|line| line.starts_with('#') || line.starts_with("ctl_")), "{metrics}");
}
