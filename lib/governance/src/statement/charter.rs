//! The charter: who holds which role, who decides what and how, and the limits for the server's clock and drafts.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::keys::{Algorithm, PublicKey};
use ctl_core::names::{Label, ListId, OrganisationId, Origin, ParticipantId};
use ctl_core::parts::PolicyRef;
use serde::{Deserialize, Serialize};

use crate::RulesVersion;
use crate::statement::parts::EvidenceKind;
pub use crate::statement::sae_cms::SaeCmsCharter;

/// A role with several holders, some of whom must act together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holders {
    /// Who holds it.
    pub holders: Vec<ParticipantId>,
    /// How many must sign.
    pub threshold: u32,
}

/// How many approvals each kind of decision about a list needs, in absolute numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorums {
    /// To admit a root.
    pub admit: u32,
    /// To admit a cross-certificate.
    pub admit_cross: u32,
    /// To change an anchor's constraints.
    pub constrain: u32,
    /// To change an anchor's status.
    pub change_status: u32,
    /// To distrust a certificate or key.
    pub distrust: u32,
}

/// The charter's rules for one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCharter {
    /// Its name for people.
    pub name: Label,
    /// Who votes.
    pub electors: Vec<ParticipantId>,
    /// How many approvals are needed.
    pub quorum: Quorums,
    /// How long an application is discussed before it may be voted on, in seconds.
    pub discussion_seconds: u64,
    /// How long a vote is open, in seconds.
    pub voting_seconds: u64,
    /// Who signs the list.
    pub signers: Holders,
    /// The policy that candidates are screened by.
    pub policy: PolicyRef,
    /// What must be attached before a vote on an application.
    pub required_evidence: Vec<EvidenceKind>,
    /// How long a list may be used before a newer one is due, in seconds.
    pub validity_seconds: u64,
    /// How long after its first publication an anchor becomes usable, in seconds.
    pub take_up_seconds: u64,
    /// With what the list is signed as an SAE list in CMS, too; absent, it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sae_cms: Option<SaeCmsCharter>,
}

/// The charter's rules for the MO registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryCharter {
    /// Who keeps and signs it.
    pub registrars: Holders,
    /// How long it may be used before a newer one is due, in seconds.
    pub validity_seconds: u64,
}

/// The charter's rules for emergency notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesCharter {
    /// Who issues and signs them.
    pub officers: Holders,
    /// The most notices in force at once.
    pub max_in_force: u32,
    /// The longest that a notice lasts, in seconds.
    pub max_duration_seconds: u64,
    /// How long the notices document may be used before a newer one is due, in seconds.
    pub validity_seconds: u64,
}

/// Who decides on the charter itself, on participants and on disputed MO identifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assembly {
    /// Who votes.
    pub electors: Vec<ParticipantId>,
    /// How many approvals are needed.
    pub quorum: u32,
    /// How long a vote is open, in seconds.
    pub voting_seconds: u64,
}

/// The server's own public keys: none of them can change trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerKeys {
    /// The name that the log signs with.
    pub log_origin: Origin,
    /// Signs checkpoints; Ed25519.
    pub log: PublicKey,
    /// Signs what the server observed.
    pub recorder: PublicKey,
    /// Signs the TUF snapshot.
    pub snapshot: PublicKey,
    /// Signs the TUF timestamp.
    pub timestamp: PublicKey,
}

/// Someone who cosigns checkpoints (C2SP tlog-witness); Ed25519.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// The name it signs with.
    pub name: Origin,
    pub key: PublicKey,
}

/// The witnesses, and how many cosignatures a client should see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    pub witnesses: Vec<Witness>,
    /// How many cosignatures a client should see; 0 asks for none.
    pub threshold: u32,
}

/// How long the board's and the server's metadata is valid, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validity {
    /// root.json.
    pub root_seconds: u64,
    /// The top-level targets.json.
    pub targets_seconds: u64,
    /// snapshot.json.
    pub snapshot_seconds: u64,
    /// timestamp.json.
    pub timestamp_seconds: u64,
}

/// Bounds on what is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingLimits {
    /// How long before its recording a statement may have been signed, in seconds; more than a day if people sign
    /// offline.
    pub issued_behind_seconds: u64,
    /// How many statements one participant may have recorded in one day (UTC).
    pub statements_per_day: u32,
    /// How many applications one participant may have open at once.
    pub open_applications: u32,
}

