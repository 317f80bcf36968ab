//! `preflight`: what is in place is looked at before a charger relies on it, and each thing that spoils a store is told with
//! its place and what to do.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use ctl_client::ask::{Preflight, Problem, Reader};
use ctl_client::config::{CommandConfig, FilesConfig, SinkConfig};
use serde_json::json;

use crate::common::device::{Options, block_on};
use crate::common::sinks::{V2G, replacing, with_anchors};
use crate::common::*;

fn preflight(device: &Device) -> Preflight {
    block_on(device.client.preflight(None)).unwrap()
}

/// All that is worse than a note.
fn wrong(found: &Preflight) -> Vec<&Problem> {
    let problems = found.stores.iter().flat_map(|store| &store.problems);
    problems
        .chain(found.sinks.iter().map(|(_, problem)| problem))
        .filter(|problem| problem.is_wrong())
        .collect()
}

/// The problems of the V2G bundle.
fn of_v2g(found: &Preflight) -> Vec<&Problem> {
    let store = found.stores.iter().find(|store| store.file.ends_with("V2G_ROOT_CA.pem"));
    let store = store.unwrap_or_else(|| panic!("{found:?}"));
    store.problems.iter().collect()
}

fn spoil(device: &Device, bytes: impl AsRef<[u8]>) {
    // Through the link, into the file that readers see.
    fs::write(device.path(V2G), bytes).unwrap();
}

#[test]
fn a_device_that_synced_is_ready() {
    let device = Device::synced(&Repository::new());
    let found = preflight(&device);
    assert!(wrong(&found).is_empty(), "{found:?}");
    // One file for each anchor, two bundles, and EVerest's two.
    assert_eq!(found.stores.len(), 7, "{found:?}");
    assert!(found.stores.iter().all(|store| store.inspection.as_ref().unwrap().readable));
    let v2g = found.stores.iter().find(|store| store.file.ends_with("V2G_ROOT_CA.pem")).unwrap();
    assert_eq!(v2g.inspection.as_ref().unwrap().ours, 2);
}

/// A device with every kind of sink of files.
fn with_all_kinds(repository: &Repository) -> Device {
    let device = Device::new(repository);
    let at = |name: &str| FilesConfig::at(device.path(name));
    let order = vec![fingerprint("alpha")];
    let command = CommandConfig {
        path: device.path("handed"),
        program: vec!["true".into()],
        seconds: 10,
        selection: None,
    };
    let configs = [
        SinkConfig::Josev(FilesConfig { order, ..at("josev") }),
        SinkConfig::P7c(at("roots.p7c")),
        SinkConfig::Manifest(at("trust.json")),
        SinkConfig::Command(command),
    ];
    let sinks = configs.iter().map(ctl_client::sink::open).collect();
    let mut device = device.with_sinks(sinks);
    let report = device.sync(repository);
    assert!(report.is_success(), "{:?}", report.problems);
    device
}

#[test]
fn every_kind_of_sink_is_read_as_its_reader_does() {
    let mut device = with_all_kinds(&Repository::new());
    let found = preflight(&device);
    assert!(wrong(&found).is_empty(), "{:?}", wrong(&found));
    let files = [
        "josev/iso15118_2/certs/moRootCACert.der",
        "roots.p7c",
        "trust.json",
        "handed/current/manifest.json",
    ];
    for file in files {
        let path = device.path(file);
        let report = |found: &Preflight| {
            found.stores.iter().find(|store| store.file == path.display().to_string()).unwrap().clone()
        };
        let first = report(&preflight(&device)).inspection.unwrap();
        assert!(first.readable && first.ours == first.certificates && first.ours > 0, "{file}: {first:?}");
        let good = fs::read(&path).unwrap();
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        let spoilt = report(&preflight(&device));
        assert!(!spoilt.inspection.unwrap().readable && spoilt.problems[0].is_wrong(), "{file}");
        // What it says to do helps.
        assert_eq!(spoilt.problems[0].remedy, "move it away, and run sync");
        fs::remove_file(&path).unwrap();
        let told = report(&preflight(&device));
        assert!(
            told.problems[0].rule == "absent" || told.problems[0].rule == "dangling-link",
            "{file}: {told:?}"
        );
        device.sync_again().unwrap();
        assert!(wrong(&preflight(&device)).is_empty(), "{file}: {:?}", wrong(&preflight(&device)));
    }
    // A file that takes one root holds another one.
    let der = device.path("josev/iso15118_2/certs/v2gRootCACert.der");
    fs::write(&der, roots()["beta"].der()).unwrap();
    let found = preflight(&device);
    let rules: Vec<&str> = wrong(&found).iter().map(|problem| problem.rule).collect();
    assert!(rules.contains(&"nothing-of-ours"), "{rules:?}");
}

