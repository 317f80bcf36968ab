//! Which addresses may be called. What comes out of DNS for a name in a certificate is an attacker's choice;
//! whoever could send the fetcher to loopback, the local network or a cloud's metadata service would use the
//! server as a way in.
//!
//! The lists are IANA's registries of special-purpose addresses (RFC 6890). IPv6 is judged the other way round:
//! only global unicast (2000::/3) may be called, less what is special in it. An IPv6 address that stands for an
//! IPv4 address (mapped, NAT64 by the well-known prefix, 6to4) is judged as that one. A NAT64 prefix of a
//! network's own cannot be told from other global addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use ctl_host::network::Network;

use super::{FetchError, Reason};
use crate::options::Ports;
use crate::place::Place;

/// IPv4 networks that are not called, each with what it is.
const V4: [(Ipv4Addr, u8, &str); 14] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by carriers (CGNAT)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local, where metadata services are"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relays"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 3, "multicast or reserved"),
];

/// Networks inside 2000::/3 that are not called, each with what it is.
const V6: [(Ipv6Addr, u8, &str); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved for protocols (Teredo, ORCHID)"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
];

/// Says which addresses and ports may be called.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow: Vec<Network>,
    ports: Vec<Ports>,
}

impl Guard {
    /// Special addresses may be called only in these networks, and nothing but at these ports.
    #[must_use]
    pub const fn new(allow: Vec<Network>, ports: Vec<Ports>) -> Self {
        Self { allow, ports }
    }

    /// Says whether a port may be called: behind others may be anything, whatever the address.
    ///
    /// # Errors
    /// [`Reason::AddressForbidden`].
    pub fn check_port(&self, port: u16) -> Result<(), FetchError> {
        if self.ports.iter().any(|ports| ports.contain(port)) {
            return Ok(());
        }
        let detail = format!("port {port} is not among [fetch] ports of the configuration");
        Err(FetchError::new(Reason::AddressForbidden, detail))
    }

    /// Says whether a URL may be called as far as it says so itself: by its form, its port, and the address if it gives
    /// one. What a name leads to is judged when it is called. True if it is asked over TLS.
    ///
    /// # Errors
    /// [`Reason::AddressForbidden`].
    pub fn check_url(&self, url: &str) -> Result<bool, FetchError> {
        let place = Place::parse(url)?;
        self.check_port(place.port())?;
        if let Ok(address) = place.host() {
            self.check(address.to_canonical()).map_err(|what| {
                FetchError::new(Reason::AddressForbidden, format!("{address} is {what} and is not called"))
            })?;
        }
        Ok(place.is_tls())
    }

    /// Says why an address may not be called.
    ///
    /// # Errors
    /// What the address is.
    pub fn check(&self, address: IpAddr) -> Result<(), &'static str> {
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        match address {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                special(
                    V4.iter().map(|(of, prefix, what)| ((bits ^ of.to_bits()).leading_zeros(), prefix, what)),
                )?;
            }
            IpAddr::V6(address) => match embedded(address) {
                Some(inside) => self.check(IpAddr::V4(inside))?,
                None => check_v6(address)?,
            },
        }
        if is_own(address) { Err("an address of this machine") } else { Ok(()) }
    }
}

/// Whether an address is one of this machine's, on any of its interfaces: what is sent to such a one comes from
/// itself. Asked anew each time, for interfaces come and go; nothing is sent. What a translator outside the machine
/// makes of its address cannot be seen from here.
fn is_own(address: IpAddr) -> bool {
    let binds = |address: IpAddr| UdpSocket::bind((address, 0)).is_ok();
    // There are machines that bind to any address; what they call begins with their own all the same.
    let (any, nobodys): (IpAddr, IpAddr) = match address {
        IpAddr::V4(_) => ([0; 4].into(), [192, 0, 2, 1].into()),
        IpAddr::V6(_) => ([0; 16].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
    };
    let calls_itself = || {
        let socket = UdpSocket::bind((any, 0)).and_then(|socket| {
            socket.connect((address, 9))?;
            socket.local_addr()
        });
        socket.is_ok_and(|own| own.ip() == address)
    };
    binds(address) && (!binds(nobodys) || calls_itself())
}

fn check_v6(address: Ipv6Addr) -> Result<(), &'static str> {
    let bits = address.to_bits();
    special(V6.iter().map(|(of, prefix, what)| ((bits ^ of.to_bits()).leading_zeros(), prefix, what)))?;
    match address.segments() {
        [0x2000..=0x3fff, ..] => Ok(()),
        [0, 0, 0, 0, 0, 0, 0, 1] => Err("loopback"),
        [0, 0, 0, 0, 0, 0, ..] => Err("unspecified, or IPv4 in a form long gone"),
        [0xfc00..=0xfdff, ..] => Err("private (unique local)"),
        [0xfe80..=0xfebf, ..] => Err("link-local"),
        [0xff00..=0xffff, ..] => Err("multicast"),
        _ => Err("not global unicast"),
    }
}

