//! Still steps 3 and 10: the process that tells the pool's subscribers what becomes of its roots, and one who subscribes.
//! What it was told is looked at in step 15.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ctl_fetch::{Addresses, Fetch as _, Fetcher, Header, Options as Fetching, Request};
use ctl_sandbox::subscriber::{Received, Says, Subscriber};
use serde_json::{Value, json};

use super::founding::{CLIENT, SECRET_FILES, secret_file, write};
use super::pkis::Pkis;
use crate::process::Process;
use crate::tour::{Tour, number_of};
use crate::{Options, Problem, port, wait};

/// What it and the server know each other by.
const SECRET: &str = "forward.secret";
/// The longest answer to a registration, in bytes.
const MAX_ANSWER: usize = 1 << 16;

/// A back end that subscribed.
pub(crate) struct Subscription {
    subscriber: Subscriber,
    /// The key of its signatures.
    secret: String,
}

/// What the server needs to know of it: where it will listen, and the secret that both share.
pub(super) fn announce(tour: &mut Tour) -> Result<String, Problem> {
    let address = port::free("ctl-webhooks")?;
    tour.webhooks_listen = Some(address);
    let random = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    std::fs::File::open(random)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Problem::file(random))?;
    secret_file(&tour.path(SECRET), &format!("{:032x}\n", u128::from_be_bytes(bytes)))?;
    Ok(format!("[webhooks]\naddress = \"http://{address}\"\nsecret = \"{SECRET}\"\n"))
}

/// Starts it. It is ready once there is a list.
pub(crate) async fn start(tour: &mut Tour, options: &Options) -> Result<(), Problem> {
    let unannounced = || Problem::Unexpected("the server knows of no webhooks".into());
    let listen = tour.webhooks_listen.ok_or_else(unannounced)?;
    let config = tour.path("ctl-webhooks.toml");
    write(&config, &configuration(tour.url("").trim_end_matches('/'), listen))?;
    let log = tour.path("webhooks.log");
    let process =
        Process::start("ctl-webhooks", (&options.webhooks, "run"), &config, log, tour.dying.clone())?;
    // From here on the tour stops it, whatever happens.
    let process = tour.webhooks.insert(process);
    process.listens().await?;
    let url = process.url().to_owned();
    tour.say(format!("ctl-webhooks runs at {url}"));
    Ok(())
}

/// Endpoints are at loopback here, without TLS, and nobody wants to wait a minute for the next look.
fn configuration(server: &str, listen: SocketAddr) -> String {
    format!(
        "data = \"webhooks\"\n\n\
         [scheme]\nserver = \"{server}\"\nroot = \"founding/1.root.json\"\nlists = [\"na\"]\nevery = \"500ms\"\n\n\
         [http]\nlisten = \"{listen}\"\n\n\
         [webhooks]\nsecret = \"{SECRET}\"\nplain_http = true\n\n\
         [fetch]\nallow = [\"127.0.0.0/8\"]\nports = [\"1-65535\"]\n"
    )
}

/// The client of the pool asks to be told from now on.
pub(crate) async fn subscribe(tour: &mut Tour) -> Result<Subscription, Problem> {
    if let Some(process) = &mut tour.webhooks {
        process.ready().await?;
    }
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failed = |error| Problem::Unexpected(format!("{CLIENT}'s endpoint cannot listen: {error}"));
    let subscriber = Subscriber::at(loopback, Says::Status(204)).await.map_err(failed)?;
    let key = tour.path(SECRET_FILES[1]);
    let key = std::fs::read_to_string(&key).map_err(Problem::file(&key))?;
    let wish = json!({
        "url": format!("http://{}/", subscriber.address()),
        "enabledEvents": ["root.cert.added", "root.cert.expired", "root.cert.revoked"],
    });
    let request = Request {
        url: tour.url("v1/webhook/endpoints"),
        body: Some(wish.to_string().into_bytes().into()),
        content_type: Some("application/json"),
        accept: "application/json",
        headers: vec![Header { name: "x-api-key", value: key }],
        max_body: MAX_ANSWER,
        timeout: Duration::from_secs(10),
        addresses: Addresses::Turn(0),
    };
    let refused = |why: String| Problem::Unexpected(format!("{CLIENT} cannot subscribe: {why}"));
    let fetcher =
        Fetcher::new(&Fetching::for_own_addresses(Vec::new())).map_err(|error| refused(error.to_string()))?;
    let exchange = fetcher.fetch(&request).await.into_iter().next();
    let exchange = exchange.ok_or_else(|| refused("no address".into()))?;
    let answer = exchange.result.map_err(|error| refused(error.to_string()))?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let made: Option<Value> = serde_json::from_str(&text).ok();
    let secret = made.as_ref().and_then(|made| made.get("secret")?.as_str());
    let Some(secret) = secret.filter(|_| answer.status == 201) else {
        return Err(refused(format!("{} {text}", answer.status)));
    };
    tour.say(format!(
        "{CLIENT}, a client of the pool, registers an endpoint: it wants to be told by a webhook when"
    ));
    tour.say("a root is added, ends or is revoked");
    Ok(Subscription { secret: secret.to_owned(), subscriber })
}

/// What it was told since.
pub(super) async fn told(tour: &Tour, pkis: &Pkis, subscription: &Subscription) -> Result<(), Problem> {
    let Subscription { subscriber, secret } = subscription;
    let received = wait::until(format!("a webhook at {CLIENT}"), async || {
        Ok(Some(subscriber.received()).filter(|received| !received.is_empty()))
    })
    .await?;
    let fallen = pkis.root("borealis")?.fingerprint.to_string();
    let mut lines = Vec::new();
    for one in &received {
        let event = event(one).filter(|_| one.is_signed_by(secret));
        let event =
            event.ok_or_else(|| Problem::Unexpected(format!("{CLIENT} was told, unsigned: {one:?}")))?;
        let of = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        if of("/eventType") != "root.cert.revoked" || of("/payload/fingerprintSHA256") != fallen {
            return Err(Problem::Unexpected(format!("{CLIENT} was told of something else: {event}")));
        }
        lines.push(format!(
            "{} {} for {}",
            of("/eventType"),
            of("/payload/distinguishedName"),
            of("/payload/rootType")
        ));
    }
    tour.say(format!(
        "when Borealis was suspended, {CLIENT} was told by {}, signed with its secret, which verifies:",
        number_of(received.len(), "webhook")
    ));
    tour.quote(lines);
    tour.see("v1/webhook/endpoints");
    Ok(())
}

fn event(received: &Received) -> Option<Value> {
    serde_json::from_slice(&received.body).ok()
}
