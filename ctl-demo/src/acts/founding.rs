//! Step 3: the scheme is founded. The server makes its own keys, the board signs the charter and the
//! first root.json, and the server opens the ledger with them.

use std::path::Path;

use ctl_admin::ctl_core::Digest;
use ctl_admin::ctl_policy::sla::BUILT_IN;
use ctl_admin::signer::charter;
use ctl_admin::{ctl_replica, key};

use super::pkis::Pkis;
use crate::people::{People, key_file};
use crate::server::{self, Server};
use crate::services::Services;
use crate::tour::Tour;
use crate::{Options, Problem};

/// The charter of this tour: as any other, but in a hurry.
const CHARTER: &str = include_str!("../charter.toml");
/// The name that the log signs with.
const ORIGIN: &str = "ctl.example/demo";

/// Founds it and starts the server.
pub(crate) async fn found(tour: &mut Tour, options: &Options, pkis: &Pkis) -> Result<People, Problem> {
    tour.begin("A scheme is founded");
    let binary = options.server.as_path();
    let (data, papers, keys) = (tour.path("server"), tour.path("founding"), tour.path("keys"));
    let charter_file = tour.path("charter.toml");
    write(&charter_file, CHARTER)?;
    server::run(binary, &["init", "--data", text(&data)?, "--origin", ORIGIN]).await?;

    let now = ctl_replica::system_clock()();
    charter::new(&charter_file, &data.join("server-keys.json"), &papers, now)?;
    charter::sign(&papers, &key::load(&key_file(&keys, "board-alpha"))?)?;
    let founding = charter::sign(&papers, &key::load(&key_file(&keys, "board-gamma"))?)?;
    tour.say(format!(
        "two of three board members have signed the charter and the first root.json: scheme {}",
        founding.scheme.short()
    ));
    let (genesis, root) = (papers.join("genesis.jws"), papers.join("1.root.json"));
    let (data, charter) = (text(&data)?, text(&charter_file)?);
    let (genesis, root_file) = (text(&genesis)?, text(&root)?);
    let papers = ["--charter", charter, "--genesis", genesis, "--root", root_file];
    server::run(binary, &[["init", "--data", data].as_slice(), &papers].concat()).await?;
    tour.see_file("charter.toml");
    tour.see_file("founding");

    let config = tour.path("ctl-server.toml");
    write(&tour.path("tls-root.pem"), &pkis.services.live().tls_root_pem())?;
    write(&tour.path("sla.toml"), &in_a_hurry(BUILT_IN))?;
    write(&config, &configuration(options, &watched(tour, &pkis.services)?))?;
    let server = Server::start(binary, &config, tour.path("server.log"))?;
    // From here on the tour stops it, whatever happens.
    let server = tour.server.insert(server);
    server.ready().await?;
    let url = server.url().to_owned();
    tour.say(format!("the server runs at {url}"));
    tour.see("readyz");
    Ok(People::new(url, root, keys))
}

/// A hundred people write from one address here, and nobody wants to wait for drafts, or half a minute for the
/// next probe.
fn configuration(options: &Options, watched: &str) -> String {
    format!(
        "data = \"server\"\n\n\
         [http]\nlisten = \"{}\"\nwrites_per_minute = 6000\nwrite_burst = 1000\nreads_per_minute = 60000\nread_burst = 10000\n\n\
         [publication]\nsettle = \"300ms\"\n\n\
         [monitor]\nkey = \"keys/watcher-north.pem\"\nperiod = \"2s\"\nallow = [\"127.0.0.0/8\"]\nports = [\"1-65535\"]\ntls_roots = [\"tls-root.pem\"]\n\
         service_levels = \"sla.toml\"\n{watched}",
        options.listen
    )
}

/// The names of the pretend services, and certificates of which it is known what OCSP must say.
fn watched(tour: &Tour, services: &Services) -> Result<String, Problem> {
    let live = services.live();
    let mut text = String::from("\n[monitor.hosts]\n");
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
                "\n[[monitor.canaries]]\nissuer = \"{}\"\ngood = [{}]\nrevoked = [{}]\n",
                Digest::from_bytes(canary.issuer.sha256()),
                files.join(", "),
                revoked.join(", ")
            );
        }
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

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(Problem::file(path))
}

fn text(path: &Path) -> Result<&str, Problem> {
    path.to_str().ok_or_else(|| Problem::Unexpected(format!("{} is not UTF-8", path.display())))
}
