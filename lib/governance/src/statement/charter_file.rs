//! The charter as people write it: a file with durations in words (`7days`), public keys and policies by file name, and
//! the first participants. Server and tools read it with the same code.
//!
//! This crate reads no files: the caller parses the TOML into a [`CharterFile`], and supplies the keys and policies
//! that it names.

use std::collections::BTreeMap;

use ctl_core::keys::PublicKey;
use ctl_core::names::{Environment, Label, ListId, OrganisationId, Origin, ParticipantId};
use ctl_core::parts::{Der, PolicyRef};
use serde::Deserialize;

use crate::RulesVersion;
use crate::statement::body::CharterEstablish;
use crate::statement::charter::{
    Assembly, Charter, Holders, ListCharter, NoticesCharter, Quorums, RecordingLimits, RegistryCharter,
    SaeCmsCharter, ServerKeys, Validity, Witness, Witnesses,
};
use crate::statement::parts::{EvidenceKind, NewParticipant, ParticipantKind};

/// The largest charter file in bytes.
pub const MAX_CHARTER_FILE: usize = 1 << 20;

/// A duration in words, in whole seconds: `30days`, `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Words(pub u64);

impl TryFrom<String> for Words {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let duration = humantime::parse_duration(&text)
            .map_err(|error| format!("{text:?} is no duration like \"30days\" or \"1h 30m\": {error}"))?;
        Ok(Self(duration.as_secs()))
    }
}

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CharterFile {
    /// As [`Charter::name`].
    pub name: Label,
    /// Test or production.
    pub environment: Environment,
    /// As [`Charter::rules`].
    pub rules: RulesVersion,
    /// As [`Charter::board`].
    pub board: Holders,
    /// As [`Charter::assembly`].
    pub assembly: AssemblyFile,
    /// As [`Charter::admissions_officers`].
    pub admissions_officers: Holders,
    /// As [`Charter::registry`].
    pub registry: RegistryFile,
    /// As [`Charter::notices`].
    pub notices: NoticesFile,
    /// As [`Charter::watchers`]; may be left out.
    #[serde(default)]
    pub watchers: Option<Holders>,
    /// As [`Charter::validity`].
    pub validity: ValidityFile,
    /// As [`Charter::limits`].
    pub limits: LimitsFile,
    /// As [`Charter::witnesses`]; may be left out.
    #[serde(default)]
    pub witnesses: WitnessesFile,
    /// As [`Charter::lists`].
    pub lists: BTreeMap<ListId, ListFile>,
    /// The first participants; an amendment ignores them.
    #[serde(default)]
    pub participants: Vec<ParticipantFile>,
}

/// As [`Assembly`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssemblyFile {
    pub electors: Vec<ParticipantId>,
    pub quorum: u32,
    pub voting: Words,
}

/// As [`RegistryCharter`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryFile {
    pub registrars: Holders,
    pub validity: Words,
}

/// As [`NoticesCharter`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesFile {
    pub officers: Holders,
    pub max_in_force: u32,
    pub max_duration: Words,
    pub validity: Words,
}

/// As [`Validity`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidityFile {
    pub root: Words,
    pub targets: Words,
    pub snapshot: Words,
    pub timestamp: Words,
}

/// As [`RecordingLimits`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    pub issued_behind: Words,
    pub statements_per_day: u32,
    pub open_applications: u32,
}

/// As [`Witnesses`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessesFile {
    pub threshold: u32,
    #[serde(default)]
    pub members: Vec<WitnessFile>,
}

/// As [`Witness`], the key by the name of a PEM file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessFile {
    pub name: Origin,
    pub key: String,
}

/// As [`ListCharter`], the policy by the name of a file or `builtin`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFile {
    pub name: Label,
    pub electors: Vec<ParticipantId>,
    pub quorum: Quorums,
    pub discussion: Words,
    pub voting: Words,
    pub signers: Holders,
    pub policy: String,
    pub required_evidence: Vec<EvidenceKind>,
    pub validity: Words,
    pub take_up: Words,
    /// May be left out: see [`SaeCmsCharter`] for what it is, and why it is off by default.
    #[serde(default)]
    pub sae_cms: Option<SaeCmsFile>,
}

/// As [`SaeCmsCharter`], each certificate by the name of a file with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaeCmsFile {
    pub ca: String,
    pub signers: BTreeMap<ParticipantId, String>,
}

