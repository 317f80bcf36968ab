//! Pools that answer page by page.

use ctl_formats::PoolPaging;
use url::Url;

/// The URL of a page: that of the first with another query (OPNC: `page` from 1 and `pageSize`); none if that is no URL.
#[must_use]
pub fn page_url(first: &str, paging: &PoolPaging, page: u64) -> Option<String> {
    let mut url = Url::parse(first).ok()?;
    let others = url.query_pairs().filter(|(name, _)| name != "page" && name != "pageSize");
    let others: Vec<(String, String)> =
        others.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let mut query = url.query_pairs_mut();
    query.clear().extend_pairs(&others).append_pair("page", &page.to_string());
    if let Some(size) = paging.page_size {
        query.append_pair("pageSize", &size.to_string());
    }
    drop(query);
    Some(url.into())
}
