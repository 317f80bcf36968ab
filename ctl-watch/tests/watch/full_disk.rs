//! A disk that is really full, as far as a process can be made to see one: its files may not grow. The watch waits for
//! room and writes its hours then, without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use ctl_policy::sla::{Counts, Kind};
use ctl_watch::changes::Changes;
use ctl_watch::description::Description;
use ctl_watch::store::{Retention, Store};

const DATA: &str = "CTL_TEST_DATA";
/// Enough for the empty database and some hours, in blocks of 512 or 1024 bytes.
const BLOCKS: &str = "1400";
const HOUR: u32 = 498_672;

fn describe(number: u32) -> Description {
    Description {
        number,
        kind: Kind::Ocsp,
        operator: "alpha-pki".parse().unwrap(),
        url: format!("http://{number}.example/"),
        period_ms: 30_000,
        watched: Vec::new(),
        promised: Some(true),
    }
}

/// The process whose files may not grow until someone allows it.
#[test]
#[ignore = "runs only as the child process of the test below"]
fn writer() {
    let data = std::env::var(DATA).unwrap();
    let open = || Store::open(Path::new(&data), Retention::default());
    let say = |line: &str| writeln!(std::io::stdout().lock(), "\n@{line}").unwrap();
    let counted: BTreeMap<u32, Counts> =
        (0..2000).map(|number| (number, Counts { good: u64::from(number), ..Counts::default() })).collect();
    let targets: BTreeMap<u32, Description> = (0..2000).map(|number| (number, describe(number))).collect();
    let of = |hour: u32| Changes {
        targets: if hour == HOUR { targets.clone() } else { BTreeMap::new() },
        hours: [(hour, counted.clone())].into(),
        ..Changes::default()
    };
    let store = open().unwrap();
    let mut hours = HOUR..HOUR + 5000;
    let refused = hours.find(|hour| store.write(&of(*hour)).is_err()).unwrap();
    assert!(refused > HOUR, "there was room for one");
    assert!(store.write(&of(refused)).is_err(), "there is still no room");
    say("full");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    store.write(&of(refused)).unwrap();
    drop(store);
    let (store, mut kept) = (open().unwrap(), BTreeSet::new());
    store
        .hours(&[7].into(), HOUR, u32::MAX, |_, hour, counts| {
            assert_eq!(counts.good, 7);
            kept.insert(hour);
        })
        .unwrap();
    assert!(kept.into_iter().eq(HOUR..=refused), "every hour that was written, up to the one that waited");
    say("done");
}

#[test]
fn the_watch_writes_what_waited_when_there_is_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f \"$1\"; shift; exec \"$@\"", "sh", BLOCKS])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::writer", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATA, directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut said, mut lines) = (Vec::new(), BufReader::new(child.stdout.take().unwrap()).lines());
    while let Some(Ok(line)) = lines.next() {
        if line == "@full" {
            let pid = child.id().to_string();
            let allowed =
                Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status();
            assert!(allowed.unwrap().success(), "prlimit of util-linux");
            child.stdin.take().unwrap().write_all(b"\n").unwrap();
        }
        said.extend(line.strip_prefix('@').map(str::to_owned));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(said, ["full", "done"]);
}
