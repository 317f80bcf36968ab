//! The renditions of a document: the same content in each format in which it is served. [`RENDITIONS`] is the
//! one table of them; server and audit read it. What a format cannot say is told beside the file, and a format that
//! cannot hold this version has no file: never that of an older one.

mod make;

use ctl_core::json;
use ctl_core::jws::Signature;
use ctl_core::list::{ListPayload, MAX_PAYLOAD};
use ctl_core::parts::Purpose;
use ctl_core::role::Role;
use ctl_pki::Certificate;

use crate::omission::Omission;

/// One format in which the latest document of a role is served, at [`Role::stem`] with its suffix.
#[derive(Debug)]
pub struct Rendition {
    /// What follows the stem and a dot: `jws`.
    pub suffix: &'static str,
    pub media_type: &'static str,
    /// Only lists have it, not the registry and the notices.
    pub lists_only: bool,
    /// Whether it carries its signatures with it.
    pub is_signed: bool,
    /// Whether it can express an anchor's constraints. Where it cannot, an anchor with a critical one is left
    /// out.
    pub carries_constraints: bool,
    make: fn(&Source<'_>) -> Result<Made, NotMade>,
}

/// A rendition, made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    pub bytes: Vec<u8>,
    /// What of the list it does not say.
    pub omissions: Vec<Omission>,
}

/// Why a version of a list has no such rendition: the format cannot hold it, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotMade(String);

impl NotMade {
    fn because(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }
}

/// What renditions are made of.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    document: &'a [u8],
    /// The document of a list, read once for all.
    list: Result<ListPayload, NotMade>,
    signatures: &'a [Signature],
    roots: &'a [&'a [u8]],
    targets: &'a [u8],
    sae_cms: Result<Vec<(Certificate, Vec<u8>)>, NotMade>,
}

impl<'a> Source<'a> {
    /// The payload of a role as it was signed, its signatures, every root version from the first on, and the delegating
    /// targets.
    #[must_use]
    pub fn new(
        role: &Role,
        document: &'a [u8],
        signatures: &'a [Signature],
        roots: &'a [&'a [u8]],
        targets: &'a [u8],
    ) -> Self {
        let list = match role {
            Role::List(_) => json::read(document, MAX_PAYLOAD).map_err(NotMade::because),
            _ => Err(NotMade::because("only lists have this form")),
        };
        let sae_cms = Err(NotMade::because("nobody signed it as an SAE list in CMS"));
        Self { document, list, signatures, roots, targets, sae_cms }
    }

    /// With the signers' certificates and signatures of the SAE list in CMS, or why there are none.
    #[must_use]
    pub fn with_sae_cms(self, signatures: Result<Vec<(Certificate, Vec<u8>)>, String>) -> Self {
        Self { sae_cms: signatures.map_err(NotMade), ..self }
    }

    fn list(&self) -> Result<&ListPayload, NotMade> {
        self.list.as_ref().map_err(Clone::clone)
    }
}

/// Media type of text in PEM. RFC 7468, which describes PEM, registers none; `application/pem-certificate-chain` is one
/// chain, its leaf first (RFC 8555 §9.1), and no set of roots.
const PEM_TYPE: &str = "application/x-pem-file";
/// Media type of DER that has none of its own (RFC 2046 §4.5.1).
const DER_TYPE: &str = "application/octet-stream";

/// The payload itself.
pub const PAYLOAD: Rendition = Rendition {
    suffix: "json",
    media_type: "application/json",
    lists_only: false,
    is_signed: false,
    carries_constraints: true,
    make: |source| Ok(Made { bytes: source.document.to_vec(), ..Made::default() }),
};

/// The one file that a device needs besides an old root.json: the payload, its signatures, and in the
/// unprotected header of the first one every root version and the delegating targets. JWS in the general JSON
/// serialisation (media type: RFC 7515 §9.2.1).
pub const SIGNED: Rendition = Rendition {
    suffix: "jws",
    media_type: "application/jose+json",
    lists_only: false,
    is_signed: true,
    carries_constraints: true,
    make: |source| Ok(Made { bytes: make::signed(source), ..Made::default() }),
};

