//! What a URL says: whom to call, and what to ask for.

use std::net::IpAddr;

use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Url};

use super::{FetchError, Reason};

/// The longest URL in bytes.
const MAX_URL: usize = 4096;

/// A URL that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    url: Url,
    host: Host<String>,
    port: u16,
}

impl Place {
    /// Reads a URL: `http` or `https`, with a host, without user and password.
    ///
    /// # Errors
    /// [`Reason::AddressForbidden`], with what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, FetchError> {
        let refused =
            |why: &str| FetchError::new(Reason::AddressForbidden, format!("{}: {why}", shown(text)));
        if text.len() > MAX_URL {
            return Err(refused("longer than 4096 characters"));
        }
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        Self::of(url).map_err(refused)
    }

    fn of(url: Url) -> Result<Self, &'static str> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("only http and https are asked");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL with a user is not asked");
        }
        let host = url.host().ok_or("there is no host")?.to_owned();
        let port = url.port_or_known_default().ok_or("there is no port")?;
        Ok(Self { url, host, port })
    }

    /// Where a redirect leads, if it may be followed: to the same scheme, host and port, or from http to https at
    /// any port of the same host, where the certificate proves that the host answers. Otherwise another port could
    /// be another service; another host could be another PKI's or anybody's, and is never called.
    ///
    /// # Errors
    /// [`Reason::RedirectRefused`], with the reason.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, FetchError> {
        let refused = |why: &str| {
            FetchError::new(Reason::RedirectRefused, format!("redirected to {}: {why}", shown(location)))
        };
        if location.len() > MAX_URL {
            return Err(refused("longer than 4096 characters"));
        }
        let to = self.url.join(location).map_err(|error| refused(&error.to_string()))?;
        let to = Self::of(to).map_err(refused)?;
        let upgraded = !self.is_tls() && to.is_tls();
        if to.host != self.host {
            Err(refused("another host"))
        } else if upgraded || (to.port == self.port && to.is_tls() == self.is_tls()) {
            Ok(to)
        } else if self.is_tls() && !to.is_tls() {
            Err(refused("from https back to http"))
        } else {
            Err(refused("another port"))
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The name to resolve, or the address that the URL gives.
    pub(super) fn host(&self) -> Result<IpAddr, &str> {
        match &self.host {
            Host::Domain(name) => Err(name),
            Host::Ipv4(address) => Ok((*address).into()),
            Host::Ipv6(address) => Ok((*address).into()),
        }
    }

    /// The name that the server's certificate must have.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, FetchError> {
        match self.host() {
            Ok(address) => Ok(ServerName::IpAddress(address.into())),
            Err(name) => ServerName::try_from(name.to_owned()).map_err(|_| {
                FetchError::new(
                    Reason::TlsFailure,
                    format!("{name:?} is no name that a certificate could have"),
                )
            }),
        }
    }

    /// What stands in the header `Host`.
    pub(super) fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// Path and query, as they stand in the request.
    pub(super) fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// The beginning of a URL, safe to print.
fn shown(text: &str) -> String {
    let beginning: String = text.chars().take(200).collect();
    format!("{beginning:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_are_asked() {
        for url in [
            "",
            "pki.example",
            "ftp://pki.example/",
            "file:///etc/passwd",
            "ldap://pki.example/cn=x",
            "gopher://x/",
            "http://user@pki.example/",
            "http://:secret@pki.example/",
            "http://",
            "data:,x",
            "javascript:x",
        ] {
            assert_eq!(Place::parse(url).unwrap_err().reason, Reason::AddressForbidden, "{url}");
        }
        assert!(Place::parse(&format!("http://pki.example/{}", "a".repeat(5000))).is_err());
    }

    #[test]
    fn odd_spellings_of_an_address_are_that_address() {
        for (url, address) in [
            ("http://127.0.0.1/", "127.0.0.1"),
            ("http://127.1/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0x7f.0.0.1/", "127.0.0.1"),
            ("http://0177.0.0.1/", "127.0.0.1"),
            ("http://0/", "0.0.0.0"),
            ("http://[::ffff:7f00:1]/", "::ffff:127.0.0.1"),
            ("http:\\\\127.0.0.1\\", "127.0.0.1"),
            ("http://①②⑦.0.0.1/", "127.0.0.1"),
            ("http://127%2e0.0.1/", "127.0.0.1"),
        ] {
            let expected: IpAddr = address.parse().unwrap();
            assert_eq!(Place::parse(url).unwrap().host(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn the_request_keeps_its_base64() {
        let place = Place::parse("http://ocsp.example:8080/a//MFE+w/Y=?x=%2F#gone").unwrap();
        assert_eq!(place.path_and_query(), "/a//MFE+w/Y=?x=%2F");
        assert_eq!(place.authority(), "ocsp.example:8080");
        assert_eq!(Place::parse("https://[2001:db8::1]/").unwrap().authority(), "[2001:db8::1]");
    }

    #[test]
    fn only_tls_may_be_at_another_port() {
        for (from, location, why) in [
            ("http://pki.example/", "https://pki.example/", None),
            ("http://pki.example/", "https://pki.example:8443/", None),
            ("http://pki.example:8080/", "https://pki.example/", None),
            ("http://pki.example:8080/", "https://pki.example:8080/", None),
            ("http://pki.example:8080/", "http://pki.example/", Some("another port")),
            ("http://pki.example/", "http://pki.example:443/", Some("another port")),
            ("https://pki.example/", "https://pki.example:8443/", Some("another port")),
            ("https://pki.example/", "http://pki.example/", Some("from https back to http")),
            ("https://pki.example:80/", "http://pki.example/", Some("from https back to http")),
            ("http://pki.example/", "https://pki.example.other.example:8443/", Some("another host")),
        ] {
            let led = Place::parse(from).unwrap().redirected(location);
            match (led, why) {
                (Ok(to), None) => assert_eq!(to, Place::parse(location).unwrap(), "{from} to {location}"),
                (Err(error), Some(why)) => {
                    assert_eq!(error.reason, Reason::RedirectRefused);
                    assert!(error.detail.ends_with(why), "{from} to {location}: {}", error.detail);
                }
                (led, _) => panic!("{from} to {location}: {led:?}"),
            }
        }
    }

    #[test]
    fn redirects_stay_where_they_are() {
        let here = Place::parse("http://pki.example/a/b").unwrap();
        for (location, expected) in [
            ("/c", "/c"),
            ("c?d", "/a/c?d"),
            ("//pki.example/x", "/x"),
            ("http://PKI.example:80/y", "/y"),
            ("https://pki.example/z", "/z"),
        ] {
            assert_eq!(here.redirected(location).unwrap().path_and_query(), expected, "{location}");
        }
        for location in [
            "http://pki.example:8080/",
            "http://other.example/",
            "//169.254.169.254/",
            "https://other.example/",
            "ftp://pki.example/",
            "http://me@pki.example/",
            "http://pki.example.other.example/",
            "file:///x",
        ] {
            assert_eq!(here.redirected(location).unwrap_err().reason, Reason::RedirectRefused, "{location}");
        }
        let secure = Place::parse("https://pki.example/").unwrap();
        assert!(secure.redirected("http://pki.example/").is_err());
        assert!(secure.redirected("/x").is_ok());
    }
}
