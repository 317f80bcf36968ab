//! `ctl-client collect`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use ctl_host::logging::Log;
use ctl_host::network::Network;
use ctl_host::process::Failure;
use ctl_serve::program::{self, Program};
use ctl_serve::settings::{Http, Tls};

use super::fleet::Rules;
use super::http::{App, Known, Shared, table};
use super::metrics::Metrics;
use super::shelf::Shelf;
use super::token::Secret;
use crate::report::DeviceId;
use crate::sync::system_time;

/// Collect the reports of a fleet.
#[derive(Debug, clap::Args)]
pub(crate) struct Collect {
    /// Where to listen; plain HTTP is for this machine and for --trusted-proxy only.
    #[arg(long, default_value = "127.0.0.1:8790", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A certificate with what leads to its root, in PEM: then TLS is spoken. Read again when it changes.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its private key (PKCS#8, PEM), a file that nobody else may read.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// A proxy whose X-Forwarded-For is believed; may be given several times.
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    trusted_proxies: Vec<Network>,
    /// A file of mode 0600 with the operator's secret, of which the devices' tokens are made.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Only print the token of this device.
    #[arg(long, value_name = "DEVICE")]
    token_for: Option<DeviceId>,
    /// At most so many devices are known; each may take 256 KiB on the disk.
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    devices: usize,
    /// A device is silent after so many hours without a report.
    #[arg(long, default_value_t = 48, value_name = "HOURS")]
    silent_hours: u32,
    /// The roll-out is paused when more than this share of those that took up the newest version report trouble,
    #[arg(long, default_value_t = 10, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..100))]
    pause_percent: u8,
    /// and at least so many.
    #[arg(long, default_value_t = 3, value_name = "NUMBER")]
    pause_least: usize,
    /// A device reports at most once in so many seconds; a token that was taken out of one cannot keep this machine busy.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    seconds_between: u32,
    /// A file with the names of devices, one a line, that are refused and forgotten: their tokens are known to others. It may
    /// change while this runs.
    #[arg(long, value_name = "FILE")]
    refuse: Option<PathBuf>,
    /// As long as there is this file the roll-out is paused; its first line says why.
    #[arg(long, value_name = "FILE")]
    pause: Option<PathBuf>,
}

impl Collect {
    /// Collects in this directory until it is told to stop. Must be called outside of a runtime.
    pub(crate) fn run(self, directory: Option<PathBuf>) -> Result<ExitCode, String> {
        let secret = Secret::read(&self.token_file)?;
        if let Some(device) = &self.token_for {
            println!("{}", secret.token_for(device));
            return Ok(ExitCode::SUCCESS);
        }
        let directory = directory.ok_or("--dir is needed here; see --help")?;
        let served = program::run(&Log::default(), self.serve(directory, secret));
        served.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
    }

    async fn serve(self, directory: PathBuf, secret: Secret) -> Result<(), Failure> {
        let rules = Rules {
            devices: self.devices,
            percent: self.pause_percent,
            least: self.pause_least,
            silent: u64::from(self.silent_hours).saturating_mul(3600),
            between: self.seconds_between.into(),
        };
        let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
        let shelf = Shelf::open(&directory).map_err(failed)?;
        let (fleet, problems) = shelf.read(&rules).map_err(failed)?;
        for problem in problems {
            tracing::warn!("a report that was kept is left out: {problem}");
        }
        let tls = self.certificate.zip(self.key).map(|(certificate, key)| Tls {
            certificate,
            key,
            client_roots: vec![],
            plain: None,
            check: std::time::Duration::from_secs(5),
        });
        let many = |number| NonZeroU32::MIN.saturating_add(number);
        let http = Http {
            listen: self.listen,
            tls,
            trusted_proxies: self.trusted_proxies,
            // Whole car parks report from behind one address.
            writes_per_minute: many(5999),
            write_burst: many(2999),
            ..Http::default()
        };
        let known = Mutex::new(Known::new(fleet));
        let (pause, refuse, now, metrics) = (self.pause, self.refuse, system_time, Metrics::new()?);
        let keeping = Mutex::new(());
        let app = App::new(Shared { shelf, secret, rules, pause, refuse, now, metrics, known, keeping });
        let program = Program::begin(&http).await?;
        program.serve((app, table()), std::future::ready(())).await
    }
}
