//! What the answers are made from: the verified lists and notices, what follows from them, and the sinks.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::Timestamp;
use ctl_core::list::ListPayload;
use ctl_core::notices::NoticeEntry;
use ctl_core::parts::{DistrustKind, Distrusted};
use ctl_core::registry::RegistryDocument;
use ctl_core::role::Role;
use ctl_core::tuf::Clock;
use ctl_pki::Certificate;
use serde::Serialize;

use crate::error::ClientError;
use crate::local::Distrust;
use crate::sink::{Stores, fingerprint};
use crate::store::{TrustStore, TrustedAnchor};
use crate::sync::Client;

/// What a device holds to be true.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it trusts.
    pub trust: TrustStore,
    /// The lists in force.
    pub lists: Vec<ListPayload>,
    /// The suspensions in force.
    pub notices: Vec<NoticeEntry>,
    /// The registry of MO identifiers in force, if it is followed and there is one.
    pub registry: Option<RegistryDocument>,
    /// What is remembered and cannot be read from this device's medium.
    pub damaged: Vec<Role>,
    /// What its operator distrusts beside them.
    pub local: Vec<Distrust>,
    /// Where it puts what it trusts.
    pub sinks: Vec<KnownSink>,
    /// What it knows of the time.
    pub clock: Clock,
}

/// A configured sink.
#[derive(Clone, Debug)]
pub struct KnownSink {
    /// Its kind and place.
    pub name: String,
    /// What belongs where in it, or why it can take nothing.
    pub stores: Result<Stores, String>,
}

/// Where a certificate stands in a sink, or why it does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InSink {
    /// The sink's kind and place.
    pub sink: String,
    /// The files that it belongs into.
    pub files: Vec<String>,
    /// Stores that are no files of this device, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<String>,
    /// Why it belongs into none.
    pub reason: Option<String>,
}

/// An anchor as a list has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedAnchor {
    /// The list.
    pub list: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// The certificate's subject, as RFC 4514 writes it, with nothing in it that plays with a terminal.
    pub subject: String,
    /// Its name on the list.
    pub name: String,
    /// Who operates it.
    pub operator: String,
    /// Its status on the list.
    pub status: String,
    /// Since when.
    pub since: Timestamp,
    /// What it is trusted for here; what it is listed for, if it is not trusted here.
    pub uses: Vec<String>,
    /// Whether this device trusts it.
    pub trusted: bool,
    /// Why not, if not.
    pub reason: Option<String>,
    /// Critical constraints that a file of certificates cannot express.
    pub constraints: Vec<String>,
    /// Where it belongs; empty if it is not trusted.
    pub sinks: Vec<InSink>,
}

impl Client {
    /// What this device holds to be true, by what it keeps and without the network.
    ///
    /// # Errors
    /// Nothing is known yet, or not any more: run a sync.
    pub fn known(&self) -> Result<Known, ClientError> {
        let (state, _, documents) = self.kept()?;
        let trust = self.store(&state, &documents).map_err(|why| ClientError::NothingKnown { why })?;
        let sinks = self.sinks.iter().map(|sink| KnownSink {
            name: sink.name(),
            stores: sink.stores(&trust).map_err(|error| error.to_string()),
        });
        Ok(Known {
            sinks: sinks.collect(),
            local: self.config.local.distrust.clone(),
            notices: self.suspensions(&state, &documents),
            registry: self.registry(&state),
            damaged: documents.damaged,
            lists: documents.lists,
            clock: self.clock(state.known_time).0,
            trust,
        })
    }
}

impl Known {
    /// Every root that a list in force names and this release can parse, each once.
    #[must_use]
    pub fn listed_certificates(&self) -> Vec<Certificate> {
        let anchors = self.lists.iter().flat_map(|list| &list.anchors);
        let parsed: BTreeMap<Digest, Certificate> = anchors
            .filter_map(|anchor| {
                Some((anchor.fingerprint, Certificate::from_der(&anchor.certificate.0).ok()?))
            })
            .collect();
        parsed.into_values().collect()
    }

