//! What strangers can make a server cost, measured from outside: memory and file descriptors of a process that is
//! attacked over loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use ctl_core::Digest;
use ctl_governance::statement::body::CommentAdd;
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_host::descriptors;
use ctl_serve::Http;
use ctl_server::blobs::MAX_BLOB;

use crate::common::world::World;
use crate::served::Served;

const MEBIBYTE: u64 = 1024 * 1024;

/// The process that is attacked: says where it listens, serves until it is told to stop, and says then how its
/// ledger is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs only as the child process of the tests below"]
async fn attacked() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    let comment = BlobRef { access: BlobAccess::Public, sha256: Digest::of(&blob()) };
    world.say(&["mo-one"], CommentAdd { about: application, comment }).unwrap();
    let limits = Http::default();
    let connections = descriptors::connections(limits.connections, descriptors::raise());
    let served = Served::start_with(&world, Http { connections, ..limits }).await;
    served.blobs.put(&Digest::of(&blob()), &blob()).unwrap();
    let say = |line: String| writeln!(std::io::stdout().lock(), "\n@{line}").unwrap();
    say(served.address.to_string());
    let mut number = 0;
    loop {
        let told = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        if told.await.unwrap().unwrap().is_empty() {
            return;
        }
        number += 1;
        let comment = crate::common::comment(&served.ledger.snapshot(), served.now(), application, number);
        let recorded = served.ledger.record(comment).await;
        say(format!("{recorded:?} {:?}", served.ledger.writable()));
    }
}

fn blob() -> Vec<u8> {
    vec![7; MAX_BLOB]
}

struct Attacked {
    process: Child,
    address: SocketAddr,
    stdin: ChildStdin,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Drop for Attacked {
    fn drop(&mut self) {
        // Where the test failed it may hang.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Attacked {
    fn start(shell: &str) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", &format!("{shell} exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "costs::attacked", "--ignored", "--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = Box::new(lines.filter_map(|line| line.strip_prefix('@').map(str::to_owned)));
        let address = lines.next().expect("it listens").parse().unwrap();
        let stdin = process.stdin.take().unwrap();
        Self { process, address, stdin, lines }
    }

    /// Bytes that the process has had in memory at most.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        // Only a failing test waits for so long.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Has the server record something.
    fn record(&mut self) -> String {
        self.stdin.write_all(b"record\n").unwrap();
        self.lines.next().unwrap()
    }
}

fn status(stream: &mut TcpStream) -> String {
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    String::from_utf8_lossy(&start).into_owned()
}

#[test]
fn strangers_who_send_blobs_that_nobody_named_fill_no_memory() {
    let attacked = Attacked::start("");
    let before = attacked.peak();
    let senders: Vec<_> = (0..50_u8)
        .map(|number| {
            let mut stream = attacked.connect();
            std::thread::spawn(move || {
                let digest = Digest::of(&[number]);
                let length = MAX_BLOB;
                let head =
                    format!("PUT /v1/blobs/{digest} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
                let told = status(&mut stream);
                // Whoever sends all the same talks to nobody.
                while stream.write_all(&[7; 65_536]).is_ok() {}
                told
            })
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.join().unwrap(), "HTTP/1.1 404");
    }
    let grown = attacked.peak() - before;
    // Eight megabytes for each would be 400.
    assert!(grown < 40 * MEBIBYTE, "{} MiB for 50 strangers", grown / MEBIBYTE);
}

#[test]
fn readers_who_ask_for_a_blob_and_read_no_further_fill_no_memory() {
    let attacked = Attacked::start("");
    let before = attacked.peak();
    let path = format!("/v1/blobs/{}", Digest::of(&blob()));
    let mut idle: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = attacked.connect();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    for stream in &mut idle {
        assert_eq!(status(stream), "HTTP/1.1 200");
    }
    // One who reads gets all of it, meanwhile.
    let mut reader = attacked.connect();
    write!(reader, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&blob()));
    let grown = attacked.peak() - before;
    // A copy for each would be 800.
    assert!(grown < 60 * MEBIBYTE, "{} MiB for 100 readers", grown / MEBIBYTE);
}

#[test]
fn more_connections_than_descriptors_leave_the_ledger_writable() {
    // The soft limit is raised to the hard one, and callers get half of that.
    let mut attacked = Attacked::start("ulimit -S -n 100; ulimit -H -n 300;");
    let held: Vec<TcpStream> = (0..400).map(|_| attacked.connect()).collect();
    let mut stream = attacked.connect();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(status(&mut stream), "HTTP/1.1 200", "who says something is heard");
    let open = attacked.open_files();
    assert!((100..240).contains(&open), "{open} of 300");
    for _ in 0..3 {
        let recorded = attacked.record();
        assert!(recorded.starts_with("Ok(Recorded") && recorded.ends_with(" Ok(())"), "{recorded}");
    }
    drop(held);
}
