//! The guided tour as people run it: once to its end, and until Ctrl-C.
#![cfg(feature = "demo")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-server"));
    command.arg("demo").args(arguments).stdin(Stdio::null());
    command
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
fn the_whole_road_from_an_application_to_a_chargers_trust_store() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tour");
    let output =
        demo(&["--once", "--listen", "127.0.0.1:0", "--dir", place.to_str().unwrap()]).output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("15. An audit from outside"), "{said}");
    assert!(said.ends_with("The server has stopped cleanly.\n"), "{said}");

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

    // The server is gone, and it never had a person's private key.
    let url = said.split("the server runs at http://").nth(1).unwrap().lines().next().unwrap();
    assert!(TcpStream::connect(url).is_err(), "{url} still answers");
    let mut secrets = Vec::new();
    walk(&place.join("keys"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "pem") {
            let text = std::fs::read_to_string(path).unwrap();
            secrets.push(text.lines().nth(1).unwrap().to_owned());
        }
    });
    assert!(secrets.len() > 20, "{}", secrets.len());
    walk(&place.join("server"), &mut |path| {
        let bytes = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        assert!(!secrets.iter().any(|secret| bytes.contains(secret)), "{}", path.display());
    });
}

#[test]
fn it_stays_up_until_ctrl_c_and_then_stops_its_server() {
    let mut tour =
        demo(&["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tour.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut url = None;
    let stays = lines.by_ref().any(|line| {
        if let Some(found) = line.trim().strip_prefix("the server runs at http://") {
            url = Some(found.to_owned());
        }
        line.contains("until Ctrl-C")
    });
    if !stays {
        let mut complained = String::new();
        tour.stderr.take().unwrap().read_to_string(&mut complained).unwrap();
        panic!("it ended by itself: {complained}");
    }
    let url = url.expect("it says where the server runs");
    assert!(TcpStream::connect(&url).is_ok(), "{url} does not answer");
    let interrupted = Command::new("kill").args(["-INT", &tour.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(rest.last().map(String::as_str), Some("The server has stopped cleanly."));
    assert!(tour.wait().unwrap().success());
    assert!(TcpStream::connect(&url).is_err(), "{url} still answers");
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
