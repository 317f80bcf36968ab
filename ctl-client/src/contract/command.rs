//! `ctl-client authorize`: judges the chain of a file, or listens for those who ask.

#[cfg(feature = "back-end")]
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Contracts, EvidenceFiles, MAX_CHAIN, Strictness};
use crate::ask::command::{Said, json};
use crate::files;
use crate::sync::Client;

#[derive(Debug, clap::Args)]
pub(crate) struct AuthorizeArguments {
    /// The contract certificate with its sub-CAs, as the vehicle presents them: in PEM, DER or certs-only PKCS#7.
    #[arg(value_name = "CHAIN")]
    #[cfg_attr(feature = "back-end", arg(required_unless_present = "listen"))]
    #[cfg_attr(not(feature = "back-end"), arg(required = true))]
    chain: Option<PathBuf>,
    /// A CRL of one of its issuers, in DER or PEM; may be given several times.
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// An OCSP response about one of its certificates, in DER; may be given several times.
    #[arg(long = "ocsp", value_name = "FILE")]
    responses: Vec<PathBuf>,
    /// Refuse, too, when it is not known whether a certificate of the chain is revoked, or who holds the MO identifier.
    #[arg(long)]
    strict: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Answer the station's software over HTTP at this address of this machine (127.0.0.1:0 picks a port): POST a chain to
    /// /v1/authorize.
    #[cfg(feature = "back-end")]
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["chain", "json"])]
    listen: Option<SocketAddr>,
}

impl AuthorizeArguments {
    /// Good if the contract is accepted; told to stop, if it listens. `say` is told where.
    pub(crate) async fn run(self, client: Client, say: impl Fn(&str)) -> Result<Said, String> {
        let files = EvidenceFiles { crls: self.crls, responses: self.responses };
        let strictness = Strictness { unknown_refuses: self.strict };
        #[cfg(feature = "back-end")]
        if let Some(address) = self.listen {
            super::serve::listen(address, client, files, strictness, say).await?;
            return Ok(Said { text: String::new(), good: true });
        }
        #[cfg(not(feature = "back-end"))]
        let _ = say;
        let path = self.chain.ok_or("a chain is needed here; see --help")?;
        let contracts = Contracts::new(client.known().map_err(|error| error.to_string())?);
        // One byte more, so that too long a file is told as such.
        let bytes = files::read(&path, MAX_CHAIN.saturating_add(1)).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| format!("{} does not exist", path.display()))?;
        let verdict = contracts.judge(&bytes, &files.read()?, strictness);
        let text = if self.json { json(&verdict)? } else { verdict.to_string() };
        Ok(Said { text, good: verdict.is_accepted() })
    }
}
