//! What the fold reads of a certificate: pinned, so that no release and no parser below it changes history.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::Digest;
use ctl_core::list::Identifiers;
use ctl_governance::RulesVersion;
use ctl_pki::Certificate;
use ctl_pki::request::CertificationRequest;
use ctl_sandbox::{Edition, Pki, PkiKind, PkiSpec, certification_request, specimen, specimens};
use serde_json::{Value, json};

use super::folder;
use crate::common::{root, start};

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_read_of_a_certificate_stays_the_same() {
    for version in RulesVersion::ALL {
        let lines = read(&folder(*version).join("certificates.jsonl"));
        assert!(lines.len() > 100, "the corpus is there");
        let ders: Vec<Vec<u8>> = lines.iter().map(|line| decode(&line["der"])).collect();
        for (line, der) in lines.iter().zip(&ders) {
            let issuer = line["issuer"].as_u64().map(|issuer| ders[issuer as usize].as_slice());
            assert_eq!(reads(der, issuer), line["reads"], "{}: {}", line["what"], line["der"]);
        }
    }
}

/// All that the fold, a draft and a proof of possession ever ask of a certificate.
fn reads(der: &[u8], issuer: Option<&[u8]>) -> Value {
    let Ok(found) = Certificate::from_der(der) else {
        return match CertificationRequest::from_der(der) {
            Ok(request) => json!({
                "attributes": request.has_attributes(),
                "common_name": request.only_common_name(),
                "signed": issuer.and_then(|der| Certificate::from_der(der).ok())
                    .map(|certificate| outcome(request.verify_signed_by(&certificate))),
                "spki": Digest::of(request.spki_der()),
            }),
            Err(_) => Value::Null,
        };
    };
    let signed = issuer.and_then(|der| Certificate::from_der(der).ok());
    json!({
        "der": found.check_der().is_ok(),
        "fingerprint": Digest::from_bytes(found.sha256()),
        "identifiers": Identifiers::of(&found),
        "is_ca": found.is_ca(),
        "readable": found.check_readable().is_ok(),
        "issuer": Digest::of(found.issuer_der()),
        "not_after": found.not_after(),
        "self_signed": outcome(found.verify_self_signature()),
        "signed": signed.map(|issuer| outcome(found.verify_signed_by(&issuer))),
        "spki": Digest::from_bytes(found.spki_sha256()),
        "spki_bytes": Digest::of(found.spki_der()),
        "subject": Digest::of(found.subject_der()),
    })
}

/// Of failures the fold tells only the one that it must: what it cannot verify.
fn outcome(verified: Result<(), ctl_pki::SignatureError>) -> &'static str {
    match verified {
        Ok(()) => "good",
        Err(ctl_pki::SignatureError::UnsupportedAlgorithm(_)) => "unsupported",
        Err(_) => "bad",
    }
}

fn decode(text: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap()
}

/// Writes the corpus anew.
pub fn record(path: &Path) {
    let mut lines: Vec<Value> = Vec::new();
    let mut ders: Vec<Vec<u8>> = Vec::new();
    let mut add = |what: &str, der: &[u8], issuer: Option<usize>| -> usize {
        let reads = reads(der, issuer.map(|place| ders[place].as_slice()));
        lines.push(
            json!({ "der": BASE64_STANDARD.encode(der), "issuer": issuer, "reads": reads, "what": what }),
        );
        ders.push(der.to_vec());
        ders.len() - 1
    };
    for kind in [PkiKind::V2g, PkiKind::Mo, PkiKind::Oem] {
        let spec = PkiSpec::new(kind, "Corpus", "NL", "Corpus", "corpus", start().unix());
        let pki = Pki::generate(&spec).unwrap();
        let mut places = Vec::new();
        for (role, entity) in pki.entities() {
            let issuer =
                places.iter().find(|(above, _)| Some(*above) == role.issuer()).map(|(_, place)| *place);
            let place = add(role.file_name(), entity.certificate().der(), issuer);
            places.push((role, place));
        }
    }
    let alpha = root("alpha-pki");
    let place = add("root", alpha.root().certificate().der(), None);
    let request = certification_request(alpha.root(), "ctl-possession-corpus").unwrap();
    add("request", &request, Some(place));
    for name in ["p256", "p384", "p521", "ed25519", "ed448"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pki/tests/fixtures/requests");
        let text = std::fs::read(file.join(name).with_extension("pem")).unwrap();
        let certificate = ctl_pki::certificates_from_pem(&text).unwrap().pop().unwrap();
        let place = add(name, certificate.der(), None);
        add(&format!("request {name}"), &ctl_pki::request::der_from_bytes(&text).unwrap(), Some(place));
    }
    for (edition, standard) in [(Edition::Iso2, "-2"), (Edition::Iso20, "-20")] {
        for name in specimens() {
            let specimen = specimen(name, edition).unwrap().unwrap();
            let issuer = add("issuer", specimen.issuer.der(), None);
            add(&format!("{name} {standard}"), specimen.certificate.der(), Some(issuer));
        }
    }
    let whole = alpha.root().certificate().der().to_vec();
    for (what, bent) in bent(&whole) {
        add(&what, &bent, Some(place));
    }
    let text: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    std::fs::write(path, text.concat()).unwrap();
}

/// What a parser may be lenient about: one byte changed, added or cut, all over the certificate.
fn bent(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("cut".to_owned(), whole[..whole.len() - 1].to_vec()),
        ("followed".to_owned(), [whole, &[0]].concat()),
        ("empty".to_owned(), Vec::new()),
    ];
    for position in (0..whole.len()).step_by(11) {
        for bit in [0, 6] {
            let mut bent = whole.to_vec();
            bent[position] ^= 1 << bit;
            all.push((format!("bit {bit} of byte {position}"), bent));
        }
    }
    all
}
