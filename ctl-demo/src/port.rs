//! A free port for a program that must be told one before it starts. It lies below those that systems give to whoever
//! asks for any, so that nobody is given it meanwhile.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::Problem;

/// Above what is well known, and below what Linux and the BSDs give away by themselves.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
/// Where so many are taken, something else is wrong.
const ATTEMPTS: u64 = 100;

/// An address of loopback at which nobody listens.
pub(crate) fn free(whose: &str) -> Result<SocketAddr, Problem> {
    let random = RandomState::new();
    let mut refused = None;
    for attempt in 0..ATTEMPTS {
        let offset = random.hash_one(attempt) % u64::from(RANGE.end - RANGE.start);
        let port = RANGE.start.saturating_add(u16::try_from(offset).unwrap_or(0));
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|taken| taken.local_addr()) {
            Ok(address) => return Ok(address),
            Err(error) => refused = Some(error),
        }
    }
    let why = refused.map_or_else(String::new, |error| format!(": {error}"));
    Err(Problem::Unexpected(format!("no port for {whose}{why}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_port_that_is_taken_is_not_given() {
        let first = super::free("one").unwrap();
        let taken = std::net::TcpListener::bind(first).unwrap();
        for _ in 0..50 {
            assert_ne!(super::free("another").unwrap(), taken.local_addr().unwrap());
        }
    }
}
