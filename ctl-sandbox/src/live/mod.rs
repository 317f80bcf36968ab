//! Live services for pretend PKIs: OCSP responders, CRLs, issuers' certificates, EST, root pools and a status
//! endpoint, with a switch for everything that can be wrong with them.
//!
//! [`Live::start`] listens and answers until it is dropped. Every PKI without `services` gets names of its own,
//! one for each kind of service: `ocsp.aurora.example`, `crl.aurora.example`. [`Live::resolve`] says where they
//! lead at this moment. Each fault changes one thing and leaves the rest in order; [`switches`] lists them.

mod answer;
mod authority;
mod body;
mod bundle;
mod canaries;
mod code;
mod control;
mod crl;
mod der;
mod error;
mod faults;
mod hosts;
mod kind;
mod ocsp;
mod route;
mod serve;
mod shared;
mod sign;
mod switches;
mod tls;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctl_pki::Certificate;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use authority::{OcspSigner, Revocation};
pub use canaries::Canaries;
pub use code::Code;
pub use error::LiveError;
pub use faults::Fault;
pub use kind::Kind;
pub use switches::{NOT_SWITCHED, Switch, switch, switches};

use self::serve::{Speaks, listen};
use self::shared::{Others, Service, Shared};
use crate::{Pki, PkiSpec, Role};

/// Tells the time in Unix seconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Further loopback addresses, where the first is the usual one: one that answers too, one where connections are
/// not accepted, and one where nobody listens.
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const DEAF: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4));
/// How long filling a queue may take; the connection is to this machine.
const FILLING: Duration = Duration::from_secs(2);
/// How often a port is looked for that is free at both addresses.
const TRIES: usize = 20;

/// Which PKIs are served, and where.
#[derive(Clone)]
pub struct Options {
    /// Where HTTP is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where HTTPS is served.
    pub listen_tls: SocketAddr,
    /// Where faults are switched.
    pub control: SocketAddr,
    /// What the names of services end in.
    pub domain: String,
    /// The PKIs. Those without `services` get addresses under `domain`, with the port that was found.
    pub pkis: Vec<PkiSpec>,
    /// Who signs OCSP answers.
    pub ocsp_signer: OcspSigner,
    /// How late an answer is that is `slow`.
    pub slow: Duration,
    /// The clock of every answer.
    pub clock: Clock,
}

impl Options {
    /// These PKIs on free ports of 127.0.0.1, by the system's clock.
    #[must_use]
    pub fn new(pkis: Vec<PkiSpec>) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: loopback,
            listen_tls: loopback,
            control: loopback,
            domain: "example".to_owned(),
            pkis,
            ocsp_signer: OcspSigner::default(),
            slow: Duration::from_secs(11),
            clock: Arc::new(system_time),
        }
    }
}

fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Live services. They end when this is dropped.
pub struct Live {
    shared: Arc<Shared>,
    control: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    /// Kept, so that it stays full.
    _deaf: Option<[Deaf; 2]>,
}

