//! What a caller can decode: `Accept-Encoding` (RFC 9110 §12.5.3) and `Available-Dictionary` (RFC 9842 §2.2).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use warp::http::{HeaderMap, header};

use crate::problem::Problem;

/// Which dictionary a caller has (RFC 9842 §2.2).
pub const AVAILABLE_DICTIONARY: &str = "available-dictionary";

/// A coding that answers can have; the better of two that are wanted alike comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// RFC 9842 §4: Brotli against a dictionary that the caller has.
    Dictionary,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstandard,
    /// RFC 1952.
    Gzip,
    /// The bytes as they are.
    Identity,
}

impl Coding {
    /// Each of them, in order.
    pub const ALL: [Self; 5] = [Self::Dictionary, Self::Brotli, Self::Zstandard, Self::Gzip, Self::Identity];

    /// As headers name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dictionary => "dcb",
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let name = if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name };
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.as_str()))
    }
}

/// How much a caller wants each coding, in thousandths; 0 means that it must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codings([u16; Coding::ALL.len()]);

impl Codings {
    /// What a request accepts. Without the header the bytes go out as they are; a member that cannot be read
    /// asks for nothing.
    #[must_use]
    pub fn of(request: &HeaderMap) -> Self {
        let (mut named, mut any) = ([None; Coding::ALL.len()], None);
        let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for member in values.flat_map(|value| value.split(',')) {
            let (name, parameter) = member.split_once(';').unwrap_or((member, "q=1"));
            let Some(weight) = weight_of(parameter.trim()) else { continue };
            let wanted = match (Coding::named(name.trim()), name.trim()) {
                (Some(coding), _) => named.get_mut(coding as usize),
                (None, "*") => Some(&mut any),
                (None, _) => None,
            };
            if let Some(wanted) = wanted {
                wanted.get_or_insert(weight);
            }
        }
        // What is not named is as good as `*`; without that only identity may be sent, when nothing better can. Who
        // means the codings that are younger than gzip names them.
        Self(Coding::ALL.map(|coding| {
            let named = named.get(coding as usize).copied().flatten();
            match coding {
                Coding::Identity => named.or(any.map(|any| any.min(1))).unwrap_or(1),
                Coding::Gzip => named.or(any).unwrap_or(0),
                _ => named.unwrap_or(0),
            }
        }))
    }

    fn weight(self, coding: Coding) -> u16 {
        self.0.get(coding as usize).copied().unwrap_or(0)
    }

    /// Refuses a caller who cannot take bytes as they are, where there is no other form of them.
    ///
    /// # Errors
    /// 406
    pub fn identity_only(self) -> Result<(), Problem> {
        self.choose(|_| false).map(drop).ok_or_else(Problem::not_acceptable)
    }

    /// The coding to send of a file that may be had as it is and in others; none if the caller can take none of them.
    #[must_use]
    pub fn choose(self, there: impl Fn(Coding) -> bool) -> Option<Coding> {
        let there = |coding: &Coding| *coding == Coding::Identity || there(*coding);
        let possible = Coding::ALL.into_iter().filter(|coding| self.weight(*coding) > 0).filter(there);
        // The first of the greatest.
        possible.reduce(|best, next| if self.weight(next) > self.weight(best) { next } else { best })
    }
}

/// The SHA-256 of the dictionary that a caller has: a byte sequence (RFC 9651 §3.3.5). What is anything else is as good
/// as none.
#[must_use]
pub fn available_dictionary(request: &HeaderMap) -> Option<[u8; 32]> {
    let mut values = request.get_all(AVAILABLE_DICTIONARY).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let rest = value.to_str().ok()?.trim_matches(' ').strip_prefix(':')?;
    let (base64, parameters) = rest.split_once(':')?;
    if !parameters.is_empty() && !parameters.starts_with(';') {
        return None;
    }
    BASE64_STANDARD.decode(base64).ok()?.try_into().ok()
}

