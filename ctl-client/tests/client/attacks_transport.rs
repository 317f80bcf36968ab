//! Attacks by the wire: bodies that do not end, end too early or take their time, and answers that
//! lead elsewhere. Afterwards nothing has changed, and the next honest answer is taken up.

use std::time::{Duration, Instant};

use ctl_client::transport::TransportOptions;

use crate::common::device::{Options, set};
use crate::common::power::Unflushed;
use crate::common::server::{Fault, Server};
use crate::common::*;

/// A device that has synced over HTTP, with something new to fetch.
fn prepared() -> (Server, Device, Repository) {
    let mut repository = Repository::new();
    let server = Server::start();
    server.serve(&repository);
    let mut device =
        Device::with(&repository, Options { url: Some(server.url.clone()), ..Options::default() });
    assert!(device.sync_again().unwrap().is_success());
    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.refresh();
    server.serve(&repository);
    (server, device, repository)
}

/// What is fetched of the new version: metadata, list, proof, checkpoint, a tile.
fn paths(repository: &Repository) -> Vec<String> {
    let digest = repository.published[&na()];
    let tile = repository.files.keys().find(|path| path.starts_with("log/tile/0/")).unwrap();
    let size = repository.tree.size();
    let mut paths = vec![
        "/tuf/metadata/2.root.json".to_owned(),
        "/tuf/metadata/timestamp.json".to_owned(),
        "/tuf/metadata/2.snapshot.json".to_owned(),
        "/tuf/metadata/2.na.json".to_owned(),
        format!("/tuf/targets/{digest}.na.ctl.json"),
        "/v1/lists/na/versions/2.tlog-proof".to_owned(),
        "/log/checkpoint".to_owned(),
    ];
    let partial = format!("log/tile/0/000.p/{size}");
    paths.push(format!("/{}", if repository.files.contains_key(&partial) { &partial } else { tile }));
    paths
}

/// Each file is at fault once, for a client in this hurry; it is in none when nothing is wrong.
fn every_path_fails(fault: &Fault, why: &str, hurry: impl Fn(&mut TransportOptions)) {
    let (server, mut device, repository) = prepared();
    let calm = device.transport.clone();
    hurry(&mut device.transport);
    device.restart(Box::new(Unflushed));
    for path in paths(&repository) {
        server.fault(&path, fault.clone());
        let begun = Instant::now();
        let report = device.sync_again().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(60), "{path} held the sync up");
        let problems: Vec<String> = report.problems.iter().map(|problem| problem.error.to_string()).collect();
        assert!(problems.iter().any(|text| text.contains(why)), "{path}: {problems:?}");
        assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]), "{path}");
    }
    server.heal();
    device.transport = calm;
    device.restart(Box::new(Unflushed));
    assert!(device.sync_again().unwrap().is_success());
    assert_eq!(device.trusted(), set(&["alpha"]));
    device.assert_sound();
}

#[test]
fn endless_bodies() {
    every_path_fails(&Fault::Endless, "stopped reading", |_| ());
}

#[test]
fn lengths_beyond_any_limit() {
    every_path_fails(&Fault::HugeLength, "stopped reading", |_| ());
}

#[test]
fn slow_bodies() {
    every_path_fails(&Fault::Slow, "slower than", |options| options.patience = Duration::from_millis(400));
}

#[test]
fn bodies_that_never_begin() {
    every_path_fails(&Fault::Silent, "no byte for", |options| options.idle = Duration::from_secs(1));
}

#[test]
fn redirects_to_another_host() {
    every_path_fails(&Fault::Redirect("http://127.0.0.2:9/".into()), "redirects to another host", |_| ());
}

#[test]
fn servers_that_fail() {
    every_path_fails(&Fault::Status(503), "answered 503", |_| ());
}

#[test]
fn truncated_bodies() {
    let (server, mut device, repository) = prepared();
    // There is no second root to cut short.
    for path in paths(&repository).iter().skip(1) {
        server.fault(path, Fault::Truncated);
        let report = device.sync_again().unwrap();
        assert!(!report.is_success(), "{path}");
        assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]), "{path}");
    }
    server.heal();
    assert!(device.sync_again().unwrap().is_success());
    assert_eq!(device.trusted(), set(&["alpha"]));
}

