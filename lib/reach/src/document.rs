//! The answers as a document for programs: canonical JSON, the same bytes for the same list and day.

use ctl_core::names::{Label, ListId};
use ctl_core::parts::{AnchorStatus, Purpose, Standard, Use};
use ctl_core::{Digest, Timestamp, json};
use serde::Serialize;

use super::reason::Words;
use super::{Answer, Chains, Matrix, Reason};

/// What the answers are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    pub list: ListId,
    /// Its version.
    pub sequence: u64,
    /// SHA-256 of its payload.
    pub sha256: Digest,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    format: u32,
    #[serde(flatten)]
    subject: &'a Subject,
    /// The moment that the answers are right for: certificates expire.
    as_of: Timestamp,
    roots: Vec<Root<'a>>,
    cross_certificates: Vec<Cross<'a>>,
    answers: Vec<Answers<'a>>,
}

#[derive(Serialize)]
struct Root<'a> {
    fingerprint: Digest,
    name: &'a Label,
    status: AnchorStatus,
    uses: &'a [Use],
}

#[derive(Serialize)]
struct Cross<'a> {
    fingerprint: Digest,
    name: &'a Label,
    issuer: Digest,
    subject: Digest,
    status: AnchorStatus,
    not_after: Timestamp,
    /// What keeps every vehicle from using it.
    problem: Option<Words>,
}

#[derive(Serialize)]
struct Answers<'a> {
    standard: Standard,
    purpose: Purpose,
    /// How long chains are, for the roots that are listed for this.
    chains: Vec<RootChains<'a>>,
    pairs: Vec<Pair>,
}

#[derive(Serialize)]
struct RootChains<'a> {
    root: Digest,
    #[serde(flatten)]
    chains: &'a Chains,
}

#[derive(Serialize)]
struct Pair {
    vehicle: Digest,
    charger: Digest,
    result: Answer,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    through: Vec<Digest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    or_through: Vec<Digest>,
    /// How many sub-CAs a charger's chain may have. With `no`: what would work.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_cas: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_until: Option<Timestamp>,
}

/// The type that the document says it is.
pub const TYPE: &str = "v2g-interoperability";

/// The document. Pairs of roots that are both not listed for a standard are left out of its answers.
#[must_use]
pub fn document(subject: &Subject, matrices: &[Matrix]) -> Vec<u8> {
    let Some(first) = matrices.first() else { return Vec::new() };
    let network = first.network();
    let words = |reason: &Reason| Words { code: reason.code(), text: reason.text(network, first.asked()) };
    let roots = network.roots().iter().map(|root| Root {
        fingerprint: root.fingerprint,
        name: &root.name,
        status: root.status,
        uses: &root.uses,
    });
    let crosses = network.cross_certificates().iter().enumerate().map(|(place, cross)| Cross {
        fingerprint: cross.fingerprint,
        name: &cross.name,
        issuer: cross.issuer,
        subject: cross.subject,
        status: cross.status,
        not_after: Timestamp::from_unix(cross.certificate.not_after()),
        problem: first.facts().problem_of(place).map(words),
    });
    json::canonical(&Document {
        r#type: TYPE,
        format: 1,
        subject,
        as_of: first.at(),
        roots: roots.collect(),
        cross_certificates: crosses.collect(),
        answers: matrices.iter().map(answers).collect(),
    })
}

fn answers(matrix: &Matrix) -> Answers<'_> {
    let (network, asked) = (matrix.network(), matrix.asked());
    let root = |place: usize| network.roots().get(place).map_or(Digest::ZERO, |root| root.fingerprint);
    let crosses = |places: &[usize]| -> Vec<Digest> {
        places
            .iter()
            .filter_map(|place| network.cross_certificates().get(*place))
            .map(|c| c.fingerprint)
            .collect()
    };
    let listed: Vec<usize> = matrix.listed().collect();
    let pairs = matrix.pairs().filter(|(vehicle, charger, _)| {
        listed.binary_search(vehicle).is_ok() || listed.binary_search(charger).is_ok()
    });
    let pairs = pairs.map(|(vehicle, charger, cell)| Pair {
        vehicle: root(vehicle),
        charger: root(charger),
        result: cell.answer,
        through: cell.path.as_ref().map(|path| crosses(&path.crosses)).unwrap_or_default(),
        or_through: crosses(&cell.alternatives),
        sub_cas: cell.path.as_ref().map(|path| path.sub_cas),
        reasons: cell
            .reasons
            .iter()
            .map(|reason| Words { code: reason.code(), text: reason.text(network, asked) })
            .collect(),
        issued_until: cell.issued_until,
    });
    let chains = listed
        .iter()
        .filter_map(|place| Some(RootChains { root: root(*place), chains: matrix.chains(*place)? }))
        .collect();
    Answers { standard: asked.standard, purpose: asked.purpose, chains, pairs: pairs.collect() }
}
