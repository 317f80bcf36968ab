//! What a device does when nobody attacks it.

use ctl_client::status::{Freshness, Severity};
use ctl_core::role::Role;
use serde_json::json;

use crate::common::device::{Options, block_on, names_in, set};
use crate::common::power::Unflushed;
use crate::common::server::Server;
use crate::common::*;

#[test]
fn a_new_device_takes_up_the_list_and_fills_its_sinks() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(report.notes, [""; 0]);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert_eq!(names_in(&device.path("everest/ca/v2g/V2G_ROOT_CA.pem")), set(&["alpha", "beta"]));
    assert_eq!(names_in(&device.path("everest/ca/mo/MO_ROOT_CA.pem")), set(&["gamma"]));
    assert_eq!(names_in(&device.path("pem/current/mo-iso15118-2.pem")), set(&["gamma"]));
    let own = format!("pem/current/{}.pem", fingerprint("alpha"));
    assert_eq!(names_in(&device.path(&own)), set(&["alpha"]));
    device.assert_sound();
    let status = device.status();
    assert!(!status.is_wrong(), "{status}");
    assert!(status.to_string().contains("nothing is wrong"), "{status}");
    assert_eq!(status.log.unwrap().assurance, "witnessed");
}

#[test]
fn an_anchor_is_admitted_and_another_withdrawn() {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::synced(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));

    repository.pass(DAY / 2);
    repository.set_anchors(&na(), &["beta", "gamma"]);
    repository.documents.get_mut(&na()).unwrap()["distrusted"] =
        json!([distrusted("certificate", fingerprint("alpha")), distrusted("spki", spki("alpha"))]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert_eq!(report.accepted, [(na(), 3)]);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    device.assert_sound();
}

#[test]
fn a_device_that_skipped_versions_takes_up_the_newest() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    for _ in 0..3 {
        repository.publish(&na());
    }
    repository.refresh();
    assert_eq!(device.sync(&repository).accepted, [(na(), 4)]);
    device.assert_sound();
}

#[test]
fn nothing_new_writes_nothing_but_the_time_of_the_sync() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    // The first one after a change remembers that every sink was found to hold it.
    device.sync(&repository);
    let state = std::fs::read(device.path("state/state.json")).unwrap();
    let report = device.sync(&repository);
    assert!(report.is_success() && report.accepted.is_empty() && report.changed.is_empty());
    assert_eq!(std::fs::read(device.path("state/state.json")).unwrap(), state);
}

#[test]
fn a_suspension_takes_effect_and_is_lifted_by_notices_that_two_officers_sign() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    assert_eq!(device.sync(&repository).accepted, [(Role::Notices, 2)]);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    let status = device.status();
    assert_eq!(status.notices.len(), 1);
    assert!(status.to_string().contains("suspended by notice 3"), "{status}");

    repository.set_notices(vec![]);
    repository.signers.insert("notices".into(), vec![50, 51]);
    repository.publish(&Role::Notices);
    repository.refresh();
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert!(device.status().notices.is_empty());
}

#[test]
fn over_http_a_device_does_the_same_and_asks_for_little() {
    let mut repository = Repository::new();
    let server = Server::start();
    server.serve(&repository);
    let options = Options { url: Some(server.url.clone()), ..Options::default() };
    let mut device = Device::with(&repository, options);
    assert!(device.sync_again().unwrap().is_success());
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));

    server.requests();
    assert!(device.sync_again().unwrap().is_success());
    let asked = server.requests();
    assert_eq!(asked, ["/tuf/metadata/2.root.json", "/tuf/metadata/timestamp.json", "/log/checkpoint"]);

    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.refresh();
    server.serve(&repository);
    assert!(device.sync_again().unwrap().is_success());
    assert_eq!(device.trusted(), set(&["alpha"]));
}

