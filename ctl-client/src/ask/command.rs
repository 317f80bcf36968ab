//! The commands that ask: what each is told, and its exit status.

use std::path::PathBuf;

use ctl_core::names::print::{lines, quoted};
use serde::Serialize;

use super::{Form, MAX_FILE, Query, Reader, Verdict, explain, resolve, text};
use crate::files;
use crate::sync::Client;

/// What a command says, and whether all is well.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) good: bool,
}

/// JSON in which no character plays with a terminal.
pub(crate) fn json(answer: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(answer).map(|text| lines(&text)).map_err(|error| error.to_string())
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArguments {
    /// Files with certificates, in PEM, DER or certs-only PKCS#7, one or many in each.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl ExplainArguments {
    /// Good if each file could be read and holds nothing but certificates.
    pub(crate) fn run(&self, client: &Client) -> Result<Said, String> {
        let known = client.known().map_err(|error| error.to_string())?;
        let mut files = Vec::new();
        for path in &self.files {
            let bytes = files::read(path, MAX_FILE).map_err(|error| error.to_string())?;
            let bytes =
                bytes.ok_or_else(|| format!("{} does not exist", lines(&path.display().to_string())))?;
            files.push((path.display().to_string(), bytes));
        }
        let explained = explain(&known, &files);
        let good = explained.iter().all(|one| one.verdict != Verdict::NoCertificate);
        let text = if self.json { json(&explained)? } else { text::explanations(&explained) };
        Ok(Said { text, good })
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArguments {
    /// A file with a certificate (and its chain), a name in DER or CertificateHashData; or one of these as text: a name
    /// (CN=…,O=…), a key identifier or fingerprint in hex, CertificateHashData as JSON.
    #[arg(value_name = "WHAT")]
    what: String,
    /// What the text is; without it, what it looks like.
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// The certificates that are trusted and meant, in PEM, and nothing else.
    #[arg(long, conflicts_with = "json")]
    pem: bool,
}

impl ResolveArguments {
    /// Good if a root that is trusted here is meant.
    pub(crate) fn run(&self, client: &Client) -> Result<Said, String> {
        let known = client.known().map_err(|error| error.to_string())?;
        let path = std::path::Path::new(&self.what);
        let file = match self.form {
            None if path.exists() => files::read(path, MAX_FILE).map_err(|error| error.to_string())?,
            _ => None,
        };
        let query = match file {
            Some(bytes) => Query::from_file(&bytes),
            None => Query::from_text(&self.what, self.form),
        };
        let shown: String = self.what.chars().take(100).collect();
        let query = query.map_err(|problem| format!("{}: {problem}", quoted(&shown)))?;
        let resolved = resolve(&known, &query);
        let text = match () {
            () if self.json => json(&resolved)?,
            () if self.pem => {
                let trusted = resolved.matches.iter().filter(|one| one.anchor.trusted);
                let distinct: std::collections::BTreeSet<&str> =
                    trusted.map(|one| one.pem.as_str()).collect();
                distinct.into_iter().collect()
            }
            () => text::resolved(&resolved),
        };
        Ok(Said { text, good: resolved.is_found() })
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct PreflightArguments {
    /// The user as whom the program that reads the stores runs: a name, a number, or number:group.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl PreflightArguments {
    /// Good if nothing is worse than a note.
    pub(crate) async fn run(&self, client: &Client) -> Result<Said, String> {
        let users = |path| std::fs::read_to_string(path).unwrap_or_default();
        let find = |user: &String| Reader::find(user, &users("/etc/passwd"), &users("/etc/group"));
        let reader = self.user.as_ref().map(find).transpose()?;
        let found = client.preflight(reader.as_ref()).await.map_err(|error| error.to_string())?;
        let text = if self.json { json(&found)? } else { text::preflight(&found) };
        Ok(Said { text, good: found.wrong() == 0 })
    }
}
