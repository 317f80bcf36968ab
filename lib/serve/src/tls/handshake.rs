//! One handshake: its time, and the reason when it fails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_core::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, PeerIncompatible};
use tokio_rustls::server::TlsStream;

use super::{ClientCertificate, Tls};
use crate::problem::Problem;
use crate::refusal;
use crate::write_timeout::WriteTimeout;

/// The first byte of TLS: a record with a handshake.
const HANDSHAKE: u8 = 0x16;
/// How long a caller who speaks plain HTTP is heard out, so that it hears the answer, and how many bytes of it.
const HEARD_OUT: Duration = Duration::from_secs(1);
const HEARD_OUT_BYTES: u64 = 64 * 1024;

/// Why a handshake has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The client has shaken hands too often; this time nothing was said.
    TooMany,
    /// It took too long.
    Timeout,
    /// The client hung up.
    Closed,
    /// The client spoke HTTP without TLS.
    PlainHttp,
    /// The client knows only versions before TLS 1.2.
    Version,
    /// No algorithm or protocol in common.
    Incompatible,
    /// The client's certificate is not good.
    ClientCertificate,
    /// The client does not like the server's certificate, or something else.
    Alert,
    /// This is no TLS.
    Malformed,
}

impl Failure {
    /// All, for metrics.
    pub(crate) const ALL: [Self; 9] = [
        Self::TooMany,
        Self::Timeout,
        Self::Closed,
        Self::PlainHttp,
        Self::Version,
        Self::Incompatible,
        Self::ClientCertificate,
        Self::Alert,
        Self::Malformed,
    ];

    /// The label in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::PlainHttp => "plain_http",
            Self::Version => "version",
            Self::Incompatible => "incompatible",
            Self::ClientCertificate => "client_certificate",
            Self::Alert => "alert",
            Self::Malformed => "malformed",
        }
    }

    fn of(error: &std::io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            None if error.kind() == std::io::ErrorKind::TimedOut => Self::Timeout,
            None => Self::Closed,
            Some(rustls::Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::SupportedVersionsExtensionRequired
                // Everyone sends it since TLS 1.2.
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            )) => Self::Version,
            Some(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => {
                Self::Incompatible
            }
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
                Self::ClientCertificate
            }
            Some(rustls::Error::AlertReceived(_)) => Self::Alert,
            Some(_) => Self::Malformed,
        }
    }
}

/// A connection over TLS.
pub(crate) type Secured = TlsStream<WriteTimeout<TcpStream>>;

impl Tls {
    /// Shakes hands within this time; with the certificate that the client has shown, if it has.
    ///
    /// # Errors
    /// Why it failed. The client was told in TLS, or in HTTP if it speaks that.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        patience: Duration,
        write_timeout: Duration,
    ) -> Result<(Secured, Option<Arc<ClientCertificate>>), Failure> {
        let accepting = async {
            let mut first = [0];
            match stream.peek(&mut first).await {
                Ok(1..) if first != [HANDSHAKE] && first.first().is_some_and(u8::is_ascii_alphabetic) => {
                    answer_plain(stream).await;
                    return Err(Failure::PlainHttp);
                }
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(Failure::Closed),
            }
            let acceptor = TlsAcceptor::from(self.served.load().config.clone());
            acceptor.accept(WriteTimeout::new(stream, write_timeout)).await.map_err(|error| {
                tracing::debug!(%error, "a TLS handshake failed");
                Failure::of(&error)
            })
        };
        let stream = tokio::time::timeout(patience, accepting).await.unwrap_or(Err(Failure::Timeout))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate = shown.map(|der| {
            Arc::new(ClientCertificate { der: Bytes::copy_from_slice(der), sha256: Digest::of(der) })
        });
        Ok((stream, certificate))
    }
}

/// Tells who speaks plain HTTP here what to do.
async fn answer_plain(mut stream: TcpStream) {
    let answer = refusal::written(&Problem::malformed("this address speaks TLS: ask with https://"));
    let telling = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // What is not read would make the system reset the connection, and the answer be lost.
        tokio::io::copy(&mut stream.take(HEARD_OUT_BYTES), &mut tokio::io::sink()).await
    };
    // Whoever does not listen was told all the same.
    let _ = tokio::time::timeout(HEARD_OUT, telling).await;
}
