//! `apply` and `subca`: what applicants say.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_admin::applicant::application::Limits;
use ctl_core::names::{Label, ListId, MoId, Url};
use ctl_core::parts::{Services, Use, WithdrawalReason};
use ctl_core::{Digest, Timestamp};

use super::arguments::{Keys, parse_use, word};

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
