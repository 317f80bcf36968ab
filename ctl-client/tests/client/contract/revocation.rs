//! CRLs and OCSP responses of a live PKI, beside the chain.

use ctl_pki::ocsp::{Hash, Question};
use ctl_sandbox::live::{Live, Options as LiveOptions, Revocation};

use super::*;

/// What a service answers.
fn fetch(live: &Live, url: &str, question: Option<&[u8]>) -> Vec<u8> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let head = match question {
        None => format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        Some(body) => format!(
            "POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/ocsp-request\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ),
    };
    let answer = exchange(live.address(), &[head.as_bytes(), question.unwrap_or_default()].concat());
    answer.1
}

#[test]
fn revocation_is_read_from_crl_and_ocsp_and_what_does_not_tell_is_not_taken_for_good() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = LiveOptions {
        clock: std::sync::Arc::new(|| start().unix()),
        ..LiveOptions::new(vec![spec("gamma")])
    };
    let live = runtime.block_on(Live::start(options)).unwrap();
    let gamma = live.pki("gamma").unwrap();
    let mut repository = scheme();
    repository.set_list(&na(), vec![anchor_with("gamma", gamma.root().certificate())]);
    repository.publish(&na());
    repository.refresh();
    let device = Device::synced(&repository);
    let members = presented(gamma);
    let chain = pem(members.iter().copied());
    let crl = |at: usize| fetch(&live, members[at].crl_urls()[0], None);
    let ocsp = |at: usize| {
        let issuer = gamma.chain(Entity::Contract)[at + 1];
        let request = Question::about(members[at], issuer).request(Hash::Sha256).unwrap();
        fetch(&live, members[at].ocsp_urls()[0], Some(&request))
    };
    let with = |crls: Vec<Vec<u8>>, responses: Vec<Vec<u8>>| {
        let mut evidence = Evidence::default();
        crls.iter().for_each(|crl| evidence.add_crl("the CRL", crl).unwrap());
        responses.iter().for_each(|one| evidence.add_response("the response", one).unwrap());
        judged_with(&device, &chain, &evidence)
    };

    // Each certificate has its own, and all of them are good.
    let verdict = with(vec![crl(0), crl(1)], vec![ocsp(2)]);
    assert!(verdict.is_accepted(), "{verdict}");
    assert!(verdict.chain.iter().all(|member| member.revocation == Standing::Good), "{verdict}");
    assert!(!verdict.reasons.iter().any(|reason| reason.code == Code::RevocationNotAsked));
    // One about somebody else says nothing.
    let verdict = with(vec![crl(0)], vec![]);
    assert!(verdict.is_accepted());
    let standings: Vec<_> = verdict.chain.iter().map(|member| member.revocation).collect();
    assert_eq!(standings, [Standing::Good, Standing::NotAsked, Standing::NotAsked]);

    // Stale, or not of the issuer: unknown, with its reason, and refused.
    for (kind, code) in
        [("crl", "next_update_past"), ("crl", "signature_invalid"), ("ocsp", "signature_invalid")]
    {
        live.set_fault("gamma", kind, code, true).unwrap();
        let verdict = match kind {
            "crl" => with(vec![crl(0)], vec![]),
            _ => with(vec![], vec![ocsp(0)]),
        };
        assert_eq!(refused(&verdict), (Code::RevocationUnknown, CertificateStatus::CertChainError), "{code}");
        assert_eq!(verdict.chain[0].revocation, Standing::Unknown);
        // The other source may know better.
        let verdict = with(vec![crl(0)], vec![ocsp(0)]);
        assert!(verdict.is_accepted(), "{code}: {verdict}");
        live.clear_faults();
    }

    // Revoked: the contract, or a sub-CA above it.
    for (at, issuer) in [(0, Entity::MoSub2), (1, Entity::MoSub1)] {
        let revocation = Revocation { time: start().minus_seconds(DAY).unix(), reason: Some(1) };
        live.record("gamma", issuer, members[at], Some(revocation)).unwrap();
        for verdict in [with(vec![crl(at)], vec![]), with(vec![], vec![ocsp(at)])] {
            assert_eq!(
                refused(&verdict),
                (Code::Revoked, CertificateStatus::CertificateRevoked),
                "{at}: {verdict}"
            );
            assert_eq!(verdict.chain[at].revocation, Standing::Revoked);
        }
        live.record("gamma", issuer, members[at], None).unwrap();
    }

    // What OCPP's Authorize carries names each certificate as its responder knows it.
    let verdict = with(vec![], vec![]);
    let requests = serde_json::to_value(&verdict).unwrap()["iso15118CertificateHashData"].clone();
    assert_eq!(requests.as_array().unwrap().len(), 3);
    for (at, request) in requests.as_array().unwrap().iter().enumerate() {
        assert_eq!(request["serialNumber"], json!(members[at].serial_hex()));
        assert_eq!(request["hashAlgorithm"], json!("SHA256"));
        assert_eq!(request["responderURL"], json!(members[at].ocsp_urls()[0]));
        let response = Question::about(members[at], gamma.chain(Entity::Contract)[at + 1]);
        let der = hex(&response.request(Hash::Sha256).unwrap());
        for member in ["issuerNameHash", "issuerKeyHash"] {
            assert!(der.contains(request[member].as_str().unwrap()), "{request}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
