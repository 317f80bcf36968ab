//! Fetching over HTTP, with every bound enforced while the body arrives.

use std::sync::OnceLock;
use std::time::Instant;

use ctl_core::text::with_causes;
use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Proxy, Response, StatusCode, Url};

use super::coding::{self, Dictionary};
use super::{FetchError, TransportOptions, without_password};

/// At most so many redirects, all to the same host.
const MAX_REDIRECTS: usize = 5;

#[derive(Debug)]
pub(super) struct Http {
    base: Url,
    client: Client,
    /// Never uses a connection twice. Made when it is needed: each client reads the system's certificates.
    fresh: OnceLock<Client>,
    options: TransportOptions,
}

/// In which form a file is asked for.
#[derive(Clone, Copy)]
enum Form<'a> {
    /// As it is.
    Plain,
    /// As it is, from the server itself: what a cache on the way has was no good.
    PlainAgain,
    /// Compressed, if the server likes, also as the difference to what is held.
    Coded(Option<Dictionary<'a>>),
}

/// Why one attempt failed, and whether another on a connection of its own may help.
struct Failed {
    error: FetchError,
    again: bool,
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Self { error, again: false }
    }
}

impl Http {
    pub(super) fn new(base: Url, options: &TransportOptions) -> Result<Self, String> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client(&base, options, 1)?;
        Ok(Self { base, client, fresh: OnceLock::new(), options: options.clone() })
    }

    pub(super) fn address(&self, path: &str) -> String {
        without_password(&format!("{}{path}", self.base))
    }

    pub(super) async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        self.ask(path, limit, Form::Plain).await
    }

    pub(super) async fn fetch_again(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        self.ask(path, limit, Form::PlainAgain).await
    }

    pub(super) async fn fetch_coded(
        &self,
        path: &str,
        limit: usize,
        held: Option<Dictionary<'_>>,
    ) -> Result<Option<Vec<u8>>, FetchError> {
        self.ask(path, limit, Form::Coded(held)).await
    }

    /// Nothing changes by asking twice, and a connection may have ended while it was idle.
    async fn ask(&self, path: &str, limit: usize, form: Form<'_>) -> Result<Option<Vec<u8>>, FetchError> {
        match self.attempt(&self.client, path, limit, form).await {
            Err(Failed { again: true, error }) => {
                if self.fresh.get().is_none()
                    && let Ok(fresh) = client(&self.base, &self.options, 0)
                {
                    let _ = self.fresh.set(fresh);
                }
                let Some(fresh) = self.fresh.get() else { return Err(error) };
                self.attempt(fresh, path, limit, form).await.map_err(|failed| failed.error)
            }
            other => other.map_err(|failed| failed.error),
        }
    }

    async fn attempt(
        &self,
        client: &Client,
        path: &str,
        limit: usize,
        form: Form<'_>,
    ) -> Result<Option<Vec<u8>>, Failed> {
        let url = self.base.join(path).map_err(|_| FetchError::Path { path: path.into() })?;
        let address = self.address(path);
        let begun = Instant::now();
        let failed = |error: reqwest::Error| self.failed(&address, begun, error);
        let request = client.get(url);
        let request = match form {
            Form::Plain => request.header(ACCEPT_ENCODING, "identity"),
            Form::PlainAgain => request.header(ACCEPT_ENCODING, "identity").header(CACHE_CONTROL, "no-cache"),
            Form::Coded(None) => request.header(ACCEPT_ENCODING, "br"),
            Form::Coded(Some(held)) => {
                request.header(ACCEPT_ENCODING, "dcb, br").header("available-dictionary", held.header())
            }
        };
        let mut response = request.send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            other => {
                let (status, hint) = (other.as_u16(), hint(other));
                return Err(FetchError::Status { address, status, hint }.into());
            }
        }
        let coding = text(response.headers(), CONTENT_ENCODING).trim().to_owned();
        if !matches!(form, Form::Coded(_)) {
            check_encoding(&address, &coding)?;
        }
        let too_large = || FetchError::TooLarge { address: address.clone(), limit };
        if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|l| l > limit)) {
            // What is too long to be the file may be a page that says why.
            let begin = response.chunk().await.ok().flatten().unwrap_or_default();
            check_kind(&address, &response, &begin)?;
            return Err(too_large().into());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.is_empty() {
                check_kind(&address, &response, &chunk)?;
            }
            if chunk.len() > limit.saturating_sub(bytes.len()) {
                return Err(too_large().into());
            }
            bytes.extend_from_slice(&chunk);
            self.check_speed(&address, begun, bytes.len())?;
        }
        let Form::Coded(held) = form else { return Ok(Some(bytes)) };
        let decoded = coding::decode(&coding, bytes, held, limit);
        Ok(Some(decoded.map_err(|found| FetchError::Unexpected { address, found })?))
    }

    /// A body that drips a byte now and then never is idle, and would hold a sync until the total
    /// time is over.
    fn check_speed(&self, address: &str, begun: Instant, received: usize) -> Result<(), FetchError> {
        let elapsed = begun.elapsed();
        let least = elapsed.as_secs_f64() * self.options.bytes_per_second as f64;
        if elapsed > self.options.patience && (received as f64) < least {
            let rate = self.options.bytes_per_second;
            let problem = format!("slower than {rate} bytes a second");
            return Err(FetchError::TooSlow { address: address.into(), problem });
        }
        Ok(())
    }

    fn failed(&self, address: &str, begun: Instant, error: reqwest::Error) -> Failed {
        let address = address.to_owned();
        if error.is_timeout() && begun.elapsed() >= self.options.total {
            let problem = format!("not complete within {:?}", self.options.total);
            return FetchError::TooSlow { address, problem }.into();
        }
        if error.is_timeout() && !error.is_connect() {
            return FetchError::Silent { address, seconds: self.options.idle.as_secs_f64() }.into();
        }
        let again = !error.is_connect() && !error.is_redirect();
        Failed { error: FetchError::Connection { address, problem: causes(error) }, again }
    }
}

