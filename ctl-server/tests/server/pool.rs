//! The field's root pool: what is published is handed out in the words of OPCP, OPNC and EST, and what is no longer
//! trusted leaves at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::list::ListPayload;
use ctl_core::parts::{Der, DistrustKind, Distrusted, Standard, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_formats::{PoolCtl, PoolForm, PoolPage, RootType, certificates_from_pkcs7};
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{Change, NoticeIssue, SubcaDisclose, SubcaRevoke};
use ctl_pki::Certificate;
use ctl_sandbox::Role as PkiRole;
use ctl_sandbox::shape::{Key, Shape};
use ctl_server::pool::{self, Answers, Ca, Ctl, Sources};
use serde_json::Value;

use crate::common::world::{self, DAY, World, na};
use crate::served::{Answer, Served};

const OPCP: &str = "/v1/root/rootCerts";
const OPNC: &str = "/opnc/v1/rcp/rootcertificates";

/// A scheme whose list has the roots of these operators.
fn listed(operators: &[&str]) -> (World, Vec<Digest>) {
    let mut world = World::published();
    let anchors = operators.iter().map(|operator| world.admitted(operator)).collect();
    world.publish_list();
    (world, anchors)
}

async fn pooled(world: &World) -> Served {
    Served::start_pooling(world, &[("na", Ctl::American)]).await
}

/// The certificates of a pool, by fingerprint, with all that a client must be able to decode.
async fn roots(served: &Served, path: &str) -> Vec<Digest> {
    let answer = served.get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
    let page = PoolPage::read(&answer.body).unwrap();
    page.items.into_iter().map(|item| Digest::from_bytes(item.unwrap().certificate.sha256())).collect()
}

async fn unique(served: &Served, path: &str) -> BTreeSet<Digest> {
    roots(served, path).await.into_iter().collect()
}

/// Asserts that this is an error in the words of OPCP, and gives its message.
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let error = answer.json();
    let trace = error["traceId"].as_str().unwrap();
    assert_eq!((trace.len(), trace.as_bytes()[14]), (36, b'4'), "{trace}");
    let [message] = &error["errorMessages"].as_array().unwrap()[..] else { panic!("{error}") };
    message.as_str().unwrap().to_owned()
}

