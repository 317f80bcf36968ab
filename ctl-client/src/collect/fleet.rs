//! What the devices of a fleet report, and what follows from it. A pure function of reports and times.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_core::role::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::report::DeviceId;

/// A device follows at most so many documents.
const MAX_DOCUMENTS: usize = 32;
/// So many of the newest versions of a document are told apart.
const MAX_VERSIONS: usize = 20;
/// A version counts in a roll-out once this share of the devices holds it: one of so many.
const SHARE: usize = 100;
/// So many devices are named in one answer.
const MAX_NAMED: usize = 1000;

/// What counts of a report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// Always 1.
    pub format: u32,
    /// Who reports.
    pub device: DeviceId,
    /// Its release.
    pub client: String,
    /// Whether anything is wrong there.
    pub trouble: bool,
    /// The versions that it holds.
    pub versions: BTreeMap<Role, u64>,
    /// Lists of which something waits there for its turn.
    #[serde(default)]
    pub waiting: BTreeSet<ListId>,
}

impl Head {
    /// What is wrong with it: what to correct.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        if self.format != 1 {
            return Some("format: only 1 is known here");
        }
        if self.versions.len() > MAX_DOCUMENTS || self.waiting.len() > MAX_DOCUMENTS {
            return Some("versions, waiting: a device follows at most 32 documents");
        }
        let plain = self.client.len() <= 32 && self.client.bytes().all(|byte| byte.is_ascii_graphic());
        (!plain).then_some("client: a release is at most 32 printable ASCII characters")
    }
}

/// What is remembered of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When its last report came.
    pub received_at: Timestamp,
    /// What it said.
    pub head: Head,
}

/// When a roll-out is paused, and when a device is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// At most so many devices are known.
    pub devices: usize,
    /// Paused when more than this share, in percent, of those that took up a list's newest version are in trouble;
    pub percent: u8,
    /// and at least so many.
    pub least: usize,
    /// Silent after so many seconds without a report.
    pub silent: u64,
    /// A device may report anew after so many seconds.
    pub between: u64,
}

/// Whether a roll-out shall go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether nobody else shall take up what is new.
    pub paused: bool,
    /// Why; empty if it is not.
    pub reason: String,
    /// The newest version of each list that counts.
    pub version: BTreeMap<ListId, u64>,
}

/// The devices.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    devices: BTreeMap<DeviceId, Entry>,
}

impl Fleet {
    /// How many devices there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Whether a device is known, or there is room for one more.
    #[must_use]
    pub fn has_room(&self, device: &DeviceId, rules: &Rules) -> bool {
        self.devices.len() < rules.devices || self.devices.contains_key(device)
    }

    /// Whether a device reported so short a time ago that it has to wait.
    #[must_use]
    pub fn is_too_soon(&self, device: &DeviceId, rules: &Rules, now: Timestamp) -> bool {
        let last = self.devices.get(device).map(|entry| entry.received_at);
        last.is_some_and(|last| now.seconds_since(last) < rules.between)
    }

    /// Forgets those that satisfy this, and gives their names.
    pub fn forget(&mut self, is_one: impl Fn(&DeviceId) -> bool) -> Vec<DeviceId> {
        let gone: Vec<DeviceId> = self.devices.keys().filter(|device| is_one(device)).cloned().collect();
        for device in &gone {
            self.devices.remove(device);
        }
        gone
    }

    /// A device has reported.
    pub fn put(&mut self, entry: Entry) {
        self.devices.insert(entry.head.device.clone(), entry);
    }

