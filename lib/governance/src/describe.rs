//! Changes in words: what would be different if a proposal were accepted.

use crate::State;
use crate::state::Listed;
use crate::statement::body::{Candidate, Change, ParticipantAction};
use crate::statement::charter::Charter;
use crate::statement::parts::{BlobAccess, BlobRef};
use ctl_core::names::{ListId, ParticipantId, print};
use ctl_core::parts::{Constraint, Constraints, Der, DistrustKind, Use};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use serde::Serialize;
use serde_json::Value;

use crate::difference;

/// The kind of a change, by the word that statements have for it.
#[must_use]
pub fn kind(change: &Change) -> String {
    serde_json::to_value(change)
        .ok()
        .and_then(|value| Some(value.get("kind")?.as_str()?.to_owned()))
        .unwrap_or_default()
}

/// What would be different, in lines.
#[must_use]
pub fn change(state: &State, change: &Change) -> Vec<String> {
    match change {
        Change::Admit { application, certificate, constraints, list, uses, waived, .. } => {
            let mut lines = vec![format!(
                "list {list}: + root {} for {}",
                application_name(state, *application, certificate),
                uses_line(uses)
            )];
            lines.extend(constraint_lines(&Constraints::default(), constraints));
            lines.extend(waived.iter().map(|rule| format!("the error {rule} is waived")));
            lines
        }
        Change::AdmitCross { application, certificate, list, waived, .. } => {
            let mut lines = vec![format!(
                "list {list}: + cross-certificate {}",
                application_name(state, *application, certificate)
            )];
            if let Some(Candidate::CrossCertificate { issuer, subject }) =
                state.applications.get(application).map(|found| &found.candidate)
            {
                lines.push(format!(
                    "{} vouches for {}",
                    anchor_name(state, list, issuer),
                    anchor_name(state, list, subject)
                ));
            }
            lines.extend(waived.iter().map(|rule| format!("the error {rule} is waived")));
            lines
        }
        Change::CloseApplication { application, list } => {
            let name = match state.applications.get(application) {
                Some(found) => application_name(state, *application, &found.fingerprint),
                None => application.to_string(),
            };
            vec![format!("list {list}: application {application} ({name}) is closed, and a vote on it ends")]
        }
        Change::Constrain { anchor, constraints, list } => {
            let mut lines = vec![format!("list {list}: constraints of {}", anchor_name(state, list, anchor))];
            let none = Constraints::default();
            let now = state.anchor(list, anchor).map_or(&none, |found| &found.constraints);
            lines.extend(constraint_lines(now, constraints));
            lines
        }
        Change::ChangeStatus { certificate, list, not_issued_after, to } => {
            let from = listed(state, list, certificate).map(|found| found.current().status);
            let from = from.map_or("(not listed)", |status| status.as_str());
            let mut lines =
                vec![format!("list {list}: {} {from} → {to}", anchor_name(state, list, certificate))];
            lines.extend(not_issued_after.map(|time| format!("nothing issued after {time} is trusted")));
            if !to.is_listed() {
                lines.push("it leaves the list, and its key is distrusted".into());
            }
            lines
        }
        Change::Distrust { list, what } => {
            let what_kind = match what.kind {
                DistrustKind::Certificate => "certificate",
                DistrustKind::Spki => "every certificate with the key",
            };
            vec![format!("list {list}: + distrusted: {what_kind} {}", what.sha256)]
        }
        Change::LiftNotice { notice } => match state.notices.get(notice) {
            Some(found) => vec![format!(
                "list {}: {} is no longer suspended by notice {notice}",
                found.list,
                anchor_name(state, &found.list, &found.anchor)
            )],
            None => vec![format!("notice {notice} ends")],
        },
        Change::AmendCharter { charter } => {
            let number = difference::between(&to_value(&*state.charter), &to_value(&**charter)).len();
            let mut lines =
                vec![format!("another charter comes into force, with {number} differences from this one")];
            lines.extend(sae_cms_lines(&state.charter, charter));
            lines
        }
        Change::Participant { action, participant } => vec![match action {
            ParticipantAction::Suspend {} => format!("{participant} may no longer sign"),
            ParticipantAction::SuspendForCompromise {} => {
                format!("{participant} may no longer sign, and its votes in open votes are struck")
            }
            ParticipantAction::Reinstate {} => format!("{participant} may sign again"),
            ParticipantAction::RotateKey { new } => {
                format!("{participant} has the new key {} without the old one's signature", new.key_id())
            }
        }],
        Change::TransferMo { id, to } => {
            let holder = state.mo_ids.get(id).map_or("nobody", |entry| entry.holder.as_str());
            vec![format!("MO identifier {id}: {holder} → {to}")]
        }
        Change::AccreditAuditor { auditor, expires_at } => {
            let until = expires_at.map_or_else(|| "it is withdrawn".into(), |time| time.to_string());
            vec![format!("audit reports by {} count, until {until}", participant_name(state, auditor))]
        }
        Change::WithdrawAuditor { auditor } => {
            let attached = |a: &&std::sync::Arc<crate::application::Application>| {
                a.is_open() && a.evidence.iter().any(|evidence| evidence.author == *auditor)
            };
            let open = state.applications.values().filter(attached);
            let mut lines =
                vec![format!("audit reports by {} count no more", participant_name(state, auditor))];
            lines.extend(
                open.map(|a| format!("application {} is screened again without its reports", a.index)),
            );
            lines
        }
    }
}

