//! Root pools in JSON, read and written: `GET …/rootCerts` as OPCP 1.0 has it (`rcp.v1.json` of hubject/opcp),
//! `GET …/rootcertificates` as OPNC has it (`rcp.api.consolidated.v1.json` of charinev/opnc).
//!
//! An item that cannot be decoded is named and hides no other.

mod document;
mod event;
mod roots;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::parts::Standard;
use ctl_pki::{Certificate, CertificateError};
use serde_json::Value;

pub use document::{PoolPages, uuid};
pub use event::{EventPayload, EventRoot, RootEvent};
pub use roots::{Pool, PoolEntry, PoolSource};

/// The most items of a page that are read; a pool has no more roots.
pub const MAX_POOL_ITEMS: usize = 10_000;

/// Why bytes are no page of a pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// No JSON.
    #[error("the pool is no JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON of something else.
    #[error(
        "the JSON holds neither RootCertificateCollection.rootCertificates (OPCP) nor rootCertificateCollection (OPNC)"
    )]
    NoPool,
    /// JSON of something else than one root.
    #[error("the JSON holds neither RootResponse (OPCP) nor roootCertificate (OPNC)")]
    NoRoot,
}

/// Why an item gives no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolItemError {
    /// It has no text `caCertificate`.
    #[error("it has no caCertificate")]
    NoCertificate,
    /// What is there, whitespace left out, is not base64.
    #[error("caCertificate is not base64")]
    NotBase64(String),
    /// It is base64 of something else.
    #[error("caCertificate: {0}")]
    Certificate(#[from] CertificateError),
}

/// Which of the two protocols a pool speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolForm {
    /// OPCP 1.0: one type to an item.
    Opcp,
    /// OPNC 1.0: a list of types to an item.
    Opnc,
}

/// What a pool says a root is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootType {
    /// Chains of chargers.
    V2g,
    /// Contract chains.
    Mo,
    /// Provisioning chains.
    Oem,
    /// A private environment.
    Pe,
}

impl RootType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::V2g, Self::Mo, Self::Oem, Self::Pe];

    /// Its word in the answers of a protocol; in questions the same word stands in small letters.
    #[must_use]
    pub const fn as_str(self, form: PoolForm) -> &'static str {
        match (self, form) {
            (Self::V2g, _) => "V2G",
            (Self::Mo, PoolForm::Opcp) => "MO",
            (Self::Mo, PoolForm::Opnc) => "eMSP",
            (Self::Oem, _) => "OEM",
            (Self::Pe, _) => "PE",
        }
    }

    /// By its word in either protocol, whatever its case.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let is_named = |kind: &Self| {
            [PoolForm::Opcp, PoolForm::Opnc].iter().any(|form| kind.as_str(*form).eq_ignore_ascii_case(word))
        };
        Self::ALL.into_iter().find(is_named)
    }
}

/// Which trust list a root stands on, in the words of OPNC's `rootCtlList`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolCtl {
    European,
    American,
    None,
}

impl PoolCtl {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::European, Self::American, Self::None];

    /// The word of OPNC.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::European => "European CTL",
            Self::American => "American CTL",
            Self::None => "No CTL",
        }
    }

    /// By its word, whatever its case.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ctl| ctl.as_str().eq_ignore_ascii_case(word))
    }
}

/// One root of a pool. All but the certificate is what the pool says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolItem {
    pub certificate: Certificate,
    /// The pool's own id of it.
    pub id: Option<String>,
    /// What it is for, of what is known here.
    pub types: BTreeSet<RootType>,
    /// Which trust lists it stands on, of those known here.
    pub ctls: BTreeSet<PoolCtl>,
    /// The standard whose messages it is for.
    pub standard: Option<Standard>,
}

