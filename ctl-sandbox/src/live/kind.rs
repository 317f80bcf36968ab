//! The kinds of services, by the names that monitors use.

use std::fmt;

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An OCSP responder.
    Ocsp,
    /// A CRL distribution point.
    Crl,
    /// The address of an issuer's certificate.
    CaIssuers,
    /// EST `cacerts`.
    Est,
    /// A pool of root certificates (OPCP, OPNC).
    RootPool,
    /// A plain endpoint that says that it is well.
    Https,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Ocsp, Self::Crl, Self::CaIssuers, Self::Est, Self::RootPool, Self::Https];

    /// Its name in URLs and switches.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ocsp => "ocsp",
            Self::Crl => "crl",
            Self::CaIssuers => "ca-issuers",
            Self::Est => "est",
            Self::RootPool => "root-pool",
            Self::Https => "https",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is spoken over TLS. OCSP, CRLs and issuers' certificates must not be (RFC 5280 section 8):
    /// who checks TLS would have to ask them first.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Est | Self::RootPool | Self::Https)
    }

    /// Whether every CA has one, not the PKI as a whole.
    #[must_use]
    pub const fn is_of_issuer(self) -> bool {
        !self.is_tls()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
