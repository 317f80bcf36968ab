//! A scheme with three lists that has been at work for two years: everything that can happen in a ledger has happened,
//! so that a page can show all of it at its largest. The people, and what they are founded with; `life` and `events` have what
//! they then do, `hostile` a scheme in which every word is an attack on whoever shows it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may stop at once")]

mod events;
mod hostile;
mod life;
mod watchers;

use std::collections::BTreeMap;

use ctl_core::parts::Services;
use ctl_core::{Digest, Timestamp};
use ctl_governance::RulesVersion;
use ctl_governance::application::Application;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{Change, Choice, ProposalOpen, ScreeningRecord, VoteCast};
use ctl_governance::statement::charter::{
    Assembly, Charter, Holders, ListCharter, NoticesCharter, Quorums, RecordingLimits, RegistryCharter,
    Validity, Witnesses,
};
use ctl_governance::statement::parts::{
    BlobAccess, BlobRef, EvidenceKind, NewParticipant, ParticipantKind as Kind,
};
use ctl_policy::{ADMISSION, ENGINE, Policy};
use ctl_sandbox::Pki;
use ctl_screening::{recorded, screen_application};
use serde_json::json;

use crate::scheme::{Scheme, one, participant, policy, server_public_keys};

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// The organisations whose people hold the offices.
const ORGANISATIONS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];
/// The lists, with their names and how many of the roots apply for them: each, every second, every fourth.
const LISTS: [(&str, &str, usize); 3] =
    [("eu", "Europe", 1), ("na", "North America", 2), ("ap", "Asia and Pacific", 4)];

/// A PKI that applies, and where its services are.
#[derive(Clone, Copy)]
pub struct Applicant<'a> {
    /// Its certificates.
    pub pki: &'a Pki,
    /// What its application says of its services.
    pub services: &'a Services,
}

/// A scheme, and the texts outside its log.
pub struct Years {
    /// The ledger and what follows from it.
    pub scheme: Scheme,
    /// Texts by their digests, each with the salt before it.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    policy: Policy,
}

fn holders(ids: impl IntoIterator<Item = String>, threshold: u32) -> Holders {
    Holders { holders: ids.into_iter().map(|id| id.parse().unwrap()).collect(), threshold }
}

fn of(office: &str, organisations: &[&str]) -> Vec<String> {
    organisations.iter().map(|one| format!("{office}-{one}")).collect()
}

fn charter(lists: &[(&str, &str, usize)]) -> Charter {
    let electors = holders(of("elector", &ORGANISATIONS), 3).holders;
    let [alpha, beta, gamma, ..] = ORGANISATIONS;
    let list = |name: &str| ListCharter {
        name: name.parse().unwrap(),
        electors: electors.clone(),
        quorum: Quorums { admit: 3, admit_cross: 3, constrain: 3, change_status: 3, distrust: 3 },
        discussion_seconds: 7 * DAY,
        voting_seconds: 14 * DAY,
        signers: holders(of("signer", &[alpha, beta, gamma]), 2),
        policy: policy(),
        required_evidence: vec![EvidenceKind::SecondChannelFingerprint, EvidenceKind::CertificatePolicy],
        validity_seconds: 90 * DAY,
        take_up_seconds: 14 * DAY,
        sae_cms: None,
    };
    Charter {
        name: "Charging Trust Alliance".parse().unwrap(),
        rules: RulesVersion::V1,
        board: holders(of("board", &[alpha, beta, gamma]), 2),
        assembly: Assembly { electors: electors.clone(), quorum: 3, voting_seconds: 14 * DAY },
        admissions_officers: one("admissions"),
        lists: lists.iter().map(|(id, name, _)| (id.parse().unwrap(), list(name))).collect(),
        registry: RegistryCharter { registrars: one("registrar"), validity_seconds: 90 * DAY },
        notices: NoticesCharter {
            officers: holders(of("officer", &[alpha, beta]), 1),
            max_in_force: 5,
            max_duration_seconds: 60 * DAY,
            validity_seconds: 30 * DAY,
        },
        watchers: Some(holders(["watcher-north".to_owned(), "watcher-south".to_owned()], 2)),
        server: server_public_keys(),
        witnesses: Witnesses::default(),
        validity: Validity {
            root_seconds: 365 * DAY,
            targets_seconds: 365 * DAY,
            snapshot_seconds: DAY,
            timestamp_seconds: DAY,
        },
        limits: RecordingLimits {
            issued_behind_seconds: DAY,
            statements_per_day: u32::MAX,
            open_applications: 50,
        },
    }
}

