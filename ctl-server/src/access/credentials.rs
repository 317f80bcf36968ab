//! What a request shows of its sender.

use ctl_core::Digest;
use ctl_serve::Call;
use warp::http::{HeaderName, header};

/// The header of API keys.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// One credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(&'a str),
    /// `X-API-Key: …`.
    ApiKey(&'a str),
    /// The SHA-256 of the certificate of the TLS connection.
    Certificate(Digest),
}

/// All that a request shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials<'a> {
    pub shown: Vec<Shown<'a>>,
    /// Whether nobody on the way could read it.
    pub is_private: bool,
}

impl<'a> Credentials<'a> {
    /// Of a request. An empty header shows nothing; another scheme than Bearer is a credential that is not good.
    #[must_use]
    pub fn of(call: &'a Call) -> Self {
        let bearer = call.header(&header::AUTHORIZATION).map(str::trim).filter(|text| !text.is_empty());
        let bearer = bearer.map(|text| match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => text,
        });
        let key = call.header(&API_KEY).map(str::trim);
        let shown = [
            bearer.filter(|token| !token.is_empty()).map(Shown::Bearer),
            key.filter(|key| !key.is_empty()).map(Shown::ApiKey),
            call.certificate().map(|certificate| Shown::Certificate(certificate.sha256)),
        ];
        Self { shown: shown.into_iter().flatten().collect(), is_private: call.is_private() }
    }
}
