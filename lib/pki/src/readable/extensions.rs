//! The extensions of a readable certificate.

use super::Unreadable;
use crate::der::{self, BIT_STRING, BOOLEAN, Face, Malformed, OCTET_STRING, Reader, SEQUENCE, UTF8_STRING};
use crate::extension::{
    CPS, DistributionPoint, DistributionPointName, Extension, Extensions, GeneralName, Said, USER_NOTICE,
    said,
};
use crate::oid;
use crate::written::Parts;

/// What OpenSSL or Python's cryptography take apart and we do not, so that we cannot say whether they can. No root
/// needs any of them.
const READ_ONLY_BY_OTHERS: [&str; 20] = [
    "2.5.29.16", // privateKeyUsagePeriod
    "2.5.29.20", // cRLNumber and its kind belong in CRLs
    "2.5.29.21",
    "2.5.29.24",
    "2.5.29.27",
    "2.5.29.28",
    "2.5.29.29",
    "2.5.29.46",               // freshestCRL
    "1.3.6.1.5.5.7.1.7",       // sbgp-ipAddrBlock
    "1.3.6.1.5.5.7.1.8",       // sbgp-autonomousSysNum
    "1.3.6.1.5.5.7.1.11",      // subjectInfoAccess
    "1.3.6.1.5.5.7.1.14",      // proxyCertInfo
    "1.3.6.1.5.5.7.1.24",      // TLS feature
    "1.3.6.1.4.1.11129.2.4.2", // SCT list
    "1.3.6.1.4.1.11129.2.4.3", // CT poison
    "1.3.6.1.4.1.11129.2.4.5", // SCT list in OCSP
    "1.3.6.1.4.1.311.21.7",    // Microsoft's certificate template
    "1.3.36.8.3.3",            // admission
    "2.16.840.1.113730.1.1",   // nsCertType
    "2.16.840.1.113730.1.13",  // nsComment
];

pub(super) fn check(parts: &Parts<'_>) -> Result<(), Unreadable> {
    let Some(list) = parts.extension_list else { return Ok(()) };
    if list.content.is_empty() {
        return Err(Unreadable::Extensions("the list is there and empty"));
    }
    if parts.extensions.iter().any(|placed| placed.written_default.is_some()) {
        let problem = "\"critical\" is written out as FALSE, where DER leaves it out";
        return Err(Unreadable::Extensions(problem));
    }
    let all: Vec<Extension> = parts.extensions.iter().map(|placed| placed.extension.clone()).collect();
    for extension in &all {
        check_value(extension).map_err(|problem| Unreadable::Extension {
            name: extension.name().to_owned(),
            oid: extension.oid().to_owned(),
            problem: problem.what,
        })?;
    }
    check_known(&Extensions::read(all, Face::Strict))
}

/// What concerns the bytes of a value. Of an extension that nobody takes apart they may be anything.
fn check_value(extension: &Extension) -> Result<(), Malformed> {
    let value = extension.value();
    if READ_ONLY_BY_OTHERS.contains(&extension.oid()) {
        return Err(
            "is one that devices' parsers take apart, and that has no place in such a certificate".into()
        );
    }
    match extension.oid() {
        oid::SUBJECT_KEY_IDENTIFIER => der::only(value, OCTET_STRING).map(drop),
        oid::OCSP_NO_CHECK if value == [5, 0] => Ok(()),
        oid::OCSP_NO_CHECK => Err("is not a NULL".into()),
        oid::KEY_USAGE => check_named_bits(der::only(value, BIT_STRING)?),
        oid::BASIC_CONSTRAINTS if Reader::sequence(value)?.optional(BOOLEAN)? == Some(&[0]) => {
            Err("has cA FALSE written out, where DER leaves it out".into())
        }
        oid::CERTIFICATE_POLICIES => {
            der::check(value, 0)?;
            check_qualifiers(value)
        }
        known if oid::extension_name(known).is_some() => der::check(value, 0),
        _ => Ok(()),
    }
}

/// X.690 section 11.2.2: a list of named bits ends with the last that is set.
fn check_named_bits(content: &[u8]) -> Result<(), Malformed> {
    let minimal = match content {
        [0] => true,
        [unused @ 0..=7, .., last] => last.trailing_zeros() == u32::from(*unused),
        _ => false,
    };
    if minimal { Ok(()) } else { Err("does not end with the last bit that is set".into()) }
}

/// Fewer forms than RFC 5280 knows: some readers take a notice only as one UTF8String.
fn check_qualifiers(value: &[u8]) -> Result<(), Malformed> {
    let mut policies = Reader::sequence(value)?;
    while !policies.is_empty() {
        let mut policy = policies.element(SEQUENCE)?.inside();
        policy.any()?;
        let mut qualifiers = Reader::new(policy.optional(SEQUENCE)?.unwrap_or_default());
        while !qualifiers.is_empty() {
            let mut qualifier = qualifiers.element(SEQUENCE)?.inside();
            match qualifier.any()?.oid()?.as_str() {
                CPS => {}
                USER_NOTICE => {
                    let mut notice = qualifier.element(SEQUENCE)?.inside();
                    notice.optional(UTF8_STRING)?;
                    notice.end()?;
                }
                _ => {
                    return Err(
                        "has a policy qualifier that is neither a CPS pointer nor a user notice".into()
                    );
                }
            }
        }
    }
    Ok(())
}