#[test]
fn a_certificate_s_place_is_told_in_every_kind_of_sink() {
    let device = with_all_kinds(&Repository::new());
    let known = device.client.known().unwrap();
    for (root, name) in
        [("gamma", "moRootCACert.der"), ("alpha", "v2gRootCACert.der"), ("alpha", "v2gRootCACert.pem")]
    {
        let files: Vec<String> =
            known.places(fingerprint(root)).into_iter().flat_map(|sink| sink.files).collect();
        for file in [name, "roots.p7c", "trust.json", "manifest.json"] {
            assert!(files.iter().any(|path| path.ends_with(file)), "{root}, {file}: {files:?}");
        }
    }
    // What the PKCS#7 holds is explained piece by piece.
    let list = fs::read(device.path("roots.p7c")).unwrap();
    let found = ctl_client::ask::explain(&known, &[("roots.p7c".into(), list)]);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| one.verdict == ctl_client::ask::Verdict::Trusted), "{found:?}");
}

#[test]
fn words_of_others_before_a_store_of_nobody_are_no_alarm() {
    let mut repository = Repository::new();
    let mut device = Device::new(&repository);
    device.sync(&with_anchors(&mut repository, &["alpha", "beta"]));
    let mo = device.path("everest/ca/mo/MO_ROOT_CA.pem");
    let nobody = fs::read_to_string(&mo).unwrap();
    fs::write(&mo, format!("# by hand\n{nobody}")).unwrap();
    let found = preflight(&device);
    assert!(wrong(&found).is_empty(), "{:?}", wrong(&found));
    fs::write(&mo, format!("{nobody}{}", roots()["evil"].to_pem())).unwrap();
    let found = preflight(&device);
    let store = found.stores.iter().find(|store| store.file.ends_with("MO_ROOT_CA.pem")).unwrap();
    let lines = nobody.lines().count() + 1;
    assert!(
        store.problems[0].rule == "foreign" && store.problems[0].line == Some(lines),
        "{:?}",
        store.problems
    );
}

#[test]
fn a_device_that_never_synced_is_not() {
    let device = Device::new(&Repository::new());
    assert!(block_on(device.client.preflight(None)).unwrap_err().to_string().contains("run sync"));
}

#[test]
fn an_empty_store_is_told_wherever_roots_belong_there() {
    let mut repository = Repository::new();
    let mut device = Device::new(&repository);
    device.sync(&with_anchors(&mut repository, &["alpha", "beta"]));
    // The lists name nobody for MO: that is how EVerest is told, and worth knowing.
    let found = preflight(&device);
    assert!(wrong(&found).is_empty(), "{found:?}");
    let mo = found.stores.iter().find(|store| store.file.ends_with("MO_ROOT_CA.pem")).unwrap();
    assert_eq!(mo.problems[0].rule, "nobody");
    let nobody = fs::read_to_string(device.path("everest/ca/mo/MO_ROOT_CA.pem")).unwrap();
    for (nothing, rule) in [("", "empty"), (" \n", "empty"), (&nobody, "nobody")] {
        spoil(&device, nothing);
        let found = preflight(&device);
        let told = of_v2g(&found);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].rule == rule && told[0].remedy == "run sync", "{told:?}");
    }
    // And what is said helps.
    assert!(device.sync(&repository).is_success());
    assert!(wrong(&preflight(&device)).is_empty());
}

