//! What subscribers of a pool are told: that a root was added, has expired or was revoked, as OPCP's
//! `webhook.payload.v1.json` has it. OPNC has the same events and no file of what they carry: the same is sent there, with
//! its own ids and words.

use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::PoolEntry;
use super::document::{curve, distinguished_name, namespace, uuid};

/// What happened to a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootEvent {
    Added,
    Expired,
    Revoked,
}

impl RootEvent {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Added, Self::Expired, Self::Revoked];

    /// Its word in both protocols.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "root.cert.added",
            Self::Expired => "root.cert.expired",
            Self::Revoked => "root.cert.revoked",
        }
    }
}

/// An entry of a pool as its events name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRoot {
    /// The standard whose messages it is for, if that is one.
    pub namespace: Option<String>,
    /// When its certificate ends, in Unix time.
    pub not_after: i64,
    pub payload: EventPayload,
}

/// The member `payload` of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventPayload {
    /// As the pool has it.
    pub root_certificate_id: String,
    /// Empty where the name has no form that the files know.
    pub distinguished_name: String,
    pub common_name: String,
    pub root_type: String,
    pub root_serial_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_algorithm: Option<String>,
    #[serde(rename = "fingerprintSHA256")]
    pub fingerprint_sha256: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    timestamp: String,
    event_id: &'a str,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    xsd_msg_def_namespace: Option<&'a str>,
    payload: &'a EventPayload,
}

impl PoolEntry {
    /// What events say of it.
    #[must_use]
    pub fn event_root(&self) -> EventRoot {
        let certificate = &self.certificate;
        let word = self.types.first().map_or("", |kind| kind.as_str(self.form));
        // The file knows two of the three curves.
        let curve = curve(certificate).filter(|curve| *curve != "ed448");
        EventRoot {
            namespace: namespace(self).map(str::to_owned),
            not_after: certificate.not_after(),
            payload: EventPayload {
                root_certificate_id: self.id(),
                distinguished_name: distinguished_name(certificate).unwrap_or_default(),
                common_name: certificate.common_name().unwrap_or_default().to_owned(),
                root_type: word.to_owned(),
                root_serial_number: certificate.serial_hex().to_owned(),
                signature_algorithm: curve.map(str::to_owned),
                fingerprint_sha256: hex::encode(certificate.sha256()),
            },
        }
    }
}

impl EventRoot {
    /// The id of an event of this root: the same whoever makes it, another for each kind and moment.
    #[must_use]
    pub fn event_id(&self, kind: RootEvent, at: Timestamp) -> String {
        let root = self.payload.root_certificate_id.as_bytes();
        let digest = Digest::of_parts(&[root, kind.as_str().as_bytes(), at.to_string().as_bytes()]);
        let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *digest.as_bytes();
        uuid(head, 8)
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn event_body(&self, kind: RootEvent, at: Timestamp) -> Vec<u8> {
        let body = Body {
            timestamp: at.to_string(),
            event_id: &self.event_id(kind, at),
            event_type: kind.as_str(),
            xsd_msg_def_namespace: self.namespace.as_deref(),
            payload: &self.payload,
        };
        // Its members are all text.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}