async fn say(served: &Served, signer: &str, nonce: u64, body: impl Into<Body>) {
    let said = crate::common::statement(&served.ledger.snapshot(), served.now(), signer, nonce, body);
    let answer = served.post("/v1/statements", &said.jws.to_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// EST's certificates at a path.
async fn certificates(served: &Served, path: &str) -> Vec<Certificate> {
    let answer = served.get(path).await;
    assert_eq!(
        (answer.status, answer.header("content-transfer-encoding")),
        (200, "base64"),
        "{path}: {answer:?}"
    );
    assert!(answer.header("content-type").starts_with("application/pkcs7-mime"));
    let base64: String = answer.text().split_whitespace().collect();
    certificates_from_pkcs7(&STANDARD.decode(base64).unwrap()).unwrap()
}

fn der(operator: &str, role: PkiRole) -> Vec<u8> {
    world::root(operator).get(role).unwrap().certificate().der().to_vec()
}

#[tokio::test]
async fn without_a_list_in_the_configuration_there_is_no_pool() {
    let (world, _) = listed(&["alpha-pki"]);
    let served = Served::start(&world).await;
    for path in [OPCP, OPNC, "/v1/root/ctl", "/.well-known/est/cacerts", "/cpo/cacerts/ISO15118-2"] {
        assert!(refused(&served.get(path).await, 404).contains("[pool]"), "{path}");
    }
    assert!(!served.get("/metrics").await.text().contains("ctl_pool_"));
}

#[tokio::test]
async fn a_pool_opens_with_the_first_publication_of_its_list() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    let served = pooled(&world).await;
    // An empty pool would have a client throw away what it has.
    let early = served.get(OPCP).await;
    assert!(refused(&early, 503).contains("has been published yet"));
    assert_eq!(early.header("retry-after"), "30");
    assert!(served.get("/metrics").await.text().contains("ctl_pool_served 0\n"));
    for signer in ["signer-1", "signer-2"] {
        assert_eq!(served.sign(&Role::List(na()), signer).await.status, 200);
    }
    assert_eq!(unique(&served, OPCP).await, [anchor].into());
    let metrics = served.get("/metrics").await.text();
    for line in [
        "ctl_pool_served 1\n",
        "ctl_pool_roots{form=\"opcp\",type=\"V2G\"} 1\n",
        "ctl_pool_roots{form=\"opnc\",type=\"eMSP\"} 1\n",
        "ctl_pool_roots{form=\"opcp\",type=\"OEM\"} 0\n",
        "ctl_pool_ca_certificates{ca=\"cpo\",standard=\"iso15118-2\"} 1\n",
        "ctl_pool_left_out 0\n",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test]
async fn each_protocol_has_the_roots_in_its_own_words() {
    let (world, anchors) = listed(&["alpha-pki", "beta-pki"]);
    let served = pooled(&world).await;
    let all: BTreeSet<Digest> = anchors.iter().copied().collect();
    // Both roots are for V2G and contracts: an item for each in OPCP, one item with both in OPNC.
    assert_eq!((roots(&served, OPCP).await.len(), roots(&served, OPNC).await.len()), (4, 2));
    for path in [OPCP, OPNC] {
        assert_eq!(unique(&served, path).await, all);
    }
    for (query, count) in [("v2g", 2), ("mo", 2), ("V2G", 2), ("oem", 0), ("pe", 0)] {
        let found = served.get(&format!("{OPCP}?rootType={query}")).await;
        let items = found.json()["RootCertificateCollection"]["rootCertificates"].clone();
        assert_eq!(items.as_array().unwrap().len(), count, "{query}");
        let wanted = query.to_ascii_uppercase();
        assert!(items.as_array().unwrap().iter().all(|item| item["rootType"] == wanted));
    }
    assert_eq!(roots(&served, &format!("{OPNC}?pkiType=emsp")).await.len(), 2);
    assert_eq!(roots(&served, &format!("{OPNC}?pkiType=oem")).await.len(), 0);
    let page = PoolPage::read(&served.get(OPNC).await.body).unwrap();
    let first = page.items[0].as_ref().unwrap();
    assert_eq!(
        (&first.types, &first.ctls),
        (&[RootType::V2g, RootType::Mo].into(), &[PoolCtl::American].into())
    );

    for (path, member) in [(OPCP, "RootResponse"), (OPNC, "roootCertificate")] {
        for item in PoolPage::read(&served.get(path).await.body).unwrap().items {
            let item = item.unwrap();
            let id = item.id.clone().unwrap();
            let one = served.get(&format!("{path}/{}", id.to_uppercase())).await;
            assert_eq!(one.json()[member]["rootCertificateId"], id);
            assert_eq!(one.json()[member]["caCertificate"], STANDARD.encode(item.certificate.der()));
        }
        let absent = served.get(&format!("{path}/896b6655-180e-4304-b642-606bb00df8f0")).await;
        assert_eq!(refused(&absent, 404), "Root certificate with the given ID is not found");
    }
    assert!(refused(&served.get("/v1/root/ctl").await, 404).contains("ctl.jws"), "nobody has signed one");
}

#[tokio::test]
async fn answers_are_prepared_and_say_when_they_are_the_same() {
    let (world, _) = listed(&["alpha-pki", "beta-pki"]);
    let served = pooled(&world).await;
    let paged = format!("{OPNC}?page=1&pageSize=1");
    for path in [OPCP, OPNC, &paged, "/est/cpo/cacerts"] {
        let answer = served.get(path).await;
        assert_eq!(answer.header("cache-control"), "public, max-age=60, must-revalidate");
        let again = served.get_with(path, &[("If-None-Match", answer.header("etag"))]).await;
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (304, 0, answer.header("etag")),
            "{path}"
        );
        let head = served.send("HEAD", path, &[], &[]).await;
        assert_eq!((head.status, head.header("etag")), (200, answer.header("etag")));
        assert_eq!(head.header("content-length"), answer.body.len().to_string());
    }
    let plain = served.get(OPCP).await;
    let small = served.get_with(OPCP, &[("Accept-Encoding", "gzip")]).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("gzip", "accept-encoding"));
    assert!(small.body.len() < plain.body.len() && small.header("etag") != plain.header("etag"));
    let other = served.get(&format!("{OPNC}?page=2&pageSize=1")).await;
    assert_ne!(other.header("etag"), served.get(&paged).await.header("etag"));
}

