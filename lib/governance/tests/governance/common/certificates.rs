//! A CA for those who sign lists, and the certificates that it issues to the keys of stories.

use std::collections::BTreeMap;

use ctl_core::parts::Der;
use ctl_governance::statement::charter::SaeCmsCharter;
use ctl_sandbox::shape::{Key, Shape};

use super::key;

const CA: &str = "CN=List Signing CA,O=Stories";
/// codeSigning alone.
pub const CODE_SIGNING: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 3];

pub fn ca_key(label: &str) -> Key {
    Key::p256(label).unwrap()
}

/// The certificate of a CA with this key.
pub fn ca(label: &str) -> Der {
    let certificate = Shape::ca(CA, &ca_key(label), Some(0)).unwrap().self_signed().unwrap();
    Der(certificate.der().to_vec())
}

/// What the certificate of a signer says, by default valid from 2020 to 2049.
pub fn for_signer(name: &str) -> Shape {
    for_key(name, &key(name).to_pem())
}

pub fn for_key(name: &str, pem: &str) -> Shape {
    let serial = name.bytes().fold(7, |serial, byte| serial * 31 % 1_000_003 + u64::from(byte));
    let shape = Shape::new(&format!("CN={name}"), &Key::p256_from_pem(pem).unwrap()).unwrap();
    shape.serial(serial).key_usage(&[0]).extension("2.5.29.37", true, CODE_SIGNING)
}

pub fn issue(shape: Shape) -> Der {
    Der(shape.signed_by(CA, &ca_key("list signing CA")).unwrap().der().to_vec())
}

/// All signers of the list with their certificates.
pub fn sae_cms() -> SaeCmsCharter {
    let signers = ["signer-1", "signer-2", "signer-3"];
    let signers: BTreeMap<_, _> =
        signers.iter().map(|name| (name.parse().unwrap(), issue(for_signer(name)))).collect();
    SaeCmsCharter { ca: ca("list signing CA"), signers }
}
