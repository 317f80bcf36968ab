//! Who takes part in stories and attacks, and what they found: a board, electors, signers, officers, two PKI operators,
//! two mobility operators, and the charter of their scheme.
#![allow(dead_code, unreachable_pub)]

pub mod certificates;
mod scheme;

use ctl_core::jws::Jws;
use ctl_core::keys::{Algorithm, PrivateKey, PublicKey};
use ctl_core::parts::*;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::*;
use ctl_governance::statement::parts::*;
use ctl_governance::statement::{Payload, Statement};
use ctl_governance::{Reason, Refusal, RulesVersion};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};

pub use scheme::World;

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
        sae_cms: None,
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
