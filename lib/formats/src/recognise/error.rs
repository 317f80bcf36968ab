//! Why bytes are refused: what they are instead, and what to do.

use ctl_core::list::DocumentError;
use ctl_core::list::offline::OfflineError;
use ctl_pki::CertificateError;

use super::{Form, Format};
use crate::cms::CmsError;
use crate::sae::SaeError;
use crate::trust_anchors::TrustAnchorsError;
use crate::{Pkcs7Error, PoolError};

/// Why bytes are not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{size} bytes are more than the limit of {limit}: this is no list of roots")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    #[error("it is empty")]
    Empty,
    /// What portals, proxies and error pages answer.
    #[error(
        "it is an HTML or XML page, not a list or pool: check the address, and whether one must log in there"
    )]
    Page,
    #[error("it is compressed ({0}); give what is in it")]
    Compressed(&'static str),
    #[error("a private key stands in it; keep that to yourself, and give certificates")]
    PrivateKey,
    #[error("it is none of the formats that are known here: it begins with {0}")]
    Unknown(String),
    #[error("JSON of something else than a root pool or a certificate trust list")]
    UnknownJson,
    #[error("more than {limit} {what} in one list or pool")]
    TooMany { limit: usize, what: &'static str },
    #[error("{0}")]
    Sae(#[from] SaeError),
    #[error("{0}")]
    Cms(#[from] CmsError),
    #[error("{0}")]
    Pkcs7(#[from] Pkcs7Error),
    #[error("{0}")]
    TrustAnchors(#[from] TrustAnchorsError),
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    #[error("{0}")]
    Pool(#[from] PoolError),
    #[error("{0}")]
    Ctl(#[from] DocumentError),
    /// Nobody was named who may have signed.
    #[error("it is signed by {by}, and nobody is named who may sign it: {help}")]
    NobodyTrusted {
        /// Whom its own certificates name: its own word.
        by: String,
        /// What to give.
        help: &'static str,
    },
    /// Too few of those who may sign did.
    #[error("its signature does not hold: {valid} of {needed} needed; {why}")]
    NotVerified {
        /// Keys whose signature is good.
        valid: usize,
        needed: usize,
        /// Why others do not count.
        why: String,
    },
    #[error("the signed list: {0}")]
    Offline(Box<OfflineError>),
    /// Those who must have signed are named, and it is not signed.
    #[error("it is not signed, and signers are named: give what they signed, or name none")]
    Unsigned,
    #[error("found: {found}; expected: {wanted}")]
    WrongForm { wanted: Form, found: Format },
}

impl From<OfflineError> for ReadError {
    fn from(error: OfflineError) -> Self {
        Self::Offline(Box::new(error))
    }
}
