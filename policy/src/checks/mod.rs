//! How each rule is checked. Changing what a check finds is a new [`ENGINE`](crate::ENGINE).

mod cross;
mod evidence;
mod profiles;

use chrono::{DateTime, Months, SecondsFormat};
use ctl_pki::Certificate;

pub use profiles::{profiles_applied, profiles_of};

use crate::{Context, Kind, Policy, Rule};

/// The rule that every policy contains. It was checked before a [`Subject`] could be made: what cannot be read gets no
/// further.
pub(crate) const PARSES: &str = "parses";
/// The rule that an audit report must be recent.
pub(crate) const AUDIT_RECENT: &str = "audit-recent";

/// A candidate that parsed, with all that a check may look at.
pub(crate) struct Subject<'a> {
    pub(crate) certificate: &'a Certificate,
    pub(crate) kind: Kind,
    pub(crate) context: &'a Context,
    pub(crate) policy: &'a Policy,
}

impl Subject<'_> {
    fn is_root(&self) -> bool {
        self.kind == Kind::Root
    }

    fn is_cross(&self) -> bool {
        self.kind == Kind::CrossCertificate
    }
}

/// What a check found instead of what the rule expects.
pub(crate) struct Failure {
    pub(crate) found: String,
    pub(crate) expected: String,
}

/// What a check came to. What cannot be computed is not fulfilled: there is no third answer.
pub(crate) type Checked = Result<(), Failure>;

fn fail(found: impl Into<String>, expected: impl Into<String>) -> Checked {
    Err(Failure { found: found.into(), expected: expected.into() })
}

type Check = fn(&Subject<'_>, &Rule) -> Checked;

/// Each rule with the parameters that it takes, in the order of [`Parameters`](crate::Parameters).
const CHECKS: [(&str, &[&str], Check); 28] = [
    (PARSES, &[], |_, _| Ok(())),
    ("profile", &[], profiles::errors),
    ("profile-warnings", &[], profiles::warnings),
    ("self-signature", &[], self_signature),
    ("cross-signature", &[], cross_signature),
    ("validity-now", &[], validity_now),
    ("remaining-validity", &["years"], remaining_validity),
    ("not-expiring", &["years"], not_expiring),
    ("not-listed", &[], not_listed),
    ("not-distrusted", &[], not_distrusted),
    ("key-unique", &[], key_unique),
    ("ocsp-address", &[], ocsp_address),
    ("crl-address", &[], crl_address),
    ("revocation-address", &[], cross::revocation_address),
    ("second-channel-fingerprint", &[], evidence::second_channel),
    ("certificate-policy", &[], evidence::certificate_policy),
    ("audit-report", &[], evidence::audit_report),
    (AUDIT_RECENT, &["months"], evidence::audit_recent),
    ("evidence-list", &["evidence"], evidence::list),
    ("discussion", &["days"], evidence::discussion),
    ("cross-subject", &[], cross::subject),
    ("cross-ca", &[], cross::authority),
    ("cross-path-length", &[], cross::path_length),
    ("cross-depth", &[], cross::depth),
    ("cross-purposes", &[], cross::purposes),
    ("cross-constraints", &[], cross::constraints),
    ("cross-validity", &[], cross::validity),
    ("sub-ca-signature", &[], sub_ca_signature),
];

/// The parameters that a rule takes, if this engine can check it.
pub(crate) fn parameters(rule: &str) -> Option<&'static [&'static str]> {
    CHECKS.iter().find(|(id, ..)| *id == rule).map(|(_, parameters, _)| *parameters)
}

/// Checks one rule. A policy holds no rule that is not known; one that did would not be fulfilled.
pub(crate) fn check(rule: &Rule, subject: &Subject<'_>) -> Checked {
    match CHECKS.iter().find(|(id, ..)| *id == rule.id) {
        Some((.., check)) => check(subject, rule),
        None => fail("a rule that this engine does not know", "a rule that it can check"),
    }
}

fn self_signature(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_root() {
        return Ok(());
    }
    let certificate = subject.certificate;
    let expected = "a root named as its own issuer and signed by its own key";
    if !certificate.is_self_issued() {
        let found = format!("issuer {} differs from subject {}", certificate.issuer(), certificate.subject());
        return fail(found, expected);
    }
    certificate.verify_self_signature().or_else(|error| fail(error.to_string(), expected))
}

fn cross_signature(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let fail = |found: String| fail(found, "a signature by the listed root that it names as issuer");
    let Some(issuer) = &subject.context.issuer else {
        return fail(format!("no listed root was given as issuer {}", subject.certificate.issuer()));
    };
    if subject.certificate.issuer_der() != issuer.subject_der() {
        let (named, given) = (subject.certificate.issuer(), issuer.subject());
        return fail(format!("the certificate names issuer {named}, the root given is {given}"));
    }
    subject.certificate.verify_signed_by(issuer).or_else(|error| fail(error.to_string()))
}

