//! What callers see. Here: conditional requests, caches, compression, problems.

mod breaches;
mod calendar;
mod codings;
mod connections;
mod costs;
mod health;
mod protocol;
mod views;
mod writing;

use std::io::Read as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Digest;
use ctl_core::role::Role;
use ctl_governance::statement::Statement;
use ctl_governance::statement::body::{Change, CommentAdd, CrossRequest};
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_serve::Http;
use ctl_server::screening::{Policies, Screener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::world::{self, World, na};
use crate::served::{Served, read_answer};

/// A scheme with an application that anyone may comment on.
fn discussed() -> (World, u64) {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    (world, application)
}

fn comment(served: &Served, application: u64, number: u64) -> Statement {
    crate::common::comment(&served.ledger.snapshot(), served.now(), application, number)
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
    let packed = served.get_with(path, &[("Accept-Encoding", "deflate;q=1, gzip;q=0.8")]).await;
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
    served.get("/elsewhere").await.problem(404);
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
