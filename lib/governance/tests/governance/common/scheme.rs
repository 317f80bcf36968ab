//! A scheme in memory, with a clock that only moves when told to.

use std::collections::BTreeMap;

use ctl_core::jws::Signature;
use ctl_core::keys::PrivateKey;
use ctl_core::log::merkle;
use ctl_core::names::{Environment, Nonce};
use ctl_core::parts::*;
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Timestamp};
use ctl_governance::draft::SaeCms;
use ctl_governance::possession::Challenge;
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::*;
use ctl_governance::statement::parts::*;
use ctl_governance::statement::{Basis, Body, Entry, Payload, Statement};
use ctl_governance::{Reason, Refusal, State, check, draft, genesis, possession};
use ctl_sandbox::certification_request;

use super::*;

/// What was said to a world, recorded or not. Written down as a story for the frozen corpus where `CTL_CORPUS`
/// names a folder (see tests/corpus), but for those of property tests: they are others each time.
#[derive(Default)]
pub struct Story(Vec<Vec<u8>>);

impl Story {
    fn add(&mut self, entry: &Entry) {
        if std::env::var_os("CTL_CORPUS").is_some() {
            self.0.push(entry.bytes.clone());
        }
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        const MOST: u32 = 8;
        static WRITTEN: std::sync::Mutex<BTreeMap<String, u32>> = std::sync::Mutex::new(BTreeMap::new());
        let Some(folder) = std::env::var_os("CTL_CORPUS") else { return };
        let name = std::thread::current().name().unwrap_or("story").replace("::", "-");
        let mut written = WRITTEN.lock().unwrap();
        let number = written.entry(name.clone()).or_default();
        let path = |number: u32| std::path::Path::new(&folder).join(format!("{name}-{number}.jsonl"));
        *number += 1;
        match *number {
            1..=MOST => std::fs::write(path(*number), self.0.join(&b'\n')).unwrap(),
            // So many are the random worlds of a property test.
            _ => (1..=MOST).for_each(|number| drop(std::fs::remove_file(path(number)))),
        }
    }
}

pub struct World {
    pub story: Story,
    pub state: State,
    pub entries: Vec<Entry>,
    pub now: Timestamp,
    pub keys: BTreeMap<String, PrivateKey>,
    nonce: u64,
}

impl World {
    /// A scheme with its genesis and nothing else.
    pub fn found() -> Self {
        Self::found_with(charter())
    }

    pub fn found_with(charter: Charter) -> Self {
        let keys: BTreeMap<String, PrivateKey> = CAST
            .iter()
            .map(|(id, ..)| *id)
            .chain(["recorder", "snapshot", "timestamp"])
            .map(|name| (name.to_owned(), key(name)))
            .collect();
        let entry = Self::genesis_with(charter, &[]);
        let state = genesis(&entry).unwrap();
        let mut story = Story::default();
        story.add(&entry);
        Self { story, state, entries: vec![entry], now: start(), keys, nonce: 1 }
    }

    /// The genesis of a scheme with everyone of the cast, and more.
    pub fn genesis_with(charter: Charter, more: &[NewParticipant]) -> Entry {
        let cast = CAST.iter().map(|(id, organisation, kinds)| new_participant(id, organisation, kinds));
        let body = CharterEstablish {
            charter,
            environment: Environment::Test,
            participants: cast.chain(more.iter().cloned()).collect(),
        };
        let payload = Payload {
            scheme: Digest::ZERO,
            issued_at: start(),
            basis: Basis { size: 0, root_hash: merkle::empty_root() },
            nonce: Nonce::from_bytes([0; 16]),
            body: body.into(),
        };
        let jws = payload.sign(&[&key("board-1"), &key("board-2")]).unwrap();
        Entry::new(start(), Statement::from_jws(jws).unwrap()).unwrap()
    }

    /// A scheme whose board has published root and targets.
    pub fn published() -> Self {
        Self::published_with(charter())
    }

    pub fn published_with(charter: Charter) -> Self {
        let mut world = Self::found_with(charter);
        world.publish(&Role::Root, &["board-1", "board-2"]).unwrap();
        world.publish(&Role::Targets, &["board-1", "board-3"]).unwrap();
        world
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    pub fn payload(&mut self, body: impl Into<Body>) -> Payload {
        self.nonce += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.nonce.to_be_bytes());
        Payload {
            scheme: self.state.scheme,
            issued_at: self.now,
            basis: Basis { size: self.state.size(), root_hash: self.state.root() },
            nonce: Nonce::from_bytes(nonce),
            body: body.into(),
        }
    }

