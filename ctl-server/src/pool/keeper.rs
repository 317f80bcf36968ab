//! Has the answers made anew whenever they would be others: a list was published, a notice came into force or ended, a
//! sub-CA was disclosed or revoked, a certificate ended. Looks at each tick of the publisher, and makes them only then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use ctl_core::list::ListPayload;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;

use super::answers::Answers;
use super::config::Config;
use super::sources::Sources;

/// What is served at this moment.
#[derive(Debug)]
pub enum Served {
    /// The configuration names no lists.
    Off,
    /// There is nothing that may be answered, and this is why.
    Unavailable(String),
    Ready(Arc<Answers>),
}

/// What is served; the keeper swaps in the next.
pub type SharedPool = Arc<ArcSwap<Served>>;

/// What of everything changes with almost every change.
#[derive(Debug, PartialEq, Eq)]
struct Looked {
    size: u64,
    went_back: bool,
    /// The publications of the lists.
    entries: Vec<Option<u64>>,
}

/// Keeps the answers up to date.
pub struct Keeper {
    config: Arc<Config>,
    served: SharedPool,
    /// What was last looked at, if time alone had changed nothing in it.
    looked: Option<Looked>,
    /// Of what the answers were made.
    made_of: Option<Digest>,
    next: Option<Timestamp>,
    told: BTreeSet<String>,
}

impl Keeper {
    /// One that has made nothing yet.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let first = if config.lists.is_empty() {
            Served::Off
        } else {
            Served::Unavailable("the pool is not prepared yet".into())
        };
        let served = Arc::new(ArcSwap::from_pointee(first));
        Self { config, served, looked: None, made_of: None, next: None, told: BTreeSet::new() }
    }

    /// What is served.
    #[must_use]
    pub const fn served(&self) -> &SharedPool {
        &self.served
    }

    /// Brings the answers up to date with the state and the clock. `published` has the latest version of each role, by the
    /// index of its entry and the bytes of its document. A server whose log went back vouches for nothing.
    pub fn follow<'a>(
        &mut self,
        state: &State,
        now: Timestamp,
        went_back: bool,
        published: impl Fn(&Role) -> Option<(u64, &'a [u8])>,
    ) {
        if self.config.lists.is_empty() {
            return;
        }
        let lists = self.config.lists.iter();
        let lists: Vec<_> =
            lists.map(|source| (source, published(&Role::List(source.list.clone())))).collect();
        let entries: Vec<Option<u64>> =
            lists.iter().map(|(_, found)| found.map(|(index, _)| index)).collect();
        let view = state.at(now);
        let is_still = matches!(view, std::borrow::Cow::Borrowed(_));
        let looked = is_still.then(|| Looked { size: state.size(), went_back, entries: entries.clone() });
        let is_due = self.next.is_some_and(|next| next <= now);
        if is_still && looked == self.looked && !is_due {
            return;
        }
        self.looked = looked;
        let suspended: BTreeSet<Digest> = view.suspended_keys().collect();
        let mut parts: Vec<Vec<u8>> = vec![vec![u8::from(went_back)]];
        parts.extend(entries.iter().map(|entry| entry.unwrap_or(u64::MAX).to_be_bytes().to_vec()));
        parts.extend(suspended.iter().map(|key| key.as_bytes().to_vec()));
        parts.push(suspended.len().to_be_bytes().to_vec());
        let disclosed = view.sub_cas.values().filter(|sub_ca| sub_ca.revoked.is_none());
        parts.extend(disclosed.map(|sub_ca| sub_ca.fingerprint.as_bytes().to_vec()));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let made_of = Some(Digest::of_parts(&parts));
        if made_of == self.made_of && !is_due {
            return;
        }
        let mut payloads = Vec::new();
        let mut told = BTreeSet::new();
        let mut broken = None;
        for (source, found) in &lists {
            match found.map(|(_, bytes)| ListPayload::read(bytes)) {
                Some(Ok(payload)) => payloads.push((payload, source.ctl.into())),
                Some(Err(error)) => broken = Some(format!("list {} cannot be read: {error}", source.list)),
                None => {
                    told.insert(format!("list {} has not been published", source.list));
                }
            }
        }
        let served = if went_back {
            Served::Unavailable(
                "the log of this server went back: nothing is vouched for until that is settled".into(),
            )
        } else if let Some(broken) = broken {
            Served::Unavailable(broken)
        } else if payloads.is_empty() {
            Served::Unavailable("none of the lists that feed the pool has been published yet".into())
        } else {
            let mut sub_cas: BTreeMap<Digest, Vec<_>> = BTreeMap::new();
            for sub_ca in view.disclosed_sub_cas() {
                sub_cas.entry(sub_ca.issuer).or_default().push(sub_ca);
            }
            let answers = Answers::of(Sources { lists: payloads, sub_cas, suspended, now });
            told.extend(answers.left.iter().map(|left| format!("{} is left out: {}", left.what, left.why)));
            self.next = answers.next;
            tracing::info!(
                left_out = answers.left.len(),
                unsaid = answers.unsaid.len(),
                "the root pool is prepared"
            );
            for unsaid in &answers.unsaid {
                tracing::debug!(unsaid, "the root pool does not say everything");
            }
            Served::Ready(Arc::new(answers))
        };
        if let Served::Unavailable(why) = &served {
            self.next = None;
            told.insert(why.clone());
        }
        for problem in told.difference(&self.told) {
            tracing::warn!(problem, "the root pool");
        }
        (self.told, self.made_of) = (told, made_of);
        self.served.store(Arc::new(served));
    }
}
