//! Who must have signed a source, as it stands in a configuration, and read from the files that it names.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ctl_core::Timestamp;
use ctl_core::tuf::Limits;
use ctl_formats::cms::Trust;
use ctl_formats::recognise::Demand;
use ctl_host::{config, files};
use ctl_pki::{Certificate, MAX_PEM_SIZE, certificate_from_bytes};
use serde::Deserialize;

use crate::error::SourceError;

/// Who must have signed a source. Nothing of it, where nobody signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trusted {
    /// Certificates of those who may sign a CMS, PEM or DER.
    pub signer: Vec<PathBuf>,
    /// Certificates of CAs whose certificates for signing code may sign a CMS.
    pub issuer: Vec<PathBuf>,
    /// The moment that the signers' certificates are judged at [default: now].
    pub signed_at: Option<Timestamp>,
    /// By how many keys a CMS must be signed [default: 1].
    pub signers: Option<NonZeroUsize>,
    /// A root.json, of any age, of the service that signs the list.
    pub root_json: Option<PathBuf>,
    /// Read what is signed without verifying it.
    pub unverified: bool,
}

/// What [`Trusted`] names, read.
pub(crate) struct Loaded<'a> {
    trusted: &'a Trusted,
    signers: Vec<Certificate>,
    issuers: Vec<Certificate>,
    root: Option<Vec<u8>>,
}

impl Trusted {
    /// Makes the paths relative to a directory.
    pub(crate) fn relative_to(&mut self, directory: &Path) {
        config::join(directory, self.signer.iter_mut().chain(&mut self.issuer).chain(&mut self.root_json));
    }

    /// Reads the files.
    pub(crate) fn load(&self) -> Result<Loaded<'_>, SourceError> {
        let certificates = |paths: &[PathBuf]| -> Result<Vec<Certificate>, SourceError> {
            let one = |path: &PathBuf| {
                let wrong = |error: ctl_pki::CertificateError| SourceError::Read {
                    place: path.display().to_string(),
                    error: error.into(),
                };
                certificate_from_bytes(&file(path, MAX_PEM_SIZE)?).map_err(wrong)
            };
            paths.iter().map(one).collect()
        };
        let root = self.root_json.as_ref().map(|path| file(path, Limits::default().root)).transpose()?;
        let (signers, issuers) = (certificates(&self.signer)?, certificates(&self.issuer)?);
        Ok(Loaded { trusted: self, signers, issuers, root })
    }
}

impl Loaded<'_> {
    pub(crate) fn demand(&self, now: Timestamp) -> Result<Demand<'_>, SourceError> {
        let Trusted { signed_at, signers, unverified, .. } = self.trusted;
        let ways = [!self.signers.is_empty(), !self.issuers.is_empty(), self.root.is_some(), *unverified];
        if ways.iter().filter(|given| **given).count() > 1 {
            let why = "signer, issuer, root-json and unverified exclude each other: choose one";
            return Err(SourceError::Config(why.into()));
        }
        let trust = match (self.signers.is_empty(), self.issuers.is_empty(), &self.root) {
            (false, ..) => Trust::Pinned(&self.signers),
            (_, false, _) => Trust::IssuedBy(&self.issuers),
            (.., Some(root)) => return Ok(Demand::Root(root)),
            _ if signed_at.is_some() || signers.is_some() => {
                let why = "signed-at and signers say how signatures are judged: give signer or issuer too";
                return Err(SourceError::Config(why.into()));
            }
            _ => return Ok(if *unverified { Demand::Unverified } else { Demand::Nobody }),
        };
        Ok(Demand::Cms { trust, at: signed_at.unwrap_or(now), needed: signers.unwrap_or(NonZeroUsize::MIN) })
    }
}

fn file(path: &Path, limit: usize) -> Result<Vec<u8>, SourceError> {
    let failed = |source| SourceError::File { path: path.to_owned(), source };
    let bytes = files::read(path, u64::try_from(limit).unwrap_or(u64::MAX)).map_err(failed)?;
    bytes.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}