    pub fn sign(&self, payload: &Payload, signers: &[&str]) -> Statement {
        let keys: Vec<&PrivateKey> = signers.iter().map(|name| &self.keys[*name]).collect();
        Statement::from_jws(payload.sign(&keys).unwrap()).unwrap()
    }

    /// Records a statement if the rules let it, and returns its index.
    pub fn record(&mut self, statement: Statement) -> Result<u64, Refusal> {
        let too_large =
            |e: ctl_governance::statement::StatementError| Refusal::new(Reason::TooLarge, e.to_string());
        let entry = Entry::new(self.now, statement).map_err(too_large)?;
        self.story.add(&entry);
        check(&self.state, &entry.statement, self.now)?;
        let index = self.state.size();
        self.state.apply(&entry);
        self.entries.push(entry);
        Ok(index)
    }

    /// Someone says something.
    pub fn say(&mut self, signers: &[&str], body: impl Into<Body>) -> Result<u64, Refusal> {
        let payload = self.payload(body);
        self.record(self.sign(&payload, signers))
    }

    /// Opens the role's draft without having anyone sign it.
    pub fn open_draft(&mut self, role: &Role) -> Result<u64, Refusal> {
        let published = self.state.published.get(role).map(|p| (p.open.version, p.open.sequence));
        let (version, sequence) = published.unwrap_or((0, Some(0)));
        let validity = match role {
            Role::Root | Role::Targets => 365 * DAY,
            Role::Registry | Role::List(_) => 30 * DAY,
            Role::Notices => 7 * DAY,
        };
        let open = DraftOpen {
            expires: self.now.plus_seconds(validity),
            issued_at: self.now,
            role: role.clone(),
            sequence: role.document_typ().map(|_| sequence.unwrap_or(0) + 1),
            version: version + 1,
        };
        self.say(&["recorder"], open)
    }

    /// What these people's signatures on the role's open draft amount to.
    pub fn publication(&self, role: &Role, signers: &[&str]) -> PublicationRecord {
        let draft = &self.state.drafts[role];
        let documents = &draft.documents;
        let document_signatures = documents.document.iter().flat_map(|document| {
            let typ = role.document_typ().unwrap();
            signers.iter().map(move |name| {
                let signature = Signature::sign(&self.keys[*name], typ, document).unwrap().to_value();
                serde_json::from_value(signature).unwrap()
            })
        });
        PublicationRecord {
            document: documents.document.as_deref().map(Digest::of),
            document_signatures: document_signatures.collect(),
            draft: draft.index,
            metadata: Digest::of(&documents.metadata),
            metadata_signatures: signers
                .iter()
                .map(|name| MetadataSignature {
                    keyid: self.keys[*name].public_key().key_id(),
                    sig: TufSignature::over(&documents.metadata, &self.keys[*name]).unwrap().sig,
                })
                .collect(),
            role: role.clone(),
            sae_cms_signatures: match &documents.sae_cms {
                SaeCms::Drafted { attributes, .. } => {
                    let sign =
                        |name: &&str| MetadataSignature::over_cms(&self.keys[*name], &attributes.0).unwrap();
                    signers.iter().map(sign).collect()
                }
                _ => Vec::new(),
            },
        }
    }

    /// A whole ceremony.
    pub fn publish(&mut self, role: &Role, signers: &[&str]) -> Result<u64, Refusal> {
        self.open_draft(role)?;
        let record = self.publication(role, signers);
        self.say(&["recorder"], record)
    }

    pub fn publish_list(&mut self) -> u64 {
        self.publish(&Role::List(na()), &["signer-1", "signer-2"]).unwrap()
    }

    /// The list as it would be drafted now.
    pub fn list(&mut self) -> ctl_core::list::ListPayload {
        self.open_draft(&Role::List(na())).unwrap();
        let document = self.state.drafts[&Role::List(na())].documents.document.clone().unwrap();
        serde_json::from_slice(&document).unwrap()
    }

    /// An operator applies with its root.
    pub fn apply_with_root(&mut self, operator: &str) -> Result<u64, Refusal> {
        let pki = root(operator);
        let proof = self.proof(operator, pki.root());
        let certificate = pki.root().certificate().der().to_vec();
        self.say(&[operator], ApplicationSubmit { possession: Some(proof), ..application(certificate) })
    }

    /// What an operator has its root's key sign now.
    pub fn challenge(&self, operator: &str, root: &ctl_sandbox::Entity) -> Challenge {
        Challenge {
            certificate: Digest::from_bytes(root.certificate().sha256()),
            key: self.keys[operator].public_key().key_id(),
            list: na(),
            participant: operator.parse().unwrap(),
            position: Basis { size: self.state.size(), root_hash: self.state.root() },
            scheme: self.state.scheme,
            r#type: Challenge::TYPE,
        }
    }

