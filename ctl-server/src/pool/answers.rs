//! Every common answer, ready to be sent; and the parts of which the others are put together. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::parts::Standard;
use ctl_core::{Digest, Timestamp};
use ctl_formats::omission::Omission;
use ctl_formats::{Pool, PoolCtl, PoolEntry, PoolForm, PoolPages, RootType, est_body};

use super::chains::{Ca, Chains, Curve, pool_sources};
use super::question::Filter;
use super::sources::{Left, Sources};
use crate::publish::prepared::{Caching, ContentType, Prepared};

/// The media type of CA certificates (RFC 7030 section 4.1.3).
pub(super) const PKCS7: &str = "application/pkcs7-mime";
/// What OPCP says of it; RFC 7030 section 4.1.3 has no parameter there.
pub(super) const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";

/// The answers that hold from one change to the next.
#[derive(Debug)]
pub struct Answers {
    opcp: Form,
    opnc: Form,
    est: BTreeMap<(Ca, Standard, Option<Curve>), Arc<Prepared>>,
    /// When one of the certificates ends, so that other answers are due.
    pub next: Option<Timestamp>,
    /// What of the lists is not handed out.
    pub left: BTreeSet<Left>,
    /// What of the lists the pool cannot say.
    pub unsaid: BTreeSet<String>,
    pub counts: Counts,
}

/// What metrics tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many roots each form has of each type.
    pub roots: Vec<(&'static str, &'static str, usize)>,
    /// How many certificates EST hands out for a kind of CA and a standard.
    pub certificates: Vec<(&'static str, &'static str, usize)>,
    /// How many anchors and sub-CAs are left out.
    pub left: usize,
    pub prepared: Timestamp,
}

/// The answers in one of the two protocols.
#[derive(Debug)]
struct Form {
    whole: Arc<Prepared>,
    of_type: BTreeMap<RootType, Arc<Prepared>>,
    /// By id.
    single: BTreeMap<String, Arc<Prepared>>,
    items: Vec<Item>,
    form: PoolForm,
    /// SHA-256 of the whole answer, from which all others follow.
    digest: Digest,
}

#[derive(Debug)]
struct Item {
    json: Bytes,
    types: BTreeSet<RootType>,
    ctls: BTreeSet<PoolCtl>,
    fingerprint: Digest,
}

impl Answers {
    /// Everything that follows from these sources.
    #[must_use]
    pub fn of(mut sources: Sources) -> Self {
        let (mut left, mut next) = sources.leave();
        let pools = [PoolForm::Opcp, PoolForm::Opnc].map(|form| Pool::of(&pool_sources(&sources), form));
        let omissions: Vec<Omission> = pools.iter().flat_map(|pool| &pool.omissions).cloned().collect();
        let mut chains = Chains::of(&sources, &omissions);
        left.append(&mut chains.left);
        let mut unsaid = BTreeSet::new();
        for omission in &omissions {
            match omission.left_out() {
                Some(subject) => {
                    let (what, text) = (subject.to_string(), omission.to_string());
                    let why = text.strip_prefix(&format!("OMITTED {what}: ")).unwrap_or(&text).to_owned();
                    left.insert(Left { what, why });
                }
                None => {
                    unsaid.insert(omission.to_string());
                }
            }
        }
        if let Some(end) = chains.next {
            super::sources::soonest(&mut next, end);
        }
        let [opcp, opnc] = pools.map(|pool| Form::of(&pool));
        let mut counts = Counts { prepared: sources.now, ..Counts::default() };
        for form in [&opcp, &opnc] {
            for kind in RootType::ALL {
                let roots = form.items.iter().filter(|item| item.types.contains(&kind)).count();
                counts.roots.push((word(form.form), kind.as_str(form.form), roots));
            }
        }
        let mut est = BTreeMap::new();
        for (ca, standard) in Ca::ALL.into_iter().flat_map(|ca| Standard::ALL.map(|standard| (ca, standard)))
        {
            for curve in std::iter::once(None).chain(Curve::ALL.map(Some)) {
                let certificates = chains.certificates(ca, standard, curve);
                if curve.is_none() {
                    counts.certificates.push((ca.as_str(), standard.as_str(), certificates.len()));
                }
                if certificates.is_empty() {
                    continue;
                }
                match est_body(certificates) {
                    Ok(body) => {
                        let file = Prepared::new(body, ContentType::Rendition(PKCS7), Caching::Latest);
                        est.insert((ca, standard, curve), Arc::new(file));
                    }
                    Err(error) => {
                        let what = format!("the CA certificates of {ca} for {standard}");
                        left.insert(Left { what, why: error.to_string() });
                    }
                }
            }
        }
        counts.left = left.len();
        Self { opcp, opnc, est, next, left, unsaid, counts }
    }

