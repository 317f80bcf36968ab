//! Stories of electors whose server lies to them about a screening.

use super::*;

impl Stage {
    /// An application without the audit report that the policy asks for, and a recorder that keeps silent about it.
    async fn forged(&self) -> (u64, u64) {
        let (application, fingerprint) = self.apply("beta-pki").await;
        let mut session = self.session();
        let heard = Evidence { application, fingerprint: Some(fingerprint), ..Evidence::default() };
        heard.run(&mut session, &signing(&["elector-1"])).await.unwrap();
        let file = self.path("policy.txt");
        std::fs::write(&file, "our certificate policy").unwrap();
        let (kind, file) = (Some(EvidenceKind::CertificatePolicy), Some(file));
        let policy = Evidence { application, kind, file, ..Evidence::default() };
        policy.run(&mut session, &signing(&["beta-pki"])).await.unwrap();
        let honest = self.screening(application);
        assert!(honest.findings.iter().any(|finding| finding.severity == Severity::Error));
        let screening = self.record(ScreeningRecord { findings: Vec::new(), ..honest });
        self.wait(14 * DAY);
        (application, screening)
    }
}

/// To admit a root, maybe despite the screening of an entry.
fn admit(application: u64, despite_screening: Option<u64>) -> Propose {
    let scrutiny = Scrutiny { despite_screening, ..Scrutiny::default() };
    let proposed = Proposed::Admit(Admission { application, scrutiny, ..Admission::default() });
    Propose { proposed, rationale: None }
}

/// Refused because of the screening, with the way to go ahead.
fn refused<T>(result: Result<T, AdminError>, screening: u64) {
    let Err(error) = result else { panic!("went ahead") };
    let text = error.to_string();
    assert!(matches!(error, AdminError::Untrue(_)), "{text}");
    for part in ["IS NOT WHAT THE POLICY FINDS", "audit-report", "Nothing was signed"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains(&format!("--despite-screening {screening}")), "{text}");
}

#[tokio::test]
async fn nobody_proposes_or_votes_on_a_forged_screening_without_naming_it() {
    let stage = Stage::new().await;
    let (application, screening) = stage.forged().await;
    let mut session = stage.session();
    let session = &mut session;
    let review = review::one(session, application, &policies()).await.unwrap();
    assert_eq!(review.exit_code(), ctl_admin::exit::NO, "{}", review.text());

    let size = || stage.server.world.lock().unwrap().state.size();
    let before = size();
    let elector = signing(&["elector-1"]);
    refused(admit(application, None).run(session, &elector).await, screening);
    refused(admit(application, Some(screening + 1)).prepare(session, &elector).await, screening);
    assert_eq!(size(), before, "nothing left this machine");
    let prepared = admit(application, Some(screening)).prepare(session, &elector).await.unwrap();
    let text = prepared.text();
    assert!(text.contains(&format!("overridden by --despite-screening {screening}")), "{text}");
    assert!(text.contains("found here and not in the record: error audit-report"), "{text}");
    let proposal = recorded(prepared.send(session, &elector).await);

    for choice in [Choice::Approve, Choice::Reject] {
        let vote = cast(proposal, choice, None, None);
        refused(vote.run(session, &signing(&["elector-2"])).await, screening);
    }
    let vote = cast(proposal, Choice::Reject, Some("it is forged"), Some(screening));
    let prepared = vote.prepare(session, &signing(&["elector-2"])).await.unwrap();
    let text = prepared.text();
    assert!(
        text.contains("ATTENTION") && text.contains("you REJECT") && text.contains("it is forged"),
        "{text}"
    );
    recorded(prepared.send(session, &signing(&["elector-2"])).await);
}

#[tokio::test]
async fn a_screening_that_cannot_be_computed_again_is_no_ground_for_a_vote() {
    let stage = Stage::new().await;
    let (application, _) = stage.forged().await;
    let old = ScreeningRecord {
        engine: "ctl-policy 0".parse().unwrap(),
        findings: Vec::new(),
        ..stage.screening(application)
    };
    let screening = stage.record(old);
    let mut session = stage.session();
    let elector = signing(&["elector-1"]);
    let error = admit(application, None).run(&mut session, &elector).await.err().unwrap().to_string();
    assert!(error.contains("cannot be computed again here") && error.contains("ctl-policy 0"), "{error}");
    assert!(admit(application, Some(screening)).prepare(&mut session, &elector).await.is_ok());
    let review = review::one(&mut session, application, &policies()).await.unwrap();
    assert_eq!(review.exit_code(), ctl_admin::exit::NO, "an open application: {}", review.text());
}

#[tokio::test]
async fn an_honest_vote_shows_all_that_it_is_about() {
    let stage = Stage::new().await;
    let proposed = Proposed::WithdrawAuditor { auditor: "auditor".parse().unwrap() };
    let propose = Propose { proposed, rationale: Some("they went away".into()) };
    let mut session = stage.session();
    let prepared = propose.prepare(&mut session, &signing(&["elector-1"])).await.unwrap();
    let text = prepared.text();
    assert!(text.contains("count no more") && text.contains("\"they went away\""), "{text}");
    assert!(
        text.contains("+ auditor: \"auditor\"") && text.contains("+ kind: \"withdraw-auditor\""),
        "{text}"
    );
    let proposal = recorded(prepared.send(&mut session, &signing(&["elector-1"])).await);
    let vote = cast(proposal, Choice::Approve, None, None);
    let prepared = vote.prepare(&mut session, &signing(&["elector-2"])).await.unwrap();
    assert!(prepared.text().contains("you APPROVE proposal"), "{}", prepared.text());
    recorded(prepared.send(&mut session, &signing(&["elector-2"])).await);
}
