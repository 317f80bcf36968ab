//! The program as people run it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::server::{Fault, Server};
use crate::common::*;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-client")).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn init_sync_status_verify() {
    let repository = Repository::of_today();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    repository.write(&at("repository"));
    std::fs::write(at("root.json"), repository.first_root()).unwrap();
    let url = format!("file://{}", at("repository").display());
    let (state, root, pem, everest) = (at("state"), at("root.json"), at("pem"), at("everest"));
    let begin = [
        "init",
        "--url",
        &url,
        "--root",
        path(&root),
        "--dir",
        path(&state),
        "--list",
        "na",
        "--pem",
        path(&pem),
        "--everest",
        path(&everest),
    ];
    let dir = ["--dir", path(&state)];

    assert!(text(&run(&["sync", "--once", dir[0], dir[1]])).contains("run init first"));
    let output = run(&begin);
    assert!(output.status.success(), "{}", text(&output));
    let again = run(&begin);
    assert!(!again.status.success() && text(&again).contains("remove it to begin anew"));
    assert!(text(&run(&["status", dir[0], dir[1]])).contains("never synced"));

    let output = run(&["sync", "--once", dir[0], dir[1]]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("accepted na version 1"), "{}", text(&output));
    assert!(
        everest.join("ca/v2g/V2G_ROOT_CA.pem").exists() && pem.join("current/v2g-iso15118-2.pem").exists()
    );
    // The directory may be named before the command, too.
    let output = run(&[dir[0], dir[1], "verify"]);
    assert!(output.status.success(), "{}", text(&output));
    let output = run(&["status", "--json", dir[0], dir[1]]);
    assert!(output.status.success(), "{}", text(&output));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["trusted"].as_array().unwrap().len(), 3);
    assert_eq!(status["environment"], "test");

    let output = run(&["history", dir[0], dir[1]]);
    assert!(text(&output).contains("accepted na version 1"), "{}", text(&output));
    let output = run(&["history", "--json", "--since", "2020-02-29", dir[0], dir[1]]);
    let history: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |kind: &str| history["events"].as_array().unwrap().iter().filter(|e| e["event"] == kind).count();
    assert_eq!((of("accepted"), of("sink")), (3, 2), "{history}");
    assert_eq!(text(&run(&["history", "--since", "2999-01-01", dir[0], dir[1]])), "nothing\n");
    assert!(!run(&["history", "--since", "yesterday", dir[0], dir[1]]).status.success());

    // Somebody tampers with a bundle: verify tells, sync mends.
    std::fs::write(pem.join("current/v2g-iso15118-2.pem"), "").unwrap();
    let output = run(&["verify", dir[0], dir[1]]);
    assert!(!output.status.success() && text(&output).contains("WRONG  sink pem"), "{}", text(&output));
    assert!(run(&["sync", "--once", dir[0], dir[1]]).status.success());
    assert!(run(&["verify", dir[0], dir[1]]).status.success());
}

#[test]
fn a_root_that_cannot_be_used_is_refused_at_once() {
    let repository = Repository::of_today();
    let folder = tempfile::tempdir().unwrap();
    let (root, state) = (folder.path().join("root.json"), folder.path().join("state"));
    let mut forged = repository.clone();
    forged.signers.insert("root".into(), vec![1]);
    forged.root.version = 1;
    forged.put_root();
    let mut without = repository.clone();
    without.root.version = 1;
    without.root.v2g = None;
    without.put_root();
    for (bytes, why) in [
        (b"{}".to_vec(), "root metadata"),
        (forged.first_root(), "too few valid signatures"),
        (without.first_root(), "names no usable scheme"),
    ] {
        std::fs::write(&root, bytes).unwrap();
        let output =
            run(&["init", "--url", "https://ctl.example", "--root", path(&root), "--dir", path(&state)]);
        assert!(!output.status.success() && text(&output).contains(why), "{}", text(&output));
        assert!(!state.exists());
    }
}

