//! A scheme in memory, and a server for it made of nothing but ctl-core: it serves the log, the drafts
//! and everything published, takes statements and signatures, and can be told to lie.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../../lib/governance/tests/governance/common/mod.rs"]
pub mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::jws::Signature;
use ctl_core::list::ListPayload;
use ctl_core::list::render::{Rendition, Source};
use ctl_core::log::checkpoint::cosign;
use ctl_core::log::{BundleId, Checkpoint, LogProof, TileId, Tree};
use ctl_core::parts::Purpose;
use ctl_core::role::Role;
use ctl_core::tuf::{MetaFile, Snapshot, Timestamp as TufTimestamp, envelope, sign};
use ctl_core::{Digest, Timestamp, json};
use ctl_governance::statement::body::PublicationRecord;
use ctl_governance::statement::charter::{Witness, Witnesses};
use ctl_governance::statement::{Body, Entry, Statement};
use ctl_governance::{Reason, State, genesis};
use ctl_reach::document::Subject;
use ctl_reach::{Network, both_standards, svg};
use ctl_replica::{Clock, Listener, News, Options, Trust};
use serde_json::{Value, json};
use story::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub type Files = BTreeMap<String, Vec<u8>>;

pub fn clock(now: Timestamp) -> Clock {
    Arc::new(move || now)
}

pub fn options(url: &str, trust: Trust, cache: Option<&Path>, now: Timestamp) -> Options {
    Options {
        folder: cache.map(Path::to_path_buf),
        clock: clock(now),
        patience: Duration::from_millis(300),
        listener: Arc::new(|news| match news {
            News::Lost(lost) => panic!("{lost}"),
            News::BegunAnew { .. } => {}
            News::Memory(what) | News::Forged(what) => panic!("{what}"),
        }),
        ..Options::new(url, trust)
    }
}

/// A listener that notes what it hears.
pub fn noted() -> (Listener, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = Arc::clone(&heard);
    (Arc::new(move |news: &News| note.lock().unwrap().push(news.to_string())), heard)
}

fn log_key() -> ed25519_dalek::SigningKey {
    signing_key("log")
}

pub fn tree(world: &World) -> Tree {
    world.entries.iter().map(|entry| entry.leaf_hash).collect()
}

fn note(world: &World, tree: &Tree) -> ctl_core::log::Note {
    let origin = world.state.charter.server.log_origin.to_string();
    let mut note = Checkpoint { origin, size: tree.size(), root: tree.root() }.sign(&log_key()).unwrap();
    for witness in &world.state.charter.witnesses.witnesses {
        let name = witness.name.as_str();
        if !name.starts_with("absent") {
            cosign(&mut note, name, &signing_key(name), world.now).unwrap();
        }
    }
    note
}

/// The key of a witness or of the log, by name.
pub fn signing_key(name: &str) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(Digest::of(name.as_bytes()).as_bytes())
}

/// Witnesses for a charter: those whose names begin with "absent" cosign nothing.
pub fn witnesses(names: &[&str], threshold: u32) -> Witnesses {
    let witness = |name: &&str| Witness { name: name.parse().unwrap(), key: story::ed25519(name) };
    Witnesses { witnesses: names.iter().map(witness).collect(), threshold }
}

/// The log's files.
pub fn log_files(world: &World) -> Files {
    let tree = tree(world);
    let mut files = Files::new();
    files.insert("log/checkpoint".into(), note(world, &tree).to_string().into_bytes());
    for tile in TileId::added(0, tree.size()) {
        files.insert(format!("log/{}", tile.path()), tile.bytes(&tree).unwrap());
    }
    for bundle in BundleId::added(0, tree.size()) {
        let range = bundle.entries();
        let entries: Vec<&[u8]> =
            world.entries[range.start as usize..range.end as usize].iter().map(|e| &*e.bytes).collect();
        files.insert(format!("log/{}", bundle.path()), bundle.encode(&entries).unwrap());
    }
    files
}

/// What the server shows of a role's open draft.
pub fn draft_view(world: &World, role: &Role) -> Value {
    let draft = &world.state.drafts[role];
    let documents = &draft.documents;
    let mut view = json!({
        "role": role, "draft": draft.index, "version": draft.open.version, "issued_at": draft.open.issued_at,
        "expires": draft.open.expires, "signatures": [], "needed": 2,
        "metadata": BASE64_STANDARD.encode(&documents.metadata),
        "metadata_sha256": Digest::of(&documents.metadata),
    });
    if let (Some(document), Some(sequence)) = (&documents.document, draft.open.sequence) {
        view["sequence"] = sequence.into();
        view["document"] = BASE64_STANDARD.encode(document).into();
        view["document_sha256"] = Digest::of(document).to_string().into();
    }
    view
}

fn signed_file(metadata: &[u8], record: &PublicationRecord) -> Vec<u8> {
    let signed = json::parse_olpc(metadata, usize::MAX).unwrap();
    json::canonical(&json!({ "signatures": record.metadata_signatures, "signed": signed }))
}

