//! The facts about a list that a screening compares a candidate with. Server, electors and auditors
//! take them from here, so that they screen against the same.

use ctl_pki::Certificate;

use crate::governance::State;
use crate::governance::state::Listed;
use crate::names::ListId;
use crate::statement::body::Candidate;
use crate::statement::parts::DistrustKind;

/// Something that is or was on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFact {
    /// SHA-256 of its certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: [u8; 32],
    /// Its subject's name in DER.
    pub subject: Vec<u8>,
}

/// What a candidate for a list is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScreeningFacts<'a> {
    /// Everything that is or was on the list: anchors and cross-certificates.
    pub listed: Vec<ListedFact>,
    /// Certificates that are distrusted by decision.
    pub distrusted_certificates: Vec<[u8; 32]>,
    /// Keys that are distrusted by decision.
    pub distrusted_keys: Vec<[u8; 32]>,
    /// For a cross-certificate: the certificate of the anchor that is to have signed it.
    pub issuer: Option<&'a [u8]>,
}

impl State {
    /// The facts that a candidate for this list is compared with; none of a list that does not exist.
    #[must_use]
    pub fn screening_facts(&self, list: &ListId, candidate: &Candidate) -> ScreeningFacts<'_> {
        let Some(contents) = self.lists.get(list) else { return ScreeningFacts::default() };
        let distrusted = |kind: DistrustKind| {
            contents.distrusted.keys().filter(move |d| d.kind == kind).map(|d| *d.sha256.as_bytes()).collect()
        };
        let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
        let crosses = contents.cross_certificates.values().map(|cross| &cross.listed);
        let issuer = match candidate {
            Candidate::Root { .. } => None,
            Candidate::CrossCertificate { issuer, .. } => contents.anchors.get(issuer),
        };
        ScreeningFacts {
            listed: anchors.chain(crosses).map(fact).collect(),
            distrusted_certificates: distrusted(DistrustKind::Certificate),
            distrusted_keys: distrusted(DistrustKind::Spki),
            issuer: issuer.map(|anchor| &*anchor.listed.certificate),
        }
    }
}

fn fact(listed: &Listed) -> ListedFact {
    let certificate = Certificate::from_der(&listed.certificate);
    ListedFact {
        fingerprint: *listed.fingerprint.as_bytes(),
        spki: *listed.spki.as_bytes(),
        subject: certificate.map(|certificate| certificate.subject_der().to_vec()).unwrap_or_default(),
    }
}
