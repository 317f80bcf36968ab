//! Stories of a staged roll-out to charging stations, and attacks on its memory.

use ctl_client::csms::StationsSink;
use ctl_client::csms::rollout::StationsRollout;
use ctl_client::local::{Stage, place};

use super::*;

const IDS: [&str; 12] =
    ["CP1", "CP2", "CP3", "CP4", "CP5", "CP6", "CP7", "CP8", "CP9", "CP10", "CP11", "CP12"];
const HOUR: u64 = 3600;

/// Stations whose place among all is below this share.
fn before(percent: f64) -> Vec<&'static str> {
    IDS.into_iter().filter(|id| place(id) < percent).collect()
}

fn stages(stages: &[(u32, u8)]) -> StationsRollout {
    let stages = stages.iter().map(|&(after_hours, percent)| Stage { after_hours, percent }).collect();
    StationsRollout { stages, pause_percent: 10, pause_least: 2 }
}

/// Half of them at once, the others after a day.
fn halves() -> StationsRollout {
    stages(&[(0, 50), (24, 100)])
}

fn sink(csms: &Csms, device: &Device, brand: Brand, rollout: &StationsRollout) -> StationsSink {
    let mut config = csms.config(brand, device.folder.path());
    config.rollout = Some(rollout.clone());
    assert_eq!(config.problem(brand), None);
    let now = device.now.clone();
    StationsSink::new(brand, config).with_clock(move || now.get())
}

/// As after a restart of the client, perhaps with another configuration.
fn restart(csms: &Csms, device: &mut Device, rollout: &StationsRollout) {
    let sink = sink(csms, device, Brand::Citrineos, rollout);
    device.restart_with(Box::new(Unflushed), sink);
}

/// Hours go by, and the repository stays fresh.
fn pass(repository: &mut Repository, device: &Device, hours: u64) {
    device.now.set(device.now.get().plus_seconds(hours * HOUR));
    repository.pass(hours * HOUR);
    repository.refresh();
}

/// Those that hold a V2G root.
fn holders(csms: &Csms, name: &str) -> Vec<&'static str> {
    IDS.into_iter().filter(|id| csms.v2g(id).contains(name)).collect()
}

fn rollout_of(device: &Device) -> ctl_client::sink::StationRollout {
    device.status().sinks.iter().find_map(|sink| sink.rollout.clone()).unwrap()
}

