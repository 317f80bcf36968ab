//! A subscriber's endpoint, which notes what comes and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What an endpoint does with a request.
#[derive(Clone)]
pub enum Says {
    /// It answers this status.
    Status(u16),
    /// It sends these bytes, whatever they are.
    Bytes(String),
    /// It never answers.
    Nothing,
    /// It sends a header without end, a line each so often.
    Drips(Duration),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header, by its name in whatever case.
    pub fn header(&self, name: &str) -> &str {
        let found = self.head.lines().filter_map(|line| line.split_once(": "));
        found.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// Asserts that it is signed with this secret in each spelling.
    pub fn is_signed_by(&self, secret: &str) {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&self.body);
        let digits = hex::encode(mac.finalize().into_bytes());
        assert_eq!(self.header("payload-signature"), digits);
        assert_eq!(self.header("X-Operator-Signature"), digits);
        assert_eq!(self.header("X-Hubject-Signature"), format!("sha256={digits}"));
    }
}

/// A subscriber's endpoint.
pub struct Hook {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    says: Arc<Mutex<Says>>,
}

impl Hook {
    pub async fn at(address: &str, says: Says) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let hook = Self {
            address: listener.local_addr().unwrap(),
            received: Arc::default(),
            says: Arc::new(Mutex::new(says)),
        };
        let (received, says) = (Arc::clone(&hook.received), Arc::clone(&hook.says));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&received), Arc::clone(&says)));
            }
        });
        hook
    }

    pub async fn says(says: Says) -> Self {
        Self::at("127.0.0.1:0", says).await
    }

    pub fn now_says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Its address, by a name.
    pub fn url(&self) -> String {
        format!("http://hooks.example:{}/payload?tenant=7", self.address.port())
    }

    /// Waits until so many requests have come, and gives them.
    pub async fn has(&self, count: usize) -> Vec<Received> {
        super::told::until(&format!("{count} requests at {}", self.address), async || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }
}

async fn answer(mut stream: TcpStream, received: Arc<Mutex<Vec<Received>>>, says: Arc<Mutex<Says>>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut one = Received { head, body: Vec::new() };
    let length: usize = one.header("content-length").parse().unwrap();
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    one.body = bytes[end + 4..].to_vec();
    received.lock().unwrap().push(one);
    let says = says.lock().unwrap().clone();
    match says {
        Says::Status(status) => {
            let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Says::Bytes(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            std::future::pending::<()>().await;
        }
        Says::Nothing => std::future::pending::<()>().await,
        Says::Drips(apart) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(b"x-more: x\r\n").await.is_ok() {
                tokio::time::sleep(apart).await;
            }
        }
    }
}
