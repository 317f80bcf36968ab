//! Evidence: the exchanges behind the first failure of an incident, as one JSON document named by its SHA-256.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::{Digest, Timestamp};
use serde_json::{Value, json};

use super::observation::{Evidence, Observation};

/// How much of a body is kept. Its length is the whole body's, its digest that of the kept part.
const MAX_BODY: usize = 1024 * 1024;
/// How many exchanges are kept.
const MAX_EXCHANGES: usize = 4;
/// How many bytes of headers are kept.
const MAX_HEADERS: usize = 16 * 1024;

/// The canonical JSON document for the findings of an observation. Nobody can guess its digest: whoever knows it before
/// the log does could claim it first.
///
/// # Errors
/// If the system gives no random bytes.
pub(super) fn bundle(observation: &Observation) -> Result<Vec<u8>, getrandom::Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    let target = &observation.target;
    let findings = observation.findings.iter().map(|finding| {
        json!({
            "code": finding.code,
            "address": finding.address.map(|address| address.to_string()),
            "detail": finding.detail,
        })
    });
    let exchanges = observation.evidence.iter().take(MAX_EXCHANGES).map(exchange);
    Ok(ctl_core::json::canonical(&json!({
        "type": "v2g-probe-evidence",
        "format": 1,
        "at": Timestamp::from_unix(observation.at_ms.div_euclid(1000)),
        "at_ms": observation.at_ms,
        "operator": target.operator,
        "kind": target.kind,
        "url": target.url,
        "target": target.id.to_string(),
        "findings": findings.collect::<Vec<Value>>(),
        "exchanges": exchanges.collect::<Vec<Value>>(),
        "salt": hex::encode(salt),
    })))
}

fn exchange(evidence: &Evidence) -> Value {
    let mut left = MAX_HEADERS;
    let headers = evidence.headers.iter().take_while(|(name, value)| {
        let length = name.len() + value.len();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    json!({
        "request": evidence.request,
        "request_body": body(&evidence.request_body, evidence.request_body.len() as u64),
        "address": evidence.address.map(|address| address.to_string()),
        "status": evidence.status,
        "headers": headers.map(|(name, value)| json!([name, value])).collect::<Vec<Value>>(),
        "body": body(&evidence.body, evidence.body_bytes),
    })
}

fn body(bytes: &[u8], all: u64) -> Value {
    let kept = bytes.get(..MAX_BODY).unwrap_or(bytes);
    json!({
        "base64": BASE64_STANDARD.encode(kept),
        "bytes": all,
        "sha256": Digest::of(kept),
        "whole": kept.len() as u64 == all,
    })
}
