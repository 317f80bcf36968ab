//! `ctl-tuf-client` as the public TUF conformance suite runs it.
#![cfg(test)]
#![allow(unreachable_pub)]

#[path = "../../ctl-client/tests/client/common/mod.rs"]
mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::server::Server;
use common::*;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-tuf-client")).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_conformance_suite_can_drive_it() {
    let repository = Repository::of_today();
    let server = Server::start();
    server.serve(&repository);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (root, metadata, targets) = (at("root.json"), at("metadata"), at("targets"));
    std::fs::write(&root, repository.first_root()).unwrap();
    let (metadata_url, target_url) =
        (format!("{}tuf/metadata", server.url), format!("{}tuf/targets/", server.url));

    assert!(run(&["--metadata-dir", path(&metadata), "init", path(&root)]).status.success());
    assert_eq!(std::fs::read(metadata.join("root.json")).unwrap(), repository.first_root());
    let refresh = ["--metadata-dir", path(&metadata), "--metadata-url", &metadata_url, "refresh"];
    let output = run(&refresh);
    assert!(output.status.success(), "{}", text(&output));
    for (kept, served) in [
        ("root.json", "2.root.json"),
        ("timestamp.json", "timestamp.json"),
        ("snapshot.json", "1.snapshot.json"),
        ("targets.json", "1.targets.json"),
    ] {
        let served = &repository.files[&format!("tuf/metadata/{served}")];
        assert_eq!(&std::fs::read(metadata.join(kept)).unwrap(), served, "{kept}");
    }
    let download = |names: &[&str]| {
        let mut arguments = vec!["--metadata-dir", path(&metadata), "--metadata-url", &metadata_url];
        names.iter().for_each(|name| arguments.extend(["--target-name", name]));
        arguments.extend(["--target-base-url", &target_url, "--target-dir", path(&targets), "download"]);
        run(&arguments)
    };
    let output = download(&["na.ctl.json", "mo-registry.json"]);
    assert!(output.status.success(), "{}", text(&output));
    let digest = repository.published[&na()];
    assert_eq!(
        &std::fs::read(targets.join("na.ctl.json")).unwrap(),
        &repository.files[&format!("tuf/targets/{digest}.na.ctl.json")]
    );
    assert!(targets.join("mo-registry.json").exists());
    // What is there is not fetched again; what is there and wrong, is.
    let target_requests = || {
        let requests = server.requests();
        requests.into_iter().filter(|path| path.starts_with("/tuf/targets/")).collect::<Vec<_>>()
    };
    assert_eq!(target_requests().len(), 2);
    assert!(download(&["na.ctl.json", "mo-registry.json"]).status.success());
    assert_eq!(target_requests(), Vec::<String>::new());
    std::fs::write(targets.join("na.ctl.json"), b"{}").unwrap();
    assert!(download(&["na.ctl.json", "mo-registry.json"]).status.success());
    assert_eq!(target_requests(), [format!("/tuf/targets/{digest}.na.ctl.json")]);

    assert_eq!(download(&["unknown.json"]).status.code(), Some(1));
    assert_eq!(download(&["../root.json"]).status.code(), Some(1));

    // What was trusted stays when the repository goes back.
    let kept = std::fs::read(metadata.join("timestamp.json")).unwrap();
    let mut older = repository.clone();
    older.timestamp_version = 0;
    older.put_timestamp();
    server.serve(&older);
    assert_eq!(run(&refresh).status.code(), Some(1));
    assert_eq!(std::fs::read(metadata.join("timestamp.json")).unwrap(), kept);
}
