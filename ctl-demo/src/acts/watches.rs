//! Still step 3: the watches of the two watchers whom the charter names, and a Prometheus that scrapes all.

use std::net::SocketAddr;

use ctl_admin::ctl_core::Digest;
use ctl_admin::ctl_policy::sla::BUILT_IN;

use ctl_sandbox::live::Kind;

use super::founding::write;
use super::pkis::Pkis;
use crate::people::WATCHERS;
use crate::process::Process;
use crate::prometheus::Prometheus;
use crate::services::Services;
use crate::tour::Tour;
use crate::{Options, Problem};

/// Starts them: each has a configuration, a data folder and a key of its own.
pub(crate) async fn start(tour: &mut Tour, options: &Options, pkis: &Pkis) -> Result<(), Problem> {
    write(&tour.path("tls-root.pem"), &pkis.services.live().tls_root_pem())?;
    write(&tour.path("sla.toml"), &in_a_hurry(BUILT_IN))?;
    let watched = watched(tour, &pkis.services)?;
    let listen = SocketAddr::new(options.listen.ip(), 0);
    for watcher in WATCHERS {
        let config = tour.path(format!("{watcher}.toml"));
        write(&config, &configuration(watcher, &tour.url(""), listen, &watched))?;
        let (who, log) = (format!("the watch of {watcher}"), tour.path(format!("{watcher}.log")));
        let watch = Process::start(who, (&options.watch, "run"), &config, log, tour.dying.clone())?;
        // From here on the tour stops it, whatever happens.
        tour.watches.push(watch);
    }
    for watch in &mut tour.watches {
        watch.ready().await?;
    }
    for watch in &tour.watches {
        tour.say(format!("{} runs at {}", watch.who(), watch.url()));
    }
    Ok(())
}

/// Nobody wants to wait half a minute for the next probe here.
fn configuration(watcher: &str, server: &str, listen: SocketAddr, watched: &str) -> String {
    let server = server.trim_end_matches('/');
    format!(
        "data = \"{watcher}\"\n\n\
         [scheme]\nserver = \"{server}\"\nroot = \"founding/1.root.json\"\nevery = \"500ms\"\n\n\
         [http]\nlisten = \"{listen}\"\nplain_for_all = true\nreads_per_minute = 60000\nread_burst = 10000\n\n\
         [watch]\nkey = \"keys/{watcher}.pem\"\nperiod = \"2s\"\nservice_levels = \"sla.toml\"\n\n\
         [fetch]\nallow = [\"127.0.0.0/8\"]\nports = [\"1-65535\"]\ntls_roots = [\"tls-root.pem\"]\n{watched}"
    )
}

/// The names of the pretend services, and certificates of which it is known what OCSP must say.
fn watched(tour: &Tour, services: &Services) -> Result<String, Problem> {
    let live = services.live();
    let mut text = String::from("\n[fetch.hosts]\n");
    for name in live.names() {
        let addresses: Vec<String> =
            live.resolve(&name).iter().map(|address| format!("\"{address}\"")).collect();
        text += &format!("\"{name}\" = [{}]\n", addresses.join(", "));
    }
    for (slug, _) in live.pkis() {
        for canary in live.canaries(slug)? {
            let files = canary.write_to(&tour.path(format!("pki/{slug}/canaries")))?;
            let files: Vec<String> = files
                .iter()
                .map(|file| format!("\"{}\"", file.strip_prefix(tour.directory()).unwrap_or(file).display()))
                .collect();
            let revoked: Vec<String> = canary.revoked.iter().map(|serial| format!("\"{serial}\"")).collect();
            text += &format!(
                "\n[[watch.canaries]]\nissuer = \"{}\"\ngood = [{}]\nrevoked = [{}]\n",
                Digest::from_bytes(canary.issuer.sha256()),
                files.join(", "),
                revoked.join(", ")
            );
        }
    }
    // Somebody else's pool: Aurora has one of its own.
    if let Some(pool) = live.urls("aurora", Kind::RootPool)?.first() {
        text += &format!(
            "\n[[sources]]\nname = \"aurora-pool\"\nperiod = \"2s\"\nat = {{ place = \"{pool}\", form = \"pool\" }}\n"
        );
    }
    Ok(text)
}

/// The service levels as they are built in, but for how long an incident lasts until it is a breach.
fn in_a_hurry(policy: &str) -> String {
    let lines = policy.lines().map(|line| match line.split_once(" = ") {
        Some(("breach_after", _)) => "breach_after = \"3 seconds\"",
        _ => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Starts a Prometheus beside them.
pub(crate) fn tell_prometheus(tour: &mut Tour) -> Result<(), Problem> {
    let server = tour.url("");
    let watches: Vec<&str> = tour.watches.iter().map(Process::url).collect();
    let webhooks: Vec<&str> = tour.webhooks.iter().map(Process::url).collect();
    let jobs =
        [("ctl", &[server.trim_end_matches('/')][..]), ("ctl-watch", &watches), ("ctl-webhooks", &webhooks)];
    let started = Prometheus::start(&tour.path("prometheus"), &jobs)?;
    tour.say(format!(
        "Prometheus scrapes all four, with the project's rules and alerts: http://{}",
        started.address()
    ));
    tour.prometheus = Some(started);
    Ok(())
}
