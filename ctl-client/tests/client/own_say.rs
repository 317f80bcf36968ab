//! The operator's own say: what is distrusted here, held, and rolled out in stages. It only takes away or delays.

use ctl_client::ask::{Verdict, explain};
use ctl_client::status::Severity;
use serde_json::json;

use crate::common::device::set;
use crate::common::power::Unflushed;
use crate::common::server::Server;
use crate::common::*;

const HOUR: u64 = 3600;

/// The operator writes this into client.toml, and starts the client again.
fn says(device: &mut Device, tables: &str) {
    let path = device.path("state/client.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let begun = text.find("\n# their say\n").map_or(text.as_str(), |end| &text[..end]);
    let named = begun.replace("# device = \"cp-17\"", "device = \"cp-17\"");
    std::fs::write(&path, format!("{named}\n# their say\n{tables}")).unwrap();
    device.restart(Box::new(Unflushed));
}

fn hold(sequence: u64) -> String {
    format!("[[local.hold]]\nlist = \"na\"\nsequence = {sequence}\nreason = \"change freeze until Monday\"\n")
}

fn distrust(kind: &str, sha256: impl std::fmt::Display) -> String {
    format!("[[local.distrust]]\nkind = \"{kind}\"\nsha256 = \"{sha256}\"\nreason = \"our audit\"\n")
}

/// Half of the fleet after a day, all of it after two.
fn rollout(gate: &str) -> String {
    let place = ctl_client::local::place("cp-17");
    let first = if place < 50.0 { 24 } else { 48 };
    assert!(place >= 1.0, "this device is not among the first percent");
    format!(
        "[local.rollout]\nstages = [{{ after_hours = 0, percent = 1 }}, {{ after_hours = {first}, percent = 100 }}]\n{gate}"
    )
}

/// Takes the device and the repository so many hours on.
fn pass(repository: &mut Repository, device: &Device, hours: u64) {
    repository.pass(hours * HOUR);
    repository.refresh();
    device.now.set(repository.now);
}

fn publish(repository: &mut Repository, anchors: &[&str]) {
    repository.set_anchors(&na(), anchors);
    repository.publish(&na());
    repository.refresh();
}

#[test]
fn what_the_operator_distrusts_goes_whatever_the_lists_say_and_status_says_why() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    says(&mut device, &(distrust("certificate", fingerprint("alpha")) + &distrust("spki", spki("gamma"))));
    let before = device.status();
    assert!(before.is_wrong(), "the sinks do not hold what they should until the next sync: {before}");
    let report = device.sync(&repository);
    assert_eq!(device.trusted(), set(&["beta"]));
    let text = crate::common::sinks::problems(&report);
    assert!(text.contains("MO_ROOT_CA.pem TRUSTS NOBODY") && report.is_complete(), "{text}");
    let status = device.status();
    assert!(status.to_string().contains("distrusted by this device's operator: our audit"), "{status}");
    assert_eq!(status.left_out.len(), 2);
    let files = [("gamma.pem".to_owned(), roots()["gamma"].to_pem().into_bytes())];
    let explained = explain(&device.client.known().unwrap(), &files);
    assert_eq!(explained[0].verdict, Verdict::ListedNotTrusted);
    assert!(explained[0].reason.contains("operator distrusts it: our audit"), "{}", explained[0].reason);

    // Taken back, what the lists say counts again.
    says(&mut device, "");
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn a_certificate_that_others_put_into_a_sink_goes_too_if_the_operator_distrusts_it() {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["beta", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::synced(&repository);
    let bundle = device.path("everest/ca/v2g/V2G_ROOT_CA.pem");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes.extend_from_slice(roots()["alpha"].to_pem().as_bytes());
    std::fs::write(&bundle, bytes).unwrap();
    device.sync(&repository);
    assert_eq!(device.everest(), set(&["alpha", "beta", "gamma"]), "it is theirs, and stays");
    says(&mut device, &distrust("spki", spki("alpha")));
    device.sync(&repository);
    assert_eq!(device.everest(), set(&["beta", "gamma"]));
}

#[test]
fn a_version_is_held_and_newer_ones_take_away_but_add_nothing() {
    let mut repository = Repository::new();
    publish(&mut repository, &["alpha", "gamma"]);
    let mut device = Device::synced(&repository);
    let held = device.sequences().iter().find(|(role, _)| role == "na").unwrap().1;
    says(&mut device, &hold(held));

    publish(&mut repository, &["alpha", "beta", "gamma"]);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "beta waits");
    let status = device.status();
    assert_eq!(status.local.waiting.len(), 1);
    assert_eq!(status.local.waiting[0].fingerprint, fingerprint("beta"));
    assert!(
        status.findings.iter().any(|finding| finding.severity == Severity::Warning
            && finding.text.contains("additions that wait: 1")),
        "{status}"
    );
    assert!(status.to_string().contains("change freeze until Monday"), "{status}");

    // What is signed away goes all the same.
    repository.documents.get_mut(&na()).unwrap()["distrusted"] =
        json!([distrusted("certificate", fingerprint("alpha"))]);
    publish(&mut repository, &["beta", "gamma"]);
    let report = device.sync(&repository);
    assert_eq!(device.trusted(), set(&["gamma"]));
    // What is held is not given instead, and a bundle that trusts nobody is told.
    let text = crate::common::sinks::problems(&report);
    assert!(text.contains("V2G_ROOT_CA.pem TRUSTS NOBODY") && report.is_complete(), "{text}");

    says(&mut device, "");
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
}

#[test]
fn a_new_device_that_is_told_to_hold_a_version_that_it_never_had_trusts_nothing_and_says_so() {
    let mut repository = Repository::new();
    publish(&mut repository, &["alpha", "gamma"]);
    let mut device = Device::new(&repository);
    says(&mut device, &hold(1));
    let report = device.sync(&repository);
    assert!(!report.is_success(), "a sink that trusts nobody is a problem");
    assert_eq!(device.trusted(), set(&[]));
    assert!(device.status().is_wrong());
}

#[test]
fn an_addition_waits_for_this_devices_turn_through_lists_that_are_signed_anew() {
    let mut repository = Repository::new();
    publish(&mut repository, &["alpha", "gamma"]);
    let mut device = Device::new(&repository);
    says(&mut device, &rollout(""));
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "a new charger needs roots");

    publish(&mut repository, &["alpha", "beta", "gamma"]);
    for hours in [0, 12, 10] {
        pass(&mut repository, &device, hours);
        // The same anchors under a new signature and number.
        publish(&mut repository, &["alpha", "beta", "gamma"]);
        let report = device.sync(&repository);
        assert!(report.is_success(), "{:?}", report.problems);
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    }
    let waits = device.status();
    assert!(!waits.is_wrong(), "to wait is no fault: {waits}");
    assert!(waits.to_string().contains("waits for its turn in the roll-out"), "{waits}");
    pass(&mut repository, &device, 26);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert!(device.status().local.waiting.is_empty());
}

