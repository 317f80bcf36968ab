//! Applications and votes as people read them.

use ctl_core::Digest;
use ctl_core::parts::WithdrawalReason;
use ctl_governance::statement::body::{
    ApplicationSubmit, ApplicationWithdraw, Candidate, Change, Choice, CommentAdd, NoticeIssue, ProposalOpen,
    ScreeningRecord, VoteCast,
};
use ctl_governance::statement::parts::{BlobAccess, BlobRef, EvidenceKind, Finding, Severity};
use ctl_sandbox::cross_certify;
use ctl_web::changes::{self, Publications};
use ctl_web::said::Text;
use serde_json::{Value, json};

use super::*;
use crate::common::world::{self, DAY, World, charter, na, policy, root, start};

/// A text as it is brought: its salt, and the words.
fn salted(content: &[u8]) -> (BlobRef, Vec<u8>) {
    let bytes = [&[9; 32][..], content].concat();
    (BlobRef { access: BlobAccess::Public, sha256: Digest::of(&bytes) }, bytes)
}

/// An application that was screened, with the findings in full in a blob.
fn screened(world: &mut World) -> (u64, Vec<u8>) {
    let application = world.apply_with_root("alpha-pki").unwrap();
    let found = format!("7 years {HOSTILE}");
    let full = json!({ "findings": [{
        "id": "validity", "severity": "warning", "waivable": true, "found": found,
        "expected": "at most 40 years", "source": "VDE-AR-E 2802-100-1 table 3",
    }] });
    let finding = Finding { id: "validity".parse().unwrap(), severity: Severity::Warning, waivable: true };
    (application, record_screening(world, application, finding, &full))
}

/// Records that an application was screened with one finding; gives the report that says it in full.
fn record_screening(world: &mut World, application: u64, finding: Finding, full: &Value) -> Vec<u8> {
    let (report, bytes) = salted(full.to_string().as_bytes());
    let record = ScreeningRecord {
        application,
        engine: "ctl-policy 1".parse().unwrap(),
        findings: vec![finding],
        ledger_size: world.state.size(),
        observed: world.observed(application),
        policy: policy(),
        report,
        screened_at: world.now,
    };
    world.say(&["recorder"], record).unwrap();
    bytes
}

#[tokio::test]
async fn an_applicant_sees_what_was_found_and_what_has_to_happen_next_at_each_step() {
    let mut world = World::published();
    let (application, report) = screened(&mut world);
    let path = format!("/applications/{application}");
    let served = Served::start(&world).await;
    let early = page(&served, &path).await;
    assert_tells(
        &early,
        &[
            "Missing: </strong>",
            "fingerprint confirmed over another channel (by someone who is not the applicant)",
        ],
    );
    assert_tells(&early, &["The findings in full are not here", "<code>validity</code>"]);
    served.blobs.put(&Digest::of(&report), &report).unwrap();
    // Whoever asked within a second hears the same.
    served.pass(2);
    let early = page(&served, &path).await;
    assert_tells(
        &early,
        &["at most 40 years", "VDE-AR-E 2802-100-1 table 3", &format!("7 years {HARMLESS}")],
    );
    served.stop().await;

    world.attach_all(application);
    let served = Served::start(&world).await;
    let discussed = page(&served, &path).await;
    assert_tells(
        &discussed,
        &["Every participant may comment", "2026-01-15 00:00 UTC", "the same fingerprint"],
    );
    assert!(!discussed.contains("Missing: "));
    served.stop().await;

    world.wait(14 * DAY);
    world.screen(application, Vec::new()).unwrap();
    let (why, rationale) =
        salted("It keeps the policy, and \u{202e}nobody\u{202c} objects.\n\n<b>Approve</b>".as_bytes());
    let open = ProposalOpen { rationale: Some(why), ..world.proposal_to_admit(application) };
    let proposal = world.say(&["elector-1"], open).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.vote("elector-2", proposal, Choice::Reject).unwrap();
    let served = Served::start(&world).await;
    served.blobs.put(&Digest::of(&rationale), &rationale).unwrap();
    let vote = page(&served, &format!("/proposals/{proposal}")).await;
    assert_tells(
        &vote,
        &["1 of 2 approvals that it needs", ">for</span>", ">against</span>", ">recused</span>", "none yet"],
    );
    assert_tells(
        &vote,
        &["It keeps the policy, and \\u202enobody\\u202c objects.", "&lt;b&gt;Approve&lt;/b&gt;"],
    );
    assert_tells(&vote, &["list na: + root &quot;A root&quot; of alpha-pki", "ctl-admin review"]);
    let listed = page(&served, "/proposals").await;
    assert_tells(&listed, &["Open votes", "admit <a href=\"/applications/"]);
    assert_tells(&page(&served, &path).await, &["being voted on", "no findings", "Proposal "]);
    served.stop().await;

    world.decide(proposal);
    world.publish_list();
    let served = Served::start(&world).await;
    let done = page(&served, &path).await;
    assert_tells(&done, &["it stands <a href=\"/certificates/", "put to the vote", "accepted with"]);
    let vote = page(&served, &format!("/proposals/{proposal}")).await;
    assert_tells(&vote, &[">accepted</span>", "3 approvals, 2 needed"]);
    let all = page(&served, "/applications?list=na&stage=accepted").await;
    assert_tells(&all, &["alpha-pki", "A root"]);
    assert_tells(
        &page(&served, "/applications?list=&stage=voting").await,
        &["There is no such application."],
    );
    for nonsense in [
        "/applications?stage=nonsense",
        "/applications/x",
        "/applications/0",
        "/proposals/0",
        "/applications?list=A+B",
    ] {
        let answer = served.get_with(nonsense, BROWSER).await;
        assert!(matches!(answer.status, 400 | 404), "{nonsense}: {answer:?}");
        assert_well_made(nonsense, &answer.text());
    }
}

