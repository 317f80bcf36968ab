//! Certificates, CRLs and OCSP responses written byte by byte, so that tests can say what no honest issuer would.
#![allow(dead_code, unreachable_pub)]

use ctl_pki::Certificate;
use ctl_pki::crl::{Crl, MAX_CRL_SIZE};
use ctl_pki::ocsp::{MAX_OCSP_SIZE, OcspResponse};
use ctl_pki::revocation::RevocationError;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// 2030-01-01. Everything made here holds then, unless it says otherwise.
pub const NOW: i64 = 1_893_456_000;
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 86_400;
pub const YESTERDAY: &str = "20291231000000Z";
pub const TODAY: &str = "20300101000000Z";
pub const TOMORROW: &str = "20300102000000Z";
pub const LONG_AGO: &str = "20290101000000Z";
pub const MAY: &str = "20290501000000Z";
pub const MAY_SECONDS: i64 = 1_872_288_000;

pub const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
pub const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
pub const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
/// 2.999.1: nobody knows it.
pub const UNHEARD_OF: &[u8] = &[0x88, 0x37, 1];

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        length @ 0..0x80 => element.push(length as u8),
        length @ 0x80..0x100 => element.extend([0x81, length as u8]),
        length @ 0x100..0x1_0000 => element.extend([0x82, (length >> 8) as u8, length as u8]),
        length @ 0x1_0000..0x100_0000 => {
            element.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]);
        }
        length => {
            element.push(0x84);
            element.extend((length as u32).to_be_bytes());
        }
    }
    element.extend(content);
    element
}

pub fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

/// 2.5.29.x
pub fn ce(number: u8) -> Vec<u8> {
    vec![0x55, 0x1d, number]
}

/// 1.3.6.1.5.5.7.48.1.x
pub fn ocsp_oid(number: u8) -> Vec<u8> {
    vec![0x2b, 6, 1, 5, 5, 7, 0x30, 1, number]
}

pub fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

pub fn algorithm(content: &[u8]) -> Vec<u8> {
    seq(&[oid(content)])
}

/// UTCTime when the year is left short.
pub fn time(text: &str) -> Vec<u8> {
    tlv(if text.len() == 13 { 0x17 } else { 0x18 }, text.as_bytes())
}

/// A time of a CRL, written in full: UTCTime through 2049, GeneralizedTime after (RFC 5280 section 5.1.2.4).
pub fn crl_time(text: &str) -> Vec<u8> {
    if text.len() == 15 && text < "2050" { time(&text[2..]) } else { time(text) }
}

pub fn name(common_name: &str) -> Vec<u8> {
    name_as(0x0c, common_name)
}

pub fn name_as(tag: u8, common_name: &str) -> Vec<u8> {
    seq(&[tlv(0x31, &seq(&[oid(&[0x55, 4, 3]), tlv(tag, common_name.as_bytes())]))])
}

