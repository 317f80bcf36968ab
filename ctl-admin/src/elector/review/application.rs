//! Everything about one application.

use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::{Application, Evidence};
use ctl_governance::possession::Possession;
use ctl_governance::statement::body::Candidate;
use ctl_governance::statement::parts::{Observed, ObservedKind};
use ctl_reach::{Cross, Effects, Network};
use ctl_replica::Log;
use serde::Serialize;

use super::{Row, application_row, word};
use crate::output::{Render, section};
use crate::recompute::{self, Recomputed};
use crate::screening::{self, Policies};
use crate::{AdminError, describe};

/// Everything about one application.
#[derive(Clone, Debug, Serialize)]
pub struct ApplicationReview {
    /// Where it stands.
    #[serde(flatten)]
    pub row: Row,
    /// Whether it waits for a decision.
    pub is_open: bool,
    /// SHA-256 of the certificate: compare it over a second channel.
    pub fingerprint: Digest,
    /// Subject, validity and key of the certificate.
    pub certificate: Vec<String>,
    /// What it asks for.
    pub asks: Vec<String>,
    /// What speaks for it.
    pub evidence: Vec<String>,
    /// Required evidence that is missing.
    pub missing_evidence: Vec<String>,
    /// Comments.
    pub comments: Vec<String>,
    /// What the record of the screening says.
    pub recorded_findings: Vec<String>,
    /// What the same policy finds here, at the same time and size of the ledger.
    pub computed_findings: Vec<String>,
    /// Whether the two are the same; none if there is nothing to compare.
    pub findings_agree: Option<bool>,
    /// What is different between them.
    pub findings_differ: Vec<String>,
    /// Why the screening cannot be computed again here, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_recomputable: Option<String>,
    /// What has changed since the screening: the server will screen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<String>,
    /// What the policy finds now, if that is something else.
    pub findings_now: Vec<String>,
    /// Of a cross-certificate: what it would newly make possible, and where it would not.
    pub effects: Vec<String>,
}

impl ApplicationReview {
    /// Whether what was recorded of its screening can be relied on: what is open and cannot be computed again cannot.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        let forged = matches!(self.findings_agree, Some(false));
        let unknown = self.is_open && self.not_recomputable.is_some();
        !forged && !unknown
    }
}

impl Render for ApplicationReview {
    fn text(&self) -> String {
        let Row { index, about, stage, until, .. } = &self.row;
        let until = until.map(|time| format!(" until {time}")).unwrap_or_default();
        let mut text =
            format!("application {index}: {about}\nstage {stage}{until}\nSHA-256 {}\n", self.fingerprint);
        text += &section("certificate:", &self.certificate);
        text += &section("asks for:", &self.asks);
        text += &section("evidence:", &self.evidence);
        text += &section("missing evidence:", &self.missing_evidence);
        text += &section("comments:", &self.comments);
        match (self.findings_agree, &self.not_recomputable) {
            (None, Some(why)) => {
                text += &section("the record of the screening says:", &self.recorded_findings);
                text += &format!("not recomputable: {why}\n");
            }
            (None, None) => text += "not screened yet\n",
            (Some(true), _) if self.computed_findings.is_empty() => {
                text += "screening found nothing; computed again here with the same result\n";
            }
            (Some(true), _) => {
                text += &section("screening found, and computed again here:", &self.computed_findings);
            }
            (Some(false), _) => {
                text += "THE RECORD OF THE SCREENING IS NOT WHAT THE POLICY FINDS\n";
                text += &section("difference:", &self.findings_differ);
                text += &section("recorded:", &self.recorded_findings);
                text += &section("computed here:", &self.computed_findings);
            }
        }
        if let Some(why) = &self.outdated {
            text += &format!("since then {why}: the server screens it again\n");
        }
        text += &section("the policy finds now:", &self.findings_now);
        text + &section("on the list, it would have these effects:", &self.effects)
    }
}

