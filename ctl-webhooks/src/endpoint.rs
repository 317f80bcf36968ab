//! An endpoint: what a client asks for, what of it can be, and what is answered. As `EndpointRequest`,
//! `EndpointUpdateRequest` and `EndpointResponse` of OPCP's `webhooks.v1.json` and OPNC's `event.api.consolidated.v1.json`.

use ctl_core::Timestamp;
use ctl_fetch::guard::Guard;
use ctl_formats::{PoolForm, RootEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

/// The longest URL, description, and metadata in JSON, in bytes; and the most WMIs.
const MAX_URL: usize = 2048;
const MAX_DESCRIPTION: usize = 1024;
const MAX_METADATA: usize = 4096;
const MAX_WMIS: usize = 1024;
/// The one version of events.
const VERSION: &str = "v1";

/// Events that the two files name and that no pool of roots can have. An endpoint may name them beside a root's.
const FOREIGN: [&str; 22] = [
    "mo.prov.cert.updated",
    "mo.prov.cert.deleted",
    "mo.prov.cert.factory.reset",
    "mo.prov.cert.updated.factory.reset",
    "mo.contract.delivered.to.oem",
    "mo.contract.created.sent.to.oem",
    "mo.contract.updated.sent.to.oem",
    "mo.contract.deleted.sent.to.oem",
    "mo.contract.rejected.by.oem",
    "mo.contract.queued.to.oem",
    "emsp.prov.cert.updated",
    "emsp.prov.cert.deleted",
    "emsp.prov.cert.updated.factory.reset",
    "emsp.contract.delivered.to.oem",
    "emsp.contract.created.sent.to.oem",
    "emsp.contract.updated.sent.to.oem",
    "emsp.contract.deleted.sent.to.oem",
    "emsp.contract.rejected.by.oem",
    "emsp.contract.queued.to.oem",
    "oem.contract.created",
    "oem.contract.updated",
    "oem.contract.deleted",
];

/// What a client asks for. Members that the files do not have are passed over, as elsewhere in a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    pub api_version: Option<String>,
    pub description: Option<String>,
    pub enabled_events: Option<Names>,
    pub metadata: Option<Map<String, Value>>,
    pub status: Option<String>,
    pub url: Option<String>,
    pub wmi: Option<Vec<String>>,
}

/// A list of names, or one: OPNC's file has it so in updates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Names {
    One(String),
    Many(Vec<String>),
}

/// What an endpoint is set to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    pub enabled: bool,
    pub description: Option<String>,
    pub events: Vec<String>,
    pub metadata: Map<String, Value>,
    pub wmi: Option<Vec<String>>,
}

/// An endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: String,
    /// The client whose it is.
    pub client: String,
    /// The protocol by which it was registered.
    pub form: PoolForm,
    pub created: Timestamp,
    /// The key of its signatures.
    pub secret: String,
    pub settings: Settings,
}

impl std::fmt::Debug for Endpoint {
    /// Without the secret, and without the address, which may hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).field("client", &self.client).finish_non_exhaustive()
    }
}

/// Which addresses an endpoint may have.
#[derive(Clone, Debug)]
pub struct Places {
    pub guard: Guard,
    pub plain_http: bool,
}

impl Places {
    fn check(&self, url: &str) -> Result<(), String> {
        if url.len() > MAX_URL {
            return Err(format!("url : longer than {MAX_URL} bytes"));
        }
        let parsed = Url::parse(url).map_err(|error| format!("url : {error}"))?;
        // Said before anything that repeats the address.
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err("url : must be without user and password".to_owned());
        }
        match self.guard.check_url(url) {
            Err(error) => Err(format!("url : {}", error.detail)),
            Ok(false) if !self.plain_http => Err("url : must begin with https://".to_owned()),
            Ok(_) => Ok(()),
        }
    }
}