#[test]
fn through_a_proxy_a_device_does_the_same() {
    let repository = Repository::new();
    let proxy = Server::start();
    proxy.serve(&repository);
    // A name that nothing resolves: only the proxy can know it.
    let url = Some("http://ctl.invalid/".to_owned());
    let mut device =
        Device::with(&repository, Options { url, proxy: Some(proxy.url.clone()), ..Options::default() });
    let report = device.sync_again().unwrap();
    assert!(report.is_success(), "{:?}", report.problems);
    assert!(proxy.requests().iter().all(|target| target.starts_with("http://ctl.invalid/")));
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn two_lists_are_followed_and_removal_wins() {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.set_anchors(&eu(), &["beta", "gamma"]);
    repository.publish(&eu());
    repository.refresh();
    // No list is named: every list of the scheme.
    let mut device = Device::with(&repository, Options { lists: vec![], ..Options::default() });
    assert!(device.sync(&repository).is_success());
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));

    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
}

#[test]
fn an_unknown_critical_constraint_rejects_the_anchor_and_not_the_list() {
    let mut repository = Repository::new();
    repository.set_list(
        &na(),
        vec![
            constrained("alpha", "moon_phase", json!("full"), true),
            constrained("beta", "moon_phase", json!("full"), false),
            // Known, but nothing that a certificate file can carry.
            constrained("gamma", "mo_ids", json!(["USEVG"]), true),
        ],
    );
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::new(&repository);
    let report = device.sync(&repository);
    assert!(report.is_complete() && !report.is_success(), "contracts have no root here, which is told");
    assert_eq!(device.trusted(), set(&["beta"]));
    let text = device.status().to_string();
    assert!(
        text.contains("moon_phase") && text.contains("cannot express") && text.contains("mo_ids"),
        "{text}"
    );
    assert!(
        text.contains("MO_ROOT_CA.pem TRUSTS NOBODY") && !text.contains("V2G_ROOT_CA.pem TRUSTS"),
        "{text}"
    );
}

#[test]
fn trust_ends_on_its_day_even_without_the_network() {
    let mut repository = Repository::new();
    let end = repository.now.plus_seconds(3 * DAY);
    repository
        .set_list(&na(), vec![constrained("alpha", "not_trusted_after", json!(end), true), anchor("beta")]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::synced(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta"]));
    device.now.set(end);
    std::fs::remove_dir_all(device.path("repository")).unwrap();
    assert!(!device.sync_again().unwrap().is_success());
    assert_eq!(device.trusted(), set(&["beta"]));
}

#[test]
fn a_list_that_is_not_renewed_stays_in_force_and_warnings_escalate() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let last = device.trusted();
    for (days, freshness, severity) in [
        (29, Freshness::Fresh, None),
        (31, Freshness::Overdue, Some(Severity::Warning)),
        (59, Freshness::Overdue, Some(Severity::Warning)),
        (61, Freshness::Stale, Some(Severity::Error)),
        (400, Freshness::Stale, Some(Severity::Error)),
    ] {
        device.now.set(start().plus_seconds(days * DAY));
        assert!(!device.sync_again().unwrap().is_success(), "the timestamp expired");
        assert_eq!(device.trusted(), last);
        let status = device.status();
        let list = status.documents.iter().find(|document| document.role == na()).unwrap();
        assert_eq!(list.freshness, freshness, "after {days} days");
        let worst = status.findings.iter().filter(|f| f.text.starts_with("na:")).map(|f| f.severity).max();
        assert_eq!(worst, severity, "after {days} days");
    }
}

#[test]
fn unwitnessed_logs_are_said_to_be_so() {
    let mut repository = Repository::new();
    repository.cosigners.clear();
    repository.publish(&na());
    repository.refresh();
    let device = Device::synced(&repository);
    let text = device.status().to_string();
    assert!(text.contains("WARNING  unwitnessed: split views not detectable"), "{text}");
    assert!(device.status().is_wrong());
}

#[test]
fn foreign_certificates_stay_when_told_to_unless_distrusted() {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    for keep_foreign in [true, false] {
        let mut device = Device::with(&repository, Options { keep_foreign, ..Options::default() });
        let bundle = device.path("everest/ca/v2g/V2G_ROOT_CA.pem");
        std::fs::create_dir_all(bundle.parent().unwrap()).unwrap();
        std::fs::write(&bundle, format!("by hand\n{}", roots()["evil"].to_pem())).unwrap();
        assert!(device.sync(&repository).is_success());
        let expected = if keep_foreign { set(&["alpha", "evil"]) } else { set(&["alpha"]) };
        assert_eq!(names_in(&bundle), expected);

        // Somebody replaces the file, as EVerest does: what we put there goes with the list, what
        // others put there stays.
        let both = format!("{}{}", roots()["alpha"].to_pem(), roots()["beta"].to_pem());
        std::fs::remove_file(&bundle).unwrap();
        std::fs::write(&bundle, both).unwrap();
        let mut next = repository.clone();
        next.set_anchors(&na(), &["gamma"]);
        next.publish(&na());
        next.refresh();
        assert!(device.sync(&next).is_success());
        assert_eq!(names_in(&bundle), if keep_foreign { set(&["beta"]) } else { set(&[]) });
        device.assert_sound();

        next.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
        next.publish(&na());
        next.refresh();
        assert!(device.sync(&next).is_success());
        assert_eq!(names_in(&bundle), set(&[]));
    }
}

#[test]
fn the_command_runs_after_a_change_and_again_until_it_succeeds() {
    let mut repository = Repository::new();
    let folder = tempfile::tempdir().unwrap();
    let (ran, fails) = (folder.path().join("ran"), folder.path().join("fails"));
    let script = format!("echo x >> {}; test ! -e {}", ran.display(), fails.display());
    let command = vec!["/bin/sh".to_owned(), "-c".to_owned(), script];
    let mut device = Device::with(&repository, Options { command, ..Options::default() });
    let runs = || std::fs::read_to_string(&ran).map_or(0, |text| text.lines().count());
    assert!(device.sync(&repository).is_success());
    assert_eq!(runs(), 2, "once for each of the two sinks");
    assert!(device.sync(&repository).is_success());
    assert_eq!(runs(), 2, "nothing changed");

    std::fs::write(&fails, "").unwrap();
    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert_eq!(report.problems.len(), 2, "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha"]), "the change itself stands");
    assert!(device.status().to_string().contains("has not succeeded yet"));

    std::fs::remove_file(&fails).unwrap();
    device.restart(Box::new(Unflushed));
    assert!(device.sync(&repository).is_success());
    assert_eq!(runs(), 6);
    assert!(device.sync(&repository).is_success());
    assert_eq!(runs(), 6);
}

