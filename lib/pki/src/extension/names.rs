//! General names, and the constraints that a CA puts on them (RFC 5280 sections 4.2.1.6 and 4.2.1.10).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{elements, sequences};
use crate::der::{Element, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, context, context_constructed};
use crate::name::{DistinguishedName, escape};

/// One name, in any of the forms that X.509 knows. Two are equal as RFC 5280 section 7 compares them: DNS names without
/// case, of e-mail addresses the host, of URIs scheme and host.
#[derive(Clone, Debug)]
pub enum GeneralName {
    /// otherName: its type, and its value untouched.
    Other {
        /// The type's object identifier, dotted.
        oid: String,
        /// The DER of the value.
        value: Box<[u8]>,
    },
    /// rfc822Name: an e-mail address; as a constraint also a host or a `.domain`.
    Email(String),
    /// dNSName.
    Dns(String),
    /// x400Address, untouched.
    X400(Box<[u8]>),
    /// directoryName.
    Directory(DistinguishedName),
    /// ediPartyName, untouched.
    EdiParty(Box<[u8]>),
    /// uniformResourceIdentifier; as a constraint a host or a `.domain`.
    Uri(String),
    /// iPAddress: 4 or 16 bytes; as a constraint 8 or 32, address and mask.
    Ip(Box<[u8]>),
    /// registeredID, dotted.
    RegisteredId(String),
}

impl PartialEq for GeneralName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other { oid, value }, Self::Other { oid: other, value: also }) => {
                oid == other && value == also
            }
            (Self::Email(one), Self::Email(other)) => parts_of_email(one) == parts_of_email(other),
            (Self::Dns(one), Self::Dns(other)) => one.eq_ignore_ascii_case(other),
            (Self::Uri(one), Self::Uri(other)) => same_uri(one, other),
            (Self::Directory(one), Self::Directory(other)) => one == other,
            (Self::X400(one), Self::X400(other))
            | (Self::EdiParty(one), Self::EdiParty(other))
            | (Self::Ip(one), Self::Ip(other)) => one == other,
            (Self::RegisteredId(one), Self::RegisteredId(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for GeneralName {}

/// What stands before the @ exactly, and the host without case (RFC 5280 section 7.5).
fn parts_of_email(address: &str) -> (&str, String) {
    address
        .rsplit_once('@')
        .map_or(("", address.to_ascii_lowercase()), |(local, host)| (local, host.to_ascii_lowercase()))
}

/// Whether two URIs are the same: scheme and host without case, the rest exactly (RFC 5280 section 7.4).
pub fn same_uri(one: &str, other: &str) -> bool {
    one == other || comparable_uri(one) == comparable_uri(other)
}

fn comparable_uri(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    format!("{}://{user}{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
}

impl GeneralName {
    /// What the field calls this form.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Other { .. } => "otherName",
            Self::Email(_) => "e-mail address",
            Self::Dns(_) => "DNS name",
            Self::X400(_) => "X.400 address",
            Self::Directory(_) => "directory name",
            Self::EdiParty(_) => "EDI party name",
            Self::Uri(_) => "URI",
            Self::Ip(_) => "IP address",
            Self::RegisteredId(_) => "registered identifier",
        }
    }
}

impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(text) | Self::Dns(text) | Self::Uri(text) => f.write_str(&escape(text)),
            Self::Directory(name) => write!(f, "{name}"),
            Self::RegisteredId(oid) => f.write_str(oid),
            Self::Other { oid, value } => write!(f, "{oid} #{}", hex::encode(value)),
            Self::X400(bytes) | Self::EdiParty(bytes) => write!(f, "#{}", hex::encode(bytes)),
            Self::Ip(bytes) => match address_and_mask(bytes) {
                Some((address, None)) => f.write_str(&address),
                Some((address, Some(mask))) => write!(f, "{address}/{mask}"),
                None => write!(f, "#{}", hex::encode(bytes)),
            },
        }
    }
}

fn address_and_mask(bytes: &[u8]) -> Option<(String, Option<String>)> {
    if let Ok(address) = <[u8; 4]>::try_from(bytes) {
        return Some((Ipv4Addr::from(address).to_string(), None));
    }
    if let Ok(address) = <[u8; 16]>::try_from(bytes) {
        return Some((Ipv6Addr::from(address).to_string(), None));
    }
    let (address, mask) = bytes.split_at_checked(bytes.len() / 2)?;
    let ((address, None), (mask, None)) = (address_and_mask(address)?, address_and_mask(mask)?) else {
        return None;
    };
    Some((address, Some(mask)))
}

