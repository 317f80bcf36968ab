//! A table with paths of every kind.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use warp::http::{Request, StatusCode};
use warp::hyper::service::Service as _;
use warp::reply::Response;

use super::*;
use crate::problem::Problem;

async fn told(_: (), call: Call) -> Result<Response, Problem> {
    let list: String = call.part("list").unwrap_or_default();
    Ok(answer::json(&json!([list, call.query, call.body.len()])))
}

fn table() -> Table<()> {
    let about = About { title: "Lists", description: "Lists.", version: "1" };
    let routes = vec![
        Route::get("/v1/lists", told, "All."),
        Route::get("/v1/lists/special", told, "A special one."),
        Route::get("/v1/lists/{list}", told, "One.").answers(200, &["application/json"], "The list."),
        Route::get("/v1/lists/{list}/diff", told, "What changed.").costs(Cost::Much).query(required(
            "from",
            "The older version.",
            schema::count(),
        )),
        Route::post("/v1/lists/{list}/signatures", told, "Sign.").takes("application/json", 10, "It."),
        Route::download("/v1/blobs/{digest}", "Bytes.").and_upload("Puts bytes."),
        Route::get("/v1/hooks/{list}", told, "One.")
            .and(Method::PUT, told, "Changes it.")
            .takes("application/json", 7, "It.")
            .and(Method::DELETE, told, "Ends it."),
        Route::get("/v1/slashed/{list}/", told, "With a slash at the end.").header(optional(
            "From-Whom",
            "Who asks.",
            schema::text(),
        )),
    ];
    Table::new(about, routes).described_at("/v1/openapi.json")
}

#[test]
fn paths_find_their_pattern_and_nothing_else() {
    let table = table();
    for (path, expected) in [
        ("/v1/lists", Some("/v1/lists")),
        ("/v1/lists/na", Some("/v1/lists/{list}")),
        ("/v1/lists/special", Some("/v1/lists/special")),
        ("/v1/lists/na/diff", Some("/v1/lists/{list}/diff")),
        ("/v1/lists/na/signatures", Some("/v1/lists/{list}/signatures")),
        ("/v1/lists/", None),
        ("/v1/lists/na/", None),
        ("/v1/slashed/na/", Some("/v1/slashed/{list}/")),
        ("/v1/slashed/na", None),
        ("/v1//na", None),
        ("v1/lists", None),
        ("/v1/lists/na/diff/x", None),
        ("/", None),
        ("", None),
    ] {
        assert_eq!(table.find(path).map(Route::pattern), expected, "{path}");
    }
}

#[test]
fn methods_are_those_of_the_path() {
    let table = table();
    let blobs = table.find("/v1/blobs/00").unwrap();
    assert!(blobs.allows(&Method::PUT) && blobs.allows(&Method::HEAD));
    assert!(!blobs.allows(&Method::POST) && !blobs.allows(&Method::DELETE));
    let hooks = table.find("/v1/hooks/1").unwrap();
    assert_eq!((hooks.allow(), hooks.body_limit()), ("GET, HEAD, PUT, DELETE".to_owned(), 7));
    assert!(hooks.allows(&Method::DELETE) && !hooks.allows(&Method::POST));
    assert_eq!(method_name(&Method::from_bytes(b"BREW").unwrap()), "other");
    assert_eq!(table.find("/v1/lists/na/signatures").unwrap().body_limit(), 10);
}

#[tokio::test]
async fn filters_hand_each_handler_the_parts_of_its_path() {
    let filters = table().filters(&());
    let ask = async |method: &str, path: &str, body: &'static str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .unwrap();
        let answer = TowerToHyperService::new(warp::service(filters.clone())).call(request).await.unwrap();
        (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
    };
    for (method, path, expected) in [
        ("GET", "/v1/lists", Some(json!(["", "", 0]))),
        ("GET", "/v1/lists/na?x=1", Some(json!(["na", "x=1", 0]))),
        ("GET", "/v1/lists/special", Some(json!(["", "", 0]))),
        ("GET", "/v1/lists/na/diff", Some(json!(["na", "", 0]))),
        ("POST", "/v1/lists/na/signatures", Some(json!(["na", "", 3]))),
        ("GET", "/v1/hooks/a", Some(json!(["a", "", 0]))),
        ("PUT", "/v1/hooks/a", Some(json!(["a", "", 3]))),
        ("DELETE", "/v1/hooks/a", Some(json!(["a", "", 0]))),
        ("GET", "/v1/blobs/00", None),
        ("GET", "/v1/lists/na/diff/x", None),
    ] {
        let body = if ["POST", "PUT"].contains(&method) { "abc" } else { "" };
        let (status, answer) = ask(method, path, body).await;
        match expected {
            Some(expected) => {
                assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), expected, "{path}");
            }
            None => assert_eq!(status, StatusCode::BAD_REQUEST, "{path}"),
        }
    }
    let (_, document) = ask("GET", "/v1/openapi.json", "").await;
    let document: Value = serde_json::from_slice(&document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), table().routes().len(), "itself, too");
    assert!(paths["/v1/blobs/{digest}"]["put"].is_object());
    let diff = &paths["/v1/lists/{list}/diff"]["get"]["parameters"];
    assert_eq!((&diff[0]["in"], &diff[1]["in"]), (&json!("path"), &json!("query")), "{diff}");
}
