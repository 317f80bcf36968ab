//! Our list as an SAE list of version 1.

use std::collections::BTreeSet;

use ctl_core::Timestamp;
use ctl_core::list::ListPayload;
use ctl_core::parts::{AnchorStatus, Purpose};

use super::{
    MAX_SAE_CERTIFICATES, MAX_SAE_SIZE, SAE_VERSION, SaeEntry, SaeListV1, SaeStatus, SaeType, SaeValidity,
};
use crate::omission::{Omission, Selection};

/// Why there is no SAE list of this list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaeExportError {
    #[error(
        "sequence {0} is above 65535: an SAE list cannot carry it, and one with a smaller number would pass for older"
    )]
    SequenceOutOfRange(u64),
    #[error("an SAE list cannot hold from {issued_at} to {next_update}")]
    Validity { issued_at: Timestamp, next_update: Timestamp },
    #[error(
        "the list does not fit in an SAE list of {MAX_SAE_CERTIFICATES} entries and {MAX_SAE_SIZE} bytes"
    )]
    TooLarge,
}

/// An SAE list, and what of ours it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaeExport {
    pub list: SaeListV1,
    pub omissions: Vec<Omission>,
}

impl SaeExport {
    /// The list in this form. An anchor stands there once for each of its types, in the order of fingerprint and type.
    /// The chain of a vehicle (ISO 15118-20) has no type: `other` would put its root among those that a charger trusts
    /// for its back end. `qualified` and `usable` are `active`. It holds from `issued_at` to `next_update`.
    ///
    /// # Errors
    /// [`SaeExportError`]: it cannot be one.
    pub fn of(list: &ListPayload) -> Result<Self, SaeExportError> {
        let sequence =
            u16::try_from(list.sequence).map_err(|_| SaeExportError::SequenceOutOfRange(list.sequence))?;
        let (issued_at, next_update) = (list.issued_at, list.next_update);
        let validity = SaeValidity::new(issued_at, next_update)
            .ok_or(SaeExportError::Validity { issued_at, next_update })?;
        let Selection { anchors, mut omissions } = Selection::all(list);
        let mut entries = Vec::new();
        for carried in &anchors {
            let uses = &carried.anchor.uses;
            let types: BTreeSet<SaeType> = uses.iter().filter_map(|r#use| kind(r#use.purpose)).collect();
            if types.is_empty() {
                omissions.push(Omission::NoUse { anchor: carried.subject(), uses: uses.clone() });
                continue;
            }
            let lost = uses.iter().filter(|r#use| kind(r#use.purpose).is_none());
            omissions.extend(lost.map(|r#use| Omission::Use { anchor: carried.subject(), r#use: *r#use }));
            carried.tell_standard(&mut omissions);
            let status = status(carried.anchor.status);
            let certificate = &carried.certificate;
            entries.extend(types.into_iter().map(|kind| SaeEntry {
                kind,
                status,
                certificate: certificate.clone(),
            }));
        }
        let list = SaeListV1 { version: SAE_VERSION, sequence, validity, entries };
        if list.entries.len() > MAX_SAE_CERTIFICATES || list.to_der().len() > MAX_SAE_SIZE {
            return Err(SaeExportError::TooLarge);
        }
        Ok(Self { list, omissions })
    }
}

const fn kind(purpose: Purpose) -> Option<SaeType> {
    match purpose {
        Purpose::V2g => Some(SaeType::V2g),
        Purpose::Mo => Some(SaeType::Msp),
        Purpose::Oem => Some(SaeType::Oem),
        Purpose::Vehicle => None,
    }
}

/// Those that do not stand on a list never come here; they would be the least trusted there is.
const fn status(status: AnchorStatus) -> SaeStatus {
    match status {
        AnchorStatus::Qualified | AnchorStatus::Usable => SaeStatus::Active,
        AnchorStatus::Warning => SaeStatus::Warning,
        AnchorStatus::Deprecated
        | AnchorStatus::Suspended
        | AnchorStatus::Withdrawn
        | AnchorStatus::Expired => SaeStatus::Deprecated,
    }
}
