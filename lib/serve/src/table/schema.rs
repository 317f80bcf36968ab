//! JSON schemas of what stands in many paths, queries and answers.

use serde_json::{Value, json};

/// Any text.
#[must_use]
pub fn text() -> Value {
    json!({ "type": "string" })
}

/// A text that a regular expression describes.
#[must_use]
pub fn pattern(regex: &str) -> Value {
    json!({ "type": "string", "pattern": regex })
}

/// A SHA-256 in hex.
#[must_use]
pub fn digest() -> Value {
    pattern("^[0-9a-f]{64}$")
}

/// The id of a participant.
#[must_use]
pub fn participant() -> Value {
    json!({ "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": 48 })
}

/// A moment (RFC 3339).
#[must_use]
pub fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// A number of things.
#[must_use]
pub fn count() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
}

/// One of these words.
#[must_use]
pub fn one_of(words: &[&str]) -> Value {
    json!({ "enum": words })
}

/// An object that has these members, and perhaps others.
#[must_use]
pub fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}
