//! Checks applications, what is attached to them, and sub-CAs.

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::parts::{Services, Use};
use ctl_pki::Certificate;

use super::Context;
use crate::application::Application;
use crate::possession;
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::{ListState, Participant, State};
use crate::statement::body::{
    ApplicationSubmit, ApplicationWithdraw, Candidate, CommentAdd, EvidenceAttach, ScreeningRecord,
    SubcaDisclose, SubcaRevoke,
};
use crate::statement::parts::{EvidenceKind, Observed, ObservedKind, ParticipantKind, check_constraints};

pub(super) fn submit(context: &Context<'_>, body: &ApplicationSubmit) -> Result<(), Refusal> {
    let applicant = context.signers.one()?;
    if !applicant.kinds.contains(&ParticipantKind::PkiOperator) {
        let detail = format!("{} is not registered as a PKI operator", applicant.id);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    let contents = list(context.state, &body.list)?;
    let certificate = new_certificate(context.rules, &body.certificate.0)?;
    // A certificate that devices cannot read would make them drop every other anchor of their bundles.
    certificate.check_readable().map_err(|reason| {
        Refusal::new(Reason::Content, format!("devices might not read the certificate: {reason}"))
    })?;
    let fingerprint = Digest::from_bytes(certificate.sha256());
    match &body.candidate {
        Candidate::Root { constraints, services, uses } => {
            check_uses(uses)?;
            check_constraints(constraints, context.rules)
                .map_err(|e| Refusal::new(Reason::Content, e.to_string()))?;
            check_services(context.rules, services)?;
            let key = (&applicant.id, applicant.key.key_id());
            possession::judge(context.rules, context.state, key, body, &certificate, context.recorded_at)?;
        }
        Candidate::CrossCertificate { issuer, subject } => {
            if body.possession.is_some() {
                let detail =
                    "possession: is for roots; a cross-certificate is applied for by an operator of its ends";
                return Err(Refusal::new(Reason::Content, detail));
            }
            check_cross(context.state, &body.list, &certificate, issuer, subject)?;
            let ends = [issuer, subject].map(|end| context.state.anchor(&body.list, end));
            if !ends.into_iter().flatten().any(|anchor| anchor.listed.operator == applicant.id) {
                // Otherwise anyone who obtained the certificate would become its operator.
                let detail = format!("{} operates neither of the anchors that it connects", applicant.id);
                return Err(Refusal::new(Reason::WrongRole, detail));
            }
        }
    }
    if contents.knows(&fingerprint) {
        let detail = format!("certificate {} is or was on list {} already", fingerprint.short(), body.list);
        return Err(Refusal::new(Reason::Exists, detail));
    }
    let mine = || {
        let all = context.state.applications.values();
        all.filter(|application| application.is_open() && application.applicant == applicant.id)
    };
    // Others may apply with the same certificate; electors find out whose it is.
    let twin = mine().find(|other| other.fingerprint == fingerprint && other.list == body.list);
    if let Some(twin) = twin {
        let detail = format!("your application {} for this certificate is open already", twin.index);
        return Err(Refusal::new(Reason::Exists, detail));
    }
    let limit = context.state.charter.limits.open_applications;
    if mine().count() >= limit as usize {
        let detail = format!("{} has {limit} open applications, which is its quota", applicant.id);
        return Err(Refusal::new(Reason::Quota, detail));
    }
    Ok(())
}

/// A certificate that is new to the ledger. It must be DER throughout: otherwise the same signed part could come with
/// another fingerprint, which no distrust of the first one would find.
fn new_certificate(rules: &Rules, der: &[u8]) -> Result<Certificate, Refusal> {
    let most = rules.certificate_bytes;
    if der.len() > most {
        let detail = format!("the certificate has {} bytes; at most {most} are accepted", der.len());
        return Err(Refusal::new(Reason::Content, detail));
    }
    let certificate = certificate(der)?;
    certificate
        .check_der()
        .map_err(|problem| Refusal::new(Reason::Content, format!("the certificate is not DER: {problem}")))?;
    Ok(certificate)
}

fn certificate(der: &[u8]) -> Result<Certificate, Refusal> {
    Certificate::from_der(der)
        .map_err(|e| Refusal::new(Reason::Content, format!("the certificate cannot be read: {e}")))
}

fn list<'a>(state: &'a State, list: &ListId) -> Result<&'a ListState, Refusal> {
    state
        .lists
        .get(list)
        .ok_or_else(|| Refusal::new(Reason::NotFound, format!("the charter has no list {list}")))
}

