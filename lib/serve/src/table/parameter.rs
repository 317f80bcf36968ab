//! What the OpenAPI document says of the parts of a path, the members of a query, and headers.

use serde_json::Value;

/// A part of a path, a member of a query or a header, for the OpenAPI document.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    /// Its JSON schema.
    pub schema: Value,
    /// Whether a request must have it. Parts of a path always are required.
    pub required: bool,
}

/// One that a request must have.
#[must_use]
pub const fn required(name: &'static str, about: &'static str, schema: Value) -> Parameter {
    Parameter { name, about, schema, required: true }
}

/// One that a request may have.
#[must_use]
pub const fn optional(name: &'static str, about: &'static str, schema: Value) -> Parameter {
    Parameter { name, about, schema, required: false }
}
