//! Checks emergency notices: fewer people can withdraw trust than grant it, within bounds.

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::parts::Use;

use super::Context;
use crate::refusal::{Reason, Refusal};
use crate::state::State;
use crate::statement::body::{NoticeIssue, NoticeLift};

pub(super) fn issue(context: &Context<'_>, body: &NoticeIssue) -> Result<(), Refusal> {
    let state = context.state;
    let charter = &state.charter.notices;
    let refuse = |reason, detail: String| Err(Refusal::new(reason, detail));
    let Some(anchor) = state.anchor(&body.list, &body.anchor) else {
        return refuse(Reason::NotFound, format!("{} is not on list {}", body.anchor.short(), body.list));
    };
    let again = state.notices.values().any(|notice| notice.spki == anchor.listed.spki);
    // One officer can act at once; repeating it against the same key takes more.
    let threshold = charter.officers.threshold;
    let needed = if again { threshold.max(context.rules.repeated_notice_officers) } else { threshold };
    context.signers.holders(&charter.officers, needed, "emergency officers", &[])?;
    if !state.is_trusted(&body.list, &anchor.listed) {
        return refuse(Reason::Stage, format!("{} is not trusted as it is", body.anchor.short()));
    }
    if body.expires_at <= context.recorded_at {
        return refuse(Reason::Content, format!("it would have ended at {}, before now", body.expires_at));
    }
    let longest = context.recorded_at.plus_seconds(charter.max_duration_seconds);
    if body.expires_at > longest {
        return refuse(Reason::NoticeLimit, format!("a notice lasts at most until {longest}"));
    }
    let in_force = state.notices.values().filter(|notice| notice.in_force()).count();
    if in_force >= charter.max_in_force as usize {
        return refuse(
            Reason::NoticeLimit,
            format!("{in_force} notices are in force, which is all the charter allows; a decision is needed"),
        );
    }
    match orphaned(state, &anchor.listed.spki) {
        Some((list, orphaned)) => refuse(
            Reason::NoticeLimit,
            format!("no other anchor on list {list} serves {orphaned}; a decision is needed"),
        ),
        None => Ok(()),
    }
}

/// A use that no other anchor would serve without this key, on any list: devices drop the key everywhere.
fn orphaned(state: &State, spki: &Digest) -> Option<(ListId, Use)> {
    state.lists.iter().find_map(|(list, contents)| {
        let of_key = contents.anchors.values().filter(|anchor| anchor.listed.spki == *spki);
        let trusted = of_key.filter(|anchor| state.is_trusted(list, &anchor.listed));
        let mut uses = trusted.flat_map(|anchor| &anchor.uses);
        uses.find(|u| !state.use_survives_without(list, spki, **u)).map(|u| (list.clone(), *u))
    })
}

pub(super) fn lift(context: &Context<'_>, body: &NoticeLift) -> Result<(), Refusal> {
    let officers = &context.state.charter.notices.officers;
    context.signers.holders(
        officers,
        officers.threshold.max(context.rules.lift_officers),
        "emergency officers",
        &[],
    )?;
    match context.state.notices.get(&body.notice) {
        Some(notice) if notice.in_force() => Ok(()),
        Some(_) => Err(Refusal::new(Reason::Stage, format!("notice {} is not in force", body.notice))),
        None => Err(Refusal::new(Reason::NotFound, format!("there is no notice {}", body.notice))),
    }
}