pub fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[0xff]) } else { Vec::new() };
    seq(&[oid(id), critical, tlv(4, value)])
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn point(key: &SigningKey) -> Vec<u8> {
    key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

pub fn key_id(key: &SigningKey) -> Vec<u8> {
    Sha1::digest(point(key)).to_vec()
}

pub fn sign(signed: &[u8], algorithm: &[u8], key: &SigningKey) -> [Vec<u8>; 3] {
    let signature: p256::ecdsa::DerSignature = key.sign(signed);
    [signed.to_vec(), algorithm.to_vec(), bits(signature.as_bytes())]
}

/// What stands in a certificate.
#[derive(Clone)]
pub struct Shape {
    pub subject: Vec<u8>,
    pub issuer: Vec<u8>,
    pub serial: Vec<u8>,
    pub not_before: &'static str,
    pub not_after: &'static str,
    pub extensions: Vec<Vec<u8>>,
}

impl Shape {
    pub fn new(subject: &str, issuer: &str, serial: &[u8]) -> Self {
        let (not_before, not_after) = ("200101000000Z", "400101000000Z");
        let (subject, issuer) = (name(subject), name(issuer));
        Self { subject, issuer, serial: serial.to_vec(), not_before, not_after, extensions: Vec::new() }
    }

    pub fn with(mut self, id: &[u8], critical: bool, value: Vec<u8>) -> Self {
        self.extensions.push(extension(id, critical, &value));
        self
    }

    /// The first byte of the bits: 0x06 is keyCertSign and cRLSign, 0x80 is digitalSignature.
    pub fn key_usage(self, bits: u8) -> Self {
        let unused = bits.trailing_zeros().min(7) as u8;
        self.with(&ce(15), true, tlv(3, &[unused, bits]))
    }

    pub fn ca(self) -> Self {
        self.with(&ce(19), true, seq(&[tlv(1, &[0xff])]))
    }

    pub fn subject_key_id(self, key: &SigningKey) -> Self {
        self.with(&ce(14), false, tlv(4, &key_id(key)))
    }

    /// DER of DistributionPoints.
    pub fn distribution_points(self, points: &[Vec<u8>]) -> Self {
        self.with(&ce(31), false, seq(points))
    }

    pub fn extended_key_usage(self, purpose: &[u8]) -> Self {
        self.with(&ce(37), false, seq(&[oid(purpose)]))
    }

    pub fn signed(&self, key: &SigningKey, by: &SigningKey) -> Certificate {
        let curve = oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
        let spki = seq(&[seq(&[oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), curve]), bits(&point(key))]);
        let mut parts = vec![
            tlv(0xa0, &tlv(2, &[2])),
            tlv(2, &self.serial),
            algorithm(ECDSA_SHA256),
            self.issuer.clone(),
            seq(&[time(self.not_before), time(self.not_after)]),
            self.subject.clone(),
            spki,
        ];
        if !self.extensions.is_empty() {
            parts.push(tlv(0xa3, &seq(&self.extensions)));
        }
        let signed = sign(&seq(&parts), &algorithm(ECDSA_SHA256), by);
        Certificate::from_der(&seq(&signed)).unwrap()
    }
}

pub const LEAF_SERIAL: &[u8] = &[0x10, 0x01];
pub const OTHER_SERIAL: &[u8] = &[0x10, 0x02];
pub const CRL_URL: &str = "http://crl.example.com/leaf.crl";

/// A root with its key.
pub struct Authority {
    pub key: SigningKey,
    pub certificate: Certificate,
}

pub fn root() -> Authority {
    root_named("Root", 1)
}

pub fn root_named(common_name: &str, seed: u8) -> Authority {
    let key = key(seed);
    let shape = Shape::new(common_name, common_name, &[1]).ca().key_usage(0x86).subject_key_id(&key);
    Authority { certificate: shape.signed(&key, &key), key }
}

/// A leaf under [`root`].
pub fn leaf() -> Certificate {
    leaf_shape().signed(&key(2), &key(1))
}

pub fn leaf_shape() -> Shape {
    Shape::new("leaf", "Root", LEAF_SERIAL).key_usage(0x80)
}

/// `[0] { [0] { URI } }`: what both kinds of distribution point call a name.
pub fn point_name(names: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xa0, &tlv(0xa0, &names.concat()))
}

pub fn uri(address: &str) -> Vec<u8> {
    tlv(0x86, address.as_bytes())
}

/// What stands in a CRL: by default one of yesterday that revokes nothing.
#[derive(Clone)]
pub struct CrlShape {
    pub version: Option<u8>,
    pub inner_algorithm: Vec<u8>,
    pub outer_algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub this_update: &'static str,
    pub next_update: Option<&'static str>,
    /// Entries, or `Some` of none for an empty list.
    pub entries: Option<Vec<Vec<u8>>>,
    pub extensions: Vec<Vec<u8>>,
    /// Whether thisUpdate and nextUpdate are GeneralizedTime whatever their year.
    pub is_generalized: bool,
}

