//! The arguments of the commands that have commands of their own.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_admin::AdminError;
use ctl_admin::application::Limits;
use ctl_admin::proposal::Scrutiny;
use ctl_admin::restart::Seen;
use ctl_core::names::{Label, ListId, MoId, ParticipantId, RegistryId, RuleId, Url};
use ctl_core::parts::{AnchorStatus, Services, Use, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::tuf::RestartReason;
use ctl_core::{Digest, Timestamp};
use serde::de::DeserializeOwned;

use super::arguments::Keys;

#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a key: FILE (mode 0600), and the public half beside it
    New {
        /// Where
        file: PathBuf,
        /// ECDSA P-256 instead of Ed25519
        #[arg(long)]
        p256: bool,
    },
    /// Show a key's id and public half
    Show {
        /// The private or public key's file
        file: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Charter {
    /// Print an annotated charter to start from
    Template,
    /// Make the genesis and the first root.json of a charter
    New {
        /// The charter
        #[arg(long, value_name = "FILE")]
        charter: PathBuf,
        /// server-keys.json of ctl-server init
        #[arg(long, value_name = "FILE")]
        server_keys: PathBuf,
        /// Folder for the documents
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Sign genesis and root.json as a member of the board
    Sign {
        /// Private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Folder with the documents
        directory: PathBuf,
    },
    /// Show who has signed
    Status {
        /// Folder with the documents
        directory: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Apply {
    /// For a root
    Root {
        /// The certificate, PEM or DER
        certificate: PathBuf,
        /// For which list
        #[arg(long)]
        list: ListId,
        /// Its name for people
        #[arg(long)]
        name: Label,
        /// What it is to be trusted for, like iso15118-2/v2g; may be given several times
        #[arg(long = "use", value_name = "STANDARD/PURPOSE", required = true, value_parser = parse_use)]
        uses: Vec<Use>,
        #[command(flatten)]
        services: Addresses,
        #[command(flatten)]
        constraints: Constraints,
        /// That you hold the root's key: the certification request that it signed (see apply challenge).
        /// Without it electors must waive the rule possession
        #[arg(long, value_name = "FILE")]
        possession: Option<PathBuf>,
        #[command(flatten)]
        screening: Screening,
        #[command(flatten)]
        keys: Keys,
    },
    /// Say what a root's key must sign to prove that you hold it, and how
    Challenge {
        /// The root's certificate, PEM or DER
        certificate: PathBuf,
        /// The list that it is to apply for
        #[arg(long)]
        list: ListId,
        /// Your own registered key, which will sign the application
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// For a cross-certificate between two listed anchors
    Cross {
        /// The certificate, PEM or DER
        certificate: PathBuf,
        /// For which list
        #[arg(long)]
        list: ListId,
        /// Its name for people
        #[arg(long)]
        name: Label,
        /// Fingerprint of the anchor that signed it
        #[arg(long, value_name = "SHA-256")]
        issuer: Digest,
        /// Fingerprint of the anchor whose key it is for
        #[arg(long, value_name = "SHA-256")]
        subject: Digest,
        #[command(flatten)]
        screening: Screening,
        #[command(flatten)]
        keys: Keys,
    },
}

/// How to screen before applying.
#[derive(Args)]
pub(crate) struct Screening {
    /// A policy that the charter names and this release does not bring
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Vec<PathBuf>,
}

/// Where a PKI can be reached.
#[derive(Args)]
pub(crate) struct Addresses {
    /// OCSP responder
    #[arg(long, value_name = "URL")]
    ocsp: Vec<Url>,
    /// CRL distribution point
    #[arg(long, value_name = "URL")]
    crl: Vec<Url>,
    /// EST cacerts address
    #[arg(long, value_name = "URL")]
    est: Vec<Url>,
    /// Root certificate pool
    #[arg(long, value_name = "URL")]
    root_pool: Vec<Url>,
}

impl From<Addresses> for Services {
    fn from(addresses: Addresses) -> Self {
        let Addresses { ocsp, crl, est, root_pool } = addresses;
        Self { ocsp, crl, est, root_pool }
    }
}

/// Constraints, all critical.
#[derive(Args)]
pub(crate) struct Constraints {
    /// Nothing issued after this moment is trusted, like 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    not_issued_after: Option<Timestamp>,
    /// The anchor is not trusted after this moment
    #[arg(long, value_name = "TIME")]
    not_trusted_after: Option<Timestamp>,
    /// Only contracts of this MO identifier; may be given several times
    #[arg(long = "mo-id", value_name = "ID")]
    mo_ids: Vec<MoId>,
}

impl From<Constraints> for Limits {
    fn from(constraints: Constraints) -> Self {
        let Constraints { not_issued_after, not_trusted_after, mo_ids } = constraints;
        Self { not_issued_after, not_trusted_after, mo_ids }
    }
}

/// How the screening is looked at that a proposal or vote rests on.
#[derive(Args)]
pub(crate) struct Scrutinised {
    /// A policy that the charter names and this release does not bring
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Go ahead although the screening of this entry, and no other, is not what is found here, or cannot be computed
    #[arg(long, value_name = "ENTRY")]
    despite_screening: Option<u64>,
}

impl Scrutinised {
    pub(crate) fn scrutiny(&self) -> Result<Scrutiny, AdminError> {
        Scrutiny::new(&self.policy, self.despite_screening)
    }
}

/// Why, and who signs.
#[derive(Args)]
pub(crate) struct Author {
    /// Why; public, and can be erased later
    #[arg(long)]
    pub(crate) rationale: Option<String>,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Subcommand)]
pub(crate) enum Motion {
    /// Admit a root
    Admit {
        /// Index of the application's entry
        application: u64,
        /// A rule whose error is to be waived; may be given several times
        #[arg(long = "waive", value_name = "RULE")]
        waived: Vec<RuleId>,
        /// Only these of the uses it applied for
        #[arg(long = "use", value_name = "STANDARD/PURPOSE", value_parser = parse_use)]
        uses: Vec<Use>,
        /// With the constraints given here instead of those it applied with
        #[arg(long)]
        constrain: bool,
        #[command(flatten)]
        constraints: Constraints,
        #[command(flatten)]
        scrutinised: Scrutinised,
        #[command(flatten)]
        author: Author,
    },
    /// Admit a cross-certificate
    AdmitCross {
        /// Index of the application's entry
        application: u64,
        /// A rule whose error is to be waived; may be given several times
        #[arg(long = "waive", value_name = "RULE")]
        waived: Vec<RuleId>,
        #[command(flatten)]
        scrutinised: Scrutinised,
        #[command(flatten)]
        author: Author,
    },
    /// Close an application, whatever its stage
    CloseApplication {
        /// Index of the application's entry
        application: u64,
        #[command(flatten)]
        author: Author,
    },
    /// Give an anchor these constraints and no others
    Constrain {
        /// The anchor's fingerprint
        anchor: Digest,
        /// The list
        #[arg(long)]
        list: ListId,
        #[command(flatten)]
        constraints: Constraints,
        #[command(flatten)]
        author: Author,
    },
    /// Give an anchor or cross-certificate another status
    ChangeStatus {
        /// Its fingerprint
        certificate: Digest,
        /// usable, warning, suspended, deprecated or withdrawn
        #[arg(value_parser = word::<AnchorStatus>)]
        to: AnchorStatus,
        /// The list
        #[arg(long)]
        list: ListId,
        /// With deprecated: nothing issued after this moment is trusted
        #[arg(long, value_name = "TIME")]
        not_issued_after: Option<Timestamp>,
        #[command(flatten)]
        author: Author,
    },
    /// Forbid a certificate, or every certificate with a key, on any path
    Distrust {
        /// SHA-256 of the certificate, or of the key (SubjectPublicKeyInfo) with --spki
        sha256: Digest,
        /// The digest is of a key
        #[arg(long)]
        spki: bool,
        /// The list
        #[arg(long)]
        list: ListId,
        #[command(flatten)]
        author: Author,
    },
    /// End a notice early
    LiftNotice {
        /// Index of the notice's entry
        notice: u64,
        #[command(flatten)]
        author: Author,
    },
    /// Put another charter in force
    AmendCharter {
        /// The charter
        file: PathBuf,
        /// The server's new public keys: keys/log-….json of ctl-server log key [default: as they are]
        #[arg(long, value_name = "FILE")]
        server_keys: Option<PathBuf>,
        #[command(flatten)]
        author: Author,
    },
    /// Suspend a participant
    SuspendParticipant {
        /// Who
        participant: ParticipantId,
        /// Its key is in wrong hands: strike its votes in open votes
        #[arg(long)]
        compromised: bool,
        #[command(flatten)]
        author: Author,
    },
    /// Let a suspended participant sign again
    ReinstateParticipant {
        /// Who
        participant: ParticipantId,
        #[command(flatten)]
        author: Author,
    },
    /// Give a participant a new key without the old one's signature
    ReplaceKey {
        /// Whose
        participant: ParticipantId,
        /// The new public key
        public_key: PathBuf,
        #[command(flatten)]
        author: Author,
    },
    /// Move an MO identifier although its holder did not sign
    TransferMo {
        /// Which
        id: MoId,
        /// To whom
        to: ParticipantId,
        #[command(flatten)]
        author: Author,
    },
    /// Let an auditor's reports count
    AccreditAuditor {
        /// Who
        auditor: ParticipantId,
        /// Until when, like 2028-01-01T00:00:00Z [default: until it is withdrawn]
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        #[command(flatten)]
        author: Author,
    },
    /// Let an auditor's reports count no more, those attached included
    WithdrawAuditor {
        /// Who
        auditor: ParticipantId,
        #[command(flatten)]
        author: Author,
    },
}

#[derive(Subcommand)]
pub(crate) enum Draft {
    /// Rebuild a draft, compare it with what the server shows, and show what changes
    Show {
        /// A list's id, registry, notices, root or targets
        role: Role,
        #[command(flatten)]
        tolerance: Tolerance,
    },
    /// The same, then sign it
    Sign {
        /// A list's id, registry, notices, root or targets
        role: Role,
        /// Private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        tolerance: Tolerance,
    },
}

/// How far a draft's times may be off, and whether to wait for one.
#[derive(Args)]
pub(crate) struct Tolerance {
    /// Wait until the server has opened a draft, for at most so long [default: not at all; without a value: 5min]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "5min", value_parser = duration)]
    pub(crate) wait: Option<u64>,
    /// How far ahead of your clock it may be
    #[arg(long, default_value = "10min", value_parser = duration)]
    pub(crate) max_skew: u64,
    /// How old it may be
    #[arg(long, default_value = "24h", value_parser = duration)]
    pub(crate) max_age: u64,
}

#[derive(Subcommand)]
pub(crate) enum Notice {
    /// Suspend an anchor at once
    Issue {
        /// The anchor's fingerprint
        anchor: Digest,
        /// The list
        #[arg(long)]
        list: ListId,
        /// key-compromise, ca-compromise, misissuance, operator-request, superseded or
        /// cessation-of-operation
        #[arg(long, value_parser = word::<WithdrawalReason>)]
        reason: WithdrawalReason,
        /// How long, like 3days [default: as long as the charter allows]
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        seconds: Option<u64>,
        #[command(flatten)]
        keys: Keys,
    },
    /// End a suspension early: two officers
    Lift {
        /// Index of the notice's entry
        notice: u64,
        #[command(flatten)]
        keys: Keys,
    },
}

#[derive(Subcommand)]
pub(crate) enum Log {
    /// Let the log begin anew from what is left of it; written to --out, cosigned, and recorded by ctl-server
    Restart {
        /// log-key-compromise or ledger-lost
        #[arg(long, value_parser = word::<RestartReason>)]
        reason: RestartReason,
        /// The new log's origin and public key: keys/log-….json of ctl-server log key
        #[arg(long, value_name = "FILE")]
        new_log: PathBuf,
        /// The last checkpoint of the log that ends [default: that of what is left]
        #[arg(long, value_name = "FILE")]
        old: Option<PathBuf>,
        /// The highest numbers of a role that anyone may have seen, like na=7:9 for version and sequence
        #[arg(long, value_name = "ROLE=NUMBERS")]
        seen: Vec<Seen>,
        /// The last root.json that devices hold, if what is left does not have it
        #[arg(long, value_name = "FILE")]
        last_root: Option<PathBuf>,
        #[command(flatten)]
        keys: Keys,
    },
}

#[derive(Subcommand)]
pub(crate) enum Mo {
    /// Give an identifier to a holder
    Assign {
        /// Which, like USEVG
        id: MoId,
        /// To whom
        #[arg(long)]
        holder: ParticipantId,
        /// The national registry that issued it
        #[arg(long)]
        source: RegistryId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Correct the national registry of an identifier
    Update {
        /// Which
        id: MoId,
        /// The national registry that issued it
        #[arg(long)]
        source: RegistryId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Move an identifier: registrars and its holder sign
    Transfer {
        /// Which
        id: MoId,
        /// To whom
        #[arg(long)]
        to: ParticipantId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Suspend an identifier
    Suspend {
        /// Which
        id: MoId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Withdraw an identifier
    Withdraw {
        /// Which
        id: MoId,
        #[command(flatten)]
        keys: Keys,
    },
}

#[derive(Subcommand)]
pub(crate) enum Subca {
    /// Disclose a sub-CA, for every list that has its root
    Disclose {
        /// Its certificate, PEM or DER
        certificate: PathBuf,
        /// Fingerprint of the anchor or disclosed sub-CA that issued it
        #[arg(long, value_name = "SHA-256")]
        issuer: Digest,
        #[command(flatten)]
        keys: Keys,
    },
    /// Say that a sub-CA was revoked
    Revoke {
        /// Fingerprint of its certificate
        certificate: Digest,
        /// Why
        #[arg(long, value_parser = word::<WithdrawalReason>)]
        reason: WithdrawalReason,
        #[command(flatten)]
        keys: Keys,
    },
}

/// A word as statements have it.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|e| e.to_string())
}

/// `iso15118-2/v2g`.
pub(super) fn parse_use(text: &str) -> Result<Use, String> {
    let (standard, purpose) =
        text.split_once('/').ok_or("expected STANDARD/PURPOSE, like iso15118-2/v2g or iso15118-20/mo")?;
    Ok(Use { standard: word(standard)?, purpose: word(purpose)? })
}

pub(super) fn duration(text: &str) -> Result<u64, String> {
    humantime::parse_duration(text).map(|duration| duration.as_secs()).map_err(|e| e.to_string())
}
