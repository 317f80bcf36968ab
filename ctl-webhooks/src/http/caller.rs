//! Who asks. The server has authenticated the caller and names it in a header, which is believed beside the secret that
//! the two programs share, and from nobody else.

use ctl_serve::Call;
use ctl_serve::forward::{CLIENT, SECRET};
use warp::http::{HeaderName, StatusCode};

use super::App;
use super::refusal::Refusal;

/// The longest id of a client, in bytes.
const MAX_CLIENT: usize = 256;

/// The client for whom the server asks.
pub(super) fn caller(app: &App, call: &Call) -> Result<String, Refusal> {
    let header = |name| call.header(&HeaderName::from_static(name)).unwrap_or_default();
    if !app.secret.is(header(SECRET)) {
        let message = "endpoints are registered through the pool's own address, with its token";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
    }
    let client = header(CLIENT);
    let is_one = !client.is_empty()
        && client.len() <= MAX_CLIENT
        && client.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_one {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "the server names no client"));
    }
    Ok(client.to_owned())
}
