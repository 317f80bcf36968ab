//! A scheme in memory whose ledger grows as long as asked.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may stop at once")]

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ctl_core::jws::Signature;
use ctl_core::keys::{Algorithm, KeyId, PrivateKey, PublicKey};
use ctl_core::log::{Checkpoint, merkle};
use ctl_core::names::{Environment, Label, ListId, MoId, Nonce};
use ctl_core::parts::{Constraints, Der, PolicyRef, Purpose, Services, Standard, Use};
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{
    ApplicationSubmit, Candidate, Change, CharterEstablish, Choice, DocumentSignature, DraftOpen,
    MetadataSignature, MoAssign, MoUpdate, ParticipantRegister, ProposalOpen, PublicationRecord,
    ScreeningRecord, VoteCast,
};
use ctl_governance::statement::charter::{
    Assembly, Charter, Holders, ListCharter, NoticesCharter, Quorums, RecordingLimits, RegistryCharter,
    ServerKeys, Validity, Witnesses,
};
use ctl_governance::statement::parts::{
    BlobAccess, BlobRef, NewParticipant, Observed, ObservedKind, ParticipantKind,
};
use ctl_governance::statement::{Basis, Body, Entry, Payload, Statement};
use ctl_governance::{RulesVersion, State, check, draft, genesis, possession};
use ctl_pki::Certificate;
use ctl_policy::{ADMISSION, ENGINE, Policy};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use ctl_server::keys::Keys;

/// The people of the scheme: one of each is enough here.
const CAST: [(&str, ParticipantKind); 7] = [
    ("board", ParticipantKind::BoardMember),
    ("elector", ParticipantKind::Elector),
    ("signer", ParticipantKind::Signer),
    ("registrar", ParticipantKind::Registrar),
    ("officer", ParticipantKind::EmergencyOfficer),
    ("mo", ParticipantKind::Mo),
    ("operator", ParticipantKind::PkiOperator),
];
/// The server's keys; their names are those of their files in a server's data directory.
pub const SERVER_KEYS: [&str; 4] = ["log", "recorder", "snapshot", "timestamp"];

/// The anchors of a large scheme.
const ANCHORS: usize = 100;
/// Its MO identifiers.
pub const MO_IDS: usize = 10_000;

/// The server's keys, as it holds them.
#[must_use]
pub fn server_keys() -> Keys {
    Keys {
        origin: charter().server.log_origin,
        log: key("log"),
        recorder: key("recorder"),
        snapshot: key("snapshot"),
        timestamp: key("timestamp"),
        others: vec![],
    }
}

/// A scheme and everything needed to say more in it.
pub struct Scheme {
    /// What follows from the entries.
    pub state: State,
    /// The ledger.
    pub entries: Vec<Entry>,
    /// Every public key in it.
    pub public_keys: BTreeMap<KeyId, PublicKey>,
    keys: BTreeMap<String, PrivateKey>,
    nonce: u64,
    /// When what is said next is said and recorded.
    pub now: Timestamp,
}

/// A key that belongs to a name.
#[must_use]
pub fn key(name: &str) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::EdDsa, Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

/// The office of one.
#[must_use]
pub fn one(id: &str) -> Holders {
    Holders { holders: vec![id.parse().unwrap()], threshold: 1 }
}

/// The policy by which candidates are screened.
#[must_use]
pub fn policy() -> PolicyRef {
    let policy = Policy::parse(ADMISSION).unwrap();
    PolicyRef {
        name: policy.name().parse().unwrap(),
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse().unwrap(),
    }
}

/// The public keys of the server.
#[must_use]
pub fn server_public_keys() -> ServerKeys {
    ServerKeys {
        log_origin: "bench.example/log".parse().unwrap(),
        log: key("log").public_key(),
        recorder: key("recorder").public_key(),
        snapshot: key("snapshot").public_key(),
        timestamp: key("timestamp").public_key(),
    }
}

fn charter() -> Charter {
    let electors = vec!["elector".parse().unwrap()];
    let list = ListCharter {
        name: "North America".parse().unwrap(),
        electors: electors.clone(),
        quorum: Quorums { admit: 1, admit_cross: 1, constrain: 1, change_status: 1, distrust: 1 },
        discussion_seconds: 0,
        voting_seconds: 60,
        signers: one("signer"),
        policy: policy(),
        required_evidence: Vec::new(),
        validity_seconds: 86_400,
        take_up_seconds: 60,
        sae_cms: None,
    };
    Charter {
        name: "A large scheme".parse().unwrap(),
        rules: RulesVersion::V1,
        board: one("board"),
        assembly: Assembly { electors, quorum: 1, voting_seconds: 60 },
        admissions_officers: one("board"),
        lists: [("na".parse().unwrap(), list)].into(),
        registry: RegistryCharter { registrars: one("registrar"), validity_seconds: 86_400 },
        notices: NoticesCharter {
            officers: one("officer"),
            max_in_force: 10,
            max_duration_seconds: 86_400,
            validity_seconds: 86_400,
        },
        watchers: None,
        server: server_public_keys(),
        witnesses: Witnesses::default(),
        validity: Validity {
            root_seconds: 86_400,
            targets_seconds: 86_400,
            snapshot_seconds: 86_400,
            timestamp_seconds: 86_400,
        },
        limits: RecordingLimits {
            issued_behind_seconds: 86_400,
            statements_per_day: u32::MAX,
            open_applications: u32::MAX,
        },
    }
}