pub fn crl_shape() -> CrlShape {
    CrlShape {
        version: Some(1),
        inner_algorithm: algorithm(ECDSA_SHA256),
        outer_algorithm: algorithm(ECDSA_SHA256),
        issuer: name("Root"),
        this_update: YESTERDAY,
        next_update: Some(TOMORROW),
        entries: None,
        extensions: vec![
            extension(&ce(35), false, &seq(&[tlv(0x80, &key_id(&key(1)))])),
            extension(&ce(20), false, &tlv(2, &[7])),
        ],
        is_generalized: false,
    }
}

/// One entry; `extensions` are whole.
pub fn entry(serial: &[u8], since: &str, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { seq(extensions) };
    seq(&[tlv(2, serial), crl_time(since), extensions])
}

pub fn reason(code: u8) -> Vec<u8> {
    extension(&ce(21), false, &tlv(0x0a, &[code]))
}

impl CrlShape {
    pub fn revoking(mut self, serial: &[u8], extensions: &[Vec<u8>]) -> Self {
        self.entries.get_or_insert_default().push(entry(serial, MAY, extensions));
        self
    }

    pub fn with(mut self, id: &[u8], critical: bool, value: Vec<u8>) -> Self {
        self.extensions.retain(|present| !present.windows(id.len() + 2).any(|part| part == oid(id)));
        self.extensions.push(extension(id, critical, &value));
        self
    }

    /// The content of an IssuingDistributionPoint.
    pub fn scoped(self, parts: &[Vec<u8>]) -> Self {
        self.with(&ce(28), true, seq(parts))
    }

    pub fn signed_part(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        parts.extend(self.version.map(|version| tlv(2, &[version])));
        let time = if self.is_generalized { time } else { crl_time };
        parts.extend([self.inner_algorithm.clone(), self.issuer.clone(), time(self.this_update)]);
        parts.extend(self.next_update.map(time));
        parts.extend(self.entries.as_ref().map(|entries| seq(entries)));
        if !self.extensions.is_empty() {
            parts.push(tlv(0xa0, &seq(&self.extensions)));
        }
        seq(&parts)
    }

    pub fn der(&self, by: &SigningKey) -> Vec<u8> {
        seq(&sign(&self.signed_part(), &self.outer_algorithm, by))
    }

    pub fn try_signed(&self, by: &SigningKey) -> Result<Crl, RevocationError> {
        Crl::from_der(&self.der(by), MAX_CRL_SIZE)
    }

    /// Signed by the key of [`root`].
    pub fn signed(&self) -> Crl {
        self.try_signed(&key(1)).unwrap()
    }
}

/// What stands in an OCSP response: by default that [`leaf`] is good, signed by [`root`] itself.
#[derive(Clone)]
pub struct OcspShape {
    pub status: u8,
    pub kind: Vec<u8>,
    pub version: Option<u8>,
    pub responder: Vec<u8>,
    pub produced_at: &'static str,
    pub answers: Vec<AnswerShape>,
    pub extensions: Vec<Vec<u8>>,
    pub algorithm: Vec<u8>,
    pub certificates: Vec<Vec<u8>>,
}

#[derive(Clone)]
pub struct AnswerShape {
    pub cert_id: Vec<u8>,
    pub status: Vec<u8>,
    pub this_update: &'static str,
    pub next_update: Option<&'static str>,
    pub extensions: Vec<Vec<u8>>,
}

pub const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
pub const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

pub fn cert_id(hash: &[u8], issuer: &Authority, serial: &[u8]) -> Vec<u8> {
    let digest = |bytes: &[u8]| match hash {
        SHA256 => Sha256::digest(bytes).to_vec(),
        _ => Sha1::digest(bytes).to_vec(),
    };
    seq(&[
        seq(&[oid(hash), tlv(5, &[])]),
        tlv(4, &digest(issuer.certificate.subject_der())),
        tlv(4, &digest(&point(&issuer.key))),
        tlv(2, serial),
    ])
}

