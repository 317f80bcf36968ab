//! eMAID, PCID and SECC id: how they are written.

use ctl_pki::identifier::{is_emaid, is_pcid, is_secc_id};

use super::requirement::Identifier;

/// Whether the text is written as such an identifier, as OPCP 1.0 reads them.
pub(super) fn is_written_as(text: &str, identifier: Identifier) -> bool {
    match identifier {
        Identifier::Emaid => is_emaid(text),
        Identifier::Pcid => is_pcid(text),
        Identifier::SeccId => is_secc_id(text),
    }
}
