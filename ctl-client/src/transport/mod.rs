//! Where bytes come from: an HTTP server, a mirror, or a directory on a USB stick. None of them is
//! trusted with anything but to be slow, wrong, or endless within these bounds.

pub mod coding;
mod directory;
mod http;

use std::net::IpAddr;
use std::time::Duration;

pub use crate::error::FetchError;
use coding::Dictionary;
use directory::Directory;
use http::Http;

/// How long a file may take, and through what it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportOptions {
    /// A proxy for everything; without one, the usual environment variables are honoured.
    pub proxy: Option<String>,
    /// For the connection to stand.
    pub connect: Duration,
    /// Without a single byte.
    pub idle: Duration,
    /// For a whole file.
    pub total: Duration,
    /// A body that is slower than this on average, once [`TransportOptions::patience`] is over, is
    /// given up.
    pub bytes_per_second: u64,
    /// How long the average is not looked at.
    pub patience: Duration,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            proxy: None,
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(600),
            bytes_per_second: 200,
            patience: Duration::from_secs(20),
        }
    }
}

/// A base address from which files are fetched by relative paths.
#[derive(Debug)]
pub struct Source(Kind);

#[derive(Debug)]
enum Kind {
    Http(Http),
    Directory(Directory),
}

impl Source {
    /// From `http://`, `https://` or `file:///`.
    ///
    /// # Errors
    /// [`FetchError::Address`].
    pub fn open(url: &str, options: &TransportOptions) -> Result<Self, FetchError> {
        let refused = |problem: String| FetchError::Address {
            url: without_password(url).chars().take(200).collect(),
            problem,
        };
        // Paths are joined below it, so the last segment must count as a folder.
        let base = if url.ends_with('/') { url.to_owned() } else { format!("{url}/") };
        let base = reqwest::Url::parse(&base).map_err(|error| refused(error.to_string()))?;
        match base.scheme() {
            "http" | "https" => Http::new(base, options).map(|http| Self(Kind::Http(http))).map_err(refused),
            "file" => {
                let path = base.to_file_path().map_err(|()| refused("no absolute path".into()))?;
                Ok(Self(Kind::Directory(Directory::new(path))))
            }
            other => Err(refused(format!("{other}: is not supported"))),
        }
    }

    /// The file at a relative, percent-encoded path, of at most `limit` bytes; none if there is no
    /// such file.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        if !is_within(path) {
            return Err(FetchError::Path { path: path.chars().take(200).collect() });
        }
        match &self.0 {
            Kind::Http(http) => http.fetch(path, limit).await,
            Kind::Directory(directory) => directory.fetch(path, limit),
        }
    }

    /// The same for whoever can tell whether it is what was wanted: on its way it is compressed where the server can do
    /// that, as the difference to `held`, an earlier version, if there is one. What does not arrive in this form, cannot be
    /// read or does not satisfy `take` is fetched once more as it is. A directory has its files as they are.
    ///
    /// # Errors
    /// [`FetchError`], and what `take` says.
    pub async fn fetch_coded<T, E: From<FetchError>>(
        &self,
        path: &str,
        limit: usize,
        held: Option<&[u8]>,
        mut take: impl FnMut(Option<Vec<u8>>) -> Result<T, E>,
    ) -> Result<T, E> {
        let http = match &self.0 {
            Kind::Http(http) if is_within(path) => http,
            _ => return take(self.fetch(path, limit).await?),
        };
        let refused = match http.fetch_coded(path, limit, held.and_then(Dictionary::new)).await {
            Ok(None) => return take(None),
            Ok(bytes) => match take(bytes) {
                Ok(taken) => return Ok(taken),
                Err(refused) => Some(refused),
            },
            Err(error) if error.is_of_the_form() => None,
            Err(error) => return Err(error.into()),
        };
        match http.fetch_again(path, limit).await {
            Ok(bytes) => take(bytes),
            // Whoever sent what was refused cannot make it be forgotten by sending nothing more.
            Err(error) => Err(refused.unwrap_or_else(|| error.into())),
        }
    }

    /// Where a file of the repository is, as it may be shown.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        match &self.0 {
            Kind::Http(http) => http.address(path),
            Kind::Directory(directory) => directory.address(path),
        }
    }

    /// The same of a file that need not be there. Object stores that may not list what they hold say
    /// "forbidden" of what they do not hold.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch_if_there(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        match self.fetch(path, limit).await {
            Err(FetchError::Status { status: 403, .. }) => Ok(None),
            other => other,
        }
    }
}

/// An address of the operator's own to which something is told that nobody on the way may read or change.
///
/// # Errors
/// What to write instead.
pub fn private_address(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("no address: {error}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here(&url) => Ok(url),
        _ => Err(
            "write https://…; http:// is for this machine only: others could read and change it on the way"
                .into(),
        ),
    }
}

/// Whether an address is one of this machine's own.
#[must_use]
pub fn is_here(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address as it may be shown: without the password in it, if there is one.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}:***@{host}{path}"),
        None => format!("{scheme}://***@{host}{path}"),
    }
}

/// Whether a relative path stays below its base: checked here for both kinds of source, although
/// every caller makes its paths from checked names.
fn is_within(path: &str) -> bool {
    !path.is_empty()
        && path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'?' | b'#'))
        && path.split('/').all(|part| {
            let dots = part.to_ascii_lowercase().replace("%2e", ".");
            !matches!(dots.as_str(), "" | "." | "..")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctl_core::tuf::paths::encode_segment;
    use proptest::prelude::*;

    #[test]
    fn no_path_leads_out_of_the_repository() {
        for path in
            ["", "/etc/passwd", "../a", "a/../b", "a//b", "a\\b", "a?b", "a#b", "%2e%2E/a", "a/.%2e/b", "a b"]
        {
            assert!(!is_within(path), "{path}");
        }
        assert!(is_within("tuf/metadata/1.root.json") && is_within("log/tile/0/x001/234.p/5"));
    }

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("https://user:secret@ctl.example/x?y#z", "https://user:***@ctl.example/x?y#z"),
            ("https://token@ctl.example", "https://***@ctl.example"),
            ("http://a:b@c@host:80/", "http://a:***@host:80/"),
            ("https://ctl.example/a@b:c", "https://ctl.example/a@b:c"),
            ("file:///a:b@c", "file:///a:b@c"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(url), shown);
        }
        let refused = Source::open("ftp://user:secret@ctl.example", &TransportOptions::default());
        assert!(!refused.unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn addresses_of_other_kinds_are_refused() {
        for url in ["ftp://example.org/", "nonsense", "", "file:relative"] {
            let opened = Source::open(url, &TransportOptions::default());
            // A relative file: address is made absolute by the parser: it must then be a path.
            assert!(opened.is_err() || url == "file:relative", "{url}");
        }
    }

    proptest! {
        #[test]
        fn an_encoded_segment_is_one_segment(text in "\\PC{1,30}") {
            let encoded = encode_segment(&text);
            prop_assert!(!encoded.contains('/') && encoded.is_ascii());
            prop_assert_eq!(is_within(&encoded), !matches!(text.as_str(), "." | ".."));
        }
    }
}
