//! The whole road with the tool's library: an application becomes a signed list, and an auditor finds
//! everything in order, or what was tampered with.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::story::{DAY, World, charter_2, na, root, services, uses};
use common::{Files, Server, files, options, root_json, write};
use ctl_admin::application::{Apply, Comment, Evidence, Exhibit, Limits, What};
use ctl_admin::compose::{Signing, Submission};
use ctl_admin::draft::{Tolerance, prepare};
use ctl_admin::interop::{self, Source};
use ctl_admin::output::Render as _;
use ctl_admin::pending::{Pending, submit};
use ctl_admin::proposal::{CastVote, Propose, Proposed};
use ctl_admin::review::{self, Review};
use ctl_admin::screening::{Policies, builtin_policy_ref, screen_application};
use ctl_admin::session::Trust;
use ctl_admin::{AdminError, Session, audit, budget, mo, notice, participant, verify};
use ctl_core::Digest;
use ctl_core::interop::budget::Counting;
use ctl_core::role::Role;
use ctl_core::statement::body::{Change, Choice, ScreeningRecord};
use ctl_core::statement::parts::{
    BlobAccess, BlobRef, EvidenceKind, Finding, Observed, ObservedKind, Purpose, Severity, Standard,
    WithdrawalReason,
};
use tempfile::TempDir;

fn role() -> Role {
    Role::List(na())
}

