//! Applies a profile: which function checks which requirement, and what comes of it. Changing what a check finds is
//! a new [`ENGINE`](crate::ENGINE).

mod country;
mod extensions;
mod form;
mod issuer;
mod key;
mod names;
mod validity;

use ctl_pki::Certificate;
use ctl_pki::der::Malformed;
use ctl_pki::written::Written;
use serde::Serialize;

use super::{Profile, Requirement};
use crate::Severity;

/// A rule that a certificate breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// How much it weighs, by the profile.
    pub severity: Severity,
    /// Where in the certificate, for instance `extensions.keyUsage`.
    pub place: String,
    /// The byte of the certificate at which that stands, counted from 0, if it stands anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<usize>,
    /// What the certificate has.
    pub found: String,
    /// What the rule expects.
    pub expected: String,
    /// Where the rule comes from.
    pub source: String,
}

/// What a check found instead of what is required.
pub(super) struct Failure {
    place: String,
    byte: Option<usize>,
    found: String,
}

impl Failure {
    fn new(place: impl Into<String>, byte: impl Into<Option<usize>>, found: impl Into<String>) -> Self {
        Self { place: place.into(), byte: byte.into(), found: found.into() }
    }
}

/// A certificate with the issuer it is compared with, if one was given.
pub(super) struct Subject<'a> {
    view: &'a Written<'a>,
    /// The same certificate as the other crates read it, if they can.
    certificate: Option<&'a Certificate>,
    issuer: Option<Result<Written<'a>, Malformed>>,
    profile: &'a Profile,
}

/// The longest text of a certificate that a finding repeats, in characters.
const MAX_QUOTE: usize = 120;

/// Applies every rule of the profile to bytes that may be anything. Rules about the issuer are applied when the
/// issuer's certificate is given, in DER. No findings mean that the profile is fulfilled.
///
/// Findings stand in the profile's order, and the same bytes give the same findings.
pub fn lint(profile: &Profile, der: &[u8], issuer: Option<&[u8]>) -> Vec<Finding> {
    let view = match Written::read(der) {
        Ok(view) => view,
        Err(fault) => return unreadable(profile, Failure::new("certificate", fault.at, fault.what)),
    };
    let parsed = Certificate::from_der(der);
    let certificate = parsed.as_ref().ok();
    let subject = Subject { view: &view, certificate, issuer: issuer.map(Written::read), profile };
    let mut findings = Vec::new();
    for rule in profile.rules() {
        let failures = check(&rule.requirement, &subject);
        findings.extend(failures.into_iter().map(|failure| finding(rule, failure)));
    }
    // The parser that the other crates use has the last word: what it refuses is never clean.
    let is_explained = findings.iter().any(|finding| finding.severity == Severity::Error);
    if is_explained {
        return findings;
    }
    match &parsed {
        Err(error) => {
            findings.extend(unreadable(profile, Failure::new("certificate", None, error.to_string())))
        }
        Ok(certificate) => {
            if let Err(fault) = view.parts.check_version() {
                let rule =
                    profile.rules().iter().find(|rule| rule.requirement == Requirement::WellFormedExtensions);
                let failure = Failure::new("version, extensions", fault.at, fault.what);
                findings.extend(rule.map(|rule| finding(rule, failure)));
                return findings;
            }
            // What may stand on a list must be readable besides, which those rules that found nothing do not cover.
            let rule = profile.rules().iter().find(|rule| rule.requirement == Requirement::Readable);
            if let (Some(rule), Err(reason)) = (rule, certificate.check_readable()) {
                findings.push(finding(rule, Failure::new("certificate", None, reason.to_string())));
            }
        }
    }
    findings
}

fn unreadable(profile: &Profile, failure: Failure) -> Vec<Finding> {
    let rule = profile.rules().iter().find(|rule| rule.requirement == Requirement::Certificate);
    rule.map(|rule| finding(rule, failure)).into_iter().collect()
}