#[test]
fn each_way_to_spoil_a_store_is_told_with_its_place() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let good = fs::read_to_string(device.path(V2G)).unwrap();
    let lines = good.lines().count();
    let (evil, gamma) = (roots()["evil"].to_pem(), roots()["gamma"].to_pem());
    let sub = ctl_sandbox::Pki::generate(&ctl_sandbox::PkiSpec::new(
        ctl_sandbox::PkiKind::V2g,
        "alpha",
        "DE",
        "alpha",
        "client tests",
        start().minus_seconds(30 * DAY).unix(),
    ))
    .unwrap();
    let sub = sub.get(ctl_sandbox::Role::CpoSub1).unwrap().certificate().to_pem();
    let second = good[1..].find("-----BEGIN").unwrap() + 1;
    let after = lines + 1;
    for (bytes, rule, line) in [
        (good.as_bytes()[..second].to_vec(), "missing", None),
        (evil.clone().into_bytes(), "nothing-of-ours", None),
        (format!("{good}{}", &good[..second]).into_bytes(), "duplicate", Some(after)),
        (format!("{good}{gamma}").into_bytes(), "other-use", Some(after)),
        (format!("{good}{sub}").into_bytes(), "no-root", Some(after)),
        (format!("{good}{}", &evil[..200]).into_bytes(), "unreadable", Some(after)),
        (format!("{good}{}", evil.replace("MII", "M!I")).into_bytes(), "unreadable", Some(after)),
        (format!("{good}{}", evil.replace(" CERT", " TRUSTED CERT")).into_bytes(), "unreadable", Some(after)),
        (
            format!("{good}-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n").into_bytes(),
            "private-key",
            Some(after),
        ),
        (
            format!("{good}-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n").into_bytes(),
            "other-block",
            Some(after),
        ),
        (format!("\u{feff}{good}").into_bytes(), "byte-order-mark", None),
        (roots()["alpha"].der().to_vec(), "der", None),
        (good.replace('\n', " \n").into_bytes(), "unreadable", Some(1)),
        ([good.as_bytes(), &[0xff, 0xfe]].concat(), "unreadable", None),
        (good.repeat(10_000_000 / good.len()).into_bytes(), "unreadable", None),
    ] {
        spoil(&device, &bytes);
        let found = preflight(&device);
        let told = of_v2g(&found);
        let wanted =
            told.iter().find(|problem| problem.rule == rule && (line.is_none() || problem.line == line));
        let wanted = wanted.unwrap_or_else(|| panic!("{rule}, line {line:?}: {told:?}"));
        assert!(wanted.is_wrong() && !wanted.remedy.is_empty(), "{wanted:?}");
        assert!(told.len() <= 51);
        // What devices cannot read is never called readable.
        let store = found.stores.iter().find(|store| store.file.ends_with("V2G_ROOT_CA.pem"));
        let store = store.unwrap_or_else(|| panic!("{found:?}"));
        let readable = ctl_pki::readable_bundle(&bytes).is_ok();
        assert_eq!(store.inspection.as_ref().unwrap().readable, readable, "{rule}");
        // What it says to do helps.
        if wanted.remedy == "run sync" {
            assert!(device.sync_again().unwrap().is_success());
        } else if line == Some(after) {
            let before = String::from_utf8(bytes).unwrap();
            spoil(&device, before.lines().take(lines).map(|line| format!("{line}\n")).collect::<String>());
        } else {
            continue;
        }
        assert!(wrong(&preflight(&device)).is_empty(), "{rule}");
    }
}

#[test]
fn what_others_put_beside_ours_is_worth_knowing_and_not_wrong() {
    let mut device = Device::synced(&Repository::new());
    let good = fs::read_to_string(device.path(V2G)).unwrap();
    spoil(&device, format!("{}{good}", roots()["evil"].to_pem()));
    assert!(device.sync_again().unwrap().is_success());
    let found = preflight(&device);
    assert!(wrong(&found).is_empty(), "{found:?}");
    let told = of_v2g(&found);
    assert!(told.len() == 1 && told[0].rule == "foreign" && told[0].line == Some(1), "{told:?}");
    // Where nothing of others may be, it is.
    let device = replacing(&Repository::new());
    let mut device = device;
    device.sync(&Repository::new());
    fs::write(device.path("pem/current/theirs.pem"), roots()["evil"].to_pem()).unwrap();
    let found = preflight(&device);
    assert!(found.stores.iter().any(|store| store.file.ends_with("theirs.pem")));
    assert!(wrong(&found).iter().any(|problem| problem.rule == "not-in-place"), "{found:?}");
}

#[test]
fn attack_a_distrusted_root_put_back_by_hand_is_told_with_who_distrusts_it() {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::synced(&repository);
    let good = fs::read_to_string(device.path(V2G)).unwrap();
    spoil(&device, format!("{good}{}", roots()["beta"].to_pem()));
    let found = preflight(&device);
    let told = of_v2g(&found);
    let told = told.iter().find(|problem| problem.rule == "distrusted").unwrap();
    assert!(told.problem.contains("list na, version 2, distrusts its key"), "{told:?}");
    assert_eq!(told.certificate, Some(fingerprint("beta")));
    assert!(device.sync(&repository).is_success() && wrong(&preflight(&device)).is_empty());
}

