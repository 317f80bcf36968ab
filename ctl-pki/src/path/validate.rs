//! The algorithm of RFC 5280 section 6.1, certificate by certificate.
//!
//! The trust anchor gives a name and a key; its validity and extensions are no part of the algorithm (section
//! 6.1.1 (d)). Rule sets that look at the anchor's certificate too stand beside this.

use std::collections::BTreeSet;

use super::rejection::moment;
use super::{Check, Failure, Inputs, MAX_CHAIN, Rejection, Signatures, Step, Validation};
use crate::extension::{ExtensionError, Said, Typed};
use crate::{Certificate, oid};

/// Validates the path from `anchor` down `chain`, which begins with the certificate that the anchor issued and
/// ends with the one the question is about. `signatures` carries what was verified before, and its limit.
pub fn validate(
    anchor: &Certificate,
    chain: &[&Certificate],
    inputs: &Inputs,
    signatures: &mut Signatures,
) -> Validation {
    let mut validation = Validation { steps: Vec::new(), failure: None, policies: BTreeSet::new() };
    let unseen = match chain.len() {
        0 => Some(Rejection::Empty),
        length if length > MAX_CHAIN => Some(Rejection::TooManyCertificates(length)),
        _ => None,
    };
    if let Some(rejection) = unseen {
        validation.failure = Some(Failure { position: 0, rejection });
        return validation;
    }
    let mut state = State::new(inputs, chain.len());
    let mut issuer = anchor;
    for (position, &certificate) in chain.iter().enumerate() {
        let mut checks = Checks(Vec::new());
        let result = state.certificate(certificate, issuer, position, signatures, &mut checks);
        if let Err(rejection) = &result {
            checks.0.push(Check {
                rule: rejection.rule(),
                passed: false,
                words: rejection.to_string(),
                source: rejection.source(),
            });
        }
        validation.steps.push(Step {
            position,
            subject: certificate.subject().to_owned(),
            fingerprint: certificate.sha256(),
            checks: checks.0,
        });
        if let Err(rejection) = result {
            validation.failure = Some(Failure { position, rejection });
            return validation;
        }
        issuer = certificate;
    }
    validation
}

/// The checks of one certificate that passed so far.
struct Checks(Vec<Check>);

impl Checks {
    fn pass(&mut self, rule: &'static str, words: impl Into<String>, source: &'static str) {
        self.0.push(Check { rule, passed: true, words: words.into(), source });
    }
}

/// The critical extensions that path validation acts on or whose meaning is left to those who use the path.
const UNDERSTOOD: [&str; 10] = [
    oid::KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::BASIC_CONSTRAINTS,
    oid::NAME_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::POLICY_CONSTRAINTS,
    oid::EXTENDED_KEY_USAGE,
    oid::INHIBIT_ANY_POLICY,
];

/// The state variables of RFC 5280 section 6.1.2.
struct State<'a> {
    inputs: &'a Inputs,
    length: usize,
    max_path_length: u32,
}

impl<'a> State<'a> {
    fn new(inputs: &'a Inputs, length: usize) -> Self {
        Self { inputs, length, max_path_length: u32::try_from(length).unwrap_or(u32::MAX) }
    }

    fn certificate(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
        position: usize,
        signatures: &mut Signatures,
        checks: &mut Checks,
    ) -> Result<(), Rejection> {
        let is_last = position + 1 == self.length;
        self.basics(certificate, issuer, signatures, checks)?;
        if !is_last {
            self.prepare_next(certificate, checks)?;
        }
        critical_extensions(certificate, checks)
    }

    /// Section 6.1.3 (a). The name is compared before the signature is verified: a signature under a key that
    /// the certificate does not name would say nothing.
    fn basics(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        signatures: &mut Signatures,
        checks: &mut Checks,
    ) -> Result<(), Rejection> {
        if certificate.issuer_name() != issuer.subject_name() {
            let (named, above) = (certificate.issuer().to_owned(), issuer.subject().to_owned());
            return Err(Rejection::NameChaining { named, above });
        }
        checks.pass(
            "name-chaining",
            format!("its issuer is {}, as the certificate above is named", certificate.issuer()),
            "RFC 5280 section 6.1.3 (a)(4)",
        );
        let (from, until, at) = (certificate.not_before(), certificate.not_after(), self.inputs.time);
        if at < from {
            return Err(Rejection::NotYetValid { from, at });
        }
        if at > until {
            return Err(Rejection::Expired { until, at });
        }
        checks.pass(
            "validity",
            format!("valid from {} to {}", moment(from), moment(until)),
            "RFC 5280 section 6.1.3 (a)(2)",
        );
        signatures.check(certificate, issuer)?;
        checks.pass(
            "signature",
            format!("signed by the key of the certificate above with {}", certificate.signature_algorithm()),
            "RFC 5280 section 6.1.3 (a)(1)",
        );
        Ok(())
    }

    /// Section 6.1.4 (k) to (n): what makes the certificate the issuer of the next.
    fn prepare_next(&mut self, certificate: &Certificate, checks: &mut Checks) -> Result<(), Rejection> {
        if certificate.version() < 3 {
            return Err(Rejection::Version(certificate.version()));
        }
        let constraints = read(certificate.basic_constraints())?.filter(|constraints| constraints.value.ca);
        let Some(constraints) = constraints else { return Err(Rejection::NotCa) };
        checks.pass(
            "basic-constraints",
            "its basic constraints say that it is a CA",
            "RFC 5280 section 6.1.4 (k)",
        );
        if !certificate.is_self_issued_by_name() {
            self.max_path_length = self.max_path_length.checked_sub(1).ok_or(Rejection::PathLength)?;
        }
        if let Some(limit) = constraints.value.path_len {
            self.max_path_length = self.max_path_length.min(limit);
        }
        checks.pass(
            "path-length",
            format!("at most {} further CAs may stand below it", self.max_path_length),
            "RFC 5280 section 6.1.4 (l) and (m)",
        );
        let words = match read(certificate.key_usage())? {
            Some(usage) if !usage.value.key_cert_sign() => {
                return Err(Rejection::KeyUsage { allowed: usage.value.to_string() });
            }
            Some(_) => "its key may sign certificates (keyCertSign)",
            None => "it does not limit what its key may be used for",
        };
        checks.pass("key-usage", words, "RFC 5280 section 6.1.4 (n)");
        Ok(())
    }
}

/// Section 6.1.4 (o) and 6.1.5 (f).
fn critical_extensions(certificate: &Certificate, checks: &mut Checks) -> Result<(), Rejection> {
    let mut critical = certificate.extensions().iter().filter(|extension| extension.is_critical());
    if let Some(unknown) = critical.find(|extension| !UNDERSTOOD.contains(&extension.oid())) {
        return Err(Rejection::UnknownCriticalExtension(unknown.name().to_owned()));
    }
    checks.pass(
        "critical-extensions",
        "every critical extension is understood",
        "RFC 5280 section 6.1.4 (o) and 6.1.5 (f)",
    );
    Ok(())
}

/// What an extension says; one that cannot be read breaks the path.
fn read<T>(said: Said<'_, T>) -> Result<Option<&Typed<T>>, Rejection> {
    said.map_err(|error: &ExtensionError| Rejection::MalformedExtension(error.clone()))
}
