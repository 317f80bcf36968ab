//! The control listener, the table of switches, and what cannot be switched.

use std::collections::BTreeSet;

use ctl_pki::ocsp::{Hash, ResponseStatus};
use ctl_sandbox::live::{Code, Kind, Live, LiveError, NOT_SWITCHED, Options, Revocation, switches};
use ctl_sandbox::{PkiKind, PkiSpec, Role, cross_certify};
use serde_json::{Value, json};

use super::client::{DAY, NOW, Reply, Sandbox, send_to, spec};

async fn control(sandbox: &Sandbox, method: &str, path: &str) -> Reply {
    let address = sandbox.live.control_address();
    send_to(address, method, &format!("http://{address}{path}"), "", &[]).await.unwrap()
}

async fn faults(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&control(sandbox, "GET", "/faults").await.body).unwrap()
}

#[tokio::test]
async fn faults_are_switched_by_http() {
    let sandbox = Sandbox::aurora().await;
    let (url, canaries) = sandbox.responders("aurora").remove(0);
    let question = Sandbox::question(&canaries.issuer, canaries.good[0].serial(), false);
    let status = async || sandbox.post(&url, &question, Hash::Sha256).await.ocsp().status();
    let path = "/faults/aurora/ocsp/responder_try_later";
    assert_eq!(control(&sandbox, "PUT", path).await.status, 200);
    assert_eq!(status().await, ResponseStatus::TryLater);
    let on = json!({ "pki": "aurora", "kind": "ocsp", "code": "responder_try_later", "issuer": null });
    assert_eq!(faults(&sandbox).await, json!([on]));
    assert_eq!(control(&sandbox, "DELETE", path).await.status, 200);
    assert_eq!(status().await, ResponseStatus::Successful);
    // Of one CA only, and that is not the one asked.
    assert_eq!(control(&sandbox, "PUT", &format!("{path}?issuer=cpo-sub1")).await.status, 200);
    assert_eq!(status().await, ResponseStatus::Successful);
    assert_eq!(faults(&sandbox).await[0]["issuer"], "cpo-sub1");
    assert_eq!(control(&sandbox, "PUT", &format!("{path}?issuer=root")).await.status, 200);
    assert_eq!(status().await, ResponseStatus::TryLater);
    assert_eq!(control(&sandbox, "DELETE", "/faults").await.status, 200);
    assert_eq!((status().await, faults(&sandbox).await), (ResponseStatus::Successful, json!([])));
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_what_does() {
    let sandbox = Sandbox::aurora().await;
    for (path, status, word) in [
        ("/faults/eclipse/ocsp/slow", 404, "aurora"),
        ("/faults/aurora/ocps/slow", 404, "root-pool"),
        ("/faults/aurora/ocsp/slowly", 404, "ctl-sandbox faults"),
        ("/faults/aurora/ocsp/crl_number_missing", 404, "ocsp has no fault crl_number_missing"),
        ("/faults/aurora/crl/ca_expiring", 404, "RootEnds"),
        ("/faults/aurora/ocsp/slow?issuer=secc", 404, "cpo-sub2"),
        ("/faults/aurora/crl/distribution_points_disagree", 409, "mirrored"),
        ("/elsewhere", 404, "/switches"),
    ] {
        let reply = control(&sandbox, "PUT", path).await;
        let text = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status, status, "{path}: {text}");
        assert!(text.contains(word), "{path}: {text}");
    }
    assert_eq!(faults(&sandbox).await, json!([]));
}

#[tokio::test]
async fn the_control_listener_tells_what_there_is() {
    let sandbox = Sandbox::aurora().await;
    let get = async |path: &str| -> Value {
        serde_json::from_slice(&control(&sandbox, "GET", path).await.body).unwrap()
    };
    let table = get("/switches").await;
    assert_eq!(table.as_array().unwrap().len(), switches().count());
    assert_eq!(get("/hosts/crl.aurora.example").await, json!(["127.0.0.1"]));
    let pkis = get("/pkis").await;
    assert_eq!((&pkis[0]["pki"], pkis[0]["urls"].as_object().unwrap().len()), (&json!("aurora"), 6));
    let canaries = sandbox.live.canaries("aurora").unwrap();
    for (told, canaries) in pkis[0]["canaries"].as_array().unwrap().iter().zip(canaries) {
        assert_eq!(told["revoked"], json!(canaries.revoked));
        assert_eq!(told["issuer"], hex::encode(canaries.issuer.sha256()));
    }
    let help = control(&sandbox, "GET", "/").await;
    assert!(String::from_utf8(help.body).unwrap().contains("PUT    /faults/{pki}/{kind}/{code}"));
}

