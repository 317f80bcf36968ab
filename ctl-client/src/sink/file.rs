//! Sinks that are files: a layout says which files there are and what is in them, and they all change in one
//! step. What others left in them is kept, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ctl_core::Digest;
use ctl_core::parts::Use;
use ctl_pki::{Certificate, readable};

use super::block::Block;
use super::form::Form;
use super::generation::{self, Generations};
use super::{Applied, Commands, Doing, Plan, Prepared, Sink, StoreFile, Stores, fingerprint};
use crate::config::FilesConfig;
use crate::error::ClientError;
use crate::files::Files;
use crate::folder::Folder;
use crate::store::TrustStore;

/// The files that a layout is made of, and the anchors that it could not take.
#[derive(Clone, Debug, Default)]
pub(super) struct Content<'a> {
    /// Certificates by file name.
    pub(super) files: BTreeMap<String, Vec<&'a Certificate>>,
    /// Anchors that were left out: name and reason.
    pub(super) left_out: Vec<(Digest, String)>,
}

/// Which files a sink is made of. One value for each kind in the configuration.
#[derive(Debug)]
pub(super) struct Layout {
    /// What it is called in messages and in the state.
    pub(super) name: &'static str,
    /// The files at the configured place, and how they change.
    pub(super) generations: fn(&FilesConfig) -> Generations,
    /// What is in them. Where a file takes one certificate, all that it could be.
    pub(super) content: for<'a> fn(&'a TrustStore, &FilesConfig) -> Result<Content<'a>, String>,
    /// How certificates stand in the file of this name.
    pub(super) form: fn(&str) -> Form,
    /// Whether a file of this name is for anchors of this use.
    pub(super) is_for: fn(&str, Use) -> bool,
    /// The file of one anchor alone, where there are such files.
    pub(super) own_name: fn(&Digest) -> Option<String>,
    /// Whether its reader wants each file, be it empty.
    pub(super) wants_empty_files: bool,
}

/// A sink of files.
#[derive(Clone, Debug)]
pub(super) struct FileSink {
    layout: &'static Layout,
    config: FilesConfig,
}

/// Files that nobody reads yet.
struct Written<'a> {
    generations: Generations,
    files: &'a dyn Files,
    written: generation::Prepared,
    contents: &'a BTreeMap<String, Vec<u8>>,
}

impl Prepared for Written<'_> {
    fn place(&self) -> PathBuf {
        self.written.path()
    }

    /// In one step: readers and power cuts see the former content or this.
    fn apply<'b>(self: Box<Self>) -> Doing<'b, Applied>
    where
        Self: 'b,
    {
        Box::pin(async move {
            self.generations.switch(self.files, &self.written, self.contents)?;
            Ok(Applied::Whole)
        })
    }

    fn discard<'b>(self: Box<Self>) -> Doing<'b, ()>
    where
        Self: 'b,
    {
        Box::pin(async move { Generations::discard(self.files, &self.written) })
    }
}

impl Sink for FileSink {
    fn name(&self) -> String {
        format!("{} {}", self.layout.name, self.config.path.display())
    }

    fn commands(&self) -> Commands<'_> {
        Commands {
            check_before_change: &self.config.check_before_change,
            run_after_change: &self.config.run_after_change,
        }
    }

    fn trouble(&self) -> Option<String> {
        let path = &self.config.path;
        // A sink of one file stands in a folder.
        let folder = Folder::open(path).or_else(|_| Folder::open(path.parent().unwrap_or(path)));
        folder.ok()?.trouble().map(str::to_owned)
    }

    /// By what is remembered beside its files.
    fn was_filled(&self) -> bool {
        self.generations().was_filled()
    }

    fn plan<'a>(&'a self, store: &'a TrustStore, placed: &'a BTreeSet<Digest>) -> Doing<'a, Plan> {
        Box::pin(async move { self.plan_files(store, placed) })
    }

    /// Beside what is there, which it does not change yet.
    fn prepare<'a>(&'a self, files: &'a dyn Files, plan: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>> {
        Box::pin(async move {
            let generations = self.generations();
            // Also what is remembered beside the files, which whoever owns them can add to.
            let placed = &plan.placed | &generations.placed();
            let written = generations.prepare(files, &plan.files, &placed)?;
            Ok(Box::new(Written { generations, files, written, contents: &plan.files })
                as Box<dyn Prepared + 'a>)
        })
    }

    fn stores(&self, trust: &TrustStore) -> Result<Stores, ClientError> {
        let mut content =
            (self.layout.content)(trust, &self.config).map_err(|problem| self.error(problem))?;
        self.leave_out_unreadable(&mut content);
        let generations = self.generations();
        // What cannot be read now is told by whoever looks at the files that are named here.
        let present = generations.present().map_or_else(|_| BTreeMap::new(), |present| present.files);
        self.choose(&mut content, &present, &generations.placed());
        let files = content.files.iter().map(|(name, certificates)| StoreFile {
            path: generations.place(name),
            certificates: certificates.iter().map(|certificate| fingerprint(certificate)).collect(),
        });
        Ok(Stores {
            files: files.collect(),
            folders: generations.folder().into_iter().collect(),
            left_out: content.left_out,
        })
    }
}

impl FileSink {
    /// As configured.
    pub(super) const fn new(layout: &'static Layout, config: FilesConfig) -> Self {
        Self { layout, config }
    }

    fn generations(&self) -> Generations {
        (self.layout.generations)(&self.config)
    }

