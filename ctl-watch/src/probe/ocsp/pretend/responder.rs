//! The responder: what it was asked, what it answers, and where it goes wrong.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ctl_fetch::{Addresses, Answer, Exchange, Fetch, FetchError, Reason, Request, Timings};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::authority::{Authority, Delegate, time};
use super::{DAY, HOUR, NOW};
use crate::testing::bytes::{ECDSA_SHA256, algorithm, extension, name, ocsp_oid, oid, seq, sign, tlv};

/// What a responder was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incoming {
    pub(crate) is_get: bool,
    /// The last byte of the address.
    pub(crate) address: u8,
    /// The base64 of a GET.
    pub(crate) base64: String,
    pub(crate) is_garbage: bool,
    pub(crate) is_sha256: bool,
    pub(crate) issuer: Option<usize>,
    pub(crate) serial: Vec<u8>,
    cert_id: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl Incoming {
    /// The nonce's bytes.
    pub(crate) fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref().and_then(inside)
    }
}

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Good,
    /// With the number of the reason.
    Revoked(Option<u8>),
    Unknown,
}

/// An answer in the making.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) http_status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: Option<String>,
    /// 0 is successful.
    pub(crate) status: u8,
    pub(crate) says: Says,
    pub(crate) this_update: i64,
    pub(crate) next_update: Option<i64>,
    pub(crate) produced_at: i64,
    pub(crate) cert_id: Vec<u8>,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) delegate: Option<Delegate>,
    /// Signed by the CA of this number, if not by the one asked about.
    pub(crate) signed_by: usize,
    pub(crate) spoils_signature: bool,
    /// Sent instead of everything.
    pub(crate) body: Option<Vec<u8>>,
    /// Nothing is sent.
    pub(crate) error: Option<Reason>,
    pub(crate) took_ms: u64,
}

type Fault = Box<dyn Fn(&Incoming, &mut Outgoing) + Send + Sync>;

/// A responder for a few CAs.
pub(crate) struct Responder {
    pub(crate) authorities: Vec<Authority>,
    /// What it says, by CA and serial number. Everything else it does not know.
    pub(crate) register: BTreeMap<(usize, Vec<u8>), Says>,
    pub(crate) addresses: u8,
    pub(crate) now: i64,
    fault: Fault,
    /// Everything that was asked.
    pub(crate) asked: std::sync::Mutex<Vec<Incoming>>,
}

/// The next element and what follows it.
fn take(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let bytes = rest.get(..usize::from(first & 0x7f))?;
        rest = rest.get(bytes.len()..)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    }
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

fn inside(der: &[u8]) -> Option<&[u8]> {
    take(der).map(|(_, content, _)| content)
}

impl Responder {
    pub(crate) fn new(fault: impl Fn(&Incoming, &mut Outgoing) + Send + Sync + 'static) -> Self {
        Self {
            authorities: vec![Authority::new("Root", 1)],
            register: BTreeMap::new(),
            addresses: 1,
            now: NOW,
            fault: Box::new(fault),
            asked: std::sync::Mutex::default(),
        }
    }

    fn read(&self, request: &Request, address: u8) -> Incoming {
        let (der, base64) = match &request.body {
            Some(body) => (body.to_vec(), String::new()),
            None => {
                let path = request.url.rsplit('/').next().unwrap();
                let base64 = path.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=");
                (STANDARD.decode(&base64).unwrap_or_default(), base64)
            }
        };
        let is_get = request.body.is_none();
        let asked = self.understand(&der).unwrap_or(Incoming { is_garbage: true, ..Incoming::default() });
        Incoming { is_get, base64, address, ..asked }
    }

    fn understand(&self, der: &[u8]) -> Option<Incoming> {
        let (_, outer, after) = take(der)?;
        let list = inside(outer)?;
        let (_, requests, extensions) = take(list)?;
        let cert_id = inside(requests)?;
        let content = inside(cert_id)?;
        let (_, _, rest) = take(content)?;
        let (_, name_hash, rest) = take(rest)?;
        let (_, key_hash, rest) = take(rest)?;
        let (_, serial, _) = take(rest)?;
        let is_sha256 = name_hash.len() == 32;
        let digest = |bytes: &[u8]| {
            if is_sha256 { Sha256::digest(bytes).to_vec() } else { Sha1::digest(bytes).to_vec() }
        };
        let issuer = self.authorities.iter().position(|authority| {
            digest(authority.certificate.subject_der()) == name_hash
                && digest(authority.certificate.public_key_bits()) == key_hash
        });
        let nonce = match extensions {
            [] => None,
            extensions => {
                let extension = inside(inside(inside(extensions)?)?)?;
                let (_, _, value) = take(extension)?;
                Some(inside(value)?.to_vec())
            }
        };
        after.is_empty().then(|| Incoming {
            is_sha256,
            issuer,
            serial: serial.to_vec(),
            cert_id: cert_id.to_vec(),
            nonce,
            ..Incoming::default()
        })
    }

