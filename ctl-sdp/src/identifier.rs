//! Identifiers of mobility operators as the field writes them: with hyphens or asterisks, in small letters, or as the
//! whole eMAID of a contract. One spelling comes out.

use ctl_core::emaid::Emaid;
use ctl_core::names::MoId;

/// The beginning of what was found is told, so far.
const TOLD: usize = 24;

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

/// The MO identifier that a text is, or that its eMAID begins with.
///
/// # Errors
/// [`IdentifierError`]
pub fn mo_id(text: &str) -> Result<MoId, IdentifierError> {
    let text = text.trim_matches(' ');
    // As it stands on the wire nearly always.
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    // Country and the rest may be apart, as in an eMAID.
    let short = || {
        let letters = text.chars().filter(|c| !matches!(c, '-' | '*'));
        letters.map(|c| c.to_ascii_uppercase()).collect::<String>().parse().ok()
    };
    let found = if text.len() <= 6 { short() } else { Emaid::read(text).map(|emaid| emaid.mo_id().clone()) };
    found.ok_or_else(|| IdentifierError { found: text.chars().take(TOLD).collect() })
}
