//! The command-line program.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ctl_server::cli::run()
}
