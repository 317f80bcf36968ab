//! TLS as the server speaks it: versions 1.2 and 1.3, a certificate that is taken anew when its files change, and
//! clients that may show a certificate of their own.
//!
//! A handshake is one more thing that a caller may be slow or wrong at: it has its time, its place among the
//! connections, and a reason from a fixed list when it fails.

mod files;
mod handshake;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use bytes::Bytes;
use ctl_core::{Digest, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;

use crate::settings;
pub use files::TlsError;
use files::{Loaded, Stamp};
pub(crate) use handshake::Failure;

/// The certificate that a client has shown and proven to be its own, issued by one of `client_roots`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate.
    pub der: Bytes,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// What is served now, and the files it comes from.
pub(crate) struct Tls {
    settings: settings::Tls,
    served: ArcSwap<Loaded>,
    /// The files as they were when it was read.
    read: Mutex<Vec<Option<Stamp>>>,
}

/// How certificate and files stand, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Unix time at which the served certificate ends.
    pub(crate) expires: i64,
    /// Whether the files hold something that is not served.
    pub(crate) refused: bool,
}

impl Tls {
    /// Reads the files. A certificate that has expired is served all the same: the service has no other, and its
    /// callers judge for themselves.
    ///
    /// # Errors
    /// [`TlsError`] if they cannot be read or do not fit each other.
    pub(crate) fn load(settings: &settings::Tls) -> Result<Self, TlsError> {
        let stamps = files::stamps(settings);
        let loaded = files::load(settings)?;
        if let Some(why) = loaded.not_now(now()) {
            tracing::error!("the TLS certificate that is served {why}: clients will not trust it");
        }
        Ok(Self {
            settings: settings.clone(),
            served: ArcSwap::from_pointee(loaded),
            read: Mutex::new(stamps),
        })
    }

    /// Looks at the files now and then, for as long as it is awaited, and serves what they hold from then on.
    /// Connections that are open go on as they are. What does not fit is not taken.
    pub(crate) async fn keep(self: Arc<Self>, tell: impl Fn(Standing) + Send) {
        let mut ticks = tokio::time::interval(self.settings.check.max(settings::Tls::SHORTEST_CHECK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_look = self.read_from();
        // What has ended at the start was told then.
        let (mut refused, mut end_told) = (None, self.served.load().not_after < now());
        loop {
            let expires = self.served.load().not_after;
            tell(Standing { expires, refused: refused.is_some() });
            if expires < now() && !std::mem::replace(&mut end_told, true) {
                tracing::error!(
                    "the TLS certificate that is served has ended: clients do not trust it any more"
                );
            }
            ticks.tick().await;
            let (own, last) = (self.clone(), std::mem::take(&mut last_look));
            let Ok((look, outcome)) = spawn_blocking(move || own.look(&last)).await else { return };
            last_look = look;
            match outcome {
                Outcome::Same => refused = None,
                Outcome::Unsettled => {}
                Outcome::Taken => {
                    (refused, end_told) = (None, false);
                    let until = Timestamp::from_unix(self.served.load().not_after);
                    tracing::info!(%until, "another TLS certificate is served");
                }
                Outcome::Refused(why) => {
                    if refused.as_ref() != Some(&why) {
                        tracing::error!(
                            "the TLS files have changed, and the certificate served before stays: {why}"
                        );
                    }
                    refused = Some(why);
                }
            }
        }
    }

    fn read_from(&self) -> Vec<Option<Stamp>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what has changed, if it stood so at the last look, too: whoever writes key and certificate writes one of
    /// them first.
    fn look(&self, last: &[Option<Stamp>]) -> (Vec<Option<Stamp>>, Outcome) {
        let stamps = files::stamps(&self.settings);
        if stamps == self.read_from() {
            return (stamps, Outcome::Same);
        }
        if stamps != last {
            return (stamps, Outcome::Unsettled);
        }
        let outcome = match files::load(&self.settings) {
            Err(error) => Outcome::Refused(error.to_string()),
            Ok(loaded) => match loaded.not_now(now()) {
                Some(why) => Outcome::Refused(format!(
                    "the certificate in {} {why}",
                    self.settings.certificate.display()
                )),
                None => {
                    self.served.store(Arc::new(loaded));
                    stamps.clone_into(&mut self.read.lock().unwrap_or_else(PoisonError::into_inner));
                    Outcome::Taken
                }
            },
        };
        (stamps, outcome)
    }
}

/// What came of a look at the files.
enum Outcome {
    /// They are those that are served.
    Same,
    /// They have changed since the last look.
    Unsettled,
    /// They are served from now on.
    Taken,
    /// They cannot be served, and why.
    Refused(String),
}

/// Unix time.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
