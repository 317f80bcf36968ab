//! Which faults are on.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use super::{Code, Kind};
use crate::Role;

/// One fault that is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub pki: String,
    /// At which of its services.
    pub kind: Kind,
    pub code: Code,
    /// Only where it speaks for this CA; `None` is for all of them.
    pub issuer: Option<Role>,
}

/// The faults that are on.
#[derive(Default)]
pub(super) struct Faults(RwLock<BTreeSet<Fault>>);

impl Faults {
    pub(super) fn set(&self, fault: Fault, on: bool) {
        let mut faults = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if on {
            faults.insert(fault);
        } else {
            faults.remove(&fault);
        }
    }

    pub(super) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn list(&self) -> Vec<Fault> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What is on at one service. `issuer` is the CA it speaks for, if it speaks for one.
    pub(super) fn at(&self, pki: &str, kind: Kind, issuer: Option<Role>) -> Active {
        let faults = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let here = faults.iter().filter(|fault| {
            fault.kind == kind && fault.pki == pki && (fault.issuer.is_none() || fault.issuer == issuer)
        });
        Active(here.map(|fault| fault.code).collect())
    }
}

/// What is on at one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Active(BTreeSet<Code>);

impl Active {
    pub(super) fn has(&self, code: Code) -> bool {
        self.0.contains(&code)
    }

    /// The same with one more.
    pub(super) fn and(mut self, code: Code) -> Self {
        self.0.insert(code);
        self
    }

    /// Those that change what is answered.
    pub(super) fn of_answers(&self) -> Self {
        self.0.iter().copied().filter(|code| !code.is_on_the_way()).collect()
    }

    /// Those of these that are on.
    pub(super) fn of(&self, codes: &[Code]) -> Vec<Code> {
        codes.iter().copied().filter(|code| self.has(*code)).collect()
    }
}

impl FromIterator<Code> for Active {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        Self(codes.into_iter().collect())
    }
}
