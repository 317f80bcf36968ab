//! The algorithm of RFC 5280 section 6.1, certificate by certificate, with the policies of RFC 9618.
//!
//! The trust anchor gives a name and a key. Its validity and extensions are no part of the algorithm (section
//! 6.1.1 (d)); rule sets that look at the anchor's certificate too are separate from this. Within a certificate the
//! order of the checks is ours: those that say more about what is wrong come first.

use std::collections::BTreeSet;

use super::constraints::Constraints;
use super::policy::PolicyGraph;
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
    let mut validation = Validation { steps: Vec::new(), failure: None, policies: BTreeSet::new(), work: 0 };
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
        let is_last = position + 1 == chain.len();
        let result = state.certificate(certificate, issuer, is_last, signatures, &mut checks);
        if let Err(rejection) = &result {
            let (rule, source) = (rejection.rule(), rejection.source());
            checks.0.push(Check { rule, passed: false, words: rejection.to_string(), source });
        }
        validation.steps.push(Step {
            position,
            subject: certificate.subject().to_owned(),
            fingerprint: certificate.sha256(),
            checks: checks.0,
        });
        validation.work = state.names.compared() + state.policies.size();
        if let Err(rejection) = result {
            validation.failure = Some(Failure { position, rejection });
            return validation;
        }
        issuer = certificate;
    }
    validation.policies = state.policies.user_constrained(inputs.initial_policies.as_ref());
    validation
}

/// The checks of one certificate that passed so far.
struct Checks(Vec<Check>);

impl Checks {
    fn pass(&mut self, rule: &'static str, words: impl Into<String>, source: &'static str) {
        self.0.push(Check { rule, passed: true, words: words.into(), source });
    }
}

/// The state variables of RFC 5280 section 6.1.2.
struct State<'a> {
    inputs: &'a Inputs,
    policies: PolicyGraph<'a>,
    names: Constraints<'a>,
    explicit_policy: u32,
    inhibit_any_policy: u32,
    policy_mapping: u32,
    max_path_length: u32,
    /// Whose constraint it is, once one is in force.
    path_length_by: Option<&'a str>,
}

impl<'a> State<'a> {
    fn new(inputs: &'a Inputs, length: usize) -> Self {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let unless = |at_once| if at_once { 0 } else { length.saturating_add(1) };
        Self {
            inputs,
            policies: PolicyGraph::new(),
            names: Constraints::new(&inputs.initial_names),
            explicit_policy: unless(inputs.require_explicit_policy),
            inhibit_any_policy: unless(inputs.inhibit_any_policy),
            policy_mapping: unless(inputs.inhibit_policy_mapping),
            max_path_length: length,
            path_length_by: None,
        }
    }

