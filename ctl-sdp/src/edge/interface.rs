//! Interfaces and the addresses that this host has on them, as the kernel tells them in files.

use std::io;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

/// Addresses with one of these are not to be used: tentative, and what failed the check for duplicates (`linux/if_addr.h`).
const UNUSABLE: u32 = 0x40 | 0x08;

/// The name of an interface, as the kernel takes it: it becomes part of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName(String);

impl TryFrom<String> for InterfaceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b':');
        let fits = (1..=15).contains(&name.len()) && name != "." && name != "..";
        match fits && name.bytes().all(is_plain) {
            true => Ok(Self(name)),
            false => Err(format!("{name:?} is no interface's name, such as eth1")),
        }
    }
}

impl std::str::FromStr for InterfaceName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::try_from(name.to_owned())
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.0
    }
}

impl std::fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl InterfaceName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its number.
    ///
    /// # Errors
    /// In words; the usual one is that there is no such interface.
    pub fn index(&self) -> Result<u32, String> {
        let path = format!("/sys/class/net/{self}/ifindex");
        match std::fs::read_to_string(path) {
            Ok(text) => text.trim().parse().map_err(|_| format!("interface {self}: its number is {text:?}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.index_by_address(),
            Err(error) => Err(format!("interface {self}: {error}")),
        }
    }

    /// The same where the files of another network namespace are mounted: an interface with addresses is told twice.
    fn index_by_address(&self) -> Result<u32, String> {
        let all = addresses().map_err(|error| format!("interface {self}: {error}"))?;
        let mut of = all.iter().filter(|address| address.interface == self.0);
        of.next().map(|address| address.index).ok_or_else(|| format!("there is no interface {self}"))
    }
}

/// An address of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    pub address: Ipv6Addr,
    /// The interface's number.
    pub index: u32,
    pub interface: String,
}

impl OwnAddress {
    /// From a line of the kernel's: `fe80…  02 40 20 80 eth1`: address, interface, prefix, scope, flags, name
    /// (`net/ipv6/addrconf.c`). None if it is none, or not settled yet.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let mut parts = line.split_ascii_whitespace();
        let address = u128::from_str_radix(parts.next()?, 16).ok()?;
        let mut hex = || u32::from_str_radix(parts.next()?, 16).ok();
        let (index, _, _, flags) = (hex()?, hex()?, hex()?, hex()?);
        let interface = parts.next()?.to_owned();
        (flags & UNUSABLE == 0).then(|| Self { address: address.into(), index, interface })
    }
}

/// This host's usable addresses on an interface.
///
/// # Errors
/// The operating system's.
pub fn own_addresses(index: u32) -> io::Result<Vec<Ipv6Addr>> {
    let all = addresses()?.into_iter();
    Ok(all.filter(|address| address.index == index).map(|address| address.address).collect())
}

fn addresses() -> io::Result<Vec<OwnAddress>> {
    match std::fs::read_to_string("/proc/self/net/if_inet6") {
        Ok(text) => Ok(text.lines().filter_map(OwnAddress::read).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
