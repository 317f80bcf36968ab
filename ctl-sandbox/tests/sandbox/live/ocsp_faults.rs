//! Each fault of an OCSP responder is what its name says, and nothing else; switched off, it is gone.

use std::collections::BTreeSet;

use ctl_pki::ocsp::{self, Hash, MAX_OCSP_SIZE, OcspResponse};
use ctl_pki::revocation::Outcome;
use ctl_sandbox::live::{Canaries, Code, Kind, OcspSigner, switches};
use ctl_sandbox::{PkiKind, Role};

use super::client::{DAY, Reply, Sandbox, rules, spec, strict};

const UNISSUED: [u8; 16] = [0x55; 16];

/// Codes that `ctl-pki` has no rule for: they take more than one response to find, or knowing what is right.
const OF_SEVERAL: &[Code] = &[
    Code::PostGetDisagree,
    Code::GetEncoding,
    Code::GetDoubleSlash,
    Code::GarbageAccepted,
    Code::CanaryGoodNotGood,
    Code::CanaryRevokedNotRevoked,
    Code::UnissuedSerialGood,
    Code::IssuedSerialUnknown,
    Code::StatusFlipBack,
    Code::CacheControlMissing,
    Code::ExpiresAfterNextUpdate,
    Code::StaleFromCache,
];

/// Codes of the way to the service, which other tests look at.
pub fn of_transport(code: Code) -> bool {
    code.is_on_the_way() || code == Code::AddressDisagreement
}

/// Every rule that a response breaks, or the one by which it cannot be read.
fn broken(reply: &Reply, question: &ocsp::Question<'_>, now: i64) -> BTreeSet<String> {
    match OcspResponse::from_der(&reply.body, MAX_OCSP_SIZE) {
        Err(error) => BTreeSet::from([error.rule().to_owned()]),
        Ok(response) => {
            let judged = ocsp::judge(&response, question, &[], now, &strict());
            rules(&judged).into_iter().map(str::to_owned).collect()
        }
    }
}

/// Asks about a certificate in order, a revoked one and one that nobody issued.
async fn everything_broken(sandbox: &Sandbox, url: &str, canaries: &Canaries) -> BTreeSet<String> {
    let revoked = hex::decode(&canaries.revoked[0]).unwrap();
    let mut found = BTreeSet::new();
    for serial in [canaries.good[0].serial(), &revoked, &UNISSUED] {
        for nonce in [true, false] {
            let question = Sandbox::question(&canaries.issuer, serial, nonce);
            let reply = if nonce {
                sandbox.post(url, &question, Hash::Sha256).await
            } else {
                sandbox.get_ocsp(url, &question, Hash::Sha1).await
            };
            found.extend(broken(&reply, &question, sandbox.now()));
        }
    }
    // That is what must be said of a number that nobody issued.
    found.remove("status-unknown");
    found
}

#[tokio::test]
async fn each_fault_breaks_the_rule_of_its_name_and_no_other() {
    for signer in [OcspSigner::Direct, OcspSigner::Delegated] {
        let sandbox = Sandbox::start(vec![spec(PkiKind::V2g, "Aurora")], signer).await;
        let (url, canaries) = sandbox.responders("aurora").remove(0);
        let mut tried = 0;
        for switch in switches().filter(|switch| switch.kind == Kind::Ocsp) {
            if OF_SEVERAL.contains(&switch.code) || of_transport(switch.code) {
                continue;
            }
            let mut expected = BTreeSet::from([switch.code.as_str().replace('_', "-")]);
            expected.extend(switch.besides.iter().map(|code| code.as_str().replace('_', "-")));
            sandbox.live.set_fault("aurora", "ocsp", switch.code.as_str(), true).unwrap();
            assert_eq!(everything_broken(&sandbox, &url, &canaries).await, expected, "{signer:?}");
            sandbox.live.set_fault("aurora", "ocsp", switch.code.as_str(), false).unwrap();
            let left = everything_broken(&sandbox, &url, &canaries).await;
            assert!(left.is_empty(), "{signer:?}: {} leaves {left:?}", switch.code);
            tried += 1;
        }
        assert_eq!(tried, 34);
    }
}

async fn said(sandbox: &Sandbox, url: &str, canaries: &Canaries, serial: &[u8]) -> String {
    let question = Sandbox::question(&canaries.issuer, serial, true);
    let reply = sandbox.post(url, &question, Hash::Sha256).await;
    let judged = ocsp::judge(&reply.ocsp(), &question, &[], sandbox.now(), &strict());
    match judged.outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Revoked { reason, .. } => format!("revoked {}", reason.map_or("", |reason| reason.name())),
        Outcome::Undetermined(reason) => reason.rule().to_owned(),
    }
}

