//! What every program that serves does at its start and at its end.

use std::error::Error;
use std::future::Future;
use std::process::ExitCode;

use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{SignalKind, signal};

/// Why a program failed, for standard error: only the text matters.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Does the work of the program of this name, with a safe umask; the exit status. Why it failed goes to standard error.
pub fn run(name: &str, work: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    restrict_umask();
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sets a umask under which nothing that the process writes is others' to change, or closed to itself, whatever umask it
/// has inherited.
fn restrict_umask() {
    let inherited = umask(Mode::RWXG | Mode::RWXO);
    umask((inherited & (Mode::RWXG | Mode::RWXO)) | Mode::WGRP | Mode::WOTH);
}

/// Waits for the first SIGINT or SIGTERM from now on. Must be called within a runtime.
///
/// # Errors
/// The system gives no signals.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
