//! Certificate policies and what governs them (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14).

use std::collections::HashSet;

use super::sequences;
use crate::der::{
    BMP_STRING, Element, IA5_STRING, INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, UTF8_STRING,
    VISIBLE_STRING, context,
};

/// id-qt-cps (RFC 5280 section 4.2.1.4).
pub(crate) const CPS: &str = "1.3.6.1.5.5.7.2.1";
/// id-qt-unotice (RFC 5280 section 4.2.1.4).
pub(crate) const USER_NOTICE: &str = "1.3.6.1.5.5.7.2.2";

/// One policy under which a certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInformation {
    /// The policy's object identifier, dotted.
    pub policy: String,
    /// The object identifiers of its qualifiers. Those that RFC 5280 knows have the form that it gives them.
    pub qualifiers: Vec<String>,
}

/// One policy of the issuer's that the subject's domain calls by another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyMapping {
    /// The issuer's policy.
    pub issuer_domain: String,
    /// What the subject's domain considers equal to it.
    pub subject_domain: String,
}

/// Policy constraints: after how many more certificates they bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyConstraints {
    /// From then on an acceptable policy is needed.
    pub require_explicit_policy: Option<u32>,
    /// From then on mapping is forbidden.
    pub inhibit_policy_mapping: Option<u32>,
}

/// Inhibit anyPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InhibitAnyPolicy {
    /// After this many more certificates anyPolicy counts for nothing.
    pub skip_certs: u32,
}

pub(super) fn certificate_policies(
    value: Reader<'_>,
    critical: bool,
) -> Result<Vec<PolicyInformation>, Malformed> {
    let mut seen = HashSet::new();
    sequences(value.only(SEQUENCE)?.inside(), "a policy is not a SEQUENCE", |mut reader| {
        let identifier = reader.element(OBJECT_IDENTIFIER)?;
        let policy = identifier.oid()?;
        if !seen.insert(policy.clone()) {
            return Err(identifier.wrong("the same policy stands in it twice (RFC 5280 section 4.2.1.4)"));
        }
        let qualifiers = if reader.is_empty() {
            Vec::new()
        } else {
            let wrong = "a policy qualifier is not a SEQUENCE";
            let list = reader.element(SEQUENCE)?;
            sequences(list.inside(), wrong, |inside| qualifier(inside, critical))?
        };
        reader.end()?;
        Ok(PolicyInformation { policy, qualifiers })
    })
}

/// The type of one qualifier. Who cannot interpret a qualifier must refuse a critical extension (RFC 5280 section
/// 4.2.1.4).
fn qualifier(mut reader: Reader<'_>, critical: bool) -> Result<String, Malformed> {
    let identifier = reader.element(OBJECT_IDENTIFIER)?;
    let kind = identifier.oid()?;
    let value = reader.any()?;
    reader.end()?;
    match kind.as_str() {
        CPS if value.tag == IA5_STRING => drop(value.ia5()?),
        CPS => return Err(value.wrong("a CPS pointer is not an IA5String")),
        USER_NOTICE => user_notice(&value)?,
        _ if critical => {
            return Err(identifier.wrong(
                "it is critical and has a policy qualifier that is neither a CPS pointer nor a user notice \
                 (RFC 5280 section 4.2.1.4)",
            ));
        }
        _ => {}
    }
    Ok(kind)
}

fn user_notice(value: &Element<'_>) -> Result<(), Malformed> {
    if value.tag != SEQUENCE {
        return Err(value.wrong("a user notice is not a SEQUENCE"));
    }
    let mut notice = value.inside();
    if let Some(reference) = notice.optional_element(SEQUENCE)? {
        let mut inside = reference.inside();
        display_text(&inside.any()?)?;
        let mut numbers = inside.element(SEQUENCE)?.inside();
        inside.end()?;
        while !numbers.is_empty() {
            numbers.element(INTEGER)?;
        }
    }
    if !notice.is_empty() {
        display_text(&notice.any()?)?;
    }
    notice.end()
}

fn display_text(text: &Element<'_>) -> Result<(), Malformed> {
    match text.tag {
        IA5_STRING | VISIBLE_STRING | UTF8_STRING | BMP_STRING => Ok(()),
        _ => Err(text.wrong("the text of a user notice is of no type for text (RFC 5280 section 4.2.1.4)")),
    }
}

pub(super) fn policy_mappings(value: Reader<'_>, _: bool) -> Result<Vec<PolicyMapping>, Malformed> {
    sequences(value.only(SEQUENCE)?.inside(), "a mapping is not a SEQUENCE", |mut reader| {
        let issuer_domain = reader.element(OBJECT_IDENTIFIER)?.oid()?;
        let subject_domain = reader.element(OBJECT_IDENTIFIER)?.oid()?;
        reader.end()?;
        Ok(PolicyMapping { issuer_domain, subject_domain })
    })
}

pub(super) fn policy_constraints(value: Reader<'_>, _: bool) -> Result<PolicyConstraints, Malformed> {
    let whole = value.only(SEQUENCE)?;
    let mut reader = whole.inside();
    let mut number = |tag| reader.optional_element(tag)?.map(|number| number.count()).transpose();
    let (require_explicit_policy, inhibit_policy_mapping) = (number(context(0))?, number(context(1))?);
    reader.end()?;
    if require_explicit_policy.is_none() && inhibit_policy_mapping.is_none() {
        return Err(whole.wrong("it holds no constraint, and must hold at least one"));
    }
    Ok(PolicyConstraints { require_explicit_policy, inhibit_policy_mapping })
}

pub(super) fn inhibit_any_policy(value: Reader<'_>, _: bool) -> Result<InhibitAnyPolicy, Malformed> {
    Ok(InhibitAnyPolicy { skip_certs: value.only(INTEGER)?.count()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate_policies(value: &[u8]) -> Result<Vec<PolicyInformation>, Malformed> {
        super::certificate_policies(Reader::new(value), false)
    }

    fn policy_constraints(value: &[u8]) -> Result<PolicyConstraints, Malformed> {
        super::policy_constraints(Reader::new(value), false)
    }

    #[test]
    fn policies_are_read_with_the_names_of_their_qualifiers() {
        let any = [0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
        assert_eq!(
            certificate_policies(&any).unwrap(),
            [PolicyInformation { policy: "2.5.29.32.0".to_owned(), qualifiers: Vec::new() }]
        );
        let twice = [0x30, 14, 0x30, 5, 6, 3, 0x88, 0x37, 1, 0x30, 5, 6, 3, 0x88, 0x37, 1];
        assert!(certificate_policies(&twice).unwrap_err().what.contains("twice"));
        assert!(certificate_policies(&[0x30, 0]).is_err());
    }

    #[test]
    fn policy_constraints_must_constrain_something() {
        assert!(policy_constraints(&[0x30, 0]).is_err());
        let both = policy_constraints(&[0x30, 6, 0x80, 1, 0, 0x81, 1, 3]).unwrap();
        assert_eq!((both.require_explicit_policy, both.inhibit_policy_mapping), (Some(0), Some(3)));
    }
}