/// As [`NewParticipant`], the key by the name of a PEM file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticipantFile {
    pub id: ParticipantId,
    pub organisation: OrganisationId,
    pub name: Label,
    pub kinds: Vec<ParticipantKind>,
    pub key: String,
}

/// Supplies the keys and policies that the file names.
pub trait Files {
    /// Why something could not be read.
    type Error;

    /// The public key in this file.
    ///
    /// # Errors
    /// If it cannot be read.
    fn key(&self, file: &str) -> Result<PublicKey, Self::Error>;

    /// The policy in this file, or the release's own for `builtin`.
    ///
    /// # Errors
    /// If it cannot be read.
    fn policy(&self, file: &str) -> Result<PolicyRef, Self::Error>;

    /// The one certificate in this file, in PEM or DER.
    ///
    /// # Errors
    /// If it cannot be read.
    fn certificate(&self, file: &str) -> Result<Der, Self::Error>;
}

impl CharterFile {
    /// The charter for a server with these keys; not validated yet.
    ///
    /// # Errors
    /// Those of `files`.
    pub fn charter<F: Files>(&self, server: ServerKeys, files: &F) -> Result<Charter, F::Error> {
        let mut lists = BTreeMap::new();
        for (id, list) in &self.lists {
            lists.insert(id.clone(), list.charter(files)?);
        }
        let mut witnesses = Vec::new();
        for witness in &self.witnesses.members {
            witnesses.push(Witness { name: witness.name.clone(), key: files.key(&witness.key)? });
        }
        Ok(Charter {
            name: self.name.clone(),
            rules: self.rules,
            board: self.board.clone(),
            assembly: Assembly {
                electors: self.assembly.electors.clone(),
                quorum: self.assembly.quorum,
                voting_seconds: self.assembly.voting.0,
            },
            admissions_officers: self.admissions_officers.clone(),
            lists,
            registry: RegistryCharter {
                registrars: self.registry.registrars.clone(),
                validity_seconds: self.registry.validity.0,
            },
            notices: NoticesCharter {
                officers: self.notices.officers.clone(),
                max_in_force: self.notices.max_in_force,
                max_duration_seconds: self.notices.max_duration.0,
                validity_seconds: self.notices.validity.0,
            },
            watchers: self.watchers.clone(),
            server,
            witnesses: Witnesses { witnesses, threshold: self.witnesses.threshold },
            validity: Validity {
                root_seconds: self.validity.root.0,
                targets_seconds: self.validity.targets.0,
                snapshot_seconds: self.validity.snapshot.0,
                timestamp_seconds: self.validity.timestamp.0,
            },
            limits: RecordingLimits {
                issued_behind_seconds: self.limits.issued_behind.0,
                statements_per_day: self.limits.statements_per_day,
                open_applications: self.limits.open_applications,
            },
        })
    }

    /// The genesis for a server with these keys.
    ///
    /// # Errors
    /// Those of `files`.
    pub fn establish<F: Files>(&self, server: ServerKeys, files: &F) -> Result<CharterEstablish, F::Error> {
        let mut participants = Vec::new();
        for participant in &self.participants {
            participants.push(NewParticipant {
                id: participant.id.clone(),
                organisation: participant.organisation.clone(),
                name: participant.name.clone(),
                kinds: participant.kinds.clone(),
                key: files.key(&participant.key)?,
            });
        }
        let charter = self.charter(server, files)?;
        Ok(CharterEstablish { charter, environment: self.environment, participants })
    }
}

impl ListFile {
    fn charter<F: Files>(&self, files: &F) -> Result<ListCharter, F::Error> {
        Ok(ListCharter {
            name: self.name.clone(),
            electors: self.electors.clone(),
            quorum: self.quorum,
            discussion_seconds: self.discussion.0,
            voting_seconds: self.voting.0,
            signers: self.signers.clone(),
            policy: files.policy(&self.policy)?,
            required_evidence: self.required_evidence.clone(),
            validity_seconds: self.validity.0,
            take_up_seconds: self.take_up.0,
            sae_cms: self.sae_cms.as_ref().map(|cms| cms.charter(files)).transpose()?,
        })
    }
}

impl SaeCmsFile {
    fn charter<F: Files>(&self, files: &F) -> Result<SaeCmsCharter, F::Error> {
        let mut signers = BTreeMap::new();
        for (id, file) in &self.signers {
            signers.insert(id.clone(), files.certificate(file)?);
        }
        Ok(SaeCmsCharter { ca: files.certificate(&self.ca)?, signers })
    }
}
