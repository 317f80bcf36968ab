//! What the known extensions say (RFC 5280 section 4.2), read strictly.

use super::Extension;
use super::der::{
    BIT_STRING, BOOLEAN, Fault, Flaw, Form, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, dotted, examine,
};

pub(crate) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
const CERTIFICATE_POLICIES: &str = "2.5.29.32";
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
const OCSP_NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
/// Access by OCSP (RFC 5280 section 4.2.2.1).
pub(crate) const ACCESS_OCSP: &str = "1.3.6.1.5.5.7.48.1";

/// Extensions by the names that profiles use.
const NAMES: [(&str, &str); 17] = [
    (SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier"),
    (KEY_USAGE, "keyUsage"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    (BASIC_CONSTRAINTS, "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    (CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (CERTIFICATE_POLICIES, "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    (AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    (EXTENDED_KEY_USAGE, "extKeyUsage"),
    ("2.5.29.46", "freshestCRL"),
    (INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
    (AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess"),
    (OCSP_NO_CHECK, "ocspNoCheck"),
];

/// Whether this house knows what the extension says.
pub(crate) fn is_known(oid: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == oid)
}

/// The extension's name, or its identifier where it has none here.
pub(crate) fn name(oid: &str) -> &str {
    NAMES.iter().find(|(known, _)| *known == oid).map_or(oid, |(_, name)| *name)
}

/// The identifier of the extension with this name; a dotted identifier stands for itself.
pub(crate) fn oid(name: &str) -> Option<&str> {
    let is_dotted = name.contains('.') && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    NAMES.iter().find(|(_, known)| *known == name).map(|(oid, _)| *oid).or(is_dotted.then_some(name))
}

/// Basic constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    pub(crate) path_length: Option<u32>,
}

fn reader<'a>(extension: &Extension<'a>) -> Reader<'a> {
    Reader::new(extension.value, extension.value_at)
}

pub(crate) fn basic_constraints(extension: &Extension<'_>) -> Result<BasicConstraints, Fault> {
    let mut outer = reader(extension);
    let mut inside = outer.tagged(SEQUENCE, "basicConstraints")?.inside();
    outer.end("basicConstraints")?;
    let ca = inside.optional(BOOLEAN, "cA")?.is_some_and(|flag| flag.content != [0]);
    let path_length = match inside.optional(INTEGER, "pathLenConstraint")? {
        None => None,
        Some(number) => Some(small(number.content).ok_or_else(|| {
            Fault::new(
                number.at,
                format!("pathLenConstraint {} is no path length", hex::encode(number.content)),
            )
        })?),
    };
    inside.end("pathLenConstraint")?;
    Ok(BasicConstraints { ca, path_length })
}

/// A number of at most three bytes that is not negative.
fn small(content: &[u8]) -> Option<u32> {
    match content {
        [first, ..] if *first < 0x80 && content.len() <= 4 => {
            Some(content.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
        }
        _ => None,
    }
}

/// The nine bits of key usage, in RFC 5280's order.
pub(crate) fn key_usage(extension: &Extension<'_>) -> Result<[bool; 9], Fault> {
    let mut outer = reader(extension);
    let bits = outer.tagged(BIT_STRING, "keyUsage")?;
    outer.end("keyUsage")?;
    let bytes = bits.content.get(1..).unwrap_or_default();
    if bytes.len() > 2 {
        return Err(Fault::new(bits.at, "keyUsage has more than nine bits"));
    }
    let is_set = |bit: usize| bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    let usage = std::array::from_fn(is_set);
    if bytes.get(1).is_some_and(|second| second & 0x7f != 0) {
        return Err(Fault::new(bits.at, "keyUsage has more than nine bits"));
    }
    Ok(usage)
}

/// The purposes, as dotted identifiers.
pub(crate) fn extended_key_usage(extension: &Extension<'_>) -> Result<Vec<String>, Fault> {
    let mut outer = reader(extension);
    let mut inside = outer.tagged(SEQUENCE, "extKeyUsage")?.inside();
    outer.end("extKeyUsage")?;
    let mut purposes = vec![dotted(inside.tagged(OID, "a purpose")?.content)];
    while !inside.is_at_end() {
        purposes.push(dotted(inside.tagged(OID, "a purpose")?.content));
    }
    Ok(purposes)
}

pub(crate) fn subject_key_identifier<'a>(extension: &Extension<'a>) -> Result<&'a [u8], Fault> {
    let mut outer = reader(extension);
    let id = outer.tagged(OCTET_STRING, "subjectKeyIdentifier")?;
    outer.end("subjectKeyIdentifier")?;
    Ok(id.content)
}

/// The key identifier of the authority key identifier, if it has one.
pub(crate) fn authority_key_identifier<'a>(extension: &Extension<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let mut outer = reader(extension);
    let mut inside = outer.tagged(SEQUENCE, "authorityKeyIdentifier")?.inside();
    outer.end("authorityKeyIdentifier")?;
    let id = inside.optional(0x80, "keyIdentifier")?;
    let issuer = inside.optional(0xa1, "authorityCertIssuer")?;
    let serial = inside.optional(0x82, "authorityCertSerialNumber")?;
    inside.end("authorityKeyIdentifier")?;
    if issuer.is_some() != serial.is_some() {
        let what = "authorityCertIssuer or authorityCertSerialNumber without the other";
        return Err(Fault::new(extension.value_at, what));
    }
    Ok(id.map(|id| id.content))
}