/// What concerns the meaning of those that we read.
fn check_known(extensions: &Extensions) -> Result<(), Unreadable> {
    let mut names: Vec<(&'static str, &GeneralName)> = Vec::new();
    let mut counts: Vec<(&'static str, Option<u32>)> = Vec::new();
    let constraints = value(said(&extensions.basic_constraints))?;
    if constraints.is_some_and(|constraints| !constraints.ca && constraints.path_len.is_some()) {
        return Err(problem(oid::BASIC_CONSTRAINTS, "has a path length without being a CA's"));
    }
    counts.extend(constraints.map(|constraints| (oid::BASIC_CONSTRAINTS, constraints.path_len)));
    if let Some(usage) = value(said(&extensions.key_usage))? {
        let only = usage.has("encipherOnly") || usage.has("decipherOnly");
        if only && !usage.has("keyAgreement") {
            return Err(problem(oid::KEY_USAGE, "has bits that mean nothing without keyAgreement"));
        }
    }
    value(said(&extensions.extended_key_usage))?;
    value(said(&extensions.certificate_policies))?;
    value(said(&extensions.policy_mappings))?;
    if let Some(policy) = value(said(&extensions.policy_constraints))? {
        counts.push((oid::POLICY_CONSTRAINTS, policy.require_explicit_policy));
        counts.push((oid::POLICY_CONSTRAINTS, policy.inhibit_policy_mapping));
    }
    let inhibit = value(said(&extensions.inhibit_any_policy))?;
    counts.extend(inhibit.map(|inhibit| (oid::INHIBIT_ANY_POLICY, Some(inhibit.skip_certs))));
    if let Some((oid, _)) =
        counts.iter().find(|(_, count)| count.is_some_and(|count| count > i32::MAX as u32))
    {
        return Err(problem(oid, "counts certificates beyond any path"));
    }
    for (oid, said) in [
        (oid::SUBJECT_ALT_NAME, said(&extensions.subject_alt_names)),
        (oid::ISSUER_ALT_NAME, said(&extensions.issuer_alt_names)),
    ] {
        names.extend(value(said)?.into_iter().flatten().map(|name| (oid, name)));
    }
    if let Some(access) = value(said(&extensions.authority_info_access))? {
        names.extend(access.descriptions.iter().map(|one| (oid::AUTHORITY_INFO_ACCESS, &one.location)));
    }
    for point in value(said(&extensions.crl_distribution_points))?.into_iter().flatten() {
        check_point(point)?;
        let full = match &point.name {
            Some(DistributionPointName::Full(full)) => full.as_slice(),
            _ => &[],
        };
        names.extend(full.iter().chain(&point.crl_issuer).map(|name| (oid::CRL_DISTRIBUTION_POINTS, name)));
    }
    if let Some(authority) = value(said(&extensions.authority_key_id))? {
        names.extend(authority.issuer.iter().map(|name| (oid::AUTHORITY_KEY_IDENTIFIER, name)));
        if let Some([] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..]) = authority.serial.as_deref() {
            return Err(problem(oid::AUTHORITY_KEY_IDENTIFIER, "has a serial number that is not one"));
        }
    }
    for (oid, name) in names {
        if matches!(name, GeneralName::X400(_) | GeneralName::EdiParty(_)) {
            return Err(problem(oid, "has a name of a form that not all read"));
        }
    }
    if let Some(constraints) = value(said(&extensions.name_constraints))? {
        for subtree in constraints.permitted.iter().chain(&constraints.excluded) {
            let readable = match &subtree.base {
                GeneralName::X400(_) | GeneralName::EdiParty(_) => false,
                GeneralName::Ip(range) => is_prefix(range),
                _ => true,
            };
            if !readable || subtree.minimum != 0 || subtree.maximum.is_some() {
                return Err(problem(oid::NAME_CONSTRAINTS, "has a constraint of a form that not all read"));
            }
        }
    }
    Ok(())
}

fn check_point(point: &DistributionPoint) -> Result<(), Unreadable> {
    // Bit 0 is unused, and there are eight reasons (RFC 5280 section 4.2.1.13).
    match point.reasons {
        Some(reasons) if reasons.0 & !0b1_1111_1110 != 0 => {
            Err(problem(oid::CRL_DISTRIBUTION_POINTS, "names a reason that nobody knows"))
        }
        _ => Ok(()),
    }
}

/// Whether the second half of an address range is a mask of leading ones.
fn is_prefix(range: &[u8]) -> bool {
    let (_, mask) = range.split_at_checked(range.len() / 2).unwrap_or_default();
    let mut rest = mask.iter().skip_while(|byte| **byte == 0xff);
    let first = rest.next().copied().unwrap_or(0);
    first.leading_ones() == first.count_ones() && rest.all(|byte| *byte == 0)
}

fn value<T>(said: Said<'_, T>) -> Result<Option<&T>, Unreadable> {
    match said {
        Ok(typed) => Ok(typed.map(|typed| &typed.value)),
        Err(error) => Err(Unreadable::Extension {
            name: error.name.to_owned(),
            oid: error.oid.to_owned(),
            problem: error.problem,
        }),
    }
}

fn problem(oid: &'static str, problem: &'static str) -> Unreadable {
    let name = oid::extension_name(oid).unwrap_or(oid).to_owned();
    Unreadable::Extension { name, oid: oid.to_owned(), problem }
}
