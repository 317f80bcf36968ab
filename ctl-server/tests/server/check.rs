//! The page Check: what strangers bring is examined, shown, and costs what it may.

use std::num::NonZeroU32;

use ctl_sandbox::Role as PkiRole;
use ctl_sandbox::shape::{Key, Shape};
use ctl_screening::examine::MAX_BYTES;
use ctl_serve::Http;
use serde_json::Value;

use crate::common::world::{self, World};
use crate::served::{Answer, Served};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=between");

async fn served() -> Served {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    Served::start(&world).await
}

/// A form as browsers send it.
fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in fields {
        let file = if *name == "file" {
            "; filename=\"chain.pem\"\r\nContent-Type: application/octet-stream"
        } else {
            ""
        };
        body.extend(
            format!("--between\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes(),
        );
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--between--\r\n");
    body
}

async fn bring(served: &Served, content: impl AsRef<[u8]>) -> Answer {
    let body = form(&[("text", b""), ("file", content.as_ref())]);
    served.send("POST", "/check", &[FORM, ("Accept", BROWSER)], &body).await
}

async fn found(served: &Served, content: impl AsRef<[u8]>) -> Value {
    let body = form(&[("file", content.as_ref())]);
    let answer = served.send("POST", "/check", &[FORM, ("Accept", "application/json")], &body).await;
    serde_json::from_slice(&answer.body).unwrap()
}

fn page(answer: &Answer) -> &str {
    assert!(answer.header("content-type").starts_with("text/html"), "{}", answer.header("content-type"));
    std::str::from_utf8(&answer.body).unwrap()
}

fn charger() -> String {
    world::root("alpha-pki").chain(PkiRole::Secc)[..3].iter().map(|one| one.to_pem()).collect()
}

#[tokio::test]
async fn a_chain_is_brought_as_file_or_text_and_the_page_says_who_trusts_it() {
    let served = served().await;
    let empty = served.get_with("/check", &[("Accept", BROWSER)]).await;
    assert_eq!(empty.status, 200);
    assert!(page(&empty).contains("<form class=\"check\" method=\"post\" action=\"/check\""));
    for field in ["file", "text"] {
        let body = form(&[(field, charger().as_bytes())]);
        let answer = served.send("POST", "/check", &[FORM, ("Accept", BROWSER)], &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        let page = page(&answer);
        for words in [">trusted</span>", "chargers", "root on the list", "<code>secc</code>"] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }
    let json = found(&served, charger()).await;
    assert_eq!(json["certificates"][0]["lists"][0]["answer"]["answer"], "trusted");
}

#[tokio::test]
async fn a_published_list_is_known_in_every_form_that_is_served() {
    let served = served().await;
    for file in ["ctl.json", "ctl.jws", "ctl.pem", "ctl.p7c", "ctl.sae.der"] {
        let path = format!("/v1/lists/na/{file}");
        let list = served.get(&path).await;
        if list.status != 200 {
            continue;
        }
        let json = found(&served, &list.body).await;
        assert_eq!(format!("/{}", json["file"]["served_at"].as_str().unwrap()), path, "{json}");
        if file == "ctl.jws" {
            assert_eq!(json["file"]["origin"]["kind"], "version");
            assert_eq!(json["file"]["signatures"]["kind"], "enough");
        }
        assert_eq!(json["certificates"].as_array().unwrap().len(), 1, "{file}");
    }
    // As pasted into the text area of a browser, which has line ends of its own.
    let pem = String::from_utf8(served.get("/v1/lists/na/ctl.pem").await.body).unwrap().replace('\n', "\r\n");
    let json = found(&served, pem).await;
    assert_eq!(json["file"]["served_at"], "v1/lists/na/ctl.pem");
}

/// Headers and body of a request; status and words of the answer.
type Case<'a> = (&'a [(&'a str, &'a str)], Vec<u8>, u16, &'a str);

#[tokio::test]
async fn what_is_no_form_empty_or_too_much_is_a_page_with_the_right_status() {
    let served = served().await;
    let html = ("Accept", BROWSER);
    let cases: [Case<'_>; 8] = [
        (
            &[html, ("Content-Type", "application/x-pem-file")],
            charger().into_bytes(),
            415,
            "multipart/form-data",
        ),
        (&[html], charger().into_bytes(), 415, "multipart/form-data"),
        (&[html, FORM], form(&[("text", b" \r\n"), ("file", b"")]), 400, "is empty"),
        (&[html, FORM], form(&[("text", b"one"), ("file", b"two")]), 400, "one thing at a time"),
        (&[html, FORM], form(&[("other", b"x")]), 400, "cannot be read"),
        (
            &[html, FORM],
            b"--between\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\ncut".to_vec(),
            400,
            "cannot be read",
        ),
        (&[html, FORM], form(&[("file", &vec![b'A'; MAX_BYTES + 10_000])]), 413, "more than"),
        (&[html, FORM], form(&[("file", &vec![b'A'; 10 * MAX_BYTES])]), 413, "more than"),
    ];
    for (headers, body, status, words) in cases {
        let answer = served.send("POST", "/check", headers, &body).await;
        assert_eq!(answer.status, status, "{words}");
        assert!(page(&answer).contains(words), "{}", page(&answer));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // Programs get a problem document.
    let answer = served.send("POST", "/check", &[FORM], &form(&[])).await;
    assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"));
}

#[tokio::test]
async fn a_form_that_another_sites_page_sends_is_not_looked_at() {
    let served = served().await;
    let body = form(&[("text", charger().as_bytes())]);
    let send = async |headers: &[(&str, &str)]| {
        let headers: Vec<_> = [FORM, ("Accept", BROWSER)].iter().chain(headers).copied().collect();
        served.send("POST", "/check", &headers, &body).await.status
    };
    assert_eq!(send(&[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")]).await, 403);
    assert_eq!(send(&[("Sec-Fetch-Site", "same-site")]).await, 403);
    assert_eq!(send(&[("Origin", "https://evil.example")]).await, 403);
    assert_eq!(send(&[("Sec-Fetch-Site", "same-origin"), ("Origin", "null")]).await, 200);
    assert_eq!(send(&[("Origin", "http://test")]).await, 200);
    assert_eq!(send(&[]).await, 200);
}

#[tokio::test]
async fn bombs_are_answered_and_the_server_goes_on() {
    let served = served().await;
    let key = Key::p256("bomb").unwrap();
    let many: String = (0..120)
        .map(|serial| {
            let shape = Shape::ca("CN=Sub CA", &key, None).unwrap().serial(serial + 1);
            shape.signed_by("CN=Sub CA", &key).unwrap().to_pem()
        })
        .collect();
    let deep: Vec<u8> = (0..200_000).flat_map(|_| [0x30, 0x80]).collect();
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("10 MB", vec![b'A'; 10 * 1024 * 1024], 413),
        ("PEM headers", "-----BEGIN CERTIFICATE-----".repeat(38_000).into_bytes(), 422),
        ("deep JSON", "[".repeat(MAX_BYTES).into_bytes(), 422),
        ("deep DER", deep, 422),
        ("gzip", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], 422),
        ("many certificates", many.into_bytes(), 200),
    ];
    for (what, bytes, status) in cases {
        let answer = bring(&served, &bytes).await;
        assert_eq!(answer.status, status, "{what}");
        // A client that still sends when it is refused may not hear all of the answer; all else is a short page.
        assert!(answer.body.len() < 150 * 1024, "{what}: {}", answer.body.len());
        assert_eq!(served.get("/healthz").await.status, 200, "{what}");
    }
}

#[tokio::test]
async fn markup_and_bidirectional_text_of_a_certificate_stay_text() {
    let served = served().await;
    let key = Key::p256("markup").unwrap();
    for name in
        ["CN=<script>alert(1)</script>", "CN=\"><img src=x onerror=alert(1)>", "CN=\u{202e}toor\u{2066}"]
    {
        let certificate = Shape::ca(name, &key, None).unwrap().self_signed().unwrap();
        let answer = bring(&served, certificate.to_pem()).await;
        let page = page(&answer);
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(!page.contains('\u{202e}') && !page.contains('\u{2066}'), "{page}");
    }
    // Broken UTF-8, in the form and in its field's name.
    assert_eq!(bring(&served, b"\xff\xfe\xc3\x28").await.status, 422);
    let body = b"--between\r\nContent-Disposition: form-data; name=\"\xff\xfe\"\r\n\r\nx\r\n--between--\r\n";
    let answer = served.send("POST", "/check", &[FORM, ("Accept", BROWSER)], body).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn whoever_asks_much_waits_and_others_do_not() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let few = NonZeroU32::MIN.saturating_add(9);
    let limits = Http { writes_per_minute: NonZeroU32::MIN, write_burst: few, ..Http::default() };
    let served = Served::start_with(&world, limits).await;
    // One counts for five.
    assert_eq!(bring(&served, charger()).await.status, 200);
    assert_eq!(bring(&served, charger()).await.status, 200);
    let third = bring(&served, charger()).await;
    // In few words: whoever asks too much gets nothing that costs more.
    third.problem(429);
    assert_eq!(served.get("/check").await.status, 200, "reading is another account");
}

#[tokio::test]
async fn two_who_bring_different_things_get_different_answers() {
    let served = served().await;
    let root = world::root("alpha-pki").root().certificate().to_pem();
    let (one, other) = tokio::join!(found(&served, charger()), found(&served, root));
    assert_eq!(one["certificates"].as_array().unwrap().len(), 3);
    assert_eq!(other["certificates"].as_array().unwrap().len(), 1);
}
