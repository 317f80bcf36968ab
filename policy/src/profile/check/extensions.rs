//! Checks of the extensions.

use ctl_pki::Certificate;
use ctl_pki::extension::{DistributionPoint, Kept};
use ctl_pki::oid::{
    self, AUTHORITY_INFO_ACCESS, AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE, KEY_USAGE, extension_name, is_read,
};
use ctl_pki::written::{Placed, Written};

use super::Failure;
use super::form::one;
use crate::profile::{
    Bit, Critical, ExtensionUse, KeyUsage, PathLength, Presence, Profile, Purpose, Requirement, Service,
};

fn place(oid: &str) -> String {
    format!("extensions.{}", name(oid))
}

/// The name that profiles use for an extension, where they have one.
fn name(oid: &str) -> &str {
    extension_name(oid).filter(|_| is_read(oid)).unwrap_or(oid)
}

/// What a known extension says, and where; `None` when it is absent, or malformed, which has a rule of its own.
fn read<'w, T>(view: &Written<'_>, oid: &str, kept: &'w Kept<T>) -> Option<(usize, &'w T)> {
    let at = view.parts.extension(oid)?.extension.value_at();
    Some((at, &kept.as_ref().ok()?.as_deref()?.value))
}

pub(super) fn unique(view: &Written<'_>) -> Vec<Failure> {
    let all = &view.parts.extensions;
    let repeated = all.iter().enumerate().filter(|(position, placed)| {
        all.iter().take(*position).any(|earlier| earlier.extension.oid() == placed.extension.oid())
    });
    repeated.map(|(_, placed)| Failure::new(place(placed.extension.oid()), placed.at, "once more")).collect()
}

/// `certificate` is the same as trust paths read it: what they stumble over is found here too.
pub(super) fn well_formed(view: &Written<'_>, certificate: Option<&Certificate>) -> Vec<Failure> {
    let mut failures = Vec::new();
    if let Some(list) = view.parts.extension_list.filter(|list| list.content.is_empty()) {
        failures.push(Failure::new("extensions", list.at, "a list of extensions that is there and empty"));
    }
    let strict = certificate.into_iter().flat_map(Certificate::unreadable_extensions);
    for error in view.said.errors().chain(strict) {
        let place = place(error.oid);
        if failures.iter().all(|failure| failure.place != place) {
            failures.push(Failure::new(place, error.at, error.problem));
        }
    }
    failures
}

pub(super) fn known_critical(view: &Written<'_>) -> Vec<Failure> {
    let is_unknown = |placed: &&Placed| placed.extension.is_critical() && !is_read(placed.extension.oid());
    let failure = |placed: &Placed| {
        Failure::new("extensions", placed.at, format!("the critical extension {}", placed.extension.oid()))
    };
    view.parts.extensions.iter().filter(is_unknown).map(failure).collect()
}

pub(super) fn listed(view: &Written<'_>, profile: &Profile) -> Vec<Failure> {
    let is_listed = |oid: &str| {
        profile.rules().iter().any(|rule| match &rule.requirement {
            Requirement::Extension(wanted) => wanted.oid() == Some(oid),
            Requirement::ExtendedKeyUsage(_) => oid == EXTENDED_KEY_USAGE,
            _ => false,
        })
    };
    let is_stray = |placed: &&Placed| {
        let oid = placed.extension.oid();
        // An unknown critical extension has a rule of its own.
        !is_listed(oid) && (is_read(oid) || !placed.extension.is_critical())
    };
    let failure = |placed: &Placed| {
        let oid = placed.extension.oid();
        Failure::new(place(oid), placed.at, name(oid))
    };
    view.parts.extensions.iter().filter(is_stray).map(failure).collect()
}

pub(super) fn presence(view: &Written<'_>, wanted: &ExtensionUse) -> Vec<Failure> {
    let Some(oid) = wanted.oid() else { return Vec::new() };
    let found = match (view.parts.extension(oid), wanted.presence) {
        (None, Presence::Required) => Some((None, "absent")),
        (Some(placed), Presence::Forbidden) => Some((Some(placed.at), "present")),
        (Some(placed), _) => match wanted.critical {
            Critical::Yes if !placed.extension.is_critical() => Some((Some(placed.at), "not critical")),
            Critical::No if placed.extension.is_critical() => Some((Some(placed.at), "critical")),
            _ => None,
        },
        (None, _) => None,
    };
    found.map(|(byte, found)| Failure::new(place(oid), byte, found)).into_iter().collect()
}

pub(super) fn key_usage(view: &Written<'_>, wanted: &KeyUsage) -> Vec<Failure> {
    let Some((at, usage)) = read(view, KEY_USAGE, &view.said.key_usage) else { return Vec::new() };
    let mut failures = Vec::new();
    for (name, bit) in wanted.bits() {
        let is_set = usage.has(name);
        let found = match bit {
            Bit::Set if !is_set => format!("{name} is not set"),
            Bit::Clear if is_set => format!("{name} is set"),
            _ => continue,
        };
        failures.push(Failure::new(format!("{}.{name}", place(KEY_USAGE)), at, found));
    }
    failures
}

