//! Whether a statement may be recorded: first the rules for every statement, then those for its type.

mod applications;
mod cross;
mod decisions;
mod notices;
mod people;
pub(crate) mod publications;
mod registry;
mod restart;
mod service_levels;
mod signers;

use ctl_core::Timestamp;
use ctl_core::keys::PublicKey;

use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::State;
use crate::statement::{Body, Statement, known};
pub(crate) use people::check_name;
use signers::Signers;
pub use signers::Verified;

/// What every check uses.
pub(crate) struct Context<'a> {
    pub(crate) rules: &'static Rules,
    pub(crate) state: &'a State,
    pub(crate) signers: Signers<'a>,
    pub(crate) recorded_at: Timestamp,
}

pub(crate) fn check(
    rules: &'static Rules,
    state: &State,
    statement: &Statement,
    recorded_at: Timestamp,
    verified: &Verified,
) -> Result<(), Refusal> {
    check_known(rules, &statement.payload.body)?;
    check_frame(rules, state, statement, recorded_at)?;
    let signers = Signers::resolve(state, statement, verified)?;
    if !statement.payload.body.is_of_watchers() {
        check_quota(state, &signers, recorded_at)?;
    }
    let context = Context { rules, state, signers, recorded_at };
    match &statement.payload.body {
        Body::CharterEstablish(_) => {
            Err(Refusal::new(Reason::Genesis, "this ledger has its genesis already"))
        }
        Body::ParticipantRegister(body) => people::register(&context, body),
        Body::ParticipantRotateKey(body) => people::rotate_key(&context, body),
        Body::ParticipantSuspend(body) => people::suspend(&context, body),
        Body::ApplicationSubmit(body) => applications::submit(&context, body),
        Body::ApplicationWithdraw(body) => applications::withdraw(&context, body),
        Body::EvidenceAttach(body) => applications::evidence(&context, body),
        Body::ScreeningRecord(body) => applications::screening(&context, body),
        Body::CommentAdd(body) => applications::comment(&context, body),
        Body::SubcaDisclose(body) => applications::disclose_sub_ca(&context, body),
        Body::SubcaRevoke(body) => applications::revoke_sub_ca(&context, body),
        Body::ProposalOpen(body) => decisions::open(&context, body),
        Body::VoteCast(body) => decisions::vote(&context, body),
        Body::MoAssign(body) => registry::assign(&context, body),
        Body::MoUpdate(body) => registry::update(&context, body),
        Body::MoTransfer(body) => registry::transfer(&context, body),
        Body::MoSuspend(body) => registry::suspend(&context, body),
        Body::MoWithdraw(body) => registry::withdraw(&context, body),
        Body::NoticeIssue(body) => notices::issue(&context, body),
        Body::NoticeLift(body) => notices::lift(&context, body),
        Body::DraftOpen(body) => publications::open_draft(&context, body),
        Body::PublicationRecord(body) => publications::record(&context, body),
        Body::SlaBreach(body) => service_levels::breach(&context, body),
        Body::SlaReport(body) => service_levels::report(&context, body),
        Body::CrossRequest(body) => cross::request(&context, body),
        Body::CrossRespond(body) => cross::respond(&context, body),
        #[cfg(test)]
        Body::Greet(_) => context.signers.one().map(|_| ()),
        Body::LogRestart(body) => restart::restart(&context, body),
    }
}

/// Statements that only later rules know are refused.
fn check_known(rules: &Rules, body: &Body) -> Result<(), Refusal> {
    let (version, type_name) = (rules.version, body.type_name());
    let (what, since) = if body.since() > version {
        ("statements of this type", body.since())
    } else if let Some(found) = known::unknown_member(version, body) {
        found
    } else {
        return Ok(());
    };
    let detail = format!(
        "{type_name}: {what}: unknown under rules {version}; amend the charter to rules {since} first"
    );
    Err(Refusal::new(Reason::Content, detail))
}

/// Checks scheme, identity, size, times and basis.
fn check_frame(
    rules: &Rules,
    state: &State,
    statement: &Statement,
    recorded_at: Timestamp,
) -> Result<(), Refusal> {
    let payload = &statement.payload;
    let refuse = |reason, detail: String| Err(Refusal::new(reason, detail));
    if payload.scheme != state.scheme {
        let (theirs, ours) = (payload.scheme, state.scheme);
        return refuse(Reason::OtherScheme, format!("the statement is for scheme {theirs}, this is {ours}"));
    }
    if state.recorded.contains(&statement.id) {
        return refuse(
            Reason::Replayed,
            format!("statement {} is recorded already; a statement counts once", statement.id.short()),
        );
    }
    if recorded_at < state.clock {
        let clock = state.clock;
        return refuse(Reason::Time, format!("{recorded_at} is before the last entry, recorded at {clock}"));
    }
    let issued_at = payload.issued_at;
    let ahead = rules.issued_ahead_seconds;
    if issued_at > recorded_at.plus_seconds(ahead) {
        return refuse(
            Reason::Time,
            format!(
                "signed at {issued_at}, more than {ahead} seconds ahead of {recorded_at}; check your clock"
            ),
        );
    }
    let behind = state.charter.limits.issued_behind_seconds;
    if issued_at < recorded_at.minus_seconds(behind) {
        return refuse(
            Reason::Time,
            format!("signed at {issued_at}, more than {behind} seconds before {recorded_at}; sign it again"),
        );
    }
    let basis = payload.basis;
    if let Some(restart) = state.restarts.last()
        && state.root_at(basis.size) != Some(basis.root_hash)
    {
        return refuse(
            Reason::Basis,
            format!(
                "its author saw a log that is not this one; the log began anew at {}: sync, and sign again",
                restart.time
            ),
        );
    }
    match state.root_at(basis.size) {
        Some(root) if root == basis.root_hash => Ok(()),
        Some(_) => refuse(
            Reason::Basis,
            format!(
                "its author saw another history of this log at size {}: keep what you saw as evidence",
                basis.size
            ),
        ),
        None => refuse(
            Reason::Basis,
            format!("its author saw {} entries, but there are only {} here", basis.size, state.size()),
        ),
    }
}

fn check_quota(state: &State, signers: &Signers<'_>, recorded_at: Timestamp) -> Result<(), Refusal> {
    let limit = state.charter.limits.statements_per_day;
    let today = day(recorded_at);
    for participant in &signers.participants {
        let used = state.recorded_today.get(&participant.id).filter(|(day, _)| *day == today);
        if used.is_some_and(|(_, count)| *count >= limit) {
            let id = &participant.id;
            return Err(Refusal::new(
                Reason::Quota,
                format!(
                    "{id} has {limit} statements recorded today, which is its quota; try again tomorrow (UTC)"
                ),
            ));
        }
    }
    Ok(())
}

/// The number of the day (UTC) since 1970.
pub(super) const fn day(time: Timestamp) -> i64 {
    time.unix().div_euclid(86_400)
}

/// A new key must belong to nobody, and be neither the server's nor a witness's.
fn check_new_key(state: &State, key: &PublicKey) -> Result<(), Refusal> {
    if let Some(record) = state.keys.get(&key.key_id()) {
        let participant = &record.participant;
        return Err(Refusal::new(
            Reason::Exists,
            format!("the key is or was {participant}'s; make a new one"),
        ));
    }
    if state.charter.machine_keys().contains(&key) {
        return Err(Refusal::new(Reason::Exists, "the key is the server's or a witness's; make a new one"));
    }
    Ok(())
}