/// Name constraints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// Of each form that is named here, a name below must lie in one of these.
    pub permitted: Vec<Subtree>,
    /// No name below may lie in one of these.
    pub excluded: Vec<Subtree>,
}

/// One subtree of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// Where it begins.
    pub base: GeneralName,
    /// How far below the base it begins; RFC 5280 knows only 0.
    pub minimum: u32,
    /// How far below the base it ends; RFC 5280 knows no end.
    pub maximum: Option<u32>,
}

pub(super) fn general_names(value: Reader<'_>, _: bool) -> Result<Vec<GeneralName>, Malformed> {
    names(value.only(SEQUENCE)?.inside())
}

/// The names inside a GeneralNames.
pub(crate) fn names(inside: Reader<'_>) -> Result<Vec<GeneralName>, Malformed> {
    elements(inside, general_name)
}

/// A name that stands for one thing: an address, not a range of them.
pub(crate) fn general_name(element: Element<'_>) -> Result<GeneralName, Malformed> {
    let name = any_general_name(&element)?;
    match &name {
        GeneralName::Ip(bytes) if !matches!(bytes.len(), 4 | 16) => {
            Err(element.wrong("an IP address has neither 4 nor 16 bytes (RFC 5280 section 4.2.1.6)"))
        }
        GeneralName::Email(address) if mailbox(address).is_none() => Err(element
            .wrong("an e-mail address is not a local part, one @ and a host (RFC 5280 section 4.2.1.6)")),
        _ => Ok(name),
    }
}

/// Local part and host of an e-mail address (RFC 5321 section 4.1.2: Mailbox). An @ may stand in the local part only
/// where it is quoted.
pub(crate) fn mailbox(address: &str) -> Option<(&str, &str)> {
    let (local, host) = match address.strip_prefix('"') {
        Some(quoted) => {
            let mut is_escaped = false;
            let end = quoted.find(|letter| {
                let ends = letter == '"' && !is_escaped;
                is_escaped = letter == '\\' && !is_escaped;
                ends
            })?;
            // Both quotes belong to it.
            let (local, rest) = address.split_at_checked(end + 2)?;
            (local, rest.strip_prefix('@')?)
        }
        None => address.split_once('@')?,
    };
    (!local.is_empty() && !host.is_empty() && !host.contains(['@', '"'])).then_some((local, host))
}

fn any_general_name(element: &Element<'_>) -> Result<GeneralName, Malformed> {
    const OTHER: u8 = context_constructed(0);
    const EMAIL: u8 = context(1);
    const DNS: u8 = context(2);
    const X400: u8 = context_constructed(3);
    const DIRECTORY: u8 = context_constructed(4);
    const EDI_PARTY: u8 = context_constructed(5);
    const URI: u8 = context(6);
    const IP: u8 = context(7);
    const REGISTERED_ID: u8 = context(8);
    let text = || element.ia5().map(str::to_owned);
    Ok(match element.tag {
        OTHER => {
            let mut reader = element.inside();
            let oid = reader.element(OBJECT_IDENTIFIER)?.oid()?;
            let value = reader.expect(context_constructed(0))?.into();
            reader.end()?;
            GeneralName::Other { oid, value }
        }
        EMAIL => GeneralName::Email(text()?),
        DNS => GeneralName::Dns(text()?),
        X400 => GeneralName::X400(element.content.into()),
        DIRECTORY => {
            let name = DistinguishedName::from_der(element.content);
            GeneralName::Directory(name.map_err(|what| element.wrong(what))?)
        }
        EDI_PARTY => GeneralName::EdiParty(element.content.into()),
        URI => GeneralName::Uri(text()?),
        IP => GeneralName::Ip(element.content.into()),
        REGISTERED_ID => GeneralName::RegisteredId(element.oid()?),
        _ => return Err(element.wrong("a general name has an unknown form")),
    })
}

pub(super) fn name_constraints(value: Reader<'_>, _: bool) -> Result<NameConstraints, Malformed> {
    let whole = value.only(SEQUENCE)?;
    let mut reader = whole.inside();
    let mut list = |number| match reader.optional_element(context_constructed(number))? {
        Some(element) => sequences(element.inside(), "a subtree is not a SEQUENCE", subtree).map(Some),
        None => Ok(None),
    };
    let (permitted, excluded) = (list(0)?, list(1)?);
    reader.end()?;
    if permitted.is_none() && excluded.is_none() {
        return Err(whole.wrong("it constrains nothing, and must name at least one subtree"));
    }
    Ok(NameConstraints { permitted: permitted.unwrap_or_default(), excluded: excluded.unwrap_or_default() })
}

