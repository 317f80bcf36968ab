//! What every sink promises, asked of each kind; and what a sync does with one that takes its time and takes a
//! change only in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ctl_client::ClientError;
use ctl_client::config::{CommandConfig, FilesConfig, SinkConfig};
use ctl_client::files::Disk;
use ctl_client::sink::{self, Applied, Plan, Sink};
use ctl_client::store::TrustStore;
use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::role::Role;
use ctl_core::tuf::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::backend::Backend;
use crate::common::device::{block_on, set};
use crate::common::power::{Power, Unflushed};
use crate::common::sinks::{certificates_in, problems};
use crate::common::*;

/// Puts something into a sink by hand.
type Put = Box<dyn Fn(&str)>;

/// A sink, and what its readers see of it.
struct Subject {
    sink: Box<dyn Sink>,
    seen: Box<dyn Fn() -> BTreeSet<Digest>>,
    /// Somebody else puts a certificate there, where others may.
    put: Option<Put>,
    /// Whether it recognises only certificates that stood on a list once.
    knows_listed_alone: bool,
    _folder: TempDir,
}

/// A kind of sinks that are files: its configuration at a place, the folders that its readers look into, and a file
/// that somebody else writes to.
struct FileKind {
    config: fn(PathBuf) -> SinkConfig,
    folders: &'static [&'static str],
    by_hand: Option<&'static str>,
}

fn file_kinds() -> [FileKind; 6] {
    [
        FileKind {
            config: |path| SinkConfig::Pem(FilesConfig::at(path)),
            folders: &["current"],
            by_hand: Some("current/by-hand.pem"),
        },
        FileKind {
            config: |path| SinkConfig::Everest(FilesConfig::at(path)),
            folders: &["ca/v2g", "ca/mo"],
            by_hand: Some("ca/v2g/V2G_ROOT_CA.pem"),
        },
        FileKind {
            config: |path| {
                let order = vec![fingerprint("alpha")];
                SinkConfig::Josev(FilesConfig { order, ..FilesConfig::at(path) })
            },
            folders: &["iso15118_2/certs", "iso15118_20/certs"],
            by_hand: Some("iso15118_2/certs/v2gRootCACert.pem"),
        },
        FileKind {
            config: |path| SinkConfig::P7c(FilesConfig::at(path.join("roots.p7c"))),
            folders: &[""],
            by_hand: Some("roots.p7c"),
        },
        FileKind {
            config: |path| SinkConfig::Manifest(FilesConfig::at(path.join("trust.json"))),
            folders: &[""],
            by_hand: None,
        },
        FileKind {
            config: |path| {
                SinkConfig::Command(CommandConfig {
                    path,
                    program: vec!["/bin/true".into()],
                    seconds: 60,
                    selection: None,
                })
            },
            folders: &["current"],
            by_hand: None,
        },
    ]
}

/// Somebody adds a certificate to a file.
fn put(file: &Path, name: &str) {
    let mut bytes = std::fs::read(file).unwrap_or_default();
    if file.extension().is_some_and(|ending| ending == "p7c") {
        let mut all = certificates_in(&bytes);
        all.push(roots()[name].clone());
        bytes = ctl_formats::certificates_to_pkcs7(&all).unwrap();
    } else {
        bytes.extend_from_slice(roots()[name].to_pem().as_bytes());
    }
    std::fs::write(file, bytes).unwrap();
}

impl FileKind {
    /// Filled with nothing yet.
    fn subject(&self) -> Subject {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let sink = sink::open(&(self.config)(path.clone()));
        let folders: Vec<PathBuf> = self.folders.iter().map(|name| path.join(name)).collect();
        let by_hand = self.by_hand.map(|name| path.join(name));
        Subject {
            sink,
            seen: Box::new(move || {
                let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
                // A link that leads nowhere yet is no file.
                let contents = files.filter_map(|file| std::fs::read(file.unwrap().path()).ok());
                let found = contents.flat_map(|bytes| certificates_in(&bytes));
                found.map(|certificate| Digest::from_bytes(certificate.sha256())).collect()
            }),
            put: by_hand.map(|by_hand| Box::new(move |name: &str| put(&by_hand, name)) as Box<dyn Fn(&str)>),
            knows_listed_alone: false,
            _folder: folder,
        }
    }
}