    /// A proof that an operator holds this root's key.
    pub fn proof(&self, operator: &str, root: &ctl_sandbox::Entity) -> PossessionProof {
        let challenge = self.challenge(operator, root);
        let request = certification_request(root, &challenge.common_name()).unwrap();
        PossessionProof { position: challenge.position, request: Der(request) }
    }

    /// An application screened without findings, with all evidence, discussed to the end.
    pub fn discussed(&mut self, operator: &str) -> u64 {
        let application = self.apply_with_root(operator).unwrap();
        self.attach_all(application);
        self.screen(application, Vec::new()).unwrap();
        self.wait(14 * DAY);
        application
    }

    /// What a screening of the application's certificate alone has observed.
    pub fn observed(&self, application: u64) -> Vec<Observed> {
        let sha256 = self.state.applications[&application].fingerprint;
        vec![Observed { what: ObservedKind::Certificate, sha256 }]
    }

    pub fn screen(&mut self, application: u64, findings: Vec<Finding>) -> Result<u64, Refusal> {
        let record = ScreeningRecord {
            application,
            engine: "ctl-policy 1".parse().unwrap(),
            findings,
            ledger_size: self.state.size(),
            observed: self.observed(application),
            policy: policy(),
            report: blob("report"),
            screened_at: self.now,
        };
        self.say(&["recorder"], record)
    }

    pub fn attach_all(&mut self, application: u64) {
        let found = self.state.applications[&application].clone();
        let heard = EvidenceAttach {
            application,
            blob: None,
            dated: None,
            fingerprint: Some(found.fingerprint),
            kind: EvidenceKind::SecondChannelFingerprint,
        };
        self.say(&["elector-1"], heard).unwrap();
        let policy = EvidenceAttach {
            application,
            blob: Some(blob("certificate policy")),
            dated: None,
            fingerprint: None,
            kind: EvidenceKind::CertificatePolicy,
        };
        self.say(&[found.applicant.as_str()], policy).unwrap();
    }

    /// The proposal that fits an application.
    pub fn proposal_to_admit(&self, application: u64) -> ProposalOpen {
        let found = &self.state.applications[&application];
        let Candidate::Root { uses, constraints, .. } = &found.candidate else { panic!("not a root") };
        ProposalOpen {
            change: Change::Admit {
                application,
                certificate: found.fingerprint,
                constraints: constraints.clone(),
                evidence: found.evidence.iter().map(|evidence| evidence.index).collect(),
                list: na(),
                screening: found.screening.as_ref().map_or(0, |screening| screening.index),
                uses: uses.clone(),
                waived: found
                    .possession
                    .is_missing()
                    .then(|| possession::RULE.parse().unwrap())
                    .into_iter()
                    .collect(),
            },
            charter: self.state.charter_since,
            rationale: Some(blob("why")),
        }
    }

    pub fn propose(&mut self, by: &str, change: Change) -> Result<u64, Refusal> {
        let charter = self.state.charter_since;
        self.say(&[by], ProposalOpen { change, charter, rationale: None })
    }

    pub fn vote(&mut self, elector: &str, proposal: u64, choice: Choice) -> Result<u64, Refusal> {
        let proposal = self.state.proposals[&proposal].leaf_hash;
        self.say(&[elector], VoteCast { choice, proposal, rationale: None })
    }

    /// Everyone who may vote on a list approves.
    pub fn decide(&mut self, proposal: u64) {
        for elector in ["elector-1", "elector-2", "elector-3", "alpha-elector"] {
            let open = &self.state.proposals[&proposal];
            if open.decision.is_none() && open.may_vote(&elector.parse().unwrap()) {
                self.vote(elector, proposal, Choice::Approve).unwrap();
            }
        }
        assert!(self.state.proposals[&proposal].decision.is_some());
    }

    /// An operator's root, admitted; its fingerprint.
    pub fn admitted(&mut self, operator: &str) -> Digest {
        let application = self.discussed(operator);
        let proposal = self.proposal_to_admit(application);
        let proposal = self.say(&["elector-1"], proposal).unwrap();
        self.decide(proposal);
        self.state.applications[&application].fingerprint
    }

    /// What due says now.
    pub fn due(&self) -> Vec<String> {
        draft::due(&self.state, self.now).iter().map(|open| open.role.to_string()).collect()
    }

    pub fn advance(&mut self, seconds: u64) {
        self.wait(seconds);
        self.state.advance(self.now);
    }
}
