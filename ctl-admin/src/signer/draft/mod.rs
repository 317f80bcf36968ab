//! The signer's tool: what is to be signed follows from the log that this person has verified and
//! replayed, never from what the server says. What differs is refused, with the difference in words.

mod ceremony;
mod changes;
mod sae_cms;

use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use ctl_core::list::MAX_PAYLOAD;
use ctl_core::paths::DRAFT;
use ctl_core::role::Role;
use ctl_core::{Digest, KeyId, Timestamp};
use ctl_governance::draft::{SaeCms, content};
use ctl_governance::state::Draft;
use ctl_governance::{State, signing_thresholds};
use ctl_replica::transport::MAX_ANSWER;
use ctl_replica::{Log, Replica};
use serde::{Deserialize, Serialize};

pub use ceremony::Signed;

use crate::AdminError;
use crate::arguments::duration;
use crate::difference::{self, Change};
use crate::output::{Render, section};

/// How often to look whether a draft has been opened.
const POLL: Duration = Duration::from_secs(1);

/// How far the times of a draft may be from this person's clock.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// How far ahead of your clock it may be
    // As far may its time of issue be from when it was recorded.
    #[arg(long = "max-skew", value_name = "MAX_SKEW", default_value = "10min", value_parser = duration)]
    pub skew: u64,
    /// How old it may be
    // What waits longer is drafted anew.
    #[arg(long = "max-age", value_name = "MAX_AGE", default_value = "24h", value_parser = duration)]
    pub age: u64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { skew: 600, age: 86_400 }
    }
}

/// A draft as it follows from the log, ready to be signed.
#[derive(Clone, Debug, Serialize)]
pub struct Prepared {
    /// Whose.
    pub role: Role,
    /// Index of the draft's entry.
    pub draft: u64,
    /// The TUF version.
    pub version: u64,
    /// The document's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Time of issue.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// Number of entries in the log that was verified.
    pub log_size: u64,
    /// SHA-256 of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_sha256: Option<Digest>,
    /// SHA-256 of the signed part of the metadata.
    pub metadata_sha256: Digest,
    /// What changes from the version published last, in words.
    pub difference: Vec<String>,
    /// Every difference between the two documents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub document: Vec<Change>,
    /// Every difference between the two versions of the metadata.
    pub metadata: Vec<Change>,
    /// The SAE list in CMS, which is signed too, in words; or why this version has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sae_cms: Vec<String>,
    /// Who may sign.
    pub signers: Vec<Signer>,
    /// How many must.
    pub needed: u32,
    /// Whose signatures the server says it has.
    pub signed_by: Vec<KeyId>,
    #[serde(skip)]
    documents: ctl_governance::draft::Documents,
}

/// Someone who may sign a draft.
#[derive(Clone, Debug, Serialize)]
pub struct Signer {
    /// Its key.
    pub key_id: KeyId,
    /// Its organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
}

impl Render for Prepared {
    fn text(&self) -> String {
        let number = self.sequence.map(|sequence| format!(", sequence {sequence}")).unwrap_or_default();
        let mut text = format!(
            "draft {} of {}: version {}{number}\nissued at {}, expires {}\nrebuilt from the log of {} entries\n",
            self.draft, self.role, self.version, self.issued_at, self.expires, self.log_size
        );
        text += &section("what changes:", &self.difference);
        text += &section("in full, the document:", &difference::text(&self.document));
        text += &section("in full, the metadata:", &difference::text(&self.metadata));
        text += &section("as an SAE list in CMS:", &self.sae_cms);
        if let Some(digest) = self.document_sha256 {
            text += &format!("document SHA-256 {digest}\n");
        }
        text += &format!("metadata SHA-256 {}\n", self.metadata_sha256);
        let signers = self.signers.iter().map(|signer| {
            let mark = if self.signed_by.contains(&signer.key_id) { "signed" } else { "not yet" };
            let organisation = signer.organisation.as_deref().unwrap_or("-");
            format!("{} {organisation}: {mark}", signer.key_id)
        });
        let heading = format!("{} of these must sign (by the server's word, some have):", self.needed);
        text + &section(&heading, &signers.collect::<Vec<_>>())
    }
}