/// Every kind, filled with nothing yet.
fn subjects() -> Vec<Subject> {
    let mut subjects: Vec<Subject> = file_kinds().iter().map(FileKind::subject).collect();
    let backend = Backend::default();
    let (seen, put) = (backend.clone(), backend.clone());
    subjects.push(Subject {
        sink: Box::new(backend),
        seen: Box::new(move || seen.holds.borrow().keys().copied().collect()),
        put: Some(Box::new(move |name| {
            put.holds.borrow_mut().insert(fingerprint(name), roots()[name].clone());
        })),
        knows_listed_alone: false,
        _folder: tempfile::tempdir().unwrap(),
    });
    #[cfg(feature = "back-end")]
    subjects.push(stations());
    subjects
}

/// A charging station behind a back end that says what it holds. What does not apply to it:
/// - what others put there is told after it was read, so a plan before that does not name it;
/// - it names certificates by hashes, so what stood on no list is recognised by nobody (`knows_listed_alone`);
/// - what stays although no list names it is told as a station that waits, not as a change that is whole;
/// - it is no folder that is exchanged in one step: cut power is the matter of `csms::power_cuts`;
/// - a back end without a read-back (MaEVe) holds nothing that anybody could see, and is not asked here.
#[cfg(feature = "back-end")]
fn stations() -> Subject {
    use crate::csms::back_end::Csms;
    use ctl_client::csms::{StationsSink, config::Brand};
    let folder = tempfile::tempdir().unwrap();
    let csms = Csms::start(&["CP1"]);
    let sink = StationsSink::new(Brand::Steve, csms.config(Brand::Steve, folder.path()));
    let put = csms.clone();
    Subject {
        sink: Box::new(sink.with_clock(start)),
        seen: Box::new(move || csms.holds("CP1").iter().map(|(_, name)| fingerprint(name)).collect()),
        put: Some(Box::new(move |name| {
            put.put("CP1", "V2GRootCertificate", roots().get_key_value(name).unwrap().0)
        })),
        knows_listed_alone: true,
        _folder: folder,
    }
}

fn store(anchors: &[Value], distrust: &[&str]) -> TrustStore {
    let mut anchors = anchors.to_vec();
    anchors.sort_by_key(|anchor| anchor["fingerprint"].as_str().unwrap().to_owned());
    let distrust: Vec<Value> = distrust.iter().map(|name| distrusted("spki", spki(name))).collect();
    let list: ListPayload = serde_json::from_value(json!({
        "anchors": anchors, "cross_certificates": [], "distrusted": distrust, "environment": "test", "format": 1,
        "issued_at": start(), "list": "na", "next_update": start(), "previous": Digest::ZERO,
        "log": { "origin": ORIGIN, "root_hash": Digest::ZERO, "size": 0 }, "scheme": Digest::ZERO,
        "policy": { "name": "policy", "sha256": Digest::ZERO, "version": "1" }, "sequence": 1,
        "type": ListPayload::TYPE,
    }))
    .unwrap();
    TrustStore::new(&[&list], &[], &BTreeMap::new(), Clock::Known(start()))
}

fn of(names: &[&str]) -> TrustStore {
    store(&names.iter().map(|name| anchor(name)).collect::<Vec<_>>(), &[])
}

fn fingerprints(names: &[&str]) -> BTreeSet<Digest> {
    names.iter().map(|name| fingerprint(name)).collect()
}

