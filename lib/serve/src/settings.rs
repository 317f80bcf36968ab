//! What a configuration says of the HTTP server.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use ctl_host::network::Network;
use ctl_host::words::Words;
use serde::Deserialize;

use crate::limits::Limits;

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub listen: SocketAddr,
    /// As [`Limits::writes_per_minute`].
    pub writes_per_minute: NonZeroU32,
    /// As [`Limits::write_burst`].
    pub write_burst: NonZeroU32,
    /// As [`Limits::reads_per_minute`].
    pub reads_per_minute: NonZeroU32,
    /// As [`Limits::read_burst`].
    pub read_burst: NonZeroU32,
    /// As [`Limits::file_reads_per_minute`].
    pub file_reads_per_minute: NonZeroU32,
    /// As [`Limits::file_read_burst`].
    pub file_read_burst: NonZeroU32,
    /// As [`Limits::bytes_in_flight`].
    pub bytes_in_flight: usize,
    /// As [`Limits::connections`].
    pub connections: usize,
    /// As [`Limits::connections_per_client`].
    pub connections_per_client: usize,
    /// As [`Limits::header_timeout`].
    pub header_timeout: Words,
    /// As [`Limits::body_timeout`].
    pub body_timeout: Words,
    /// As [`Limits::write_timeout`].
    pub write_timeout: Words,
    /// As [`Limits::shutdown`].
    pub shutdown: Words,
    /// As [`Limits::trusted_proxies`].
    pub trusted_proxies: Vec<Network>,
}

impl Default for Http {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            writes_per_minute: limits.writes_per_minute,
            write_burst: limits.write_burst,
            reads_per_minute: limits.reads_per_minute,
            read_burst: limits.read_burst,
            file_reads_per_minute: limits.file_reads_per_minute,
            file_read_burst: limits.file_read_burst,
            bytes_in_flight: limits.bytes_in_flight,
            connections: limits.connections,
            connections_per_client: limits.connections_per_client,
            header_timeout: Words(limits.header_timeout),
            body_timeout: Words(limits.body_timeout),
            write_timeout: Words(limits.write_timeout),
            shutdown: Words(limits.shutdown),
            trusted_proxies: limits.trusted_proxies,
        }
    }
}

impl Http {
    /// The limits of the HTTP server.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            writes_per_minute: self.writes_per_minute,
            write_burst: self.write_burst,
            reads_per_minute: self.reads_per_minute,
            read_burst: self.read_burst,
            file_reads_per_minute: self.file_reads_per_minute,
            file_read_burst: self.file_read_burst,
            bytes_in_flight: self.bytes_in_flight,
            connections: self.connections,
            connections_per_client: self.connections_per_client,
            header_timeout: self.header_timeout.0,
            body_timeout: self.body_timeout.0,
            write_timeout: self.write_timeout.0,
            shutdown: self.shutdown.0,
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }
}
