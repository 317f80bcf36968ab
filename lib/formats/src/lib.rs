//! Other people's formats, read as they are met. Pure: no I/O, no clock.
//!
//! What is read here is somebody's word and proves nothing: whether a certificate is to be trusted is asked elsewhere.
#![forbid(unsafe_code)]

mod ber;
mod pkcs7;
mod pool;

pub use pkcs7::{Pkcs7Error, certificates_from_pkcs7};
pub use pool::{MAX_POOL_ITEMS, PoolError, PoolItemError, PoolPage, PoolPaging};
