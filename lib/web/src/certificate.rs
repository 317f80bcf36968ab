//! A certificate: what it says, what lists say of it, what was found in it, and what hangs on it.

use std::collections::BTreeSet;

use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::Services;
use ctl_governance::state::{Listed, State, SubCa};
use ctl_pki::{Certificate, print};
use maud::{Markup, html};

use crate::contents::contents;
use crate::{Frame, levels, list, parts, place, timeline, trust};

/// The page of a certificate that stands or stood on a list, applied for it, or was disclosed; none if nobody knows it.
#[must_use]
pub fn certificate(frame: &Frame<'_>, fingerprint: &Digest) -> Option<String> {
    let state = frame.state;
    let found = everywhere(state, fingerprint);
    let sub_ca = state.sub_cas.get(fingerprint);
    let applications: Vec<_> =
        state.applications.values().filter(|one| one.fingerprint == *fingerprint).collect();
    let der = found.first().map(|(_, listed)| &listed.certificate);
    let der = der
        .or(sub_ca.map(|sub_ca| &sub_ca.certificate))
        .or(applications.first().map(|one| &one.certificate))?;
    let read = Certificate::from_der(der);
    let name = match (found.first(), applications.first(), &read) {
        (Some((_, listed)), _, _) => listed.name.to_string(),
        (None, Some(application), _) => application.name.to_string(),
        (None, None, Ok(read)) => read.common_name().map_or_else(|| fingerprint.short(), print::line),
        (None, None, Err(_)) => fingerprint.short(),
    };
    let body = html! {
        @for (id, listed) in &found { (standing(frame, id, listed)) }
        @if found.is_empty() && sub_ca.is_none() { p { "It stands on no list." } }
        @if let Some(sub_ca) = sub_ca { (disclosed(state, sub_ca)) }
        @if !applications.is_empty() {
            section aria-labelledby="findings" {
                h2 id="findings" { "Findings of its screening" }
                @for one in &applications {
                    p {
                        a href=(place::application(one.index)) { "Application " (one.index) } " for list " (parts::list(state, &one.list)) ": "
                        @match &one.screening {
                            None => { "not screened yet." }
                            Some(screening) if screening.findings.is_empty() => { "nothing was found by " bdi { (screening.policy.name) } " " (screening.policy.version) "." }
                            Some(screening) => {
                                (parts::count(screening.findings.len(), "finding")) ", " (parts::count(screening.errors().count(), "error")) " among them: "
                                @for (at, finding) in screening.findings.iter().enumerate() { @if at > 0 { ", " } code { (finding.id) } }
                            }
                        }
                    }
                }
            }
        }
        (services(frame, &found))
        (hangs_on_it(frame, fingerprint))
        section aria-labelledby="contents" {
            h2 id="contents" { "What the certificate says" }
            @match &read {
                Ok(read) => { (contents(read)) }
                Err(error) => { p { "It cannot be read: " (print::line(&error.to_string())) } }
            }
        }
        @if !found.is_empty() { p.json { (parts::json(&format!("/v1/anchors/{fingerprint}"))) } }
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
    let fallen = status.status.is_listed() && !trust::is_trusted(frame, id, listed);
    html! {
        section {
            h2 { "On " (parts::list(state, id)) }
            dl {
                dt { "Status" }
                dd {
                    (trust::standing(frame, id, listed)) ": " (trust::meaning(listed, status.status)) ", since " (parts::moment(status.at)) " by " (parts::entry(status.cause))
                    @if fallen { ". " strong { "All the same it is not trusted: " } (trust::why_not(frame, id, listed)) "." }
                    @if let Some(said) = trust::published(frame, id, listed) { br; strong { "Not what devices are told: " } (said) "." }
                }
                dt { "Operator" } dd { (parts::participant(state, &listed.operator)) }
                @if let Some(anchor) = anchor {
                    dt { "For" } dd { (parts::uses(&anchor.uses)) }
                    @if !anchor.constraints.0.is_empty() { dt { "Conditions" } dd { (list::constraints(&anchor.constraints)) } }
                } @else {
                    dt { "What it is" } dd { "a cross-certificate" }
                }
            }
            h3 { "How it came here" }
            (timeline::of(state, id, listed))
        }
    }
}

fn disclosed(state: &State, sub_ca: &SubCa) -> Markup {
    html! {
        p {
            "A sub-CA, disclosed by " (parts::participant(state, &sub_ca.operator)) " in " (parts::entry(sub_ca.disclosed)) ", issued by "
            a href=(place::certificate(&sub_ca.issuer)) { (name(state, &sub_ca.issuer)) } "."
        }
        @if let Some((entry, reason)) = sub_ca.revoked {
            p { strong { "Revoked" } " for " (parts::reason(reason)) ", " (parts::entry(entry)) "." }
        }
    }
}

/// Where its PKI answers, and what watchers have recorded of that.
fn services(frame: &Frame<'_>, found: &[(&ListId, &Listed)]) -> Markup {
    let state = frame.state;
    let anchors = found.iter().filter_map(|(id, listed)| state.anchor(id, &listed.fingerprint));
    let all: BTreeSet<(&str, &str)> = anchors.flat_map(|anchor| addresses(&anchor.services)).collect();
    let operators: BTreeSet<&ParticipantId> = found.iter().map(|(_, listed)| &listed.operator).collect();
    html! {
        @if !all.is_empty() {
            section aria-labelledby="services" {
                h2 id="services" { "Services" }
                dl { @for (kind, url) in all { dt { (kind) } dd { code { (print::line(url)) } } } }
            }
        }
        @for operator in operators { (levels::of(frame, operator)) }
    }
}

fn addresses(services: &Services) -> Vec<(&'static str, &str)> {
    let all = [
        ("OCSP", &services.ocsp),
        ("CRL", &services.crl),
        ("EST", &services.est),
        ("Root pool", &services.root_pool),
    ];
    all.into_iter().flat_map(|(kind, urls)| urls.iter().map(move |url| (kind, url.as_str()))).collect()
}

/// Cross-certificates and sub-CAs.
fn hangs_on_it(frame: &Frame<'_>, fingerprint: &Digest) -> Markup {
    let state = frame.state;
    let crosses: Vec<_> = state
        .lists
        .iter()
        .flat_map(|(id, contents)| contents.cross_certificates.values().map(move |cross| (id, cross)))
        .filter(|(_, cross)| cross.issuer == *fingerprint || cross.subject == *fingerprint)
        .collect();
    let below: Vec<_> = state.sub_cas.values().filter(|one| one.issuer == *fingerprint).collect();
    html! {
        @if !crosses.is_empty() {
            section aria-labelledby="crosses" {
                h2 id="crosses" { "Cross-certificates" }
                ul { @for (id, cross) in crosses { li {
                    a href=(place::certificate(&cross.listed.fingerprint)) { bdi { (cross.listed.name) } } " "
                    (trust::standing(frame, id, &cross.listed)) " on " (parts::list(state, id)) ": "
                    @if cross.issuer == *fingerprint { "vouches for " a href=(place::certificate(&cross.subject)) { (name(state, &cross.subject)) } }
                    @else { a href=(place::certificate(&cross.issuer)) { (name(state, &cross.issuer)) } " vouches for it" }
                } } }
            }
        }
        @if !below.is_empty() {
            section aria-labelledby="below" {
                h2 id="below" { "Sub-CAs that were disclosed" }
                ul { @for one in below { li {
                    a href=(place::certificate(&one.fingerprint)) { (name(state, &one.fingerprint)) }
                    @if one.revoked.is_some() { " " span.badge.withdrawn { "revoked" } }
                } } }
            }
        }
    }
}

/// What people call a certificate.
fn name(state: &State, fingerprint: &Digest) -> Markup {
    let listed = everywhere(state, fingerprint).first().map(|(_, listed)| listed.name.to_string());
    let disclosed = || {
        let read = Certificate::from_der(&state.sub_cas.get(fingerprint)?.certificate).ok()?;
        Some(print::line(read.common_name().unwrap_or_else(|| read.subject())))
    };
    html! { bdi { (listed.or_else(disclosed).unwrap_or_else(|| fingerprint.short())) } }
}