pub(super) fn extended_key_usage(view: &Written<'_>, wanted: &[Purpose]) -> Vec<Failure> {
    let usage = read(view, EXTENDED_KEY_USAGE, &view.said.extended_key_usage);
    let Some((at, purposes)) = usage.map(|(at, usage)| (at, &usage.purposes)) else { return Vec::new() };
    let has = |purpose: &Purpose| purposes.iter().any(|oid| oid == purpose.number());
    one(purposes.len() != wanted.len() || !wanted.iter().all(has), || {
        let name = |oid: &String| Purpose::of(oid).map_or_else(|| oid.clone(), |purpose| purpose.to_string());
        let found = purposes.iter().map(name).collect::<Vec<_>>().join(", ");
        Failure::new(place(EXTENDED_KEY_USAGE), at, found)
    })
}

pub(super) fn ca(view: &Written<'_>, wanted: bool) -> Vec<Failure> {
    let read = read(view, BASIC_CONSTRAINTS, &view.said.basic_constraints);
    let Some((at, constraints)) = read else { return Vec::new() };
    one(constraints.ca != wanted, || {
        let place = format!("{}.cA", place(BASIC_CONSTRAINTS));
        Failure::new(place, at, format!("cA {}", constraints.ca))
    })
}

pub(super) fn path_length(view: &Written<'_>, wanted: PathLength) -> Vec<Failure> {
    let read = read(view, BASIC_CONSTRAINTS, &view.said.basic_constraints);
    let Some((at, constraints)) = read else { return Vec::new() };
    let is_right = match (wanted, constraints.path_len) {
        (PathLength::Absent, found) => found.is_none(),
        (PathLength::Exactly(wanted), found) => found == Some(wanted),
        (PathLength::AtMost(limit), found) => found.is_some_and(|found| found <= limit),
    };
    one(!is_right, || {
        let found = constraints.path_len.map_or_else(|| "absent".to_owned(), |length| length.to_string());
        Failure::new(format!("{}.pathLenConstraint", place(BASIC_CONSTRAINTS)), at, found)
    })
}

pub(super) fn address(view: &Written<'_>, service: Service) -> Vec<Failure> {
    let (oid, found) = match service {
        Service::Ocsp => {
            let read = read(view, AUTHORITY_INFO_ACCESS, &view.said.authority_info_access);
            (AUTHORITY_INFO_ACCESS, read.map(|(at, access)| (at, access.ocsp_urls().collect())))
        }
        Service::Crl => {
            let read = read(view, CRL_DISTRIBUTION_POINTS, &view.said.crl_distribution_points);
            let addresses =
                read.map(|(at, points)| (at, points.iter().flat_map(DistributionPoint::urls).collect()));
            (CRL_DISTRIBUTION_POINTS, addresses)
        }
    };
    let Some((at, addresses)): Option<(usize, Vec<&str>)> = found else { return Vec::new() };
    let is_http = |address: &&str| {
        // Schemes have no case (RFC 5280 section 7.4, RFC 3986 section 3.1).
        let Some((scheme, rest)) = address.split_once("://") else { return false };
        let is_known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        is_known && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
    };
    one(!addresses.iter().any(is_http), || {
        let found = if addresses.is_empty() { "no address".to_owned() } else { addresses.join(", ") };
        Failure::new(place(oid), at, found)
    })
}

/// The key identifier by which the certificate names its issuer's key, and where.
pub(super) fn authority<'w>(view: &'w Written<'_>) -> Option<(usize, Option<&'w [u8]>)> {
    let (at, authority) = read(view, AUTHORITY_KEY_IDENTIFIER, &view.said.authority_key_id)?;
    Some((at, authority.key_id.as_deref()))
}

/// The certificate's own key identifier.
pub(super) fn own<'w>(view: &'w Written<'_>) -> Option<&'w [u8]> {
    read(view, oid::SUBJECT_KEY_IDENTIFIER, &view.said.subject_key_id).map(|(_, id)| &**id)
}

pub(super) fn authority_key_id(view: &Written<'_>) -> Vec<Failure> {
    let Some((at, None)) = authority(view) else { return Vec::new() };
    vec![Failure::new(place(AUTHORITY_KEY_IDENTIFIER), at, "no keyIdentifier")]
}

pub(super) fn own_authority_key_id(view: &Written<'_>) -> Vec<Failure> {
    let Some((at, Some(authority))) = authority(view) else { return Vec::new() };
    let own = own(view);
    one(view.parts.is_self_issued() && own != Some(authority), || {
        let own = own.map_or_else(|| "absent".to_owned(), hex::encode);
        let found = format!("{}, while subjectKeyIdentifier is {own}", hex::encode(authority));
        Failure::new(place(AUTHORITY_KEY_IDENTIFIER), at, found)
    })
}
