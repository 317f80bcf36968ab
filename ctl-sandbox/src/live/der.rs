//! DER written and read element by element: what OCSP, CRLs and PKCS#7 are made of.

use chrono::DateTime;

use crate::shape::tlv;

/// sha1, sha256.
pub(super) const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
/// ecdsa-with-SHA1 and ecdsa-with-SHA384: the first nobody should accept, the second is not what is used here.
pub(super) const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
pub(super) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
/// 2.999.1: nobody knows it.
pub(super) const UNHEARD_OF: &[u8] = &[0x88, 0x37, 1];

pub(super) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(super) fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

/// id-ce: 2.5.29.x
pub(super) const fn ce(number: u8) -> [u8; 3] {
    [0x55, 0x1d, number]
}

/// id-pkix-ocsp: 1.3.6.1.5.5.7.48.1.x
pub(super) const fn ocsp_oid(number: u8) -> [u8; 9] {
    [0x2b, 6, 1, 5, 5, 7, 0x30, 1, number]
}

pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

/// A number that is not negative, in as few bytes as it takes.
pub(super) fn integer(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let shortest = bytes.get(skip..).unwrap_or_default();
    if shortest.first().is_some_and(|first| *first >= 0x80) {
        return tlv(0x02, &[&[0], shortest].concat());
    }
    tlv(0x02, shortest)
}

pub(super) fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    seq(&[oid(id), critical, tlv(0x04, value)])
}

fn text(seconds: i64, format: &str) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().format(format).to_string()
}

/// GeneralizedTime, as OCSP wants it.
pub(super) fn generalized(seconds: i64) -> Vec<u8> {
    tlv(0x18, text(seconds, "%Y%m%d%H%M%SZ").as_bytes())
}

/// UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 5.1.2.4).
pub(super) fn time(seconds: i64) -> Vec<u8> {
    const YEAR_2050: i64 = 2_524_608_000;
    if seconds < YEAR_2050 {
        tlv(0x17, text(seconds, "%y%m%d%H%M%SZ").as_bytes())
    } else {
        generalized(seconds)
    }
}

/// One element that was read.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Takes one element off the front; `None` at the end, and for what is no DER.
pub(super) fn element<'a>(input: &mut &'a [u8]) -> Option<Element<'a>> {
    let whole = *input;
    let [_, first, rest @ ..] = whole else { return None };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length >= 0x80 && bytes.first() != Some(&0)).then_some((length, rest))?
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some(Element { content, whole: whole.get(..whole.len() - rest.len())? })
}

/// Takes one element of this tag off the front, or nothing.
pub(super) fn take<'a>(input: &mut &'a [u8], tag: u8) -> Option<Element<'a>> {
    if input.first() == Some(&tag) { element(input) } else { None }
}

/// The content of the one element that these bytes are.
pub(super) fn only(mut bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let element = take(&mut bytes, tag)?;
    bytes.is_empty().then_some(element.content)
}

/// An INTEGER's content without needless leading bytes.
pub(super) fn shortest(content: &[u8]) -> &[u8] {
    match content {
        [0, rest @ ..] if rest.first().is_some_and(|next| *next < 0x80) => shortest(rest),
        _ => content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_what_is_cut_off_cannot() {
        let whole = seq(&[integer(0), integer(0x80), integer(0x1234), tlv(0x04, &[7; 300])]);
        let mut inside = only(&whole, 0x30).unwrap();
        let numbers: Vec<_> = std::iter::from_fn(|| take(&mut inside, 0x02)).collect();
        assert_eq!(numbers.iter().map(|one| one.content.len()).collect::<Vec<_>>(), [1, 2, 2]);
        assert_eq!(only(inside, 0x04).unwrap().len(), 300);
        for length in 0..whole.len() {
            assert!(only(&whole[..length], 0x30).is_none(), "{length}");
        }
        assert_eq!(shortest(&[0, 0, 1]), [1]);
        assert_eq!(shortest(&[0, 0x80]), [0, 0x80]);
    }

    #[test]
    fn times_change_their_form_in_2050() {
        assert_eq!(time(2_524_607_999), tlv(0x17, b"491231235959Z"));
        assert_eq!(time(2_524_608_000), tlv(0x18, b"20500101000000Z"));
    }
}
