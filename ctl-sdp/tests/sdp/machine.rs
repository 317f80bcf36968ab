//! What the machine's files say: users, addresses, names of interfaces; and where agreements may come from.

use std::io::{Read as _, Write as _};

use ctl_sdp::agreements::Source;
use ctl_sdp::edge::interface::{InterfaceName, OwnAddress};
use ctl_sdp::edge::privileges::User;
use ctl_sdp::supported::Agreements;

#[test]
fn users_are_found_by_name_and_number_with_their_groups() {
    let users = "root:x:0:0:root:/root:/bin/sh\neverest:x:998:997::/:/bin/false\nbroken\n";
    let groups = "lists:x:42:other,everest\nrest:x:43:everest2\n";
    for name in ["everest", "998"] {
        let user = User::find(users, groups, name).unwrap();
        let groups: Vec<u32> = user.groups.iter().map(|group| group.as_raw()).collect();
        assert_eq!((user.uid.as_raw(), user.gid.as_raw(), groups), (998, 997, vec![42]), "{name}");
    }
    for name in ["everes", "997", "broken", ""] {
        assert_eq!(User::find(users, groups, name), None, "{name}");
    }
    assert!(User::named("nobody of this name").unwrap_err().contains("nobody of this name"));
}

#[test]
fn an_address_that_is_not_settled_yet_is_not_used() {
    let line = "fe80000000000000000000fffe000001 0a 40 20 80     eth1";
    let read = OwnAddress::read(line).unwrap();
    assert_eq!((read.address, read.index), ("fe80::ff:fe00:1".parse().unwrap(), 10));
    assert_eq!(read.interface, "eth1");
    for flags in ["c0", "88"] {
        assert_eq!(OwnAddress::read(&line.replace(" 80 ", &format!(" {flags} "))), None);
    }
    assert_eq!(OwnAddress::read("nonsense"), None);
}

#[test]
fn a_name_cannot_lead_out_of_the_folder() {
    for bad in ["", "..", ".", "a/b", "eth1:0", "a b", "0123456789abcdef"] {
        assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
    }
    let name: InterfaceName = "no-such.7".parse().unwrap();
    assert!(name.index().unwrap_err().contains("there is no interface no-such.7"));
}

#[test]
fn agreements_come_from_a_folder_and_a_file_over_http_alone() {
    let http = |url: &str| Source::Http { url: url.into() }.problem();
    assert_eq!((http("https://a.example/x/y"), http("http://a.example/y")), (None, None));
    for bad in ["https://a.example", "https://a.example/", "ftp://a.example/y", "file:///etc/passwd"] {
        assert!(http(bad).unwrap().contains("with a path"), "{bad}");
    }
    assert!(Source::Command { program: vec![] }.problem().is_some());
}

#[test]
fn programs_and_files_are_asked_and_their_failures_told() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |source: Source| runtime.block_on(source.ask());
    let program =
        |words: &[&str]| Source::Command { program: words.iter().map(|&word| word.to_owned()).collect() };
    let (_, problems) = ask(program(&["/bin/echo", "DE8AA,what is this?"])).unwrap();
    assert_eq!(problems.len(), 1);
    assert!(ask(program(&["/bin/false"])).unwrap_err().contains("exit status: 1"));
    assert!(
        ask(program(&["/bin/sh", "-c", "echo DE8AA; exit 3"])).is_err(),
        "a list that ends in failure is none"
    );
    assert!(ask(program(&["/bin/sh", "-c", "yes DE8AA"])).unwrap_err().contains("more than"));
    assert!(ask(program(&["/no/such/program"])).is_err());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    assert!(ask(Source::File { path: path.clone() }).unwrap_err().contains("does not exist"));
    std::fs::write(&path, "DE8AA\n").unwrap();
    assert!(ask(Source::File { path }).is_ok());
}

#[test]
fn a_back_end_is_asked_over_http_and_its_page_of_error_is_no_list() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/ocpi/agreements", listener.local_addr().unwrap());
    let list = r#"{"data": [{"country_code": "DE", "party_id": "8AA"}]}"#;
    let answers = [("200 OK", list), ("200 OK", r#"{"error": 1}"#), ("404 Not Found", ""), ("500 Oh", "")];
    let served = std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /ocpi/agreements HTTP/1.1\r\n"));
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = || runtime.block_on(Source::Http { url: url.clone() }.ask());
    assert_eq!(ask().unwrap(), (Agreements::With(["DE8AA".parse().unwrap()].into()), vec![]));
    assert!(ask().unwrap_err().contains("without a list"));
    assert!(ask().unwrap_err().contains("404"));
    assert!(ask().unwrap_err().contains("500"));
    served.join().unwrap();
}