#[test]
fn a_daemon_stops_at_sigterm_even_in_the_middle_of_a_sync() {
    let repository = Repository::of_today();
    let server = Server::start();
    server.serve(&repository);
    let folder = tempfile::tempdir().unwrap();
    let (root, state) = (folder.path().join("root.json"), folder.path().join("state"));
    std::fs::write(&root, repository.first_root()).unwrap();
    assert!(
        run(&["init", "--url", &server.url, "--root", path(&root), "--dir", path(&state)]).status.success()
    );
    server.fault("/log/checkpoint", Fault::Silent);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ctl-client"))
        .args(["sync", "--dir", path(&state)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !server.requests().iter().any(|path| path == "/log/checkpoint") {
        assert!(begun.elapsed() < Duration::from_secs(120), "the daemon does not sync");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    server.heal();
    let output = run(&["sync", "--once", "--dir", path(&state)]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_strict_umask_does_not_keep_others_from_reading_the_bundles() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::of_today();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    repository.write(&at("repository"));
    std::fs::write(at("root.json"), repository.first_root()).unwrap();
    let script = format!(
        "umask 077; set -e; {0} --dir {1}/state init --url file://{1}/repository --root {1}/root.json --list na \
         --everest {1}/certs/everest --pem {1}/certs/pem; {0} --dir {1}/state sync --once",
        env!("CARGO_BIN_EXE_ctl-client"),
        folder.path().display()
    );
    let output = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    for bundle in ["certs/everest/ca/v2g/V2G_ROOT_CA.pem", "certs/pem/current/v2g-iso15118-2.pem"] {
        let place = at(bundle);
        let place = place.canonicalize().unwrap();
        assert_eq!(mode(&place) & 0o444, 0o444, "{bundle}");
        let below = place.ancestors().skip(1).take_while(|above| *above != folder.path());
        below.for_each(|above| assert_eq!(mode(above) & 0o055, 0o055, "{}", above.display()));
    }
    assert_eq!(mode(&at("state")) & 0o077, 0, "what is ours alone stays so");
}

/// Runs a script in a mount namespace of its own; none where nobody may have one, which CI must not be.
fn with_mounts(script: &str) -> Option<Output> {
    let may = |flags: &str| {
        let tried = Command::new("unshare").args([flags, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let flags = ["-m", "-Urm"].into_iter().find(|flags| may(flags));
    assert!(
        flags.is_some() || std::env::var_os("CI").is_none(),
        "in CI nothing is skipped: unshare must be allowed"
    );
    Some(Command::new("unshare").args([flags?, "sh", "-ec", script]).output().unwrap())
}

#[test]
fn status_tells_of_a_medium_that_is_full_or_read_only() {
    let repository = Repository::of_today();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    repository.write(&at("repository"));
    std::fs::write(at("root.json"), repository.first_root()).unwrap();
    std::fs::create_dir(at("flash")).unwrap();
    let (client, at) = (env!("CARGO_BIN_EXE_ctl-client"), folder.path().display());
    let script = format!(
        "mount -t tmpfs -o size=3m tmpfs {at}/flash; cd {at}/flash
        {client} --dir state init --url file://{at}/repository --root ../root.json --list na --pem pem
        {client} --dir state sync --once; {client} --dir state status
        dd if=/dev/zero of=fill bs=1024 2>/dev/null || true
        echo FULL; {client} --dir state sync --once 2>&1 && exit 9; {client} --dir state status && exit 8
        rm fill; {client} --dir state sync --once; {client} --dir state status >/dev/null
        mount -o remount,bind,ro {at}/flash
        echo READ-ONLY; {client} --dir state sync --once 2>&1 && exit 7; {client} --dir state status && exit 6
        echo END"
    );
    let Some(output) = with_mounts(&script) else { return };
    let said = text(&output);
    assert!(output.status.success() && said.contains("END"), "{said}");
    let (good, rest) = said.split_once("FULL\n").unwrap();
    let (full, read_only) = rest.split_once("READ-ONLY\n").unwrap();
    assert!(good.contains("nothing is wrong"), "{good}");
    for (what, said) in [("full", full), ("read-only", read_only)] {
        for place in ["the state directory", "sink pem"] {
            let told = |line: &str| line.contains(place) && line.contains("ERROR") && line.contains(what);
            assert!(said.lines().any(told), "{what}, {place}: {said}");
        }
    }
}

#[test]
fn everest_s_folders_may_be_mount_points() {
    let repository = Repository::of_today();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    repository.write(&at("repository"));
    std::fs::write(at("root.json"), repository.first_root()).unwrap();
    std::fs::create_dir_all(at("certs/ca/v2g")).unwrap();
    std::fs::create_dir_all(at("certs/ca/mo")).unwrap();
    let (client, at) = (env!("CARGO_BIN_EXE_ctl-client"), folder.path().display());
    let begin = format!(
        "cd {at}; {client} --dir $1 init --url file://{at}/repository --root root.json --list na --everest certs"
    );
    let script = format!(
        "begin() {{ {begin}; }}
        mount -t tmpfs tmpfs {at}/certs/ca/v2g; echo operator >{at}/certs/ca/v2g/V2G_ROOT_CA.pem
        begin one; {client} --dir one sync --once; {client} --dir one verify
        grep -c BEGIN certs/ca/v2g/V2G_ROOT_CA.pem certs/ca/mo/MO_ROOT_CA.pem
        # A single file that is a mount point cannot be replaced: nothing is broken.
        rm -r certs/.ctl-client certs/ca/mo/MO_ROOT_CA.pem; echo operator >certs/ca/mo/MO_ROOT_CA.pem
        echo mounted >file; mount --bind file certs/ca/mo/MO_ROOT_CA.pem
        begin two; {client} --dir two sync --once 2>&1 && exit 9; cat certs/ca/mo/MO_ROOT_CA.pem; echo END"
    );
    let Some(output) = with_mounts(&script) else { return };
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for line in ["certs/ca/v2g/V2G_ROOT_CA.pem:2", "certs/ca/mo/MO_ROOT_CA.pem:1", "mounted\nEND"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("MO_ROOT_CA.pem: Device or resource busy"), "{said}");
}
