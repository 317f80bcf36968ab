//! Attacks on the way to charging stations: forged answers, a back end that fails or repeats what it was sent, a station that
//! lists too much, memory that somebody spoilt.

use std::time::{Duration, Instant};

use super::back_end::post;
use super::*;

#[test]
fn forged_late_and_repeated_answers_change_nothing() {
    let repository = Repository::new();
    let csms = Csms::start(&["CP1", "silent"]);
    csms.mood("silent", Mood::Silent);
    csms.inside().repeats = 3;
    csms.inside().answer_seconds = SOON;
    let mut device = device(&repository, &csms, Brand::Citrineos);
    repository.write(&device.path("repository"));
    block_on(async {
        device.client.sync().await.unwrap();
        // The client listens no longer than this runtime, and a repeated answer may come a little later.
        let begun = Instant::now();
        let all_came = || {
            let inside = csms.inside();
            inside.answered.len() >= 3 * inside.callbacks.len()
        };
        while !all_came() {
            assert!(begun.elapsed() < Duration::from_secs(60), "not every answer was repeated");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(csms.holds("CP1"), all());
    assert_eq!((counts(&device).installed, counts(&device).offline), (1, 1));
    let answered = csms.inside().answered.clone();
    let taken = answered.iter().filter(|status| **status == 200).count();
    assert_eq!(taken * 3, answered.len(), "each answer is taken once: {answered:?}");
    assert!(answered.iter().all(|status| [200, 404].contains(status)), "{answered:?}");
    let urls: BTreeSet<String> = csms.inside().callbacks.iter().map(|(url, _)| url.clone()).collect();
    assert_eq!(urls.len(), taken, "no address serves twice");
    for url in &urls {
        let token = url.rsplit('/').next().unwrap();
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{url}");
    }

    // While the client listens, nobody else is heard: not at guessed addresses, and not at those of before.
    let lie = json!({ "status": "NotFound" });
    block_on(async {
        device.now.set(device.now.get().plus_seconds(2 * DAY));
        csms.mood("silent", Mood::Honest);
        device.client.sync().await.unwrap();
        let (url, _) = csms.inside().callbacks.last().cloned().unwrap();
        let base = url.rsplit_once('/').unwrap().0.to_owned();
        let forged = tokio::task::spawn_blocking(move || {
            let tokens = [
                "0".repeat(32),
                "f".repeat(32),
                "../x".into(),
                "A".repeat(32),
                "0".repeat(33),
                String::new(),
            ];
            let mut statuses: Vec<u16> = tokens.map(|token| post(&format!("{base}/{token}"), &lie)).into();
            statuses.push(post(&url, &lie));
            statuses
        });
        assert!(forged.await.unwrap().iter().all(|status| (400..500).contains(status)));
    });
    assert_eq!(counts(&device).installed, 2);
    assert_eq!(csms.holds("silent"), all());
}

#[test]
fn a_back_end_that_fails_is_no_station_s_fault_and_its_words_are_not_its_secrets() {
    let repository = Repository::new();
    let csms = Csms::start(&["CP1", "CP2", "CP3"]);
    let base = Device::new(&repository);
    let mut config = csms.config(Brand::Citrineos, base.folder.path());
    let secret = base.path("token");
    std::fs::write(&secret, "very-secret-token\n").unwrap();
    config.bearer_file = Some(secret.clone());
    let sink = |config: &ctl_client::csms::config::BackEndConfig| {
        ctl_client::csms::StationsSink::new(Brand::Citrineos, config.clone())
    };
    let mode = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&secret, mode).unwrap();
    };
    mode(0o644);
    let mut device = base.with_sink(sink(&config));
    assert!(problems(&device.sync(&repository)).contains("everybody may read it"));
    mode(0o600);
    for status in [401, 403, 302, 429, 500] {
        csms.inside().status = Some(status);
        let before = csms.inside().requests.len();
        let report = device.sync(&repository);
        let text = problems(&report);
        assert!(text.contains(&format!("it answers {status}")), "{text}");
        assert!(!text.contains("very-secret") && !text.contains("/answers/"), "{text}");
        assert!(csms.inside().requests.len() - before <= 6, "nobody insists");
        // What fails inside the back end may be about one station alone.
        assert_eq!(report.is_complete(), status == 500, "{text}");
    }
    csms.inside().status = None;
    device.client = Device::new(&repository).client;
    assert!(csms.inside().headers.contains("authorization: Bearer very-secret-token"));
    assert_eq!(csms.holds("CP1"), BTreeSet::new());
}

#[test]
fn a_back_end_that_repeats_what_it_was_sent_tells_no_secret() {
    let repository = Repository::new();
    let csms = Csms::start(&["CP1"]);
    let base = Device::new(&repository);
    let mut config = csms.config(Brand::Citrineos, base.folder.path());
    let secret = base.path("token");
    std::fs::write(&secret, "very-secret-token\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    config.bearer_file = Some(secret);
    let mut device = base.with_sink(ctl_client::csms::StationsSink::new(Brand::Citrineos, config));
    for status in [400, 404, 408, 500] {
        csms.inside().status = Some(status);
        csms.inside().echoes = true;
        device.now.set(device.now.get().plus_seconds(120));
        let report = device.sync(&repository);
        let text = format!("{}{}", problems(&report), serde_json::to_string(&device.status()).unwrap());
        let (path, _) = csms.inside().requests.last().cloned().unwrap();
        let token = path.rsplit("answers%2F").next().unwrap().to_owned();
        assert!(token.len() == 32 && text.contains("(hidden)"), "{status}: {text}");
        assert!(!text.contains("very-secret") && !text.contains(&token), "{status}: {text}");
        let _ = std::fs::remove_dir_all(device.path("state/stations"));
    }
}

/// A station cannot make itself forgotten by what it lists.
#[test]
fn whatever_a_station_lists_is_remembered() {
    use ctl_client::csms::hash::{Algorithm, HashData};
    use ctl_client::csms::station::{Change, Entry, Record};
    use ctl_client::csms::{memory::Memory, wants::Kind};
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::new(folder.path(), "back end");
    let name = HashData::of_root(&roots()["alpha"], Algorithm::Sha512);
    let entries = (0..10_000).map(|number| {
        let name = HashData { serial: format!("1{number:039}"), ..name.clone() };
        Entry { kind: Kind::V2g, name }
    });
    let mut record = Record::new("CP1");
    record.sending(&Change::Install { kind: Kind::V2g, root: fingerprint("beta") }, start());
    record.read(entries.collect(), |_, _| false, start());
    memory.save(&Unflushed, &record).unwrap();
    let found = memory.load("CP1").unwrap();
    assert!(found.kept && found.record == record && found.record.placed.len() == 1);
}

#[test]
fn a_list_of_no_stations_and_a_damaged_certificate_are_told() {
    let mut repository = Repository::new();
    let csms = Csms::start(&["CP1"]);
    let mut device = device(&repository, &csms, Brand::Steve);
    assert!(device.sync(&repository).is_success());
    let list = device.path("stations.txt");
    let ids = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, "").unwrap();
    assert!(problems(&device.sync(&repository)).contains("no station is named"));
    std::fs::write(&list, ids).unwrap();
    let next = with_anchors(&mut repository, &["alpha", "gamma"]);
    assert!(device.sync(&next).is_success());
    let memory = std::fs::read_dir(device.path("state/stations")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(memory.join(format!("roots/{}.der", fingerprint("beta"))), "spoilt").unwrap();
    assert!(
        device.status().to_string().contains("damaged, and no list brings it again"),
        "{}",
        device.status()
    );
    // One that a list still names is written anew.
    let alpha = memory.join(format!("roots/{}.der", fingerprint("alpha")));
    std::fs::write(&alpha, "spoilt").unwrap();
    device.sync(&repository);
    assert_eq!(std::fs::read(alpha).unwrap(), roots()["alpha"].der());
}