fn check_uses(uses: &[Use]) -> Result<(), Refusal> {
    if uses.is_empty() || uses.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(Refusal::new(Reason::Content, "uses: at least one, in order, none twice"));
    }
    Ok(())
}

fn check_services(rules: &Rules, services: &Services) -> Result<(), Refusal> {
    let Services { ocsp, crl, est, root_pool } = services;
    let most = rules.service_addresses;
    if [ocsp, crl, est, root_pool].iter().any(|addresses| addresses.len() > most) {
        let detail = format!("services: at most {most} addresses of one kind");
        return Err(Refusal::new(Reason::Content, detail));
    }
    Ok(())
}

/// Both anchors are on the list, the issuer signed, and it is for the subject's name and key.
fn check_cross(
    state: &State,
    list: &ListId,
    certificate: &Certificate,
    issuer: &Digest,
    subject: &Digest,
) -> Result<(), Refusal> {
    let end = |what: &str, fingerprint: &Digest| {
        let anchor = state.anchor(list, fingerprint).filter(|a| state.is_trusted(list, &a.listed));
        let anchor = anchor.ok_or_else(|| {
            let detail = format!("its {what} {} is not on the list", fingerprint.short());
            Refusal::new(Reason::NotFound, detail)
        })?;
        self::certificate(&anchor.listed.certificate)
    };
    if issuer == subject {
        return Err(Refusal::new(Reason::Content, "issuer and subject are the same anchor"));
    }
    let (issuer, subject) = (end("issuer", issuer)?, end("subject", subject)?);
    if certificate.spki_der() != subject.spki_der() || certificate.subject_der() != subject.subject_der() {
        let detail = "the cross-certificate is not for the key and name of its subject anchor";
        return Err(Refusal::new(Reason::Content, detail));
    }
    if certificate.issuer_der() != issuer.subject_der() {
        let detail = "the cross-certificate does not name its issuer anchor as issuer";
        return Err(Refusal::new(Reason::Content, detail));
    }
    certificate.verify_signed_by(&issuer).map_err(|e| {
        Refusal::new(Reason::Content, format!("the cross-certificate was not signed by its issuer: {e}"))
    })
}

/// An application that has not ended.
pub(super) fn open_application(state: &State, index: u64) -> Result<&Application, Refusal> {
    let Some(application) = state.applications.get(&index) else {
        return Err(Refusal::new(Reason::NotFound, format!("there is no application {index}")));
    };
    match application.ended {
        None => Ok(application),
        Some((_, at, cause)) => {
            let detail = format!("application {index} ended at {at} by entry {cause}");
            Err(Refusal::new(Reason::Stage, detail))
        }
    }
}

