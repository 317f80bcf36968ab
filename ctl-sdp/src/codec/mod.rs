//! SDP on the wire: a V2GTP header and a payload, in UDP to port 15118 and `ff02::1`. Pure; reads exactly what is
//! described here, and writes what it reads.
//!
//! | type | direction | payload |
//! |---|---|---|
//! | 0x9000 | car | security, transport: 2 bytes (ISO 15118-2, 7.10.1) |
//! | 0x9001 | charger | address 16, port 2, security 1, transport 1: 20 bytes |
//! | 0x9002 | car | begins as 0x9000; the rest is kept as it is (ISO 15118-20, wireless) |
//! | 0x9003 | charger | begins as 0x9001; the rest is kept as it is |
//! | 0x9004 | car | identifiers of mobility operators, comma-separated (CharIN's workshop) |
//! | 0x9005 | charger | 20 bytes as 0x9001, then those identifiers that both support, comma-separated |
//!
//! Public sources do not agree on the exact sizes of the wireless pair (61 or 62, 58 or 60 bytes), so they are bounded only.

mod error;
mod identifiers;

use std::net::Ipv6Addr;

pub use error::CodecError;
pub use identifiers::{Identifiers, MAX_IDENTIFIERS};

/// The port of SDP servers.
pub const PORT: u16 = 15118;
/// Where cars ask: all nodes of the link.
pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Bytes of a V2GTP header: version, its inverse, type, length.
pub const HEADER: usize = 8;
/// The largest payload that is read: identifiers, each as long as it may be written, and what comes before them.
pub const MAX_PAYLOAD: usize = ENDPOINT + MAX_IDENTIFIERS * 25;
/// The largest payload of the wireless pair.
const MAX_WIRELESS: usize = 128;
/// Bytes of a request's payload.
const REQUEST: usize = 2;
/// Bytes of a response's payload.
const ENDPOINT: usize = 20;
const VERSION: [u8; 2] = [0x01, 0xfe];

/// The type of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    Request = 0x9000,
    Response = 0x9001,
    WirelessRequest = 0x9002,
    WirelessResponse = 0x9003,
    /// Which of these mobility operators do you support?
    SupportedRequest = 0x9004,
    SupportedResponse = 0x9005,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Request,
        Self::Response,
        Self::WirelessRequest,
        Self::WirelessResponse,
        Self::SupportedRequest,
        Self::SupportedResponse,
    ];

    /// Its number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    Tls,
    None,
}

/// What the connection runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Tcp,
    /// Reserved by the standard.
    Udp,
}

/// What a car asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub security: Security,
    pub transport: Transport,
}

impl Request {
    /// TLS over TCP: what Plug & Charge needs.
    pub const TLS: Self = Self { security: Security::Tls, transport: Transport::Tcp };
}

/// Where a charger's SECC listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Endpoint {
    pub address: Ipv6Addr,
    pub port: u16,
    pub security: Security,
    pub transport: Transport,
}

/// A message of SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    Response(Endpoint),
    WirelessRequest {
        request: Request,
        /// What follows: P2PS and PPD, coupling, EVID and EVSEID.
        rest: Vec<u8>,
    },
    WirelessResponse {
        endpoint: Endpoint,
        /// What follows: status of the diagnosis, coupling, EVSEID.
        rest: Vec<u8>,
    },
    SupportedRequest(Identifiers),
    SupportedResponse {
        endpoint: Endpoint,
        /// Those that both support, in the car's order.
        supported: Identifiers,
    },
}

/// The type of a whole datagram, and its payload.
///
/// # Errors
/// [`CodecError`]
pub fn frame(datagram: &[u8]) -> Result<(Kind, &[u8]), CodecError> {
    let (header, payload) =
        datagram.split_first_chunk::<HEADER>().ok_or(CodecError::Header { found: datagram.len() })?;
    let [v0, v1, t0, t1, l0, l1, l2, l3] = *header;
    if [v0, v1] != VERSION {
        return Err(CodecError::Version { found: [v0, v1] });
    }
    let number = u16::from_be_bytes([t0, t1]);
    let kind = Kind::ALL.into_iter().find(|kind| kind.number() == number);
    let kind = kind.ok_or(CodecError::Kind { found: number })?;
    let said = u32::from_be_bytes([l0, l1, l2, l3]);
    if usize::try_from(said) != Ok(payload.len()) {
        return Err(CodecError::Length { said, found: payload.len() });
    }
    if payload.len() > MAX_PAYLOAD {
        return Err(CodecError::Size { kind, expected: "at most 25620 bytes", found: payload.len() });
    }
    Ok((kind, payload))
}