#[tokio::test]
async fn filters_and_pages_narrow_what_is_answered() {
    let (world, anchors) = listed(&["alpha-pki", "beta-pki"]);
    let served = pooled(&world).await;
    let one = format!("{OPNC}?fingerprint={}", anchors[1].to_string().to_uppercase());
    assert_eq!(roots(&served, &one).await, [anchors[1]]);
    assert_eq!(roots(&served, &format!("{OPNC}?fingerprint={}", Digest::ZERO)).await, []);
    for (query, count) in [
        ("rootCtlList=American%20CTL", 2),
        ("rootCtlList=european+ctl", 0),
        ("rootCtlList=European%20CTL,American%20CTL", 2),
        ("rootCtlList=European%20CTL&rootCtlList=No%20CTL", 0),
        ("rootTypeList=eMSP,OEM", 2),
        ("rootTypeList=PE&rootTypeList=OEM", 0),
        ("pkiType=v2g&rootCtlList=American%20CTL", 2),
    ] {
        assert_eq!(roots(&served, &format!("{OPNC}?{query}")).await.len(), count, "{query}");
    }
    let mut seen = BTreeSet::new();
    for page in 1..=3 {
        let answer = served.get(&format!("{OPNC}?page={page}&pageSize=1")).await;
        let told = answer.json()["pagination"].clone();
        let expected = serde_json::json!({ "page": page, "pageSize": 1, "totalPages": 2, "totalItems": 2 });
        assert_eq!(told, expected);
        let items = PoolPage::read(&answer.body).unwrap().items;
        assert_eq!(items.len(), usize::from(page < 3));
        seen.extend(items.into_iter().map(|item| Digest::from_bytes(item.unwrap().certificate.sha256())));
    }
    assert_eq!(seen.len(), 2);
    let page = served.get(&format!("{OPCP}?page=1")).await.json();
    assert_eq!((&page["pagination"]["pageSize"], &page["pagination"]["totalItems"]), (&10.into(), &4.into()));
    let far = served.get(&format!("{OPCP}?page={}&pageSize=100", u64::MAX)).await;
    assert_eq!(far.json()["RootCertificateCollection"]["rootCertificates"], Value::Array(vec![]));
}

