//! Gathers what all sources say into drafts of targets, one for each address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId, Url};
use ctl_core::parts::Services;
use ctl_governance::State;
use ctl_governance::application::Application;
use ctl_governance::statement::body::Candidate;
use ctl_pki::Certificate;
use ctl_pki::extension::GeneralName;
use ctl_pki::revocation::shortest_serial;

use super::authorities::{Authorities, Authority, parse};
use super::draft::{Asked, Draft, Key, issuer_id, rank};
use super::left_out::{LeftOut, Why};
use super::{Canaries, Configured, Plan};
use crate::target::{Kind, OWN, Origin, Target, TargetId};

/// What was gathered so far.
pub(super) struct Gathered {
    now: i64,
    drafts: BTreeMap<Key, Draft>,
    /// All CRL addresses that certificates of one issuer name.
    points: BTreeMap<(ParticipantId, Digest), BTreeSet<String>>,
    canaries: Vec<KnownCanaries>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Canaries of a known issuer.
struct KnownCanaries {
    operator: ParticipantId,
    issuer: Arc<Certificate>,
    /// Those that name no responder.
    anywhere: Vec<Arc<Certificate>>,
    revoked: Vec<Box<[u8]>>,
}

/// Who names an address.
#[derive(Clone, Copy)]
struct By<'a> {
    origin: Origin,
    operator: &'a ParticipantId,
    lists: &'a BTreeSet<ListId>,
}

/// A certificate and its importance.
#[derive(Clone, Copy)]
struct Issued<'a> {
    certificate: &'a Arc<Certificate>,
    is_revoked: bool,
}

impl<'a> Issued<'a> {
    fn of(authority: &'a Authority) -> Self {
        Self { certificate: &authority.certificate, is_revoked: authority.is_revoked }
    }
}

impl Gathered {
    pub(super) fn new(now: i64) -> Self {
        let (drafts, points) = (BTreeMap::new(), BTreeMap::new());
        Self { now, drafts, points, canaries: Vec::new(), left_out: Vec::new() }
    }

    /// Reads the certificates of the lists and the disclosed sub-CAs, and the services that anchors declare.
    pub(super) fn read_authorities(&mut self, all: &Authorities) {
        for (fingerprint, authority) in &all.0 {
            if authority.is_root {
                let by =
                    By { origin: authority.origin, operator: &authority.operator, lists: &authority.lists };
                let issued: Vec<_> = all.issued_by(*fingerprint).map(Issued::of).collect();
                self.read_own(by, &authority.certificate, &issued);
                for services in &authority.services {
                    self.read_services(by, services, &authority.certificate, &issued, all);
                }
            } else if let Some(issuer) = all.0.get(&authority.issuer) {
                let by = By { origin: authority.origin, operator: &issuer.operator, lists: &authority.lists };
                self.read_issued(by, &issuer.certificate, Issued::of(authority));
            } else {
                let operator = authority.operator.clone();
                let what = format!("certificate {fingerprint}");
                self.left_out.push(LeftOut {
                    operator: Some(operator),
                    kind: None,
                    what,
                    why: Why::NoIssuer,
                });
            }
        }
    }

    /// Reads undecided applications. Everything in them belongs to the applicant, whoever is named.
    pub(super) fn read_applications(&mut self, state: &State, all: &Authorities) {
        for application in state.applications.values().filter(|application| application.is_open()) {
            self.read_application(application, all);
        }
    }

    fn read_application(&mut self, application: &Application, all: &Authorities) {
        let operator = &application.applicant;
        let lists = BTreeSet::from([application.list.clone()]);
        let by = By { origin: Origin::Application, operator, lists: &lists };
        let read = parse(&application.certificate, operator, &application.fingerprint, &mut self.left_out);
        let Some(certificate) = read else { return };
        match &application.candidate {
            Candidate::Root { services, .. } => {
                self.read_own(by, &certificate, &[]);
                self.read_services(by, services, &certificate, &[], all);
            }
            Candidate::CrossCertificate { issuer, .. } => {
                let Some(issuer) = all.0.get(issuer) else { return };
                let issued = Issued { certificate: &certificate, is_revoked: false };
                self.read_issued(by, &issuer.certificate, issued);
            }
        }
    }

