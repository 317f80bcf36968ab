//! What names lead to in tests.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ctl_fetch::resolve::{Lookup, Resolve, Turn};
use ctl_sandbox::live::Live;

/// The addresses of a name at this moment; `None` if nobody ever says.
type Answer = dyn Fn(&str) -> Option<Vec<IpAddr>> + Send + Sync;

/// Names and their addresses. One without any does not exist.
pub struct Names {
    answer: Box<Answer>,
    /// Others are looked up for so long before it is the turn of any name.
    busy: Duration,
}

impl Names {
    fn answering(answer: impl Fn(&str) -> Option<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { answer: Box::new(answer), busy: Duration::ZERO }
    }

    /// Always the same.
    pub fn new(names: &[(&str, &[&str])]) -> Self {
        let addresses: BTreeMap<String, _> =
            names.iter().map(|(name, addresses)| ((*name).into(), parse(addresses))).collect();
        Self::answering(move |name| Some(addresses.get(name).cloned().unwrap_or_default()))
    }

    /// One address after the other, instead of all.
    pub fn changing(name: &str, addresses: &[&str], asked: Arc<AtomicUsize>) -> Self {
        let (name, addresses) = (name.to_owned(), parse(addresses));
        Self::answering(move |asked_for| {
            if asked_for != name {
                return Some(Vec::new());
            }
            Some(vec![addresses[asked.fetch_add(1, Ordering::SeqCst).min(addresses.len() - 1)]])
        })
    }

    /// Nobody answers.
    pub fn silent() -> Self {
        Self::answering(|_| None)
    }

    /// As the sandbox has them at the moment.
    pub fn of(live: Arc<Live>) -> Self {
        Self::answering(move |name| Some(live.resolve(name)))
    }

    pub fn busy(self, busy: Duration) -> Self {
        Self { busy, ..self }
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let Some(addresses) = (self.answer)(name) else { return std::future::pending().await };
            if addresses.is_empty() { Err(io::Error::other("no such name")) } else { Ok(addresses) }
        })
    }

    fn turn<'a>(&'a self, name: &'a str) -> Turn<'a> {
        Box::pin(async move {
            tokio::time::sleep(self.busy).await;
            Ok(self.resolve(name))
        })
    }
}

fn parse(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}
