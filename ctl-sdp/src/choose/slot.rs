//! The one place in which a car's stack looks for its contract: swapped by a single link to a whole folder, so that
//! certificates and key change together or not at all, whenever the power fails. Keys are linked, never read.
//!
//! ```text
//! PKI_PATH/iso15118_2/certs/contractLeafCert.der   → ../../.ctl-sdp/current/contractLeafCert.der
//! PKI_PATH/iso15118_2/private_keys/contractLeaf.key → ../../.ctl-sdp/current/contractLeaf.key
//! PKI_PATH/.ctl-sdp/current                         → /var/lib/contracts/at-home      (this one is swapped)
//! ```
//!
//! Each folder of a contract holds the files under the names that the stack knows them by.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ctl_client::error::ClientError;
use ctl_client::files::{self, Files};
use ctl_client::folder::{Folder, Kind};
use ctl_core::Digest;

/// Ours, in the folder of the stack.
const OURS: &str = ".ctl-sdp";
const CURRENT: &str = "current";
/// The folder that stands for no contract: empty.
const NONE: &str = "none";
const MAX_CERTIFICATE: usize = 16 * 1024;

ctl_pki::words! {
    /// The stacks whose places are known (FACTS of the field: one contract each, by file name).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Layout by name {
        /// EcoG's Josev: below its `PKI_PATH`.
        Josev => "josev",
        /// EVerest's PyEvJosev: below its folder of certificates.
        Everest => "everest",
    }
}

/// A file of a layout.
struct Place {
    /// The folders between the root and the file.
    folders: &'static [&'static str],
    name: &'static str,
    is_key: bool,
}

const fn certificate(folders: &'static [&'static str], name: &'static str) -> Place {
    Place { folders, name, is_key: false }
}

const fn key(folders: &'static [&'static str], name: &'static str) -> Place {
    Place { folders, name, is_key: true }
}

impl Layout {
    /// Its files, the contract first.
    fn places(self) -> &'static [Place] {
        const JOSEV: [Place; 4] = [
            certificate(&["iso15118_2", "certs"], "contractLeafCert.der"),
            certificate(&["iso15118_2", "certs"], "moSubCA2Cert.der"),
            certificate(&["iso15118_2", "certs"], "moSubCA1Cert.der"),
            key(&["iso15118_2", "private_keys"], "contractLeaf.key"),
        ];
        const EVEREST: [Place; 4] = [
            certificate(&["client", "mo"], "MO_LEAF.der"),
            certificate(&["ca", "mo"], "MO_SUB_CA2.der"),
            certificate(&["ca", "mo"], "MO_SUB_CA1.der"),
            key(&["client", "mo"], "MO_LEAF.key"),
        ];
        match self {
            Self::Josev => &JOSEV,
            Self::Everest => &EVEREST,
        }
    }
}

impl Place {
    fn path(&self, root: &Path) -> PathBuf {
        self.folders.iter().fold(root.to_owned(), |path, folder| path.join(folder)).join(self.name)
    }

    /// What the link in this place says.
    fn target(&self) -> PathBuf {
        let up = self.folders.iter().fold(PathBuf::new(), |path, _| path.join(".."));
        up.join(OURS).join(CURRENT).join(self.name)
    }
}

/// The place of one stack.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Whose.
    pub layout: Layout,
    /// The folder of the stack: Josev's `PKI_PATH`, EVerest's folder of certificates.
    pub root: PathBuf,
}

impl std::str::FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, root) = text.split_once('=').ok_or("expected josev=DIR or everest=DIR")?;
        let layout = Layout::ALL.into_iter().find(|layout| layout.name() == name);
        let layout = layout.ok_or_else(|| format!("{name:?} is no stack that is known: josev or everest"))?;
        Ok(Self { layout, root: root.into() })
    }
}

