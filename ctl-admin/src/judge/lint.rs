//! `lint`: holds certificates against the profiles of ISO 15118. Needs no scheme and no server.

use std::path::{Path, PathBuf};

use clap::Args;
use ctl_pki::pem::{MAX_PEM_SIZE, ders_from_pem};
use ctl_policy::Severity;
use ctl_policy::profile::{self, Finding, Guess};
use serde::Serialize;

use crate::output::Render;
use crate::{AdminError, files};

/// What to hold against what.
#[derive(Args, Clone, Debug)]
pub struct Lint {
    /// Certificates, PEM or DER; a PEM file may hold several
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The profile to hold them against, or auto to guess one for each
    #[arg(long, value_name = "NAME|auto", default_value = "auto")]
    pub profile: String,
    /// The issuer's certificate, for the rules that compare with it
    #[arg(long, value_name = "FILE")]
    pub issuer: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// One for each certificate, in the order of the files.
    pub certificates: Vec<Linted>,
}

/// One certificate's findings.
#[derive(Debug, Serialize)]
pub struct Linted {
    /// Its file.
    pub file: PathBuf,
    /// Which certificate of the file, from 1, if the file holds several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// The profile that was applied; `any`, which asks only what RFC 5280 does, where none of Plug & Charge fits.
    pub profile: String,
    /// SHA-256 over the profile's files, the most general first.
    pub profile_sha256: String,
    /// Why this profile, if it was guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guessed_because: Option<String>,
    /// The rules it breaks.
    pub findings: Vec<Finding>,
}

impl Lint {
    /// Lints every certificate of every file.
    pub fn run(&self) -> Result<Report, AdminError> {
        let named = (self.profile != "auto").then(|| find(&self.profile)).transpose()?;
        let issuer = self.issuer.as_deref().map(only_certificate).transpose()?;
        let mut linted = Vec::new();
        for file in &self.files {
            let certificates = certificates(file)?;
            let several = certificates.len() > 1;
            for (position, der) in certificates.iter().enumerate() {
                let issuer = issuer.as_deref();
                let (guess, (profile, findings)) = match named {
                    Some(profile) => (None, (profile, profile::lint(profile, der, issuer))),
                    None => {
                        let guess = profile::guess(der, issuer);
                        let judged = by_guess(&guess, der, issuer)?;
                        (Some(guess), judged)
                    }
                };
                linted.push(Linted {
                    file: file.clone(),
                    number: several.then_some(position + 1),
                    profile: profile.name().to_owned(),
                    profile_sha256: hex::encode(profile.digest()),
                    guessed_because: guess.map(|guess| guess.because),
                    findings,
                });
            }
        }
        Ok(Report { certificates: linted })
    }
}

impl Report {
    /// Whether no rule of severity error is broken.
    #[must_use]
    pub fn has_no_errors(&self) -> bool {
        let mut findings = self.certificates.iter().flat_map(|one| &one.findings);
        !findings.any(|finding| finding.severity == Severity::Error)
    }
}

/// A certificate's guessed profile, and what it breaks of it.
pub(crate) fn guessed(der: &[u8]) -> Result<(Guess, Vec<Finding>), AdminError> {
    let guess = profile::guess(der, None);
    let (_, findings) = by_guess(&guess, der, None)?;
    Ok((guess, findings))
}

fn by_guess(
    guess: &Guess,
    der: &[u8],
    issuer: Option<&[u8]>,
) -> Result<(&'static profile::Profile, Vec<Finding>), AdminError> {
    let (profile, misfit) = match &guess.profile {
        Some(name) => (find(name)?, None),
        None => (find(ANY)?, Some(misfit(guess))),
    };
    let mut findings: Vec<Finding> = misfit.into_iter().collect();
    findings.extend(profile::lint(profile, der, issuer));
    Ok((profile, findings))
}

/// The profile that asks nothing of Plug & Charge.
const ANY: &str = "any";

/// A certificate that fits no profile breaks none, and is none to rely on: that is an error by itself.
fn misfit(guess: &Guess) -> Finding {
    Finding {
        rule: "profile".to_owned(),
        severity: Severity::Error,
        place: "certificate".to_owned(),
        byte: None,
        found: format!("it fits no profile: {}", guess.because),
        expected: "a certificate of Plug & Charge; if you know which, name its profile with --profile"
            .to_owned(),
        source: "ctl-admin profiles".to_owned(),
    }
}

fn find(name: &str) -> Result<&'static profile::Profile, AdminError> {
    profile::profile(name).ok_or_else(|| {
        AdminError::Input(format!(
            "there is no profile {name:?}; ctl-admin profiles lists them, auto guesses one"
        ))
    })
}

fn only_certificate(file: &Path) -> Result<Vec<u8>, AdminError> {
    let mut certificates = certificates(file)?;
    match certificates.pop() {
        Some(certificate) if certificates.is_empty() => Ok(certificate),
        _ => Err(AdminError::input(file.display(), "exactly one certificate is expected: the issuer's")),
    }
}

/// The bytes of each certificate in a file, not parsed: what does not parse is a finding, not an obstacle.
fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, AdminError> {
    let bytes = files::read(file, MAX_PEM_SIZE)?;
    // PEM may have text before its blocks, but none begins as DER does.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes]);
    }
    ders_from_pem(&bytes).map_err(|error| AdminError::input(file.display(), error))
}

impl Render for Report {
    fn text(&self) -> String {
        self.certificates.iter().map(Linted::text).collect::<Vec<_>>().join("\n")
    }
}

impl Linted {
    fn text(&self) -> String {
        let number = self.number.map(|number| format!(" [{number}]")).unwrap_or_default();
        let mut text = format!("{}{number}: ", self.file.display());
        text += &match &self.guessed_because {
            None => format!("profile {}\n", self.profile),
            Some(because) if self.profile == ANY => {
                format!("fits no profile, held against RFC 5280 alone: {because}\n")
            }
            Some(because) => format!("profile {}, guessed: {because}\n", self.profile),
        };
        for finding in &self.findings {
            let severity = finding.severity;
            let byte = finding.byte.map(|byte| format!(", byte {byte}")).unwrap_or_default();
            text += &format!("  {severity:<8}{} at {}{byte}\n", finding.rule, finding.place);
            text += &format!("          found     {}\n", finding.found);
            text += &format!("          expected  {}\n", finding.expected);
            text += &format!("          source    {}\n", finding.source);
        }
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let counts = [Severity::Error, Severity::Warning, Severity::Notice]
            .map(|severity| (count(severity), severity));
        let counts = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, severity)| format!("{count} {severity}{}", if count == 1 { "" } else { "s" }));
        let counts: Vec<_> = counts.collect();
        text + &if counts.is_empty() {
            "  no findings\n".to_owned()
        } else {
            format!("  {}\n", counts.join(", "))
        }
    }
}
