//! Which kind of Plug & Charge certificate this is, as far as it tells itself, and why. The linter's guess of a profile
//! and a path's guess of a purpose are both this.
//!
//! It goes by what certificates in the field look like: domain component first, then what the common name identifies,
//! then the words of names (a sub-CA is called "Prov Sub2 CA" or "SubCA2-A-eMSP"), then the issuer if it is given. What
//! fits nothing has no kind: a guess would judge it by rules that are not its own.

use crate::identifier::{is_emaid, is_pcid, is_secc_id};
use crate::{Certificate, DistinguishedName};

const DOMAIN_COMPONENT: &str = "0.9.2342.19200300.100.1.25";
const COMMON_NAME: &str = "2.5.4.3";
const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
const ANY_PURPOSE: &str = "2.5.29.37.0";

/// The chains of ISO 15118 that sub-CAs stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chain {
    /// Charge point operators: down to chargers.
    Cpo,
    /// Mobility operators: down to contracts.
    Mo,
    /// Vehicle manufacturers: down to provisioning and vehicle certificates.
    Oem,
    /// Certificate provisioning services.
    Cps,
}

/// A kind of certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The root of a V2G PKI.
    V2gRoot,
    /// A mobility operators' own root.
    MoRoot,
    /// A manufacturers' own root.
    OemRoot,
    /// The sub-CA below a root.
    Sub1(Chain),
    /// The sub-CA that issues leaves.
    Sub2(Chain),
    /// What one root issued to another.
    Cross,
    /// A charger's.
    Secc,
    Contract,
    /// What a vehicle leaves the factory with.
    Provisioning,
    /// A vehicle's as TLS client (ISO 15118-20).
    Vehicle,
    /// A certificate provisioning service's.
    Cps,
    /// An OCSP responder's.
    Ocsp,
}

impl Kind {
    /// Its name, which is that of its profile for ISO 15118-2.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2gRoot => "v2g-root",
            Self::MoRoot => "mo-root",
            Self::OemRoot => "oem-root",
            Self::Sub1(Chain::Cpo) => "cpo-sub1",
            Self::Sub1(Chain::Mo) => "mo-sub1",
            Self::Sub1(Chain::Oem) => "oem-sub1",
            Self::Sub1(Chain::Cps) => "cps-sub1",
            Self::Sub2(Chain::Cpo) => "cpo-sub2",
            Self::Sub2(Chain::Mo) => "mo-sub2",
            Self::Sub2(Chain::Oem) => "oem-sub2",
            Self::Sub2(Chain::Cps) => "cps-sub2",
            Self::Cross => "cross",
            Self::Secc => "secc",
            Self::Contract => "contract",
            Self::Provisioning => "provisioning",
            Self::Vehicle => "vehicle",
            Self::Cps => "cps",
            Self::Ocsp => "ocsp",
        }
    }

    fn chain(self) -> Option<Chain> {
        match self {
            Self::Sub1(chain) | Self::Sub2(chain) => Some(chain),
            _ => None,
        }
    }
}

/// What a certificate tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its kind; none if it fits none, or several.
    pub kind: Option<Kind>,
    /// What speaks for it, or why there is none.
    pub because: Vec<String>,
}

/// Tells the kind. `issuer` is the issuer's certificate if it is known; that it issued this one is for the caller to
/// know.
pub fn tell(certificate: &Certificate, issuer: Option<&Certificate>) -> Told {
    let facts = Facts::of(certificate);
    if certificate.is_self_issued_by_name() {
        return facts.root(certificate.is_ca());
    }
    if certificate.is_ca() { facts.authority(certificate, issuer) } else { facts.leaf(certificate, issuer) }
}

/// The domain components of a name, most general first.
pub(crate) fn domain_components(name: &DistinguishedName) -> Vec<String> {
    texts(name, &[DOMAIN_COMPONENT])
}

fn texts(name: &DistinguishedName, types: &[&str]) -> Vec<String> {
    let wanted = name.attributes().filter(|attribute| types.contains(&attribute.oid()));
    wanted.filter_map(|attribute| attribute.text()).collect()
}

/// The words of a name, in capital letters.
struct Words(Vec<String>);

