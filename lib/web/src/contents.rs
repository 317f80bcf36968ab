//! What a certificate says, in a person's words.

use ctl_pki::extension::{AccessDescription, Said};
use ctl_pki::{Certificate, oid, print, time};
use ctl_policy::profile::Purpose;
use maud::{Markup, html};

/// Whoever may do everything (RFC 5280 section 4.2.1.12).
const ANY_PURPOSE: &str = "2.5.29.37.0";

/// Names, validity, key, fingerprints and extensions.
pub(crate) fn contents(read: &Certificate) -> Markup {
    html! {
        dl {
            dt { "Subject" } dd { bdi { (print::line(read.subject())) } }
            dt { "Issuer" } dd { @if read.is_self_issued() { @if read.verify_self_signature().is_ok() { "itself: it is a root" } @else { "says that it is itself, but the signature is not by its key" } } @else { bdi { (print::line(read.issuer())) } } }
            dt { "Valid" } dd { (time::date(read.not_before())) " to " (time::date(read.not_after())) }
            dt { "Serial number" } dd { code.digest { (read.serial_hex()) } }
            dt { "Key" } dd { (read.public_key_algorithm()) @if let Some(curve) = read.public_key_curve() { ", " (curve) } }
            dt { "Signature" } dd { (read.signature_algorithm()) }
            @for extension in read.extensions() {
                dt { (print::line(extension.name())) }
                dd { (words(read, extension.oid())) @if extension.is_critical() { " " small { "(critical)" } } }
            }
        }
        h3 { "Fingerprints" }
        dl {
            dt { "SHA-256" } dd { code.digest { (hex::encode(read.sha256())) } }
            dt { "with colons" } dd { code.digest { (colons(&read.sha256())) } }
            dt { "SHA-1" } dd { code.digest { (hex::encode(read.sha1())) } }
            dt { "Public key, SHA-256" } dd { code.digest { (hex::encode(read.spki_sha256())) } }
            dt { "Public key, SHA-1" } dd { code.digest { (hex::encode(read.public_key_sha1())) } " " small { "as trusted_ca_keys in TLS has it" } }
        }
        details { summary { "In PEM" } pre tabindex="0" { code { (read.to_pem()) } } }
    }
}

/// What one extension says.
fn words(read: &Certificate, oid: &str) -> Markup {
    match oid {
        oid::KEY_USAGE => said(read.key_usage(), |usage| usage.to_string()),
        oid::EXTENDED_KEY_USAGE => {
            said(read.extended_key_usage(), |usage| joined(usage.purposes.iter().map(|oid| purpose(oid))))
        }
        oid::BASIC_CONSTRAINTS => {
            said(read.basic_constraints(), |constraints| match (constraints.ca, constraints.path_len) {
                (false, _) => "no authority: it issues nothing".into(),
                (true, None) => "an authority; any number of authorities below it".into(),
                (true, Some(0)) => "an authority; none below it".into(),
                (true, Some(most)) => format!("an authority; at most {most} further below it"),
            })
        }
        oid::SUBJECT_ALT_NAME => said(read.subject_alt_names(), |names| joined(names)),
        oid::ISSUER_ALT_NAME => said(read.issuer_alt_names(), |names| joined(names)),
        oid::NAME_CONSTRAINTS => said(read.name_constraints(), |constraints| {
            let bases = |subtrees: &[ctl_pki::extension::Subtree]| {
                joined(subtrees.iter().map(|subtree| &subtree.base))
            };
            format!(
                "permitted: {}; excluded: {}",
                bases(&constraints.permitted),
                bases(&constraints.excluded)
            )
        }),
        oid::CERTIFICATE_POLICIES => {
            said(read.certificate_policies(), |policies| joined(policies.iter().map(|one| &one.policy)))
        }
        oid::AUTHORITY_INFO_ACCESS => {
            let one = |one: &AccessDescription| match &*one.method {
                oid::OCSP => format!("OCSP at {}", one.location),
                oid::CA_ISSUERS => format!("its issuer at {}", one.location),
                other => format!("{other} at {}", one.location),
            };
            said(read.authority_info_access(), |access| joined(access.descriptions.iter().map(one)))
        }
        oid::CRL_DISTRIBUTION_POINTS => html! { (print::line(&read.crl_urls().join(", "))) },
        oid::SUBJECT_KEY_IDENTIFIER => {
            html! { code.digest { (hex::encode(read.subject_key_id().unwrap_or_default())) } }
        }
        oid::AUTHORITY_KEY_IDENTIFIER => {
            html! { code.digest { (hex::encode(read.authority_key_id().unwrap_or_default())) } }
        }
        _ => html! { "in the PEM below" },
    }
}

/// What an extension says, or that it cannot be read.
fn said<T>(said: Said<'_, T>, words: impl Fn(&T) -> String) -> Markup {
    let text = match said {
        Ok(Some(typed)) => words(&typed.value),
        Ok(None) => String::new(),
        Err(error) => error.to_string(),
    };
    html! { bdi { (print::line(&text)) } }
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}

fn purpose(oid: &str) -> &str {
    match Purpose::of(oid) {
        Some(Purpose::ServerAuth) => "TLS server",
        Some(Purpose::ClientAuth) => "TLS client",
        Some(Purpose::OcspSigning) => "signing OCSP responses",
        None if oid == ANY_PURPOSE => "any purpose",
        None => oid,
    }
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
