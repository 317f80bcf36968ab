//! The server is killed while statements stream in, hundreds of times: nothing that was acknowledged is
//! lost, and no entry is there by half.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use ctl_core::Digest;
use ctl_core::log::leaf_hash;
use ctl_server::ledger::{Head, Store as _, Verification, verify};

use crate::common::world::start;
use crate::common::{comment, open, store_below, talkative, with_application};

/// Rounds begin with a fresh ledger, so that verifying it at each start stays quick.
const ROUNDS: u64 = 8;
const KILLS: u64 = 30;
const DATA: &str = "CTL_TEST_DATA";
const NUMBER: &str = "CTL_TEST_NUMBER";
/// In the world of these tests, the application to comment on.
const APPLICATION: u64 = 1;

/// The process that is killed. It says `open SIZE` once it is open, and `INDEX LEAF` for each statement
/// that was acknowledged.
#[tokio::test]
#[ignore = "runs only as the child process of the test below"]
async fn writer() {
    let data = std::env::var(DATA).unwrap();
    let number: u64 = std::env::var(NUMBER).unwrap().parse().unwrap();
    let ledger = open(Path::new(&data), start()).unwrap();
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n@{line}").unwrap();
        out.flush().unwrap();
    };
    say(format!("open {}", ledger.snapshot().size()));
    // In every other round the snapshot of the state is written all the time, so that kills fall on that too.
    if (number - 1) / KILLS % 2 == 1 {
        let ledger = ledger.clone();
        std::thread::spawn(move || {
            loop {
                ledger.save().unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    // Several at once, so that some share a flush.
    let mut tasks = Vec::new();
    for stream in 0..4 {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            for count in 0.. {
                let unique = (number << 32) | (stream << 24) | count;
                let said = comment(&ledger.snapshot(), start(), APPLICATION, unique);
                let recorded = ledger.record(said).await.unwrap();
                say(format!("{} {}", recorded.index, recorded.leaf_hash));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn spawn(data: &Path, number: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::writer", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATA, data)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a child said until it was killed.
struct Said {
    opened: Option<u64>,
    acknowledged: Vec<(u64, Digest)>,
}

/// Runs a writer and kills it: every tenth while it opens, the others after some acknowledgements and
/// an uneven moment more, so that kills fall on every part of a write.
fn killed(data: &Path, number: u64) -> Said {
    let mut child = spawn(data, number);
    let (sender, lines) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if let Some(line) = line.strip_prefix('@')
                && sender.send(line.to_owned()).is_err()
            {
                break;
            }
        }
    });
    let mut said = Said { opened: None, acknowledged: Vec::new() };
    let mut note = |line: String| match line.split_once(' ').unwrap() {
        ("open", size) => said.opened = Some(size.parse().unwrap()),
        (index, leaf) => said.acknowledged.push((index.parse().unwrap(), leaf.parse().unwrap())),
    };
    if !number.is_multiple_of(10) {
        for _ in 0..=number % 6 {
            note(lines.recv_timeout(Duration::from_secs(60)).expect("the ledger opens after a kill"));
        }
    }
    std::thread::sleep(Duration::from_micros(number * 7919 % 5000));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    // What it had said before it died counts as well.
    lines.try_iter().for_each(note);
    said
}

#[test]
fn no_acknowledged_statement_is_lost_when_the_server_is_killed() {
    let (mut in_all, mut while_writing, mut snapshots) = (0, 0, 0);
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        let (world, application) = with_application(talkative());
        assert_eq!(application, APPLICATION);
        crate::common::on_disk(data, &world);
        let mut acknowledged: Vec<(u64, Digest)> = Vec::new();
        for kill in 0..KILLS {
            let number = round * KILLS + kill + 1;
            let said = killed(data, number);
            if let Some(opened) = said.opened {
                let expected = acknowledged.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
                assert!(opened >= expected, "opened with {opened} entries, {expected} were acknowledged");
            }
            while_writing += usize::from(!said.acknowledged.is_empty());
            acknowledged.extend(said.acknowledged);
        }
        let store = store_below(data).unwrap();
        let head = Head::below(data).read().unwrap();
        let verified = verify::verify(&store, head.as_deref(), &mut |_| {}).unwrap();
        for (index, leaf) in &acknowledged {
            assert_eq!(leaf_hash(&store.entry(*index).unwrap().unwrap()), *leaf, "entry {index}");
        }
        assert_eq!(verified.tree.size(), store.size());
        drop(store);
        // Whatever snapshot is left, what a server makes of it is what the entries say.
        snapshots += usize::from(data.join("state.snapshot").exists());
        let ledger = open(data, start()).unwrap();
        assert_eq!(ledger.snapshot().state, verified.state);
        while ledger.verification() != Verification::Whole {
            let found = ledger.verification();
            assert!(matches!(found, Verification::Running { .. }), "{found:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        in_all += acknowledged.len();
    }
    println!(
        "{} kills, {while_writing} of them while writing, {in_all} statements acknowledged",
        ROUNDS * KILLS
    );
    assert_eq!(snapshots as u64, ROUNDS / 2, "there is a snapshot where they are written");
    assert!(while_writing as u64 > ROUNDS * KILLS / 2, "the kills must fall into the stream of writes");
}
