//! The guided tour as people run it: once to its end, until Ctrl-C, in a terminal that is closed, and with a watch that
//! dies.
#![cfg(feature = "demo")]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-server"));
    command.arg("demo").args(arguments).stdin(Stdio::null());
    command
}

/// The addresses of the programs that it says it has started.
fn addresses<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
    lines.filter_map(|line| line.trim().split_once(" runs at http://")).collect()
}

/// The server, the watches of both watchers, and who tells the pool's subscribers.
const PROGRAMS: [&str; 4] =
    ["the server", "the watch of watcher-north", "the watch of watcher-south", "ctl-webhooks"];
const STOPPED: &str = "The watches, the webhooks and the server have stopped cleanly.";

fn answers(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

/// The first line of the answer to who opens an address in a browser, and its media type.
fn opened(url: &str) -> (String, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html,*/*;q=0.8\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let media_type = answer.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (answer.lines().next().unwrap_or_default().to_owned(), media_type.to_owned())
}

fn certificates(file: &Path) -> usize {
    std::fs::read_to_string(file).unwrap().matches("BEGIN CERTIFICATE").count()
}

/// Calls `look` for every file below a directory.
fn walk(directory: &Path, look: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, look) } else { look(&path) }
    }
}

#[test]
fn an_application_comes_all_the_way_to_a_chargers_trust_store() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tour");
    let output =
        demo(&["--once", "--listen", "127.0.0.1:0", "--dir", place.to_str().unwrap()]).output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("17. An audit from outside"), "{said}");
    assert!(said.ends_with(&format!("{STOPPED}\n")), "{said}");

    // What both watchers saw is confirmed, what one of them made up is not.
    let told = |verdict: &str| {
        let mut lines = said.lines().skip_while(|line| !line.trim_start().starts_with(verdict));
        (lines.next().unwrap(), lines.next().unwrap().trim())
    };
    let (confirmed, by) = told("CONFIRMED");
    assert!(confirmed.contains("cirrus ocsp at http://"), "{confirmed}");
    // Whichever of them sees it first.
    let (north, south) = ("watcher-north of gridwatch", "watcher-south of roamcheck");
    let told_by = |first, second| format!("claimed by {first} and {second}: 2 of 2 organisations");
    assert!([told_by(north, south), told_by(south, north)].iter().any(|either| either == by), "{by}");
    let (made_up, by) = told("NOT CONFIRMED");
    assert!(made_up.contains("dynamo ocsp at http://"), "{made_up}");
    assert_eq!(by, "claimed by watcher-south of roamcheck: 1 of 2 organisations");

    // One of three V2G roots is suspended at the end; the MO root stands; EVerest takes no OEM roots.
    let everest = place.join("device/everest/ca");
    assert_eq!(certificates(&everest.join("v2g/V2G_ROOT_CA.pem")), 2);
    assert_eq!(certificates(&everest.join("mo/MO_ROOT_CA.pem")), 1);
    let pem = place.join("device/pem/current");
    assert_eq!(certificates(&pem.join("v2g-iso15118-2.pem")), 2);
    assert_eq!(certificates(&pem.join("oem-iso15118-2.pem")), 1);
    assert!(!pem.join("cross-certificates.pem").exists(), "its subject is suspended");
    let borealis = std::fs::read_to_string(place.join("pki/borealis/root.pem")).unwrap();
    let aurora = std::fs::read_to_string(place.join("pki/aurora/root.pem")).unwrap();
    let bundle = std::fs::read_to_string(everest.join("v2g/V2G_ROOT_CA.pem")).unwrap();
    assert!(bundle.contains(&aurora) && !bundle.contains(&borealis));

    let started = addresses(said.lines());
    assert_eq!(started.iter().map(|(who, _)| *who).collect::<Vec<_>>(), PROGRAMS);
    let place = place.canonicalize().unwrap();
    let left: Vec<Process> = processes().filter(|process| process.names(&place)).collect();
    assert!(left.is_empty(), "{left:?}");

    assert!(said.contains("voltway was told by 1 webhook, signed with its secret, which verifies"), "{said}");

    // The server never had a person's private key, and a watch keeps no copy of its own.
    let mut secrets = Vec::new();
    walk(&place.join("keys"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "pem") {
            let text = std::fs::read_to_string(path).unwrap();
            secrets.push(text.lines().nth(1).unwrap().to_owned());
        }
    });
    assert!(secrets.len() > 20, "{}", secrets.len());
    for data in ["server", "watcher-north", "watcher-south", "webhooks"] {
        walk(&place.join(data), &mut |path| {
            let bytes = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            assert!(!secrets.iter().any(|secret| bytes.contains(secret)), "{}", path.display());
        });
    }
}

#[test]
fn it_stays_up_until_ctrl_c_and_then_stops_what_it_started() {
    let mut tour =
        demo(&["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tour.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    let stays = lines.by_ref().any(|line| {
        said.push(line);
        said.last().unwrap().contains("until Ctrl-C")
    });
    if !stays {
        let mut complained = String::new();
        tour.stderr.take().unwrap().read_to_string(&mut complained).unwrap();
        panic!("it ended by itself: {complained}");
    }
    let started = addresses(said.iter().map(String::as_str));
    assert_eq!(started.len(), PROGRAMS.len(), "{said:?}");
    for (who, address) in &started {
        assert!(answers(address), "{who} does not answer");
    }
    // It begins with the portal, and each step names a page on which it can be seen.
    assert!(said[0].starts_with(&format!("http://{}/ is the portal", started[0].1)), "{}", said[0]);
    let pages: Vec<&str> = said.iter().filter_map(|line| line.trim().strip_prefix("page ")).collect();
    assert!(pages.len() >= 17, "{pages:?}");
    for page in pages {
        let (status, media_type) = opened(page);
        assert!(
            status.ends_with("200 OK") && media_type.starts_with("text/html"),
            "{page}: {status} {media_type}"
        );
    }
    let programs = children(&tour);
    let interrupted = Command::new("kill").args(["-INT", &tour.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(rest.last().map(String::as_str), Some(STOPPED));
    assert!(tour.wait().unwrap().success());
    all_are_gone(&programs);
    // It says where the watch can be looked at.
    let (_, watch) = started[1];
    for path in ["v1/targets", "v1/incidents", "v1/sla", "metrics"] {
        assert!(rest.iter().any(|line| line.trim() == format!("http://{watch}/{path}")), "{rest:?}");
    }
}

#[test]
fn a_watch_that_dies_is_named_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tour");
    let arguments = ["--listen", "127.0.0.1:0", "--dir", place.to_str().unwrap()];
    let mut tour = demo(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tour.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in PROGRAMS {
        assert!(lines.any(|line| line.contains(" runs at http://")), "it starts its programs");
    }
    let programs = children(&tour);
    let south = place.canonicalize().unwrap().join("watcher-south.toml");
    let south = programs.iter().find(|process| process.names(&south)).expect("it runs");
    assert!(Command::new("kill").args(["-KILL", &south.id]).status().unwrap().success());
    assert!(!lines.any(|line| line == STOPPED));
    let output = tour.wait_with_output().unwrap();
    assert!(!output.status.success());
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(complained.contains("the watch of watcher-south ended by itself: signal: 9"), "{complained}");
    assert!(complained.contains("the last words of the watch of watcher-south:\n"), "{complained}");
    all_are_gone(&programs);
}

#[test]
fn closing_its_terminal_stops_what_it_started() {
    let mut tour =
        demo(&["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(tour.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in PROGRAMS {
        assert!(lines.any(|line| line.contains(" runs at http://")), "it starts its programs");
    }
    let programs = children(&tour);
    // What it says from now on, nobody reads.
    drop(lines);
    assert!(Command::new("kill").args(["-HUP", &tour.id().to_string()]).status().unwrap().success());
    assert!(!tour.wait().unwrap().success(), "it did not come to its end");
    all_are_gone(&programs);
}

/// A running process.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    id: String,
    parent: String,
    arguments: Vec<PathBuf>,
}

impl Process {
    /// Whether this, or what is below it, is among its arguments.
    fn names(&self, path: &Path) -> bool {
        self.arguments.iter().any(|argument| argument.starts_with(path))
    }
}

fn processes() -> impl Iterator<Item = Process> {
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let line = std::fs::read(path.join("cmdline")).ok()?;
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().to_owned();
        // Whoever has ended and is not yet waited for has none.
        let arguments = line.split(|byte| *byte == 0).filter(|argument| !argument.is_empty());
        let arguments: Vec<_> =
            arguments.map(|argument| PathBuf::from(OsStr::from_bytes(argument))).collect();
        let id = path.file_name()?.to_str()?.to_owned();
        (!arguments.is_empty()).then_some(Process { id, parent, arguments })
    })
}

/// The programs that a tour has started.
fn children(tour: &Child) -> Vec<Process> {
    let id = tour.id().to_string();
    let is_one = |process: &Process| process.parent == id && process.names(Path::new("--config"));
    let found: Vec<Process> = processes().filter(is_one).collect();
    assert_eq!(found.len(), PROGRAMS.len(), "{found:?}");
    found
}

/// Their ports would say nothing: they may be another's already. One that was killed may take a moment to end.
fn all_are_gone(programs: &[Process]) {
    let is_one = |process: &Process| {
        programs.iter().any(|program| program.id == process.id && program.arguments == process.arguments)
    };
    let begun = Instant::now();
    loop {
        let left: Vec<Process> = processes().filter(is_one).collect();
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_stands_in_its_way_is_said_before_it_begins() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("precious"), "x").unwrap();
    for (arguments, named) in [
        (["--listen", &*address], "name another address with --listen"),
        (["--dir", folder.path().to_str().unwrap()], "is not empty"),
    ] {
        let mut command = demo(&["--once"]);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let output = command.args(arguments).output().unwrap();
        assert!(!output.status.success());
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(complained.contains(named), "{complained}");
        assert!(output.stdout.is_empty(), "nothing was begun");
    }
}
