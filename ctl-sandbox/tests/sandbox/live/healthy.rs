//! With no fault on, nothing that anybody checks is wrong.

use ctl_pki::crl::{self, Crl, MAX_CRL_SIZE};
use ctl_pki::ocsp::{self, Hash, NonceResult, Signer};
use ctl_pki::revocation::Outcome;
use ctl_sandbox::live::{Kind, OcspSigner};
use ctl_sandbox::{CrlPoints, PkiKind, PkiSpec};

use super::client::{DAY, HOUR, Reply, Sandbox, rules, spec, strict};

fn crl_of(reply: &Reply) -> Crl {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/pkix-crl")));
    Crl::from_der(&reply.body, MAX_CRL_SIZE).unwrap()
}

fn crl_limits() -> crl::Limits {
    crl::Limits { skew: 300, max_age: Some(2 * DAY), near: Some(DAY), max_interval: Some(10 * DAY) }
}

#[tokio::test]
async fn every_responder_answers_good_revoked_and_unknown_with_nothing_to_complain_about() {
    for signer in [OcspSigner::ByProfile, OcspSigner::Direct, OcspSigner::Delegated] {
        let pkis = [PkiKind::V2g, PkiKind::Mo, PkiKind::Oem];
        let pkis = pkis.map(|kind| spec(kind, &format!("{kind:?}"))).to_vec();
        let sandbox = Sandbox::start(pkis, signer).await;
        let names: Vec<_> = sandbox.live.pkis().map(|(slug, _)| slug.to_owned()).collect();
        let (mut direct, mut delegated) = (0, 0);
        for pki in names {
            for (url, canaries) in sandbox.responders(&pki) {
                let revoked = hex::decode(&canaries.revoked[0]).unwrap();
                let asked = [
                    (canaries.good[0].serial().to_vec(), "good"),
                    (revoked, "revoked"),
                    (vec![0x55; 16], "unknown"),
                ];
                for (serial, wanted) in asked {
                    for (hash, nonce) in [(Hash::Sha1, false), (Hash::Sha256, true)] {
                        let question = Sandbox::question(&canaries.issuer, &serial, nonce);
                        for reply in [
                            sandbox.post(&url, &question, hash).await,
                            sandbox.get_ocsp(&url, &question, hash).await,
                        ] {
                            let judged = ocsp::judge(&reply.ocsp(), &question, &[], sandbox.now(), &strict());
                            let said = match &judged.outcome {
                                Outcome::Good => "good",
                                Outcome::Revoked { reason, .. } => {
                                    assert!(reason.is_some());
                                    "revoked"
                                }
                                Outcome::Undetermined(ocsp::Reason::StatusUnknown) => "unknown",
                                Outcome::Undetermined(other) => panic!("{url}: {other}"),
                            };
                            assert_eq!(said, wanted, "{url}");
                            let unknown: &[&str] = if said == "unknown" { &["status-unknown"] } else { &[] };
                            assert_eq!(rules(&judged), unknown, "{url}");
                            let expected = if nonce { NonceResult::Echoed } else { NonceResult::NotUsed };
                            assert_eq!(judged.nonce, expected);
                            match judged.signer.unwrap() {
                                Signer::Issuer => direct += 1,
                                Signer::Delegate(_) => delegated += 1,
                            }
                            // Only what was not made for one question may be kept, and not for too long.
                            let left = judged.next_update.unwrap() - sandbox.now();
                            let limit = if nonce { 0..=0 } else { 1..=left };
                            assert!(limit.contains(&reply.max_age()), "{}", reply.head);
                        }
                    }
                }
            }
        }
        assert_eq!(
            (direct > 0, delegated > 0),
            match signer {
                OcspSigner::ByProfile => (true, true),
                OcspSigner::Direct => (true, false),
                OcspSigner::Delegated => (false, true),
            }
        );
    }
}