pub(super) fn withdraw(context: &Context<'_>, body: &ApplicationWithdraw) -> Result<(), Refusal> {
    let signer = context.signers.one()?;
    let application = open_application(context.state, body.application)?;
    if application.applicant != signer.id {
        let detail = format!("only {} can withdraw its application", application.applicant);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    Ok(())
}

pub(super) fn evidence(context: &Context<'_>, body: &EvidenceAttach) -> Result<(), Refusal> {
    let signer = context.signers.one()?;
    let application = open_application(context.state, body.application)?;
    if application.proposal.is_some() {
        let detail = "the application is being voted on; evidence had to be attached before";
        return Err(Refusal::new(Reason::Stage, detail));
    }
    check_date(context, body)?;
    let most = context.rules.evidence_per_author;
    let mine = application.evidence.iter().filter(|evidence| evidence.author == signer.id);
    if mine.count() >= most {
        let detail = format!("{} has attached {most} pieces of evidence, which is its quota", signer.id);
        return Err(Refusal::new(Reason::Quota, detail));
    }
    match (body.kind, &body.blob, body.fingerprint) {
        (EvidenceKind::SecondChannelFingerprint, None, Some(heard)) => {
            may_confirm(context.state, signer, application)?;
            if heard != application.fingerprint {
                let detail = format!(
                    "the fingerprint {heard} is not that of the certificate, {}: do not admit it before \
                     this is understood",
                    application.fingerprint
                );
                return Err(Refusal::new(Reason::Content, detail));
            }
            Ok(())
        }
        (EvidenceKind::SecondChannelFingerprint, ..) => {
            let detail = "a second-channel fingerprint has a fingerprint and no blob";
            Err(Refusal::new(Reason::Content, detail))
        }
        (_, Some(_), None) => {
            let auditor = signer.kinds.contains(&ParticipantKind::Auditor);
            if application.applicant == signer.id || auditor {
                return Ok(());
            }
            let detail = "evidence is attached by the applicant or an auditor";
            Err(Refusal::new(Reason::WrongRole, detail))
        }
        _ => Err(Refusal::new(Reason::Content, "this kind of evidence has a blob and no fingerprint")),
    }
}

/// An audit report has a date, by which its age is judged; nothing else has one.
fn check_date(context: &Context<'_>, body: &EvidenceAttach) -> Result<(), Refusal> {
    let content = |detail: String| Err(Refusal::new(Reason::Content, detail));
    let now = context.recorded_at;
    match (body.kind, body.dated) {
        (EvidenceKind::AuditReport, None) => {
            content("an audit report bears a date: name it, for its age counts".into())
        }
        (EvidenceKind::AuditReport, Some(dated))
            if dated > now.plus_seconds(context.rules.issued_ahead_seconds) =>
        {
            content(format!("the audit report is dated {dated}, after it was recorded at {now}"))
        }
        (EvidenceKind::AuditReport, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => content("only an audit report has a date".into()),
    }
}

/// A second channel proves nothing if the applicant is at both ends.
fn may_confirm(state: &State, signer: &Participant, application: &Application) -> Result<(), Refusal> {
    let applicant = state.participants.get(&application.applicant);
    if applicant.is_some_and(|applicant| applicant.organisation == signer.organisation) {
        let detail = "the fingerprint must be confirmed by someone outside the applicant's organisation";
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    let charter = &state.charter;
    let elector = charter.lists.get(&application.list).is_some_and(|list| list.electors.contains(&signer.id));
    if elector || charter.admissions_officers.holders.contains(&signer.id) {
        return Ok(());
    }
    let detail = "the fingerprint is confirmed by an elector of the list or an admissions officer";
    Err(Refusal::new(Reason::WrongRole, detail))
}

pub(super) fn screening(context: &Context<'_>, body: &ScreeningRecord) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    let application = open_application(context.state, body.application)?;
    if application.proposal.is_some() {
        return Err(Refusal::new(Reason::Stage, "the application is being voted on already"));
    }
    let policy = context.state.charter.lists.get(&application.list).map(|list| &list.policy);
    if policy != Some(&body.policy) {
        let detail = format!("the policy of list {} is another one", application.list);
        return Err(Refusal::new(Reason::Charter, detail));
    }
    if body.ledger_size <= body.application || body.ledger_size > context.state.size() {
        return Err(Refusal::new(Reason::Content, "ledger_size must include the application"));
    }
    let off = context
        .recorded_at
        .seconds_since(body.screened_at)
        .max(body.screened_at.seconds_since(context.recorded_at));
    let within = context.rules.screened_within_seconds;
    if off > within {
        let (at, now) = (body.screened_at, context.recorded_at);
        let detail = format!("screened at {at}, more than {within} seconds from {now}");
        return Err(Refusal::new(Reason::Time, detail));
    }
    if body.findings.windows(2).any(|pair| matches!(pair, [a, b] if a.id >= b.id)) {
        return Err(Refusal::new(Reason::Content, "findings: in order of their ids, none twice"));
    }
    if body.observed.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(Refusal::new(Reason::Content, "observed: in order, none twice"));
    }
    let certificate = Observed { what: ObservedKind::Certificate, sha256: application.fingerprint };
    if !body.observed.contains(&certificate) {
        let detail = "observed: the certificate that applies is missing";
        return Err(Refusal::new(Reason::Content, detail));
    }
    Ok(())
}

pub(super) fn comment(context: &Context<'_>, body: &CommentAdd) -> Result<(), Refusal> {
    context.signers.one()?;
    let state = context.state;
    if state.open_proposals.contains(&body.about) || state.proposals.contains_key(&body.about) {
        return Ok(());
    }
    open_application(state, body.about).map(|_| ())
}

pub(super) fn disclose_sub_ca(context: &Context<'_>, body: &SubcaDisclose) -> Result<(), Refusal> {
    let signer = context.signers.one()?;
    let state = context.state;
    let sub_ca = new_certificate(context.rules, &body.certificate.0)?;
    let fingerprint = Digest::from_bytes(sub_ca.sha256());
    if state.sub_cas.contains_key(&fingerprint) {
        let detail = format!("sub-CA {} is disclosed already", fingerprint.short());
        return Err(Refusal::new(Reason::Exists, detail));
    }
    let anchor = state.anchors_of(&body.issuer).next().map(|(_, anchor)| &anchor.listed.certificate);
    let issuer = anchor.or_else(|| state.sub_cas.get(&body.issuer).map(|parent| &parent.certificate));
    let (Some(issuer), Some(root)) = (issuer, state.root_above(&body.issuer)) else {
        let detail = format!("{} is no anchor of a list and no disclosed sub-CA", body.issuer.short());
        return Err(Refusal::new(Reason::NotFound, detail));
    };
    operates(state, &root, signer)?;
    if !sub_ca.is_ca() {
        return Err(Refusal::new(Reason::Content, "the certificate is no CA certificate"));
    }
    sub_ca
        .verify_signed_by(&certificate(issuer)?)
        .map_err(|e| Refusal::new(Reason::Content, format!("the sub-CA was not signed by its issuer: {e}")))
}

/// Checks that a participant operates an anchor on some list.
fn operates(state: &State, root: &Digest, signer: &Participant) -> Result<(), Refusal> {
    if state.anchors_of(root).any(|(_, anchor)| anchor.listed.operator == signer.id) {
        return Ok(());
    }
    let operators: Vec<_> =
        state.anchors_of(root).map(|(_, anchor)| anchor.listed.operator.as_str()).collect();
    let detail =
        format!("sub-CAs below this anchor are the business of its operator, {}", operators.join(", "));
    Err(Refusal::new(Reason::WrongRole, detail))
}

pub(super) fn revoke_sub_ca(context: &Context<'_>, body: &SubcaRevoke) -> Result<(), Refusal> {
    let signer = context.signers.one()?;
    let Some(sub_ca) = context.state.sub_cas.get(&body.certificate) else {
        let detail = format!("no sub-CA {} is disclosed", body.certificate.short());
        return Err(Refusal::new(Reason::NotFound, detail));
    };
    operates(context.state, &sub_ca.root, signer)?;
    match sub_ca.revoked {
        None => Ok(()),
        Some((index, _)) => {
            Err(Refusal::new(Reason::Stage, format!("it was revoked by entry {index} already")))
        }
    }
}
