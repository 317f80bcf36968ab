//! Compares the log with a mirror's copy at start and periodically: a mirror remembers what this server may have
//! forgotten. Its checkpoint counts by the log's own signature, so the mirror itself need not be trusted.

use std::time::Duration;

use ctl_core::log::note::MAX_NOTE_BYTES;
use ctl_core::paths::CHECKPOINT;
use ctl_fetch::{Addresses, Fetch as _, Fetcher, Options, Request, SetupError};

use super::Ledger;
use super::rollback::Verdict;
use crate::config;

/// How long a mirror may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A mirror of this scheme.
pub struct Mirror {
    url: String,
    period: Duration,
    fetcher: Fetcher,
}

impl Mirror {
    /// The mirror that the configuration names, if it names one.
    ///
    /// # Errors
    /// [`SetupError`] if the TLS roots cannot be read.
    pub fn new(config: &config::Ledger) -> Result<Option<Self>, SetupError> {
        let Some(url) = &config.mirror else { return Ok(None) };
        let url = url.trim_end_matches('/').to_owned() + CHECKPOINT.pattern();
        let fetcher = Fetcher::new(&Options::for_own_addresses(config.mirror_tls_roots.clone()))?;
        Ok(Some(Self { url, period: config.mirror_period, fetcher }))
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why the mirror gave no checkpoint of this log, which proves nothing.
    pub async fn ask(&self, ledger: &Ledger) -> Result<Verdict, String> {
        let request = Request {
            url: self.url.clone(),
            body: None,
            content_type: None,
            accept: "text/plain",
            max_body: MAX_NOTE_BYTES,
            timeout: TIMEOUT,
            addresses: Addresses::Turn(0),
            headers: Vec::new(),
        };
        let exchange = self.fetcher.fetch(&request).await.into_iter().next();
        let answer = exchange.ok_or("no address")?.result.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("it answered {}", answer.status));
        }
        let ledger = ledger.clone();
        let examined = tokio::task::spawn_blocking(move || ledger.examine(&answer.body));
        examined.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// Asks again and again, until dropped.
    pub async fn follow(self, ledger: Ledger) {
        loop {
            if let Err(problem) = self.ask(&ledger).await {
                tracing::warn!(url = self.url, problem, "the log could not be compared with its mirror");
            }
            tokio::time::sleep(self.period).await;
        }
    }
}
