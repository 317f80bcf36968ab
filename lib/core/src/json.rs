//! JSON as it is signed: a strict reader, and the two canonical forms.
//!
//! Everything people sign is RFC 8785 canonical JSON over a narrow I-JSON (RFC 7493): no floats,
//! integers below 2^53, no duplicate members, depth at most [`MAX_DEPTH`]. TUF metadata is signed
//! over OLPC canonical JSON instead.

use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deep arrays and objects may stand inside each other.
pub const MAX_DEPTH: usize = 16;
/// Integers beyond ±(2^53 − 1) are refused: other readers would round them.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why bytes are not JSON that may be signed or verified here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than this document may have.
    #[error("{actual} bytes are more than the {limit} allowed here")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes found.
        actual: usize,
    },
    /// Not JSON, or JSON outside the narrow form; the text says what and where.
    #[error("not acceptable JSON: {0}")]
    Invalid(String),
    /// Well-formed, but not the canonical spelling that signatures cover.
    #[error("not in canonical form (RFC 8785): write it without white space, members sorted")]
    NotCanonical,
}

/// Reads one value. `in_order` is cleared when member names do not come in ascending order or are not
/// ASCII, where byte order and the UTF-16 order of RFC 8785 §3.2.3 may part.
struct Strict<'a> {
    depth: usize,
    in_order: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict<'_> {
    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth == 0 {
            return Err(E::custom(format!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth: self.depth - 1, in_order: self.in_order })
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without floats")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(E::custom(format!("integer {value} is beyond 2^53 - 1")));
        }
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(E::custom(format!("integer {value} is beyond 2^53 - 1")));
        }
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Err(E::custom(format!("{value} is not an integer below 2^53")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.inner()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        let mut last = String::new();
        while let Some(name) = map.next_key::<String>()? {
            if !name.is_ascii() || (name <= last && !members.is_empty()) {
                self.in_order.set(false);
            }
            let value = map.next_value_seed(self.inner()?)?;
            if members.contains_key(&name) {
                return Err(de::Error::custom(format!("member {name:?} stands twice")));
            }
            last.clone_from(&name);
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// Reads JSON of the narrow form, of at most `limit` bytes, into a value.
///
/// # Errors
/// [`JsonError`] saying what was wrong and where.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    parse_noting_order(bytes, limit).map(|(value, _)| value)
}

fn parse_noting_order(bytes: &[u8], limit: usize) -> Result<(Value, bool), JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { limit, actual: bytes.len() });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let in_order = Cell::new(true);
    let value = Strict { depth: MAX_DEPTH, in_order: &in_order }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|e| JsonError::Invalid(e.to_string()))?;
    Ok((value, in_order.get()))
}

/// Reads JSON of the narrow form into a type; members that the type does not know are refused when
/// the type says so.
///
/// # Errors
/// [`JsonError`] saying what was wrong and where.
pub fn read<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, JsonError> {
    let value = parse(bytes, limit)?;
    T::deserialize(value).map_err(|e| JsonError::Invalid(e.to_string()))
}

/// Reads JSON that must be in canonical form already, as every signed payload is.
///
/// # Errors
/// [`JsonError`]; [`JsonError::NotCanonical`] if another spelling was used.
pub fn read_canonical<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, JsonError> {
    let (value, in_order) = parse_noting_order(bytes, limit)?;
    // With ASCII members in order and no floats, compact JSON is canonical JSON, and much quicker
    // to compare with: replaying a long ledger does little else.
    let canonical = if in_order { serde_json::to_vec(&value).unwrap_or_default() } else { canonical(&value) };
    if canonical != bytes {
        return Err(JsonError::NotCanonical);
    }
    T::deserialize(value).map_err(|e| JsonError::Invalid(e.to_string()))
}

/// RFC 8785 canonical JSON.
#[must_use]
#[expect(clippy::expect_used, reason = "our documents have string keys and integers only")]
pub fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("documents of strings and integers have a JSON form")
}

/// OLPC canonical JSON: what TUF signatures cover.
#[must_use]
#[expect(clippy::expect_used, reason = "our documents have string keys and integers only")]
pub fn olpc<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        serde_json::Serializer::with_formatter(&mut bytes, olpc_cjson::CanonicalFormatter::new());
    value.serialize(&mut writer).expect("documents of strings and integers have a JSON form");
    bytes
}

