//! The facts that a screening compares a candidate with, and what of them is not in the ledger. Server,
//! electors and auditors take them from here, so that they screen against the same. The policy engine
//! reads them as JSON, for neither room knows the other.

use ctl_core::names::{ListId, ParticipantId, Url};
use ctl_core::parts::{DistrustKind, Services, Use};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use serde::Serialize;

use crate::State;
use crate::application::Application;
use crate::state::Listed;
use crate::statement::body::Candidate;
use crate::statement::parts::{BlobAccess, EvidenceKind, Observed, ObservedKind};

/// Something that is or was on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedFact {
    /// SHA-256 of its certificate.
    pub fingerprint: Digest,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: Digest,
    /// Its subject's name, DER in hex.
    pub subject: String,
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceFact {
    /// Index of its entry.
    pub entry: u64,
    /// What it is.
    pub kind: EvidenceKind,
    /// Who attached it.
    pub author: ParticipantId,
    /// Whether that is an accredited auditor.
    pub accredited: bool,
    /// Whether anyone may read the document.
    pub public: bool,
    /// Whether the server held the document.
    pub held: bool,
    /// The date that the document bears, in Unix seconds.
    pub dated: Option<i64>,
    /// The fingerprint that was heard.
    pub fingerprint: Option<Digest>,
}

/// What a candidate for a list is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScreeningFacts {
    /// The time of screening, in Unix seconds.
    pub now: i64,
    /// Everything that is or was on the list: anchors and cross-certificates.
    pub listed: Vec<ListedFact>,
    /// Certificates that are distrusted by decision.
    pub distrusted_certificates: Vec<Digest>,
    /// Keys that are distrusted by decision.
    pub distrusted_keys: Vec<Digest>,
    /// For a cross-certificate: the certificate of the anchor that is to have signed it, DER in hex.
    pub issuer: Option<String>,
    /// For a cross-certificate: that of the anchor that it is for.
    pub subject: Option<String>,
    /// What a root applies for; of a cross-certificate what both ends are listed for.
    pub uses: Vec<Use>,
    /// The OCSP responders that the application names.
    pub ocsp: Vec<Url>,
    /// The CRL addresses that the application names.
    pub crl: Vec<Url>,
    /// What was attached; none before there is an application.
    pub evidence: Option<Vec<EvidenceFact>>,
    /// What the charter asks to be attached.
    pub required_evidence: Vec<EvidenceKind>,
    /// How long the charter lets an application be discussed, in seconds.
    pub discussion_seconds: u64,
    /// For a cross-certificate: of each disclosed chain below its subject, how many sub-CAs it has.
    pub sub_ca_levels: Vec<u32>,
}

/// Whether the bytes of a document were there, by the digest of its blob: the one thing that a screening
/// looks at and the ledger does not say.
pub type Held<'a> = &'a dyn Fn(&Digest) -> bool;

impl State {
    /// The facts that a candidate for this list is compared with at a moment; none of a list that does
    /// not exist. Before there is an application, nothing is attached to it.
    #[must_use]
    pub fn screening_facts(
        &self,
        list: &ListId,
        candidate: &Candidate,
        application: Option<(&Application, Held<'_>)>,
        now: Timestamp,
    ) -> ScreeningFacts {
        let (Some(contents), Some(charter)) = (self.lists.get(list), self.charter.lists.get(list)) else {
            return ScreeningFacts::default();
        };
        let distrusted =
            |kind| contents.distrusted.keys().filter(move |d| d.kind == kind).map(|d| d.sha256).collect();
        let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
        let crosses = contents.cross_certificates.values().map(|cross| &cross.listed);
        let mut facts = ScreeningFacts {
            now: now.unix(),
            listed: anchors.chain(crosses).map(fact).collect(),
            distrusted_certificates: distrusted(DistrustKind::Certificate),
            distrusted_keys: distrusted(DistrustKind::Spki),
            evidence: application.map(|(application, held)| self.evidence_facts(application, held, now)),
            required_evidence: charter.required_evidence.clone(),
            discussion_seconds: charter.discussion_seconds,
            ..ScreeningFacts::default()
        };
        match candidate {
            Candidate::Root { uses, services, .. } => {
                let Services { ocsp, crl, .. } = services.clone();
                facts = ScreeningFacts { uses: uses.clone(), ocsp, crl, ..facts };
            }
            Candidate::CrossCertificate { issuer, subject } => {
                let (issuer, of) = (contents.anchors.get(issuer), contents.anchors.get(subject));
                let der =
                    |anchor: &std::sync::Arc<crate::state::Anchor>| hex::encode(&anchor.listed.certificate);
                if let (Some(issuer), Some(of)) = (issuer, of) {
                    facts.uses = issuer.uses.iter().filter(|one| of.uses.contains(one)).copied().collect();
                }
                facts.issuer = issuer.map(der);
                facts.subject = of.map(der);
                facts.sub_ca_levels = self.sub_ca_levels(subject);
            }
        }
        facts
    }

    fn evidence_facts(&self, application: &Application, held: Held<'_>, now: Timestamp) -> Vec<EvidenceFact> {
        let fact = |evidence: &crate::application::Evidence| EvidenceFact {
            entry: evidence.index,
            kind: evidence.kind,
            author: evidence.author.clone(),
            accredited: self.is_accredited(&evidence.author, now),
            public: evidence.blob.as_ref().is_some_and(|blob| blob.access == BlobAccess::Public),
            held: evidence.blob.as_ref().is_some_and(|blob| held(&blob.sha256)),
            dated: evidence.dated.map(Timestamp::unix),
            fingerprint: evidence.fingerprint,
        };
        application.evidence.iter().map(fact).collect()
    }

    /// How many sub-CAs each disclosed chain below an anchor has, in order.
    fn sub_ca_levels(&self, anchor: &Digest) -> Vec<u32> {
        let known = || self.sub_cas.values().filter(|sub| sub.root == *anchor && sub.revoked.is_none());
        let mut levels = Vec::new();
        let mut above = vec![*anchor];
        // Each sub-CA names what issued it and was disclosed after it, so there are no circles.
        for level in 1..=u32::try_from(self.sub_cas.len()).unwrap_or(u32::MAX) {
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

    /// What a screening looked at beside the ledger's entries, as its record says it: the certificate and
    /// the anchors that it was compared with, the documents that were there, and these profiles.
    #[must_use]
    pub fn observed(
        &self,
        application: &Application,
        held: Held<'_>,
        profiles: impl IntoIterator<Item = Digest>,
    ) -> Vec<Observed> {
        let one = |what, sha256| Observed { what, sha256 };
        let mut observed = vec![one(ObservedKind::Certificate, application.fingerprint)];
        let blobs = application.evidence.iter().filter_map(|evidence| evidence.blob.as_ref());
        let blobs = blobs.filter(|blob| held(&blob.sha256));
        observed.extend(blobs.map(|blob| one(ObservedKind::Evidence, blob.sha256)));
        if let Candidate::CrossCertificate { issuer, subject } = application.candidate {
            observed.push(one(ObservedKind::Issuer, issuer));
            observed.push(one(ObservedKind::Subject, subject));
        }
        observed.extend(profiles.into_iter().map(|digest| one(ObservedKind::Profile, digest)));
        observed.sort_unstable();
        observed.dedup();
        observed
    }
}

fn fact(listed: &Listed) -> ListedFact {
    let certificate = Certificate::from_der(&listed.certificate);
    ListedFact {
        fingerprint: listed.fingerprint,
        spki: listed.spki,
        subject: certificate.map(|found| hex::encode(found.subject_der())).unwrap_or_default(),
    }
}
