//! Compression: each caller gets the smallest form that it can read, also the difference to a version that it has
//! (RFC 9842), and caches can tell the forms apart.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;

/// A list with three versions.
async fn with_versions() -> Served {
    let mut world = World::published();
    for name in ["alpha-pki", "beta-pki"] {
        world.admitted(name);
        world.publish_list();
    }
    world.publish_list();
    Served::start(&world).await
}

fn named(dictionary: &[u8]) -> String {
    format!(":{}:", BASE64_STANDARD.encode(Digest::of(dictionary).as_bytes()))
}

fn target(bytes: &[u8]) -> String {
    format!("/tuf/targets/{}.na.ctl.json", Digest::of(bytes))
}

const BROWSER: &str = "gzip, deflate, br, zstd, dcb, dcz";
const BOTH: &str = "accept-encoding, available-dictionary";

#[tokio::test]
async fn who_has_an_earlier_version_gets_the_difference_to_it() {
    let served = with_versions().await;
    let [first, second, third] = [1, 2, 3].map(|number| format!("/v1/lists/na/versions/{number}"));
    let (first, second) = (served.get(&first).await.body, served.get(&second).await.body);
    let plain = served.get(&third).await;
    let mut tags = vec![plain.header("etag").to_owned()];
    for dictionary in [&first, &second] {
        let name = named(dictionary);
        for path in [&third, &target(&plain.body), "/tuf/targets/na.ctl.json", "/v1/lists/na/ctl.json"] {
            let asks = [("Accept-Encoding", BROWSER), ("Available-Dictionary", &name)];
            let answer = served.get_with(path, &asks).await;
            assert_eq!((answer.status, answer.header("content-encoding")), (200, "dcb"), "{path}");
            assert_eq!(answer.header("vary"), BOTH, "{path}");
            assert_eq!(answer.body[..4], *b"\xffDCB");
            assert_eq!(answer.body[4..36], *Digest::of(dictionary).as_bytes());
            let mut read = Vec::new();
            let stream = &answer.body[36..];
            brotli::Decompressor::new_with_custom_dict(stream, 4096, dictionary.clone().into())
                .read_to_end(&mut read)
                .unwrap();
            assert!(read == plain.body, "{path}");
            let again = [asks[0], asks[1], ("If-None-Match", answer.header("etag"))];
            let again = served.get_with(path, &again).await;
            assert_eq!((again.status, again.header("vary")), (304, BOTH));
            tags.push(answer.header("etag").to_owned());
        }
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "each representation has one tag, wherever it is");
}

#[tokio::test]
async fn who_has_none_that_is_known_gets_a_form_for_everyone() {
    let served = with_versions().await;
    let path = "/v1/lists/na/versions/3";
    let plain = served.get(path).await;
    let first = named(&served.get("/v1/lists/na/versions/1").await.body);
    for (accepted, dictionary, coding) in [
        (BROWSER, named(b"something else"), "br"),
        (BROWSER, named(&plain.body), "br"),
        (BROWSER, "nonsense".into(), "br"),
        ("gzip, br", first.clone(), "br"),
        ("gzip, zstd", first.clone(), "zstd"),
        ("dcb;q=0, gzip", first.clone(), "gzip"),
        ("dcz", first.clone(), ""),
        ("identity", first, ""),
    ] {
        let asks = [("Accept-Encoding", accepted), ("Available-Dictionary", &*dictionary)];
        let answer = served.get_with(path, &asks).await;
        assert_eq!(
            (answer.status, answer.header("content-encoding")),
            (200, coding),
            "{accepted} {dictionary}"
        );
        assert_eq!(answer.header("vary"), BOTH, "{accepted}");
    }
}

#[tokio::test]
async fn what_never_changes_says_what_it_may_be_the_dictionary_for() {
    let served = with_versions().await;
    let newest = served.get("/v1/lists/na/versions/3").await;
    assert_eq!(newest.header("use-as-dictionary"), "match=\"/v1/lists/na/versions/*\"");
    let former = served.get("/v1/lists/na/versions/1").await;
    assert_eq!(former.header("use-as-dictionary"), newest.header("use-as-dictionary"));
    let path = target(&newest.body);
    let from_tuf = served.get(&path).await;
    assert_eq!(from_tuf.header("use-as-dictionary"), "match=\"/tuf/targets/*.na.ctl.json\"");
    assert_eq!(from_tuf.header("cache-control"), "public, max-age=31536000, immutable");
    let again = served.get_with(&path, &[("If-None-Match", from_tuf.header("etag"))]).await;
    assert_eq!((again.status, again.header("use-as-dictionary")), (304, ""));
    // What is stale in a minute is nobody's dictionary, and what is small is not worth it.
    for path in [
        "/v1/lists/na/ctl.json",
        "/tuf/metadata/timestamp.json",
        "/tuf/metadata/1.na.json",
        "/log/checkpoint",
    ] {
        assert_eq!(served.get(path).await.header("use-as-dictionary"), "", "{path}");
    }
}
