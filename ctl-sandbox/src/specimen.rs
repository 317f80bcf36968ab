//! One certificate of each kind that a PKI of ISO 15118-2 or -20 has, with the key that signed it: what mutations
//! start from. They keep to the profiles, and hold what [`Pki`](crate::Pki) has no place for: OCSP signers, CPS
//! leaves and everything of ISO 15118-20.

use chrono::{DateTime, Days, Months};
use ctl_pki::Certificate;

use crate::SandboxError;
use crate::shape::{Key, Shape, tlv};

/// 2026-01-01T00:00:00Z: when the validity of every specimen begins.
const START: i64 = 1_767_225_600;

/// Which edition of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// ISO 15118-2: P-256.
    Iso2,
    /// ISO 15118-20: P-521.
    Iso20,
}

/// A certificate, its issuer, and the key that signed it.
#[derive(Clone)]
pub struct Specimen {
    pub certificate: Certificate,
    /// Its issuer; a root is its own.
    pub issuer: Certificate,
    /// The issuer's key.
    pub issuer_key: Key,
}

/// What stands in a certificate besides key, serial number and key identifiers.
struct Kind {
    name: &'static str,
    subject: &'static str,
    /// `None` for leaves; the path length of a CA.
    ca: Option<Option<u8>>,
    /// As RFC 5280 counts them.
    key_usage: &'static [u8],
    months: u32,
    ocsp_signer: bool,
}

const fn kind(
    name: &'static str,
    subject: &'static str,
    ca: Option<Option<u8>>,
    key_usage: &'static [u8],
    months: u32,
) -> Kind {
    Kind { name, subject, ca, key_usage, months, ocsp_signer: false }
}

const CA: &[u8] = &[5, 6];
const KINDS: [Kind; 18] = [
    kind("v2g-root", "CN=Aurora V2G Root CA,DC=V2G,O=Aurora,C=NL", Some(None), CA, 480),
    kind("mo-root", "CN=Aurora MO Root CA,DC=MO,O=Aurora,C=NL", Some(None), CA, 480),
    kind("oem-root", "CN=Aurora OEM Root CA,DC=OEM,O=Aurora,C=NL", Some(None), CA, 480),
    kind("cpo-sub1", "CN=Aurora CPO Sub1 CA,DC=V2G,O=Aurora,C=NL", Some(Some(1)), CA, 480),
    kind("cpo-sub2", "CN=Aurora CPO Sub2 CA,DC=V2G,O=Aurora,C=NL", Some(Some(0)), CA, 24),
    kind("secc", "CN=NLAURS00000001,DC=CPO,O=Aurora,C=NL", None, &[0, 4], 3),
    Kind { ocsp_signer: true, ..kind("ocsp", "CN=Aurora OCSP,O=Aurora", None, &[0], 12) },
    kind("mo-sub1", "CN=Aurora MO Sub1 CA,O=Aurora,C=NL", Some(Some(1)), CA, 240),
    kind("mo-sub2", "CN=Aurora MO Sub2 CA,O=Aurora,C=NL", Some(Some(0)), &[0, 1, 5, 6], 120),
    kind("contract", "CN=NLAURC12345678,DC=MO,O=Aurora", None, &[0, 1, 2, 4], 24),
    kind("oem-sub1", "CN=Aurora OEM Sub1 CA,O=Aurora,C=NL", Some(Some(1)), CA, 240),
    kind("oem-sub2", "CN=Aurora OEM Sub2 CA,O=Aurora,C=NL", Some(Some(0)), CA, 120),
    kind("provisioning", "CN=AUR00000000000001,DC=OEM,O=Aurora", None, &[0, 4], 120),
    kind("vehicle", "CN=Aurora vehicle 17,OU=Vehicle,DC=OEM,O=Aurora", None, &[0], 120),
    kind("cps-sub1", "CN=Aurora CPS Sub1 CA,DC=V2G,O=Aurora,C=NL", Some(Some(1)), CA, 480),
    kind("cps-sub2", "CN=Aurora CPS Sub2 CA,DC=V2G,O=Aurora,C=NL", Some(Some(0)), CA, 24),
    kind("cps", "CN=Aurora CPS,DC=CPS,O=Aurora,C=NL", None, &[0], 24),
    kind("cross", "CN=Borealis V2G Root CA,DC=V2G,O=Borealis,C=US", Some(Some(1)), CA, 480),
];

/// The names of the kinds of specimen, which are those of their profiles without `-20`. Only ISO 15118-20 has a profile
/// for `vehicle`.
pub fn specimens() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// A certificate of this kind; `None` when there is no such kind. The same bytes every time.
pub fn specimen(name: &str, edition: Edition) -> Option<Result<Specimen, SandboxError>> {
    KINDS.iter().find(|kind| kind.name == name).map(|kind| make(kind, edition))
}

fn make(kind: &Kind, edition: Edition) -> Result<Specimen, SandboxError> {
    let new_key = |label: &str| match edition {
        Edition::Iso2 => Key::p256(label),
        Edition::Iso20 => Key::p521(label),
    };
    let issuer_key = new_key("issuer of specimens")?;
    let is_root = kind.name.ends_with("root");
    let key = if is_root { issuer_key.clone() } else { new_key(kind.name)? };
    let begin = DateTime::from_timestamp(START, 0).ok_or(SandboxError::Time(START))?;
    let end = begin.checked_add_months(Months::new(kind.months)).ok_or(SandboxError::Time(START))?;
    let shape = match kind.ca {
        Some(path_length) => Shape::ca(kind.subject, &key, path_length)?,
        None => Shape::new(kind.subject, &key)?.extension("2.5.29.19", true, &tlv(0x30, &[])),
    };
    let mut shape = shape.key_usage(kind.key_usage).serial(0x4000_0000_0000_0000 + u64::from(kind.months));
    shape = shape.valid(START, end.timestamp());
    if kind.ocsp_signer {
        // id-kp-OCSPSigning
        let purpose = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 3, 9]);
        shape = shape.extension("2.5.29.37", false, &tlv(0x30, &purpose));
    }
    if edition == Edition::Iso20 {
        // The CPO chain relies on OCSP, contract and provisioning certificates on CRLs.
        if matches!(kind.name, "cpo-sub1" | "cpo-sub2" | "secc") {
            // id-ad-ocsp
            let access =
                [tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1]), tlv(0x86, b"http://ocsp.example")].concat();
            shape = shape.extension("1.3.6.1.5.5.7.1.1", false, &tlv(0x30, &tlv(0x30, &access)));
        }
        if matches!(kind.name, "contract" | "provisioning" | "vehicle") {
            let name = tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"http://crl.example")));
            shape = shape.extension("2.5.29.31", false, &tlv(0x30, &tlv(0x30, &name)));
        }
    }
    if is_root {
        let certificate = shape.self_signed()?;
        return Ok(Specimen { issuer: certificate.clone(), certificate, issuer_key });
    }
    let issuer_name = "CN=Aurora CA,DC=V2G,O=Aurora,C=NL";
    let issuer_end = end.checked_add_days(Days::new(1)).ok_or(SandboxError::Time(START))?;
    let issuer =
        Shape::ca(issuer_name, &issuer_key, None)?.valid(START, issuer_end.timestamp()).self_signed()?;
    Ok(Specimen { certificate: shape.signed_by(issuer_name, &issuer_key)?, issuer, issuer_key })
}