pub(super) fn application_review(
    replayed: &Log,
    state: &State,
    application: &Application,
    policies: &Policies,
    now: Timestamp,
) -> Result<ApplicationReview, AdminError> {
    let (mut recorded, mut computed, mut agree) = (Vec::new(), Vec::new(), None);
    let (mut differ, mut not_recomputable) = (Vec::new(), None);
    if let Some(screening) = &application.screening
        && let Some((record, again)) = recompute::of_entry(replayed, screening.index, policies)?
    {
        // As the server did it: the same policy, prefix of the ledger, and time.
        recorded = recompute::recorded_lines(&record.findings);
        match again {
            Recomputed::Same(findings) => {
                agree = Some(true);
                computed = findings.iter().map(screening::line).collect();
            }
            Recomputed::Different { findings, difference } => {
                agree = Some(false);
                differ = difference;
                computed = findings.iter().map(screening::line).collect();
            }
            Recomputed::NotRecomputable(why) => not_recomputable = Some(why),
        }
    }
    let mut findings_now: Vec<String> = if application.is_open() {
        // Documents that were attached since are taken to be there; the server looks for them.
        let missing = |sha256: &Digest| {
            let screening = application.screening.as_ref();
            screening.is_some_and(|found| {
                let seen = |evidence: &&Evidence| evidence.index < found.ledger_size;
                let attached = application.evidence.iter().filter(seen);
                let was = attached.filter_map(|e| e.blob.as_ref()).any(|blob| blob.sha256 == *sha256);
                let what = ObservedKind::Evidence;
                was && !found.observed.is_empty()
                    && !found.observed.contains(&Observed { what, sha256: *sha256 })
            })
        };
        let held = |sha256: &Digest| !missing(sha256);
        let (findings, _) = screening::screen_application(state, application, policies, &held, now)?;
        findings.iter().map(screening::line).collect()
    } else {
        Vec::new()
    };
    if findings_now == computed {
        findings_now.clear();
    }
    let effects = if application.is_open() { effects(state, application, now) } else { None };
    let required = state.charter.lists.get(&application.list).map_or(&[][..], |list| &list.required_evidence);
    Ok(ApplicationReview {
        row: application_row(state, application, now),
        is_open: application.is_open(),
        fingerprint: application.fingerprint,
        certificate: certificate_lines(&application.certificate),
        asks: asks(state, application),
        evidence: application.evidence.iter().map(evidence_line).collect(),
        missing_evidence: application.missing_evidence(required).iter().map(word).collect(),
        comments: application
            .comments
            .iter()
            .map(|(index, author, blob)| format!("{index} by {author}: blob {}", blob.sha256))
            .collect(),
        recorded_findings: recorded,
        computed_findings: computed,
        findings_agree: agree,
        findings_differ: differ,
        not_recomputable,
        outdated: state.screening_outdated(application, now).filter(|_| application.is_open()),
        findings_now,
        effects: effects.map(|effects| effects.lines()).unwrap_or_default(),
    })
}

fn evidence_line(evidence: &Evidence) -> String {
    let what = evidence.blob.as_ref().map_or_else(
        || "confirmed".to_owned(),
        |blob| format!("{} blob {}", word(&blob.access), blob.sha256),
    );
    let dated = evidence.dated.map(|time| format!(", dated {time}")).unwrap_or_default();
    format!("{} {} by {}: {what}{dated}", evidence.index, word(&evidence.kind), evidence.author)
}

fn certificate_lines(der: &[u8]) -> Vec<String> {
    match ctl_pki::Certificate::from_der(der) {
        Err(error) => vec![format!("cannot be read: {error}")],
        Ok(certificate) => vec![
            format!("subject {}", certificate.subject()),
            format!("issuer {}", certificate.issuer()),
            format!(
                "valid from {} to {}",
                Timestamp::from_unix(certificate.not_before()),
                Timestamp::from_unix(certificate.not_after())
            ),
            format!("key SHA-256 {}", Digest::from_bytes(certificate.spki_sha256())),
        ],
    }
}

fn asks(state: &State, application: &Application) -> Vec<String> {
    match &application.candidate {
        Candidate::Root { constraints, uses, services } => {
            let held = match application.possession {
                Possession::Proven => "proven: the key signed for this application",
                Possession::Missing => "not proven: electors must waive the rule possession",
                Possession::Unverifiable => {
                    "a proof by an algorithm that is not verified here: electors must waive the rule possession"
                }
                Possession::NotAsked => "not asked",
            };
            let mut lines = vec![
                format!("possession of the key: {held}"),
                format!("uses: {}", describe::uses_line(uses)),
            ];
            lines.extend(constraints.0.iter().map(|(name, one)| describe::constraint(name, one)));
            let addresses = [&services.ocsp, &services.crl, &services.est, &services.root_pool];
            lines.extend(addresses.into_iter().flatten().map(|url| format!("service {url}")));
            lines
        }
        Candidate::CrossCertificate { issuer, subject } => vec![format!(
            "{} vouches for {}",
            describe::anchor_name(state, &application.list, issuer),
            describe::anchor_name(state, &application.list, subject)
        )],
    }
}

/// What a cross-certificate that applies would bring; none for a root, whose uses say it.
fn effects(state: &State, application: &Application, at: Timestamp) -> Option<Effects> {
    let Candidate::CrossCertificate { issuer, subject } = application.candidate else { return None };
    let cross = Cross::proposed(&application.certificate, application.name.clone(), issuer, subject)?;
    let network = Network::of_contents(&state.whole_list(&application.list)?);
    ctl_reach::effects(network.disclose(state.disclosed_sub_cas()), cross, at)
}
