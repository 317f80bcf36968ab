//! TLS: whom the fetcher trusts, and what it tells when that fails.

use std::time::Duration;

use ctl_fetch::{Fetcher, Identity, Options, Reason, Request};

use crate::asking::{get, one};
use crate::network::names::Names;
use crate::network::{Server, options};

#[tokio::test]
async fn a_tls_certificate_must_be_trusted_for_the_name_and_its_end_is_told() {
    let tls = crate::network::tls("pki.example");
    let server = Server::tls(&tls, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let port = server.address.port();
    let names = || -> Box<Names> {
        Box::new(Names::new(&[("pki.example", &["127.0.0.1"]), ("other.example", &["127.0.0.1"])]))
    };
    let trusting = Options { tls_roots: vec![tls.root.clone()], ..options(&["127.0.0.0/8"]) };
    let trusting = Fetcher::with_resolver(&trusting, names()).unwrap();
    let exchange = one(&trusting, &get(&format!("https://pki.example:{port}/"))).await;
    assert!(exchange.timings.tls.unwrap() > Duration::ZERO);
    let answer = exchange.result.unwrap();
    assert_eq!((&answer.body[..], answer.tls_not_after), (&b"ok"[..], Some(tls.not_after)));

    let wrong_name = one(&trusting, &get(&format!("https://other.example:{port}/"))).await;
    assert_eq!(wrong_name.result.unwrap_err().reason, Reason::TlsFailure);
    let untrusted = Fetcher::with_resolver(&options(&["127.0.0.0/8"]), names()).unwrap();
    let exchange = one(&untrusted, &get(&format!("https://pki.example:{port}/"))).await;
    assert_eq!(exchange.result.unwrap_err().reason, Reason::TlsFailure);

    // Plain HTTP where TLS is due, a handshake that never ends, and an upgrade on the same host.
    let plain = Server::says(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let url = |server: &Server| format!("https://pki.example:{}/", server.address.port());
    assert_eq!(one(&trusting, &get(&url(&plain))).await.result.unwrap_err().reason, Reason::TlsFailure);
    let stalls = Server::says_and_stays(b"").await;
    let request = Request { timeout: Duration::from_millis(300), ..get(&url(&stalls)) };
    assert_eq!(one(&trusting, &request).await.result.unwrap_err().reason, Reason::TlsFailure);
    let moved = format!("HTTP/1.1 301 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", url(&server));
    let moved = Server::says(moved.as_bytes()).await;
    assert_eq!(&one(&trusting, &get(&moved.url("/"))).await.result.unwrap().body[..], b"ok");
}

/// Under TLS 1.3 the handshake is over before the server says that it wants a certificate, or another one.
#[tokio::test]
async fn a_client_certificate_that_is_demanded_is_shown_or_a_matter_of_tls_in_every_version() {
    for version in [&tokio_rustls::rustls::version::TLS13, &tokio_rustls::rustls::version::TLS12] {
        let tls = crate::network::mutual_tls("pki.example", version);
        let server = Server::tls(&tls, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let trusting = Options { tls_roots: vec![tls.root.clone()], ..options(&["127.0.0.0/8"]) };
        let names = Box::new(Names::new(&[("pki.example", &["127.0.0.1"])]));
        let bare = Fetcher::with_resolver(&trusting, names).unwrap();
        let showing = |issuer: &str| {
            let [certificate, key] = tls.client(issuer);
            bare.showing(&Identity::load(&certificate, &key).unwrap())
        };
        let question = get(&format!("https://pki.example:{}/", server.address.port()));
        for (fetcher, words) in [(&bare, "none was shown"), (&showing("CN=Stranger"), "ours was shown")] {
            let error = one(fetcher, &question).await.result.unwrap_err();
            assert_eq!(error.reason, Reason::TlsFailure, "{error}");
            assert!(error.detail.contains("asked for a client certificate"), "{error}");
            assert!(error.detail.contains(words), "{words}: {error}");
        }
        assert_eq!(&one(&showing("CN=Root"), &question).await.result.unwrap().body[..], b"ok");
        // The one who shows it is another than the one from whom it was made.
        assert!(one(&bare, &question).await.result.is_err());
    }
}

#[test]
fn a_certificate_of_our_own_is_refused_by_its_file() {
    let tls = crate::network::tls("pki.example");
    let [certificate, key] = tls.client("CN=Root");
    let refused = |certificate: &std::path::Path, key: &std::path::Path, words: &[&str]| {
        let error = Identity::load(certificate, key).unwrap_err().to_string();
        words.iter().for_each(|word| assert!(error.contains(word), "{word}: {error}"));
        assert!(!error.contains("BEGIN"), "{error}");
    };
    let nowhere = certificate.with_file_name("nowhere.pem");
    refused(&nowhere, &key, &["nowhere.pem"]);
    refused(&certificate, &nowhere, &["nowhere.pem"]);
    refused(&key, &key, &["client.key", "no PEM certificate"]);
    // The server's root is not the certificate that the key is for.
    refused(&tls.root, &key, &["client.key", "does not belong to the first certificate in", "root.pem"]);
    refused(&certificate, &certificate, &["client.pem", "chmod 600"]);
    std::fs::write(
        &key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    refused(&certificate, &key, &["client.key", "without a passphrase"]);
    let identity = || {
        let [certificate, key] = tls.client("CN=Root");
        Identity::load(&certificate, &key).unwrap()
    };
    assert_eq!(format!("{:?}", identity()), "Identity(…)");
}

#[test]
fn roots_that_are_none_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("roots.pem");
    let options = Options { tls_roots: vec![path.clone()], ..options(&[]) };
    for text in
        [None, Some("no certificate"), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Fetcher::new(&options).err().unwrap().to_string();
        assert!(error.contains("roots.pem"), "{error}");
    }
}
