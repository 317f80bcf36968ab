//! The power is cut before each single operation on the medium, while a fleet is filled and while something is taken away
//! from it. Whatever it is cut before, no station is forgotten, none is given a root that is no longer trusted or whose
//! turn has not come, and in the end each holds what it should.

use ctl_client::csms::StationsSink;
use ctl_client::csms::rollout::StationsRollout;
use ctl_client::local::{Stage, place};

use super::*;
use crate::common::power::Power;

const HOUR: u64 = 3600;

/// Ids by their places in a roll-out, so that each has its part.
struct Parts {
    /// Does as it is told.
    honest: &'static str,
    /// Goes away once it is filled, or refuses to give anything back.
    leaves: &'static str,
    /// Takes nothing.
    refuses: &'static str,
    /// Its turn comes when all others have had theirs.
    waits: &'static str,
}

fn parts() -> Parts {
    let ids = || ["CP1", "CP2", "CP3", "CP4", "CP5", "CP6", "CP7", "CP8", "CP9"].into_iter();
    let mut first = ids().filter(|id| place(id) < 50.0);
    let mut next = || first.next().unwrap();
    let (honest, leaves, refuses) = (next(), next(), next());
    Parts { honest, leaves, refuses, waits: ids().find(|id| place(id) >= 50.0).unwrap() }
}

fn sink(csms: &Csms, device: &Device) -> StationsSink {
    let mut config = csms.config(Brand::Steve, device.folder.path());
    // One after the other, so that the same operation is the same one each time.
    config.at_once = 1;
    let stages = vec![Stage { after_hours: 0, percent: 50 }, Stage { after_hours: 20, percent: 100 }];
    config.rollout = Some(StationsRollout { stages, pause_percent: 100, pause_least: 1 });
    let now = device.now.clone();
    StationsSink::new(Brand::Steve, config).with_clock(move || now.get())
}

/// How often a root was sent to a station.
fn sent(csms: &Csms, name: &str) -> usize {
    let pem = roots()[name].to_pem().replace('\n', "\\n");
    let inside = csms.inside();
    let bodies = inside.requests.iter().filter_map(|(_, body)| body["data"].as_str());
    bodies.filter(|data| data.contains(&pem)).count()
}

/// One sync of a client that was just started.
fn sync(csms: &Csms, device: &mut Device, files: Box<dyn ctl_client::files::Files>, repository: &Repository) {
    let sink = sink(csms, device);
    device.restart_with(files, sink);
    let _ = device.try_sync(repository);
}

/// Fills the fleet, and takes a root away by the next list; gives whether the power was cut. The lists themselves are on
/// the device before, so that only the work for stations is cut.
fn story(
    device: &mut Device,
    [first, second, later, last]: &[Repository; 4],
    cut: usize,
    loses: bool,
) -> bool {
    let Parts { honest, leaves, refuses, waits } = parts();
    let told = format!("operation {cut}, loses {loses}");
    let csms = Csms::start(&[honest, leaves, refuses, waits]);
    csms.put(honest, V2G, "evil");
    csms.mood(refuses, Mood::Refuses);
    device.now.set(first.now);
    device.restore();
    let power = Power::failing(cut, loses);
    sync(&csms, device, Box::new(power.clone()), first);
    csms.mood(leaves, if cut.is_multiple_of(2) { Mood::Offline } else { Mood::Refuses });
    // The new list arrives.
    device.now.set(second.now);
    device.restart(Box::new(Unflushed));
    assert!(device.sync(second).is_success());
    let (before, unflushed) = (sent(&csms, "beta"), || Box::new(Unflushed));
    if !power.has_failed() {
        sync(&csms, device, Box::new(power.clone()), second);
    }
    let has_failed = power.has_failed();

    device.now.set(later.now);
    sync(&csms, device, unflushed(), later);
    let status = device.status();
    let lines = status.stations.values().next().unwrap();
    assert_eq!(lines.len(), 4, "{told}");
    for line in lines {
        let holds = csms.v2g(&line.station).contains("beta");
        assert!(!holds || line.may_hold_distrusted, "{told}: {line:?}");
        assert!(!line.reasons.iter().any(|reason| reason.contains("damaged")), "{told}: {line:?}");
    }
    assert_eq!(csms.v2g(honest), set(&["alpha", "evil"]), "{told}");
    assert_eq!(csms.v2g(waits), set(&[]), "{told}: nobody's turn comes early");

    [leaves, refuses].iter().for_each(|id| csms.mood(id, Mood::Honest));
    device.now.set(last.now);
    sync(&csms, device, unflushed(), last);
    assert_eq!(csms.v2g(honest), set(&["alpha", "evil"]), "{told}");
    for id in [leaves, refuses, waits] {
        assert_eq!(csms.v2g(id), set(&["alpha"]), "{told}: {id}");
    }
    let status = device.status();
    let lines = status.stations.values().next().unwrap();
    assert!(lines.iter().all(|line| line.standing == Standing::Installed), "{told}: {status}");
    assert_eq!(sent(&csms, "beta"), before, "{told}: a distrusted root was sent");
    assert!(!csms.inside().stations.values().any(|station| station.was_crowded), "{told}");
    has_failed
}

fn every_operation(loses: bool) {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["alpha", "beta"]);
    let first = with_anchors(&mut repository, &["alpha", "beta"]);
    let second = distrusting(&mut repository, &["alpha"], &["beta"]);
    let mut after = |hours: u64| {
        repository.pass(hours * HOUR);
        repository.refresh();
        repository.clone()
    };
    let all = [first.clone(), second, after(2), after(26)];
    let mut device = Device::new(&first);
    device.now.set(first.now);
    assert!(device.sync(&first).is_success());
    device.save();
    let operations = (0..).take_while(|cut| story(&mut device, &all, *cut, loses)).count();
    assert!(operations > 60, "{operations}");
}

#[test]
fn cut_before_any_operation_with_all_that_was_written_kept() {
    every_operation(false);
}

#[test]
fn cut_before_any_operation_with_all_that_was_not_flushed_lost() {
    every_operation(true);
}
