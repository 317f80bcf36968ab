//! Long lists in pages: `?after=<key>&limit=<n>`; each page names the key after which the next begins.

use serde::Deserialize;
use serde_json::{Value, json};

/// Items on a page where the caller does not say.
const DEFAULT: usize = 100;
/// Items on a page at most.
const MAX: usize = 1000;

/// What a caller asks of a long list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "K: Deserialize<'de>"))]
pub(super) struct Page<K> {
    /// The key of the last item of the page before.
    #[serde(default = "none")]
    pub(super) after: Option<K>,
    /// Items wanted.
    #[serde(default)]
    limit: Option<usize>,
}

const fn none<K>() -> Option<K> {
    None
}

impl<K: ToString> Page<K> {
    /// What a caller asks who asks for more than a page.
    pub(super) const fn new(after: Option<K>, limit: Option<usize>) -> Self {
        Self { after, limit }
    }

    /// How many items a page has at most.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT).clamp(1, MAX)
    }

    /// One page of items, which come in the order of their keys and begin after `after`.
    pub(super) fn of(&self, name: &str, items: impl Iterator<Item = (K, Value)>) -> Value {
        let limit = self.limit();
        let mut items = items.peekable();
        let mut page = Vec::new();
        let mut last = None;
        while page.len() < limit
            && let Some((key, item)) = items.next()
        {
            page.push(item);
            last = Some(key);
        }
        let next = last.filter(|_| items.peek().is_some()).map(|key| key.to_string());
        let mut value = json!({ "next": next });
        if let Some(members) = value.as_object_mut() {
            members.insert(name.to_owned(), page.into());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let all: Vec<u64> = (1..=7).collect();
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = Page { after, limit: Some(3) };
            let rest = all.iter().filter(|n| after.is_none_or(|after| **n > after)).map(|n| (*n, json!(n)));
            let value = page.of("numbers", rest);
            seen.extend(value["numbers"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()));
            match value["next"].as_str() {
                Some(next) => after = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn nobody_gets_more_than_a_page() {
        let page = Page::<u64> { after: None, limit: Some(usize::MAX) };
        let value = page.of("numbers", (0..5000).map(|n| (n, json!(n))));
        assert_eq!(value["numbers"].as_array().unwrap().len(), MAX);
        let value = Page::<u64> { after: None, limit: Some(0) }.of("numbers", (0..5).map(|n| (n, json!(n))));
        assert_eq!(value["numbers"].as_array().unwrap().len(), 1);
    }
}
