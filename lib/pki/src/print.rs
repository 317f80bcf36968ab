//! What is safe to print: one meaning of it for every text that people read, whether it stands in a statement, on
//! a terminal, in a status or in a log.
//!
//! Not safe is what steers a terminal, what is not to be seen, and what looks like a plain space without being one:
//! by any of them two different texts can look the same.

use std::collections::BTreeSet;

use unicode_script::{Script, ScriptExtension, UnicodeScript as _};

/// Characters that are not safe, as ranges. The names in statements are held against this table, so it is part of
/// what history means: it does not follow the Unicode versions of any library. It holds the general categories Cc,
/// Cf, Zl, Zp and Co, the spaces other than U+0020, the property Default_Ignorable_Code_Point with what Unicode
/// reserves for it, the fillers and blanks that belong to none of these, and the noncharacters of plane 0.
const UNSAFE: [(char, char); 36] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{a0}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{e000}', '\u{f8ff}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffc}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{13440}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    // Tags, the other variation selectors, private use.
    ('\u{e0000}', '\u{fffff}'),
    ('\u{100000}', '\u{10ffff}'),
];

/// The blocks of combining marks that go with any letter.
const MARKS: [(char, char); 5] = [
    ('\u{300}', '\u{36f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe20}', '\u{fe2f}'),
];

/// More marks than this on one letter write over the lines above and below.
const MAX_MARKS: usize = 3;

/// Scripts that one language writes side by side, Latin included (UTS 39, "highly restrictive").
const TOGETHER: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

fn within(ranges: &[(char, char)], character: char) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= character);
    after.checked_sub(1).and_then(|place| ranges.get(place)).is_some_and(|(_, last)| character <= *last)
}

/// Whether a reader sees this character for what it is.
#[must_use]
pub fn is_safe(character: char) -> bool {
    !within(&UNSAFE, character) && u32::from(character) & 0xfffe != 0xfffe
}

/// Whether a text can be a name for people: one to `longest` characters on one line, all of them safe, no space at
/// either end, no pile of combining marks.
#[must_use]
pub fn is_name(text: &str, longest: usize) -> bool {
    let mut marks = MAX_MARKS;
    let mut piled = false;
    for character in text.chars() {
        marks = if within(&MARKS, character) { marks + 1 } else { 0 };
        piled |= marks > MAX_MARKS;
    }
    !text.is_empty()
        && text.chars().count() <= longest
        && text.trim() == text
        && text.chars().all(is_safe)
        && !piled
}

/// The text on one line: what is not safe is written as JSON escapes it.
#[must_use]
pub fn line(text: &str) -> String {
    escape(text, is_safe)
}

/// The text with its line breaks; what else is not safe is written as JSON escapes it. JSON stays JSON, with the
/// same values.
#[must_use]
pub fn lines(text: &str) -> String {
    escape(text, |character| character == '\n' || is_safe(character))
}

/// The text as a JSON string of safe characters. Two different texts never give the same one, and what follows it
/// cannot be taken for a part of it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        push(&mut quoted, character, is_safe(character));
    }
    quoted.push('"');
    quoted
}

/// A name for people: quoted, and with a warning if its letters are of scripts that no language mixes.
#[must_use]
pub fn name(text: &str) -> String {
    match mixed_scripts(text) {
        None => quoted(text),
        Some(scripts) => format!("{} [MIXED SCRIPTS: {scripts}]", quoted(text)),
    }
}

/// The scripts of a text, by name, if no language writes them side by side: letters that look the same may be
/// different ones.
#[must_use]
pub fn mixed_scripts(text: &str) -> Option<String> {
    if text.is_ascii() || !ScriptExtension::for_str(text).is_empty() {
        return None;
    }
    let is_of_its_own = |script: &Script| !matches!(script, Script::Common | Script::Inherited);
    let scripts = || text.chars().map(|character| character.script()).filter(is_of_its_own);
    if TOGETHER.iter().any(|together| scripts().all(|script| together.contains(&script))) {
        return None;
    }
    let names: BTreeSet<&str> = scripts().map(|script| script.full_name()).collect();
    Some(names.into_iter().collect::<Vec<_>>().join(", "))
}

/// The words of a text that mix scripts, each as [`name`] gives it, at most `most`.
#[must_use]
pub fn mixed_words(text: &str, most: usize) -> Vec<String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| mixed_scripts(word).is_some()).map(name).take(most).collect()
}

fn escape(text: &str, plain: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut escaped, character, plain(character));
    }
    escaped
}

fn push(text: &mut String, character: char, plain: bool) {
    use std::fmt::Write as _;
    if plain {
        return text.push(character);
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        for ranges in [&UNSAFE[..], &MARKS] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn what_hides_or_steers_is_no_part_of_a_name() {
        for (what, character) in [
            ("escape", '\u{1b}'),
            ("line feed", '\n'),
            ("no-break space", '\u{a0}'),
            ("soft hyphen", '\u{ad}'),
            ("combining grapheme joiner", '\u{34f}'),
            ("Arabic letter mark", '\u{61c}'),
            ("Hangul filler", '\u{3164}'),
            ("halfwidth Hangul filler", '\u{ffa0}'),
            ("zero width space", '\u{200b}'),
            ("zero width joiner", '\u{200d}'),
            ("line separator", '\u{2028}'),
            ("paragraph separator", '\u{2029}'),
            ("right-to-left override", '\u{202e}'),
            ("word joiner", '\u{2060}'),
            ("isolate", '\u{2067}'),
            ("braille blank", '\u{2800}'),
            ("ideographic space", '\u{3000}'),
            ("variation selector", '\u{fe0f}'),
            ("byte order mark", '\u{feff}'),
            ("noncharacter", '\u{1ffff}'),
            ("tag", '\u{e0041}'),
            ("private use", '\u{f0000}'),
        ] {
            assert!(!is_safe(character), "{what}");
            assert!(!is_name(&format!("Al{character}pha"), 120), "{what}");
        }
        for name in ["Aurora Charging B.V.", "Söhne & Co. – Ladenetz", "充電株式会社", "한국전력", "e\u{301}"]
        {
            assert!(is_name(name, 120), "{name}");
        }
        assert!(!is_name("", 120) && !is_name(" a", 120) && !is_name("aa", 1));
        assert!(!is_name("\u{301}a", 120), "a mark without a letter");
        assert!(!is_name(&format!("a{}", "\u{301}".repeat(4)), 120), "a pile of marks");
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(lines("a\u{1b}[2Jb\nc\u{202e}"), "a\\u001b[2Jb\nc\\u202e");
        assert_eq!(line("a\nb"), "a\\u000ab");
        assert_eq!(quoted("a\" \\u202e\u{202e}\u{e0041}"), r#""a\" \\u202e\u202e\udb40\udc41""#);
    }

    #[test]
    fn mixed_scripts_warn() {
        for fine in ["Alpha", "Альфа", "Ω Omega µ", "トヨタ充電 EV", "한국 EV 漢"] {
            let expected = if fine.starts_with('Ω') { Some("Greek, Latin".to_owned()) } else { None };
            assert_eq!(mixed_scripts(fine), expected, "{fine}");
        }
        assert_eq!(name("\u{410}lpha"), "\"\u{410}lpha\" [MIXED SCRIPTS: Cyrillic, Latin]");
        assert_eq!(mixed_words("a \u{410}lpha, b", 3).len(), 1);
    }
}
