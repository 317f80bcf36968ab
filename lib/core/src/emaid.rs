//! eMAID: what a contract certificate names its contract by, and how it begins with the mobility operator's identifier
//! (FACTS §5). Read in every form that is found in the field, and compared in one.

use std::fmt;

use ctl_pki::identifier::emaid_check_digit;

use crate::names::MoId;

/// The longest text that is looked at.
const MAX_TEXT: usize = 40;

/// An eMAID in its one form: capital letters and digits, no separators. `[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{9}` and perhaps a
/// check digit (ISO 15118-2 annex H, eMI3), or the older `[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{6}` and perhaps a digit of its
/// own (DIN SPEC 91286).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Emaid {
    text: String,
    mo_id: MoId,
}

/// What the last character of an eMAID says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDigit {
    /// There is none.
    Absent,
    /// It follows from the others.
    Right,
    /// It should be this one: somebody wrote or copied the eMAID wrongly.
    Wrong(char),
    /// The older form, whose digit is not judged here.
    NotJudged,
}

impl Emaid {
    /// Reads an eMAID however it is written: letters of either case, `-` (in the older form also `*`) between its parts
    /// or not. None if the text is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let plain = plain(text, 9, &['-']).or_else(|| plain(text, 6, &['-', '*']))?.to_ascii_uppercase();
        let mo_id = plain.get(..5)?.parse().ok()?;
        Some(Self { text: plain, mo_id })
    }

    /// The one form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The mobility operator's identifier: country code and provider id.
    #[must_use]
    pub const fn mo_id(&self) -> &MoId {
        &self.mo_id
    }

    /// Whether the check digit follows from the rest.
    #[must_use]
    pub fn check_digit(&self) -> CheckDigit {
        let (first, last) = match self.text.len() {
            14 => return CheckDigit::Absent,
            15 => self.text.split_at(14),
            _ => return CheckDigit::NotJudged,
        };
        match emaid_check_digit(first) {
            Some(wanted) if last.starts_with(wanted) => CheckDigit::Right,
            Some(wanted) => CheckDigit::Wrong(wanted),
            None => CheckDigit::NotJudged,
        }
    }

    /// Whether both name one contract: the check digit adds nothing.
    #[must_use]
    pub fn is_same_contract(&self, other: &Self) -> bool {
        fn contract(one: &Emaid) -> Option<&str> {
            one.text.get(..14).or_else(|| one.text.get(..11))
        }
        contract(self) == contract(other)
    }
}

impl fmt::Display for Emaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The parts without what separates them, if there are such parts: country, provider, an instance of this length, and
/// perhaps one character more.
fn plain(text: &str, instance: usize, separators: &[char]) -> Option<String> {
    let (country, mut rest) = text.split_at_checked(2)?;
    let mut plain = country.to_owned();
    for length in [3, instance] {
        let (part, after) = rest.strip_prefix(separators).unwrap_or(rest).split_at_checked(length)?;
        plain.push_str(part);
        rest = after;
    }
    let digit = rest.strip_prefix(separators).unwrap_or(rest);
    plain.push_str(digit);
    let is_country = country.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_whole = digit.len() <= 1 && (digit.len() == 1 || rest.is_empty());
    (is_country && is_whole && plain.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(plain)
}
