//! Results for people and for programs: each can be shown as text and as JSON.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// What can be shown to a person.
pub trait Render {
    /// The text, with a newline at the end of each line.
    fn text(&self) -> String;
}

/// The result for standard output: JSON when asked for, else text. Control characters that bytes from
/// outside might carry are made visible, so that they cannot steer the terminal.
#[must_use]
pub fn show<T: Render + Serialize>(result: &T, json: bool) -> String {
    if json {
        serde_json::to_string_pretty(result).map_or_else(|e| format!("{{\"error\":\"{e}\"}}\n"), |s| s + "\n")
    } else {
        safe(&result.text())
    }
}

/// The text with control characters, other than newlines and tabs, made visible.
#[must_use]
pub fn safe(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let harmful = c.is_control() && c != '\n' && c != '\t'
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c);
            let (escaped, plain) = if harmful { (Some(c.escape_unicode()), None) } else { (None, Some(c)) };
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// A table with a line below its head, fitted to the terminal.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// Lines below a heading; nothing if there are none.
pub(crate) fn section(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    lines.iter().fold(format!("{heading}\n"), |text, line| text + "  " + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\nc\u{202e}"), "a\\u{1b}[2Jb\nc\\u{202e}");
    }
}
