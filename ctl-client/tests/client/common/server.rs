//! A small HTTP server with faults: bodies that do not end, end too early, or take their time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Repository;

#[derive(Clone, Debug)]
pub enum Fault {
    /// Bytes for ever, without a length.
    Endless,
    /// A length, and fewer bytes.
    Truncated,
    /// A byte now and then: never idle, never done.
    Slow,
    /// Headers, and then nothing.
    Silent,
    /// A length beyond any limit.
    HugeLength,
    /// To another address.
    Redirect(String),
    Status(u16),
    /// A status line with headers, and a body.
    Says(&'static str, &'static str),
    /// The same in bytes, to whoever would take it compressed.
    SaysCoded(String, Vec<u8>),
    /// A fault for whoever would take it compressed, and another for everyone else.
    Either(Box<Fault>, Box<Fault>),
    /// And to everyone: a cache that heeds no `Vary`.
    SaysCodedAlways(String, Vec<u8>),
}

#[derive(Default)]
struct Served {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, Fault>,
    requests: Vec<String>,
    /// The headers of requests in lower case, by target.
    headers: Vec<(String, String)>,
}

#[derive(Clone)]
pub struct Server {
    served: Arc<Mutex<Served>>,
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let served = Arc::<Mutex<Served>>::default();
        let shared = Arc::clone(&served);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &served));
            }
        });
        Self { served, url }
    }

    pub fn serve(&self, repository: &Repository) {
        let files = repository.served().map(|(path, bytes)| (format!("/{path}"), bytes.clone())).collect();
        self.served.lock().unwrap().files = files;
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.served.lock().unwrap().files.insert(path.into(), bytes.to_vec());
    }

    pub fn fault(&self, path: &str, fault: Fault) {
        self.served.lock().unwrap().faults = [(path.to_owned(), fault)].into();
    }

    pub fn heal(&self) {
        self.served.lock().unwrap().faults.clear();
    }

    /// The newest metadata whose name ends so.
    pub fn served_at(&self, end: &str) -> String {
        let served = self.served.lock().unwrap();
        let number = |path: &&String| {
            let name = path.rsplit('/').next().unwrap();
            name.split('.').next().unwrap().parse::<u64>().unwrap_or(0)
        };
        let metadata =
            served.files.keys().filter(|path| path.starts_with("/tuf/metadata/") && path.ends_with(end));
        metadata.max_by_key(number).unwrap().clone()
    }

    /// The paths asked for since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.served.lock().unwrap().requests)
    }

    /// The headers that came with each request for a target, in lower case.
    pub fn headers(&self, target: &str) -> Vec<String> {
        let served = self.served.lock().unwrap();
        served
            .headers
            .iter()
            .filter(|(asked, _)| asked == target)
            .map(|(_, headers)| headers.clone())
            .collect()
    }
}

/// As if this body would follow.
fn head(body: Option<Vec<u8>>) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.map_or(1000, |body| body.len()))
}

/// The client may hang up at any point: writing is then over.
fn answer(mut stream: TcpStream, served: &Mutex<Served>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(request)) = lines.next() else { return };
    let mut headers = String::new();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            break;
        }
        headers += &line.to_ascii_lowercase();
        headers.push('\n');
    }
    let plain = headers.contains("accept-encoding: identity");
    // To a proxy the whole address is sent.
    let target = request.split(' ').nth(1).unwrap_or_default();
    let path = match target.strip_prefix("http://ctl.invalid") {
        Some(path) => path.to_owned(),
        None => target.to_owned(),
    };
    let (body, fault) = {
        let mut served = served.lock().unwrap();
        served.requests.push(target.to_owned());
        served.headers.push((target.to_owned(), headers));
        let fault = match served.faults.get(&path).cloned() {
            Some(Fault::Either(coded, other)) => Some(*if plain { other } else { coded }),
            fault => fault,
        };
        (
            served.files.get(&path).cloned(),
            fault.filter(|fault| !plain || !matches!(fault, Fault::SaysCoded(..))),
        )
    };
    let _ = match fault {
        None => match body {
            Some(body) => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), &body].concat())
            }
            None => {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
        },
        Some(Fault::Endless) => {
            let mut result = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while result.is_ok() {
                result = stream.write_all(&[b' '; 65_536]);
            }
            result
        }
        Some(Fault::Truncated) => {
            let body = body.unwrap_or_default();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body[..body.len() / 2]].concat())
        }
        Some(Fault::Slow) => {
            let mut result = stream.write_all(head(body).as_bytes());
            while result.is_ok() {
                std::thread::sleep(Duration::from_millis(50));
                result = stream.write_all(b" ");
            }
            result
        }
        Some(Fault::Silent) => {
            let result = stream.write_all(head(body).as_bytes());
            // Until the client hangs up.
            let _ = lines.next();
            result
        }
        Some(Fault::HugeLength) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        }
        Some(Fault::Redirect(to)) => stream.write_all(
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        ),
        Some(Fault::Says(head, body)) => stream.write_all(
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
                .as_bytes(),
        ),
        Some(Fault::SaysCoded(head, body) | Fault::SaysCodedAlways(head, body)) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat())
        }
        Some(Fault::Either(..)) => unreachable!("one of the two was taken"),
        Some(Fault::Status(status)) => stream.write_all(
            format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        ),
    };
}
