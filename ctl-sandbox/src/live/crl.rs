//! CRLs (RFC 5280 section 5): one is issued every hour, after every revocation and for every change of the faults,
//! and stays the same in between.

use super::authority::{Authority, ON_HOLD, Revocation, Revoked};
use super::der::{self, ce, extension, generalized, integer, oid, seq, time};
use super::faults::Active;
use super::sign::{algorithm, sign};
use super::{Code, bundle};
use crate::shape::tlv;
use crate::{CrlPoints, SandboxError};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Faults that compare a CRL with the one before: every request finds the next one.
const OF_HISTORY: &[Code] = &[
    Code::CrlNumberNotIncreasing,
    Code::SameNumberDifferentBytes,
    Code::ThisUpdateRegressed,
    Code::EntryVanished,
    Code::SizeJump,
];
/// What `size_jump` adds in turn: a hundred times what an ordinary CRL of the sandbox comes to, and twenty times
/// that.
const LARGE: [usize; 2] = [70_000, 1_400_000];

/// id-pe-authorityInfoAccess and id-ad-ocsp.
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1];

/// A CRL as it is served.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) body: Vec<u8>,
    pub(super) this: i64,
    pub(super) next: i64,
}

/// What a CA has issued for one distribution point.
#[derive(Default)]
pub(super) struct Issuance {
    /// The greatest number given.
    number: u64,
    /// The full hour, the register's version and the faults for which the current CRL was issued.
    reason: Option<(i64, u64, Active)>,
    /// The greatest number given, and the time, when the faults last changed.
    before: (u64, i64),
    /// How many CRLs were issued since then.
    count: u64,
    current: Option<(Served, Served)>,
}

/// Which of the CRLs of a CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) points: CrlPoints,
    /// The position among the CA's addresses.
    pub(super) index: usize,
    /// Whether it is served from the second address of its name.
    pub(super) is_other_address: bool,
}

/// What stands in a CRL besides the entries.
struct Frame {
    number: u64,
    this: i64,
    next: Option<i64>,
    count: u64,
}

/// The CRL of this place.
pub(super) fn serve(
    authority: &Authority,
    place: Place,
    now: i64,
    faults: &Active,
) -> Result<Served, SandboxError> {
    let faults = &faults.of_answers();
    // Mirrors serve one CRL.
    let shard = if place.points == CrlPoints::Sharded { place.index } else { 0 };
    let mut issuances = authority.issuances();
    let issuance = issuances.entry(shard).or_default();
    let (version, revoked) = authority.revoked();
    let reason = (now.div_euclid(HOUR), version, faults.clone());
    let is_as_before = issuance.reason.as_ref() == Some(&reason) && faults.of(OF_HISTORY).is_empty();
    if let Some((current, other)) = issuance.current.as_ref().filter(|_| is_as_before) {
        return Ok(place.choose(current, other, faults).clone());
    }
    let at = u64::try_from(now).unwrap_or(0);
    if issuance.reason.as_ref().is_none_or(|(.., earlier)| earlier != faults) {
        let number = if issuance.number == 0 { at } else { issuance.number };
        issuance.before = (number, now);
        issuance.count = 0;
    }
    issuance.reason = Some(reason);
    issuance.count += 1;
    issuance.number = at.max(issuance.number + 1);
    let frame = issuance.frame(now, faults);
    let current = build(authority, place, &revoked, &frame, now, faults)?;
    let mut other = current.clone();
    if faults.has(Code::DistributionPointsDisagree) || faults.has(Code::AddressDisagreement) {
        issuance.number += 1;
        let frame = Frame { number: issuance.number, next: frame.next.map(|next| next + HOUR), ..frame };
        other = build(authority, place, &revoked, &frame, now, faults)?;
    }
    let chosen = place.choose(&current, &other, faults).clone();
    issuance.current = Some((current, other));
    Ok(chosen)
}

impl Place {
    fn choose<'a>(self, current: &'a Served, other: &'a Served, faults: &Active) -> &'a Served {
        let differs = (faults.has(Code::DistributionPointsDisagree) && self.index > 0)
            || (faults.has(Code::AddressDisagreement) && self.is_other_address);
        if differs { other } else { current }
    }
}

