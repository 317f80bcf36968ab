//! What CRLs and OCSP answers are made of: sizes, extensions, times, algorithms, serial numbers.

use super::RevocationError;

use crate::der::{
    self, BOOLEAN, Element, GENERALIZED_TIME, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader,
    SEQUENCE, time,
};
use crate::error::AlgorithmName;

/// The most extensions in one place: RFC 5280 knows seven for a CRL.
const MAX_EXTENSIONS: usize = 64;
/// The longest object identifier, in bytes.
const MAX_OID_SIZE: usize = 64;

/// Refuses what is too large, empty or not one element of DER, before anything is read into types.
pub(crate) fn check_whole(bytes: &[u8], what: &'static str, limit: usize) -> Result<(), RevocationError> {
    if bytes.len() > limit {
        return Err(RevocationError::TooLarge { what, size: bytes.len(), limit });
    }
    if bytes.is_empty() {
        return Err(RevocationError::Empty(what));
    }
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Err(RevocationError::PemInsteadOfDer(what));
    }
    if bytes.first() != Some(&SEQUENCE) {
        return Err(no_sequence(bytes, what));
    }
    let element = Reader::new(bytes)
        .any()
        .map_err(|problem| RevocationError::Malformed { what, problem: problem.what })?;
    match bytes.len() - element.whole.len() {
        0 => Ok(()),
        count => Err(RevocationError::TrailingBytes { what, count }),
    }
}

/// What bytes are that begin with something else than a SEQUENCE: a length read from a text would only say that it
/// is cut off, or that something follows.
fn no_sequence(bytes: &[u8], what: &'static str) -> RevocationError {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    let is_base64 =
        |byte: &u8| byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=".contains(byte);
    match text.first() {
        Some(b'<') => RevocationError::HtmlInsteadOfDer(what),
        // The base64 of a SEQUENCE begins with M.
        Some(b'M') if text.len() > 3 && text.iter().all(is_base64) => {
            RevocationError::Base64InsteadOfDer(what)
        }
        _ => RevocationError::Malformed { what, problem: "it does not begin with a SEQUENCE" },
    }
}

/// The three parts of a SIGNED structure: the signed part, the algorithm, the signature; and what follows.
pub(crate) struct Signed<'a> {
    pub(crate) part: Element<'a>,
    pub(crate) algorithm: Algorithm<'a>,
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let part = reader.any()?;
        if part.tag != SEQUENCE {
            return Err("the signed part is not a SEQUENCE".into());
        }
        let algorithm = Algorithm::read(reader)?;
        let signature = whole_bits(reader.expect(der::BIT_STRING)?)?;
        Ok(Self { part, algorithm, signature })
    }
}

/// AlgorithmIdentifier.
#[derive(Clone, Copy)]
pub(crate) struct Algorithm<'a> {
    /// The whole DER: algorithms are the same when this is.
    pub(crate) whole: &'a [u8],
    pub(crate) oid: &'a [u8],
    pub(crate) has_parameters: bool,
}

impl<'a> Algorithm<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let element = reader.any()?;
        if element.tag != SEQUENCE {
            return Err("an algorithm is not a SEQUENCE".into());
        }
        let mut inside = Reader::new(element.content);
        let oid = object_identifier(&mut inside)?;
        let has_parameters = !inside.is_empty();
        if has_parameters {
            inside.any()?;
        }
        inside.end()?;
        Ok(Self { whole: element.whole, oid, has_parameters })
    }

    pub(crate) fn name(&self) -> AlgorithmName {
        AlgorithmName::of_content(self.oid)
    }
}

/// The bytes of a BIT STRING's content, which keys and signatures fill whole.
pub(crate) fn whole_bits(content: &[u8]) -> Result<&[u8], Malformed> {
    match content {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err("a signature is not a whole number of bytes".into()),
    }
}

/// One extension of a CRL, of an entry, or of an OCSP answer.
#[derive(Clone, Copy)]
pub(crate) struct Extension<'a> {
    /// The content of the object identifier, known to be well-formed.
    pub(crate) oid: &'a [u8],
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl Extension<'_> {
    /// The object identifier as people write it.
    pub(crate) fn dotted(&self) -> String {
        der::oid(self.oid).unwrap_or_else(|_| hex::encode(self.oid))
    }
}

/// Reads the content of an Extensions and gives each to `each`; none may stand there twice.
pub(crate) fn extensions<'a>(
    content: &'a [u8],
    mut each: impl FnMut(Extension<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(content);
    if reader.is_empty() {
        return Err("a list of extensions is there and empty".into());
    }
    let mut seen: Vec<&[u8]> = Vec::new();
    while !reader.is_empty() {
        let mut inside = Reader::new(reader.expect(SEQUENCE)?);
        let oid = object_identifier(&mut inside)?;
        // FALSE written out is not DER, and seen in the wild; it changes nothing.
        let critical = inside.optional(BOOLEAN)?.map(der::boolean).transpose()?.unwrap_or(false);
        let value = inside.expect(OCTET_STRING)?;
        inside.end()?;
        if seen.contains(&oid) {
            return Err("an extension appears more than once (RFC 5280 section 4.2)".into());
        }
        if seen.len() >= MAX_EXTENSIONS {
            return Err("there are more extensions in one place than anybody needs".into());
        }
        seen.push(oid);
        each(Extension { oid, critical, value })?;
    }
    Ok(())
}

/// The content of a well-formed OBJECT IDENTIFIER of a length that can be shown to people.
fn object_identifier<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let oid = reader.expect(OBJECT_IDENTIFIER)?;
    if oid.len() > MAX_OID_SIZE {
        return Err("an object identifier is longer than any that is in use".into());
    }
    der::oid(oid)?;
    Ok(oid)
}

/// The content of an INTEGER as it is, in its shortest form: two serial numbers are the same when this is.
pub(crate) fn integer<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    match reader.expect(INTEGER)? {
        [] => Err("an INTEGER is empty".into()),
        [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err("an INTEGER is not in its shortest form".into()),
        content => Ok(content),
    }
}

/// A serial number's content in the form [`integer`] gives, whatever the certificate's writer did.
pub(crate) fn shortest(mut content: &[u8]) -> &[u8] {
    while let [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] = content {
        content = content.get(1..).unwrap_or_default();
    }
    content
}

/// The next element as the only form of time that OCSP knows.
pub(crate) fn generalized_time(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    let element = reader.any()?;
    if element.tag == GENERALIZED_TIME {
        time(element)
    } else {
        Err("a time is not a GeneralizedTime".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_compared_in_their_shortest_form() {
        assert_eq!(shortest(&[0, 0, 0x80]), [0, 0x80]);
        assert_eq!(shortest(&[0, 0, 1]), [1]);
        assert_eq!(shortest(&[0xff, 0xff, 0x80]), [0x80]);
        assert_eq!(shortest(&[0]), [0]);
        assert_eq!(shortest(&[]), [0; 0]);
    }
}
