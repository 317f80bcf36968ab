//! What is read of JSON: root pools, and lists of services like this one.

use ctl_core::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::contents::{Contents, Format, Item, Purpose, Said};
use super::error::ReadError;
use super::signed::{self, Demand};
use crate::{MAX_POOL_ITEMS, PoolItem, PoolItemError, PoolPage, PoolPaging};

/// The largest page of a pool that is looked at, in bytes.
const MAX_PAGE: usize = 8 * 1024 * 1024;

/// The members by which JSON is told apart, counted and not kept.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "RootCertificateCollection")]
    opcp: Option<OpcpShape>,
    #[serde(rename = "rootCertificateCollection")]
    opnc: Option<Vec<IgnoredAny>>,
    #[serde(rename = "RootResponse")]
    opcp_one: Option<IgnoredAny>,
    #[serde(rename = "roootCertificate", alias = "rootCertificate")]
    opnc_one: Option<IgnoredAny>,
    signatures: Option<IgnoredAny>,
    anchors: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct OpcpShape {
    #[serde(rename = "rootCertificates")]
    items: Vec<IgnoredAny>,
}

/// Reads JSON of any of the forms.
pub(super) fn any(
    bytes: &[u8],
    demand: Demand<'_>,
    now: Timestamp,
) -> Result<(Contents, Option<PoolPaging>), ReadError> {
    let shape: Shape = match serde_json::from_slice(bytes) {
        Ok(shape) => shape,
        Err(error) if error.is_data() => return Err(ReadError::UnknownJson),
        Err(error) => return Err(crate::PoolError::NotJson(error).into()),
    };
    if shape.signatures.is_some() || shape.anchors.is_some() {
        return Ok((signed::ctl(bytes, demand, now)?, None));
    }
    let (format, count) = match (&shape.opcp, &shape.opnc) {
        (Some(opcp), _) => (Format::Opcp, opcp.items.len()),
        (None, Some(items)) => (Format::Opnc, items.len()),
        (None, None) if shape.opcp_one.is_some() => (Format::Opcp, 1),
        (None, None) if shape.opnc_one.is_some() => (Format::Opnc, 1),
        (None, None) => return Err(ReadError::UnknownJson),
    };
    if matches!(demand, Demand::Cms { .. } | Demand::Root(_)) {
        return Err(ReadError::Unsigned);
    }
    if bytes.len() > MAX_PAGE {
        return Err(ReadError::TooLarge { size: bytes.len(), limit: MAX_PAGE });
    }
    if count > MAX_POOL_ITEMS {
        return Err(ReadError::TooMany { limit: MAX_POOL_ITEMS, what: "items" });
    }
    let page = match shape.opcp.is_none() && shape.opnc.is_none() {
        true => PoolPage { items: vec![PoolItem::read(bytes)?], paging: None },
        false => PoolPage::read(bytes)?,
    };
    let items = (1..).zip(page.items).map(|(number, found)| item(number, found)).collect();
    Ok((Contents::new(format, items), page.paging))
}

fn item(number: usize, found: Result<PoolItem, PoolItemError>) -> Item {
    let place = format!("item {number}");
    match found {
        Ok(item) => {
            let purposes = item.types.iter().map(|kind| match kind {
                crate::RootType::V2g => Purpose::V2g,
                crate::RootType::Mo => Purpose::Mo,
                crate::RootType::Oem => Purpose::Oem,
                crate::RootType::Pe => Purpose::PrivateEnvironment,
            });
            let said = Said {
                purposes: purposes.collect(),
                standards: item.standard.into_iter().collect(),
                lists: item.ctls.iter().map(|ctl| ctl.as_str().to_owned()).collect(),
                ..Said::default()
            };
            Item::of(place, item.certificate, said)
        }
        Err(error) => Item::unreadable(place, &error),
    }
}
