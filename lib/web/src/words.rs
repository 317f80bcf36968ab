//! Sentences with links in them, for pages and, without the links, for feeds.

use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::role::Role;
use ctl_governance::State;
use ctl_governance::state::Listed;
use maud::{Markup, Render, html};

use crate::place;

/// A sentence, piece by piece. Names in it are from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Our own words.
    Ours(String),
    /// A name, and the page about what it names.
    Named(String, String),
}

impl Words {
    /// A sentence that begins so.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::default().and(text)
    }

    /// It goes on so.
    #[must_use]
    pub(crate) fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Ours(text.into()));
        self
    }

    /// It goes on with another.
    #[must_use]
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// A name that leads to a page.
    #[must_use]
    pub(crate) fn named(mut self, name: impl Into<String>, to: String) -> Self {
        self.0.push(Piece::Named(ctl_pki::print::line(&name.into()), to));
        self
    }

    /// A participant.
    #[must_use]
    pub(crate) fn participant(self, state: &State, id: &ParticipantId) -> Self {
        let name = state.participants.get(id).map_or_else(|| id.to_string(), |found| found.name.to_string());
        self.named(name, place::participant(id))
    }

    /// A list.
    #[must_use]
    pub(crate) fn list(self, state: &State, id: &ListId) -> Self {
        let name = state.charter.lists.get(id).map_or_else(|| id.to_string(), |list| list.name.to_string());
        self.named(name, place::list(id))
    }

    /// A certificate by the name that it has on a list, or applies under.
    #[must_use]
    pub(crate) fn certificate(self, state: &State, list: &ListId, fingerprint: &Digest) -> Self {
        let name = listed(state, list, fingerprint).map(|found| found.name.to_string());
        self.named(name.unwrap_or_else(|| fingerprint.short()), place::certificate(fingerprint))
    }

    /// An application, by the name that applies.
    #[must_use]
    pub(crate) fn application(self, state: &State, index: u64) -> Self {
        let name = state.applications.get(&index).map(|found| found.name.to_string());
        self.named(name.unwrap_or_else(|| format!("application {index}")), place::application(index))
    }

    /// What a role publishes.
    #[must_use]
    pub(crate) fn role(self, state: &State, role: &Role) -> Self {
        match role {
            Role::Root => self.and("the board's keys and rules (root.json)"),
            Role::Targets => self.and("the appointment of signers (targets.json)"),
            Role::Registry => self.and("the ").named("MO registry", place::REGISTRY.to_owned()),
            Role::Notices => self.and("the emergency notices"),
            Role::List(list) => self.and("list ").list(state, list),
        }
    }

    /// Where it leads: the page of the first name in it.
    pub(crate) fn place(&self) -> Option<&str> {
        self.0.iter().find_map(|piece| match piece {
            Piece::Named(_, to) => Some(to.as_str()),
            Piece::Ours(_) => None,
        })
    }

    /// The sentence alone.
    #[must_use]
    pub fn text(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Ours(text) | Piece::Named(text, _) => text.clone(),
        };
        self.0.iter().map(text).collect()
    }
}

impl Render for Words {
    fn render(&self) -> Markup {
        html! {
            @for piece in &self.0 {
                @match piece {
                    Piece::Ours(text) => (text),
                    Piece::Named(name, to) => a href=(to) { bdi { (name) } },
                }
            }
        }
    }
}

/// Something on a list, in whatever status.
pub(crate) fn listed<'a>(state: &'a State, list: &ListId, fingerprint: &Digest) -> Option<&'a Listed> {
    let contents = state.lists.get(list)?;
    let anchor = contents.anchors.get(fingerprint).map(|anchor| &anchor.listed);
    anchor.or_else(|| contents.cross_certificates.get(fingerprint).map(|cross| &cross.listed))
}