/// The charter in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// The scheme's name for people.
    pub name: Label,
    /// The version of the rules (check, fold and list format) in force.
    pub rules: RulesVersion,
    /// Signs root.json and the top-level targets.
    pub board: Holders,
    /// Decides on the charter and on participants.
    pub assembly: Assembly,
    /// Countersign registrations.
    pub admissions_officers: Holders,
    pub lists: BTreeMap<ListId, ListCharter>,
    /// The MO registry.
    pub registry: RegistryCharter,
    /// Emergency notices.
    pub notices: NoticesCharter,
    /// Who watches services and signs the findings. The threshold is how many of their organisations confirm a breach;
    /// each statement is signed by one watcher. Without watchers nobody may sign `sla.breach` and `sla.report`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchers: Option<Holders>,
    /// The server's keys.
    pub server: ServerKeys,
    /// Witnesses of the log.
    pub witnesses: Witnesses,
    /// Validity of metadata.
    pub validity: Validity,
    /// Bounds on what is recorded.
    pub limits: RecordingLimits,
}

/// What is wrong with a charter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("charter: {place}: {problem}")]
pub struct CharterError {
    /// The member.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Charter {
    /// Checks the charter. `organisation_of` gives the organisation of a participant, or none if there is no active
    /// participant with this id; `key_of` its registered key.
    ///
    /// # Errors
    /// [`CharterError`] naming the first place where the charter cannot be carried out.
    pub fn validate(
        &self,
        organisation_of: &dyn Fn(&ParticipantId) -> Option<OrganisationId>,
        key_of: &dyn Fn(&ParticipantId) -> Option<PublicKey>,
    ) -> Result<(), CharterError> {
        let fail = |place: &str, problem: String| Err(CharterError { place: place.to_owned(), problem });
        let rules = self.rules.rules();
        let organisations = |place: &str, ids: &[ParticipantId]| {
            let mut seen = BTreeSet::new();
            let mut organisations = BTreeSet::new();
            for id in ids {
                if !seen.insert(id) {
                    return Err(CharterError { place: place.into(), problem: format!("{id} stands twice") });
                }
                match organisation_of(id) {
                    Some(organisation) => organisations.insert(organisation),
                    None => {
                        let problem = format!("{id} is no active participant");
                        return Err(CharterError { place: place.into(), problem });
                    }
                };
            }
            Ok(organisations.len())
        };
        let holders = |place: &str, role: &Holders| {
            let distinct = organisations(place, &role.holders)?;
            if distinct != role.holders.len() {
                // Devices count keys: two keys of one organisation could meet a threshold alone.
                let problem = "two holders belong to one organisation".to_owned();
                return Err(CharterError { place: place.into(), problem });
            }
            if role.threshold == 0 || role.threshold as usize > distinct {
                let problem = format!("threshold {} of {distinct} holders", role.threshold);
                return Err(CharterError { place: place.into(), problem });
            }
            Ok(())
        };
        let quorum = |place: &str, electors: usize, quorum: u32| {
            if quorum == 0 || quorum as usize > electors {
                let problem = format!("{quorum} approvals of {electors} organisations");
                return Err(CharterError { place: place.into(), problem });
            }
            Ok(())
        };
        let longest = rules.charter_seconds;
        let seconds = |place: &str, seconds: u64, least: u64| {
            if seconds < least || seconds > longest {
                let problem = format!("{seconds} seconds; between {least} and {longest} is expected");
                return Err(CharterError { place: place.into(), problem });
            }
            Ok(())
        };

        holders("board", &self.board)?;
        holders("admissions_officers", &self.admissions_officers)?;
        holders("registry.registrars", &self.registry.registrars)?;
        holders("notices.officers", &self.notices.officers)?;
        if let Some(watchers) = &self.watchers {
            let distinct = organisations("watchers.holders", &watchers.holders)?;
            if watchers.threshold == 0 || watchers.threshold as usize > distinct {
                let problem = format!("threshold {} of {distinct} organisations", watchers.threshold);
                return fail("watchers.threshold", problem);
            }
        }
        quorum(
            "assembly.quorum",
            organisations("assembly.electors", &self.assembly.electors)?,
            self.assembly.quorum,
        )?;
        seconds("assembly.voting_seconds", self.assembly.voting_seconds, 1)?;
        if self.lists.is_empty() || self.lists.len() > rules.charter_lists {
            let (found, most) = (self.lists.len(), rules.charter_lists);
            return fail("lists", format!("{found} lists; between 1 and {most} are expected"));
        }
        for (id, list) in &self.lists {
            let place = |member: &str| format!("lists.{id}.{member}");
            let electors = organisations(&place("electors"), &list.electors)?;
            let Quorums { admit, admit_cross, constrain, change_status, distrust } = list.quorum;
            for (kind, number) in [
                ("admit", admit),
                ("admit_cross", admit_cross),
                ("constrain", constrain),
                ("change_status", change_status),
                ("distrust", distrust),
            ] {
                quorum(&place(&format!("quorum.{kind}")), electors, number)?;
            }
            holders(&place("signers"), &list.signers)?;
            seconds(&place("discussion_seconds"), list.discussion_seconds, 0)?;
            seconds(&place("voting_seconds"), list.voting_seconds, 1)?;
            seconds(&place("validity_seconds"), list.validity_seconds, 1)?;
            seconds(&place("take_up_seconds"), list.take_up_seconds, 0)?;
            if let Some(cms) = &list.sae_cms {
                cms.validate(&list.signers, key_of).map_err(|(member, problem)| CharterError {
                    place: place(&format!("sae_cms.{member}")),
                    problem,
                })?;
            }
        }
        seconds("registry.validity_seconds", self.registry.validity_seconds, 1)?;
        seconds("notices.validity_seconds", self.notices.validity_seconds, 1)?;
        seconds("notices.max_duration_seconds", self.notices.max_duration_seconds, 1)?;
        seconds("validity.root_seconds", self.validity.root_seconds, 1)?;
        seconds("validity.targets_seconds", self.validity.targets_seconds, 1)?;
        seconds("validity.snapshot_seconds", self.validity.snapshot_seconds, 1)?;
        seconds("validity.timestamp_seconds", self.validity.timestamp_seconds, 1)?;
        seconds("limits.issued_behind_seconds", self.limits.issued_behind_seconds, 60)?;
        self.validate_machine_keys()
    }