impl Scheme {
    /// A scheme with its genesis, in which everything happens at one moment.
    #[must_use]
    pub fn found(now: Timestamp) -> Self {
        let participants = CAST.map(|(name, kind)| participant(name, name, name, kind));
        Self::establish(charter(), participants.into(), now)
    }

    /// A scheme with its genesis, signed by as many board members as the charter asks for. Each has the key of its id.
    #[must_use]
    pub fn establish(charter: Charter, participants: Vec<NewParticipant>, now: Timestamp) -> Self {
        let names = participants.iter().map(|one| one.id.as_str()).chain(SERVER_KEYS);
        let keys: BTreeMap<String, PrivateKey> = names.map(|name| (name.to_owned(), key(name))).collect();
        let public_keys = keys.values().map(|key| (key.public_key().key_id(), key.public_key())).collect();
        let board = signers(&charter.board);
        let body = CharterEstablish { charter, environment: Environment::Test, participants };
        let payload = Payload {
            scheme: Digest::ZERO,
            issued_at: now,
            basis: Basis { size: 0, root_hash: merkle::empty_root() },
            nonce: Nonce::from_bytes([0; 16]),
            body: body.into(),
        };
        let board: Vec<&PrivateKey> = board.iter().map(|id| &keys[id]).collect();
        let statement = Statement::from_jws(payload.sign(&board).unwrap()).unwrap();
        let entry = Entry::new(now, statement).unwrap();
        let state = genesis(&entry).unwrap();
        Self { state, entries: vec![entry], public_keys, keys, nonce: 0, now }
    }

    /// What someone says on top of all that was recorded here.
    pub fn signed(&mut self, signer: &str, body: impl Into<Body>) -> Statement {
        self.signed_by(&[signer], body)
    }

