//! What stays in the files of a sink though no list puts it there now: what others left, what would otherwise leave a
//! bundle empty, and everything while the lists cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;

use super::block::Block;
use super::file::{Content, FileSink};
use super::form::Form;
use super::plan::is_distrusted;
use super::present::Present;
use super::{Plan, Sink as _, fingerprint};
use crate::error::ClientError;
use crate::store::TrustStore;

impl FileSink {
    /// Whether what others left here can be kept.
    pub(super) fn check_what_is_there(
        &self,
        present: &Present,
        placed: &BTreeSet<Digest>,
    ) -> Result<(), ClientError> {
        let is_new = placed.is_empty() && !self.was_filled();
        if let Some(name) =
            present.files.keys().find(|name| is_new && self.is_a_strangers(name, &present.files))
        {
            return Err(self.error(format!("{name} is there already and is something else: move it away")));
        }
        if let Some(other) = present.others.first().filter(|_| self.config.keep_foreign) {
            return Err(self.error(format!("{other} is no regular file, and cannot be kept: move it away")));
        }
        Ok(())
    }

    /// What is there without what is distrusted, and nothing else: what the lists name is not known.
    pub(super) fn plan_removals(
        &self,
        store: &TrustStore,
        present: Present,
        remembered: &BTreeSet<Digest>,
        placed: &BTreeSet<Digest>,
    ) -> Plan {
        let files = self.without_distrusted(&present.files, store);
        let holds = self.certificates(&files);
        let mut complaints = Vec::new();
        if holds.is_empty() && !self.certificates(&present.files).is_empty() {
            complaints.push(self.complaint("TRUSTS NOBODY: all that it held is distrusted".into()));
        }
        Plan {
            ours: &holds & placed,
            foreign: &holds - placed,
            removed: self.removed(&present.files, &holds, placed, store),
            in_place: self.are_as_they_are(&files, &present.files),
            placed: remembered.clone(),
            files,
            complaints,
            ..Plan::default()
        }
    }

    /// Leaves in each file only what stands in it already.
    pub(super) fn keep_to_what_is_there(
        &self,
        content: &mut Content<'_>,
        present: &BTreeMap<String, Vec<u8>>,
    ) {
        for (name, certificates) in &mut content.files {
            let there: BTreeMap<String, Vec<u8>> = present
                .get_key_value(name)
                .map(|(name, bytes)| (name.clone(), bytes.clone()))
                .into_iter()
                .collect();
            let there = self.certificates(&there);
            certificates.retain(|certificate| there.contains(&fingerprint(certificate)));
        }
        content.files.retain(|name, certificates| {
            (self.layout.form)(name).is_there_when_empty() || !certificates.is_empty()
        });
    }

    /// Whether a document that is ours as a whole would be put over something else.
    fn is_a_strangers(&self, name: &str, present: &BTreeMap<String, Vec<u8>>) -> bool {
        let form = self.form(name);
        let is_none = || present.get(name).is_some_and(|bytes| form.read(bytes).is_err());
        form == Form::Manifest && is_none()
    }

    /// A file that holds anchors of ours and would hold none keeps them, unless they are distrusted or
    /// the lists name no anchor for it any more: that none of those they name can be used here is no
    /// reason to trust nobody.
    pub(super) fn keep_what_absence_would_empty(
        &self,
        present: &BTreeMap<String, Vec<u8>>,
        files: &mut BTreeMap<String, Vec<u8>>,
        placed: &BTreeSet<Digest>,
        store: &TrustStore,
    ) -> Vec<ClientError> {
        let mut complaints = Vec::new();
        let mut kept = BTreeSet::new();
        for (name, bytes) in present.iter().filter(|(name, _)| self.is_named(name, store)) {
            let ours = |bytes: &[u8]| -> BTreeSet<Digest> {
                let found = self.form(name).blocks(bytes).into_iter().filter_map(|block| block.certificate);
                found.filter(|certificate| placed.contains(certificate)).collect()
            };
            let rest = self.rest(name, bytes, placed, store);
            let held = ours(&rest);
            if held.is_empty() || files.get(name).is_some_and(|bytes| !ours(bytes).is_empty()) {
                continue;
            }
            files.insert(name.clone(), rest);
            kept.extend(held);
            complaints.push(ClientError::WouldBeEmpty { sink: self.name(), file: name.clone() });
        }
        for name in kept.iter().filter_map(|anchor| (self.layout.own_name)(anchor)) {
            if let Some(bytes) = present.get(&name).filter(|_| !files.contains_key(&name)) {
                let rest = self.rest(&name, bytes, placed, store);
                files.insert(name, rest);
            }
        }
        complaints
    }

    /// A file without what must not be used and, unless it is kept, what is not ours.
    fn rest(&self, name: &str, bytes: &[u8], placed: &BTreeSet<Digest>, store: &TrustStore) -> Vec<u8> {
        let is_ours = |block: &Block<'_>| block.certificate.is_some_and(|digest| placed.contains(&digest));
        let stays =
            |block: &&Block<'_>| !is_distrusted(block, store) && (self.config.keep_foreign || is_ours(block));
        self.form(name).rest(self.form(name).blocks(bytes).iter().filter(stays), store)
    }

    /// The files as they are, but for what must not be used.
    pub(super) fn without_distrusted(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        store: &TrustStore,
    ) -> BTreeMap<String, Vec<u8>> {
        let rest = |name: &String, bytes: &Vec<u8>| {
            let form = self.form(name);
            let rest =
                form.rest(form.blocks(bytes).iter().filter(|block| !is_distrusted(block, store)), store);
            (!rest.is_empty() || form.is_there_when_empty()).then_some(rest)
        };
        files.iter().filter_map(|(name, bytes)| Some((name.clone(), rest(name, bytes)?))).collect()
    }
}