/// What all renditions of certificates alone have in common.
const PLAIN: Rendition = Rendition {
    suffix: "",
    media_type: DER_TYPE,
    lists_only: true,
    is_signed: false,
    carries_constraints: false,
    make: |_| Err(NotMade(String::new())),
};

/// Certificates in PEM, for trust stores that read nothing else.
pub const PEM: Rendition =
    Rendition { suffix: "pem", media_type: PEM_TYPE, make: |source| make::pem(source, None), ..PLAIN };

/// Roots of the charger's chain in PEM.
pub const PEM_V2G: Rendition =
    Rendition { suffix: "v2g.pem", make: |source| make::pem(source, Some(Purpose::V2g)), ..PEM };

/// Roots of the contract's chain in PEM.
pub const PEM_MO: Rendition =
    Rendition { suffix: "mo.pem", make: |source| make::pem(source, Some(Purpose::Mo)), ..PEM };

/// Roots of the provisioning certificate's chain in PEM.
pub const PEM_OEM: Rendition =
    Rendition { suffix: "oem.pem", make: |source| make::pem(source, Some(Purpose::Oem)), ..PEM };

/// Roots of the vehicle's chain in PEM.
pub const PEM_VEHICLE: Rendition =
    Rendition { suffix: "vehicle.pem", make: |source| make::pem(source, Some(Purpose::Vehicle)), ..PEM };

/// Certs-only PKCS#7 (media type and `.p7c`: RFC 8551 §3.2.1 and §3.2.2). EST names its answers so as well, but gives them
/// in base64 (RFC 7030 §4.1.3).
pub const PKCS7: Rendition = Rendition {
    suffix: "p7c",
    media_type: "application/pkcs7-mime; smime-type=certs-only",
    make: make::pkcs7,
    ..PLAIN
};

/// TrustAnchorList in DER, for which RFC 5914 registers no media type. `application/cms; innerContent=trustAnchorList`
/// (RFC 7193) is a ContentInfo of type id-ct-trustAnchorList around it, which who reads the bare list does not take; and
/// `application/tamp-…` (RFC 5934) are messages of a protocol between a manager and a store.
pub const TRUST_ANCHORS: Rendition = Rendition { suffix: "ta.der", make: make::trust_anchors, ..PLAIN };

/// The list of the SAE EVPKI consortium, version 1, in DER without signatures.
pub const SAE: Rendition = Rendition { suffix: "sae.der", make: make::sae, ..PLAIN };

/// The same in CMS with the signatures of as many signers as the list needs, in PEM as the one sample of it is. RFC 7193's
/// `application/cms; encapsulatingContent=signedData` is binary, so it would be another file; SAE's content is id-data,
/// for which it has no `innerContent`. Only where the charter asks for it.
pub const SAE_CMS: Rendition =
    Rendition { suffix: "sae.cms", media_type: PEM_TYPE, make: make::sae_cms, ..PLAIN };

/// All of them.
pub const RENDITIONS: [Rendition; 11] =
    [PAYLOAD, SIGNED, PEM, PEM_V2G, PEM_MO, PEM_OEM, PEM_VEHICLE, PKCS7, TRUST_ANCHORS, SAE, SAE_CMS];

impl Rendition {
    /// Those that a role has.
    pub fn of(role: &Role) -> impl Iterator<Item = &'static Self> {
        let is_list = matches!(role, Role::List(_));
        RENDITIONS.iter().filter(move |rendition| is_list || !rendition.lists_only)
    }

    /// The path at which a role's latest document is served in this form; none for the board's metadata.
    #[must_use]
    pub fn path(&self, role: &Role) -> Option<String> {
        role.stem().map(|stem| format!("{stem}.{}", self.suffix))
    }

    /// Makes it.
    ///
    /// # Errors
    /// [`NotMade`]: this version has no such rendition.
    pub fn make(&self, source: &Source<'_>) -> Result<Made, NotMade> {
        (self.make)(source)
    }
}
