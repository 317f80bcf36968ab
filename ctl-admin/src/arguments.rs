//! Words of the command line, as the arguments of several commands have them.

use ctl_core::parts::Use;
use serde::de::DeserializeOwned;

/// A word as statements have it.
///
/// # Errors
/// It is none of them.
pub fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|e| e.to_string())
}

/// `iso15118-2/v2g`.
///
/// # Errors
/// It is not of this form.
pub fn parse_use(text: &str) -> Result<Use, String> {
    let (standard, purpose) =
        text.split_once('/').ok_or("expected STANDARD/PURPOSE, like iso15118-2/v2g or iso15118-20/mo")?;
    Ok(Use { standard: word(standard)?, purpose: word(purpose)? })
}

/// Seconds, of a text like `30min`.
///
/// # Errors
/// It is none.
pub fn duration(text: &str) -> Result<u64, String> {
    humantime::parse_duration(text).map(|duration| duration.as_secs()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_a_standard_and_a_purpose() {
        assert!(parse_use("iso15118-20/vehicle").is_ok());
        assert!(parse_use("iso15118-20/boat").is_err() && parse_use("v2g").is_err());
    }
}
