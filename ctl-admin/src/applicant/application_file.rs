//! An application in a file: written for somebody to read and complete, and signed by its applicant.

use std::path::{Path, PathBuf};

use clap::Args;
use ctl_core::names::{Label, ListId, MoId, Url};
use ctl_core::parts::Use;
use ctl_core::{Digest, Timestamp};
use ctl_replica::Replica;
use serde::{Deserialize, Serialize};

use super::application::{Addresses, Apply, Limits, Prepared, Root, read_certificate};
use crate::arguments::parse_use;
use crate::signing::{Ask, Signing};
use crate::{AdminError, files};

/// The largest file, in bytes.
const MAX_FILE: usize = 64 * 1024;

const HEAD: &str = "\
# An application for a place on a list. It was prepared from somebody else's list: nothing in it is proven, and nothing
# follows from it until its applicant, a registered PKI operator, signs it.
# Paths are relative to this file. `uses` says what the root is to be trusted for: \"iso15118-2/v2g\" (chains of chargers),
# \"iso15118-2/mo\" (contracts), \"iso15118-2/oem\" (provisioning), the same of iso15118-20, and \"iso15118-20/vehicle\".
# [services] has the addresses of its PKI, which the watch asks. `possession` names the certification request that proves
# that the applicant holds the root's key (ctl-admin apply challenge).

";

/// The application for one root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationFile {
    /// The file with the certificate.
    certificate: PathBuf,
    /// The certificate's fingerprint.
    sha256: Digest,
    list: ListId,
    name: Label,
    /// Like `iso15118-2/v2g`.
    uses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    possession: Option<PathBuf>,
    #[serde(default)]
    services: Services,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constraints: Option<Constraints>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Services {
    ocsp: Vec<Url>,
    crl: Vec<Url>,
    est: Vec<Url>,
    root_pool: Vec<Url>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Constraints {
    not_issued_after: Option<Timestamp>,
    not_trusted_after: Option<Timestamp>,
    mo_ids: Vec<MoId>,
}

impl ApplicationFile {
    pub(crate) fn new(certificate: String, sha256: Digest, list: ListId, name: Label, uses: &[Use]) -> Self {
        let words = uses.iter().map(|one| format!("{}/{}", one.standard.as_str(), one.purpose.as_str()));
        Self {
            certificate: certificate.into(),
            sha256,
            list,
            name,
            uses: words.collect(),
            possession: None,
            services: Services::default(),
            constraints: None,
        }
    }

    /// The file's text, with what a reader should know.
    pub(crate) fn text(&self) -> Result<String, AdminError> {
        let text = toml::to_string(self).map_err(|error| AdminError::input("the application", error))?;
        Ok(HEAD.to_owned() + &text)
    }

    /// The application as the command line has it.
    fn apply(self, path: &Path, policy: Vec<PathBuf>) -> Result<Apply<Root>, AdminError> {
        let wrong = |problem: String| AdminError::input(path.display(), problem);
        let folder = path.parent().unwrap_or(Path::new("."));
        let certificate = folder.join(&self.certificate);
        let found = Digest::from_bytes(read_certificate(&certificate)?.sha256());
        if found != self.sha256 {
            let (file, expected) = (certificate.display(), self.sha256);
            return Err(wrong(format!(
                "{file} has the SHA-256 {found}, and the application is for {expected}"
            )));
        }
        if self.uses.is_empty() {
            return Err(wrong(
                "says no use: fill in what the root is for, like uses = [\"iso15118-2/v2g\"]".into(),
            ));
        }
        let uses = self.uses.iter().map(|text| parse_use(text).map_err(&wrong)).collect::<Result<_, _>>()?;
        let Services { ocsp, crl, est, root_pool } = self.services;
        let Constraints { not_issued_after, not_trusted_after, mo_ids } =
            self.constraints.unwrap_or_default();
        let what = Root {
            uses,
            services: Addresses { ocsp, crl, est, root_pool },
            constraints: Limits { not_issued_after, not_trusted_after, mo_ids },
            possession: self.possession.map(|file| folder.join(file)),
        };
        Ok(Apply { certificate, list: self.list, name: self.name, what, policy })
    }
}

/// Applies with a file, as import --prepare writes them.
#[derive(Args, Clone, Debug)]
pub struct ApplyFile {
    /// The application
    pub file: PathBuf,
    /// A policy that the charter names and this release does not bring
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
}

impl Ask for ApplyFile {
    type Prepared = Prepared;

    async fn prepare(&self, session: &mut Replica, signing: &Signing) -> Result<Prepared, AdminError> {
        let text = files::read_text(&self.file, MAX_FILE)?;
        let file: ApplicationFile =
            toml::from_str(&text).map_err(|error| AdminError::input(self.file.display(), error))?;
        file.apply(&self.file, self.policy.clone())?.prepare(session, signing).await
    }
}
