//! Structured logs on standard error, as text for people or JSON lines for machines. Each event is one line of
//! characters that are safe to print, whatever names and addresses it quotes.

use std::io::{self, IsTerminal as _};

use ctl_core::names::print;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

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

/// What a configuration says of logs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The form of a line.
    pub format: Format,
    /// A level, or directives by module.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: Format::default(), filter: "info".into() }
    }
}

/// Starts logging. `filter` is a level (`info`) or directives (`info,ctl_server::http=debug`). Does
/// nothing if logging has been started before.
///
/// # Errors
/// The filter cannot be read.
pub fn start(format: Format, filter: &str) -> Result<(), ParseError> {
    let filter: EnvFilter = filter.parse()?;
    // Colours are for terminals; in a file they are dirt.
    let colours = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(SafeLines { colours })
        .with_ansi(colours);
    // An error means that somebody else's logging is in place already.
    let _ = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().try_init(),
    };
    Ok(())
}

/// Standard error, for one event at a time.
#[derive(Clone, Copy)]
struct SafeLines {
    colours: bool,
}

impl<'a> MakeWriter<'a> for SafeLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl io::Write for SafeLines {
    /// Takes a whole event: the formatter hands it over in one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(safe(&String::from_utf8_lossy(event), self.colours).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// An event on one line. Where there are colours, the escape characters are the formatter's: it makes those in values
/// harmless itself.
fn safe(event: &str, colours: bool) -> String {
    let event = event.trim_end_matches('\n');
    let line = if colours {
        event.split('\u{1b}').map(print::line).collect::<Vec<_>>().join("\u{1b}")
    } else {
        print::line(event)
    };
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_log_line_or_hide_in_one() {
        let event = "WARN refused name=\"A\nERROR all is lost\u{202e}\u{1b}[2J\u{e0041}\"\n";
        let line = safe(event, false);
        assert!(line.strip_suffix('\n').unwrap().chars().all(print::is_safe), "{line:?}");
        assert_eq!(safe("\u{1b}[33mWARN\u{1b}[0m \u{200b}x\n", true), "\u{1b}[33mWARN\u{1b}[0m \\u200bx\n");
        let json: serde_json::Value =
            serde_json::from_str(&safe("{\"name\":\"\u{202e}\"}\n", false)).unwrap();
        assert_eq!(json["name"], "\u{202e}", "JSON stays JSON");
    }
}
