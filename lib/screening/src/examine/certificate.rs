//! One certificate: what it says of itself, the profile that it follows, where it stands in the scheme, and what each list
//! makes of it.

use ctl_core::emaid::Emaid;
use ctl_core::names::{Label, ListId};
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted, MoStatus, Purpose};
use ctl_core::{Digest, Timestamp};
use ctl_formats::recognise::Item;
use ctl_governance::State;
use ctl_governance::state::Listed;
use ctl_pki::Certificate;
use ctl_pki::kind::{self, Chain, Kind};
use ctl_pki::path;
use ctl_policy::Severity;
use ctl_policy::profile::{self, Finding};
use serde::Serialize;

use super::ground::Ground;
use super::safe;
use super::trust::{self, Asked, Budget, Judged};

/// The profile that asks nothing of Plug & Charge.
const ANY: &str = "any";
/// Certificates with the issuer's name whose key is tried.
const MAX_ISSUERS_TRIED: usize = 8;
/// Findings told of one certificate.
const MAX_FINDINGS: usize = 60;

/// What was found of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// Where it stands in what was brought.
    pub place: String,
    /// What is said of it there; empty if nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub said: String,
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: Digest,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub validity: Validity,
    /// The profile that it follows; none if it fits none.
    pub profile: Option<String>,
    /// The same in words.
    pub profile_title: Option<String>,
    /// Why that one, or why none.
    pub because: String,
    /// The rules of the profile that it breaks; of RFC 5280 alone, if it fits none.
    pub findings: Vec<Finding>,
    /// How many more there are, none of them graver.
    pub findings_cut: usize,
    /// Whether the rules that compare it with its issuer were looked at: a root has none, else it has to be known.
    pub issuer_known: bool,
    /// Where the scheme knows it from.
    pub standing: Vec<Standing>,
    /// What else the scheme knows about it.
    pub notes: Vec<String>,
    /// What each list makes of it.
    pub lists: Vec<Judged>,
}

impl Examined {
    /// How many findings of a severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Whether a certificate is valid at the moment asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    Now,
    NotYet,
    Over,
}

/// Where the scheme knows a certificate from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The list; none of what is disclosed for all.
    pub list: Option<ListId>,
    #[serde(flatten)]
    pub stands: StandsAs,
}

/// As what it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum StandsAs {
    /// A root on the list.
    Anchor { name: Label, status: AnchorStatus, since: Timestamp, entry: u64, published: bool },
    /// A cross-certificate on the list.
    CrossCertificate { name: Label, status: AnchorStatus, since: Timestamp, entry: u64, published: bool },
    /// Another certificate with the same name and key is a root on the list.
    SameKey { name: Label, fingerprint: Digest, status: AnchorStatus },
    /// The list distrusts the certificate or its key.
    Distrusted { kind: DistrustKind, entry: u64 },
    /// A sub-CA that its operator disclosed.
    SubCa { root: Digest, entry: u64, revoked: Option<u64> },
    /// It applies, or has applied, for a place on the list.
    Application { entry: u64, open: bool },
}

/// Examines certificates that were brought together.
pub(super) fn examine_all(state: &State, given: &[(&Item, &Certificate)], now: Timestamp) -> Vec<Examined> {
    if given.is_empty() {
        return Vec::new();
    }
    let grounds = Ground::all(state);
    let brought: Vec<&Certificate> = given.iter().map(|(_, certificate)| *certificate).collect();
    let mut budget = Budget::new();
    given
        .iter()
        .map(|(item, certificate)| {
            let issuer = issuer(certificate, &brought, &grounds, &mut budget);
            examine(state, item, (certificate, issuer), &brought, &grounds, &mut budget, now)
        })
        .collect()
}

/// The certificate that issued this one, as far as one is known.
fn issuer<'c>(
    certificate: &Certificate,
    brought: &[&'c Certificate],
    grounds: &'c [Ground<'_>],
    budget: &mut Budget,
) -> Option<&'c Certificate> {
    if certificate.is_self_issued_by_name() {
        return None;
    }
    let of_lists = grounds.iter().flat_map(|ground| ground.anchors.iter().chain(ground.pool()));
    let named = brought.iter().copied().chain(of_lists);
    let named = named.filter(|candidate| candidate.subject_name() == certificate.issuer_name());
    let mut tried = named.take(MAX_ISSUERS_TRIED.min(budget.signatures));
    tried.find(|candidate| {
        budget.signatures = budget.signatures.saturating_sub(1);
        certificate.verify_signed_by(candidate).is_ok()
    })
}

