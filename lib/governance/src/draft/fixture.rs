//! A small scheme for the tests of documents: one list, boards and signers of three of whom two must
//! sign. Entries are applied without check: whether they may be recorded is tested elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::jws::Signature;
use ctl_core::keys::{Algorithm, PrivateKey};
use ctl_core::log::merkle;
use ctl_core::names::{Environment, ListId, Nonce, ParticipantId};
use ctl_core::parts::{AnchorStatus, Constraints, PolicyRef, Purpose, Services, Standard, Use};
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Timestamp};
use ctl_formats::rendition::{SIGNED, Source};
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, cross_certify};

use super::Documents;
use crate::state::{Anchor, CrossCertificate, Listed, StatusChange};
use crate::statement::body::{CharterEstablish, DraftOpen, PublicationRecord};
use crate::statement::charter::{
    Assembly, Charter, Holders, ListCharter, NoticesCharter, Quorums, RecordingLimits, RegistryCharter,
    ServerKeys, Validity, Witness, Witnesses,
};
use crate::statement::parts::{NewParticipant, ParticipantKind};
use crate::statement::{Basis, Body, Entry, Payload, Statement};
use crate::{RulesVersion, State};

/// When the scheme is founded.
pub(crate) const FOUNDED: Timestamp = Timestamp::from_unix(1_795_000_000);
/// Validity of lists, registry and notices in seconds.
pub(crate) const VALIDITY: u64 = 86_400;

pub(crate) fn key(n: u8) -> PrivateKey {
    let algorithm = if n.is_multiple_of(2) { Algorithm::EdDsa } else { Algorithm::Es256 };
    PrivateKey::from_seed(algorithm, &[n; 32]).unwrap()
}

pub(crate) fn na() -> Role {
    Role::List(list_id())
}

pub(crate) fn list_id() -> ListId {
    "na".parse().unwrap()
}

/// Participants by name and the number of their key.
const PEOPLE: [(&str, u8); 8] = [
    ("board-a", 11),
    ("board-b", 12),
    ("board-c", 13),
    ("signer-a", 21),
    ("signer-b", 22),
    ("signer-c", 23),
    ("registrar", 31),
    ("officer", 41),
];

fn holders(names: &[&str], threshold: u32) -> Holders {
    Holders { holders: names.iter().map(|name| name.parse().unwrap()).collect(), threshold }
}

pub(crate) fn charter() -> Charter {
    let electors: Vec<ParticipantId> = holders(&["board-a", "board-b"], 1).holders;
    let machine = |n| PrivateKey::from_seed(Algorithm::EdDsa, &[n; 32]).unwrap().public_key();
    let list = ListCharter {
        name: "North America".parse().unwrap(),
        electors: electors.clone(),
        quorum: Quorums { admit: 2, admit_cross: 2, constrain: 2, change_status: 2, distrust: 2 },
        discussion_seconds: 0,
        voting_seconds: 60,
        signers: holders(&["signer-a", "signer-b", "signer-c"], 2),
        policy: PolicyRef {
            name: "admission".parse().unwrap(),
            sha256: Digest::of(b"policy"),
            version: "1".parse().unwrap(),
        },
        required_evidence: vec![],
        validity_seconds: VALIDITY,
        take_up_seconds: 60,
        sae_cms: None,
    };
    Charter {
        name: "Test scheme".parse().unwrap(),
        rules: RulesVersion::V1,
        board: holders(&["board-a", "board-b", "board-c"], 2),
        assembly: Assembly { electors, quorum: 2, voting_seconds: 60 },
        admissions_officers: holders(&["officer"], 1),
        lists: [(list_id(), list)].into(),
        registry: RegistryCharter { registrars: holders(&["registrar"], 1), validity_seconds: VALIDITY },
        notices: NoticesCharter {
            officers: holders(&["officer"], 1),
            max_in_force: 3,
            max_duration_seconds: VALIDITY,
            validity_seconds: VALIDITY,
        },
        watchers: None,
        server: ServerKeys {
            log_origin: "ctl.example/test".parse().unwrap(),
            log: machine(1),
            recorder: machine(2),
            snapshot: machine(3),
            timestamp: machine(4),
        },
        witnesses: Witnesses {
            witnesses: vec![Witness { name: "witness.example".parse().unwrap(), key: machine(5) }],
            threshold: 1,
        },
        validity: Validity {
            root_seconds: 10 * VALIDITY,
            targets_seconds: 5 * VALIDITY,
            snapshot_seconds: VALIDITY,
            timestamp_seconds: VALIDITY,
        },
        limits: RecordingLimits {
            issued_behind_seconds: 86_400,
            statements_per_day: 100,
            open_applications: 5,
        },
    }
}

