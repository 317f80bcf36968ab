//! Name constraints along a path (RFC 5280 sections 4.2.1.10, 6.1.3 (b) and (c), 6.1.4 (g)).
//!
//! The RFC intersects and unites sets of subtrees. Here each CA's constraints are kept as they stand, and a name
//! must satisfy every one of them: the same, and whoever refused a name can be told.

use super::Rejection;
use crate::extension::{GeneralName, NameConstraints, Subtree, mailbox};
use crate::{Certificate, oid};

/// The most comparisons of a name with a subtree over the whole path.
pub(super) const MAX_COMPARISONS: usize = 250_000;

/// The constraints in force at a point of the path.
#[derive(Clone, Debug)]
pub(super) struct Constraints<'a> {
    layers: Vec<(&'a str, &'a NameConstraints)>,
    compared: usize,
}

impl<'a> Constraints<'a> {
    pub(super) fn new(initial: &'a NameConstraints) -> Self {
        let mut constraints = Self { layers: Vec::new(), compared: 0 };
        if *initial != NameConstraints::default() {
            constraints.add("whoever asks for the path", initial);
        }
        constraints
    }

    /// From here on these hold too.
    pub(super) fn add(&mut self, by: &'a str, constraints: &'a NameConstraints) {
        self.layers.push((by, constraints));
    }

    /// How many comparisons were made.
    pub(super) fn compared(&self) -> usize {
        self.compared
    }

    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Checks every name of a certificate, and says how many there were. E-mail addresses in the subject are
    /// always checked: the RFC asks for it where there is no subject alternative name, and whoever reads them
    /// from the subject does not look whether there is one.
    pub(super) fn check(
        &mut self,
        certificate: &Certificate,
        alt_names: &[GeneralName],
    ) -> Result<usize, Rejection> {
        let subject = certificate.subject_name();
        let mut names = 0;
        if !subject.is_empty() {
            self.check_name(&GeneralName::Directory(subject.clone()))?;
            names += 1;
        }
        for attribute in subject.attributes().filter(|attribute| attribute.oid() == oid::EMAIL_ADDRESS) {
            self.check_name(&GeneralName::Email(attribute.text().unwrap_or_default()))?;
            names += 1;
        }
        for name in alt_names {
            self.check_name(name)?;
        }
        Ok(names + alt_names.len())
    }

