//! What EST hands out: for one kind of CA, one standard and one curve, the chains and then the roots.
//!
//! **Order.** First, root by root, the disclosed sub-CAs below it, each before what issued it (Sub2, Sub1); then all roots.
//! With one PKI that is Sub2, Sub1, root, as the guide's case CPO8 wants it. With several, a root never stands between
//! chains, because there are clients (CitrineOS) that take the last certificate for *the* root: so the last one is always
//! a root, and of the roots the one on which most can be built: not deprecated, and the longest to live.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::parts::{AnchorStatus, Purpose, Standard, Use};
use ctl_core::{Digest, Timestamp};
use ctl_formats::PoolSource;
use ctl_formats::omission::{Omission, Selection};
use ctl_pki::Certificate;
use ctl_pki::kind::{self, Chain, Kind};

use super::sources::{Left, Sources, end, has_ended, soonest};

/// The most sub-CAs that are handed out below one root. Whoever discloses more is served with its root alone, and fills
/// nobody else's answer.
pub(super) const MOST_BELOW: usize = 64;

/// How many sub-CAs stand below each other at most; ISO 15118 knows two.
const DEEPEST: usize = 8;

ctl_pki::words! {
    /// The kinds of CA, in the words of OPCP.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Ca by as_str {
        /// Charge point operators'.
        Cpo => "cpo",
        /// Mobility operators'.
        Mo => "mo",
        /// Manufacturers', of provisioning certificates.
        Oem => "oem",
        /// Of certificate provisioning services.
        Cps => "cps",
        /// Of vehicles as TLS clients (ISO 15118-20).
        Veh => "veh",
    }
}

ctl_pki::words! {
    /// The kinds of key, in the words of OPCP.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Curve by as_str {
        P256 => "secp256r1",
        P521 => "secp521r1",
        Ed448 => "ed448",
    }
}

impl Ca {
    const fn purpose(self) -> Purpose {
        match self {
            Self::Cpo | Self::Cps => Purpose::V2g,
            Self::Mo => Purpose::Mo,
            Self::Oem => Purpose::Oem,
            Self::Veh => Purpose::Vehicle,
        }
    }

    const fn chain(self) -> Chain {
        match self {
            Self::Cpo => Chain::Cpo,
            Self::Mo => Chain::Mo,
            Self::Oem | Self::Veh => Chain::Oem,
            Self::Cps => Chain::Cps,
        }
    }
}

impl Curve {
    fn of(certificate: &Certificate) -> Option<Self> {
        let curve = certificate.public_key_curve().map(ctl_pki::AlgorithmName::oid);
        match (certificate.public_key_algorithm().oid(), curve) {
            (_, Some("1.2.840.10045.3.1.7")) => Some(Self::P256),
            (_, Some("1.3.132.0.35")) => Some(Self::P521),
            ("1.3.101.113", _) => Some(Self::Ed448),
            _ => None,
        }
    }
}

/// A root, with the sub-CAs below it that may be handed out.
#[derive(Debug)]
struct Root {
    certificate: Certificate,
    uses: BTreeSet<Use>,
    is_deprecated: bool,
    /// Each before what issued it.
    below: Vec<(Certificate, Option<Chain>)>,
}

/// All roots with what is below them.
#[derive(Debug)]
pub(super) struct Chains {
    /// In the order in which they stand in an answer.
    roots: Vec<Root>,
    /// The sub-CAs that are left out.
    pub(super) left: BTreeSet<Left>,
    /// When the next sub-CA ends.
    pub(super) next: Option<Timestamp>,
}

