//! The program as operators run it: founded, served, asked, stopped, verified, exported, erased.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ctl_core::Timestamp;
use ctl_host::clock::{Clock as _, SystemClock};
use ctl_server::blobs::Blobs;

use crate::common::founding::Founding;
use crate::common::store_below;

const TWO: [&str; 2] = ["board-1", "board-3"];

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-server")).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn now() -> Timestamp {
    SystemClock::new().now()
}

/// A founded scheme and its configuration.
fn founded() -> Founding {
    let founding = Founding::prepared(now());
    founding.sign(&TWO, &TWO);
    let [data, charter, genesis, root] = ["data", "charter.toml", "genesis.jws", "1.root.json"]
        .map(|name| founding.path(name).to_str().unwrap().to_owned());
    let output =
        program(&["init", "--data", &data, "--charter", &charter, "--genesis", &genesis, "--root", &root]);
    assert!(output.status.success(), "{}", text(&output));
    let config = "data = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n";
    std::fs::write(founding.path("config.toml"), config).unwrap();
    founding
}

struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only where a test failed before it stopped the server.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts to serve, up to the moment at which it listens.
fn start(config: &Path) -> Server {
    let mut process = Command::new(env!("CARGO_BIN_EXE_ctl-server"))
        .args(["serve", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect("it listens").to_owned();
    Server { process, address }
}

/// Serves, and waits until it is ready.
fn serve(config: &Path) -> Server {
    let mut server = start(config);
    while !server.get("/readyz").starts_with("HTTP/1.1 200") {
        assert!(server.process.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    server
}

impl Server {
    fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap()
    }

    fn try_get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn stop(mut self, signal: &str) -> bool {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.process.wait().unwrap().success()
    }
}

#[test]
fn a_founded_scheme_is_served_and_stops_cleanly_on_either_signal() {
    let founding = founded();
    for signal in ["-TERM", "-INT"] {
        let server = serve(&founding.path("config.toml"));
        assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
        assert!(server.get("/readyz").starts_with("HTTP/1.1 200"), "{}", server.get("/readyz"));
        assert!(server.get("/log/checkpoint").contains("ctl.example/stories\n"));
        // While it runs, nobody else touches its ledger.
        let data = founding.data();
        let verify = program(&["ledger", "verify", "--data", data.to_str().unwrap()]);
        assert!(!verify.status.success() && text(&verify).contains("in use"), "{}", text(&verify));
        assert!(server.stop(signal));
    }
}

#[test]
fn a_stopped_servers_ledger_is_verified_exported_and_restored() {
    let founding = founded();
    let data = founding.data();
    let [data, out] = [data, founding.path("export")].map(|path| path.to_str().unwrap().to_owned());
    let verify = program(&["ledger", "verify", "--data", &data]);
    assert!(verify.status.success() && text(&verify).starts_with("3 entries"), "{}", text(&verify));
    let export = program(&["ledger", "export", "--data", &data, "--out", &out]);
    assert!(export.status.success(), "{}", text(&export));

    let refused = program(&["ledger", "import", "--data", &data, "--from", &out]);
    assert!(!refused.status.success() && text(&refused).contains("exists already"), "{}", text(&refused));

    // The disaster, and the way back that the message names.
    std::fs::remove_dir_all(founding.data().join("ledger")).unwrap();
    let lost = program(&["serve", "--config", founding.path("config.toml").to_str().unwrap()]);
    assert!(!lost.status.success() && text(&lost).contains("ctl-server ledger import"), "{}", text(&lost));
    assert!(!founding.data().join("ledger").exists(), "looking for a ledger makes none");
    let import = program(&["ledger", "import", "--data", &data, "--from", &out]);
    assert!(import.status.success(), "{}", text(&import));
    let server = serve(&founding.path("config.toml"));
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(server.stop("-TERM"));
}

#[test]
fn while_it_starts_it_answers_and_ends_when_it_is_told_to() {
    let founding = founded();
    let config = founding.path("config.toml");
    let mut attempts = 0;
    loop {
        // Whoever has the ledger open holds the start up, but no longer than the server waits for its lock: three
        // seconds, which are over early where the machine stands still.
        let held = store_below(&founding.data()).unwrap();
        let begun = Instant::now();
        let Err(wrong) = stopped_while_it_starts(&config) else { break };
        drop(held);
        attempts += 1;
        assert!(begun.elapsed() >= Duration::from_secs(3) && attempts < 10, "{wrong}");
    }
    assert!(serve(&config).stop("-TERM"));
}

/// Starts the server, asks and stops it; what was not as it should be.
fn stopped_while_it_starts(config: &Path) -> Result<(), String> {
    let server = start(config);
    for (path, status, part) in [
        ("/healthz", "HTTP/1.1 200", ""),
        ("/readyz", "HTTP/1.1 503", "\"starting\""),
        ("/v1/lists", "HTTP/1.1 503", ""),
    ] {
        let answer = server.try_get(path).map_err(|error| format!("{path}: {error}"))?;
        if !(answer.starts_with(status) && answer.contains(part)) {
            return Err(format!("{path}: {answer}"));
        }
    }
    if server.stop("-TERM") { Ok(()) } else { Err("a stop is no failure".into()) }
}

#[test]
fn an_empty_checkpoint_is_moved_away_as_the_message_says() {
    let founding = founded();
    let (data, config) = (founding.data(), founding.path("config.toml"));
    let checkpoint = data.join("checkpoint");
    std::fs::write(&checkpoint, "").unwrap();
    for words in [
        ["serve", "--config", config.to_str().unwrap()].as_slice(),
        &["ledger", "verify", "--data", data.to_str().unwrap()],
    ] {
        let refused = program(words);
        let told = text(&refused).contains("move the file away and try again");
        assert!(!refused.status.success() && told, "{}", text(&refused));
    }
    std::fs::rename(&checkpoint, data.join("checkpoint.damaged")).unwrap();
    let verify = program(&["ledger", "verify", "--data", data.to_str().unwrap()]);
    assert!(verify.status.success() && text(&verify).starts_with("3 entries"), "{}", text(&verify));
    assert!(serve(&config).stop("-TERM"));
}

#[test]
fn private_keys_that_others_can_read_are_not_used_until_it_is_mended() {
    let founding = founded();
    let (config, key) = (founding.path("config.toml"), founding.data().join("keys/log.pem"));
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o640);
    let refused = program(&["serve", "--config", config.to_str().unwrap()]);
    let advice = format!("chmod 600 {}", key.display());
    assert!(!refused.status.success() && text(&refused).contains(&advice), "{}", text(&refused));
    mode(0o600);
    assert!(serve(&config).stop("-TERM"));
}

#[test]
fn the_folder_of_keys_is_for_its_owner_whatever_the_umask() {
    for umask in ["000", "022", "077", "0777"] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let made = Command::new("sh")
            .args(["-c", "umask \"$1\"; shift; exec \"$@\"", "sh", umask])
            .arg(env!("CARGO_BIN_EXE_ctl-server"))
            .args(["init", "--origin", "log.example", "--data"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data.join("keys")), 0o700, "umask {umask}");
        assert_eq!(mode(&data.join("keys/log.pem")), 0o600, "umask {umask}");
        assert_eq!(mode(&data) & 0o722, 0o700, "umask {umask}: nobody else changes what is in it");
    }
}

#[test]
fn a_pipe_where_a_file_is_expected_is_refused_and_not_waited_for() {
    let founding = founded();
    let pipe = founding.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    let policies = founding.path("policies.toml");
    std::fs::write(&policies, format!("data = \"data\"\npolicies = [{pipe:?}]\n")).unwrap();
    let other = founding.path("other");
    assert!(
        program(&["init", "--data", other.to_str().unwrap(), "--origin", "log.example"]).status.success()
    );
    let papers = ["--genesis", pipe, "--root", pipe];
    for words in [
        vec!["serve", "--config", pipe],
        vec!["serve", "--config", policies.to_str().unwrap()],
        [&["init", "--data", other.to_str().unwrap(), "--charter", pipe], papers.as_slice()].concat(),
    ] {
        let refused = program(&words);
        let told = text(&refused).contains("no regular file");
        assert!(!refused.status.success() && told, "{words:?}: {}", text(&refused));
    }
}

#[test]
fn a_blob_is_erased_by_its_digest() {
    let founding = founded();
    let blobs = Blobs::open(&founding.data()).unwrap();
    let digest = blobs.add(b"a name that must go").unwrap();
    let data = founding.data();
    let erased = program(&["blob", "erase", "--data", data.to_str().unwrap(), &digest.to_string()]);
    assert!(erased.status.success(), "{}", text(&erased));
    assert!(blobs.get(&digest).is_err());
}

#[test]
fn the_first_step_of_init_prints_what_the_charter_needs() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let init = |data: &Path| program(&["init", "--data", data.to_str().unwrap(), "--origin", "log.example"]);
    let first = init(&data);
    assert!(first.status.success(), "{}", text(&first));
    assert!(text(&first).contains("log log.example+"), "{}", text(&first));
    assert!(data.join("server-keys.json").exists());
    let again = init(&data);
    assert!(!again.status.success() && text(&again).contains("exists already"), "{}", text(&again));
}

#[test]
fn a_wrong_configuration_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    for (text, named) in [("[http]\nport = 80\n", "`port`"), ("[monitor]\nenabled = false\n", "`monitor`")] {
        std::fs::write(&path, format!("data = \"d\"\n{text}")).unwrap();
        let output = program(&["serve", "--config", path.to_str().unwrap()]);
        assert!(!output.status.success());
        let said = self::text(&output);
        assert!(said.contains(named) && said.contains("config.toml"), "{said}");
    }
}