#[tokio::test]
async fn what_became_of_an_admitted_root_stands_on_the_page_of_its_application() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    world.publish_list();
    let expires_at = world.now.plus_seconds(DAY);
    let reason = WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor, expires_at, list: na(), reason }).unwrap();
    let served = Served::start(&world).await;
    let [alpha, beta] = [0, 1].map(|at| *world.state.applications.keys().nth(at).unwrap());
    let shown = page(&served, &format!("/applications/{alpha}")).await;
    assert_tells(&shown, &["It is not trusted now: ", ">suspended</span>"]);
    assert!(!shown.contains("Nothing: it stands"));
    assert_tells(&page(&served, &format!("/applications/{beta}")).await, &["Nothing: it stands"]);
}

#[tokio::test]
async fn attack_a_hundred_notices_do_not_push_the_error_off_the_page() {
    let mut world = World::published();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let one = |id: &str, severity: &str| json!({ "id": id, "severity": severity, "waivable": false, "found": "f", "expected": "e", "source": "s" });
    let mut full: Vec<_> = (0..300).map(|n| one(&format!("note-{n}"), "notice")).collect();
    full.push(one("the-error", "error"));
    let finding = Finding { id: "the-error".parse().unwrap(), severity: Severity::Error, waivable: false };
    let bytes = record_screening(&mut world, application, finding, &json!({ "findings": full }));
    let served = Served::start(&world).await;
    served.blobs.put(&Digest::of(&bytes), &bytes).unwrap();
    let shown = page(&served, &format!("/applications/{application}")).await;
    let at = |what: &str| shown.find(&format!("<code>{what}</code>")).unwrap();
    assert!(at("the-error") < at("note-0"));
    assert_tells(&shown, &["And 101 more", "errors cannot be waived"]);
}

#[tokio::test]
async fn attack_texts_of_strangers_are_shown_as_texts_or_not_at_all() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let mut long = "a long line ".repeat(2_000).into_bytes();
    long.extend_from_slice(b"THE END");
    let attacks: [&[u8]; 7] = [
        b"<script>alert(1)</script><img src=x onerror=alert(1)>",
        "\u{202e}txt.exe\u{202c} \u{200b}hidden\u{0}\u{1b}[2J".as_bytes(),
        b"\xff\xfe\x00broken \xc3\x28",
        &long,
        &[b'\n'; 5000],
        &"Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}".repeat(500).into_bytes(),
        &vec![b'x'; 8 * 1024 * 1024 - 32],
    ];
    let mut blobs = Vec::new();
    for attack in attacks {
        let (comment, bytes) = salted(attack);
        world.say(&["mo-one"], CommentAdd { about: application, comment }).unwrap();
        blobs.push(bytes);
    }
    let served = Served::start(&world).await;
    let path = format!("/applications/{application}");
    let absent = page(&served, &path).await;
    assert_eq!(absent.matches("was never brought here").count(), attacks.len() + 1, "{absent}");
    for bytes in &blobs {
        served.blobs.put(&Digest::of(bytes), bytes).unwrap();
    }
    served.pass(2);
    let shown = page(&served, &path).await;
    assert_tells(
        &shown,
        &["&lt;script&gt;alert(1)&lt;/script&gt;", "\\u202etxt.exe\\u202c \\u200bhidden\\u0000\\u001b[2J"],
    );
    assert_tells(&shown, &["This is no text (it is not UTF-8).", "This is the beginning.", "(8 MiB)"]);
    assert!(!shown.contains("THE END"));
    assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{0}', '\u{1b}']));
    assert!(shown.len() < 100_000, "{} bytes", shown.len());

    let erased = Digest::of(&blobs[0]);
    served.blobs.erase(&erased).unwrap();
    served.pass(2);
    let shown = page(&served, &path).await;
    assert_tells(&shown, &[">erased</span>"]);
    assert!(!shown.contains("alert(1)"));
}

