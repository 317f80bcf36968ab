//! The status page as its readers use it: who is called at night, who looks up how a PKI did, who checks evidence; and what
//! hostile services try to do to them.
#![allow(unreachable_pub)]

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_host::clock::{Clock as _, SystemClock};
use ctl_policy::sla::{BUILT_IN, Counts, Kind};
use ctl_watch::changes::Changes;
use ctl_watch::config::{Config, ConfiguredTarget};
use ctl_watch::description::{Description, Watched as Stretch};
use ctl_watch::incident::{Cause, Incident};
use ctl_watch::store::{Retention, Store};
use ctl_watch::{Code, TargetId};

use crate::common::story::World;
use crate::network::Server;
use crate::watched::{Answer, Watched, config, in_the_present};

pub const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
pub const DOWN: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
/// As a browser asks.
pub const BROWSER: &[(&str, &str)] = &[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
pub const HOUR_MS: i64 = 3_600_000;

pub async fn page(watched: &Watched, path: &str) -> String {
    let answer = watched.get_with(path, BROWSER).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    is_page(&answer);
    answer.text()
}

/// A page that can do nothing but be read.
pub fn is_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let text = answer.text();
    assert!(!text.contains("<script") && !text.contains(" style=") && !text.contains("<img"), "{text}");
    assert_eq!(text.matches("<h1>").count(), 1, "{text}");
}

/// Looks again and again.
pub async fn until(watched: &Watched, path: &str, wanted: &str) -> String {
    until_all(watched, path, &[wanted]).await
}