    fn validate_machine_keys(&self) -> Result<(), CharterError> {
        let fail = |place: &str, problem: &str| {
            Err(CharterError { place: place.to_owned(), problem: problem.to_owned() })
        };
        if self.server.log.algorithm() != Algorithm::EdDsa {
            return fail("server.log", "checkpoints are signed with Ed25519 only");
        }
        let keys = self.machine_keys();
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().skip(index + 1).any(|other| other == key) {
                return fail("server", "each of the server's and witnesses' keys must be a different one");
            }
        }
        if self.witnesses.witnesses.iter().any(|w| w.key.algorithm() != Algorithm::EdDsa) {
            return fail("witnesses", "witnesses cosign with Ed25519 only");
        }
        if self.witnesses.threshold as usize > self.witnesses.witnesses.len() {
            return fail("witnesses.threshold", "more than there are witnesses");
        }
        Ok(())
    }

    /// The keys of the server and the witnesses, which no participant may have.
    #[must_use]
    pub fn machine_keys(&self) -> Vec<&PublicKey> {
        let server = &self.server;
        let mut keys = vec![&server.log, &server.recorder, &server.snapshot, &server.timestamp];
        keys.extend(self.witnesses.witnesses.iter().map(|w| &w.key));
        keys
    }

    /// Everyone with a role; only a decision may suspend them.
    #[must_use]
    pub fn office_holders(&self) -> BTreeSet<&ParticipantId> {
        let mut all: BTreeSet<&ParticipantId> = BTreeSet::new();
        all.extend(&self.board.holders);
        all.extend(&self.assembly.electors);
        all.extend(&self.admissions_officers.holders);
        all.extend(&self.registry.registrars.holders);
        all.extend(&self.notices.officers.holders);
        all.extend(self.watchers.iter().flat_map(|watchers| &watchers.holders));
        for list in self.lists.values() {
            all.extend(&list.electors);
            all.extend(&list.signers.holders);
        }
        all
    }
}