    /// Reads the addresses in a root, which serve what it issued. Nobody can confirm that a root itself is not revoked.
    fn read_own(&mut self, by: By<'_>, root: &Arc<Certificate>, issued: &[Issued<'_>]) {
        for (kind, url) in self.addresses(by, root) {
            self.add_service(by, kind, &url, root, issued);
        }
    }

    fn read_services(
        &mut self,
        by: By<'_>,
        services: &Services,
        root: &Arc<Certificate>,
        issued: &[Issued<'_>],
        all: &Authorities,
    ) {
        let origin = if by.origin == Origin::Application { by.origin } else { Origin::Services };
        let by = By { origin, ..by };
        for (kind, urls) in [(Kind::Ocsp, &services.ocsp), (Kind::Crl, &services.crl)] {
            for url in urls {
                self.add_service(by, kind, url.as_str(), root, issued);
            }
        }
        for (kind, urls) in [(Kind::Est, &services.est), (Kind::RootPool, &services.root_pool)] {
            for url in urls {
                if let Some(draft) = self.add(by, kind, url.as_str()) {
                    draft.due.insert(Digest::from_bytes(root.sha256()), root.clone());
                    let known = all.roots_of(by.operator);
                    draft.known.extend(known.map(|(own, root)| (*own, root.certificate.clone())));
                }
            }
        }
    }

    /// Adds an issuer's service that is asked about everything it issued.
    fn add_service(
        &mut self,
        by: By<'_>,
        kind: Kind,
        url: &str,
        issuer: &Arc<Certificate>,
        issued: &[Issued<'_>],
    ) {
        // A CRL covers the certificates that name it; if none does, those that name no other.
        let names = |one: &&Issued<'_>| one.certificate.names_crl(url);
        let any_names = issued.iter().any(|one| names(&one));
        let (now, order) = (self.now, rank(by.origin));
        let Some(draft) = self.add(by, kind, url) else { return };
        let asked = draft.of_issuer(issuer);
        for one in issued.iter().filter(|one| is_in_time(one.certificate, now)) {
            let covered = if any_names { names(&one) } else { one.certificate.crl_urls().is_empty() };
            if kind == Kind::Ocsp || (kind == Kind::Crl && covered) {
                put(asked, *one, kind, order);
            }
        }
    }

    /// Reads the addresses in a certificate that another one issued.
    fn read_issued(&mut self, by: By<'_>, issuer: &Arc<Certificate>, issued: Issued<'_>) {
        // A responder may forget expired certificates.
        if !is_in_time(issued.certificate, self.now) {
            return;
        }
        for (kind, url) in self.addresses(by, issued.certificate) {
            let order = rank(by.origin);
            let Some(draft) = self.add(by, kind, &url) else { continue };
            put(draft.of_issuer(issuer), issued, kind, order);
            if kind == Kind::Crl {
                self.points.entry((by.operator.clone(), issuer_id(issuer))).or_default().insert(url);
            }
        }
    }

    /// Reads the canaries that the configuration names for an issuer.
    pub(super) fn read_canaries(&mut self, canaries: &Canaries, all: &Authorities) {
        let Some(issuer) = all.0.get(&canaries.issuer) else {
            let what = format!("canaries of {}", canaries.issuer);
            self.left_out.push(LeftOut { operator: None, kind: None, what, why: Why::UnknownIssuer });
            return;
        };
        let by = By { origin: Origin::Configuration, operator: &issuer.operator, lists: &issuer.lists };
        let mut anywhere = Vec::new();
        for certificate in &canaries.good {
            if let Err(problem) = is_of(certificate, &issuer.certificate) {
                let (operator, issuer) = (issuer.operator.clone(), canaries.issuer.to_string());
                let what = certificate.subject().to_owned();
                let why = Why::ForeignCanary { issuer, problem };
                self.left_out.push(LeftOut { operator: Some(operator), kind: None, what, why });
                continue;
            }
            self.read_issued(by, &issuer.certificate, Issued { certificate, is_revoked: false });
            if certificate.ocsp_urls().is_empty() && is_in_time(certificate, self.now) {
                anywhere.push(certificate.clone());
            }
        }
        self.canaries.push(KnownCanaries {
            operator: issuer.operator.clone(),
            issuer: issuer.certificate.clone(),
            anywhere,
            revoked: canaries.revoked.clone(),
        });
    }

    /// Adds a target that the configuration names; what certificates say about the address stays.
    pub(super) fn read_configured(&mut self, configured: &Configured, all: &Authorities) {
        let Configured { operator, kind, url } = configured;
        let roots: Vec<_> = all.roots_of(operator).collect();
        let lists = roots.iter().flat_map(|(_, root)| root.lists.clone()).collect();
        let by = By { origin: Origin::Configuration, operator, lists: &lists };
        let key = Key { operator: operator.clone(), kind: *kind, url: url.clone() };
        if self.drafts.contains_key(&key) || *kind == Kind::Https {
            self.add(by, *kind, url);
            return;
        }
        let refused = match kind {
            Kind::Service => Some(Why::Own),
            Kind::Crl if roots.len() > 1 => Some(Why::UnclearIssuer),
            _ if roots.is_empty() => Some(Why::NoIssuer),
            _ => None,
        };
        if let Some(why) = refused {
            let (operator, kind, what) = (Some(operator.clone()), Some(*kind), url.clone());
            self.left_out.push(LeftOut { operator, kind, what, why });
            return;
        }
        match kind {
            Kind::Ocsp if self.canaries.iter().any(|canaries| canaries.operator == *operator) => {
                let own = self.canaries.iter().filter(|canaries| canaries.operator == *operator);
                let issuers: Vec<_> = own.map(|canaries| canaries.issuer.clone()).collect();
                for issuer in issuers {
                    self.add_service(by, *kind, url, &issuer, &[]);
                }
            }
            Kind::Est | Kind::RootPool => {
                if let Some(draft) = self.add(by, *kind, url) {
                    draft.due = roots.iter().map(|(own, root)| (**own, root.certificate.clone())).collect();
                }
            }
            Kind::CaIssuers => {
                for authority in all.0.values().filter(|authority| authority.operator == *operator) {
                    self.add_service(by, *kind, url, &authority.certificate, &[]);
                }
            }
            _ => {
                for (own, root) in roots {
                    let issued: Vec<_> = all.issued_by(*own).map(Issued::of).collect();
                    self.add_service(by, *kind, url, &root.certificate, &issued);
                }
            }
        }
    }

    /// Reads the addresses in a certificate's extensions.
    fn addresses(&mut self, by: By<'_>, certificate: &Certificate) -> Vec<(Kind, String)> {
        let mut addresses = Vec::new();
        let mut leave_out = |what: &str, kind, why| {
            let (operator, what) = (Some(by.operator.clone()), what.to_owned());
            self.left_out.push(LeftOut { operator, kind, what, why });
        };
        match certificate.authority_info_access() {
            Ok(Some(access)) => {
                addresses.extend(access.value.ocsp_urls().map(|url| (Kind::Ocsp, url.to_owned())));
                addresses.extend(access.value.ca_issuers_urls().map(|url| (Kind::CaIssuers, url.to_owned())));
            }
            Ok(None) => {}
            Err(error) => leave_out(certificate.subject(), None, Why::Extension(error.to_string())),
        }
        match certificate.crl_distribution_points() {
            Ok(points) => {
                for point in points.iter().flat_map(|points| &points.value) {
                    let own = |name: &GeneralName| matches!(name, GeneralName::Directory(name) if name == certificate.issuer_name());
                    let is_indirect = !point.crl_issuer.is_empty() && !point.crl_issuer.iter().any(own);
                    for url in point.urls() {
                        if is_indirect {
                            leave_out(url, Some(Kind::Crl), Why::IndirectCrl);
                        } else {
                            addresses.push((Kind::Crl, url.to_owned()));
                        }
                    }
                }
            }
            Err(error) => leave_out(certificate.subject(), None, Why::Extension(error.to_string())),
        }
        addresses
    }

    /// The draft for an address, if the address can be called.
    fn add(&mut self, by: By<'_>, kind: Kind, url: &str) -> Option<&mut Draft> {
        let refused = if by.operator.as_str() == OWN { Err(Why::OwnName) } else { check(url) };
        if let Err(why) = refused {
            let what = url.chars().take(200).collect();
            let left_out = LeftOut { operator: Some(by.operator.clone()), kind: Some(kind), what, why };
            if !self.left_out.contains(&left_out) {
                self.left_out.push(left_out);
            }
            return None;
        }
        let key = Key { operator: by.operator.clone(), kind, url: url.to_owned() };
        let draft = self.drafts.entry(key).or_default();
        draft.origins.insert(by.origin);
        draft.lists.extend(by.lists.iter().cloned());
        Some(draft)
    }

    /// The targets within the bounds, most important first.
    pub(super) fn finish(mut self, plan: &Plan) -> (Vec<Arc<Target>>, Vec<LeftOut>) {
        self.add_canaries();
        let mut drafts: Vec<_> = self.drafts.into_iter().collect();
        drafts.sort_by_key(|(_, draft)| draft.rank());
        let mut count_of: BTreeMap<ParticipantId, (usize, usize)> = BTreeMap::new();
        let mut targets = Vec::new();
        for (key, draft) in drafts {
            let (count, applied) = count_of.entry(key.operator.clone()).or_default();
            let is_undecided = draft.is_undecided();
            let forbidden =
                port(&key.url).filter(|port| !plan.ports.iter().any(|ports| ports.contain(*port)));
            let full = if let Some(port) = forbidden {
                Some(Why::Port(port))
            } else if is_undecided && *applied >= plan.bounds.per_applicant {
                Some(Why::PerApplicant(plan.bounds.per_applicant))
            } else if *count >= plan.bounds.per_operator {
                Some(Why::PerOperator(plan.bounds.per_operator))
            } else {
                (targets.len() >= plan.bounds.total).then_some(Why::Total(plan.bounds.total))
            };
            if let Some(why) = full {
                self.left_out.push(LeftOut {
                    operator: Some(key.operator),
                    kind: Some(key.kind),
                    what: key.url,
                    why,
                });
                continue;
            }
            let (origins, lists) = (draft.origins.clone(), draft.lists.clone());
            let Some(subject) = draft.subject(&key, &self.points, &mut self.left_out) else { continue };
            *count += 1;
            *applied += usize::from(is_undecided);
            targets.push(Arc::new(Target {
                id: TargetId::of(key.kind, &key.operator, &key.url),
                kind: key.kind,
                operator: key.operator,
                lists: lists.into_iter().collect(),
                url: key.url,
                origins: origins.into_iter().collect(),
                subject,
                period: plan.period,
            }));
        }
        (targets, self.left_out)
    }

    /// Gives canaries to every responder that answers for their issuer.
    fn add_canaries(&mut self) {
        for canaries in &self.canaries {
            let id = issuer_id(&canaries.issuer);
            for (key, draft) in &mut self.drafts {
                if key.kind != Kind::Ocsp || key.operator != canaries.operator {
                    continue;
                }
                let Some(asked) = draft.asked.get_mut(&id) else { continue };
                asked.revoked.extend(canaries.revoked.iter().cloned());
                for certificate in &canaries.anywhere {
                    let issued = Issued { certificate, is_revoked: false };
                    put(asked, issued, Kind::Ocsp, rank(Origin::Configuration));
                }
            }
        }
    }
}

fn put(asked: &mut Asked, issued: Issued<'_>, kind: Kind, order: u8) {
    let certificate = issued.certificate;
    if issued.is_revoked && kind == Kind::Ocsp {
        asked.revoked.insert(shortest_serial(certificate.serial()).into());
    } else {
        asked.certificates.insert((order, Digest::from_bytes(certificate.sha256())), certificate.clone());
    }
}

fn is_in_time(certificate: &Certificate, now: i64) -> bool {
    (certificate.not_before()..=certificate.not_after()).contains(&now)
}

/// Whether a certificate was issued by this one.
fn is_of(certificate: &Certificate, issuer: &Certificate) -> Result<(), String> {
    if certificate.issuer_name() != issuer.subject_name() {
        return Err(format!("its issuer is {}", certificate.issuer()));
    }
    certificate.verify_signed_by(issuer).map_err(|error| error.to_string())
}

/// The port that an address leads to.
fn port(url: &str) -> Option<u16> {
    let uri: http::Uri = url.parse().ok()?;
    uri.port_u16().or_else(|| match uri.scheme_str()? {
        "https" => Some(443),
        _ => Some(80),
    })
}

/// Whether an address can be called at all. The fetcher decides whether it may be.
fn check(url: &str) -> Result<(), Why> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Why::Scheme);
    }
    if !url.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        return Err(Why::Address("it has characters other than printable ASCII"));
    }
    let parsed: http::Uri = url.parse().map_err(|_| Why::Address("it is no URI"))?;
    match parsed.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err(Why::Address("it contains a user name, which only hides the host"))
        }
        // A breach must be able to name the address.
        Some(authority) if !authority.host().is_empty() => {
            let named = url.parse::<Url>().map(drop);
            named.map_err(|_| {
                Why::Address("no statement could name it: at most 500 bytes, http:// or https://")
            })
        }
        _ => Err(Why::Address("it has no host")),
    }
}
