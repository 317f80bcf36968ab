//! What every connection reads: the PKIs, their CAs and the faults.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ctl_pki::Certificate;
use serde_json::{Value, json};

use super::authority::Authority;
use super::faults::Faults;
use super::tls::TlsCa;
use super::{Clock, Code, Fault, Kind, LiveError, Options, route, switch};
use crate::{CrlPoints, Pki, PkiSpec, Role, SandboxError};

/// A PKI that is served.
pub(super) struct Service {
    pub(super) slug: String,
    pub(super) pki: Pki,
    pub(super) authorities: Vec<Authority>,
    /// A root of the same name with another key.
    pub(super) imposter: Certificate,
}

impl Service {
    fn new(pki: Pki, options: &Options) -> Result<Self, SandboxError> {
        let spec = pki.spec();
        let mut authorities = Vec::new();
        for (role, entity) in pki.entities().filter(|(role, _)| role.is_ca()) {
            let issued: Vec<_> = pki
                .entities()
                .filter(|(subject, _)| subject.issuer() == Some(role))
                .map(|(_, entity)| entity.certificate())
                .collect();
            let names = spec.crl_points.names();
            let urls = names.iter().filter_map(|name| spec.service(role, "crl", name)).collect();
            authorities.push(Authority::new(role, entity, &issued, urls, options.ocsp_signer)?);
        }
        let other = PkiSpec { seed: format!("not {}", spec.seed), ..spec.clone() };
        let imposter = crate::pki::make_root(&other, None)?.certificate().clone();
        Ok(Self { slug: spec.slug(), authorities, imposter, pki })
    }

