//! The portal as its readers see it, and what somebody could try with it: pages and JSON mixed up in caches, names that
//! become markup, pages in other people's frames.

use std::io::Read as _;

use ctl_core::parts::{DistrustKind, Distrusted};
use ctl_governance::statement::body::{ApplicationSubmit, Change};

use crate::common::world::{self, World, na};
use crate::publication::{decided, publish_everything};
use crate::served::{Answer, Served};

const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

/// A page, which is one: of our style, and nobody may do anything with it but read.
async fn page(served: &Served, path: &str) -> String {
    let answer = served.get_with(path, &[BROWSER]).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    guarded(&answer);
    answer.text()
}

fn guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_cpo_finds_the_list_its_roots_and_how_they_came_there() {
    let (world, anchor) = decided();
    let served = Served::start(&world).await;
    assert!(page(&served, "/").await.contains("Nothing was published yet."));
    publish_everything(&served).await;

    let overview = page(&served, "/").await;
    assert!(overview.contains("href=\"/lists/na\""), "{overview}");
    assert!(overview.contains("Version 1</a>"), "{overview}");

    let list = page(&served, "/lists/na").await;
    for part in [
        format!("href=\"/certificates/{anchor}\""),
        "href=\"/v1/lists/na/ctl.jws\"".into(),
        "ctl-admin verify ctl.jws --root root.json".into(),
        "first published".into(),
        // Who signed it, by name.
        "href=\"/participants/signer-1\"".into(),
    ] {
        assert!(list.contains(&part), "{part}: {list}");
    }
    let digest = ctl_core::Digest::of(&served.get("/v1/lists/na/ctl.jws").await.body);
    assert!(list.contains(&digest.to_string()), "each file has its digest beside it");

    let certificate = page(&served, &format!("/certificates/{anchor}")).await;
    for part in ["an authority;", "keyCertSign", "BEGIN CERTIFICATE", "How it came here", "accepted with"] {
        assert!(certificate.contains(part), "{part}: {certificate}");
    }

    let first = page(&served, "/lists/na/versions/1").await;
    assert!(first.contains(&format!("/certificates/{anchor}")) && first.contains("newest"), "{first}");
    let versions = page(&served, "/lists/na/versions").await;
    assert!(versions.contains("href=\"/lists/na/versions/1\""), "{versions}");
    let changes = page(&served, "/lists/na/changes?from=0&to=1").await;
    assert!(changes.contains("admits root") && changes.contains("the empty list"), "{changes}");

    let reach = served
        .until("who can charge where, for which nobody waits", async |served| {
            let reach = page(served, "/lists/na/reach").await;
            reach.contains("<table class=\"matrix\">").then_some(reach)
        })
        .await;
    assert!(
        reach.contains("1 root, and each stands for itself") && reach.contains("<td class=\"direct\">"),
        "{reach}"
    );
    assert!(
        !reach.contains("img.graph") && !reach.contains("<img"),
        "without cross-certificates there is no graph"
    );
}

#[tokio::test]
async fn what_is_not_there_is_told_to_people_on_a_page_and_to_programs_as_a_problem() {
    let served = Served::start(&World::published()).await;
    let zero = "0".repeat(64);
    for path in [
        "/lists/elsewhere",
        "/lists/na/versions/7",
        "/lists/na/changes?from=0&to=9",
        "/nothing",
        &format!("/certificates/{zero}"),
        "/certificates/12",
    ] {
        let answer = served.get_with(path, &[BROWSER]).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, "text/html; charset=utf-8"),
            "{path}"
        );
        guarded(&answer);
        assert_eq!((answer.header("cache-control"), answer.header("vary")), ("no-store", "accept"), "{path}");
        served.get(path).await.problem(404);
    }
    let page = served.get_with("/%3Cscript%3Ealert(1)%3C/script%3E", &[BROWSER]).await.text();
    assert!(!page.contains("<script"), "{page}");
}

