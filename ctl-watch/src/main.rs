//! The watch's program.

fn main() -> std::process::ExitCode {
    ctl_watch::cli::run()
}
