//! A request as its handler sees it.

use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use warp::http::{HeaderMap, HeaderName};

use crate::problem::Problem;
use crate::reader;
use crate::tls::ClientCertificate;

/// The parts of a request that its handler reads. Path and method are those of the handler's route.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub(crate) parts: Vec<(&'static str, String)>,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
    pub(crate) is_private: bool,
}

impl Call {
    /// The part of the path that the route's pattern has in braces under this name.
    ///
    /// # Errors
    /// 404 if it is not of the form it must have.
    pub fn part<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let part = self.parts.iter().find(|(known, _)| *known == name);
        let read = part.and_then(|(_, text)| text.parse().ok());
        read.ok_or_else(|| {
            Problem::not_found(format!("{{{name}}} in the path is not of the form it must have"))
        })
    }

    /// Reads the query as a `T`.
    ///
    /// # Errors
    /// 400 if it cannot be read as `T`; a `T` with `deny_unknown_fields` refuses what the path does not have.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_urlencoded::from_str(&self.query).map_err(|error| {
            Problem::malformed(format!("the query is not of the form that this path has: {error}"))
        })
    }

    /// The value of a header, if it has one that is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a person asks, who gets a page where programs get JSON.
    #[must_use]
    pub fn wants_page(&self) -> bool {
        reader::wants_page(&self.headers)
    }

    /// All headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The certificate that the caller has shown over TLS. None of a trusted proxy, which is not the caller.
    #[must_use]
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_deref()
    }

    /// Whether nobody on the way could read the request: it came over TLS, from this machine, or through a trusted proxy.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.is_private
    }

    /// The body; empty for reads.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}
