//! Who can charge where by the latest version of each list, as JSON, as a picture and as the body of a page. Computed
//! after each publication, once a day, because certificates expire, and when a list's condition ends the trust in a root;
//! in the background and one list at a time, so that nothing that devices need waits for it.

use std::sync::Arc;

use bytes::Bytes;
use ctl_core::list::{ListPayload, MAX_PAYLOAD};
use ctl_core::names::ListId;
use ctl_core::parts::{Constraints, Purpose};
use ctl_core::paths::INTEROP;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp, json};
use ctl_governance::State;
use ctl_reach::document::Subject;
use ctl_reach::{Network, both_standards, document, svg};

use super::edition::Edition;
use super::prepared::{Caching, ContentType};
use super::replay::Publication;
use crate::ledger::Snapshot;

const DAY: i64 = 86_400;

/// What the answers of a moment are for: the beginning of its day (UTC), or the latest end of a condition since then.
pub(super) fn moment(now: Timestamp, state: &State) -> Timestamp {
    let day = Timestamp::from_unix(now.unix() - now.unix().rem_euclid(DAY));
    let anchors = state.lists.values().flat_map(|contents| contents.anchors.values());
    let ends = anchors.filter_map(|anchor| anchor.constraints.time(Constraints::NOT_TRUSTED_AFTER));
    ends.filter(|end| *end <= now).fold(day, Timestamp::max)
}

/// What to answer: for one version of a list and one moment.
#[derive(Clone, Debug)]
pub struct Question {
    publication: Publication,
    ledger: Arc<Snapshot>,
    moment: Timestamp,
}

/// The answers, as served.
#[derive(Clone, Debug)]
pub struct Answers {
    list: ListId,
    publication: u64,
    json: Bytes,
    svg: Bytes,
    /// The body of the page.
    page: Arc<str>,
}

impl Question {
    pub(super) const fn new(publication: Publication, ledger: Arc<Snapshot>, moment: Timestamp) -> Self {
        Self { publication, ledger, moment }
    }

    /// Computes the answers; none if the publication is no list. They hold for the moment that was asked about, or the
    /// list's own time if that is later. Takes long for a list with many cross-certificates.
    #[must_use]
    pub fn answer(&self) -> Option<Answers> {
        let publication = &self.publication;
        let (Role::List(list), Some(bytes)) = (publication.role(), &publication.documents.document) else {
            return None;
        };
        let payload: ListPayload = match json::read(bytes, MAX_PAYLOAD) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, %list, "cannot compute who can charge where");
                return None;
            }
        };
        let at = self.moment.max(payload.issued_at);
        let subject = Subject { list: list.clone(), sequence: payload.sequence, sha256: Digest::of(bytes) };
        let state = &self.ledger.state;
        let network =
            Network::of_list(&payload).suspend(state.suspended_keys()).disclose(state.disclosed_sub_cas());
        let matrices = both_standards(network, Purpose::V2g, at);
        let (json, svg) = (document::document(&subject, &matrices), svg::svg(&subject, &matrices));
        let (json, svg) = (json.into(), svg.into());
        let page = ctl_web::reach_body(&subject, &matrices).into();
        Some(Answers { list: list.clone(), publication: publication.index, json, svg, page })
    }
}

impl Answers {
    /// The list.
    pub(super) fn role(&self) -> Role {
        Role::List(self.list.clone())
    }

    /// Index of the publication's entry.
    pub(super) const fn publication(&self) -> u64 {
        self.publication
    }

    /// Adds the files.
    pub(super) fn publish(self, edition: &mut Edition) {
        let path = INTEROP.of(&[&self.list]);
        edition.site.show_reach(&self.role(), self.page);
        edition.put_bytes(&path, self.json, ContentType::Json, Caching::Latest);
        edition.put_bytes(&format!("{path}.svg"), self.svg, ContentType::Svg, Caching::Latest);
    }
}
