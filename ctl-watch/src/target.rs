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

/// A target's id: the first 8 bytes of SHA-256 over kind, operator and address. A service keeps its id and history
/// whatever list names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub [u8; 8]);

impl TargetId {
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
    /// A certificate's extension or a service in an undecided application.
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
    /// The lists that hold its certificates.
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
    /// Whether only undecided applications name it; anyone can apply.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        !self.origins.is_empty() && self.origins.iter().all(|origin| *origin == Origin::Application)
    }

    /// Whether its operator promised anything: nothing is promised of what only undecided applications name.
    #[must_use]
    pub fn is_promised(&self) -> bool {
        self.origins.iter().any(|origin| *origin != Origin::Application)
    }

    /// Whose share of the fetcher's budget it is asked on.
    #[must_use]
    pub fn class(&self) -> Class {
        if self.is_unlisted() { Class::Unlisted } else { Class::Listed }
    }
}

/// The operator name of the service itself.
pub const OWN: &str = TRUST_LIST_MANAGER;

/// What the answers of a target are judged by.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An OCSP responder, asked about certificates of one or several issuers.
    Ocsp(Vec<OcspSubject>),
    /// A CRL distribution point.
    Crl(CrlSubject),
    /// The address of an issuer's certificate; any of these certificates is right, by key.
    CaIssuers(Vec<Arc<Certificate>>),
    /// EST cacerts: must serve the roots that are due, and no roots that are not known.
    Est(Roots),
    /// A root pool: must serve the roots that are due; other operators' roots are not judged.
    RootPool(Roots),
    /// A plain endpoint, which must answer with a status of 2xx.
    Https,
    /// The service itself; has no address to call.
    Service,
}

/// What an OCSP responder is asked about one issuer.
#[derive(Clone, Debug)]
pub struct OcspSubject {
    pub issuer: Arc<Certificate>,
    /// Valid certificates of the issuer; the first few are asked about in turn.
    pub good: Vec<Arc<Certificate>>,
    /// Serial numbers of revoked certificates of the issuer.
    pub revoked: Vec<Box<[u8]>>,
}

/// What a CRL is judged by.
#[derive(Clone, Debug)]
pub struct CrlSubject {
    pub issuer: Arc<Certificate>,
    /// Certificates that name the distribution point.
    pub covered: Vec<Arc<Certificate>>,
    /// All addresses that these certificates name for the issuer's CRLs.
    pub points: Vec<String>,
}

/// The roots that a service should serve.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Must be served: the roots that declare the service, or all of the operator's if the configuration names the
    /// service.
    pub due: Vec<Arc<Certificate>>,
    /// May be served: every root of the operator on the lists.
    pub known: Vec<Arc<Certificate>>,
}

/// A CA certificate whose end is watched.
#[derive(Clone, Debug)]
pub struct WatchedCertificate {
    pub operator: ParticipantId,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    pub certificate: Arc<Certificate>,
    pub is_root: bool,
    /// The lists that hold it.
    pub lists: Vec<ListId>,
}
