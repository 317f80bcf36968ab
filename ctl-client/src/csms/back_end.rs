//! The back ends' own APIs: how each is told to ask a station, and how the station's answer comes back.

use serde_json::{Value, json};

use super::callbacks::Callbacks;
use super::http::{Api, Failure};
use super::message::{Request, from_data_transfer, shown};
use super::stations::Station;
use super::wants::{Kind, Roots, Version};
use ctl_core::Digest;

/// A back end.
pub(super) enum BackEnd<'a> {
    /// CitrineOS: its message API only says that a request was sent; the answer is called back.
    Citrineos {
        /// Its API.
        api: Api,
        /// Whose stations.
        tenant: u64,
        /// Where answers come.
        callbacks: &'a Callbacks,
    },
    /// SteVe: answers with what the station answered.
    Steve {
        /// Its API.
        api: Api,
    },
    /// MaEVe: takes certificates and sends them some time; nobody can ask what a station holds.
    Maeve {
        /// Its API.
        api: Api,
    },
}

fn station(sent: bool, reason: impl Into<String>) -> Failure {
    Failure::Station { sent, reason: reason.into() }
}

impl BackEnd<'_> {
    /// Asks a station, and gives its own answer.
    ///
    /// # Errors
    /// [`Failure`]
    pub(super) async fn ask(&self, to: &Station, request: &Request) -> Result<Value, Failure> {
        let in_transfer = to.version == Version::V16;
        let answer = match self {
            Self::Citrineos { api, tenant, callbacks } => {
                citrineos(api, *tenant, callbacks, to, request).await?
            }
            Self::Steve { api } => steve(api, to, request).await?,
            Self::Maeve { .. } => return Err(station(false, "MaEVe asks no station")),
        };
        match in_transfer {
            true => from_data_transfer(&answer).map_err(Failure::Refused),
            false => Ok(answer),
        }
    }
}

/// CitrineOS 1.8: `POST /ocpp/{version}/{module}/{action}?identifier=…&tenantId=…&callbackUrl=…`, answered with
/// `[{"success": …, "payload": …}]`, which says whether the request was sent. With OCPP 1.6, DataTransfer is a message
/// of the module `configuration`.
async fn citrineos(
    api: &Api,
    tenant: u64,
    callbacks: &Callbacks,
    to: &Station,
    request: &Request,
) -> Result<Value, Failure> {
    let mut action = request.action.to_owned();
    if let Some(first) = action.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let (module, action, body) = match to.version {
        Version::V16 => ("configuration", "dataTransfer", request.as_data_transfer()),
        Version::V201 | Version::V21 => ("certificates", action.as_str(), request.payload.clone()),
    };
    let mut expected = callbacks.expect().map_err(|reason| Failure::BackEnd { sent: false, reason })?;
    let tenant = tenant.to_string();
    let query = [("identifier", to.id.as_str()), ("tenantId", &tenant), ("callbackUrl", &expected.url)];
    let path = ["ocpp", to.version.as_str(), module, action];
    let sent = api.post(&path, &query, &body).await?;
    let [said] = sent.as_array().map_or(&[][..], Vec::as_slice) else {
        return Err(station(true, "the back end does not say whether it sent the request"));
    };
    match said.get("success").and_then(Value::as_bool) {
        Some(true) => {}
        Some(false) => {
            let why = match said.get("payload") {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => "it does not say why".into(),
            };
            return Err(station(false, format!("the back end did not send it: {}", shown(&why))));
        }
        None => return Err(station(true, "the back end does not say whether it sent the request")),
    }
    match tokio::time::timeout(api.patience(), &mut expected.answer).await {
        Ok(Ok(answer)) => Ok(answer),
        _ => Err(station(
            true,
            "the station did not answer in time, or with an error that the back end keeps for itself",
        )),
    }
}

/// SteVe 3.8 and later: `POST /api/v1/operations/DataTransfer`, answered with what each station answered.
async fn steve(api: &Api, to: &Station, request: &Request) -> Result<Value, Failure> {
    let mut body = request.as_data_transfer();
    if let Some(body) = body.as_object_mut() {
        body.insert("chargeBoxIdList".into(), json!([to.id]));
    }
    let task = api.post(&["api", "v1", "operations", "DataTransfer"], &[], &body).await?;
    let of = |list: &str| {
        let entries = task.get(list).and_then(Value::as_array);
        entries
            .into_iter()
            .flatten()
            .find(|entry| entry.get("chargeBoxId").and_then(Value::as_str) == Some(&to.id))
    };
    let text = |entry: &Value, name: &str| {
        shown(entry.get(name).and_then(Value::as_str).unwrap_or("it does not say why"))
    };
    if let Some(answer) = of("successResponses") {
        return answer
            .get("response")
            .cloned()
            .ok_or_else(|| station(true, "the back end keeps the station's answer"));
    }
    if let Some(error) = of("errorResponses") {
        let why = format!("the station answers with an error: {}", text(error, "errorDescription"));
        return Err(Failure::Refused(why));
    }
    if let Some(error) = of("exceptions") {
        return Err(station(
            true,
            format!("the back end did not reach the station: {}", text(error, "exceptionMessage")),
        ));
    }
    Err(station(true, "the station did not answer in time"))
}

/// MaEVe: `POST /api/v0/cs/{csId}/certificates` takes the certificates that a station is to be given, and sends them some
/// time. All of them each time: what was not sent yet is not lost then.
///
/// # Errors
/// [`Failure`]
pub(super) async fn maeve(
    api: &Api,
    to: &Station,
    roots: &Roots,
    wanted: &[(Kind, Digest)],
) -> Result<(), Failure> {
    let certificate = |(kind, root): &(Kind, Digest)| {
        let pem = roots.get(root)?.to_pem();
        Some(json!({ "type": kind.short(), "certificate": pem, "status": "Pending" }))
    };
    let certificates: Vec<Value> = wanted.iter().filter_map(certificate).collect();
    let path = ["api", "v0", "cs", to.id.as_str(), "certificates"];
    api.post(&path, &[], &json!({ "certificates": certificates })).await.map(|_| ())
}
