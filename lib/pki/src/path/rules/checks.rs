//! The rules of ISO 15118-2 and -20 for paths, one by one.

use super::{Edition, MAX_DEPTH, Purpose, Rules, anchor};
use crate::kind::domain_components;
use crate::path::rejection::moment;
use crate::path::{Finding, Outcome};
use crate::{Certificate, oid};

const P256: &str = "1.2.840.10045.3.1.7";
const P521: &str = "1.3.132.0.35";
const ED448: &str = "1.3.101.113";
const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const ECDSA_WITH_SHA512: &str = "1.2.840.10045.4.3.4";

/// Which certificate of a path: the anchor, or one of the chain.
type Place = Option<usize>;

pub(super) struct Checks<'p> {
    edition: Edition,
    purpose: Option<Purpose>,
    time: i64,
    anchor: &'p Certificate,
    chain: &'p [&'p Certificate],
    findings: Vec<Finding>,
}

impl<'p> Checks<'p> {
    pub(super) fn new(
        edition: Edition,
        rules: &Rules,
        anchor: &'p Certificate,
        chain: &'p [&'p Certificate],
    ) -> Self {
        Self { edition, purpose: rules.purpose, time: rules.time, anchor, chain, findings: Vec::new() }
    }

    pub(super) fn all(mut self) -> Vec<Finding> {
        self.depth();
        self.root_issues_no_leaf();
        self.anchor_validity();
        self.findings.extend(anchor::findings(self.anchor, self.chain));
        self.suites();
        self.sizes();
        match self.edition {
            Edition::Two => self.nothing_that_vehicles_ignore(),
            Edition::Twenty => {
                self.validity_nesting();
                self.key_identifiers();
            }
        }
        self.leaf();
        self.findings
    }

    fn find(
        &mut self,
        rule: &'static str,
        outcome: Outcome,
        position: Place,
        words: impl Into<String>,
        source: &'static str,
    ) {
        self.findings.push(Finding { rule, outcome, position, words: words.into(), source });
    }

    /// Each complaint as a failure, or one finding that there was none.
    fn conclude(
        &mut self,
        rule: &'static str,
        source: &'static str,
        complaints: Vec<(Place, String)>,
        otherwise: impl Into<String>,
    ) {
        if complaints.is_empty() {
            self.find(rule, Outcome::Passed, None, otherwise, source);
        }
        for (place, words) in complaints {
            self.find(rule, Outcome::Failed, place, words, source);
        }
    }

    /// The anchor, then the chain, each with its place.
    fn places(&self) -> impl Iterator<Item = (Place, &'p Certificate)> + use<'p> {
        let chain =
            self.chain.iter().enumerate().map(|(position, certificate)| (Some(position), *certificate));
        std::iter::once((None, self.anchor)).chain(chain)
    }

    fn depth(&mut self) {
        let depth = self.chain.len();
        let source = self.edition.source("[V2G2-009] (secondary)", "ISO 15118-20 (secondary)");
        let (outcome, words) = if depth > MAX_DEPTH {
            let words = format!(
                "{depth} certificates stand below the root, a cross-certificate counted like any other; {} allows {MAX_DEPTH}",
                self.edition.name()
            );
            (Outcome::Failed, words)
        } else {
            (Outcome::Passed, format!("{depth} of at most {MAX_DEPTH} certificates stand below the root"))
        };
        self.find("depth", outcome, None, words, source);
    }

    fn root_issues_no_leaf(&mut self) {
        if let [leaf] = self.chain
            && !leaf.is_ca()
        {
            let words = "the root issued it directly, which only roots of private environments may do";
            let source = self.edition.source("[V2G2-867] (secondary)", "ISO 15118-20 (secondary)");
            self.find("root-issues-leaf", Outcome::Warning, Some(0), words, source);
        }
    }

    fn anchor_validity(&mut self) {
        let (from, until) = (self.anchor.not_before(), self.anchor.not_after());
        let source = "ISO 15118 (secondary); RFC 5280 leaves it to those who choose the anchor";
        let (outcome, words) = if self.time < from {
            (Outcome::Failed, format!("the root is valid only from {}", moment(from)))
        } else if self.time > until {
            (Outcome::Failed, format!("the root was valid until {}", moment(until)))
        } else {
            (Outcome::Passed, format!("the root is valid until {}", moment(until)))
        };
        self.find("anchor-validity", outcome, None, words, source);
    }

    /// The anchor's key signs, so it is judged; its own signature is never verified.
    fn suites(&mut self) {
        let edition = self.edition;
        let fits = |certificate: &Certificate| {
            let curve = certificate.public_key_curve().map(|curve| curve.oid());
            match edition {
                Edition::Two => curve == Some(P256),
                Edition::Twenty => curve == Some(P521) || certificate.public_key_algorithm().oid() == ED448,
            }
        };
        let signed_well = |certificate: &Certificate| match (edition, certificate.signature_algorithm().oid())
        {
            (Edition::Two, algorithm) => algorithm == ECDSA_WITH_SHA256,
            (Edition::Twenty, algorithm) => matches!(algorithm, ECDSA_WITH_SHA512 | ED448),
        };
        let wanted =
            edition.source("ECDSA on secp256r1 with SHA-256", "ECDSA on secp521r1 with SHA-512, or Ed448");
        let mut complaints = Vec::new();
        for (place, certificate) in self.places() {
            if !fits(certificate) {
                let key = certificate.public_key_curve().unwrap_or(certificate.public_key_algorithm());
                complaints.push((place, format!("its key is {key}, and {} knows {wanted}", edition.name())));
            }
            if place.is_some() && !signed_well(certificate) {
                let algorithm = certificate.signature_algorithm();
                complaints.push((
                    place,
                    format!("it is signed with {algorithm}, and {} knows {wanted}", edition.name()),
                ));
            }
        }
        let source = edition.source("eCharge4Drivers guide, tables 5 to 7", "ISO 15118-20 (secondary)");
        self.conclude("suite", source, complaints, format!("every key and signature is {wanted}"));
    }

    fn sizes(&mut self) {
        let limit = self.edition.max_size();
        let complaints = self
            .places()
            .filter(|(_, certificate)| certificate.der().len() > limit)
            .map(|(place, certificate)| {
                (place, format!("it has {} bytes, more than the {limit} allowed", certificate.der().len()))
            })
            .collect();
        let source = self.edition.source("[V2G2-010] (secondary)", "ISO 15118-20 (secondary)");
        self.conclude("size", source, complaints, format!("no certificate has more than {limit} bytes"));
    }

    /// Constraints that a vehicle of -2 does not read would hold on paper only.
    fn nothing_that_vehicles_ignore(&mut self) {
        for (rule, extension, name) in [
            ("name-constraints", oid::NAME_CONSTRAINTS, "name constraints"),
            ("policy-mapping", oid::POLICY_MAPPINGS, "policy mappings"),
        ] {
            let complaints = self
                .places()
                .filter(|(place, certificate)| place.is_some() && certificate.extension(extension).is_some())
                .map(|(place, _)| (place, format!("it has {name}, which ISO 15118-2 does not know")))
                .collect();
            self.conclude(rule, "ISO 15118-2 (secondary)", complaints, format!("no certificate has {name}"));
        }
    }

    fn validity_nesting(&mut self) {
        let mut complaints = Vec::new();
        let mut issuer = self.anchor;
        for (place, certificate) in self.places().skip(1) {
            let (outer, inner) = (issuer, certificate);
            if inner.not_before() < outer.not_before() {
                let words = format!(
                    "it is valid from {}, before its issuer, which is from {}",
                    moment(inner.not_before()),
                    moment(outer.not_before())
                );
                complaints.push((place, words));
            }
            if inner.not_after() > outer.not_after() {
                let words = format!(
                    "it is valid until {}, longer than its issuer, which is until {}",
                    moment(inner.not_after()),
                    moment(outer.not_after())
                );
                complaints.push((place, words));
            }
            issuer = certificate;
        }
        let otherwise = "every certificate is valid only while its issuer is";
        self.conclude("validity-nesting", "ISO 15118-20 (secondary)", complaints, otherwise);
    }

    fn key_identifiers(&mut self) {
        let mut complaints = Vec::new();
        let mut issuer: Option<&Certificate> = None;
        for (place, certificate) in self.places() {
            if certificate.subject_key_id().is_none() {
                complaints.push((place, "it has no subject key identifier".to_owned()));
            }
            let authority = certificate.authority_key_id();
            match (issuer.and_then(Certificate::subject_key_id), authority) {
                (_, None) if issuer.is_some() => {
                    complaints.push((place, "it has no authority key identifier".to_owned()));
                }
                (Some(subject), Some(authority)) if subject != authority => complaints.push((
                    place,
                    "its authority key identifier is not its issuer's subject key identifier".to_owned(),
                )),
                (None, Some(_)) if issuer.is_none() && certificate.is_self_issued_by_name() => {
                    complaints.push((place, "it is a root and has an authority key identifier".to_owned()));
                }
                _ => {}
            }
            issuer = Some(certificate);
        }
        let otherwise = "key identifiers join every certificate to its issuer";
        self.conclude("key-identifiers", "ISO 15118-20 (secondary)", complaints, otherwise);
    }

    fn leaf(&mut self) {
        let Some(leaf) = self.chain.last().copied() else { return };
        let place = Some(self.chain.len() - 1);
        let Some(purpose) = self.purpose else {
            let (outcome, words) = if leaf.is_ca() {
                (Outcome::Passed, "it is a CA: rules for leaves do not apply")
            } else {
                // Whoever skips the rules for want of a purpose lets through what breaks them.
                let words = "what it is for cannot be told from it, and a leaf that is for nothing known is refused; \
                             if you know better, name its purpose";
                (Outcome::Failed, words)
            };
            self.find("purpose", outcome, place, words, "ISO 15118 (secondary)");
            return;
        };
        if leaf.is_ca() {
            let words = format!("it is a CA, not {}", purpose.words());
            self.find("purpose", Outcome::Failed, place, words, "ISO 15118 (secondary)");
        }
        if self.edition == Edition::Two && purpose == Purpose::Vehicle {
            let words = "ISO 15118-2 knows no vehicle's certificates: the vehicle is no TLS client there";
            self.find("purpose", Outcome::Failed, place, words, "ISO 15118-2 (secondary)");
        }
        self.leaf_component(leaf, purpose, place);
        self.root_component(purpose);
        self.leaf_usage(leaf, purpose, place);
    }

    fn leaf_component(&mut self, leaf: &Certificate, purpose: Purpose, place: Place) {
        let found = domain_components(leaf.subject_name());
        // -2 knows the operator as CPO only.
        let wanted: Vec<&str> = purpose
            .leaf_components()
            .iter()
            .copied()
            .filter(|component| self.edition == Edition::Twenty || *component != "CSO")
            .collect();
        let source = self.edition.source("[V2G2-925] (secondary)", "ISO 15118-20 (secondary)");
        let either = wanted.join(" or ");
        let (outcome, words) = if wanted.is_empty() {
            return;
        } else if found.iter().any(|component| wanted.contains(&component.as_str())) {
            (Outcome::Passed, format!("its domain component is {either}, as of {}", purpose.words()))
        } else if !found.is_empty() {
            let words =
                format!("its domain component is {}, and {} has {either}", found.join(", "), purpose.words());
            (Outcome::Failed, words)
        } else if purpose.needs_component() {
            let words = format!("it has no domain component, and {} is told by {either}", purpose.words());
            (Outcome::Failed, words)
        } else {
            (Outcome::Passed, format!("it has no domain component; {either} would be usual, and is optional"))
        };
        self.find("leaf-domain-component", outcome, place, words, source);
    }

    fn root_component(&mut self, purpose: Purpose) {
        let found = domain_components(self.anchor.subject_name());
        let wanted = purpose.root_components();
        let either = wanted.join(" or ");
        let source = self.edition.source("[V2G2-925] (secondary)", "ISO 15118-20 (secondary)");
        let (outcome, words) = if found.is_empty() {
            let words = format!("the root's name does not say what it is for; {either} was expected");
            (Outcome::Warning, words)
        } else if found.iter().any(|component| wanted.contains(&component.as_str())) {
            (
                Outcome::Passed,
                format!("the root is one for {}, as {} needs", found.join(", "), purpose.words()),
            )
        } else if found.iter().all(|component| component == Purpose::TOLERATED_ROOT_COMPONENT) {
            let words =
                format!("the root's domain component is {}, where {either} is usual", found.join(", "));
            (Outcome::Warning, words)
        } else {
            let words =
                format!("the root is one for {}, and {} needs {either}", found.join(", "), purpose.words());
            (Outcome::Failed, words)
        };
        self.find("root-domain-component", outcome, None, words, source);
    }

    fn leaf_usage(&mut self, leaf: &Certificate, purpose: Purpose, place: Place) {
        // What -20 asks beyond signing differs by how contract keys travel, and is not known from open sources.
        let wanted = match self.edition {
            Edition::Two => purpose.key_usage(),
            Edition::Twenty => &["digitalSignature"],
        };
        let source = self.edition.source(
            "eCharge4Drivers guide, tables 5 to 7; CPS: ISO 15118-2 (secondary)",
            "ISO 15118-20 (secondary)",
        );
        let (outcome, words) = match leaf.key_usage() {
            Ok(Some(usage)) => {
                let missing: Vec<_> = wanted.iter().copied().filter(|bit| !usage.value.has(bit)).collect();
                if usage.value.key_cert_sign() {
                    (Outcome::Failed, "its key may sign certificates, and it is a leaf".to_owned())
                } else if missing.is_empty() {
                    (Outcome::Passed, format!("its key may be used for {}", usage.value))
                } else {
                    let words = format!(
                        "its key may be used for {}, and {} needs {}",
                        usage.value,
                        purpose.words(),
                        missing.join(" and ")
                    );
                    (Outcome::Failed, words)
                }
            }
            Ok(None) => {
                (Outcome::Failed, "it does not say what its key may be used for (key usage)".to_owned())
            }
            Err(error) => (Outcome::Failed, error.to_string()),
        };
        self.find("leaf-key-usage", outcome, place, words, source);
    }
}
