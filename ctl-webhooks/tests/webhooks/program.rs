//! The program as it is run: started from its file, killed while an answer is awaited, started again.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctl_core::Timestamp;
use ctl_core::role::Role;
use ctl_replica::Transport;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common::story::{DAY, World};
use crate::common::{Server, root_json};
use crate::hook::{Hook, Says};
use crate::told::{until, wish};

/// Only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn program(folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ctl-webhooks"));
    program.args(["run", "--config"]).arg(folder.join("webhooks.toml")).stdin(Stdio::null());
    program.kill_on_drop(true);
    program
}

async fn started(folder: &Path) -> (Child, String) {
    let mut child = program(folder).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    (child, line.strip_prefix("listening on ").unwrap().trim_end_matches('/').to_owned())
}

fn configure(folder: &Path, server: &str) {
    let text = format!(
        "data = \"data\"\n[scheme]\nserver = \"{server}\"\nroot = \"trusted-root.json\"\nlists = [\"na\"]\n\
         every = \"100ms\"\n[http]\nlisten = \"127.0.0.1:0\"\n[webhooks]\nplain_http = true\n\
         [fetch]\nallow = [\"127.0.0.0/8\"]\nports = [\"1-65535\"]\n\
         [fetch.hosts]\n\"hooks.example\" = [\"127.0.0.1\"]\n"
    );
    std::fs::write(folder.join("webhooks.toml"), text).unwrap();
}

/// A scheme whose lists are in force by this machine's clock, before beta's admission or after it.
fn of_these_weeks(today: Timestamp, after: bool) -> World {
    let mut world = World::published();
    world.now = today.minus_seconds(60 * DAY).max(world.now);
    world.publish(&Role::Root, &["board-1", "board-2"]).unwrap();
    world.publish(&Role::Targets, &["board-1", "board-3"]).unwrap();
    world.admitted("alpha-pki");
    world.now = today.minus_seconds(25 * DAY).max(world.now);
    world.publish_list();
    if after {
        world.admitted("beta-pki");
        world.publish_list();
    }
    world.now = today.minus_seconds(DAY).max(world.now);
    world.publish(&Role::Notices, &["officer-1"]).unwrap();
    if after {
        world.publish(&Role::Notices, &["officer-1"]).unwrap();
    }
    assert!(world.now < today);
    world
}

#[tokio::test]
async fn killed_between_sending_and_recording_it_sends_again() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let today = Timestamp::from_unix(now.try_into().unwrap());
    // Meanwhile beta is admitted.
    let (world, later) = (of_these_weeks(today, false), of_these_weeks(today, true));
    let folder = tempfile::tempdir().unwrap();
    root_json(folder.path(), &world);
    let server = Server::start(world).await;
    configure(folder.path(), &server.url);

    let (mut child, url) = started(folder.path()).await;
    let http = Transport::new(&url).unwrap();
    let _ = until("it answers", async || http.get("healthz", 1000).await.ok()).await;
    let secret = std::fs::read_to_string(folder.path().join("forward.secret")).unwrap();
    let hook = Hook::says(Says::Nothing).await;
    let registered = post(&url, secret.trim_end(), &wish(&hook.url()).to_string()).await;
    assert!(registered.starts_with("HTTP/1.1 201"), "{registered}");
    until("the list is met", async || {
        let metrics = http.get("metrics", 1 << 20).await.ok()??;
        String::from_utf8(metrics)
            .unwrap()
            .contains("ctl_webhook_document_sequence{role=\"na\"} 1")
            .then_some(())
    })
    .await;
    *server.world.lock().unwrap() = later;
    let sent = hook.has(1).await;
    // The event is on its way, and nobody has written down that it arrived.
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    child.wait().await.unwrap();

    hook.now_says(Says::Status(200));
    let (mut child, url) = started(folder.path()).await;
    let received = hook.has(3).await;
    assert!(received[1..].iter().any(|again| again.body == sent[0].body), "the same event, byte for byte");
    let http = Transport::new(&url).unwrap();
    until("both have arrived", async || {
        let metrics = http.get("metrics", 1 << 20).await.ok()??;
        String::from_utf8(metrics).unwrap().contains("ctl_webhook_deliveries_waiting 0\n").then_some(())
    })
    .await;
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(hook.received().len(), 3);
}

async fn post(url: &str, secret: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /v1/webhook/endpoints HTTP/1.1\r\nhost: test\r\nconnection: close\r\nctl-client: volt\r\n\
         ctl-forward-secret: {secret}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.toml");
    configure(folder.path(), "http://127.0.0.1:1");
    let text = std::fs::read_to_string(&file).unwrap();
    for (from, to, named) in [
        ("[\"na\"]", "[]", "lists"),
        ("http://127.0.0.1:1", "file:///lists", "file:///lists"),
        ("every = \"100ms\"", "every = \"0s\"", "longer than nothing"),
        ("root = ", "id = ", "id"),
        ("plain_http = true", "secret = \"short\"", "32 hex digits"),
        ("data", "data", "trusted-root.json"),
    ] {
        let short = folder.path().join("short");
        let _ = std::fs::remove_file(&short);
        ctl_host::files::write_new(&short, b"short", ctl_host::files::SECRET).unwrap();
        std::fs::write(&file, text.replace(from, to)).unwrap();
        let output = program(folder.path()).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(named), "{from}: {said}");
    }
}
