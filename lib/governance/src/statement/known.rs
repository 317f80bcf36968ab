//! Which version of the rules introduced each member and each fixed word of a statement.
//!
//! A member is its path from the statement's body; members in an array have the path of the array, and `*` stands for
//! the names in a map. A fixed word is `path=word`. Each later version adds lines of its own. A test compares the table
//! with what statements can contain, so nothing is added without one.

use serde_json::Value;

use crate::RulesVersion;
use crate::statement::Body;

/// What each version introduced: the type of statement, and its members and words.
pub const BROUGHT: &[(RulesVersion, &str, &str)] = &[
    #[cfg(test)]
    (RulesVersion::V2, "test.greet", "words"),
    (
        RulesVersion::V1,
        "charter.establish",
        "charter charter.admissions_officers charter.admissions_officers.holders \
         charter.admissions_officers.threshold charter.assembly charter.assembly.electors \
         charter.assembly.quorum charter.assembly.voting_seconds charter.board charter.board.holders \
         charter.board.threshold charter.limits charter.limits.issued_behind_seconds \
         charter.limits.open_applications charter.limits.statements_per_day charter.lists \
         charter.lists.* charter.lists.*.discussion_seconds charter.lists.*.electors \
         charter.lists.*.name charter.lists.*.policy charter.lists.*.policy.name \
         charter.lists.*.policy.sha256 charter.lists.*.policy.version charter.lists.*.quorum \
         charter.lists.*.quorum.admit charter.lists.*.quorum.admit_cross \
         charter.lists.*.quorum.change_status charter.lists.*.quorum.constrain \
         charter.lists.*.quorum.distrust charter.lists.*.required_evidence \
         charter.lists.*.required_evidence=audit-report \
         charter.lists.*.required_evidence=certificate-policy \
         charter.lists.*.required_evidence=conformance-report \
         charter.lists.*.required_evidence=second-channel-fingerprint charter.lists.*.sae_cms \
         charter.lists.*.sae_cms.ca charter.lists.*.sae_cms.signers charter.lists.*.sae_cms.signers.* \
         charter.lists.*.signers \
         charter.lists.*.signers.holders charter.lists.*.signers.threshold \
         charter.lists.*.take_up_seconds charter.lists.*.validity_seconds charter.lists.*.voting_seconds \
         charter.name charter.notices charter.notices.max_duration_seconds charter.notices.max_in_force \
         charter.notices.officers charter.notices.officers.holders charter.notices.officers.threshold \
         charter.notices.validity_seconds charter.registry charter.registry.registrars \
         charter.registry.registrars.holders charter.registry.registrars.threshold \
         charter.registry.validity_seconds charter.rules charter.server charter.server.log \
         charter.server.log.keytype charter.server.log.keyval charter.server.log.keyval.public \
         charter.server.log.scheme charter.server.log_origin charter.server.recorder \
         charter.server.recorder.keytype charter.server.recorder.keyval \
         charter.server.recorder.keyval.public charter.server.recorder.scheme charter.server.snapshot \
         charter.server.snapshot.keytype charter.server.snapshot.keyval \
         charter.server.snapshot.keyval.public charter.server.snapshot.scheme charter.server.timestamp \
         charter.server.timestamp.keytype charter.server.timestamp.keyval \
         charter.server.timestamp.keyval.public charter.server.timestamp.scheme charter.validity \
         charter.validity.root_seconds charter.validity.snapshot_seconds \
         charter.validity.targets_seconds charter.validity.timestamp_seconds charter.watchers \
         charter.watchers.holders charter.watchers.threshold charter.witnesses charter.witnesses.threshold charter.witnesses.witnesses charter.witnesses.witnesses.key \
         charter.witnesses.witnesses.key.keytype charter.witnesses.witnesses.key.keyval \
         charter.witnesses.witnesses.key.keyval.public charter.witnesses.witnesses.key.scheme \
         charter.witnesses.witnesses.name environment environment=production environment=test \
         participants participants.id participants.key participants.key.keytype participants.key.keyval \
         participants.key.keyval.public participants.key.scheme participants.kinds \
         participants.kinds=admissions-officer participants.kinds=auditor \
         participants.kinds=board-member participants.kinds=cpo participants.kinds=elector \
         participants.kinds=emergency-officer participants.kinds=mo participants.kinds=oem \
         participants.kinds=pki-operator participants.kinds=registrar participants.kinds=signer \
         participants.kinds=watcher participants.name participants.organisation",
    ),
    (
        RulesVersion::V1,
        "participant.register",
        "participant participant.id participant.key participant.key.keytype participant.key.keyval \
         participant.key.keyval.public participant.key.scheme participant.kinds \
         participant.kinds=admissions-officer participant.kinds=auditor participant.kinds=board-member \
         participant.kinds=cpo participant.kinds=elector participant.kinds=emergency-officer \
         participant.kinds=mo participant.kinds=oem participant.kinds=pki-operator \
         participant.kinds=registrar participant.kinds=signer participant.kinds=watcher participant.name \
         participant.organisation",
    ),
    (
        RulesVersion::V1,
        "participant.rotate-key",
        "new new.keytype new.keyval new.keyval.public new.scheme old participant",
    ),
    (RulesVersion::V1, "participant.suspend", "participant"),
    (
        RulesVersion::V1,
        "application.submit",
        "candidate candidate.constraints candidate.constraints.* candidate.constraints.*.critical \
         candidate.constraints.*.value candidate.issuer candidate.kind candidate.kind=cross-certificate \
         candidate.kind=root candidate.services candidate.services.crl candidate.services.est \
         candidate.services.ocsp candidate.services.root_pool candidate.subject candidate.uses \
         candidate.uses.purpose candidate.uses.purpose=mo candidate.uses.purpose=oem \
         candidate.uses.purpose=v2g candidate.uses.purpose=vehicle candidate.uses.standard \
         candidate.uses.standard=iso15118-2 candidate.uses.standard=iso15118-20 certificate list name \
         possession possession.position possession.position.root_hash possession.position.size \
         possession.request",
    ),
    (RulesVersion::V1, "application.withdraw", "application"),
    (
        RulesVersion::V1,
        "evidence.attach",
        "application blob blob.access blob.access=public blob.access=restricted blob.sha256 dated \
         fingerprint kind kind=audit-report kind=certificate-policy kind=conformance-report \
         kind=second-channel-fingerprint",
    ),
    (
        RulesVersion::V1,
        "screening.record",
        "application engine findings findings.id findings.severity findings.severity=error \
         findings.severity=notice findings.severity=warning findings.waivable ledger_size observed \
         observed.sha256 observed.what observed.what=certificate observed.what=evidence \
         observed.what=issuer observed.what=profile observed.what=subject policy policy.name \
         policy.sha256 policy.version report report.access report.access=public report.access=restricted \
         report.sha256 screened_at",
    ),
    (
        RulesVersion::V1,
        "comment.add",
        "about comment comment.access comment.access=public comment.access=restricted comment.sha256",
    ),
    (
        RulesVersion::V1,
        "proposal.open",
        "change change.action change.action.action change.action.action=reinstate \
         change.action.action=rotate-key change.action.action=suspend \
         change.action.action=suspend-for-compromise change.action.new change.action.new.keytype \
         change.action.new.keyval change.action.new.keyval.public change.action.new.scheme change.anchor \
         change.application change.auditor change.certificate change.charter \
         change.charter.admissions_officers change.charter.admissions_officers.holders \
         change.charter.admissions_officers.threshold change.charter.assembly \
         change.charter.assembly.electors change.charter.assembly.quorum \
         change.charter.assembly.voting_seconds change.charter.board change.charter.board.holders \
         change.charter.board.threshold change.charter.limits \
         change.charter.limits.issued_behind_seconds change.charter.limits.open_applications \
         change.charter.limits.statements_per_day change.charter.lists change.charter.lists.* \
         change.charter.lists.*.discussion_seconds change.charter.lists.*.electors \
         change.charter.lists.*.name change.charter.lists.*.policy change.charter.lists.*.policy.name \
         change.charter.lists.*.policy.sha256 change.charter.lists.*.policy.version \
         change.charter.lists.*.quorum change.charter.lists.*.quorum.admit \
         change.charter.lists.*.quorum.admit_cross change.charter.lists.*.quorum.change_status \
         change.charter.lists.*.quorum.constrain change.charter.lists.*.quorum.distrust \
         change.charter.lists.*.required_evidence change.charter.lists.*.required_evidence=audit-report \
         change.charter.lists.*.required_evidence=certificate-policy \
         change.charter.lists.*.required_evidence=conformance-report \
         change.charter.lists.*.required_evidence=second-channel-fingerprint \
         change.charter.lists.*.sae_cms change.charter.lists.*.sae_cms.ca \
         change.charter.lists.*.sae_cms.signers change.charter.lists.*.sae_cms.signers.* \
         change.charter.lists.*.signers change.charter.lists.*.signers.holders \
         change.charter.lists.*.signers.threshold change.charter.lists.*.take_up_seconds \
         change.charter.lists.*.validity_seconds change.charter.lists.*.voting_seconds \
         change.charter.name change.charter.notices change.charter.notices.max_duration_seconds \
         change.charter.notices.max_in_force change.charter.notices.officers \
         change.charter.notices.officers.holders change.charter.notices.officers.threshold \
         change.charter.notices.validity_seconds change.charter.registry \
         change.charter.registry.registrars change.charter.registry.registrars.holders \
         change.charter.registry.registrars.threshold change.charter.registry.validity_seconds \
         change.charter.rules change.charter.server change.charter.server.log \
         change.charter.server.log.keytype change.charter.server.log.keyval \
         change.charter.server.log.keyval.public change.charter.server.log.scheme \
         change.charter.server.log_origin change.charter.server.recorder \
         change.charter.server.recorder.keytype change.charter.server.recorder.keyval \
         change.charter.server.recorder.keyval.public change.charter.server.recorder.scheme \
         change.charter.server.snapshot change.charter.server.snapshot.keytype \
         change.charter.server.snapshot.keyval change.charter.server.snapshot.keyval.public \
         change.charter.server.snapshot.scheme change.charter.server.timestamp \
         change.charter.server.timestamp.keytype change.charter.server.timestamp.keyval \
         change.charter.server.timestamp.keyval.public change.charter.server.timestamp.scheme \
         change.charter.validity change.charter.validity.root_seconds \
         change.charter.validity.snapshot_seconds change.charter.validity.targets_seconds \
         change.charter.validity.timestamp_seconds change.charter.watchers \
         change.charter.watchers.holders change.charter.watchers.threshold change.charter.witnesses \
         change.charter.witnesses.threshold change.charter.witnesses.witnesses \
         change.charter.witnesses.witnesses.key change.charter.witnesses.witnesses.key.keytype \
         change.charter.witnesses.witnesses.key.keyval \
         change.charter.witnesses.witnesses.key.keyval.public \
         change.charter.witnesses.witnesses.key.scheme change.charter.witnesses.witnesses.name \
         change.constraints change.constraints.* change.constraints.*.critical \
         change.constraints.*.value change.evidence change.expires_at change.id change.kind \
         change.kind=accredit-auditor change.kind=admit change.kind=admit-cross \
         change.kind=amend-charter change.kind=change-status change.kind=close-application \
         change.kind=constrain change.kind=distrust change.kind=lift-notice change.kind=participant \
         change.kind=transfer-mo change.kind=withdraw-auditor change.list change.not_issued_after \
         change.notice change.participant change.screening change.to change.to=deprecated \
         change.to=expired change.to=qualified change.to=suspended change.to=usable change.to=warning \
         change.to=withdrawn change.uses change.uses.purpose change.uses.purpose=mo \
         change.uses.purpose=oem change.uses.purpose=v2g change.uses.purpose=vehicle \
         change.uses.standard change.uses.standard=iso15118-2 change.uses.standard=iso15118-20 \
         change.waived change.what change.what.kind change.what.kind=certificate change.what.kind=spki \
         change.what.sha256 charter rationale rationale.access rationale.access=public \
         rationale.access=restricted rationale.sha256",
    ),
    (
        RulesVersion::V1,
        "vote.cast",
        "choice choice=abstain choice=approve choice=reject proposal rationale rationale.access \
         rationale.access=public rationale.access=restricted rationale.sha256",
    ),
    (RulesVersion::V1, "subca.disclose", "certificate issuer"),
    (
        RulesVersion::V1,
        "subca.revoke",
        "certificate reason reason=ca-compromise reason=cessation-of-operation reason=key-compromise \
         reason=misissuance reason=operator-request reason=superseded",
    ),
    (RulesVersion::V1, "mo.assign", "holder id source"),
    (RulesVersion::V1, "mo.update", "id source"),
    (RulesVersion::V1, "mo.transfer", "id to"),
    (RulesVersion::V1, "mo.suspend", "id"),
    (RulesVersion::V1, "mo.withdraw", "id"),
    (
        RulesVersion::V1,
        "notice.issue",
        "anchor expires_at list reason reason=ca-compromise reason=cessation-of-operation \
         reason=key-compromise reason=misissuance reason=operator-request reason=superseded",
    ),
    (RulesVersion::V1, "notice.lift", "notice"),
    (RulesVersion::V1, "draft.open", "expires issued_at role sequence version"),
    (
        RulesVersion::V1,
        "publication.record",
        "document document_signatures document_signatures.protected document_signatures.signature draft \
         metadata metadata_signatures metadata_signatures.keyid metadata_signatures.sig role sae_cms_signatures \
         sae_cms_signatures.keyid sae_cms_signatures.sig",
    ),
    (
        RulesVersion::V1,
        "sla.breach",
        "closed_at evidence measured measured.good measured.missing measured.valid objective \
         objective.name objective.target_ppm objective.window_seconds opened opened_at phase \
         phase=closed phase=opened policy policy.name policy.sha256 policy.version reasons reasons.* \
         service service.kind service.operator service.url",
    ),
    (
        RulesVersion::V1,
        "sla.report",
        "from operator policy policy.name policy.sha256 policy.version report report.access \
         report.access=public report.access=restricted report.sha256 summary summary.good summary.kind \
         summary.met summary.missing summary.target_ppm summary.valid to",
    ),
    (
        RulesVersion::V1,
        "cross.request",
        "issuer_anchor list requester_anchor terms terms.access terms.access=public \
         terms.access=restricted terms.sha256",
    ),
    (
        RulesVersion::V1,
        "cross.respond",
        "answer answer=accepted answer=declined document document.access document.access=public \
         document.access=restricted document.sha256 reason reason=already-reachable \
         reason=issuer-ceasing reason=legal-obstacle reason=policy-not-met reason=profile-incompatible \
         reason=terms-not-agreed request",
    ),
    (
        RulesVersion::V1,
        "log.restart",
        "key key.keytype key.keyval key.keyval.public key.scheme last_root old old.origin old.root_hash \
         old.size origin reason reason=ledger-lost reason=log-key-compromise roles roles.* \
         roles.*.sequence roles.*.version",
    ),
];

