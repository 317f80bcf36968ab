//! `collect`, where a fleet reports: what it tells its operator and the roll-out, and what hostile reports cannot do.
#![cfg(feature = "back-end")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::common::*;

const SECRET: &str = "the secret of this fleet only";

struct Collector {
    folder: tempfile::TempDir,
    child: Child,
    address: String,
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-client"));
    command.args(arguments).stderr(Stdio::null());
    command
}

/// Starts a program, and gives the address that it says it listens on.
pub fn listening(mut command: Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    // Whatever else it says is read, so that it never waits for a reader.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    (child, line.trim().strip_prefix("listening on http://").expect(&line).to_owned())
}

/// What `--token-for` would say of a name, if it said anything of such a one.
fn token_of(secret: &str, name: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("device {name}").as_bytes());
    let bytes: [u8; 32] = mac.finalize().into_bytes().into();
    ctl_core::Digest::from_bytes(bytes).to_string()
}

/// Asks, and gives status and body.
fn ask(address: &str, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{head}\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    // It may hang up before it has read all of it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status, body.to_owned())
}

impl Collector {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET.replace(' ', "-")).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (child, address) = Self::spawn(folder.path(), more);
        Self { folder, child, address }
    }

    fn spawn(folder: &Path, more: &[&str]) -> (Child, String) {
        let at = |name: &str| folder.join(name).display().to_string();
        let (secret, reports, pause) = (at("secret"), at("reports"), at("pause"));
        let arguments = ["--dir", &reports, "collect", "--listen", "127.0.0.1:0", "--token-file", &secret];
        // Tests report faster than devices.
        let quickly = if more.contains(&"--seconds-between") { &[][..] } else { &["--seconds-between", "0"] };
        listening(program(&[&arguments[..], &["--pause", &pause], quickly, more].concat()))
    }

    /// Kills it as a power cut would, and starts it again.
    fn restart(&mut self, more: &[&str]) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address) = Self::spawn(self.folder.path(), more);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn token(&self, device: &str) -> String {
        let secret = self.path("secret").display().to_string();
        let output = program(&["collect", "--token-file", &secret, "--token-for", device]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn post(&self, token: &str, body: impl AsRef<[u8]>) -> u16 {
        let head = format!(
            "POST /v1/reports HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json"
        );
        ask(&self.address, &head, body.as_ref()).0
    }

    fn report(&self, device: &str, sequence: u64, trouble: bool) -> u16 {
        self.post(&self.token(device), report(device, sequence, trouble).to_string())
    }

    fn get(&self, path: &str) -> Value {
        let secret = SECRET.replace(' ', "-");
        let head = format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {secret}");
        let (status, body) = ask(&self.address, &head, b"");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("reports/devices")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn report(device: &str, sequence: u64, trouble: bool) -> Value {
    json!({
        "format": 1, "device": device, "client": "1.0", "trouble": trouble,
        "versions": { "na": sequence, "notices": 1 }, "waiting": [], "status": { "anything": [1, 2] },
    })
}

/// Until it is so, but not for ever.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_fleet_reports_and_a_roll_out_stops_when_too_many_are_in_trouble() {
    let mut collector = Collector::start(&["--pause-percent", "50", "--pause-least", "2"]);
    assert_eq!(collector.get("/v1/rollout"), json!({ "paused": false, "reason": "", "version": {} }));
    for device in ["a", "b", "c"] {
        assert_eq!(collector.report(device, 1, false), 204);
    }
    for (device, trouble, paused) in [("a", true, false), ("b", false, false), ("c", true, true)] {
        assert_eq!(collector.report(device, 2, trouble), 204);
        assert_eq!(collector.get("/v1/rollout")["paused"], paused, "after {device}");
    }
    let fleet = collector.get("/v1/fleet");
    assert_eq!(fleet["versions"], json!({ "na": { "2": 3 }, "notices": { "1": 3 } }));
    assert_eq!(fleet["troubled_devices"], json!(["a", "c"]));
    assert_eq!(fleet["rollout"]["reason"], "2 of the 3 devices that took up na version 2 report trouble");
    let (_, metrics) = ask(&collector.address, "GET /metrics HTTP/1.1", b"");
    for line in [
        "ctl_fleet_devices 3",
        "ctl_fleet_devices_troubled 2",
        "ctl_fleet_rollout_paused 1",
        "ctl_fleet_devices_on_version{role=\"na\",version=\"2\"} 3",
        "ctl_fleet_reports_total{result=\"kept\"} 6",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    // After a power cut it knows the same, and what a write left behind is gone.
    std::fs::write(collector.path("reports/devices/.77-0-b.json"), "{\"rece").unwrap();
    std::fs::write(collector.path("reports/devices/d.json"), "{\"rece").unwrap();
    collector.restart(&["--pause-percent", "50", "--pause-least", "2"]);
    assert_eq!(collector.get("/v1/fleet")["troubled_devices"], json!(["a", "c"]));
    assert_eq!(collector.names(), ["a.json", "b.json", "c.json", "d.json"]);
    assert_eq!(collector.report("c", 2, false), 204);
    assert_eq!(collector.get("/v1/rollout")["paused"], false);
    // The operator's word counts without any report.
    std::fs::write(collector.path("pause"), "until the garage is looked at\nmore\n").unwrap();
    let said = collector.get("/v1/rollout");
    assert_eq!((&said["paused"], &said["reason"]), (&json!(true), &json!("until the garage is looked at")));
    assert_eq!(said["version"], json!({ "na": 2 }));
}

#[test]
fn nobody_reports_for_another_or_reads_the_fleet_without_the_secret() {
    let collector = Collector::start(&[]);
    let [a, b] = ["a", "b"].map(|device| collector.token(device));
    assert_ne!(a, b);
    let body = report("a", 1, false).to_string();
    let secret = SECRET.replace(' ', "-");
    for token in [b.as_str(), "", "nonsense", &secret, &a[..63]] {
        assert_eq!(collector.post(token, &body), 401, "{token}");
    }
    assert!(collector.names().is_empty());
    assert_eq!(collector.post(&a, &body), 204);
    for head in
        ["GET /v1/fleet HTTP/1.1".to_owned(), format!("GET /v1/fleet HTTP/1.1\r\nAuthorization: Bearer {a}")]
    {
        let (status, body) = ask(&collector.address, &head, b"");
        assert!(status == 401 && !body.contains(&a), "{body}");
    }
    // The roll-out is asked by every device, and says nothing of any.
    assert_eq!(ask(&collector.address, "GET /v1/rollout HTTP/1.1", b"").0, 200);
    // A secret that others can read, or none, is not begun with.
    let place = collector.path("secret");
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(collector.token("a"), "");
}

#[test]
fn hostile_reports_leave_nothing_and_stop_nothing() {
    let collector = Collector::start(&["--devices", "3"]);
    let token = collector.token("a");
    let outside = collector.path("escaped.json");
    let with = |member: &str, value: Value| {
        let mut report = report("a", 1, false);
        report[member] = value;
        report.to_string().into_bytes()
    };
    let deep = format!("{{\"device\":{}1{}}}", "[".repeat(5000), "]".repeat(5000)).into_bytes();
    let twice = report("a", 1, false).to_string().replacen('{', "{\"device\":\"b\",", 1).into_bytes();
    let many: Value =
        (0..100).map(|number| (format!("l{number}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
    for (what, body) in [
        ("lists without end", with("versions", many)),
        ("a list that is none", with("versions", json!({ "../na": 1 }))),
        ("a number that is none", with("versions", json!({ "na": -1 }))),
        ("a release that prints", with("client", json!("1.0\u{1b}[2J"))),
        ("another format", with("format", json!(2))),
        ("a member twice", twice),
        ("depth", deep),
        ("no JSON", b"nonsense".to_vec()),
        ("nothing", vec![]),
    ] {
        let status = collector.post(&token, body);
        assert!((400..500).contains(&status), "{what}: {status}");
    }
    // Names that no file may have are refused for what they are, although their token is right.
    let mac = |name: &str| token_of(&SECRET.replace(' ', "-"), name);
    assert_eq!(mac("a"), token, "tokens are made so");
    for name in ["../escaped", "/tmp/escaped", "a\0b", "", ".hidden", &"a".repeat(65)] {
        assert_eq!(collector.post(&mac(name), with("device", json!(name))), 400, "{name:?}");
    }
    assert_eq!(collector.post(&token, vec![b' '; 10 * 1024 * 1024]), 413);
    assert!(collector.names().is_empty() && !outside.exists());

    // As many as there may be; who is known may go on.
    for device in ["a", "b", "c"] {
        assert_eq!(collector.report(device, 1, false), 204);
    }
    for number in 0..20 {
        assert_eq!(collector.report(&format!("x{number}"), 1, true), 507);
    }
    assert_eq!(collector.report("a", 2, false), 204);
    assert_eq!(collector.names(), ["a.json", "b.json", "c.json"]);
    // Callers who say nothing keep nobody waiting.
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(&collector.address).unwrap()).collect();
    assert_eq!(collector.get("/v1/fleet")["devices"], 3);
    drop(silent);
}

#[test]
fn a_device_reports_to_it_and_asks_it_whether_the_roll_out_goes_on() {
    let collector = Collector::start(&[]);
    let mut repository = Repository::new();
    let mut device = Device::new(&repository);
    device.name("charger-1");
    let token = device.path("token");
    std::fs::write(&token, collector.token("charger-1")).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    device.configure(&format!(
        "[report]\nurl = \"http://{0}/v1/reports\"\ntoken_file = \"{1}\"\n\
         [local.rollout]\nstages = [{{ after_hours = 0, percent = 100 }}]\ngate = \"http://{0}\"",
        collector.address,
        token.display()
    ));
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.is_success() && report.notes.is_empty(), "{:?} {:?}", report.problems, report.notes);
    assert_eq!(collector.get("/v1/fleet")["versions"]["na"], json!({ "2": 1 }));

    std::fs::write(collector.path("pause"), "look first").unwrap();
    repository.set_anchors(&na(), &["alpha", "beta", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    assert_eq!(device.trusted().len(), 2, "what is new waits");
    let kept = std::fs::read_to_string(collector.path("reports/devices/charger-1.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["report"]["waiting"], json!(["na"]));
    // That a roll-out is paused is no trouble: it would never go on.
    assert_eq!(collector.get("/v1/fleet")["troubled"], 0, "{kept}");

    std::fs::remove_file(collector.path("pause")).unwrap();
    device.sync(&repository);
    assert_eq!(device.trusted().len(), 3);
    assert_eq!(collector.get("/v1/rollout")["version"], json!({ "na": 3 }));
}

#[test]
fn a_token_that_was_taken_out_of_a_device_wears_out_no_disk_and_can_be_refused() {
    let mut collector = Collector::start(&[]);
    let refuse = collector.path("refused");
    std::fs::write(&refuse, "").unwrap();
    let more = ["--seconds-between", "3600", "--refuse", refuse.to_str().unwrap()];
    collector.restart(&more);
    assert_eq!(collector.report("stolen", 1, true), 204);
    assert_eq!(collector.report("honest", 1, false), 204);
    assert_eq!(collector.report("stolen", 2, true), 429, "a moment later");
    assert_eq!(collector.get("/v1/fleet")["versions"]["na"], json!({ "1": 2 }));

    std::fs::write(&refuse, "# taken out of a charger in May\nstolen\n").unwrap();
    collector.get("/v1/rollout");
    assert_eq!(collector.names(), ["honest.json"], "forgotten as soon as somebody asks");
    assert_eq!(collector.report("stolen", 2, true), 401);
    collector.restart(&more);
    assert_eq!(collector.get("/v1/fleet")["devices"], 1);
    assert_eq!(collector.report("stolen", 2, true), 401);
    // A file that cannot be read refuses everyone, and the roll-out waits.
    std::fs::write(&refuse, "../no name").unwrap();
    assert_eq!(collector.report("new", 1, false), 500);
    assert_eq!(ask(&collector.address, "GET /v1/rollout HTTP/1.1", b"").0, 500);
}

#[test]
fn a_daemon_shows_its_metrics() {
    let repository = Repository::of_today();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    repository.write(&folder.path().join("repository"));
    std::fs::write(at("root.json"), repository.first_root()).unwrap();
    let url = format!("file://{}", at("repository"));
    let begin = [
        "init",
        "--dir",
        &at("state"),
        "--url",
        &url,
        "--root",
        &at("root.json"),
        "--pem",
        &at("pem"),
        "--list",
        "na",
    ];
    assert!(program(&begin).stdout(Stdio::null()).status().unwrap().success());
    let (mut child, address) =
        listening(program(&["sync", "--dir", &at("state"), "--metrics", "127.0.0.1:0"]));
    let ready = || ask(&address, "GET /readyz HTTP/1.1", b"").0 == 200;
    until("no sync has ended", ready);
    let (status, text) = ask(&address, "GET /metrics HTTP/1.1", b"");
    let sink = format!("ctl_client_sink_in_place{{sink=\"pem {}\"}} 1", at("pem"));
    for line in ["ctl_client_document_version{role=\"na\"} 1", "ctl_client_failures_in_a_row 0", &sink] {
        assert!(status == 200 && text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_alerts_for_devices_stand_on_metrics_that_there_are() {
    let repository = Repository::new();
    let device = Device::synced(&repository);
    let collector = Collector::start(&[]);
    let shown =
        device.client.metrics(&device.status()) + &ask(&collector.address, "GET /metrics HTTP/1.1", b"").1;
    let names: std::collections::BTreeSet<&str> =
        shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/prometheus/devices.yml");
    let alerts = std::fs::read_to_string(place).unwrap();
    let words = alerts.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let asked: std::collections::BTreeSet<&str> =
        words.filter(|word| word.starts_with("ctl_client_") || word.starts_with("ctl_fleet_")).collect();
    // A device without stations shows none; those with them are shown in `csms`.
    let stations = "ctl_client_stations_with_distrusted";
    let missing: Vec<_> = asked.difference(&names).filter(|name| **name != stations).collect();
    assert!(asked.len() > 10 && missing.is_empty(), "{missing:?}");
    // And each that is shown is named by the conventions.
    for line in shown.lines().filter(|line| line.starts_with("# HELP ctl_client_")) {
        assert!(line.ends_with('.') && !line.contains("_total "), "{line}");
    }
}
