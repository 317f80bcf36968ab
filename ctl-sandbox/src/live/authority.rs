//! A CA that is asked about its certificates: what it issued, what it revoked, who signs for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use ctl_pki::Certificate;
use sha2::{Digest as _, Sha256};

use super::crl::Issuance;
use super::faults::Active;
use super::{Code, der};
use crate::shape::{Key, Shape, tlv};
use crate::{Entity, Role, SandboxError};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// How many serial numbers are revoked besides the canary.
const OTHERS_REVOKED: u8 = 7;
/// 4: superseded.
const SUPERSEDED: u8 = 4;
/// 6: certificateHold, the one reason from which a certificate comes back.
pub(super) const ON_HOLD: u8 = 6;

/// Who signs a CA's OCSP answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OcspSigner {
    /// The CA itself where its key usage allows it to sign other things than certificates and CRLs, else a
    /// delegate: as the certificate profiles of ISO 15118-2 have it.
    #[default]
    ByProfile,
    /// Every CA itself.
    Direct,
    /// A responder that the CA certified for this.
    Delegated,
}

/// A revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Since when, in Unix seconds.
    pub time: i64,
    /// Why, by the number that RFC 5280 section 5.3.1 gives it.
    pub reason: Option<u8>,
}

/// A serial number and its revocation.
pub(super) type Revoked = (Box<[u8]>, Revocation);

/// What a CA says of a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked(Revocation),
    Unknown,
}

#[derive(Default)]
struct Register {
    issued: BTreeSet<Box<[u8]>>,
    revoked: BTreeMap<Box<[u8]>, Revocation>,
    /// Counts what changed.
    version: u64,
}

/// A delegate's certificate by the time from which it is valid and what is wrong with it.
type Delegates = BTreeMap<(i64, Vec<Code>), Certificate>;

/// A CA.
pub(super) struct Authority {
    pub(super) role: Role,
    pub(super) certificate: Certificate,
    pub(super) key: Key,
    /// A serial number that is revoked for ever.
    pub(super) canary: Box<[u8]>,
    /// Where its CRLs are, by what its certificates say.
    pub(super) crl_urls: Vec<String>,
    pub(super) signs_itself: bool,
    pub(super) delegate_key: Key,
    register: RwLock<Register>,
    delegates: Mutex<Delegates>,
    issuances: Mutex<BTreeMap<usize, Issuance>>,
}

impl Authority {
    pub(super) fn new(
        role: Role,
        entity: &Entity,
        issued: &[&Certificate],
        crl_urls: Vec<String>,
        signer: OcspSigner,
    ) -> Result<Self, SandboxError> {
        let certificate = entity.certificate().clone();
        let signs_itself = match signer {
            OcspSigner::Direct => true,
            OcspSigner::Delegated => false,
            OcspSigner::ByProfile => certificate
                .key_usage()
                .is_ok_and(|usage| usage.is_some_and(|usage| usage.value.has("digitalSignature"))),
        };
        let fingerprint = certificate.sha256();
        let serial = |number: u8| -> Box<[u8]> {
            let mut hash = Sha256::new();
            hash.update(b"ctl-sandbox revoked");
            hash.update(fingerprint);
            hash.update([number]);
            // Positive, and without leading zeros.
            let mut serial: Vec<u8> = hash.finalize().into_iter().take(16).collect();
            if let Some(first) = serial.first_mut() {
                *first = (*first & 0x3f) | 0x40;
            }
            serial.into()
        };
        let revocation = Revocation { time: certificate.not_before(), reason: Some(SUPERSEDED) };
        let register = Register {
            issued: issued.iter().map(|certificate| der::shortest(certificate.serial()).into()).collect(),
            revoked: (0..=OTHERS_REVOKED).map(|number| (serial(number), revocation)).collect(),
            version: 0,
        };
        let delegate_key = Key::p256(&format!("OCSP responder of {}", certificate.subject()))?;
        Ok(Self {
            role,
            key: Key::of(entity.key())?,
            canary: serial(0),
            crl_urls,
            signs_itself,
            delegate_key,
            register: RwLock::new(register),
            delegates: Mutex::default(),
            issuances: Mutex::default(),
            certificate,
        })
    }