impl PoolItem {
    /// Reads the answer for one root, in either form. Whoever fetched it has bounded its size.
    ///
    /// # Errors
    /// [`PoolError`]: it is none. [`PoolItemError`], inside: its certificate cannot be decoded.
    pub fn read(body: &[u8]) -> Result<Result<Self, PoolItemError>, PoolError> {
        let answer: Value = serde_json::from_slice(body)?;
        // OPNC's file has three o; who corrects it is understood.
        let item =
            ["RootResponse", "roootCertificate", "rootCertificate"].iter().find_map(|key| answer.get(key));
        Ok(Self::of(item.filter(|item| item.is_object()).ok_or(PoolError::NoRoot)?))
    }

    fn of(item: &Value) -> Result<Self, PoolItemError> {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let list = |name: &str| item.get(name).and_then(Value::as_array).into_iter().flatten();
        let types = text("rootType").into_iter().chain(list("rootTypeList").filter_map(Value::as_str));
        let standard = match text("xsdMsgDefNamespace") {
            Some("urn:iso:15118:2:2013:MsgDef") => Some(Standard::Iso15118_2),
            // The pools' own files disagree on the year.
            Some("urn:iso:15118:20:2022:MsgDef" | "urn:iso:15118:20:2020:MsgDef") => {
                Some(Standard::Iso15118_20)
            }
            _ => None,
        };
        Ok(Self {
            certificate: certificate(item)?,
            id: text("rootCertificateId").map(str::to_owned),
            types: types.filter_map(RootType::of_word).collect(),
            ctls: list("rootCtlList").filter_map(Value::as_str).filter_map(PoolCtl::of_word).collect(),
            standard,
        })
    }
}

/// One page of a pool.
#[derive(Debug)]
pub struct PoolPage {
    /// Its items in their order, at most [`MAX_POOL_ITEMS`].
    pub items: Vec<Result<PoolItem, PoolItemError>>,
    /// What the page says of those after it; none for the last, and for a pool in one page.
    pub paging: Option<PoolPaging>,
}

/// Where a page stands among others (OPNC: `page` from 1 and `pageSize` in the question, `totalPages` or `totalItems` in
/// the answer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolPaging {
    /// Which page this is, counted from 1.
    pub page: u64,
    /// How many items a page has.
    pub page_size: Option<u64>,
    /// How many pages there are.
    pub total_pages: u64,
}

impl PoolPage {
    /// Reads a page in either form. Whoever fetched it has bounded its size.
    ///
    /// # Errors
    /// [`PoolError`]: it is none.
    pub fn read(body: &[u8]) -> Result<Self, PoolError> {
        let pool: Value = serde_json::from_slice(body)?;
        let opcp = pool.pointer("/RootCertificateCollection/rootCertificates");
        let items = opcp.or_else(|| pool.pointer("/rootCertificateCollection"));
        let items = items.and_then(Value::as_array).ok_or(PoolError::NoPool)?;
        Ok(Self {
            items: items.iter().take(MAX_POOL_ITEMS).map(PoolItem::of).collect(),
            paging: PoolPaging::of(&pool),
        })
    }
}

impl PoolPaging {
    fn of(pool: &Value) -> Option<Self> {
        let places =
            ["", "/pagination", "/RootCertificateCollection", "/RootCertificateCollection/pagination"];
        let place = places.iter().find_map(|place| {
            let found = pool.pointer(place)?;
            (found.get("totalPages").is_some() || found.get("totalItems").is_some()).then_some(found)
        })?;
        let number = |name: &str| place.get(name).and_then(Value::as_u64);
        let page_size = number("pageSize").filter(|size| *size > 0);
        let by_items = || Some(number("totalItems")?.div_ceil(page_size?));
        let total_pages = number("totalPages").or_else(by_items)?;
        let page = number("page").unwrap_or(1);
        (total_pages > page).then_some(Self { page, page_size, total_pages })
    }
}

fn certificate(item: &Value) -> Result<Certificate, PoolItemError> {
    let text = item.get("caCertificate").and_then(Value::as_str).ok_or(PoolItemError::NoCertificate)?;
    let text: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    match STANDARD.decode(&text) {
        Ok(der) => Ok(Certificate::from_der(&der)?),
        Err(_) => Err(PoolItemError::NotBase64(text)),
    }
}