impl Slot {
    /// Puts a contract there, and reads it back. `leaf` is the SHA-256 of the certificate that was chosen.
    ///
    /// # Errors
    /// In words. What was there is there still, or the new one is.
    pub fn put(&self, files: &dyn Files, contract: &Path, leaf: Digest) -> Result<(), String> {
        let contract =
            fs::canonicalize(contract).map_err(|error| format!("{}: {error}", contract.display()))?;
        let folder = Folder::open(&contract).map_err(|error| format!("{}: {error}", contract.display()))?;
        for place in self.layout.places() {
            let kind = folder.kind(place.name).map_err(|error| format!("{}: {error}", contract.display()))?;
            if kind != Some(Kind::File) {
                return Err(format!(
                    "{} has no file {}: a contract for {} is a folder with that name in it",
                    contract.display(),
                    place.name,
                    self.layout
                ));
            }
        }
        let certificate = folder.read(self.leaf_name(), MAX_CERTIFICATE);
        let certificate = certificate.map_err(|error| format!("{}: {error}", contract.display()))?;
        if certificate.map(|bytes| Digest::of(&bytes)) != Some(leaf) {
            return Err(format!(
                "{}/{} is not the certificate that was chosen, or not in DER",
                contract.display(),
                self.leaf_name()
            ));
        }
        self.point(files, &contract)?;
        self.read_back(&contract)
    }

    /// Leaves the stack without a contract: it is to use EIM.
    ///
    /// # Errors
    /// In words.
    pub fn clear(&self, files: &dyn Files) -> Result<(), String> {
        let text = |error: ClientError| error.to_string();
        let ours = self.ours(files)?;
        files::subdirectory(files, &ours, NONE).map_err(text)?;
        self.point(files, Path::new(NONE))
    }

    /// The folder of the contract that is there, if there is one.
    ///
    /// # Errors
    /// In words.
    pub fn current(&self) -> Result<Option<PathBuf>, String> {
        let ours = files::open_directory(&self.root.join(OURS)).map_err(|error| error.to_string())?;
        let target = ours.map(|ours| ours.link(CURRENT)).transpose().map_err(|error| error.to_string())?;
        Ok(target.flatten().filter(|target| target != Path::new(NONE)))
    }

    fn leaf_name(&self) -> &'static str {
        self.layout.places().first().map_or("", |place| place.name)
    }

    fn ours(&self, files: &dyn Files) -> Result<Folder, String> {
        if !self.root.is_dir() {
            return Err(format!("{} is no folder of {}", self.root.display(), self.layout));
        }
        files::create_open_directories(files, &self.root.join(OURS)).map_err(|error| error.to_string())
    }

    /// The one step that changes anything, once the links are there.
    fn point(&self, files: &dyn Files, target: &Path) -> Result<(), String> {
        let text = |error: ClientError| error.to_string();
        let ours = self.ours(files)?;
        let mut missing = Vec::new();
        for place in self.layout.places() {
            let path = place.path(&self.root);
            let above = path.parent().unwrap_or(&self.root);
            let folder = files::create_open_directories(files, above).map_err(text)?;
            let failed = |error: std::io::Error| format!("{}: {error}", path.display());
            match folder.kind(place.name).map_err(failed)? {
                None => missing.push((place, folder)),
                Some(Kind::Link) if folder.link(place.name).map_err(failed)? == Some(place.target()) => {}
                Some(_) => {
                    return Err(format!(
                        "{} is not ours: move the contract that it belongs to, with its key, into a folder of its own \
                         among the contracts, and call again",
                        path.display()
                    ));
                }
            }
        }
        files::replace_link(files, target, &ours, CURRENT).map_err(text)?;
        for (place, folder) in missing {
            files::replace_link(files, &place.target(), &folder, place.name).map_err(text)?;
        }
        Ok(())
    }

    /// What the stack will find: the same certificates by their bytes, and the same key by its file.
    fn read_back(&self, contract: &Path) -> Result<(), String> {
        let same = |place: &Place| -> std::io::Result<bool> {
            let (there, here) = (place.path(&self.root), contract.join(place.name));
            let (found, wanted) = (fs::metadata(&there)?, fs::metadata(&here)?);
            Ok((found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
        };
        for place in self.layout.places() {
            let what = if place.is_key { "the key" } else { "the certificate" };
            let path = place.path(&self.root);
            match same(place) {
                Ok(true) => {}
                Ok(false) => {
                    return Err(format!("{} does not lead to {what} of the contract", path.display()));
                }
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_says_leads_to_ours_from_wherever_it_stands() {
        for layout in Layout::ALL {
            for place in layout.places() {
                let depth = place.target().components().filter(|one| one.as_os_str() == "..").count();
                assert_eq!(depth, place.folders.len());
            }
        }
    }
}