fn validity_now(subject: &Subject<'_>, _: &Rule) -> Checked {
    let (from, to) = (subject.certificate.not_before(), subject.certificate.not_after());
    let now = subject.context.now;
    if (from..=to).contains(&now) {
        return Ok(());
    }
    let found = format!("valid from {} to {}, screened at {}", date(from), date(to), date(now));
    fail(found, "valid at the time of screening")
}

/// Roots live in vehicles that nobody can reach easily, so they should be young when they come.
fn remaining_validity(subject: &Subject<'_>, rule: &Rule) -> Checked {
    if subject.is_root() { lasts(subject, rule) } else { Ok(()) }
}

fn not_expiring(subject: &Subject<'_>, rule: &Rule) -> Checked {
    if subject.kind == Kind::SubCa { Ok(()) } else { lasts(subject, rule) }
}

fn lasts(subject: &Subject<'_>, rule: &Rule) -> Checked {
    // A policy without the parameter was refused when it was read.
    let years = rule.parameters.years.unwrap_or(u32::MAX);
    let now = DateTime::from_timestamp(subject.context.now, 0);
    let until = now.and_then(|now| now.checked_add_months(Months::new(years.checked_mul(12)?)));
    let to = subject.certificate.not_after();
    let Some(until) = until else {
        let found =
            format!("valid to {}; {years} years from the time of screening is on no calendar", date(to));
        return fail(found, format!("valid for {years} more years"));
    };
    if to >= until.timestamp() {
        return Ok(());
    }
    fail(
        format!("valid to {}", date(to)),
        format!("valid for {years} more years, to {}", date(until.timestamp())),
    )
}

fn not_listed(subject: &Subject<'_>, _: &Rule) -> Checked {
    let fingerprint = subject.certificate.sha256();
    if subject.context.listed.iter().all(|listed| listed.fingerprint != fingerprint) {
        return Ok(());
    }
    let found = format!("certificate {} is or was on the list", hex::encode(fingerprint));
    fail(found, "a certificate that is not on the list and never was")
}

fn not_distrusted(subject: &Subject<'_>, _: &Rule) -> Checked {
    let (fingerprint, spki) = (subject.certificate.sha256(), subject.certificate.spki_sha256());
    let found = if subject.context.distrusted_certificates.contains(&fingerprint) {
        format!("certificate {} is distrusted", hex::encode(fingerprint))
    } else if subject.context.distrusted_keys.contains(&spki) {
        format!("key {} is distrusted", hex::encode(spki))
    } else {
        return Ok(());
    };
    fail(found, "neither certificate nor key distrusted")
}

/// The same key under the same name is a renewed certificate, or a cross-certificate for a listed root.
fn key_unique(subject: &Subject<'_>, _: &Rule) -> Checked {
    let (spki, name) = (subject.certificate.spki_sha256(), subject.certificate.subject_der());
    match subject.context.listed.iter().find(|listed| listed.spki == spki && listed.subject != name) {
        None => Ok(()),
        Some(other) => {
            let other = hex::encode(other.fingerprint);
            let found = format!("its key is that of listed certificate {other}, whose name differs");
            fail(found, "a key that is not on the list under another name")
        }
    }
}

/// A root's own certificate says nothing of revocation below it: the application does.
fn ocsp_address(subject: &Subject<'_>, _: &Rule) -> Checked {
    let named = subject.context.ocsp.len() + subject.certificate.ocsp_urls().len();
    if !subject.is_root() || named > 0 {
        return Ok(());
    }
    fail("the application names no OCSP responder", "the address of at least one OCSP responder")
}

fn crl_address(subject: &Subject<'_>, _: &Rule) -> Checked {
    let named = subject.context.crl.len() + subject.certificate.crl_urls().len();
    if !subject.is_root() || named > 0 {
        return Ok(());
    }
    fail("the application names no CRL", "the address of at least one CRL")
}

fn sub_ca_signature(subject: &Subject<'_>, _: &Rule) -> Checked {
    if subject.kind != Kind::SubCa {
        return Ok(());
    }
    let expected = "a CA certificate signed by the listed root or disclosed sub-CA that it names as issuer";
    let Some(issuer) = &subject.context.issuer else { return fail("no issuer was given", expected) };
    if !subject.certificate.is_ca() {
        return fail("it is no CA certificate", expected);
    }
    subject.certificate.verify_signed_by(issuer).or_else(|error| fail(error.to_string(), expected))
}

fn date(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map_or_else(
        || format!("Unix second {seconds}"),
        |date| date.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}
