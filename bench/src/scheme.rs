//! A scheme in memory whose ledger grows as long as asked.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may stop at once")]

use std::collections::BTreeMap;

use ctl_core::governance::{State, check, genesis};
use ctl_core::keys::{Algorithm, KeyId, PrivateKey, PublicKey};
use ctl_core::log::merkle;
use ctl_core::names::{Environment, MoId, Nonce};
use ctl_core::statement::body::{CharterEstablish, MoAssign, MoUpdate};
use ctl_core::statement::charter::{
    Assembly, Charter, Holders, Limits, ListCharter, NoticesCharter, Quorums, RegistryCharter, ServerKeys,
    Validity, Witnesses,
};
use ctl_core::statement::parts::{NewParticipant, ParticipantKind, PolicyRef};
use ctl_core::statement::{Basis, Body, Entry, Payload, Statement};
use ctl_core::{Digest, Timestamp};

/// The people of the scheme: one of each is enough here.
const CAST: [(&str, ParticipantKind); 6] = [
    ("board", ParticipantKind::BoardMember),
    ("elector", ParticipantKind::Elector),
    ("signer", ParticipantKind::Signer),
    ("registrar", ParticipantKind::Registrar),
    ("officer", ParticipantKind::EmergencyOfficer),
    ("mo", ParticipantKind::Mo),
];

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
    now: Timestamp,
}

/// A key that belongs to a name.
#[must_use]
pub fn key(name: &str) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::EdDsa, Digest::of(name.as_bytes()).as_bytes()).unwrap()
}

fn one(id: &str) -> Holders {
    Holders { holders: vec![id.parse().unwrap()], threshold: 1 }
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
        policy: PolicyRef {
            name: "admission".parse().unwrap(),
            sha256: Digest::of(b"policy"),
            version: "1".parse().unwrap(),
        },
        required_evidence: Vec::new(),
        validity_seconds: 86_400,
        take_up_seconds: 60,
    };
    Charter {
        name: "A large scheme".parse().unwrap(),
        rules: 1,
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
        server: ServerKeys {
            log_origin: "bench.example/log".parse().unwrap(),
            log: key("log").public_key(),
            recorder: key("recorder").public_key(),
            snapshot: key("snapshot").public_key(),
            timestamp: key("timestamp").public_key(),
        },
        witnesses: Witnesses::default(),
        validity: Validity {
            root_seconds: 86_400,
            targets_seconds: 86_400,
            snapshot_seconds: 86_400,
            timestamp_seconds: 86_400,
        },
        limits: Limits {
            issued_behind_seconds: 86_400,
            statements_per_day: u32::MAX,
            open_applications: u32::MAX,
        },
    }
}

impl Scheme {
    /// A scheme with its genesis.
    #[must_use]
    pub fn found() -> Self {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let keys: BTreeMap<String, PrivateKey> =
            CAST.iter().map(|(name, _)| ((*name).to_owned(), key(name))).collect();
        let participants = CAST.map(|(name, kind)| NewParticipant {
            id: name.parse().unwrap(),
            organisation: name.parse().unwrap(),
            name: name.parse().unwrap(),
            kinds: vec![kind],
            key: keys[name].public_key(),
        });
        let public_keys = keys.values().map(|key| (key.public_key().key_id(), key.public_key())).collect();
        let body = CharterEstablish {
            charter: charter(),
            environment: Environment::Test,
            participants: participants.into(),
        };
        let payload = Payload {
            scheme: Digest::ZERO,
            issued_at: now,
            basis: Basis { size: 0, root_hash: merkle::empty_root() },
            nonce: Nonce::from_bytes([0; 16]),
            body: body.into(),
        };
        let statement = Statement::from_jws(payload.sign(&[&keys["board"]])).unwrap();
        let entry = Entry::new(now, statement).unwrap();
        let state = genesis(&entry).unwrap();
        Self { state, entries: vec![entry], public_keys, keys, nonce: 0, now }
    }

    /// Someone says something, and it is recorded.
    pub fn say(&mut self, signer: &str, body: impl Into<Body>) {
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
        let statement = Statement::from_jws(payload.sign(&[&self.keys[signer]])).unwrap();
        check(&self.state, &statement, self.now).unwrap();
        let entry = Entry::new(self.now, statement).unwrap();
        self.state.apply(&entry);
        self.entries.push(entry);
    }

    /// So many statements about ten thousand MO identifiers: each is assigned once, then updated
    /// again and again.
    pub fn chatter(&mut self, statements: usize) {
        for n in 0..statements {
            let id: MoId = mo_id(n % 10_000);
            let source = if n / 10_000 % 2 == 0 { "bdew" } else { "idro" }.parse().unwrap();
            if n < 10_000 {
                self.say("registrar", MoAssign { holder: "mo".parse().unwrap(), id, source });
            } else {
                self.say("registrar", MoUpdate { id, source });
            }
        }
    }
}

/// The n-th of many MO identifiers.
#[must_use]
pub fn mo_id(n: usize) -> MoId {
    let digit = |n: usize| b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 36] as char;
    format!("DE{}{}{}", digit(n / 1296), digit(n / 36), digit(n)).parse().unwrap()
}