    fn check_name(&mut self, name: &GeneralName) -> Result<(), Rejection> {
        for (by, constraints) in &self.layers {
            self.compared += constraints.permitted.len() + constraints.excluded.len();
            if self.compared > MAX_COMPARISONS {
                return Err(Rejection::NameLimit(MAX_COMPARISONS));
            }
            for subtree in constraints.excluded.iter().filter(|subtree| same_form(name, &subtree.base)) {
                if lies_in(name, subtree, Use::Excluded)? {
                    return Err(Rejection::NameExcluded {
                        form: name.form(),
                        name: name.to_string(),
                        subtree: subtree.base.to_string(),
                        by: (*by).to_owned(),
                    });
                }
            }
            let mut permitted =
                constraints.permitted.iter().filter(|subtree| same_form(name, &subtree.base)).peekable();
            if permitted.peek().is_none() {
                continue;
            }
            let mut found = false;
            for subtree in permitted {
                found |= lies_in(name, subtree, Use::Permitted)?;
            }
            if !found {
                return Err(Rejection::NameNotPermitted {
                    form: name.form(),
                    name: name.to_string(),
                    by: (*by).to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// In doubt a name lies in what is excluded and not in what is permitted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Permitted,
    Excluded,
}

fn same_form(name: &GeneralName, base: &GeneralName) -> bool {
    std::mem::discriminant(name) == std::mem::discriminant(base)
}

/// Whether the name lies in the subtree of its form. What cannot be judged is refused: the RFC asks for it.
fn lies_in(name: &GeneralName, subtree: &Subtree, used: Use) -> Result<bool, Rejection> {
    let refuse = |problem| Rejection::UnsupportedNameConstraint { form: name.form(), problem };
    if subtree.minimum != 0 || subtree.maximum.is_some() {
        return Err(refuse("the constraint says how deep it reaches (minimum or maximum)"));
    }
    match (name, &subtree.base) {
        (GeneralName::Directory(name), GeneralName::Directory(base)) => Ok(name.is_within(base)),
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns(name, base, used).map_err(refuse),
        (GeneralName::Email(name), GeneralName::Email(base)) => email(name, base).map_err(refuse),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => uri(name, base).map_err(refuse),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => ip(name, base).map_err(refuse),
        _ => Err(refuse("the rules for this form are not known here")),
    }
}

type Judged = Result<bool, &'static str>;

/// A DNS name lies in a base that it ends with, label by label. A base with a dot in front demands at least one
/// label more, as those who write it expect. A wildcard lies in what is excluded when it could stand for it.
fn dns(name: &str, base: &str, used: Use) -> Judged {
    let (name, base) = (without_final_dot(name), without_final_dot(base));
    let (wildcard, host) = match name.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, name),
    };
    if !is_host(host) {
        return Err("the name is not a host name");
    }
    if base.is_empty() {
        return Ok(true);
    }
    let (more_labels, base) = match base.strip_prefix('.') {
        Some(rest) => (true, rest),
        None => (false, base),
    };
    if !is_host(base) {
        return Err("the constraint is not a host name or domain");
    }
    let covers =
        |parent: &str| base.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent));
    if wildcard && used == Use::Excluded && covers(host) {
        return Ok(true);
    }
    Ok(is_below(host, base) || (host.eq_ignore_ascii_case(base) && (!more_labels || wildcard)))
}

/// An e-mail address lies in a base that is the same address, its host, or with a dot in front a domain above its
/// host. What stands before the @ is compared exactly (RFC 5280 section 7.5).
fn email(name: &str, base: &str) -> Judged {
    let address = mailbox(name).filter(|(_, host)| is_host(host));
    let (local, host) = address.ok_or("the name is not an e-mail address")?;
    if base.is_empty() {
        return Ok(true);
    }
    let judged = match base.strip_prefix('.') {
        _ if base.contains('@') => mailbox(base)
            .filter(|(_, host)| is_host(host))
            .map(|(base_local, base_host)| local == base_local && host.eq_ignore_ascii_case(base_host)),
        Some(domain) => is_host(domain).then(|| is_below(host, domain)),
        None => is_host(base).then(|| host.eq_ignore_ascii_case(base)),
    };
    judged.ok_or("the constraint is not an e-mail address, host or domain")
}

/// A URI lies in a base that is its host, or with a dot in front a domain above its host. A URI without a host
/// name must be refused.
fn uri(name: &str, base: &str) -> Judged {
    const NO_HOST: &str = "the URI does not name its host by a domain name";
    let (_, after_scheme) = name.split_once("://").ok_or(NO_HOST)?;
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    let host = without_final_dot(host);
    let last_label = host.rsplit('.').next().unwrap_or_default();
    if !is_host(host) || last_label.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NO_HOST);
    }
    if base.is_empty() {
        return Ok(true);
    }
    let judged = match base.strip_prefix('.') {
        Some(domain) => is_host(domain).then(|| is_below(host, domain)),
        None => is_host(base).then(|| host.eq_ignore_ascii_case(base)),
    };
    judged.ok_or("the constraint is not a host or domain")
}

/// An address lies in a range of its own kind when it agrees with it under the mask.
fn ip(address: &[u8], range: &[u8]) -> Judged {
    if !matches!(address.len(), 4 | 16) {
        return Err("the address has neither 4 nor 16 bytes");
    }
    let (network, mask) = range.split_at_checked(range.len() / 2).unwrap_or_default();
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let leading = mask.iter().take_while(|byte| **byte == 0xff).count() as u32 * 8
        + mask.iter().find(|byte| **byte != 0xff).map_or(0, |byte| byte.leading_ones());
    if ones != leading || mask.iter().map(|byte| byte.count_ones()).sum::<u32>() != leading {
        return Err("the mask is not a prefix");
    }
    if address.len() != network.len() {
        return Ok(false);
    }
    Ok(address.iter().zip(network).zip(mask).all(|((a, n), m)| a & m == n & m))
}

