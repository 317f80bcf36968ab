//! The command-line program: see `ctl-sdp --help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ctl_sdp::cli::main()
}
