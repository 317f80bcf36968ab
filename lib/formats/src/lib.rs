//! Other people's formats, read as they are met and written as their readers want them. Pure: no I/O, no clock.
//!
//! What is read here is somebody's word and proves nothing, but for what [`cms`] verified: whether a certificate is to be
//! trusted is asked elsewhere. What is written says what it cannot say: [`omission`].
#![forbid(unsafe_code)]

mod ber;
pub mod cms;
pub mod omission;
mod pkcs7;
mod pool;
pub mod recognise;
pub mod rendition;
pub mod sae;
pub mod trust_anchors;

pub use pkcs7::{Pkcs7Error, certificates_from_pkcs7, certificates_to_pkcs7, est_body};
pub use pool::{
    EventPayload, EventRoot, MAX_POOL_ITEMS, Pool, PoolCtl, PoolEntry, PoolError, PoolForm, PoolItem,
    PoolItemError, PoolPage, PoolPages, PoolPaging, PoolSource, RootEvent, RootType, uuid,
};