fn special<'a>(networks: impl Iterator<Item = (u32, &'a u8, &'a &'static str)>) -> Result<(), &'static str> {
    let mut hits = networks.filter(|(same_bits, prefix, _)| *same_bits >= u32::from(**prefix));
    hits.next().map_or(Ok(()), |(_, _, what)| Err(what))
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guard(allow: &[&str]) -> Guard {
        Guard::new(allow.iter().map(|network| network.parse().unwrap()).collect(), Vec::new())
    }

    fn refused(address: &str) -> bool {
        guard(&[]).check(address.parse().unwrap()).is_err()
    }

    #[test]
    fn addresses_of_this_machine_are_told_from_others() {
        assert!(is_own([127, 0, 0, 1].into()) && is_own([127, 9, 9, 9].into()));
        assert!(!is_own([192, 0, 2, 1].into()));
        // Where there is a way out, the address that it begins with.
        let out = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        if out.connect(("192.0.2.1", 9)).is_ok() {
            assert!(is_own(out.local_addr().unwrap().ip()));
        }
    }

    #[test]
    fn only_ports_of_the_configuration_are_called() {
        let guard = Guard::new(Vec::new(), vec![Ports::from(80), "8000-8010".parse().unwrap()]);
        for (port, is_called) in [(80, true), (443, false), (8000, true), (8010, true), (8011, false)] {
            assert_eq!(guard.check_port(port).is_ok(), is_called, "{port}");
        }
        assert!(Guard::default().check_port(80).is_err());
    }

    #[test]
    fn special_addresses_are_refused_in_every_form() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "2002:c0a8:101::1",
            "3fff:fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(refused(address), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_called() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "2002:808:808::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
            "3ffe::1",
        ] {
            assert!(!refused(address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_in_every_form_and_nothing_beside_it() {
        let guard = guard(&["127.0.0.0/8", "fd00:1::/32"]);
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "fd00:1::5"] {
            assert_eq!(guard.check(address.parse().unwrap()), Ok(()), "{address}");
        }
        for address in ["::1", "10.0.0.1", "169.254.169.254", "fd00:2::5", "::ffff:10.0.0.1"] {
            assert!(guard.check(address.parse().unwrap()).is_err(), "{address}");
        }
    }

    proptest! {
        /// Whatever std calls special is refused, and an IPv4 address is judged alike in all its forms.
        #[test]
        fn ipv4(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let guard = Guard::default();
            let verdict = guard.check(address.into());
            if address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_unspecified() || address.is_multicast() || address.is_broadcast()
                || address.is_documentation()
            {
                prop_assert!(verdict.is_err());
            }
            let [a, b, c, d] = address.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for form in [
                address.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(guard.check(form.into()), verdict, "{}", form);
            }
            prop_assert!(guard.check(address.to_ipv6_compatible().into()).is_err());
        }

        /// Only global unicast is ever called, unless the address stands for an IPv4 address.
        #[test]
        fn ipv6(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            if Guard::default().check(address.into()).is_ok() && embedded(address).is_none() {
                prop_assert_eq!(bits >> 125, 1);
                prop_assert!(!address.is_unique_local() && !address.is_unicast_link_local());
                prop_assert!(!address.is_multicast() && !address.is_loopback());
            }
        }

        /// The same where it is hard: near the borders of each network.
        #[test]
        fn borders(index in 0..V4.len(), below in 0u32..3, above in 0u32..3) {
            let (network, prefix, _) = V4[index];
            let (first, size) = (network.to_bits(), 1u64 << (32 - u32::from(prefix)));
            let last = u32::try_from(u64::from(first) + size - 1).unwrap();
            let guard = Guard::default();
            for inside in [first.saturating_add(above), last.saturating_sub(below)] {
                prop_assert!(guard.check(Ipv4Addr::from_bits(inside).into()).is_err());
            }
        }
    }
}
