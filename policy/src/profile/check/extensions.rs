//! Checks of the extensions.

use ctl_pki::Certificate;

use super::Failure;
use super::form::one;
use crate::profile::raw::der::Fault;
use crate::profile::raw::extensions::{
    self, AUTHORITY_INFO_ACCESS, AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE, KEY_USAGE, SUBJECT_KEY_IDENTIFIER,
};
use crate::profile::raw::{Extension, View};
use crate::profile::{
    Bit, Critical, ExtensionUse, KeyUsage, PathLength, Presence, Profile, Purpose, Requirement, Service,
};

fn place(oid: &str) -> String {
    format!("extensions.{}", extensions::name(oid))
}

/// What a known extension says; `None` when it is absent, or malformed, which has a rule of its own.
fn read<'v, 'a, T>(
    view: &'v View<'a>,
    oid: &str,
    read: impl Fn(&'v Extension<'a>) -> Result<T, Fault>,
) -> Option<(&'v Extension<'a>, T)> {
    let extension = view.extension(oid)?;
    extensions::check_form(extension).ok()?;
    read(extension).ok().map(|value| (extension, value))
}

pub(super) fn unique(view: &View<'_>) -> Vec<Failure> {
    let repeated = view.extensions.iter().enumerate().filter(|(position, extension)| {
        view.extensions.iter().take(*position).any(|earlier| earlier.oid == extension.oid)
    });
    repeated.map(|(_, extension)| Failure::new(place(&extension.oid), extension.at, "once more")).collect()
}

/// `certificate` is the same as the rest of the house reads it: what trust paths and devices stumble over is found here
/// too.
pub(super) fn well_formed(view: &View<'_>, certificate: Option<&Certificate>) -> Vec<Failure> {
    let known = view.extensions.iter().filter(|extension| extensions::is_known(&extension.oid));
    let failure = |extension: &Extension<'_>| {
        let fault = extensions::check_form(extension).err()?;
        Some(Failure::new(place(&extension.oid), fault.at, fault.what))
    };
    let mut failures: Vec<Failure> = known.filter_map(failure).collect();
    for error in certificate.into_iter().flat_map(Certificate::unreadable_extensions) {
        let (place, extension) = (place(error.oid), view.extension(error.oid));
        if failures.iter().all(|failure| failure.place != place) {
            failures.push(Failure::new(place, extension.map(|extension| extension.value_at), error.problem));
        }
    }
    failures
}

pub(super) fn known_critical(view: &View<'_>) -> Vec<Failure> {
    let is_unknown = |extension: &&Extension<'_>| extension.critical && !extensions::is_known(&extension.oid);
    let failure = |extension: &Extension<'_>| {
        Failure::new("extensions", extension.at, format!("the critical extension {}", extension.oid))
    };
    view.extensions.iter().filter(is_unknown).map(failure).collect()
}

pub(super) fn listed(view: &View<'_>, profile: &Profile) -> Vec<Failure> {
    let is_listed = |oid: &str| {
        profile.rules().iter().any(|rule| match &rule.requirement {
            Requirement::Extension(wanted) => extensions::oid(&wanted.name) == Some(oid),
            Requirement::ExtendedKeyUsage(_) => oid == EXTENDED_KEY_USAGE,
            _ => false,
        })
    };
    let is_stray = |extension: &&Extension<'_>| {
        // An unknown critical extension has a rule of its own.
        !is_listed(&extension.oid) && (extensions::is_known(&extension.oid) || !extension.critical)
    };
    let failure = |extension: &Extension<'_>| {
        Failure::new(place(&extension.oid), extension.at, extensions::name(&extension.oid))
    };
    view.extensions.iter().filter(is_stray).map(failure).collect()
}

pub(super) fn presence(view: &View<'_>, wanted: &ExtensionUse) -> Vec<Failure> {
    let Some(oid) = extensions::oid(&wanted.name) else { return Vec::new() };
    let found = match (view.extension(oid), wanted.presence) {
        (None, Presence::Required) => Some((None, "absent")),
        (Some(extension), Presence::Forbidden) => Some((Some(extension.at), "present")),
        (Some(extension), _) => match wanted.critical {
            Critical::Yes if !extension.critical => Some((Some(extension.at), "not critical")),
            Critical::No if extension.critical => Some((Some(extension.at), "critical")),
            _ => None,
        },
        (None, _) => None,
    };
    found.map(|(byte, found)| Failure::new(place(oid), byte, found)).into_iter().collect()
}

pub(super) fn key_usage(view: &View<'_>, wanted: &KeyUsage) -> Vec<Failure> {
    let Some((extension, usage)) = read(view, KEY_USAGE, extensions::key_usage) else { return Vec::new() };
    let mut failures = Vec::new();
    for ((name, bit), is_set) in wanted.bits().into_iter().zip(usage) {
        let found = match bit {
            Bit::Set if !is_set => format!("{name} is not set"),
            Bit::Clear if is_set => format!("{name} is set"),
            _ => continue,
        };
        failures.push(Failure::new(format!("{}.{name}", place(KEY_USAGE)), extension.value_at, found));
    }
    failures
}

