//! Which vehicles can charge at which chargers, by the latest version of each list: as JSON and as a
//! picture, made at publication and once a day, because certificates expire.

use ctl_core::governance::State;
use ctl_core::interop::document::Subject;
use ctl_core::interop::{Network, both_standards, document, svg};
use ctl_core::list::{ListPayload, MAX_PAYLOAD};
use ctl_core::role::Role;
use ctl_core::statement::parts::Purpose;
use ctl_core::{Digest, Timestamp, json};

use super::edition::Edition;
use super::history::Publication;
use super::site::{Caching, ContentType};

const DAY: i64 = 86_400;

/// The beginning of the day (UTC) that a moment is in.
#[must_use]
pub const fn day(now: Timestamp) -> Timestamp {
    Timestamp::from_unix(now.unix() - now.unix().rem_euclid(DAY))
}

/// Puts in the answers for the latest version of a list; does nothing for other roles. They are right
/// for the beginning of this day, or for the list's own time where that is later.
pub fn publish(edition: &mut Edition, latest: &Publication, state: &State, day: Timestamp) {
    let (Role::List(list), Some(bytes)) = (latest.role(), &latest.documents.document) else { return };
    let payload: ListPayload = match json::read(bytes, MAX_PAYLOAD) {
        Ok(payload) => payload,
        Err(error) => {
            tracing::error!(%error, %list, "who can charge where is not answered");
            return;
        }
    };
    let at = day.max(payload.issued_at);
    let subject = Subject { list: list.clone(), sequence: payload.sequence, sha256: Digest::of(bytes) };
    let network = Network::of_list(&payload).in_state(state, list);
    let matrices = both_standards(network, Purpose::V2g, at);
    let (answers, picture) = (document::document(&subject, &matrices), svg::svg(&subject, &matrices));
    let path = format!("v1/lists/{list}/interop");
    edition.put_bytes(&path, answers, ContentType::Json, Caching::Latest);
    edition.put_bytes(&format!("{path}.svg"), picture, ContentType::Svg, Caching::Latest);
}