/// The same, until all of it is there at once.
pub async fn until_all(watched: &Watched, path: &str, wanted: &[&str]) -> String {
    let look = async |watched: &Watched| {
        let answer = watched.get_with(path, BROWSER).await;
        assert!([200, 404, 503].contains(&answer.status), "{path}: {answer:?}");
        let all = |text: &String| wanted.iter().all(|wanted| text.contains(wanted));
        Some(answer.text()).filter(|text| answer.status == 200 && all(text))
    };
    watched.until(&format!("{wanted:?} at {path}"), look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_called_at_night_reads_what_is_broken_since_when_what_was_found_and_what_to_do() {
    let (server, folder) = (Server::says(DOWN).await, tempfile::tempdir().unwrap());
    let service = in_the_present(World::published()).await;
    let mut config = config(&service, folder.path());
    let url = server.url("/cacerts");
    let policy = format!(
        "{BUILT_IN}\n[[maintenance]]\noperator = \"beta-pki\"\nannounced_at = \"2020-01-01T00:00:00Z\"\n\
         starts_at = \"2020-02-01T00:00:00Z\"\nends_at = \"2100-01-01T00:00:00Z\"\ntext = \"A long <b>move</b>.\"\n\
         [[maintenance]]\noperator = \"trust-list-manager\"\nkinds = [\"service\"]\nannounced_at = \"2020-02-01T00:00:00Z\"\n\
         starts_at = \"2020-02-01T00:00:00Z\"\nends_at = \"2100-01-01T00:00:00Z\"\ntext = \"A late word.\"\n\
         [[tell]]\nparticipants = [\"elector-1\"]\n"
    );
    std::fs::write(folder.path().join("sla.toml"), policy).unwrap();
    config.watch.service_levels = Some(folder.path().join("sla.toml"));
    config.watch.place = "Frankfurt".to_owned();
    config.watch.targets = vec![
        ConfiguredTarget { operator: "alpha-pki".parse().unwrap(), kind: Kind::Https, url: url.clone() },
        ConfiguredTarget {
            operator: "beta-pki".parse().unwrap(),
            kind: Kind::Https,
            url: server.url("/of-beta"),
        },
    ];
    let watched = Watched::start(&config).await;

    // Its number: on a busy machine something else may have been too slow before, or found first.
    let opened = async |watched: &Watched| {
        let open = watched.get("/v1/incidents?operator=alpha-pki").await;
        let incident = (open.status == 200).then(|| open.json()["incidents"][0].clone())?;
        incident["reasons"]["endpoint_down"].is_u64().then(|| incident["incident"].as_u64()).flatten()
    };
    let one = format!("/incidents/{}", watched.until("an incident", opened).await);
    let link = format!("href=\"{one}\"");
    let wanted = [&*link, " trouble now</bdi></h1>", "Broken now", "endpoint_down", &*url];
    let first = until_all(&watched, "/", &wanted).await;
    assert!(first.find("Broken now") < first.find("PKI operators"), "what is broken stands first");
    assert!(first.contains("A long &lt;b&gt;move"), "{first}");
    assert!(
        first.contains("trust list manager. <bdi>A late word.</bdi> It was announced too late"),
        "{first}"
    );
    assert!(first.contains("a watch that signs nothing, from Frankfurt"));

    let wanted = [
        "Download",
        ": open for ",
        "The endpoint does not answer as it should.",
        "load balancer",
        "Whom it hits",
        "What to do next",
        "elector-1",
        &format!("ctl-watch probe https '{url}'"),
        "Frankfurt",
    ];
    let incident = until_all(&watched, &one, &wanted).await;
    // Its evidence, downloaded and checked as the page says.
    let named = &watched.get(&format!("/v1{one}")).await.json()["evidence"][0];
    let digest: Digest = named.as_str().unwrap().parse().unwrap();
    assert!(
        incident.contains(&format!("href=\"/v1/evidence/{digest}\" download=\"{digest}.json\"")),
        "{incident}"
    );
    let command = format!("echo '{digest}  {digest}.json' | sha256sum --check");
    assert!(incident.contains(&command), "{incident}");
    let file = folder.path().join(format!("{digest}.json"));
    let sent = watched.get_with(&format!("/v1/evidence/{digest}"), BROWSER).await;
    assert_eq!(sent.header("content-disposition"), format!("attachment; filename=\"{digest}.json\""));
    std::fs::write(&file, sent.body).unwrap();
    let checked =
        std::process::Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");

    // What was counted is added up now and then.
    let wanted = ["1 incident is open.", "Error budget burnt", "<title>90 days until ", "mostly down: 1"];
    until_all(&watched, "/operators/alpha-pki", &wanted).await;
    let beta = page(&watched, "/operators/beta-pki").await;
    assert!(beta.contains("Announced maintenance") && !beta.contains("Broken now"), "{beta}");

    server.now_says(FINE);
    until(&watched, &one, ": over after ").await;
    let over = until(&watched, "/operators/alpha-pki", "No trouble is known.").await;
    assert!(!over.contains("Broken now"), "{over}");
    let open = page(&watched, "/incidents?state=open&operator=alpha-pki").await;
    assert!(open.contains("No incident is open.</p>"), "{open}");
    assert!(page(&watched, "/incidents?state=past&operator=alpha-pki").await.contains(&format!("{one}\"")));
    assert!(page(&watched, "/operators/alpha-pki").await.contains(&format!("{one}\"")));
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trust_list_manager_has_a_page_like_everyone_else() {
    let (service, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let watched = Watched::start(&config(&service, folder.path())).await;
    until(&watched, "/", ">Trust list manager</bdi></a>").await;
    let text = until(&watched, "/manager", "Probed ").await;
    assert!(text.contains("its log continues what was seen before") && text.contains("Next due"), "{text}");
    assert!(text.contains("/log/checkpoint") && text.contains("/v1/lists/na"), "{text}");
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_pages_and_programs_get_json_at_every_address() {
    let (server, folder) = (Server::says(DOWN).await, tempfile::tempdir().unwrap());
    let service = in_the_present(World::published()).await;
    let mut config = config(&service, folder.path());
    config.watch.targets = vec![ConfiguredTarget {
        operator: "alpha-pki".parse().unwrap(),
        kind: Kind::Https,
        url: server.url("/"),
    }];
    let watched = Watched::start(&config).await;
    until(&watched, "/incidents/1", "Incident 1").await;
    // What was counted is added up every ten seconds.
    let counted =
        async |watched: &Watched| (watched.get("/v1/sla/alpha-pki").await.status == 200).then_some(());
    watched.until("levels", counted).await;
    for (data, page) in [
        ("/v1/sla", "/"),
        ("/v1/sla/alpha-pki", "/operators/alpha-pki"),
        ("/v1/incidents", "/incidents"),
        ("/v1/incidents?state=open", "/incidents?state=open"),
        ("/v1/incidents/1", "/incidents/1"),
        ("/v1/sources", "/sources"),
    ] {
        let sent = watched.get_with(data, BROWSER).await;
        assert_eq!((sent.status, sent.header("location")), (303, page), "{data}");
        assert!(sent.header("vary").contains("accept") && sent.header("cache-control") == "no-store");
        is_page(&watched.get_with(page, BROWSER).await);
        let told = watched.get(data).await;
        assert_eq!((told.status, told.header("content-type")), (200, "application/json"), "{data}");
        assert!(told.header("vary").contains("accept"), "{data}: a cache keeps both apart");
    }
    let csv = watched.get_with("/v1/sla/alpha-pki?format=csv", BROWSER).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8", "who names a format gets it");
    for (path, status) in [
        ("/incidents/999", 404),
        ("/incidents/nonsense", 404),
        ("/operators/nobody-pki", 404),
        ("/operators/%3Cscript%3E", 404),
        ("/incidents?state=open&operator=nobody-pki", 404),
        ("/sources/nothing", 404),
        ("/nowhere", 404),
        ("/incidents?state=sideways", 400),
    ] {
        let refused = watched.get_with(path, BROWSER).await;
        assert_eq!(refused.status, status, "{path}");
        is_page(&refused);
        assert_eq!(refused.header("cache-control"), "no-store");
        watched.get(path).await.problem(status);
    }
    let style = page(&watched, "/").await;
    let style = style.split("href=\"").find(|part| part.starts_with("/assets/")).unwrap();
    let style = watched.get(style.split('"').next().unwrap()).await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(style.header("cache-control").contains("immutable"));
    watched.stop().await;
}

/// What an operator's services did on some day, as the history keeps it.
fn counts(good: u64, bad: u64) -> Counts {
    let mut counts = Counts { good, bad, answered: good, fresh: good, correct: good, ..Counts::default() };
    (0..good).for_each(|number| counts.latency_ms.add(40 + number * 7 % 400));
    counts
}

/// So many operators with three services each, watched for ninety days; every seventh has bad days.
fn history(config: &mut Config, operators: u64, base: &str) {
    let now_ms = SystemClock::new().now().unix() * 1000;
    let hour = u32::try_from(now_ms / HOUR_MS).unwrap();
    let store = Store::open(&config.data.join("history"), Retention::default()).unwrap();
    let mut changes = Changes::default();
    let period = config.watch.period;
    for number in 0..operators * 3 {
        let operator = format!("pki-{:03}", number / 3);
        let url = format!("{base}/{operator}/{}", number % 3);
        let (operator, kind) = (operator.parse().unwrap(), Kind::Https);
        config.watch.targets.push(ConfiguredTarget { operator, kind, url });
    }
    for (number, target) in (0_u32..).zip(&config.watch.targets) {
        let description = Description {
            number,
            kind: target.kind,
            operator: target.operator.clone(),
            url: target.url.clone(),
            period_ms: u64::try_from(period.as_millis()).unwrap(),
            watched: vec![Stretch { from_ms: now_ms - 90 * 24 * HOUR_MS, to_ms: None }],
            promised: Some(true),
        };
        changes.targets.insert(number, description);
        for day in 0..90 {
            let bad = if number % 21 == 0 && day % 11 == 3 { 20 - u64::from(day) / 9 } else { 0 };
            let counted: &mut BTreeMap<u32, Counts> = changes.hours.entry(hour - day * 24).or_default();
            counted.insert(number, counts(24 - bad, bad));
        }
        changes.last_probes.insert(number, now_ms - 1000);
    }
    store.write(&changes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pkis_fit_on_one_light_page_with_trouble_first() {
    let (server, folder) = (Server::says(FINE).await, tempfile::tempdir().unwrap());
    let service = in_the_present(World::published()).await;
    let mut config = config(&service, folder.path());
    // Once a day, so that the little that is counted here is all that was due.
    config.watch.period = std::time::Duration::from_secs(86_400);
    history(&mut config, 200, &server.url(""));
    let watched = Watched::start(&config).await;
    let all = until(&watched, "/", "200 PKI operators").await;
    assert_eq!(all.matches("<tr><th scope=\"row\">").count(), 201, "everyone and the trust list manager");
    let text = until(&watched, "/?sort=availability", "beyond the error budget: ").await;
    let first = text.split("/operators/pki-").nth(1).unwrap();
    assert!(first.starts_with("000") || first.starts_with("007"), "the worst month first: {}", &first[..3]);
    let packed = watched.get_with("/", &[("Accept", "text/html"), ("Accept-Encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < 150_000, "{} bytes", packed.body.len());
    let one = page(&watched, "/?q=PKI-07&show=all&sort=name").await;
    assert_eq!(one.matches("href=\"/operators/pki-07").count(), 10, "{one}");
    assert!(page(&watched, "/?q=%3Cb%3E%E2%80%AE").await.contains("No operator is like that."));
    let pki = page(&watched, "/operators/pki-007").await;
    assert!(pki.contains("Response time") && pki.contains("The numbers behind these pictures"), "{pki}");
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_incidents_and_evidence_full_of_markup_and_megabytes_stay_text_and_stay_small() {
    let (server, folder) = (Server::says(FINE).await, tempfile::tempdir().unwrap());
    let service = in_the_present(World::published()).await;
    let mut config = config(&service, folder.path());
    config.watch.targets = vec![ConfiguredTarget {
        operator: "alpha-pki".parse().unwrap(),
        kind: Kind::Https,
        url: server.url("/"),
    }];
    let hostile = "</code><script>alert(1)</script>\u{202e}gpj\u{0}\u{1b}[31m'\"><img src=x onerror=x>";
    let store = Store::open(&config.data.join("history"), Retention::default()).unwrap();
    let finding =
        |detail: &str| serde_json::json!({ "code": "endpoint_down", "address": hostile, "detail": detail });
    let bundle = |detail: &str| {
        let exchange = serde_json::json!({
            "request": hostile, "address": hostile, "status": 503, "body": { "bytes": 5, "base64": "" },
        });
        let all =
            serde_json::json!({ "at": hostile, "findings": [finding(detail)], "exchanges": [exchange] });
        all.to_string().into_bytes()
    };
    let operator = "alpha-pki".parse().unwrap();
    let now_ms = SystemClock::new().now().unix() * 1000;
    let huge = "<b>".repeat(400_000);
    let evidence = [bundle(hostile), bundle(&huge), b"no JSON at all".to_vec()];
    let evidence = evidence.map(|one| store.put_evidence(&operator, now_ms, &one).unwrap()).to_vec();
    let incident = Incident {
        number: 1,
        target: TargetId::of(Kind::Https, &operator, hostile).to_string(),
        kind: Kind::Https,
        operator,
        url: hostile.repeat(1000),
        cause: Cause::Burn,
        began_ms: now_ms - HOUR_MS,
        opened_ms: now_ms - HOUR_MS,
        ended_ms: Some(now_ms - 60_000),
        unwatched: false,
        breach_ms: None,
        bad_ms: 0,
        failures: 3,
        probes: 4,
        reasons: [(Code::EndpointDown, 3)].into(),
        evidence: [evidence, vec![Digest::ZERO]].concat(),
    };
    store.write(&Changes { incidents: [(1, incident)].into(), ..Changes::default() }).unwrap();
    drop(store);
    let watched = Watched::start(&config).await;
    until(&watched, "/", "1 PKI operator<").await;
    for path in ["/incidents/1", "/incidents", "/incidents?state=past", "/operators/alpha-pki", "/"] {
        let text = page(&watched, path).await;
        assert!(!text.contains('\u{202e}') && !text.contains('\u{0}') && !text.contains('\u{1b}'), "{path}");
        assert!(text.len() < 60_000, "{path}: {}", text.len());
    }
    let text = page(&watched, "/incidents/1").await;
    assert!(text.contains("\\u202egpj") && text.contains("&lt;script&gt;"), "{text}");
    assert_eq!(text.matches("What it holds is not shown here").count(), 1, "no JSON: {text}");
    assert!(text.contains("It is not here"), "{text}");
    watched.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_source_with_a_hostile_place_is_told_as_text() {
    let (service, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let mut config = config(&service, folder.path());
    let name: String = "/<script>\u{202e}nowhere".into();
    config.sources = vec![ctl_watch::config::Source {
        name: "theirs".parse().unwrap(),
        period: std::time::Duration::from_millis(50),
        source: ctl_sources::Source::at(&name),
    }];
    let watched = Watched::start(&config).await;
    until(&watched, "/sources", "1 source has a problem now.").await;
    let text = page(&watched, "/sources/theirs").await;
    assert!(text.contains("cannot be read") && text.contains("&lt;script&gt;\\u202e"), "{text}");
    watched.stop().await;
}

/// A watch that cannot see says so before it says that all is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_never_saw_the_scheme_does_not_look_as_if_all_were_well() {
    let (service, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let mut config = config(&service, folder.path());
    config.scheme.server = "http://127.0.0.1:9".to_owned();
    let watched = Watched::start(&config).await;
    let text = page(&watched, "/").await;
    assert!(text.contains("This watch has a problem") && !text.contains("as they should"), "{text}");
    assert!(text.contains("Nothing is measured now"), "{text}");
    is_page(&watched.get_with("/manager", BROWSER).await);
    watched.stop().await;
}
