//! What a charging station should hold, by the version of OCPP that it speaks: which roots the trust store wants in
//! which of its stores, and by which names stations know the certificates that are known here. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::parts::{Purpose, Use};
use ctl_pki::{Certificate, readable};
use serde::{Deserialize, Serialize};

use super::hash::{Algorithm, HashData};
use crate::sink::fingerprint;
use crate::store::TrustStore;

ctl_pki::words! {
    /// A store of a charging station (OCPP 2.0.1 and 2.1, InstallCertificateUseEnumType) that is filled from here.
    /// Those for the back end's own and for the manufacturer's certificates are none of our business.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum Kind by as_str {
        /// Roots of chargers' chains.
        #[serde(rename = "V2GRootCertificate")]
        V2g => "V2GRootCertificate",
        /// Roots of contracts.
        #[serde(rename = "MORootCertificate")]
        Mo => "MORootCertificate",
        /// Roots of vehicles, for TLS in both directions; since OCPP 2.1.
        #[serde(rename = "OEMRootCertificate")]
        Oem => "OEMRootCertificate",
    }
}

impl Kind {
    /// The store for anchors of a purpose. Provisioning chains are judged by others than charging stations.
    const fn of(purpose: Purpose) -> Option<Self> {
        match purpose {
            Purpose::V2g => Some(Self::V2g),
            Purpose::Mo => Some(Self::Mo),
            Purpose::Vehicle => Some(Self::Oem),
            Purpose::Oem => None,
        }
    }

    /// For people.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::V2g => "V2G",
            Self::Mo => "MO",
            Self::Oem => "OEM",
        }
    }
}

ctl_pki::words! {
    /// What a station speaks.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum Version by as_str {
        /// OCPP 1.6, where roots travel in DataTransfer.
        #[serde(rename = "1.6")]
        V16 => "1.6",
        /// OCPP 2.0.1.
        #[serde(rename = "2.0.1")]
        V201 => "2.0.1",
        /// OCPP 2.1.
        #[serde(rename = "2.1")]
        V21 => "2.1",
    }
}

impl Version {
    /// The stores that such a station may have.
    #[must_use]
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::V16 | Self::V201 => &[Kind::V2g, Kind::Mo],
            Self::V21 => &[Kind::V2g, Kind::Mo, Kind::Oem],
        }
    }

    /// The most characters of `certificate` (the JSON schemas of InstallCertificateRequest).
    #[must_use]
    pub const fn longest_certificate(self) -> usize {
        match self {
            Self::V16 | Self::V201 => 5_500,
            Self::V21 => 10_000,
        }
    }
}

/// The certificates that are known here, and by which names stations know them.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    certificates: BTreeMap<Digest, Certificate>,
    names: BTreeMap<HashData, BTreeSet<Digest>>,
}

impl Roots {
    /// Adds one. Only what is its own issuer, by name and signature, has a name that can be computed from it alone.
    pub fn add(&mut self, certificate: Certificate) {
        let print = fingerprint(&certificate);
        if self.certificates.contains_key(&print) {
            return;
        }
        if certificate.is_self_issued() && certificate.verify_self_signature().is_ok() {
            for algorithm in Algorithm::ALL {
                let name = HashData::of_root(&certificate, algorithm);
                self.names.entry(name).or_default().insert(print);
            }
        }
        self.certificates.insert(print, certificate);
    }

    /// A certificate by its fingerprint.
    #[must_use]
    pub fn get(&self, print: &Digest) -> Option<&Certificate> {
        self.certificates.get(print)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&Digest, &Certificate)> {
        self.certificates.iter()
    }

    /// Which certificates a station may mean by a name. More than one if roots differ in nothing that is named.
    pub fn named(&self, name: &HashData) -> impl Iterator<Item = &Digest> {
        self.names.get(name).into_iter().flatten()
    }

    fn is_root(&self, certificate: &Certificate) -> bool {
        self.named(&HashData::of_root(certificate, Algorithm::Sha256))
            .any(|print| *print == fingerprint(certificate))
    }
}

