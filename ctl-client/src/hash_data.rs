//! CertificateHashData: how OCPP names a certificate (OCPP 2.0.1 part 2, CertificateHashDataType). Issuer name and
//! issuer key are hashed, the latter without tag, length and unused-bits octet; the serial number is hex without leading
//! zeros. Stations write hex as they like, so it is compared without regard to case.

use ctl_pki::Certificate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

ctl_pki::words! {
    /// What a station hashes with (OCPP 2.0.1 part 2, HashAlgorithmEnumType).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum Algorithm by as_str {
        /// SHA-256.
        #[serde(rename = "SHA256")]
        Sha256 => "SHA256",
        /// SHA-384.
        #[serde(rename = "SHA384")]
        Sha384 => "SHA384",
        /// SHA-512.
        #[serde(rename = "SHA512")]
        Sha512 => "SHA512",
    }
}

impl Algorithm {
    fn hex(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha256 => hex(&Sha256::digest(bytes)),
            Self::Sha384 => hex(&Sha384::digest(bytes)),
            Self::Sha512 => hex(&Sha512::digest(bytes)),
        }
    }

    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a certificate, in the one form in which names are compared: lower case, no leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashData {
    /// What was hashed with.
    pub algorithm: Algorithm,
    /// Over the DER of the issuer's name.
    pub issuer_name: String,
    /// Over the bits of the issuer's public key.
    pub issuer_key: String,
    /// In hex.
    pub serial: String,
}

impl HashData {
    /// The name of a root, which is its own issuer.
    #[must_use]
    pub fn of_root(root: &Certificate, algorithm: Algorithm) -> Self {
        Self::of(root, root, algorithm)
    }

    /// The name of a certificate that another issued.
    #[must_use]
    pub fn of(certificate: &Certificate, issuer: &Certificate, algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            issuer_name: algorithm.hex(certificate.issuer_der()),
            issuer_key: algorithm.hex(issuer.public_key_bits()),
            serial: serial(certificate.serial_hex()),
        }
    }

    /// Reads it from a station's answer.
    ///
    /// # Errors
    /// In words, what is not as OCPP has it.
    pub fn read(value: &Value) -> Result<Self, String> {
        let text = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| format!("certificateHashData without {name}"))
        };
        let algorithm: Algorithm = serde_json::from_value(json!(text("hashAlgorithm")?.to_ascii_uppercase()))
            .map_err(|_| "certificateHashData with an unknown hashAlgorithm".to_owned())?;
        let digits = |name: &str, longest: usize| {
            let digits = text(name)?;
            let good = !digits.is_empty() && digits.len() <= longest;
            match good && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                true => Ok(digits.to_ascii_lowercase()),
                false => {
                    Err(format!("certificateHashData whose {name} is not hex of at most {longest} digits"))
                }
            }
        };
        let whole = |name: &str| {
            let digits = digits(name, algorithm.digits())?;
            match digits.len() == algorithm.digits() {
                true => Ok(digits),
                false => Err(format!("certificateHashData whose {name} is no {algorithm}")),
            }
        };
        let (issuer_name, issuer_key) = (whole("issuerNameHash")?, whole("issuerKeyHash")?);
        Ok(Self { algorithm, issuer_name, issuer_key, serial: serial(&digits("serialNumber", 40)?) })
    }

    /// As OCPP writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "hashAlgorithm": self.algorithm,
            "issuerNameHash": self.issuer_name,
            "issuerKeyHash": self.issuer_key,
            "serialNumber": self.serial,
        })
    }
}

/// Without leading zeros, in lower case.
fn serial(hex: &str) -> String {
    let digits = hex.trim_start_matches('0').to_ascii_lowercase();
    if digits.is_empty() { "0".to_owned() } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctl_sandbox::{Pki, PkiKind, PkiSpec};

    fn root() -> Certificate {
        let spec = PkiSpec::new(PkiKind::V2g, "hash", "DE", "hash", "client tests", 1_700_000_000);
        Pki::generate(&spec).unwrap().root().certificate().clone()
    }

    #[test]
    fn a_name_is_the_same_however_a_station_writes_it() {
        let root = root();
        for algorithm in Algorithm::ALL {
            let name = HashData::of_root(&root, algorithm);
            let mut written = name.to_json();
            assert_eq!(HashData::read(&written).unwrap(), name);
            for member in ["issuerNameHash", "issuerKeyHash", "serialNumber"] {
                let loud = written[member].as_str().unwrap().to_ascii_uppercase();
                written[member] = loud.into();
            }
            written["serialNumber"] = format!("00{}", written["serialNumber"].as_str().unwrap()).into();
            assert_eq!(HashData::read(&written).unwrap(), name);
            assert_eq!(name.issuer_key, algorithm.hex(root.public_key_bits()));
        }
    }

    #[test]
    fn what_is_no_name_proves_nothing() {
        let good = HashData::of_root(&root(), Algorithm::Sha256).to_json();
        for (member, bad) in [
            ("hashAlgorithm", json!("MD5")),
            ("hashAlgorithm", json!(7)),
            ("issuerNameHash", json!("")),
            ("issuerNameHash", json!("zz")),
            ("issuerKeyHash", json!("ab")),
            ("issuerKeyHash", Value::Null),
            ("serialNumber", json!("")),
            ("serialNumber", json!("1".repeat(41))),
        ] {
            let mut value = good.clone();
            value[member] = bad;
            assert!(HashData::read(&value).is_err(), "{value}");
        }
    }
}