fn finding(rule: &super::Rule, failure: Failure) -> Finding {
    let Failure { place, byte, found } = failure;
    Finding {
        rule: rule.id.clone(),
        severity: rule.severity,
        place,
        byte,
        found: shorten(found),
        expected: rule.requirement.to_string(),
        source: rule.source.clone(),
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn check(requirement: &Requirement, subject: &Subject<'_>) -> Vec<Failure> {
    use Requirement as R;
    let view = subject.view;
    match requirement {
        // Judged before and after all others.
        R::Certificate | R::Readable => Vec::new(),
        R::Der(form) => form::der(view, *form),
        R::Size(limit) => form::size(view, *limit),
        R::Version(version) => form::version(view, *version),
        R::PositiveSerial => form::positive_serial(view),
        R::SerialBytes(limit) => form::serial_bytes(view, *limit),
        R::SignatureAlgorithm(algorithms) => key::signature_algorithm(view, algorithms),
        R::SameAlgorithms => key::same_algorithms(view),
        R::NoAlgorithmParameters => key::no_algorithm_parameters(view),
        R::SignatureForm => key::signature_form(view),
        R::Issuer(wanted) => names::attribute("issuer", &view.parts.issuer, wanted),
        R::IssuerDomainComponent(values) => names::domain_component("issuer", &view.parts.issuer, values),
        R::Subject(wanted) => names::attribute("subject", &view.parts.subject, wanted),
        R::DomainComponent(values) => names::domain_component("subject", &view.parts.subject, values),
        R::SubjectAttributes(kinds) => names::only("subject", &view.parts.subject, kinds),
        R::StringTypes(types) => names::each(view, |attribute| names::string_type(attribute, types)),
        R::StringCharacters => names::each(view, names::characters),
        R::NameLengths(limits) => names::each(view, |attribute| names::length(attribute, limits)),
        R::CountryCodes => names::each(view, names::country),
        R::CommonName(identifier) => names::identifier(view, *identifier),
        R::CommonNameLength(limit) => names::common_name_length(view, *limit),
        R::UnusualDomainComponent(unusual) => names::unusual_component(view, unusual),
        R::EmaidCheckDigit => names::check_digit(view),
        R::TimeForms => validity::forms(view),
        R::OrderedValidity => validity::ordered(view),
        R::ValidityMax(period) => validity::at_most(view, *period),
        R::ValidityMin(period) => validity::at_least(view, *period),
        R::KeyAlgorithm(algorithms) => key::algorithm(view, algorithms),
        R::NamedCurve => key::named_curve(view),
        R::Curve(curves) => key::curve(view, curves),
        R::PointOnCurve => key::point(view),
        R::SelfIssued => names::self_issued(view, true),
        R::NotSelfIssued => names::self_issued(view, false),
        R::NoUniqueIdentifiers => form::unique_identifiers(view),
        R::UniqueExtensions => extensions::unique(view),
        R::WellFormedExtensions => extensions::well_formed(view, subject.certificate),
        R::KnownCriticalExtensions => extensions::known_critical(view),
        R::ListedExtensions => extensions::listed(view, subject.profile),
        R::Extension(wanted) => extensions::presence(view, wanted),
        R::KeyUsage(wanted) => extensions::key_usage(view, wanted),
        R::ExtendedKeyUsage(purposes) => extensions::extended_key_usage(view, purposes),
        R::Ca(wanted) => extensions::ca(view, *wanted),
        R::PathLength(wanted) => extensions::path_length(view, *wanted),
        R::Address(service) => extensions::address(view, *service),
        R::AuthorityKeyId => extensions::authority_key_id(view),
        R::OwnAuthorityKeyId => extensions::own_authority_key_id(view),
        R::IssuedByIssuer => issuer::name(subject),
        R::IssuerKeyId => issuer::key_id(subject),
        R::WithinIssuerValidity => issuer::validity(subject),
    }
}
