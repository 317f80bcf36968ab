//! Stories of signers for whom there is nothing to sign yet.

use std::time::Duration;

use ctl_admin::signer::draft::prepare_within;

use super::*;

async fn why(stage: &Stage, role: &Role) -> String {
    let error = prepare(&mut stage.session(), role, Tolerance::default()).await.err().unwrap();
    assert!(matches!(error, AdminError::NotNow(_)), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_signer_is_told_when_there_will_be_a_draft() {
    let stage = Stage::new().await;
    assert!(why(&stage, &role()).await.contains("--wait"), "one is due: the server has not opened it yet");
    stage.publish(&role(), ["signer-1", "signer-2"]).await;
    let text = why(&stage, &role()).await;
    let now = stage.server.world.lock().unwrap().now;
    let half = now.plus_seconds(15 * DAY + 1).to_string();
    assert!(text.contains("version 1") && text.contains(&half), "{text}");
    let unknown = why(&stage, &"eu".parse().unwrap()).await;
    assert!(unknown.contains("no such list; it has na"), "{unknown}");
    // What was said is what happens.
    stage.wait(15 * DAY + 1);
    assert!(why(&stage, &role()).await.contains("--wait"));
}

#[tokio::test]
async fn before_the_board_has_signed_targets_nobody_is_appointed() {
    let mut world = World::found();
    world.publish(&Role::Root, &["board-1", "board-2"]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let trust = root_json(directory.path(), &world);
    let now = world.now;
    let server = Server::start(world).await;
    let mut session = Replica::open(options(&server.url, trust, None, now)).unwrap();
    let error = prepare(&mut session, &role(), Tolerance::default()).await.err().unwrap().to_string();
    assert!(error.contains("nobody is appointed") && error.contains("has signed targets"), "{error}");
}

#[tokio::test]
async fn a_signer_can_wait_for_the_draft() {
    let stage = Stage::new().await;
    let mut session = stage.session();
    let (wait, opens) = (Duration::from_secs(60), async {
        // The signer has looked once, in vain, before the server opens it.
        tokio::task::yield_now().await;
        stage.server.world.lock().unwrap().open_draft(&role()).unwrap();
    });
    let role = role();
    let waits = prepare_within(&mut session, &role, Tolerance::default(), wait);
    let (prepared, ()) = tokio::join!(waits, opens);
    assert_eq!(prepared.unwrap().role, role);
    let error = prepare_within(&mut session, &Role::Notices, Tolerance::default(), Duration::ZERO).await;
    assert!(matches!(error, Err(AdminError::NotNow(_))));
}

#[tokio::test]
async fn the_sae_list_in_cms_is_rebuilt_shown_in_words_signed_and_audited() {
    let mut charter = crate::common::story::charter();
    charter.lists.get_mut(&"na".parse().unwrap()).unwrap().sae_cms =
        Some(crate::common::story::certificates::sae_cms());
    let mut world = World::published_with(charter);
    world.admitted("alpha-pki");
    world.open_draft(&role()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let trust = root_json(directory.path(), &world);
    let now = world.now;
    let server = Server::start(world).await;
    let mut session = Replica::open(options(&server.url, trust.clone(), None, now)).unwrap();
    for signer in ["signer-1", "signer-2"] {
        let prepared = prepare(&mut session, &role(), Tolerance::default()).await.unwrap();
        let text = prepared.text();
        for words in ["as an SAE list in CMS:", "takes yours alone", "sequence 1, valid from", "v2g active: "]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
        prepared.sign(&mut session, &crate::common::story::key(signer)).await.unwrap();
    }
    let served = files(&server.world.lock().unwrap());
    assert!(served["v1/lists/na/ctl.sae.cms"].starts_with(b"-----BEGIN CMS-----"));
    let audited = async |served: &Files| {
        let url = write(&directory.path().join("mirror"), served);
        audit::run(options(&url, trust.clone(), None, now), &policies()).await.unwrap()
    };
    assert!(audited(&served).await.is_clean());
    let mut without = served.clone();
    without.remove("v1/lists/na/ctl.sae.cms");
    assert_eq!(audited(&without).await.differences.len(), 1);
}
