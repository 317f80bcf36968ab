//! The contracts of a car: one folder for each, or one file. Certificates are read; keys never are, nor anything that is
//! called like one.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ctl_client::contract::MAX_CHAIN;
use ctl_client::files;
use ctl_pki::{Certificate, pem, pem_block};

/// A car has at most so many contracts.
const MAX_CONTRACTS: usize = 64;
/// A contract has at most so many files.
const MAX_FILES: usize = 16;
/// The folder of a contract is looked through so far.
const MAX_DEPTH: usize = 3;
const EXTENSIONS: [&str; 6] = ["pem", "crt", "cer", "der", "p7b", "p7c"];

/// What a folder or file holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// The chain, as it is written there: for [`ctl_client::contract::Contracts::judge`]. In words, why it cannot be read.
    pub chain: Result<Vec<u8>, String>,
}

/// Reads a folder of contracts. What begins with a dot is not one.
///
/// # Errors
/// In words: what cannot be read.
pub fn read_folder(folder: &Path) -> Result<Vec<Held>, String> {
    let mut contracts = Vec::new();
    for path in entries(folder)? {
        if contracts.len() == MAX_CONTRACTS {
            return Err(format!("{}: more than {MAX_CONTRACTS} contracts", folder.display()));
        }
        let is_folder = path.is_dir();
        if !is_folder && !is_certificates(&path) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut found = Vec::new();
        let collected = if is_folder {
            collect(&path, 0, &mut found)
        } else {
            found.push(path);
            Ok(())
        };
        // One that cannot be read takes no other with it.
        match collected.and_then(|()| chain(&found)) {
            Ok(chain) if chain.is_empty() => {}
            chain => contracts.push(Held { name, chain }),
        }
    }
    Ok(contracts)
}

/// What is in a folder, in order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}

/// Whether it is named like certificates, and not like a key.
fn is_certificates(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str()) && !is_of_keys(&name)
}

fn is_of_keys(name: &str) -> bool {
    ["key", "private", "password"].iter().any(|word| name.contains(word))
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if path.is_dir() {
            if depth < MAX_DEPTH && !is_of_keys(&name) {
                collect(&path, depth + 1, found)?;
            }
        } else if is_certificates(&path) {
            if found.len() == MAX_FILES {
                return Err(format!("{}: more than {MAX_FILES} files of certificates", folder.display()));
            }
            found.push(path);
        }
    }
    Ok(())
}

/// The files as one chain: as it is if there is one, in PEM if there are several.
fn chain(paths: &[PathBuf]) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for path in paths {
        let bytes = files::read(path, MAX_CHAIN).map_err(|error| error.to_string())?.unwrap_or_default();
        match (paths.len(), Certificate::from_der(&bytes)) {
            (1, _) => return Ok(bytes),
            (_, Ok(_)) => all.extend(pem_block(pem::CERTIFICATE, &bytes).into_bytes()),
            (_, Err(_)) => {
                all.extend(bytes);
                all.push(b'\n');
            }
        }
    }
    Ok(all)
}
