//! Where verified anchors go: a sink has a layout, which says what files it is made of, and one way
//! of changing them, which is in one step.

mod block;
mod everest;
mod generation;
mod pem;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ctl_core::Digest;
use ctl_pki::{Certificate, readable, readable_bundle};

use crate::config::{SinkConfig, SinkKind};
use crate::error::ClientError;
use crate::files::Files;
use crate::store::TrustStore;
use block::{Block, blocks, end_line, join};
use generation::Generations;
pub(crate) use generation::Prepared;

/// A file of a sink is at most so many bytes.
const MAX_FILE: usize = 16 * 1024 * 1024;
/// A sink has at most so many files.
const MAX_FILES: usize = 10_000;

/// The files that a layout is made of, and the anchors that it could not take.
#[derive(Clone, Debug, Default)]
pub struct Layout<'a> {
    /// Certificates by file name.
    pub files: BTreeMap<String, Vec<&'a Certificate>>,
    /// Anchors that were left out: name and reason.
    pub left_out: Vec<(Digest, String)>,
}

/// What a sink should hold, compared with what it holds.
#[derive(Debug)]
pub struct Plan {
    /// Bytes by file name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Fingerprints of what is there of ours.
    pub ours: BTreeSet<Digest>,
    /// Fingerprints of everything that this client remembers to have put there, this plan included.
    pub placed: BTreeSet<Digest>,
    /// The same with what is remembered beside the files, which whoever owns them can add to.
    pub(crate) beside: BTreeSet<Digest>,
    /// Fingerprints of what others put there, and stays.
    pub foreign: BTreeSet<Digest>,
    /// Anchors that this layout cannot take, and why.
    pub left_out: Vec<(Digest, String)>,
    /// Why it is not all that the lists say: for people to act upon.
    pub complaints: Vec<ClientError>,
    /// Whether the sink is as it should be already.
    pub in_place: bool,
}

impl Plan {
    /// A digest of the files.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let digests: BTreeMap<&String, Digest> =
            self.files.iter().map(|(name, bytes)| (name, Digest::of(bytes))).collect();
        Digest::of(&ctl_core::json::canonical(&digests))
    }
}

/// One place that anchors are written to.
#[derive(Clone, Debug)]
pub struct Sink {
    config: SinkConfig,
}

impl Sink {
    /// As configured.
    #[must_use]
    pub const fn new(config: SinkConfig) -> Self {
        Self { config }
    }

