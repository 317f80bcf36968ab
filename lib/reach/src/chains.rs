//! How long the chains of chargers are: what PKIs have disclosed of their sub-CAs, or the usual two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::parts::{Purpose, Use};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use serde::Serialize;

use super::rules;

/// The sub-CAs between root and leaf that ISO 15118-2 provides for (eCharge4Drivers guide, tables 5 to 7).
pub const USUAL_SUB_CAS: usize = 2;
/// Deeper disclosures are not followed: no rule set lets them work.
const DEEPEST: usize = 8;
/// How many chains of one root are looked at.
const MOST_CHAINS: usize = 64;

/// The sub-CAs that are known below a root.
#[derive(Clone, Debug, Default)]
pub struct SubCas(Vec<SubCa>);

#[derive(Clone, Debug)]
struct SubCa {
    certificate: Arc<Certificate>,
    /// How many sub-CAs there are from the root to this one, itself included.
    depth: usize,
    /// Where it stands.
    place: usize,
    /// Where what issued it stands, if that is a sub-CA.
    issuer: Option<usize>,
}

/// One chain of disclosed sub-CAs, from the root's child on.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) certificates: Vec<Arc<Certificate>>,
    /// How many sub-CAs there are, those included that nobody told of.
    pub(super) length: usize,
}

/// How many sub-CAs stand between a root and its leaves.
#[derive(Clone, Debug, Serialize)]
pub struct Chains {
    /// Every number that occurs, ascending; never empty.
    pub sub_cas: BTreeSet<usize>,
    /// Nothing fitting was disclosed: the usual number is assumed.
    pub assumed: bool,
    #[serde(skip)]
    pub(super) known: Vec<Chain>,
}

impl Chains {
    /// The usual two, for want of better knowledge.
    #[must_use]
    pub fn usual() -> Self {
        Self { sub_cas: [USUAL_SUB_CAS].into(), assumed: true, known: Vec::new() }
    }

    #[must_use]
    pub fn longest(&self) -> usize {
        self.sub_cas.last().copied().unwrap_or(USUAL_SUB_CAS)
    }

    #[must_use]
    pub fn shortest(&self) -> usize {
        self.sub_cas.first().copied().unwrap_or(USUAL_SUB_CAS)
    }
}

impl SubCas {
    /// Those below a root, given who issued whom.
    pub(super) fn below(
        root: &Digest,
        children: &BTreeMap<Digest, Vec<Digest>>,
        read: impl Fn(&Digest) -> Option<Arc<Certificate>>,
    ) -> Self {
        let mut found: Vec<SubCa> = Vec::new();
        // What a disclosure names as issuer was there before it, so there are no circles.
        let mut level: Vec<(Digest, Option<usize>)> = vec![(*root, None)];
        for depth in 1..=DEEPEST {
            let mut next = Vec::new();
            for (issuer, place) in level {
                for fingerprint in children.get(&issuer).into_iter().flatten() {
                    if let Some(certificate) = read(fingerprint) {
                        let own = found.len();
                        next.push((*fingerprint, Some(own)));
                        found.push(SubCa { certificate, depth, place: own, issuer: place });
                    }
                }
            }
            level = next;
        }
        Self(found)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The chains of those that are for the purpose and standard and valid at this moment. A sub-CA below
    /// which nothing is disclosed, although its path length leaves room, counts as one more: it may issue
    /// to a CA that nobody told of.
    pub(super) fn chains(&self, asked: Use, at: Timestamp) -> Chains {
        let fits = |sub_ca: &SubCa| {
            let validity = sub_ca.certificate.not_before()..=sub_ca.certificate.not_after();
            validity.contains(&at.unix())
                && purpose_of(&sub_ca.certificate) == Some(asked.purpose)
                && rules::is_of(&sub_ca.certificate, asked.standard, at)
        };
        let fitting: Vec<&SubCa> = self.0.iter().filter(|sub_ca| fits(sub_ca)).collect();
        let issuers: BTreeSet<usize> = fitting.iter().filter_map(|sub_ca| sub_ca.issuer).collect();
        let last = fitting.iter().filter(|sub_ca| !issuers.contains(&sub_ca.place)).take(MOST_CHAINS);
        let known: Vec<Chain> = last.map(|sub_ca| self.chain_to(sub_ca)).collect();
        if known.is_empty() {
            return Chains::usual();
        }
        Chains { sub_cas: known.iter().map(|chain| chain.length).collect(), assumed: false, known }
    }

    fn chain_to(&self, last: &SubCa) -> Chain {
        let untold = last.certificate.path_len().is_some_and(|room| room > 0);
        let above = |sub_ca: &&SubCa| sub_ca.issuer.and_then(|place| self.0.get(place));
        let mut certificates: Vec<_> =
            std::iter::successors(Some(last), above).map(|sub_ca| sub_ca.certificate.clone()).collect();
        certificates.reverse();
        Chain { length: last.depth + usize::from(untold), certificates }
    }
}

/// Which chain a sub-CA belongs to. ISO 15118-2 says it in a domain component, `V2G` in CPO sub-CAs; real
/// PKIs often leave it out, and then the common name says it (`CPO Sub1 CA`). None if neither does.
fn purpose_of(certificate: &Certificate) -> Option<Purpose> {
    let name = certificate.common_name().unwrap_or_default().to_ascii_uppercase();
    let words: BTreeSet<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let says = |wanted: &[&str]| wanted.iter().any(|word| words.contains(word));
    let component = domain_component(certificate);
    match component.as_deref() {
        Some("V2G" | "CPO" | "CSO") => Some(Purpose::V2g),
        Some("MO") => Some(Purpose::Mo),
        Some("OEM") => Some(Purpose::Oem),
        _ if says(&["CPO", "CSO"]) => Some(Purpose::V2g),
        _ if says(&["MO", "EMSP"]) => Some(Purpose::Mo),
        _ if says(&["OEM"]) => Some(Purpose::Oem),
        _ if says(&["VEHICLE"]) => Some(Purpose::Vehicle),
        _ => None,
    }
}

/// The most specific domain component of the subject.
fn domain_component(certificate: &Certificate) -> Option<String> {
    let mut attributes = certificate.subject_name().attributes();
    let component = attributes.rfind(|attribute| attribute.kind() == "DC")?;
    component.text().map(|text| text.to_ascii_uppercase())
}