#[tokio::test]
async fn what_is_not_understood_is_refused_and_never_answered_with_more_than_was_asked_for() {
    let (world, _) = listed(&["alpha-pki"]);
    let served = pooled(&world).await;
    let many = "rootTypeList=v2g&".repeat(2000);
    let hostile = "%22%3E%3Cscript%3E%00%E2%80%AE";
    for query in [
        "rootType=cpo",
        "rootType=",
        "rootType=v2g&rootType=mo",
        "rootTypeList=v2g",
        "pkiType=v2g",
        "page=0",
        "page=-1",
        "page=x",
        "page=18446744073709551616",
        "page=1&page=2",
        "pageSize=0",
        "pageSize=101",
        "fingerprint=00",
        "rootCtlList=Asian%20CTL",
        "rootCtlList=",
        "unknown=1",
        &format!("rootType={hostile}"),
        &format!("{hostile}=v2g"),
    ] {
        let answer = served.get(&format!("{OPCP}?{query}")).await;
        let message = refused(&answer, 400);
        assert!(!message.contains("script") && message.is_ascii() && message.len() < 400, "{message}");
    }
    refused(&served.get(&format!("{OPNC}?{}", &many[..17 * 33 - 1])).await, 400);
    assert!([400, 414].contains(&served.get(&format!("{OPNC}?{many}")).await.status));
    let words = vec!["v2g"; 400].join(",");
    assert_eq!(
        roots(&served, &format!("{OPNC}?rootTypeList={words}")).await.len(),
        1,
        "the same word, often"
    );
    for id in [hostile, "..%2f..%2fetc%2fpasswd", "0", &"9".repeat(2000)] {
        assert!(refused(&served.get(&format!("{OPCP}/{id}")).await, 404).is_ascii());
    }
    for path in [
        "/tuf/cacerts",
        "/.well-known/est/hubject-cpo/cacerts",
        "/cpo/cacerts/ISO15118-3",
        "/cpo/cacerts/ISO15118-2/rsa/",
        "/oem/cacerts/ISO15118-2",
        &format!("/{hostile}/cacerts/ISO15118-2"),
    ] {
        let message = refused(&served.get(path).await, 404);
        assert!(!message.contains("script") && message.is_ascii(), "{path}: {message}");
    }
    refused(&served.get("/opnc/v1/pki/est/cacerts?caDomain=root").await, 400);
    served.post(OPCP, b"{}").await.problem(405);
    // Headers of OPNC change nothing, and only what is short comes back.
    let asked =
        [("OPNC-from-party-type", "no party"), ("OPNC-Correlation-ID", "a-1"), ("OPNC-Request-ID", &words)];
    let answer = served.get_with(OPNC, &asked).await;
    assert_eq!(
        (answer.status, answer.header("opnc-correlation-id"), answer.header("opnc-request-id")),
        (200, "a-1", "")
    );
}

