//! A pretend subscriber of webhooks: an endpoint that notes what comes, and answers as it is told.
//!
//! Signatures are verified by RFC 2104 as it stands there, and not by the library by which they are made.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The longest request in bytes.
const MAX_REQUEST: usize = 1 << 16;
/// SHA-256 works on blocks of so many bytes.
const BLOCK: usize = 64;

/// What a subscriber does with a request.
#[derive(Clone, Debug)]
pub enum Says {
    /// It answers this status.
    Status(u16),
    /// It sends these bytes, whatever they are, and nothing more.
    Bytes(String),
    /// It never answers.
    Nothing,
    /// It sends a header without end, a line each so often.
    Drips(Duration),
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The request line and the headers.
    pub head: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl Received {
    /// A header, by its name in whatever case; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// Whether it is signed with this secret, in each of the spellings that subscribers look for.
    #[must_use]
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let digits = hex::encode(hmac_sha256(secret.as_bytes(), &self.body));
        self.header("payload-signature") == digits
            && self.header("X-Operator-Signature") == digits
            && self.header("X-Hubject-Signature") == format!("sha256={digits}")
    }
}

/// RFC 2104 section 2, over SHA-256.
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    let hashed = Sha256::digest(key);
    let key = if key.len() > BLOCK { &hashed[..] } else { key };
    block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// A subscriber. It ends when this is dropped.
#[derive(Debug)]
pub struct Subscriber {
    address: SocketAddr,
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Heard {
    received: Mutex<Vec<Received>>,
    says: Mutex<Says>,
}

impl Subscriber {
    /// One that listens there, and answers so.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub async fn at(address: SocketAddr, says: Says) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Heard { received: Mutex::default(), says: Mutex::new(says) });
        let task = tokio::spawn({
            let heard = Arc::clone(&heard);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, Arc::clone(&heard)));
                }
            }
        });
        Ok(Self { address, heard, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it answers so.
    pub fn now_says(&self, says: Says) {
        *self.heard.says.lock().unwrap_or_else(PoisonError::into_inner) = says;
    }

    /// Everything that came.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.heard.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, heard: Arc<Heard>) {
    let Some(one) = read(&mut stream).await else { return };
    heard.received.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    let says = heard.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match says {
        Says::Status(status) => {
            let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            // Whoever has gone does not hear it.
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

/// A request with its whole body; none if what comes is none.
pub(crate) async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let (head, body) = bytes.split_at(end + 4);
            let head = String::from_utf8_lossy(head.get(..end)?).into_owned();
            let mut one = Received { head, body: body.to_vec() };
            let length: usize = one.header("content-length").parse().ok()?;
            if one.body.len() >= length {
                one.body.truncate(length);
                return Some(one);
            }
        }
        if bytes.len() > MAX_REQUEST || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test cases 2 and 6, of which the key is longer than a block.
        for (key, text, expected) in [
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex::encode(hmac_sha256(&key, text.as_bytes())), expected);
        }
    }

    #[tokio::test]
    async fn what_is_no_request_is_not_noted() {
        let subscriber =
            Subscriber::at(SocketAddr::from(([127, 0, 0, 1], 0)), Says::Status(204)).await.unwrap();
        for (sent, answered) in [
            ("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", true),
            ("POST / HTTP/1.1\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi", false),
        ] {
            let mut stream = TcpStream::connect(subscriber.address()).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            assert_eq!(said.starts_with("HTTP/1.1 204 "), answered, "{sent}");
        }
        let all = subscriber.received();
        assert_eq!((all.len(), &all[0].body[..]), (1, &b"hi"[..]));
        assert!(!all[0].is_signed_by("secret"));
    }
}
