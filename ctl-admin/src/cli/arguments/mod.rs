//! The arguments of the command line.

mod each;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ctl_admin::AdminError;
use ctl_admin::applicant::{application, application_file, cross, participant, subca};
use ctl_admin::arguments::{duration, word};
use ctl_admin::auditor::{budget, interop};
use ctl_admin::elector::proposal::{CastVote, Proposed};
use ctl_admin::import;
use ctl_admin::judge::{lint, path};
use ctl_admin::registrar::mo::Mo;
use ctl_admin::signer::{notice, restart};
use ctl_admin::signing::Signing;
use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_governance::statement::parts::ParticipantKind;
use ctl_replica::Bounds;

use super::signer::{Charter, Draft, Key};
use super::watch::Sla;
pub(crate) use each::Each;

/// Keys, applications, votes, signatures and audits for certificate trust lists.
#[derive(Parser)]
#[command(version, after_help = ctl_admin::exit::TABLE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) scheme: Scheme,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Sign and send without asking
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which scheme, and where.
#[derive(Args)]
pub(crate) struct Scheme {
    /// Address of the server or a mirror, or file:///directory
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A root.json of the scheme, of any age
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "scheme_id")]
    pub(crate) root: Option<PathBuf>,
    /// The scheme's id, if there is no root.json at hand
    #[arg(long = "scheme", global = true, value_name = "SHA-256")]
    pub(crate) scheme_id: Option<Digest>,
    /// The log began anew, and you have confirmed that with the board: the number of the restart
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(crate) accept_restart: Option<usize>,
    /// The same before root.json names it: the new log's public keys (keys/log-….json), from the board
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) confirm_log: Option<PathBuf>,
    /// Where to remember what was seen of the log and sent to it [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Download at most so many MiB in one go
    #[arg(long, global = true, value_name = "MIB", default_value_t = Bounds::default().bytes >> 20)]
    pub(crate) max_download: u64,
    /// Download for at most so long in one go, like 30min
    #[arg(long, global = true, value_name = "DURATION", default_value = "2h", value_parser = duration)]
    pub(crate) max_time: u64,
    /// How long to wait for the proof that something was recorded
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) wait_for_proof: u64,
}