fn signing(names: &[&str]) -> Signing {
    Signing { keys: names.iter().map(|name| common::story::key(name)).collect(), out: None }
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
        let mut charter = charter_2();
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

    fn session(&self) -> Session {
        let now = self.server.world.lock().unwrap().now;
        Session::open(options(&self.server.url, self.trust.clone(), Some(&self.path("cache")), now)).unwrap()
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
        let severity = |finding: &ctl_policy::Finding| match finding.severity {
            ctl_policy::Severity::Notice => Severity::Notice,
            ctl_policy::Severity::Warning => Severity::Warning,
            ctl_policy::Severity::Error => Severity::Error,
        };
        let mut recorded: Vec<Finding> = findings
            .iter()
            .map(|finding| Finding {
                id: finding.id.parse().unwrap(),
                severity: severity(finding),
                waivable: finding.waivable,
            })
            .collect();
        recorded.sort_by(|a, b| a.id.cmp(&b.id));
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
        std::fs::write(&certificate, root(operator).root().certificate().to_pem()).unwrap();
        let what = What::Root { uses: uses(), services: services(), constraints: Limits::default() };
        let apply = Apply { certificate, list: na(), name: "Their root".parse().unwrap(), what };
        let prepared = apply.prepare(&mut session, &policies()).await.unwrap();
        assert!(prepared.findings.is_empty(), "{:?}", prepared.findings);
        let fingerprint = prepared.fingerprint;
        (recorded(prepared.send(&session, &signing(&[operator])).await), fingerprint)
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
        let heard = Evidence { application, exhibit: Exhibit::Fingerprint(fingerprint) };
        heard.run(session, &signing(&["elector-1"])).await.unwrap();
        let file = self.path("policy.txt");
        std::fs::write(&file, "our certificate policy").unwrap();
        let mut exhibit =
            Exhibit::Document { kind: EvidenceKind::CertificatePolicy, file, restricted: true, dated: None };
        let evidence = Evidence { application, exhibit: exhibit.clone() };
        let error = evidence.run(session, &signing(&[operator])).await.unwrap_err();
        assert!(error.to_string().contains("is not encrypted"), "{error}");
        if let Exhibit::Document { restricted, .. } = &mut exhibit {
            *restricted = false;
        }
        recorded(Evidence { application, exhibit }.run(session, &signing(&[operator])).await);
        let file = self.path("audit.txt");
        std::fs::write(&file, "we looked at everything").unwrap();
        let dated = Some(session.now().minus_seconds(30 * DAY));
        let exhibit = Exhibit::Document { kind: EvidenceKind::AuditReport, file, restricted: false, dated };
        recorded(Evidence { application, exhibit }.run(session, &signing(&["auditor"])).await);
        let comment = Comment { about: application, text: "looks good".into() };
        comment.run(session, &signing(&["elector-2"])).await.unwrap();

        let propose = Propose {
            proposed: Proposed::Admit { application, waived: Vec::new(), uses: None, constraints: None },
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
            let vote = CastVote { proposal, choice: Choice::Approve, rationale: None };
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
            let stranger = prepared.sign(&session, &common::story::key("elector-1")).await;
            assert!(stranger.unwrap_err().to_string().contains("may not sign"));
            let signed = prepared.sign(&session, &common::story::key(signer)).await.unwrap();
            assert_eq!((signed.have, signed.published.is_some()), (number, number == 2));
        }
        let error = prepare(&mut session, role, Tolerance::default()).await.err().unwrap();
        assert!(error.to_string().contains("no draft"), "{error}");
    }
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
        time: None,
        standard: Some(Standard::Iso15118_2),
        purpose: Purpose::V2g,
        svg: Some(stage.path("picture.svg")),
    };

    // From the log, which knows everything.
    let mut session = stage.session();
    let report = interop::run(asked(Source::Log { list: None }), Some(&mut session), now).await.unwrap();
    let text = report.text();
    assert!(text.contains("verified and replayed") && text.contains("A Their root"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["answers"][0]["pairs"][0]["result"], "direct");
    assert_eq!(json["roots"][0]["fingerprint"], fingerprint.to_string());
    let picture = std::fs::read_to_string(stage.path("picture.svg")).unwrap();
    assert!(picture.contains(">Their root</text>"));

    // From a file alone: verified from root.json, or said not to be.
    let file = stage.path("ctl.jws").display().to_string();
    std::fs::write(&file, &stage.served()["v1/lists/na/ctl.jws"]).unwrap();
    let Trust::Root(root) = &stage.trust else { panic!("by root.json") };
    let list = |root: Option<&PathBuf>| Source::List { place: file.clone(), root: root.cloned() };
    let verified = interop::run(asked(list(Some(root))), None, now).await.unwrap().text();
    assert!(
        verified.contains("signatures of 2 key(s) verified") && verified.contains("are assumed"),
        "{verified}"
    );
    let bare = interop::run(asked(list(None)), None, now).await.unwrap().text();
    assert!(bare.contains("NOT VERIFIED"), "{bare}");

    let weights = stage.path("weights.toml");
    let ask = async |text: &str| {
        std::fs::write(&weights, text).unwrap();
        let options = budget::Options {
            source: list(Some(root)),
            time: None,
            standard: Standard::Iso15118_2,
            max_roots: 3,
            weights: Some(weights.clone()),
            counting: Counting::All,
        };
        budget::run(options, None, now).await
    };
    let report = ask("[chargers]\n\"Their root\" = 1200\n").await.unwrap();
    assert_eq!((report.choices.len(), report.chargers, report.reachable), (1, 1200, 1200));
    assert_eq!((report.choices[0].reached, report.choices[0].exact), (1200, true));
    assert!(report.text().contains("+ Their root"), "{}", report.text());
    let error = ask("[chargers]\n\"Nobody\" = 1\n").await.unwrap_err();
    assert!(error.to_string().contains("\"Nobody\" is neither the name"), "{error}");
    assert_eq!(ask("charger = 1").await.unwrap_err().exit_code(), 2);
}

#[tokio::test]
async fn an_auditor_finds_every_file_in_order_and_every_one_that_was_changed() {
    let stage = Stage::new().await;
    stage.admit("beta-pki").await;
    stage.wait(60);
    stage.publish(&role(), ["signer-2", "signer-3"]).await;
    let served = stage.served();
    let report = stage.audit(&served).await.unwrap();
    assert!(report.is_clean(), "{}", report.text());
    assert_eq!(report.publications.len(), 4);

    let log: Vec<&str> = vec!["log/checkpoint", "log/tile/entries/"];
    for path in served.keys().filter(|path| !log.iter().any(|part| path.starts_with(part))) {
        if path.starts_with("v1/drafts/") {
            continue;
        }
        let mut changed = served.clone();
        let bytes = changed.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let report = stage.audit(&changed).await.unwrap();
        assert!(!report.is_clean(), "a flipped bit in {path} was not seen");
        let mut missing = served.clone();
        missing.remove(path);
        let report = stage.audit(&missing).await.unwrap();
        assert!(report.differences.iter().any(|line| line.contains("missing")), "{path} is not missed");
    }
}