/// What the server shows of a draft (`GET /v1/drafts/{role}`).
#[derive(Deserialize)]
struct Shown {
    role: Role,
    draft: u64,
    version: u64,
    #[serde(default)]
    sequence: Option<u64>,
    issued_at: Timestamp,
    expires: Timestamp,
    #[serde(default)]
    signatures: Option<Vec<KeyId>>,
    #[serde(default)]
    document: Option<String>,
    metadata: String,
    #[serde(default)]
    sae_cms_attributes: Option<String>,
}

/// Rebuilds the open draft of a role and compares it with what the server shows.
///
/// # Errors
/// There is no open draft; its times are wrong; or the server shows something else: then nothing must
/// be signed.
pub async fn prepare(
    session: &mut Replica,
    role: &Role,
    tolerance: Tolerance,
) -> Result<Prepared, AdminError> {
    let now = session.now();
    session.sync().await?;
    let session = &*session;
    let replayed = session.log()?;
    let state = &replayed.state();
    let Some(draft) = open_draft(state, role) else {
        return Err(AdminError::NotNow(changes::why_no_draft(state, role, now)));
    };
    check_times(replayed, draft, now, tolerance)?;
    check_current(state, draft, now)?;
    let shown = shown(session, role).await?;
    compare(draft, &shown)?;
    let documents = draft.documents.clone();
    let (needed, signers) = signers(state, role)?;
    Ok(Prepared {
        role: role.clone(),
        draft: draft.index,
        version: draft.open.version,
        sequence: draft.open.sequence,
        issued_at: draft.open.issued_at,
        expires: draft.open.expires,
        log_size: state.size(),
        document_sha256: documents.document.as_deref().map(Digest::of),
        metadata_sha256: Digest::of(&documents.metadata),
        difference: changes::words(state, draft),
        document: changes::of_document(state, draft),
        metadata: changes::of_metadata(state, draft),
        sae_cms: sae_cms::words(&documents),
        signers,
        needed,
        signed_by: shown.signatures.unwrap_or_default(),
        documents,
    })
}

/// As [`prepare`], once the server has opened a draft: it does so moments after something was decided or published.
///
/// # Errors
/// As [`prepare`]; there is still no draft when the time is over.
pub async fn prepare_within(
    session: &mut Replica,
    role: &Role,
    tolerance: Tolerance,
    wait: Duration,
) -> Result<Prepared, AdminError> {
    let deadline = Instant::now() + wait;
    loop {
        match prepare(session, role, tolerance).await {
            Err(AdminError::NotNow(_)) if Instant::now() < deadline => tokio::time::sleep(POLL).await,
            done => return done,
        }
    }
}

/// The draft of a role that is not published yet.
fn open_draft<'a>(state: &'a State, role: &Role) -> Option<&'a Draft> {
    let draft = state.drafts.get(role)?;
    let published = state.published.get(role).is_some_and(|published| published.draft == draft.index);
    (!published).then_some(&**draft)
}

/// What was decided since the draft must stand in it: a server that opens no newer one would otherwise
/// have people sign what they have just decided against.
fn check_current(state: &State, draft: &Draft, now: Timestamp) -> Result<(), AdminError> {
    let role = &draft.open.role;
    if *role == Role::Registry || content(&state.at(now), role) == draft.documents.content {
        return Ok(());
    }
    Err(AdminError::Untrue(format!(
        "draft {} of {role} does not say any more what follows from the log: something was decided, or has \
         come into effect, since. Nothing was signed; wait for the server's next draft, and ask its operator \
         if none comes",
        draft.index
    )))
}

/// Neither the draft nor the log may be of another time than this person's.
fn check_times(
    replayed: &Log,
    draft: &Draft,
    now: Timestamp,
    tolerance: Tolerance,
) -> Result<(), AdminError> {
    let issued_at = draft.open.issued_at;
    let refused = |problem: String| {
        Err(AdminError::Untrue(format!("draft {}: {problem}. Nothing was signed", draft.index)))
    };
    let minutes = tolerance.skew / 60;
    let first_root = draft.open.role == Role::Root && draft.open.version == 1;
    let recorded_at = replayed.entry(draft.index)?.recorded_at;
    let apart = recorded_at.seconds_since(issued_at).max(issued_at.seconds_since(recorded_at));
    if apart > tolerance.skew && !first_root {
        return refused(format!(
            "its time of issue, {issued_at}, is more than {minutes} minutes from when it was recorded, \
             {recorded_at}: it is back- or forward-dated"
        ));
    }
    for (what, time) in [("its time of issue", issued_at), ("the log's last entry", replayed.state().clock)] {
        if time > now.plus_seconds(tolerance.skew) {
            return refused(format!(
                "{what}, {time}, is more than {minutes} minutes ahead of your clock, {now}: check your clock, \
                 then ask the server's operator about theirs"
            ));
        }
    }
    let age = now.seconds_since(issued_at);
    if age > tolerance.age {
        return refused(format!(
            "its time of issue, {issued_at}, is {} hours before your clock, {now}: either it has waited so long, \
             or it is backdated. Ask for a new draft, or allow its age with --max-age",
            age / 3600
        ));
    }
    Ok(())
}

