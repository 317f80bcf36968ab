//! Rules about cross-certificates: both ends, and whether the certificate allows what it is for.

use ctl_pki::Certificate;

use super::{Checked, Subject, date, fail};
use crate::facts::{Purpose, Standard};
use crate::{Kind, Rule};

/// id-kp-serverAuth (RFC 5280 section 4.2.1.12).
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// anyExtendedKeyUsage (RFC 5280 section 4.2.1.12).
const ANY_PURPOSE: &str = "2.5.29.37.0";

fn end<'a>(end: Option<&'a Certificate>, what: &str) -> Result<&'a Certificate, String> {
    end.ok_or_else(|| format!("no listed root was given as {what}"))
}

/// It is for the very key and name of the root that it is said to be for.
pub(super) fn subject(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let expected = "key and name of the listed root that it is for";
    let root = match end(subject.context.subject.as_ref(), "subject") {
        Ok(root) => root,
        Err(problem) => return fail(problem, expected),
    };
    let certificate = subject.certificate;
    if certificate.spki_der() != root.spki_der() {
        return fail("it is for another key", expected);
    }
    if certificate.subject_der() != root.subject_der() {
        let found = format!("it is for {}, the root is {}", certificate.subject(), root.subject());
        return fail(found, expected);
    }
    Ok(())
}

/// Without these, path validation stops at it (RFC 5280 section 6.1.4 (k) and (n)).
pub(super) fn authority(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let expected = "critical basic constraints that say CA, and key usage keyCertSign";
    let certificate = subject.certificate;
    match certificate.basic_constraints() {
        Err(error) => return fail(error.to_string(), expected),
        Ok(None) => return fail("no basic constraints", expected),
        Ok(Some(said)) if !said.value.ca => return fail("it is for no CA", expected),
        Ok(Some(said)) if !said.critical => {
            return fail("basic constraints are not critical", expected);
        }
        Ok(Some(_)) => {}
    }
    match certificate.key_usage() {
        Err(error) => fail(error.to_string(), expected),
        Ok(None) => fail("no key usage", expected),
        Ok(Some(said)) if !said.value.key_cert_sign() => fail("key usage without keyCertSign", expected),
        Ok(Some(_)) => Ok(()),
    }
}

/// A path length of 0 leaves no room for the sub-CA that issues to chargers.
pub(super) fn path_length(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() || subject.certificate.path_len() != Some(0) {
        return Ok(());
    }
    fail("path length 0: no sub-CA can stand below it", "a path length of at least 1, or none")
}

/// A vehicle takes at most three certificates below its root, and the cross-certificate is one of them.
pub(super) fn depth(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let expected = "chains below its subject with one sub-CA: with the cross-certificate and the leaf, three \
                    certificates below the vehicle's root";
    match subject.context.sub_ca_levels.iter().max() {
        None => fail("no sub-CA below its subject is disclosed, and two levels are usual", expected),
        Some(levels) if *levels > 1 => fail(
            format!("chains below its subject with {levels} sub-CAs: {} certificates", levels + 2),
            expected,
        ),
        Some(_) => Ok(()),
    }
}

/// An extended key usage in a CA certificate limits what stands below it, for those who look at it.
pub(super) fn purposes(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let expected = "no extended key usage, or one that allows what both roots are listed for";
    let found = match subject.certificate.extended_key_usage() {
        Err(error) => return fail(error.to_string(), expected),
        Ok(None) => return Ok(()),
        Ok(Some(found)) => found,
    };
    let charger = subject.context.uses.iter().any(|one| one.purpose == Purpose::V2g);
    if found.value.has(ANY_PURPOSE) || (charger && found.value.has(SERVER_AUTH)) {
        return Ok(());
    }
    fail(format!("only for {}", found.value.purposes.join(", ")), expected)
}

/// ISO 15118-2 devices need not know them, and what they do not know and is critical they refuse.
pub(super) fn constraints(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let certificate = subject.certificate;
    let there = [
        ("name constraints", !matches!(certificate.name_constraints(), Ok(None))),
        ("policy constraints", !matches!(certificate.policy_constraints(), Ok(None))),
        ("policy mappings", !matches!(certificate.policy_mappings(), Ok(None))),
        ("inhibitAnyPolicy", !matches!(certificate.inhibit_any_policy(), Ok(None))),
    ];
    let there: Vec<&str> = there.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
    if there.is_empty() {
        return Ok(());
    }
    fail(format!("it has {}", there.join(", ")), "neither name nor policy constraints, nor mappings")
}

/// ISO 15118-20 nests validity; for ISO 15118-2 it is enough that the three have a time in common.
pub(super) fn validity(subject: &Subject<'_>, _: &Rule) -> Checked {
    if !subject.is_cross() {
        return Ok(());
    }
    let (issuer, of) =
        (end(subject.context.issuer.as_ref(), "issuer"), end(subject.context.subject.as_ref(), "subject"));
    let (issuer, of) = match (issuer, of) {
        (Ok(issuer), Ok(of)) => (issuer, of),
        (Err(problem), _) | (_, Err(problem)) => {
            return fail(problem, "a time in which it and both roots are valid");
        }
    };
    let certificate = subject.certificate;
    let (from, to) = (certificate.not_before(), certificate.not_after());
    let nests = subject.context.uses.iter().any(|one| one.standard == Standard::Iso15118_20);
    if nests && (from < issuer.not_before() || to > issuer.not_after()) {
        return fail(
            format!("valid from {} to {}", date(from), date(to)),
            format!(
                "within its issuer's, from {} to {}",
                date(issuer.not_before()),
                date(issuer.not_after())
            ),
        );
    }
    let first = from.max(issuer.not_before()).max(of.not_before());
    let last = to.min(issuer.not_after()).min(of.not_after());
    if first <= last {
        return Ok(());
    }
    let found = format!("valid from {} to {}, never together with both roots", date(from), date(to));
    fail(found, "a time in which it and both roots are valid")
}

/// Who relies on it must be able to learn that it was revoked.
pub(super) fn revocation_address(subject: &Subject<'_>, _: &Rule) -> Checked {
    if subject.kind == Kind::Root {
        return Ok(());
    }
    let certificate = subject.certificate;
    if !certificate.ocsp_urls().is_empty() || !certificate.crl_urls().is_empty() {
        return Ok(());
    }
    fail("neither an OCSP responder nor a CRL address", "the address of an OCSP responder or of a CRL")
}
