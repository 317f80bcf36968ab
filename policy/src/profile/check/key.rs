//! Checks of algorithms, the public key and the signature's form.

use ctl_pki::der::{Face, INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use ctl_pki::written::{Algorithm, Written};

use super::Failure;
use super::form::one;
use crate::profile::{Curve, KeyAlgorithm, SignatureAlgorithm};

pub(super) fn signature_algorithm(view: &Written<'_>, allowed: &[SignatureAlgorithm]) -> Vec<Failure> {
    let found = SignatureAlgorithm::of(&view.parts.outer_algorithm.oid);
    one(!found.is_some_and(|found| allowed.contains(&found)), || {
        let oid = &view.parts.outer_algorithm.oid;
        let found = found.map_or_else(|| oid.clone(), |found| format!("{found} ({oid})"));
        Failure::new("signatureAlgorithm", view.parts.outer_algorithm.element.at, found)
    })
}

pub(super) fn same_algorithms(view: &Written<'_>) -> Vec<Failure> {
    let (inner, outer) = (&view.parts.inner_algorithm, &view.parts.outer_algorithm);
    one(inner.element != outer.element, || {
        let found = format!("{} inside, {} outside, or other parameters", inner.oid, outer.oid);
        Failure::new("signature, signatureAlgorithm", inner.element.at, found)
    })
}

pub(super) fn no_algorithm_parameters(view: &Written<'_>) -> Vec<Failure> {
    let key = &view.parts.key.algorithm;
    let edwards = [KeyAlgorithm::Ed25519.number(), KeyAlgorithm::Ed448.number()].contains(&key.oid.as_str());
    let candidates = [
        ("signature", Some(&view.parts.inner_algorithm)),
        ("signatureAlgorithm", Some(&view.parts.outer_algorithm)),
        ("subjectPublicKeyInfo.algorithm", edwards.then_some(key)),
    ];
    let both =
        view.parts.inner_algorithm.parameters.is_some() && view.parts.outer_algorithm.parameters.is_some();
    let failure = |(place, algorithm): (&str, Option<&Algorithm<'_>>)| {
        let parameters = algorithm?.parameters.as_ref()?;
        let what = match parameters.whole {
            [0x05, 0x00] => "NULL parameters".to_owned(),
            other => format!("parameters {}", hex::encode(other)),
        };
        let side = match place {
            "signature" if both => " inside the signed part and beside the signature",
            "signature" => " inside the signed part",
            "signatureAlgorithm" => " beside the signature",
            _ => " of the key",
        };
        Some(Failure::new(place, parameters.at, format!("{what}{side}")))
    };
    // Inside and outside belong together: one finding for both.
    candidates.into_iter().find_map(failure).into_iter().collect()
}

pub(super) fn algorithm(view: &Written<'_>, allowed: &[KeyAlgorithm]) -> Vec<Failure> {
    let oid = &view.parts.key.algorithm.oid;
    let found = KeyAlgorithm::of(oid);
    one(!found.is_some_and(|found| allowed.contains(&found)), || {
        let found = found.map_or_else(|| oid.clone(), |found| format!("{found} ({oid})"));
        Failure::new("subjectPublicKeyInfo.algorithm", view.parts.key.algorithm.element.at, found)
    })
}

/// The identifier of an elliptic-curve key's curve; `None` for other keys, an error for a curve without name.
fn curve_of(view: &Written<'_>) -> Option<Result<String, String>> {
    if view.parts.key.algorithm.oid != KeyAlgorithm::EcPublicKey.number() {
        return None;
    }
    Some(match &view.parts.key.algorithm.parameters {
        Some(parameters) if parameters.tag == OBJECT_IDENTIFIER => {
            parameters.oid().map_err(|error| error.what.to_owned())
        }
        Some(parameters) if parameters.tag == SEQUENCE => {
            Err("explicit curve parameters: the curve is written out instead of named".to_owned())
        }
        Some(parameters) if parameters.whole == [0x05, 0x00] => {
            Err("NULL parameters: the curve is that of the issuer, whichever that is".to_owned())
        }
        Some(parameters) => Err(format!("parameters with tag {:02x}: no named curve", parameters.tag)),
        None => Err("no parameters: no curve is named".to_owned()),
    })
}

const PARAMETERS: &str = "subjectPublicKeyInfo.algorithm.parameters";

pub(super) fn named_curve(view: &Written<'_>) -> Vec<Failure> {
    match curve_of(view) {
        Some(Err(found)) => vec![Failure::new(PARAMETERS, view.parts.key.algorithm.element.at, found)],
        _ => Vec::new(),
    }
}

pub(super) fn curve(view: &Written<'_>, allowed: &[Curve]) -> Vec<Failure> {
    let Some(Ok(oid)) = curve_of(view) else { return Vec::new() };
    let found = Curve::of(&oid);
    one(!found.is_some_and(|found| allowed.contains(&found)), || {
        let found = found.map_or_else(|| oid.clone(), |found| format!("{found} ({oid})"));
        Failure::new(PARAMETERS, view.parts.key.algorithm.element.at, found)
    })
}

/// RFC 5480 section 2.2 for the NIST curves, RFC 8410 section 4 for the Edwards curves. Of Ed448 only the length is
/// judged.
pub(super) fn point(view: &Written<'_>) -> Vec<Failure> {
    let fail =
        |found: String| vec![Failure::new("subjectPublicKeyInfo.subjectPublicKey", view.parts.key.at, found)];
    let Some(bytes) = view.parts.key.bytes else { return fail("not a whole number of bytes".to_owned()) };
    match KeyAlgorithm::of(&view.parts.key.algorithm.oid) {
        Some(KeyAlgorithm::Ed25519) => {
            let key = <&[u8; 32]>::try_from(bytes)
                .ok()
                .and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok());
            match key {
                None => fail(format!("{} bytes that are no point of Ed25519", bytes.len())),
                Some(key) if key.is_weak() => fail("a point of small order".to_owned()),
                Some(_) => Vec::new(),
            }
        }
        Some(KeyAlgorithm::Ed448) if bytes.len() == 57 => Vec::new(),
        Some(KeyAlgorithm::Ed448) => fail(format!("{} bytes where Ed448 has 57", bytes.len())),
        Some(KeyAlgorithm::EcPublicKey) => {
            let Some(Ok(oid)) = curve_of(view) else { return Vec::new() };
            let Some(curve) = Curve::of(&oid) else { return Vec::new() };
            ec_point(curve, bytes).map_or_else(Vec::new, fail)
        }
        None => Vec::new(),
    }
}