/// Certificate policies: each at most once (RFC 5280 section 4.2.1.4).
fn certificate_policies(extension: &Extension<'_>) -> Result<(), Fault> {
    let mut outer = reader(extension);
    let mut inside = outer.tagged(SEQUENCE, "certificatePolicies")?.inside();
    outer.end("certificatePolicies")?;
    let mut seen = Vec::new();
    loop {
        let information = inside.tagged(SEQUENCE, "a policy")?;
        let policy = information.inside().tagged(OID, "a policy's identifier")?.content;
        if seen.contains(&policy) {
            return Err(Fault::new(information.at, format!("the policy {} once more", dotted(policy))));
        }
        seen.push(policy);
        if inside.is_at_end() {
            return Ok(());
        }
    }
}

/// The URIs at which OCSP responders are said to be.
pub(crate) fn ocsp_addresses(extension: &Extension<'_>) -> Result<Vec<String>, Fault> {
    let mut outer = reader(extension);
    let mut inside = outer.tagged(SEQUENCE, "authorityInfoAccess")?.inside();
    outer.end("authorityInfoAccess")?;
    let mut addresses = Vec::new();
    loop {
        let mut access = inside.tagged(SEQUENCE, "an access description")?.inside();
        let method = dotted(access.tagged(OID, "an access method")?.content);
        let location = access.any("an access location")?;
        access.end("an access location")?;
        if method == ACCESS_OCSP && location.tag == URI {
            addresses.push(String::from_utf8_lossy(location.content).into_owned());
        }
        if inside.is_at_end() {
            return Ok(addresses);
        }
    }
}

/// The URIs at which CRLs are said to be.
pub(crate) fn crl_addresses(extension: &Extension<'_>) -> Result<Vec<String>, Fault> {
    let mut outer = reader(extension);
    let mut inside = outer.tagged(SEQUENCE, "cRLDistributionPoints")?.inside();
    outer.end("cRLDistributionPoints")?;
    let mut addresses = Vec::new();
    loop {
        let mut point = inside.tagged(SEQUENCE, "a distribution point")?.inside();
        if let Some(name) = point.optional(0xa0, "a distribution point's name")? {
            let mut names = name.inside();
            if let Some(full) = names.optional(0xa0, "a full name")? {
                let mut full = full.inside();
                while !full.is_at_end() {
                    let name = full.any("a general name")?;
                    if name.tag == URI {
                        addresses.push(String::from_utf8_lossy(name.content).into_owned());
                    }
                }
            }
        }
        if inside.is_at_end() {
            return Ok(addresses);
        }
    }
}

/// GeneralName's uniformResourceIdentifier.
const URI: u8 = 0x86;