impl Words {
    fn of(name: &DistinguishedName, types: &[&str]) -> Self {
        let text = texts(name, types).join(" ");
        let split = text.split(|character: char| !character.is_ascii_alphanumeric());
        Self(split.filter(|word| !word.is_empty()).map(str::to_ascii_uppercase).collect())
    }

    fn has(&self, words: &[&str]) -> bool {
        self.0.iter().any(|own| words.contains(&own.as_str()))
    }

    /// The chain that the words name. A manufacturers' "OEM Prov Sub-CA" is OEM's.
    fn chain(&self) -> Option<Chain> {
        [
            (Chain::Cpo, ["CPO", "CSO", "SECC", "EVSE"].as_slice()),
            (Chain::Mo, &["MO", "EMSP", "MSP", "EMP", "CONTRACT"]),
            (Chain::Oem, &["OEM", "VEHICLE", "VEH"]),
            (Chain::Cps, &["CPS", "PROV"]),
        ]
        .into_iter()
        .find_map(|(chain, words)| self.has(words).then_some(chain))
    }
}

/// What is looked at of a certificate.
struct Facts {
    /// The domain components in capital letters: values compare without case (RFC 4519 section 2.4).
    components: Vec<String>,
    words: Words,
    common_name: String,
    spoken: String,
}

impl Facts {
    fn of(certificate: &Certificate) -> Self {
        let subject = certificate.subject_name();
        let components = domain_components(subject);
        let spoken = match components.as_slice() {
            [] => "it has no domain component".to_owned(),
            some => format!("its DC is {}", some.join(" and ")),
        };
        Self {
            components: components.iter().map(|component| component.to_ascii_uppercase()).collect(),
            words: Words::of(subject, &[COMMON_NAME, ORGANIZATIONAL_UNIT]),
            common_name: certificate.common_name().unwrap_or_default().to_owned(),
            spoken,
        }
    }

    fn has_component(&self, wanted: &[&str]) -> bool {
        self.components.iter().any(|component| wanted.contains(&component.as_str()))
    }

    fn name(&self) -> String {
        format!("its name is {:?}", self.common_name)
    }

    fn root(&self, is_ca: bool) -> Told {
        let same = "issuer and subject are the same".to_owned();
        if !is_ca {
            return Told { kind: None, because: vec![same, "it is no CA".to_owned()] };
        }
        let of_charging = ["V2G", "EV", "EVPKI", "EVCPKI", "PNC", "CHARGING"];
        let kind = match () {
            () if self.has_component(&["MO"]) => Some(Kind::MoRoot),
            // A production OEM root says V2G there; its name knows better.
            () if self.has_component(&["OEM"]) || self.words.has(&["OEM"]) => Some(Kind::OemRoot),
            () if self.words.has(&["MO", "EMSP", "MSP"]) => Some(Kind::MoRoot),
            () if self.has_component(&["V2G", "EVCPKI"]) || self.words.has(&of_charging) => {
                Some(Kind::V2gRoot)
            }
            () => None,
        };
        Told { kind, because: vec![same, self.spoken.clone(), self.name()] }
    }

    fn authority(&self, certificate: &Certificate, issuer: Option<&Certificate>) -> Told {
        let length = certificate.path_len();
        let length_spoken = length
            .map_or_else(|| "it has no path length".to_owned(), |one| format!("its path length is {one}"));
        let mut because = vec!["a CA that another issued".to_owned(), self.name(), length_spoken];
        let is_sub = self.words.0.iter().any(|word| word.starts_with("SUB"));
        let of_charging = self.has_component(&["V2G", "MO", "OEM", "EVCPKI"]);
        let named_root = self.words.has(&["ROOT"]);
        if (named_root || (length.is_none_or(|length| length > 1) && !is_sub))
            && (of_charging || self.words.has(&["V2G"]))
        {
            return Told { kind: Some(Kind::Cross), because };
        }
        let chain = self
            .words
            .chain()
            .or_else(|| {
                because.push(self.spoken.clone());
                self.chain_by_component()
            })
            .or_else(|| {
                let chain = issuer.and_then(|issuer| tell(issuer, None).kind)?.chain()?;
                because.push("its issuer stands in that chain".to_owned());
                Some(chain)
            });
        let kind = chain.map(|chain| if length == Some(0) { Kind::Sub2(chain) } else { Kind::Sub1(chain) });
        Told { kind, because }
    }

