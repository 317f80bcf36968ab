//! A scheme in memory for stories and attacks: a board, electors, signers, officers, two PKI
//! operators, two mobility operators, a clock that only moves when told to.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;

use ctl_core::jws::{Jws, Signature};
use ctl_core::keys::{Algorithm, PrivateKey, PublicKey};
use ctl_core::log::merkle;
use ctl_core::names::{Environment, Nonce};
use ctl_core::parts::*;
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Timestamp};
use ctl_governance::possession::Challenge;
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::*;
use ctl_governance::statement::parts::*;
use ctl_governance::statement::{Basis, Body, Entry, Payload, Statement};
use ctl_governance::{Reason, Refusal, RulesVersion, State, check, draft, genesis, possession};
use ctl_sandbox::{Pki, PkiKind, PkiSpec, certification_request};

pub const DAY: u64 = 86_400;

/// 2026-01-01.
pub fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub fn na() -> ctl_core::names::ListId {
    "na".parse().unwrap()
}

/// A key that belongs to a name: Ed25519 for most, P-256 for those with an even length, so that
/// every story has both.
pub fn key(name: &str) -> PrivateKey {
    let seed = *Digest::of(name.as_bytes()).as_bytes();
    let algorithm = if name.len().is_multiple_of(4) { Algorithm::Es256 } else { Algorithm::EdDsa };
    PrivateKey::from_seed(algorithm, &seed).unwrap()
}

pub fn ed25519(name: &str) -> PublicKey {
    let seed = *Digest::of(name.as_bytes()).as_bytes();
    PrivateKey::from_seed(Algorithm::EdDsa, &seed).unwrap().public_key()
}

/// Who takes part: id, organisation, what it is.
pub const CAST: &[(&str, &str, &[ParticipantKind])] = &[
    ("board-1", "org-board-1", &[ParticipantKind::BoardMember]),
    ("board-2", "org-board-2", &[ParticipantKind::BoardMember]),
    ("board-3", "org-board-3", &[ParticipantKind::BoardMember]),
    ("elector-1", "org-elector-1", &[ParticipantKind::Elector]),
    ("elector-2", "org-elector-2", &[ParticipantKind::Elector]),
    ("elector-3", "org-elector-3", &[ParticipantKind::Elector]),
    ("elector-3-deputy", "org-elector-3", &[ParticipantKind::Elector]),
    ("alpha-elector", "alpha", &[ParticipantKind::Elector]),
    ("signer-1", "org-signer-1", &[ParticipantKind::Signer]),
    ("signer-2", "org-signer-2", &[ParticipantKind::Signer]),
    ("signer-3", "org-signer-3", &[ParticipantKind::Signer]),
    ("registrar", "org-registrar", &[ParticipantKind::Registrar]),
    ("officer-1", "org-officer-1", &[ParticipantKind::EmergencyOfficer]),
    ("officer-2", "org-officer-2", &[ParticipantKind::EmergencyOfficer]),
    ("admissions", "org-admissions", &[ParticipantKind::AdmissionsOfficer]),
    ("alpha-pki", "alpha", &[ParticipantKind::PkiOperator]),
    ("beta-pki", "beta", &[ParticipantKind::PkiOperator]),
    ("mo-one", "mo-one", &[ParticipantKind::Mo]),
    ("mo-two", "mo-two", &[ParticipantKind::Mo]),
    ("auditor", "org-auditor", &[ParticipantKind::Auditor]),
    ("elector-2-auditor", "org-elector-2", &[ParticipantKind::Auditor]),
    ("watcher-north", "gridwatch", &[ParticipantKind::Watcher]),
    ("watcher-north-2", "gridwatch", &[ParticipantKind::Watcher]),
    ("watcher-south", "roamcheck", &[ParticipantKind::Watcher]),
    ("alpha-watcher", "alpha", &[ParticipantKind::Watcher]),
];

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

pub fn holders(ids: &[&str], threshold: u32) -> Holders {
    Holders { holders: ids.iter().map(|id| id.parse().unwrap()).collect(), threshold }
}

