//! Reports to the operator, and metrics in a file: what they say, when, and that no sync fails for them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ctl_client::Client;
use ctl_client::Machine;
use ctl_client::sync::SyncReport;

use crate::common::inbox::Inbox;
use crate::common::power::Power;
use crate::common::*;

const TOKEN: &str = "a-token-that-nobody-guesses";

fn reporting(repository: &Repository, url: &str) -> Device {
    let mut device = Device::new(repository);
    device.name("charger-1");
    let token = device.path("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    device.configure(&format!(
        "[report]\nurl = \"{url}\"\ntoken_file = \"{}\"\nevery_hours = 2",
        token.display()
    ));
    device
}

/// The notes about reports and metrics.
fn notes(report: &SyncReport) -> String {
    assert!(report.is_success(), "{:?}", report.problems);
    report.notes.join("\n")
}

#[test]
fn a_report_says_how_the_device_is_when_something_changed_and_now_and_then() {
    let mut repository = Repository::new();
    let inbox = Inbox::start();
    let mut device = reporting(&repository, &inbox.url);
    assert_eq!(notes(&device.sync(&repository)), "");
    let posted = inbox.take();
    let [first] = posted.as_slice() else { panic!("{} reports", posted.len()) };
    assert!(first.head.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}\r\n")));
    let body = &first.body;
    assert_eq!((&body["device"], &body["trouble"]), (&"charger-1".into(), &false.into()));
    assert_eq!(body["versions"], serde_json::json!({ "na": 1, "notices": 1, "registry": 1 }));
    let sink = format!("everest {}", device.path("everest").display());
    let held = &body["holds"][&sink][fingerprint("alpha").to_string()];
    assert_eq!(held["stores"], serde_json::json!(["V2G_ROOT_CA.pem"]), "{body}");
    assert_eq!(body["status"]["trusted"].as_array().unwrap().len(), 3);
    assert_eq!(body["history"].as_array().unwrap().last().unwrap()["event"], "sink");

    // Nothing changed: nothing to say, until two hours are over.
    let begin = device.now.get();
    for (minutes, reports) in [(5, 0), (119, 0), (120, 1), (125, 0)] {
        device.now.set(begin.plus_seconds(minutes * 60));
        assert_eq!(notes(&device.sync(&repository)), "");
        assert_eq!(inbox.take().len(), reports, "after {minutes} minutes");
    }
    // A new version is worth a report, and so is trouble, once.
    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    assert_eq!(inbox.take()[0].body["versions"]["na"], 2);
    std::fs::remove_dir_all(device.path("repository")).unwrap();
    for reports in [1, 0, 0] {
        assert!(!device.sync_again().unwrap().is_success());
        let posted = inbox.take();
        assert_eq!(posted.len(), reports);
        assert!(posted.iter().all(|posted| posted.body["trouble"] == true));
    }
    device.sync(&repository);
    assert_eq!(inbox.take()[0].body["trouble"], false);
}

#[test]
fn an_address_that_fails_is_a_note_without_the_token_and_is_tried_again() {
    let repository = Repository::new();
    let inbox = Inbox::start();
    let elsewhere = Inbox::start();
    let mut device = reporting(&repository, &inbox.url);
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url);
    for (answer, why) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "answered 403: it does not take the token"),
        (&moved, "answered 307: it has moved, and is not followed"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "answered 500"),
        ("nonsense\r\n\r\n", "nothing is reported"),
        // It says nothing at all: not for longer than the bound.
        ("", "nothing is reported"),
    ] {
        inbox.answer(answer);
        let said = notes(&device.sync(&repository));
        assert!(said.contains(why) && !said.contains(TOKEN), "{said}");
        assert_eq!(inbox.take().len(), 1, "{why}");
    }
    assert!(elsewhere.take().is_empty(), "the token goes nowhere else");
    // An answer without an end is not read.
    inbox.answer("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nxxxxxxxxxxxxxxxx");
    assert_eq!(notes(&device.sync(&repository)), "");
    assert_eq!(inbox.take().len(), 1);
    assert_eq!(notes(&device.sync(&repository)), "");
    assert!(inbox.take().is_empty());
}