#[test]
fn a_paused_roll_out_takes_nothing_up_and_removals_go_on() {
    let mut repository = Repository::new();
    publish(&mut repository, &["alpha", "gamma"]);
    let mut device = Device::synced(&repository);
    let fleet = device.path("fleet/v1");
    std::fs::create_dir_all(&fleet).unwrap();
    let answers = |text: &str| std::fs::write(fleet.join("rollout"), text).unwrap();
    let gate = format!("gate = \"file://{}\"\n", device.path("fleet").display());
    says(&mut device, &rollout(&gate));
    publish(&mut repository, &["alpha", "beta", "gamma"]);
    device.sync(&repository);
    pass(&mut repository, &device, 48);

    answers(r#"{ "paused": true, "reason": "3 of 20 devices report trouble", "version": { "na": 3 } }"#);
    let report = device.sync(&repository);
    assert!(report.is_success(), "to be paused is no failure: {:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    let status = device.status();
    assert!(status.is_wrong() && status.to_string().contains("3 of 20 devices report trouble"), "{status}");

    publish(&mut repository, &["beta", "gamma"]);
    device.sync(&repository);
    assert_eq!(
        device.trusted(),
        set(&["beta", "gamma"]),
        "V2G would have no root left: its replacement does not wait"
    );

    publish(&mut repository, &["alpha", "beta", "gamma"]);
    device.sync(&repository);
    pass(&mut repository, &device, 48);
    answers(r#"{ "paused": false }"#);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert!(!device.status().is_wrong());
}

#[test]
fn an_attacker_who_answers_for_the_gate_can_delay_and_nothing_else() {
    let mut repository = Repository::new();
    publish(&mut repository, &["alpha", "gamma"]);
    let mut device = Device::synced(&repository);
    let fleet = device.path("fleet/v1");
    std::fs::create_dir_all(&fleet).unwrap();
    let gate = format!("gate = \"file://{}\"\n", device.path("fleet").display());
    says(&mut device, &rollout(&gate));
    publish(&mut repository, &["beta", "alpha", "gamma"]);
    device.sync(&repository);
    pass(&mut repository, &device, 48);
    let long = format!("{{ \"paused\": false, \"reason\": \"{}\" }}", "x".repeat(100_000));
    for answer in [
        None,
        Some(""),
        Some("<html>"),
        Some("{}"),
        Some(r#"{"paused":"no"}"#),
        Some("[1]"),
        Some(long.as_str()),
    ] {
        let path = fleet.join("rollout");
        match answer {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => drop(std::fs::remove_file(&path)),
        }
        let report = device.sync(&repository);
        assert!(
            report.problems.iter().any(|problem| problem.about == "roll-out"),
            "{answer:?}: {:?}",
            report.problems
        );
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "{answer:?}");
        assert!(report.is_complete() && !report.is_success(), "what the lists say is known all the same");
    }
    // Whatever it says, what nobody signed is not there to be taken up, and what is signed away goes.
    std::fs::write(fleet.join("rollout"), r#"{ "paused": true }"#).unwrap();
    publish(&mut repository, &["alpha"]);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha"]));
}

#[test]
fn a_gate_is_asked_over_http_only_when_something_waits_for_its_answer() {
    let mut repository = Repository::new();
    publish(&mut repository, &["alpha", "gamma"]);
    let mut device = Device::synced(&repository);
    let fleet = Server::start();
    fleet.put("/v1/rollout", br#"{ "paused": false }"#);
    says(&mut device, &rollout(&format!("gate = \"{}\"\n", fleet.url)));
    publish(&mut repository, &["alpha", "beta", "gamma"]);
    device.sync(&repository);
    assert_eq!(fleet.requests(), [""; 0], "its turn has not come");
    pass(&mut repository, &device, 48);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(fleet.requests(), ["/v1/rollout"]);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn a_running_client_takes_up_a_changed_configuration_and_no_mistake_in_it() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let path = device.path("state/client.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    for (mistake, named) in [
        (good.replace("clock = true", "clok = true"), "clok"),
        (
            good.replace(
                &device.client.config().identity.scheme.to_string(),
                &fingerprint("alpha").to_string(),
            ),
            "init",
        ),
    ] {
        std::fs::write(&path, mistake).unwrap();
        let error = device.client.reread().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(device.sync(&repository).problems.len(), 0, "it goes on by the one before");
    std::fs::write(&path, good + &distrust("certificate", fingerprint("alpha"))).unwrap();
    device.client.reread().unwrap();
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
}

#[test]
fn what_waits_is_taken_up_when_what_it_stands_beside_is_suspended_or_distrusted_here() {
    for by_notice in [true, false] {
        let mut repository = Repository::new();
        publish(&mut repository, &["alpha", "gamma"]);
        let mut device = Device::synced(&repository);
        says(&mut device, &rollout(""));
        publish(&mut repository, &["alpha", "beta", "gamma"]);
        device.sync(&repository);
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "beta waits for its turn");
        if by_notice {
            repository.pass(60);
            repository.set_notices(vec![notice(3, "na", "alpha", repository.now.plus_seconds(DAY))]);
            repository.publish(&ctl_core::role::Role::Notices);
            repository.refresh();
        } else {
            says(&mut device, &(distrust("spki", spki("alpha")) + &rollout("")));
        }
        let report = device.sync(&repository);
        assert!(report.is_success(), "{:?}", report.problems);
        assert_eq!(device.trusted(), set(&["beta", "gamma"]), "V2G would have no root left");
        device.assert_sound();
    }
}
