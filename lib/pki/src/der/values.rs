//! Values of elements, from their contents, strictly.

use super::Malformed;

/// A BOOLEAN's content.
pub(crate) fn boolean(content: &[u8]) -> Result<bool, Malformed> {
    match content {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err("a BOOLEAN is neither 00 nor ff".into()),
    }
}

/// An INTEGER's content, for the fields that count certificates: not negative. What does not fit is held at the
/// largest number, which no path can reach.
pub(crate) fn count(content: &[u8]) -> Result<u32, Malformed> {
    match content {
        [] => Err("an INTEGER is empty".into()),
        [0x80..=0xff, ..] => Err("a number that counts certificates is negative".into()),
        [0, 0..=0x7f, ..] => Err("an INTEGER is not in its shortest form".into()),
        digits => Ok(digits.iter().fold(0_u32, |number, digit| {
            number
                .checked_mul(256)
                .and_then(|number| number.checked_add(u32::from(*digit)))
                .unwrap_or(u32::MAX)
        })),
    }
}

/// The number of an ENUMERATED's content, as far as CRLReason and OCSPResponseStatus need it.
pub(crate) fn enumerated(content: &[u8]) -> Result<u8, Malformed> {
    match content {
        [code @ 0..=0x7f] => Ok(*code),
        _ => Err("an ENUMERATED is not a small number".into()),
    }
}

/// A named-bit list's content as a number whose bit `n` is the list's bit `n`, for lists of up to 16 bits.
/// Trailing zero bits, which DER leaves out, are passed over: real certificates have them.
pub(crate) fn named_bits(content: &[u8]) -> Result<u16, Malformed> {
    let (&unused, bytes) = content.split_first().ok_or("a BIT STRING is empty")?;
    if unused > 7 || (bytes.is_empty() && unused != 0) {
        return Err("a BIT STRING leaves an impossible number of bits unused".into());
    }
    if bytes.len() > 2 {
        return Err("a list of named bits is longer than two bytes".into());
    }
    let mut bits = 0_u16;
    for (position, byte) in bytes.iter().enumerate() {
        bits |= u16::from(byte.reverse_bits()) << (8 * position);
    }
    let length = 8 * bytes.len() - usize::from(unused);
    if length < 16 && bits >> length != 0 {
        return Err("a BIT STRING has bits set where it says they are unused".into());
    }
    Ok(bits)
}

/// An OBJECT IDENTIFIER's content as dotted text.
pub(crate) fn oid(content: &[u8]) -> Result<String, Malformed> {
    if content.last().is_none_or(|byte| byte & 0x80 != 0) {
        return Err("an object identifier is empty or cut off".into());
    }
    let mut begins = true;
    for byte in content {
        if begins && *byte == 0x80 {
            return Err("an object identifier is not in its shortest form".into());
        }
        begins = byte & 0x80 == 0;
    }
    dotted(content).ok_or_else(|| "an object identifier has too large a number".into())
}

/// An object identifier with padded numbers; in hex if a number is too large.
pub(super) fn padded_oid(content: &[u8]) -> String {
    dotted(content).unwrap_or_else(|| format!("#{}", hex::encode(content)))
}

fn dotted(content: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut arc = 0_u128;
    for byte in content {
        arc = arc.checked_mul(128)? | u128::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            text = format!("{first}.{}", arc - first * 40);
        } else {
            text.push('.');
            text.push_str(&arc.to_string());
        }
        arc = 0;
    }
    Some(text)
}

/// Bytes that must be ASCII, as an IA5String is.
pub(crate) fn ia5(content: &[u8]) -> Result<&str, Malformed> {
    match std::str::from_utf8(content) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err("an IA5String holds something other than ASCII".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_those_of_x660() {
        assert_eq!(oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]).as_deref(), Ok("1.2.840.10045.2.1"));
        assert_eq!(oid(&[0x88, 0x37, 0x03]).as_deref(), Ok("2.999.3"));
        for bytes in [[].as_slice(), &[0x80, 1], &[0x2a, 0x86], &[0x2a, 0x80, 1], &[0xff; 20]] {
            assert!(oid(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn numbers_that_count_are_never_negative_and_never_wrap() {
        assert_eq!(count(&[0]), Ok(0));
        assert_eq!(count(&[0, 0x80]), Ok(128));
        assert_eq!(count(&[0x7f, 0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX));
        assert!(count(&[]).is_err() && count(&[0xff]).is_err() && count(&[0, 1]).is_err());
    }

    #[test]
    fn bits_are_numbered_from_the_front() {
        assert_eq!(named_bits(&[1, 0x06]), Ok(0b0110_0000));
        assert_eq!(named_bits(&[7, 0, 0x80]), Ok(0b1_0000_0000));
        assert_eq!(named_bits(&[0]), Ok(0));
        assert!(named_bits(&[1, 0x07]).is_err() && named_bits(&[8, 0]).is_err() && named_bits(&[1]).is_err());
    }
}
