//! A responder in memory for tests: it reads requests, answers rightly, and does wrong what a test wants wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use ctl_core::names::ParticipantId;
use ctl_pki::Certificate;
use ctl_policy::sla::Limits;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::OcspProbe;
use crate::monitor::code::{Code, Weight};
use crate::monitor::fetch::{Addresses, Answer, Exchange, FetchError, Request, Timings};
use crate::monitor::probe::{Fetch, Memory, Probe as _, Probed, Round};
use crate::monitor::target::{Kind, OcspSubject, Origin, Subject, Target, TargetId};

/// 2030-01-01. Everything made here holds then, unless it says otherwise.
pub(super) const NOW: i64 = 1_893_456_000;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;

const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        length @ 0..0x80 => element.push(length as u8),
        length @ 0x80..0x100 => element.extend([0x81, length as u8]),
        length => element.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    element.extend(content);
    element
}

pub(super) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn oid(content: &[u8]) -> Vec<u8> {
    tlv(6, content)
}

/// 1.3.6.1.5.5.7.48.1.x
fn ocsp_oid(number: u8) -> Vec<u8> {
    vec![0x2b, 6, 1, 5, 5, 7, 0x30, 1, number]
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], bytes].concat())
}

fn name(common_name: &str) -> Vec<u8> {
    seq(&[tlv(0x31, &seq(&[oid(&[0x55, 4, 3]), tlv(0x0c, common_name.as_bytes())]))])
}

fn time(seconds: i64) -> Vec<u8> {
    let text = DateTime::from_timestamp(seconds, 0).unwrap().format("%Y%m%d%H%M%SZ").to_string();
    tlv(0x18, text.as_bytes())
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[0xff]) } else { Vec::new() };
    seq(&[oid(id), critical, tlv(4, value)])
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn point(key: &SigningKey) -> Vec<u8> {
    key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

fn sign(signed: &[u8], key: &SigningKey) -> Vec<Vec<u8>> {
    let signature: p256::ecdsa::DerSignature = key.sign(signed);
    vec![signed.to_vec(), seq(&[oid(ECDSA_SHA256)]), bits(signature.as_bytes())]
}

fn certificate(
    subject: &str,
    issuer: &str,
    serial: &[u8],
    keys: [&SigningKey; 2],
    ends: i64,
    more: &[Vec<u8>],
) -> Certificate {
    let curve = oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let spki = seq(&[seq(&[oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), curve]), bits(&point(keys[0]))]);
    let mut parts = vec![
        tlv(0xa0, &tlv(2, &[2])),
        tlv(2, serial),
        seq(&[oid(ECDSA_SHA256)]),
        name(issuer),
        seq(&[time(NOW - 3650 * DAY), time(ends)]),
        name(subject),
        spki,
    ];
    if !more.is_empty() {
        parts.push(tlv(0xa3, &seq(more)));
    }
    Certificate::from_der(&seq(&sign(&seq(&parts), keys[1]))).unwrap()
}

fn ca_extensions() -> [Vec<u8>; 2] {
    [
        extension(&[0x55, 0x1d, 19], true, &seq(&[tlv(1, &[0xff])])),
        extension(&[0x55, 0x1d, 15], true, &tlv(3, &[1, 0x86])),
    ]
}

/// A CA with its key.
pub(super) struct Authority {
    key: SigningKey,
    common_name: String,
    pub(super) certificate: Arc<Certificate>,
}

impl Authority {
    pub(super) fn new(common_name: &str, seed: u8) -> Self {
        let key = key(seed);
        let certificate =
            certificate(common_name, common_name, &[1], [&key, &key], NOW + 3650 * DAY, &ca_extensions());
        Self { key, common_name: common_name.to_owned(), certificate: Arc::new(certificate) }
    }