/// A cache that keeps one address for everyone must never hand a page to a program or JSON to a browser.
#[tokio::test]
async fn a_cache_between_cannot_mix_up_pages_and_json() {
    let (world, anchor) = decided();
    let served = Served::start(&world).await;
    publish_everything(&served).await;
    for (api, page) in [
        ("/v1/lists".to_owned(), "/".to_owned()),
        ("/v1/lists/na".into(), "/lists/na".into()),
        ("/v1/lists/na/diff?from=0&to=1".into(), "/lists/na/changes?from=0&to=1".into()),
        (format!("/v1/anchors/{anchor}"), format!("/certificates/{anchor}")),
    ] {
        let sent = served.get_with(&api, &[BROWSER]).await;
        assert_eq!((sent.status, sent.header("location")), (303, page.as_str()), "{api}");
        assert_eq!((sent.header("cache-control"), sent.header("vary")), ("no-store", "accept"), "{api}");
        let json = served.get(&api).await;
        assert_eq!(
            (json.status, json.header("content-type"), json.header("vary")),
            (200, "application/json", "accept")
        );
        // The page's own address has a page for whoever asks for whatever.
        for accept in ["*/*", "application/json", "text/html"] {
            let answer = served.get_with(&page, &[("Accept", accept)]).await;
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, "text/html; charset=utf-8"),
                "{page}"
            );
        }
    }
    // What devices load is never exchanged for a page.
    let list = served.get_with("/v1/lists/na/ctl.json", &[BROWSER]).await;
    assert_eq!((list.status, list.header("content-type")), (200, "application/json"));
}

#[tokio::test]
async fn a_page_is_small_on_the_way_for_whoever_takes_it() {
    let (world, _) = decided();
    let served = Served::start(&world).await;
    publish_everything(&served).await;
    let plain = served.get("/lists/na").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let small = served.get_with("/lists/na", &[("Accept-Encoding", "gzip, br")]).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("gzip", "accept-encoding"));
    assert!(small.body.len() * 2 < plain.body.len(), "{} of {}", small.body.len(), plain.body.len());
    let mut read = String::new();
    flate2::read::GzDecoder::new(&small.body[..]).read_to_string(&mut read).unwrap();
    assert!(read.ends_with("</html>"));
    // Whoever asked before in the same second got it in another coding.
    assert_eq!(served.get("/lists/na").await.header("content-encoding"), "");
    let style = plain.text().split("href=\"/assets/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let style = served.get(&format!("/assets/{style}")).await;
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    served.get("/assets/0.css").await.problem(404);
}

/// Its status says usable; whoever reads the page and not the list would go on trusting it.
#[tokio::test]
async fn a_root_that_is_distrusted_by_decision_stands_nowhere_among_the_trusted() {
    let (mut world, anchor) = decided();
    let sha256 = world.state.anchor(&na(), &anchor).unwrap().listed.spki;
    let what = Distrusted { kind: DistrustKind::Spki, sha256 };
    let proposal = world.propose("elector-1", Change::Distrust { list: na(), what }).unwrap();
    world.decide(proposal);
    let served = Served::start(&world).await;
    let list = page(&served, "/lists/na").await;
    assert!(list.contains("No root stands on this list."), "{list}");
    let (_, gone) = list.split_once("id=\"gone\"").unwrap();
    assert!(
        gone.contains(&format!("/certificates/{anchor}")) && gone.contains(">not trusted</span>"),
        "{gone}"
    );
    assert!(
        page(&served, "/").await.contains("1 of them <span class=\"badge suspended\">not trusted</span>")
    );
    assert!(
        page(&served, &format!("/certificates/{anchor}")).await.contains("All the same it is not trusted: ")
    );
}

/// A browser that follows a link to JSON names HTML first all the same.
#[tokio::test]
async fn links_to_json_lead_a_browser_to_json() {
    let (world, anchor) = decided();
    let served = Served::start(&world).await;
    publish_everything(&served).await;
    for path in [
        "/lists/na".to_owned(),
        "/lists/na/changes?from=0&to=1".into(),
        format!("/certificates/{anchor}"),
        "/applications".into(),
        "/proposals".into(),
        "/participants".into(),
        "/registry".into(),
        "/promises".into(),
    ] {
        let page = page(&served, &path).await;
        let (_, link) = page.split_once("As JSON: <a href=\"").unwrap_or_else(|| panic!("{path}: {page}"));
        let link = link.split('"').next().unwrap().replace("&amp;", "&");
        let answer = served.get_with(&link, &[BROWSER]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{link}");
    }
}

/// Names are chosen by whoever applies.
#[tokio::test]
async fn attack_a_name_full_of_markup_stays_a_name() {
    let mut world = World::published();
    let hostile = "</title><script>alert(1)</script><img src=x onerror=y>\"'";
    let pki = world::root("alpha-pki");
    let submitted = ApplicationSubmit {
        name: hostile.parse().unwrap(),
        possession: Some(world.proof("alpha-pki", pki.root())),
        ..world::application(pki.root().certificate().der().to_vec())
    };
    let application = world.say(&["alpha-pki"], submitted).unwrap();
    let fingerprint = world.state.applications.get(&application).unwrap().fingerprint;
    let served = Served::start(&world).await;
    for path in ["/".to_owned(), format!("/certificates/{fingerprint}")] {
        let page = page(&served, &path).await;
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("<bdi>&lt;/title&gt;"), "{page}");
    }
}
