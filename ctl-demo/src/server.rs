//! The server as a child process: started, watched, stopped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ctl_admin::ctl_replica::Transport;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::wait::PATIENCE;
use crate::{Problem, wait};

/// So many of the log's last lines go into an error.
const LAST_WORDS: usize = 12;
/// How long a stop may take before the process is killed.
const STOP: Duration = Duration::from_secs(20);
/// The answer of `/readyz` is at most so many bytes.
const MAX_READY: usize = 1 << 20;
/// What it says on standard output, before its address.
const LISTENING: &str = "listening on ";

/// A running server.
pub(crate) struct Server {
    child: Child,
    output: Option<Lines<BufReader<ChildStdout>>>,
    log: PathBuf,
    url: String,
}

/// Runs a command of the server's binary to its end.
pub(crate) async fn run(binary: &Path, arguments: &[&str]) -> Result<(), Problem> {
    let output = Command::new(binary)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| Problem::Server(format!("{}: {error}", binary.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Problem::Server(format!("ctl-server {}: {}", arguments.join(" "), said.trim())))
}

impl Server {
    /// Starts `serve`; its log goes to a file.
    pub(crate) fn start(binary: &Path, config: &Path, log: PathBuf) -> Result<Self, Problem> {
        let file = std::fs::File::create(&log).map_err(Problem::file(&log))?;
        let mut child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            // Ctrl-C is for the tour, which then stops the server.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Problem::Server(format!("{}: {error}", binary.display())))?;
        let output = child.stdout.take().map(|output| BufReader::new(output).lines());
        Ok(Self { child, output, log, url: String::new() })
    }

    /// Waits until it says where it listens, and that it is ready.
    pub(crate) async fn ready(&mut self) -> Result<(), Problem> {
        let late = |_| Problem::Late { what: "the server to listen".into(), waited: PATIENCE };
        let url = tokio::time::timeout(PATIENCE, self.listening()).await.map_err(late)??;
        let transport = Transport::new(&url)?;
        wait::until("the server to be ready", async || {
            self.check_alive()?;
            Ok(transport.get("readyz", MAX_READY).await.ok().flatten())
        })
        .await?;
        self.url = url;
        Ok(())
    }

    async fn listening(&mut self) -> Result<String, Problem> {
        while let Some(output) = &mut self.output {
            match output.next_line().await {
                Ok(Some(line)) => {
                    if let Some(url) = line.strip_prefix(LISTENING) {
                        return Ok(url.to_owned());
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        Err(self.ended().await)
    }

    fn check_alive(&mut self) -> Result<(), Problem> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Problem::Server(format!("the server ended by itself: {status}"))),
            Ok(None) => Ok(()),
            Err(error) => Err(Problem::Server(format!("the server cannot be watched: {error}"))),
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Resolves if it ends by itself.
    pub(crate) async fn ended(&mut self) -> Problem {
        match self.child.wait().await {
            Ok(status) => Problem::Server(format!("the server ended by itself: {status}")),
            Err(error) => Problem::Server(format!("the server cannot be watched: {error}")),
        }
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> Vec<String> {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)).map(|line| (*line).to_owned()).collect()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Problem> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { return Ok(()) };
        // An error means that it has ended already.
        let _ = kill_process(pid, Signal::TERM);
        match tokio::time::timeout(STOP, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Problem::Server(format!("the server did not stop cleanly: {status}"))),
            Ok(Err(error)) => Err(Problem::Server(format!("the server cannot be watched: {error}"))),
            Err(_) => {
                let killed = self.child.kill().await;
                let outcome = killed.map_or_else(|error| error.to_string(), |()| "it was killed".into());
                Err(Problem::Server(format!("the server did not stop within {STOP:?}; {outcome}")))
            }
        }
    }
}