    /// What the files should be.
    ///
    /// Every file is read as devices would read it, before it is in place. What would spoil it is left
    /// out; what others left there and spoils it is kept, and nothing is added to it.
    ///
    /// # Errors
    /// [`ClientError::Sink`], [`ClientError::File`]. The sink is left alone then.
    fn plan_files(&self, store: &TrustStore, remembered: &BTreeSet<Digest>) -> Result<Plan, ClientError> {
        let mut content =
            (self.layout.content)(store, &self.config).map_err(|problem| self.error(problem))?;
        let mut complaints = self.leave_out_unreadable(&mut content);
        let generations = self.generations();
        let present = generations.present()?;
        let placed = remembered | &generations.placed();
        complaints.extend(self.choose(&mut content, &present.files, &placed));
        if let Some(other) = present.others.first().filter(|_| self.config.keep_foreign) {
            return Err(self.error(format!("{other} is no regular file, and cannot be kept: move it away")));
        }
        let wanted: BTreeSet<Digest> = content.files.values().flatten().map(|c| fingerprint(c)).collect();
        let remembered = remembered | &wanted;
        let placed = &placed | &wanted;

        let mut files = BTreeMap::new();
        let theirs = present.files.keys().filter(|_| self.config.keep_foreign);
        for name in content.files.keys().chain(theirs).collect::<BTreeSet<_>>() {
            let certificates = content.files.get(name).map(Vec::as_slice);
            let former = present.files.get(name).filter(|_| self.config.keep_foreign);
            let former = former.map_or_else(Vec::new, |bytes| self.form(name).blocks(bytes));
            let (bytes, complaint) = self.file(name, &former, certificates.unwrap_or(&[]), &placed, store)?;
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
        }
        let holds = self.certificates(&files);
        let in_place = files == present.files && present.others.is_empty();
        Ok(Plan {
            ours: &holds & &placed,
            foreign: &holds - &placed,
            files,
            placed: remembered,
            left_out: content.left_out,
            complaints,
            in_place,
        })
    }

    /// A file that holds anchors of ours and would hold none keeps them, unless they are distrusted or
    /// the lists name no anchor for it any more: that none of those they name can be used here is no
    /// reason to trust nobody.
    fn keep_what_absence_would_empty(
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
        self.form(name).rest(self.form(name).blocks(bytes).iter().filter(stays))
    }

    fn form(&self, name: &str) -> Form {
        (self.layout.form)(name)
    }

    /// Fingerprints of every certificate in these files.
    fn certificates(&self, files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<Digest> {
        let blocks = files.iter().flat_map(|(name, bytes)| self.form(name).blocks(bytes));
        blocks.filter_map(|block| block.certificate).collect()
    }

    /// The files as they are, but for what must not be used.
    fn without_distrusted(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        store: &TrustStore,
    ) -> BTreeMap<String, Vec<u8>> {
        let rest = |name: &String, bytes: &Vec<u8>| {
            let form = self.form(name);
            let rest = form.rest(form.blocks(bytes).iter().filter(|block| !is_distrusted(block, store)));
            (!rest.is_empty() || form.is_there_when_empty()).then_some(rest)
        };
        files.iter().filter_map(|(name, bytes)| Some((name.clone(), rest(name, bytes)?))).collect()
    }

    /// For a file that takes one certificate, which: the first in the order that the operator gave. Without an order
    /// it keeps what it has, or stays without.
    fn choose(
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
    fn is_named(&self, name: &str, store: &TrustStore) -> bool {
        store.listed_uses.iter().any(|r#use| (self.layout.is_for)(name, *r#use))
    }

    /// Takes out what devices would not read: it would spoil the whole file for them.
    fn leave_out_unreadable(&self, content: &mut Content<'_>) -> Vec<ClientError> {
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
        if !self.layout.wants_empty_files {
            content.files.retain(|_, certificates| !certificates.is_empty());
        }
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
        former: &[Block<'_>],
        ours: &[&Certificate],
        placed: &BTreeSet<Digest>,
        store: &TrustStore,
    ) -> Result<(Vec<u8>, Option<ClientError>), ClientError> {
        let distrusted = |block: &Block<'_>| is_distrusted(block, store);
        let is_ours = |block: &Block<'_>| block.certificate.is_some_and(|digest| placed.contains(&digest));
        let form = self.form(name);
        let kept: Vec<&Block<'_>> =
            former.iter().filter(|block| !is_ours(block) && !distrusted(block)).collect();
        let spoilt = match form.write(&kept, ours).and_then(|bytes| Ok((form.read(&bytes)?, bytes))) {
            Ok((found, bytes)) if ours.iter().all(|certificate| found.contains(certificate)) => {
                return Ok((bytes, None));
            }
            Ok(_) => "not all of it is found when it is read again".to_owned(),
            Err(reason) => reason,
        };
        let complaint = self.error(format!("{name} would not be read by devices: {spoilt}"));
        if former.is_empty() {
            return Err(complaint);
        }
        // Whatever others left here, it must not keep a suspension from taking effect.
        let wanted: BTreeSet<Digest> = ours.iter().map(|certificate| fingerprint(certificate)).collect();
        let is_wanted = |block: &Block<'_>| block.certificate.is_some_and(|digest| wanted.contains(&digest));
        let stays = |block: &&Block<'_>| is_wanted(block) || !(is_ours(block) || distrusted(block));
        let rest = form.rest(former.iter().filter(stays));
        let complaint = self.error(format!(
            "{name} holds what this client did not put there and what devices do not read: {spoilt}. It is kept as \
             it is, and nothing is added to it: mend or remove it"
        ));
        Ok((rest, Some(complaint)))
    }

    fn error(&self, problem: String) -> ClientError {
        ClientError::Sink { sink: self.name(), problem }
    }
}

fn is_distrusted(block: &Block<'_>, store: &TrustStore) -> bool {
    block.parsed.as_ref().is_some_and(|certificate| store.is_distrusted(certificate))
        || block.certificate.is_some_and(|digest| store.distrusts(digest))
}
