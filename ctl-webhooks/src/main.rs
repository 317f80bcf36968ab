//! The program that tells a pool's subscribers what changed.

fn main() -> std::process::ExitCode {
    ctl_webhooks::cli::run()
}