    fn chain_by_component(&self) -> Option<Chain> {
        match () {
            () if self.has_component(&["MO"]) => Some(Chain::Mo),
            () if self.has_component(&["OEM"]) => Some(Chain::Oem),
            () if self.has_component(&["CPS"]) => Some(Chain::Cps),
            () if self.has_component(&["CPO", "CSO", "V2G"]) => Some(Chain::Cpo),
            () => None,
        }
    }

    fn leaf(&self, certificate: &Certificate, issuer: Option<&Certificate>) -> Told {
        let mut because = vec!["not a CA".to_owned()];
        let mut is_client = false;
        if let Ok(Some(purposes)) = certificate.extended_key_usage() {
            let purposes = &purposes.value;
            if purposes.has(OCSP_SIGNING) {
                because.push("its purpose is OCSPSigning".to_owned());
                return Told { kind: Some(Kind::Ocsp), because };
            }
            let ours = [SERVER_AUTH, CLIENT_AUTH, ANY_PURPOSE];
            if let Some(other) = purposes.purposes.iter().find(|purpose| !ours.contains(&purpose.as_str())) {
                because.push(format!("its extended key usage {other} belongs to no such certificate"));
                return Told { kind: None, because };
            }
            is_client = purposes.has(CLIENT_AUTH);
        }
        because.push(self.spoken.clone());
        let by_component = match () {
            () if self.has_component(&["CPO", "CSO"]) => Some(Kind::Secc),
            () if self.has_component(&["MO"]) => Some(Kind::Contract),
            () if self.has_component(&["OEM"]) => Some(self.of_manufacturer(is_client)),
            () if self.has_component(&["CPS"]) => Some(Kind::Cps),
            () => None,
        };
        if by_component.is_some() {
            return Told { kind: by_component, because };
        }
        because.push(self.name());
        let named_issuer = || {
            Words::of(certificate.issuer_name(), &[COMMON_NAME, ORGANIZATIONAL_UNIT, DOMAIN_COMPONENT])
                .chain()
        };
        let above = issuer.and_then(|issuer| tell(issuer, None).kind?.chain()).or_else(named_issuer);
        let by_issuer = above.map(|chain| match chain {
            Chain::Cpo => Kind::Secc,
            Chain::Mo => Kind::Contract,
            Chain::Oem => self.of_manufacturer(is_client),
            Chain::Cps => Kind::Cps,
        });
        let named = [
            (is_emaid(&self.common_name), Kind::Contract),
            (is_pcid(&self.common_name), self.of_manufacturer(is_client)),
            (is_secc_id(&self.common_name), Kind::Secc),
        ];
        let named: Vec<Kind> = named.into_iter().filter_map(|(is, kind)| is.then_some(kind)).collect();
        // An eMAID may be written like a charger's id; only a contract may be signed with.
        let signs =
            certificate.key_usage().ok().flatten().is_some_and(|usage| usage.value.has("nonRepudiation"));
        let kind = match (named.as_slice(), by_issuer) {
            ([], None) => None,
            ([], Some(kind)) => {
                because.push("its issuer issues such certificates".to_owned());
                Some(kind)
            }
            ([one], None) => Some(*one),
            (several, Some(kind)) if several.contains(&kind) => Some(kind),
            (several, None) if signs && several.contains(&Kind::Contract) => Some(Kind::Contract),
            (several, _) if !signs && several.contains(&Kind::Contract) => {
                several.iter().copied().find(|kind| *kind != Kind::Contract)
            }
            _ => None,
        };
        if kind.is_none() {
            because.push("that and its issuer do not say together what it is for".to_owned());
        }
        Told { kind, because }
    }

    fn of_manufacturer(&self, is_client: bool) -> Kind {
        if is_client || self.words.has(&["VEHICLE", "VEH"]) { Kind::Vehicle } else { Kind::Provisioning }
    }
}
