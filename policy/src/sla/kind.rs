//! The kinds of services that are watched.

use serde::{Deserialize, Serialize};

ctl_pki::words! {
    /// A kind of service.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Kind by as_str {
        /// An OCSP responder (RFC 6960).
        Ocsp => "ocsp",
        /// A CRL distribution point (RFC 5280).
        Crl => "crl",
        /// The address of an issuer's certificate (AIA caIssuers).
        CaIssuers => "ca-issuers",
        /// EST `cacerts` (RFC 7030 section 4.1).
        Est => "est",
        /// A root certificate pool (OPCP, OPNC).
        RootPool => "root-pool",
        /// Any other HTTPS endpoint.
        Https => "https",
        /// The trust list manager itself: fresh lists, fresh checkpoints, publication in time.
        Service => "service",
    }
}
