//! The OpenAPI 3.1 document of a [`Table`](crate::Table).

use serde_json::{Map, Value, json};

use crate::problem;
use crate::service::Files;
use crate::table::{Body, Operation, Outcome, Parameter, Route};

/// What a service is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name.
    pub title: &'static str,
    /// What it is for, and what holds for all of its paths.
    pub description: &'static str,
    /// The version of the program that serves it.
    pub version: &'static str,
}

/// What holds wherever a table is served.
const EVERYWHERE: &str = "Every path with GET has HEAD, too. An answer is a problem document (RFC 9457) wherever the \
    request is refused: 400 what cannot be read, 404, 405, 406 where Accept-Encoding forbids every form, 429 and 503 \
    with Retry-After. Where a page for people shows the same, `format=json` in the query asks for JSON, whatever Accept \
    says. An answer that may be kept (no Cache-Control: no-store) has an ETag; 304 where If-None-Match \
    names it.";

pub(crate) fn document<S>(
    about: &About,
    routes: &[Route<S>],
    files: &[Files],
    parameters: &[Parameter],
) -> Value {
    let mut paths = Map::new();
    for file in files {
        let operation = json!({
            "summary": file.summary,
            "parameters": of_path(file.pattern, parameters),
            "responses": {
                "200": { "description": "The file, with its ETag.", "content": content(file.media_types, None) },
                "304": { "description": "The caller has it: If-None-Match names its ETag." },
                "default": { "$ref": "#/components/responses/Problem" },
            },
        });
        paths.insert(file.pattern.to_owned(), json!({ "get": operation }));
    }
    for route in routes {
        let operations = route
            .operations
            .iter()
            .map(|one| (one.method.as_str().to_lowercase(), operation(route.pattern, one, parameters)));
        paths.insert(route.pattern.to_owned(), Value::Object(operations.collect()));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": about.version,
            "description": format!("{} {EVERYWHERE}", about.description),
        },
        "paths": paths,
        "components": {
            "schemas": { "Problem": problem_schema() },
            "responses": {
                "Problem": {
                    "description": "The request is refused, or cannot be answered now.",
                    "content": { problem::CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        },
    })
}

fn operation<S>(pattern: &'static str, operation: &Operation<S>, parameters: &[Parameter]) -> Value {
    let mut known = of_path(pattern, parameters);
    known.extend(operation.query.iter().map(|one| parameter(one, "query", one.required)));
    known.extend(operation.headers.iter().map(|one| parameter(one, "header", one.required)));
    let mut responses: Map<String, Value> =
        operation.answers.iter().map(|one| (one.status.to_string(), response(one))).collect();
    responses.insert("default".into(), json!({ "$ref": "#/components/responses/Problem" }));
    let mut value = json!({ "summary": operation.summary, "parameters": known, "responses": responses });
    if let (Some(Body { media_types, limit, about, schema }), Some(members)) =
        (&operation.body, value.as_object_mut())
    {
        let body = json!({
            "required": true,
            "description": format!("{about} At most {limit} bytes."),
            "content": content(media_types, schema.as_ref()),
        });
        members.insert("requestBody".into(), body);
    }
    value
}

fn response(outcome: &Outcome) -> Value {
    let mut value = json!({ "description": outcome.about });
    if let (false, Some(members)) = (outcome.media_types.is_empty(), value.as_object_mut()) {
        let refused = outcome.media_types == [problem::CONTENT_TYPE];
        let of_problem = refused.then(|| json!({ "$ref": "#/components/schemas/Problem" }));
        let schema = outcome.schema.as_ref().or(of_problem.as_ref());
        members.insert("content".into(), content(outcome.media_types, schema));
    }
    value
}

fn content(media_types: &[&str], schema: Option<&Value>) -> Value {
    let one = schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema }));
    Value::Object(media_types.iter().map(|media_type| ((*media_type).to_owned(), one.clone())).collect())
}

/// What stands in braces in a pattern.
fn of_path(pattern: &str, parameters: &[Parameter]) -> Vec<Value> {
    let names = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names
        .map(|(name, _)| match parameters.iter().find(|one| one.name == name) {
            Some(known) => parameter(known, "path", true),
            None => json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        })
        .collect()
}

fn parameter(parameter: &Parameter, place: &str, required: bool) -> Value {
    json!({
        "name": parameter.name,
        "in": place,
        "required": required,
        "description": parameter.about,
        "schema": parameter.schema,
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "pattern": "^urn:v2g-ctl:problem:[a-z-]+$" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What was wrong, where, and what to do." },
            "reason": { "type": "string", "description": "The word of a refusal, for programs." },
        },
    })
}