impl Subject {
    fn plan(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Plan {
        block_on(self.sink.plan(store, placed)).unwrap()
    }

    /// Makes the sink hold what follows from a store; gives what it must be told next time.
    fn fill(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Plan {
        let plan = self.plan(store, placed);
        let applied = block_on(async { self.sink.prepare(&Unflushed, &plan).await?.apply().await });
        // What stays is said by a station that waits for others.
        let is_well = |applied: &Applied| match self.knows_listed_alone {
            false => *applied == Applied::Whole,
            true => !matches!(applied, Applied::Partly { .. }),
        };
        assert!(applied.as_ref().is_ok_and(is_well), "{}: {applied:?}", self.sink.name());
        plan
    }
}

#[test]
fn nothing_changes_before_a_change_is_applied_and_then_all_of_it_has() {
    for subject in subjects() {
        let (name, nothing) = (subject.sink.name(), BTreeSet::new());
        assert!(!subject.sink.was_filled(), "{name}");
        let store = of(&["alpha", "gamma"]);
        let plan = subject.plan(&store, &nothing);
        assert!(!plan.in_place, "{name}");
        assert_eq!((subject.seen)(), nothing, "{name}");
        block_on(async { subject.sink.prepare(&Disk, &plan).await?.discard().await }).unwrap();
        assert_eq!((subject.seen)(), nothing, "{name}");
        assert_eq!(subject.plan(&store, &nothing).digest(), plan.digest(), "{name}: equal input, equal plan");

        let plan = subject.fill(&store, &nothing);
        assert_eq!((subject.seen)(), fingerprints(&["alpha", "gamma"]), "{name}");
        assert!(subject.sink.was_filled(), "{name}");
        let again = subject.plan(&store, &plan.placed);
        assert!(again.in_place && again.complaints.is_empty(), "{name}");
        assert_eq!(again.ours, fingerprints(&["alpha", "gamma"]), "{name}");
        assert_eq!(subject.sink.name(), name, "a name is for ever");
    }
}

#[test]
fn what_others_put_there_stays_and_what_a_list_drops_goes() {
    for subject in subjects() {
        let name = subject.sink.name();
        let placed = subject.fill(&of(&["alpha", "beta", "gamma"]), &BTreeSet::new()).placed;
        let Some(put) = &subject.put else { continue };
        put("evil");
        let placed = subject.fill(&of(&["alpha", "gamma"]), &placed).placed;
        assert_eq!((subject.seen)(), fingerprints(&["alpha", "gamma", "evil"]), "{name}");
        if subject.knows_listed_alone {
            subject.fill(&of(&["alpha", "gamma", "evil"]), &placed);
            subject.fill(&of(&["alpha", "gamma"]), &placed);
            assert!((subject.seen)().contains(&fingerprint("evil")), "{name}: not put there from here");
        }
        let plan = subject.plan(&of(&["alpha", "gamma"]), &placed);
        assert_eq!(plan.foreign, fingerprints(&["evil"]), "{name}");
        assert!(plan.placed.contains(&fingerprint("beta")), "{name}: once ours, never somebody else's");
        // Distrust is for everybody.
        let distrusting = store(&[anchor("alpha"), anchor("gamma")], &["evil"]);
        subject.fill(&distrusting, &plan.placed);
        assert_eq!((subject.seen)(), fingerprints(&["alpha", "gamma"]), "{name}");
    }
}

#[test]
fn absence_empties_no_sink_and_distrust_does() {
    for subject in subjects() {
        let name = subject.sink.name();
        let placed = subject.fill(&of(&["alpha", "beta"]), &BTreeSet::new()).placed;
        // All that is listed now carries a constraint that no certificate file can express.
        let carried = [constrained("alpha", "mo_ids", json!(["USEVG"]), true)];
        let plan = subject.plan(&store(&carried, &[]), &placed);
        assert!(
            plan.complaints.iter().any(|error| {
                matches!(error, ClientError::WouldBeEmpty { .. } | ClientError::TrustsNobody { .. })
            }),
            "{name}: {:?}",
            plan.complaints
        );
        subject.fill(&store(&carried, &["beta"]), &placed);
        assert_eq!((subject.seen)(), fingerprints(&["alpha"]), "{name}");
    }
}

#[test]
fn power_lost_between_any_two_operations_on_files_leaves_what_was_there_or_what_comes() {
    let (old, new) = (of(&["alpha", "gamma"]), of(&["beta", "gamma"]));
    let all = [fingerprints(&[]), fingerprints(&["alpha", "gamma"]), fingerprints(&["beta", "gamma"])];
    for kind in file_kinds() {
        for (loses, filled) in [(false, false), (false, true), (true, false), (true, true)] {
            for k in 0.. {
                let subject = kind.subject();
                let (from, to) = (usize::from(filled), usize::from(filled) + 1);
                let mut placed = BTreeSet::new();
                if filled {
                    placed = subject.fill(&old, &placed).placed;
                }
                let store = if filled { &new } else { &old };
                let plan = subject.plan(store, &placed);
                let power = Power::failing(k, loses);
                let _ = block_on(async { subject.sink.prepare(&power, &plan).await?.apply().await });
                let (seen, name) = ((subject.seen)(), subject.sink.name());
                let told = format!("{name}: operation {k}, loses {loses}, filled {filled}");
                assert!(seen == all[from] || seen == all[to], "{told}: {seen:?}");
                // By then the client remembers what it was about to put there.
                subject.fill(store, &plan.placed);
                assert_eq!((subject.seen)(), all[to], "{told}");
                if !power.has_failed() {
                    assert!(k > 5, "{told}");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_sink_that_takes_a_change_in_parts_is_tried_again_until_it_holds_all_of_it() {
    let repository = Repository::new();
    let backend = Backend::default();
    backend.takes.set(Some(2));
    let mut device = Device::new(&repository).with_sink(backend.clone());
    let report = device.sync(&repository);
    assert!(!report.is_success() && !report.is_complete(), "{report:?}");
    let text = problems(&report);
    assert!(text.contains("holds only some of what it should") && text.contains("takes no more"), "{text}");
    assert!(report.changed.contains(&"backend pretend".to_owned()), "{report:?}");
    // The other sinks are as they should be, and the state knows whose the certificates are.
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert_eq!(backend.holds.borrow().len(), 2);
    let status = device.status();
    let line = status.sinks.iter().find(|line| line.sink == "backend pretend").unwrap();
    assert!(!line.in_place && line.foreign == 0 && status.is_wrong(), "{status}");
    assert!(!block_on(device.client.verify()).unwrap().problems.is_empty());

    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(backend.holds.borrow().len(), 3);
    assert!(!device.status().is_wrong(), "{}", device.status());
    let report = device.sync(&repository);
    assert!(report.is_success() && report.changed.is_empty(), "{report:?}");
}

#[test]
fn a_sink_that_does_not_answer_keeps_nothing_from_the_others_and_is_asked_again() {
    let mut repository = Repository::new();
    let backend = Backend::default();
    let mut device = Device::new(&repository).with_sink(backend.clone());
    assert!(device.sync(&repository).is_success());
    repository.pass(60);
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    backend.down.set(true);
    let report = device.sync(&repository);
    assert!(problems(&report).contains("does not answer") && !report.is_complete(), "{report:?}");
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    assert!(device.status().is_wrong());
    backend.down.set(false);
    assert!(device.sync(&repository).is_success());
    assert!(!backend.holds.borrow().contains_key(&fingerprint("beta")), "the suspension has arrived");
}

#[test]
fn what_the_operators_command_refuses_is_not_sent_to_a_back_end() {
    let repository = Repository::new();
    let backend = Backend { check: vec!["/bin/false".into()], ..Backend::default() };
    let mut device = Device::new(&repository).with_sink(backend.clone());
    let report = device.sync(&repository);
    assert!(problems(&report).contains("backend pretend"), "{report:?}");
    assert!(backend.holds.borrow().is_empty());
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}