/// Everything that an honest server serves.
pub fn files(world: &World) -> Files {
    let mut files = log_files(world);
    let tree = tree(world);
    let mut state: State = genesis(&world.entries[0]).unwrap();
    let mut latest: BTreeMap<Role, (PublicationRecord, u64)> = BTreeMap::new();
    let mut roots: Vec<Vec<u8>> = Vec::new();
    let mut targets = Vec::new();
    let mut versions: BTreeMap<Role, Vec<u8>> = BTreeMap::new();
    for (index, entry) in (0_u64..).zip(&world.entries).skip(1) {
        state.apply(entry);
        let Body::PublicationRecord(record) = &entry.statement.payload.body else { continue };
        let published = &state.published[&record.role];
        let file = signed_file(&published.documents.metadata, record);
        files.insert(format!("tuf/metadata/{}.{}.json", published.open.version, record.role), file.clone());
        match record.role {
            Role::Root => roots.push(file.clone()),
            Role::Targets => targets = file.clone(),
            _ => {}
        }
        versions.insert(record.role.clone(), file);
        latest.insert(record.role.clone(), ((**record).clone(), index));
        let Some(document) = &published.documents.document else { continue };
        let name = record.role.target_name().unwrap();
        let sequence = published.open.sequence.unwrap();
        files.insert(format!("tuf/targets/{}.{name}", Digest::of(document)), document.to_vec());
        files.insert(format!("tuf/targets/{name}"), document.to_vec());
        let folder = record.role.folder().unwrap();
        if let Role::List(_) = record.role {
            files.insert(format!("{folder}/versions/{sequence}"), document.to_vec());
        }
        let proof = LogProof {
            extra: Some(entry.bytes.clone()),
            index,
            hashes: tree.inclusion_proof(index, tree.size()).unwrap(),
            checkpoint: note(world, &tree),
        };
        files.insert(format!("{folder}/versions/{sequence}.tlog-proof"), proof.encode().into_bytes());
        files.insert(format!("{folder}/tlog-proof"), proof.encode().into_bytes());
        let signatures: Vec<Signature> = record
            .document_signatures
            .iter()
            .map(|s| Signature::from_value(serde_json::to_value(s).unwrap(), 0).unwrap())
            .collect();
        let roots: Vec<&[u8]> = roots.iter().map(|root| &**root).collect();
        let source = Source { document, signatures: &signatures, roots: &roots, targets: &targets };
        for rendition in Rendition::of(&record.role) {
            files.insert(rendition.path(&record.role).unwrap(), rendition.make(&source).unwrap());
        }
    }
    for (role, published) in &state.published {
        let (Role::List(list), Some(document)) = (role, &published.documents.document) else { continue };
        let payload: ListPayload = serde_json::from_slice(document).unwrap();
        let subject =
            Subject { list: list.clone(), sequence: payload.sequence, sha256: Digest::of(document) };
        let network =
            Network::of_list(&payload).suspend(state.suspended_keys()).disclose(state.disclosed_sub_cas());
        let matrices = both_standards(network, Purpose::V2g, payload.issued_at);
        files.insert(format!("v1/lists/{list}/interop"), ctl_reach::document::document(&subject, &matrices));
        files.insert(format!("v1/lists/{list}/interop.svg"), svg::svg(&subject, &matrices));
    }
    if versions.contains_key(&Role::Targets) {
        let meta: Vec<(String, MetaFile)> = versions
            .iter()
            .filter(|(role, _)| **role != Role::Root)
            .map(|(role, bytes)| (role.to_string(), MetaFile::of(state.published[role].open.version, bytes)))
            .collect();
        let expires = world.now.plus_seconds(story::DAY);
        let snapshot = Snapshot::new(1, expires, meta.iter().map(|(name, file)| (&**name, file.clone())));
        let bytes = envelope(&snapshot, &[sign(&world.keys["snapshot"], &snapshot).unwrap()]);
        let timestamp = TufTimestamp::new(1, expires, MetaFile::of(1, &bytes));
        files.insert("tuf/metadata/1.snapshot.json".into(), bytes);
        let bytes = envelope(&timestamp, &[sign(&world.keys["timestamp"], &timestamp).unwrap()]);
        files.insert("tuf/metadata/timestamp.json".into(), bytes);
    }
    for (role, draft) in &world.state.drafts {
        if world.state.published.get(role).is_none_or(|published| published.draft != draft.index) {
            let view = serde_json::to_vec(&draft_view(world, role)).unwrap();
            files.insert(format!("v1/drafts/{role}"), view);
        }
    }
    files
}

/// Writes files to a directory, and returns its address.
pub fn write(directory: &Path, files: &Files) -> String {
    let _ = std::fs::remove_dir_all(directory);
    for (path, bytes) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    format!("file://{}", directory.display())
}

/// A root.json of the world, written beside its files.
pub fn root_json(directory: &Path, world: &World) -> Trust {
    let path = directory.join("trusted-root.json");
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(&path, &files(world)["tuf/metadata/1.root.json"]).unwrap();
    Trust::Root(path)
}

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
            let record = PublicationRecord {
                document: draft.documents.document.as_deref().map(Digest::of),
                document_signatures: serde_json::from_value(document.into()).unwrap(),
                draft: draft.index,
                metadata: Digest::of(&draft.documents.metadata),
                metadata_signatures: serde_json::from_value(metadata.into()).unwrap(),
                role: role.clone(),
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
