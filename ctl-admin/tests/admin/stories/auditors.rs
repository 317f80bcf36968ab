//! Stories of auditors: everything is in order, or what was tampered with is found.

use super::*;

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
    let kind = Some(ctl_governance::statement::parts::ParticipantKind::Auditor);
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
