//! What `bench/sdp` runs: the decision by itself, a charger without configuration, and cars that ask without a pause.
//!
//! ```text
//! measure decide                         the decision alone, in this process
//! measure serve INTERFACE                a charger that supports 5,000 of a registry of 10,000
//! measure load INTERFACE SECONDS COUNT WINDOW   questions with COUNT identifiers, WINDOW of them on their way at once
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement may stop at once"
)]

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use ctl_core::list::LogRef;
use ctl_core::names::{Environment, MoId};
use ctl_core::parts::MoStatus;
use ctl_core::registry::{RegistryDocument, RegistryEntry};
use ctl_core::{Digest, Timestamp};
use ctl_sdp::codec::{Endpoint, GROUP, Identifiers, Message, PORT, Security, Transport};
use ctl_sdp::edge::sockets::{Mode, Sockets};
use ctl_sdp::responder::{Responder, Secc};
use ctl_sdp::supported::{Agreements, MoRoot, Supported};

/// `AA000`, `AA001` …
fn id(number: usize) -> MoId {
    let letter = |number: usize| char::from(b'A' + u8::try_from(number % 26).unwrap());
    format!("{}{}{:03}", letter(number / 26_000), letter(number / 1000), number % 1000).parse().unwrap()
}

fn supported() -> Supported {
    let entry = |number| RegistryEntry {
        decision: 1,
        holder: "mo-one".parse().unwrap(),
        id: id(number),
        name: "An operator".parse().unwrap(),
        since: Timestamp::from_unix(1_700_000_000),
        source: "bdew".parse().unwrap(),
        status: MoStatus::Assigned,
    };
    let registry = RegistryDocument {
        environment: Environment::Test,
        format: RegistryDocument::FORMAT,
        identifiers: (0..10_000).map(entry).collect(),
        issued_at: Timestamp::from_unix(1_700_000_000),
        log: LogRef { origin: "log.example/na".parse().unwrap(), root_hash: Digest::ZERO, size: 9 },
        next_update: Timestamp::from_unix(1_800_000_000),
        previous: Digest::ZERO,
        scheme: Digest::ZERO,
        sequence: 1,
        r#type: RegistryDocument::TYPE.into(),
    };
    let with: BTreeSet<MoId> = (0..5_000).map(|number| id(number * 2)).collect();
    let roots = [MoRoot { name: "any".into(), only: None }];
    Supported::new(&Agreements::With(with), Some(&registry), &roots).unwrap()
}

/// As a car asks, half of it supported.
fn question(count: usize) -> Vec<u8> {
    let ids = (0..count).map(|number| id(number * 7 % 10_000));
    Message::SupportedRequest(Identifiers::new(ids).unwrap()).to_bytes()
}

fn endpoint(address: Ipv6Addr) -> Secc {
    Secc::Fixed(Endpoint { address, port: 64109, security: Security::Tls, transport: Transport::Tcp })
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 1000].as_secs_f64() * 1e3;
    format!("p50 {:.4} ms, p99 {:.4} ms, p99.9 {:.4} ms", at(500), at(990), at(999))
}

/// This thread's: a busy machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn decide() {
    let supported = supported();
    let own = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let from = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), 50_000, 0, 2);
    let mut responder = Responder::new(endpoint(own));
    let large = question(1000);
    let mut one = |datagram: &[u8]| {
        let (now, begin) = (Instant::now(), processor_time());
        let actions = responder.request(now, from, datagram, &[own], Some(&supported));
        assert_eq!(actions.len(), 1);
        processor_time() - begin
    };
    println!(
        "of processor time, 1,000 identifiers: {}",
        percentiles((0..20_000).map(|_| one(&large)).collect())
    );
    let small = question(10);
    let all: Duration = (0..500_000).map(|_| one(&small)).sum();
    println!("10 identifiers: {:.0} decisions per second of processor time", 500_000.0 / all.as_secs_f64());
}

fn serve(interface: &str) {
    let sockets = Sockets::open(Mode::Alone, &interface.parse().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("ready");
    let secc = endpoint(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
    panic!("{:?}", runtime.block_on(ctl_sdp::serve::answer(sockets, supported(), secc)));
}

fn load(interface: &str, seconds: u64, count: usize, window: usize) {
    let name: ctl_sdp::edge::interface::InterfaceName = interface.parse().unwrap();
    let to = SocketAddrV6::new(GROUP, PORT, 0, name.index().unwrap());
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let (datagram, mut buffer) = (question(count), vec![0; 65_536]);
    let (mut answers, mut times) = (0_u64, Vec::new());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(seconds) {
        let asked = Instant::now();
        for _ in 0..window {
            let _ = socket.send_to(&datagram, to);
        }
        for _ in 0..window {
            if socket.recv_from(&mut buffer).is_err() {
                break;
            }
            answers += 1;
        }
        times.push(asked.elapsed());
    }
    println!("{answers} answers; a window of {window}: {}", percentiles(times));
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["decide"] => decide(),
        ["serve", interface] => serve(interface),
        ["load", interface, seconds, count, window] => {
            load(interface, seconds.parse().unwrap(), count.parse().unwrap(), window.parse().unwrap());
        }
        _ => eprintln!("see the beginning of this file"),
    }
}
