//! How each rule is checked. Changing what a check finds is a new [`ENGINE`](crate::ENGINE).

use chrono::{DateTime, SecondsFormat};
use ctl_pki::Certificate;

use crate::screening::{Context, Kind};

/// The rule that every policy contains; its check is the parsing before all others.
pub(crate) const PARSES: &str = "parses";

/// A candidate that parsed, with all that a check may look at.
pub(crate) struct Subject<'a> {
    pub(crate) certificate: &'a Certificate,
    pub(crate) kind: Kind,
    pub(crate) context: &'a Context<'a>,
}

/// What a check found instead of what the rule expects.
pub(crate) struct Failure {
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

type Check = fn(&Subject<'_>) -> Option<Failure>;

const CHECKS: [(&str, Check); 7] = [
    (PARSES, |_| None),
    ("self-signature", self_signature),
    ("cross-signature", cross_signature),
    ("validity-now", validity_now),
    ("not-listed", not_listed),
    ("not-distrusted", not_distrusted),
    ("key-unique", key_unique),
];

/// Whether this engine can check the rule.
pub(crate) fn is_known(rule: &str) -> bool {
    CHECKS.iter().any(|(id, _)| *id == rule)
}

/// Checks one rule; `None` when it is fulfilled. A policy holds no rule that is not known.
pub(crate) fn check(rule: &str, subject: &Subject<'_>) -> Option<Failure> {
    CHECKS.iter().find(|(id, _)| *id == rule).and_then(|(_, check)| check(subject))
}

fn self_signature(subject: &Subject<'_>) -> Option<Failure> {
    if subject.kind != Kind::Root {
        return None;
    }
    let certificate = subject.certificate;
    let expected = "a root named as its own issuer and signed by its own key";
    if !certificate.is_self_issued() {
        let found = format!("issuer {} differs from subject {}", certificate.issuer(), certificate.subject());
        return Some(Failure { found, expected });
    }
    let error = certificate.verify_self_signature().err()?;
    Some(Failure { found: error.to_string(), expected })
}

fn cross_signature(subject: &Subject<'_>) -> Option<Failure> {
    if subject.kind != Kind::CrossCertificate {
        return None;
    }
    let fail =
        |found| Some(Failure { found, expected: "a signature by the listed root that it names as issuer" });
    let Some(issuer) = subject.context.issuer else {
        return fail(format!("no listed root was given as issuer {}", subject.certificate.issuer()));
    };
    let issuer = match Certificate::from_der(issuer) {
        Ok(issuer) => issuer,
        Err(error) => return fail(format!("the issuing root cannot be read: {error}")),
    };
    if subject.certificate.issuer_der() != issuer.subject_der() {
        let (named, given) = (subject.certificate.issuer(), issuer.subject());
        return fail(format!("the certificate names issuer {named}, the root given is {given}"));
    }
    subject.certificate.verify_signed_by(&issuer).err().and_then(|error| fail(error.to_string()))
}

fn validity_now(subject: &Subject<'_>) -> Option<Failure> {
    let (from, to) = (subject.certificate.not_before(), subject.certificate.not_after());
    let now = subject.context.now;
    (!(from..=to).contains(&now)).then(|| Failure {
        found: format!("valid from {} to {}, screened at {}", date(from), date(to), date(now)),
        expected: "valid at the time of screening",
    })
}

fn not_listed(subject: &Subject<'_>) -> Option<Failure> {
    let fingerprint = subject.certificate.sha256();
    subject.context.listed.iter().any(|listed| listed.fingerprint == fingerprint).then(|| Failure {
        found: format!("certificate {} is on the list", hex::encode(fingerprint)),
        expected: "a certificate that is not on the list",
    })
}

fn not_distrusted(subject: &Subject<'_>) -> Option<Failure> {
    let (fingerprint, spki) = (subject.certificate.sha256(), subject.certificate.spki_sha256());
    let found = if subject.context.distrusted_certificates.contains(&fingerprint) {
        format!("certificate {} is distrusted", hex::encode(fingerprint))
    } else if subject.context.distrusted_keys.contains(&spki) {
        format!("key {} is distrusted", hex::encode(spki))
    } else {
        return None;
    };
    Some(Failure { found, expected: "neither certificate nor key distrusted" })
}

/// The same key under the same name is a renewed certificate, or a cross-certificate for a listed root.
fn key_unique(subject: &Subject<'_>) -> Option<Failure> {
    let (spki, name) = (subject.certificate.spki_sha256(), subject.certificate.subject_der());
    let other = subject.context.listed.iter().find(|listed| listed.spki == spki && listed.subject != name)?;
    Some(Failure {
        found: format!(
            "its key is that of listed certificate {}, whose name differs",
            hex::encode(other.fingerprint)
        ),
        expected: "a key that is not on the list under another name",
    })
}

fn date(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map_or_else(
        || format!("Unix second {seconds}"),
        |date| date.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}