#[test]
fn every_code_has_its_switches_or_a_reason_why_not() {
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    let mut seen = BTreeSet::new();
    for switch in switches() {
        assert!(seen.insert((switch.kind, switch.code)), "{} {} twice", switch.kind, switch.code);
        assert!(!switch.does.is_empty() && !switch.besides.contains(&switch.code));
    }
    for code in Code::ALL {
        assert_eq!(Code::from_name(code.as_str()), Some(code));
        let is_switched = seen.iter().any(|(_, switched)| *switched == code);
        let is_explained = NOT_SWITCHED.iter().any(|(explained, _)| *explained == code);
        assert!(is_switched != is_explained, "{code}");
    }
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
        assert!(seen.iter().any(|(switched, _)| *switched == kind));
    }
}

#[tokio::test]
async fn every_switch_can_be_switched_where_it_applies() {
    let mirrored = PkiSpec { crl_points: ctl_sandbox::CrlPoints::Mirrored, ..spec(PkiKind::V2g, "Aurora") };
    let sandbox = Sandbox::start(vec![mirrored], Default::default()).await;
    for switch in switches() {
        sandbox.live.set_fault("aurora", switch.kind.as_str(), switch.code.as_str(), true).unwrap();
    }
    assert_eq!(sandbox.live.faults().len(), switches().count());
}

#[tokio::test]
async fn certificates_can_be_recorded_and_revoked() {
    let pkis = ["Aurora", "Borealis"].map(|name| spec(PkiKind::V2g, name)).to_vec();
    let sandbox = Sandbox::start(pkis, Default::default()).await;
    let root = |pki: &str| sandbox.live.pki(pki).unwrap().root().clone();
    let (aurora, borealis) = (root("aurora"), root("borealis"));
    let cross = cross_certify(&aurora, borealis.certificate(), NOW - DAY, NOW + DAY).unwrap();
    let (url, _) = sandbox.responders("aurora").remove(0);
    let question = Sandbox::question(aurora.certificate(), cross.serial(), false);
    let said = async || {
        let reply = sandbox.post(&url, &question, Hash::Sha256).await;
        let limits = super::client::strict();
        ctl_pki::ocsp::judge(&reply.ocsp(), &question, &[], sandbox.now(), &limits).outcome
    };
    assert!(!said().await.is_good() && !said().await.is_revoked(), "nobody issued it yet");
    sandbox.live.record("aurora", Role::Root, &cross, None).unwrap();
    assert!(said().await.is_good());
    let revocation = Revocation { time: NOW, reason: Some(4) };
    sandbox.live.record("aurora", Role::Root, &cross, Some(revocation)).unwrap();
    assert!(said().await.is_revoked());
    let crl = sandbox.live.urls("aurora", Kind::Crl).unwrap().remove(0);
    let crl = ctl_pki::crl::Crl::from_der(&sandbox.get(&crl).await.body, 100_000).unwrap();
    assert_eq!(crl.find(cross.serial()).count(), 1);
    sandbox.live.record("aurora", Role::Root, &cross, None).unwrap();
    assert!(said().await.is_good());
}

#[tokio::test]
async fn two_pkis_of_one_name_and_addresses_in_use_are_refused() {
    let twice = vec![spec(PkiKind::V2g, "Aurora"), spec(PkiKind::Mo, "Aurora")];
    let refused = Live::start(Options::new(twice)).await.unwrap_err();
    assert!(matches!(refused, LiveError::SameName(name) if name == "aurora"));
    let sandbox = Sandbox::aurora().await;
    let taken = Options { listen: sandbox.live.address(), ..Options::new(Vec::new()) };
    assert!(matches!(Live::start(taken).await.unwrap_err(), LiveError::Listen { .. }));
}
