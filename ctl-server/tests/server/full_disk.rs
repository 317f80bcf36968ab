//! A disk that is really full, as far as a process can be made to see one: its files may not grow. The
//! server stops recording, says so, goes on reading, loses nothing that it acknowledged, and records again without a
//! restart when there is room.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ctl_core::Digest;
use ctl_core::log::leaf_hash;
use ctl_server::ledger::RecordError;

use crate::common::world::start;
use crate::common::{comment, open, talkative, with_application};

const DATA: &str = "CTL_TEST_DATA";
const APPLICATION: u64 = 1;
/// Enough for the empty database and some hundred statements, in blocks of 512 or 1024 bytes.
const BLOCKS: &str = "1400";

/// The process whose files may not grow. It says `INDEX LEAF` for each acknowledgement, and `full` with
/// what it was told when nothing more was recorded.
#[tokio::test]
#[ignore = "runs only as the child process of the test below"]
async fn writer() {
    let data = std::env::var(DATA).unwrap();
    let ledger = open(Path::new(&data), start()).unwrap();
    let say = |line: String| writeln!(std::io::stdout().lock(), "\n@{line}").unwrap();
    for number in 0..20_000 {
        match ledger.record(comment(&ledger.snapshot(), start(), APPLICATION, number)).await {
            Ok(recorded) => say(format!("{} {}", recorded.index, recorded.leaf_hash)),
            Err(error @ RecordError::Unknown(_)) => {
                say(format!("full {error}"));
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(ledger.writable(), Err(RecordError::ReadOnly(_))));
    let size = ledger.snapshot().size();
    assert_eq!(ledger.entries(0..size).unwrap().len() as u64, size, "what was recorded can be read");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    // There is room now. Nobody restarts anything.
    for number in 30_000.. {
        match ledger.record(comment(&ledger.snapshot(), start(), APPLICATION, number)).await {
            Ok(recorded) => {
                say(format!("{} {}", recorded.index, recorded.leaf_hash));
                break;
            }
            Err(RecordError::ReadOnly(_) | RecordError::Unknown(_)) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    say("done".into());
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged_and_is_written_to_again_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let (world, _) = with_application(talkative());
    crate::common::on_disk(directory.path(), &world);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f \"$1\"; shift; exec \"$@\"", "sh", BLOCKS])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::writer", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATA, directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut acknowledged, mut full, mut done) = (Vec::<(u64, Digest)>::new(), None, false);
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match line.strip_prefix('@').and_then(|line| line.split_once(' ').or(Some((line, "")))) {
            Some(("full", why)) => {
                full = Some(why.to_owned());
                make_room(&mut child);
            }
            Some(("done", _)) => done = true,
            Some((index, leaf)) => acknowledged.push((index.parse().unwrap(), leaf.parse().unwrap())),
            None => {}
        }
    }
    assert!(child.wait().unwrap().success());
    let full = full.expect("the disk was full");
    assert!(full.contains("storage failed") && full.contains("not known"), "{full}");
    assert!(done && !acknowledged.is_empty());

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ledger = open(directory.path(), start()).unwrap();
        for (index, leaf) in &acknowledged {
            assert_eq!(leaf_hash(&ledger.entry(*index).unwrap().unwrap()), *leaf);
        }
        println!("{} acknowledged, then: {full}", acknowledged.len());
        ledger.record(comment(&ledger.snapshot(), start(), APPLICATION, 1 << 40)).await.unwrap();
    });
}

/// Lets a process' files grow, and tells it so.
fn make_room(child: &mut Child) {
    let pid = child.id().to_string();
    let allowed = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status();
    assert!(allowed.unwrap().success(), "prlimit of util-linux");
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
}
