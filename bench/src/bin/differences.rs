//! A server with the large scheme that publishes a registry with a few identifiers changed whenever it reads a line;
//! before that it says how long the compressed forms of such a version take to make, and how large they are.
//! `bench/differences` measures with it what a change costs a device.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement may stop at once"
)]

use std::io::BufRead as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ctl_bench::scheme::{MO_IDS, Scheme, key, mo_id, server_keys};
use ctl_core::jws::Signature;
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{DocumentSignature, MetadataSignature, MoUpdate};
use ctl_host::clock::{ClockBounds, GuardedClock, ManualClock};
use ctl_server::access::{self, Access, Settings};
use ctl_server::blobs::Blobs;
use ctl_server::http::{App, routes};
use ctl_server::ledger::{Ledger, MemoryStore, Setup, Store as _};
use ctl_server::metrics::Metrics;
use ctl_server::publish::ceremony::Submission;
use ctl_server::publish::press::Forms;
use ctl_server::publish::{Config, Publisher};
use ctl_server::screening::Policies;

const CHANGED: usize = 10;

#[tokio::main]
async fn main() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix(since.as_secs().try_into().unwrap());
    let mut scheme = Scheme::large(now);

    let store = MemoryStore::new();
    let entries: Vec<Vec<u8>> = scheme.entries.iter().map(|entry| entry.bytes.clone()).collect();
    store.append(0, &entries, Some(scheme.checkpoint().as_bytes())).unwrap();
    let clock = Arc::new(ManualClock::at(now));
    let ledger = Ledger::open(Setup {
        store: Arc::new(store),
        keys: Arc::new(server_keys()),
        clock: Arc::new(GuardedClock::new(clock, ClockBounds::default())),
        head: None,
        queue: 1000,
    })
    .unwrap();
    let data = tempfile::tempdir().unwrap();
    let config = Config { settle: Duration::from_millis(200), ..Config::new(data.path()) };
    let metrics = Arc::new(Metrics::new().unwrap());
    let (publisher, _running) = Publisher::start(ledger.clone(), config, metrics.data_bytes()).unwrap();
    let blobs = Arc::new(Blobs::open(data.path()).unwrap());
    let access = Access::new(&Settings::default(), access::Keys::load(data.path()).unwrap()).unwrap();
    let policies = Arc::new(Policies::load(&[]).unwrap());
    let app = App::new(ledger.clone(), publisher.clone(), blobs, policies, metrics, access);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let limits = ctl_serve::Http::default();
    tokio::spawn(ctl_serve::serve(listener, (app, routes::table()), limits, std::future::pending()));

    let mut said = 0;
    for line in std::io::stdin().lock().lines() {
        line.unwrap();
        let before = registry(&ledger);
        for n in said..said + CHANGED {
            let update = MoUpdate { id: mo_id(n * 997 % MO_IDS), source: "idro".parse().unwrap() };
            ledger.record(scheme.signed("registrar", update)).await.unwrap();
        }
        said += CHANGED;
        ceremony(&ledger, &publisher).await;
        let now = registry(&ledger);
        let begun = Instant::now();
        drop(Forms::all(&now.clone().into(), &[]));
        let plain = begun.elapsed();
        let begun = Instant::now();
        let earlier = [(Digest::of(&before), before.into())];
        drop(Forms::all(&now.into(), &earlier));
        let difference = begun.elapsed().saturating_sub(plain);
        println!("published {} {}", plain.as_millis(), difference.as_millis());
    }
}

fn registry(ledger: &Ledger) -> Vec<u8> {
    ledger.snapshot().state.published[&Role::Registry].documents.document.clone().unwrap().to_vec()
}

/// The server opens a draft, the registrar signs it, and it is served.
async fn ceremony(ledger: &Ledger, publisher: &Publisher) {
    let role = Role::Registry;
    let draft = loop {
        let state = ledger.snapshot();
        match state.state.drafts.get(&role) {
            Some(draft) if draft.index > state.state.published[&role].index => break draft.clone(),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let key = key("registrar");
    let document: Vec<u8> = draft.documents.document.clone().unwrap().to_vec();
    let signature = Signature::sign(&key, role.document_typ().unwrap(), &document).unwrap();
    let submission = Submission {
        draft: draft.index,
        document_signature: Some(DocumentSignature {
            protected: signature.protected_base64,
            signature: BASE64_URL_SAFE_NO_PAD.encode(signature.signature),
        }),
        metadata_signature: MetadataSignature {
            keyid: key.public_key().key_id(),
            sig: TufSignature::over(&draft.documents.metadata, &key).unwrap().sig,
        },
        sae_cms_signature: None,
    };
    publisher.ceremonies().add(ledger, &ledger.snapshot().state, &role, submission).unwrap();
    publisher.wake();
    let target = Digest::of(&document);
    let path = format!("tuf/targets/{target}.mo-registry.json");
    while publisher.site().load().file(&path).is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    publisher.served(ledger.snapshot().size()).await;
}