fn examine(
    state: &State,
    item: &Item,
    (certificate, issuer): (&Certificate, Option<&Certificate>),
    brought: &[&Certificate],
    grounds: &[Ground<'_>],
    budget: &mut Budget,
    now: Timestamp,
) -> Examined {
    let issuer_der = issuer.map(Certificate::der);
    let guess = profile::guess(certificate.der(), issuer_der);
    let fits = guess.profile.as_deref().and_then(profile::profile);
    let linted = fits.or_else(|| profile::profile(ANY));
    let mut findings =
        linted.map(|profile| profile::lint(profile, certificate.der(), issuer_der)).unwrap_or_default();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let findings_cut = findings.len().saturating_sub(MAX_FINDINGS);
    findings.truncate(MAX_FINDINGS);
    for finding in &mut findings {
        finding.found = safe(&finding.found);
        finding.expected = safe(&finding.expected);
    }
    let told = kind::tell(certificate, issuer).kind;
    let chains = told.and_then(chains);
    let purpose = path::Purpose::guess(certificate, issuer);
    let given = brought;
    let asked = Asked { certificate, given, purpose, chains, now };
    let lists = grounds.iter().map(|ground| trust::judge(ground, &asked, budget)).collect();
    let validity = match now.unix() {
        at if at < certificate.not_before() => Validity::NotYet,
        at if at > certificate.not_after() => Validity::Over,
        _ => Validity::Now,
    };
    Examined {
        place: safe(&item.place),
        said: safe(&item.said.to_string()),
        subject: safe(certificate.subject()),
        issuer: safe(certificate.issuer()),
        serial: safe(certificate.serial_hex()),
        fingerprint: Digest::from_bytes(certificate.sha256()),
        spki: Digest::from_bytes(certificate.spki_sha256()),
        not_before: Timestamp::from_unix(certificate.not_before()),
        not_after: Timestamp::from_unix(certificate.not_after()),
        validity,
        profile: fits.map(|profile| profile.name().to_owned()),
        profile_title: fits.map(|profile| profile.title().to_owned()),
        because: safe(&guess.because),
        findings,
        findings_cut,
        issuer_known: issuer.is_some() || certificate.is_self_issued_by_name(),
        standing: standing(state, certificate),
        notes: registered(state, certificate, purpose).into_iter().collect(),
        lists,
    }
}

/// The chains that a CA of this kind stands in.
const fn chains(kind: Kind) -> Option<&'static [Purpose]> {
    match kind {
        Kind::Sub1(chain) | Kind::Sub2(chain) => Some(match chain {
            Chain::Cpo | Chain::Cps => &[Purpose::V2g],
            Chain::Mo => &[Purpose::Mo],
            Chain::Oem => &[Purpose::Oem, Purpose::Vehicle],
        }),
        _ => None,
    }
}

fn standing(state: &State, certificate: &Certificate) -> Vec<Standing> {
    let fingerprint = Digest::from_bytes(certificate.sha256());
    let spki = Digest::from_bytes(certificate.spki_sha256());
    let mut found = Vec::new();
    for (list, contents) in &state.lists {
        let mut add = |stands| found.push(Standing { list: Some(list.clone()), stands });
        let now = |listed: &Listed| (listed.name.clone(), state.effective_status(listed));
        if let Some(anchor) = contents.anchors.get(&fingerprint) {
            let (name, status) = now(&anchor.listed);
            let published = anchor.listed.first_published.is_some();
            let (status, since, entry) = (status.status, status.at, status.cause);
            add(StandsAs::Anchor { name, status, since, entry, published });
        }
        if let Some(cross) = contents.cross_certificates.get(&fingerprint) {
            let (name, status) = now(&cross.listed);
            let published = cross.listed.first_published.is_some();
            let (status, since, entry) = (status.status, status.at, status.cause);
            add(StandsAs::CrossCertificate { name, status, since, entry, published });
        }
        for kind in [DistrustKind::Certificate, DistrustKind::Spki] {
            let sha256 = if kind == DistrustKind::Spki { spki } else { fingerprint };
            if let Some(entry) = contents.distrusted.get(&Distrusted { kind, sha256 }) {
                add(StandsAs::Distrusted { kind, entry: *entry });
            }
        }
        let same_key = contents
            .anchors
            .values()
            .filter(|anchor| anchor.listed.spki == spki && anchor.listed.fingerprint != fingerprint);
        for anchor in same_key {
            let (name, status) = now(&anchor.listed);
            let (fingerprint, status) = (anchor.listed.fingerprint, status.status);
            add(StandsAs::SameKey { name, fingerprint, status });
        }
    }
    if let Some(sub_ca) = state.sub_cas.get(&fingerprint) {
        let revoked = sub_ca.revoked.map(|(entry, _)| entry);
        let stands = StandsAs::SubCa { root: sub_ca.root, entry: sub_ca.disclosed, revoked };
        found.push(Standing { list: None, stands });
    }
    let applications = state.applications.values().filter(|one| one.fingerprint == fingerprint);
    found.extend(applications.map(|one| Standing {
        list: Some(one.list.clone()),
        stands: StandsAs::Application { entry: one.index, open: one.is_open() },
    }));
    found
}

/// What the registry says of a contract's operator.
fn registered(state: &State, leaf: &Certificate, purpose: Option<path::Purpose>) -> Option<String> {
    if purpose != Some(path::Purpose::Mo) {
        return None;
    }
    let Some(emaid) = leaf.common_name().and_then(Emaid::read) else {
        return Some(
            "Its common name is no eMAID, so that no charger can tell whose contract it is.".to_owned(),
        );
    };
    let id = emaid.mo_id();
    Some(match state.mo_ids.get(id) {
        None => format!("The registry does not know the MO identifier {id}."),
        Some(entry) => {
            let (holder, since) = (&entry.holder, entry.since);
            match entry.status {
                MoStatus::Assigned => {
                    format!("The registry has assigned the MO identifier {id} to {holder}.")
                }
                MoStatus::Suspended => format!(
                    "The MO identifier {id} ({holder}) is suspended since {since}: back ends refuse its contracts."
                ),
                MoStatus::Withdrawn => format!(
                    "The MO identifier {id} ({holder}) is withdrawn since {since}: back ends refuse its contracts."
                ),
            }
        }
    })
}
