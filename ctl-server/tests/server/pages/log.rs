//! The log and the promises as people read them.

use ctl_core::log::{LogKey, LogProof, verify_inclusion};
use ctl_core::{Digest, PublicKey};
use ctl_governance::statement::body::Change;

use super::*;
use crate::common::world::{DAY, World, charter, na};

#[tokio::test]
async fn whoever_doubts_an_entry_finds_its_proof_and_the_proof_holds() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let served = Served::start(&world).await;
    let known = world.state.size();
    for index in [0, 1, known / 2, known - 1] {
        let shown = page(&served, &format!("/log/{index}")).await;
        let entry = &world.entries[usize::try_from(index).unwrap()];
        assert_tells(&shown, &[&entry.leaf_hash.to_string(), entry.statement.payload.body.type_name()]);
        // The server opens drafts by itself, so the log may have grown.
        let size =
            shown.split("In the log of</dt> <dd>").nth(1).or(shown.split("In the log of</dt><dd>").nth(1));
        let size: u64 = size.unwrap().split(' ').next().unwrap().parse().unwrap();
        let root = served.ledger.snapshot().log.root_at(size).unwrap();
        assert_tells(&shown, &[&root.to_string()]);
        let proof = shown.split("the lowest first:").nth(1).unwrap().split("Its bytes").next().unwrap();
        let hashes: Vec<Digest> = proof
            .split("<code class=\"digest\">")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().parse().unwrap())
            .collect();
        verify_inclusion(&entry.leaf_hash, index, size, &hashes, &root).unwrap();
        let file = served.get(&format!("/log/{index}/tlog-proof")).await;
        assert_eq!((file.status, file.header("content-disposition")), (200, "attachment"));
        let file = LogProof::parse(&file.body).unwrap();
        let PublicKey::Ed25519(key) = crate::common::keys().log.public_key() else { panic!("Ed25519") };
        let key = LogKey::new("ctl.example/stories", key).unwrap();
        file.verify(&entry.leaf_hash, "ctl.example/stories", &key).unwrap();
        assert_eq!(file.extra.as_deref(), Some(&*entry.bytes));
        let bundle = shown.split("href=\"/log/tile/").nth(1).unwrap().split('"').next().unwrap();
        let bundle = format!("/log/tile/{bundle}");
        let there = async |served: &Served| (served.get(&bundle).await.status == 200).then_some(());
        served.until("the tile with its bytes", there).await;
    }
    for nonsense in
        [format!("/log/{}", known + 1000), "/log/x".into(), "/log/-1".into(), format!("/log/{}", u64::MAX)]
    {
        assert_eq!(served.get_with(&nonsense, BROWSER).await.status, 404, "{nonsense}");
    }
}

#[tokio::test]
async fn every_entry_of_a_scheme_has_a_page_in_words() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    world.publish_list();
    world.say(&["registrar"], crate::common::assignment("USAAA")).unwrap();
    world.propose("elector-1", Change::AmendCharter { charter: Box::new(charter()) }).unwrap();
    let status = ctl_core::parts::AnchorStatus::Warning;
    let change = Change::ChangeStatus { certificate: anchor, list: na(), not_issued_after: None, to: status };
    world.propose("elector-2", change).unwrap();
    let served = Served::start(&world).await;
    for index in 0..world.state.size() {
        let shown = page(&served, &format!("/log/{index}")).await;
        assert_tells(&shown, &["What it says", "As it was signed, in JSON"]);
    }
    let log = page(&served, "/log").await;
    for expected in [
        "Founds the scheme <a href=\"/\">",
        "Applies for list <a href=\"/lists/na\">",
        "Publishes list <a href=\"/lists/na\"><bdi>North America</bdi></a>, with 2 signatures",
        "Votes for <a href=\"/proposals/",
        "replace the charter",
        "the server (recorder)",
        "Assigns the MO identifier <a href=\"/registry/USAAA\">",
    ] {
        assert_tells(&log, &[expected]);
    }
}

#[tokio::test]
async fn the_log_is_read_backwards_to_its_beginning() {
    let mut world = World::published();
    for number in 0..120_u32 {
        let (country, rest) = ("US", format!("{number:03}"));
        if world.say(&["registrar"], crate::common::assignment(&format!("{country}{rest}"))).is_err() {
            world.wait(DAY);
        }
    }
    let served = Served::start(&world).await;
    let (mut path, mut seen) = ("/log".to_owned(), Vec::new());
    loop {
        let shown = page(&served, &path).await;
        let rows = shown.split("<th scope=\"row\"><a href=\"/log/").skip(1);
        seen.extend(rows.map(|row| row.split('"').next().unwrap().parse::<u64>().unwrap()));
        assert_eq!(shown.contains("The latest checkpoint"), path == "/log");
        let Some(next) = shown.split("href=\"/log?before=").nth(1) else { break };
        path = format!("/log?before={}", next.split('"').next().unwrap());
    }
    // The server opens drafts by itself, so the log may have grown.
    let newest = seen[0];
    assert!(newest + 1 >= world.state.size() && seen.into_iter().eq((0..=newest).rev()));
    let empty = page(&served, "/log?before=0").await;
    assert_tells(&empty, &["Earlier entries"]);
}

#[tokio::test]
async fn the_checkpoint_is_shown_with_who_vouches_for_it() {
    let served = Served::start(&World::published()).await;
    let log = page(&served, "/log").await;
    assert_tells(&log, &["ctl.example/stories", "the log itself", "verified", "The charter asks for none"]);
    let now = served.ledger.snapshot().log.clone();
    let roots = (1..=now.size()).map(|size| now.root_at(size).unwrap().to_string());
    assert_eq!(roots.filter(|root| log.contains(root)).count(), 1, "{log}");
}

#[tokio::test]
async fn an_applicant_sees_whether_it_waits_longer_than_others() {
    let mut world = World::published();
    let none = Served::start(&world).await;
    assert_tells(
        &page(&none, "/promises").await,
        &["0 applications", "Nobody has asked for one yet.", "and, if enough approve, stands in the next"],
    );
    none.stop().await;
    world.admitted("alpha-pki");
    world.publish_list();
    let waiting = world.apply_with_root("beta-pki").unwrap();
    world.wait(3 * DAY);
    let served = Served::start(&world).await;
    let shown = page(&served, "/promises").await;
    assert_tells(&shown, &["14 days", "1 accepted, 0 rejected", "application to first screening"]);
    assert_tells(
        &shown,
        &[&format!("href=\"/applications/{waiting}\""), "for 3 days", "waits for its screening"],
    );
    // The same as the API has.
    let json = served.get("/v1/sla/governance").await.json();
    assert_eq!(json["applications"]["all"]["accepted"], 1);
}
