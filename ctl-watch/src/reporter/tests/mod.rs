//! What enters the ledger, when, and how much of it: decided here, accepted by the rules of the log.

mod breaches;
mod months;
mod shares;

use std::collections::{BTreeMap, BTreeSet};

use ctl_governance::service_levels::Share;
use ctl_governance::statement::body::{BreachPhase, SlaBreach};
use ctl_governance::{Reason, State};
use ctl_policy::sla::{BUILT_IN, Counts, Kind, MAX_REPORT_SIZE, Material, Report, Time};

use super::months::incident_report;
use super::*;
use crate::aggregator::Incidents;
use crate::code::Code;
use crate::description::Description;
use crate::discover::Bounds;
use crate::hours::{begin_of, hour_at};
use crate::incident::{Cause, Incident};
use crate::levels::{Levels, counted};
use crate::store::{Retention, Store};
use crate::target::TargetId;
use crate::testing::target;
use crate::testing::world::{DAY, World, charter, key};

fn watcher() -> ParticipantId {
    "watcher-north".parse().unwrap()
}

/// A ledger, and what the store of the watch has.
struct Story {
    world: World,
    policy: SlaPolicy,
    incidents: Incidents,
}

impl Story {
    fn begin() -> Self {
        Self::by(BUILT_IN)
    }

    fn by(policy: &str) -> Self {
        let (mut world, policy) = (World::found_with(charter()), SlaPolicy::parse(policy).unwrap());
        // Each on a list, or they would have one share together.
        for operator in ["alpha-pki", "beta-pki"] {
            world.admitted(operator);
        }
        Self { world, policy, incidents: Incidents::new() }
    }

    fn now_ms(&self) -> i64 {
        self.world.now.unix() * 1000
    }

    /// An outage that is a breach, known to have been bad for so many seconds up to now.
    fn outage(&mut self, operator: &str, host: &str, seconds: i64) -> u64 {
        let (operator, url) = (operator.parse().unwrap(), format!("http://{host}/"));
        let number = self.incidents.keys().last().map_or(1, |last| last + 1);
        let incident = Incident {
            number,
            target: TargetId::of(Kind::Ocsp, &operator, &url).to_string(),
            kind: Kind::Ocsp,
            operator,
            url,
            cause: Cause::Failures,
            began_ms: self.now_ms() - seconds * 1000,
            opened_ms: self.now_ms() - seconds * 1000,
            ended_ms: None,
            unwatched: false,
            breach_ms: Some(self.now_ms()),
            bad_ms: seconds * 1000,
            failures: 20,
            probes: 21,
            reasons: [(Code::TcpRefused, 19), (Code::Slow, 1)].into(),
            evidence: vec![Digest::of(b"b"), Digest::of(b"a")],
        };
        self.incidents.insert(number, Arc::new(incident));
        number
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Incident)) {
        change(Arc::make_mut(self.incidents.get_mut(&number).unwrap()));
    }

    fn over(&mut self, number: u64) {
        let now = self.now_ms();
        self.change(number, |incident| incident.ended_ms = Some(now));
    }

    fn due(&self) -> Due {
        self.due_of(&BTreeSet::new())
    }

    fn due_of(&self, unread: &BTreeSet<Timestamp>) -> Due {
        let (named, state) = (policy_ref(&self.policy).unwrap(), &self.world.state);
        let (watcher, now) = (watcher(), self.world.now);
        breaches_due(state, &watcher, &self.incidents, unread, &self.policy, &named, now).unwrap()
    }

    /// Records what is due as the reporter does; the rules of the log take all of it.
    fn record(&mut self) -> Vec<SlaBreach> {
        let due = self.due().statements;
        for breach in &due {
            self.world.say(&["watcher-north"], breach.clone()).unwrap();
        }
        due
    }

    fn open(&self) -> usize {
        self.world.state.service_levels.open_claims(&watcher()).count()
    }

    fn hosts(due: &[SlaBreach]) -> BTreeSet<&str> {
        due.iter().map(|one| one.service.url.as_ref().unwrap().as_str()).collect()
    }
}