    /// Its name in messages and in the state.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = match self.config.kind {
            SinkKind::Pem => "pem",
            SinkKind::Everest => "everest",
        };
        format!("{kind} {}", self.config.path.display())
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.config.path
    }

    /// The command after a change; empty for none.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.config.run_after_change
    }

    /// The command that judges what is about to be put there; empty for none.
    #[must_use]
    pub fn check(&self) -> &[String] {
        &self.config.check_before_change
    }

    /// Whether it was ever filled, by what is remembered beside its files.
    #[must_use]
    pub fn was_filled(&self) -> bool {
        self.generations().was_filled()
    }

    fn generations(&self) -> Generations {
        match self.config.kind {
            SinkKind::Pem => Generations::new(self.config.path.clone(), vec![]),
            SinkKind::Everest => everest::generations(&self.config.path),
        }
    }

    /// What the sink should hold. `placed` are the fingerprints of everything that this client
    /// remembers to have put there; the sink remembers them too, should the state be lost. What is
    /// there and not among them belongs to somebody else.
    ///
    /// Every file is read as devices would read it, before it is in place. What would spoil it is left
    /// out; what others left there and spoils it is kept, and nothing is added to it.
    ///
    /// # Errors
    /// [`ClientError::Sink`], [`ClientError::File`]. The sink is left alone then.
    pub fn plan(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Result<Plan, ClientError> {
        let mut layout = match self.config.kind {
            SinkKind::Pem => pem::layout(store),
            SinkKind::Everest => everest::layout(store).map_err(|problem| self.error(problem))?,
        };
        let mut complaints = self.leave_out_unreadable(&mut layout);
        let generations = self.generations();
        let present = generations.present()?;
        if let Some(other) = present.others.first().filter(|_| self.config.keep_foreign) {
            return Err(self.error(format!("{other} is no regular file, and cannot be kept: move it away")));
        }
        let wanted: BTreeSet<Digest> = layout.files.values().flatten().map(|c| fingerprint(c)).collect();
        let remembered = placed | &wanted;
        let placed = &remembered | &generations.placed();

        let mut files = BTreeMap::new();
        let theirs = present.files.keys().filter(|_| self.config.keep_foreign);
        for name in layout.files.keys().chain(theirs).collect::<BTreeSet<_>>() {
            let certificates = layout.files.get(name).map(Vec::as_slice);
            let former = present.files.get(name).filter(|_| self.config.keep_foreign);
            let former = former.map_or_else(Vec::new, |bytes| blocks(bytes));
            let (bytes, complaint) = self.file(name, &former, certificates.unwrap_or(&[]), &placed, store)?;
            complaints.extend(complaint);
            if !bytes.is_empty() || certificates.is_some() {
                files.insert(name.clone(), bytes);
            }
        }
        if certificates(&files).is_empty() && store.listed > 0 {
            let was_empty = certificates(&present.files).is_empty();
            let rest = without_distrusted(&present.files, store);
            // Anchors that are for something else, all of them: this layout has no place for any.
            let for_others = !store.anchors.is_empty() && layout.left_out.is_empty() && complaints.is_empty();
            if was_empty || certificates(&rest).is_empty() {
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
        let holds = certificates(&files);
        let in_place = files == present.files && present.others.is_empty();
        Ok(Plan {
            ours: &holds & &placed,
            foreign: &holds - &placed,
            files,
            placed: remembered,
            beside: placed,
            left_out: layout.left_out,
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
                let found = blocks(bytes).into_iter().filter_map(|block| block.certificate);
                found.filter(|certificate| placed.contains(certificate)).collect()
            };
            let rest = self.rest(bytes, placed, store);
            let held = ours(&rest);
            if held.is_empty() || files.get(name).is_some_and(|bytes| !ours(bytes).is_empty()) {
                continue;
            }
            files.insert(name.clone(), rest);
            kept.extend(held);
            complaints.push(ClientError::WouldBeEmpty { sink: self.name(), file: name.clone() });
        }
        for name in kept.iter().map(pem::own_name) {
            if let Some(bytes) = present.get(&name).filter(|_| !files.contains_key(&name)) {
                files.insert(name, self.rest(bytes, placed, store));
            }
        }
        complaints
    }

    /// A file without what must not be used and, unless it is kept, what is not ours.
    fn rest(&self, bytes: &[u8], placed: &BTreeSet<Digest>, store: &TrustStore) -> Vec<u8> {
        let is_ours = |block: &Block<'_>| block.certificate.is_some_and(|digest| placed.contains(&digest));
        let blocks = blocks(bytes);
        let stays =
            |block: &&Block<'_>| !is_distrusted(block, store) && (self.config.keep_foreign || is_ours(block));
        blocks.iter().filter(stays).flat_map(|block| block.bytes.to_vec()).collect()
    }

    /// Whether the lists name anchors for a bundle of this name.
    fn is_named(&self, name: &str, store: &TrustStore) -> bool {
        store.listed_uses.iter().any(|r#use| match self.config.kind {
            SinkKind::Pem => pem::bundle_name(*r#use) == name,
            SinkKind::Everest => everest::is_for(name, r#use.purpose),
        })
    }

    /// Takes from a layout what devices would not read: it would spoil the whole file for them.
    fn leave_out_unreadable(&self, layout: &mut Layout<'_>) -> Vec<ClientError> {
        let mut unreadable = BTreeMap::new();
        for certificates in layout.files.values_mut() {
            certificates.retain(|certificate| match readable(certificate.der()) {
                Ok(_) => true,
                Err(reason) => {
                    unreadable.insert(fingerprint(certificate), reason.to_string());
                    false
                }
            });
        }
        if self.config.kind == SinkKind::Pem {
            layout.files.retain(|_, certificates| !certificates.is_empty());
        }
        let told = unreadable
            .iter()
            .map(|(certificate, problem)| (*certificate, format!("devices cannot read it: {problem}")));
        layout.left_out.extend(told);
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
        let mut bytes = join(former.iter().filter(|block| !is_ours(block) && !distrusted(block)));
        if !ours.is_empty() {
            end_line(&mut bytes);
        }
        bytes.extend(bundle(ours));
        let spoilt = match readable_bundle(&bytes) {
            Ok(found) if ours.iter().all(|certificate| found.contains(certificate)) => {
                return Ok((bytes, None));
            }
            Ok(_) => "not all of it is found when it is read again".to_owned(),
            Err(reason) => reason.to_string(),
        };
        let complaint = self.error(format!("{name} would not be read by devices: {spoilt}"));
        if former.is_empty() {
            return Err(complaint);
        }
        // Whatever others left here, it must not keep a suspension from taking effect.
        let wanted: BTreeSet<Digest> = ours.iter().map(|certificate| fingerprint(certificate)).collect();
        let is_wanted = |block: &Block<'_>| block.certificate.is_some_and(|digest| wanted.contains(&digest));
        let stays = |block: &&Block<'_>| is_wanted(block) || !(is_ours(block) || distrusted(block));
        let rest = former.iter().filter(stays).flat_map(|block| block.bytes.to_vec()).collect();
        let complaint = self.error(format!(
            "{name} holds what this client did not put there and what devices do not read: {spoilt}. It is kept as \
             it is, and nothing is added to it: mend or remove it"
        ));
        Ok((rest, Some(complaint)))
    }

    /// Writes what was planned beside what is there, which it does not change yet.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub(crate) fn prepare(&self, files: &dyn Files, plan: &Plan) -> Result<Prepared, ClientError> {
        self.generations().prepare(files, &plan.files, &plan.beside)
    }

    /// Puts what was prepared in place, in one step: readers and power cuts see the former content or
    /// this.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub(crate) fn switch(
        &self,
        files: &dyn Files,
        prepared: &Prepared,
        plan: &Plan,
    ) -> Result<(), ClientError> {
        self.generations().switch(files, prepared, &plan.files)
    }

    /// Both at once: without asking the operator's command in between.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn apply(&self, files: &dyn Files, plan: &Plan) -> Result<(), ClientError> {
        let prepared = self.prepare(files, plan)?;
        self.switch(files, &prepared, plan)
    }

    /// Removes what was prepared.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub(crate) fn discard(&self, files: &dyn Files, prepared: &Prepared) -> Result<(), ClientError> {
        Generations::discard(files, prepared)
    }

    fn error(&self, problem: String) -> ClientError {
        ClientError::Sink { sink: self.name(), problem }
    }
}

