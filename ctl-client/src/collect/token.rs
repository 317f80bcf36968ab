//! Who may report, and who may ask. The operator has one secret; each device has a token made from it, so that whoever
//! takes a token out of one device can speak for that device only.

use std::path::Path;

use ctl_core::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::report::{DeviceId, token};

/// The operator's secret.
pub struct Secret(String);

impl Secret {
    /// From a file that nobody else may read.
    ///
    /// # Errors
    /// In words, without anything of what is in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        token(path).map(Self)
    }

    fn mac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }

    /// A device's token: the HMAC-SHA256 of its name, in hexadecimal.
    #[must_use]
    pub fn token_for(&self, device: &DeviceId) -> String {
        let mac = self.mac(&format!("device {device}"));
        mac.map_or_else(String::new, |mac| {
            let bytes: [u8; 32] = mac.finalize().into_bytes().into();
            Digest::from_bytes(bytes).to_string()
        })
    }

    /// Whether this header is a device's.
    #[must_use]
    pub fn is_device(&self, authorization: Option<&str>, device: &DeviceId) -> bool {
        let shown = authorization.and_then(bearer).and_then(|token| token.parse::<Digest>().ok());
        let mac = self.mac(&format!("device {device}"));
        mac.zip(shown).is_some_and(|(mac, shown)| mac.verify_slice(shown.as_bytes()).is_ok())
    }

    /// Whether this header is the operator's: the secret itself.
    #[must_use]
    pub fn is_operator(&self, authorization: Option<&str>) -> bool {
        // Of the secrets only codes are compared, which says nothing of how much of them is right.
        let code = |text: &str| self.mac(text).map(|mac| mac.finalize().into_bytes());
        let shown = authorization.and_then(bearer).and_then(|shown| code(&format!("operator {shown}")));
        let mac = self.mac(&format!("operator {}", self.0));
        mac.zip(shown).is_some_and(|(mac, shown)| mac.verify_slice(&shown).is_ok())
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_device_s() {
        let secret = Secret("a secret that nobody knows".into());
        let [one, two] = ["one", "two"].map(|name| name.parse::<DeviceId>().unwrap());
        let shown = format!("Bearer {}", secret.token_for(&one));
        assert!(secret.is_device(Some(&shown), &one));
        for (shown, device) in [
            (Some(shown.as_str()), &two),
            (None, &one),
            (Some("Bearer "), &one),
            (Some("Bearer a secret that nobody knows"), &one),
            (Some(&shown[..shown.len() - 1]), &one),
            (Some(&shown.replace("Bearer", "Basic")), &one),
        ] {
            assert!(!secret.is_device(shown, device), "{shown:?}");
        }
        assert!(secret.is_operator(Some("bearer a secret that nobody knows")));
        assert!(!secret.is_operator(Some(&shown)) && !secret.is_operator(None));
        let other = Secret("another secret, of another fleet".into());
        assert!(!other.is_device(Some(&shown), &one));
    }
}
