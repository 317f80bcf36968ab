//! Long lists in pages: `?after=<key>&limit=<n>`; each page names the key after which the next begins.

use serde::Deserialize;
use serde_json::{Value, json};

/// Items on a page where the caller does not say.
const DEFAULT: usize = 100;
/// Items on a page at most.
const MAX: usize = 1000;
/// A page ends with the item that brings it beyond this number of bytes: a proposal may carry a whole charter.
const MAX_BYTES: usize = 1024 * 1024;

/// What a caller asks of a long list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "K: Deserialize<'de>"))]
pub struct Page<K> {
    /// The key of the last item of the page before.
    #[serde(default = "none")]
    pub after: Option<K>,
    /// Items wanted.
    #[serde(default)]
    limit: Option<usize>,
}

const fn none<K>() -> Option<K> {
    None
}

impl<K: ToString> Page<K> {
    /// What a caller asks who asks for more than a page.
    #[must_use]
    pub const fn new(after: Option<K>, limit: Option<usize>) -> Self {
        Self { after, limit }
    }

    /// How many items a page has at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT).clamp(1, MAX)
    }

    /// One page of items, which come in the order of their keys and begin after `after`.
    #[must_use]
    pub fn of(&self, name: &str, items: impl Iterator<Item = (K, Value)>) -> Value {
        let limit = self.limit();
        let mut items = items.peekable();
        let mut page = Vec::new();
        let (mut last, mut bytes) = (None, 0_usize);
        while page.len() < limit
            && bytes < MAX_BYTES
            && let Some((key, item)) = items.next()
        {
            bytes = bytes.saturating_add(length(&item));
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

/// Bytes of an item as text.
fn length(item: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail, and a value has only members that are text.
    let _ = serde_json::to_writer(&mut count, item);
    count.0
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
            let page = Page::new(after, Some(3));
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
        let page = Page::<u64>::new(None, Some(usize::MAX));
        let value = page.of("numbers", (0..5000).map(|n| (n, json!(n))));
        assert_eq!(value["numbers"].as_array().unwrap().len(), MAX);
        let value = Page::<u64>::new(None, Some(0)).of("numbers", (0..5).map(|n| (n, json!(n))));
        assert_eq!(value["numbers"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_page_of_long_items_ends_early_and_the_next_goes_on() {
        let long = "x".repeat(100_000);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = Page::new(after, Some(100));
            let rest =
                (0..30_u64).filter(|n| after.is_none_or(|after| *n > after)).map(|n| (n, json!([n, long])));
            let value = page.of("numbers", rest);
            assert!(value.to_string().len() < MAX_BYTES + 200_000);
            seen.extend(value["numbers"].as_array().unwrap().iter().map(|n| n[0].as_u64().unwrap()));
            match value["next"].as_str() {
                Some(next) => after = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert!(seen.into_iter().eq(0..30));
    }
}