/// Whether `host` has at least one label more than `domain` and ends with it.
fn is_below(host: &str, domain: &str) -> bool {
    let Some(cut) = host.len().checked_sub(domain.len()) else { return false };
    match (host.get(..cut), host.get(cut..)) {
        (Some(labels), Some(end)) => {
            labels.len() > 1 && labels.ends_with('.') && end.eq_ignore_ascii_case(domain)
        }
        _ => false,
    }
}

fn without_final_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Letters, digits, hyphens and underscores between single dots.
fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_are_compared_label_by_label() {
        let permitted = |name, base| dns(name, base, Use::Permitted);
        for (name, base) in [
            ("host.example.com", "example.com"),
            ("example.com", "EXAMPLE.com"),
            ("a.b.example.com", ".example.com"),
            ("host.example.com.", "example.com"),
            ("*.example.com", "example.com"),
            ("*.example.com", ".example.com"),
            ("any.name", ""),
        ] {
            assert_eq!(permitted(name, base), Ok(true), "{name} {base}");
        }
        for (name, base) in [
            ("badexample.com", "example.com"),
            ("example.com", ".example.com"),
            ("example.com.evil.org", "example.com"),
            ("*.com", "example.com"),
        ] {
            assert_eq!(permitted(name, base), Ok(false), "{name} {base}");
        }
        for name in ["", "a..example.com", "evil.org\0.example.com", "a b.example.com", "*", "w*.example.com"]
        {
            assert!(permitted(name, "example.com").is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_wildcard_does_not_reach_around_an_exclusion() {
        assert_eq!(dns("*.example.com", "secret.example.com", Use::Excluded), Ok(true));
        assert_eq!(dns("*.example.com", "a.secret.example.com", Use::Excluded), Ok(false));
        assert_eq!(dns("*.example.com", "secret.example.com", Use::Permitted), Ok(false));
    }

    #[test]
    fn e_mail_constraints_are_an_address_a_host_or_a_domain() {
        for (name, base, expected) in [
            ("root@example.com", "root@EXAMPLE.com", true),
            ("Root@example.com", "root@example.com", false),
            ("root@example.com", "example.com", true),
            ("root@host.example.com", "example.com", false),
            ("root@host.example.com", ".example.com", true),
            ("root@example.com", ".example.com", false),
            ("\"a@evil.org\"@example.com", "example.com", true),
        ] {
            assert_eq!(email(name, base), Ok(expected), "{name} {base}");
        }
        assert!(email("nobody", "example.com").is_err());
        for name in ["a@b@", "a@b@example.com", "@example.com", "\"a\"@b@example.com"] {
            assert!(email(name, "example.com").is_err(), "{name}");
        }
        for base in ["@example.com", "a@b@example.com", "a@", "@", "a b"] {
            assert!(email("root@example.com", base).is_err(), "{base}");
        }
    }

    #[test]
    fn uris_are_judged_by_their_host() {
        for (name, base, expected) in [
            ("https://host.example.com/x", "host.example.com", true),
            ("https://a.host.example.com/x", "host.example.com", false),
            ("https://user:secret@host.example.com:8443?x#y", ".example.com", true),
            ("https://example.com", ".example.com", false),
            ("https://evil.org/@host.example.com", ".example.com", false),
            ("https://evil.org?://host.example.com", ".example.com", false),
        ] {
            assert_eq!(uri(name, base), Ok(expected), "{name} {base}");
        }
        for name in [
            "urn:uuid:1",
            "https://",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://evil.org\\.example.com",
        ] {
            assert!(uri(name, ".example.com").is_err(), "{name}");
        }
    }

    #[test]
    fn addresses_lie_in_prefixes_of_their_own_kind() {
        let private = [10, 0, 0, 0, 255, 0, 0, 0];
        assert_eq!(ip(&[10, 1, 2, 3], &private), Ok(true));
        assert_eq!(ip(&[11, 1, 2, 3], &private), Ok(false));
        assert_eq!(ip(&[0; 16], &private), Ok(false));
        assert_eq!(ip(&[1, 2, 3, 4], &[0; 8]), Ok(true));
        assert!(ip(&[10, 1, 2], &private).is_err());
        assert!(ip(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 255, 0]).is_err());
        assert!(ip(&[10, 1, 2, 3], &[10, 0, 0, 0, 0b1010_0000, 0, 0, 0]).is_err());
    }
}
