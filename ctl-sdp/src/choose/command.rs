//! `ctl-sdp choose`.

use std::path::PathBuf;

use ctl_client::contract::{Contracts, EvidenceFiles, Strictness};
use ctl_client::files::{self, Disk};
use ctl_client::{Client, Machine};
use ctl_core::names::print::lines;
use ctl_core::parts::Standard;
use serde_json::json;

use super::answer::{self, TlsFailure};
use super::preferences::MAX_FILE;
use super::slot::Slot;
use super::{Contract, LeftOut, Offer, Preferences, Told, decide, read_folder, tls};

#[derive(Debug, clap::Args)]
pub(crate) struct Choose {
    /// The state directory of ctl-client.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The folder of the contracts: in it one folder for each, or one file. Keys are never read.
    #[arg(long, value_name = "DIR")]
    contracts: PathBuf,
    /// What the owner wants, in TOML.
    #[arg(long, value_name = "FILE")]
    preferences: Option<PathBuf>,
    /// The standard of the session: iso15118-2 or iso15118-20.
    #[arg(long, value_name = "STANDARD", value_parser = standard)]
    standard: Option<Standard>,
    /// Identifiers that the answer over UDP (0x9005) has, with commas between them; "" if it has none. Only reorders.
    #[arg(long, value_name = "IDS")]
    udp: Option<String>,
    /// Parameters of service 64 (SupportedMO), read inside TLS; may be given several times. Excludes.
    #[arg(long, value_name = "IDS")]
    vas: Vec<String>,
    /// SupportedProviders of ISO 15118-20, read inside TLS; may be given several times. Excludes.
    #[arg(long, value_name = "IDS")]
    providers: Vec<String>,
    /// The session has no TLS.
    #[arg(long)]
    no_tls: bool,
    /// A contract that this charger has refused, and its response code: NAME=FAILED_CertificateRevoked.
    #[arg(long = "refused", value_name = "NAME=CODE", value_parser = refused)]
    refused: Vec<(String, String)>,
    /// TLS with the charger has failed: untrusted, handshake, broken or not-offered. Says what may still be done.
    #[arg(long, value_name = "HOW", value_parser = failure)]
    tls_failed: Option<TlsFailure>,
    /// A CRL of an issuer of contracts, in DER or PEM; may be given several times.
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// An OCSP response about a certificate of a contract, in DER; may be given several times.
    #[arg(long = "ocsp", value_name = "FILE")]
    responses: Vec<PathBuf>,
    /// Put the first contract where the car's stack looks for it: josev=PKI_PATH or everest=CERTS.
    #[arg(long, value_name = "STACK=DIR")]
    slot: Vec<Slot>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

fn standard(text: &str) -> Result<Standard, String> {
    let known = Standard::ALL.into_iter().find(|one| one.as_str() == text);
    known.ok_or_else(|| "iso15118-2 or iso15118-20".into())
}

fn failure(text: &str) -> Result<TlsFailure, String> {
    let known = TlsFailure::ALL.into_iter().find(|one| one.name() == text);
    known.ok_or_else(|| "untrusted, handshake, broken or not-offered".into())
}

fn refused(text: &str) -> Result<(String, String), String> {
    let (name, code) = text.split_once('=').ok_or("expected NAME=CODE")?;
    Ok((name.into(), code.into()))
}

/// What was given, if anything was.
fn given(texts: &[String]) -> Option<impl Iterator<Item = &str>> {
    (!texts.is_empty()).then(|| texts.iter().map(String::as_str))
}

impl Choose {
    /// What it says, and whether there is a contract to present.
    pub(crate) fn run(self) -> Result<(String, bool), String> {
        let client = Client::open(&self.dir, Machine::default()).map_err(|error| error.to_string())?;
        let judge = Contracts::new(client.known().map_err(|error| error.to_string())?);
        let evidence = EvidenceFiles { crls: self.crls, responses: self.responses }.read()?;
        let preferences = match &self.preferences {
            None => Preferences::default(),
            Some(path) => {
                let bytes = files::read(path, MAX_FILE).map_err(|error| error.to_string())?;
                let bytes = bytes.ok_or_else(|| format!("{} does not exist", path.display()))?;
                Preferences::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))?
            }
        };
        let (mut contracts, mut unreadable) = (Vec::new(), Vec::new());
        for held in read_folder(&self.contracts)? {
            match held.chain {
                Ok(chain) => {
                    let verdict = judge.judge(&chain, &evidence, Strictness::default());
                    contracts.push(Contract { name: held.name, verdict });
                }
                Err(problem) => {
                    unreadable.push(LeftOut { name: held.name, emaid: None, reasons: vec![problem] });
                }
            }
        }
        let told = Told {
            standard: self.standard,
            is_plain: self.no_tls,
            udp: self.udp.as_deref().map(|text| Offer::of_service([text])),
            vas: given(&self.vas).map(Offer::of_service),
            providers: given(&self.providers).map(Offer::of_providers),
            refused: self.refused,
        };
        let mut plan = decide(&contracts, &told, &preferences);
        plan.left_out.extend(unreadable);

        let standard = self.standard.unwrap_or(Standard::Iso15118_2);
        let named = tls::named(&judge.known().trust, standard)?;
        let fallbacks = self.tls_failed.map(|failed| answer::fallbacks(failed, standard, &preferences));
        let after: Vec<_> = told
            .refused
            .iter()
            .map(|(name, code)| (name, code, answer::consequence(standard, code)))
            .collect();
        for slot in &self.slot {
            let chosen = plan.first().and_then(|name| contracts.iter().find(|one| one.name == name));
            let leaf = chosen.and_then(|chosen| Some((chosen, chosen.verdict.chain.first()?.sha256)));
            match leaf {
                Some((chosen, leaf)) => slot.put(&Disk, &self.contracts.join(&chosen.name), leaf)?,
                None => slot.clear(&Disk)?,
            }
        }
        let has_contract = plan.first().is_some();
        if self.json {
            let after: Vec<_> = after
                .iter()
                .map(|(name, code, consequence)| json!({ "name": name, "code": code, "consequence": consequence }))
                .collect();
            let value = json!({
                "plan": plan, "tls": named, "after_refusal": after, "if_tls_failed": fallbacks,
            });
            let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
            return Ok((lines(&text), has_contract));
        }
        let mut text = plan.to_string();
        for (name, code, consequence) in after {
            text.push_str(&format!("After {} of {}: {}", lines(code), lines(name), consequence.next));
            text.push_str(if consequence.nowhere {
                "; present it nowhere before it is replaced\n"
            } else {
                "\n"
            });
        }
        for (number, fallback) in (1..).zip(fallbacks.unwrap_or_default()) {
            text.push_str(&format!("TLS failed, {number}: {}\n", fallback.what));
        }
        text.push_str(&format!("The charger may show a chain under any of {} roots:\n", named.roots.len()));
        named.roots.iter().for_each(|root| text.push_str(&format!("      {}\n", lines(root))));
        Ok((text, has_contract))
    }
}
