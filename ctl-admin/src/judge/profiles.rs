//! `profiles`: which certificate profiles there are, and what each asks.

use ctl_policy::profile::{self, Profile};
use serde::Serialize;

use crate::AdminError;
use crate::output::{Render, table};

/// Every profile of this release.
#[derive(Debug, Serialize)]
pub struct Profiles {
    /// One digest for all of them.
    pub sha256: String,
    /// In the order of the tables.
    pub profiles: Vec<Summary>,
}

/// One profile in short.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// What it is the profile of.
    pub title: String,
    /// How many rules it has.
    pub rules: usize,
    /// SHA-256 over its files, the most general first.
    pub sha256: String,
}

/// One profile with its rules.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// In short.
    #[serde(flatten)]
    pub summary: Summary,
    /// The files it is made of, itself first, with the SHA-256 of each.
    pub files: Vec<File>,
    /// What it asks.
    pub requirements: Vec<Explanation>,
}

/// A file of a profile.
#[derive(Debug, Serialize)]
pub struct File {
    /// Its name without `.toml`.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// One rule in words.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Its id.
    pub rule: String,
    /// error, warning or notice.
    pub severity: &'static str,
    /// The field, as the table names it.
    pub field: String,
    /// What is required.
    pub requires: String,
    /// Where that comes from.
    pub source: String,
    /// What the reader should know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Lists every profile.
#[must_use]
pub fn list() -> Profiles {
    Profiles {
        sha256: hex::encode(profile::profiles_digest()),
        profiles: profile::profiles().iter().map(summary).collect(),
    }
}

/// Explains one profile.
pub fn explain(name: &str) -> Result<Explained, AdminError> {
    let profile = profile::profile(name).ok_or_else(|| {
        AdminError::Input(format!("there is no profile {name:?}; ctl-admin profiles lists them"))
    })?;
    let file = |(name, sha256): &(String, [u8; 32])| File { name: name.clone(), sha256: hex::encode(sha256) };
    let explanation = |rule: &profile::Rule| Explanation {
        rule: rule.id.clone(),
        severity: rule.severity.word(),
        field: rule.field.clone(),
        requires: rule.requirement.to_string(),
        source: rule.source.clone(),
        note: rule.note.clone(),
    };
    Ok(Explained {
        summary: summary(profile),
        files: profile.files().iter().map(file).collect(),
        requirements: profile.rules().iter().map(explanation).collect(),
    })
}

fn summary(profile: &Profile) -> Summary {
    Summary {
        name: profile.name().to_owned(),
        title: profile.title().to_owned(),
        rules: profile.rules().len(),
        sha256: hex::encode(profile.digest()),
    }
}

impl Render for Profiles {
    fn text(&self) -> String {
        let row = |one: &Summary| {
            let sha256 = one.sha256.get(..16).unwrap_or_default();
            vec![one.name.clone(), one.rules.to_string(), format!("{sha256}…"), one.title.clone()]
        };
        let rows = self.profiles.iter().map(row);
        table(&["profile", "rules", "sha256", "of"], rows) + &format!("sha256 of all: {}\n", self.sha256)
    }
}

impl Render for Explained {
    fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.summary.name, self.summary.title);
        for file in &self.files {
            text += &format!("  {}.toml  sha256 {}\n", file.name, file.sha256);
        }
        text += &format!("  together, the most general first: sha256 {}\n", self.summary.sha256);
        for rule in &self.requirements {
            text += &format!("\n{} ({}) {}\n  {}\n", rule.rule, rule.severity, rule.field, rule.requires);
            text += &format!("  source: {}\n", rule.source);
            if let Some(note) = &rule.note {
                text += &format!("  {note}\n");
            }
        }
        text
    }
}
