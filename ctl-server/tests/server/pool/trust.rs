//! What is in the pool: it opens with the first publication, and what is no longer trusted leaves.

use ctl_core::list::ListPayload;
use ctl_core::parts::{DistrustKind, Distrusted, WithdrawalReason};
use ctl_core::role::Role;
use ctl_governance::statement::body::{Change, NoticeIssue};
use ctl_server::pool::Ctl;

use super::{OPCP, OPNC, certificates, listed, pooled, refused, say, unique};
use crate::common::world::{self, DAY, World, na};
use crate::served::Served;

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
