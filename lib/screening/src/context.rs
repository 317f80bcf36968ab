//! What a candidate is compared with, taken from the state of the ledger.

use ctl_core::names::ListId;
use ctl_core::parts::{self, DistrustKind};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::{self, Application};
use ctl_governance::state::Listed as StateListed;
use ctl_governance::statement::body::Candidate;
use ctl_governance::statement::parts::{BlobAccess, EvidenceKind as Attached};
use ctl_pki::Certificate;
use ctl_policy::{Context, Evidence, EvidenceKind, Listed, Purpose, Standard, Use};

use super::Held;

/// The facts that a candidate for this list is compared with at a moment; none of a list that does not exist.
/// Without an application, nothing is attached to it.
#[must_use]
pub fn context(
    state: &State,
    list: &ListId,
    candidate: &Candidate,
    application: Option<(&Application, Held<'_>)>,
    now: Timestamp,
) -> Context {
    let (Some(contents), Some(charter)) = (state.lists.get(list), state.charter.lists.get(list)) else {
        return Context::default();
    };
    let distrusted = |kind| {
        let of_kind = contents.distrusted.keys().filter(move |one| one.kind == kind);
        of_kind.map(|one| *one.sha256.as_bytes()).collect()
    };
    let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
    let crosses = contents.cross_certificates.values().map(|cross| &cross.listed);
    let mut context = Context {
        now: now.unix(),
        listed: anchors.chain(crosses).map(listed).collect(),
        distrusted_certificates: distrusted(DistrustKind::Certificate),
        distrusted_keys: distrusted(DistrustKind::Spki),
        evidence: application.map(|(application, held)| {
            application.evidence.iter().map(|one| evidence(state, one, held, now)).collect()
        }),
        required_evidence: charter.required_evidence.iter().copied().map(kind).collect(),
        discussion_seconds: charter.discussion_seconds,
        ..Context::default()
    };
    match candidate {
        Candidate::Root { uses, services, .. } => {
            context.uses = uses.iter().copied().map(r#use).collect();
            context.ocsp = services.ocsp.iter().map(ToString::to_string).collect();
            context.crl = services.crl.iter().map(ToString::to_string).collect();
        }
        Candidate::CrossCertificate { issuer, subject } => {
            let (issuer, of) = (contents.anchors.get(issuer), contents.anchors.get(subject));
            if let (Some(issuer), Some(of)) = (issuer, of) {
                let both = issuer.uses.iter().filter(|one| of.uses.contains(one));
                context.uses = both.copied().map(r#use).collect();
            }
            let read = |der: &[u8]| Certificate::from_der(der).ok();
            context.issuer = issuer.and_then(|anchor| read(&anchor.listed.certificate));
            context.subject = of.and_then(|anchor| read(&anchor.listed.certificate));
            context.sub_ca_levels = sub_ca_levels(state, subject);
        }
    }
    context
}

fn listed(listed: &StateListed) -> Listed {
    let certificate = Certificate::from_der(&listed.certificate);
    Listed {
        fingerprint: *listed.fingerprint.as_bytes(),
        spki: *listed.spki.as_bytes(),
        subject: certificate.map(|found| found.subject_der().into()).unwrap_or_default(),
    }
}

fn evidence(state: &State, evidence: &application::Evidence, held: Held<'_>, now: Timestamp) -> Evidence {
    Evidence {
        entry: evidence.index,
        kind: kind(evidence.kind),
        author: evidence.author.to_string(),
        accredited: state.is_accredited(&evidence.author, now),
        public: evidence.blob.as_ref().is_some_and(|blob| blob.access == BlobAccess::Public),
        held: evidence.blob.as_ref().is_some_and(|blob| held(&blob.sha256)),
        dated: evidence.dated.map(Timestamp::unix),
        fingerprint: evidence.fingerprint.map(|digest| *digest.as_bytes()),
    }
}

const fn kind(attached: Attached) -> EvidenceKind {
    match attached {
        Attached::SecondChannelFingerprint => EvidenceKind::SecondChannelFingerprint,
        Attached::CertificatePolicy => EvidenceKind::CertificatePolicy,
        Attached::AuditReport => EvidenceKind::AuditReport,
        Attached::ConformanceReport => EvidenceKind::ConformanceReport,
    }
}

const fn r#use(listed: parts::Use) -> Use {
    Use {
        standard: match listed.standard {
            parts::Standard::Iso15118_2 => Standard::Iso15118_2,
            parts::Standard::Iso15118_20 => Standard::Iso15118_20,
        },
        purpose: match listed.purpose {
            parts::Purpose::V2g => Purpose::V2g,
            parts::Purpose::Mo => Purpose::Mo,
            parts::Purpose::Oem => Purpose::Oem,
            parts::Purpose::Vehicle => Purpose::Vehicle,
        },
    }
}

/// How many sub-CAs each disclosed chain below an anchor has, in order.
fn sub_ca_levels(state: &State, anchor: &Digest) -> Vec<u32> {
    let known = || state.sub_cas.values().filter(|sub| sub.root == *anchor && sub.revoked.is_none());
    let mut levels = Vec::new();
    let mut above = vec![*anchor];
    // Each sub-CA names what issued it and was disclosed after it, so there are no circles.
    for level in 1..=u32::try_from(known().count()).unwrap_or(u32::MAX) {
        let here: Vec<Digest> =
            known().filter(|sub| above.contains(&sub.issuer)).map(|sub| sub.fingerprint).collect();
        let ends = here.iter().filter(|one| known().all(|sub| sub.issuer != **one));
        levels.extend(ends.map(|_| level));
        if here.is_empty() {
            break;
        }
        above = here;
    }
    levels
}
