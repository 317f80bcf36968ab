//! The program as it is run: it follows a service that it does not believe, says what is wrong with it, remembers what it
//! saw over a restart, has the log record what it is due to say, and stops when it is told to.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctl_core::Timestamp;
use ctl_policy::sla::BUILT_IN;
use ctl_replica::Transport;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common::story::{World, key};
use crate::common::{Lie, Server, log_files};

/// Only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn configure(folder: &Path, server: &Server) {
    let scheme = server.world.lock().unwrap().state.scheme;
    let text = format!(
        "data = \"data\"\n[scheme]\nserver = \"{}\"\nid = \"{scheme}\"\nevery = \"200ms\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\n[watch]\nperiod = \"500ms\"\n",
        server.url
    );
    std::fs::write(folder.join("watch.toml"), text).unwrap();
}

fn program(folder: &Path, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ctl-watch"));
    program.arg(command).arg("--config").arg(folder.join("watch.toml")).stdin(Stdio::null());
    program.kill_on_drop(true);
    program
}

/// A running watch.
struct Running {
    child: Child,
    http: Transport,
}

impl Running {
    async fn start(folder: &Path) -> Self {
        let mut child = program(folder, "run").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let http = Transport::new(line.strip_prefix("listening on ").unwrap()).unwrap();
        Self { child, http }
    }

