//! The program as it is run: it follows a service that it does not believe, says what is wrong with it, remembers what it
//! saw over a restart, and stops when it is told to.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ctl_replica::Transport;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common::story::World;
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
    assert!(said.contains("alpha-pki https://a.example:8443/: port 8443 is none that is called"), "{said}");
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
