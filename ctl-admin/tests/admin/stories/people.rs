//! Stories of people: their keys, and what several of them sign.

use super::*;

#[tokio::test]
async fn people_register_rotate_keys_and_sign_one_statement_from_several_places() {
    let stage = Stage::new().await;
    let mut session = stage.session();
    let register = participant::Register {
        id: "gamma-mo".parse().unwrap(),
        organisation: "gamma".parse().unwrap(),
        name: "Gamma".parse().unwrap(),
        kinds: vec![ctl_governance::statement::parts::ParticipantKind::Mo],
        public_key: None,
    };
    let out = stage.path("register.json");
    let own = Signing { out: Some(out.clone()), ..signing(&["gamma-mo"]) };
    let pending = register.run(&mut session, &own).await.unwrap();
    assert!(matches!(pending, Submission::Pending { .. }));
    assert!(register.run(&mut session, &own).await.is_err(), "the file is not overwritten");
    let error = submit(&mut session, &out).await.unwrap_err();
    assert!(error.to_string().contains("too-few-signatures"), "{error}");
    let officer = signing(&["admissions"]).keys;
    Pending::read(&out).unwrap().cosign(&out, &officer).unwrap();
    assert!(Pending::read(&out).unwrap().cosign(&out, &officer).is_err(), "once is enough");
    let entry = recorded(submit(&mut session, &out).await);
    assert_eq!(recorded(submit(&mut session, &out).await), entry, "the log takes it once");

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
