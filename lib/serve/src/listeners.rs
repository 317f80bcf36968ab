//! Where a program listens: one address, with TLS or without, and beside TLS perhaps one where HTTP is plain.

use std::fmt::{self, Display};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};

use crate::settings::Http;
use crate::tls::{Tls, TlsError};

/// The addresses at which a program answers.
pub struct Listeners {
    first: TcpListener,
    tls: Option<Arc<Tls>>,
    plain: Option<TcpListener>,
}

/// Why a program cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system does not allow it.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Nobody who could come there would be answered.
    #[error(
        "[http] {member} = \"{address}\" is plain HTTP, which is answered for this machine and for trusted_proxies only, \
         and there are none: add [http.tls], name the proxies, listen on 127.0.0.1, or say plain_for_all = true"
    )]
    Plain {
        /// The member of the configuration.
        member: &'static str,
        address: SocketAddr,
    },
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A connection that has been opened.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// What it speaks, if that is TLS.
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Listeners {
    /// Listens where the configuration says.
    ///
    /// # Errors
    /// [`ListenError`]
    pub async fn bind(http: &Http) -> Result<Self, ListenError> {
        let plain = http.tls.as_ref().and_then(|tls| tls.plain);
        let all_plain = http.tls.is_none().then_some(("listen", http.listen));
        for (member, address) in all_plain.into_iter().chain(plain.map(|plain| ("tls.plain", plain))) {
            let anybody = http.plain_for_all || !http.trusted_proxies.is_empty();
            if !anybody && !is_loopback(address.ip()) {
                return Err(ListenError::Plain { member, address });
            }
        }
        // Files first: who cannot read them should not seem to be there.
        let tls = http.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
        let first = bind(http.listen).await?;
        let plain = match plain {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { first, tls, plain })
    }

    /// The next connection, at whichever address.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        let plain = async {
            match &self.plain {
                Some(plain) => plain.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = self.first.accept() => {
                accepted.map(|(stream, peer)| Accepted { stream, peer, tls: self.tls.clone() })
            }
            accepted = plain => accepted.map(|(stream, peer)| Accepted { stream, peer, tls: None }),
        }
    }

    pub(crate) const fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The real addresses, where a configuration may have said port 0.
    ///
    /// # Errors
    /// What the system says.
    pub fn addresses(&self) -> io::Result<Addresses> {
        let plain = self.plain.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Addresses { first: self.first.local_addr()?, is_tls: self.tls.is_some(), plain })
    }
}

/// Plain HTTP on a listener that stands already.
impl From<TcpListener> for Listeners {
    fn from(first: TcpListener) -> Self {
        Self { first, tls: None, plain: None }
    }
}

/// Where a program listens, for whoever has started it: `listening on` and the address, alone on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The address of `listen`.
    pub first: SocketAddr,
    is_tls: bool,
    /// The address beside it where HTTP is plain.
    pub plain: Option<SocketAddr>,
}

impl Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening on {}://{}", if self.is_tls { "https" } else { "http" }, self.first)?;
        self.plain.map_or(Ok(()), |plain| write!(f, "\nalso listening on http://{plain}"))
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| ListenError::Bind { address, error })
}

pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plain_http_is_not_for_everyone_unless_somebody_says_so() {
        let anywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let open = |http: Http| async move { Listeners::bind(&http).await.map(|_| ()) };
        let error = open(Http { listen: anywhere, ..Http::default() }).await.unwrap_err().to_string();
        assert!(error.contains("listen = \"0.0.0.0:0\"") && error.contains("plain_for_all"), "{error}");
        open(Http { listen: anywhere, plain_for_all: true, ..Http::default() }).await.unwrap();
        let trusted_proxies = vec!["192.0.2.1".parse().unwrap()];
        open(Http { listen: anywhere, trusted_proxies, ..Http::default() }).await.unwrap();
        for loopback in ["127.0.0.1:0", "127.0.0.9:0"] {
            open(Http { listen: loopback.parse().unwrap(), ..Http::default() }).await.unwrap();
        }
    }
}
