//! When a draft is due, and whether one that was opened is the one that may be.

use ctl_core::Timestamp;
use ctl_core::json::MAX_INTEGER;
use ctl_core::role::Role;

use super::content;
use crate::State;
use crate::rules::Rules;
use crate::state::{Draft, Event, Notice, Published};
use crate::statement::body::DraftOpen;

/// What should be drafted now: roles that were never published, whose document would say something
/// else than the published one, or of whose validity less than half is left; unless such a draft
/// waits for signatures already. A fresh draft makes signers begin anew, so it waits a quarter of
/// the validity. A role is due only once the board's metadata has appointed who signs for it.
#[must_use]
pub fn due(state: &State, now: Timestamp) -> Vec<DraftOpen> {
    let state = &*state.at(now);
    roles(state).filter_map(|role| of_role(state, role, now)).collect()
}

/// The roles that the charter has people sign for.
pub(crate) fn roles(state: &State) -> impl Iterator<Item = Role> {
    let lists = state.charter.lists.keys().cloned().map(Role::List);
    [Role::Root, Role::Targets, Role::Notices, Role::Registry].into_iter().chain(lists)
}

/// The same for one role: the others are not looked at.
#[must_use]
pub fn due_for(state: &State, role: &Role, now: Timestamp) -> Option<DraftOpen> {
    of_role(&state.at(now), role.clone(), now)
}

/// `state` is that at `now`.
fn of_role(state: &State, role: Role, now: Timestamp) -> Option<DraftOpen> {
    let validity = validity(state, &role)?;
    let issued_at = if is_first_root(state, &role) { state.founded_at } else { now };
    let open = (is_appointed(state, &role) && is_due(state, &role, validity, now)).then(|| DraftOpen {
        expires: issued_at.plus_seconds(validity),
        issued_at,
        sequence: next_sequence(state, &role),
        version: next_version(state, &role),
        role,
    });
    open.filter(is_readable)
}

/// Nobody could read a document with a greater number.
fn is_readable(open: &DraftOpen) -> bool {
    open.version <= MAX_INTEGER && open.sequence.unwrap_or(0) <= MAX_INTEGER
}

fn is_due(state: &State, role: &Role, validity: u64, now: Timestamp) -> bool {
    let content = content(state, role);
    let published = state.published.get(role);
    let stands = |last: &Published| {
        // After a restart, nobody takes up a number that they have seen before.
        let from = state.go_on_from(&role.to_string());
        let behind = last.open.version < from.version || last.open.sequence.unwrap_or(0) < from.sequence;
        last.documents.content == content && !is_half_over(last, now) && !behind
    };
    if published.is_some_and(stands) {
        return false;
    }
    let waits = state.drafts.get(role).is_some_and(|draft| {
        draft.open.version == next_version(state, role)
            && draft.documents.content == content
            && now < opened_anew(draft, validity)
    });
    !waits
}

fn is_half_over(published: &Published, now: Timestamp) -> bool {
    now > half_of(published)
}

/// The last moment at which a published document needs no successor by its age.
pub(crate) fn half_of(published: &Published) -> Timestamp {
    let open = &published.open;
    open.expires.minus_seconds(open.expires.seconds_since(open.issued_at).div_ceil(2))
}

/// When a draft that nobody has signed makes way for a fresh one.
fn opened_anew(draft: &Draft, validity: u64) -> Timestamp {
    draft.open.issued_at.plus_seconds(validity / 4)
}

/// The next ceremony of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceremony {
    /// A draft waits for signatures: to be signed before it is opened anew, and before what it follows has expired.
    Waits { opened: Timestamp, until: Timestamp, entry: u64 },
    /// The next draft is opened then, if nobody decides anything before.
    Opens { at: Timestamp, published: u64 },
}

/// When people are to meet to sign for a role, as far as it can be told at this moment.
pub(crate) fn ceremony(state: &State, role: &Role) -> Option<Ceremony> {
    let validity = validity(state, role)?;
    let published = state.published.get(role);
    if let Some(draft) = state.drafts.get(role).filter(|one| one.open.version == next_version(state, role)) {
        let anew = opened_anew(draft, validity);
        let until = published.map_or(anew, |published| anew.min(published.open.expires));
        return Some(Ceremony::Waits { opened: draft.open.issued_at, until, entry: draft.index });
    }
    let published = published?;
    let half = half_of(published);
    let at = changes_by_itself(state, role).map_or(half, |change| change.min(half));
    Some(Ceremony::Opens { at, published: published.index })
}

