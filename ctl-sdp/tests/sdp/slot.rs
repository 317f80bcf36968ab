//! The contract in the place where a car's stack looks for it: swapped whole, whenever the power fails.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ctl_client::files::{Disk, Files};
use ctl_client::folder::Folder;
use ctl_core::Digest;
use ctl_sdp::choose::slot::{Layout, Slot};

/// A disk on which the power fails before one of the operations.
struct Failing(Cell<usize>);

impl Failing {
    fn next<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.0.get().checked_sub(1) {
            None => Err(io::Error::other("the power is off")),
            Some(left) => {
                self.0.set(left);
                work()
            }
        }
    }
}

impl Files for Failing {
    fn write(&self, folder: &Folder, name: &OsStr, bytes: &[u8]) -> io::Result<File> {
        self.next(|| Disk.write(folder, name, bytes))
    }
    fn append(&self, folder: &Folder, name: &OsStr, at: u64, bytes: &[u8]) -> io::Result<File> {
        self.next(|| Disk.append(folder, name, at, bytes))
    }
    fn sync_file(&self, folder: &Folder, name: &OsStr, file: &File) -> io::Result<()> {
        self.next(|| Disk.sync_file(folder, name, file))
    }
    fn sync_directory(&self, folder: &Folder) -> io::Result<()> {
        self.next(|| Disk.sync_directory(folder))
    }
    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.next(|| Disk.rename(folder, from, to))
    }
    fn remove_file(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.next(|| Disk.remove_file(folder, name))
    }
    fn remove_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.next(|| Disk.remove_directory(folder, name))
    }
    fn create_directory(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.next(|| Disk.create_directory(folder, name))
    }
    fn link(&self, target: &Path, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.next(|| Disk.link(target, folder, name))
    }
}

const JOSEV: [(&str, &str); 4] = [
    ("iso15118_2/certs", "contractLeafCert.der"),
    ("iso15118_2/certs", "moSubCA2Cert.der"),
    ("iso15118_2/certs", "moSubCA1Cert.der"),
    ("iso15118_2/private_keys", "contractLeaf.key"),
];
const EVEREST: [(&str, &str); 4] = [
    ("client/mo", "MO_LEAF.der"),
    ("ca/mo", "MO_SUB_CA2.der"),
    ("ca/mo", "MO_SUB_CA1.der"),
    ("client/mo", "MO_LEAF.key"),
];

struct Car {
    folder: tempfile::TempDir,
    slot: Slot,
    files: &'static [(&'static str, &'static str); 4],
}

impl Car {
    fn new(layout: Layout) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("pki");
        fs::create_dir(&root).unwrap();
        let files = if layout == Layout::Josev { &JOSEV } else { &EVEREST };
        let car = Self { folder, slot: Slot { layout, root }, files };
        car.contract("home");
        car.contract("work");
        car
    }

    fn contract(&self, name: &str) {
        let folder = self.of(name);
        fs::create_dir_all(&folder).unwrap();
        for (_, file) in self.files {
            fs::write(folder.join(file), format!("{name} {file}")).unwrap();
        }
        // Nobody may read a key, whoever swaps it.
        let key = folder.join(self.files[3].1);
        fs::set_permissions(key, fs::Permissions::from_mode(0o000)).unwrap();
    }

    fn of(&self, name: &str) -> PathBuf {
        self.folder.path().join("contracts").join(name)
    }

    fn put(&self, files: &dyn Files, name: &str) -> Result<(), String> {
        let leaf = Digest::of(format!("{name} {}", self.files[0].1).as_bytes());
        self.slot.put(files, &self.of(name), leaf)
    }

    /// What the stack finds: a contract's name, if all four files are there and of one contract.
    fn found(&self) -> Result<String, Vec<String>> {
        let place =
            |(folder, file): &(&str, &str)| fs::canonicalize(self.slot.root.join(folder).join(file)).ok();
        let of = |path: PathBuf| path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let found: Vec<String> = self.files.iter().filter_map(place).map(of).collect();
        match found.first() {
            Some(first) if found.len() == 4 && found.iter().all(|one| one == first) => Ok(first.clone()),
            _ => Err(found),
        }
    }
}