    /// How many of these hold each version of a document.
    fn holders<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeMap<&'a Role, BTreeMap<u64, usize>> {
        let mut holders: BTreeMap<&Role, BTreeMap<u64, usize>> = BTreeMap::new();
        for (role, sequence) in entries.flat_map(|entry| &entry.head.versions) {
            let number = holders.entry(role).or_default().entry(*sequence).or_default();
            *number = number.saturating_add(1);
        }
        holders
    }

    /// The newest version of each list: the greatest that enough devices hold, or have gone beyond. A few stolen tokens may
    /// say any number, so a hundredth of the fleet must say it too; of a fleet that is smaller than that the greatest counts.
    fn newest(spoken: &[&Entry], rules: &Rules) -> BTreeMap<ListId, u64> {
        let enough = rules.least.max(spoken.len() / SHARE);
        let mut newest = BTreeMap::new();
        for (role, versions) in Self::holders(spoken.iter().copied()) {
            let Role::List(list) = role else { continue };
            let mut holders = 0_usize;
            let held = versions.iter().rev().find(|(_, number)| {
                holders = holders.saturating_add(**number);
                holders >= enough
            });
            if let Some((sequence, _)) = held.or_else(|| versions.last_key_value()) {
                newest.insert(list.clone(), *sequence);
            }
        }
        newest
    }

    /// Whether a roll-out shall go on, by what devices report that are not silent.
    #[must_use]
    pub fn verdict(&self, rules: &Rules, now: Timestamp) -> Verdict {
        let spoken: Vec<&Entry> =
            self.devices.values().filter(|entry| !is_silent(entry, rules, now)).collect();
        let version = Self::newest(&spoken, rules);
        let mut reasons = Vec::new();
        for (list, newest) in &version {
            let role = Role::List(list.clone());
            let took_up = |head: &&Head| {
                head.versions.get(&role).is_some_and(|held| held >= newest) && !head.waiting.contains(list)
            };
            let all: Vec<&Head> = spoken.iter().map(|entry| &entry.head).filter(took_up).collect();
            let bad = all.iter().filter(|head| head.trouble).count();
            if bad >= rules.least.max(1)
                && bad.saturating_mul(100) > all.len().saturating_mul(rules.percent.into())
            {
                reasons.push(format!(
                    "{bad} of the {} devices that took up {list} version {newest} report trouble",
                    all.len()
                ));
            }
        }
        Verdict { paused: !reasons.is_empty(), reason: reasons.join("; "), version }
    }

    /// How many are silent.
    #[must_use]
    pub fn silent(&self, rules: &Rules, now: Timestamp) -> usize {
        self.devices.values().filter(|entry| is_silent(entry, rules, now)).count()
    }

    /// How many report trouble.
    #[must_use]
    pub fn troubled(&self) -> usize {
        self.devices.values().filter(|entry| entry.head.trouble).count()
    }

    /// How many hold the newest versions of each document, of those that at least so many hold: role, number, devices.
    #[must_use]
    pub fn versions(&self, most: usize, least: usize) -> Vec<(Role, u64, usize)> {
        let newest = |(role, versions): (&Role, BTreeMap<u64, usize>)| {
            let role = role.clone();
            versions
                .into_iter()
                .rev()
                .filter(move |(_, devices)| *devices >= least)
                .take(most)
                .map(move |(number, devices)| (role.clone(), number, devices))
        };
        Self::holders(self.devices.values()).into_iter().flat_map(newest).collect()
    }

    /// All of it, for the operator.
    #[must_use]
    pub fn summary(&self, rules: &Rules, now: Timestamp) -> Value {
        let named = |is_one: &dyn Fn(&Entry) -> bool| -> Vec<&DeviceId> {
            let found = self.devices.iter().filter(|(_, entry)| is_one(entry));
            found.map(|(device, _)| device).take(MAX_NAMED).collect()
        };
        let mut versions: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (role, number, devices) in self.versions(MAX_VERSIONS, 1) {
            versions.entry(role.to_string()).or_default().insert(number.to_string(), devices);
        }
        let mut clients: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in self.devices.values() {
            let number = clients.entry(&entry.head.client).or_default();
            *number = number.saturating_add(1);
        }
        let mut clients: Vec<_> = clients.into_iter().collect();
        clients.sort_by_key(|(_, devices)| std::cmp::Reverse(*devices));
        clients.truncate(MAX_VERSIONS);
        json!({
            "as_of": now,
            "devices": self.len(),
            "at_most": rules.devices,
            "troubled": self.troubled(),
            "silent": self.silent(rules, now),
            "versions": versions,
            "clients": clients.into_iter().collect::<BTreeMap<_, _>>(),
            "troubled_devices": named(&|entry| entry.head.trouble),
            "silent_devices": named(&|entry| is_silent(entry, rules, now)),
        })
    }
}

