//! A pretend back end of charging stations with its stations, by the message API of CitrineOS: a request is answered with
//! whether it was sent, and what the station said goes to the address that the request names.
//!
//! Its stations speak OCPP 2.0.1, hold what is installed, and name it by hashes as the specification has it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ctl_pki::{Certificate, certificates_from_pem};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::subscriber::{Received, read};

/// What a station holds: the store, and the certificate.
type Held = Vec<(String, Certificate)>;

/// A back end. It ends when this is dropped.
#[derive(Debug)]
pub struct BackEnd {
    address: SocketAddr,
    stations: Arc<Mutex<BTreeMap<String, Held>>>,
    task: JoinHandle<()>,
}

impl BackEnd {
    /// One that listens there, with these stations, which hold nothing.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub async fn at(address: SocketAddr, stations: &[&str]) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stations = stations.iter().map(|id| ((*id).to_owned(), Held::new())).collect();
        let stations = Arc::new(Mutex::new(stations));
        let task = tokio::spawn({
            let stations = Arc::clone(&stations);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, Arc::clone(&stations)));
                }
            }
        });
        Ok(Self { address, stations, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a station holds: the store (`V2GRootCertificate` …) and the certificate.
    #[must_use]
    pub fn holds(&self, station: &str) -> Vec<(String, Certificate)> {
        self.stations.lock().unwrap_or_else(PoisonError::into_inner).get(station).cloned().unwrap_or_default()
    }
}

impl Drop for BackEnd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, stations: Arc<Mutex<BTreeMap<String, Held>>>) {
    let Some(request) = read(&mut stream).await else { return };
    let Some((action, query)) = target(&request) else {
        return say(&mut stream, 404, "").await;
    };
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let said = {
        let mut stations = stations.lock().unwrap_or_else(PoisonError::into_inner);
        query
            .get("identifier")
            .and_then(|id| stations.get_mut(id))
            .map(|station| ask(station, &action, &body))
    };
    let sent = match &said {
        Some(_) => json!([{ "success": true }]),
        None => json!([{ "success": false, "payload": "the station is not connected" }]),
    };
    say(&mut stream, 200, &sent.to_string()).await;
    if let (Some(said), Some(url)) = (said, query.get("callbackUrl")) {
        // Whoever has gone does not hear it, as with the real one.
        let _ = post(url, &said.to_string()).await;
    }
}

/// The action and the query of `/ocpp/2.0.1/certificates/{action}?…`.
fn target(request: &Received) -> Option<(String, BTreeMap<String, String>)> {
    let target = request.head.split(' ').nth(1)?;
    let (path, query) = target.split_once('?')?;
    let action = path.strip_prefix("/ocpp/2.0.1/certificates/")?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Some((action.to_owned(), pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()))
}

async fn say(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn post(url: &str, body: &str) -> io::Result<()> {
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
    let mut stream = TcpStream::connect(host).await?;
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nconnection: close"
    );
    stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}

/// What a station does with a request, and what it says.
fn ask(station: &mut Held, action: &str, body: &Value) -> Value {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    match action {
        "installCertificate" => {
            let pem = certificates_from_pem(text("certificate").as_bytes());
            let Some(certificate) = pem.ok().and_then(|mut all| all.pop()) else {
                return json!({ "status": "Rejected" });
            };
            let entry = (text("certificateType").to_owned(), certificate);
            if !station.contains(&entry) {
                station.push(entry);
            }
            json!({ "status": "Accepted" })
        }
        "getInstalledCertificateIds" => {
            let asked = body.get("certificateType").and_then(Value::as_array);
            let is_asked = |kind: &str| asked.is_none_or(|asked| asked.iter().any(|one| one == kind));
            let chains: Vec<Value> = station
                .iter()
                .filter(|(kind, _)| is_asked(kind))
                .map(
                    |(kind, root)| json!({ "certificateType": kind, "certificateHashData": hash_data(root) }),
                )
                .collect();
            match chains.is_empty() {
                true => json!({ "status": "NotFound" }),
                false => json!({ "status": "Accepted", "certificateHashDataChain": chains }),
            }
        }
        "deleteCertificate" => {
            let before = station.len();
            station.retain(|(_, root)| body.get("certificateHashData") != Some(&hash_data(root)));
            json!({ "status": if station.len() < before { "Accepted" } else { "NotFound" } })
        }
        _ => json!({ "status": "Rejected" }),
    }
}

/// CertificateHashDataType of OCPP 2.0.1, of a root, which is its own issuer.
fn hash_data(root: &Certificate) -> Value {
    let sha256 = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let serial = root.serial_hex().trim_start_matches('0').to_ascii_lowercase();
    json!({
        "hashAlgorithm": "SHA256",
        "issuerNameHash": sha256(root.issuer_der()),
        "issuerKeyHash": sha256(root.public_key_bits()),
        "serialNumber": if serial.is_empty() { "0".to_owned() } else { serial },
    })
}