impl Settings {
    /// What was asked for on top of what there was, if there was anything.
    ///
    /// # Errors
    /// Everything that is wrong with it, in words.
    pub fn of(asked: Asked, before: Option<Self>, places: &Places) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        if asked.api_version.is_some_and(|version| version != VERSION) {
            wrong.push(format!("apiVersion : there is only {VERSION}"));
        }
        match &asked.url {
            Some(url) => wrong.extend(places.check(url).err()),
            None => wrong.push("url : must not be empty".to_owned()),
        }
        let events = match asked.enabled_events {
            Some(Names::One(name)) => Some(vec![name]),
            Some(Names::Many(names)) => Some(names),
            None => None,
        };
        match &events {
            Some(names) => wrong.extend(check_events(names)),
            None if before.is_none() => wrong.push("enabledEvents : must not be empty".to_owned()),
            None => {}
        }
        let enabled = match asked.status.as_deref() {
            Some("enabled") => Some(true),
            Some("disabled") => Some(false),
            Some(_) => {
                wrong.push("status : must be enabled or disabled".to_owned());
                None
            }
            None => None,
        };
        if asked.description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
            wrong.push(format!("description : longer than {MAX_DESCRIPTION} bytes"));
        }
        if asked.metadata.as_ref().is_some_and(|members| json!(members).to_string().len() > MAX_METADATA) {
            wrong.push(format!("metadata : longer than {MAX_METADATA} bytes"));
        }
        let are_wmis = |wmis: &Vec<String>| {
            let is_one =
                |wmi: &String| wmi.len() == 3 && wmi.bytes().all(|byte| byte.is_ascii_alphanumeric());
            wmis.len() <= MAX_WMIS && wmis.iter().all(is_one)
        };
        if asked.wmi.as_ref().is_some_and(|wmis| !are_wmis(wmis)) {
            wrong.push("wmi : must be a list of WMIs, of three letters and digits each".to_owned());
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut events =
            events.or_else(|| before.as_ref().map(|before| before.events.clone())).unwrap_or_default();
        events.sort();
        events.dedup();
        Ok(Self {
            url: asked.url.unwrap_or_default(),
            enabled: enabled.or(before.as_ref().map(|before| before.enabled)).unwrap_or(true),
            description: asked.description.or_else(|| before.as_ref()?.description.clone()),
            events,
            metadata: asked.metadata.or_else(|| Some(before.as_ref()?.metadata.clone())).unwrap_or_default(),
            wmi: asked.wmi.or_else(|| before.as_ref()?.wmi.clone()),
        })
    }

    /// Whether it wants to hear of such an event.
    #[must_use]
    pub fn wants(&self, event: RootEvent) -> bool {
        self.enabled && self.events.iter().any(|name| name == event.as_str())
    }
}

fn check_events(names: &[String]) -> Option<String> {
    let is_ours = |name: &String| RootEvent::ALL.iter().any(|event| event.as_str() == name);
    let unknown = names.iter().find(|name| !is_ours(name) && !FOREIGN.contains(&name.as_str()));
    if let Some(name) = unknown {
        let name: String = name.chars().take(60).collect();
        return Some(format!("enabledEvents : there is no event {name:?}"));
    }
    let ours = RootEvent::ALL.map(RootEvent::as_str).join(", ");
    (!names.iter().any(is_ours))
        .then(|| format!("enabledEvents : this service has {ours}, and none is named"))
}