pub fn charter() -> Charter {
    let electors = ["elector-1", "elector-2", "elector-3", "elector-3-deputy", "alpha-elector"];
    let electors: Vec<_> = electors.iter().map(|id| id.parse().unwrap()).collect();
    let list = ListCharter {
        name: "North America".parse().unwrap(),
        electors: electors.clone(),
        quorum: Quorums { admit: 2, admit_cross: 2, constrain: 2, change_status: 2, distrust: 2 },
        discussion_seconds: 14 * DAY,
        voting_seconds: 7 * DAY,
        signers: holders(&["signer-1", "signer-2", "signer-3"], 2),
        policy: policy(),
        required_evidence: vec![EvidenceKind::SecondChannelFingerprint, EvidenceKind::CertificatePolicy],
        validity_seconds: 30 * DAY,
        take_up_seconds: 10 * DAY,
    };
    Charter {
        name: "A scheme for stories".parse().unwrap(),
        rules: RulesVersion::V1,
        board: holders(&["board-1", "board-2", "board-3"], 2),
        assembly: Assembly { electors, quorum: 3, voting_seconds: 7 * DAY },
        admissions_officers: holders(&["admissions"], 1),
        lists: [(na(), list)].into(),
        registry: RegistryCharter { registrars: holders(&["registrar"], 1), validity_seconds: 30 * DAY },
        notices: NoticesCharter {
            officers: holders(&["officer-1", "officer-2"], 1),
            max_in_force: 2,
            max_duration_seconds: 14 * DAY,
            validity_seconds: 7 * DAY,
        },
        watchers: Some(holders(&["watcher-north", "watcher-north-2", "watcher-south", "alpha-watcher"], 2)),
        server: ServerKeys {
            log_origin: "ctl.example/stories".parse().unwrap(),
            log: ed25519("log"),
            recorder: key("recorder").public_key(),
            snapshot: key("snapshot").public_key(),
            timestamp: key("timestamp").public_key(),
        },
        witnesses: Witnesses::default(),
        validity: Validity {
            root_seconds: 365 * DAY,
            targets_seconds: 365 * DAY,
            snapshot_seconds: 7 * DAY,
            timestamp_seconds: DAY,
        },
        limits: RecordingLimits { issued_behind_seconds: DAY, statements_per_day: 50, open_applications: 2 },
    }
}

pub fn policy() -> PolicyRef {
    PolicyRef {
        name: "admission".parse().unwrap(),
        sha256: Digest::of(b"the policy"),
        version: "1".parse().unwrap(),
    }
}

pub fn blob(text: &str) -> BlobRef {
    BlobRef { access: BlobAccess::Public, sha256: Digest::of(text.as_bytes()) }
}

/// A V2G root of an operator; the same every time.
pub fn root(operator: &str) -> Pki {
    let spec = PkiSpec::new(PkiKind::V2g, operator, "US", operator, operator, start().unix());
    Pki::generate(&spec).expect("the sandbox makes a PKI")
}

pub fn uses() -> Vec<Use> {
    vec![
        Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g },
        Use { standard: Standard::Iso15118_2, purpose: Purpose::Mo },
    ]
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

/// Where an operator says that it can be reached.
pub fn services() -> Services {
    Services {
        ocsp: vec!["http://ocsp.example/".parse().unwrap()],
        crl: vec!["http://crl.example/root.crl".parse().unwrap()],
        ..Services::default()
    }
}

pub fn application(certificate: Vec<u8>) -> ApplicationSubmit {
    ApplicationSubmit {
        candidate: Candidate::Root {
            constraints: Constraints::default(),
            services: services(),
            uses: uses(),
        },
        certificate: Der(certificate),
        list: na(),
        name: "A root".parse().unwrap(),
        possession: None,
    }
}

pub fn new_participant(id: &str, organisation: &str, kinds: &[ParticipantKind]) -> NewParticipant {
    NewParticipant {
        id: id.parse().unwrap(),
        organisation: organisation.parse().unwrap(),
        name: id.parse().unwrap(),
        kinds: kinds.to_vec(),
        key: key(id).public_key(),
    }
}

/// Signs the same payload again with other keys.
pub fn signed_by(payload: &Payload, keys: &[&PrivateKey]) -> Statement {
    Statement::from_jws(Jws::sign(payload.to_bytes(), &payload.body.typ(), keys).unwrap()).unwrap()
}

pub fn reason<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Reason {
    result.expect_err("must be refused").reason
}