#[test]
fn redirects_on_the_same_host_are_followed_but_not_for_ever() {
    let (server, mut device, repository) = prepared();
    let checkpoint = &repository.files["log/checkpoint"];
    server.put("/elsewhere", checkpoint);
    server.fault("/log/checkpoint", Fault::Redirect("/elsewhere".into()));
    assert!(device.sync_again().unwrap().is_success());
    server.fault("/log/checkpoint", Fault::Redirect("/log/checkpoint".into()));
    let report = device.sync_again().unwrap();
    assert!(format!("{:?}", report.problems).contains("for ever"), "{:?}", report.problems);
}

#[test]
fn a_stick_with_an_endless_file_or_without_anything() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.files.insert("tuf/metadata/timestamp.json".into(), vec![b' '; 20_000]);
    device.assert_refuses(&repository, "stopped reading");
    std::fs::remove_dir_all(device.path("repository")).unwrap();
    let report = device.sync_again().unwrap();
    assert!(format!("{:?}", report.problems).contains("cannot be opened"), "{:?}", report.problems);
}

#[test]
fn what_stands_between_is_said_as_what_it_is_with_the_address() {
    let (server, mut device, _) = prepared();
    let timestamp = format!("{}tuf/metadata/timestamp.json", server.url);
    const PAGE: &str = "<!DOCTYPE html><html><body>Please log in to the car park's network</body></html>";
    for (head, body, why) in [
        ("403 Forbidden", "", "answered 403: forbidden"),
        ("407 Proxy Authentication Required", "", "answered 407: the proxy wants a name and a password"),
        ("511 Network Authentication Required", PAGE, "answered 511: a captive portal"),
        ("200 OK\r\nContent-Type: text/html; charset=utf-8", PAGE, "came a web page: a captive portal"),
        ("200 OK", PAGE, "came a web page"),
        ("200 OK\r\nContent-Type: text/html", " <p>hello</p>", "came a web page"),
        (
            "200 OK\r\nContent-Type: application/xml",
            "<Error><Code>NoSuchKey</Code></Error>",
            "came an XML document",
        ),
        ("200 OK\r\nContent-Type: image/png", "PNG", "something of another kind (of type image/png)"),
        ("200 OK\r\nContent-Encoding: gzip", "xx", "an answer in the encoding gzip"),
    ] {
        server.fault("/tuf/metadata/timestamp.json", Fault::Says(head, body));
        let report = device.sync_again().unwrap();
        let problems: Vec<String> = report.problems.iter().map(|problem| problem.error.to_string()).collect();
        assert!(
            problems.iter().any(|text| text.contains(why) && text.contains(&timestamp)),
            "{head}: {problems:?}"
        );
        // It is there to be read afterwards, too.
        let status = device.status().to_string();
        assert!(status.contains(why), "{head}: {status}");
        assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    }
    // What a server says of the type of a file that verifies does not matter.
    server.heal();
    assert!(device.sync_again().unwrap().is_success());
}

#[test]
fn an_object_store_says_forbidden_of_what_it_does_not_hold() {
    let (server, mut device, _) = prepared();
    server.fault("/tuf/metadata/2.root.json", Fault::Status(403));
    assert!(device.sync_again().unwrap().is_success());
    assert_eq!(device.trusted(), set(&["alpha"]));
}

#[test]
fn the_password_of_an_address_is_in_no_status_and_no_message() {
    let repository = Repository::new();
    let server = Server::start();
    let url = server.url.replace("http://", "http://charger:geheim@");
    let mut device = Device::with(&repository, Options { url: Some(url), ..Options::default() });
    let report = device.sync_again().unwrap();
    assert!(!report.is_success() && !format!("{:?}", report.problems).contains("geheim"), "{report:?}");
    let json = serde_json::to_string(&device.status()).unwrap();
    assert!(!json.contains("geheim") && json.contains("charger:***@"), "{json}");
    server.serve(&repository);
    assert!(device.sync_again().unwrap().is_success());
    // Years later the address is named again, because nothing new comes from there.
    device.now.set(start().plus_seconds(31 * DAY));
    let text = device.status().to_string();
    assert!(text.contains("an update has been due") && !text.contains("geheim"), "{text}");
}
