//! Anchors and cross-certificates of a trust list, and how far its signatures were verified.

use std::path::Path;

use ctl_core::jws::Jws;
use ctl_core::list::offline::{Document, MAX_FILE, verify_offline};
use ctl_core::list::{ListJudge, ListPayload};
use ctl_core::names::is_web_address;
use ctl_core::parts::Standard;
use ctl_core::tuf::Limits;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_pki::path::{self, RuleSet};
use ctl_replica::Transport;
use serde::Serialize;

use crate::{AdminError, files};

/// A list that anchors were taken from.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    /// The file or address.
    pub source: String,
    /// Whether enough signatures of it were verified, from the root.json that was given.
    pub verified: bool,
    /// What that means, in words.
    pub words: String,
    /// The scheme.
    pub scheme: Digest,
    /// `test` or `production`.
    pub environment: String,
    /// Which list.
    pub list: String,
    /// Its number.
    pub sequence: u64,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// Anchors that may be used.
    pub anchors: usize,
    /// Cross-certificates that may be used.
    pub cross_certificates: usize,
    /// Anchors that may not, and why.
    pub rejected: Vec<String>,
}

/// A list, with its certificates parsed.
pub(crate) struct List {
    pub(crate) report: ListReport,
    pub(crate) payload: ListPayload,
    name: String,
    pub(super) anchors: Vec<Certificate>,
    pub(super) cross_certificates: Vec<Certificate>,
}

impl List {
    /// Reads a list from a file, or from the address of one (`https://…/v1/lists/na`).
    pub(crate) async fn fetch(place: &str, root: Option<&Path>, now: Timestamp) -> Result<Self, AdminError> {
        let is_address = is_web_address(place) || place.starts_with("file://");
        let bytes = if is_address {
            let (base, file) = match place.rsplit_once('/') {
                Some((base, file)) if file.ends_with(".jws") || file.ends_with(".json") => (base, file),
                _ => (place, "ctl.jws"),
            };
            Transport::new(base)?.fetch(file, MAX_FILE).await?
        } else {
            files::read(Path::new(place), MAX_FILE)?
        };
        Self::read(place, &bytes, root, now)
    }

    fn read(place: &str, bytes: &[u8], root: Option<&Path>, now: Timestamp) -> Result<Self, AdminError> {
        let wrong = |error: &dyn std::fmt::Display| AdminError::input(place, error);
        let is_bare = ListPayload::read(bytes);
        let (payload, verified, words) = match (root, is_bare) {
            (None, Ok(payload)) => {
                (payload, false, "NOT VERIFIED: a bare payload, which carries no signatures".to_owned())
            }
            (Some(_), Ok(_)) => {
                return Err(AdminError::input(
                    place,
                    "a bare payload carries no signatures that --root could verify; give the signed file \
                     (ctl.jws), or leave --root out to take the list unverified",
                ));
            }
            (None, Err(_)) => {
                let payload = Jws::parse(bytes, MAX_FILE).map_err(|error| wrong(&error))?.payload;
                let payload = ListPayload::read(&payload).map_err(|error| wrong(&error))?;
                let words =
                    "NOT VERIFIED: its signatures were not checked; give --root, a root.json of the scheme";
                (payload, false, words.to_owned())
            }
            (Some(root), Err(_)) => {
                let root = files::read(root, Limits::default().root)?;
                let verified = verify_offline(&root, bytes, None, Some(now))
                    .map_err(|error| AdminError::Untrue(format!("{place} does not verify: {error}")))?;
                let words = format!(
                    "signatures of {} key(s) verified, up to root version {}{}",
                    verified.signers.len(),
                    verified.root_version,
                    match verified.expired.as_deref() {
                        None | Some([]) => String::new(),
                        Some(expired) => format!("; EXPIRED: {}", expired.join(", ")),
                    }
                );
                let Document::List(payload) = verified.document else {
                    return Err(AdminError::input(place, "a signed document, and not a trust list"));
                };
                (*payload, true, words)
            }
        };
        Self::open(place, payload, verified, words)
    }

    fn open(place: &str, payload: ListPayload, verified: bool, words: String) -> Result<Self, AdminError> {
        let parse = |der: &[u8]| Certificate::from_der(der).map_err(|error| AdminError::input(place, error));
        let usable = payload.usable_anchors();
        let anchors: Vec<_> =
            usable.anchors.iter().map(|anchor| parse(&anchor.certificate.0)).collect::<Result<_, _>>()?;
        let cross_certificates: Vec<_> = usable
            .cross_certificates
            .iter()
            .map(|cross| parse(&cross.certificate.0))
            .collect::<Result<_, _>>()?;
        let report = ListReport {
            source: place.to_owned(),
            verified,
            words,
            scheme: payload.scheme,
            environment: payload.environment.to_string(),
            list: payload.list.to_string(),
            sequence: payload.sequence,
            next_update: payload.next_update,
            anchors: anchors.len(),
            cross_certificates: cross_certificates.len(),
            rejected: usable
                .rejected
                .iter()
                .map(|rejected| format!("{}: {}", rejected.anchor.name, rejected.reason))
                .collect(),
        };
        let name = format!("list {} {}", payload.list, payload.sequence);
        Ok(Self { report, name, anchors, cross_certificates, payload })
    }
}

impl List {
    /// What the list says of a path, for the rules and the purpose that it is wanted for.
    pub(super) fn judge(
        &self,
        rules: RuleSet,
        purpose: Option<path::Purpose>,
        time: Timestamp,
    ) -> ListJudge<'_> {
        let standard = Standard::ALL.into_iter().find(|standard| standard.rule_set() == rules);
        let (anchors, distrusted) = (&self.payload.anchors, &self.payload.distrusted);
        ListJudge { name: &self.name, anchors, distrusted, standard, purpose, time }
    }
}