impl Issuance {
    fn frame(&self, now: i64, faults: &Active) -> Frame {
        let (number_before, time_before) = self.before;
        let steps = i64::try_from(self.count).unwrap_or(i64::MAX);
        // An hour back, as for clocks that run behind.
        let this = now - HOUR;
        let mut frame = Frame { number: self.number, this, next: Some(this + 2 * DAY), count: self.count };
        if faults.has(Code::CrlNumberNotIncreasing) {
            frame.number = number_before.saturating_sub(self.count);
        }
        if faults.has(Code::SameNumberDifferentBytes) {
            frame.number = number_before;
            frame.next = Some(this + 2 * DAY + steps);
        }
        if faults.has(Code::ThisUpdateRegressed) {
            frame.this = time_before - HOUR - 60 * steps;
        }
        if faults.has(Code::IntervalTooLong) {
            frame.next = Some(this + 730 * DAY);
        }
        if faults.has(Code::NextUpdatePast) {
            frame.next = Some(this + HOUR / 2);
        }
        if faults.has(Code::ThisUpdateFuture) {
            (frame.this, frame.next) = (now + HOUR, Some(now + 2 * DAY));
        }
        if faults.has(Code::NextUpdateMissing) {
            frame.next = None;
        }
        frame
    }
}

/// The entries: serial number and revocation.
fn entries(
    authority: &Authority,
    revoked: &[Revoked],
    count: u64,
    now: i64,
    faults: &Active,
) -> Vec<Revoked> {
    let (canary, mut others): (Vec<_>, Vec<_>) =
        revoked.iter().cloned().partition(|(serial, _)| *serial == authority.canary);
    if let Some((_, revocation)) = others.first_mut() {
        if faults.has(Code::ReasonIllegal) {
            revocation.reason = Some(7);
        }
        if faults.has(Code::RevocationDateFuture) {
            revocation.time = now + DAY;
        }
    }
    if faults.has(Code::DuplicateSerial) {
        others.extend(others.first().cloned());
    }
    if faults.has(Code::EntryVanished) && !others.is_empty() {
        let turn = usize::try_from(count).unwrap_or(0) % others.len();
        others.remove(turn);
    }
    if faults.has(Code::OcspCrlDisagree) {
        // Longer ago than a revocation may take to reach the responder, whenever that signed last.
        let on_hold = Revocation { time: now - 3 * DAY, reason: Some(ON_HOLD) };
        others.extend(authority.good().into_iter().map(|serial| (serial, on_hold)));
    }
    if faults.has(Code::EmptyRevokedSequence) {
        return Vec::new();
    }
    canary.into_iter().chain(others).collect()
}

fn build(
    authority: &Authority,
    place: Place,
    revoked: &[Revoked],
    frame: &Frame,
    now: i64,
    faults: &Active,
) -> Result<Served, SandboxError> {
    let is_v2 = !faults.has(Code::VersionNotV2);
    let entries = entries(authority, revoked, frame.count, now, faults);
    let list: Vec<_> = entries
        .iter()
        .map(|(serial, revocation)| {
            let reason = revocation.reason.filter(|_| is_v2);
            let reason = reason.map(|code| seq(&[extension(&ce(21), false, &tlv(0x0a, &[code]))]));
            seq(&[tlv(0x02, serial), time(revocation.time), reason.unwrap_or_default()])
        })
        .collect();
    let inside = if faults.has(Code::AlgorithmMismatch) {
        seq(&[oid(der::ECDSA_SHA384)])
    } else {
        algorithm(&authority.key, faults)
    };
    let issuer = if faults.has(Code::IssuerMismatch) {
        // CN=Another CA
        seq(&[tlv(0x31, &seq(&[oid(&[0x55, 4, 3]), tlv(0x0c, b"Another CA")]))])
    } else {
        authority.certificate.subject_der().to_vec()
    };
    let mut parts = Vec::new();
    if is_v2 {
        parts.push(integer(1));
    }
    let encode = if faults.has(Code::TimeEncoding) { generalized } else { time };
    parts.extend([inside, issuer, encode(frame.this)]);
    parts.extend(frame.next.map(encode));
    if !list.is_empty() || faults.has(Code::EmptyRevokedSequence) {
        parts.push(seq(&list));
    }
    if is_v2 {
        parts.push(tlv(0xa0, &seq(&extensions(authority, place, frame, faults))));
    }
    let mut body = seq(&sign(&seq(&parts), &authority.key, faults)?);
    if faults.has(Code::DerInvalid) {
        body = seq(&[tlv(0x04, b"this is no CRL")]);
    }
    if faults.has(Code::TrailingBytes) {
        body.extend([5, 0]);
    }
    body = bundle::as_text(body, faults);
    if faults.has(Code::PemInsteadOfDer) {
        body = ctl_pki::pem_block("X509 CRL", &body).into_bytes();
    }
    Ok(Served { body, this: frame.this, next: frame.next.unwrap_or(frame.this) })
}