    fn answer(&self, asked: &Incoming) -> Outgoing {
        let known = asked.issuer.and_then(|issuer| self.register.get(&(issuer, asked.serial.clone())));
        let mut answer = Outgoing {
            http_status: 200,
            content_type: "application/ocsp-response",
            cache_control: Some(format!("max-age={}, public", 3 * DAY)),
            status: u8::from(asked.is_garbage),
            says: known.copied().unwrap_or(Says::Unknown),
            this_update: self.now - DAY,
            next_update: Some(self.now + 3 * DAY),
            produced_at: self.now - HOUR,
            cert_id: asked.cert_id.clone(),
            nonce: asked.nonce.clone(),
            extensions: Vec::new(),
            delegate: None,
            signed_by: asked.issuer.unwrap_or(0),
            spoils_signature: false,
            body: None,
            error: None,
            took_ms: 20,
        };
        (self.fault)(asked, &mut answer);
        answer
    }

    fn exchange(&self, asked: &Incoming) -> Exchange {
        let outgoing = self.answer(asked);
        let body = outgoing.body.clone().unwrap_or_else(|| self.response(&outgoing));
        let mut headers = vec![("content-type".to_owned(), outgoing.content_type.to_owned())];
        headers.extend(outgoing.cache_control.map(|value| ("cache-control".to_owned(), value)));
        let result = match outgoing.error {
            Some(reason) => Err(FetchError {
                reason,
                detail: crate::Code::from(reason).meaning().to_owned(),
                partial: None,
            }),
            None => Ok(Answer {
                status: outgoing.http_status,
                headers,
                body: Bytes::from(body),
                tls_not_after: None,
            }),
        };
        let total = Duration::from_millis(outgoing.took_ms);
        Exchange {
            address: Some(([192, 0, 2, asked.address], 80).into()),
            timings: Timings { total, ..Timings::default() },
            result,
        }
    }

    fn response(&self, outgoing: &Outgoing) -> Vec<u8> {
        if outgoing.status != 0 {
            return seq(&[tlv(0x0a, &[outgoing.status])]);
        }
        let authority = &self.authorities[outgoing.signed_by];
        let (signer, by, certificates) = match &outgoing.delegate {
            Some(delegate) => ("Responder", &delegate.key, Some(delegate.certificate.der().to_vec())),
            None => (authority.common_name.as_str(), &authority.key, None),
        };
        let status = match outgoing.says {
            Says::Good => tlv(0x80, &[]),
            Says::Unknown => tlv(0x82, &[]),
            Says::Revoked(reason) => {
                let reason = reason.map(|code| tlv(0xa0, &tlv(0x0a, &[code]))).unwrap_or_default();
                tlv(0xa1, &[time(self.now - 200 * DAY), reason].concat())
            }
        };
        let mut single = vec![outgoing.cert_id.clone(), status, time(outgoing.this_update)];
        single.extend(outgoing.next_update.map(|next| tlv(0xa0, &time(next))));
        let mut parts = vec![tlv(0xa1, &name(signer)), time(outgoing.produced_at), seq(&[seq(&single)])];
        let mut extensions = outgoing.extensions.clone();
        extensions.extend(outgoing.nonce.as_ref().map(|value| extension(&ocsp_oid(2), false, value)));
        if !extensions.is_empty() {
            parts.push(tlv(0xa1, &seq(&extensions)));
        }
        let mut basic = sign(&seq(&parts), &algorithm(ECDSA_SHA256), by).to_vec();
        if outgoing.spoils_signature {
            *basic[2].last_mut().unwrap() ^= 1;
        }
        basic.extend(certificates.map(|certificate| tlv(0xa0, &seq(&[certificate]))));
        let bytes = tlv(0xa0, &seq(&[oid(&ocsp_oid(1)), tlv(4, &seq(&basic))]));
        seq(&[tlv(0x0a, &[0]), bytes])
    }

    /// The bytes of a right answer to a question without a nonce, as far as mutation needs them.
    pub(crate) fn specimen(&self, cert_id: Vec<u8>) -> Vec<u8> {
        let asked = Incoming { cert_id, issuer: Some(0), ..Incoming::default() };
        let mut answer = self.answer(&asked);
        answer.says = Says::Good;
        self.response(&answer)
    }
}

fn silence() -> FetchError {
    FetchError { reason: Reason::TcpTimeout, detail: "nothing came in time".to_owned(), partial: None }
}

impl Fetch for Responder {
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        Box::pin(async move {
            let addresses: Vec<u8> = match request.addresses {
                Addresses::All => (1..=self.addresses).collect(),
                Addresses::Turn(turn) => vec![(turn % u64::from(self.addresses)) as u8 + 1],
            };
            let exchanges: Vec<_> = addresses
                .into_iter()
                .map(|address| {
                    let asked = self.read(request, address);
                    self.asked.lock().unwrap().push(asked.clone());
                    let mut exchange = self.exchange(&asked);
                    if exchange.timings.total > request.timeout {
                        exchange.timings.total = request.timeout;
                        exchange.result = Err(silence());
                    }
                    exchange
                })
                .collect();
            let longest = exchanges.iter().map(|exchange| exchange.timings.total).max();
            tokio::time::sleep(longest.unwrap_or_default()).await;
            exchanges
        })
    }
}