async fn shown(session: &Replica, role: &Role) -> Result<Shown, AdminError> {
    let transport = session.transport();
    let path = DRAFT.of(&[role]);
    let Some(bytes) = transport.get(&path, MAX_ANSWER).await? else {
        return Err(AdminError::Untrue(format!(
            "the log has an open draft of {role}, but the server shows none at {}. Nothing was signed",
            transport.address(&path)
        )));
    };
    serde_json::from_slice(&bytes)
        .map_err(|e| AdminError::Network { address: transport.address(&path), problem: e.to_string() })
}

/// What the server shows must be what follows from the log, byte by byte.
fn compare(draft: &Draft, shown: &Shown) -> Result<(), AdminError> {
    let open = &draft.open;
    let mut lines = Vec::new();
    let mut member = |name: &str, ours: String, theirs: String| {
        if ours != theirs {
            lines.push(format!("{name}: {ours} by the log, {theirs} shown"));
        }
    };
    let number = |sequence: Option<u64>| sequence.map_or("none".into(), |n| n.to_string());
    member("role", open.role.to_string(), shown.role.to_string());
    member("draft", draft.index.to_string(), shown.draft.to_string());
    member("version", open.version.to_string(), shown.version.to_string());
    member("sequence", number(open.sequence), number(shown.sequence));
    member("issued_at", open.issued_at.to_string(), shown.issued_at.to_string());
    member("expires", open.expires.to_string(), shown.expires.to_string());
    let decode = |what: &str, text: &str| {
        BASE64_STANDARD
            .decode(text)
            .map_err(|_| AdminError::Untrue(format!("the {what} that the server shows is not base64")))
    };
    match (&draft.documents.document, &shown.document) {
        (Some(ours), Some(theirs)) => {
            lines.extend(difference::from_the_log(ours, &decode("document", theirs)?, MAX_PAYLOAD));
        }
        (None, None) => {}
        (Some(_), None) => lines.push("the server shows no document".into()),
        (None, Some(_)) => lines.push("the server shows a document where there is none to sign".into()),
    }
    let metadata = decode("metadata", &shown.metadata)?;
    let metadata = difference::from_the_log(&draft.documents.metadata, &metadata, MAX_PAYLOAD);
    lines.extend(metadata.into_iter().map(|line| format!("metadata: {line}")));
    let ours = match &draft.documents.sae_cms {
        SaeCms::Drafted { attributes, .. } => Some(BASE64_STANDARD.encode(&attributes.0)),
        SaeCms::Unwanted | SaeCms::Impossible { .. } => None,
    };
    if ours != shown.sae_cms_attributes {
        lines.push("the attributes of the SAE list in CMS are others".into());
    }
    if lines.is_empty() {
        return Ok(());
    }
    Err(AdminError::Untrue(format!(
        "the draft of {} that the server shows is not what follows from the log. Nothing was signed; show this \
         to the board:\n  {}",
        open.role,
        lines.join("\n  ")
    )))
}

/// Who may sign the draft: as the devices know it; for a new root, the new board as well.
fn signers(state: &State, role: &Role) -> Result<(u32, Vec<Signer>), AdminError> {
    let thresholds =
        signing_thresholds(state, role).map_err(|refusal| AdminError::NotNow(refusal.to_string()))?;
    let needed = thresholds.iter().map(|threshold| threshold.needed).max().unwrap_or_default();
    let mut signers: Vec<Signer> = Vec::new();
    for (key_id, authority) in thresholds.iter().flat_map(|threshold| &threshold.keys) {
        if signers.iter().all(|signer| signer.key_id != *key_id) {
            signers.push(Signer { key_id: *key_id, organisation: authority.organisation.clone() });
        }
    }
    Ok((needed, signers))
}
