//! Certificate policies and what governs them (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14).

use std::collections::HashSet;

use super::sequence_of;
use crate::asn1::{self, INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, context};

/// One policy under which a certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInformation {
    /// The policy's object identifier, dotted.
    pub policy: String,
    /// The object identifiers of its qualifiers: named, not read.
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

pub(super) fn certificate_policies(value: &[u8]) -> Result<Vec<PolicyInformation>, Malformed> {
    let policies = sequence_of(value, |element| {
        if element.tag != SEQUENCE {
            return Err("a policy is not a SEQUENCE");
        }
        let mut reader = Reader::new(element.content);
        let policy = asn1::oid(reader.expect(OBJECT_IDENTIFIER)?)?;
        let qualifiers = if reader.is_empty() {
            Vec::new()
        } else {
            sequence_of(reader.any()?.whole, |qualifier| match qualifier.tag {
                SEQUENCE => asn1::oid(Reader::new(qualifier.content).expect(OBJECT_IDENTIFIER)?),
                _ => Err("a policy qualifier is not a SEQUENCE"),
            })?
        };
        reader.end()?;
        Ok(PolicyInformation { policy, qualifiers })
    })?;
    let mut seen = HashSet::new();
    if policies.iter().all(|information| seen.insert(&information.policy)) {
        Ok(policies)
    } else {
        Err("the same policy stands in it twice (RFC 5280 section 4.2.1.4)")
    }
}

pub(super) fn policy_mappings(value: &[u8]) -> Result<Vec<PolicyMapping>, Malformed> {
    sequence_of(value, |element| {
        if element.tag != SEQUENCE {
            return Err("a mapping is not a SEQUENCE");
        }
        let mut reader = Reader::new(element.content);
        let issuer_domain = asn1::oid(reader.expect(OBJECT_IDENTIFIER)?)?;
        let subject_domain = asn1::oid(reader.expect(OBJECT_IDENTIFIER)?)?;
        reader.end()?;
        Ok(PolicyMapping { issuer_domain, subject_domain })
    })
}

pub(super) fn policy_constraints(value: &[u8]) -> Result<PolicyConstraints, Malformed> {
    let mut reader = Reader::sequence(value)?;
    let require_explicit_policy = reader.optional(context(0))?.map(asn1::count).transpose()?;
    let inhibit_policy_mapping = reader.optional(context(1))?.map(asn1::count).transpose()?;
    reader.end()?;
    if require_explicit_policy.is_none() && inhibit_policy_mapping.is_none() {
        return Err("it holds no constraint, and must hold at least one");
    }
    Ok(PolicyConstraints { require_explicit_policy, inhibit_policy_mapping })
}

pub(super) fn inhibit_any_policy(value: &[u8]) -> Result<InhibitAnyPolicy, Malformed> {
    Ok(InhibitAnyPolicy { skip_certs: asn1::count(asn1::only(value, INTEGER)?)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_with_the_names_of_their_qualifiers() {
        let any = [0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
        assert_eq!(
            certificate_policies(&any).unwrap(),
            [PolicyInformation { policy: "2.5.29.32.0".to_owned(), qualifiers: Vec::new() }]
        );
        let twice = [0x30, 14, 0x30, 5, 6, 3, 0x88, 0x37, 1, 0x30, 5, 6, 3, 0x88, 0x37, 1];
        assert!(certificate_policies(&twice).unwrap_err().contains("twice"));
        assert!(certificate_policies(&[0x30, 0]).is_err());
    }

    #[test]
    fn policy_constraints_must_constrain_something() {
        assert!(policy_constraints(&[0x30, 0]).is_err());
        let both = policy_constraints(&[0x30, 6, 0x80, 1, 0, 0x81, 1, 3]).unwrap();
        assert_eq!((both.require_explicit_policy, both.inhibit_policy_mapping), (Some(0), Some(3)));
    }
}