/// The next moment at which time alone changes what a role's document says.
fn changes_by_itself(state: &State, role: &Role) -> Option<Timestamp> {
    let concerns = |event: &Event| match (event, role) {
        (Event::TakenUp(list, _) | Event::Ends(list, _), Role::List(own)) => list == own,
        (Event::NoticeExpires(index), Role::List(own)) => {
            state.notices.get(index).is_some_and(|notice| notice.in_force() && notice.list == *own)
        }
        (Event::NoticeExpires(index), Role::Notices) => {
            state.notices.get(index).is_some_and(Notice::in_force)
        }
        _ => false,
    };
    state.agenda.iter().find(|(_, event)| concerns(event)).map(|(at, _)| *at)
}

/// Root appoints itself.
fn is_appointed(state: &State, role: &Role) -> bool {
    *role == Role::Root || (state.authorities.contains_key(role) && state.published.contains_key(&Role::Root))
}

/// How long a role's document is valid, in seconds; none for a list that the charter does not know.
fn validity(state: &State, role: &Role) -> Option<u64> {
    let charter = &state.charter;
    Some(match role {
        Role::Root => charter.validity.root_seconds,
        Role::Targets => charter.validity.targets_seconds,
        Role::Registry => charter.registry.validity_seconds,
        Role::Notices => charter.notices.validity_seconds,
        Role::List(list) => charter.lists.get(list)?.validity_seconds,
    })
}

fn is_first_root(state: &State, role: &Role) -> bool {
    *role == Role::Root && !state.published.contains_key(role)
}

fn next_version(state: &State, role: &Role) -> u64 {
    let published = state.published.get(role).map_or(0, |published| published.open.version);
    published.max(state.go_on_from(&role.to_string()).version).saturating_add(1)
}

/// None for the board's metadata, which has versions only.
fn next_sequence(state: &State, role: &Role) -> Option<u64> {
    role.document_typ()?;
    let last = state.published.get(role).and_then(|published| published.open.sequence).unwrap_or(0);
    Some(last.max(state.go_on_from(&role.to_string()).sequence).saturating_add(1))
}

/// Whether this draft may be opened at this moment: its numbers are the next ones, its times those
/// that the charter asks for, and someone is appointed to sign it. The first root is signed before
/// there is a ledger, so it is of the genesis' time.
///
/// # Errors
/// What is wrong, for people.
pub fn opens_correctly(
    rules: &Rules,
    state: &State,
    open: &DraftOpen,
    recorded_at: Timestamp,
) -> Result<(), String> {
    let role = &open.role;
    let Some(validity) = validity(state, role) else {
        return Err(format!("the charter has no list {role}"));
    };
    if !is_appointed(state, role) {
        return Err(format!("nobody is appointed yet to sign for {role}: publish root, then targets"));
    }
    let version = next_version(state, role);
    if open.version != version {
        return Err(format!("version {} of {role} is not the next one, {version}", open.version));
    }
    let sequence = next_sequence(state, role);
    if open.sequence != sequence {
        let text = |number: Option<u64>| number.map_or("no sequence".into(), |n| format!("sequence {n}"));
        return Err(format!("{role} is to have {}, not {}", text(sequence), text(open.sequence)));
    }
    if !is_readable(open) {
        return Err(format!("{role} is at its end: no number above {MAX_INTEGER} can be read"));
    }
    let distance = recorded_at.seconds_since(open.issued_at).max(open.issued_at.seconds_since(recorded_at));
    if is_first_root(state, role) {
        if open.issued_at != state.founded_at {
            let (found, founded) = (open.issued_at, state.founded_at);
            return Err(format!("the first root is of the genesis' time, {founded}, not {found}"));
        }
    } else if distance > rules.drafted_within_seconds {
        let (issued_at, within) = (open.issued_at, rules.drafted_within_seconds);
        return Err(format!("issued_at {issued_at} is more than {within} seconds away from {recorded_at}"));
    }
    let expires = open.issued_at.plus_seconds(validity);
    if open.expires != expires {
        let found = open.expires;
        return Err(format!(
            "{role} is valid for {validity} seconds, so it expires at {expires}, not {found}"
        ));
    }
    Ok(())
}