/// Who signs a statement.
#[derive(Args)]
pub(crate) struct Keys {
    /// Private key that signs; may be given several times
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub(crate) keys: Vec<PathBuf>,
    /// Write the statement here for others to cosign, instead of sending it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

impl Keys {
    pub(crate) fn signing(self) -> Result<Signing, AdminError> {
        Ok(Signing { out: self.out, ..Signing::with(&self.keys)? })
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

/// What is said, and who signs it.
#[derive(Args)]
pub(crate) struct Signed<T: Args> {
    #[command(flatten)]
    pub(crate) what: T,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Subcommand)]
pub(crate) enum Apply {
    /// For a root
    Root(Signed<application::Apply<application::Root>>),
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
    /// With a file, as import --prepare writes them
    File(Signed<application_file::ApplyFile>),
    /// For a cross-certificate between two listed anchors
    Cross(Signed<application::Apply<application::CrossCertificate>>),
}

#[derive(Subcommand)]
pub(crate) enum Subca {
    /// Disclose a sub-CA, for every list that has its root
    Disclose(Signed<subca::Disclose>),
    /// Say that a sub-CA was revoked
    Revoke(Signed<subca::Revoke>),
}

#[derive(Subcommand)]
pub(crate) enum Notice {
    /// Suspend an anchor at once
    Issue(Signed<notice::Issue>),
    /// End a suspension early: two officers
    Lift(Signed<notice::Lift>),
}

#[derive(Subcommand)]
pub(crate) enum Log {
    /// Let the log begin anew from what is left of it; written to --out, cosigned, and recorded by ctl-server
    Restart(Signed<restart::Restart>),
}

#[derive(Subcommand)]
pub(crate) enum Cross {
    /// Ask another operator to sign a cross-certificate for your root
    Request(Signed<cross::Request>),
    /// Answer a request
    Respond(Signed<cross::Respond>),
    /// Show the requests and their answers
    List {
        /// Only those that this operator made or was asked
        #[arg(long)]
        operator: Option<ParticipantId>,
        /// Only those without an answer
        #[arg(long)]
        open: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make or show a key
    #[command(subcommand)]
    Key(Key),
    /// Found a scheme
    #[command(subcommand)]
    Charter(Charter),
    /// Register a participant: its own key signs first, then admissions officers
    Register(Signed<participant::Register>),
    /// Give yourself a new key: --key OLD --key NEW
    RotateKey(Signed<participant::RotateKey>),
    /// Suspend a participant: yourself, or as an admissions officer
    Suspend(Signed<participant::Suspend>),
    /// Apply for a place on a list
    #[command(subcommand)]
    Apply(Apply),
    /// Take an application back
    Withdraw(Signed<application::Withdraw>),
    /// Attach evidence to an application
    Evidence(Signed<application::Evidence>),
    /// Comment on an application or proposal
    Comment(Signed<application::Comment>),
    /// Put a change to the vote
    #[command(subcommand)]
    Propose(Each<Proposed, Author>),
    /// Vote on a proposal
    Vote(Signed<CastVote>),
    /// Show what is open, or everything about one application or proposal
    Review {
        /// Index of its entry
        id: Option<u64>,
        /// A policy that the charter names and this release does not bring
        #[arg(long, value_name = "FILE")]
        policy: Vec<PathBuf>,
    },
    /// Show who is registered, and which auditors are accredited
    Participants {
        /// Only these, like auditor
        #[arg(long, value_parser = word::<ParticipantKind>)]
        kind: Option<ParticipantKind>,
    },
    /// The signer's tool: rebuild a draft from the log, compare, sign
    #[command(subcommand)]
    Draft(Draft),
    /// Suspend an anchor in an emergency, or end that early
    #[command(subcommand)]
    Notice(Notice),
    /// The log itself, for the board
    #[command(subcommand)]
    Log(Log),
    /// Identifiers of mobility operators
    #[command(subcommand)]
    Mo(Each<Mo, Keys>),
    /// Sub-CAs below listed anchors
    #[command(subcommand)]
    Subca(Subca),
    /// Ask another operator for a cross-certificate, or answer
    #[command(subcommand)]
    Cross(Cross),
    /// Service levels: reports, breaches, and the governance's own promises
    #[command(subcommand)]
    Sla(Sla),
    /// Add a signature to a statement that was written with --out
    Cosign {
        /// The file
        file: PathBuf,
        /// Private key that signs; may be given several times
        #[arg(long = "key", value_name = "FILE", required = true)]
        keys: Vec<PathBuf>,
    },
    /// Send a statement that was written with --out, or again one that is not proven; the log takes it once
    Submit {
        /// The file
        file: PathBuf,
    },
    /// List what was sent from here, and hold it against the log
    Receipts,
    /// Audit a server from outside: log, signatures, everything published and served
    Audit {
        /// Address of the server or a mirror
        address: String,
        /// A policy that a charter named and neither this release nor the server brings
        #[arg(long, value_name = "FILE")]
        policy: Vec<PathBuf>,
    },
    /// Read somebody else's list, pool or store, and show how its certificates stand on this scheme's lists
    Import(Box<import::Options>),
    /// Hold certificates against the profiles of ISO 15118
    Lint(lint::Lint),
    /// List the certificate profiles, or explain one
    Profiles {
        /// Its name [default: lists them all]
        name: Option<String>,
    },
    /// Find the trust paths of a certificate and explain each, valid or not
    Path(path::Options),
    /// Show which vehicles can charge at which chargers, through which cross-certificate, or why not
    Interop(interop::Options),
    /// Find the roots that a vehicle with little room should install to reach the most chargers
    Budget(budget::Options),
    /// Look at a selection of roots that `budget --write` wrote, and sign it for devices with little room
    SignOff {
        /// The file
        file: PathBuf,
        /// Private key that signs; may be given several times, and a device follows one
        #[arg(long = "key", value_name = "FILE", required = true)]
        keys: Vec<PathBuf>,
        /// Where the signed selection goes [default: the file with the ending .jws]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Verify one signed file (JWS) offline, from an old root.json
    Verify {
        /// The file
        file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    /// Arguments of a subcommand must not collide with the global ones: that shows only when they are read.
    #[test]
    fn every_command_can_be_read() {
        let digest = "ab".repeat(32);
        let time = "2030-01-01T00:00:00Z";
        for line in [
            "key new k.pem --p256",
            "key show k.pub",
            "charter template",
            "charter new --charter c --server-keys s --out o",
            "charter sign --key k o",
            "charter status o",
            "register --id a --organisation a --name A --kind mo --kind cpo --key k --key l --out s",
            "rotate-key --key k --key l",
            "suspend a --key k",
            "apply root c.pem --list na --name A --use iso15118-2/v2g --ocsp http://a/ --mo-id USEVG --key k",
            "apply file a.toml --policy p --key k",
            "import https://pool.example/rootCerts --list na --prepare d --form pool --bearer t --api-key k --timeout 1min",
            "import l.cms --signer s --signers 2 --signed-at TIME",
            "import l.cms --issuer i --token-url http://a/ --client-id i --client-secret s --audience a --token-body form",
            "import https://pool.example/rootCerts --client-certificate c --client-key k",
            "import ctl.jws --root-json r",
            "import folder --unverified --tls-root t",
            "apply cross c.pem --list na --name A --issuer DIGEST --subject DIGEST --key k",
            "withdraw 3 --key k",
            "evidence 3 --fingerprint DIGEST --key k",
            "evidence 3 --kind audit-report --file f --restricted --dated TIME --key k",
            "comment 3 text --key k",
            "propose admit 3 --policy p --despite-screening 2 --waive key-unique --constrain --not-trusted-after TIME --key k",
            "propose admit-cross 3 --key k",
            "propose constrain DIGEST --list na --not-issued-after TIME --key k",
            "propose change-status DIGEST deprecated --list na --not-issued-after TIME --key k",
            "propose distrust DIGEST --spki --list na --rationale why --key k",
            "propose lift-notice 3 --key k",
            "propose amend-charter c.toml --key k",
            "propose suspend-participant a --compromised --key k",
            "propose reinstate-participant a --key k",
            "propose replace-key a k.pub --key k",
            "propose transfer-mo USEVG a --key k",
            "propose accredit-auditor a --until TIME --key k",
            "propose withdraw-auditor a --key k",
            "participants --kind auditor",
            "vote 3 approve --rationale why --key k",
            "vote 3 reject --policy p --despite-screening 2 --key k",
            "review",
            "review 3 --policy p",
            "draft show na --max-skew 1min",
            "draft sign root --key k --max-age 7days --wait",
            "draft show na --wait 1h",
            "notice issue DIGEST --list na --reason misissuance --for 3days --key k",
            "notice lift 3 --key k --key l",
            "mo assign USEVG --holder a --source us --key k",
            "mo update USEVG --source us --key k",
            "mo transfer USEVG --to a --key k",
            "mo suspend USEVG --key k",
            "mo withdraw USEVG --key k",
            "subca disclose c.pem --issuer DIGEST --key k",
            "subca revoke DIGEST --reason superseded --key k",
            "cross request --list na --issuer DIGEST --subject DIGEST --document terms.txt --key k",
            "cross respond 3 accepted --document contract.age --restricted --key k",
            "cross respond 3 declined --reason terms-not-agreed --key k",
            "cross list --operator a --open",
            "sla report --operator a --month 2026-10",
            "sla report --own",
            "sla breaches --operator a --open",
            "sla promises",
            "cosign s.json --key k",
            "submit s.json",
            "receipts --max-download 4096 --max-time 3h --wait-for-proof 1min",
            "audit http://a/ --policy p",
            "path leaf.pem --crl r --allow-undetermined --list l --rules iso15118-2 --purpose v2g --anchor a --anchor b --intermediate c --time TIME --policy 1.2.3 --explain",
            "interop",
            "interop na --standard iso15118-2 --svg p.svg --time TIME",
            "interop --list http://a/v1/lists/na --purpose mo",
            "budget na --max-roots 4 --weights w.toml --standard iso15118-20 --short-chains",
            "verify f.jws",
            "lint a.pem b.der --profile secc --issuer c.pem",
            "profiles secc",
        ] {
            let line = line.replace("DIGEST", &digest).replace("TIME", time);
            let global = "ctl-admin --url http://a/ --root r.json --cache c --json --yes ".to_owned();
            let parsed = Arguments::try_parse_from((global + &line).split(' '));
            assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
        }
    }
}
