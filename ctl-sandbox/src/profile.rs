//! Which certificates a PKI has, and what stands in each: tables 5 to 7 of the eCharge4Drivers guide
//! (ISO 15118-2 with one operator's validity times).

use chrono::{DateTime, Days, Months};
use der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use crate::SandboxError;

/// What a PKI's root is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PkiKind {
    /// A V2G root with the CPO, MO and OEM chains under it.
    V2g,
    /// A mobility operators' own root with an MO chain.
    Mo,
    /// A vehicle manufacturer's own root with a provisioning chain.
    Oem,
}

impl PkiKind {
    /// Every certificate of such a PKI, issuers before subjects.
    pub fn roles(self) -> &'static [Role] {
        use Role::{Contract, CpoSub1, CpoSub2, MoSub1, MoSub2, OemSub1, OemSub2, Provisioning, Root, Secc};
        match self {
            Self::V2g => {
                &[Root, CpoSub1, CpoSub2, Secc, MoSub1, MoSub2, Contract, OemSub1, OemSub2, Provisioning]
            }
            Self::Mo => &[Root, MoSub1, MoSub2, Contract],
            Self::Oem => &[Root, OemSub1, OemSub2, Provisioning],
        }
    }

    /// The root's domain component, by which ISO 15118-2 tells the purposes apart.
    pub fn domain_component(self) -> &'static str {
        match self {
            Self::V2g => "V2G",
            Self::Mo => "MO",
            Self::Oem => "OEM",
        }
    }
}

/// One place in a PKI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The root CA.
    Root,
    /// First CA of the charge point operators' chain.
    CpoSub1,
    /// The CA that issues SECC certificates.
    CpoSub2,
    /// A charger's certificate: TLS server.
    Secc,
    /// First CA of the mobility operators' chain.
    MoSub1,
    /// The CA that issues contract certificates.
    MoSub2,
    /// A contract certificate; its common name is the eMAID.
    Contract,
    /// First CA of the vehicle manufacturers' chain.
    OemSub1,
    /// The CA that issues provisioning certificates.
    OemSub2,
    /// A vehicle's provisioning certificate; its common name is the PCID.
    Provisioning,
}

impl Role {
    /// Who issues it; `None` for the root.
    pub fn issuer(self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::CpoSub1 | Self::MoSub1 | Self::OemSub1 => Some(Self::Root),
            Self::CpoSub2 => Some(Self::CpoSub1),
            Self::Secc => Some(Self::CpoSub2),
            Self::MoSub2 => Some(Self::MoSub1),
            Self::Contract => Some(Self::MoSub2),
            Self::OemSub2 => Some(Self::OemSub1),
            Self::Provisioning => Some(Self::OemSub2),
        }
    }

    /// Whether it is a CA.
    pub fn is_ca(self) -> bool {
        !matches!(self, Self::Secc | Self::Contract | Self::Provisioning)
    }

    /// Its name in files and URLs.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::CpoSub1 => "cpo-sub1",
            Self::CpoSub2 => "cpo-sub2",
            Self::Secc => "secc",
            Self::MoSub1 => "mo-sub1",
            Self::MoSub2 => "mo-sub2",
            Self::Contract => "contract",
            Self::OemSub1 => "oem-sub1",
            Self::OemSub2 => "oem-sub2",
            Self::Provisioning => "provisioning",
        }
    }

    /// The domain component in its subject, if it carries one.
    pub(crate) fn domain_component(self, kind: PkiKind) -> Option<&'static str> {
        match self {
            Self::Root => Some(kind.domain_component()),
            Self::CpoSub1 | Self::CpoSub2 => Some("V2G"),
            Self::Secc => Some("CPO"),
            Self::Contract => Some("MO"),
            Self::Provisioning => Some("OEM"),
            Self::MoSub1 | Self::MoSub2 | Self::OemSub1 | Self::OemSub2 => None,
        }
    }

    /// Contract and provisioning certificates name no country (tables 6 and 7).
    pub(crate) fn names_country(self) -> bool {
        !matches!(self, Self::Contract | Self::Provisioning)
    }

    pub(crate) fn path_len(self) -> Option<u8> {
        match self {
            Self::CpoSub1 | Self::MoSub1 | Self::OemSub1 => Some(1),
            Self::CpoSub2 | Self::MoSub2 | Self::OemSub2 => Some(0),
            Self::Root | Self::Secc | Self::Contract | Self::Provisioning => None,
        }
    }

    pub(crate) fn key_usage(self) -> FlagSet<KeyUsages> {
        use KeyUsages::{
            CRLSign, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment, NonRepudiation,
        };
        match self {
            Self::Root | Self::CpoSub1 | Self::CpoSub2 | Self::MoSub1 | Self::OemSub1 | Self::OemSub2 => {
                KeyCertSign | CRLSign
            }
            Self::MoSub2 => KeyCertSign | CRLSign | DigitalSignature | NonRepudiation,
            Self::Contract => DigitalSignature | NonRepudiation | KeyEncipherment | KeyAgreement,
            Self::Secc | Self::Provisioning => DigitalSignature | KeyAgreement,
        }
    }

    /// Whether it carries a CRL distribution point: the CPO chain relies on OCSP alone, because a charger
    /// staples its answers.
    pub(crate) fn has_crl_distribution_point(self) -> bool {
        !matches!(self, Self::Root | Self::CpoSub1 | Self::CpoSub2 | Self::Secc)
    }

    /// The last second of validity of one issued at `not_before`, both in Unix seconds.
    ///
    /// Table 5 prints 40 years for CPO sub-CA 1, as long as its root. PKIs seen in the field give it four.
    pub(crate) fn not_after(self, not_before: i64) -> Result<i64, SandboxError> {
        let start = DateTime::from_timestamp(not_before, 0).ok_or(SandboxError::Time(not_before))?;
        let end = match self {
            Self::Root | Self::CpoSub1 => start.checked_add_months(Months::new(40 * 12)),
            Self::MoSub1 | Self::OemSub1 => start.checked_add_months(Months::new(20 * 12)),
            Self::MoSub2 | Self::OemSub2 | Self::Provisioning => {
                start.checked_add_months(Months::new(10 * 12))
            }
            Self::CpoSub2 | Self::Contract => start.checked_add_months(Months::new(2 * 12)),
            Self::Secc => start.checked_add_days(Days::new(90)),
        };
        end.map(|end| end.timestamp()).ok_or(SandboxError::Time(not_before))
    }
}