/// A listener that accepts nothing, and the connection that fills its queue.
type Deaf = (TcpListener, TcpStream);

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Live(http {}, https {}, control {})", self.address(), self.tls_address(), self.control)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Live {
    /// Listens, makes the PKIs and begins to answer, on the runtime that this is called in.
    pub async fn start(options: Options) -> Result<Self, LiveError> {
        let http = bind_pair(options.listen).await?;
        let https = bind_pair(options.listen_tls).await?;
        let control = bind(options.control).await?;
        let control_address = address(&control, options.control)?;
        let addresses = [address(&http.0, options.listen)?, address(&https.0, options.listen_tls)?];
        let deaf = deaf(addresses).await;
        let others = Others {
            second: http.1.as_ref().and(https.1.as_ref()).map(|_| SECOND),
            deaf: deaf.as_ref().map(|_| DEAF),
            nobody: addresses.iter().all(is_usual).then_some(NOBODY),
        };
        let shared = Arc::new(Shared::new(options, addresses, others)?);
        let tls = TlsAcceptor::from(Arc::new(tls::config(shared.clone())?));
        let listeners = [
            (Some(http.0), Speaks::Http),
            (http.1, Speaks::Http),
            (Some(https.0), Speaks::Https(tls.clone())),
            (https.1, Speaks::Https(tls)),
            (Some(control), Speaks::Control),
        ];
        let listeners = listeners.into_iter().filter_map(|(listener, speaks)| Some((listener?, speaks)));
        let tasks = listeners
            .map(|(listener, speaks)| tokio::spawn(listen(shared.clone(), listener, speaks)))
            .collect();
        Ok(Self { shared, control: control_address, tasks, _deaf: deaf })
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Where HTTPS is served.
    #[must_use]
    pub fn tls_address(&self) -> SocketAddr {
        self.shared.tls_address
    }

    /// Where faults are switched.
    #[must_use]
    pub fn control_address(&self) -> SocketAddr {
        self.control
    }

    /// The CA above the certificates of the HTTPS services, as PEM.
    #[must_use]
    pub fn tls_root_pem(&self) -> String {
        self.shared.tls.certificate().to_pem()
    }

    /// The PKIs, by their names in addresses.
    pub fn pkis(&self) -> impl Iterator<Item = (&str, &Pki)> {
        self.shared.services.iter().map(|service| (service.slug.as_str(), &service.pki))
    }

    /// The PKI of this name in addresses.
    pub fn pki(&self, slug: &str) -> Result<&Pki, LiveError> {
        self.shared.known(slug).map(|service| &service.pki)
    }

    /// The addresses of a PKI's services of one kind: of every CA where each has its own.
    pub fn urls(&self, slug: &str, kind: Kind) -> Result<Vec<String>, LiveError> {
        self.shared.known(slug).map(|service| self.shared.urls(service, kind))
    }

    /// The names that lead to services.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.shared.names()
    }

    /// The addresses of a name at this moment, faults of names included; none for a name that does not resolve.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Vec<IpAddr> {
        self.shared.resolve(name)
    }

    /// Switches a fault of a PKI's services of one kind, by the names that watches use, on or off.
    pub fn set_fault(&self, pki: &str, kind: &str, code: &str, on: bool) -> Result<(), LiveError> {
        self.shared.set(pki, None, kind, code, on)
    }

    /// Switches a fault only where the service speaks for one CA.
    pub fn set_fault_of(
        &self,
        pki: &str,
        issuer: Role,
        kind: &str,
        code: &str,
        on: bool,
    ) -> Result<(), LiveError> {
        self.shared.set(pki, Some(issuer.file_name()), kind, code, on)
    }

    /// Switches every fault off.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// The faults that are on.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.faults.list()
    }

    /// Makes a certificate known as issued by a CA, for instance a cross-certificate; with a revocation, as
    /// revoked. Asked again without one, the revocation is lifted.
    pub fn record(
        &self,
        pki: &str,
        issuer: Role,
        certificate: &Certificate,
        revocation: Option<Revocation>,
    ) -> Result<(), LiveError> {
        let service = self.shared.known(pki)?;
        service.authority(issuer.file_name())?.record(certificate.serial(), revocation);
        Ok(())
    }

    /// What every CA of a PKI is asked about by those who watch it.
    pub fn canaries(&self, pki: &str) -> Result<Vec<Canaries>, LiveError> {
        self.shared.known(pki).map(|service| self.shared.canaries(service))
    }
}

/// Listens at an address and, where it is the usual loopback address, at a second one with the same port.
async fn bind_pair(wanted: SocketAddr) -> Result<(TcpListener, Option<TcpListener>), LiveError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let first = bind(wanted).await?;
        if !is_usual(&wanted) {
            return Ok((first, None));
        }
        let port = address(&first, wanted)?.port();
        match TcpListener::bind((SECOND, port)).await {
            Ok(second) => return Ok((first, Some(second))),
            // A free port may be taken at the other address, if there is one.
            Err(_) if tries < TRIES && wanted.port() == 0 => {}
            Err(_) => return Ok((first, None)),
        }
    }
}

fn is_usual(address: &SocketAddr) -> bool {
    address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// Listeners at these ports of another address, full for ever: who connects waits until patience ends. `None` where
/// the machine has no such address.
async fn deaf(addresses: [SocketAddr; 2]) -> Option<[Deaf; 2]> {
    let fill = async |address: SocketAddr| {
        let address = SocketAddr::new(DEAF, address.port());
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind(address).ok()?;
        // The queue takes one connection more than its size.
        let listener = socket.listen(0).ok()?;
        let connected = tokio::time::timeout(FILLING, TcpStream::connect(address)).await.ok()?.ok()?;
        Some((listener, connected))
    };
    let [http, https] = addresses;
    if !is_usual(&http) || !is_usual(&https) {
        return None;
    }
    Some([fill(http).await?, fill(https).await?])
}

async fn bind(address: SocketAddr) -> Result<TcpListener, LiveError> {
    TcpListener::bind(address).await.map_err(|source| LiveError::Listen { address, source })
}

fn address(listener: &TcpListener, wanted: SocketAddr) -> Result<SocketAddr, LiveError> {
    listener.local_addr().map_err(|source| LiveError::Listen { address: wanted, source })
}
