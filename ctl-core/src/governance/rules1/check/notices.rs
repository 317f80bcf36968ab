//! Emergency notices: fewer people can withdraw trust than grant it, within bounds.

use super::Context;
use crate::governance::refusal::{Reason, Refusal};
use crate::governance::state::Notice;
use crate::statement::body::{NoticeIssue, NoticeLift};

pub(super) fn issue(context: &Context<'_>, body: &NoticeIssue) -> Result<(), Refusal> {
    let state = context.state;
    let charter = &state.charter.notices;
    let refuse = |reason, detail: String| Err(Refusal::new(reason, detail));
    let Some(anchor) = state.anchor(&body.list, &body.anchor) else {
        return refuse(Reason::NotFound, format!("{} is not on list {}", body.anchor.short(), body.list));
    };
    let same = |notice: &Notice| notice.list == body.list && notice.spki == anchor.listed.spki;
    let again = state.notices.values().any(same);
    // One officer acts at once; keeping it up against the same key takes two.
    let needed = if again { charter.officers.threshold.max(2) } else { charter.officers.threshold };
    context.signers.holders(&charter.officers, needed, "emergency officers", &[])?;
    if !state.effective_status(&body.list, &anchor.listed).status.is_listed() {
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
    let orphaned =
        anchor.uses.iter().find(|u| !state.use_survives_without(&body.list, &anchor.listed.spki, **u));
    match orphaned {
        Some(orphaned) => refuse(
            Reason::NoticeLimit,
            format!("no other anchor on list {} serves {orphaned}; a decision is needed", body.list),
        ),
        None => Ok(()),
    }
}

pub(super) fn lift(context: &Context<'_>, body: &NoticeLift) -> Result<(), Refusal> {
    let officers = &context.state.charter.notices.officers;
    context.signers.holders(officers, officers.threshold.max(2), "emergency officers", &[])?;
    match context.state.notices.get(&body.notice) {
        Some(notice) if notice.in_force() => Ok(()),
        Some(_) => Err(Refusal::new(Reason::Stage, format!("notice {} is not in force", body.notice))),
        None => Err(Refusal::new(Reason::NotFound, format!("there is no notice {}", body.notice))),
    }
}
