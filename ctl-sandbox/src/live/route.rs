//! Which service an address means.

use super::authority::Authority;
use super::{Kind, Service, Shared};
use crate::Role;

/// A service.
pub(super) struct Route<'a> {
    pub(super) service: &'a Service,
    /// The CA that it speaks for, if it speaks for one.
    pub(super) authority: Option<&'a Authority>,
    pub(super) what: What,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The OCSP responder; with the request, if it came by GET.
    Ocsp { tail: Option<String> },
    /// The CRL at one of the CA's addresses.
    Crl { index: usize },
    /// The CA's certificate.
    CaIssuers,
    /// EST cacerts.
    Est,
    /// The root pool.
    Pool(Pool),
    /// The endpoint that says how the PKI is.
    Status,
}

/// The forms of root pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    Opcp,
    Opnc,
}

/// Where EST, the pools and the status are, below the host or below the PKI's name.
pub(super) const EST: &str = ".well-known/est/cacerts";
pub(super) const OPCP: &str = "v1/root/rootCerts";
pub(super) const OPNC: &str = "opnc/v1/rcp/rootcertificates";
pub(super) const STATUS: &str = "status";

impl What {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Ocsp { .. } => Kind::Ocsp,
            Self::Crl { .. } => Kind::Crl,
            Self::CaIssuers => Kind::CaIssuers,
            Self::Est => Kind::Est,
            Self::Pool(_) => Kind::RootPool,
            Self::Status => Kind::Https,
        }
    }
}

impl Route<'_> {
    pub(super) fn issuer(&self) -> Option<Role> {
        self.authority.map(|authority| authority.role)
    }
}

impl Shared {
    /// The service of a path at a host; `None` when there is none.
    pub(super) fn route<'a>(&'a self, host: &str, path: &str) -> Option<Route<'a>> {
        let path = path.strip_prefix('/')?;
        // Below the PKI's name, or at a host that is one PKI's alone.
        if let Some((slug, rest)) = path.split_once('/')
            && let Some(service) = self.service(slug)
        {
            return of_service(service, rest);
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let mut named: Vec<_> = self.at_host(name).into_iter().map(|(slug, _)| slug).collect();
        named.dedup();
        let service = match (named.as_slice(), self.services.as_slice()) {
            ([slug], _) => self.service(slug)?,
            ([], [only]) => only,
            _ => return None,
        };
        of_pki(path).map(|what| Route { service, authority: None, what })
    }
}

fn of_pki(path: &str) -> Option<What> {
    Some(match path {
        EST => What::Est,
        OPCP => What::Pool(Pool::Opcp),
        OPNC => What::Pool(Pool::Opnc),
        STATUS => What::Status,
        _ => return None,
    })
}

fn of_service<'a>(service: &'a Service, path: &str) -> Option<Route<'a>> {
    if let Some(what) = of_pki(path) {
        return Some(Route { service, authority: None, what });
    }
    let (issuer, path) = path.split_once('/')?;
    let authority = service.authorities.iter().find(|authority| authority.role.file_name() == issuer)?;
    let what = match path.split_once('/') {
        Some(("ocsp", "")) => What::Ocsp { tail: None },
        Some(("ocsp", tail)) => What::Ocsp { tail: Some(tail.to_owned()) },
        Some(_) => return None,
        None if path == "ocsp" => What::Ocsp { tail: None },
        None if path == "ca-issuers" => What::CaIssuers,
        None => {
            let names = service.pki.spec().crl_points.names();
            What::Crl { index: names.iter().position(|name| *name == path)? }
        }
    };
    Some(Route { service, authority: Some(authority), what })
}
