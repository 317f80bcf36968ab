//! The kinds of services that are watched.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An OCSP responder (RFC 6960).
    Ocsp,
    /// A CRL distribution point (RFC 5280).
    Crl,
    /// The address of an issuer's certificate (AIA caIssuers).
    CaIssuers,
    /// EST `cacerts` (RFC 7030 section 4.1).
    Est,
    /// A root certificate pool (OPCP, OPNC).
    RootPool,
    /// Any other HTTPS endpoint.
    Https,
    /// The trust list manager itself: fresh lists, fresh checkpoints, publication in time.
    Service,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Ocsp, Self::Crl, Self::CaIssuers, Self::Est, Self::RootPool, Self::Https, Self::Service];

    /// The name in policies, metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ocsp => "ocsp",
            Self::Crl => "crl",
            Self::CaIssuers => "ca-issuers",
            Self::Est => "est",
            Self::RootPool => "root-pool",
            Self::Https => "https",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