/// A fleet that holds all of the first list.
fn filled(repository: &mut Repository, csms: &Csms, rollout: &StationsRollout) -> Device {
    let mut device = Device::new(repository);
    restart(csms, &mut device, rollout);
    device.sync(repository);
    pass(repository, &device, 24);
    let report = device.sync(repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(holders(csms, "alpha"), IDS);
    device
}

#[test]
fn additions_come_stage_by_stage_and_what_is_suspended_goes_everywhere_at_once() {
    for brand in [Brand::Citrineos, Brand::Steve, Brand::Maeve] {
        let mut repository = Repository::new();
        let csms = Csms::start(&IDS);
        let rollout = stages(&[(1, 25), (24, 60), (48, 100)]);
        let base = Device::new(&repository);
        let stations = sink(&csms, &base, brand, &rollout);
        let mut device = base.with_sink(stations);
        let held = |name: &str| -> Vec<&str> {
            IDS.into_iter().filter(|id| csms.holds(id).iter().any(|(_, held)| *held == name)).collect()
        };
        // An hour before anybody's turn.
        let report = device.sync(&repository);
        assert!(report.is_success(), "to wait is no problem: {}", problems(&report));
        assert_eq!(held("alpha"), Vec::<&str>::new());
        let began = device.now.get();
        for (stage, hours, percent) in [(1, 1, 25), (2, 24, 60), (3, 48, 100)] {
            let gone = device.now.get().seconds_since(began);
            let left = hours * HOUR - gone;
            repository.pass(left - 1);
            repository.refresh();
            device.now.set(began.plus_seconds(hours * HOUR - 1));
            device.sync(&repository);
            assert_eq!(held("alpha").len(), before(f64::from([0, 25, 60][stage - 1])).len(), "too early");
            if stage < 3 {
                let line = &rollout_of(&device).lines[0];
                assert_eq!((line.stage, line.next_at), (stage - 1, Some(began.plus_seconds(hours * HOUR))));
            }
            repository.pass(1);
            repository.refresh();
            device.now.set(began.plus_seconds(hours * HOUR));
            // Whatever order they are named in, and whenever the client begins anew, the same ones come first.
            let list = device.path("stations.txt");
            let restarted = sink(&csms, &device, brand, &rollout);
            device.restart_with(Box::new(Unflushed), restarted);
            std::fs::write(list, IDS.iter().rev().map(|id| format!("{id}\n")).collect::<String>()).unwrap();
            device.sync(&repository);
            assert_eq!(held("alpha"), before(f64::from(percent)), "stage {stage}");
            let status = device.status();
            assert!(!status.is_wrong(), "{status}");
            let found = counts(&device);
            assert_eq!(found.waiting, IDS.len() - held("alpha").len(), "{found}");
            if stage == 2 {
                assert!(
                    status.to_string().contains("roll-out: stage 2 of 3 (60 % of the stations)"),
                    "{status}"
                );
                let waits = format!("comes at {}", began.plus_seconds(48 * HOUR));
                let lines = status.stations.values().next().unwrap();
                let waiting = lines.iter().find(|line| line.standing == Standing::Waiting).unwrap();
                assert!(waiting.reasons.iter().all(|reason| reason.contains(&waits)), "{waiting:?}");
                let metrics = device.client.metrics(&status);
                assert!(metrics.contains("ctl_client_stations_rollout_stage{") && metrics.contains("} 2\n"));
                assert!(metrics.contains("standing=\"waiting\""), "{metrics}");
            }
        }
        pass(&mut repository, &device, 24);
        assert!(device.sync(&repository).is_success() && rollout_of(&device).lines.is_empty());
        if brand == Brand::Maeve {
            continue;
        }
        // Meanwhile a station has a root of somebody else's that no turn keeps there.
        csms.put(IDS[0], V2G, "evil");
        suspend(&mut repository, "beta");
        assert!(device.sync(&repository).is_success());
        assert_eq!(held("beta"), Vec::<&str>::new());
        let next = with_anchors(&mut repository, &["alpha", "gamma", "evil"]);
        assert!(device.sync(&next).is_success());
        assert_eq!(held("evil"), [IDS[0]], "nobody's turn has come");
        let next = distrusting(&mut repository, &["alpha", "gamma"], &["evil"]);
        assert!(device.sync(&next).is_success());
        assert_eq!(held("evil"), Vec::<&str>::new());
        assert_eq!(held("alpha"), IDS);
    }
}

#[test]
fn too_many_refusals_pause_it_until_the_operator_goes_on() {
    let mut repository = Repository::new();
    let csms = Csms::start(&IDS);
    let mut rollout = halves();
    let mut device = filled(&mut repository, &csms, &rollout);
    let first = before(50.0);
    let (refusing, offline) = (&first[..2], first[2]);
    refusing.iter().for_each(|id| csms.mood(id, Mood::Refuses));
    csms.mood(offline, Mood::Offline);
    let next = with_anchors(&mut repository, &["alpha", "beta", "evil", "gamma"]);
    let report = device.sync(&next);
    assert!(problems(&report).contains("the roll-out is paused: 2 of the"), "{}", problems(&report));
    let pause = rollout_of(&device).paused.unwrap();
    assert!(pause.reason.contains("a pause_percent above 10"), "{pause:?}");
    let status = device.status();
    assert!(status.is_wrong() && status.to_string().contains("PAUSED since"), "{status}");
    assert!(device.client.metrics(&status).contains("stations_rollout_paused{"), "{status}");
    assert!(rollout_of(&device).lines[0].next_at.is_none());

    // Neither time nor a restart nor a lower number makes it go on; a removal knows of no pause.
    let held = holders(&csms, "evil");
    csms.mood(offline, Mood::Honest);
    refusing.iter().for_each(|id| csms.mood(id, Mood::Honest));
    for percent in [10, 5, 10] {
        rollout.pause_percent = percent;
        restart(&csms, &mut device, &rollout);
        pass(&mut repository, &device, 25);
        device.sync(&repository);
        assert_eq!(holders(&csms, "evil"), held, "{percent}");
        assert!(rollout_of(&device).paused.is_some());
    }
    suspend(&mut repository, "beta");
    device.sync(&repository);
    assert_eq!(holders(&csms, "beta"), Vec::<&str>::new());

    // It goes on with the stage that it was in: the hours of the pause do not count.
    rollout.pause_percent = 11;
    restart(&csms, &mut device, &rollout);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!((holders(&csms, "evil"), rollout_of(&device).paused), (first.clone(), None));
    pass(&mut repository, &device, 23);
    device.sync(&repository);
    assert_eq!(holders(&csms, "evil"), first);
    pass(&mut repository, &device, 1);
    assert!(device.sync(&repository).is_success());
    assert_eq!(holders(&csms, "evil"), IDS);
}

#[test]
fn few_refusals_silence_and_old_ones_pause_nothing_and_a_pause_ends_with_what_was_refused() {
    let mut repository = Repository::new();
    let csms = Csms::start(&IDS);
    csms.inside().answer_seconds = SOON;
    let mut device = filled(&mut repository, &csms, &halves());
    let first = before(50.0);
    csms.mood(first[0], Mood::Refuses);
    csms.mood(first[1], Mood::Offline);
    csms.mood(first[2], Mood::Silent);
    let next = with_anchors(&mut repository, &["alpha", "beta", "evil", "gamma"]);
    device.sync(&next);
    assert_eq!(rollout_of(&device).paused, None, "one is fewer than pause_least");
    [first[1], first[2]].iter().for_each(|id| csms.mood(id, Mood::Refuses));
    pass(&mut repository, &device, 2);
    device.sync(&repository);
    assert!(rollout_of(&device).paused.is_some(), "{}", device.status());
    let next = with_anchors(&mut repository, &["alpha", "beta", "gamma"]);
    first.iter().for_each(|id| csms.mood(id, Mood::Honest));
    device.sync(&next);
    assert_eq!(rollout_of(&device).paused, None);
}

#[test]
fn a_pause_comes_before_the_crowd_is_asked() {
    let repository = Repository::new();
    let csms = Csms::start(&IDS);
    IDS.iter().for_each(|id| csms.mood(id, Mood::Refuses));
    let mut device = Device::new(&repository);
    let mut config = csms.config(Brand::Citrineos, device.folder.path());
    config.rollout = Some(stages(&[(0, 100)]));
    config.at_once = 1;
    let now = device.now.clone();
    let sink = StationsSink::new(Brand::Citrineos, config).with_clock(move || now.get());
    device.restart_with(Box::new(Unflushed), sink);
    device.sync(&repository);
    let asked = |(path, _): &&(String, serde_json::Value)| path.contains("/installCertificate");
    let asked: BTreeSet<String> =
        csms.inside().requests.iter().filter(asked).map(|(path, _)| path[..60].to_owned()).collect();
    assert_eq!(asked.len(), 2, "the second refusal was one too many: {asked:?}");
}

/// Whoever spoils what is remembered gets nothing added; what must go goes all the same.
#[test]
fn a_memory_that_cannot_be_read_adds_nothing_and_removes_all_the_same() {
    let mut repository = Repository::new();
    let csms = Csms::start(&IDS);
    let mut device = filled(&mut repository, &csms, &halves());
    let memory = std::fs::read_dir(device.path("state/stations")).unwrap().next().unwrap().unwrap().path();
    let memory = memory.join("rollout.json");
    let good = std::fs::read_to_string(&memory).unwrap();
    let next = with_anchors(&mut repository, &["alpha", "beta", "evil", "gamma"]);
    for (number, bad) in
        [good.replace("\"held\":0", "\"held\":9"), good[..40].to_owned(), String::new()].iter().enumerate()
    {
        std::fs::write(&memory, bad).unwrap();
        restart(&csms, &mut device, &halves());
        if number == 1 {
            suspend(&mut repository, "beta");
        }
        let report = device.sync(if number == 0 { &next } else { &repository });
        assert!(problems(&report).contains("no station is given anything new"), "{}", problems(&report));
        pass(&mut repository, &device, 25);
        device.sync(&repository);
        assert_eq!(holders(&csms, "evil"), Vec::<&str>::new());
        assert_eq!(holders(&csms, "beta").len(), if number == 0 { IDS.len() } else { 0 });
        assert_eq!(std::fs::read_to_string(&memory).unwrap(), *bad, "what is spoilt is left to people");
        assert!(device.status().to_string().contains("rollout.json: damaged"), "{}", device.status());
    }
    // A folder in its place is no better. Without it everything begins anew.
    std::fs::remove_file(&memory).unwrap();
    std::fs::create_dir(&memory).unwrap();
    device.sync(&repository);
    assert_eq!(holders(&csms, "evil"), Vec::<&str>::new());
    std::fs::remove_dir(&memory).unwrap();
    assert!(device.sync(&repository).is_success());
    assert_eq!(holders(&csms, "evil"), before(50.0));
    pass(&mut repository, &device, 24);
    assert!(device.sync(&repository).is_success());
    assert_eq!(holders(&csms, "evil"), IDS);
}

#[test]
fn what_replaces_all_that_distrust_took_from_a_store_waits_for_nobody() {
    let mut repository = Repository::new();
    let csms = Csms::start(&IDS);
    let mut device = filled(&mut repository, &csms, &halves());
    let next = distrusting(&mut repository, &["evil", "gamma"], &["alpha"]);
    assert!(device.sync(&next).is_success());
    assert_eq!(holders(&csms, "evil"), IDS, "no station is left without a V2G root for a day");
    assert_eq!(holders(&csms, "alpha"), Vec::<&str>::new());
}

#[test]
fn what_is_only_replaced_stays_until_its_successor_s_turn_has_come() {
    let mut repository = Repository::new();
    let csms = Csms::start(&IDS);
    let mut device = filled(&mut repository, &csms, &halves());
    let next = with_anchors(&mut repository, &["evil", "gamma"]);
    device.sync(&next);
    for id in IDS {
        let expected = if before(50.0).contains(&id) { set(&["evil"]) } else { set(&["alpha", "beta"]) };
        assert_eq!(csms.v2g(id), expected, "{id}");
    }
    pass(&mut repository, &device, 24);
    assert!(device.sync(&repository).is_success());
    IDS.iter().for_each(|id| assert_eq!(csms.v2g(id), set(&["evil"])));
}
