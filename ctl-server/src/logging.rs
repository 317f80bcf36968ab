//! Structured logs on standard error, as text for people or JSON lines for machines.

use std::io::IsTerminal as _;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `filter` is a level (`info`) or directives (`info,ctl_server::http=debug`). Does
/// nothing if logging has been started before.
///
/// # Errors
/// The filter cannot be read.
pub fn start(format: Format, filter: &str) -> Result<(), ParseError> {
    let filter: EnvFilter = filter.parse()?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for terminals; in a file they are dirt.
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that somebody else's logging is in place already.
    let _ = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().try_init(),
    };
    Ok(())
}