    /// Waits until what is at a path is as it should be.
    async fn until(&self, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begin = std::time::Instant::now();
        let mut last = String::new();
        while begin.elapsed() < PATIENCE {
            match self.http.get(path, 1 << 20).await {
                Ok(Some(bytes)) => {
                    let value: Value = serde_json::from_slice(&bytes).unwrap();
                    if is(&value) {
                        return value;
                    }
                    last = value.to_string();
                }
                other => last = format!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {last}");
    }

    /// Waits until this is found at the log, or not any more.
    async fn until_at_log(&self, reason: &str, found: bool) {
        let what = format!("{reason} at the log: {found}");
        self.until("v1/targets", &what, |answer| {
            let targets = answer["targets"].as_array().unwrap();
            let log = targets.iter().find(|target| target["url"] == "/log/checkpoint");
            log.and_then(|log| log["findings"].as_array())
                .is_some_and(|findings| findings.iter().any(|finding| finding["reason"] == reason) == found)
        })
        .await;
    }

    async fn stop(mut self) {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(ended.success(), "{ended}");
    }
}

/// A scheme with one root on its list, and a folder for who watches it.
async fn scheme() -> (Arc<Server>, tempfile::TempDir) {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let (server, folder) = (Server::start(world).await, tempfile::tempdir().unwrap());
    configure(folder.path(), &server);
    (server, folder)
}

#[tokio::test]
async fn what_is_followed_is_watched_and_a_log_that_was_rewritten_is_found_even_after_a_restart() {
    let (server, folder) = scheme().await;
    let size = server.world.lock().unwrap().state.size();
    let before = {
        let mut world = World::published();
        world.wait(1);
        log_files(&world)
    };
    let watch = Running::start(folder.path()).await;
    let ready = watch.until("readyz", "followed", |ready| ready["status"] == "ready").await;
    assert_eq!((&ready["entries"], ready["scheme"].as_str().map(str::len)), (&size.into(), Some(64)));
    // The stories' timestamp has ended long ago, by this machine's clock.
    watch.until_at_log("list_stale", true).await;
    watch.until_at_log("log_inconsistent", false).await;
    let metrics = watch.http.fetch("metrics", 1 << 20).await.unwrap();
    let metrics = String::from_utf8(metrics).unwrap();
    for series in ["ctl_probe_findings_total{", "route=\"/readyz\",status=\"200\"", "reason=\"list_stale\""] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    let operation = watch.http.fetch("v1/openapi.json", 1 << 20).await.unwrap();
    assert!(String::from_utf8(operation).unwrap().contains("/v1/incidents"));
    assert!(watch.http.get("v1/lists", 1000).await.unwrap().is_none(), "that is the server's");
    watch.stop().await;

    // Another history, which is shorter besides.
    *server.lie.lock().unwrap() = Lie::Hides(before);
    let watch = Running::start(folder.path()).await;
    let refused = async {
        loop {
            if let Err(error) = watch.http.get("readyz", 1 << 20).await {
                return error.to_string();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(refused.contains("503"), "{refused}");
    *server.lie.lock().unwrap() = Lie::None;
    watch.until("readyz", "the log is whole again", |ready| ready["status"] == "ready").await;
    watch.until_at_log("log_inconsistent", false).await;
    *server.lie.lock().unwrap() = Lie::Hides(log_files(&World::published()));
    watch.until_at_log("log_inconsistent", true).await;
    watch.stop().await;
}

#[tokio::test]
async fn what_would_be_watched_is_printed_with_what_is_left_out() {
    let (_server, folder) = scheme().await;
    let text = std::fs::read_to_string(folder.path().join("watch.toml")).unwrap();
    let target =
        "[[watch.targets]]\noperator = \"alpha-pki\"\nkind = \"https\"\nurl = \"https://a.example:8443/\"\n";
    std::fs::write(folder.path().join("watch.toml"), text + target).unwrap();
    let output = program(folder.path(), "discover").output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        said.contains("service /v1/lists/na (on na)") && said.contains("service /log/checkpoint"),
        "{said}"
    );
    assert!(said.contains("alpha-pki https://a.example:8443/: port 8443 is not allowed"), "{said}");
    assert!(!folder.path().join("data").exists(), "nothing is kept");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_refused_in_words() {
    let (_server, folder) = scheme().await;
    let path = folder.path().join("watch.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, named) in [
        ("id = ", "# id = ", "id and root"),
        ("every = \"200ms\"", "every = \"0s\"", "longer than nothing"),
        ("period = \"500ms\"", "service_levels = \"none.toml\"", "none.toml"),
        ("[watch]", "[monitor]", "monitor"),
    ] {
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let output = program(folder.path(), "run").output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(named), "{from}: {said}");
    }
}

#[tokio::test]
async fn a_pipe_where_a_file_is_expected_is_refused_and_not_waited_for() {
    let (_server, folder) = scheme().await;
    let (path, pipe) = (folder.path().join("watch.toml"), folder.path().join("pipe"));
    let made = Command::new("mkfifo").arg(&pipe).status().await.unwrap();
    assert!(made.success());
    let pipe = pipe.to_str().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let levels = folder.path().join("levels.toml");
    std::fs::write(&levels, text.replace("[watch]", &format!("[watch]\nservice_levels = {pipe:?}"))).unwrap();
    let key = folder.path().join("key.toml");
    std::fs::write(&key, text.replace("[watch]", &format!("[watch]\nkey = {pipe:?}"))).unwrap();
    for words in [
        ["run", "--config", pipe].as_slice(),
        &["run", "--config", levels.to_str().unwrap()],
        &["run", "--config", key.to_str().unwrap()],
        &["probe", "https", "https://127.0.0.1:1/", "--service-levels", pipe],
        &["probe", "https", "https://127.0.0.1:1/", "--tls-root", pipe],
        &["probe", "est", "https://127.0.0.1:1/", "--issuer", pipe],
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ctl-watch"));
        let output = program.args(words).stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("no regular file"), "{words:?}: {said}");
    }
}

/// The service's clock is this machine's, from now on.
fn in_the_present(server: &Arc<Server>) -> tokio::task::JoinHandle<()> {
    let server = Arc::clone(server);
    tokio::spawn(async move {
        loop {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            server.world.lock().unwrap().now = Timestamp::from_unix(since.as_secs().try_into().unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

/// An address at which nobody answers. A port that was just freed may be taken again.
fn closed() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

/// The configuration of a watcher: its key, and a service of alpha's that nobody answers, which is a breach after a second.
fn configure_watcher(folder: &Path, server: &Server, who: &str, closed: SocketAddr) {
    configure(folder, server);
    let path = folder.join("watch.toml");
    let more = format!(
        "key = \"watcher.pem\"\nservice_levels = \"sla.toml\"\n\
         [fetch]\nallow = [\"127.0.0.0/8\"]\nports = [\"1-65535\"]\n\
         [[watch.targets]]\noperator = \"alpha-pki\"\nkind = \"https\"\nurl = \"https://{closed}/\"\n"
    );
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &more).unwrap();
    let policy = BUILT_IN.replace("breach_after = \"1 hour\"", "breach_after = \"1 second\"");
    std::fs::write(folder.join("sla.toml"), policy).unwrap();
    let pem = key(who).to_pem();
    ctl_host::files::write(&folder.join("watcher.pem"), pem.as_bytes(), ctl_host::files::SECRET).unwrap();
}

/// The claims of alpha's service in the log.
fn claims(server: &Server) -> Vec<String> {
    let world = server.world.lock().unwrap();
    let claims = world.state.service_levels.claims.values();
    let of = claims.filter(|claim| claim.service.operator.is_some());
    of.map(|claim| format!("{} {}", claim.watcher, claim.service.kind)).collect()
}

#[tokio::test]
async fn a_watcher_claims_an_outage_by_its_key_and_a_restart_does_not_say_it_again() {
    let (server, folder) = scheme().await;
    let present = in_the_present(&server);
    let closed = closed();
    configure_watcher(folder.path(), &server, "watcher-north", closed);
    let watch = Running::start(folder.path()).await;
    let of_alpha = |levels: &Value| {
        let breaches = levels["breaches"].as_array().unwrap().iter();
        breaches.filter(|breach| breach["service"]["operator"] == "alpha-pki").cloned().collect::<Vec<_>>()
    };
    let levels = watch.until("v1/sla", "a breach", |levels| !of_alpha(levels).is_empty()).await;
    let breach = &of_alpha(&levels)[0];
    assert_eq!(breach["claims"][0]["watcher"], "watcher-north", "{breach}");
    let counted = |breach: &Value| ["confirmed", "organisations", "needed"].map(|name| breach[name].clone());
    assert_eq!(counted(breach), [Value::from(false), 1.into(), 2.into()], "{breach}");
    let of_one = watch.until("v1/sla/alpha-pki", "its levels", |levels| !of_alpha(levels).is_empty()).await;
    assert_eq!(of_alpha(&of_one), of_alpha(&levels));
    let ready = watch.until("readyz", "signed", |ready| ready["signing"] == "good").await;
    assert_eq!(ready["signing_problem"], Value::Null);
    assert_eq!(claims(&server), ["watcher-north https"]);
    watch.stop().await;

    let watch = Running::start(folder.path()).await;
    watch.until("readyz", "all that is due was looked at", |ready| ready["signing"] == "good").await;
    let seen = |targets: &Value| {
        let targets = targets["targets"].as_array().unwrap().iter();
        targets.filter(|target| target["operator"] == "alpha-pki").any(|target| !target["findings"].is_null())
    };
    watch.until("v1/targets", "it is still down", seen).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(claims(&server), ["watcher-north https"]);

    // Another organisation sees it too.
    let other = tempfile::tempdir().unwrap();
    configure_watcher(other.path(), &server, "watcher-south", closed);
    let south = Running::start(other.path()).await;
    let is_confirmed = |levels: &Value| of_alpha(levels).iter().any(|breach| breach["confirmed"] == true);
    let levels = watch.until("v1/sla", "it is confirmed", is_confirmed).await;
    assert_eq!(counted(&of_alpha(&levels)[0]), [Value::from(true), 2.into(), 2.into()]);
    south.stop().await;
    watch.stop().await;
    assert_eq!(claims(&server), ["watcher-north https", "watcher-south https"]);
    present.abort();
}

#[tokio::test]
async fn the_key_of_somebody_else_is_told_in_words_and_the_watch_goes_on() {
    let (server, folder) = scheme().await;
    let present = in_the_present(&server);
    configure_watcher(folder.path(), &server, "elector-1", closed());
    let watch = Running::start(folder.path()).await;
    let ready = watch.until("readyz", "refused", |ready| ready["signing"] == "failed").await;
    let problem = ready["signing_problem"].as_str().unwrap();
    assert!(problem.contains("of a participant whom the charter names as a watcher"), "{problem}");
    watch.until_at_log("log_inconsistent", false).await;
    watch
        .until("v1/incidents", "an incident", |answer| {
            answer["incidents"].as_array().is_some_and(|all| {
                all.iter().any(|one| one["operator"] == "alpha-pki" && !one["breach_at"].is_null())
            })
        })
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(server.sent.lock().unwrap().is_empty() && claims(&server).is_empty());
    watch.stop().await;
    present.abort();

    // A key that others may read is none.
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.path().join("watcher.pem"), open).unwrap();
    let output = program(folder.path(), "run").output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("watcher.pem"), "{said}");
}
