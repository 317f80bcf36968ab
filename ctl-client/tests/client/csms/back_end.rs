//! A charging-station back end with its stations, by the APIs of CitrineOS, SteVe and MaEVe, that can be made to lie.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use ctl_client::csms::StationsSink;
use ctl_client::csms::config::{BackEndConfig, Brand};
use ctl_client::csms::hash::{Algorithm, HashData};
use ctl_pki::{Certificate, certificates_from_pem};
use serde_json::{Value, json};

use crate::common::{Device, roots};

/// How a station, or the back end for it, takes requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Honest,
    /// Not connected.
    Offline,
    /// Does what it is told, and nobody hears of it.
    Silent,
    Refuses,
    /// Says that it took it.
    Lies,
    /// What it says about itself is no answer.
    Babbles,
    /// Does not know Plug & Charge by DataTransfer.
    Ignorant,
}

#[derive(Clone, Debug, Default)]
pub struct Station {
    /// Store and name of a root.
    pub holds: BTreeSet<(String, &'static str)>,
    pub mood: Mood,
    busy: bool,
    /// Whether two requests were ever under way at once.
    pub was_crowded: bool,
}

#[derive(Default)]
pub struct Inside {
    pub stations: BTreeMap<String, Station>,
    /// Paths with queries, and bodies.
    pub requests: Vec<(String, Value)>,
    /// Where answers were sent, and what.
    pub callbacks: Vec<(String, Value)>,
    /// HTTP statuses of callbacks.
    pub answered: Vec<u16>,
    /// Each callback comes so often.
    pub repeats: usize,
    /// The status that everything is answered with.
    pub status: Option<u16>,
    /// Whether such an answer repeats the request.
    pub echoes: bool,
    /// Headers of the last request.
    pub headers: String,
    /// How long a sink that is made from now on waits for a station.
    pub answer_seconds: u64,
}

#[derive(Clone)]
pub struct Csms {
    inside: Arc<Mutex<Inside>>,
    pub url: String,
}

impl Csms {
    pub fn start(ids: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stations = ids.iter().map(|id| ((*id).to_owned(), Station::default())).collect();
        let inside =
            Arc::new(Mutex::new(Inside { stations, repeats: 1, answer_seconds: 10, ..Inside::default() }));
        let shared = Arc::clone(&inside);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inside = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &inside));
            }
        });
        Self { inside, url }
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub fn mood(&self, id: &str, mood: Mood) {
        self.inside().stations.get_mut(id).unwrap().mood = mood;
    }

    pub fn holds(&self, id: &str) -> BTreeSet<(String, &'static str)> {
        self.inside().stations[id].holds.clone()
    }

    /// Names of the V2G roots that a station holds.
    pub fn v2g(&self, id: &str) -> BTreeSet<&'static str> {
        self.holds(id)
            .into_iter()
            .filter(|(kind, _)| kind == "V2GRootCertificate")
            .map(|(_, name)| name)
            .collect()
    }

    /// Somebody else puts a root there.
    pub fn put(&self, id: &str, kind: &str, name: &'static str) {
        self.inside().stations.get_mut(id).unwrap().holds.insert((kind.to_owned(), name));
    }

    pub fn config(&self, brand: Brand, folder: &Path) -> BackEndConfig {
        let ids: String = self.inside().stations.keys().map(|id| format!("{id}\n")).collect();
        let list = folder.join("stations.txt");
        std::fs::write(&list, ids).unwrap();
        let callback = match brand {
            Brand::Citrineos => "[callback]\nlisten = \"127.0.0.1:0\"",
            _ => "",
        };
        let seconds = self.inside().answer_seconds;
        let text =
            format!("url = \"{}/\"\nanswer_seconds = {seconds}\nstations = {list:?}\n{callback}", self.url);
        let mut config: BackEndConfig = toml::from_str(&text).unwrap();
        config.directory = folder.join("state");
        assert_eq!(config.problem(brand), None);
        config
    }

    pub fn sink(&self, brand: Brand, device: &Device) -> StationsSink {
        let now = device.now.clone();
        StationsSink::new(brand, self.config(brand, device.folder.path())).with_clock(move || now.get())
    }
}