impl Chains {
    /// Of roots of these lists, but for those that a pool leaves out; what it only has no type for (the roots of vehicles)
    /// is here.
    pub(super) fn of(sources: &Sources, omissions: &[Omission]) -> Self {
        let refused: BTreeSet<Digest> = omissions
            .iter()
            .filter(|omission| !matches!(omission, Omission::NoUse { .. }))
            .filter_map(|omission| omission.left_out().map(|subject| subject.fingerprint))
            .collect();
        let mut roots: BTreeMap<Digest, Root> = BTreeMap::new();
        for source in pool_sources(sources) {
            for carried in Selection::all(source.list).anchors {
                // A pool looks no further at what it has no type for.
                let unfit = refused.contains(&carried.anchor.fingerprint)
                    || carried.certificate.check_readable().is_err()
                    || sources.is_distrusted(&carried.certificate);
                if unfit {
                    continue;
                }
                let root = roots.entry(carried.anchor.fingerprint).or_insert_with(|| Root {
                    certificate: carried.certificate,
                    uses: BTreeSet::new(),
                    is_deprecated: false,
                    below: Vec::new(),
                });
                root.uses.extend(carried.anchor.uses.iter().copied());
                root.is_deprecated |= carried.anchor.status == AnchorStatus::Deprecated;
            }
        }
        let mut chains = Self { roots: Vec::new(), left: BTreeSet::new(), next: None };
        for (fingerprint, mut root) in roots {
            let mut walk = Walk { sources, chains: &mut chains, found: Vec::new(), seen: BTreeSet::new() };
            walk.below(fingerprint, &root.certificate, 0);
            if walk.found.len() > MOST_BELOW {
                let what = format!("the sub-CAs below {fingerprint}");
                let why =
                    format!("more than {MOST_BELOW} were disclosed, and the root is handed out without them");
                chains.left.insert(Left { what, why });
            } else {
                root.below = walk.found;
            }
            chains.roots.push(root);
        }
        chains.roots.sort_by_key(|root| {
            (!root.is_deprecated, root.certificate.not_after(), root.certificate.sha256())
        });
        chains
    }

    /// What is handed out: without a curve, of every curve. Without a root, nothing.
    pub(super) fn certificates(&self, ca: Ca, standard: Standard, curve: Option<Curve>) -> Vec<&Certificate> {
        let wanted = Use { standard, purpose: ca.purpose() };
        let fits = |root: &&Root| {
            root.uses.contains(&wanted)
                && curve.is_none_or(|curve| Curve::of(&root.certificate) == Some(curve))
        };
        let roots = || self.roots.iter().filter(fits);
        // A sub-CA that does not tell its chain is on no wrong one: a root decides what is trusted.
        let below = roots()
            .flat_map(|root| &root.below)
            .filter(|(_, chain)| chain.is_none_or(|one| one == ca.chain()));
        below.map(|(certificate, _)| certificate).chain(roots().map(|root| &root.certificate)).collect()
    }
}

/// The lists as whoever writes a pool takes them.
pub(super) fn pool_sources(sources: &Sources) -> Vec<PoolSource<'_>> {
    sources.lists.iter().map(|(list, ctl)| PoolSource { list, ctl: *ctl }).collect()
}

/// Goes down from a root.
struct Walk<'a> {
    sources: &'a Sources,
    chains: &'a mut Chains,
    found: Vec<(Certificate, Option<Chain>)>,
    seen: BTreeSet<Digest>,
}

impl Walk<'_> {
    fn below(&mut self, issuer: Digest, certificate: &Certificate, depth: usize) {
        let sources = self.sources;
        if depth >= DEEPEST && sources.sub_cas.contains_key(&issuer) {
            let why = format!("more than {DEEPEST} sub-CAs stand below each other");
            self.chains.left.insert(Left { what: format!("what is below sub-CA {issuer}"), why });
            return;
        }
        for sub_ca in sources.sub_cas.get(&issuer).into_iter().flatten() {
            if self.found.len() > MOST_BELOW || !self.seen.insert(sub_ca.fingerprint) {
                continue;
            }
            let leave = |why: String| Left { what: format!("sub-CA {}", sub_ca.fingerprint), why };
            let read = match ctl_pki::readable(&sub_ca.certificate.0) {
                Ok(read) => read,
                Err(error) => {
                    self.chains.left.insert(leave(error.to_string()));
                    continue;
                }
            };
            // What is below one that is left out is left out, too.
            if sources.is_distrusted(&read) {
                self.chains.left.insert(leave("a list distrusts it, or a notice suspends its key".into()));
                continue;
            }
            if has_ended(&read, sources.now) {
                self.chains.left.insert(leave("its certificate has ended".into()));
                continue;
            }
            soonest(&mut self.chains.next, end(&read));
            self.below(sub_ca.fingerprint, &read, depth + 1);
            let chain = match kind::tell(&read, Some(certificate)).kind {
                Some(Kind::Sub1(chain) | Kind::Sub2(chain)) => Some(chain),
                _ => None,
            };
            self.found.push((read, chain));
        }
    }
}
