//! What those who watch a CA ask about: certificates of which they know what the answer must be.

use std::fs;
use std::path::{Path, PathBuf};

use ctl_pki::Certificate;

use super::shared::{Service, Shared};
use crate::{Role, SandboxError, write_certificate};

/// Certificates of one CA of which it is known what must be said.
#[derive(Clone, Debug)]
pub struct Canaries {
    /// The CA.
    pub issuer: Certificate,
    /// Its place in the PKI.
    pub role: Role,
    /// Certificates in order.
    pub good: Vec<Certificate>,
    /// Serial numbers that are revoked for ever, in hex.
    pub revoked: Vec<String>,
}

impl Shared {
    pub(super) fn canaries(&self, service: &Service) -> Vec<Canaries> {
        let of = |authority: &super::authority::Authority| Canaries {
            issuer: authority.certificate.clone(),
            role: authority.role,
            good: service
                .pki
                .entities()
                .filter(|(role, _)| role.issuer() == Some(authority.role))
                .map(|(_, entity)| entity.certificate().clone())
                .collect(),
            revoked: vec![hex::encode(&authority.canary)],
        };
        service.authorities.iter().map(of).collect()
    }
}

impl Canaries {
    /// Writes the certificates in order as `<ca>-good-<number>.pem`, and says where.
    pub fn write_to(&self, folder: &Path) -> Result<Vec<PathBuf>, SandboxError> {
        fs::create_dir_all(folder)
            .map_err(|source| SandboxError::Write { path: folder.to_owned(), source })?;
        let mut files = Vec::new();
        for (number, certificate) in (1..).zip(&self.good) {
            let name = format!("{}-good-{number}", self.role.file_name());
            write_certificate(folder, &name, certificate)?;
            files.push(folder.join(format!("{name}.pem")));
        }
        Ok(files)
    }
}