    pub(super) fn status(&self, serial: &[u8]) -> Status {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        match register.revoked.get(serial) {
            Some(revocation) => Status::Revoked(*revocation),
            None if register.issued.contains(serial) => Status::Good,
            None => Status::Unknown,
        }
    }

    /// Makes a serial number known as issued and, unless `revocation` is `None`, as revoked.
    pub(super) fn record(&self, serial: &[u8], revocation: Option<Revocation>) {
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        let serial: Box<[u8]> = der::shortest(serial).into();
        match revocation {
            Some(revocation) => register.revoked.insert(serial.clone(), revocation),
            None => register.revoked.remove(&serial),
        };
        register.issued.insert(serial);
        register.version += 1;
    }

    /// The CRLs as last issued, by distribution point.
    pub(super) fn issuances(&self) -> MutexGuard<'_, BTreeMap<usize, Issuance>> {
        self.issuances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything revoked, with the number of changes that led to it.
    pub(super) fn revoked(&self) -> (u64, Vec<Revoked>) {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        let revoked = register.revoked.iter().map(|(serial, revocation)| (serial.clone(), *revocation));
        (register.version, revoked.collect())
    }

    /// The serial numbers that were issued and are not revoked.
    pub(super) fn good(&self) -> Vec<Box<[u8]>> {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        register.issued.iter().filter(|serial| !register.revoked.contains_key(*serial)).cloned().collect()
    }

    /// The certificate of the responder that signs for this CA. A new one comes every month and holds for three.
    pub(super) fn delegate(&self, now: i64, faults: &Active) -> Result<Certificate, SandboxError> {
        use Code::{
            DelegateExpired, DelegateExpiring, DelegateIsCa, DelegateMissingNocheck,
            DelegateMissingOcspSigning, DelegateWrongIssuer,
        };
        let wrong = faults.of(OF_DELEGATES);
        let (hour, month) = (now - now.rem_euclid(HOUR), now - now.rem_euclid(30 * DAY));
        let (from, to) = if wrong.contains(&DelegateExpired) {
            (hour - 30 * DAY, hour - HOUR)
        } else if wrong.contains(&DelegateExpiring) {
            (hour - 30 * DAY, hour + 3 * DAY)
        } else {
            (month - DAY, month + 90 * DAY)
        };
        let mut delegates = self.delegates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = delegates.get(&(from, wrong.clone())) {
            return Ok(certificate.clone());
        }
        let name = "CN=OCSP responder,O=ctl-sandbox";
        // digitalSignature
        let mut shape = Shape::new(name, &self.delegate_key)?.key_usage(&[0]).valid(from, to);
        shape = shape.serial(u64::try_from(from).unwrap_or(0) + wrong.len() as u64);
        if wrong.contains(&DelegateIsCa) {
            shape = shape.extension("2.5.29.19", true, &tlv(0x30, &tlv(0x01, &[0xff])));
        }
        if !wrong.contains(&DelegateMissingOcspSigning) {
            let purpose = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 3, 9]);
            shape = shape.extension("2.5.29.37", false, &tlv(0x30, &purpose));
        }
        if !wrong.contains(&DelegateMissingNocheck) {
            shape = shape.extension("1.3.6.1.5.5.7.48.1.5", false, &[5, 0]);
        }
        let stranger = Key::p256("nobody's CA")?;
        let by = if wrong.contains(&DelegateWrongIssuer) { &stranger } else { &self.key };
        let certificate =
            shape.authority_key_id(&self.key.id()).signed_as(self.certificate.subject_der(), by)?;
        // Those of earlier hours and months are not asked for again.
        delegates.retain(|(earlier, _), _| *earlier > from - 32 * DAY);
        delegates.insert((from, wrong), certificate.clone());
        Ok(certificate)
    }
}

/// The faults of delegates: they need one to be seen.
pub(super) const OF_DELEGATES: &[Code] = &[
    Code::DelegateWrongIssuer,
    Code::DelegateMissingOcspSigning,
    Code::DelegateMissingNocheck,
    Code::DelegateExpired,
    Code::DelegateExpiring,
    Code::DelegateIsCa,
];
