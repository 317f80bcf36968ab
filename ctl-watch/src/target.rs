//! What is probed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_fetch::Class;
use ctl_governance::service_levels::TRUST_LIST_MANAGER;
use ctl_pki::Certificate;
pub use ctl_policy::sla::Kind;
use sha2::{Digest as _, Sha256};

/// A target's id: the first 8 bytes of SHA-256 over kind, operator and address. The same service keeps its
/// id, and its history, whatever list names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub [u8; 8]);

impl TargetId {
    /// The id of a service.
    #[must_use]
    pub fn of(kind: Kind, operator: &ParticipantId, url: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [kind.as_str(), operator.as_str(), url] {
            hash.update(part);
            hash.update([0]);
        }
        let mut id = [0; 8];
        id.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why something is a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An extension of a certificate on a list.
    Listed,
    /// An extension of a disclosed sub-CA's certificate.
    SubCa,
    /// An extension of a certificate, or a service, of an application that is not decided yet.
    Application,
    /// The operator's `services`.
    Services,
    /// The configuration.
    Configuration,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listed => "a certificate on a list",
            Self::SubCa => "a disclosed sub-CA",
            Self::Application => "an application",
            Self::Services => "the operator's services",
            Self::Configuration => "the configuration",
        })
    }
}

/// One service of one operator.
#[derive(Clone, Debug)]
pub struct Target {
    pub id: TargetId,
    pub kind: Kind,
    pub operator: ParticipantId,
    /// The lists that its certificates are on.
    pub lists: Vec<ListId>,
    pub url: String,
    /// Why it is a target.
    pub origins: Vec<Origin>,
    /// What its answers are judged by.
    pub subject: Subject,
    /// How often it is probed.
    pub period: Duration,
}

impl Target {
    /// Whether nobody but an undecided application names it: anyone can apply.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        !self.origins.is_empty() && self.origins.iter().all(|origin| *origin == Origin::Application)
    }

    /// On what kind of account it is asked.
    #[must_use]
    pub fn class(&self) -> Class {
        if self.is_unlisted() { Class::Unlisted } else { Class::Listed }
    }
}

/// The name under which the service stands among the operators.
pub const OWN: &str = TRUST_LIST_MANAGER;

/// What the answers of a target are judged by.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An OCSP responder, asked about certificates of one or several issuers.
    Ocsp(Vec<OcspSubject>),
    /// A CRL distribution point.
    Crl(CrlSubject),
    /// The address of an issuer's certificate: any of these, by key, is right.
    CaIssuers(Vec<Arc<Certificate>>),
    /// EST cacerts: must hold the roots that are due there, and no other root than those that are known.
    Est(Roots),
    /// A root pool: must hold the roots that are due there; those of other operators are none of our business.
    RootPool(Roots),
    /// A plain endpoint that must answer with 200.
    Https,
    /// The service itself; no address is called.
    Service,
}

/// What an OCSP responder is asked for one issuer.
#[derive(Clone, Debug)]
pub struct OcspSubject {
    pub issuer: Arc<Certificate>,
    /// Certificates of the issuer that are in order; the first few are asked about in turn.
    pub good: Vec<Arc<Certificate>>,
    /// Serial numbers of the issuer that are revoked.
    pub revoked: Vec<Box<[u8]>>,
}

/// What a CRL is judged by.
#[derive(Clone, Debug)]
pub struct CrlSubject {
    pub issuer: Arc<Certificate>,
    /// Certificates that name the distribution point.
    pub covered: Vec<Arc<Certificate>>,
    /// All addresses under which these certificates say the issuer's CRLs are.
    pub points: Vec<String>,
}

/// The roots that a service hands out.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Must be there: the roots that declare the service, or all of the operator's where it is configured.
    pub due: Vec<Arc<Certificate>>,
    /// May be there too, like those that are due: every root of the operator as the lists have them.
    pub known: Vec<Arc<Certificate>>,
}

/// A CA certificate whose end is watched.
#[derive(Clone, Debug)]
pub struct WatchedCertificate {
    pub operator: ParticipantId,
    /// SHA-256.
    pub fingerprint: Digest,
    pub certificate: Arc<Certificate>,
    /// Whether it is a root.
    pub is_root: bool,
    /// The lists it is on.
    pub lists: Vec<ListId>,
}
