//! Reads a list of either version.

use ctl_core::Timestamp;
use ctl_pki::Certificate;
use ctl_pki::der::{
    ENUMERATED, Element, GENERALIZED_TIME, INTEGER, Malformed, OCTET_STRING, Reader, SEQUENCE, time,
};

use super::{
    MAX_SAE_CERTIFICATES, MAX_SAE_SIZE, SaeEntry, SaeError, SaeList, SaeListV0, SaeListV1, SaeStatus,
    SaeType, SaeValidity,
};

impl From<Malformed> for SaeError {
    fn from(Malformed { at, what }: Malformed) -> Self {
        Self::Malformed { at, what }
    }
}

pub(super) fn list(der: &[u8]) -> Result<SaeList, SaeError> {
    if der.len() > MAX_SAE_SIZE {
        return Err(SaeError::TooLarge { size: der.len(), limit: MAX_SAE_SIZE });
    }
    let mut outer = Reader::new(der);
    let whole = outer.element(SEQUENCE)?;
    if !outer.is_empty() {
        return Err(SaeError::TrailingBytes(der.len().saturating_sub(whole.whole.len())));
    }
    let mut reader = whole.inside();
    let first = reader.element(INTEGER)?;
    let Some(sequence) = reader.optional_element(INTEGER)? else {
        return list_v0(first, reader).map(SaeList::V0);
    };
    let version =
        number(&first)?.and_then(|number| u8::try_from(number).ok()).ok_or(SaeError::VersionOutOfRange)?;
    let sequence = number(&sequence)?.ok_or(SaeError::SequenceOutOfRange)?;
    let validity = validity(reader.element(SEQUENCE)?)?;
    let entries = entries(reader, |element, position| {
        let mut entry = match element.tag {
            SEQUENCE => element.inside(),
            _ => return Err(element.wrong("an entry is no SEQUENCE").into()),
        };
        let kind =
            enumerated(&entry.element(ENUMERATED)?, SaeType::ALL)?.ok_or(SaeError::BadType { position })?;
        let status = enumerated(&entry.element(ENUMERATED)?, SaeStatus::ALL)?
            .ok_or(SaeError::BadStatus { position })?;
        let certificate = certificate(&entry.only(OCTET_STRING)?, position)?;
        Ok(SaeEntry { kind, status, certificate })
    })?;
    Ok(SaeList::V1(SaeListV1 { version, sequence, validity, entries }))
}

fn list_v0(number: Element<'_>, mut reader: Reader<'_>) -> Result<SaeListV0, SaeError> {
    let number = self::number(&number)?.ok_or(SaeError::VersionOutOfRange)?;
    let validity = validity(reader.element(SEQUENCE)?)?;
    let certificates = entries(reader, |element, position| match element.tag {
        OCTET_STRING => certificate(&element, position),
        _ => Err(element.wrong("a certificate stands in no OCTET STRING").into()),
    })?;
    Ok(SaeListV0 { number, validity, certificates })
}

/// What `read` makes of each element of the SEQUENCE that must be left.
fn entries<'a, T>(
    reader: Reader<'a>,
    read: impl Fn(Element<'a>, usize) -> Result<T, SaeError>,
) -> Result<Vec<T>, SaeError> {
    let mut inside = reader.only(SEQUENCE)?.inside();
    let mut entries = Vec::new();
    while !inside.is_empty() {
        if entries.len() >= MAX_SAE_CERTIFICATES {
            return Err(SaeError::TooMany(MAX_SAE_CERTIFICATES));
        }
        entries.push(read(inside.any()?, entries.len() + 1)?);
    }
    Ok(entries)
}

fn certificate(octets: &Element<'_>, position: usize) -> Result<Certificate, SaeError> {
    Certificate::from_der(octets.content).map_err(|source| SaeError::NotOneCertificate { position, source })
}

fn validity(element: Element<'_>) -> Result<SaeValidity, SaeError> {
    let mut inside = element.inside();
    let not_before = moment(inside.any()?).ok_or(SaeError::BadNotBefore)?;
    let not_after = moment(inside.any()?).ok_or(SaeError::BadNotAfter)?;
    inside.end()?;
    SaeValidity::new(not_before, not_after).ok_or(SaeError::ValidityInverted { not_before, not_after })
}

/// From the year 1 on, which is as far back as it can be written.
fn moment(element: Element<'_>) -> Option<Timestamp> {
    let is_general = element.tag == GENERALIZED_TIME && !element.content.starts_with(b"0000");
    is_general.then(|| time(element).ok()).flatten().map(Timestamp::from_unix)
}

/// The number of an INTEGER in its shortest form; none below 0 and above 65535.
fn number(element: &Element<'_>) -> Result<Option<u16>, Malformed> {
    let digits = match element.content {
        [] => return Err(element.wrong("an INTEGER is empty")),
        [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => {
            return Err(element.wrong("an INTEGER is not in its shortest form"));
        }
        [0x80..=0xff, ..] => return Ok(None),
        [0, digits @ ..] | digits => digits,
    };
    Ok(match digits {
        [] => Some(0),
        [low] => Some(u16::from(*low)),
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    })
}

fn enumerated<T: Copy, const N: usize>(element: &Element<'_>, all: [T; N]) -> Result<Option<T>, Malformed> {
    Ok(number(element)?.and_then(|number| all.get(usize::from(number)).copied()))
}
