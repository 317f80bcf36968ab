//! Signatures over what a source says: SAE's list in CMS, and lists of services like this one.

use std::num::NonZeroUsize;

use ctl_core::Timestamp;
use ctl_core::list::ListPayload;
use ctl_core::list::offline::{Document, verify_offline};
use ctl_pki::{Certificate, print};

use super::contents::{Contents, Format, Item, Purpose, Said, Signature, SignedBy};
use super::error::ReadError;
use crate::cms::{SignedData, SignerRefusal, SignerReport, Trust, Verification};

/// The most names of signers in an error.
const MAX_TOLD: usize = 4;

/// Who must have signed what is read.
#[derive(Clone, Copy, Debug)]
pub enum Demand<'a> {
    /// Nobody is named: what is not signed is read, and what is signed is refused.
    Nobody,
    /// Signatures are not verified, and everything under one is marked so.
    Unverified,
    /// A CMS with good signatures by so many keys; what is not signed so is refused.
    Cms {
        trust: Trust<'a>,
        /// The moment that the signers' certificates are judged at.
        at: Timestamp,
        needed: NonZeroUsize,
    },
    /// A list of the service that this root.json, of any age, is of; what is not signed so is refused.
    Root(&'a [u8]),
}

/// What a CMS holds, once its signature was judged, and what is to be said of that.
pub(super) struct Opened {
    pub(super) content: Vec<u8>,
    pub(super) signature: Signature,
}

/// Judges a CMS.
pub(super) fn open(message: &SignedData, demand: Demand<'_>, now: Timestamp) -> Result<Opened, ReadError> {
    let signature = match demand {
        Demand::Unverified => Signature::Unverified,
        Demand::Nobody => {
            let help = "give the signer's certificate (signer), if you have it from whoever issues the list, or its \
                        issuer's (issuer); if it has ended, the time to judge at (signed-at); or choose to read it \
                        unverified (unverified)";
            return Err(ReadError::NobodyTrusted { by: claimed(message), help });
        }
        Demand::Root(_) => return Err(ReadError::Unsigned),
        Demand::Cms { trust, at, needed } => {
            let verification = message.verify(trust, at);
            let (valid, needed) = (verification.keys().len(), needed.get());
            if valid < needed {
                return Err(ReadError::NotVerified { valid, needed, why: refusals(&verification) });
            }
            let good = verification.signers.iter().filter(|signer| signer.is_valid());
            Signature::Verified { at, signers: good.map(|signer| signed_by(signer, now)).collect() }
        }
    };
    Ok(Opened { content: message.content().to_owned(), signature })
}

fn signed_by(signer: &SignerReport, now: Timestamp) -> SignedBy {
    SignedBy {
        name: signer.certificate.as_ref().map(|one| one.subject().to_owned()).unwrap_or_default(),
        signing_time: signer.signing_time,
        ended: signer.ended_before(now),
    }
}

/// Why signers do not count.
fn refusals(verification: &Verification) -> String {
    let mut refusals: Vec<String> =
        verification.signers.iter().filter_map(|signer| Some(signer.refusal.as_ref()?.to_string())).collect();
    refusals.dedup();
    refusals.truncate(MAX_TOLD);
    let told = if refusals.is_empty() { "nobody else signed".to_owned() } else { refusals.join("; ") };
    // What others wrote into a name stays on its line.
    let told = print::line(&told);
    let ended = |signer: &SignerReport| matches!(signer.refusal, Some(SignerRefusal::Expired { .. }));
    match verification.signers.iter().any(ended) {
        true => told + "; if you know that it was signed before that, state the time to judge at (signed-at)",
        false => told,
    }
}

