//! For each requirement, the certificates that break it and those that only just keep it, made from a specimen by
//! changing one thing. They follow from the requirement's parameters: another limit in a profile is another case.

mod extensions;
mod form;
mod names;

use ctl_policy::profile::{Profile, Requirement, Rule};
use ctl_sandbox::Specimen;
use ctl_sandbox::mutation::{Edit, Node};

/// One certificate, with the issuer it is held against.
pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) der: Vec<u8>,
    pub(crate) issuer: Option<Vec<u8>>,
}

/// What breaks a rule and what keeps it.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) breaking: Vec<Case>,
    pub(crate) keeping: Vec<Case>,
}

/// What cases are made from.
pub(crate) struct Bench<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) specimen: &'a Specimen,
    cases: Cases,
}

impl Bench<'_> {
    pub(crate) fn edit(&self) -> Edit {
        Edit::of(&self.specimen.certificate).unwrap()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.specimen.certificate.is_self_issued()
    }

    pub(crate) fn is_20(&self) -> bool {
        self.profile.name().ends_with("-20")
    }

    pub(crate) fn sign(&self, edit: &Edit) -> Vec<u8> {
        edit.sign(&self.specimen.issuer_key)
    }

    pub(crate) fn breaks(&mut self, what: impl Into<String>, edit: Edit) {
        let der = self.sign(&edit);
        self.breaks_raw(what, der, None);
    }

    pub(crate) fn breaks_raw(&mut self, what: impl Into<String>, der: Vec<u8>, issuer: Option<Vec<u8>>) {
        self.cases.breaking.push(Case { what: what.into(), der, issuer });
    }

    pub(crate) fn keeps(&mut self, what: impl Into<String>, edit: Edit) {
        let der = self.sign(&edit);
        self.keeps_raw(what, der, None);
    }

    pub(crate) fn keeps_raw(&mut self, what: impl Into<String>, der: Vec<u8>, issuer: Option<Vec<u8>>) {
        self.cases.keeping.push(Case { what: what.into(), der, issuer });
    }

    /// The specimen itself keeps the rule, and there is nothing nearer to breaking it.
    pub(crate) fn specimen_keeps(&mut self) {
        let edit = self.edit();
        self.keeps("the specimen", edit);
    }

    /// Whether another rule of the profile asks this.
    pub(crate) fn asks(&self, is: impl Fn(&Requirement) -> bool) -> bool {
        self.profile.rules().iter().any(|rule| is(&rule.requirement))
    }
}

/// A GeneralizedTime or UTCTime as RFC 5280 wants it.
pub(crate) fn time(seconds: i64) -> (u8, String) {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    if seconds < 2_524_608_000 {
        (0x17, time.format("%y%m%d%H%M%SZ").to_string())
    } else {
        (0x18, time.format("%Y%m%d%H%M%SZ").to_string())
    }
}

/// With this validity, in Unix seconds.
pub(crate) fn valid(edit: Edit, from: i64, to: i64) -> Edit {
    let (from, to) = (time(from), time(to));
    edit.validity([(from.0, &from.1), (to.0, &to.1)])
}

/// An algorithm identifier.
pub(crate) fn algorithm(oid: &str, parameters: Option<Node>) -> Node {
    Node::of(0x30, [Some(Node::oid(oid)), parameters].into_iter().flatten().collect())
}

/// The cases of one rule.
pub(crate) fn cases(profile: &Profile, rule: &Rule, specimen: &Specimen) -> Cases {
    let mut bench = Bench { profile, specimen, cases: Cases::default() };
    let requirement = &rule.requirement;
    let known = form::cases(&mut bench, requirement)
        || names::cases(&mut bench, requirement)
        || extensions::cases(&mut bench, requirement);
    assert!(known, "{requirement:?}");
    bench.cases
}