/// The first member or word in a statement that this version does not know, and the version that introduced it.
#[must_use]
pub fn unknown_member(version: RulesVersion, body: &Body) -> Option<(&'static str, RulesVersion)> {
    let type_name = body.type_name();
    // Nothing is newer than the newest rules, so most statements need no look.
    let mut newer = BROUGHT.iter().filter(|(since, of, _)| *since > version && *of == type_name).peekable();
    newer.peek()?;
    let value = body.to_value();
    newer.find_map(|(since, _, members)| {
        let found = members.split_whitespace().find(|member| says(&value, member))?;
        Some((found, *since))
    })
}

/// Whether a value has this member, or this word in it.
fn says(value: &Value, member: &str) -> bool {
    if let Value::Array(items) = value {
        return items.iter().any(|item| says(item, member));
    }
    let (path, word) = member.split_once('=').map_or((member, None), |(path, word)| (path, Some(word)));
    let (name, rest) = path.split_once('.').map_or((path, ""), |parts| parts);
    let Value::Object(members) = value else { return false };
    let inside = |found: &Value| match (rest, word) {
        ("", None) => true,
        ("", Some(word)) => is_word(found, word),
        (rest, None) => says(found, rest),
        (rest, Some(word)) => says(found, &format!("{rest}={word}")),
    };
    if name == "*" { members.values().any(inside) } else { members.get(name).is_some_and(inside) }
}

fn is_word(value: &Value, word: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| is_word(item, word)),
        value => value.as_str() == Some(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_and_words_are_found_wherever_they_stand() {
        let value =
            json!({ "change": { "kind": "admit", "lists": { "na": { "uses": [{ "purpose": "mo" }] } } } });
        for found in ["change", "change.kind", "change.kind=admit", "change.lists.*.uses.purpose=mo"] {
            assert!(says(&value, found), "{found}");
        }
        for absent in ["kind", "change.kind=reject", "change.lists.*.uses.purpose=v2g", "change.lists.uses"] {
            assert!(!says(&value, absent), "{absent}");
        }
    }
}
