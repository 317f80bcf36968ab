//! Still steps 11 and 12: a charging station that gets its roots from its back end, which a client beside it tells.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ctl_client::files::Disk;
use ctl_client::status::Status;
use ctl_client::{Client, Init, Machine, init};
use ctl_sandbox::back_end::BackEnd;

use super::pkis::{Pkis, is_for};
use crate::Problem;
use crate::people::People;
use crate::tour::Tour;

const STATE: &str = "back-end";
const STATION: &str = "CP001";
/// Stores of a charging station that are filled, by their names in OCPP and for what roots they are.
const STORES: [(&str, &str); 2] = [("V2GRootCertificate", "V2G"), ("MORootCertificate", "MO")];

/// The back end, and the client beside it.
pub(crate) struct Stations {
    state: PathBuf,
    back_end: BackEnd,
}

/// Starts both, and syncs for the first time.
pub(crate) async fn connect(tour: &Tour, people: &People, pkis: &Pkis) -> Result<Stations, Problem> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failed =
        |error| Problem::Unexpected(format!("the back end of charging stations cannot listen: {error}"));
    let back_end = BackEnd::at(loopback, &[STATION]).await.map_err(failed)?;
    let stations = Stations { state: tour.path(STATE), back_end };
    let begin = Init {
        url: people.url().to_owned(),
        root: std::fs::read(people.root()).map_err(Problem::file(people.root()))?,
        lists: Vec::new(),
        clock: true,
        proxy: None,
        sinks: Vec::new(),
    };
    init(&stations.state, begin, Box::new(Disk))?;
    stations.configure()?;
    stations.sync().await?;
    stations.expect(pkis, &["aurora", "borealis", "cirrus", "dynamo", "elektra"])?;
    tour.say(format!(
        "{STATION}, a charging station behind a back end, gets them by OCPP: a client beside the back end has"
    ));
    tour.say("them installed one by one, and asks the station after each what it holds (ctl-client status --stations):");
    stations.show(tour).await?;
    Ok(stations)
}

impl Stations {
    /// What the operator adds to client.toml.
    fn configure(&self) -> Result<(), Problem> {
        let (list, config) = (self.state.join("stations.txt"), self.state.join("client.toml"));
        std::fs::write(&list, format!("{STATION}\n")).map_err(Problem::file(&list))?;
        let text = std::fs::read_to_string(&config).map_err(Problem::file(&config))?;
        let sink = format!(
            "\n[[sink]]\nkind = \"citrineos\"\nurl = \"http://{}/\"\nstations = {:?}\ncallback = {{ listen = \"127.0.0.1:0\" }}\n",
            self.back_end.address(),
            list
        );
        std::fs::write(&config, text + &sink).map_err(Problem::file(&config))
    }

    /// Syncs once; anything that goes wrong is an error here.
    async fn sync(&self) -> Result<(), Problem> {
        let report = Client::open(&self.state, Machine::default())?.sync().await?;
        let problems: Vec<String> =
            report.problems.iter().map(|problem| format!("{}: {}", problem.about, problem.error)).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Problem::Unexpected(format!(
            "the sync of the client beside the back end: {}",
            problems.join("; ")
        )))
    }

    /// Exactly these operators' roots must be in the station, each in its store.
    fn expect(&self, pkis: &Pkis, operators: &[&str]) -> Result<(), Problem> {
        let held: BTreeSet<(String, String)> = self
            .back_end
            .holds(STATION)
            .into_iter()
            .map(|(store, root)| (store, ctl_client::sink::fingerprint(&root).to_string()))
            .collect();
        let mut wanted = BTreeSet::new();
        for root in pkis.roots.iter().filter(|root| operators.contains(&root.operator)) {
            let stores = STORES.iter().filter(|(_, purpose)| is_for(root, purpose));
            wanted.extend(stores.map(|(store, _)| ((*store).to_owned(), root.fingerprint.to_string())));
        }
        if held == wanted {
            return Ok(());
        }
        Err(Problem::Unexpected(format!("{STATION} holds {held:?}, not {wanted:?}")))
    }

    /// After Borealis was suspended.
    pub(crate) async fn follow(&self, tour: &Tour, pkis: &Pkis) -> Result<(), Problem> {
        self.sync().await?;
        self.expect(pkis, &["aurora", "cirrus", "dynamo", "elektra"])?;
        tour.say(format!(
            "the client beside the back end syncs: {STATION} has deleted Borealis, and says so itself:"
        ));
        self.show(tour).await
    }

    async fn show(&self, tour: &Tour) -> Result<(), Problem> {
        let status: Status = Client::open(&self.state, Machine::default())?.status().await?;
        for (sink, stations) in &status.stations {
            tour.quote([sink]);
            for line in stations {
                let held = line.held.map_or_else(|| "unknown".to_owned(), |held| held.to_string());
                tour.quote([format!(
                    "  {}  {}, holds {held} of {}",
                    line.station, line.standing, line.wanted
                )]);
            }
        }
        let names: Vec<String> = self
            .back_end
            .holds(STATION)
            .iter()
            .map(|(store, root)| format!("  {store}: {}", root.subject()))
            .collect();
        tour.quote(names);
        Ok(())
    }
}
