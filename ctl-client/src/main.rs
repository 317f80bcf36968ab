//! The command-line program: see `ctl-client --help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ctl_client::cli::main()
}
