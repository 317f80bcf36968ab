//! From names to addresses.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// How many names are looked up at once. The system's resolver takes a thread for each, and keeps it where DNS
/// does not answer, whether or not anybody still waits.
const LOOKUPS: usize = 256;

/// The addresses of a name.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// A lookup, when it is its turn.
pub type Turn<'a> = Pin<Box<dyn Future<Output = io::Result<Lookup<'a>>> + Send + 'a>>;

/// What knows the addresses of names.
pub trait Resolve: Send + Sync {
    /// All addresses of a name (lower case, ASCII).
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;

    /// Waits until the lookup of a name can begin. That it must wait is the fetcher's doing: only what comes after
    /// is the time that DNS takes.
    fn turn<'a>(&'a self, name: &'a str) -> Turn<'a> {
        Box::pin(std::future::ready(Ok(self.resolve(name))))
    }
}

/// The system's resolver, after the names that the configuration answers.
#[derive(Debug)]
pub struct SystemResolver {
    hosts: BTreeMap<String, Vec<IpAddr>>,
    slots: Arc<Semaphore>,
}

impl SystemResolver {
    /// A resolver that answers these names itself.
    #[must_use]
    pub fn new(hosts: &BTreeMap<String, Vec<IpAddr>>) -> Self {
        let hosts = hosts.iter().map(|(name, addresses)| (plain(name), addresses.clone())).collect();
        Self { hosts, slots: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move { self.turn(name).await?.await })
    }

    fn turn<'a>(&'a self, name: &'a str) -> Turn<'a> {
        Box::pin(async move {
            if let Some(addresses) = self.hosts.get(&plain(name)) {
                return Ok(Box::pin(std::future::ready(Ok(addresses.clone()))) as Lookup<'a>);
            }
            let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let lookup = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(slot);
                found.map(|addresses| addresses.map(|address| address.ip()).collect())
            });
            Ok(Box::pin(async move { lookup.await.map_err(io::Error::other)? }) as Lookup<'a>)
        })
    }
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_configuration_answers_before_dns() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let resolver = SystemResolver::new(&BTreeMap::from([("PKI.example".into(), vec![address])]));
        for name in ["pki.example", "pki.example."] {
            assert_eq!(resolver.resolve(name).await.unwrap(), [address], "{name}");
        }
    }
}