/// A change in full: of a charter every difference from the one in force, else every member. Two different changes
/// never have the same.
#[must_use]
pub fn in_full(state: &State, change: &Change) -> Vec<difference::Change> {
    match change {
        Change::AmendCharter { charter } => {
            difference::between(&to_value(&*state.charter), &to_value(&**charter))
        }
        other => every_member(other),
    }
}

/// What a charter's `sae_cms` means, wherever somebody is asked for it.
pub const SAE_CMS: &str = "signed as an SAE list in CMS, too, where a reader that is content with one signature takes \
                                  any one signer's for the scheme's word";

/// How another charter has lists signed as SAE lists in CMS, which in full is base64.
fn sae_cms_lines(before: &Charter, after: &Charter) -> Vec<String> {
    let mut lines = Vec::new();
    for (list, charter) in &after.lists {
        let old = before.lists.get(list).and_then(|charter| charter.sae_cms.as_ref());
        let Some(new) = &charter.sae_cms else {
            lines.extend(old.map(|_| format!("list {list}: no longer signed as an SAE list in CMS")));
            continue;
        };
        if old.is_none() {
            lines.push(format!("list {list}: {SAE_CMS}"));
        }
        if old.is_none_or(|old| old.ca != new.ca) {
            lines.push(format!("list {list}: in CMS by certificates of the CA {}", certificate(&new.ca)));
        }
        let changed =
            new.signers.iter().filter(|(id, der)| old.and_then(|old| old.signers.get(*id)) != Some(der));
        lines.extend(
            changed.map(|(id, der)| format!("list {list}: in CMS {id} signs with {}", certificate(der))),
        );
        let gone = old.iter().flat_map(|old| old.signers.keys()).filter(|id| !new.signers.contains_key(*id));
        lines.extend(gone.map(|id| format!("list {list}: in CMS {id} signs no longer")));
    }
    lines
}

/// A certificate in a line: its SHA-256, which is it and no other, and what people know it by.
#[must_use]
pub fn certificate(der: &Der) -> String {
    let digest = Digest::of(&der.0);
    let Ok(certificate) = Certificate::from_der(&der.0) else {
        return format!("(no certificate that can be read, SHA-256 {digest})");
    };
    let [from, to] = [certificate.not_before(), certificate.not_after()].map(Timestamp::from_unix);
    format!("{}, valid {from} to {to}, SHA-256 {digest}", print::quoted(certificate.subject()))
}

/// Every member of what is signed. Two different values never have the same.
#[must_use]
pub fn every_member<T: Serialize>(value: &T) -> Vec<difference::Change> {
    difference::between(&Value::Object(serde_json::Map::new()), &to_value(value))
}

fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A blob by its access and digest.
#[must_use]
pub fn blob(blob: &BlobRef) -> String {
    let access = match blob.access {
        BlobAccess::Public => "public",
        BlobAccess::Restricted => "restricted",
    };
    format!("{access} blob {}", blob.sha256)
}

/// Uses in a line.
#[must_use]
pub fn uses_line(uses: &[Use]) -> String {
    uses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Constraints before and after.
fn constraint_lines(before: &Constraints, after: &Constraints) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, constraint) in &after.0 {
        if before.0.get(name) != Some(constraint) {
            lines.push(format!("+ {}", self::constraint(name, constraint)));
        }
    }
    for (name, constraint) in before.0.iter().filter(|(name, _)| !after.0.contains_key(*name)) {
        lines.push(format!("- {}", self::constraint(name, constraint)));
    }
    lines
}

/// A constraint in a line.
#[must_use]
pub fn constraint(name: &str, constraint: &Constraint) -> String {
    let critical = if constraint.critical { "critical" } else { "not critical" };
    format!(
        "constraint {} = {} ({critical})",
        print::quoted(name),
        print::line(&constraint.value.to_string())
    )
}

fn participant_name(state: &State, id: &ParticipantId) -> String {
    match state.participants.get(id) {
        Some(found) => format!("{id} ({} of {})", print::name(found.name.as_str()), found.organisation),
        None => id.to_string(),
    }
}

fn application_name(state: &State, application: u64, fingerprint: &Digest) -> String {
    match state.applications.get(&application) {
        Some(found) => {
            format!("{} of {} ({fingerprint})", print::name(found.name.as_str()), found.applicant)
        }
        None => fingerprint.to_string(),
    }
}

fn listed<'a>(state: &'a State, list: &ListId, fingerprint: &Digest) -> Option<&'a Listed> {
    let contents = state.lists.get(list)?;
    let anchor = contents.anchors.get(fingerprint).map(|anchor| &anchor.listed);
    anchor.or_else(|| contents.cross_certificates.get(fingerprint).map(|cross| &cross.listed))
}

/// Something on a list, by name.
#[must_use]
pub fn anchor_name(state: &State, list: &ListId, fingerprint: &Digest) -> String {
    match listed(state, list, fingerprint) {
        Some(found) => {
            format!("{} of {} ({fingerprint})", print::name(found.name.as_str()), found.operator)
        }
        None => fingerprint.to_string(),
    }
}
