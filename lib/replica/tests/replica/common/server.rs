//! A server for a scheme in memory: it serves the log, the drafts and everything published, takes statements and
//! signatures, and can be told to lie.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ctl_core::Digest;
use ctl_core::role::Role;
use ctl_governance::Reason;
use ctl_governance::statement::body::PublicationRecord;
use ctl_governance::statement::{Entry, Statement};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::story::World;
use super::{Files, files, log_files};

/// How a server deceives, or fails.
#[derive(Clone, Default)]
pub enum Lie {
    /// Not at all.
    #[default]
    None,
    /// It answers as if it had recorded what it drops.
    Drops,
    /// It records, and shows the log as it was.
    Hides(Files),
    /// It answers 503, having recorded it or not.
    Fails { records: bool },
    /// It ends the connection, having recorded it or not.
    HangsUp { records: bool },
}

/// A server on a free port, as far as the tool needs one.
pub struct Server {
    pub url: String,
    pub world: Arc<Mutex<World>>,
    pub blobs: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub lie: Arc<Mutex<Lie>>,
    /// The paths of what was sent to it.
    pub sent: Mutex<Vec<String>>,
    ceremonies: Arc<Mutex<BTreeMap<u64, Vec<Value>>>>,
}

impl Server {
    pub async fn start(world: World) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            world: Arc::new(Mutex::new(world)),
            blobs: Arc::default(),
            lie: Arc::default(),
            sent: Mutex::default(),
            ceremonies: Arc::default(),
        });
        let shared = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let server = Arc::clone(&shared);
                tokio::spawn(async move {
                    let Some((method, path, body)) = read_request(&mut stream).await else { return };
                    let (status, body) = server.answer(&method, path.trim_start_matches('/'), &body);
                    if status == 0 {
                        return;
                    }
                    let head = format!(
                        "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                });
            }
        });
        server
    }

    fn answer(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut world = self.world.lock().unwrap();
        if method != "GET" {
            self.sent.lock().unwrap().push(path.to_owned());
        }
        match (method, path) {
            ("GET", path) => {
                let blob = path.strip_prefix("v1/blobs/").and_then(|digest| self.blob(digest));
                let file = || match &*self.lie.lock().unwrap() {
                    Lie::Hides(files) => files.get(path).cloned(),
                    _ if path.starts_with("log/") => log_files(&world).remove(path),
                    _ => files(&world).remove(path),
                };
                blob.or_else(file).map_or((404, Vec::new()), |bytes| (200, bytes))
            }
            ("POST", "v1/statements") => {
                let statement = Statement::parse(body).unwrap();
                let entry = Entry::new(world.now, statement.clone()).unwrap();
                let lie = self.lie.lock().unwrap().clone();
                let recorded = match lie {
                    Lie::Drops => Ok(world.state.size()),
                    Lie::Fails { records: false } | Lie::HangsUp { records: false } => Ok(0),
                    _ => world.record(statement),
                };
                match (lie, recorded) {
                    (Lie::Fails { .. }, _) => problem(503, "not-ready", "the disk is full"),
                    (Lie::HangsUp { .. }, _) => (0, Vec::new()),
                    (_, Err(refusal)) => {
                        let status = if refusal.reason == Reason::Replayed { 409 } else { 422 };
                        problem(status, refusal.reason.as_str(), &refusal.detail)
                    }
                    (_, Ok(index)) => {
                        let receipt = json!({
                            "index": index, "leaf_hash": entry.leaf_hash, "recorded_at": world.now,
                            "statement": entry.statement.id,
                        });
                        (201, serde_json::to_vec(&receipt).unwrap())
                    }
                }
            }
            ("POST", path) => {
                let role = path.strip_prefix("v1/drafts/").unwrap().strip_suffix("/signatures").unwrap();
                self.collect(&mut world, &role.parse().unwrap(), serde_json::from_slice(body).unwrap())
            }
            ("PUT", path) => {
                let digest = path.strip_prefix("v1/blobs/").unwrap().to_owned();
                assert_eq!(Digest::of(body).to_string(), digest);
                self.blobs.lock().unwrap().insert(digest, body.to_vec());
                (201, Vec::new())
            }
            _ => problem(405, "method", "no"),
        }
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.blobs.lock().unwrap().get(digest).cloned()
    }

    /// Two signatures make a publication.
    fn collect(&self, world: &mut World, role: &Role, signature: Value) -> (u16, Vec<u8>) {
        let draft = world.state.drafts[role].clone();
        assert_eq!(signature["draft"], draft.index);
        let mut ceremonies = self.ceremonies.lock().unwrap();
        let have = ceremonies.entry(draft.index).or_default();
        have.push(signature);
        let mut published = None;
        if have.len() == 2 {
            let of = |name: &str| have.iter().map(|s| s[name].clone()).filter(|s| !s.is_null()).collect();
            let document: Vec<Value> = of("document_signature");
            let metadata: Vec<Value> = of("metadata_signature");
            let sae_cms: Vec<Value> = of("sae_cms_signature");
            let record = PublicationRecord {
                document: draft.documents.document.as_deref().map(Digest::of),
                document_signatures: serde_json::from_value(document.into()).unwrap(),
                draft: draft.index,
                metadata: Digest::of(&draft.documents.metadata),
                metadata_signatures: serde_json::from_value(metadata.into()).unwrap(),
                role: role.clone(),
                sae_cms_signatures: serde_json::from_value(sae_cms.into()).unwrap(),
            };
            let lie = self.lie.lock().unwrap().clone();
            let index = world.state.size();
            match if matches!(lie, Lie::Drops) { Ok(index) } else { world.say(&["recorder"], record) } {
                Ok(index) => published = Some(index),
                Err(refusal) => return problem(422, refusal.reason.as_str(), &refusal.detail),
            }
        }
        let answer = json!({ "have": have.len(), "needed": 2, "published": published });
        (200, serde_json::to_vec(&answer).unwrap())
    }
}

fn problem(status: u16, reason: &str, detail: &str) -> (u16, Vec<u8>) {
    (status, serde_json::to_vec(&json!({ "title": "refused", "detail": detail, "reason": reason })).unwrap())
}

pub async fn read_request(stream: &mut tokio::net::TcpStream) -> Option<(String, String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut first = head.lines().next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().to_owned())
        })
        .map_or(0, |n| n.parse().unwrap());
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some((method, path, bytes[end + 4..].to_vec()))
}
