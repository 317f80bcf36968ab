//! Which keys belong to which standard.

use ctl_pki::Certificate;

use crate::statement::parts::Standard;

/// The algorithms of keys, each the whole AlgorithmIdentifier in DER.
const KEYS: [(&[u8], &str); 5] = [
    (b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", "P-256"),
    (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22", "P-384"),
    (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23", "P-521"),
    (b"\x30\x05\x06\x03\x2b\x65\x70", "Ed25519"),
    (b"\x30\x05\x06\x03\x2b\x65\x71", "Ed448"),
];

/// The key's algorithm, if it is none of those that the standard uses: ISO 15118-2 P-256; ISO 15118-20
/// P-521 or Ed448 (secondary source).
pub(super) fn problem(certificate: &Certificate, standard: Standard) -> Option<&'static str> {
    let spki = certificate.spki_der();
    let found = KEYS.iter().find(|(algorithm, _)| {
        // Tag and length of the outer sequence take two or three octets.
        [2, 3].iter().any(|skip| spki.get(*skip..).is_some_and(|inner| inner.starts_with(algorithm)))
    });
    let found = found.map_or("another algorithm", |(_, name)| *name);
    let fits = match standard {
        Standard::Iso15118_2 => found == "P-256",
        Standard::Iso15118_20 => matches!(found, "P-521" | "Ed448"),
    };
    (!fits).then_some(found)
}
