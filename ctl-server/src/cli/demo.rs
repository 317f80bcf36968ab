//! `ctl-server demo`: the guided tour, which starts this program as its server, its watches and its
//! `ctl-webhooks`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ctl_demo::Program;

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// End after the last step: status 0, or 1 if a step failed.
    #[arg(long)]
    once: bool,
    /// Keep the files in this new or empty directory, instead of a temporary one.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where the server listens; port 0 takes any that is free.
    #[arg(long, default_value_t = ctl_demo::LISTEN)]
    listen: SocketAddr,
    /// Also start the Prometheus that is installed on this machine, with the rules and alerts of dashboards/.
    #[arg(long)]
    prometheus: bool,
}

pub(super) fn run(demo: Demo) -> Result<(), Failure> {
    let Demo { once, dir, listen, prometheus } = demo;
    let path = std::env::current_exe()?;
    let server = Program { path: path.clone(), arguments: Vec::new() };
    let watch = Program { path: path.clone(), arguments: vec!["watch".into()] };
    let webhooks = Program { path, arguments: vec!["webhooks".into()] };
    let options = ctl_demo::Options { server, watch, webhooks, listen, directory: dir, once, prometheus };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(ctl_demo::run(options))?)
}