fn extensions(authority: &Authority, place: Place, frame: &Frame, faults: &Active) -> Vec<Vec<u8>> {
    let mut key_id = authority.key.id();
    if let Some(first) = key_id.first_mut().filter(|_| faults.has(Code::AkiMismatch)) {
        *first ^= 1;
    }
    let mut extensions = Vec::new();
    if !faults.has(Code::AkiMissing) {
        extensions.push(extension(&ce(35), false, &seq(&[tlv(0x80, &key_id)])));
    }
    if !faults.has(Code::CrlNumberMissing) {
        let mut number = integer(frame.number);
        if faults.has(Code::CrlNumberInvalid) {
            number = tlv(0x02, &[&[1; 13], frame.number.to_be_bytes().as_slice()].concat());
        }
        extensions.push(extension(&ce(20), faults.has(Code::ExtensionCriticality), &number));
    }
    if faults.has(Code::CrlAccessInvalid) {
        let place = tlv(0x86, b"http://ocsp.invalid/");
        let access = seq(&[seq(&[oid(OCSP), place])]);
        extensions.push(extension(AUTHORITY_INFO_ACCESS, false, &access));
    }
    if faults.has(Code::DeltaWithoutBase) {
        extensions.push(extension(&ce(27), true, &integer(frame.number.saturating_sub(1))));
    }
    let scope = scope(authority, place, faults);
    if !scope.is_empty() || faults.has(Code::IdpInvalid) {
        extensions.push(extension(&ce(28), true, &seq(&scope)));
    }
    if faults.has(Code::UnknownCriticalExtension) {
        extensions.push(extension(der::UNHEARD_OF, true, &[5, 0]));
    }
    if faults.has(Code::SizeJump) {
        let [large, larger] = LARGE;
        let size = if frame.count % 2 == 1 { large } else { larger };
        extensions.push(extension(der::UNHEARD_OF, false, &tlv(0x04, &vec![0; size])));
    }
    extensions
}

/// The issuing distribution point; nothing for a CRL that covers all and is at one address.
fn scope(authority: &Authority, place: Place, faults: &Active) -> Vec<Vec<u8>> {
    if faults.has(Code::IdpMissingWhenSharded) || faults.has(Code::IdpInvalid) {
        return Vec::new();
    }
    let mut urls: Vec<&str> = match place.points {
        CrlPoints::One => Vec::new(),
        CrlPoints::Mirrored => authority.crl_urls.iter().map(String::as_str).collect(),
        CrlPoints::Sharded => authority.crl_urls.get(place.index).map(String::as_str).into_iter().collect(),
    };
    let narrows = faults.has(Code::IdpScope) || faults.has(Code::IndirectCrl);
    if narrows && urls.is_empty() {
        urls.extend(authority.crl_urls.first().map(String::as_str));
    }
    if faults.has(Code::IdpUrlMismatch) {
        urls = vec!["http://elsewhere.invalid/crl"];
    }
    let mut parts = Vec::new();
    if !urls.is_empty() {
        let names: Vec<_> = urls.iter().map(|url| tlv(0x86, url.as_bytes())).collect();
        parts.push(tlv(0xa0, &tlv(0xa0, &names.concat())));
    }
    if faults.has(Code::IdpScope) {
        // onlyContainsUserCerts, onlyContainsCACerts
        let issues_cas = authority.certificate.path_len() != Some(0);
        parts.push(tlv(if issues_cas { 0x81 } else { 0x82 }, &[0xff]));
    }
    if faults.has(Code::IndirectCrl) {
        parts.push(tlv(0x84, &[0xff]));
    }
    parts
}
