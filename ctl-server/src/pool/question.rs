//! What a caller asks of the pool: a query read, and refused where a part of it is not understood. Ignoring a filter would
//! hand out more roots than were asked for.

use std::collections::BTreeSet;
use std::fmt;

use ctl_core::Digest;
use ctl_formats::{PoolCtl, PoolForm, RootType};
use ctl_serve::Problem;

/// The most members of a query.
const MOST_MEMBERS: usize = 32;
const DEFAULT_SIZE: u64 = 10;
const LARGEST_SIZE: u64 = 100;

/// Which roots are wanted. An empty set wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub types: BTreeSet<RootType>,
    pub ctls: BTreeSet<PoolCtl>,
    pub fingerprint: Option<Digest>,
    pub page: Option<Page>,
}

/// One page of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Counted from 1.
    pub number: u64,
    pub size: u64,
}

impl Filter {
    /// Reads a query.
    ///
    /// # Errors
    /// 400, with what a member must be.
    pub fn read(form: PoolForm, members: Vec<(String, String)>) -> Result<Self, Problem> {
        if members.len() > MOST_MEMBERS {
            return Err(Problem::malformed(format!("the query has more than {MOST_MEMBERS} members")));
        }
        let one_type = match form {
            PoolForm::Opcp => "rootType",
            PoolForm::Opnc => "pkiType",
        };
        let mut filter = Self::default();
        let (mut one, mut number, mut size) = (None, None, None);
        for (name, value) in members {
            match name.as_str() {
                name if name == one_type => {
                    let kind = kind(form, one_type, &value)?;
                    once(one_type, one.replace(kind).is_none())?;
                }
                "rootTypeList" if form == PoolForm::Opnc => {
                    for word in value.split(',') {
                        filter.types.insert(kind(form, "rootTypeList", word)?);
                    }
                }
                "rootCtlList" => {
                    for word in value.split(',') {
                        filter.ctls.insert(PoolCtl::of_word(word.trim()).ok_or_else(unknown_ctl)?);
                    }
                }
                "fingerprint" => {
                    let read = value.to_ascii_lowercase().parse().map_err(|_| {
                        Problem::malformed("fingerprint must be the SHA-256 of a certificate: 64 hex digits")
                    })?;
                    once("fingerprint", filter.fingerprint.replace(read).is_none())?;
                }
                "page" => once("page", number.replace(count("page", &value, u64::MAX)?).is_none())?,
                "pageSize" => {
                    once("pageSize", size.replace(count("pageSize", &value, LARGEST_SIZE)?).is_none())?;
                }
                _ => {
                    let list = if form == PoolForm::Opnc { "rootTypeList, " } else { "" };
                    return Err(Problem::malformed(format!(
                        "the query may have {one_type}, {list}rootCtlList, fingerprint, page and pageSize, and nothing else"
                    )));
                }
            }
        }
        filter.types.extend(one);
        if number.is_some() || size.is_some() {
            filter.page = Some(Page { number: number.unwrap_or(1), size: size.unwrap_or(DEFAULT_SIZE) });
        }
        Ok(filter)
    }

    /// Whether it asks for types only.
    pub fn is_plain(&self) -> bool {
        self.ctls.is_empty() && self.fingerprint.is_none() && self.page.is_none()
    }
}

/// The same text for the same roots in the same pages, and another for any other.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { types, ctls, fingerprint, page } = self;
        write!(f, "{types:?} {ctls:?} {fingerprint:?} {page:?}")
    }
}

fn kind(form: PoolForm, name: &str, word: &str) -> Result<RootType, Problem> {
    RootType::of_word(word.trim()).ok_or_else(|| {
        let words = RootType::ALL.map(|kind| kind.as_str(form).to_ascii_lowercase()).join(", ");
        Problem::malformed(format!("{name} must be one of: {words}"))
    })
}

fn unknown_ctl() -> Problem {
    let words = PoolCtl::ALL.map(PoolCtl::as_str).join(", ");
    Problem::malformed(format!("rootCtlList must be one or several of: {words}; with commas between them"))
}

fn count(name: &str, value: &str, most: u64) -> Result<u64, Problem> {
    let read = value.parse().ok().filter(|number| (1..=most).contains(number));
    read.ok_or_else(|| Problem::malformed(format!("{name} must be a number from 1 to {most}")))
}

/// A part of a query that may be there once.
fn once(name: &str, is_first: bool) -> Result<(), Problem> {
    if is_first {
        Ok(())
    } else {
        Err(Problem::malformed(format!("{name} stands in the query more than once")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(query: &[(&str, &str)]) -> Vec<(String, String)> {
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn read(form: PoolForm, query: &[(&str, &str)]) -> Result<Filter, String> {
        Filter::read(form, members(query)).map_err(|problem| problem.detail.into_owned())
    }

    #[test]
    fn no_filter_wants_everything_and_a_page_has_ten() {
        assert_eq!(read(PoolForm::Opcp, &[]), Ok(Filter::default()));
        let first = read(PoolForm::Opnc, &[("page", "1")]).unwrap();
        assert_eq!(first.page, Some(Page { number: 1, size: 10 }));
        let short = read(PoolForm::Opnc, &[("pageSize", "3")]).unwrap();
        assert_eq!(short.page, Some(Page { number: 1, size: 3 }));
    }

    #[test]
    fn lists_are_read_with_commas_and_again_and_again() {
        let both = [RootType::V2g, RootType::Oem].into();
        for query in [
            &[("rootTypeList", "oem, V2G")][..],
            &[("rootTypeList", "v2g"), ("rootTypeList", "OEM,oem")],
            &[("pkiType", "v2g"), ("rootTypeList", "oem")],
        ] {
            let filter = read(PoolForm::Opnc, query).unwrap();
            assert_eq!((&filter.types, filter.is_plain()), (&both, true));
        }
        let ctls = read(PoolForm::Opcp, &[("rootCtlList", "No CTL,European CTL")]).unwrap();
        assert_eq!(ctls.ctls, [PoolCtl::European, PoolCtl::None].into());
        assert!(!ctls.is_plain());
    }

    #[test]
    fn a_type_stands_alone_whatever_stands_before_it() {
        for query in [[("pkiType", "v2g"), ("pkiType", "v2g")], [("pkiType", "v2g"), ("pkiType", "oem")]] {
            assert!(read(PoolForm::Opnc, &query).unwrap_err().contains("more than once"));
        }
        let filter = read(PoolForm::Opnc, &[("rootTypeList", "oem"), ("pkiType", "v2g")]).unwrap();
        assert_eq!(filter.types.len(), 2);
        let many = vec![("page", "1"); MOST_MEMBERS + 1];
        assert!(read(PoolForm::Opcp, &many).unwrap_err().contains("members"));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_read_or_refused_in_plain_words(
            query in proptest::collection::vec(("(rootType|pkiType|rootTypeList|rootCtlList|fingerprint|page|pageSize|.{0,9})", ".{0,40}"), 0..40),
        ) {
            for form in [PoolForm::Opcp, PoolForm::Opnc] {
                match Filter::read(form, query.clone()) {
                    Ok(filter) => prop_assert!(filter.page.is_none_or(|page| page.size <= LARGEST_SIZE)),
                    Err(problem) => prop_assert!(problem.detail.is_ascii()),
                }
            }
        }
    }
}