fn cast() -> Vec<NewParticipant> {
    let offices = [
        ("board", "board", Kind::BoardMember, 3),
        ("elector", "elector", Kind::Elector, 5),
        ("signer", "signer", Kind::Signer, 3),
        ("officer", "emergency officer", Kind::EmergencyOfficer, 2),
    ];
    let mut cast = Vec::new();
    for (office, words, kind, number) in offices {
        for organisation in &ORGANISATIONS[..number] {
            let mut name = format!("{organisation}, {words}");
            name[..1].make_ascii_uppercase();
            cast.push(participant(&format!("{office}-{organisation}"), organisation, &name, kind));
        }
    }
    cast.push(participant("admissions", "secretariat", "Secretariat, admissions", Kind::AdmissionsOfficer));
    cast.push(participant("registrar", "secretariat", "Secretariat, registrar", Kind::Registrar));
    cast.push(participant("watcher-north", "gridwatch", "Gridwatch, watcher", Kind::Watcher));
    cast.push(participant("watcher-south", "roamcheck", "Roamcheck, watcher", Kind::Watcher));
    cast
}

impl Years {
    /// Just founded: the genesis, and nothing else.
    #[must_use]
    pub fn founded(now: Timestamp) -> Self {
        let scheme = Scheme::establish(charter(&LISTS), cast(), now);
        Self { scheme, blobs: BTreeMap::new(), policy: Policy::parse(ADMISSION).unwrap() }
    }

    fn pass(&mut self, seconds: u64) {
        self.scheme.now = self.scheme.now.plus_seconds(seconds);
    }

    /// The index of what is said next.
    fn next(&self) -> u64 {
        self.scheme.state.size()
    }

    /// Says something, a minute after what was said before; gives its index.
    fn say(&mut self, signer: &str, body: impl Into<Body>) -> u64 {
        self.pass(60);
        let index = self.next();
        self.scheme.say(signer, body);
        index
    }

    /// A text outside the log. Its salt follows from it: nothing here is secret.
    fn text(&mut self, text: impl AsRef<[u8]>) -> BlobRef {
        let text = text.as_ref();
        let blob = [Digest::of(text).as_bytes().as_slice(), text].concat();
        let sha256 = Digest::of(&blob);
        self.blobs.insert(sha256, blob);
        BlobRef { access: BlobAccess::Public, sha256 }
    }

    fn application(&self, index: u64) -> Application {
        (*self.scheme.state.applications[&index]).clone()
    }

    /// The server screens an application, as its policy asks for.
    fn screen(&mut self, index: u64) {
        self.pass(60);
        let now = self.scheme.now;
        let application = self.application(index);
        let state = self.scheme.state.at(now).into_owned();
        let (full, observed) = screen_application(&state, &application, &self.policy, &|_| true, now);
        let report = json!({
            "type": "v2g-screening-report", "application": index, "engine": ENGINE, "findings": full,
            "fingerprint": application.fingerprint, "ledger_size": state.size(), "observed": observed,
            "policy": policy(), "screened_at": now,
        });
        let record = ScreeningRecord {
            application: index,
            engine: ENGINE.parse().unwrap(),
            findings: recorded(&full).unwrap(),
            ledger_size: state.size(),
            observed,
            policy: policy(),
            report: self.text(ctl_core::json::canonical(&report)),
            screened_at: now,
        };
        self.scheme.say("recorder", record);
    }

    /// A change is put to the vote; gives the proposal's index.
    fn propose(&mut self, elector: &str, change: Change, rationale: &str) -> u64 {
        let rationale = Some(self.text(rationale));
        let charter = self.scheme.state.charter_since;
        self.say(elector, ProposalOpen { change, charter, rationale })
    }

    /// The electors vote, one after the other, as far as choices go.
    fn vote(&mut self, proposal: u64, choices: &[Choice]) {
        let leaf = self.scheme.entries[usize::try_from(proposal).unwrap()].leaf_hash;
        for (organisation, choice) in ORGANISATIONS.iter().zip(choices) {
            self.pass(HOUR);
            let open = self.scheme.state.at(self.scheme.now).proposals[&proposal].decision.is_none();
            if open {
                let rationale = (*choice != Choice::Approve).then(|| {
                    self.text(format!("{organisation} sees open questions in proposal {proposal}."))
                });
                let vote = VoteCast { choice: *choice, proposal: leaf, rationale };
                self.say(&format!("elector-{organisation}"), vote);
            }
        }
    }

    /// Put to the vote and decided; gives the proposal's index.
    fn decide(&mut self, elector: &str, change: Change, rationale: &str) -> u64 {
        let proposal = self.propose(elector, change, rationale);
        self.vote(proposal, &[Choice::Approve; 5]);
        proposal
    }
}
