//! Runs a command of the operator's: without a shell, for a limited time. What is stopped is stopped with
//! everything that it started.

use std::future::Future;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// The process group of a command; killed when this is dropped while the command still runs.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // An error means that nothing of it is left.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Runs a program with its arguments to its end, for at most `limit`. It is the leader of a process group, and
/// when the time is over, or nobody waits any more, the whole group is killed. Without a program there is nothing
/// to do.
///
/// # Errors
/// In words: it cannot be started, runs too long, or ends with another status than 0.
pub(crate) async fn run(command: &[String], limit: Duration) -> Result<(), String> {
    let Some(program) = command.first() else { return Ok(()) };
    match run_until(command, tokio::time::sleep(limit)).await? {
        true => Ok(()),
        false => Err(format!("{program} ran longer than {limit:?} and was stopped")),
    }
}

/// The same, and gives what it prints, which may be at most `most` bytes.
///
/// # Errors
/// As [`run`]; also for more than `most` bytes.
#[cfg(feature = "back-end")]
pub(crate) async fn output(command: &[String], limit: Duration, most: usize) -> Result<Vec<u8>, String> {
    use tokio::io::AsyncReadExt as _;
    let Some((program, arguments)) = command.split_first() else { return Ok(vec![]) };
    let failed = |error: &dyn std::fmt::Display| format!("{program}: {error}");
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let mut group = Group(id.and_then(Pid::from_raw));
    let most_read = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let printed = child.stdout.take();
    let ended = async {
        let mut bytes = Vec::new();
        if let Some(printed) = printed {
            printed.take(most_read).read_to_end(&mut bytes).await?;
        }
        if bytes.len() > most {
            return Ok((bytes, None));
        }
        child.wait().await.map(|status| (bytes, Some(status)))
    };
    match tokio::time::timeout(limit, ended).await {
        Err(_) => Err(format!("{program} ran longer than {limit:?} and was stopped")),
        Ok(Err(error)) => Err(failed(&error)),
        Ok(Ok((_, None))) => Err(format!("{program} prints more than {most} bytes")),
        Ok(Ok((bytes, Some(status)))) => {
            group.0 = None;
            if status.success() { Ok(bytes) } else { Err(failed(&status)) }
        }
    }
}

/// Whether the command ended before `limit` did.
async fn run_until(command: &[String], limit: impl Future<Output = ()>) -> Result<bool, String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(true) };
    let failed = |error: &dyn std::fmt::Display| format!("{program}: {error}");
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    // The number stays the command's until it is waited for.
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let mut group = Group(id.and_then(Pid::from_raw));
    tokio::select! {
        ended = child.wait() => {
            group.0 = None;
            let status = ended.map_err(|error| failed(&error))?;
            if status.success() { Ok(true) } else { Err(failed(&status)) }
        }
        () = limit => {
            drop(group);
            // Nothing survives this signal, so it is over at once.
            let _ = child.wait().await;
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::sync::mpsc;

    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_command_succeeds_fails_or_cannot_be_started() {
        assert_eq!(run(&shell("exit 0"), LONG).await, Ok(()));
        assert_eq!(run(&[], LONG).await, Ok(()));
        let failed = run(&shell("exit 3"), LONG).await.unwrap_err();
        assert!(failed.contains("exit status: 3"), "{failed}");
        let missing = run(&["/no/such/program".to_owned()], LONG).await.unwrap_err();
        assert!(missing.contains("/no/such/program"), "{missing}");
    }

    /// A command whose child holds a pipe open. Tells when it runs, and when no process holds the pipe any more.
    fn with_a_child(folder: &std::path::Path) -> (Vec<String>, mpsc::Receiver<()>, mpsc::Receiver<()>) {
        let pipe = folder.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let script = format!("(echo up; exec sleep 600) >{} & wait", pipe.display());
        let ((up, is_up), (over, is_over)) = (mpsc::channel(), mpsc::channel());
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(std::fs::File::open(pipe).unwrap());
            pipe.read_line(&mut String::new()).unwrap();
            up.send(()).unwrap();
            pipe.read_to_end(&mut Vec::new()).unwrap();
            over.send(()).unwrap();
        });
        (shell(&script), is_up, is_over)
    }

    async fn heard(signal: mpsc::Receiver<()>) {
        tokio::task::spawn_blocking(move || signal.recv_timeout(LONG)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_a_command_started_ends_with_it_when_its_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let (command, is_up, is_over) = with_a_child(folder.path());
        assert_eq!(run_until(&command, heard(is_up)).await, Ok(false));
        heard(is_over).await;
    }

    #[tokio::test]
    async fn what_a_command_started_ends_when_the_client_is_stopped_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (command, is_up, is_over) = with_a_child(folder.path());
        let running = tokio::spawn(async move { run(&command, LONG).await });
        heard(is_up).await;
        running.abort();
        heard(is_over).await;
    }
}