    fn certificate(
        &mut self,
        certificate: &'a Certificate,
        issuer: &Certificate,
        is_last: bool,
        signatures: &mut Signatures,
        checks: &mut Checks,
    ) -> Result<(), Rejection> {
        let is_self_issued = certificate.is_self_issued_by_name();
        self.basics(certificate, issuer, signatures, checks)?;
        critical_extensions(certificate, checks)?;
        if !is_last {
            self.issuing_rights(certificate, is_self_issued, checks)?;
        }
        self.check_names(certificate, is_self_issued && !is_last, checks)?;
        self.check_policies(certificate, is_self_issued && !is_last)?;
        if is_last {
            self.wrap_up_policies(certificate)?;
        } else {
            self.prepare_policies(certificate, is_self_issued)?;
            if let Some(constraints) = read(certificate.name_constraints())? {
                self.names.add(certificate.subject(), &constraints.value);
            }
        }
        self.explain_policies(is_last, checks);
        Ok(())
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
        certificate.check_der().map_err(|error| Rejection::NotDer(error.what))?;
        certificate.check_version().map_err(|error| Rejection::VersionForm(error.what))?;
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

    /// Section 6.1.4 (k) to (n): what lets the certificate issue the next.
    fn issuing_rights(
        &mut self,
        certificate: &'a Certificate,
        is_self_issued: bool,
        checks: &mut Checks,
    ) -> Result<(), Rejection> {
        if certificate.version() < 3 {
            return Err(Rejection::Version(certificate.version()));
        }
        let constraints = read(certificate.basic_constraints())?.filter(|constraints| constraints.value.ca);
        let Some(constraints) = constraints else { return Err(Rejection::NotCa) };
        checks.pass("ca", "its basic constraints say that it is a CA", "RFC 5280 section 6.1.4 (k)");
        if !is_self_issued {
            self.max_path_length = self.max_path_length.checked_sub(1).ok_or_else(|| {
                Rejection::PathLength { by: self.path_length_by.unwrap_or("the path").to_owned() }
            })?;
        }
        if let Some(limit) = constraints.value.path_len
            && limit < self.max_path_length
        {
            self.max_path_length = limit;
            self.path_length_by = Some(certificate.subject());
        }
        let words = match self.path_length_by {
            Some(by) => {
                format!("CAs that may still stand below it: {}, as {by} limits it", self.max_path_length)
            }
            None => "no path length constraint limits the CAs below it".to_owned(),
        };
        checks.pass("path-length", words, "RFC 5280 section 6.1.4 (l) and (m)");
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

    /// Section 6.1.3 (b) and (c). A CA that renews itself under its own name is exempt.
    fn check_names(
        &mut self,
        certificate: &Certificate,
        is_exempt: bool,
        checks: &mut Checks,
    ) -> Result<(), Rejection> {
        if self.names.is_empty() || is_exempt {
            return Ok(());
        }
        let alt_names = read(certificate.subject_alt_names())?;
        let alt_names = alt_names.map_or(&[][..], |names| names.value.as_slice());
        let names = self.names.check(certificate, alt_names)?;
        checks.pass(
            "name-constraints",
            format!("its names ({names}) keep to the name constraints of the CAs above it"),
            "RFC 5280 section 6.1.3 (b) and (c)",
        );
        Ok(())
    }

    /// Section 6.1.3 (d) to (f).
    fn check_policies(&mut self, certificate: &'a Certificate, is_renewed_ca: bool) -> Result<(), Rejection> {
        let policies = read(certificate.certificate_policies())?.map(|policies| policies.value.as_slice());
        self.policies.certificate(policies, self.inhibit_any_policy > 0 || is_renewed_ca)?;
        if self.explicit_policy == 0 && self.policies.is_null() {
            return Err(Rejection::NoValidPolicy);
        }
        Ok(())
    }

    /// Section 6.1.4 (a), (b), (h), (i) and (j).
    fn prepare_policies(
        &mut self,
        certificate: &'a Certificate,
        is_self_issued: bool,
    ) -> Result<(), Rejection> {
        if let Some(mappings) = read(certificate.policy_mappings())? {
            let any = |policy: &str| policy == oid::ANY_POLICY;
            if mappings
                .value
                .iter()
                .any(|mapping| any(&mapping.issuer_domain) || any(&mapping.subject_domain))
            {
                return Err(Rejection::AnyPolicyMapped);
            }
            self.policies.map(&mappings.value, self.policy_mapping > 0)?;
        }
        if !is_self_issued {
            for counter in [&mut self.explicit_policy, &mut self.policy_mapping, &mut self.inhibit_any_policy]
            {
                *counter = counter.saturating_sub(1);
            }
        }
        if let Some(constraints) = read(certificate.policy_constraints())? {
            at_most(&mut self.explicit_policy, constraints.value.require_explicit_policy);
            at_most(&mut self.policy_mapping, constraints.value.inhibit_policy_mapping);
        }
        if let Some(inhibit) = read(certificate.inhibit_any_policy())? {
            at_most(&mut self.inhibit_any_policy, Some(inhibit.value.skip_certs));
        }
        Ok(())
    }

    /// Section 6.1.5 (a), (b) and (g).
    fn wrap_up_policies(&mut self, certificate: &Certificate) -> Result<(), Rejection> {
        self.explicit_policy = self.explicit_policy.saturating_sub(1);
        if let Some(constraints) = read(certificate.policy_constraints())?
            && constraints.value.require_explicit_policy == Some(0)
        {
            self.explicit_policy = 0;
        }
        let asked = self.inputs.initial_policies.as_ref();
        if self.explicit_policy == 0 && self.policies.user_constrained(asked).is_empty() {
            return Err(Rejection::PolicyNotAccepted {
                found: self.policies.authority_constrained().into_iter().collect(),
                asked: asked.map(|asked| asked.iter().cloned().collect()),
            });
        }
        Ok(())
    }

    fn explain_policies(&self, is_last: bool, checks: &mut Checks) {
        let holding: Vec<&str> = self
            .policies
            .holding()
            .map(|policy| if policy == oid::ANY_POLICY { "any policy" } else { policy })
            .collect();
        let required = if self.explicit_policy == 0 { "and one is required" } else { "and none is required" };
        let words = if holding.is_empty() {
            "no certificate policy holds down to it, and none is required".to_owned()
        } else {
            format!(
                "the path down to it holds for the certificate policies {}, {required}",
                holding.join(", ")
            )
        };
        let source = if is_last {
            "RFC 5280 sections 6.1.3 (d) to (f) and 6.1.5 (g), as RFC 9618 has them"
        } else {
            "RFC 5280 sections 6.1.3 (d) to (f) and 6.1.4 (a) to (j), as RFC 9618 has them"
        };
        checks.pass("policies", words, source);
    }
}

/// The critical extensions that path validation acts on, or whose meaning is left to those who use the path.
pub(super) fn is_understood(certificate: &Certificate, oid: &str) -> Option<Result<(), Rejection>> {
    Some(match oid {
        oid::KEY_USAGE => readable(certificate.key_usage()),
        oid::SUBJECT_ALT_NAME => readable(certificate.subject_alt_names()),
        oid::BASIC_CONSTRAINTS => readable(certificate.basic_constraints()),
        oid::NAME_CONSTRAINTS => readable(certificate.name_constraints()),
        oid::CRL_DISTRIBUTION_POINTS => readable(certificate.crl_distribution_points()),
        oid::CERTIFICATE_POLICIES => readable(certificate.certificate_policies()),
        oid::POLICY_MAPPINGS => readable(certificate.policy_mappings()),
        oid::POLICY_CONSTRAINTS => readable(certificate.policy_constraints()),
        oid::EXTENDED_KEY_USAGE => readable(certificate.extended_key_usage()),
        oid::INHIBIT_ANY_POLICY => readable(certificate.inhibit_any_policy()),
        _ => return None,
    })
}

/// Section 4.2, 6.1.4 (o) and 6.1.5 (f): a critical extension is understood and can be read, or the certificate
/// is refused.
fn critical_extensions(certificate: &Certificate, checks: &mut Checks) -> Result<(), Rejection> {
    // What is recognised must be processed, critical or not (section 4.2).
    if let Some(error) = certificate.unreadable_extensions().next() {
        return Err(Rejection::MalformedExtension(error.clone()));
    }
    let mut names = Vec::new();
    for extension in certificate.extensions().iter().filter(|extension| extension.is_critical()) {
        is_understood(certificate, extension.oid())
            .ok_or_else(|| Rejection::UnknownCriticalExtension(extension.name().to_owned()))??;
        names.push(extension.name());
    }
    let words = if names.is_empty() {
        "it has no critical extension".to_owned()
    } else {
        format!("every critical extension is understood ({})", names.join(", "))
    };
    checks.pass("critical-extensions", words, "RFC 5280 section 4.2, 6.1.4 (o) and 6.1.5 (f)");
    Ok(())
}

/// What an extension says; one that cannot be read breaks the path.
fn read<T>(said: Said<'_, T>) -> Result<Option<&Typed<T>>, Rejection> {
    said.map_err(|error: &ExtensionError| Rejection::MalformedExtension(error.clone()))
}

fn readable<T>(said: Said<'_, T>) -> Result<(), Rejection> {
    read(said).map(drop)
}

fn at_most(counter: &mut u32, limit: Option<u32>) {
    if let Some(limit) = limit {
        *counter = (*counter).min(limit);
    }
}
