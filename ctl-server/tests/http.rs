//! What callers see: conditional requests, compression, problems, limits, views; and what happens to
//! callers who misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod served;

use std::io::Read as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use common::world::{self, World, na};
use ctl_core::Digest;
use ctl_core::role::Role;
use ctl_core::statement::Statement;
use ctl_core::statement::body::{Change, CommentAdd, CrossRequest};
use ctl_core::statement::parts::{BlobAccess, BlobRef};
use ctl_server::governance::{Policies, Screener};
use ctl_server::http::Limits;
use served::{Served, read_answer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A scheme with an application that anyone may comment on.
fn discussed() -> (World, u64) {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    (world, application)
}

fn comment(served: &Served, application: u64, number: u64) -> Statement {
    common::comment(&served.ledger.snapshot(), served.now(), application, number)
}

fn bytes_of(statement: &Statement) -> Vec<u8> {
    statement.jws.to_bytes()
}

async fn with_list() -> Served {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    Served::start(&world).await
}

#[tokio::test]
async fn who_has_the_current_bytes_is_told_so() {
    let served = with_list().await;
    for path in ["/v1/lists/na/ctl.jws", "/v1/lists/na/versions/1", "/log/tile/0/000.p/2"] {
        let first = served.get(path).await;
        assert_eq!(first.status, 200);
        assert!(first.header("etag").starts_with('"'), "strong");
        assert_eq!(first.header("x-content-type-options"), "nosniff");
        let again = served.get_with(path, &[("If-None-Match", first.header("etag"))]).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(again.header("cache-control"), first.header("cache-control"));
        let many = format!("\"x\", W/{}", first.header("etag"));
        assert_eq!(served.get_with(path, &[("If-None-Match", &many)]).await.status, 304);
        assert_eq!(served.get_with(path, &[("If-None-Match", "\"x\"")]).await.status, 200);
        let head = served.send("HEAD", path, &[], &[]).await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), first.body.len().to_string());
        assert_eq!(head.header("etag"), first.header("etag"));
    }
}

#[tokio::test]
async fn caches_are_told_what_never_changes_and_what_does() {
    let served = with_list().await;
    for (path, caching) in [
        ("/tuf/metadata/1.root.json", "public, max-age=31536000, immutable"),
        ("/tuf/metadata/1.na.json", "public, max-age=31536000, immutable"),
        ("/v1/lists/na/versions/1.tlog-proof", "public, max-age=31536000, immutable"),
        ("/tuf/metadata/timestamp.json", "public, max-age=10, must-revalidate"),
        ("/log/checkpoint", "public, max-age=10, must-revalidate"),
        ("/v1/lists/na/ctl.json", "public, max-age=60, must-revalidate"),
        ("/v1/lists", "no-cache"),
    ] {
        assert_eq!(served.get(path).await.header("cache-control"), caching, "{path}");
    }
}

#[tokio::test]
async fn compressed_bytes_are_the_same_list_with_a_tag_of_their_own() {
    let served = with_list().await;
    let path = "/v1/lists/na/ctl.json";
    let plain = served.get(path).await;
    let packed = served.get_with(path, &[("Accept-Encoding", "br;q=1, gzip;q=0.8")]).await;
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    assert_eq!((plain.header("vary"), packed.header("vary")), ("accept-encoding", "accept-encoding"));
    assert!(packed.body.len() < plain.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain.body);
    assert_ne!(plain.header("etag"), packed.header("etag"));
    let tag = [("Accept-Encoding", "gzip"), ("If-None-Match", packed.header("etag"))];
    assert_eq!(served.get_with(path, &tag).await.status, 304);
    let refused = served.get_with(path, &[("Accept-Encoding", "gzip;q=0")]).await;
    assert_eq!(refused.header("content-encoding"), "");
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let served = with_list().await;
    served.get("/").await.problem(404);
    served.get("/v1/lists/").await.problem(404);
    served.get("/v1/lists/nowhere").await.problem(404);
    served.get("/v1/lists/NOT_A_LIST").await.problem(404);
    served.get("/tuf/metadata/..%2f..%2fkeys%2flog.pem").await.problem(404);
    served.get("/tuf/../keys/log.pem").await.problem(404);
    served.get("/v1/applications?limit=x").await.problem(400);
    served.get("/v1/lists/na/diff").await.problem(400);
    served.get("/v1/lists/na/diff?from=1&to=9").await.problem(404);
    let wrong = served.post("/v1/lists", b"{}").await;
    wrong.problem(405);
    assert_eq!(wrong.header("allow"), "GET, HEAD");
    let wrong = served.send("DELETE", "/v1/lists/na/ctl.json", &[], &[]).await;
    wrong.problem(405);
    assert_eq!(wrong.header("allow"), "GET, HEAD");
    let wrong = served.get("/v1/statements").await;
    wrong.problem(405);
    assert_eq!(wrong.header("allow"), "POST");
}

