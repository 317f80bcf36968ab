//! The portal as people read it, over HTTP: what each page tells, and what nobody can make it do.

mod applications;
mod endings;
mod log;
mod news;
mod people;
mod standing;

use crate::served::Served;

/// What a browser says that it takes.
const BROWSER: &[(&str, &str)] = &[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
/// A name that a participant may have, and that must stay a name.
const HOSTILE: &str = "<img src=//evil.example onerror=alert(1)> & \"co\"";
/// The same as it stands in a page.
const HARMLESS: &str = "&lt;img src=//evil.example onerror=alert(1)&gt; &amp; &quot;co&quot;";

/// A page, which is as every page must be.
async fn page(served: &Served, path: &str) -> String {
    let answer = served.get_with(path, BROWSER).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
    let text = answer.text();
    assert_well_made(path, &text);
    text
}

/// One heading of the first level and none left out, tables with headings that say what for, every name once, nothing
/// active, nothing from elsewhere.
fn assert_well_made(path: &str, page: &str) {
    let mut level = 0;
    for (at, _) in page.match_indices("<h") {
        let Some(next) = page.as_bytes().get(at + 2).filter(|byte| byte.is_ascii_digit()) else { continue };
        let next = next - b'0';
        assert!(next <= level + 1, "{path}: h{next} after h{level}: {}", &page[at..page.len().min(at + 80)]);
        level = next;
    }
    assert_eq!(page.matches("<h1").count(), 1, "{path}");
    assert_eq!(
        page.matches("<th").count(),
        page.matches("<th scope").count() + page.matches("<thead").count(),
        "{path}"
    );
    for active in ["<script", "<iframe", "<img", "<style", " style=", " onerror=\"", "javascript:"] {
        assert!(!page.contains(active), "{path} has {active}");
    }
    for one in [" href=\"", " src=\"", " action=\""] {
        for (at, _) in page.match_indices(one) {
            let to = &page[at + one.len()..];
            assert!(
                to.starts_with('/') || to.starts_with('#') || to.starts_with('?'),
                "{path} leads to {:.60}",
                to
            );
            assert!(!to.starts_with("//"), "{path} leads to {:.60}", to);
        }
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{path}: {ids:?}");
    assert!(page.len() < 2_000_000, "{path}: {} bytes", page.len());
}

/// Asserts that a page tells all of this.
fn assert_tells(page: &str, all: &[&str]) {
    for one in all {
        assert!(page.contains(one), "{one:?} is not in:\n{page}");
    }
}
