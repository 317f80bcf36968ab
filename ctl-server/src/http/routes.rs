//! The paths of the API, each with its methods: what decides between 404 and 405, and what metrics
//! call a request. Only what stands here reaches a handler.

use warp::http::Method;

/// One path of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiRoute {
    /// The path; a part in braces stands for any one part.
    pub pattern: &'static str,
    /// Its methods, as in the header `Allow`.
    pub allow: &'static str,
}

const READ: &str = "GET, HEAD";

const fn route(pattern: &'static str, allow: &'static str) -> ApiRoute {
    ApiRoute { pattern, allow }
}

/// Every path of the API. Static files are not among them.
pub const ROUTES: [ApiRoute; 26] = [
    route("/v1/statements", "POST"),
    route("/v1/blobs/{digest}", "GET, HEAD, PUT"),
    route("/v1/drafts", READ),
    route("/v1/drafts/{role}", READ),
    route("/v1/drafts/{role}/signatures", "POST"),
    route("/v1/lists", READ),
    route("/v1/lists/{list}", READ),
    route("/v1/lists/{list}/diff", READ),
    route("/v1/anchors/{fingerprint}", READ),
    route("/v1/applications", READ),
    route("/v1/applications/{application}", READ),
    route("/v1/proposals", READ),
    route("/v1/participants", READ),
    route("/v1/registry/mo", READ),
    route("/v1/registry/mo/{id}", READ),
    route("/v1/sla", READ),
    // Before any pattern that takes an operator's id in the place of the last part.
    route("/v1/sla/governance", READ),
    route("/v1/sla/{operator}", READ),
    route("/v1/incidents", READ),
    route("/v1/incidents/{incident}", READ),
    route("/v1/evidence/{sha256}", READ),
    route("/v1/targets", READ),
    route("/v1/targets/prometheus", READ),
    route("/healthz", READ),
    route("/readyz", READ),
    route("/metrics", READ),
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
