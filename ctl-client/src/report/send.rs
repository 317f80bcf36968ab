//! Sending a report: once, for a short time, to one address, without following it anywhere else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use ctl_core::text::with_causes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Url};

use super::ReportConfig;
use crate::files;
use crate::transport::{TransportOptions, is_here, private_address};

/// For the connection to stand, and for all of it.
const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(30);
/// A token is at most so many bytes.
const MAX_TOKEN: usize = 1024;

/// The address, if reports may go there.
///
/// # Errors
/// What to write instead.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = private_address(text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("names no user and no password: what proves who reports belongs in token_file".into());
    }
    Ok(url)
}

/// The token in a file that nobody else may read.
///
/// # Errors
/// In words, without anything of what is in it.
pub(crate) fn token(path: &Path) -> Result<String, String> {
    let place = path.display();
    let about = std::fs::metadata(path).map_err(|error| format!("the token file {place}: {error}"))?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "the token file {place} may be read by others (mode {mode:04o}). If it never was: chmod 600 {place}"
        ));
    }
    let bytes = files::read(path, MAX_TOKEN).map_err(|error| error.to_string())?.unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let token = text.trim();
    if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("the token file {place} must hold 16 to {MAX_TOKEN} printable ASCII characters"));
    }
    Ok(token.to_owned())
}

/// Sends it.
///
/// # Errors
/// In words, without the token.
pub(super) async fn post(
    config: &ReportConfig,
    body: Vec<u8>,
    options: &TransportOptions,
) -> Result<(), String> {
    let url = address(&config.url)?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token(&config.token_file)?))
        .map_err(|_| "the token is no text for a header".to_owned())?;
    bearer.set_sensitive(true);
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("ctl-client/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(options.connect.min(CONNECT))
        .timeout(options.total.min(TOTAL));
    if is_here(&url) {
        builder = builder.no_proxy();
    } else if let Some(proxy) = &options.proxy {
        builder = builder.proxy(Proxy::all(proxy).map_err(causes)?);
    }
    let client = builder.build().map_err(causes)?;
    let request = client.post(url).header(AUTHORIZATION, bearer).header(CONTENT_TYPE, "application/json");
    // Of the answer only the status line counts: the rest is not read.
    let status = request.body(body).send().await.map_err(causes)?.status();
    if status.is_success() {
        return Ok(());
    }
    let hint = match status.as_u16() {
        401 | 403 => ": it does not take the token in token_file",
        300..=399 => ": it has moved, and is not followed; write the new address into client.toml",
        _ => "",
    };
    Err(format!("it answered {}{hint}", status.as_u16()))
}

/// Without the address, which may be told what it is by whoever configured it.
fn causes(error: reqwest::Error) -> String {
    with_causes(&error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_go_over_tls_or_stay_on_this_machine() {
        for good in
            ["https://fleet.example/x", "http://127.0.0.1:8/", "http://[::1]/", "http://localhost:80/v1"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://fleet.example/",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "ftp://127.0.0.1/",
            "https://user:secret@fleet.example/",
            "fleet.example",
        ] {
            let problem = address(bad).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn a_token_that_others_can_read_or_guess_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(token(&path).is_err());
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("0123456789abcdef\n", 0o600);
        assert_eq!(token(&path).unwrap(), "0123456789abcdef");
        for (text, mode) in [("0123456789abcdef", 0o640), ("short", 0o600), ("0123456789 abcdef", 0o600)] {
            write(text, mode);
            let error = token(&path).unwrap_err();
            assert!(!error.contains(text), "{error}");
        }
    }
}
