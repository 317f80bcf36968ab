//! Certificates that services hand out: the issuer's, those of EST and of the root pools. The right ones, or
//! others of the same name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_formats::certificates_from_pkcs7;
use ctl_pki::Certificate;
use ctl_sandbox::Role;
use ctl_sandbox::live::Kind;
use serde_json::Value;

use super::client::{Reply, Sandbox, parts};

/// Over plain HTTP, where everything is served too.
async fn get(sandbox: &Sandbox, url: &str) -> Reply {
    let (_, host, _, path) = parts(url);
    sandbox.get(&format!("http://{host}:{}{path}", sandbox.live.address().port())).await
}

fn est(reply: &Reply) -> Vec<Certificate> {
    assert_eq!(reply.header("content-type"), Some("application/pkcs7-mime"));
    let text: String = String::from_utf8(reply.body.clone()).unwrap().split_whitespace().collect();
    let mut all = certificates_from_pkcs7(&STANDARD.decode(text).unwrap()).unwrap();
    assert_eq!(all.len(), 7, "the root and every CA below it");
    all.retain(Certificate::is_self_issued);
    all
}

fn pool(reply: &Reply) -> Vec<Certificate> {
    let json: Value = serde_json::from_slice(&reply.body).unwrap();
    let opcp = &json["RootCertificateCollection"]["rootCertificates"];
    let list = if opcp.is_array() { opcp } else { &json["rootCertificateCollection"] };
    let of = |item: &Value| {
        let root = Certificate::from_der(&STANDARD.decode(item["caCertificate"].as_str().unwrap()).unwrap())
            .unwrap();
        assert_eq!(item["fingerprint"], hex::encode(root.sha256()));
        root
    };
    list.as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn roots_are_those_of_the_pki_or_namesakes() {
    let sandbox = Sandbox::aurora().await;
    let root = sandbox.live.pki("aurora").unwrap().root().certificate().clone();
    for (kind, code, read) in [
        (Kind::Est, "est_cacerts_mismatch", est as fn(&Reply) -> Vec<Certificate>),
        (Kind::RootPool, "root_pool_mismatch", pool),
    ] {
        for url in sandbox.live.urls("aurora", kind).unwrap() {
            assert_eq!(read(&get(&sandbox, &url).await), std::slice::from_ref(&root), "{url}");
            sandbox.live.set_fault("aurora", kind.as_str(), code, true).unwrap();
            let others = read(&get(&sandbox, &url).await);
            assert_eq!((others.len(), others[0].subject_der()), (1, root.subject_der()));
            assert_ne!(others[0].spki_der(), root.spki_der(), "{url}");
            sandbox.live.clear_faults();
            assert_eq!(read(&get(&sandbox, &url).await), std::slice::from_ref(&root), "{url}");
        }
    }
}

#[tokio::test]
async fn issuers_are_where_certificates_say_unless_they_are_gone_or_changed() {
    let sandbox = Sandbox::aurora().await;
    let urls = sandbox.live.urls("aurora", Kind::CaIssuers).unwrap();
    let pki = sandbox.live.pki("aurora").unwrap();
    let cas: Vec<_> = pki.entities().filter(|(role, _)| role.is_ca()).collect();
    assert_eq!(urls.len(), cas.len());
    for (url, (role, entity)) in urls.iter().zip(cas) {
        let reply = sandbox.get(url).await;
        assert_eq!(reply.header("content-type"), Some("application/pkix-cert"));
        assert_eq!(reply.body, entity.certificate().der(), "{role:?}");
        sandbox.live.set_fault("aurora", "ca-issuers", "ca_issuers_wrong_certificate", true).unwrap();
        let wrong = Certificate::from_der(&sandbox.get(url).await.body).unwrap();
        assert_ne!(wrong.spki_der(), entity.certificate().spki_der());
        sandbox.live.clear_faults();
        sandbox.live.set_fault("aurora", "ca-issuers", "ca_issuers_unreachable", true).unwrap();
        assert!(Certificate::from_der(&sandbox.get(url).await.body).is_err());
        sandbox.live.clear_faults();
    }
}

#[tokio::test]
async fn the_status_is_well_or_down() {
    let sandbox = Sandbox::aurora().await;
    let url = sandbox.live.urls("aurora", Kind::Https).unwrap().remove(0);
    assert_eq!(get(&sandbox, &url).await.status, 200);
    sandbox.live.set_fault("aurora", "https", "endpoint_down", true).unwrap();
    assert_eq!(get(&sandbox, &url).await.status, 503);
    sandbox.live.clear_faults();
    assert_eq!(get(&sandbox, &url).await.status, 200);
}

#[tokio::test]
async fn what_watchers_need_is_written_down() {
    let sandbox = Sandbox::aurora().await;
    let folder = tempfile::tempdir().unwrap();
    for canaries in sandbox.live.canaries("aurora").unwrap() {
        let files = canaries.write_to(folder.path()).unwrap();
        assert_eq!(files.len(), if canaries.role == Role::Root { 3 } else { 1 });
        for (file, good) in files.iter().zip(&canaries.good) {
            let read = ctl_pki::certificate_from_bytes(&std::fs::read(file).unwrap()).unwrap();
            assert_eq!(&read, good);
            assert_eq!(good.verify_signed_by(&canaries.issuer), Ok(()));
        }
        assert_eq!(canaries.revoked.len(), 1);
    }
}
