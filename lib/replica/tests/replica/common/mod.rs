//! A scheme in memory, and what an honest server serves of it, made of nothing but ctl-core.
#![allow(dead_code, unused_imports, unreachable_pub)]

pub mod asked;
pub mod reader;
pub mod server;
#[path = "../../../../governance/tests/governance/common/mod.rs"]
pub mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::jws::Signature;
use ctl_core::list::ListPayload;
use ctl_core::log::checkpoint::cosign;
use ctl_core::log::{BundleId, Checkpoint, LogProof, TileId, Tree};
use ctl_core::parts::Purpose;
use ctl_core::role::Role;
use ctl_core::tuf::{MetaFile, Snapshot, Timestamp as TufTimestamp, envelope, sign};
use ctl_core::{Digest, Timestamp, json};
use ctl_formats::rendition::{Rendition, Source};
use ctl_governance::draft::SaeCms;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::PublicationRecord;
use ctl_governance::statement::charter::{Witness, Witnesses};
use ctl_governance::{State, genesis};
use ctl_reach::document::Subject;
use ctl_reach::{Network, both_standards, svg};
use ctl_replica::{Clock, Listener, News, Options, Trust};
use serde_json::{Value, json};
use story::World;

pub use server::{Lie, Server};

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
            News::Memory(what) | News::SetAside(what) | News::Forged(what) => panic!("{what}"),
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
    if let SaeCms::Drafted { attributes, .. } = &documents.sae_cms {
        view["sae_cms_attributes"] = BASE64_STANDARD.encode(&attributes.0).into();
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
        let sae_cms = published.documents.sae_cms.signatures(&record.sae_cms_signatures);
        let source = Source::new(&record.role, document, &signatures, &roots, &targets).with_sae_cms(sae_cms);
        for rendition in Rendition::of(&record.role) {
            let path = rendition.path(&record.role).unwrap();
            match rendition.make(&source) {
                Ok(made) => drop(files.insert(path, made.bytes)),
                Err(_) => drop(files.remove(&path)),
            }
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
