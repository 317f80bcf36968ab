//! Step 11: a charger that has nothing but the first root.json takes up the list.

use std::path::{Path, PathBuf};

use ctl_client::ask::Known;
use ctl_client::config::{FilesConfig, SinkConfig};
use ctl_client::files::Disk;
use ctl_client::{Client, Init, Machine, init};

use super::applications::LIST;
use super::pkis::Pkis;
use crate::Problem;
use crate::people::People;
use crate::tour::{Tour, number_of};

const STATE: &str = "device/state";
const EVEREST: &str = "device/everest";
const PEM: &str = "device/pem";

/// What EVerest reads, below its certificate directory.
const EVEREST_BUNDLES: [(&str, &str); 2] =
    [("V2G", "ca/v2g/V2G_ROOT_CA.pem"), ("MO", "ca/mo/MO_ROOT_CA.pem")];
/// The PEM layout's bundle of cross-certificates.
const CROSS: &str = "current/cross-certificates.pem";

/// The charger's client, and what it writes to.
pub(crate) struct Device {
    state: PathBuf,
    everest: PathBuf,
    pem: PathBuf,
}

/// Installs it and syncs for the first time.
pub(crate) async fn install(tour: &mut Tour, people: &People, pkis: &Pkis) -> Result<Device, Problem> {
    tour.begin("A charger takes it up", &format!("lists/{LIST}/versions/1"));
    let device = Device { state: tour.path(STATE), everest: tour.path(EVEREST), pem: tour.path(PEM) };
    let files = |path: &Path| FilesConfig::at(path.to_owned());
    let begin = Init {
        url: people.url().to_owned(),
        root: std::fs::read(people.root()).map_err(Problem::file(people.root()))?,
        lists: Vec::new(),
        clock: true,
        proxy: None,
        sinks: vec![SinkConfig::Everest(files(&device.everest)), SinkConfig::Pem(files(&device.pem))],
    };
    init(&device.state, begin, Box::new(Disk))?;
    device.sync().await?;
    device.expect(tour, pkis, &["aurora", "borealis", "cirrus", "dynamo", "elektra"], 1)?;
    tour.say("it begins with the first root.json, verifies everything that leads to the list, and writes");
    device.show(tour)?;
    let status = device.client()?.status().await?;
    if status.is_wrong() {
        return Err(Problem::Unexpected(format!("the charger's status:\n{status}")));
    }
    tour.say("its status (ctl-client status):");
    tour.quote(status.to_string().lines());
    Ok(device)
}

impl Device {
    fn client(&self) -> Result<Client, Problem> {
        Ok(Client::open(&self.state, Machine::default())?)
    }

    /// What it has verified.
    pub(crate) fn known(&self) -> Result<Known, Problem> {
        Ok(self.client()?.known()?)
    }

    /// Syncs once; anything that goes wrong is an error here.
    pub(crate) async fn sync(&self) -> Result<(), Problem> {
        let report = self.client()?.sync().await?;
        let problems: Vec<String> =
            report.problems.iter().map(|problem| format!("{}: {}", problem.about, problem.error)).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problem::Unexpected(format!("the charger's sync: {}", problems.join("; "))))
    }

    /// The number of a list's version that it holds.
    pub(crate) async fn sequence(&self, list: &str) -> Result<u64, Problem> {
        let status = self.client()?.status().await?;
        let document = status.documents.iter().find(|document| document.role.to_string() == list);
        let document =
            document.ok_or_else(|| Problem::Unexpected(format!("the charger holds no list {list}")))?;
        Ok(document.sequence)
    }

    /// What its sinks hold now.
    pub(crate) fn show(&self, tour: &Tour) -> Result<(), Problem> {
        for (name, file) in EVEREST_BUNDLES {
            let roots = number_of(count(&self.everest.join(file))?, &format!("{name} root"));
            tour.quote([format!("{EVEREST}/{file}: {roots}")]);
        }
        let anchors = number_of(self.anchors()?, "anchor");
        let cross = number_of(count(&self.pem.join(CROSS))?, "cross-certificate");
        tour.quote([format!("{PEM}/current: {anchors}, {cross}, and a bundle for each use")]);
        tour.see_file("device");
        Ok(())
    }

    fn anchors(&self) -> Result<usize, Problem> {
        let folder = self.pem.join("current");
        let mut anchors = 0;
        for entry in std::fs::read_dir(&folder).map_err(Problem::file(&folder))? {
            let name = entry.map_err(Problem::file(&folder))?.file_name();
            // One file for each anchor, by its fingerprint.
            anchors += usize::from(name.to_string_lossy().trim_end_matches(".pem").len() == 64);
        }
        Ok(anchors)
    }

    /// Exactly these operators' roots must be trusted, in every sink, and so many cross-certificates.
    pub(crate) fn expect(
        &self,
        tour: &Tour,
        pkis: &Pkis,
        operators: &[&str],
        cross_certificates: usize,
    ) -> Result<(), Problem> {
        let unexpected =
            |what: String| Err(Problem::Unexpected(format!("{what}; see {}", tour.path("device").display())));
        for root in &pkis.roots {
            let trusted = operators.contains(&root.operator);
            let file = self.pem.join(format!("current/{}.pem", root.fingerprint));
            if file.exists() != trusted {
                return unexpected(format!("{} is {}trusted", root.name, if trusted { "not " } else { "" }));
            }
        }
        for (purpose, file) in EVEREST_BUNDLES {
            let wanted = pkis.roots.iter().filter(|root| operators.contains(&root.operator));
            let wanted = wanted.filter(|root| super::pkis::is_for(root, purpose)).count();
            let found = count(&self.everest.join(file))?;
            if found != wanted {
                return unexpected(format!("{file} holds {found} certificates, not {wanted}"));
            }
        }
        let found = count(&self.pem.join(CROSS))?;
        if found != cross_certificates {
            return unexpected(format!("{found} cross-certificates are trusted, not {cross_certificates}"));
        }
        Ok(())
    }
}

/// Certificates in a PEM file; none in one that is not there.
fn count(file: &Path) -> Result<usize, Problem> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        read => Ok(read.map_err(Problem::file(file))?.matches("BEGIN CERTIFICATE").count()),
    }
}
