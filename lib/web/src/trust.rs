//! Whether what stands on a list is trusted, whether devices can know it yet, and if it is not, why.

use ctl_core::names::ListId;
use ctl_core::parts::{AnchorStatus, Constraints, DistrustKind, Distrusted};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::state::{CrossCertificate, Listed, StatusChange};
use maud::{Markup, html};

use crate::{Frame, parts, place};

/// Something on a list as a cross-certificate, if it is one.
fn cross<'a>(state: &'a State, id: &ListId, listed: &Listed) -> Option<&'a CrossCertificate> {
    state.lists.get(id)?.cross_certificates.get(&listed.fingerprint).map(|cross| &**cross)
}

/// Whether it is trusted now: a cross-certificate only with both roots that it connects.
pub(crate) fn is_trusted(frame: &Frame<'_>, id: &ListId, listed: &Listed) -> bool {
    frame.state.is_trusted_at(id, listed, frame.now)
}

/// The status that counts, whether a published version has it, and that it does not count if it does not.
pub(crate) fn standing(frame: &Frame<'_>, id: &ListId, listed: &Listed) -> Markup {
    let status = frame.state.effective_status(listed).status;
    html! {
        (parts::badge(status, meaning(listed, status)))
        @if status.is_listed() && listed.first_published.is_none() { " " span.badge.warning { "not published yet" } }
        @if status.is_listed() && !is_trusted(frame, id, listed) { " " span.badge.suspended title="whatever its status: by decision, by a condition of the list, with another certificate of its key, or with a root that it connects" { "not trusted" } }
    }
}

/// What the published version says of it if that is something else than what is decided. While an emergency notice holds
/// against its key or a root's that it connects, devices go by that, whatever the version says.
pub(crate) fn published(frame: &Frame<'_>, id: &ListId, listed: &Listed) -> Option<Markup> {
    let state = frame.state;
    // What was never on a published version is told by its status.
    let (Some(version), Some(_)) = (state.published_list(id), listed.first_published) else { return None };
    let has = version.anchors.iter().any(|one| one.fingerprint == listed.fingerprint)
        || version.cross_certificates.iter().any(|one| one.fingerprint == listed.fingerprint);
    let cross = cross(state, id, listed);
    let decided = match cross {
        Some(cross) => state.is_cross_trusted(id, cross),
        None => state.is_trusted(id, listed),
    };
    let ends = cross.into_iter().flat_map(|cross| [cross.issuer, cross.subject]);
    let mut keys: Vec<Digest> = ends.filter_map(|end| Some(state.anchor(id, &end)?.listed.spki)).collect();
    keys.push(listed.spki);
    let noticed = state.suspended_keys().any(|key| keys.contains(&key));
    let number = html! { a href=(place::version(id, version.sequence)) { "Version " (version.sequence) } };
    match (has, decided) {
        (true, false) if listed.expired.is_none() && !noticed => {
            Some(html! { (number) " still has it: it leaves with the next one that is signed" })
        }
        (false, true) => {
            Some(html! { (number) " does not have it: it comes back with the next one that is signed" })
        }
        _ => None,
    }
}

/// What its status means for whoever relies on the list.
pub(crate) fn meaning(listed: &Listed, status: AnchorStatus) -> &'static str {
    match (status, listed.first_published) {
        (AnchorStatus::Qualified, None) => "admitted; no published version has it yet",
        _ => parts::meaning(status),
    }
}

/// The decisions that distrust it or its key, with what each of them is about.
pub(crate) fn distrusted<'a>(
    state: &'a State,
    id: &ListId,
    listed: &Listed,
) -> impl Iterator<Item = (&'static str, u64)> + use<'a> {
    let names =
        [("it", DistrustKind::Certificate, listed.fingerprint), ("its key", DistrustKind::Spki, listed.spki)];
    let contents = state.lists.get(id);
    names.into_iter().filter_map(move |(what, kind, sha256)| {
        Some((what, *contents?.distrusted.get(&Distrusted { kind, sha256 })?))
    })
}

/// Why it is not trusted although its own status would let it be.
pub(crate) fn why_not(frame: &Frame<'_>, id: &ListId, listed: &Listed) -> Markup {
    let state = frame.state;
    let named = |one: &Listed| html! { a href=(place::certificate(&one.fingerprint)) { bdi { (one.name) } } };
    let mut why: Vec<Markup> = Vec::new();
    for (what, proposal) in distrusted(state, id, listed) {
        why.push(html! { (what) " is distrusted by " (parts::decision(proposal)) });
    }
    let anchor = state.anchor(id, &listed.fingerprint);
    let limit = anchor.and_then(|anchor| anchor.constraints.time(Constraints::NOT_TRUSTED_AFTER));
    if let Some(limit) = limit.filter(|limit| *limit <= frame.now) {
        why.push(html! { "by a condition of the list, since " (parts::moment(limit)) });
    }
    let cross = cross(state, id, listed);
    let connects =
        |one: &Listed| cross.is_some_and(|cross| [cross.issuer, cross.subject].contains(&one.fingerprint));
    let anchors = || state.lists.get(id).into_iter().flat_map(|contents| contents.anchors.values());
    for one in anchors().map(|anchor| &anchor.listed) {
        if connects(one) {
            if !is_trusted(frame, id, one) {
                why.push(html! { "the root " (named(one)) " that it connects is not trusted: " (standing(frame, id, one)) });
            }
        } else if one.spki == listed.spki && one.fingerprint != listed.fingerprint {
            let status = state.effective_status(one);
            if status.status.is_distrusted() {
                why.push(html! { (named(one)) " with the same key is " (parts::status(status.status)) " by " (parts::entry(status.cause)) });
            }
        }
    }
    html! { @for (at, why) in why.iter().enumerate() { @if at > 0 { "; " } (why) } }
}

/// The status that it had at a moment by decision and time; none before it was admitted.
pub(crate) fn at(listed: &Listed, moment: Timestamp) -> Option<StatusChange> {
    listed.history.iter().take_while(|change| change.at <= moment).last().copied()
}

/// When it left its list because its certificate ended, and what had put it there. None of what had left before.
pub(crate) fn ended(listed: &Listed) -> Option<StatusChange> {
    let end = listed.expired?;
    let last = at(listed, end).filter(|last| last.status.is_listed())?;
    Some(StatusChange { at: end, status: AnchorStatus::Expired, ..last })
}
