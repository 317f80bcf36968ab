//! Which profile a certificate seems to follow, when nobody says: its [`kind`](ctl_pki::kind), and the edition.

use ctl_pki::Certificate;
use ctl_pki::kind::tell;
use serde::Serialize;

use super::{Curve, KeyAlgorithm, SignatureAlgorithm};

/// The profile that a certificate seems to follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// The profile's name; none if the certificate fits no profile, and then no profile says anything of it.
    pub profile: Option<String>,
    /// What in the certificate speaks for it, or why nothing does.
    pub because: String,
}

/// Guesses the profile of any bytes. `issuer` is the DER of the issuer's certificate, if it is known. Trust paths ask the
/// same function what a leaf is for.
pub fn guess(der: &[u8], issuer: Option<&[u8]>) -> Guess {
    let certificate = match Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return Guess { profile: None, because: format!("it is no certificate: {error}") },
    };
    let issuer = issuer.and_then(|issuer| Certificate::from_der(issuer).ok());
    let told = tell(&certificate, issuer.as_ref());
    let mut because = told.because;
    let profile = told.kind.map(|kind| {
        let (suffix, edition) = edition(&certificate);
        because.push(edition);
        // ISO 15118-2 knows no vehicle's certificate.
        let suffix = if kind.name() == "vehicle" { "-20" } else { suffix };
        format!("{}{suffix}", kind.name())
    });
    Guess { profile, because: because.join(", ") }
}

/// ISO 15118-20 has algorithms of its own; what uses any of them is meant for it.
fn edition(certificate: &Certificate) -> (&'static str, String) {
    let is_p521 = certificate.public_key_curve().is_some_and(|curve| curve.oid() == Curve::P521.number());
    let is_ed448 = certificate.public_key_algorithm().oid() == KeyAlgorithm::Ed448.number();
    let signature = SignatureAlgorithm::of(certificate.signature_algorithm().oid());
    if is_p521 || is_ed448 {
        ("-20", format!("its key is one of ISO 15118-20 ({})", if is_ed448 { "Ed448" } else { "secp521r1" }))
    } else if matches!(signature, Some(SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::Ed448)) {
        ("-20", "its signature is one of ISO 15118-20".to_owned())
    } else {
        ("", "nothing points to ISO 15118-20".to_owned())
    }
}