#[tokio::test]
async fn a_page_of_many_comments_leads_to_the_older_ones() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let say = |world: &mut World, number: u32| {
        let (comment, _) = salted(format!("comment {number}").as_bytes());
        world.say(&["mo-one"], CommentAdd { about: application, comment }).unwrap()
    };
    let entries: Vec<u64> = (0..30).map(|number| say(&mut world, number)).collect();
    let served = Served::start(&world).await;
    let path = format!("/applications/{application}");
    let first = page(&served, &path).await;
    assert_eq!(first.matches("<article").count(), 20);
    let older = format!("{path}?before={}", entries[10]);
    assert_tells(&first, &[&older, "(30 in all)"]);
    let second = page(&served, &older).await;
    assert_eq!(second.matches("<article").count(), 10);
    assert!(!second.contains("Older comments"));
}

#[tokio::test]
async fn what_a_cross_certificate_would_bring_stands_on_the_page_of_its_application() {
    let mut world = World::published();
    let (issuer, subject) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    let (alpha, beta) = (root("alpha-pki"), root("beta-pki"));
    let until = start().plus_seconds(3650 * DAY).unix();
    let cross = cross_certify(alpha.root(), beta.root().certificate(), start().unix(), until).unwrap();
    let submit = ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer, subject },
        name: "beta by alpha".parse().unwrap(),
        ..world::application(cross.der().to_vec())
    };
    let index = world.say(&["alpha-pki"], submit).unwrap();
    let served = Served::start(&world).await;
    let shown = page(&served, &format!("/applications/{index}")).await;
    assert_tells(
        &shown,
        &["What it would make possible", "EVs that trust only A root will accept EVSEs under A root"],
    );
    assert_tells(&shown, &["Asks that", "may vouch for", &format!("href=\"/certificates/{issuer}\"")]);
    // A root has uses instead.
    let application = world.state.applications.keys().next().unwrap();
    let root = page(&served, &format!("/applications/{application}")).await;
    assert!(!root.contains("What it would make possible"));
}

#[tokio::test]
async fn an_elector_reads_on_the_page_of_a_vote_what_was_said_with_it() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    let (why, _) = salted(b"because");
    let leaf = world.state.proposals[&proposal].leaf_hash;
    let vote = VoteCast { choice: Choice::Abstain, proposal: leaf, rationale: Some(why) };
    let vote = world.say(&["elector-2"], vote).unwrap();
    let served = Served::start(&world).await;
    let shown = page(&served, &format!("/proposals/{proposal}")).await;
    assert_tells(&shown, &[">neither</span>", &format!("href=\"/log/{vote}\""), &leaf.to_string()]);
    // The reason that the proposal names was never brought here, and the page says so.
    assert_tells(&shown, &["was never brought here"]);
}

#[test]
fn an_application_whose_list_asks_for_other_evidence_by_now_says_what_is_missing() {
    let amended = |evidence: &[EvidenceKind]| {
        let mut charter = charter();
        charter.lists.get_mut(&na()).unwrap().required_evidence = evidence.to_vec();
        Change::AmendCharter { charter: Box::new(charter) }
    };
    let decide = |world: &mut World, change: Change| {
        let proposal = world.propose("elector-1", change).unwrap();
        world.decide(proposal);
    };
    // Less than before: all of it is there, and nothing begins by itself.
    let mut world = World::published();
    let waits = world.apply_with_root("alpha-pki").unwrap();
    world.screen(waits, Vec::new()).unwrap();
    assert_tells(&standing::application(&world, waits), &["This evidence is to be attached: fingerprint"]);
    decide(&mut world, amended(&[]));
    let page = standing::application(&world, waits);
    assert_tells(&page, &["The discussion begins with the next screening or piece of evidence."]);
    assert!(!page.contains("is to be attached"), "{page}");
    world.screen(waits, Vec::new()).unwrap();
    assert_tells(&standing::application(&world, waits), &["Every participant may comment"]);

    // More than before: a vote would be refused.
    let mut world = World::published();
    let discussed = world.discussed("alpha-pki");
    decide(&mut world, amended(&[EvidenceKind::AuditReport]));
    let page = standing::application(&world, discussed);
    assert_tells(
        &page,
        &["It is discussed.", "Before a vote, this evidence is to be attached: audit report"],
    );
    assert!(!page.contains("can put it to the vote"), "{page}");
}

#[test]
fn a_vote_that_ended_with_its_application_is_not_told_as_a_rejection() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let open = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], open).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    world.say(&["alpha-pki"], ApplicationWithdraw { application }).unwrap();
    let told = changes::latest(&world.state, &Publications::default(), 100);
    let told = told.iter().find(|one| one.kind == "decision").unwrap().what.text();
    assert_eq!(told, "Ended with its application: admit A root to list North America (1 approval, 2 needed)");
    let texts = |_: &Digest, _: bool| Text::Absent;
    let vote = standing::made(&world, |frame| ctl_web::proposal(frame, proposal, &texts, None));
    assert_tells(&vote, &[">ended with its application</span>"]);
    for page in [vote, standing::application(&world, application)] {
        assert!(!page.contains("rejected"), "{page}");
    }
}
