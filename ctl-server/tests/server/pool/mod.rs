//! The field's root pool: what is published is handed out in the words of OPCP, OPNC and EST, and what is no longer
//! trusted leaves at once.

mod answers;
mod questions;
mod trust;
mod words;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Digest;
use ctl_formats::{PoolPage, certificates_from_pkcs7};
use ctl_governance::statement::Body;
use ctl_pki::Certificate;
use ctl_server::pool::Ctl;

use crate::common::world::World;
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
    decoded(&answer.body)
}

/// The certificates of a PKCS#7 in base64.
fn decoded(base64: &[u8]) -> Vec<Certificate> {
    let base64: Vec<u8> = base64.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    certificates_from_pkcs7(&STANDARD.decode(base64).unwrap()).unwrap()
}