    /// The same by several.
    pub fn signed_by(&mut self, signers: &[&str], body: impl Into<Body>) -> Statement {
        self.nonce += 1;
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.nonce.to_be_bytes());
        let payload = Payload {
            scheme: self.state.scheme,
            issued_at: self.now,
            basis: Basis { size: self.state.size(), root_hash: self.state.root() },
            nonce: Nonce::from_bytes(nonce),
            body: body.into(),
        };
        let keys: Vec<&PrivateKey> = signers.iter().map(|signer| &self.keys[*signer]).collect();
        Statement::from_jws(payload.sign(&keys).unwrap()).unwrap()
    }

    /// Somebody joins, with the key of its id.
    pub fn register(&mut self, officer: &str, participant: NewParticipant) {
        let id = participant.id.to_string();
        let key = key(&id);
        self.public_keys.insert(key.public_key().key_id(), key.public_key());
        self.keys.insert(id.clone(), key);
        self.say_by(&[&id, officer], ParticipantRegister { participant });
    }

    /// Someone says something, and it is recorded.
    pub fn say(&mut self, signer: &str, body: impl Into<Body>) {
        self.say_by(&[signer], body);
    }

    /// Several say something together.
    pub fn say_by(&mut self, signers: &[&str], body: impl Into<Body>) {
        let statement = self.signed_by(signers, body);
        check(&self.state, &statement, self.now).unwrap();
        let entry = Entry::new(self.now, statement).unwrap();
        self.state.apply(&entry);
        self.entries.push(entry);
    }

    /// A root applies, is screened, put to the vote and admitted.
    pub fn admit(&mut self, name: Label, root: &Certificate) {
        let list: ListId = "na".parse().unwrap();
        let uses = vec![Use { standard: Standard::Iso15118_2, purpose: Purpose::Oem }];
        let (constraints, services) = (Constraints::default(), Services::default());
        let candidate = Candidate::Root { constraints: constraints.clone(), services, uses: uses.clone() };
        let certificate = Der(root.der().to_vec());
        let application = self.state.size();
        let submit = ApplicationSubmit { candidate, certificate, list: list.clone(), name, possession: None };
        self.say("operator", submit);
        let screening = self.state.size();
        let fingerprint = Digest::from_bytes(root.sha256());
        let record = ScreeningRecord {
            application,
            engine: ENGINE.parse().unwrap(),
            findings: Vec::new(),
            ledger_size: screening,
            observed: vec![Observed { what: ObservedKind::Certificate, sha256: fingerprint }],
            policy: policy(),
            report: BlobRef { access: BlobAccess::Public, sha256: Digest::of(b"report") },
            screened_at: self.now,
        };
        self.say("recorder", record);
        let change = Change::Admit {
            application,
            certificate: fingerprint,
            constraints,
            evidence: Vec::new(),
            list,
            screening,
            uses,
            waived: vec![possession::RULE.parse().unwrap()],
        };
        self.say("elector", ProposalOpen { change, charter: 0, rationale: None });
        let proposal = self.entries.last().unwrap().leaf_hash;
        self.say("elector", VoteCast { choice: Choice::Approve, proposal, rationale: None });
    }

    /// Everything that is due is drafted, signed and published.
    pub fn publish(&mut self) {
        loop {
            let due = draft::due(&self.state, self.now);
            if due.is_empty() {
                return;
            }
            for open in due {
                self.hold_ceremony(open);
            }
        }
    }

    /// A draft is opened, signed by as many as it takes, and published.
    fn hold_ceremony(&mut self, open: DraftOpen) {
        let role = open.role.clone();
        let charter = &self.state.charter;
        let signers = signers(match &role {
            Role::Root | Role::Targets => &charter.board,
            Role::Registry => &charter.registry.registrars,
            Role::Notices => &charter.notices.officers,
            Role::List(list) => &charter.lists[list].signers,
        });
        let draft = self.state.size();
        self.say("recorder", open);
        let documents = self.state.drafts[&role].documents.clone();
        let keys: Vec<&PrivateKey> = signers.iter().map(|signer| &self.keys[signer]).collect();
        let mut document_signatures = Vec::new();
        let mut metadata_signatures = Vec::new();
        for key in keys {
            if let (Some(document), Some(typ)) = (&documents.document, role.document_typ()) {
                let signature = Signature::sign(key, typ, document).unwrap();
                document_signatures.push(DocumentSignature {
                    protected: signature.protected_base64,
                    signature: BASE64_URL_SAFE_NO_PAD.encode(signature.signature),
                });
            }
            metadata_signatures.push(MetadataSignature {
                keyid: key.public_key().key_id(),
                sig: TufSignature::over(&documents.metadata, key).unwrap().sig,
            });
        }
        let record = PublicationRecord {
            document: documents.document.as_deref().map(Digest::of),
            document_signatures,
            draft,
            metadata: Digest::of(&documents.metadata),
            metadata_signatures,
            role,
            sae_cms_signatures: Vec::new(),
        };
        self.say("recorder", record);
    }

    /// The log's checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        let server = &self.state.charter.server;
        let checkpoint = Checkpoint {
            origin: server.log_origin.to_string(),
            size: self.state.size(),
            root: self.state.root(),
        };
        checkpoint.sign(&self.keys["log"]).unwrap().to_string()
    }

    /// One of the size that one small machine is to serve, everything published.
    #[must_use]
    pub fn large(now: Timestamp) -> Self {
        let mut scheme = Self::found(now);
        for number in 1..=ANCHORS {
            let name = format!("Root {number}");
            let spec = PkiSpec::new(PkiKind::Oem, &name, "DE", &name, "bench", now.unix() - 86_400);
            scheme.admit(name.parse().unwrap(), Pki::generate(&spec).unwrap().root().certificate());
        }
        scheme.chatter(MO_IDS);
        scheme.publish();
        scheme
    }

    /// Records this number of statements about ten thousand MO identifiers: each is assigned once, then updated
    /// again and again.
    pub fn chatter(&mut self, statements: usize) {
        self.chatter_from(0, statements);
    }

    /// The same, after `first` statements of this kind.
    pub fn chatter_from(&mut self, first: usize, statements: usize) {
        for n in first..first + statements {
            let id: MoId = mo_id(n % MO_IDS);
            let source = if (n / MO_IDS).is_multiple_of(2) { "bdew" } else { "idro" }.parse().unwrap();
            if n < MO_IDS {
                self.say("registrar", MoAssign { holder: "mo".parse().unwrap(), id, source });
            } else {
                self.say("registrar", MoUpdate { id, source });
            }
        }
    }
}

/// As many of an office as it takes to act.
fn signers(office: &Holders) -> Vec<String> {
    office.holders.iter().take(office.threshold as usize).map(ToString::to_string).collect()
}

/// A participant of one kind, with the key of its id.
#[must_use]
pub fn participant(id: &str, organisation: &str, name: &str, kind: ParticipantKind) -> NewParticipant {
    NewParticipant {
        id: id.parse().unwrap(),
        organisation: organisation.parse().unwrap(),
        name: name.parse().unwrap(),
        kinds: vec![kind],
        key: key(id).public_key(),
    }
}

/// The n-th of many MO identifiers.
#[must_use]
pub fn mo_id(n: usize) -> MoId {
    let digit = |n: usize| b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 36] as char;
    format!("DE{}{}{}", digit(n / 1296), digit(n / 36), digit(n)).parse().unwrap()
}
