//! The programs that the tour starts, a server, two watches and webhooks, as child processes: started, watched over, stopped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ctl_admin::ctl_replica::Transport;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::wait::PATIENCE;
use crate::{Problem, Program, wait};

/// So many of the log's last lines go into an error.
const LAST_WORDS: usize = 12;
/// How long a stop may take before the process is killed.
const STOP: Duration = Duration::from_secs(60);
/// The answer of `/readyz` is at most so many bytes.
const MAX_READY: usize = 1 << 20;
/// What it says on standard output, before its address.
const LISTENING: &str = "listening on ";

/// A running program.
pub(crate) struct Process {
    who: String,
    log: PathBuf,
    output: Option<Lines<BufReader<ChildStdout>>>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    over: JoinHandle<Result<(), Problem>>,
}

impl Program {
    /// It, with further arguments and nothing on its standard input.
    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).args(arguments).stdin(Stdio::null());
        command
    }

    fn failed(&self, error: &std::io::Error) -> Problem {
        Problem::Unexpected(format!("{}: {error}", self.path.display()))
    }

    /// Runs it to its end; what it says on standard output.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, Problem> {
        let output = self.command(arguments).output().await.map_err(|error| self.failed(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Problem::Unexpected(format!("{} {}: {}", self.path.display(), arguments.join(" "), said.trim())))
    }
}

impl Process {
    /// Starts it with a configuration; its log goes to a file. Whoever listens to `died` hears if it ends by itself.
    pub(crate) fn start(
        who: impl Into<String>,
        (program, command): (&Program, &str),
        config: &Path,
        log: PathBuf,
        died: mpsc::UnboundedSender<Problem>,
    ) -> Result<Self, Problem> {
        let file = std::fs::File::create(&log).map_err(Problem::file(&log))?;
        let mut child = program
            .command(&[OsStr::new(command), OsStr::new("--config"), config.as_os_str()])
            .stdout(Stdio::piped())
            .stderr(file)
            // Ctrl-C is for the tour, which then stops its programs.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| program.failed(&error))?;
        let output = child.stdout.take().map(|output| BufReader::new(output).lines());
        let (stop, stopped) = oneshot::channel();
        let who = who.into();
        let over = tokio::spawn(watch_over(who.clone(), child, stopped, died));
        Ok(Self { who, log, output, url: String::new(), stop: Some(stop), over })
    }

    /// Waits until it says where it listens.
    pub(crate) async fn listens(&mut self) -> Result<(), Problem> {
        let late = |_| Problem::Late { what: format!("{} to listen", self.who), waited: PATIENCE };
        if self.url.is_empty() {
            self.url = tokio::time::timeout(PATIENCE, listening(self.output.as_mut())).await.map_err(late)?;
        }
        Ok(())
    }

    /// Waits until it says where it listens, and that it is ready.
    pub(crate) async fn ready(&mut self) -> Result<(), Problem> {
        self.listens().await?;
        let transport = Transport::new(&self.url)?;
        wait::until(format!("{} to be ready", self.who), async || {
            Ok(transport.get("readyz", MAX_READY).await.ok().flatten())
        })
        .await
        .map(drop)
    }

    /// What it is to the tour.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> Vec<String> {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)).map(|line| (*line).to_owned()).collect()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) -> Result<(), Problem> {
        // Nobody hears it any more where it has ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        (&mut self.over).await.map_err(|error| problem(&self.who, format!("cannot be watched: {error}")))?
    }
}

fn problem(who: &str, what: String) -> Problem {
    Problem::Process { who: who.to_owned(), what }
}

/// Where it listens. One that says nothing more has ended, and [`watch_over`] tells of that.
async fn listening(output: Option<&mut Lines<BufReader<ChildStdout>>>) -> String {
    if let Some(output) = output {
        while let Ok(Some(line)) = output.next_line().await {
            if let Some(url) = line.strip_prefix(LISTENING) {
                return url.to_owned();
            }
        }
    }
    std::future::pending().await
}

/// Until it ends, by itself or because it is to stop.
async fn watch_over(
    who: String,
    mut child: Child,
    stopped: oneshot::Receiver<()>,
    died: mpsc::UnboundedSender<Problem>,
) -> Result<(), Problem> {
    tokio::select! {
        status = child.wait() => {
            let what = status.map_or_else(
                |error| format!("cannot be watched: {error}"),
                |status| format!("ended by itself: {status}"),
            );
            // An error means that the tour is over as well.
            let _ = died.send(problem(&who, what));
            return Ok(());
        }
        _ = stopped => {}
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(pid) = pid else { return Ok(()) };
    // An error means that it has ended already.
    let _ = kill_process(pid, Signal::TERM);
    match tokio::time::timeout(STOP, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(problem(&who, format!("did not stop cleanly: {status}"))),
        Ok(Err(error)) => Err(problem(&who, format!("cannot be watched: {error}"))),
        Err(_) => {
            let killed = child.kill().await;
            let outcome = killed.map_or_else(|error| error.to_string(), |()| "it was killed".into());
            Err(problem(&who, format!("did not stop within {STOP:?}; {outcome}")))
        }
    }
}