#[tokio::test]
async fn a_statement_is_recorded_once_and_is_in_the_log_when_the_answer_comes() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let body = bytes_of(&comment(&served, application, 1));
    let answer = served.post("/v1/statements", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let recorded = answer.json();
    let index = recorded["index"].as_u64().unwrap();
    let width = index + 1;
    let checkpoint = served.get("/log/checkpoint").await.text();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(size >= width);
    let tile = served.get(&format!("/log/tile/0/000.p/{width}")).await.body;
    let leaf = Digest::from_bytes(tile[tile.len() - 32..].try_into().unwrap());
    assert_eq!(recorded["leaf_hash"], leaf.to_string());

    let replayed = served.post("/v1/statements", &body).await.problem(409);
    assert_eq!(replayed["reason"], "replayed");
    let shown = served.get(&format!("/v1/applications/{application}")).await.json();
    assert_eq!(shown["comments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn statements_that_no_one_can_accept_are_refused_with_a_reason() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let size = served.ledger.snapshot().size();
    let good = String::from_utf8(bytes_of(&comment(&served, application, 1))).unwrap();

    served.post("/v1/statements", b"not json").await.problem(400);
    served.post("/v1/statements", b"").await.problem(400);
    let nested = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let nested = served.post("/v1/statements", nested.as_bytes()).await.problem(400);
    assert!(nested["detail"].as_str().unwrap().contains("deep"), "{nested}");
    let twice = good.replacen('{', "{\"payload\":\"e30\",", 1);
    let twice = served.post("/v1/statements", twice.as_bytes()).await.problem(400);
    assert!(twice["detail"].as_str().unwrap().contains("twice"), "{twice}");
    let unknown = good.replacen('{', "{\"extra\":1,", 1);
    served.post("/v1/statements", unknown.as_bytes()).await.problem(400);
    let by_nobody = common::statement(
        &served.ledger.snapshot(),
        served.now(),
        "nobody",
        1,
        CommentAdd { about: application, comment: world::blob("x") },
    );
    let refused = served.post("/v1/statements", &bytes_of(&by_nobody)).await.problem(422);
    assert_eq!(refused["reason"], "unknown-signer");
    assert_eq!(served.ledger.snapshot().size(), size, "nothing of it is recorded");

    let metrics = served.get("/metrics").await.text();
    assert!(metrics.contains("ctl_statements_refused_total{reason=\"unknown-signer\"} 1"), "{metrics}");
    assert!(metrics.contains("ctl_statements_refused_total{reason=\"malformed\"} 5"), "{metrics}");
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_whether_they_say_so_or_not() {
    let (world, _) = discussed();
    let served = Served::start(&world).await;
    // One that says so is refused before it is sent.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await.problem(413);

    // One that does not is refused when it gets too long.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/statements HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    for _ in 0..9 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    read_answer(&mut stream, false).await.problem(413);

    // One that fits the door but not an entry.
    let large = served.post("/v1/statements", &vec![b' '; 60_500]).await.problem(413);
    assert_eq!(large["reason"], "too-large");
}

#[tokio::test]
async fn who_writes_too_often_waits_and_readers_do_not() {
    let (world, application) = discussed();
    let limits = Limits { write_burst: NonZeroU32::new(2).unwrap(), ..Limits::default() };
    let served = Served::start_with(&world, limits).await;
    for number in 0..2 {
        let body = bytes_of(&comment(&served, application, number));
        assert_eq!(served.post("/v1/statements", &body).await.status, 201);
    }
    let third = served.post("/v1/statements", b"x").await;
    third.problem(429);
    assert!(third.header("retry-after").parse::<u64>().unwrap() >= 1);
    let disguised = served.send("POST", "/v1/statements", &[("X-Forwarded-For", "192.0.2.9")], b"x").await;
    disguised.problem(429);
    assert_eq!(served.get("/v1/lists").await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let (world, _) = discussed();
    let limits = Limits {
        write_burst: NonZeroU32::MIN,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Limits::default()
    };
    let served = Served::start_with(&world, limits).await;
    let post = async |client: &str| {
        served.send("POST", "/v1/statements", &[("X-Forwarded-For", client)], b"x").await.status
    };
    assert_eq!(post("192.0.2.1").await, 400);
    assert_eq!(post("192.0.2.1").await, 429);
    assert_eq!(post("192.0.2.2").await, 400);
    assert_eq!(post("203.0.113.5, 192.0.2.1").await, 429, "what a client writes itself does not count");
}

#[tokio::test]
async fn a_client_that_sends_its_header_drop_by_drop_is_cut_off() {
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let served = Served::start_with(&World::published(), limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /v1/lists HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    // Ends because the server ends it; the deadline only fails the test.
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "still open");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test]
async fn a_client_that_sends_its_body_drop_by_drop_is_told_that_it_took_too_long() {
    let limits = Limits { body_timeout: Duration::from_millis(200), ..Limits::default() };
    let served = Served::start_with(&World::published(), limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await.problem(408);
}

#[tokio::test]
async fn one_client_cannot_take_every_connection() {
    let limits = Limits { connections_per_client: 2, ..Limits::default() };
    let served = Served::start_with(&World::published(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert_eq!(read_answer(&mut stream, false).await.status, 200);
        held.push(stream);
    }
    let mut third = TcpStream::connect(served.address).await.unwrap();
    let mut nothing = [0; 1];
    let read = tokio::time::timeout(Duration::from_secs(60), third.read(&mut nothing)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "the third is closed: {read:?}");
    held.pop();
    served
        .until("a seat to be free", async |served| {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.ok()?;
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.ok()?;
            (&start == b"HTTP/1.1 200").then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish_and_takes_no_new_ones() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let address = served.address;
    let body = bytes_of(&comment(&served, application, 1));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server has begun to read the request when it asks for the rest.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    let idle = TcpStream::connect(address).await.unwrap();
    let stopping = served.begin_stop();
    tokio::time::timeout(Duration::from_secs(60), async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the listener closes");
    stream.write_all(&body).await.unwrap();
    let answer = read_answer(&mut stream, false).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    drop(idle);
    stopping.finish().await;
}

#[tokio::test]
async fn blobs_are_kept_only_for_digests_that_the_log_names() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let blob = [&[7; 32][..], b"a rationale"].concat();
    let digest = Digest::of(&blob);
    let path = format!("/v1/blobs/{digest}");
    let put = async |body: &[u8]| served.send("PUT", &path, &[], body).await;
    put(&blob).await.problem(404);
    served.get(&path).await.problem(404);

    let reference = BlobRef { access: BlobAccess::Public, sha256: digest };
    let said = CommentAdd { about: application, comment: reference };
    let said = common::statement(&served.ledger.snapshot(), served.now(), "mo-one", 1, said);
    assert_eq!(served.post("/v1/statements", &bytes_of(&said)).await.status, 201);
    served.get(&path).await.problem(404);
    put(b"something else that is longer than a salt").await.problem(422);
    assert_eq!(put(&blob).await.status, 201);
    assert_eq!(put(&blob).await.status, 204);
    let got = served.get(&path).await;
    assert_eq!((got.status, &got.body), (200, &blob));
    assert_eq!(got.header("content-disposition"), "attachment", "no page of this server");

    served.blobs.erase(&digest).unwrap();
    served.get(&path).await.problem(410);
    put(&blob).await.problem(410);
    served.get("/v1/blobs/xyz").await.problem(404);
}

#[tokio::test]
async fn views_show_what_the_log_says_in_pages() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    world.publish_list();
    for id in ["USAAA", "USBBB", "USCCC"] {
        world.say(&["registrar"], common::assignment(id)).unwrap();
    }
    let served = Served::start(&world).await;
    let lists = served.get("/v1/lists").await.json();
    assert_eq!(lists["scheme"], world.state.scheme.to_string());
    assert_eq!((&lists["lists"][0]["list"], &lists["lists"][0]["sequence"]), (&"na".into(), &1.into()));
    assert_eq!(lists["lists"][0]["anchors"]["qualified"], 1);
    let list = served.get("/v1/lists/na").await.json();
    assert_eq!(list["anchors"][0]["fingerprint"], anchor.to_string());
    let shown = served.get(&format!("/v1/anchors/{anchor}")).await.json();
    assert_eq!((&shown["lists"][0]["list"], &shown["lists"][0]["kind"]), (&"na".into(), &"root".into()));
    served.get(&format!("/v1/anchors/{}", Digest::ZERO)).await.problem(404);
    let diff = served.get("/v1/lists/na/diff?from=0&to=1").await.json();
    assert_eq!(diff["anchors"]["added"][0]["id"], anchor.to_string());

    let proposals = served.get("/v1/proposals").await.json();
    assert_eq!(proposals["proposals"][0]["decision"]["outcome"], "accepted");
    let applications = served.get("/v1/applications").await.json();
    assert_eq!(applications["applications"][0]["stage"], "accepted");
    let one = applications["applications"][0]["application"].as_u64().unwrap();
    assert_eq!(served.get(&format!("/v1/applications/{one}")).await.json()["stage"], "accepted");
    served.get("/v1/applications/0").await.problem(404);

    let mut seen = Vec::new();
    let mut path = "/v1/registry/mo?limit=2".to_owned();
    loop {
        let page = served.get(&path).await.json();
        seen.extend(
            page["identifiers"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/registry/mo?limit=2&after={next}");
    }
    assert_eq!(seen, ["USAAA", "USBBB", "USCCC"]);
    assert_eq!(served.get("/v1/registry/mo/USBBB").await.json()["holder"], "mo-one");
    served.get("/v1/registry/mo/USZZZ").await.problem(404);
    let people = served.get("/v1/participants?limit=1000").await.json();
    assert_eq!(people["participants"].as_array().unwrap().len(), world.state.participants.len());
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &"ready".into()));
}

#[tokio::test]
async fn time_alone_changes_what_readers_see() {
    let (mut world, application) = discussed();
    let proposal = world.proposal_to_admit(application);
    world.say(&["elector-1"], proposal).unwrap();
    let served = Served::start(&world).await;
    let decision = async || served.get("/v1/proposals").await.json()["proposals"][0]["decision"].clone();
    assert!(decision().await.is_null());
    served.pass(7 * world::DAY);
    assert_eq!(decision().await["outcome"], "rejected");
    let stage = served.get(&format!("/v1/applications/{application}")).await.json()["stage"].clone();
    assert_eq!(stage, "rejected");
}

#[tokio::test]
async fn an_overdue_list_is_in_the_body_of_readyz_and_not_its_status() {
    let served = with_list().await;
    served.pass(31 * world::DAY);
    served.fresh().await;
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["lists"][0]["overdue"]), (200, &true.into()));
}

#[tokio::test]
async fn every_metric_has_help_and_a_value() {
    let served = with_list().await;
    served.draft(&Role::Registry, None).await;
    served.get("/v1/lists/na/ctl.json").await;
    served.get("/nowhere").await;
    served.get("/another/nowhere").await;
    served
        .until("housekeeping", async |served| {
            let text = served.get("/metrics").await.text();
            (!text.contains("ctl_data_bytes 0\n")).then_some(())
        })
        .await;
    let answer = served.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    assert!(value("ctl_ledger_entries") >= world::CAST.len() as f64 / 10.0);
    assert_eq!(value("ctl_ledger_writable"), 1.0);
    assert_eq!(value("ctl_list_sequence{list=\"na\"}"), 1.0);
    let published = &served.ledger.snapshot().state.published[&Role::List(na())];
    let next_update = value("ctl_list_next_update_timestamp_seconds{list=\"na\"}");
    assert_eq!(next_update, published.open.expires.unix() as f64);
    assert_eq!(value("ctl_list_published_timestamp_seconds{list=\"na\"}"), published.at.unix() as f64);
    assert_eq!(value("ctl_anchors{list=\"na\",status=\"qualified\"}"), 1.0);
    assert_eq!(value("ctl_anchors{list=\"na\",status=\"withdrawn\"}"), 0.0);
    assert!(value("ctl_checkpoint_timestamp_seconds") > 1.7e9);
    assert!(value("ctl_metadata_expires_timestamp_seconds{role=\"timestamp\"}") > 1.7e9);
    assert!(value("ctl_draft_opened_timestamp_seconds{role=\"registry\"}") > 1.7e9);
    assert_eq!(
        value(
            "ctl_http_requests_total{method=\"GET\",route=\"/v1/lists/{list}/ctl.{format}\",status=\"200\"}"
        ),
        1.0
    );
    // Paths that do not exist are one series, however many there are.
    assert_eq!(value("ctl_http_requests_total{method=\"GET\",route=\"unknown\",status=\"404\"}"), 2.0);
    assert_eq!(value("ctl_http_request_duration_seconds_count{route=\"unknown\"}"), 2.0);

    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert!(help.is_some_and(|help| help.ends_with('.')), "{name} has no good help");
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} has no value");
    }
}

#[tokio::test]
async fn what_screening_found_is_shown_in_full_with_the_policy_that_says_why() {
    let mut charter = world::charter_2();
    for list in charter.lists.values_mut() {
        list.policy = common::admission();
    }
    let mut world = World::published_with(charter);
    let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: None };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let root = world.apply_with_root("alpha-pki").unwrap();
    let served = Served::start(&world).await;
    let policies = Arc::new(Policies::load(&[]).unwrap());
    let screener = Screener::new(served.ledger.clone(), served.blobs.clone(), policies);
    assert_eq!(screener.screen_all().await.unwrap(), 1);

    let shown = served.get(&format!("/v1/applications/{root}")).await.json();
    let screening = &shown["screening"];
    assert_eq!(screening["engine"], ctl_policy::ENGINE);
    assert_eq!(screening["outdated"], serde_json::Value::Null);
    assert_eq!(screening["observed"][0]["what"], "certificate");
    let findings = screening["findings"].as_array().unwrap();
    let audit = findings.iter().find(|finding| finding["id"] == "audit-report").unwrap();
    assert_eq!(audit["severity"], "error");
    assert_eq!(audit["waivable"], true);
    assert_eq!(audit["found"], "no audit report is attached");
    assert!(audit["expected"].as_str().unwrap().contains("accredited auditor"), "{audit}");
    assert!(audit["source"].as_str().unwrap().contains("This scheme"), "{audit}");
    assert_eq!(shown["effects"], serde_json::Value::Null, "a root has uses instead");

    // Whoever wants to compute it again gets the policy by the digest that the charter names.
    let digest = common::admission().sha256;
    let policy = served.get(&format!("/v1/blobs/{digest}")).await;
    assert_eq!((policy.status, policy.text().as_str()), (200, ctl_policy::ADMISSION));
    assert_eq!(Digest::of(&policy.body), digest);
    // Once the report is erased, the record alone is shown.
    let report: Digest = screening["report"]["sha256"].as_str().unwrap().parse().unwrap();
    served.blobs.erase(&report).unwrap();
    let shown = served.get(&format!("/v1/applications/{root}")).await.json();
    let short = shown["screening"]["findings"].as_array().unwrap();
    assert_eq!(short.len(), findings.len());
    assert!(short.iter().all(|finding| finding.get("found").is_none()));

    let people = served.get("/v1/participants?limit=1000").await.json();
    let of = |id: &str| {
        let all = people["participants"].as_array().unwrap();
        all.iter().find(|one| one["id"] == id).unwrap()["accreditation"].clone()
    };
    assert_eq!(of("auditor")["in_force"], true);
    assert_eq!(of("auditor")["proposal"], proposal);
    assert_eq!(of("elector-2-auditor"), serde_json::Value::Null);
}

#[tokio::test]
async fn the_governance_shows_how_long_it_kept_whom_waiting() {
    let mut world = World::published_with(world::charter_3());
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.publish_list();
    let body = CrossRequest { issuer_anchor: alpha, list: na(), requester_anchor: beta, terms: None };
    let request = world.say(&["beta-pki"], body).unwrap();
    let served = Served::start(&world).await;
    let found = served.get("/v1/sla/governance").await;
    assert_eq!(found.header("cache-control"), "no-cache");
    let found = found.json();
    let [alpha, beta] = found["applications"]["operators"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&alpha["operator"], &beta["operator"]), (&"alpha-pki".into(), &"beta-pki".into()));
    assert_eq!(alpha["publication"]["p50"], 28 * world::DAY, "waited for beta");
    assert_eq!(beta["publication"]["p50"], 14 * world::DAY);
    let open = &found["cross_certification"]["open"][0];
    assert_eq!((&open["request"], &open["issuer"]), (&request.into(), &"alpha-pki".into()));
    served.get("/v1/sla/governance/x").await.problem(404);
}