    const fn form(&self, form: PoolForm) -> &Form {
        match form {
            PoolForm::Opcp => &self.opcp,
            PoolForm::Opnc => &self.opnc,
        }
    }

    /// The roots that a question wants.
    #[must_use]
    pub fn collection(&self, form: PoolForm, filter: &Filter) -> Arc<Prepared> {
        self.form(form).collection(filter)
    }

    /// The root with this id.
    #[must_use]
    pub fn root(&self, form: PoolForm, id: &str) -> Option<Arc<Prepared>> {
        self.form(form).single.get(&id.to_ascii_lowercase()).cloned()
    }

    /// The CA certificates of this kind.
    #[must_use]
    pub fn certificates(&self, ca: Ca, standard: Standard, curve: Option<Curve>) -> Option<Arc<Prepared>> {
        self.est.get(&(ca, standard, curve)).cloned()
    }
}

impl Form {
    fn of(pool: &Pool) -> Self {
        let file = |bytes: Vec<u8>| Arc::new(Prepared::new(bytes, ContentType::Json, Caching::Latest));
        let whole = pool.collection(&pool.entries, None);
        let digest = Digest::of(&whole);
        let of_type = RootType::ALL.map(|kind| {
            let entries = pool.entries.iter().filter(|entry| entry.types.contains(&kind));
            (kind, file(pool.collection(entries, None)))
        });
        let single = pool.entries.iter().map(|entry| (entry.id(), file(entry.answer())));
        let item = |entry: &PoolEntry| Item {
            json: entry.item().into(),
            types: entry.types.clone(),
            ctls: entry.ctls.clone(),
            fingerprint: Digest::from_bytes(entry.certificate.sha256()),
        };
        Self {
            whole: file(whole),
            of_type: of_type.into(),
            single: single.collect(),
            items: pool.entries.iter().map(item).collect(),
            form: pool.form,
            digest,
        }
    }

    fn collection(&self, filter: &Filter) -> Arc<Prepared> {
        if filter.is_plain() {
            let mut types = filter.types.iter();
            match (types.next(), types.next()) {
                (None, _) => return self.whole.clone(),
                (Some(kind), None) => {
                    if let Some(prepared) = self.of_type.get(kind) {
                        return prepared.clone();
                    }
                }
                (Some(_), Some(_)) => {}
            }
        }
        let fits = |item: &&Item| {
            (filter.types.is_empty() || !filter.types.is_disjoint(&item.types))
                && (filter.ctls.is_empty() || !filter.ctls.is_disjoint(&item.ctls))
                && filter.fingerprint.is_none_or(|fingerprint| fingerprint == item.fingerprint)
        };
        let found = self.items.iter().filter(fits);
        let (skip, take, pages) = match filter.page {
            None => (0, usize::MAX, None),
            Some(page) => {
                let total_items = found.clone().count() as u64;
                let total_pages = total_items.div_ceil(page.size.max(1));
                let skip = page.number.saturating_sub(1).saturating_mul(page.size);
                let pages = PoolPages { page: page.number, page_size: page.size, total_pages, total_items };
                let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                (whole(skip), whole(page.size), Some(pages))
            }
        };
        let items = found.skip(skip).take(take).map(|item| &item.json[..]);
        let bytes = Pool::collection_of(self.form, items, pages);
        let from = Digest::of_parts(&[self.digest.as_bytes(), filter.to_string().as_bytes()]);
        Arc::new(Prepared::assembled(bytes, &from, ContentType::Json, Caching::Latest))
    }
}

const fn word(form: PoolForm) -> &'static str {
    match form {
        PoolForm::Opcp => "opcp",
        PoolForm::Opnc => "opnc",
    }
}
