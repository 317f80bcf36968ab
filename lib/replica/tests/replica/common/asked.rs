//! A server that keeps connections open, and notes what it is asked.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;

use super::Files;
use super::server::read_request;

/// What became of a request.
pub enum Answer {
    Found(Vec<u8>),
    Missing,
    /// The server ends the connection without a word.
    HangsUp,
}

/// A server that keeps connections open; it is told the path and the number of the request on its connection.
pub async fn serve(
    answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
            tokio::spawn(async move {
                for number in 0.. {
                    let Some((_, path, _)) = read_request(&mut stream).await else { return };
                    let path = path.trim_start_matches('/');
                    log.lock().unwrap().push(path.to_owned());
                    let (status, body) = match answer(path, number) {
                        Answer::Found(body) => (200, body),
                        Answer::Missing => (404, Vec::new()),
                        Answer::HangsUp => return,
                    };
                    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                }
            });
        }
    });
    (url, asked)
}

pub fn found(files: &Files, path: &str) -> Answer {
    files.get(path).map_or(Answer::Missing, |bytes| Answer::Found(bytes.clone()))
}
