//! What the files of a sink should be: what the lists say, beside what others left, without what must not be used.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_pki::{Certificate, readable};

use super::block::{Block, MAX_PIECES};
use super::file::{Content, FileSink};
use super::form::Form;
use super::present::Present;
use super::selection::{Selected, select};
use super::{Plan, Sink as _, fingerprint};
use crate::error::ClientError;
use crate::store::TrustStore;

/// What a plan follows from.
pub(super) struct Look<'a> {
    content: Content<'a>,
    present: Present,
    /// Everything that was ever put there, by the state and by what is remembered beside the files.
    placed: BTreeSet<Digest>,
    /// Why the selection cannot be followed.
    cannot: Option<ClientError>,
    /// A digest of all of it.
    pub(super) evidence: Digest,
}

impl FileSink {
    /// What the selection leaves, if there is one; or why it cannot be followed.
    pub(super) fn selected(&self, store: &TrustStore) -> Option<Result<Selected, String>> {
        self.config.selection.as_ref().map(|config| select(config, store))
    }

    /// Looks at what is trusted, and at what is there; only at the latter where nothing but removals follows.
    ///
    /// # Errors
    /// [`ClientError::Sink`], [`ClientError::File`], [`ClientError::Selection`].
    pub(super) fn look<'a>(
        &self,
        store: &'a TrustStore,
        selected: Option<&'a Result<Selected, String>>,
        remembered: &BTreeSet<Digest>,
    ) -> Result<Result<Look<'a>, (Present, BTreeSet<Digest>)>, ClientError> {
        let generations = self.generations();
        let (present, beside) = (generations.present()?, generations.placed());
        let placed = remembered | &beside;
        self.check_what_is_there(&present, &placed)?;
        if store.only_removes {
            return Ok(Err((present, placed)));
        }
        let (selected, problem) = match selected {
            None => (None, None),
            Some(Ok(selected)) => (Some(selected), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        let mut cannot =
            problem.map(|problem| ClientError::Selection { sink: self.name(), problem: problem.clone() });
        let store = selected.map_or(store, |selected| &selected.store);
        let mut content = (self.layout.content)(store, &self.config);
        cannot = cannot.or(content.cannot.take().map(|problem| self.complaint(problem)));
        if remembered.is_empty() && !self.was_filled() {
            cannot = cannot.map_or(Ok(None), Err)?;
        }
        if let Some(selected) = selected {
            content.left_out.extend(selected.left_out.iter().cloned());
            content.notes.extend(selected.notes.iter().cloned());
        }
        let there: BTreeMap<&String, Digest> =
            present.files.iter().map(|(name, bytes)| (name, Digest::of(bytes))).collect();
        let why = cannot.as_ref().map(ToString::to_string);
        let said = (&content.left_out, &content.notes, &content.complaints, why);
        let here = (there, &present.others, remembered, &beside);
        let release = env!("CARGO_PKG_VERSION");
        let all = (release, self.layout.name, &self.config, store.digest(), said, here);
        let evidence = Digest::of(&ctl_core::json::canonical(&all));
        Ok(Ok(Look { content, present, placed, cannot, evidence }))
    }

    /// What the files should be.
    ///
    /// Every file is read as devices would read it, before it is in place. What would spoil it is left
    /// out; what others left there and spoils it is kept, and nothing is added to it.
    ///
    /// # Errors
    /// [`ClientError::Sink`], [`ClientError::File`]. The sink is left alone then.
    pub(super) fn plan_files(
        &self,
        store: &TrustStore,
        remembered: &BTreeSet<Digest>,
    ) -> Result<Plan, ClientError> {
        let selected = self.selected(store);
        let Look { mut content, present, placed, cannot, evidence } =
            match self.look(store, selected.as_ref(), remembered)? {
                Ok(look) => look,
                Err((present, placed)) => return Ok(self.plan_removals(store, present, remembered, &placed)),
            };
        let store =
            selected.as_ref().and_then(|selected| selected.as_ref().ok()).map_or(store, |one| &one.store);
        let mut complaints = self.leave_out_unreadable(&mut content);
        // Where the lists name anchors and there is none to choose from. What cannot be followed says so itself.
        let mut nobody = BTreeSet::new();
        if cannot.is_none() {
            let stores =
                store.listed_uses.iter().flat_map(|r#use| (self.layout.stores)(&self.config, *r#use));
            nobody.extend(stores.filter(|name| content.files.get(name).is_none_or(Vec::is_empty)));
        }
        if let Some(cannot) = cannot {
            self.keep_to_what_is_there(&mut content, &present.files);
            complaints.push(cannot);
        }
        if !self.layout.takes_cross_certificates {
            content.notes.extend(skipped(store, &content));
        }
        complaints.extend(self.choose(&mut content, &present.files, &placed));
        complaints.extend(content.complaints.drain(..).map(|problem| self.complaint(problem)));
        let wanted: BTreeSet<Digest> = content.files.values().flatten().map(|c| fingerprint(c)).collect();
        let remembered = remembered | &wanted;
        let placed = &placed | &wanted;

        let mut files = BTreeMap::new();
        let theirs = present.files.keys().filter(|_| self.config.keep_foreign);
        for name in content.files.keys().chain(theirs).collect::<BTreeSet<_>>() {
            let certificates = content.files.get(name).map(Vec::as_slice);
            let there = present.files.get(name).map_or_else(Vec::new, |bytes| self.form(name).blocks(bytes));
            if there.len() > MAX_PIECES && self.config.keep_foreign {
                complaints.push(self.complaint(format!(
                    "{name} holds more than {MAX_PIECES} pieces: what is after them is kept, and nobody looked into it"
                )));
            }
            let (bytes, complaint) = self.file(name, &there, certificates.unwrap_or(&[]), &placed, store);
            complaints.extend(complaint);
            if !bytes.is_empty() || (certificates.is_some() && self.form(name).is_there_when_empty()) {
                files.insert(name.clone(), bytes);
            }
        }
        if self.certificates(&files).is_empty() && store.listed > 0 {
            let was_empty = self.certificates(&present.files).is_empty();
            let rest = self.without_distrusted(&present.files, store);
            // Anchors that are for something else, all of them: this layout has no place for any.
            let for_others =
                !store.anchors.is_empty() && content.left_out.is_empty() && complaints.is_empty();
            if was_empty || self.certificates(&rest).is_empty() {
                if !(was_empty && for_others) {
                    complaints.push(ClientError::TrustsNobody { sink: self.name(), listed: store.listed });
                }
            } else {
                complaints.push(ClientError::WouldBeEmpty { sink: self.name(), file: "its files".into() });
                files = rest;
            }
        } else {
            complaints.extend(self.keep_what_absence_would_empty(&present.files, &mut files, &placed, store));
            let holds_one = |name: &String| {
                let blocks = files.get(name).map(|bytes| self.form(name).blocks(bytes));
                blocks.is_some_and(|blocks| blocks.iter().any(|block| block.certificate.is_some()))
            };
            nobody.retain(|name| !holds_one(name));
            let told =
                nobody.into_iter().map(|file| ClientError::FileTrustsNobody { sink: self.name(), file });
            complaints.extend(told);
        }
        let holds = self.certificates(&files);
        let in_place = present.others.is_empty() && self.are_as_they_are(&files, &present.files);
        let removed = self.removed(&present.files, &holds, &placed, store);
        Ok(Plan {
            ours: &holds & &placed,
            foreign: &holds - &placed,
            files,
            placed: remembered,
            removed,
            left_out: content.left_out,
            notes: content.notes,
            complaints,
            in_place,
            evidence: Some(evidence),
        })
    }

    /// Whether readers find what they should. A certificate that is there twice is nothing else than it once:
    /// EVerest's reader of lists adds the same ones at each start.
    pub(super) fn are_as_they_are(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        present: &BTreeMap<String, Vec<u8>>,
    ) -> bool {
        let once = |(name, bytes): (&String, &Vec<u8>)| {
            let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
            for block in self.form(name).blocks(bytes) {
                if block.certificate.is_none() || seen.insert(block.bytes.to_vec()) {
                    all.extend_from_slice(&block.bytes);
                }
            }
            all
        };
        files == present
            || files.keys().eq(present.keys())
                && files.iter().zip(present).all(|(should, is)| {
                    should.1 == is.1 || (self.form(should.0) == Form::Store && once(should) == once(is))
                })
    }

    /// What is there of ours and goes, and why.
    pub(super) fn removed(
        &self,
        present: &BTreeMap<String, Vec<u8>>,
        holds: &BTreeSet<Digest>,
        placed: &BTreeSet<Digest>,
        store: &TrustStore,
    ) -> BTreeMap<Digest, String> {
        let mut removed = BTreeMap::new();
        for (name, bytes) in present {
            for block in self.form(name).blocks(bytes) {
                let Some(digest) = block.certificate.filter(|digest| placed.contains(digest)) else {
                    continue;
                };
                if !holds.contains(&digest) {
                    removed.insert(digest, store.why_not(digest, is_distrusted(&block, store)));
                }
            }
        }
        removed
    }

    pub(super) fn form(&self, name: &str) -> Form {
        (self.layout.form)(name)
    }

    /// Fingerprints of every certificate in these files.
    pub(super) fn certificates(&self, files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<Digest> {
        let blocks = files.iter().flat_map(|(name, bytes)| self.form(name).blocks(bytes));
        blocks.filter_map(|block| block.certificate).collect()
    }

    /// For a file that takes one certificate, which: the first in the order that the operator gave. Without an order
    /// it keeps what it has, or stays without.
    pub(super) fn choose(
        &self,
        content: &mut Content<'_>,
        present: &BTreeMap<String, Vec<u8>>,
        placed: &BTreeSet<Digest>,
    ) -> Vec<ClientError> {
        let mut complaints = Vec::new();
        for (name, candidates) in &mut content.files {
            if self.form(name) != Form::Der || candidates.len() < 2 {
                continue;
            }
            let one = |wanted: &Digest| candidates.iter().copied().find(|one| fingerprint(one) == *wanted);
            let ordered = self.config.order.iter().find_map(one);
            let there = || Some(Digest::of(present.get(name)?));
            let kept = || there().filter(|digest| placed.contains(digest)).and_then(|digest| one(&digest));
            let chosen = ordered.or_else(kept);
            if ordered.is_none() {
                let roots = candidates.iter().map(|one| format!("{} ({})", fingerprint(one), one.subject()));
                complaints.push(ClientError::Undecided {
                    sink: self.name(),
                    file: name.clone(),
                    roots: roots.collect(),
                });
            }
            let why = match chosen {
                Some(one) if ordered.is_some() => format!("`order` chose {}", fingerprint(one).short()),
                Some(one) => format!("it has {}, and no `order` is given", fingerprint(one).short()),
                None => "no `order` is given".to_owned(),
            };
            let others = candidates.iter().map(|one| fingerprint(one));
            let others = others.filter(|one| chosen.is_none_or(|chosen| fingerprint(chosen) != *one));
            content.left_out.extend(others.map(|one| (one, format!("{name} takes one certificate; {why}"))));
            *candidates = chosen.into_iter().collect();
        }
        complaints
    }

    /// Whether the lists name anchors for a bundle of this name.
    pub(super) fn is_named(&self, name: &str, store: &TrustStore) -> bool {
        store.listed_uses.iter().any(|r#use| (self.layout.is_for)(name, *r#use))
    }

    /// Takes out what devices would not read: it would spoil the whole file for them.
    pub(super) fn leave_out_unreadable(&self, content: &mut Content<'_>) -> Vec<ClientError> {
        let mut unreadable = BTreeMap::new();
        for certificates in content.files.values_mut() {
            certificates.retain(|certificate| match readable(certificate.der()) {
                Ok(_) => true,
                Err(reason) => {
                    unreadable.insert(fingerprint(certificate), reason.to_string());
                    false
                }
            });
        }
        content.files.retain(|name, certificates| {
            (self.layout.form)(name).is_there_when_empty() || !certificates.is_empty()
        });
        let told = unreadable
            .iter()
            .map(|(certificate, problem)| (*certificate, format!("devices cannot read it: {problem}")));
        content.left_out.extend(told);
        let complaint =
            |(certificate, problem)| ClientError::Unreadable { sink: self.name(), certificate, problem };
        unreadable.into_iter().map(complaint).collect()
    }

    /// What a file should be: what others left there, byte for byte, and then ours.
    fn file(
        &self,
        name: &str,
        there: &[Block<'_>],
        ours: &[&Certificate],
        placed: &BTreeSet<Digest>,
        store: &TrustStore,
    ) -> (Vec<u8>, Option<ClientError>) {
        let distrusted = |block: &Block<'_>| is_distrusted(block, store);
        let is_ours = |block: &Block<'_>| block.certificate.is_some_and(|digest| placed.contains(&digest));
        let form = self.form(name);
        let is_kept = |block: &&Block<'_>| self.config.keep_foreign && !is_ours(block) && !distrusted(block);
        let kept: Vec<&Block<'_>> = there.iter().filter(is_kept).collect();
        let spoilt = match form.write(&kept, ours, store).and_then(|bytes| Ok((form.read(&bytes)?, bytes))) {
            Ok((found, bytes)) if ours.iter().all(|certificate| found.contains(certificate)) => {
                return (bytes, None);
            }
            Ok(_) => "not all of it is found when it is read again".to_owned(),
            Err(reason) => reason,
        };
        // Whatever is wrong, it must not keep a suspension from taking effect.
        let wanted: BTreeSet<Digest> = ours.iter().map(|certificate| fingerprint(certificate)).collect();
        let is_wanted = |block: &Block<'_>| block.certificate.is_some_and(|digest| wanted.contains(&digest));
        let stays = |block: &&Block<'_>| is_wanted(block) || is_kept(block);
        let rest = form.rest(there.iter().filter(stays), store);
        let complaint = match kept.is_empty() {
            true => format!("{name} would not be read by devices: {spoilt}. Nothing is added to it"),
            false => format!(
                "{name} holds what this client did not put there and what devices do not read: {spoilt}. It is kept as \
                 it is, and nothing is added to it: mend or remove it"
            ),
        };
        (rest, Some(self.complaint(complaint)))
    }
}

pub(super) fn is_distrusted(block: &Block<'_>, store: &TrustStore) -> bool {
    block.parsed.as_deref().is_some_and(|certificate| store.is_distrusted(certificate))
        || block.certificate.is_some_and(|digest| store.distrusts(digest))
}

/// What readers that know no cross-certificates miss, and what they find without: chains that lead to the root that was
/// cross-certified need that root itself (EVerest's libevse-security, issue 93).
fn skipped(store: &TrustStore, content: &Content<'_>) -> Vec<String> {
    let written: BTreeSet<Digest> = content.files.values().flatten().map(|one| fingerprint(one)).collect();
    let mut notes = BTreeSet::new();
    for cross in &store.cross_certificates {
        let name = |is_it: &dyn Fn(&Certificate) -> bool| {
            store.anchors.iter().find(|anchor| is_it(&anchor.certificate))
        };
        let issuer = name(&|one| one.subject_name() == cross.issuer_name());
        let subject = name(&|one| one.spki_der() == cross.spki_der());
        let (Some(issuer), Some(subject)) = (issuer, subject) else { continue };
        let way = format!(
            "{} is cross-certified by {}, and cross-certificates are not read here",
            subject.name, issuer.name
        );
        notes.insert(match written.contains(&subject.fingerprint) {
            true => format!("{way}: its own root is written, so its chains are found without"),
            false => format!("{way}: its own root is not written, so its chains are NOT found"),
        });
    }
    notes.into_iter().collect()
}
