//! Identifiers of mobility operators as the field writes them: with hyphens or asterisks, in small letters, or as the
//! whole eMAID of a contract. One spelling comes out.

use ctl_core::names::MoId;

/// Separators and all: `DE-8AA-123456789-0`, with room for one more between country and the rest.
const LONGEST: usize = 24;

/// Why a text names no mobility operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} names no mobility operator: an MO identifier has two letters and three letters or digits (USEVG), an \
     eMAID nine more or six in the older form, and perhaps a check digit; hyphens and asterisks do not count"
)]
pub struct IdentifierError {
    /// The beginning of what was found.
    pub found: String,
}

/// The MO identifier that a text is, or that its eMAID begins with (FACTS of the field: ISO/eMI3 instances have nine
/// characters, those of DIN SPEC 91286 six; each perhaps with a check digit).
///
/// # Errors
/// [`IdentifierError`]
pub fn mo_id(text: &str) -> Result<MoId, IdentifierError> {
    let refused = || IdentifierError { found: text.chars().take(LONGEST).collect() };
    let text = text.trim_matches(' ');
    if text.len() > LONGEST {
        return Err(refused());
    }
    let plain: String =
        text.chars().filter(|c| !matches!(c, '-' | '*')).map(|c| c.to_ascii_uppercase()).collect();
    let is_plain = plain.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !is_plain || !matches!(plain.len(), 5 | 11 | 12 | 14 | 15) {
        return Err(refused());
    }
    plain.get(..5).and_then(|id| id.parse().ok()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_and_every_spelling_of_its_contracts_are_one_operator() {
        for text in [
            "DE8AA",
            "de-8aa",
            " DE8AA ",
            "DE*8AA",
            "DE8AAC12345678",
            "DE-8AA-C12345678-9",
            "DE*8AA*123456*7",
            "de8aa123456",
        ] {
            assert_eq!(mo_id(text).map(|id| id.to_string()), Ok("DE8AA".into()), "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_and_told() {
        for text in [
            "",
            "DE8A",
            "DE8AAC",
            "D18AA",
            "DE8AÄ",
            "DE 8AA",
            "DE8AA\0",
            &"A".repeat(15_000),
            "DE8AAC1234567890",
        ] {
            let error = mo_id(text).unwrap_err();
            assert!(error.found.chars().count() <= LONGEST && error.to_string().contains("USEVG"), "{error}");
        }
    }
}
