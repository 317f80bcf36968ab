//! How the pool is asked: what narrows an answer, what is not understood, and who may ask at all.

use std::collections::BTreeSet;

use ctl_core::Digest;
use ctl_formats::PoolPage;
use ctl_server::pool::{self, Ctl};
use serde_json::Value;

use super::{OPCP, OPNC, listed, pooled, refused, roots};
use crate::served::Served;

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
