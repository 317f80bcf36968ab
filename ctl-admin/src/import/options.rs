//! What is to be imported, as the command line has it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_sources::{Access, Form, OAuth, Source, TokenBody, Trusted};

use crate::arguments::{duration, word};

/// What is to be imported, who may read it, who must have signed it, and what is to come of it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// An address of a pool, EST cacerts or list; a file; or a folder, like a charger's store
    #[arg(value_name = "SOURCE")]
    pub place: String,
    /// What it must be: auto, sae, pkcs7, certificates, trust-anchors, pool, ctl or folder
    #[arg(long, default_value = "auto", value_parser = word::<Form>)]
    pub form: Form,
    /// Compare with this list; may be given several times [default: every list of the scheme]
    #[arg(long)]
    pub list: Vec<ListId>,
    /// Write an application file for each root that is unknown here into this folder
    #[arg(long, value_name = "DIR")]
    pub prepare: Option<PathBuf>,
    /// Certificate of one who may sign a CMS, PEM or DER; may be given several times
    #[arg(long, value_name = "FILE")]
    pub signer: Vec<PathBuf>,
    /// Certificate of a CA whose certificates for signing code may sign a CMS; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with = "signer")]
    pub issuer: Vec<PathBuf>,
    /// Judge the signers' certificates at this moment, like 2026-02-20T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub signed_at: Option<Timestamp>,
    /// By how many keys a CMS must be signed [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub signers: Option<NonZeroUsize>,
    /// A root.json, of any age, of the service whose signed list this is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signer", "issuer"])]
    pub root_json: Option<PathBuf>,
    /// Read what is signed without verifying it; every certificate then says so
    #[arg(long, conflicts_with_all = ["signer", "issuer", "root_json"])]
    pub unverified: bool,
    /// File with a token, sent as Authorization: Bearer
    #[arg(long, value_name = "FILE", conflicts_with = "token_url")]
    pub bearer: Option<PathBuf>,
    /// File with a key, sent as X-API-Key
    #[arg(long, value_name = "FILE")]
    pub api_key: Option<PathBuf>,
    /// Where to get a token for client credentials
    #[arg(long, value_name = "URL", requires_all = ["client_id", "client_secret"])]
    pub token_url: Option<String>,
    /// The client's id
    #[arg(long, value_name = "ID", requires = "token_url")]
    pub client_id: Option<String>,
    /// File with the client's secret
    #[arg(long, value_name = "FILE", requires = "token_url")]
    pub client_secret: Option<PathBuf>,
    /// For whom the token is
    #[arg(long, value_name = "TEXT", requires = "token_url")]
    pub audience: Option<String>,
    /// What the token is to allow
    #[arg(long, value_name = "TEXT", requires = "token_url")]
    pub scope: Option<String>,
    /// How the token is asked for: json or form
    #[arg(long, default_value = "json", value_parser = word::<TokenBody>)]
    pub token_body: TokenBody,
    /// PEM file with a certificate, and its issuers, to show where TLS asks for one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
    /// PEM file of certificates that are trusted for TLS in addition to the system's
    #[arg(long = "tls-root", value_name = "FILE")]
    pub tls_roots: Vec<PathBuf>,
    /// How long reading it may take, like 2min
    #[arg(long, value_name = "DURATION", default_value = "2min", value_parser = duration)]
    pub timeout: u64,
}

impl Options {
    /// A public source, with everything else as it is unless it is said.
    #[must_use]
    pub fn of(place: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            form: Form::default(),
            list: Vec::new(),
            prepare: None,
            signer: Vec::new(),
            issuer: Vec::new(),
            signed_at: None,
            signers: None,
            root_json: None,
            unverified: false,
            bearer: None,
            api_key: None,
            token_url: None,
            client_id: None,
            client_secret: None,
            audience: None,
            scope: None,
            token_body: TokenBody::default(),
            client_certificate: None,
            client_key: None,
            tls_roots: Vec::new(),
            timeout: 120,
        }
    }

    /// The source that they describe.
    pub(super) fn source(&self) -> Source {
        let oauth = match (&self.token_url, &self.client_id, &self.client_secret) {
            (Some(url), Some(id), Some(secret)) => Some(OAuth {
                token_url: url.clone(),
                client_id: id.clone(),
                client_secret: secret.clone(),
                audience: self.audience.clone(),
                scope: self.scope.clone(),
                body: self.token_body,
            }),
            _ => None,
        };
        Source {
            form: self.form,
            access: Access {
                bearer: self.bearer.clone(),
                api_key: self.api_key.clone(),
                oauth,
                client_certificate: self.client_certificate.clone(),
                client_key: self.client_key.clone(),
            },
            trust: Trusted {
                signer: self.signer.clone(),
                issuer: self.issuer.clone(),
                signed_at: self.signed_at,
                signers: self.signers,
                root_json: self.root_json.clone(),
                unverified: self.unverified,
            },
            timeout: std::time::Duration::from_secs(self.timeout),
            ..Source::at(self.place.clone())
        }
    }
}
