//! A sink that is no folder: a back end that is asked over a wire, takes its time, and takes only so many
//! certificates at once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use ctl_client::ClientError;
use ctl_client::files::Files;
use ctl_client::sink::{Applied, Commands, Doing, Plan, Prepared, Sink, fingerprint};
use ctl_client::store::TrustStore;
use ctl_core::Digest;
use ctl_pki::Certificate;

/// What the back end holds, shared with the test.
#[derive(Clone, Default)]
pub struct Backend {
    pub holds: Rc<RefCell<BTreeMap<Digest, Certificate>>>,
    /// It answers nothing.
    pub down: Rc<Cell<bool>>,
    /// How many certificates it takes in one go; none for any number.
    pub takes: Rc<Cell<Option<usize>>>,
    /// How often it was asked.
    pub asked: Rc<Cell<usize>>,
    pub check: Vec<String>,
    pub filled: Rc<Cell<bool>>,
}

impl Backend {
    /// An answer takes a while.
    async fn ask(&self) -> Result<BTreeMap<Digest, Certificate>, ClientError> {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        self.asked.set(self.asked.get() + 1);
        if self.down.get() {
            return Err(ClientError::Sink {
                sink: self.name(),
                problem: "the back end does not answer".into(),
            });
        }
        Ok(self.holds.borrow().clone())
    }
}

impl Sink for Backend {
    fn name(&self) -> String {
        "backend pretend".into()
    }

    fn commands(&self) -> Commands<'_> {
        Commands { check_before_change: &self.check, run_after_change: &[] }
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    fn was_filled(&self) -> bool {
        self.filled.get()
    }

    fn plan<'a>(&'a self, store: &'a TrustStore, placed: &'a BTreeSet<Digest>) -> Doing<'a, Plan> {
        Box::pin(async move {
            let held = self.ask().await?;
            let anchors = store.anchors.iter().filter(|anchor| anchor.constraints.is_empty());
            let mut wanted: BTreeMap<Digest, Certificate> =
                anchors.map(|anchor| (anchor.fingerprint, anchor.certificate.clone())).collect();
            let ours: BTreeSet<Digest> = wanted.keys().copied().collect();
            let placed = placed | &ours;
            let mut complaints = Vec::new();
            let stays = |digest: &Digest, certificate: &Certificate| {
                !store.is_distrusted(certificate) && (wanted.is_empty() || !placed.contains(digest))
            };
            let kept: BTreeMap<Digest, Certificate> = held
                .iter()
                .filter(|(digest, certificate)| stays(digest, certificate))
                .map(|(digest, certificate)| (*digest, certificate.clone()))
                .collect();
            if wanted.is_empty() && store.listed > 0 {
                let (sink, file) = (self.name(), "the back end".into());
                complaints.push(ClientError::WouldBeEmpty { sink, file });
            }
            wanted.extend(kept);
            let names: BTreeSet<Digest> = wanted.keys().copied().collect();
            Ok(Plan {
                in_place: wanted == held,
                files: wanted
                    .iter()
                    .map(|(digest, root)| (digest.to_string(), root.der().to_vec()))
                    .collect(),
                ours: &names & &placed,
                foreign: &names - &placed,
                placed,
                complaints,
                ..Plan::default()
            })
        })
    }

    fn prepare<'a>(&'a self, _: &'a dyn Files, plan: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>> {
        Box::pin(async move { Ok(Box::new(Change { backend: self, plan }) as Box<dyn Prepared + 'a>) })
    }
}

struct Change<'a> {
    backend: &'a Backend,
    plan: &'a Plan,
}

impl Prepared for Change<'_> {
    fn place(&self) -> PathBuf {
        "/dev/null".into()
    }

    /// First what removes trust.
    fn apply<'b>(self: Box<Self>) -> Doing<'b, Applied>
    where
        Self: 'b,
    {
        Box::pin(async move {
            let held = self.backend.ask().await?;
            let wanted = self.plan.files.values().map(|der| Certificate::from_der(der).unwrap());
            let wanted: BTreeMap<Digest, Certificate> =
                wanted.map(|certificate| (fingerprint(&certificate), certificate)).collect();
            let mut holds = self.backend.holds.borrow_mut();
            holds.retain(|digest, _| wanted.contains_key(digest));
            self.backend.filled.set(true);
            let missing = wanted.into_iter().filter(|(digest, _)| !held.contains_key(digest));
            let limit = self.backend.takes.get().unwrap_or(usize::MAX);
            let mut refused = Vec::new();
            for (number, (digest, certificate)) in missing.enumerate() {
                if number < limit {
                    holds.insert(digest, certificate);
                } else {
                    refused.push(format!("{}: the back end takes no more now", digest.short()));
                }
            }
            if refused.is_empty() { Ok(Applied::Whole) } else { Ok(Applied::Partly { missing: refused }) }
        })
    }

    fn discard<'b>(self: Box<Self>) -> Doing<'b, ()>
    where
        Self: 'b,
    {
        Box::pin(async { Ok(()) })
    }
}