    /// The CertID by SHA-1 of a certificate.
    pub(super) fn cert_id(&self, serial: &[u8]) -> Vec<u8> {
        let digest = |bytes: &[u8]| tlv(4, &Sha1::digest(bytes));
        seq(&[
            seq(&[oid(&[0x2b, 0x0e, 3, 2, 0x1a]), tlv(5, &[])]),
            digest(self.certificate.subject_der()),
            digest(self.certificate.public_key_bits()),
            tlv(2, serial),
        ])
    }

    /// A certificate of a user.
    pub(super) fn issue(&self, serial: u8) -> Arc<Certificate> {
        let keys = [&key(200), &self.key];
        Arc::new(certificate("user", &self.common_name, &[0x10, serial], keys, NOW + 365 * DAY, &[]))
    }

    /// A certificate of a sub-CA.
    pub(super) fn certify(&self, serial: u8) -> Arc<Certificate> {
        let keys = [&key(201), &self.key];
        Arc::new(certificate(
            "Sub-CA",
            &self.common_name,
            &[0x10, serial],
            keys,
            NOW + 365 * DAY,
            &ca_extensions(),
        ))
    }

    /// The certificate of a responder that speaks for it.
    pub(super) fn delegate(&self, ends: i64, lacks: Lacks) -> Delegate {
        let mut extensions = vec![extension(&[0x55, 0x1d, 15], true, &tlv(3, &[7, 0x80]))];
        if lacks != Lacks::Nocheck {
            extensions.push(extension(&ocsp_oid(5), false, &[5, 0]));
        }
        if lacks != Lacks::Purpose {
            let purpose = seq(&[oid(&[0x2b, 6, 1, 5, 5, 7, 3, 9])]);
            extensions.push(extension(&[0x55, 0x1d, 37], false, &purpose));
        }
        let key = key(100);
        let certificate =
            certificate("Responder", &self.common_name, &[0x20], [&key, &self.key], ends, &extensions);
        Delegate { key, certificate }
    }
}

/// What a responder's certificate lacks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacks {
    Nothing,
    /// OCSPSigning
    Purpose,
    /// id-pkix-ocsp-nocheck
    Nocheck,
}

/// A responder that a CA certified.
#[derive(Clone)]
pub(super) struct Delegate {
    key: SigningKey,
    certificate: Certificate,
}

/// What a responder was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Incoming {
    pub(super) is_get: bool,
    /// The last octet of the address.
    pub(super) address: u8,
    /// The base64 of a GET.
    pub(super) base64: String,
    pub(super) is_garbage: bool,
    pub(super) is_sha256: bool,
    pub(super) issuer: Option<usize>,
    pub(super) serial: Vec<u8>,
    cert_id: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl Incoming {
    /// The nonce's octets.
    pub(super) fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref().and_then(inside)
    }
}

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Good,
    /// With the number of the reason.
    Revoked(Option<u8>),
    Unknown,
}

/// An answer in the making.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) http_status: u16,
    pub(super) content_type: &'static str,
    pub(super) cache_control: Option<String>,
    /// 0 is successful.
    pub(super) status: u8,
    pub(super) says: Says,
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
    pub(super) produced_at: i64,
    pub(super) cert_id: Vec<u8>,
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) extensions: Vec<Vec<u8>>,
    pub(super) delegate: Option<Delegate>,
    /// Signed by the CA of this number, if not by the one asked about.
    pub(super) signed_by: usize,
    pub(super) spoils_signature: bool,
    /// Sent instead of everything.
    pub(super) body: Option<Vec<u8>>,
    /// Nothing is sent.
    pub(super) error: Option<Code>,
    pub(super) took_ms: u64,
}

type Fault = Box<dyn Fn(&Incoming, &mut Outgoing) + Send + Sync>;

/// A responder for a few CAs.
pub(super) struct Responder {
    pub(super) authorities: Vec<Authority>,
    /// What it says, by CA and serial number. Everything else it does not know.
    pub(super) register: BTreeMap<(usize, Vec<u8>), Says>,
    pub(super) addresses: u8,
    pub(super) now: i64,
    fault: Fault,
    /// Everything that was asked.
    pub(super) asked: std::sync::Mutex<Vec<Incoming>>,
}

