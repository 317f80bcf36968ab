//! Signatures of what is sent: HMAC-SHA-256 (RFC 2104) of the body, keyed with the endpoint's secret as it is shown.

use ctl_fetch::Header;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// OPCP: the bare hex digits.
pub const PAYLOAD: &str = "payload-signature";
/// OPCP: the hex digits after `sha256=`.
pub const HUBJECT: &str = "x-hubject-signature";
/// OPNC: the bare hex digits.
pub const OPERATOR: &str = "x-operator-signature";

/// The signature in hex; none for no key at all, which no endpoint has.
#[must_use]
pub fn hex_hmac(secret: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    Some(hex::encode(mac.finalize().into_bytes()))
}

/// The headers with the signature, in every spelling that subscribers look for.
#[must_use]
pub fn headers(secret: &str, body: &[u8]) -> Option<Vec<Header>> {
    let bare = hex_hmac(secret, body)?;
    let named = |name, value| Header { name, value };
    Some(vec![named(PAYLOAD, bare.clone()), named(HUBJECT, format!("sha256={bare}")), named(OPERATOR, bare)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let body = b"what do ya want for nothing?";
        assert_eq!(hex_hmac("Jefe", body).unwrap(), expected);
        let headers = headers("Jefe", body).unwrap();
        let text: Vec<_> = headers.iter().map(|header| (header.name, &*header.value)).collect();
        let spelt = format!("sha256={expected}");
        assert_eq!(text, [(PAYLOAD, expected), (HUBJECT, &*spelt), (OPERATOR, expected)]);
    }
}