/// `q=` and a number from 0 to 1 with at most three decimals, in thousandths.
pub(crate) fn weight_of(parameter: &str) -> Option<u16> {
    let number = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        [(header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    fn chosen(value: &str, compressed: bool) -> Option<Coding> {
        let there = |coding| compressed && coding == Coding::Gzip;
        Codings::of(&with("accept-encoding", value)).choose(there)
    }

    #[test]
    fn everyone_gets_what_they_can_decode_and_want_most() {
        use Coding::{Gzip, Identity};
        for (value, both, plain) in [
            ("gzip", Some(Gzip), Some(Identity)),
            ("br, gzip;q=0.5", Some(Gzip), Some(Identity)),
            ("GZIP", Some(Gzip), Some(Identity)),
            ("x-gzip", Some(Gzip), Some(Identity)),
            ("*", Some(Gzip), Some(Identity)),
            ("gzip;q=0.5, identity;q=0.5", Some(Gzip), Some(Identity)),
            ("gzip;q=0.5, identity", Some(Identity), Some(Identity)),
            ("gzip;q=0.5, identity;q=0.501", Some(Identity), Some(Identity)),
            ("identity", Some(Identity), Some(Identity)),
            ("gzip;q=0", Some(Identity), Some(Identity)),
            ("gzip; q=0.000", Some(Identity), Some(Identity)),
            ("gzip;q=0, *", Some(Identity), Some(Identity)),
            ("br", Some(Identity), Some(Identity)),
            ("gzipped", Some(Identity), Some(Identity)),
            ("", Some(Identity), Some(Identity)),
            ("gzip;q=x", Some(Identity), Some(Identity)),
            ("gzip;q=0.0001", Some(Identity), Some(Identity)),
            ("gzip;q=1.001", Some(Identity), Some(Identity)),
            ("identity;q=0, gzip", Some(Gzip), None),
            ("identity;q=0, *", Some(Gzip), None),
            ("gzip, *;q=0", Some(Gzip), None),
            ("identity;q=0", None, None),
            ("*;q=0", None, None),
            ("identity;q=0.001, *;q=0", Some(Identity), Some(Identity)),
        ] {
            assert_eq!((chosen(value, true), chosen(value, false)), (both, plain), "{value}");
        }
        assert_eq!(Codings::of(&HeaderMap::new()).choose(|_| true), Some(Identity));
    }

    #[test]
    fn the_best_of_several_is_sent_unless_the_caller_wants_another_more() {
        use Coding::{Brotli, Dictionary, Gzip, Identity, Zstandard};
        for (value, expected) in [
            ("gzip, deflate, br, zstd, dcb, dcz", Dictionary),
            ("gzip, deflate, br, zstd", Brotli),
            ("gzip, zstd, BR;q=0", Zstandard),
            ("gzip;q=0.9, br;q=0.8", Gzip),
            ("dcb;q=0.1, identity", Identity),
            // Proxies and scripts that say "anything" decode gzip at most.
            ("*", Gzip),
        ] {
            let codings = Codings::of(&with("accept-encoding", value));
            assert_eq!(codings.choose(|_| true), Some(expected), "{value}");
            assert_ne!(codings.choose(|coding| coding != Dictionary), Some(Dictionary));
        }
    }

    #[test]
    fn a_dictionary_is_named_in_one_way() {
        let name = BASE64_STANDARD.encode([7; 32]);
        let dictionary = |value: &str| available_dictionary(&with(AVAILABLE_DICTIONARY, value));
        for value in [format!(":{name}:"), format!(" :{name}: "), format!(":{name}:;a=1")] {
            assert_eq!(dictionary(&value), Some([7; 32]), "{value}");
        }
        let short = BASE64_STANDARD.encode([7; 31]);
        for value in
            [name.clone(), format!(":{name}"), format!(":{name}:x"), format!(":{short}:"), "::".into()]
        {
            assert_eq!(dictionary(&value), None, "{value}");
        }
        let mut twice = with(AVAILABLE_DICTIONARY, &format!(":{name}:"));
        twice.append(AVAILABLE_DICTIONARY, HeaderValue::from_static("::"));
        assert_eq!(available_dictionary(&twice), None);
    }

    proptest::proptest! {
        #[test]
        fn only_who_forbids_it_is_refused_bytes_as_they_are(value in "[ -~]{0,60}") {
            let forbids = value.to_lowercase().contains("identity") || value.contains('*');
            proptest::prop_assert!(forbids || chosen(&value, false) == Some(Coding::Identity));
        }
    }
}
