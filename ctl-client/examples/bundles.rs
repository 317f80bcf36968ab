//! Fills a sink of each kind with a list of these certificates (DER), whoever would admit them, for
//! comparison with the parsers of devices.
//!
//! ```text
//! bundles FOLDER FILE...
//! ```
//!
//! Writes `FOLDER/pem` and `FOLDER/everest`, where what others left stays, and prints why a certificate
//! or a file is not as the list says.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::PathBuf;

use ctl_client::config::{FilesConfig, SinkConfig};
use ctl_client::files::Disk;
use ctl_client::sink;
use ctl_client::store::TrustStore;
use ctl_core::list::{Identifiers, ListAnchor, ListPayload};
use ctl_core::parts::{AnchorStatus, Constraints, Der, Purpose, Services, Standard, Use};
use ctl_core::tuf::Clock;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use serde_json::json;

fn anchor(certificate: &Certificate) -> Result<ListAnchor, Box<dyn Error>> {
    Ok(ListAnchor {
        certificate: Der(certificate.der().to_vec()),
        constraints: Constraints::default(),
        decision: 0,
        fingerprint: Digest::from_bytes(certificate.sha256()),
        identifiers: Identifiers::of(certificate),
        name: "root".parse()?,
        operator: "operator".parse()?,
        services: Services::default(),
        since: Timestamp::EPOCH,
        status: AnchorStatus::Usable,
        uses: [Purpose::V2g, Purpose::Mo]
            .map(|purpose| Use { standard: Standard::Iso15118_2, purpose })
            .to_vec(),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = std::path::absolute(arguments.next().ok_or("name a folder")?)?;
    let mut anchors = Vec::new();
    for file in arguments {
        match Certificate::from_der(&std::fs::read(&file)?) {
            Ok(certificate) => anchors.push(anchor(&certificate)?),
            Err(error) => println!("no certificate: {}: {error}", file.display()),
        }
    }
    let list: ListPayload = serde_json::from_value(json!({
        "anchors": anchors, "cross_certificates": [], "distrusted": [], "environment": "test", "format": 1,
        "issued_at": Timestamp::EPOCH, "list": "na", "next_update": Timestamp::EPOCH, "previous": Digest::ZERO,
        "log": { "origin": "log.example", "root_hash": Digest::ZERO, "size": 0 }, "scheme": Digest::ZERO,
        "policy": { "name": "policy", "sha256": Digest::ZERO, "version": "1" }, "sequence": 1,
        "type": ListPayload::TYPE,
    }))?;
    let store = TrustStore::new(&[&list], &[], &BTreeMap::new(), Clock::Known(Timestamp::EPOCH));
    let files = |name| FilesConfig::at(folder.join(name));
    for config in [SinkConfig::Pem(files("pem")), SinkConfig::Everest(files("everest"))] {
        let sink = sink::open(&config);
        let nothing = BTreeSet::new();
        let plan = sink.plan(&store, &nothing).await?;
        plan.complaints.iter().for_each(|complaint| println!("{complaint}"));
        sink.prepare(&Disk, &plan).await?.apply().await?;
    }
    Ok(())
}
