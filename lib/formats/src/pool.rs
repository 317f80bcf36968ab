//! Pages of root pools in JSON: `GET …/rootCerts` as OPCP 1.0 has it, `GET …/rootcertificates` as OPNC has it.
//!
//! An item that cannot be decoded is named and hides no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_pki::{Certificate, CertificateError};
use serde_json::Value;

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

/// One page of a pool.
#[derive(Debug)]
pub struct PoolPage {
    /// Its items in their order, at most [`MAX_POOL_ITEMS`].
    pub items: Vec<Result<Certificate, PoolItemError>>,
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
            items: items.iter().take(MAX_POOL_ITEMS).map(certificate).collect(),
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
