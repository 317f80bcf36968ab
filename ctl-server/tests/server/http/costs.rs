//! Callers who want to make the server pay: with memory, connections, computations. In one process, so that it is
//! known what was asked and what was answered; what it costs is measured in `../costs.rs`.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use ctl_server::blobs::MAX_BLOB;
use ctl_server::publish::prepared::Content;
use ctl_server::publish::site::Found;
use tokio::net::TcpSocket;

use super::*;

/// A connection from another address of this machine.
async fn from(number: u8, served: &Served) -> TcpStream {
    socket(number).connect(served.address).await.unwrap()
}

fn socket(number: u8) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 7, number), 0).into()).unwrap();
    socket
}

async fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
}

async fn is_answered(stream: &mut TcpStream) -> bool {
    ask(stream, "/healthz").await;
    read_answer(stream, false).await.status == 200
}

/// A scheme that names a blob, and the blob.
fn named(content: &[u8]) -> (World, Digest, Vec<u8>) {
    let (mut world, application) = discussed();
    let blob = [&[7; 32][..], content].concat();
    let digest = Digest::of(&blob);
    let comment = BlobRef { access: BlobAccess::Public, sha256: digest };
    world.say(&["mo-one"], CommentAdd { about: application, comment }).unwrap();
    (world, digest, blob)
}

#[tokio::test]
async fn eleven_addresses_cannot_keep_a_twelfth_out() {
    let limits = Http { connections: 22, connections_per_client: 2, ..Http::default() };
    for says_something in [false, true] {
        let served = Served::start_with(&World::published(), limits.clone()).await;
        let mut held = Vec::new();
        for number in (1..=11).flat_map(|number| [number, number]) {
            let mut stream = from(number, &served).await;
            if says_something {
                assert!(is_answered(&mut stream).await);
            }
            held.push(stream);
        }
        let mut twelfth = from(12, &served).await;
        assert!(is_answered(&mut twelfth).await, "says something: {says_something}");
        // Whoever has been heard stays, however many newcomers say nothing.
        for number in 13..60 {
            held.push(from(number, &served).await);
        }
        assert!(is_answered(&mut twelfth).await);
        let mut late = from(100, &served).await;
        assert!(is_answered(&mut late).await);
    }
}