fn is_silent(entry: &Entry, rules: &Rules, now: Timestamp) -> bool {
    now.seconds_since(entry.received_at) > rules.silent
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { devices: 1000, percent: 10, least: 3, silent: 3600, between: 10 };
    const NOW: Timestamp = Timestamp::from_unix(1000);

    fn fleet(devices: &[(u64, bool, bool)]) -> Fleet {
        let mut fleet = Fleet::default();
        for (number, (sequence, trouble, waits)) in devices.iter().enumerate() {
            let head = Head {
                format: 1,
                device: format!("d{number}").parse().unwrap(),
                client: "1.0".into(),
                trouble: *trouble,
                versions: [(Role::List("na".parse().unwrap()), *sequence), (Role::Registry, 7)].into(),
                waiting: waits.then(|| "na".parse().unwrap()).into_iter().collect(),
            };
            fleet.put(Entry { received_at: Timestamp::from_unix(1000), head });
        }
        fleet
    }

    fn many(number: usize, device: (u64, bool, bool)) -> Vec<(u64, bool, bool)> {
        vec![device; number]
    }

    #[test]
    fn a_roll_out_is_paused_by_a_share_of_those_that_took_it_up() {
        let (well, ill) = ((2, false, false), (2, true, false));
        for (devices, paused) in [
            (vec![], false),
            ([many(27, well), many(3, ill)].concat(), false),
            ([many(26, well), many(3, ill)].concat(), true),
            // Too few to say so.
            ([many(3, well), many(2, ill)].concat(), false),
            // Trouble of those that have the former version, or have not taken up what is new, says nothing of it.
            ([many(30, well), many(20, (1, true, false))].concat(), false),
            ([many(30, well), many(20, (2, true, true))].concat(), false),
            // Those that wait make the others no better.
            ([many(5, well), many(3, ill), many(1000, (2, false, true))].concat(), true),
        ] {
            let verdict = fleet(&devices).verdict(&RULES, NOW);
            assert_eq!(verdict.paused, paused, "{verdict:?}");
            assert_eq!(verdict.reason.is_empty(), !paused);
        }
    }

    #[test]
    fn one_device_that_claims_a_version_of_its_own_hides_no_trouble() {
        let mut devices = [many(20, (2, false, false)), many(5, (2, true, false))].concat();
        devices.push((u64::MAX, false, false));
        let verdict = fleet(&devices).verdict(&RULES, NOW);
        assert!(verdict.paused && verdict.version.values().eq(&[2]), "{verdict:?}");
        assert!(verdict.reason.contains("5 of the 26 devices that took up na version 2"), "{verdict:?}");
        // Nor do three of a thousand, nor those that are silent since; and they pause nothing.
        let mut devices = [many(1000, (2, false, false)), many(200, (2, true, false))].concat();
        devices.extend(many(3, (u64::MAX, true, false)));
        let fleet_of_many = fleet(&devices);
        let verdict = fleet_of_many.verdict(&RULES, NOW);
        assert!(verdict.paused && verdict.version.values().eq(&[2]), "{verdict:?}");
        let later = NOW.plus_seconds(RULES.silent + 1);
        assert!(!fleet_of_many.verdict(&RULES, later).paused);
        let shown = fleet_of_many.versions(3, RULES.least.max(4));
        assert!(shown.iter().any(|(_, number, devices)| (*number, *devices) == (2, 1200)), "{shown:?}");
        // In a fleet of two, the greatest counts.
        let few = fleet(&[(1, false, false), (2, false, false)]).verdict(&RULES, NOW);
        assert_eq!(few.version.values().copied().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_summary_counts_versions_trouble_and_silence() {
        let fleet = fleet(&[(1, false, false), (2, true, false), (2, false, false)]);
        let summary = fleet.summary(&RULES, Timestamp::from_unix(4600));
        assert_eq!(summary["versions"]["na"], json!({ "1": 1, "2": 2 }));
        assert_eq!((&summary["troubled_devices"], &summary["silent"]), (&json!(["d1"]), &json!(0)));
        let later = fleet.summary(&RULES, Timestamp::from_unix(4601));
        assert_eq!(later["silent_devices"], json!(["d0", "d1", "d2"]));
    }

    #[test]
    fn what_a_device_may_claim_is_bounded() {
        let head = |versions: usize, client: &str| Head {
            format: 1,
            device: "d".parse().unwrap(),
            client: client.into(),
            trouble: false,
            versions: (0..versions)
                .map(|number| (Role::List(format!("l{number}").parse().unwrap()), 1))
                .collect(),
            waiting: BTreeSet::new(),
        };
        assert_eq!(head(32, "1.0").problem(), None);
        for bad in
            [head(33, "1.0"), head(1, "1.0\n"), head(1, &"1".repeat(33)), Head { format: 2, ..head(1, "1") }]
        {
            assert!(bad.problem().is_some());
        }
        // A million numbers of one list take no more room than the newest.
        let devices: Vec<_> = (0..900).map(|number| (number, false, false)).collect();
        let fleet = fleet(&devices);
        let summary = fleet.summary(&RULES, Timestamp::from_unix(1000));
        assert_eq!(summary["versions"]["na"].as_object().unwrap().len(), MAX_VERSIONS);
        assert!(!fleet.has_room(&"new".parse().unwrap(), &Rules { devices: 900, ..RULES }));
        assert!(fleet.has_room(&"d1".parse().unwrap(), &Rules { devices: 900, ..RULES }));
    }
}