/// What a station should hold.
#[derive(Clone, Debug)]
pub struct Wants {
    /// The version of OCPP that it is for.
    pub version: Version,
    /// The roots of each store.
    pub roots: BTreeMap<Kind, BTreeSet<Digest>>,
    /// Roots that go into no store of such a station, and why.
    pub left_out: Vec<(Digest, String)>,
    /// Stores for which the lists name anchors, whether these can be used there or not.
    pub listed: BTreeSet<Kind>,
    /// Known certificates that must not be used.
    pub distrusted: BTreeSet<Digest>,
}

impl Wants {
    /// What follows from a trust store. `placed` are fingerprints that were ever put anywhere: one may be distrusted
    /// whose certificate is not known here any more.
    #[must_use]
    pub fn of(store: &TrustStore, roots: &Roots, placed: &BTreeSet<Digest>, version: Version) -> Self {
        let bad = roots.all().filter(|(_, certificate)| store.is_distrusted(certificate));
        let mut distrusted: BTreeSet<Digest> = bad.map(|(print, _)| *print).collect();
        distrusted.extend(placed.iter().filter(|print| store.distrusts(**print)));
        let kind = |r#use: &Use| Kind::of(r#use.purpose);
        let mut wants = Self {
            version,
            roots: BTreeMap::new(),
            left_out: vec![],
            listed: store.listed_uses.iter().filter_map(kind).collect(),
            distrusted,
        };
        for anchor in &store.anchors {
            let kinds: BTreeSet<Kind> = anchor.uses.iter().filter_map(kind).collect();
            let possible: Vec<Kind> =
                kinds.iter().copied().filter(|kind| version.kinds().contains(kind)).collect();
            let refused = match anchor.constraints.first() {
                Some(constraint) => {
                    Some(format!("its critical constraint {constraint:?} cannot be told to a station"))
                }
                None if possible.is_empty() => Some(nowhere(&kinds, version)),
                None => wants.refuses(&anchor.certificate, roots),
            };
            match refused {
                Some(reason) => {
                    if !wants.left_out.iter().any(|(print, _)| *print == anchor.fingerprint) {
                        wants.left_out.push((anchor.fingerprint, reason));
                    }
                }
                None => possible.into_iter().for_each(|kind| {
                    wants.roots.entry(kind).or_default().insert(anchor.fingerprint);
                }),
            }
        }
        wants
    }

    /// Why a root of the store is not sent to such a station.
    fn refuses(&self, certificate: &Certificate, roots: &Roots) -> Option<String> {
        if let Err(reason) = readable(certificate.der()) {
            return Some(format!("devices cannot read it: {reason}"));
        }
        // EVerest takes others, and then neither lists nor removes them (EVerest #2109).
        if !roots.is_root(certificate) {
            return Some("it is not self-signed: stations could neither name nor remove it".into());
        }
        let (length, longest) = (certificate.to_pem().len(), self.version.longest_certificate());
        if length > longest {
            let version = self.version;
            return Some(format!("{length} characters of PEM are more than the {longest} of OCPP {version}"));
        }
        let own = fingerprint(certificate);
        for algorithm in Algorithm::ALL {
            let name = HashData::of_root(certificate, algorithm);
            let mut same = roots.named(&name).filter(|print| **print != own);
            if let Some(other) = same.find(|print| self.distrusted.contains(*print)) {
                let other = other.short();
                return Some(format!("stations cannot tell it from {other}, which is distrusted"));
            }
        }
        self.distrusted.contains(&own).then(|| "it is distrusted".into())
    }

    /// Whether a root belongs into a store.
    #[must_use]
    pub fn has(&self, kind: Kind, print: &Digest) -> bool {
        self.roots.get(&kind).is_some_and(|roots| roots.contains(print))
    }

    /// All of them, each with its store.
    pub fn all(&self) -> impl Iterator<Item = (Kind, Digest)> + '_ {
        self.roots.iter().flat_map(|(kind, roots)| roots.iter().map(|root| (*kind, *root)))
    }

    /// How many installations that is.
    #[must_use]
    pub fn count(&self) -> usize {
        self.roots.values().map(BTreeSet::len).sum()
    }

    /// Changes whenever something else is wanted.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&ctl_core::json::canonical(&(&self.roots, &self.distrusted)))
    }
}

fn nowhere(kinds: &BTreeSet<Kind>, version: Version) -> String {
    match kinds.first() {
        Some(kind) => format!("stations of OCPP {version} have no store for {} roots", kind.short()),
        None => "it is for provisioning chains alone, which no charging station judges".into(),
    }
}