/// The next element and what follows it.
fn take(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let octets = rest.get(..usize::from(first & 0x7f))?;
        rest = rest.get(octets.len()..)?;
        length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
    }
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

fn inside(der: &[u8]) -> Option<&[u8]> {
    take(der).map(|(_, content, _)| content)
}

impl Responder {
    pub(super) fn new(fault: impl Fn(&Incoming, &mut Outgoing) + Send + Sync + 'static) -> Self {
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
            Some(code) => Err(FetchError { code, detail: code.meaning().to_owned(), partial: None }),
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
        let mut basic = sign(&seq(&parts), by);
        if outgoing.spoils_signature {
            *basic[2].last_mut().unwrap() ^= 1;
        }
        basic.extend(certificates.map(|certificate| tlv(0xa0, &seq(&[certificate]))));
        let bytes = tlv(0xa0, &seq(&[oid(&ocsp_oid(1)), tlv(4, &seq(&basic))]));
        seq(&[tlv(0x0a, &[0]), bytes])
    }

    /// The bytes of a right answer to a question without a nonce, as far as mutation needs them.
    pub(super) fn specimen(&self, cert_id: Vec<u8>) -> Vec<u8> {
        let asked = Incoming { cert_id, issuer: Some(0), ..Incoming::default() };
        let mut answer = self.answer(&asked);
        answer.says = Says::Good;
        self.response(&answer)
    }
}

fn silence() -> FetchError {
    FetchError { code: Code::TcpTimeout, detail: "nothing came in time".to_owned(), partial: None }
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

/// A target for what the responder's first CAs issued, and the rounds that probe it.
pub(super) struct Watch<'a> {
    pub(super) responder: &'a Responder,
    pub(super) target: Target,
    pub(super) limits: Limits,
    memory: Memory,
}

impl<'a> Watch<'a> {
    pub(super) fn new(responder: &'a Responder, subjects: Vec<OcspSubject>) -> Self {
        let operator = "acme".parse::<ParticipantId>().unwrap();
        let url = "http://ocsp.example/".to_owned();
        let target = Target {
            id: TargetId::of(Kind::Ocsp, &operator, &url),
            kind: Kind::Ocsp,
            operator,
            lists: Vec::new(),
            url,
            origins: vec![Origin::Listed],
            subject: Subject::Ocsp(subjects),
            period: Duration::from_secs(30),
        };
        Self { responder, target, limits: Limits::default(), memory: Memory::default() }
    }

    /// Saves and restores what is remembered.
    pub(super) fn restart(&mut self) {
        self.memory = OcspProbe.restore(&OcspProbe.save(&self.memory).unwrap());
    }

    pub(super) async fn round(&mut self, number: u64) -> Probed {
        let round = Round {
            fetch: self.responder,
            limits: &self.limits,
            now: self.responder.now,
            number,
            timeout: Duration::from_secs(15),
            random: Sha256::digest(number.to_be_bytes()).into(),
        };
        let probed = OcspProbe.probe(&self.target, round, &self.memory).await;
        self.memory = probed.memory.clone();
        probed
    }

    /// The codes of several rounds together.
    pub(super) async fn codes(&mut self, rounds: std::ops::Range<u64>) -> BTreeSet<Code> {
        let mut codes = BTreeSet::new();
        for number in rounds {
            let probed = self.round(number).await;
            for finding in &probed.findings {
                assert!(finding.detail.len() > 10, "{finding:?}");
                if finding.code.weight() == Weight::Error {
                    assert!(!probed.evidence.is_empty(), "{finding:?}");
                }
            }
            codes.extend(probed.findings.iter().map(|finding| finding.code));
        }
        codes
    }
}
