//! What a caller can decode: `Accept-Encoding` (RFC 9110 §12.5.3).

use warp::http::{HeaderMap, header};

use crate::problem::Problem;

/// How much a caller wants each coding, in thousandths; 0 means that it must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codings {
    gzip: u16,
    identity: u16,
}

/// A coding that answers can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// RFC 1952.
    Gzip,
}

impl Codings {
    /// What a request accepts. Without the header the bytes go out as they are; a member that cannot be read
    /// asks for nothing.
    #[must_use]
    pub fn of(request: &HeaderMap) -> Self {
        let (mut gzip, mut identity, mut any) = (None, None, None);
        let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for member in values.flat_map(|value| value.split(',')) {
            let (name, parameter) = member.split_once(';').unwrap_or((member, "q=1"));
            let Some(weight) = weight(parameter.trim()) else { continue };
            let name = name.trim();
            let wanted = if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                &mut gzip
            } else if name.eq_ignore_ascii_case("identity") {
                &mut identity
            } else if name == "*" {
                &mut any
            } else {
                continue;
            };
            wanted.get_or_insert(weight);
        }
        // What is not named is as good as `*`; without that only identity may be sent, when nothing better can.
        Self {
            gzip: gzip.or(any).unwrap_or(0),
            identity: identity.or(any.map(|any| any.min(1))).unwrap_or(1),
        }
    }

    /// Refuses a caller who cannot take bytes as they are, where there is no other form of them.
    ///
    /// # Errors
    /// 406
    pub fn identity_only(self) -> Result<(), Problem> {
        self.choose(false).map(drop).ok_or_else(Problem::not_acceptable)
    }

    /// The coding to send of a file that may also be had compressed; none if the caller can take neither.
    #[must_use]
    pub const fn choose(self, compressed: bool) -> Option<Coding> {
        if compressed && self.gzip > 0 && self.gzip >= self.identity {
            Some(Coding::Gzip)
        } else if self.identity > 0 {
            Some(Coding::Identity)
        } else {
            None
        }
    }
}

/// `q=` and a number from 0 to 1 with at most three decimals, in thousandths.
fn weight(parameter: &str) -> Option<u16> {
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

    fn chosen(value: &str, compressed: bool) -> Option<Coding> {
        let headers =
            [(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())].into_iter().collect();
        Codings::of(&headers).choose(compressed)
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
        assert_eq!(Codings::of(&HeaderMap::new()).choose(true), Some(Identity));
    }

    proptest::proptest! {
        #[test]
        fn only_who_forbids_it_is_refused_bytes_as_they_are(value in "[ -~]{0,60}") {
            let forbids = value.to_lowercase().contains("identity") || value.contains('*');
            proptest::prop_assert!(forbids || chosen(&value, false) == Some(Coding::Identity));
        }
    }
}