#[tokio::test]
async fn a_quarter_of_a_year_goes_by_without_a_complaint() {
    let sandbox = Sandbox::aurora().await;
    let (url, canaries) = sandbox.responders("aurora").remove(1);
    let crl_url = sandbox.live.urls("aurora", Kind::Crl).unwrap().remove(1);
    let mut last: Option<Crl> = None;
    for _ in 0..130 {
        sandbox.advance(17 * HOUR + 1);
        let question = Sandbox::question(&canaries.issuer, canaries.good[0].serial(), false);
        let reply = sandbox.post(&url, &question, Hash::Sha256).await;
        let judged = ocsp::judge(&reply.ocsp(), &question, &[], sandbox.now(), &strict());
        assert_eq!((rules(&judged), judged.outcome.is_good()), (vec![], true), "at {}", sandbox.now());
        let crl = crl_of(&sandbox.get(&crl_url).await);
        let checked = crl::check(&crl, &[&canaries.issuer], sandbox.now(), &crl_limits());
        assert!(checked.problems().is_empty() && checked.notes().is_empty(), "{checked:?}");
        if let Some(last) = last {
            assert_eq!(crl::compare(&last, &crl, 2), []);
            assert_ne!(last.number(), crl.number());
        }
        last = Some(crl);
    }
}

#[tokio::test]
async fn every_crl_covers_what_points_to_it_however_many_addresses_there_are() {
    for points in [CrlPoints::One, CrlPoints::Mirrored, CrlPoints::Sharded] {
        let pkis = [PkiKind::V2g, PkiKind::Mo, PkiKind::Oem];
        let spec =
            |kind| PkiSpec { crl_points: points, ca_issuers: true, ..spec(kind, &format!("{kind:?}")) };
        let sandbox = Sandbox::start(pkis.map(spec).to_vec(), OcspSigner::default()).await;
        let mut seen = 0;
        for (slug, pki) in sandbox.live.pkis() {
            for canaries in sandbox.live.canaries(slug).unwrap() {
                for certificate in &canaries.good {
                    let urls = certificate.crl_urls();
                    for url in &urls {
                        let crl = crl_of(&sandbox.get(url).await);
                        let signers = [&canaries.issuer];
                        let judged = crl::judge(certificate, &signers, &[&crl], sandbox.now(), &crl_limits());
                        assert!(judged.outcome.is_good(), "{url}: {:?}", judged.outcome);
                        assert!(judged.notes.is_empty() && judged.crls[0].notes.is_empty(), "{judged:?}");
                        let revoked = hex::decode(&canaries.revoked[0]).unwrap();
                        assert_eq!(crl.find(&revoked).count(), 1);
                        // Nothing happened: the CRL is the same, byte for byte.
                        assert_eq!(sandbox.get(url).await.body, crl.der());
                        seen += 1;
                    }
                    assert!(urls.len() <= if points == CrlPoints::Mirrored { 2 } else { 1 });
                    // The issuer is where the certificate says.
                    let access = certificate.authority_info_access().unwrap().unwrap();
                    let url = access.value.ca_issuers_urls().next().unwrap();
                    assert_eq!(sandbox.get(url).await.body, canaries.issuer.der());
                }
            }
            assert!(pki.root().certificate().crl_urls().is_empty());
        }
        assert_eq!(seen, if points == CrlPoints::Mirrored { 24 } else { 12 });
    }
}

#[tokio::test]
async fn malformed_and_foreign_requests_are_refused_by_their_status() {
    let sandbox = Sandbox::aurora().await;
    let responders = sandbox.responders("aurora");
    let (url, canaries) = &responders[0];
    let headers = "Content-Type: application/ocsp-request\r\n";
    let garbage = sandbox.send("POST", url, headers, &[0xde, 0xad, 0xbe, 0xef]).await.unwrap();
    assert_eq!(garbage.ocsp().status(), ocsp::ResponseStatus::MalformedRequest);
    let garbage = sandbox.get(&format!("{url}/not%20base64")).await;
    assert_eq!(garbage.ocsp().status(), ocsp::ResponseStatus::MalformedRequest);
    let (_, others) = &responders[1];
    let foreign = Sandbox::question(&others.issuer, canaries.good[0].serial(), false);
    let foreign = sandbox.post(url, &foreign, Hash::Sha256).await;
    assert_eq!(foreign.ocsp().status(), ocsp::ResponseStatus::Unauthorized);
    let untyped = sandbox.send("POST", url, "", &[]).await.unwrap();
    assert_eq!(untyped.status, 415);
    let large = sandbox.send("POST", url, headers, &vec![0; 100_000]).await;
    assert!(large.is_err() || large.unwrap().status == 413);
    let nothing = url.replace("/aurora/", "/borealis/");
    assert_eq!(sandbox.get(&nothing).await.status, 404);
}
