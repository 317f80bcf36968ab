//! The kinds of services, by the names that watches use.

ctl_pki::words! {
    /// A kind of service.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Kind by as_str {
        /// An OCSP responder.
        Ocsp => "ocsp",
        /// A CRL distribution point.
        Crl => "crl",
        /// The address of an issuer's certificate.
        CaIssuers => "ca-issuers",
        /// EST `cacerts`.
        Est => "est",
        /// A pool of root certificates (OPCP, OPNC).
        RootPool => "root-pool",
        /// A plain endpoint that says that it is well.
        Https => "https",
    }
}

impl Kind {
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