#[tokio::test]
async fn an_auditor_computes_every_screening_again() {
    let stage = Stage::new().await;
    stage.admit("beta-pki").await;
    let mut served = stage.served();
    let report = stage.audit(&served).await.unwrap();
    assert!(report.is_clean(), "{}", report.text());
    let counts = |report: &audit::Report| {
        let screenings = &report.screenings;
        let (away, gone) = (screenings.not_recomputable.len(), screenings.without_report.len());
        (screenings.recorded, screenings.same, away, gone)
    };
    assert_eq!(counts(&report), (2, 2, 0, 2), "this mirror carries no blobs");
    for (digest, blob) in &*stage.server.blobs.lock().unwrap() {
        served.insert(format!("v1/blobs/{digest}"), blob.clone());
    }
    assert_eq!(counts(&stage.audit(&served).await.unwrap()), (2, 2, 0, 0));
    let latest = stage.server.world.lock().unwrap().state.applications.values().next().unwrap().clone();
    let path = format!("v1/blobs/{}", latest.screening.as_ref().unwrap().report.sha256);
    served.get_mut(&path).unwrap().push(b' ');
    let report = stage.audit(&served).await.unwrap();
    assert!(report.differences.iter().any(|line| line.contains("another file")), "{}", report.text());

    // A recorder that keeps silent about what is missing, one that accuses, and one that claims to have
    // seen a document.
    let (application, _) = stage.apply("alpha-pki").await;
    let honest = stage.screening(application);
    let silent = ScreeningRecord { findings: Vec::new(), ..honest.clone() };
    let mut accuser = honest.clone();
    let id = "validity-now".parse().unwrap();
    accuser.findings.push(Finding { id, severity: Severity::Error, waivable: true });
    let mut dreamer = honest.clone();
    let sha256 = Digest::of(b"a dream");
    dreamer.observed.insert(1, Observed { what: ObservedKind::Evidence, sha256 });
    for (record, expected) in [
        (silent, "found here and not in the record: error audit-report"),
        (accuser, "the record has error validity-now, which is not found here"),
        (dreamer, "the record observed other things"),
    ] {
        let entry = stage.record(record);
        let report = stage.audit(&stage.served()).await.unwrap();
        let line = format!("entry {entry}, screening of application {application}: ");
        let difference = report.differences.iter().find(|found| found.starts_with(&line));
        assert!(difference.is_some_and(|found| found.contains(expected)), "{}", report.text());
        let Review::Application(review) =
            review::one(&mut stage.session(), application, &policies()).await.unwrap()
        else {
            panic!("an application")
        };
        assert_eq!(review.findings_agree, Some(false));
        assert!(review.text().contains("THE RECORD OF THE SCREENING IS NOT"), "{}", review.text());
    }
}

#[tokio::test]
async fn what_another_engine_found_is_not_recomputable_and_no_fault() {
    let stage = Stage::new().await;
    let (application, _) = stage.apply("alpha-pki").await;
    let old = ScreeningRecord { engine: "ctl-policy 1".parse().unwrap(), ..stage.screening(application) };
    stage.record(old);
    let report = stage.audit(&stage.served()).await.unwrap();
    assert!(report.is_clean(), "{}", report.text());
    let [line] = report.screenings.not_recomputable.as_slice() else { panic!("{}", report.text()) };
    assert!(line.contains("ctl-policy 1"), "{line}");
    let reviewed = review::one(&mut stage.session(), application, &policies()).await.unwrap();
    assert!(reviewed.text().contains("not recomputable"), "{}", reviewed.text());
    assert!(
        reviewed.text().contains("error audit-report"),
        "what was recorded is shown: {}",
        reviewed.text()
    );
}

#[tokio::test]
async fn people_see_who_is_accredited() {
    let stage = Stage::new().await;
    let mut session = stage.session();
    let kind = Some(ctl_core::statement::parts::ParticipantKind::Auditor);
    let auditors = participant::list(&mut session, kind).await.unwrap();
    let text = auditors.text();
    assert_eq!(auditors.0.len(), 2);
    assert!(text.contains("accredited by proposal") && text.contains("not accredited"), "{text}");
    let proposed = Proposed::WithdrawAuditor { auditor: "auditor".parse().unwrap() };
    let propose = Propose { proposed, rationale: None };
    let proposal = recorded(propose.run(&mut session, &signing(&["elector-1"])).await);
    let reviewed = review::one(&mut session, proposal, &policies()).await.unwrap();
    assert!(reviewed.text().contains("count no more"), "{}", reviewed.text());
    stage.server.world.lock().unwrap().decide(proposal);
    let auditors = participant::list(&mut stage.session(), kind).await.unwrap();
    assert!(auditors.text().contains("accreditation withdrawn at"), "{}", auditors.text());
}

