//! Bytes become [`Contents`]: what they are is told by what they begin with, never by a name. Whoever has a file or an
//! answer of unknown kind asks here. What comes out is somebody's word and proves nothing, but for a signature that was
//! verified.

mod changes;
mod contents;
mod error;
mod forms;
mod json;
mod signed;

use ctl_core::Timestamp;
use ctl_core::list::offline::MAX_FILE;
use serde::Deserialize;

use crate::PoolPaging;
use crate::cms::SignedData;
pub use changes::{Changes, Entry, Set, changes};
pub use contents::{Contents, Format, Item, Purpose, Said, Signature, SignedBy};
pub use error::ReadError;
use forms::{Found, base64, der, pem};
pub use signed::Demand;

/// The most bytes that are looked at.
pub const MAX_SIZE: usize = MAX_FILE;
/// How much of what is unknown is shown.
const SHOWN: usize = 24;

ctl_pki::words! {
    /// What is expected. Whatever is read must be it: what was an SAE list yesterday is no folder of certificates today.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Form by as_str {
        /// Anything that is known here.
        #[default]
        Auto => "auto",
        /// SAE's list, bare or in CMS.
        Sae => "sae",
        /// PKCS#7, as EST has it.
        Pkcs7 => "pkcs7",
        /// Certificates in PEM or DER, one or many.
        Certificates => "certificates",
        /// A list of trust anchors (RFC 5914).
        TrustAnchors => "trust-anchors",
        /// A root pool in OPCP or OPNC.
        Pool => "pool",
        /// A list of a service like this one.
        Ctl => "ctl",
        /// Files in a folder.
        Folder => "folder",
    }
}

impl Form {
    /// Whether this was expected.
    ///
    /// # Errors
    /// [`ReadError::WrongForm`]
    pub fn check(self, found: Format) -> Result<(), ReadError> {
        let is = match self {
            Self::Auto => true,
            Self::Sae => matches!(found, Format::SaeV0 | Format::SaeV1),
            Self::Pkcs7 => found == Format::Pkcs7,
            Self::Certificates => matches!(found, Format::Pem | Format::Der),
            Self::TrustAnchors => found == Format::TrustAnchors,
            Self::Pool => matches!(found, Format::Opcp | Format::Opnc),
            Self::Ctl => found == Format::Ctl,
            Self::Folder => found == Format::Folder,
        };
        if is { Ok(()) } else { Err(ReadError::WrongForm { wanted: self, found }) }
    }
}

/// Reads the bytes of a file or an answer, at most [`MAX_SIZE`] of them. `now` is for what is told of validity.
///
/// # Errors
/// [`ReadError`]: what they are instead, or why their signature does not hold. Single certificates that cannot be read are
/// [`Item`]s with the reason where the format lets one go on behind them.
pub fn read(bytes: &[u8], form: Form, demand: Demand<'_>, now: Timestamp) -> Result<Contents, ReadError> {
    page(bytes, form, demand, now).map(|(contents, _)| contents)
}

/// The same with what a pool's page says of those after it.
///
/// # Errors
/// As [`read`].
pub fn page(
    bytes: &[u8],
    form: Form,
    demand: Demand<'_>,
    now: Timestamp,
) -> Result<(Contents, Option<PoolPaging>), ReadError> {
    if bytes.len() > MAX_SIZE {
        return Err(ReadError::TooLarge { size: bytes.len(), limit: MAX_SIZE });
    }
    let (contents, paging) = any(bytes, demand, now)?;
    form.check(contents.format)?;
    Ok((contents, paging))
}

fn any(
    bytes: &[u8],
    demand: Demand<'_>,
    now: Timestamp,
) -> Result<(Contents, Option<PoolPaging>), ReadError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    match text {
        [b'{' | b'[', ..] => return json::any(text, demand, now),
        _ if bytes.first() == Some(&0x30) => {}
        [] => return Err(ReadError::Empty),
        [b'<', ..] => return Err(ReadError::Page),
        [0x1f, 0x8b, ..] => return Err(ReadError::Compressed("gzip")),
        [b'P', b'K', 3, 4, ..] => return Err(ReadError::Compressed("ZIP")),
        _ => {}
    }
    let message = if bytes.first() == Some(&0x30) {
        der(bytes, now)?
    } else if find(text, b"-----BEGIN ") {
        pem(bytes)?
    } else if let Some(decoded) = base64(text) {
        der(&decoded, now)?
    } else {
        return Err(ReadError::Unknown(beginning(text)));
    };
    let contents = match message {
        Found::Plain(contents) => match demand {
            Demand::Cms { .. } | Demand::Root(_) => return Err(ReadError::Unsigned),
            Demand::Nobody | Demand::Unverified => contents,
        },
        Found::Signed(message) => within(&message, demand, now)?,
    };
    Ok((contents, None))
}

/// What a CMS holds: anything but another CMS.
fn within(message: &SignedData, demand: Demand<'_>, now: Timestamp) -> Result<Contents, ReadError> {
    let opened = signed::open(message, demand, now)?;
    let inside = match opened.content.first() {
        Some(&0x30) => der(&opened.content, now)?,
        _ => pem(&opened.content)?,
    };
    let Found::Plain(mut contents) = inside else {
        return Err(ReadError::Unknown("a CMS inside a CMS".to_owned()));
    };
    match opened.signature {
        Signature::Unverified => contents = contents.unverified(),
        signature => contents.signature = signature,
    }
    Ok(contents)
}

fn find(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// The beginning of what is unknown, safe to print.
fn beginning(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    format!("{:?}", String::from_utf8_lossy(shown))
}
