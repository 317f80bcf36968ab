//! `/v1/anchors/{fingerprint}`: one certificate on every list that has it.

use ctl_core::Digest;
use ctl_serve::{Call, Problem, answer};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{App, lists};

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let fingerprint: Digest = call.part("fingerprint")?;
    let (state, now) = app.view();
    let mut found: Vec<Value> = Vec::new();
    for (list, contents) in &state.lists {
        let anchor =
            contents.anchors.get(&fingerprint).map(|anchor| lists::anchor(&state, now, list, anchor));
        let cross = contents.cross_certificates.get(&fingerprint);
        let cross = cross.map(|cross| lists::cross(&state, now, list, cross));
        for (kind, mut value) in anchor
            .map(|value| ("root", value))
            .into_iter()
            .chain(cross.map(|value| ("cross-certificate", value)))
        {
            if let Some(members) = value.as_object_mut() {
                members.insert("list".into(), json!(list));
                members.insert("kind".into(), kind.into());
            }
            found.push(value);
        }
    }
    if found.is_empty() {
        return Err(Problem::not_found(format!(
            "no list knows a certificate with fingerprint {fingerprint}"
        )));
    }
    let sub_cas: Vec<Value> = state
        .sub_cas
        .values()
        .filter(|sub_ca| sub_ca.issuer == fingerprint)
        .map(|sub_ca| {
            json!({
                "fingerprint": sub_ca.fingerprint,
                "lists": state.lists_of(sub_ca).collect::<Vec<_>>(),
                "disclosed": sub_ca.disclosed,
                "revoked": sub_ca.revoked.map(|(index, reason)| json!({ "entry": index, "reason": reason })),
            })
        })
        .collect();
    Ok(answer::json(&json!({ "fingerprint": fingerprint, "lists": found, "sub_cas": sub_cas })))
}