/// The scheme, and what was published with its signatures.
pub(crate) struct Scheme {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) files: BTreeMap<Role, Vec<u8>>,
}

impl Scheme {
    /// Only the genesis is recorded.
    pub(crate) fn founded(environment: Environment) -> Self {
        let people = PEOPLE.iter().map(|(name, n)| NewParticipant {
            id: name.parse().unwrap(),
            organisation: format!("{name}-org").parse().unwrap(),
            name: name.parse().unwrap(),
            kinds: vec![ParticipantKind::Auditor],
            key: key(*n).public_key(),
        });
        let body = CharterEstablish { charter: charter(), environment, participants: people.collect() };
        let payload = Payload {
            scheme: Digest::ZERO,
            issued_at: FOUNDED,
            basis: Basis { size: 0, root_hash: merkle::empty_root() },
            nonce: Nonce::from_bytes([0; 16]),
            body: body.into(),
        };
        let statement = Statement::from_jws(payload.sign(&[&key(11), &key(12)]).unwrap()).unwrap();
        let now = FOUNDED.plus_seconds(60);
        let state = crate::genesis(&Entry::new(now, statement).unwrap()).unwrap();
        Self { state, now, roots: Vec::new(), files: BTreeMap::new() }
    }

    /// Root and targets are published too.
    pub(crate) fn running() -> Self {
        let mut scheme = Self::founded(Environment::Test);
        scheme.publish(&Role::Root, &[11, 12]);
        scheme.publish(&Role::Targets, &[11, 13]);
        scheme
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    /// Records a statement, signed by whoever; gives the index of its entry.
    pub(crate) fn record(&mut self, body: impl Into<Body>) -> u64 {
        let index = self.state.size();
        let payload = Payload {
            scheme: self.state.scheme,
            issued_at: self.now,
            basis: Basis { size: index, root_hash: self.state.root() },
            nonce: Nonce::from_bytes([0; 16]),
            body: body.into(),
        };
        let statement = Statement::from_jws(payload.sign(&[&key(2)]).unwrap()).unwrap();
        self.state.apply(&Entry::new(self.now, statement).unwrap());
        index
    }

    /// What is due for a role, as the recorder would open it.
    pub(crate) fn due(&self, role: &Role) -> Option<DraftOpen> {
        super::due(&self.state, self.now).into_iter().find(|open| open.role == *role)
    }

    /// Opens the draft that is due for a role.
    pub(crate) fn draft(&mut self, role: &Role) -> Documents {
        let open = self.due(role).unwrap_or_else(|| panic!("no draft of {role} is due"));
        super::opens_correctly(self.state.rules(), &self.state, &open, self.now).unwrap();
        self.record(open);
        self.state.drafts[role].documents.clone()
    }

    /// Drafts and publishes a role, signed with these keys.
    pub(crate) fn publish(&mut self, role: &Role, keys: &[u8]) -> Documents {
        let documents = self.draft(role);
        let signatures: Vec<TufSignature> =
            keys.iter().map(|n| TufSignature::over(&documents.metadata, &key(*n)).unwrap()).collect();
        self.record(PublicationRecord {
            document: documents.document.as_deref().map(Digest::of),
            document_signatures: vec![],
            draft: self.state.drafts[role].index,
            metadata: Digest::of(&documents.metadata),
            metadata_signatures: vec![],
            role: role.clone(),
            sae_cms_signatures: vec![],
        });
        let file = documents.metadata_file(&signatures);
        match role {
            Role::Root => self.roots.push(file),
            role => drop(self.files.insert(role.clone(), file)),
        }
        documents
    }

    /// The JWS file of a document with these signatures, and all that is published to verify it.
    pub(crate) fn file(&self, role: &Role, document: &[u8], keys: &[u8]) -> Vec<u8> {
        let typ = role.document_typ().unwrap();
        let signatures: Vec<Signature> =
            keys.iter().map(|n| Signature::sign(&key(*n), typ, document).unwrap()).collect();
        let roots: Vec<&[u8]> = self.roots.iter().map(Vec::as_slice).collect();
        let source = Source::new(role, document, &signatures, &roots, &self.files[&Role::Targets]);
        SIGNED.make(&source).unwrap().bytes
    }

    /// Puts a root on the list.
    pub(crate) fn admit(&mut self, pki: &Pki) -> Digest {
        let certificate = pki.root().certificate();
        let anchor = Anchor {
            listed: self.listed(certificate, &pki.spec().name),
            uses: vec![
                Use { standard: Standard::Iso15118_20, purpose: Purpose::V2g },
                Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g },
                Use { standard: Standard::Iso15118_2, purpose: Purpose::Mo },
            ],
            constraints: Constraints::default(),
            services: Services { ocsp: vec!["http://ocsp.example/".parse().unwrap()], ..Default::default() },
        };
        let fingerprint = anchor.listed.fingerprint;
        self.contents().anchors.insert_mut(fingerprint, Arc::new(anchor));
        fingerprint
    }