impl Message {
    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`CodecError`]
    pub fn read(datagram: &[u8]) -> Result<Self, CodecError> {
        let (kind, payload) = frame(datagram)?;
        let size = |expected| CodecError::Size { kind, expected, found: payload.len() };
        let request = || payload.split_first_chunk::<REQUEST>();
        let response = || payload.split_first_chunk::<ENDPOINT>();
        Ok(match kind {
            Kind::Request => match request() {
                Some((request, [])) => Self::Request(read_request(*request)?),
                _ => return Err(size("2 bytes")),
            },
            Kind::Response => match response() {
                Some((endpoint, [])) => Self::Response(read_endpoint(*endpoint)?),
                _ => return Err(size("20 bytes")),
            },
            Kind::WirelessRequest => match request() {
                Some((request, rest)) if payload.len() <= MAX_WIRELESS => {
                    Self::WirelessRequest { request: read_request(*request)?, rest: rest.to_vec() }
                }
                _ => return Err(size("2 to 128 bytes")),
            },
            Kind::WirelessResponse => match response() {
                Some((endpoint, rest)) if payload.len() <= MAX_WIRELESS => {
                    Self::WirelessResponse { endpoint: read_endpoint(*endpoint)?, rest: rest.to_vec() }
                }
                _ => return Err(size("20 to 128 bytes")),
            },
            Kind::SupportedRequest => Self::SupportedRequest(Identifiers::read(payload)?),
            Kind::SupportedResponse => {
                let (endpoint, rest) = response().ok_or_else(|| size("20 bytes or more"))?;
                let supported = Identifiers::read(rest)?;
                Self::SupportedResponse { endpoint: read_endpoint(*endpoint)?, supported }
            }
        })
    }

    /// The whole datagram.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(64);
        let kind = match self {
            Self::Request(request) => {
                payload.extend(write_request(*request));
                Kind::Request
            }
            Self::Response(endpoint) => {
                payload.extend(write_endpoint(*endpoint));
                Kind::Response
            }
            Self::WirelessRequest { request, rest } => {
                payload.extend(write_request(*request));
                payload.extend(rest);
                Kind::WirelessRequest
            }
            Self::WirelessResponse { endpoint, rest } => {
                payload.extend(write_endpoint(*endpoint));
                payload.extend(rest);
                Kind::WirelessResponse
            }
            Self::SupportedRequest(identifiers) => {
                identifiers.write(&mut payload);
                Kind::SupportedRequest
            }
            Self::SupportedResponse { endpoint, supported } => {
                payload.extend(write_endpoint(*endpoint));
                supported.write(&mut payload);
                Kind::SupportedResponse
            }
        };
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut datagram = Vec::with_capacity(HEADER + payload.len());
        datagram.extend(VERSION);
        datagram.extend(kind.number().to_be_bytes());
        datagram.extend(length.to_be_bytes());
        datagram.extend(payload);
        datagram
    }
}

fn read_request([security, transport]: [u8; REQUEST]) -> Result<Request, CodecError> {
    Ok(Request { security: read_security(security)?, transport: read_transport(transport)? })
}

fn read_endpoint(bytes: [u8; ENDPOINT]) -> Result<Endpoint, CodecError> {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, p0, p1, security, transport] =
        bytes;
    Ok(Endpoint {
        address: [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15].into(),
        port: u16::from_be_bytes([p0, p1]),
        security: read_security(security)?,
        transport: read_transport(transport)?,
    })
}

const fn read_security(byte: u8) -> Result<Security, CodecError> {
    match byte {
        0x00 => Ok(Security::Tls),
        0x10 => Ok(Security::None),
        found => Err(CodecError::Security { found }),
    }
}

const fn read_transport(byte: u8) -> Result<Transport, CodecError> {
    match byte {
        0x00 => Ok(Transport::Tcp),
        0x10 => Ok(Transport::Udp),
        found => Err(CodecError::Transport { found }),
    }
}

const fn write_request(request: Request) -> [u8; REQUEST] {
    let security = match request.security {
        Security::Tls => 0x00,
        Security::None => 0x10,
    };
    let transport = match request.transport {
        Transport::Tcp => 0x00,
        Transport::Udp => 0x10,
    };
    [security, transport]
}

fn write_endpoint(endpoint: Endpoint) -> impl Iterator<Item = u8> {
    let Endpoint { address, port, security, transport } = endpoint;
    let last = write_request(Request { security, transport });
    address.octets().into_iter().chain(port.to_be_bytes()).chain(last)
}
