//! Asks a back end's API: one request, one bounded answer, no redirects; with credentials that are read from files each
//! time and never shown.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use ctl_core::text::with_causes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::Value;

use super::config::{BackEndConfig, guarded};
use super::message::shown;
use crate::files;

const CONNECT: Duration = Duration::from_secs(20);
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const MAX_SECRET: usize = 64 * 1024;

/// A back end's API.
pub(super) struct Api {
    client: Client,
    base: Url,
    headers: HeaderMap,
    patience: Duration,
}

/// What a secret is shown as.
const HIDDEN: &str = "(hidden)";

/// Why there is no answer. `sent`: the back end may have passed the request on all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It concerns one station.
    Station {
        /// See above.
        sent: bool,
        /// For people.
        reason: String,
    },
    /// The station does not know what it was asked.
    Refused(String),
    /// The back end itself takes nothing now.
    BackEnd {
        /// See above.
        sent: bool,
        /// For people.
        reason: String,
    },
}

impl Api {
    /// As configured.
    ///
    /// # Errors
    /// In words.
    pub(super) fn open(config: &BackEndConfig) -> Result<Self, String> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = guarded(&config.url)?;
        let patience = Duration::from_secs(config.answer_seconds);
        let mut builder = Client::builder()
            .user_agent(concat!("ctl-client/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(patience);
        if crate::transport::is_here(&base) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| with_causes(&error))?;
        Ok(Self { client, base, headers: headers(config)?, patience })
    }

    /// How long a station may take.
    #[must_use]
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Posts JSON, and gives the JSON that is answered; null for an empty body.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn post(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &Value,
    ) -> Result<Value, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request =
            self.client.post(url).headers(self.headers.clone()).header(CONTENT_TYPE, "application/json");
        let mut response = request.body(body.to_string()).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > MAX_ANSWER.saturating_sub(bytes.len()) {
                return Err(Failure::Station {
                    sent: true,
                    reason: "the back end's answer does not end".into(),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        let said = || shown(self.without_secrets(&String::from_utf8_lossy(&bytes), query).trim());
        match status {
            200..=299 if bytes.is_empty() => Ok(Value::Null),
            200..=299 => serde_json::from_slice(&bytes).map_err(|_| Failure::Station {
                sent: true,
                reason: format!("the back end answers what is no JSON: {}", said()),
            }),
            401 | 403 | 407 => {
                let reason = format!(
                    "it answers {status}: it wants other credentials (bearer_file, basic_file, headers_file)"
                );
                Err(Failure::BackEnd { sent: false, reason })
            }
            429 => Err(Failure::BackEnd {
                sent: false,
                reason: "it answers 429: too many requests; lower at_once".into(),
            }),
            300..=399 => {
                let reason =
                    format!("it answers {status}: it is somewhere else, and this client follows nobody");
                Err(Failure::BackEnd { sent: false, reason })
            }
            500..=599 => {
                Err(Failure::BackEnd { sent: true, reason: format!("it answers {status}: {}", said()) })
            }
            // Somebody on the way waited for it in vain.
            408 => {
                Err(Failure::Station { sent: true, reason: format!("the back end answers 408: {}", said()) })
            }
            _ => Err(Failure::Station {
                sent: false,
                reason: format!("the back end answers {status}: {}", said()),
            }),
        }
    }
}

impl Api {
    /// What a back end says, which may be what it was sent: with neither credentials nor the address to call back.
    fn without_secrets(&self, text: &str, query: &[(&str, &str)]) -> String {
        let values = self.headers.values().filter_map(|value| value.to_str().ok());
        let words = values.flat_map(|value| std::iter::once(value).chain(value.split_whitespace().skip(1)));
        let tokens = query
            .iter()
            .filter(|(name, _)| *name == "callbackUrl")
            .filter_map(|(_, url)| url.rsplit('/').next());
        let secrets = words.chain(tokens).filter(|secret| secret.len() > 3);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }
}

fn failed(error: reqwest::Error) -> Failure {
    // The address has what only the back end may know: where to call back.
    let error = error.without_url();
    let reason = with_causes(&error);
    if error.is_connect() {
        return Failure::BackEnd { sent: false, reason: format!("it cannot be reached: {reason}") };
    }
    match error.is_timeout() {
        true => Failure::Station { sent: true, reason: "the back end did not answer in time".into() },
        false => Failure::BackEnd { sent: true, reason },
    }
}

fn headers(config: &BackEndConfig) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let value = |path: &Path, text: &str| {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| format!("{}: what is in it cannot stand in a header", path.display()))?;
        value.set_sensitive(true);
        Ok::<_, String>(value)
    };
    if let Some(path) = &config.bearer_file {
        headers.insert(AUTHORIZATION, value(path, &format!("Bearer {}", secret(path)?.trim()))?);
    }
    if let Some(path) = &config.basic_file {
        let text = secret(path)?;
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.contains(':') {
            return Err(format!("{}: write name:password", path.display()));
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        headers.insert(AUTHORIZATION, value(path, &format!("Basic {encoded}"))?);
    }
    if let Some(path) = &config.headers_file {
        let text = secret(path)?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let wrong = || format!("{}: write headers as Name: value, one a line", path.display());
            let (name, text) = line.split_once(':').ok_or_else(wrong)?;
            let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
            headers.insert(name, value(path, text.trim())?);
        }
    }
    Ok(headers)
}

/// A file that only its owner and group may read.
fn secret(path: &Path) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let bytes = files::read(path, MAX_SECRET).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{} does not exist", path.display()))?;
    let mode =
        std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(format!("{}: everybody may read it; chmod 600", path.display()));
    }
    String::from_utf8(bytes).map_err(|_| format!("{}: not UTF-8", path.display()))
}
