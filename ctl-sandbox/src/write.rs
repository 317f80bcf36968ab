//! A PKI as files: PEM certificates, private keys, and each leaf's chain.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use ctl_pki::Certificate;

use crate::{Pki, SandboxError};

impl Pki {
    /// Writes `<role>.pem`, `<role>.der` and `<role>.key.pem` (mode 0600) for every role into the folder, which
    /// is made when missing, and `<leaf>.chain.pem` (leaf first, without the root) for every leaf.
    pub fn write_to(&self, folder: &Path) -> Result<(), SandboxError> {
        fs::create_dir_all(folder)
            .map_err(|source| SandboxError::Write { path: folder.to_owned(), source })?;
        for (role, entity) in self.entities() {
            let name = role.file_name();
            write_certificate(folder, name, entity.certificate())?;
            write(&folder.join(format!("{name}.key.pem")), entity.key_pkcs8_pem()?.as_bytes(), true)?;
            if !role.is_ca() {
                let chain = self.chain(role);
                let chain: String =
                    chain.iter().take(chain.len().saturating_sub(1)).map(|one| one.to_pem()).collect();
                write(&folder.join(format!("{name}.chain.pem")), chain.as_bytes(), false)?;
            }
        }
        Ok(())
    }
}

/// Writes `<name>.pem` and `<name>.der` into an existing folder.
pub fn write_certificate(folder: &Path, name: &str, certificate: &Certificate) -> Result<(), SandboxError> {
    write(&folder.join(format!("{name}.pem")), certificate.to_pem().as_bytes(), false)?;
    write(&folder.join(format!("{name}.der")), certificate.der(), false)
}

fn write(path: &Path, bytes: &[u8], secret: bool) -> Result<(), SandboxError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|source| SandboxError::Write { path: path.to_owned(), source })
}
