//! The profiles that come with this release, and sets of profiles from elsewhere.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::file::{Profile, ProfileError, ProfileFile};

/// Names each file once; the text stands in the program.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../profiles/", $name, ".toml")))),+]
    };
}

/// The files of this release: what all extend, then one for each kind of certificate.
const FILES: &[(&str, &str)] = &files![
    "rfc5280",
    "iso15118-2",
    "iso15118-20",
    "any",
    "v2g-root",
    "mo-root",
    "oem-root",
    "cpo-sub1",
    "cpo-sub2",
    "secc",
    "ocsp",
    "mo-sub1",
    "mo-sub2",
    "contract",
    "oem-sub1",
    "oem-sub2",
    "provisioning",
    "cps-sub1",
    "cps-sub2",
    "cps",
    "cross",
    "v2g-root-20",
    "mo-root-20",
    "oem-root-20",
    "cpo-sub1-20",
    "cpo-sub2-20",
    "secc-20",
    "ocsp-20",
    "mo-sub1-20",
    "mo-sub2-20",
    "contract-20",
    "oem-sub1-20",
    "oem-sub2-20",
    "provisioning-20",
    "vehicle-20",
    "cps-sub1-20",
    "cps-sub2-20",
    "cps-20",
    "cross-20",
];

static BUILT_IN: LazyLock<Library> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them all")]
    Library::read(FILES).expect("the profiles of this release are sound")
});

/// A set of profiles that may extend each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    profiles: Vec<Profile>,
    digest: [u8; 32],
}

impl Library {
    /// Reads profile files, each given by its name without `.toml` and its text. A file that is only a base for
    /// others (`base = true`) becomes no profile of its own.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, ProfileError> {
        let mut read = Vec::new();
        for (name, text) in files {
            read.push((*name, *text, ProfileFile::read(name, text)?));
        }
        let find = |wanted: &str| {
            read.iter().find(|(name, ..)| *name == wanted).map(|(_, text, file)| (*text, file))
        };
        let mut profiles = Vec::new();
        for (name, ..) in read.iter().filter(|(.., file)| !file.base) {
            profiles.push(Profile::join(name, find)?);
        }
        let mut whole = Sha256::new();
        for profile in &profiles {
            whole.update(profile.name());
            whole.update([0]);
            whole.update(profile.digest());
        }
        Ok(Self { profiles, digest: whole.finalize().into() })
    }

    /// The profile of this name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name() == name)
    }

    /// Every profile, in the order of the files.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// One digest for all: SHA-256 over each profile's name, a zero byte and its digest.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// The profile of this release with this name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    BUILT_IN.profile(name)
}

/// Every profile of this release.
pub fn profiles() -> &'static [Profile] {
    BUILT_IN.profiles()
}

/// One digest for all profiles of this release, see [`Library::digest`].
pub fn profiles_digest() -> [u8; 32] {
    BUILT_IN.digest()
}