/// What is wrong with a point, if anything.
fn ec_point(curve: Curve, bytes: &[u8]) -> Option<String> {
    match bytes {
        [0x00] => return Some("the identity".to_owned()),
        [0x02 | 0x03, ..] => return Some("a compressed point".to_owned()),
        [0x04, ..] => {}
        [first, ..] => return Some(format!("a point that begins with {first:02x}")),
        [] => return Some("no bytes".to_owned()),
    }
    let is_on_curve = match curve {
        Curve::P256 => p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
        Curve::P384 => p384::PublicKey::from_sec1_bytes(bytes).is_ok(),
        Curve::P521 => p521::PublicKey::from_sec1_bytes(bytes).is_ok(),
    };
    (!is_on_curve).then(|| format!("{} bytes that are no point of {curve}", bytes.len()))
}

/// RFC 5480 appendix A (ECDSA-Sig-Value) and RFC 8410 section 6.
pub(super) fn signature_form(view: &Written<'_>) -> Vec<Failure> {
    let fail = |found: String| vec![Failure::new("signatureValue", None, found)];
    let Some(bytes) = view.parts.signature else { return fail("not a whole number of bytes".to_owned()) };
    let length = match SignatureAlgorithm::of(&view.parts.outer_algorithm.oid) {
        None => return Vec::new(),
        Some(SignatureAlgorithm::Ed25519) => 64,
        Some(SignatureAlgorithm::Ed448) => 114,
        Some(
            SignatureAlgorithm::EcdsaSha256
            | SignatureAlgorithm::EcdsaSha384
            | SignatureAlgorithm::EcdsaSha512,
        ) => {
            return ecdsa_value(bytes).map_or_else(Vec::new, fail);
        }
    };
    one(bytes.len() != length, || {
        Failure::new("signatureValue", None, format!("{} bytes instead of {length}", bytes.len()))
    })
}

/// What is wrong with an ECDSA-Sig-Value, if anything: two positive numbers in DER.
fn ecdsa_value(bytes: &[u8]) -> Option<String> {
    let numbers = || {
        let mut inside = Reader::at(bytes, 0, Face::Flawed).only(SEQUENCE)?.inside();
        let numbers = [inside.expect(INTEGER)?, inside.expect(INTEGER)?];
        inside.end()?;
        Ok::<_, Malformed>(numbers)
    };
    match numbers() {
        Err(fault) => Some(format!("no ECDSA-Sig-Value: {}", fault.what)),
        Ok(numbers) => {
            let is_positive = |content: &[u8]| match content {
                [0x00, next, ..] => *next >= 0x80,
                [first, ..] => (0x01..0x80).contains(first),
                [] => false,
            };
            let wrong = numbers.iter().any(|number| !is_positive(number));
            wrong.then(|| "r or s is not positive, or has a leading 00".to_owned())
        }
    }
}
