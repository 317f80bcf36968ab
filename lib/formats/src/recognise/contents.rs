//! What a source was found to hold.

use std::collections::BTreeSet;
use std::fmt;

use ctl_core::Timestamp;
use ctl_core::parts::Standard;
use ctl_pki::Certificate;
use serde::{Deserialize, Serialize};

/// What the bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// SAE's list of version 0.
    SaeV0,
    /// SAE's list of version 1.
    SaeV1,
    /// Certificates in PKCS#7, as EST serves them.
    Pkcs7,
    /// Certificates in PEM.
    Pem,
    /// One certificate in DER.
    Der,
    /// A list of trust anchors (RFC 5914).
    TrustAnchors,
    /// A root pool of OPCP.
    Opcp,
    /// A root pool of OPNC.
    Opnc,
    /// A list of a service like this one.
    Ctl,
    /// Files in a folder, of whatever format.
    Folder,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SaeV0 => "SAE list, version 0",
            Self::SaeV1 => "SAE list, version 1",
            Self::Pkcs7 => "PKCS#7 of certificates",
            Self::Pem => "certificates in PEM",
            Self::Der => "certificate in DER",
            Self::TrustAnchors => "list of trust anchors (RFC 5914)",
            Self::Opcp => "root pool (OPCP)",
            Self::Opnc => "root pool (OPNC)",
            Self::Ctl => "certificate trust list",
            Self::Folder => "folder",
        })
    }
}

ctl_pki::words! {
    /// What a source says that a certificate is for: as far as the words of the formats and the places in stores go.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Purpose by as_str {
        /// Chains of chargers.
        V2g => "v2g",
        /// Contract chains.
        Mo => "mo",
        /// Provisioning chains.
        Oem => "oem",
        /// Vehicle chains of ISO 15118-20.
        Vehicle => "vehicle",
        /// Back ends of charging stations.
        Csms => "csms",
        /// Manufacturers of charging stations.
        Manufacturer => "manufacturer",
        /// A private environment.
        PrivateEnvironment => "private-environment",
        /// SAE's word for all the rest.
        Other => "other",
    }
}

/// What a source says of a certificate; every part may be silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    pub purposes: BTreeSet<Purpose>,
    pub standards: BTreeSet<Standard>,
    /// Its status, in the words of the format.
    pub status: BTreeSet<String>,
    /// The trust lists that it is said to stand on (OPNC's `rootCtlList`).
    pub lists: BTreeSet<String>,
}

impl Said {
    /// That it is for this.
    #[must_use]
    pub fn of_purpose(purpose: Purpose) -> Self {
        Self { purposes: BTreeSet::from([purpose]), ..Self::default() }
    }

    /// The same with what was said elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.purposes.extend(&other.purposes);
        self.standards.extend(&other.standards);
        self.status.extend(other.status.iter().cloned());
        self.lists.extend(other.lists.iter().cloned());
    }
}

impl fmt::Display for Said {
    /// In a few words; empty where nothing is said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purposes = self.purposes.iter().map(|purpose| purpose.as_str());
        let standards = self.standards.iter().map(|standard| standard.as_str());
        let status = self.status.iter().map(String::as_str);
        let lists = self.lists.iter().map(String::as_str);
        let words: Vec<&str> = purposes.chain(standards).chain(status).chain(lists).collect();
        f.write_str(&words.join(", "))
    }
}

/// One certificate of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it stands, like `item 3` or `file ca/v2g/x.pem, certificate 2`.
    pub place: String,
    /// The certificate, or why it cannot be read.
    pub certificate: Result<Certificate, String>,
    pub said: Said,
    /// It stands under a signature that was not verified, because the reader asked for that.
    pub unverified: bool,
}

impl Item {
    /// A certificate with what is said of it.
    #[must_use]
    pub fn of(place: String, certificate: Certificate, said: Said) -> Self {
        Self { place, certificate: Ok(certificate), said, unverified: false }
    }

    /// Something that is no certificate, and why.
    #[must_use]
    pub fn unreadable(place: String, why: &dyn ToString) -> Self {
        Self { place, certificate: Err(why.to_string()), said: Said::default(), unverified: false }
    }
}

/// Who signed a source, by a signature that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedBy {
    /// The subject of the signer's certificate, or the key's id.
    pub name: String,
    /// When the signer says it signed: its own word.
    pub signing_time: Option<Timestamp>,
    /// When the signer's certificate ended, where that was before now: the signature was judged at an earlier moment.
    pub ended: Option<Timestamp>,
}

/// What is known of a source's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// Nobody signed it, or its files are signed each on its own.
    None,
    /// It was signed, and this was not verified, because the reader asked for that.
    Unverified,
    Verified {
        /// The moment that it was judged at.
        at: Timestamp,
        signers: Vec<SignedBy>,
    },
}

/// What a source holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub format: Format,
    pub signature: Signature,
    /// The number of this edition, where the format has one.
    pub sequence: Option<u64>,
    /// From when until when it says that it holds, both included.
    pub validity: Option<(Timestamp, Timestamp)>,
    /// In their order.
    pub items: Vec<Item>,
    /// What a reader should know besides: what is ambiguous, was left aside, or is over.
    pub told: Vec<String>,
}

impl Contents {
    /// What is said by nobody, with nothing to add.
    #[must_use]
    pub fn new(format: Format, items: Vec<Item>) -> Self {
        let (signature, told) = (Signature::None, Vec::new());
        Self { format, signature, sequence: None, validity: None, items, told }
    }

    /// The items that cannot be read.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items
            .iter()
            .filter_map(|item| Some((item.place.as_str(), item.certificate.as_ref().err()?.as_str())))
    }

    /// The same, every item marked as standing under a signature that was not verified.
    pub(super) fn unverified(mut self) -> Self {
        self.signature = Signature::Unverified;
        self.items.iter_mut().for_each(|item| item.unverified = true);
        self
    }
}
