//! How often one caller may ask, and who the caller is.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

use ctl_host::network::Network;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use warp::http::HeaderMap;

/// One who is counted: an IPv4 address, or an IPv6 network of 64 bits, which one subscriber has whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// Who sent a request: the peer, or what a trusted proxy says of it. Each proxy appends the
    /// address it saw, so the last one that is no trusted proxy counts; what stands before it
    /// anybody could have written.
    #[must_use]
    pub fn of(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        let mut client = peer.ip();
        if is_trusted(client) {
            let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
            let chain: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
            for address in chain.iter().rev() {
                let Ok(address) = address.parse() else { break };
                client = address;
                if !is_trusted(client) {
                    break;
                }
            }
        }
        Self::from(client)
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Counts requests of one kind per client.
///
/// The number of counters is fixed, however many addresses call: now and then two clients share
/// one. Which ones changes with every start, so that nobody can choose whose.
#[derive(Debug)]
pub struct Rate {
    limiter: DefaultKeyedRateLimiter<u64>,
    places: RandomState,
    burst: NonZeroU32,
}

/// Counters of a [`Rate`] at most.
const COUNTERS: u64 = 1 << 18;

impl Rate {
    /// Allows `per_minute` requests on average, and `burst` at once.
    #[must_use]
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst));
        Self { limiter, places: RandomState::new(), burst }
    }

    /// Counts a request that is worth `worth` ordinary ones.
    ///
    /// # Errors
    /// The seconds after which the client may try again.
    pub fn check(&self, client: Client, worth: NonZeroU32) -> Result<(), u64> {
        let counter = self.places.hash_one(client) % COUNTERS;
        // Nothing is worth more than what anyone may ask at once.
        match self.limiter.check_key_n(&counter, worth.min(self.burst)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                Err(wait.as_secs().saturating_add(1))
            }
            Err(_) => Err(1),
        }
    }

    /// Forgets clients that have not asked for long.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        Client::from(text.parse::<IpAddr>().unwrap())
    }

    fn seen_as(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        Client::of(SocketAddr::new(peer.parse().unwrap(), 1), &headers, &trusted)
    }

    #[test]
    fn only_trusted_proxies_say_who_the_client_is() {
        let seen = seen_as("198.51.100.1", &["203.0.113.9"], &["10.0.0.0/8"]);
        assert_eq!(seen, client("198.51.100.1"), "anybody can write a header");
        let seen = seen_as("10.0.0.1", &["192.0.2.66, 203.0.113.9, 10.0.0.2"], &["10.0.0.0/8"]);
        assert_eq!(seen, client("203.0.113.9"), "the client's own header stands first and does not count");
        let seen = seen_as("10.0.0.1", &["192.0.2.66", "203.0.113.9"], &["10.0.0.0/8"]);
        assert_eq!(seen, client("203.0.113.9"));
        assert_eq!(seen_as("10.0.0.1", &["nonsense"], &["10.0.0.1"]), client("10.0.0.1"));
        assert_eq!(seen_as("::ffff:10.0.0.1", &["203.0.113.9"], &["10.0.0.1"]), client("203.0.113.9"));
    }

    #[test]
    fn a_subscriber_with_a_million_addresses_is_one_client() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }

    #[test]
    fn a_burst_is_let_through_and_more_is_not() {
        let (one, three) = (NonZeroU32::MIN, NonZeroU32::new(3).unwrap());
        let rate = Rate::new(one, three);
        assert!((0..3).all(|_| rate.check(client("192.0.2.1"), one).is_ok()));
        assert!(rate.check(client("192.0.2.1"), one).unwrap_err() >= 1);
        assert!(rate.check(client("192.0.2.2"), one).is_ok(), "others are not concerned");
        assert!(
            rate.check(client("192.0.2.3"), NonZeroU32::MAX).is_ok(),
            "what is worth more than all takes all"
        );
        assert!(rate.check(client("192.0.2.3"), one).is_err());
        for number in 0..COUNTERS * 2 {
            let stranger = Client::from(IpAddr::V6(Ipv6Addr::from_bits(u128::from(number) << 64)));
            let _ = rate.check(stranger, one);
        }
        assert!(rate.limiter.len() as u64 <= COUNTERS, "strangers without number fill no memory");
    }
}
