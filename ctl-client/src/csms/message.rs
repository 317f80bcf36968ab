//! The four messages of OCPP that matter here, as their JSON schemas have them, and the same within a DataTransfer of OCPP
//! 1.6 ("Using ISO 15118 Plug & Charge with OCPP 1.6", Open Charge Alliance): there the message is text in `data`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::hash::HashData;
use super::plan::Step;
use super::station::{Change, Entry, Reply};
use super::wants::{Roots, Version};

/// How the Plug & Charge extension of OCPP 1.6 is called.
pub const VENDOR: &str = "org.openchargealliance.iso15118pnc";
/// A station has at most so many certificates (EVerest takes 2,000).
const MOST_ENTRIES: usize = 10_000;
/// So much is shown of what others say.
const SHOWN: usize = 200;

/// A request to a station.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// InstallCertificate, GetInstalledCertificateIds, DeleteCertificate.
    pub action: &'static str,
    /// What is asked.
    pub payload: Value,
}

impl Request {
    /// What carries out a step; none for those that send nothing.
    #[must_use]
    pub fn of(step: &Step, roots: &Roots, version: Version) -> Option<Self> {
        match step {
            Step::Read => {
                let payload = json!({ "certificateType": version.kinds() });
                Some(Self { action: "GetInstalledCertificateIds", payload })
            }
            Step::Change(Change::Install { kind, root }) => {
                let payload = json!({ "certificateType": kind, "certificate": roots.get(root)?.to_pem() });
                Some(Self { action: "InstallCertificate", payload })
            }
            Step::Change(Change::Delete { name }) => {
                let payload = json!({ "certificateHashData": name.to_json() });
                Some(Self { action: "DeleteCertificate", payload })
            }
            Step::Tell | Step::Done | Step::Refused | Step::Wait(_) => None,
        }
    }

    /// The same as a DataTransfer of OCPP 1.6.
    #[must_use]
    pub fn as_data_transfer(&self) -> Value {
        json!({ "vendorId": VENDOR, "messageId": self.action, "data": self.payload.to_string() })
    }
}

/// What a station said in a DataTransfer of OCPP 1.6.
///
/// # Errors
/// In words: it does not know this, or said nothing that can be read.
pub fn from_data_transfer(answer: &Value) -> Result<Value, String> {
    match status(answer)?.as_str() {
        "Accepted" | "ACCEPTED" => {}
        "UnknownVendorId" | "UNKNOWN_VENDOR_ID" | "UnknownMessageId" | "UNKNOWN_MESSAGE_ID" => {
            return Err("the station does not know Plug & Charge by DataTransfer".into());
        }
        other => return Err(format!("the station answers DataTransfer with {}", shown(other))),
    }
    let data = answer.get("data").and_then(Value::as_str).ok_or("a DataTransfer without data came back")?;
    serde_json::from_str(data).map_err(|_| "a DataTransfer came back whose data is no JSON".into())
}

/// What a station says that it holds, in the stores that are filled from here.
///
/// # Errors
/// In words, why this proves nothing.
pub fn installed(answer: &Value, version: Version) -> Result<BTreeSet<Entry>, String> {
    match status(answer)?.as_str() {
        "NotFound" => return Ok(BTreeSet::new()),
        "Accepted" => {}
        other => return Err(format!("asked what it holds, the station answers {}", shown(other))),
    }
    let chains = answer.get("certificateHashDataChain").and_then(Value::as_array);
    let chains = chains.filter(|chains| !chains.is_empty() && chains.len() <= MOST_ENTRIES);
    let chains = chains.ok_or("asked what it holds, the station names nothing, or too much")?;
    let mut entries = BTreeSet::new();
    for chain in chains {
        let kind =
            chain.get("certificateType").and_then(Value::as_str).ok_or("a certificate without a type")?;
        let Some(kind) = version.kinds().iter().find(|known| known.as_str() == kind) else { continue };
        let name = HashData::read(chain.get("certificateHashData").unwrap_or(&Value::Null))?;
        entries.insert(Entry { kind: *kind, name });
    }
    Ok(entries)
}

/// How a station answers a change.
///
/// # Errors
/// In words, why this is no answer.
pub fn reply(answer: &Value, change: &Change) -> Result<Reply, String> {
    let status = status(answer)?;
    let said = || {
        let info = answer.get("statusInfo");
        let more =
            |name: &str| info.and_then(|info| info.get(name)).and_then(Value::as_str).unwrap_or_default();
        let more = format!("{} {}", more("reasonCode"), more("additionalInfo"));
        let more = if more.trim().is_empty() { String::new() } else { format!(" ({})", shown(more.trim())) };
        format!("the station answers {}{more}", shown(&status))
    };
    match (status.as_str(), change) {
        ("Accepted", _) | ("NotFound", Change::Delete { .. }) => Ok(Reply::Accepted),
        ("Rejected", Change::Install { .. }) => Ok(Reply::Refused(said())),
        ("Failed", _) => Ok(Reply::Failed(said())),
        _ => Err(said()),
    }
}

fn status(answer: &Value) -> Result<String, String> {
    let status = answer.get("status").and_then(Value::as_str);
    status.map(str::to_owned).ok_or_else(|| "an answer without a status came back".to_owned())
}

/// What others say, so that it can be shown.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}
