//! The paths of the API, each with its methods: what decides between 404 and 405, and what metrics
//! call a request. Only what stands here reaches a handler.

use std::num::NonZeroU32;

use warp::http::Method;

/// One path of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiRoute {
    /// The path; a part in braces stands for any one part.
    pub pattern: &'static str,
    /// Its methods, as in the header `Allow`.
    pub allow: &'static str,
    /// What a request costs, and so who computes it.
    pub cost: Cost,
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Next to nothing.
    Little,
    /// Bytes between a caller and the disk.
    Bytes,
    /// Matrices, scans, sums: a few at once, in a queue.
    Much,
    /// The same for those who run the service; it has a queue of its own.
    Scrape,
}

impl Cost {
    /// For how many reads one counts.
    #[must_use]
    pub const fn worth(self) -> NonZeroU32 {
        match self {
            Self::Little | Self::Bytes | Self::Scrape => NonZeroU32::MIN,
            Self::Much => NonZeroU32::MIN.saturating_add(4),
        }
    }
}

const READ: &str = "GET, HEAD";

const fn route(pattern: &'static str, allow: &'static str) -> ApiRoute {
    ApiRoute { pattern, allow, cost: Cost::Little }
}

const fn costly(pattern: &'static str) -> ApiRoute {
    ApiRoute { pattern, allow: READ, cost: Cost::Much }
}

/// Every path of the API. Static files are not among them.
pub const ROUTES: [ApiRoute; 27] = [
    route("/v1/statements", "POST"),
    route("/v1/checkpoints", "POST"),
    ApiRoute { pattern: "/v1/blobs/{digest}", allow: "GET, HEAD, PUT", cost: Cost::Bytes },
    route("/v1/drafts", READ),
    route("/v1/drafts/{role}", READ),
    route("/v1/drafts/{role}/signatures", "POST"),
    route("/v1/lists", READ),
    route("/v1/lists/{list}", READ),
    costly("/v1/lists/{list}/diff"),
    route("/v1/anchors/{fingerprint}", READ),
    route("/v1/applications", READ),
    costly("/v1/applications/{application}"),
    route("/v1/proposals", READ),
    route("/v1/participants", READ),
    route("/v1/registry/mo", READ),
    route("/v1/registry/mo/{id}", READ),
    costly("/v1/sla"),
    // Before any pattern that takes an operator's id in the place of the last part.
    costly("/v1/sla/governance"),
    costly("/v1/sla/{operator}"),
    costly("/v1/incidents"),
    costly("/v1/incidents/{incident}"),
    costly("/v1/evidence/{sha256}"),
    costly("/v1/targets"),
    costly("/v1/targets/prometheus"),
    route("/healthz", READ),
    route("/readyz", READ),
    ApiRoute { pattern: "/metrics", allow: READ, cost: Cost::Scrape },
];

/// What metrics call a request for a path that does not exist.
pub const UNKNOWN: &str = "unknown";

/// The route that a path belongs to.
#[must_use]
pub fn find(path: &str) -> Option<&'static ApiRoute> {
    ROUTES.iter().find(|route| matches(route.pattern, path))
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut found = path.split('/');
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
            _ => return false,
        }
    }
}

impl ApiRoute {
    /// Whether the path has this method.
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// A method as metrics name it: a fixed set, whatever is sent.
#[must_use]
pub const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_pattern_and_nothing_else() {
        for (path, expected) in [
            ("/v1/lists", Some("/v1/lists")),
            ("/v1/lists/na", Some("/v1/lists/{list}")),
            ("/v1/lists/na/diff", Some("/v1/lists/{list}/diff")),
            ("/v1/drafts/na/signatures", Some("/v1/drafts/{role}/signatures")),
            ("/v1/lists/", None),
            ("/v1/lists/na/", None),
            ("/v1//na", None),
            ("v1/lists", None),
            ("/v1/lists/na/diff/x", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(find(path).map(|route| route.pattern), expected, "{path}");
        }
    }

    #[test]
    fn methods_are_those_of_the_path() {
        let blobs = find("/v1/blobs/00").unwrap();
        assert!(blobs.allows(&Method::PUT) && blobs.allows(&Method::HEAD));
        assert!(!blobs.allows(&Method::POST) && !blobs.allows(&Method::DELETE));
        assert_eq!(method_name(&Method::from_bytes(b"BREW").unwrap()), "other");
    }
}
