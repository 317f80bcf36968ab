//! The formats in DER and PEM, told apart by the tags in front.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Timestamp;
use ctl_pki::pem::{CERTIFICATE, pieces};
use ctl_pki::{BrokenBlock, Certificate, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE};

use super::beginning;
use super::contents::{Contents, Format, Item, Purpose, Said};
use super::error::ReadError;
use crate::cms::SignedData;
use crate::sae::{SaeList, SaeType};
use crate::trust_anchors::trust_anchors_from_der;
use crate::{Pkcs7Error, certificates_from_pkcs7};

/// What needs no signature, and what has one.
pub(super) enum Found {
    Plain(Contents),
    Signed(Box<SignedData>),
}

/// By the tags in front: every format here is a SEQUENCE.
pub(super) fn der(bytes: &[u8], now: Timestamp) -> Result<Found, ReadError> {
    let inside = inside(bytes).unwrap_or_default();
    let contents = match inside.first() {
        // An OBJECT IDENTIFIER: a ContentInfo.
        Some(0x06) => return content_info(bytes),
        // An INTEGER.
        Some(0x02) => sae(&SaeList::from_der(bytes)?, now),
        // `tbsCert` and `taInfo`, or a certificate, whose first part is a SEQUENCE too and has one of these in front.
        Some(0xa1 | 0xa2) => trust_anchors(bytes)?,
        Some(0x30) if self::inside(inside).and_then(<[u8]>::first) == Some(&0x30) => trust_anchors(bytes)?,
        _ => {
            let item = Item::of("the certificate".to_owned(), Certificate::from_der(bytes)?, Said::default());
            Contents::new(Format::Der, vec![item])
        }
    };
    Ok(Found::Plain(contents))
}

/// What lies in the element in front, its length not believed.
fn inside(bytes: &[u8]) -> Option<&[u8]> {
    let [_, length, rest @ ..] = bytes else { return None };
    let skip = if *length <= 0x80 { 0 } else { usize::from(length & 0x7f) };
    rest.get(skip..)
}

fn content_info(bytes: &[u8]) -> Result<Found, ReadError> {
    match certificates_from_pkcs7(bytes) {
        Ok(certificates) => {
            let numbered = (1..).zip(certificates);
            let items =
                numbered.map(|(number, one)| Item::of(format!("certificate {number}"), one, Said::default()));
            Ok(Found::Plain(Contents::new(Format::Pkcs7, items.collect())))
        }
        Err(error @ (Pkcs7Error::Certificate { .. } | Pkcs7Error::TooMany(_))) => Err(error.into()),
        Err(_) => Ok(Found::Signed(Box::new(SignedData::read(bytes)?))),
    }
}

fn sae(list: &SaeList, now: Timestamp) -> Contents {
    let place = |number: usize| format!("entry {number}");
    let validity = list.validity();
    let mut contents = match list {
        SaeList::V0(list) => {
            let numbered = (1..).zip(list.certificates.iter().cloned());
            let items = numbered.map(|(number, one)| Item::of(place(number), one, Said::default())).collect();
            let mut contents = Contents::new(Format::SaeV0, items);
            let number = list.number;
            contents.told.push(format!(
                "its number {number} is a version or a sequence, nobody says which; it says of no certificate what it is for"
            ));
            contents
        }
        SaeList::V1(list) => {
            let numbered = (1..).zip(&list.entries);
            let items = numbered.map(|(number, entry)| {
                let purpose = match entry.kind {
                    SaeType::V2g => Purpose::V2g,
                    SaeType::Oem => Purpose::Oem,
                    SaeType::Msp => Purpose::Mo,
                    SaeType::Other => Purpose::Other,
                };
                let status = [entry.status.as_str().to_owned()].into();
                let said = Said { status, ..Said::of_purpose(purpose) };
                Item::of(place(number), entry.certificate.clone(), said)
            });
            let mut contents = Contents::new(Format::SaeV1, items.collect());
            contents.sequence = Some(u64::from(list.sequence));
            contents
        }
    };
    contents.validity = Some((validity.not_before(), validity.not_after()));
    if !validity.contains(now) {
        contents.told.push(format!("it does not hold now ({now})"));
    }
    contents
}

fn trust_anchors(bytes: &[u8]) -> Result<Contents, ReadError> {
    let anchors = trust_anchors_from_der(bytes)?;
    let mut contents = Contents::new(Format::TrustAnchors, Vec::new());
    for (number, anchor) in (1..).zip(anchors) {
        if !anchor.controls.is_empty() {
            let controls = anchor.controls.join(", ");
            contents.told.push(format!("anchor {number} is narrowed beside its certificate: {controls}"));
        }
        contents.items.push(Item::of(format!("anchor {number}"), anchor.certificate, Said::default()));
    }
    Ok(contents)
}

/// Blocks of certificates, or the one block of a CMS or PKCS#7.
pub(super) fn pem(bytes: &[u8]) -> Result<Found, ReadError> {
    if bytes.len() > MAX_PEM_SIZE {
        return Err(ReadError::TooLarge { size: bytes.len(), limit: MAX_PEM_SIZE });
    }
    let blocks = || pieces(bytes).filter_map(|piece| piece.block);
    if blocks().any(|block| matches!(block.label, b"CMS" | b"PKCS7")) {
        return match &*blocks().collect::<Vec<_>>() {
            // The strict reader of CMS says what is wrong with the text around it, and what is cut off.
            [block] if block.label == b"PKCS7" => match &block.content {
                Ok(content) => content_info(content),
                Err(_) => Ok(Found::Signed(Box::new(SignedData::read(bytes)?))),
            },
            _ => Ok(Found::Signed(Box::new(SignedData::read(bytes)?))),
        };
    }
    let mut contents = Contents::new(Format::Pem, Vec::new());
    let mut aside = 0_usize;
    for block in blocks() {
        if block.label != CERTIFICATE.as_bytes() {
            if block.label.ends_with(b"PRIVATE KEY") {
                return Err(ReadError::PrivateKey);
            }
            aside += 1;
            continue;
        }
        if contents.items.len() >= MAX_PEM_CERTIFICATES {
            return Err(ReadError::TooMany { limit: MAX_PEM_CERTIFICATES, what: "certificates" });
        }
        let place = format!("certificate {}", contents.items.len() + 1);
        contents.items.push(match block.content {
            Ok(der) => match Certificate::from_der(&der) {
                Ok(certificate) => Item::of(place, certificate, Said::default()),
                Err(error) => Item::unreadable(place, &error),
            },
            Err(BrokenBlock::Unfinished) => {
                Item::unreadable(place, &"its PEM block does not end: the file may be cut off")
            }
            Err(BrokenBlock::NotBase64) => Item::unreadable(place, &"its PEM block does not hold base64"),
        });
    }
    if contents.items.is_empty() {
        return Err(ReadError::Unknown(beginning(bytes)));
    }
    if aside > 0 {
        contents.told.push(format!("{aside} PEM blocks of other things than certificates were left aside"));
    }
    Ok(Found::Plain(contents))
}

/// What base64 alone holds, if it is DER: the body of EST (RFC 7030 section 4.1.3).
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    // "MI" is how a SEQUENCE of some length begins.
    let is_base64 = text.starts_with(b"M") && text.len() <= 2 * MAX_PEM_SIZE;
    let packed: Vec<u8> =
        is_base64.then(|| text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()))?.collect();
    STANDARD.decode(packed).ok().filter(|decoded| decoded.first() == Some(&0x30))
}