/// A certificate's SHA-256.
#[must_use]
pub fn fingerprint(certificate: &Certificate) -> Digest {
    Digest::from_bytes(certificate.sha256())
}

/// One PEM file, each certificate once, by fingerprint, so that equal content is equal bytes.
fn bundle(certificates: &[&Certificate]) -> Vec<u8> {
    let sorted: BTreeMap<Digest, &Certificate> =
        certificates.iter().map(|certificate| (fingerprint(certificate), *certificate)).collect();
    sorted.values().map(|certificate| certificate.to_pem()).collect::<String>().into_bytes()
}

fn is_distrusted(block: &Block<'_>, store: &TrustStore) -> bool {
    block.parsed.as_ref().is_some_and(|certificate| store.is_distrusted(certificate))
        || block.certificate.is_some_and(|digest| store.distrusts(digest))
}

/// Fingerprints of every certificate in these files.
fn certificates(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<Digest> {
    files.values().flat_map(|bytes| blocks(bytes)).filter_map(|block| block.certificate).collect()
}

/// The files as they are, but for what must not be used.
fn without_distrusted(files: &BTreeMap<String, Vec<u8>>, store: &TrustStore) -> BTreeMap<String, Vec<u8>> {
    let rest = |bytes: &Vec<u8>| -> Vec<u8> {
        let blocks = blocks(bytes);
        let stays = blocks.iter().filter(|block| !is_distrusted(block, store));
        stays.flat_map(|block| block.bytes.to_vec()).collect()
    };
    files.iter().map(|(name, bytes)| (name.clone(), rest(bytes))).collect()
}
