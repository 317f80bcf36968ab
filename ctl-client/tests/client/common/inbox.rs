//! An operator's address: keeps what is posted to it, and answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What was posted.
pub struct Posted {
    pub head: String,
    pub body: Value,
    pub bytes: usize,
}

#[derive(Clone)]
pub struct Inbox {
    posted: Arc<Mutex<Vec<Posted>>>,
    answer: Arc<Mutex<String>>,
    pub url: String,
}

impl Inbox {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/reports", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned()));
        let inbox = Self { posted: Arc::default(), answer, url };
        let shared = inbox.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap_or(0) == 0 {
                        break;
                    }
                }
                let lower = head.to_ascii_lowercase();
                let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
                let mut bytes = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                if reader.read_exact(&mut bytes).is_err() || bytes.is_empty() {
                    continue;
                }
                let posted =
                    Posted { head, body: serde_json::from_slice(&bytes).unwrap(), bytes: bytes.len() };
                shared.posted.lock().unwrap().push(posted);
                let answer = shared.answer.lock().unwrap().clone();
                // Nothing: the connection stays, and nothing is said over it.
                if answer.is_empty() {
                    std::mem::forget(stream);
                } else {
                    let _ = stream.write_all(answer.as_bytes());
                }
            }
        });
        inbox
    }

    /// From now on it answers so; an empty answer is none.
    pub fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    /// What was posted since the last call.
    pub fn take(&self) -> Vec<Posted> {
        std::mem::take(&mut self.posted.lock().unwrap())
    }
}