fn read(stream: &TcpStream) -> Option<(String, String, Value)> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    Some((path, headers, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

fn say(mut stream: &TcpStream, status: u16, body: &str) {
    let length = body.len();
    let _ =
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
}

/// Posts JSON to an address of this machine; gives the status.
pub fn post(url: &str, body: &Value) -> u16 {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let Ok(mut stream) = TcpStream::connect(host) else { return 0 };
    let body = body.to_string();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nconnection: close"
    );
    let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn answer(stream: TcpStream, inside: &Mutex<Inside>) {
    let Some((path, headers, body)) = read(&stream) else { return };
    let (status, echoes) = {
        let mut inside = inside.lock().unwrap();
        inside.requests.push((path.clone(), body.clone()));
        inside.headers.clone_from(&headers);
        (inside.status, inside.echoes)
    };
    if let Some(status) = status {
        let all: Vec<&str> = path.rsplit('&').chain(headers.lines()).collect();
        let text = if echoes { all.join(" ") } else { "{\"secret\":\"of the back end\"}".into() };
        return say(&stream, status, &text);
    }
    let url = split(&path);
    let parts: Vec<&str> = url.0.split('/').skip(1).collect();
    match *parts.as_slice() {
        ["ocpp", version, _, action] => citrineos(&stream, inside, version, action, &url.1, &body),
        ["api", "v1", "operations", "DataTransfer"] => steve(&stream, inside, &body),
        ["api", "v0", "cs", id, "certificates"] => maeve(&stream, inside, id, &body),
        _ => say(&stream, 404, "{}"),
    }
}

/// Path and query of a request.
fn split(path: &str) -> (String, BTreeMap<String, String>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    (decode(path), pairs.map(|(name, value)| (decode(name), decode(value))).collect())
}

fn citrineos(
    stream: &TcpStream,
    inside: &Mutex<Inside>,
    version: &str,
    action: &str,
    query: &BTreeMap<String, String>,
    body: &Value,
) {
    assert_eq!(query["tenantId"], "1");
    let id = &query["identifier"];
    let online = inside.lock().unwrap().stations.get(id).is_some_and(|station| station.mood != Mood::Offline);
    if !online {
        let said = json!([{ "success": false, "payload": "Failed to find a connection for the station" }]);
        return say(stream, 200, &said.to_string());
    }
    let (said, repeats) = {
        let mut inside = inside.lock().unwrap();
        let station = inside.stations.get_mut(id).unwrap();
        station.was_crowded |= station.busy;
        station.busy = true;
        let said = ask(station, version == "1.6", action, body);
        (said, inside.repeats)
    };
    say(stream, 200, "[{\"success\":true}]");
    inside.lock().unwrap().stations.get_mut(id).unwrap().busy = false;
    let Some(said) = said else { return };
    inside.lock().unwrap().callbacks.push((query["callbackUrl"].clone(), said.clone()));
    for _ in 0..repeats {
        let status = post(&query["callbackUrl"], &said);
        inside.lock().unwrap().answered.push(status);
    }
}

fn steve(stream: &TcpStream, inside: &Mutex<Inside>, body: &Value) {
    let id = body["chargeBoxIdList"][0].as_str().unwrap().to_owned();
    let mut inside = inside.lock().unwrap();
    let station = inside.stations.get_mut(&id).unwrap();
    let mut task = json!({
        "taskId": 1, "taskFinished": true, "successResponses": [], "errorResponses": [], "exceptions": [],
    });
    match station.mood {
        Mood::Offline => {
            task["exceptions"] = json!([{ "chargeBoxId": id, "exceptionMessage": "no session" }]);
        }
        _ => match ask(station, true, "dataTransfer", body) {
            Some(said) => task["successResponses"] = json!([{ "chargeBoxId": id, "response": said }]),
            None => task["taskFinished"] = json!(false),
        },
    }
    drop(inside);
    say(stream, 200, &task.to_string());
}

fn maeve(stream: &TcpStream, inside: &Mutex<Inside>, id: &str, body: &Value) {
    let mut inside = inside.lock().unwrap();
    let Some(station) = inside.stations.get_mut(id) else {
        drop(inside);
        return say(stream, 404, "{}");
    };
    for certificate in body["certificates"].as_array().unwrap() {
        assert_eq!(certificate["status"], "Pending");
        let name = name_of(certificate["certificate"].as_str().unwrap());
        station.holds.insert((certificate["type"].as_str().unwrap().to_owned(), name));
    }
    drop(inside);
    say(stream, 200, "");
}

fn name_of(pem: &str) -> &'static str {
    let sent: Vec<Certificate> = certificates_from_pem(pem.as_bytes()).unwrap();
    roots().iter().find(|(_, root)| **root == sent[0]).unwrap().0
}

/// What a station answers; none if nobody hears of it.
fn ask(station: &mut Station, is_old: bool, action: &str, body: &Value) -> Option<Value> {
    if !is_old {
        return answer_of(station, action, body);
    }
    assert_eq!(body["vendorId"], "org.openchargealliance.iso15118pnc");
    if station.mood == Mood::Ignorant {
        return Some(json!({ "status": "UnknownVendorId" }));
    }
    let inner: Value = serde_json::from_str(body["data"].as_str().unwrap()).unwrap();
    let mut action = body["messageId"].as_str().unwrap().to_owned();
    action[..1].make_ascii_lowercase();
    let said = answer_of(station, &action, &inner)?;
    Some(json!({ "status": "Accepted", "data": said.to_string() }))
}

fn answer_of(station: &mut Station, action: &str, body: &Value) -> Option<Value> {
    let mood = station.mood;
    let named = |name: &str| HashData::of_root(&roots()[name], Algorithm::Sha512).to_json();
    let said = match action {
        "getInstalledCertificateIds" if mood == Mood::Babbles => json!({ "status": "Accepted" }),
        "getInstalledCertificateIds" if station.holds.is_empty() => json!({ "status": "NotFound" }),
        "getInstalledCertificateIds" => {
            let rows = station.holds.iter().map(|(kind, name)| {
                let mut data = named(name);
                let loud = data["issuerKeyHash"].as_str().unwrap().to_ascii_uppercase();
                data["issuerKeyHash"] = json!(loud);
                json!({ "certificateType": kind, "certificateHashData": data })
            });
            json!({ "status": "Accepted", "certificateHashDataChain": rows.collect::<Vec<_>>() })
        }
        "installCertificate" if mood == Mood::Refuses => {
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NoSpace" } })
        }
        "installCertificate" => {
            let name = name_of(body["certificate"].as_str().unwrap());
            if mood != Mood::Lies {
                station.holds.insert((body["certificateType"].as_str().unwrap().to_owned(), name));
            }
            json!({ "status": "Accepted" })
        }
        "deleteCertificate" if mood == Mood::Refuses => json!({ "status": "Failed" }),
        "deleteCertificate" => {
            let wanted = HashData::read(&body["certificateHashData"]).unwrap();
            if mood != Mood::Lies {
                station
                    .holds
                    .retain(|(_, name)| HashData::of_root(&roots()[name], wanted.algorithm) != wanted);
            }
            json!({ "status": "Accepted" })
        }
        other => panic!("no such message: {other}"),
    };
    (mood != Mood::Silent).then_some(said)
}
