//! Fetching over HTTP, with every bound enforced while the body arrives.

use std::error::Error as _;
use std::time::Instant;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Proxy, StatusCode, Url};

use super::{FetchError, TransportOptions};

/// At most so many redirects, all to the same host.
const MAX_REDIRECTS: usize = 5;

#[derive(Debug)]
pub(super) struct Http {
    base: Url,
    client: Client,
    options: TransportOptions,
}

impl Http {
    pub(super) fn new(base: Url, options: &TransportOptions) -> Result<Self, String> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("ctl-client/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::custom(same_host))
            .connect_timeout(options.connect)
            .read_timeout(options.idle)
            .timeout(options.total);
        if let Some(proxy) = &options.proxy {
            builder = builder.proxy(Proxy::all(proxy).map_err(|error| causes(&error))?);
        }
        let client = builder.build().map_err(|error| causes(&error))?;
        Ok(Self { base, client, options: options.clone() })
    }

    pub(super) async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        let failed = |error: reqwest::Error| self.failed(path, &error);
        let url = self.base.join(path).map_err(|_| FetchError::Path { path: path.into() })?;
        let begun = Instant::now();
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            // Object stores say "forbidden" where there is nothing and listing is not allowed.
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => return Ok(None),
            other => return Err(FetchError::Status { path: path.into(), status: other.as_u16() }),
        }
        let too_large = || FetchError::TooLarge { path: path.into(), limit };
        if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|l| l > limit)) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > limit.saturating_sub(bytes.len()) {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
            self.check_speed(path, begun, bytes.len())?;
        }
        Ok(Some(bytes))
    }

    /// A body that drips a byte now and then never is idle, and would hold a sync until the total
    /// time is over.
    fn check_speed(&self, path: &str, begun: Instant, received: usize) -> Result<(), FetchError> {
        let elapsed = begun.elapsed();
        let least = elapsed.as_secs_f64() * self.options.bytes_per_second as f64;
        if elapsed > self.options.patience && (received as f64) < least {
            let rate = self.options.bytes_per_second;
            let problem = format!("slower than {rate} bytes a second");
            return Err(FetchError::TooSlow { path: path.into(), problem });
        }
        Ok(())
    }

    fn failed(&self, path: &str, error: &reqwest::Error) -> FetchError {
        let path = path.to_owned();
        if error.is_timeout() {
            let (idle, total) = (self.options.idle, self.options.total);
            let problem = format!("no byte for {idle:?}, or not complete within {total:?}");
            return FetchError::TooSlow { path, problem };
        }
        FetchError::Connection { path, problem: causes(error) }
    }
}

/// Another host was not chosen by whoever configured this device.
fn same_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().first().is_some_and(|first| {
        first.scheme() == attempt.url().scheme()
            && first.host_str() == attempt.url().host_str()
            && first.port_or_known_default() == attempt.url().port_or_known_default()
    });
    if !same {
        return attempt.error("it redirects to another host, which is not followed");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("it redirects for ever");
    }
    attempt.follow()
}

/// An error with its causes: reqwest's own text names the address only.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