#[tokio::test]
async fn what_a_notice_suspends_leaves_at_once_and_comes_back_with_its_end() {
    let (world, anchors) = listed(&["alpha-pki", "beta-pki"]);
    let served = pooled(&world).await;
    let before = served.get(OPCP).await;
    let expires_at = served.now().plus_seconds(3 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    say(&served, "officer-1", 1, NoticeIssue { anchor: anchors[0], expires_at, list: na(), reason }).await;
    for path in [OPCP, OPNC] {
        assert_eq!(unique(&served, path).await, [anchors[1]].into(), "though the list still has it");
    }
    let list = ListPayload::read(&served.get("/v1/lists/na/ctl.json").await.body).unwrap();
    assert_eq!(list.anchors.len(), 2);
    let same = served.get_with(OPCP, &[("If-None-Match", before.header("etag"))]).await;
    assert_eq!(same.status, 200, "who asks whether it changed is told");
    assert_eq!(certificates(&served, "/.well-known/cpo/cacerts").await.len(), 1);
    assert!(served.get("/metrics").await.text().contains("ctl_pool_left_out 1\n"));
    served.pass(3 * DAY);
    served
        .until("the root comes back", async |served| (unique(served, OPCP).await.len() == 2).then_some(()))
        .await;
}

#[tokio::test]
async fn two_lists_feed_one_pool_and_distrust_on_either_removes_everywhere() {
    let mut charter = world::charter();
    let eu: ctl_core::names::ListId = "eu".parse().unwrap();
    charter.lists.insert(eu.clone(), charter.lists[&na()].clone());
    let mut world = World::published_with(charter);
    let [alpha, beta] = ["alpha-pki", "beta-pki"].map(|operator| world.admitted(operator));
    world.publish_list();
    let lists = [("na", Ctl::American), ("eu", Ctl::European)];
    // One list is enough to open the pool.
    let served = Served::start_pooling(&world, &lists).await;
    assert_eq!(unique(&served, OPNC).await, [alpha, beta].into());
    served.stop().await;

    let sha256 = world.state.anchor(&na(), &alpha).unwrap().listed.spki;
    let what = Distrusted { kind: DistrustKind::Spki, sha256 };
    let proposal = world.propose("elector-1", Change::Distrust { list: eu.clone(), what }).unwrap();
    world.decide(proposal);
    world.publish(&Role::List(eu), &["signer-1", "signer-2"]).unwrap();
    let served = Served::start_pooling(&world, &lists).await;
    for path in [OPCP, OPNC] {
        assert_eq!(unique(&served, path).await, [beta].into());
    }
    assert_eq!(certificates(&served, "/mo/cacerts").await.len(), 1);
    // Who is fed by one list alone takes that list's word.
    let alone = Served::start_pooling(&world, &lists[..1]).await;
    assert_eq!(unique(&alone, OPNC).await, [alpha, beta].into());
}

#[tokio::test]
async fn est_has_chains_and_then_roots_in_every_spelling() {
    let (mut world, anchors) = listed(&["alpha-pki", "beta-pki"]);
    let [cpo1, cpo2, mo1] =
        [PkiRole::CpoSub1, PkiRole::CpoSub2, PkiRole::MoSub1].map(|role| der("alpha-pki", role));
    let disclose =
        |certificate: &[u8], issuer| SubcaDisclose { certificate: Der(certificate.to_vec()), issuer };
    world.say(&["alpha-pki"], disclose(&cpo1, anchors[0])).unwrap();
    let served = pooled(&world).await;
    let fingerprints = |found: Vec<Certificate>| -> Vec<Digest> {
        found.into_iter().map(|one| Digest::from_bytes(one.sha256())).collect()
    };
    let first = fingerprints(certificates(&served, "/est/cpo/cacerts").await);
    assert_eq!(first.len(), 3);
    say(&served, "alpha-pki", 1, disclose(&cpo2, Digest::of(&cpo1))).await;
    say(&served, "alpha-pki", 2, disclose(&mo1, anchors[0])).await;
    let mut first = None;
    for path in [
        "/est/cpo/cacerts",
        "/est/cps/cacerts",
        "/.well-known/est/cacerts",
        "/.well-known/est/cpo/cacerts",
        "/.well-known/est/cpo/cacerts/ISO15118-2",
        "/.well-known/cpo/cacerts",
        "/cpo/cacerts",
        "/cpo/cacerts/ISO15118-2",
        "/CPO/cacerts/iso15118-2/secp256r1",
        "/cpo/cacerts/ISO15118-2/secp256r1/",
        "/opnc/v1/pki/est/cacerts?caDomain=cpo&iso15118Version=ISO15118-2",
    ] {
        let found = fingerprints(certificates(&served, path).await);
        if path.contains("cps") {
            assert_eq!(found.len(), 2, "no sub-CA of operators of chargers: {found:?}");
            continue;
        }
        // Sub2, Sub1, and only then roots, of which one is last.
        assert_eq!(found[..2], [Digest::of(&cpo2), Digest::of(&cpo1)], "{path}");
        assert_eq!(found[2..].iter().collect::<BTreeSet<_>>(), anchors.iter().collect());
        assert_eq!(*first.get_or_insert(found.clone()), found, "{path}");
        let media_type = served.get(path).await.header("content-type").to_owned();
        let of_rfc = path == "/.well-known/est/cacerts" || path == "/.well-known/est/cpo/cacerts";
        assert_eq!(media_type == "application/pkcs7-mime", of_rfc, "{path}: {media_type}");
    }
    let contracts = fingerprints(certificates(&served, "/est/mo/cacerts").await);
    assert_eq!((contracts[0], contracts.len()), (Digest::of(&mo1), 3));
    for absent in [
        "/est/oem/cacerts",
        "/veh/cacerts/ISO15118-20",
        "/cpo/cacerts/ISO15118-20",
        "/cpo/cacerts/ISO15118-2/ed448/",
    ] {
        assert!(refused(&served.get(absent).await, 404).contains("is in the pool"), "{absent}");
    }
    // What is below a revoked sub-CA goes with it.
    let revoke = SubcaRevoke { certificate: Digest::of(&cpo1), reason: WithdrawalReason::KeyCompromise };
    say(&served, "alpha-pki", 3, revoke).await;
    assert_eq!(certificates(&served, "/est/cpo/cacerts").await.len(), 2);
}

#[tokio::test]
async fn a_guarded_pool_answers_nobody_who_shows_nothing_on_any_path() {
    let (world, _) = listed(&["alpha-pki"]);
    let lists = [("na", Ctl::American)];
    let settings = crate::access::settings("token");
    let served = Served::start_pooling_guarded(&world, &lists, &settings).await;
    let open = Served::start_pooling_guarded(&world, &lists, &crate::access::settings("open")).await;
    for route in pool::routes::routes() {
        let path = crate::openapi::filled(route.pattern());
        let refused = served.get(&path).await;
        assert_eq!((refused.status, refused.text().as_str()), (401, "Jwt is missing"), "{path}");
        let known = served.get_with(&path, &[("X-API-Key", "a-key")]).await;
        let anyone = open.get(&path).await;
        assert_eq!(known.status, anyone.status, "{path}");
        assert!(known.header("cache-control").starts_with("private"), "no cache shows it to others: {path}");
    }
    assert_eq!(served.get("/v1/lists/na/ctl.json").await.status, 200, "what is signed stays open");
}

/// The list of a world, as a pool takes it at a moment.
fn sources(list: ListPayload, now: Timestamp) -> Sources {
    let lists = vec![(list, PoolCtl::American)];
    Sources { lists, sub_cas: BTreeMap::new(), suspended: BTreeSet::new(), now }
}

fn handed_out(answers: &Answers) -> usize {
    let answer = answers.collection(PoolForm::Opnc, &Default::default());
    PoolPage::read(answer.identity().unwrap()).unwrap().items.len()
}

#[test]
fn an_anchor_leaves_with_the_last_second_of_its_certificate() {
    let (mut world, anchors) = listed(&["alpha-pki"]);
    let list = world.list();
    let end = world.state.anchor(&na(), &anchors[0]).unwrap().listed.not_after;
    let last = Answers::of(sources(list.clone(), end));
    assert_eq!((handed_out(&last), last.next), (1, Some(end.plus_seconds(1))));
    assert!(last.certificates(Ca::Cpo, Standard::Iso15118_2, None).is_some());
    let over = Answers::of(sources(list, end.plus_seconds(1)));
    assert_eq!((handed_out(&over), over.next), (0, None));
    assert!(over.left.iter().next().unwrap().why.contains("has ended"));
    assert!(over.certificates(Ca::Cpo, Standard::Iso15118_2, None).is_none());
}

#[test]
fn a_root_that_some_client_cannot_read_is_left_out_and_hides_no_other() {
    let (mut world, _) = listed(&["alpha-pki", "beta-pki"]);
    let now = world.now;
    let mut list = world.list();
    let broken = Shape::ca("CN=Broken", &Key::p256("broken").unwrap(), None).unwrap();
    // A key usage that is none: our reader reads on, others refuse the whole file.
    let broken =
        broken.without_extension("2.5.29.15").extension("2.5.29.15", true, b"junk").self_signed().unwrap();
    assert!(broken.check_readable().is_err());
    list.anchors[0].certificate = Der(broken.der().to_vec());
    list.anchors[0].fingerprint = Digest::from_bytes(broken.sha256());
    let answers = Answers::of(sources(list, now));
    assert_eq!(handed_out(&answers), 1);
    assert_eq!(answers.left.len(), 1, "{:?}", answers.left);
    let est = answers.certificates(Ca::Cpo, Standard::Iso15118_2, None).unwrap();
    let base64: String = String::from_utf8_lossy(est.identity().unwrap()).split_whitespace().collect();
    assert_eq!(certificates_from_pkcs7(&STANDARD.decode(base64).unwrap()).unwrap().len(), 1);
}

#[test]
fn whoever_discloses_too_many_sub_cas_fills_nobody_elses_answer() {
    let (mut world, anchors) = listed(&["alpha-pki", "beta-pki"]);
    let now = world.now;
    let mut flooded = sources(world.list(), now);
    let key = Key::p256("flood").unwrap();
    let sub_ca = |number: u64| {
        let shape = Shape::ca("CN=CPO Sub1,DC=V2G", &key, None).unwrap().serial(number);
        let certificate = shape.valid(now.unix(), now.unix() + 1_000_000).signed_by("CN=Root", &key).unwrap();
        ctl_core::list::DisclosedSubCa {
            fingerprint: Digest::from_bytes(certificate.sha256()),
            issuer: anchors[0],
            certificate: Der(certificate.der().to_vec()),
        }
    };
    let count = |sources: &Sources| {
        let answers = Answers::of(sources.clone());
        let est = answers.certificates(Ca::Cpo, Standard::Iso15118_2, None).unwrap();
        let base64: String = String::from_utf8_lossy(est.identity().unwrap()).split_whitespace().collect();
        (certificates_from_pkcs7(&STANDARD.decode(base64).unwrap()).unwrap().len(), answers.left.len())
    };
    flooded.sub_cas.insert(anchors[0], (1..65).map(sub_ca).collect());
    assert_eq!(count(&flooded), (66, 0));
    flooded.sub_cas.insert(anchors[0], (1..71).map(sub_ca).collect());
    let of_beta = ctl_core::list::DisclosedSubCa { issuer: anchors[1], ..sub_ca(100) };
    flooded.sub_cas.insert(anchors[1], vec![of_beta]);
    assert_eq!(count(&flooded), (3, 1));
    // A chain as deep as somebody likes is not followed for ever.
    let mut deep: BTreeMap<Digest, Vec<_>> = BTreeMap::new();
    let mut issuer = anchors[0];
    for number in 1..2000 {
        let next = ctl_core::list::DisclosedSubCa { issuer, ..sub_ca(number) };
        issuer = next.fingerprint;
        deep.insert(next.issuer, vec![next]);
    }
    flooded.sub_cas = deep;
    assert_eq!(count(&flooded), (10, 1));
}

#[test]
fn whoever_keeps_the_pool_answers_nothing_rather_than_what_may_be_wrong() {
    let (mut world, anchors) = listed(&["alpha-pki"]);
    let document = ctl_core::json::canonical(&world.list());
    let source = pool::Source { list: na(), ctl: Ctl::None };
    let mut keeper = pool::Keeper::new(Arc::new(pool::Config { lists: vec![source] }));
    let served = keeper.served().clone();
    let count = || match &*served.load_full() {
        pool::Served::Ready(answers) => Ok(handed_out(answers)),
        pool::Served::Unavailable(why) => Err(why.clone()),
        pool::Served::Off => panic!("a list is named"),
    };
    let mut follow = |now, went_back, published: Option<(u64, &[u8])>| {
        keeper.follow(&world.state, now, went_back, |_| published);
    };
    let (now, whole) = (world.now, Some((7, document.as_slice())));
    assert!(count().is_err());
    follow(now, false, whole);
    assert_eq!(count(), Ok(1));
    follow(now, true, whole);
    assert!(count().unwrap_err().contains("went back"));
    follow(now, false, whole);
    assert_eq!(count(), Ok(1));
    // The next version, at the same size of the log: publishing came later than the entry.
    follow(now, false, Some((8, b"{}")));
    assert!(count().unwrap_err().contains("cannot be read"));
    follow(now, false, None);
    assert!(count().unwrap_err().contains("published yet"));
    follow(now, false, whole);
    let end = world.state.anchor(&na(), &anchors[0]).unwrap().listed.not_after;
    follow(end, false, whole);
    assert_eq!(count(), Ok(1));
    follow(end.plus_seconds(1), false, whole);
    assert_eq!(count(), Ok(0), "nothing was recorded, only time has passed");
}
