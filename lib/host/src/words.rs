//! Durations as people write them in configurations.

use std::time::Duration;

use serde::Deserialize;

/// A duration in words: `10m`, `30days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Words(pub Duration);

impl TryFrom<String> for Words {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        humantime::parse_duration(&text)
            .map(Self)
            .map_err(|error| format!("{text:?} is no duration like \"10m\" or \"30days\": {error}"))
    }
}
