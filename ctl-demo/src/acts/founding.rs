//! Step 3: the scheme is founded. The server makes its own keys, the board signs the charter and the
//! first root.json, and the server opens the ledger with them.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ctl_admin::signer::charter;
use ctl_admin::{ctl_replica, key};

use super::webhooks;
use crate::people::{People, key_file};
use crate::process::Process;
use crate::tour::Tour;
use crate::{Options, Problem, Program};

/// The charter of this tour: as any other, but in a hurry.
const CHARTER: &str = include_str!("../charter.toml");
/// The name that the pool's tokens bear.
pub(super) const ISSUER: &str = "https://ctl.example/demo";
/// The client of the pool.
pub(super) const CLIENT: &str = "voltway";
/// The files with its secrets.
pub(super) const SECRET_FILES: [&str; 2] = ["pool-client/secret", "pool-client/api-key"];
/// The name that the log signs with.
const ORIGIN: &str = "ctl.example/demo";

/// Founds it and starts the server.
pub(crate) async fn found(tour: &mut Tour, options: &Options) -> Result<People, Problem> {
    tour.begin("A scheme is founded", "");
    let program = &options.server;
    let (data, papers, keys) = (tour.path("server"), tour.path("founding"), tour.path("keys"));
    let charter_file = tour.path("charter.toml");
    write(&charter_file, CHARTER)?;
    program.run(&["init", "--data", text(&data)?, "--origin", ORIGIN]).await?;

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
    program.run(&[["init", "--data", data].as_slice(), &papers].concat()).await?;
    tour.see_file("charter.toml");
    tour.see_file("founding");

    let config = tour.path("ctl-server.toml");
    let (client, webhooks) = (client(tour, program).await?, webhooks::announce(tour)?);
    write(&config, &configuration(options, &client, &webhooks))?;
    let log = tour.path("server.log");
    let server = Process::start("the server", (program, "serve"), &config, log, tour.dying.clone())?;
    // From here on the tour stops it, whatever happens.
    let server = tour.server.insert(server);
    server.ready().await?;
    let url = server.url().to_owned();
    tour.say(format!("the server runs at {url}"));
    tour.see("readyz");
    Ok(People::new(url, root, keys))
}

/// A hundred people write from one address here, and nobody wants to wait for drafts.
fn configuration(options: &Options, client: &str, webhooks: &str) -> String {
    format!(
        "data = \"server\"\n\n\
         [http]\nlisten = \"{}\"\nplain_for_all = true\nwrites_per_minute = 6000\nwrite_burst = 1000\nreads_per_minute = 60000\nread_burst = 10000\n\n\
         [publication]\nsettle = \"300ms\"\n\n\
         [pool]\nlists = [{{ list = \"na\", ctl = \"american\" }}]\n\n\
         [access]\npool = \"token\"\nissuer = \"{ISSUER}\"\n\n{client}\n\n{webhooks}",
        options.listen
    )
}

/// A charge point operator becomes a client of the pool and of its webhooks: its secrets go into files, and what the server needs to know of
/// them into its configuration.
async fn client(tour: &Tour, program: &Program) -> Result<String, Problem> {
    let said = program
        .run(&["access", "client", CLIENT, "--role", "cpo", "--role", "webhooks", "--api-key"])
        .await?;
    let folder = tour.path("pool-client");
    std::fs::create_dir(&folder).map_err(Problem::file(&folder))?;
    for (name, file) in ["client_secret", "X-API-Key"].into_iter().zip(SECRET_FILES) {
        let line = said.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(name));
        let secret = line.ok_or_else(|| Problem::Unexpected(format!("no {name} was made:\n{said}")))?;
        secret_file(&tour.path(file), secret.trim())?;
    }
    Ok(said.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

/// A file that nobody else may read.
pub(super) fn secret_file(path: &Path, text: &str) -> Result<(), Problem> {
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Problem::file(path))
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(Problem::file(path))
}

fn text(path: &Path) -> Result<&str, Problem> {
    path.to_str().ok_or_else(|| Problem::Unexpected(format!("{} is not UTF-8", path.display())))
}