/// Reads OLPC canonical JSON of at most `limit` bytes. It leaves control characters in texts as they
/// are (PEM keys have newlines) and is no JSON because of it; outside of texts it has none.
///
/// # Errors
/// [`JsonError`] saying what was wrong and where.
pub fn parse_olpc(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { limit, actual: bytes.len() });
    }
    let mut text = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0..0x20 => text.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => text.push(*byte),
        }
    }
    parse(&text, usize::MAX)
}

/// `Vec<u8>` as base64 (RFC 4648 §4, with padding), strict in both directions.
pub mod base64_bytes {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes base64.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    /// Reads base64.
    ///
    /// # Errors
    /// If the text is not base64 in its one spelling.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signed_bytes_of_tuf_metadata_can_be_read_again() {
        let value = serde_json::json!({ "pem": "-----BEGIN\nA\\B\"C\u{1f}\tü", "n": 3, "list": ["x\ny"] });
        let bytes = olpc(&value);
        assert!(parse(&bytes, 100).is_err(), "raw newlines are no JSON");
        assert_eq!(parse_olpc(&bytes, 100), Ok(value));
        assert!(parse_olpc(&bytes, 10).is_err());
    }

    #[test]
    fn what_other_readers_would_read_differently_is_refused() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "twice"),
            (r#"{"a":{"b":1,"b":1}}"#, "twice"),
            ("1.5", "integer"),
            ("1e3", "integer"),
            ("-0.0", "integer"),
            ("9007199254740992", "2^53"),
            ("-9007199254740992", "2^53"),
            ("18446744073709551616", "integer"),
            (r#""\ud800""#, "hex escape"),
            ("-0", "integer"),
            ("[1] 2", "trailing"),
            ("", "EOF"),
        ] {
            let error = parse(text.as_bytes(), 100).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(nested(MAX_DEPTH).as_bytes(), 100).is_ok());
        assert!(parse(nested(MAX_DEPTH + 1).as_bytes(), 100).is_err());
        assert!(parse("[".repeat(1_000_000).as_bytes(), 2_000_000).is_err());
        assert_eq!(parse(b"[1]", 2), Err(JsonError::TooLarge { limit: 2, actual: 3 }));
    }

    #[test]
    fn only_the_canonical_spelling_is_signed() {
        assert!(read_canonical::<Value>(br#"{"a":1,"b":[2]}"#, 100).is_ok());
        for text in [r#"{"b":[2],"a":1}"#, r#"{"a": 1}"#, r#""\u0061""#, r#""\/""#] {
            assert_eq!(read_canonical::<Value>(text.as_bytes(), 100), Err(JsonError::NotCanonical), "{text}");
        }
    }

    #[test]
    fn rfc_8785_sorts_members_by_utf_16() {
        let value = parse(
            "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}"
                .as_bytes(),
            200,
        )
        .unwrap();
        let text = String::from_utf8(canonical(&value)).unwrap();
        assert_eq!(
            text,
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
    }

    fn json_text(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, 1000);
            let _ = read_canonical::<Value>(&bytes, 1000);
        }

        #[test]
        fn the_quick_comparison_agrees_with_the_canonicaliser(names in proptest::collection::vec("[a-c\u{e9}\u{1f600}\u{fb33}]{0,3}", 0..5), text in any::<String>()) {
            let members: Vec<String> =
                names.iter().map(|name| format!("{}:{}", json_text(name), json_text(&text))).collect();
            let bytes = format!("{{{}}}", members.join(","));
            if let Ok(value) = parse(bytes.as_bytes(), 100_000) {
                let strict = read_canonical::<Value>(bytes.as_bytes(), 100_000).is_ok();
                prop_assert_eq!(strict, canonical(&value) == bytes.as_bytes());
            }
        }

        #[test]
        fn canonical_form_is_a_fixed_point(text in "[ -~\u{80}-\u{2000}]{0,40}", number in -(MAX_INTEGER as i64)..=(MAX_INTEGER as i64)) {
            let value = serde_json::json!({ text.clone(): [number, text, null, true] });
            let bytes = canonical(&value);
            prop_assert_eq!(read_canonical::<Value>(&bytes, 10_000).unwrap(), value);
        }
    }
}