    /// What the lists say of the root with this fingerprint; nothing if none names it.
    #[must_use]
    pub fn listed(&self, root: Digest) -> Vec<ListedAnchor> {
        let mut lines = Vec::new();
        for list in &self.lists {
            for anchor in list.anchors.iter().filter(|anchor| anchor.fingerprint == root) {
                let here: Vec<&TrustedAnchor> = self
                    .trust
                    .anchors
                    .iter()
                    .filter(|trusted| (&trusted.list, trusted.fingerprint) == (&list.list, root))
                    .collect();
                let listed: BTreeSet<_> = anchor.uses.iter().copied().collect();
                let uses = match here.as_slice() {
                    [] => listed,
                    some => some.iter().flat_map(|trusted| trusted.uses.iter().copied()).collect(),
                };
                let constraints: BTreeSet<&String> =
                    here.iter().flat_map(|trusted| &trusted.constraints).collect();
                let parsed = Certificate::from_der(&anchor.certificate.0);
                lines.push(ListedAnchor {
                    list: list.list.to_string(),
                    fingerprint: root,
                    subject: parsed.map(|parsed| parsed.subject().to_owned()).unwrap_or_default(),
                    name: anchor.name.to_string(),
                    operator: anchor.operator.to_string(),
                    status: anchor.status.to_string(),
                    since: anchor.since,
                    uses: uses.iter().map(ToString::to_string).collect(),
                    trusted: !here.is_empty(),
                    reason: here.is_empty().then(|| self.left_out(list, root)),
                    constraints: constraints.into_iter().cloned().collect(),
                    sinks: if here.is_empty() { Vec::new() } else { self.places(root) },
                });
            }
        }
        lines
    }

    fn left_out(&self, list: &ListPayload, root: Digest) -> String {
        let left = self.trust.left_out.iter();
        let mut reasons = left.filter(|left| (&left.list, left.fingerprint) == (&list.list, root));
        reasons.next().map_or_else(|| "it is not trusted here".into(), |left| left.reason.clone())
    }

    /// Where a trusted certificate belongs, sink by sink.
    #[must_use]
    pub fn places(&self, certificate: Digest) -> Vec<InSink> {
        let place = |sink: &KnownSink| {
            let (files, elsewhere, reason) = match &sink.stores {
                Err(problem) => (Vec::new(), Vec::new(), Some(problem.clone())),
                Ok(stores) => {
                    let files = stores.files.iter().filter(|file| file.certificates.contains(&certificate));
                    let files: Vec<String> = files.map(|file| file.path.display().to_string()).collect();
                    let elsewhere = stores.elsewhere.get(&certificate).cloned().unwrap_or_default();
                    let is_nowhere = files.is_empty() && elsewhere.is_empty();
                    let reason = is_nowhere.then(|| why_not(stores, certificate));
                    (files, elsewhere, reason)
                }
            };
            InSink { sink: sink.name.clone(), files, stores: elsewhere, reason }
        };
        self.sinks.iter().map(place).collect()
    }

    /// Who distrusts a certificate; none if nobody does.
    #[must_use]
    pub fn distrusted_by(&self, certificate: &Certificate) -> Option<String> {
        if !self.trust.is_distrusted(certificate) {
            return None;
        }
        let (own, key) = (fingerprint(certificate), Digest::from_bytes(certificate.spki_sha256()));
        let says = |list: &ListPayload, kind, sha256| list.distrusted.contains(&Distrusted { kind, sha256 });
        let mut by = Vec::new();
        for list in &self.lists {
            let what = match () {
                () if says(list, DistrustKind::Certificate, own) => "this certificate",
                () if says(list, DistrustKind::Spki, key) => "its key",
                () => continue,
            };
            by.push(format!("list {}, version {}, distrusts {what}", list.list, list.sequence));
        }
        for notice in self.notices.iter().filter(|notice| notice.anchor == own || notice.spki == key) {
            by.push(format!(
                "notice {} of {} against an anchor of list {} suspends it",
                notice.notice, notice.issued_at, notice.list
            ));
        }
        let hits = |one: &&Distrust| match one.kind {
            DistrustKind::Certificate => one.sha256 == own,
            DistrustKind::Spki => one.sha256 == key,
        };
        let local = self.local.iter().filter(hits);
        by.extend(local.map(|one| format!("this device's operator distrusts it: {}", one.reason)));
        if by.is_empty() {
            by.push(
                "no list or notice in force says so, but what this device holds beside them does: see status"
                    .into(),
            );
        }
        Some(by.join("; "))
    }
}

fn why_not(stores: &Stores, certificate: Digest) -> String {
    match stores.left_out.iter().find(|(left, _)| *left == certificate) {
        Some((_, reason)) => reason.clone(),
        None if *stores == Stores::default() => "this sink is no files: status says what it holds".into(),
        None => "this sink has no store for what it is listed for".into(),
    }
}