#[test]
fn certificates_out_of_their_time_are_told_as_far_as_the_clock_is_known() {
    let far = 100 * 365 * DAY;
    let repository = Repository::new();
    for (clock, now, rule) in [
        (true, start().minus_seconds(31 * DAY), None),
        (true, start(), None),
        (true, start().plus_seconds(far), Some("expired")),
        (false, start(), None),
    ] {
        let mut device = Device::with(&repository, Options { clock, ..Options::default() });
        device.sync(&repository);
        device.now.set(now);
        let found = preflight(&device);
        let rules: Vec<&str> = of_v2g(&found).iter().map(|problem| problem.rule).collect();
        assert_eq!(rules.first().copied(), rule, "{now}: {rules:?}");
    }
    // A root of next month, brought by somebody else.
    let spec = ctl_sandbox::PkiSpec::new(
        ctl_sandbox::PkiKind::V2g,
        "later",
        "DE",
        "later",
        "client tests",
        start().plus_seconds(30 * DAY).unix(),
    );
    let later = ctl_sandbox::Pki::generate(&spec).unwrap().root().certificate().to_pem();
    let device = Device::synced(&repository);
    let good = fs::read_to_string(device.path(V2G)).unwrap();
    spoil(&device, format!("{good}{later}"));
    assert!(of_v2g(&preflight(&device)).iter().any(|problem| problem.rule == "not-yet-valid"));
}

#[test]
fn attack_links_pipes_and_folders_in_the_place_of_a_store_are_told() {
    let repository = Repository::new();
    for (what, rule) in [
        ("nothing", "absent"),
        ("dangling", "dangling-link"),
        ("circle", "not-read"),
        ("folder", "directory"),
        ("pipe", "not-read"),
    ] {
        let device = Device::synced(&repository);
        let place = device.path(V2G);
        fs::remove_file(&place).unwrap();
        match what {
            "dangling" => symlink("nowhere", &place).unwrap(),
            "circle" => symlink(&place, &place).unwrap(),
            "folder" => fs::create_dir(&place).unwrap(),
            "pipe" => assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success()),
            _ => {}
        }
        let found = preflight(&device);
        let told = of_v2g(&found);
        assert_eq!(told[0].rule, rule, "{what}: {told:?}");
        assert!(!told[0].remedy.is_empty());
        // The other stores are looked at all the same.
        assert!(
            found
                .stores
                .iter()
                .any(|store| store.file.ends_with("MO_ROOT_CA.pem") && store.inspection.is_some())
        );
    }
}

#[test]
fn a_reader_that_may_not_read_is_told_which_folder_keeps_it_out() {
    let device = Device::synced(&Repository::new());
    let stranger = Reader { name: "everest".into(), uid: 4_000_000, groups: [].into() };
    fs::set_permissions(device.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let hindered = |device: &Device| {
        let found = block_on(device.client.preflight(Some(&stranger))).unwrap();
        of_v2g(&found).into_iter().find(|problem| problem.rule == "permission").cloned()
    };
    // Where temporary folders are closed to strangers, so is everything below.
    if hindered(&device).is_none() {
        fs::set_permissions(device.path("everest/.ctl-client"), fs::Permissions::from_mode(0o700)).unwrap();
        let told = hindered(&device).unwrap();
        assert!(
            told.problem.contains("user everest may not pass through") && told.remedy.contains("chmod"),
            "{told:?}"
        );
    }
}

#[test]
fn the_program_says_what_is_wrong_where_and_what_to_do() {
    let (folder, state) = crate::ask::of_today();
    let said = crate::ask::run(&["--dir", &state, "preflight"]);
    assert!(
        said.status.success() && crate::ask::text(&said).contains("nothing is wrong"),
        "{}",
        crate::ask::text(&said)
    );
    let place = folder.path().join(V2G);
    let good = fs::read_to_string(&place).unwrap();
    fs::write(&place, format!("{good}-----BEGIN \u{1b}[31m-----\nMAA=\n-----END \u{1b}[31m-----\n")).unwrap();
    for json in [&[][..], &["--json"]] {
        let said = crate::ask::run(&[&["--dir", &state, "preflight"], json].concat());
        let text = crate::ask::text(&said);
        assert!(!said.status.success() && !text.contains('\u{1b}'), "{text}");
        assert!(
            text.contains("V2G_ROOT_CA.pem") && text.contains("take this block out of the file"),
            "{text}"
        );
        let line = good.lines().count() + 1;
        assert!(
            text.contains(&format!("line {line} (byte {})", good.len()))
                || text.contains(&format!("\"line\": {line}"))
        );
    }
    let said = crate::ask::run(&["--dir", &state, "preflight", "--user", "no-such-user"]);
    assert!(!said.status.success() && crate::ask::text(&said).contains("no-such-user"));
}