/// One that keeps so many connections when they are idle.
fn client(base: &Url, options: &TransportOptions, idle_connections: usize) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("ctl-client/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::custom(same_host))
        .pool_max_idle_per_host(idle_connections)
        .connect_timeout(options.connect)
        .read_timeout(options.idle)
        .timeout(options.total);
    if let Some(proxy) = &options.proxy {
        builder = builder.proxy(Proxy::all(proxy).map_err(causes)?);
    }
    if base.scheme() == "http" && !may_be_tls(options.proxy.as_deref()) {
        // Redirects stay at the scheme. To read the system's certificates takes longer than all the rest, and a device may
        // have none.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(causes)
}

/// Whether the proxy, if there is one, may be spoken to over TLS.
fn may_be_tls(proxy: Option<&str>) -> bool {
    let is_tls = |address: &str| address.trim_start().to_ascii_lowercase().starts_with("https");
    let of_environment = || {
        std::env::vars_os().any(|(name, value)| {
            name.to_string_lossy().to_ascii_lowercase().ends_with("_proxy")
                && is_tls(&value.to_string_lossy())
        })
    };
    proxy.map_or_else(of_environment, is_tls)
}

/// What an answer means that is neither the file nor its absence.
fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => ": it wants a name and a password; write them into the address in client.toml",
        403 => {
            ": forbidden. A proxy or filter on the way may have said so, or a store that does not have the file"
        }
        407 => {
            ": the proxy wants a name and a password; write proxy = \"http://name:password@host:port\" in client.toml"
        }
        429 => ": too many requests; it is tried again later",
        451 => ": withheld for legal reasons",
        511 => ": a captive portal wants somebody to log in first",
        500..=599 => ": it fails itself; it is tried again later",
        _ => "",
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    value.unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect()
}

/// Bytes that were asked for as they are: compressed ones would look like forged ones.
fn check_encoding(address: &str, coding: &str) -> Result<(), FetchError> {
    match coding {
        "" | "identity" => Ok(()),
        other => Err(FetchError::Unexpected {
            address: address.into(),
            found: format!(
                "an answer in the encoding {other}, which was not asked for: the server or a proxy is wrong"
            ),
        }),
    }
}

/// Tells a page for people from one of our files. The type that a server states is not believed alone:
/// it does not matter for a file that verifies.
fn check_kind(address: &str, response: &Response, begin: &[u8]) -> Result<(), FetchError> {
    let kind = text(response.headers(), CONTENT_TYPE);
    let start = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let found = if begins(b"<!doctype html") || begins(b"<html") || kind.contains("html") && begins(b"<") {
        "a web page: a captive portal, or a proxy's or server's page about an error. Open the address in a browser"
    } else if kind.contains("xml") && begins(b"<") {
        "an XML document: an object store's message about an error, perhaps. Open the address in a browser"
    } else if ["image/", "audio/", "video/", "font/", "multipart/"]
        .iter()
        .any(|class| kind.starts_with(class))
    {
        "something of another kind"
    } else {
        return Ok(());
    };
    let kind = if kind.is_empty() { "of no stated type".to_owned() } else { format!("of type {kind}") };
    Err(FetchError::Unexpected { address: address.into(), found: format!("{found} ({kind})") })
}

/// Another host was not chosen by whoever configured this device.
fn same_host(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().first().is_some_and(|first| {
        first.scheme() == attempt.url().scheme()
            && first.host_str() == attempt.url().host_str()
            && first.port_or_known_default() == attempt.url().port_or_known_default()
    });
    if !same {
        let to = attempt.url().origin().ascii_serialization();
        return attempt.error(format!(
            "it redirects to another host, {to}, which is not followed: a captive portal does so; if the repository \
             has moved, write its new address into client.toml"
        ));
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("it redirects for ever");
    }
    attempt.follow()
}

/// reqwest's own text names the address only, which is told without it.
fn causes(error: reqwest::Error) -> String {
    with_causes(&error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::time::Duration;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// A server that says it keeps connections open, answers once on each, and hangs up on the next
    /// request: what a client meets whose connection was idle for longer than the server's limit.
    fn impatient() -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:secret@{}/", listener.local_addr().unwrap()).parse().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    if lines.by_ref().any(|line| line.is_empty()) {
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                    }
                    // The next request is read, and nothing said.
                    lines.find(String::is_empty);
                });
            }
        });
        url
    }

    #[test]
    fn a_connection_that_ended_while_it_was_idle_is_not_the_end_of_the_request() {
        let http = Http::new(impatient(), &TransportOptions::default()).unwrap();
        block_on(async {
            for _ in 0..5 {
                assert_eq!(http.fetch("a", 10).await.unwrap().unwrap(), b"ok");
            }
        });
    }

    #[test]
    fn errors_name_the_address_and_never_the_password() {
        let options = TransportOptions { connect: Duration::from_secs(5), ..TransportOptions::default() };
        // Nobody listens there; a port that was just freed may be taken again.
        let address = "127.0.0.1:1";
        let http = Http::new(format!("http://user:secret@{address}/x/").parse().unwrap(), &options).unwrap();
        let text = block_on(http.fetch("a.json", 10)).unwrap_err().to_string();
        assert!(text.contains(&format!("{address}/x/a.json")) && !text.contains("secret"), "{text}");
    }
}
