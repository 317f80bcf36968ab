//! The roots that subscribers are told of: the entries of the pools that the followed lists feed, in each protocol's form.

use std::collections::BTreeMap;

use ctl_core::list::ListPayload;
use ctl_core::list::offline::Document;
use ctl_core::parts::{DistrustKind, Distrusted};
use ctl_formats::{EventRoot, Pool, PoolCtl, PoolForm, PoolSource};

/// Where an entry stands: the pool's form, and its id there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub form: PoolForm,
    pub id: String,
}

/// Entries of pools.
pub type Roots = BTreeMap<Key, EventRoot>;

/// The forms of pools, each with its word in the store.
pub const FORMS: [(PoolForm, &str); 2] = [(PoolForm::Opcp, "opcp"), (PoolForm::Opnc, "opnc")];

/// A form's word in the store.
#[must_use]
pub fn form_word(form: PoolForm) -> &'static str {
    FORMS.iter().find(|(known, _)| *known == form).map_or("", |(_, word)| word)
}

/// The form of a word.
#[must_use]
pub fn form_of(word: &str) -> Option<PoolForm> {
    FORMS.iter().find(|(_, known)| *known == word).map(|(form, _)| *form)
}

/// The entries that follow from these documents. What a list distrusts or a notice suspends stands in no pool: devices do
/// not trust it for now, and to learn that late costs a subscriber more than to hear of the root twice. A notice is over
/// when a newer version of the notices is without it.
#[must_use]
pub fn roots<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Roots {
    let (mut lists, mut suspended): (Vec<ListPayload>, Vec<Distrusted>) = (Vec::new(), Vec::new());
    for document in documents {
        match document {
            Document::List(list) => lists.push((**list).clone()),
            Document::Notices(notices) => suspended.extend(notices.notices.iter().flat_map(|notice| {
                [(DistrustKind::Certificate, notice.anchor), (DistrustKind::Spki, notice.spki)]
                    .map(|(kind, sha256)| Distrusted { kind, sha256 })
            })),
            Document::Registry(_) => {}
        }
    }
    for list in &mut lists {
        list.distrusted.extend(&suspended);
    }
    // On which list a root stands does not change its events.
    let sources: Vec<PoolSource<'_>> =
        lists.iter().map(|list| PoolSource { list, ctl: PoolCtl::None }).collect();
    let pools = FORMS.map(|(form, _)| Pool::of(&sources, form));
    let entries = pools.iter().flat_map(|pool| pool.entries.iter().map(|entry| (pool.form, entry)));
    entries.map(|(form, entry)| (Key { form, id: entry.id() }, entry.event_root())).collect()
}