#[tokio::test]
async fn whether_anyone_names_a_blob_is_asked_before_its_bytes() {
    let (world, digest, blob) = named(b"a rationale");
    let served = Served::start(&world).await;
    // Not a byte of the eight megabytes is sent, and the answer is there.
    let announce = async |digest: Digest| {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head =
            format!("PUT /v1/blobs/{digest} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BLOB}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        read_answer(&mut stream, false).await
    };
    announce(Digest::of(b"nobody named this")).await.problem(404);
    let path = format!("/v1/blobs/{digest}");
    assert_eq!(served.send("PUT", &path, &[], &blob).await.status, 201);
    assert_eq!(announce(digest).await.status, 204, "nor of one that is here");
    served.blobs.erase(&digest).unwrap();
    announce(digest).await.problem(410);
    let too_large = format!("PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", MAX_BLOB + 1);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(too_large.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await.problem(413);
}

#[tokio::test]
async fn a_blob_that_was_changed_on_the_disk_never_arrives_whole() {
    let (world, digest, blob) = named(&[7; 100_000]);
    let served = Served::start(&world).await;
    served.blobs.put(&digest, &blob).unwrap();
    let path = format!("/v1/blobs/{digest}");
    assert_eq!(served.get(&path).await.body, blob);
    let (file, _) = served.blobs.locate(&digest).unwrap().unwrap();
    let mut spoilt = blob.clone();
    spoilt[40] = 8;
    std::fs::write(&file, &spoilt).unwrap();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    ask(&mut stream, &path).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.len() < blob.len(), "the last piece is kept back");
    // Whoever has it mends it.
    assert_eq!(served.send("PUT", &path, &[], &blob).await.status, 201);
    assert_eq!(served.get(&path).await.body, blob);
}

#[tokio::test]
async fn who_asks_for_much_and_never_reads_makes_room_for_who_does() {
    let (world, digest, blob) = named(&vec![7; MAX_BLOB - 32]);
    // Room for sixteen answers from the disk.
    let limits = Http { bytes_in_flight: 1024 * 1024, ..Http::default() };
    let served = Served::start_with(&world, limits).await;
    served.blobs.put(&digest, &blob).unwrap();
    let path = format!("/v1/blobs/{digest}");
    let mut greedy = Vec::new();
    for _ in 0..16 {
        let socket = socket(1);
        // What the kernels between the two take in costs the server nothing; here it is little.
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut stream = socket.connect(served.address).await.unwrap();
        ask(&mut stream, &path).await;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        greedy.push(stream);
    }
    let mut one_more = from(1, &served).await;
    ask(&mut one_more, &path).await;
    let told = read_answer(&mut one_more, false).await;
    assert_eq!(told.status, 503);
    told.problem(503);
    assert_eq!(told.header("retry-after"), "1");
    let mut other = from(2, &served).await;
    ask(&mut other, &path).await;
    let whole = read_answer(&mut other, false).await.body == blob;
    assert!(whole, "who takes what is asked for is served");
    // Who is sent away by then is told so by its kernel at the next word.
    served
        .until("one of the greedy ones to make room", async |_| {
            let mut cut = 0;
            for stream in &greedy {
                cut += usize::from(stream.try_write(b"x").is_err_and(|e| e.kind() != ErrorKind::WouldBlock));
            }
            (cut > 0).then(|| assert_eq!(cut, 1))
        })
        .await;
}

#[tokio::test]
async fn who_reads_too_often_waits_and_expensive_reads_count_for_many() {
    let (world, application) = discussed();
    let limits = Http {
        reads_per_minute: NonZeroU32::MIN,
        read_burst: NonZeroU32::new(7).unwrap(),
        file_reads_per_minute: NonZeroU32::MIN,
        file_read_burst: NonZeroU32::new(3).unwrap(),
        ..Http::default()
    };
    let served = Served::start_with(&world, limits).await;
    let expensive = format!("/v1/applications/{application}");
    assert_eq!(served.get(&expensive).await.status, 200);
    let told = served.get(&expensive).await;
    assert_eq!(told.problem(429)["type"], "urn:v2g-ctl:problem:rate-limited");
    assert!(told.header("retry-after").parse::<u64>().unwrap() >= 1);
    for _ in 0..2 {
        assert_eq!(served.get("/v1/lists").await.status, 200, "a cheap one counts once");
    }
    served.get("/v1/lists").await.problem(429);
    for _ in 0..3 {
        assert_eq!(served.get("/log/checkpoint").await.status, 200, "files have a quota of their own");
    }
    served.get("/log/checkpoint").await.problem(429);
    let mut other = from(2, &served).await;
    assert!(is_answered(&mut other).await, "others are not concerned");
}

#[tokio::test]
async fn bundles_of_the_log_are_in_nobodys_memory() {
    let served = with_list().await;
    let size = served.ledger.snapshot().size();
    let path = format!("log/tile/entries/000.p/{size}");
    let found = served.publisher.site().load().get(&path);
    let Some(Found::File(file)) = found else { panic!("{found:?}") };
    let Content::Disk { path: place, .. } = &file.content else { panic!("{file:?}") };
    let bundle = served.get(&format!("/{path}")).await.body;
    assert_eq!(bundle, std::fs::read(place).unwrap());
    let narrower = served.get("/log/tile/entries/000.p/2").await;
    assert!(bundle.starts_with(&narrower.body) && narrower.body.len() < bundle.len());
    let same =
        served.get_with("/log/tile/entries/000.p/2", &[("If-None-Match", narrower.header("etag"))]).await;
    assert_eq!(same.status, 304);
    let other = served.get("/log/tile/entries/000.p/3").await;
    assert_ne!(other.header("etag"), narrower.header("etag"));
}
