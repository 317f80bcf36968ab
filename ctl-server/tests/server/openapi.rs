//! The table of routes, the server, and the document that describes both say the same.

use std::collections::BTreeSet;

use ctl_server::http::routes;
use ctl_server::publish::site;

use crate::common::world::World;
use crate::served::{Served, files_below};

/// A path of this pattern, whatever it leads to.
pub fn filled(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| match part {
        "{digest}" | "{fingerprint}" => "0".repeat(64),
        "{application}" | "{version}" | "{entry}" | "{proposal}" => "1".into(),
        "{participant}" => "elector-1".into(),
        "{role}" | "{list}" => "na".into(),
        "{id}" => "DEABC".into(),
        "{file}" => "style.css".into(),
        "{endpoint}" => "0".into(),
        "{rootCertificateId}" => "896b6655-180e-4304-b642-606bb00df8f0".into(),
        "{ca}" | "{label}" => "cpo".into(),
        "{iso}" => "ISO15118-20".into(),
        "{algorithm}" => "secp521r1".into(),
        part => {
            assert!(!part.contains('{'), "what is {part}?");
            part.into()
        }
    });
    parts.collect::<Vec<String>>().join("/")
}

#[tokio::test]
async fn every_route_of_the_table_is_answered_and_in_the_document() {
    let served = Served::start(&World::published()).await;
    let document = served.get("/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let table = routes::table();
    for route in table.routes() {
        let (pattern, path) = (route.pattern(), filled(route.pattern()));
        let described = &paths[pattern];
        for method in route.allow().split(", ").filter(|method| *method != "HEAD") {
            assert!(described[method.to_lowercase()].is_object(), "{method} {pattern}");
            let body: &[u8] = if method == "GET" { &[] } else { b"nonsense" };
            let answer = served.send(method, &path, &[], body).await;
            // A handler speaks of what it was asked for; only paths that nobody answers are not known.
            assert!(![405, 500, 503].contains(&answer.status), "{method} {path}: {answer:?}");
            let words = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(
                !words.contains("there is nothing at") && !words.contains("must have"),
                "{method} {path}: {words}"
            );
        }
        let refused = served.send("PATCH", &path, &[], &[]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, &*route.allow()), "{path}");
    }
    let known: BTreeSet<&str> = table.routes().iter().map(|route| route.pattern()).collect();
    let of_files: BTreeSet<&str> = site::Route::ALL.iter().map(|route| route.as_str()).collect();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(
        described,
        known.union(&of_files).copied().collect(),
        "nothing is described that is not there"
    );
}

#[tokio::test]
async fn every_file_that_is_served_is_in_the_document_as_what_it_is() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let served = Served::start(&world).await;
    served.fresh().await;
    let document = served.get("/v1/openapi.json").await.json();
    let files = files_below(&served.public());
    assert!(files.len() > 10);
    for path in files.keys() {
        let answer = served.get(&format!("/{path}")).await;
        let pattern = site::Route::of(path).as_str();
        let content = &document["paths"][pattern]["get"]["responses"]["200"]["content"];
        assert!(
            content[answer.header("content-type")].is_object(),
            "{path} is {}: {content}",
            answer.header("content-type")
        );
    }
}
