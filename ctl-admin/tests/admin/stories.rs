//! The whole way with the tool's library: an application becomes a signed list. Here: the stage for all of these
//! stories, and those of applicants and OEMs.

mod auditors;
mod electors;
mod imports;
mod people;
mod signers;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ctl_admin::applicant::application::{Addresses, Apply, Comment, Evidence, Limits, Root};
use ctl_admin::applicant::{participant, possession};
use ctl_admin::auditor::interop::{self, Source};
use ctl_admin::auditor::{audit, budget, selection, verify};
use ctl_admin::elector::proposal::{Admission, CastVote, Propose, Proposed, Scrutiny};
use ctl_admin::elector::review::{self, Review};
use ctl_admin::output::Render as _;
use ctl_admin::registrar::mo;
use ctl_admin::screening::{Policies, builtin_policy_ref, screen_application};
use ctl_admin::signer::draft::{Tolerance, prepare};
use ctl_admin::signer::notice;
use ctl_admin::signing::{Ask as _, Prepared as _, Say as _, Signing, submit};
use ctl_admin::{AdminError, exit};
use ctl_core::keys::Algorithm;
use ctl_core::parts::{Purpose, Services, Standard, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::selection::Selection;
use ctl_core::{Digest, PrivateKey};
use ctl_governance::statement::body::{Change, Choice, ScreeningRecord};
use ctl_governance::statement::parts::{
    BlobAccess, BlobRef, EvidenceKind, Finding, Observed, ObservedKind, Severity,
};
use ctl_replica::{Pending, Replica, Submission, Trust};
use ctl_sandbox::certification_request;
use tempfile::TempDir;

use crate::common::story::{DAY, World, charter, na, root, services, uses};
use crate::common::{Files, Server, files, options, root_json, write};

fn role() -> Role {
    Role::List(na())
}

fn signing(names: &[&str]) -> Signing {
    Signing {
        keys: names.iter().map(|name| Box::new(crate::common::story::key(name)) as _).collect(),
        out: None,
    }
}

fn policies() -> Policies {
    Policies::with(&[] as &[&Path]).unwrap()
}

/// People with one cache and root.json, and a server.
struct Stage {
    directory: TempDir,
    server: Arc<Server>,
    trust: Trust,
}

impl Stage {
    async fn new() -> Self {
        let mut charter = charter();
        for list in charter.lists.values_mut() {
            list.policy = builtin_policy_ref().unwrap();
        }
        let mut world = World::found_with(charter);
        world.publish(&Role::Root, &["board-1", "board-2"]).unwrap();
        world.publish(&Role::Targets, &["board-1", "board-2"]).unwrap();
        let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: None };
        let proposal = world.propose("elector-1", change).unwrap();
        world.decide(proposal);
        let directory = tempfile::tempdir().unwrap();
        let trust = root_json(directory.path(), &world);
        Self { server: Server::start(world).await, directory, trust }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn session(&self) -> Replica {
        let now = self.server.world.lock().unwrap().now;
        Replica::open(options(&self.server.url, self.trust.clone(), Some(&self.path("cache")), now)).unwrap()
    }

    fn wait(&self, seconds: u64) {
        self.server.world.lock().unwrap().wait(seconds);
    }

    /// What an honest server records about an application.
    fn screening(&self, application: u64) -> ScreeningRecord {
        let world = self.server.world.lock().unwrap();
        let mut blobs = self.server.blobs.lock().unwrap();
        let (findings, observed) = {
            let held = |digest: &Digest| blobs.contains_key(&digest.to_string());
            let found = &world.state.applications[&application];
            screen_application(&world.state, found, &policies(), &held, world.now).unwrap()
        };
        let recorded = ctl_screening::recorded(&findings).unwrap();
        let report = serde_json::to_vec(&serde_json::json!({ "findings": findings })).unwrap();
        let report = [vec![9; 32], report].concat();
        let sha256 = Digest::of(&report);
        blobs.insert(sha256.to_string(), report);
        ScreeningRecord {
            application,
            engine: ctl_policy::ENGINE.parse().unwrap(),
            findings: recorded,
            ledger_size: world.state.size(),
            observed,
            policy: builtin_policy_ref().unwrap(),
            report: BlobRef { access: BlobAccess::Public, sha256 },
            screened_at: world.now,
        }
    }

    fn record(&self, record: ScreeningRecord) -> u64 {
        self.server.world.lock().unwrap().say(&["recorder"], record).unwrap()
    }

    fn screen(&self, application: u64) -> u64 {
        self.record(self.screening(application))
    }

    /// An operator applies with its root.
    async fn apply(&self, operator: &str) -> (u64, Digest) {
        let mut session = self.session();
        let certificate = self.path("root.pem");
        let pki = root(operator);
        std::fs::write(&certificate, pki.root().certificate().to_pem()).unwrap();
        let key = signing(&[operator]).keys[0].public_key().key_id();
        let asked = possession::challenge(&mut session, pki.root().certificate(), &na(), key).await.unwrap();
        let proof = self.path("proof.csr");
        std::fs::write(&proof, certification_request(pki.root(), &asked.common_name).unwrap()).unwrap();
        let Services { ocsp, crl, est, root_pool } = services();
        let services = Addresses { ocsp, crl, est, root_pool };
        let what = Root { uses: uses(), services, constraints: Limits::default(), possession: Some(proof) };
        let name = "Their root".parse().unwrap();
        let apply = Apply { certificate, list: na(), name, what, policy: Vec::new() };
        let prepared = apply.prepare(&mut session, &signing(&[operator])).await.unwrap();
        assert!(prepared.findings.is_empty(), "{:?}", prepared.findings);
        let fingerprint = prepared.fingerprint;
        (recorded(prepared.send(&mut session, &signing(&[operator])).await), fingerprint)
    }

    fn served(&self) -> Files {
        files(&self.server.world.lock().unwrap())
    }

    async fn audit(&self, served: &Files) -> Result<audit::Report, AdminError> {
        let url = write(&self.path("mirror"), served);
        let now = self.server.world.lock().unwrap().now;
        audit::run(options(&url, self.trust.clone(), None, now), &policies()).await
    }

    /// An operator's root, from the application to the published list.
    async fn admit(&self, operator: &str) -> Digest {
        let (application, fingerprint) = self.apply(operator).await;
        let mut session = self.session();
        let session = &mut session;
        self.screen(application);
        let heard = Evidence { application, fingerprint: Some(fingerprint), ..Evidence::default() };
        heard.run(session, &signing(&["elector-1"])).await.unwrap();
        let file = self.path("policy.txt");
        std::fs::write(&file, "our certificate policy").unwrap();
        let (kind, file) = (Some(EvidenceKind::CertificatePolicy), Some(file));
        let mut evidence = Evidence { application, kind, file, restricted: true, ..Evidence::default() };
        let error = evidence.run(session, &signing(&[operator])).await.unwrap_err();
        assert!(error.to_string().contains("is not encrypted"), "{error}");
        evidence.restricted = false;
        recorded(evidence.run(session, &signing(&[operator])).await);
        let file = self.path("audit.txt");
        std::fs::write(&file, "we looked at everything").unwrap();
        let dated = Some(session.now().minus_seconds(30 * DAY));
        let (kind, file) = (Some(EvidenceKind::AuditReport), Some(file));
        let audit = Evidence { application, kind, file, dated, ..Evidence::default() };
        recorded(audit.run(session, &signing(&["auditor"])).await);
        let comment = Comment { about: application, text: "looks good".into() };
        comment.run(session, &signing(&["elector-2"])).await.unwrap();

        let propose = Propose {
            proposed: Proposed::Admit(Admission { application, ..Admission::default() }),
            rationale: Some("they did everything".into()),
        };
        let Review::Application(seen) = review::one(session, application, &policies()).await.unwrap() else {
            panic!("an application")
        };
        assert!(seen.outdated.as_ref().unwrap().contains("was attached"), "{}", seen.text());
        self.screen(application);
        let error = propose.run(session, &signing(&["elector-1"])).await.unwrap_err();
        assert!(error.to_string().contains("under discussion until"), "{error}");
        assert_eq!(error.exit_code(), 1);
        self.wait(14 * DAY);
        let mut session = self.session();
        let session = &mut session;
        let proposal = recorded(propose.run(session, &signing(&["elector-1"])).await);
        for elector in ["elector-1", "elector-2"] {
            let vote = cast(proposal, Choice::Approve, None, None);
            vote.run(session, &signing(&[elector])).await.unwrap();
        }
        let Review::Proposal(review) = review::one(session, proposal, &policies()).await.unwrap() else {
            panic!("a proposal")
        };
        assert_eq!((review.approvals, review.quorum), (2, 2));
        let application = review.application.as_ref().unwrap();
        assert_eq!(application.findings_agree, Some(true), "{}", review.text());
        let [finding] = application.computed_findings.as_slice() else { panic!("{}", review.text()) };
        assert!(finding.starts_with("notice evidence-list: found missing"), "{finding}");
        assert_eq!((&application.outdated, &application.not_recomputable), (&None, &None));
        assert!(review.text().contains("+ root \"Their root\""), "{}", review.text());
        self.wait(8 * DAY);
        self.publish(&role(), ["signer-1", "signer-2"]).await;
        fingerprint
    }

    /// The server drafts, two people sign.
    async fn publish(&self, role: &Role, signers: [&str; 2]) {
        self.server.world.lock().unwrap().open_draft(role).unwrap();
        let mut session = self.session();
        for (number, signer) in (1..).zip(signers) {
            let prepared = prepare(&mut session, role, Tolerance::default()).await.unwrap();
            let stranger = prepared.sign(&mut session, &crate::common::story::key("elector-1")).await;
            assert!(stranger.unwrap_err().to_string().contains("may not sign"));
            let signed = prepared.sign(&mut session, &crate::common::story::key(signer)).await.unwrap();
            assert_eq!((signed.have, signed.published.is_some()), (number, number == 2));
        }
        let error = prepare(&mut session, role, Tolerance::default()).await.err().unwrap();
        assert!(error.to_string().contains("no draft"), "{error}");
    }
}

fn cast(proposal: u64, choice: Choice, rationale: Option<&str>, despite: Option<u64>) -> CastVote {
    let scrutiny = Scrutiny { despite_screening: despite, ..Scrutiny::default() };
    CastVote { proposal, choice, rationale: rationale.map(str::to_owned), scrutiny }
}

fn recorded(submission: Result<Submission, AdminError>) -> u64 {
    submission.unwrap().receipt().unwrap().index
}

#[tokio::test]
async fn a_root_goes_from_its_application_to_a_list_that_verifies_offline() {
    let stage = Stage::new().await;
    let fingerprint = stage.admit("beta-pki").await;
    assert_eq!(stage.server.blobs.lock().unwrap().len(), 6, "policy, audit, comment, rationale, reports");

    let served = stage.served();
    let file = stage.path("ctl.jws");
    std::fs::write(&file, &served["v1/lists/na/ctl.jws"]).unwrap();
    let Trust::Root(root) = &stage.trust else { panic!("by root.json") };
    let now = stage.server.world.lock().unwrap().now;
    let verified = verify::run(&file, root, now).unwrap();
    assert_eq!((verified.entries.len(), &verified.entries[0].id), (1, &fingerprint.to_string()));
    assert!(verified.text().starts_with("VALID: na") && verified.exit_code() == exit::DONE);
    for (days, over) in [(31, "document"), (400, "root")] {
        let late = verify::run(&file, root, now.plus_seconds(days * DAY)).unwrap();
        let text = late.text();
        assert!(text.starts_with("EXPIRED (") && text.lines().next().unwrap().contains(over), "{text}");
        assert!(!text.contains("VALID") && late.exit_code() == exit::EXPIRED, "{text}");
    }
    let mut forged = served["v1/lists/na/ctl.jws"].clone();
    let at = forged.windows(9).position(|window| window == b"\"payload\"").unwrap() + 40;
    forged[at] ^= 1;
    std::fs::write(&file, forged).unwrap();
    assert_eq!(verify::run(&file, root, now).unwrap_err().exit_code(), 1);
}

#[tokio::test]
async fn an_oem_sees_who_can_charge_where_and_which_roots_to_install() {
    let stage = Stage::new().await;
    let fingerprint = stage.admit("beta-pki").await;
    let now = stage.server.world.lock().unwrap().now;
    let asked = |source: Source| interop::Options {
        source,
        standard: Some(Standard::Iso15118_2),
        purpose: Purpose::V2g,
        svg: Some(stage.path("picture.svg")),
    };

    // From the log, which knows everything.
    let mut session = stage.session();
    let report = interop::run(asked(Source::default()), Some(&mut session), now).await.unwrap();
    let text = report.text();
    assert!(text.contains("verified and replayed") && text.contains("A Their root"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["answers"][0]["pairs"][0]["result"], "direct");
    assert_eq!(json["roots"][0]["fingerprint"], fingerprint.to_string());
    let picture = std::fs::read_to_string(stage.path("picture.svg")).unwrap();
    let roots = json["roots"].as_array().unwrap().len();
    assert!(
        picture.contains(&format!("0 of {roots} roots have cross-certificates")),
        "a root without any says nothing there"
    );

    // From a file alone: verified from root.json, or said not to be.
    let file = stage.path("ctl.jws").display().to_string();
    std::fs::write(&file, &stage.served()["v1/lists/na/ctl.jws"]).unwrap();
    let Trust::Root(root) = &stage.trust else { panic!("by root.json") };
    let list = |root: Option<&PathBuf>| Source {
        list: Some(file.clone()),
        root: root.cloned(),
        ..Source::default()
    };
    let verified = interop::run(asked(list(Some(root))), None, now).await.unwrap().text();
    assert!(
        verified.contains("signatures of 2 key(s) verified") && verified.contains("are assumed"),
        "{verified}"
    );
    let bare = interop::run(asked(list(None)), None, now).await.unwrap().text();
    assert!(bare.contains("NOT VERIFIED"), "{bare}");

    let (weights, chosen) = (stage.path("weights.toml"), stage.path("selection.json"));
    let ask = async |text: &str| {
        std::fs::write(&weights, text).unwrap();
        let options = budget::Options {
            source: list(Some(root)),
            standard: Standard::Iso15118_2,
            max_roots: 3,
            weights: Some(weights.clone()),
            short_chains: false,
            write: Some(chosen.clone()),
        };
        budget::run(options, None, now).await
    };
    let report = ask("[chargers]\n\"Their root\" = 1200\n").await.unwrap();
    assert_eq!((report.choices.len(), report.chargers, report.reachable), (1, 1200, 1200));
    assert_eq!((report.choices[0].reached, report.choices[0].exact), (1200, true));
    assert!(report.text().contains("+ Their root"), "{}", report.text());
    // Somebody looks at all of it and signs it off, for devices that follow that key.
    let shown = selection::Shown::read(&chosen).unwrap();
    assert!(shown.text().contains(&fingerprint.to_string()), "{}", shown.text());
    assert!(shown.text().contains("1 roots reach 1200 of 1200 chargers"), "{}", shown.text());
    let key = PrivateKey::from_seed(Algorithm::EdDsa, &[9; 32]).unwrap();
    let public = key.public_key();
    let signed = shown.clone().sign(&[Box::new(key)], stage.path("selection.jws")).unwrap();
    let bytes = std::fs::read(&signed.file).unwrap();
    assert_eq!(Selection::open(&bytes, &public).unwrap(), shown.0);
    // A list that nobody verified is nothing to choose from.
    let unverified = budget::Options {
        source: list(None),
        standard: Standard::Iso15118_2,
        max_roots: 3,
        weights: None,
        short_chains: false,
        write: Some(stage.path("never.json")),
    };
    let error = budget::run(unverified, None, now).await.unwrap_err();
    assert!(error.to_string().contains("give --root") && !stage.path("never.json").exists(), "{error}");
    let error = ask("[chargers]\n\"Nobody\" = 1\n").await.unwrap_err();
    assert!(error.to_string().contains("\"Nobody\" is neither the name"), "{error}");
    assert_eq!(ask("charger = 1").await.unwrap_err().exit_code(), 2);
}