fn subtree(mut reader: Reader<'_>) -> Result<Subtree, Malformed> {
    let element = reader.any()?;
    let base = any_general_name(&element)?;
    let mut number = |tag| reader.optional_element(tag)?.map(|number| number.count()).transpose();
    let (minimum, maximum) = (number(context(0))?.unwrap_or(0), number(context(1))?);
    reader.end()?;
    match &base {
        GeneralName::Ip(bytes) if !matches!(bytes.len(), 8 | 32) => {
            Err(element.wrong("an IP range is not an address and a mask of the same kind"))
        }
        // Without @ it is a host or, with a dot in front, a domain.
        GeneralName::Email(base) if base.contains('@') && mailbox(base).is_none() => Err(element.wrong(
            "a constraint on e-mail addresses is neither an address, a host nor a domain (RFC 5280 section 4.2.1.10)",
        )),
        _ => Ok(Subtree { base, minimum, maximum }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general_names(value: &[u8]) -> Result<Vec<GeneralName>, Malformed> {
        super::general_names(Reader::new(value), false)
    }

    fn name_constraints(value: &[u8]) -> Result<NameConstraints, Malformed> {
        super::name_constraints(Reader::new(value), false)
    }

    #[test]
    fn an_e_mail_address_has_one_local_part_and_one_host() {
        assert_eq!(mailbox("root@example.com"), Some(("root", "example.com")));
        assert_eq!(mailbox("\"a@evil.org\"@example.com"), Some(("\"a@evil.org\"", "example.com")));
        assert_eq!(mailbox("\"a\\\"@b\"@example.com"), Some(("\"a\\\"@b\"", "example.com")));
        for wrong in [
            "",
            "@",
            "@example.com",
            "a@",
            "a@b@example.com",
            "example.com",
            "\"a@example.com",
            "\"a\"b@example.com",
            "\"a\"@b@example.com",
        ] {
            assert_eq!(mailbox(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_shown_without_playing_with_the_terminal() {
        let mut bytes = vec![0x30, 7, 0x82, 5];
        bytes.extend_from_slice(b"a\x1b[2J");
        assert_eq!(general_names(&bytes).unwrap().first().unwrap().to_string(), "a\\1B[2J");
        let ip = GeneralName::Ip([10, 0, 0, 0, 255, 0, 0, 0].into());
        assert_eq!(ip.to_string(), "10.0.0.0/255.0.0.0");
    }

    #[test]
    fn scheme_and_host_of_a_uri_have_no_case_and_the_rest_has() {
        let uri = |text: &str| GeneralName::Uri(text.to_owned());
        assert_eq!(uri("HTTP://Crl.Example:80/A.crl"), uri("http://crl.example:80/A.crl"));
        assert_eq!(uri("HTTP://user@Crl.Example?x"), uri("http://user@crl.example?x"));
        for other in ["http://crl.example/a.crl", "https://crl.example/A.crl", "http://crl.example/A.crl/"] {
            assert_ne!(uri("http://crl.example/A.crl"), uri(other), "{other}");
        }
        assert_ne!(uri("http://User@crl.example/"), uri("http://user@crl.example/"));
        let email = |text: &str| GeneralName::Email(text.to_owned());
        assert_eq!(email("a@CRL.example"), email("a@crl.example"));
        assert_ne!(email("A@crl.example"), email("a@crl.example"));
    }

    #[test]
    fn a_range_of_addresses_has_address_and_mask() {
        let permitted = |ip: &[u8]| {
            let length = u8::try_from(ip.len()).unwrap();
            let mut bytes = vec![0x30, length + 6, 0xa0, length + 4, 0x30, length + 2, 0x87, length];
            bytes.extend_from_slice(ip);
            name_constraints(&bytes)
        };
        assert!(permitted(&[10, 0, 0, 0, 255, 0, 0, 0]).is_ok());
        assert!(permitted(&[10, 0, 0, 1]).is_err());
        assert!(name_constraints(&[0x30, 0]).is_err());
    }

    #[test]
    fn text_that_is_not_ascii_is_not_a_dns_name() {
        assert!(general_names(&[0x30, 3, 0x82, 1, 0xe4]).is_err());
        assert!(general_names(&[0x30, 0]).is_err());
        assert!(general_names(&[0x30, 2, 0x8a, 0]).is_err());
    }
}