#[tokio::test]
async fn wrong_answers_are_wrong_about_the_right_certificates() {
    let sandbox = Sandbox::aurora().await;
    let (url, canaries) = sandbox.responders("aurora").remove(0);
    let revoked = hex::decode(&canaries.revoked[0]).unwrap();
    let (good, superseded, unknown) = ("good", "revoked superseded", "status-unknown");
    for (code, expected) in [
        ("canary_good_not_good", ["revoked certificateHold", superseded, unknown]),
        ("canary_revoked_not_revoked", [good, good, unknown]),
        ("status_flip_back", [good, good, unknown]),
        ("unissued_serial_good", [good, superseded, good]),
        ("issued_serial_unknown", [unknown, superseded, unknown]),
    ] {
        for (on, expected) in [(true, expected), (false, [good, superseded, unknown])] {
            sandbox.live.set_fault("aurora", "ocsp", code, on).unwrap();
            let serials = [canaries.good[0].serial(), &revoked, &UNISSUED];
            for (serial, expected) in serials.into_iter().zip(expected) {
                assert_eq!(said(&sandbox, &url, &canaries, serial).await, expected, "{code} {on}");
            }
        }
    }
}

#[tokio::test]
async fn get_and_post_differ_only_when_told_to() {
    let sandbox = Sandbox::aurora().await;
    let (url, canaries) = sandbox.responders("aurora").remove(0);
    let question = Sandbox::question(&canaries.issuer, canaries.good[0].serial(), false);
    let judge = |reply: &Reply| ocsp::judge(&reply.ocsp(), &question, &[], sandbox.now(), &strict());
    let both = async || {
        let post = sandbox.post(&url, &question, Hash::Sha256).await;
        (sandbox.get_ocsp(&url, &question, Hash::Sha256).await, post)
    };
    let (get, post) = both().await;
    assert_eq!(get.body, post.body, "without a nonce the answer is the same, byte for byte");

    sandbox.live.set_fault("aurora", "ocsp", "post_get_disagree", true).unwrap();
    let (get, post) = both().await;
    assert!(judge(&get).outcome.is_revoked() && judge(&post).outcome.is_good());
    sandbox.live.clear_faults();

    sandbox.live.set_fault("aurora", "ocsp", "stale_from_cache", true).unwrap();
    let (get, post) = both().await;
    assert_eq!((rules(&judge(&get)), rules(&judge(&post))), (vec!["next-update-past"], vec![]));
    sandbox.live.clear_faults();

    sandbox.live.set_fault("aurora", "ocsp", "get_encoding", true).unwrap();
    let (get, post) = both().await;
    assert_eq!(get.ocsp().status(), ocsp::ResponseStatus::MalformedRequest);
    assert!(judge(&post).outcome.is_good());
    sandbox.live.clear_faults();
    let (get, post) = both().await;
    assert_eq!(get.body, post.body);
}

#[tokio::test]
async fn caches_are_told_how_long_unless_told_otherwise() {
    let sandbox = Sandbox::aurora().await;
    let (url, canaries) = sandbox.responders("aurora").remove(0);
    let question = Sandbox::question(&canaries.issuer, canaries.good[0].serial(), false);
    sandbox.live.set_fault("aurora", "ocsp", "cache_control_missing", true).unwrap();
    let reply = sandbox.get_ocsp(&url, &question, Hash::Sha256).await;
    assert_eq!((reply.header("cache-control"), reply.header("expires")), (None, None));
    sandbox.live.clear_faults();
    sandbox.live.set_fault("aurora", "ocsp", "expires_after_next_update", true).unwrap();
    let reply = sandbox.get_ocsp(&url, &question, Hash::Sha256).await;
    let judged = ocsp::judge(&reply.ocsp(), &question, &[], sandbox.now(), &strict());
    assert_eq!(sandbox.now() + reply.max_age(), judged.next_update.unwrap() + DAY);
    assert_eq!(rules(&judged), Vec::<&str>::new());
}

#[tokio::test]
async fn garbage_is_answered_with_good_only_when_told_to() {
    let sandbox = Sandbox::aurora().await;
    let (url, _) = sandbox.responders("aurora").remove(0);
    let headers = "Content-Type: application/ocsp-request\r\n";
    sandbox.live.set_fault("aurora", "ocsp", "garbage_accepted", true).unwrap();
    let reply = sandbox.send("POST", &url, headers, b"garbage").await.unwrap();
    assert_eq!(reply.ocsp().status(), ocsp::ResponseStatus::Successful);
    sandbox.live.clear_faults();
    let reply = sandbox.send("POST", &url, headers, b"garbage").await.unwrap();
    assert_eq!(reply.ocsp().status(), ocsp::ResponseStatus::MalformedRequest);
}

#[tokio::test]
async fn a_fault_of_one_ca_leaves_the_others_in_order_and_several_faults_add_up() {
    let sandbox = Sandbox::aurora().await;
    let responders = sandbox.responders("aurora");
    sandbox.live.set_fault_of("aurora", Role::CpoSub1, "ocsp", "responder_unauthorized", true).unwrap();
    for (url, canaries) in &responders {
        let found = everything_broken(&sandbox, url, canaries).await;
        let expected: &[&str] =
            if canaries.role == Role::CpoSub1 { &["responder-unauthorized"] } else { &[] };
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{url}");
    }
    sandbox.live.clear_faults();
    for code in ["delegate_expiring", "interval_too_long", "nonce_wrong"] {
        sandbox.live.set_fault("aurora", "ocsp", code, true).unwrap();
    }
    let (url, canaries) = &responders[0];
    let found = everything_broken(&sandbox, url, canaries).await;
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["delegate-expiring", "interval-too-long", "nonce-wrong"]
    );
}