    /// Puts a cross-certificate on the list.
    pub(crate) fn admit_cross(&mut self, issuer: &Pki, subject: &Pki) -> Digest {
        let from = subject.root().certificate();
        let certificate =
            cross_certify(issuer.root(), from, from.not_before(), from.not_before() + 86_400).unwrap();
        let cross = CrossCertificate {
            listed: self.listed(&certificate, "vouched for"),
            issuer: Digest::of(issuer.root().certificate().der()),
            subject: Digest::of(from.der()),
        };
        let fingerprint = cross.listed.fingerprint;
        self.contents().cross_certificates.insert_mut(fingerprint, Arc::new(cross));
        fingerprint
    }

    pub(crate) fn contents(&mut self) -> &mut crate::state::ListState {
        self.state.lists.get_mut(&list_id()).unwrap()
    }

    /// Changes an anchor as a decision would.
    pub(crate) fn anchor(&mut self, fingerprint: &Digest) -> &mut Anchor {
        Arc::make_mut(self.contents().anchors.get_mut(fingerprint).unwrap())
    }

    pub(crate) fn set_status(&mut self, fingerprint: &Digest, status: AnchorStatus) {
        let change = StatusChange { status, at: self.now, cause: self.state.size() };
        self.anchor(fingerprint).listed.history.push_back_mut(change);
    }

    fn listed(&self, certificate: &Certificate, name: &str) -> Listed {
        Listed {
            fingerprint: Digest::of(certificate.der()),
            spki: Digest::from_bytes(certificate.spki_sha256()),
            certificate: certificate.der().into(),
            not_after: Timestamp::from_unix(certificate.not_after()),
            expired: None,
            operator: "registrar".parse().unwrap(),
            name: name.parse().unwrap(),
            history: [StatusChange { status: AnchorStatus::Usable, at: self.now, cause: 0 }]
                .into_iter()
                .collect(),
            first_published: None,
            admitted_size: 0,
        }
    }
}

/// A pretend PKI.
pub(crate) fn pki(name: &str) -> Pki {
    let spec = PkiSpec::new(PkiKind::V2g, name, "US", "Sandbox", "documents", FOUNDED.unix());
    Pki::generate(&spec).unwrap()
}