impl Endpoint {
    /// What is answered of it; its secret only when it was made.
    #[must_use]
    pub fn answer(&self, with_secret: bool) -> Value {
        let Settings { url, enabled, description, events, metadata, wmi } = &self.settings;
        let mut answer = json!({
            "id": self.id,
            "apiVersion": VERSION,
            "created": self.created.unix(),
            "enabledEvents": events,
            "metadata": metadata,
            "status": if *enabled { "enabled" } else { "disabled" },
            "url": url,
        });
        if let Some(members) = answer.as_object_mut() {
            members.extend(description.clone().map(|text| ("description".to_owned(), text.into())));
            members.extend(wmi.clone().map(|wmis| ("wmi".to_owned(), wmis.into())));
            members.extend(with_secret.then(|| ("secret".to_owned(), self.secret.clone().into())));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places { guard: Guard::new(Vec::new(), vec![443.into(), 80.into()]), plain_http: false }
    }

    fn asked(value: Value) -> Result<Settings, Vec<String>> {
        Settings::of(serde_json::from_value(value).unwrap(), None, &places())
    }

    #[test]
    fn what_the_files_show_can_be_asked_for() {
        let settings = asked(json!({
            "description": "This my webhook", "status": "enabled", "url": "https://mywebhooks.com/payload",
            "enabledEvents": ["root.cert.revoked", "root.cert.added", "oem.contract.created"],
            "metadata": { "team": "roots" }, "wmi": ["WPO", "WVW"], "unheard": 1,
        }))
        .unwrap();
        assert!(settings.wants(RootEvent::Added) && settings.wants(RootEvent::Revoked));
        assert!(!settings.wants(RootEvent::Expired));
        // An update of OPNC's has one event, and keeps what it does not name.
        let update = json!({ "url": "https://other.example/", "enabledEvents": "root.cert.expired" });
        let update = serde_json::from_value(update).unwrap();
        let changed = Settings::of(update, Some(settings), &places()).unwrap();
        assert!(changed.wants(RootEvent::Expired) && !changed.wants(RootEvent::Added));
        assert_eq!((changed.description.as_deref(), changed.enabled), (Some("This my webhook"), true));
    }

    #[test]
    fn addresses_that_must_not_be_called_are_refused_and_no_password_is_repeated() {
        for url in [
            "http://hooks.example/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://10.0.0.7/",
            "https://hooks.example:22/",
            "ftp://hooks.example/",
            "file:///etc/passwd",
            "hooks.example",
            "",
            "https://user:hunter2@hooks.example/",
            "https://hunter2@hooks.example/",
        ] {
            let wrong = asked(json!({ "url": url, "enabledEvents": ["root.cert.added"] })).unwrap_err();
            assert!(wrong.len() == 1 && wrong[0].starts_with("url : "), "{url}: {wrong:?}");
            assert!(!wrong[0].contains("hunter2"), "{wrong:?}");
        }
        let plain = Places { plain_http: true, ..places() };
        assert_eq!(plain.check("http://hooks.example/"), Ok(()));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = asked(json!({ "status": "on", "apiVersion": "v2", "enabledEvents": ["root.cert.lost"] }));
        assert_eq!(wrong.unwrap_err().len(), 4);
        let url = "https://hooks.example/";
        let only_foreign =
            asked(json!({ "url": url, "enabledEvents": ["oem.contract.created"] })).unwrap_err();
        assert!(only_foreign[0].contains("root.cert.added"), "{only_foreign:?}");
        assert_eq!(asked(json!({ "url": url, "enabledEvents": [] })).unwrap_err().len(), 1);
        let long = "x".repeat(5000);
        let wrong = asked(json!({
            "url": format!("{url}{long}"), "enabledEvents": ["root.cert.added"], "description": long,
            "metadata": { "a": long }, "wmi": ["WVWX"],
        }));
        assert_eq!(wrong.unwrap_err().len(), 4);
    }

    #[test]
    fn the_secret_is_shown_once_and_in_no_log() {
        let settings = asked(
            json!({ "url": "https://hooks.example/?key=hunter2", "enabledEvents": ["root.cert.added"] }),
        );
        let endpoint = Endpoint {
            id: "1".to_owned(),
            client: "volt".to_owned(),
            form: PoolForm::Opcp,
            created: Timestamp::from_unix(1_623_760_573),
            secret: "hunter1".to_owned(),
            settings: settings.unwrap(),
        };
        assert_eq!(endpoint.answer(true)["secret"], "hunter1");
        assert_eq!(endpoint.answer(false).get("secret"), None);
        assert_eq!(endpoint.answer(false)["created"], 1_623_760_573);
        assert!(!format!("{endpoint:?}").contains("hunter"));
    }
}
