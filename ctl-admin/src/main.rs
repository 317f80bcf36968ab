//! The command-line program.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match cli::run(cli::arguments::Arguments::parse()).await {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("ctl-admin: {}", ctl_admin::output::safe(&error.to_string()).trim_end());
            ExitCode::from(error.exit_code())
        }
    }
}