    pub(super) fn authority(&self, name: &str) -> Result<&Authority, LiveError> {
        self.authorities.iter().find(|authority| authority.role.file_name() == name).ok_or_else(|| {
            let known: Vec<_> = self.authorities.iter().map(|one| one.role.file_name()).collect();
            LiveError::UnknownIssuer {
                pki: self.slug.clone(),
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }
}

/// Where names lead while something is wrong with them; `None` for what the machine does not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Others {
    /// Answers too.
    pub(super) second: Option<IpAddr>,
    /// Does not accept connections.
    pub(super) deaf: Option<IpAddr>,
    /// Refuses them.
    pub(super) nobody: Option<IpAddr>,
}

/// What every connection reads.
pub(super) struct Shared {
    pub(super) services: Vec<Service>,
    pub(super) faults: Faults,
    pub(super) domain: String,
    pub(super) address: SocketAddr,
    pub(super) tls_address: SocketAddr,
    pub(super) others: Others,
    pub(super) slow: Duration,
    pub(super) tls: TlsCa,
    clock: Clock,
}

impl Shared {
    pub(super) fn new(
        options: Options,
        [address, tls_address]: [SocketAddr; 2],
        others: Others,
    ) -> Result<Self, LiveError> {
        let mut services: Vec<Service> = Vec::new();
        for spec in &options.pkis {
            let mut spec = spec.clone();
            let slug = spec.slug();
            if services.iter().any(|service| service.slug == slug) {
                return Err(LiveError::SameName(slug));
            }
            spec.services.get_or_insert_with(|| {
                format!("http://{{kind}}.{slug}.{}:{}", options.domain, address.port())
            });
            services.push(Service::new(Pki::generate(&spec)?, &options)?);
        }
        Ok(Self {
            services,
            faults: Faults::default(),
            domain: options.domain,
            address,
            tls_address,
            others,
            slow: options.slow,
            tls: TlsCa::new()?,
            clock: options.clock,
        })
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(super) fn service(&self, slug: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.slug == slug)
    }

    pub(super) fn known(&self, slug: &str) -> Result<&Service, LiveError> {
        self.service(slug).ok_or_else(|| {
            let known: Vec<_> = self.services.iter().map(|service| service.slug.as_str()).collect();
            LiveError::UnknownPki { name: slug.to_owned(), known: known.join(", ") }
        })
    }

    /// Switches a fault, all of it by name.
    pub(super) fn set(
        &self,
        pki: &str,
        issuer: Option<&str>,
        kind: &str,
        code: &str,
        on: bool,
    ) -> Result<(), LiveError> {
        let service = self.known(pki)?;
        let issuer = issuer.map(|name| service.authority(name)).transpose()?.map(|one| one.role);
        let kind = Kind::from_name(kind).ok_or_else(|| LiveError::UnknownKind(kind.to_owned()))?;
        let code = Code::from_name(code).ok_or_else(|| LiveError::UnknownCode(code.to_owned()))?;
        if switch(kind, code).is_none() {
            return Err(LiveError::NotSwitched { kind, code });
        }
        let points = service.pki.spec().crl_points;
        let needs = match code {
            Code::AddressDisagreement if self.others.second.is_none() => {
                Some("the services listen at one address only, not at 127.0.0.1 and 127.0.0.2")
            }
            Code::IdpMissingWhenSharded if points == CrlPoints::One => {
                Some("the PKI has one distribution point per CA; make it with others (`crl_points`)")
            }
            Code::DistributionPointsDisagree if points != CrlPoints::Mirrored => {
                Some("the PKI has no mirrored distribution points; make it with them (`crl_points`)")
            }
            _ => None,
        };
        if let Some(needs) = needs.filter(|_| on) {
            return Err(LiveError::Unavailable { kind, code, needs });
        }
        self.faults.set(Fault { pki: pki.to_owned(), kind, code, issuer }, on);
        Ok(())
    }

    /// The addresses of a PKI's services of one kind.
    pub(super) fn urls(&self, service: &Service, kind: Kind) -> Vec<String> {
        let spec = service.pki.spec();
        let issuers = || service.authorities.iter().map(|authority| authority.role);
        let of_issuers = |name: &str| {
            issuers().filter_map(|role: Role| spec.service(role, kind.as_str(), name)).collect::<Vec<_>>()
        };
        let of_pki = |path: &str| {
            format!("https://{kind}.{}.{}:{}/{path}", service.slug, self.domain, self.tls_address.port())
        };
        match kind {
            Kind::Ocsp | Kind::CaIssuers => of_issuers(kind.as_str()),
            Kind::Crl => spec.crl_points.names().iter().flat_map(|name| of_issuers(name)).collect(),
            Kind::Est => vec![of_pki(route::EST)],
            Kind::RootPool => vec![of_pki(route::OPCP), of_pki(route::OPNC)],
            Kind::Https => vec![of_pki(route::STATUS)],
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        let every =
            self.services.iter().flat_map(|service| Kind::ALL.map(|kind| self.host(&service.slug, kind)));
        let names: BTreeSet<_> = every.flatten().filter(|name| name.parse::<IpAddr>().is_err()).collect();
        names.into_iter().collect()
    }

    /// The PKIs as JSON: what a watch's configuration is written from.
    pub(super) fn describe(&self) -> Value {
        let pkis = self.services.iter().map(|service| {
            let urls = Kind::ALL.map(|kind| (kind.as_str().to_owned(), json!(self.urls(service, kind))));
            let canaries = self.canaries(service).into_iter().map(|canaries| {
                json!({
                    "issuer": hex::encode(canaries.issuer.sha256()),
                    "ca": canaries.role.file_name(),
                    "certificate": canaries.issuer.to_pem(),
                    "good": canaries.good.iter().map(Certificate::to_pem).collect::<Vec<_>>(),
                    "revoked": canaries.revoked,
                })
            });
            json!({
                "pki": service.slug,
                "root": service.pki.root().certificate().to_pem(),
                "urls": Value::Object(urls.into_iter().collect()),
                "canaries": canaries.collect::<Vec<_>>(),
            })
        });
        Value::Array(pkis.collect())
    }
}