pub(super) fn extended_key_usage(view: &View<'_>, wanted: &[Purpose]) -> Vec<Failure> {
    let Some((extension, purposes)) = read(view, EXTENDED_KEY_USAGE, extensions::extended_key_usage) else {
        return Vec::new();
    };
    let has = |purpose: &Purpose| purposes.iter().any(|oid| oid == purpose.number());
    one(purposes.len() != wanted.len() || !wanted.iter().all(has), || {
        let name = |oid: &String| Purpose::of(oid).map_or_else(|| oid.clone(), |purpose| purpose.to_string());
        let found = purposes.iter().map(name).collect::<Vec<_>>().join(", ");
        Failure::new(place(EXTENDED_KEY_USAGE), extension.value_at, found)
    })
}

pub(super) fn ca(view: &View<'_>, wanted: bool) -> Vec<Failure> {
    let read = read(view, BASIC_CONSTRAINTS, extensions::basic_constraints);
    let Some((extension, constraints)) = read else { return Vec::new() };
    one(constraints.ca != wanted, || {
        let place = format!("{}.cA", place(BASIC_CONSTRAINTS));
        Failure::new(place, extension.value_at, format!("cA {}", constraints.ca))
    })
}

pub(super) fn path_length(view: &View<'_>, wanted: PathLength) -> Vec<Failure> {
    let read = read(view, BASIC_CONSTRAINTS, extensions::basic_constraints);
    let Some((extension, constraints)) = read else { return Vec::new() };
    let is_right = match (wanted, constraints.path_length) {
        (PathLength::Absent, found) => found.is_none(),
        (PathLength::Exactly(wanted), found) => found == Some(wanted),
        (PathLength::AtMost(limit), found) => found.is_some_and(|found| found <= limit),
    };
    one(!is_right, || {
        let found = constraints.path_length.map_or_else(|| "absent".to_owned(), |length| length.to_string());
        Failure::new(format!("{}.pathLenConstraint", place(BASIC_CONSTRAINTS)), extension.value_at, found)
    })
}

pub(super) fn address(view: &View<'_>, service: Service) -> Vec<Failure> {
    let (oid, found) = match service {
        Service::Ocsp => {
            (AUTHORITY_INFO_ACCESS, read(view, AUTHORITY_INFO_ACCESS, extensions::ocsp_addresses))
        }
        Service::Crl => {
            (CRL_DISTRIBUTION_POINTS, read(view, CRL_DISTRIBUTION_POINTS, extensions::crl_addresses))
        }
    };
    let Some((extension, addresses)) = found else { return Vec::new() };
    let is_http = |address: &String| {
        // Schemes have no case (RFC 5280 section 7.4, RFC 3986 section 3.1).
        let Some((scheme, rest)) = address.split_once("://") else { return false };
        let is_known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        is_known && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
    };
    one(!addresses.iter().any(is_http), || {
        let found = if addresses.is_empty() { "no address".to_owned() } else { addresses.join(", ") };
        Failure::new(place(oid), extension.value_at, found)
    })
}

pub(super) fn authority_key_id(view: &View<'_>) -> Vec<Failure> {
    let read = read(view, AUTHORITY_KEY_IDENTIFIER, extensions::authority_key_identifier);
    let Some((extension, None)) = read else { return Vec::new() };
    vec![Failure::new(place(AUTHORITY_KEY_IDENTIFIER), extension.value_at, "no keyIdentifier")]
}

pub(super) fn own_authority_key_id(view: &View<'_>) -> Vec<Failure> {
    let authority = read(view, AUTHORITY_KEY_IDENTIFIER, extensions::authority_key_identifier);
    let Some((extension, Some(authority))) = authority else { return Vec::new() };
    let own = read(view, SUBJECT_KEY_IDENTIFIER, extensions::subject_key_identifier);
    let is_own = own.as_ref().is_some_and(|(_, own)| *own == authority);
    one(view.is_self_issued() && !is_own, || {
        let own = own.map_or_else(|| "absent".to_owned(), |(_, own)| hex::encode(own));
        let found = format!("{}, while subjectKeyIdentifier is {own}", hex::encode(authority));
        Failure::new(place(AUTHORITY_KEY_IDENTIFIER), extension.value_at, found)
    })
}

/// The key identifier by which the certificate names its issuer's key, and where.
pub(super) fn authority(view: &View<'_>) -> Option<(usize, Vec<u8>)> {
    let (extension, id) = read(view, AUTHORITY_KEY_IDENTIFIER, extensions::authority_key_identifier)?;
    id.map(|id| (extension.value_at, id.to_vec()))
}

/// The certificate's own key identifier.
pub(super) fn own(view: &View<'_>) -> Option<Vec<u8>> {
    read(view, SUBJECT_KEY_IDENTIFIER, extensions::subject_key_identifier).map(|(_, id)| id.to_vec())
}