#[test]
fn a_cross_certificate_is_written_to_the_pem_sink_only() {
    let mut repository = Repository::new();
    let not_before = start().minus_seconds(DAY).unix();
    let spec = |name: &str| {
        ctl_sandbox::PkiSpec::new(
            ctl_sandbox::PkiKind::V2g,
            name,
            "DE",
            name,
            "client tests",
            start().minus_seconds(30 * DAY).unix(),
        )
    };
    let alpha = ctl_sandbox::Pki::generate(&spec("alpha")).unwrap();
    let end = start().plus_seconds(900 * DAY).unix();
    let cross = ctl_sandbox::cross_certify(alpha.root(), &roots()["beta"], not_before, end).unwrap();
    let digest = ctl_core::Digest::from_bytes(cross.sha256());
    repository.documents.get_mut(&na()).unwrap()["cross_certificates"] = json!([{
        "certificate": ctl_core::parts::Der(cross.der().to_vec()), "decision": 0,
        "fingerprint": digest, "issuer": fingerprint("alpha"), "name": "alpha for beta",
        "since": start(), "status": "usable", "subject": fingerprint("beta"),
    }]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::synced(&repository);
    let file = device.path("pem/current/cross-certificates.pem");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), cross.to_pem());
    assert!(!device.everest().contains("cross"));
    // What its reader misses, and what it finds without, is told.
    let status = device.status();
    let note =
        "beta is cross-certified by alpha, and cross-certificates are not read here: its own root is written";
    assert_eq!(status.to_string().matches(note).count(), 1, "{status}");
    assert!(!status.is_wrong());

    repository.set_notices(vec![notice(1, "na", "beta", repository.now.plus_seconds(DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    device.sync(&repository);
    assert!(!file.exists(), "no way round a suspension");
}

#[test]
fn a_running_sync_ends_at_once_and_leaves_nothing_half_done() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    repository.write(&device.path("repository"));
    block_on(async {
        let sync = device.client.sync();
        // Polled once and dropped, as by a signal.
        tokio::select! { biased; _ = std::future::ready(()) => {}, _ = sync => {} }
    });
    assert!(device.sync_again().unwrap().is_success());
    device.assert_sound();
}