/// Whom the certificates that came along name, who issued them, and when they end.
fn claimed(message: &SignedData) -> String {
    let told = message.certificates().iter().take(MAX_TOLD).map(|certificate: &Certificate| {
        let ends = Timestamp::from_unix(certificate.not_after());
        let (subject, issuer) = (print::line(certificate.subject()), print::line(certificate.issuer()));
        format!("{subject} (certificate by {issuer}, until {ends})")
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "somebody whose certificate is not in it".to_owned() } else { told.join("; ") }
}

/// Reads a list of a service like this one: signed, or its bare payload.
pub(super) fn ctl(bytes: &[u8], demand: Demand<'_>, now: Timestamp) -> Result<Contents, ReadError> {
    let bare = ListPayload::read(bytes);
    match (demand, bare) {
        (Demand::Cms { .. }, _) | (Demand::Root(_), Ok(_)) => Err(ReadError::Unsigned),
        (Demand::Nobody | Demand::Unverified, Ok(payload)) => {
            let mut contents = of_payload(&payload, now);
            contents.told.push("a bare payload, which carries no signatures".to_owned());
            Ok(contents)
        }
        (Demand::Nobody, Err(_)) => {
            let help = "give a root.json of its service (root-json), of any age; or choose to read it unverified (unverified)";
            Err(ReadError::NobodyTrusted { by: "keys of a service like this one".to_owned(), help })
        }
        (Demand::Unverified, Err(_)) => {
            let jws = ctl_core::jws::Jws::parse(bytes, bytes.len())
                .map_err(|error| ReadError::from(ctl_core::list::offline::OfflineError::from(error)))?;
            Ok(of_payload(&ListPayload::read(&jws.payload)?, now).unverified())
        }
        (Demand::Root(root), Err(_)) => {
            let verified = verify_offline(root, bytes, None, Some(now))?;
            let Document::List(payload) = &verified.document else { return Err(ReadError::UnknownJson) };
            let mut contents = of_payload(payload, now);
            let signed = |key: &ctl_core::KeyId| SignedBy {
                name: format!("key {key}"),
                signing_time: Some(payload.issued_at),
                ended: None,
            };
            let signers = verified.signers.iter().map(signed).collect();
            contents.signature = Signature::Verified { at: now, signers };
            if let Some(expired) = verified.expired.filter(|expired| !expired.is_empty()) {
                contents.told.push(format!("EXPIRED ({}): look for a newer one", expired.join(", ")));
            }
            Ok(contents)
        }
    }
}

fn of_payload(payload: &ListPayload, now: Timestamp) -> Contents {
    let usable = payload.usable_anchors();
    let read = |place: String, der: &[u8], said: Said| match Certificate::from_der(der) {
        Ok(certificate) => Item::of(place, certificate, said),
        Err(error) => Item::unreadable(place, &error),
    };
    let mut items = Vec::new();
    for (number, anchor) in (1..).zip(&payload.anchors) {
        let purposes = anchor.uses.iter().map(|one| match one.purpose {
            ctl_core::parts::Purpose::V2g => Purpose::V2g,
            ctl_core::parts::Purpose::Mo => Purpose::Mo,
            ctl_core::parts::Purpose::Oem => Purpose::Oem,
            ctl_core::parts::Purpose::Vehicle => Purpose::Vehicle,
        });
        let said = Said {
            purposes: purposes.collect(),
            standards: anchor.uses.iter().map(|one| one.standard).collect(),
            status: [anchor.status.to_string()].into(),
            lists: [payload.list.to_string()].into(),
        };
        items.push(read(format!("anchor {number}"), &anchor.certificate.0, said));
    }
    for (number, cross) in (1..).zip(&payload.cross_certificates) {
        let status = [cross.status.to_string()].into();
        let said = Said { status, ..Said::default() };
        items.push(read(format!("cross-certificate {number}"), &cross.certificate.0, said));
    }
    let mut contents = Contents::new(Format::Ctl, items);
    contents.sequence = Some(payload.sequence);
    contents.validity = Some((payload.issued_at, payload.next_update));
    contents
        .told
        .push(format!("list {} of scheme {} ({})", payload.list, payload.scheme, payload.environment));
    if payload.next_update <= now {
        contents.told.push(format!("a newer edition was due on {}", payload.next_update));
    }
    let rejected = usable.rejected.iter();
    contents.told.extend(rejected.map(|one| format!("not usable: {}: {}", one.anchor.name, one.reason)));
    let distrusted = payload.distrusted.len();
    if distrusted > 0 {
        contents.told.push(format!("it also distrusts {distrusted} certificates or keys"));
    }
    contents
}
