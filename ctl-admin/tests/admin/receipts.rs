//! What people have sent, against a server that says "recorded" and does something else: it drops a vote, hides it,
//! fails half-way. Nobody believes it before the log proves it, and nobody forgets.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ctl_admin::applicant::participant;
use ctl_admin::output::Render as _;
use ctl_admin::signer::draft::{Tolerance, prepare};
use ctl_admin::signing::{Say as _, Signing, submit};
use ctl_admin::{AdminError, exit, receipts};
use ctl_core::role::Role;
use ctl_replica::receipts::{Sent, Standing, standing};
use ctl_replica::{Options, Replica, Submission, Trust};
use tempfile::TempDir;

use crate::common::story::{World, charter, key, na};
use crate::common::{Lie, Server, files, noted, options, root_json, witnesses};

/// A person with a folder, and a server.
struct Stage {
    directory: TempDir,
    server: Arc<Server>,
    trust: Trust,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    async fn new(world: World) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let trust = root_json(directory.path(), &world);
        Self { server: Server::start(world).await, directory, trust, heard: Arc::default() }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    /// The scheme's folder in the cache.
    fn folder(&self) -> PathBuf {
        self.cache().join(self.server.world.lock().unwrap().state.scheme.to_string())
    }

    fn session(&mut self) -> Replica {
        let now = self.server.world.lock().unwrap().now;
        let (listener, heard) = noted();
        self.heard = heard;
        let options = options(&self.server.url, self.trust.clone(), Some(&self.cache()), now);
        Replica::open(Options { listener, ..options }).unwrap()
    }

