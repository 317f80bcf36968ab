//! A founding as people make it: a charter file with keys beside it, and the board's signatures.

use std::path::PathBuf;

use ctl_core::jws::Jws;
use ctl_core::log::empty_root;
use ctl_core::names::Nonce;
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Timestamp};
use ctl_governance::draft;
use ctl_governance::statement::body::{CharterEstablish, DraftOpen};
use ctl_governance::statement::charter::RecordingLimits;
use ctl_governance::statement::{Basis, Entry, Payload, Statement};
use ctl_server::init;
use ctl_server::keys::Keys;

use super::world::{self, CAST};

/// The charter of the stories as a file. The policy is the built-in one.
const CHARTER: &str = r#"
name = "A scheme for stories"
environment = "test"
rules = 1
board = { holders = ["board-1", "board-2", "board-3"], threshold = 2 }
assembly = { electors = ["elector-1", "elector-2", "elector-3"], quorum = 2, voting = "7days" }
admissions_officers = { holders = ["admissions"], threshold = 1 }
registry = { registrars = { holders = ["registrar"], threshold = 1 }, validity = "30days" }
watchers = { holders = ["watcher-north", "watcher-north-2", "watcher-south", "alpha-watcher"], threshold = 2 }

[notices]
officers = { holders = ["officer-1", "officer-2"], threshold = 1 }
max_in_force = 2
max_duration = "14days"
validity = "7days"

[validity]
root = "365days"
targets = "365days"
snapshot = "7days"
timestamp = "1day"

[limits]
issued_behind = "1day"
statements_per_day = 1000
open_applications = 2

[lists.na]
name = "North America"
electors = ["elector-1", "elector-2", "elector-3"]
quorum = { admit = 2, admit_cross = 2, constrain = 2, change_status = 2, distrust = 2 }
discussion = "14days"
voting = "7days"
signers = { holders = ["signer-1", "signer-2", "signer-3"], threshold = 2 }
policy = "builtin"
required_evidence = ["second-channel-fingerprint"]
validity = "30days"
take_up = "10days"
"#;

/// A data directory with the server's keys, and the papers that the board signs.
pub struct Founding {
    pub directory: tempfile::TempDir,
    pub payload: Payload,
    pub keys: Keys,
}

impl Founding {
    /// Everything up to the board's signatures.
    pub fn prepared(issued_at: Timestamp) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let keys = init::prepare(&data, "ctl.example/stories".parse().unwrap()).unwrap();
        let mut charter = CHARTER.to_owned();
        for (id, organisation, kinds) in CAST {
            let kinds = serde_json::to_string(kinds).unwrap();
            charter += &format!(
                "\n[[participants]]\nid = \"{id}\"\norganisation = \"{organisation}\"\nname = \"{id}\"\n\
                 kinds = {kinds}\nkey = \"keys/{id}.pub\"\n"
            );
            std::fs::create_dir_all(directory.path().join("keys")).unwrap();
            let file = directory.path().join(format!("keys/{id}.pub"));
            std::fs::write(file, world::key(id).public_key().to_pem()).unwrap();
        }
        std::fs::write(directory.path().join("charter.toml"), charter).unwrap();
        let payload = Payload {
            scheme: Digest::ZERO,
            issued_at,
            basis: Basis { size: 0, root_hash: empty_root() },
            nonce: Nonce::from_bytes([7; 16]),
            body: establish(&keys).into(),
        };
        Self { directory, payload, keys }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Signs both papers.
    pub fn sign(&self, genesis_by: &[&str], root_by: &[&str]) {
        let signers: Vec<_> = genesis_by.iter().map(|id| world::key(id)).collect();
        let genesis = self.payload.sign(&signers.iter().collect::<Vec<_>>()).unwrap();
        std::fs::write(self.path("genesis.jws"), genesis.to_bytes()).unwrap();
        // The root is built from a genesis that the whole board signed: its bytes depend on the payload.
        let board = ["board-1", "board-2", "board-3"].map(world::key);
        let whole: Jws = self.payload.sign(&board.iter().collect::<Vec<_>>()).unwrap();
        let statement = Statement::from_jws(whole).unwrap();
        let entry = Entry::new(self.payload.issued_at, statement).unwrap();
        let state = ctl_governance::genesis(&entry).unwrap();
        let open = DraftOpen {
            expires: self.payload.issued_at.plus_seconds(state.charter.validity.root_seconds),
            issued_at: self.payload.issued_at,
            role: Role::Root,
            sequence: None,
            version: 1,
        };
        let documents = draft::build(&state, &open, 1);
        let signatures: Vec<TufSignature> = root_by
            .iter()
            .map(|id| TufSignature::over(&documents.metadata, &world::key(id)).unwrap())
            .collect();
        std::fs::write(self.path("1.root.json"), documents.metadata_file(&signatures)).unwrap();
    }

    /// The second step of `init`.
    pub fn found(&self, now: Timestamp) -> Result<Digest, init::InitError> {
        let [charter, genesis, root] =
            ["charter.toml", "genesis.jws", "1.root.json"].map(|name| self.path(name));
        let founding = init::Founding { charter: &charter, genesis: &genesis, root: &root };
        init::found(&self.data(), &founding, now)
    }
}

/// What the charter file says, written down once more.
fn establish(keys: &Keys) -> CharterEstablish {
    let mut charter = world::charter();
    let electors: Vec<_> =
        ["elector-1", "elector-2", "elector-3"].iter().map(|id| id.parse().unwrap()).collect();
    charter.assembly.electors = electors.clone();
    charter.assembly.quorum = 2;
    charter.server = keys.public();
    charter.limits = RecordingLimits { statements_per_day: 1000, ..charter.limits };
    for list in charter.lists.values_mut() {
        list.electors = electors.clone();
        list.policy = super::admission();
        list.required_evidence.truncate(1);
    }
    CharterEstablish {
        charter,
        environment: ctl_core::names::Environment::Test,
        participants: CAST.iter().map(|(id, of, kinds)| world::new_participant(id, of, kinds)).collect(),
    }
}
