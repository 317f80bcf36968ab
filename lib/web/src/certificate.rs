//! A certificate as a person reads it, and what lists say of it.

use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_governance::state::{Listed, State};
use ctl_pki::{Certificate, print, time};
use maud::{Markup, html};

use crate::{Frame, list, parts, place, timeline};

/// The page of a certificate that stands or stood on a list, or was disclosed; none if nobody knows it.
#[must_use]
pub fn certificate(frame: &Frame<'_>, fingerprint: &Digest) -> Option<String> {
    let state = frame.state;
    let found = everywhere(state, fingerprint);
    let sub_ca = state.sub_cas.get(fingerprint);
    let (der, name) = match (found.first(), sub_ca) {
        (Some((_, listed)), _) => (listed.certificate.clone(), listed.name.to_string()),
        (None, Some(sub_ca)) => (sub_ca.certificate.clone(), "A disclosed sub-CA".to_owned()),
        (None, None) => return None,
    };
    let below: Vec<_> = state.sub_cas.values().filter(|one| one.issuer == *fingerprint).collect();
    let body = html! {
        @for (id, listed) in &found { (standing(frame, id, listed)) }
        @if let Some(sub_ca) = sub_ca {
            p {
                "Disclosed by " (parts::participant(state, &sub_ca.operator)) " in " a href=(place::entry(sub_ca.disclosed)) { "entry " (sub_ca.disclosed) }
                ", issued by " a href=(place::certificate(&sub_ca.issuer)) { (sub_ca.issuer.short()) } "."
            }
            @if let Some((entry, reason)) = sub_ca.revoked {
                p { strong { "Revoked" } " for " (parts::reason(reason)) ", " a href=(place::entry(entry)) { "entry " (entry) } "." }
            }
        }
        (contents(&der))
        @if !below.is_empty() {
            section aria-labelledby="below" {
                h2 id="below" { "Sub-CAs that were disclosed" }
                ul { @for one in below { li {
                    a href=(place::certificate(&one.fingerprint)) { (subject(&one.certificate)) }
                    @if one.revoked.is_some() { " " span.badge.withdrawn { "revoked" } }
                } } }
            }
        }
        p.json { "As JSON: " a href={ "/v1/anchors/" (fingerprint) } { code { "/v1/anchors/" (fingerprint) } } }
    };
    Some(frame.page(&name, &body))
}

fn everywhere<'a>(state: &'a State, fingerprint: &Digest) -> Vec<(&'a ListId, &'a Listed)> {
    let mut found = Vec::new();
    for (id, contents) in &state.lists {
        found.extend(contents.anchors.get(fingerprint).map(|anchor| (id, &anchor.listed)));
        found.extend(contents.cross_certificates.get(fingerprint).map(|cross| (id, &cross.listed)));
    }
    found
}

/// What one list says of it.
fn standing(frame: &Frame<'_>, id: &ListId, listed: &Listed) -> Markup {
    let state = frame.state;
    let status = state.effective_status(listed);
    let anchor = state.anchor(id, &listed.fingerprint);
    let name = state.charter.lists.get(id).map_or_else(|| id.to_string(), |list| list.name.to_string());
    html! {
        section {
            h2 { "On " a href=(place::list(id)) { (name) } }
            dl {
                dt { "Status" } dd { (parts::status(status.status)) " " (parts::meaning(status.status)) ", since " (parts::moment(status.at)) }
                dt { "Operator" } dd { (parts::participant(state, &listed.operator)) }
                @if let Some(anchor) = anchor {
                    dt { "For" } dd { @for r#use in &anchor.uses { (parts::r#use(*r#use)) " " } }
                    @if !anchor.constraints.0.is_empty() { dt { "Conditions" } dd { (list::constraints(&anchor.constraints)) } }
                }
            }
            h3 { "Its road" }
            (timeline::of(state, id, listed))
        }
    }
}

/// What the certificate says.
fn contents(der: &Arc<[u8]>) -> Markup {
    let read = match Certificate::from_der(der) {
        Ok(read) => read,
        Err(error) => {
            return html! { p { "The certificate cannot be read: " (print::line(&error.to_string())) } };
        }
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    html! {
        section aria-labelledby="contents" {
            h2 id="contents" { "The certificate" }
            dl {
                dt { "Subject" } dd { bdi { (print::line(read.subject())) } }
                dt { "Issuer" } dd { @if read.is_self_issued() { "itself: it is a root" } @else { bdi { (print::line(read.issuer())) } } }
                dt { "Valid" } dd { (time::date(read.not_before())) " to " (time::date(read.not_after())) }
                dt { "Serial number" } dd { code.digest { (read.serial_hex()) } }
                dt { "Key" } dd { (read.public_key_algorithm()) @if let Some(curve) = read.public_key_curve() { ", " (curve) } }
                dt { "Signature" } dd { (read.signature_algorithm()) }
                dt { "SHA-256" } dd { code.digest { (hex(&read.sha256())) } }
                dt { "SHA-1" } dd { code.digest { (hex(&read.sha1())) } }
                dt { "SHA-256 of the public key" } dd { code.digest { (hex(&read.spki_sha256())) } }
                dt { "SHA-1 of the public key" } dd { code.digest { (hex(&read.public_key_sha1())) } }
            }
            h3 { "Extensions" }
            ul {
                @for extension in read.extensions() {
                    li { (extension.name()) @if extension.is_critical() { " (critical)" } }
                }
            }
            details { summary { "In PEM" } pre tabindex="0" { code { (read.to_pem()) } } }
        }
    }
}

fn subject(der: &Arc<[u8]>) -> String {
    Certificate::from_der(der).map_or_else(|error| error.to_string(), |read| print::line(read.subject()))
}
