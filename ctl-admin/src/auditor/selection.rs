//! Signing off a selection: which roots devices with little room install. `budget --write` writes one, a person looks at
//! it and signs it, and the devices' sinks follow the key of that person.

use std::path::{Path, PathBuf};

use ctl_core::Signer;
use ctl_core::jws::Jws;
use ctl_core::names::print;
use ctl_core::selection::{MAX_BYTES, Selection};
use ctl_reach::standard_name;
use serde::Serialize;

use crate::output::{Render, section};
use crate::{AdminError, files};

/// A selection, as whoever signs it off is shown it: all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shown(pub Selection);

impl Shown {
    /// Reads one that `budget` wrote.
    ///
    /// # Errors
    /// The file cannot be read or holds no selection.
    pub fn read(path: &Path) -> Result<Self, AdminError> {
        let bytes = files::read(path, MAX_BYTES)?;
        Selection::read(&bytes).map(Self).map_err(|error| AdminError::input(path.display(), error))
    }

    /// Signs it, into a file that is not there yet or is one of these.
    ///
    /// # Errors
    /// A key does not sign, or the file cannot be written.
    pub fn sign(self, keys: &[Box<dyn Signer>], out: PathBuf) -> Result<SignedOff, AdminError> {
        let keys: Vec<&dyn Signer> = keys.iter().map(AsRef::as_ref).collect();
        let signed = Jws::sign(self.0.payload(), Selection::JWS_TYPE, &keys)
            .map_err(|error| AdminError::input("the key", error))?;
        files::write(&out, &signed.to_bytes())?;
        Ok(SignedOff {
            file: out,
            by: keys.iter().map(|key| key.public_key().key_id().to_string()).collect(),
        })
    }
}

impl Render for Shown {
    fn text(&self) -> String {
        let Selection { environment, list, sequence, standard, issued_at, scheme, why, roots, .. } = &self.0;
        let mut text = format!(
            "selection of {} root(s) of list {list}, version {sequence}, for {}\n",
            roots.len(),
            standard_name(*standard)
        );
        text += &format!(
            "scheme {scheme} ({environment}), written at {issued_at}\nwhy: {}\n",
            print::quoted(why)
        );
        let lines: Vec<String> = (1..)
            .zip(roots)
            .map(|(place, root)| format!("{place}. {} {}", root.fingerprint, print::name(root.name.as_str())))
            .collect();
        text + &section("devices with little room install these, as far as the lists trust them:", &lines)
    }
}

/// What was signed.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOff {
    /// Where it is.
    pub file: PathBuf,
    /// The ids of the keys that signed.
    pub by: Vec<String>,
}

impl Render for SignedOff {
    fn text(&self) -> String {
        format!(
            "signed by {}: {}\nput it on the devices: selection = {{ file = \"…\", key = \"…\" }} in a sink's section\n",
            self.by.join(", "),
            self.file.display()
        )
    }
}
