//! Which names the services have, and where these names lead: what a resolver of a test, or a hosts file, is fed
//! with.

use std::net::{IpAddr, Ipv4Addr};

use super::{Code, Kind, Shared};

/// Cloud machines answer here with their secrets; nobody should call it.
const FORBIDDEN: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

impl Shared {
    /// The host in the addresses of a PKI's services of one kind.
    pub(super) fn host(&self, slug: &str, kind: Kind) -> Option<String> {
        let service = self.service(slug)?;
        if kind.is_tls() {
            return Some(format!("{kind}.{slug}.{}", self.domain));
        }
        let base = service.pki.spec().services.as_ref()?.replace("{kind}", kind.as_str());
        let authority = base.split_once("://").map_or(base.as_str(), |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned())
    }

    /// Whose services have this host.
    pub(super) fn at_host(&self, name: &str) -> Vec<(&str, Kind)> {
        let name = name.trim_end_matches('.');
        let every =
            self.services.iter().flat_map(|service| Kind::ALL.map(|kind| (service.slug.as_str(), kind)));
        every
            .filter(|(slug, kind)| self.host(slug, *kind).is_some_and(|host| host.eq_ignore_ascii_case(name)))
            .collect()
    }

    /// The addresses of a name at this moment; none for names that do not resolve or are not of the sandbox.
    pub(super) fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let places = self.at_host(name);
        let has = |code| places.iter().any(|(slug, kind)| self.faults.at(slug, *kind, None).has(code));
        if places.is_empty() || has(Code::DnsFailure) {
            return Vec::new();
        }
        if has(Code::AddressForbidden) {
            return vec![FORBIDDEN];
        }
        let instead = [(Code::TcpTimeout, self.others.deaf), (Code::TcpRefused, self.others.nobody)];
        if let Some(address) = instead.into_iter().find_map(|(code, address)| address.filter(|_| has(code))) {
            return vec![address];
        }
        let second = self.others.second.filter(|_| has(Code::AddressDisagreement));
        std::iter::once(self.address.ip()).chain(second).collect()
    }
}