#[tokio::test]
async fn an_auditor_sees_metadata_that_nobody_recorded() {
    let stage = Stage::new().await;
    let mut served = stage.served();
    served.insert("tuf/metadata/2.root.json".into(), served["tuf/metadata/1.root.json"].clone());
    let report = stage.audit(&served).await.unwrap();
    assert!(report.differences.iter().any(|line| line.contains("2.root.json")), "{}", report.text());
}

#[tokio::test]
async fn people_register_rotate_keys_and_sign_one_statement_from_several_places() {
    let stage = Stage::new().await;
    let mut session = stage.session();
    let register = participant::Register {
        id: "gamma-mo".parse().unwrap(),
        organisation: "gamma".parse().unwrap(),
        name: "Gamma".parse().unwrap(),
        kinds: vec![ctl_core::statement::parts::ParticipantKind::Mo],
        public_key: None,
    };
    let out = stage.path("register.json");
    let own = Signing { out: Some(out.clone()), ..signing(&["gamma-mo"]) };
    let pending = register.run(&mut session, &own).await.unwrap();
    assert!(matches!(pending, Submission::Pending { .. }));
    assert!(register.run(&mut session, &own).await.is_err(), "the file is not overwritten");
    let error = submit(&session, &out).await.unwrap_err();
    assert!(error.to_string().contains("too-few-signatures"), "{error}");
    let officer = signing(&["admissions"]).keys;
    Pending::read(&out).unwrap().cosign(&out, &officer).unwrap();
    assert!(Pending::read(&out).unwrap().cosign(&out, &officer).is_err(), "once is enough");
    recorded(submit(&session, &out).await);
    let error = submit(&session, &out).await.unwrap_err();
    assert!(error.to_string().contains("replayed"), "{error}");

    let rotate = participant::RotateKey.run(&mut session, &signing(&["gamma-mo", "gamma-new"])).await;
    recorded(rotate);
    let again = participant::RotateKey.run(&mut session, &signing(&["gamma-mo", "gamma-newer"])).await;
    assert!(again.unwrap_err().to_string().contains("replaced already"));

    let id: ctl_core::names::MoId = "USEVG".parse().unwrap();
    let assign =
        mo::Mo::Assign { id: id.clone(), holder: "mo-one".parse().unwrap(), source: "us".parse().unwrap() };
    recorded(assign.run(&mut session, &signing(&["registrar"])).await);
    let transfer = mo::Mo::Transfer { id, to: "mo-two".parse().unwrap() };
    assert!(transfer.run(&mut session, &signing(&["registrar"])).await.is_err(), "its holder must sign");
    recorded(transfer.run(&mut session, &signing(&["registrar", "mo-one"])).await);
}

#[tokio::test]
async fn an_officer_suspends_a_root_and_two_lift_it() {
    let stage = Stage::new().await;
    let fingerprint = stage.admit("beta-pki").await;
    let mut session = stage.session();
    let issue = notice::Issue {
        list: na(),
        anchor: fingerprint,
        reason: WithdrawalReason::KeyCompromise,
        seconds: None,
    };
    let error = issue.run(&mut session, &signing(&["officer-1"])).await.unwrap_err();
    assert!(error.to_string().contains("no other anchor"), "{error}");
    stage.admit("alpha-pki").await;
    let mut session = stage.session();
    let notice = recorded(issue.run(&mut session, &signing(&["officer-1"])).await);
    let overview = review::overview(&mut session).await.unwrap();
    assert_eq!(overview.notices.len(), 1, "{}", overview.text());
    let lift = notice::Lift { notice };
    assert!(lift.run(&mut session, &signing(&["officer-1"])).await.is_err(), "one is not enough");
    recorded(lift.run(&mut session, &signing(&["officer-1", "officer-2"])).await);
}
