//! `/oauth/token` and `/.well-known/jwks.json`, and the guard before what is not open to everyone.
//!
//! Refusals say what the field's clients know: RFC 6749 section 5.2 at the token endpoint, and elsewhere the plain texts of
//! the gateways before today's pools (guide, tables 2 to 4).

use std::future::Future;
use std::pin::Pin;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ctl_core::Timestamp;
use ctl_serve::{Call, Problem, answer};
use serde::Deserialize;
use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::App;
use crate::access::{Caller, Client, Credentials, Denied, Mode, Right};

/// The largest body of a request for a token.
pub(super) const MAX_BODY: usize = 8 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// What an answer depends on besides its path, where credentials are looked at.
const CREDENTIALS: &str = "authorization, x-api-key";

type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// The same handler for those who have a right.
pub(crate) fn guarded<F>(
    right: Right,
    handler: impl Fn(App, Call) -> F + Clone + Send + Sync + 'static,
) -> impl Fn(App, Call) -> Answer + Send + Sync + 'static
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    move |app, call| {
        let handler = handler.clone();
        Box::pin(async move {
            match permit(&app, &call, right)? {
                Ok(_) => {}
                Err(denied) => return Ok(refusal(denied)),
            }
            let guarded = right != Right::Pool || app.access.mode() != Mode::Open;
            let answer = handler(app, call).await;
            let mut response = answer.unwrap_or_else(Problem::into_response);
            if guarded {
                keep_from_others(&mut response);
            }
            Ok(response)
        })
    }
}

/// The id of the client that asks, none where everyone may; or why not.
pub(super) fn permit(
    app: &App,
    call: &Call,
    right: Right,
) -> Result<Result<Option<String>, Denied>, Problem> {
    // An open pool asks for nothing, not even the time.
    if right == Right::Pool && app.access.mode() == Mode::Open {
        app.metrics.count_access(None);
        return Ok(Ok(None));
    }
    let credentials = Credentials::of(call);
    let permitted = app.access.permit(&credentials, right, now(app)?);
    app.metrics.count_access(permitted.as_ref().err().copied());
    Ok(permitted.map(|caller| match caller {
        Caller::Anyone => None,
        Caller::Client(client) => Some(client.id.clone()),
    }))
}

/// By the clock of the ledger: with one that is not believed, no token's time can be told.
fn now(app: &App) -> Result<Timestamp, Problem> {
    app.ledger.now().map_err(|error| Problem::unavailable(format!("the time is not known: {error}")))
}

/// The answer to one who may not.
pub(super) fn refusal(denied: Denied) -> Response {
    let mut response = answer::bytes(denied.to_string(), "text/plain; charset=utf-8", "no-store");
    let status = StatusCode::from_u16(denied.status()).unwrap_or(StatusCode::FORBIDDEN);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = match denied {
            Denied::Missing => "Bearer",
            _ => "Bearer error=\"invalid_token\"",
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static(CREDENTIALS));
    answer::with_status(response, status)
}

/// What one caller was shown, no cache between shows another.
fn keep_from_others(response: &mut Response) {
    let headers = response.headers_mut();
    let caching =
        headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kept =
        caching.split(',').map(str::trim).filter(|word| *word != "public" && !word.starts_with("s-maxage"));
    let caching =
        std::iter::once("private").chain(kept.filter(|word| !word.is_empty())).collect::<Vec<_>>().join(", ");
    if let Ok(caching) = HeaderValue::try_from(caching) {
        headers.insert(header::CACHE_CONTROL, caching);
    }
    headers.append(header::VARY, HeaderValue::from_static(CREDENTIALS));
}

/// `/.well-known/jwks.json`: the keys by which others verify tokens.
pub(super) async fn jwks(app: App, _: Call) -> Result<Response, Problem> {
    Ok(answer::json_with_caching(&app.access.tokens().jwks(), "public, max-age=300"))
}

/// A request for a token (RFC 6749 section 4.4.2), as a form or as JSON.
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    audience: Option<String>,
}

/// Why no token is given (RFC 6749 section 5.2).
struct NoToken {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl NoToken {
    fn bad(error: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.into() }
    }

    fn client() -> Self {
        let description = "there is no such client, or this is not its secret".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, error: "invalid_client", description }
    }

    fn into_response(self) -> Response {
        let Self { status, error, description } = self;
        let body = json!({ "error": error, "error_description": description });
        let mut response = answer::json_with_caching(&body, "no-store");
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
        }
        answer::with_status(response, status)
    }
}

/// `/oauth/token`: a token for a client that shows its secret.
pub(super) async fn token(app: App, call: Call) -> Result<Response, Problem> {
    let now = now(&app)?;
    let issued = client(&app, &call).and_then(|(client, audience)| {
        let issued = app.access.tokens().issue(client, audience.as_deref(), now);
        let issued = issued.map_err(|error| NoToken::bad("invalid_target", error.to_string()))?;
        Ok((client, issued))
    });
    match issued {
        Ok((client, issued)) => {
            app.metrics.count_token("issued");
            tracing::info!(client = client.id, "a token was issued");
            let body = json!({
                "access_token": issued.token,
                "token_type": "Bearer",
                "expires_in": issued.expires_in,
                "scope": client.scope(),
            });
            Ok(answer::json_with_caching(&body, "no-store"))
        }
        Err(refused) => {
            app.metrics.count_token(refused.error);
            Ok(refused.into_response())
        }
    }
}

fn client<'a>(app: &'a App, call: &Call) -> Result<(&'a Client, Option<String>), NoToken> {
    if !call.is_private() {
        return Err(NoToken::bad("invalid_request", Denied::PlainHttp.to_string()));
    }
    let content_type = call.header(&header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let unread = |error: String| NoToken::bad("invalid_request", error);
    let request: TokenRequest = if media_type.eq_ignore_ascii_case(JSON) {
        serde_json::from_slice(call.body())
            .map_err(|error| unread(format!("the body is not the JSON it must be: {error}")))?
    } else if media_type.eq_ignore_ascii_case(FORM) {
        serde_urlencoded::from_bytes(call.body())
            .map_err(|error| unread(format!("the body is no form: {error}")))?
    } else {
        return Err(unread(format!("the body must be {FORM} or {JSON}")));
    };
    match request.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(NoToken::bad("unsupported_grant_type", "only client_credentials is known here"));
        }
        None => return Err(unread("grant_type is missing: client_credentials".to_owned())),
    }
    let in_body = request.client_id.zip(request.client_secret);
    let (id, secret) = match (in_body, basic(call)) {
        (Some(shown), None) | (None, Some(shown)) => shown,
        (Some(_), Some(_)) => {
            return Err(unread("credentials stand in the header and in the body".to_owned()));
        }
        (None, None) => return Err(unread("client_id and client_secret are missing".to_owned())),
    };
    let client = app.access.clients().by_secret(&id, &secret).ok_or_else(NoToken::client)?;
    Ok((client, request.audience))
}

/// Credentials in `Authorization: Basic` (RFC 6749 section 2.3.1: both halves are form-encoded).
fn basic(call: &Call) -> Option<(String, String)> {
    let (scheme, encoded) = call.header(&header::AUTHORIZATION)?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |half: &str| {
        let pair: Vec<(String, String)> = serde_urlencoded::from_str(&format!("x={half}")).ok()?;
        pair.into_iter().next().map(|(_, value)| value)
    };
    Some((plain(id)?, plain(secret)?))
}
