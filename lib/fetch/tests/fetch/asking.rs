//! A fetcher in a network of its own, and what it is asked.

use std::time::Duration;

use ctl_fetch::{Addresses, Answer, Exchange, Fetch as _, FetchError, Fetcher, Reason, Request};

use crate::network::names::Names;
use crate::network::options;

pub fn get(url: &str) -> Request {
    Request {
        url: url.into(),
        body: None,
        content_type: None,
        accept: "application/pkix-crl",
        max_body: 1000,
        timeout: Duration::from_secs(5),
        addresses: Addresses::Turn(0),
        headers: Vec::new(),
    }
}

pub fn fetcher(names: &[(&str, &[&str])]) -> Fetcher {
    Fetcher::with_resolver(&options(&["127.0.0.0/8"]), Box::new(Names::new(names))).unwrap()
}

/// At "pki.example", which is 127.0.0.1.
pub fn local() -> Fetcher {
    fetcher(&[("pki.example", &["127.0.0.1"]), ("other.example", &["127.0.0.1"])])
}

pub async fn one(fetcher: &Fetcher, request: &Request) -> Exchange {
    let mut exchanges = fetcher.fetch(request).await;
    assert_eq!(exchanges.len(), 1, "{exchanges:?}");
    exchanges.remove(0)
}

pub async fn answer(request: &Request) -> Result<Answer, FetchError> {
    one(&local(), request).await.result
}

pub async fn reason(request: &Request) -> Reason {
    answer(request).await.unwrap_err().reason
}
