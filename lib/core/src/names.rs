//! Names that stand in statements, files and addresses: checked when they are read, so that what
//! holds one is known to be short, plain and safe to print.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use ctl_pki::as_text;

/// What is safe to print, for names and everything else that people read.
pub use ctl_pki::print;

/// The text is not a name of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not {what}", print::quoted(found))]
pub struct NameError {
    what: &'static str,
    found: String,
}

/// Whether the text begins with `http://` or `https://`, in any case (RFC 3986 section 3.1).
#[must_use]
pub fn is_web_address(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Small letters, digits and single hyphens inside, at most `max` characters, a letter first.
fn is_slug(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && !text.ends_with('-')
        && !text.contains("--")
}

/// As a slug, but with underscores too, which the labels of metrics have for hyphens.
fn is_code(text: &str, max: usize) -> bool {
    text.len() <= max
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { what: $what, found: text.chars().take(60).collect() })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        as_text!($name);
    };
}

name!(
    /// A participant's id, `acme-v2g`.
    ParticipantId,
    "a participant's id: small letters, digits and hyphens, a letter first, at most 48",
    |text| is_slug(text, 48)
);
name!(
    /// An organisation's id: several participants may belong to one.
    OrganisationId,
    "an organisation's id: small letters, digits and hyphens, a letter first, at most 48",
    |text| is_slug(text, 48)
);
name!(
    /// A list's id, `na`. Never the name of another role.
    ListId,
    "a list's id: small letters, digits and hyphens, a letter first, at most 32, \
     and not root, targets, snapshot, timestamp, registry or notices",
    |text| is_slug(text, 32)
        && !["root", "targets", "snapshot", "timestamp", "registry", "notices"].contains(&text)
);
name!(
    /// A mobility operator's identifier: country code and provider id, `USEVG` (FACTS §5: the first
    /// five characters of an eMAID).
    MoId,
    "an MO identifier: two capital letters and three capital letters or digits",
    |text| text.len() == 5
        && text.bytes().take(2).all(|b| b.is_ascii_uppercase())
        && text.bytes().skip(2).all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);
name!(
    /// The national registry that issued a provider id: `bdew`, `afirev`, `idro`.
    RegistryId,
    "a national registry's id: small letters, digits and hyphens, a letter first, at most 32",
    |text| is_slug(text, 32)
);
name!(
    /// A name for people: one line of at most 120 characters, all of them safe to print ([`print`]).
    Label,
    "a name: one to 120 characters on one line, none of them invisible or a space other than U+0020, \
     none at either end, at most three combining marks on a letter",
    |text| print::is_name(text, 120)
);
name!(
    /// The id of a rule of a policy: `self-signature`.
    RuleId,
    "a rule's id: small letters, digits and hyphens, a letter first, at most 64",
    |text| is_slug(text, 64)
);
name!(
    /// A kind of service that is watched: `ocsp`, `ca-issuers`.
    ServiceKind,
    "a kind of service: small letters, digits, hyphens and underscores, a letter first, at most 32",
    |text| is_code(text, 32)
);
name!(
    /// The name of a service level objective: `availability`.
    ObjectiveName,
    "an objective's name: small letters, digits, hyphens and underscores, a letter first, at most 48",
    |text| is_code(text, 48)
);
name!(
    /// A reason code of the watch: `next_update_past`.
    ReasonCode,
    "a reason code: small letters, digits, hyphens and underscores, a letter first, at most 64",
    |text| is_code(text, 64)
);
name!(
    /// A version or a program's name and version: `2026-1`, `ctl-policy 1`.
    Version,
    "a version: one to 48 printable ASCII characters",
    |text| !text.is_empty() && text.len() <= 48 && text.bytes().all(|b| (0x20..0x7f).contains(&b))
);
name!(
    /// An address of a service: `http://ocsp.example/`.
    Url,
    "an http or https address of at most 500 printable ASCII characters",
    |text| text.len() <= 500
        && is_web_address(text)
        && text.bytes().all(|b| (0x21..0x7f).contains(&b))
);
name!(
    /// The name that a log signs its checkpoints with (C2SP tlog-checkpoint): `ctl.example/na`.
    Origin,
    "a log's origin: one to 120 printable ASCII characters without spaces or plus signs",
    |text| !text.is_empty()
        && text.len() <= 120
        && text.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'+')
);
name!(
    /// Sixteen random bytes in hex that make two otherwise equal statements different.
    Nonce,
    "a nonce: 32 lower-case hex digits",
    |text| text.len() == 32
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

impl Nonce {
    /// From sixteen random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }
}

ctl_pki::words! {
    /// Test and production are separate schemes, and everything signed says which it is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Environment by as_str {
        /// For trials: nothing signed here may reach a vehicle or charger in the field.
        Test => "test",
        /// For the field.
        Production => "production",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        assert!("na".parse::<ListId>().is_ok());
        for text in ["root", "registry", "NA", "-na", "na-", "n--a", "", "a/b", "..", "1a"] {
            assert!(text.parse::<ListId>().is_err(), "{text}");
        }
        assert!("USEVG".parse::<MoId>().is_ok() && "DE8AA".parse::<MoId>().is_ok());
        for text in ["usEVG", "US-EVG", "USEV", "1SEVG", "USEVGX"] {
            assert!(text.parse::<MoId>().is_err(), "{text}");
        }
        assert!("ACME \u{202e}toor".parse::<Label>().is_err(), "text that prints backwards");
        assert!("AC\u{200b}ME".parse::<Label>().is_err(), "another ACME that looks the same");
        assert!("line\nbreak".parse::<Label>().is_err());
        assert!("Söhne Energie".parse::<Label>().is_ok());
        assert!("file:///etc/passwd".parse::<Url>().is_err());
        assert!("HTTP://ocsp.example/".parse::<Url>().is_ok(), "a scheme has no case");
    }
}
