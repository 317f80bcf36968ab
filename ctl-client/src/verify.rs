//! Verifying again, without the network, everything that is kept: the chain from the trusted root to
//! every document, the log's proofs, and that the sinks hold what follows.

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_core::list::MAX_PAYLOAD;
use ctl_core::log::{Checkpoint, verify_consistency};
use ctl_core::role::Role;
use ctl_core::tuf::{
    Limits, Root, Signed, Targets, delegated_threshold, verify::trusted_root, verify_role, walk_root_chain,
};

use crate::error::ClientError;
use crate::state::{DocumentRecord, State};
use crate::sync::{Client, Trust, check_proof, read_document};

/// What was verified, and what did not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// What holds, one line each.
    pub good: Vec<String>,
    /// What does not.
    pub problems: Vec<String>,
}

impl Verification {
    fn enter(&mut self, what: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(text) => self.good.push(format!("{what}: {text}")),
            Err(text) => self.problems.push(format!("{what}: {text}")),
        }
    }
}

impl Client {
    /// Verifies everything that is kept, and that the sinks equal it.
    ///
    /// # Errors
    /// [`ClientError::RootDamaged`], [`ClientError::File`].
    pub async fn verify(&self) -> Result<Verification, ClientError> {
        let mut found = Verification::default();
        let first = self.directory.trusted_root(&self.config.identity.root_sha256)?;
        let (state, damage) = self.directory.load()?;
        found.problems.extend(damage);
        let roots = match self.roots(&first, &state) {
            Ok(roots) => roots,
            Err(problem) => {
                found.problems.push(format!("root: {problem}"));
                BTreeMap::new()
            }
        };
        if let Some(newest) = roots.values().max_by_key(|root| root.version) {
            found.good.push(format!("root: version {} follows from the trusted one", newest.version));
        }
        for (name, kept) in &state.metadata {
            if self.directory.object(&kept.sha256).is_none() {
                found.problems.push(format!("{name}: missing or damaged"));
            }
        }
        for (role, record) in &state.documents {
            found.enter(&role.to_string(), self.verify_document(role, record, &roots));
        }
        if state.log.is_some() {
            found.enter("log", self.verify_log(&state, &roots));
        }
        self.verify_sinks(&state, &mut found).await;
        Ok(found)
    }

    /// Every root from the trusted one on, by digest.
    fn roots(&self, first: &[u8], state: &State) -> Result<BTreeMap<Digest, Root>, String> {
        let limits = Limits::default();
        let mut chain = Vec::new();
        for digest in &state.roots {
            chain
                .push(self.directory.object(digest).ok_or("a root that was accepted is missing or damaged")?);
        }
        walk_root_chain(first, &chain, &limits).map_err(|error| error.to_string())?;
        let mut roots = BTreeMap::new();
        for bytes in [first].into_iter().chain(chain.iter().map(Vec::as_slice)) {
            let root = trusted_root(bytes, &limits).map_err(|error| error.to_string())?;
            roots.insert(Digest::of(bytes), root.signed);
        }
        Ok(roots)
    }

    fn verify_document(
        &self,
        role: &Role,
        record: &DocumentRecord,
        roots: &BTreeMap<Digest, Root>,
    ) -> Result<String, String> {
        let object = |what: &str, digest: &Digest| {
            self.directory.object(digest).ok_or_else(|| format!("{what} is missing or damaged"))
        };
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let name = role.target_name().ok_or("no role with documents")?;
        let limit = Limits::default().targets;
        let root = roots.get(&record.vouchers.root).ok_or("its root is not in the chain of roots")?;

        let targets = object("targets.json", &record.vouchers.targets)?;
        let targets = Signed::<Targets>::parse("targets", &targets, limit).map_err(|e| text(&e))?;
        verify_role("targets", &targets, &root.threshold("targets")).map_err(|e| text(&e))?;
        let own = object("its role's metadata", &record.vouchers.role)?;
        let own = Signed::<Targets>::parse(&name, &own, limit).map_err(|e| text(&e))?;
        let threshold = delegated_threshold(&targets.signed, &role.to_string()).map_err(|e| text(&e))?;
        verify_role(&name, &own, &threshold).map_err(|e| text(&e))?;
        let target = own.signed.targets.get(&name).ok_or("its role's metadata does not describe it")?;

        let bytes = object("the document", &record.sha256)?;
        if bytes.len() > MAX_PAYLOAD || target.hashes.sha256 != Some(record.sha256) {
            return Err("its role's metadata describes another version".into());
        }
        let trust = Trust::of(root).map_err(|e| text(&e))?;
        let (_, head) = read_document(&name, role, &bytes, &trust).map_err(|e| text(&e))?;
        let proof = object("the log's proof", &record.proof)?;
        let (checkpoint, _) =
            check_proof(&name, role, record.sha256, &head, &proof, &trust).map_err(|e| text(&e))?;
        let (older, newer) = ((head.log.size, head.log.root_hash), (checkpoint.size, checkpoint.root));
        verify_consistency(older.0, &older.1, newer.0, &newer.1, &record.consistency)
            .map_err(|e| text(&e))?;
        Ok(format!("version {}, signed and in the log", head.sequence))
    }

    fn verify_log(&self, state: &State, roots: &BTreeMap<Digest, Root>) -> Result<String, String> {
        let memory = state.log.as_ref().ok_or("nothing is remembered")?;
        let note = self.directory.object(&memory.note).ok_or("the checkpoint is missing or damaged")?;
        let opened = roots
            .values()
            .filter_map(|root| Trust::of(root).ok())
            .find_map(|trust| Checkpoint::open(&note, &trust.origin, &trust.log).ok());
        let checkpoint = opened.ok_or("the checkpoint is not signed by the log's key")?;
        if (checkpoint.size, checkpoint.root) != (memory.size, memory.root) {
            return Err("the checkpoint is not the one that is remembered".into());
        }
        Ok(format!("checkpoint of {} entries", memory.size))
    }

    async fn verify_sinks(&self, state: &State, found: &mut Verification) {
        let store = match self.store(state, &self.in_force(state)) {
            Ok(store) => store,
            Err(why) => return found.problems.push(format!("sinks: {why}")),
        };
        for sink in &self.sinks {
            let name = sink.name();
            let placed = state.placed.get(&name).cloned().unwrap_or_default();
            let plan = match self.may_fill(sink.as_ref(), state) {
                Ok(()) => sink.plan(&store, &placed).await,
                Err(error) => Err(error),
            };
            let complaints = plan.iter().flat_map(|plan| &plan.complaints).map(ToString::to_string);
            found.problems.extend(complaints);
            let outcome = match plan {
                Ok(plan) if plan.in_place => Ok(format!("{} anchors, as they should be", plan.ours.len())),
                Ok(_) => Err("it does not hold what it should; the next sync writes it".into()),
                Err(error) => Err(error.to_string()),
            };
            found.enter(&format!("sink {name}"), outcome);
        }
    }
}