    fn lie(&self, lie: Lie) {
        *self.server.lie.lock().unwrap() = lie;
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Others go on using the service.
    fn others_go_on(&self) {
        let mut world = self.server.world.lock().unwrap();
        world.wait(60);
        world.open_draft(&Role::List(na())).unwrap();
    }

    fn size(&self) -> u64 {
        self.server.world.lock().unwrap().state.size()
    }
}

/// Beta's operator suspends itself: one small statement.
async fn send(session: &mut Replica) -> Result<Submission, AdminError> {
    let suspend = participant::Suspend { participant: "beta-pki".parse().unwrap() };
    suspend.run(session, &Signing { keys: vec![Box::new(key("beta-pki"))], out: None }).await
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn recorded_is_said_only_of_what_a_signed_checkpoint_covers() {
    let mut stage = Stage::new(World::published()).await;
    let mut session = stage.session();
    let before = stage.size();
    let submission = send(&mut session).await.unwrap();
    let Submission::Recorded { receipt, proof, .. } = &submission else { panic!("{}", submission.text()) };
    assert_eq!((receipt.index, proof.size), (before, before + 1));
    assert_eq!(submission.exit_code(), exit::DONE);
    assert!(submission.text().contains("unwitnessed: a split view is not excluded"), "{}", submission.text());
    assert!(names(&stage.folder().join("sent")).is_empty(), "what is proven need not be sent again");
    assert_eq!(names(&stage.folder().join("receipts")).len(), 1);
    let listed = receipts::list(&mut stage.session()).await.unwrap();
    assert_eq!(
        (listed.sent.len(), listed.sent[0].standing, listed.exit_code()),
        (1, "contained", exit::DONE)
    );
}

#[tokio::test]
async fn witnesses_are_counted() {
    for (named, threshold, expected) in [
        (&["witness-1", "witness-2"][..], 2, "cosigned by 2 of the charter's witnesses, 2 needed"),
        (
            &["witness-1", "absent-2"],
            2,
            "cosigned by 1 of the 2 witnesses needed: a split view is not excluded",
        ),
        (&["absent-1"], 1, "unwitnessed: a split view is not excluded"),
    ] {
        let charter = ctl_governance::statement::charter::Charter {
            witnesses: witnesses(named, threshold),
            ..charter()
        };
        let mut stage = Stage::new(World::published_with(charter)).await;
        let submission = send(&mut stage.session()).await.unwrap();
        assert!(submission.text().contains(expected), "{}", submission.text());
    }
}

#[tokio::test]
async fn a_server_that_drops_a_statement_and_gives_a_receipt_is_not_believed_and_not_forgotten() {
    let mut stage = Stage::new(World::published()).await;
    stage.lie(Lie::Drops);
    let submission = send(&mut stage.session()).await.unwrap();
    let text = submission.text();
    assert_eq!((submission.exit_code(), submission.receipt()), (exit::UNPROVEN, None), "{text}");
    assert!(text.contains("NOT YET PROVEN") && !text.contains("recorded participant"), "{text}");

    // The receipt may still come true: nothing is said of it as long as nothing contradicts it.
    stage.lie(Lie::None);
    let waiting = receipts::list(&mut stage.session()).await.unwrap();
    assert_eq!((waiting.exit_code(), stage.heard().len()), (exit::UNPROVEN, 0), "{}", waiting.text());

    stage.others_go_on();
    for _ in 0..2 {
        stage.session().sync().await.unwrap();
        let heard = stage.heard();
        assert_eq!(heard.len(), 1, "at every contact");
        assert!(
            heard[0].contains("THE LOG DOES NOT CONTAIN") && heard[0].contains("is another one"),
            "{}",
            heard[0]
        );
    }
    let lost = receipts::list(&mut stage.session()).await.unwrap();
    assert_eq!(lost.exit_code(), exit::LOST, "{}", lost.text());

    // The evidence: what was sent, the receipt, the signed checkpoint, and what stands there instead.
    let kept = names(&stage.folder().join("evidence"));
    let evidence = std::fs::read(stage.folder().join("evidence").join(&kept[0])).unwrap();
    let evidence: serde_json::Value = serde_json::from_slice(&evidence).unwrap();
    for member in ["sent", "statement", "checkpoint", "instead"] {
        assert!(!evidence[member].is_null(), "{member}");
    }
    // The advice: what is settled is deleted, and silent.
    let heard = stage.heard().remove(0);
    std::fs::remove_file(heard.rsplit_once("delete ").unwrap().1).unwrap();
    stage.session().sync().await.unwrap();
    assert_eq!(stage.heard(), [] as [String; 0]);
}

#[tokio::test]
async fn a_log_that_goes_on_without_an_entry_that_was_promised_far_ahead_is_told() {
    let mut stage = Stage::new(World::published()).await;
    stage.lie(Lie::Drops);
    let submission = send(&mut stage.session()).await.unwrap();
    assert_eq!(submission.exit_code(), exit::UNPROVEN);
    // The thief promises an index that the log will not reach for long.
    let note = stage.folder().join("receipts").join(names(&stage.folder().join("receipts")).remove(0));
    let mut sent: Sent = serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
    sent.receipt.as_mut().unwrap().index += 1000;
    std::fs::write(&note, serde_json::to_vec(&sent).unwrap()).unwrap();
    stage.lie(Lie::None);
    stage.others_go_on();
    stage.session().sync().await.unwrap();
    assert!(stage.heard()[0].contains("without it"), "{:?}", stage.heard());
}

#[tokio::test]
async fn what_a_server_hid_is_proven_once_the_log_shows_it() {
    let mut stage = Stage::new(World::published()).await;
    let hidden = files(&stage.server.world.lock().unwrap());
    stage.lie(Lie::Hides(hidden));
    let submission = send(&mut stage.session()).await.unwrap();
    assert_eq!(submission.exit_code(), exit::UNPROVEN);
    stage.lie(Lie::None);
    let listed = receipts::list(&mut stage.session()).await.unwrap();
    assert_eq!(listed.exit_code(), exit::DONE, "{}", listed.text());
    assert!(listed.sent[0].sent.proof.is_some());
    // And the log that took it back afterwards would be caught by what was seen, not by the receipt alone.
    let mut session = stage.session();
    let log = session.sync().await.unwrap();
    let mut sent = listed.sent[0].sent.clone();
    sent.log = "ctl.example/ended".into();
    assert_eq!(standing(&sent, log), Standing::Contained, "the statement itself counts there");
    sent.statement = ctl_core::Digest::of(b"another statement");
    assert!(matches!(standing(&sent, log), Standing::Lost(why) if why.contains("begun anew")));
}

#[tokio::test]
async fn a_statement_without_an_answer_is_unknown_until_the_log_tells() {
    for (lie, recorded) in [
        (Lie::Fails { records: true }, true),
        (Lie::HangsUp { records: true }, true),
        (Lie::Fails { records: false }, false),
        (Lie::HangsUp { records: false }, false),
    ] {
        let mut stage = Stage::new(World::published()).await;
        let before = stage.size();
        stage.lie(lie);
        let submission = send(&mut stage.session()).await.unwrap();
        if recorded {
            assert_eq!(
                submission.receipt().unwrap().index,
                before,
                "the log was asked: {}",
                submission.text()
            );
            continue;
        }
        let text = submission.text();
        assert_eq!(submission.exit_code(), exit::UNKNOWN, "{text}");
        assert!(text.contains("UNKNOWN whether participant.suspend"), "{text}");
        let Submission::Unknown { file: Some(file), .. } = &submission else { panic!("{text}") };
        assert!(text.contains(&format!("ctl-admin submit {}", file.display())), "{text}");

        // The advice, followed twice: it is in the log once.
        stage.lie(Lie::None);
        assert_eq!(receipts::list(&mut stage.session()).await.unwrap().exit_code(), exit::UNPROVEN);
        let file = file.clone();
        let copy = stage.directory.path().join("copy.json");
        std::fs::copy(&file, &copy).unwrap();
        let mut session = stage.session();
        assert_eq!(submit(&mut session, &file).await.unwrap().receipt().unwrap().index, before);
        assert!(!file.exists(), "it is proven");
        assert_eq!(submit(&mut session, &copy).await.unwrap().receipt().unwrap().index, before);
        assert_eq!(stage.size(), before + 1);
    }
}

#[tokio::test]
async fn what_is_refused_or_never_left_is_not_noted() {
    let mut stage = Stage::new(World::published()).await;
    let mut session = stage.session();
    let unknown = participant::Suspend { participant: "nobody".parse().unwrap() };
    let signing = Signing { keys: vec![Box::new(key("beta-pki"))], out: None };
    assert!(matches!(unknown.run(&mut session, &signing).await, Err(AdminError::Refused { .. })));
    assert!(
        names(&stage.folder().join("receipts")).is_empty() && names(&stage.folder().join("sent")).is_empty()
    );
}

#[tokio::test]
async fn a_statement_never_recorded_lapses_when_it_is_too_old() {
    let mut stage = Stage::new(World::published()).await;
    stage.lie(Lie::Fails { records: false });
    send(&mut stage.session()).await.unwrap();
    stage.lie(Lie::None);
    stage.server.world.lock().unwrap().wait(2 * crate::common::story::DAY);
    stage.others_go_on();
    let listed = receipts::list(&mut stage.session()).await.unwrap();
    assert_eq!((listed.sent[0].standing, listed.exit_code()), ("lapsed", exit::DONE), "{}", listed.text());
    assert!(stage.heard().is_empty(), "the server never said that it was recorded");
}

#[tokio::test]
async fn a_publication_is_believed_when_the_log_proves_it() {
    let role = Role::List(na());
    for (lie, expected) in [(Lie::None, exit::DONE), (Lie::Drops, exit::UNPROVEN)] {
        let mut world = World::published();
        world.open_draft(&role).unwrap();
        let mut stage = Stage::new(world).await;
        stage.lie(lie);
        let mut last = None;
        for signer in ["signer-1", "signer-2"] {
            let mut session = stage.session();
            let prepared = prepare(&mut session, &role, Tolerance::default()).await.unwrap();
            last = Some(prepared.sign(&mut session, &key(signer)).await.unwrap());
        }
        let signed = last.unwrap();
        assert_eq!(signed.exit_code(), expected, "{}", signed.text());
        assert_eq!(signed.proof.is_some(), expected == exit::DONE);
        assert_eq!(signed.included, (expected == exit::DONE).then_some(true));
        assert_eq!(signed.text().contains("NOT YET PROVEN"), expected != exit::DONE, "{}", signed.text());
    }
}
