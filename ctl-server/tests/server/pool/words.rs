//! How the pool is answered: in the words of each protocol, prepared, and in every spelling of EST.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Digest;
use ctl_core::parts::{Der, WithdrawalReason};
use ctl_formats::{PoolCtl, PoolPage, RootType};
use ctl_governance::statement::body::{SubcaDisclose, SubcaRevoke};
use ctl_pki::Certificate;
use ctl_sandbox::Role as PkiRole;

use super::{OPCP, OPNC, certificates, listed, pooled, refused, roots, say, unique};
use crate::common::world;

fn der(operator: &str, role: PkiRole) -> Vec<u8> {
    world::root(operator).get(role).unwrap().certificate().der().to_vec()
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
    // No other coding, and no dictionary: this may be an answer for some callers only.
    let asks = [("Accept-Encoding", "dcb, br, zstd, gzip"), ("Available-Dictionary", "::")];
    let small = served.get_with(OPCP, &asks).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("gzip", "accept-encoding"));
    assert!(small.body.len() < plain.body.len() && small.header("etag") != plain.header("etag"));
    let other = served.get(&format!("{OPNC}?page=2&pageSize=1")).await;
    assert_ne!(other.header("etag"), served.get(&paged).await.header("etag"));
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
