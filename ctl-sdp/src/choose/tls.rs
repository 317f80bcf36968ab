//! Which roots the car names to the charger, so that it shows a chain that the car can verify: the bytes of TLS's
//! extensions, from the list. A charger has chains under several roots, or one under a cross-certificate.

use std::collections::BTreeMap;

use ctl_client::store::TrustStore;
use ctl_core::parts::{Purpose, Standard, Use, certificates_cannot_express};
use ctl_pki::Certificate;
use serde::Serialize;

/// `cert_sha1_hash` of RFC 6066 section 6.
const CERT_SHA1_HASH: u8 = 3;

/// What the car names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The roots, for people.
    pub roots: Vec<String>,
    /// `trusted_ca_keys` (RFC 6066 section 6; ISO 15118-2 with TLS 1.2): the extension's data, in hex.
    pub trusted_ca_keys: String,
    /// `certificate_authorities` (RFC 8446 section 4.2.4; ISO 15118-20 with TLS 1.3): the same.
    pub certificate_authorities: String,
}

/// The roots that a charger's chain may end in. One whose constraints a stack cannot carry along is not named, as in the
/// files of certificates.
///
/// # Errors
/// In words: they do not fit into the extension.
pub fn named(store: &TrustStore, standard: Standard) -> Result<Named, String> {
    let wanted = Use { standard, purpose: Purpose::V2g };
    let anchors = store.anchors.iter().filter(|anchor| {
        anchor.uses.contains(&wanted) && certificates_cannot_express(&anchor.constraints).is_none()
    });
    let roots: BTreeMap<_, &Certificate> =
        anchors.map(|anchor| (anchor.fingerprint, &anchor.certificate)).collect();
    let keys = trusted_ca_keys(roots.values().copied())?;
    let names = certificate_authorities(roots.values().copied())?;
    Ok(Named {
        roots: roots.values().map(|root| root.subject().to_owned()).collect(),
        trusted_ca_keys: hex(&keys),
        certificate_authorities: hex(&names),
    })
}

/// The data of `trusted_ca_keys`: each root by the SHA-1 of its certificate, which is a name and no proof.
///
/// # Errors
/// In words: they do not fit.
pub fn trusted_ca_keys<'c>(roots: impl IntoIterator<Item = &'c Certificate>) -> Result<Vec<u8>, String> {
    let mut list = Vec::new();
    for root in roots {
        list.push(CERT_SHA1_HASH);
        list.extend(root.sha1());
    }
    with_length(&list)
}

/// The data of `certificate_authorities`: each root by its name. Empty if there is none: the extension is left out then.
///
/// # Errors
/// In words: they do not fit.
pub fn certificate_authorities<'c>(
    roots: impl IntoIterator<Item = &'c Certificate>,
) -> Result<Vec<u8>, String> {
    let mut list = Vec::new();
    for root in roots {
        list.extend(with_length(root.subject_der())?);
    }
    if list.is_empty() { Ok(list) } else { with_length(&list) }
}

fn with_length(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let length = u16::try_from(bytes.len()).map_err(|_| {
        format!(
            "the names of the roots take {} bytes, and the extension has room for 65535: choose roots by a signed selection",
            bytes.len()
        )
    })?;
    Ok([&length.to_be_bytes()[..], bytes].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