#[test]
fn certificates_and_key_change_together_for_each_stack() {
    for layout in Layout::ALL {
        let car = Car::new(layout);
        assert_eq!(car.slot.current(), Ok(None));
        for name in ["home", "work", "home", "home"] {
            car.put(&Disk, name).unwrap();
            assert_eq!(car.found(), Ok(name.to_owned()), "{layout}");
            assert_eq!(car.slot.current().unwrap().unwrap(), fs::canonicalize(car.of(name)).unwrap());
        }
        // Only EIM: the stack finds nothing, and comes back from that.
        car.slot.clear(&Disk).unwrap();
        assert_eq!(car.found(), Err(vec![]), "{layout}");
        assert_eq!(car.slot.current(), Ok(None));
        car.put(&Disk, "work").unwrap();
        assert_eq!(car.found(), Ok("work".to_owned()));
    }
}

#[test]
fn wherever_the_power_fails_the_stack_finds_one_whole_contract_or_none() {
    for layout in Layout::ALL {
        let mut points = 0;
        for point in 0.. {
            let car = Car::new(layout);
            // The first time, when the links are not there yet.
            let first = car.put(&Failing(Cell::new(point)), "home");
            let found = car.found();
            let halves = found.as_ref().err().is_some_and(|found| found.iter().any(|name| name != "home"));
            assert!(!halves, "{layout} {point}: {found:?}");
            // Called again, it is whole.
            car.put(&Disk, "home").unwrap();
            // From one to another there is no moment between.
            let second = car.put(&Failing(Cell::new(point)), "work");
            let found = car.found();
            assert!(matches!(found.as_deref(), Ok("home" | "work")), "{layout} {point}: {found:?}");
            assert!(second.is_err() || found.as_deref() == Ok("work"));
            car.put(&Disk, "work").unwrap();
            assert_eq!(car.found().as_deref(), Ok("work"));
            points = point;
            if first.is_ok() && second.is_ok() {
                break;
            }
        }
        assert!(points > 10, "{points}");
    }
}

#[test]
fn what_is_not_ours_is_never_replaced_and_what_was_not_chosen_is_never_put_there() {
    let car = Car::new(Layout::Josev);
    let key = car.slot.root.join("iso15118_2/private_keys/contractLeaf.key");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fs::write(&key, "the only copy").unwrap();
    let refused = car.put(&Disk, "home").unwrap_err();
    assert!(refused.contains("contractLeaf.key is not ours") && refused.contains("call again"), "{refused}");
    assert_eq!(fs::read_to_string(&key).unwrap(), "the only copy");
    assert_eq!(car.slot.current(), Ok(None));
    fs::rename(&key, car.folder.path().join("moved")).unwrap();
    car.put(&Disk, "home").unwrap();

    // Another certificate than the one that was judged.
    let refused = car.slot.put(&Disk, &car.of("work"), Digest::of(b"another")).unwrap_err();
    assert!(refused.contains("is not the certificate that was chosen"), "{refused}");
    // Half a contract, and a key that leads elsewhere.
    fs::remove_file(car.of("work").join("moSubCA1Cert.der")).unwrap();
    assert!(car.put(&Disk, "work").unwrap_err().contains("has no file moSubCA1Cert.der"));
    assert_eq!(car.found().as_deref(), Ok("home"));
    let nowhere = Slot { root: car.folder.path().join("nowhere"), ..car.slot.clone() };
    assert!(nowhere.clear(&Disk).is_err());
    for bad in ["josev", "other=/tmp", "josev:/tmp"] {
        assert!(bad.parse::<Slot>().is_err(), "{bad}");
    }
}