/// Whether the value has the form that its extension prescribes. Of those that no rule looks into, only the outer
/// form is judged.
pub(crate) fn check_form(extension: &Extension<'_>) -> Result<(), Fault> {
    examine(extension.value, extension.value_at, &mut Vec::new())?;
    match extension.oid.as_str() {
        SUBJECT_KEY_IDENTIFIER => subject_key_identifier(extension).map(drop),
        KEY_USAGE => key_usage(extension).map(drop),
        BASIC_CONSTRAINTS => basic_constraints(extension).map(drop),
        CRL_DISTRIBUTION_POINTS => crl_addresses(extension).map(drop),
        AUTHORITY_KEY_IDENTIFIER => authority_key_identifier(extension).map(drop),
        EXTENDED_KEY_USAGE => extended_key_usage(extension).map(drop),
        AUTHORITY_INFO_ACCESS => ocsp_addresses(extension).map(drop),
        CERTIFICATE_POLICIES => certificate_policies(extension),
        oid => {
            let expected = match oid {
                INHIBIT_ANY_POLICY => INTEGER,
                OCSP_NO_CHECK => 0x05,
                _ => SEQUENCE,
            };
            let mut outer = reader(extension);
            let value = outer.tagged(expected, name(oid))?;
            outer.end(name(oid))?;
            // Whichever is a SEQUENCE must say something (RFC 5280 section 4.2.1 and appendix A.2).
            if expected == SEQUENCE && value.content.is_empty() {
                return Err(Fault::new(value.at, format!("{} holds nothing", name(oid))));
            }
            Ok(())
        }
    }
}

/// Notes values that DER leaves out because they are the default, and named bits written beyond the last that is
/// set (X.690 sections 11.2.2 and 11.5).
pub(crate) fn note_defaults(extension: &Extension<'_>, flaws: &mut Vec<Flaw>) {
    let mut outer = reader(extension);
    let Ok(value) = outer.any("an extension's value") else { return };
    match extension.oid.as_str() {
        BASIC_CONSTRAINTS if matches!(value.content, [BOOLEAN, 1, 0, ..]) => {
            let what = "cA FALSE in basicConstraints, which is what leaving it out means".to_owned();
            flaws.push(Flaw { form: Form::Default, at: value.content_at(), what });
        }
        KEY_USAGE => {
            if let [unused @ 0..=7, .., last] = value.content
                && (u32::from(*unused) != last.trailing_zeros() || *last == 0)
                // Unused bits that are set are another flaw.
                && last.trailing_zeros() >= u32::from(*unused)
            {
                let what = "keyUsage with zero bits after the last that is set".to_owned();
                flaws.push(Flaw { form: Form::BitString, at: value.at, what });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(oid: &str, value: &[u8]) -> Option<String> {
        let extension = Extension { oid: oid.to_owned(), critical: false, value, at: 0, value_at: 0 };
        check_form(&extension).err().map(|fault| fault.what)
    }

    #[test]
    fn what_must_hold_something_is_not_empty() {
        for oid in
            ["2.5.29.17", "2.5.29.30", CERTIFICATE_POLICIES, "2.5.29.33", "2.5.29.36", EXTENDED_KEY_USAGE]
        {
            assert!(fault(oid, &[0x30, 0]).is_some(), "{oid}");
        }
        assert_eq!(fault("2.5.29.17", &[0x30, 3, 0x82, 1, b'a']), None);
    }

    #[test]
    fn an_authority_is_named_by_issuer_and_serial_number_or_by_neither() {
        let wrong = fault(AUTHORITY_KEY_IDENTIFIER, &[0x30, 6, 0x80, 1, 1, 0x82, 1, 7]);
        assert_eq!(
            wrong.as_deref(),
            Some("authorityCertIssuer or authorityCertSerialNumber without the other")
        );
        assert_eq!(fault(AUTHORITY_KEY_IDENTIFIER, &[0x30, 3, 0x80, 1, 1]), None);
        assert_eq!(fault(AUTHORITY_KEY_IDENTIFIER, &[0x30, 8, 0xa1, 3, 0x82, 1, b'a', 0x82, 1, 7]), None);
    }

    #[test]
    fn a_policy_stands_in_a_certificate_once() {
        let once = [0x30, 7, 0x30, 5, 6, 3, 0x88, 0x37, 1];
        let twice = [0x30, 14, 0x30, 5, 6, 3, 0x88, 0x37, 1, 0x30, 5, 6, 3, 0x88, 0x37, 1];
        assert_eq!(fault(CERTIFICATE_POLICIES, &once), None);
        assert_eq!(fault(CERTIFICATE_POLICIES, &twice).as_deref(), Some("the policy 2.999.1 once more"));
    }
}
