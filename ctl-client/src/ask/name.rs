//! A distinguished name as people write it (RFC 4514), read into the form in which names are compared.

use ctl_pki::DistinguishedName;
use ctl_pki::der::{OBJECT_IDENTIFIER, SEQUENCE, UTF8_STRING, encode, set_of};

/// No name of a certificate is longer.
const MAX_TEXT: usize = 4096;

/// The keywords of RFC 4514 section 3 and what else stands in names of the field.
const KEYWORDS: [(&str, &str); 13] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

/// One attribute: the content of its object identifier, and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// The name in both orders, the one of RFC 4514 (most specific part first) first: openssl prints names the other way
/// round, and nobody can tell from a name which way it was written. Spaces around `,`, `+` and `=` do not count, and
/// `subject=` or `issuer=` before it does not either.
///
/// # Errors
/// Why it is no name, for people.
pub fn names_from_text(text: &str) -> Result<Vec<DistinguishedName>, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("a name has at most {MAX_TEXT} bytes"));
    }
    let text =
        ["subject=", "issuer="].iter().find_map(|label| text.trim().strip_prefix(label)).unwrap_or(text);
    let mut parts = Vec::new();
    for part in split(text, ',')? {
        let pairs = split(part, '+')?.into_iter().map(pair).collect::<Result<Vec<Pair>, String>>()?;
        parts.push(relative(&pairs));
    }
    let name = |parts: Vec<&[u8]>| DistinguishedName::from_der(&encode(SEQUENCE, &parts));
    let general_first = name(parts.iter().map(Vec::as_slice).collect()).map_err(str::to_owned)?;
    let specific_first = name(parts.iter().rev().map(Vec::as_slice).collect()).map_err(str::to_owned)?;
    Ok(if general_first == specific_first {
        vec![specific_first]
    } else {
        vec![specific_first, general_first]
    })
}

fn relative(pairs: &[Pair]) -> Vec<u8> {
    let attributes = pairs.iter().map(|(oid, value)| {
        encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[oid]), &encode(UTF8_STRING, &[value])])
    });
    set_of(attributes.collect())
}

/// The text between separators that are not escaped.
fn split(text: &str, separator: char) -> Result<Vec<&str>, String> {
    let (mut found, mut begin, mut is_escaped) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == separator {
            found.push(text.get(begin..at).unwrap_or_default());
            begin = at.saturating_add(character.len_utf8());
        }
    }
    if is_escaped {
        return Err("a name ends with a \\ that escapes nothing".into());
    }
    found.push(text.get(begin..).unwrap_or_default());
    Ok(found)
}

fn pair(text: &str) -> Result<Pair, String> {
    let (kind, value) =
        text.split_once('=').ok_or("each part of a name is TYPE=value, as in CN=Root,O=Operator")?;
    let kind = kind.trim();
    let known = KEYWORDS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(kind));
    let dotted = known.map_or(kind, |(_, oid)| oid);
    let oid = object_identifier(dotted).ok_or_else(|| {
        format!(
            "{} is no type of attribute that is known here: write its object identifier",
            ctl_pki::print::quoted(kind)
        )
    })?;
    let value = unescaped(trimmed(value));
    if value.is_empty() {
        return Err("a part of a name is empty".into());
    }
    if std::str::from_utf8(&value).is_err() {
        return Err("a part of a name is no text in UTF-8".into());
    }
    Ok((oid, value))
}

/// Without the spaces around it, but for one that is escaped.
fn trimmed(text: &str) -> &str {
    let text = text.trim_start_matches(' ');
    let short = text.trim_end_matches(' ');
    let escapes = short.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if escapes % 2 == 1 { text.get(..short.len().saturating_add(1)).unwrap_or(short) } else { short }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (digit(*high) << 4 | digit(*low), after)
            }
            (b'\\', [escaped, after @ ..]) => (*escaped, after),
            (plain, after) => (*plain, after),
        };
        value.push(byte);
        rest = after;
    }
    value
}

fn digit(hex: u8) -> u8 {
    char::from(hex).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default()
}

/// The content of a dotted object identifier.
fn object_identifier(dotted: &str) -> Option<Vec<u8>> {
    let arcs = dotted.split('.').map(|arc| arc.parse::<u64>().ok()).collect::<Option<Vec<u64>>>()?;
    let [first, second, rest @ ..] = arcs.as_slice() else { return None };
    if *first > 2 || (*first < 2 && *second > 39) {
        return None;
    }
    let mut content = Vec::new();
    for arc in [&[first.checked_mul(40)?.checked_add(*second)?], rest].concat() {
        let groups: Vec<u8> =
            std::iter::successors(Some(arc), |rest| Some(rest >> 7).filter(|rest| *rest > 0))
                .map(|rest| u8::try_from(rest & 0x7f).unwrap_or_default())
                .collect();
        for (place, group) in groups.iter().enumerate().rev() {
            content.push(if place == 0 { *group } else { group | 0x80 });
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        names_from_text(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let written = "CN=alpha V2G Root CA,DC=V2G,O=A\\, B \\+ C,C=DE";
        assert_eq!(of(written)[0], written);
        assert_eq!(of("issuer=C = DE, O = Op, CN = Root")[1], "CN=Root,O=Op,C=DE", "as openssl prints it");
        assert_eq!(of("CN=S\\C3\\B6hne"), ["CN=Söhne"]);
        assert_eq!(of("1.2.840.113549.1.9.1=a@example"), of("emailAddress=a@example"));
        assert_eq!(names_from_text("cn=ROOT,dc=v2g").unwrap(), names_from_text("CN=root,DC=V2G").unwrap());
        assert_eq!(of("CN=a+O=b,C=DE").len(), 2);
        assert_eq!(of("CN=ends with a space\\ "), ["CN=ends with a space\\ "]);
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_reason() {
        for text in
            ["", "alpha", "CN=", "XX=1", "CN=a,,O=b", "CN=a\\", "9.9.9=a", "1=a", "CN=\\ff", "1.2.x=y"]
        {
            assert!(names_from_text(text).is_err(), "{text}");
        }
        assert!(names_from_text(&"CN=a,".repeat(2000)).is_err());
    }
}