pub fn good() -> Vec<u8> {
    tlv(0x80, &[])
}

pub fn unknown() -> Vec<u8> {
    tlv(0x82, &[])
}

pub fn revoked(code: Option<u8>) -> Vec<u8> {
    let reason = code.map(|code| tlv(0xa0, &tlv(0x0a, &[code]))).unwrap_or_default();
    tlv(0xa1, &[time(MAY), reason].concat())
}

pub fn by_name(common_name: &str) -> Vec<u8> {
    tlv(0xa1, &name(common_name))
}

pub fn by_key(key: &SigningKey) -> Vec<u8> {
    tlv(0xa2, &tlv(4, &key_id(key)))
}

/// An answer about [`leaf`].
pub fn answer(status: Vec<u8>) -> AnswerShape {
    AnswerShape {
        cert_id: cert_id(SHA1, &root(), LEAF_SERIAL),
        status,
        this_update: YESTERDAY,
        next_update: Some(TOMORROW),
        extensions: Vec::new(),
    }
}

pub fn ocsp_shape() -> OcspShape {
    OcspShape {
        status: 0,
        kind: ocsp_oid(1),
        version: None,
        responder: by_name("Root"),
        produced_at: YESTERDAY,
        answers: vec![answer(good())],
        extensions: Vec::new(),
        algorithm: algorithm(ECDSA_SHA256),
        certificates: Vec::new(),
    }
}

impl OcspShape {
    pub fn answering(mut self, status: Vec<u8>) -> Self {
        self.answers = vec![answer(status)];
        self
    }

    pub fn der(&self, by: &SigningKey) -> Vec<u8> {
        let answers: Vec<_> = self
            .answers
            .iter()
            .map(|answer| {
                let mut parts = vec![answer.cert_id.clone(), answer.status.clone(), time(answer.this_update)];
                parts.extend(answer.next_update.map(|next| tlv(0xa0, &time(next))));
                if !answer.extensions.is_empty() {
                    parts.push(tlv(0xa1, &seq(&answer.extensions)));
                }
                seq(&parts)
            })
            .collect();
        let mut parts = Vec::new();
        parts.extend(self.version.map(|version| tlv(0xa0, &tlv(2, &[version]))));
        parts.extend([self.responder.clone(), time(self.produced_at), seq(&answers)]);
        if !self.extensions.is_empty() {
            parts.push(tlv(0xa1, &seq(&self.extensions)));
        }
        let mut basic = sign(&seq(&parts), &self.algorithm, by).to_vec();
        if !self.certificates.is_empty() {
            basic.push(tlv(0xa0, &seq(&self.certificates)));
        }
        let bytes = tlv(0xa0, &seq(&[oid(&self.kind), tlv(4, &seq(&basic))]));
        seq(&[tlv(0x0a, &[self.status]), bytes])
    }

    pub fn try_signed(&self, by: &SigningKey) -> Result<OcspResponse, RevocationError> {
        OcspResponse::from_der(&self.der(by), MAX_OCSP_SIZE)
    }

    /// Signed by the key of [`root`].
    pub fn signed(&self) -> OcspResponse {
        self.try_signed(&key(1)).unwrap()
    }
}

/// The responder that [`root`] certified, as most PKIs have one.
pub const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];

pub fn responder_shape() -> Shape {
    Shape::new("Responder", "Root", &[0x20]).key_usage(0x80).extended_key_usage(OCSP_SIGNING).with(
        &ocsp_oid(5),
        false,
        tlv(5, &[]),
    )
}

/// A response signed by a responder with this certificate, which comes with it.
pub fn delegated(shape: &Shape, by: &SigningKey) -> OcspResponse {
    let responder = shape.signed(&key(3), by);
    let response = OcspShape {
        responder: tlv(0xa1, &shape.subject),
        certificates: vec![responder.der().to_vec()],
        ..ocsp_shape()
    };
    response.try_signed(&key(3)).unwrap()
}
