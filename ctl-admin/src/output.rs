//! Results for people and for programs: each can be shown as text and as JSON.

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use comfy_table::{ContentArrangement, Table, presets};
use ctl_core::names::print;
use serde::Serialize;

use crate::exit;

/// A text of more lines goes through the pager.
const MAX_UNPAGED: usize = 20;
/// So many words with mixed scripts are named in a warning.
const MAX_MIXED: usize = 10;

/// What can be shown to a person.
pub trait Render {
    /// The text, with a newline at the end of each line.
    fn text(&self) -> String;

    /// The exit status that goes with it.
    fn exit_code(&self) -> u8 {
        exit::DONE
    }
}

/// The result for standard output: JSON when asked for, else text. What bytes from outside might carry that is not
/// safe to print is escaped, so that it can neither steer the terminal nor hide.
#[must_use]
pub fn show<T: Render + Serialize>(result: &T, json: bool) -> String {
    if json {
        let json = serde_json::to_string_pretty(result);
        json.map_or_else(
            |e| format!("{{\"error\":{}}}\n", print::quoted(&e.to_string())),
            |s| print::lines(&s) + "\n",
        )
    } else {
        safe(&result.text())
    }
}

/// The text with what is not safe to print escaped, and with a warning if letters of several scripts stand in one
/// word.
#[must_use]
pub fn safe(text: &str) -> String {
    let mut safe = print::lines(text);
    let mixed = print::mixed_words(text, MAX_MIXED);
    if !mixed.is_empty() {
        safe += &format!("WARNING: letters that look alike may be others: {}\n", mixed.join(", "));
    }
    safe
}

/// Shows a text to whoever sits at the terminal, through a pager ($PAGER, else less) so that a long one is read from
/// its beginning; elsewhere it is written as it is.
pub fn page(text: &str, to: Stream) {
    let long = text.lines().count() > MAX_UNPAGED;
    if !long || !to.is_terminal() || !through(&pager(), to.screen(), text) {
        to.write(text);
    }
}

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What a command was asked for.
    Output,
    /// What a person is asked about.
    Error,
}

impl Stream {
    fn is_terminal(self) -> bool {
        let reads = std::io::stdin().is_terminal();
        reads
            && match self {
                Self::Output => std::io::stdout().is_terminal(),
                Self::Error => std::io::stderr().is_terminal(),
            }
    }

    /// Where the pager shows it: standard output may go to a file while a person is asked.
    fn screen(self) -> Stdio {
        match self {
            Self::Output => Stdio::inherit(),
            Self::Error => Stdio::from(std::io::stderr()),
        }
    }

    /// A closed pipe is no error of ours.
    fn write(self, text: &str) {
        let _ = match self {
            Self::Output => std::io::stdout().lock().write_all(text.as_bytes()),
            Self::Error => std::io::stderr().lock().write_all(text.as_bytes()),
        };
    }
}

fn pager() -> String {
    std::env::var("PAGER").unwrap_or_else(|_| "less".into())
}

/// Whether the pager took the text; an empty one is none.
fn through(pager: &str, screen: Stdio, text: &str) -> bool {
    if pager.trim().is_empty() {
        return false;
    }
    let mut command = Command::new("sh");
    command.arg("-c").arg(pager).stdin(Stdio::piped()).stdout(screen);
    if std::env::var_os("LESS").is_none() {
        // What fits on one screen is only printed.
        command.env("LESS", "FX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever has read enough closes the pipe.
        let _ = stdin.write_all(text.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
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

/// Lines below a heading; nothing if there are none. What has several lines stays below its heading.
pub(crate) fn section(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    lines.iter().fold(format!("{heading}\n"), |text, line| text + "  " + &line.replace('\n', "\n  ") + "\n")
}

/// A time that passed, in the two largest units.
pub(crate) fn lasted(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, 0) => format!("{minutes} min"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, 0, _) => format!("{hours} h"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, 0, ..) => format!("{days} d"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Render for Named {
        fn text(&self) -> String {
            format!("{}\n", self.0)
        }
    }

    impl Serialize for Named {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.0)
        }
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        let named = Named("a\u{1b}[2Jb\nc\u{202e}");
        assert_eq!(show(&named, false), "a\\u001b[2Jb\nc\\u202e\n");
        let json = show(&named, true);
        assert!(!json.contains('\u{202e}'));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), named.0, "and JSON keeps its values");
    }

    #[test]
    fn letters_of_two_scripts_in_one_word_warn() {
        let text = show(&Named("alpha of \u{430}lpha"), false);
        assert!(text.contains("WARNING") && text.contains("Cyrillic, Latin"), "{text}");
        assert!(!show(&Named("Alpha und Söhne"), false).contains("WARNING"));
    }

    #[test]
    fn a_long_text_reaches_the_pager_whole() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("read");
        let text: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        let through = |pager: &str| through(pager, Stdio::inherit(), &text);
        assert!(through(&format!("cat > {}", file.display())));
        assert_eq!(std::fs::read_to_string(file).unwrap(), text);
        assert!(!through(" ") && !through("exit 3"), "then it is written as it is");
    }

    #[test]
    fn time_that_passed_is_told_in_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min 59 s"),
            (3600, "1 h"),
            (90_000, "1 d 1 h"),
            (20 * 86_400 + 59, "20 d"),
        ] {
            assert_eq!(lasted(seconds), expected);
        }
    }
}