#[test]
fn without_a_token_that_is_kept_secret_nothing_is_sent() {
    let repository = Repository::new();
    let inbox = Inbox::start();
    let mut device = reporting(&repository, &inbox.url);
    let token = device.path("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = notes(&device.sync(&repository));
    assert!(said.contains("chmod 600") && !said.contains(TOKEN), "{said}");
    std::fs::remove_file(&token).unwrap();
    assert!(notes(&device.sync(&repository)).contains("the token file"));
    assert!(inbox.take().is_empty());
}

#[test]
fn metrics_are_written_for_node_exporter_after_each_sync() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    let folder = device.path("textfile");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("ctl_client.prom");
    device.configure(&format!("[metrics]\ntextfile = \"{}\"", file.display()));
    assert_eq!(notes(&device.sync(&repository)), "");
    let text = std::fs::read_to_string(&file).unwrap();
    let everest = format!("everest {}", device.path("everest").display());
    let next = repository.now.plus_seconds(30 * DAY).unix();
    for line in [
        "ctl_client_document_version{role=\"na\"} 1".to_owned(),
        format!("ctl_client_document_next_update_timestamp_seconds{{role=\"na\"}} {next}"),
        format!("ctl_client_sink_in_place{{sink=\"{everest}\"}} 1"),
        format!("ctl_client_sink_troubled{{sink=\"{everest}\"}} 0"),
        format!("ctl_client_sink_certificates{{sink=\"{everest}\"}} 3"),
        format!("ctl_client_last_success_timestamp_seconds {}", device.now.get().unix()),
        "ctl_client_failures_in_a_row 0".into(),
        "ctl_client_findings{severity=\"error\"} 0".into(),
        "ctl_client_trusted_anchors 3".into(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");

    // A sink that cannot be changed is troubled, and failures are counted.
    let bundle = device.path("everest/ca/v2g/V2G_ROOT_CA.pem");
    std::fs::remove_file(&bundle).unwrap();
    std::fs::create_dir(&bundle).unwrap();
    assert!(!device.sync(&repository).is_success());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&format!("ctl_client_sink_troubled{{sink=\"{everest}\"}} 1")), "{text}");
    assert!(text.contains("ctl_client_failures_in_a_row 1"), "{text}");
    std::fs::remove_dir(&bundle).unwrap();

    // A medium that is full leaves the former file, and stops nothing.
    let before = std::fs::read(&file).unwrap();
    device.restart(Box::new(Power::full("textfile")));
    assert!(notes(&device.sync(&repository)).contains("metrics are not written"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(notes(&device.sync(&repository)).contains("textfile does not exist"));
}

#[test]
fn the_sections_are_checked_when_they_are_read() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    device.name("../a");
    device.configure("");
    let nameless = "[report]\nurl = \"https://f.example/\"\ntoken_file = \"/t\"";
    let good = std::fs::read_to_string(device.path("state/client.toml")).unwrap();
    for (section, why) in [
        ("[report]\nurl = \"http://fleet.example/\"\ntoken_file = \"/t\"", "write https"),
        ("[report]\nurl = \"https://x:secret@f.example/\"\ntoken_file = \"/t\"", "token_file"),
        (nameless, "letters"),
        ("[metrics]\ntextfile = \"relative.prom\"", "absolute path"),
    ] {
        std::fs::write(device.path("state/client.toml"), format!("{good}\n{section}\n")).unwrap();
        let opened = Client::open(Path::new(&device.path("state")), Machine::default());
        let error = opened.err().unwrap().to_string();
        assert!(error.contains(why) && !error.contains("secret"), "{error}");
    }
    std::fs::write(device.path("state/client.toml"), good).unwrap();
    assert!(device.sync(&repository).is_success());
}
