//! Keys that are not files: a token that was pulled out, and one that holds another key than it shows. The tool
//! says so, and nothing is sent or written.

use std::sync::Arc;

use ctl_admin::applicant::participant;
use ctl_admin::elector::proposal::{CastVote, Scrutiny};
use ctl_admin::signer::draft::{Tolerance, prepare};
use ctl_admin::signing::{Ask as _, Prepared as _, Say as _, Signing};
use ctl_admin::{AdminError, exit};
use ctl_core::keys::Hash;
use ctl_core::role::Role;
use ctl_core::signer::RawSignature;
use ctl_core::{PrivateKey, PublicKey, Signer, SignerError};
use ctl_governance::statement::body::{Change, Choice};
use ctl_replica::{Pending, Replica};
use tempfile::TempDir;

use crate::common::story::{World, key, na};
use crate::common::{Server, options, root_json};

/// Shows the key of that name; signs with another, or not at all.
struct Token {
    shown: &'static str,
    inside: Option<PrivateKey>,
}

impl Signer for Token {
    fn public_key(&self) -> PublicKey {
        key(self.shown).public_key()
    }

    fn sign(&self, _: Hash, message: &[u8]) -> Result<RawSignature, SignerError> {
        let gone =
            || SignerError::Failed { key: self.public_key().key_id(), why: "the token is unplugged".into() };
        let inside = self.inside.as_ref().ok_or_else(gone)?;
        inside.sign(inside.public_key().algorithm().hash(), message)
    }
}

/// Both kinds, with the words that a person must read.
fn tokens(shown: &'static str) -> [(Token, &'static str); 2] {
    let other = Some(key("somebody-else"));
    [
        (Token { shown, inside: None }, "the token is unplugged"),
        (Token { shown, inside: other }, "is broken, or holds another key"),
    ]
}

fn refused(outcome: Result<(), AdminError>, words: &str) {
    let error = outcome.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(words) && text.contains("Nothing was sent"), "{text}");
    assert_eq!(error.exit_code(), exit::UNUSABLE);
}

struct Stage {
    directory: TempDir,
    server: Arc<Server>,
    session: Replica,
}

impl Stage {
    async fn new(world: World) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (trust, now) = (root_json(directory.path(), &world), world.now);
        let server = Server::start(world).await;
        let cache = directory.path().join("cache");
        let session = Replica::open(options(&server.url, trust, Some(&cache), now)).unwrap();
        Self { directory, server, session }
    }

    fn nothing_was_sent(&self) {
        assert_eq!(*self.server.sent.lock().unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn no_statement_goes_out_with_a_signature_that_is_missing_or_wrong() {
    let mut world = World::published();
    let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: None };
    let proposal = world.propose("elector-1", change).unwrap();
    let mut stage = Stage::new(world).await;
    let out = stage.directory.path().join("statement.json");
    let suspend = participant::Suspend { participant: "beta-pki".parse().unwrap() };
    for (token, words) in tokens("beta-pki") {
        let signing = Signing { keys: vec![Box::new(token)], out: Some(out.clone()) };
        refused(suspend.run(&mut stage.session, &signing).await.map(drop), words);
        assert!(!out.exists());
    }
    for (token, words) in tokens("elector-1") {
        let (choice, scrutiny) = (Choice::Approve, Scrutiny::default());
        let vote = CastVote { proposal, choice, rationale: None, scrutiny };
        let signing = Signing { keys: vec![Box::new(token)], out: None };
        let prepared = vote.prepare(&mut stage.session, &signing).await.unwrap();
        refused(prepared.send(&mut stage.session, &signing).await.map(drop), words);
    }
    stage.nothing_was_sent();
}

#[tokio::test]
async fn no_cosignature_is_written_that_is_missing_or_wrong() {
    let mut stage = Stage::new(World::published()).await;
    let out = stage.directory.path().join("statement.json");
    let suspend = participant::Suspend { participant: "beta-pki".parse().unwrap() };
    let signing = Signing { keys: vec![Box::new(key("beta-pki"))], out: Some(out.clone()) };
    suspend.run(&mut stage.session, &signing).await.unwrap();
    let before = std::fs::read(&out).unwrap();
    for (token, words) in tokens("admissions") {
        // The first signs well: what it signed is not written either.
        let signers: [Box<dyn Signer>; 2] = [Box::new(key("officer-1")), Box::new(token)];
        refused(
            Pending::read(&out).unwrap().cosign(&out, &signers).map(drop).map_err(AdminError::from),
            words,
        );
        assert_eq!(std::fs::read(&out).unwrap(), before);
    }
}

#[tokio::test]
async fn no_draft_is_signed_half() {
    let role = Role::List(na());
    let mut world = World::published();
    world.open_draft(&role).unwrap();
    let mut stage = Stage::new(world).await;
    for (token, words) in tokens("signer-1") {
        let prepared = prepare(&mut stage.session, &role, Tolerance::default()).await.unwrap();
        refused(prepared.sign(&mut stage.session, &token).await.map(drop), words);
    }
    stage.nothing_was_sent();
    let prepared = prepare(&mut stage.session, &role, Tolerance::default()).await.unwrap();
    prepared.sign(&mut stage.session, &key("signer-1")).await.unwrap();
    assert_eq!(*stage.server.sent.lock().unwrap(), ["v1/drafts/na/signatures"]);
}
