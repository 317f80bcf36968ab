//! `/operators/{id}` and `/manager`: the services of one operator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_core::role::Role;
use ctl_policy::sla::{Kind, MILLION, Objective, Time};
use ctl_serve::{Call, Problem, answer};
use ctl_web::status::{
    Address, Breach, LeftOut, ListAge, Maintenance, Manager, Now, Operator, Service, ServiceDay, Sight,
    operator, place,
};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, Around, html, is_known, judge, open_of, sight, time};
use crate::aggregator::days::{DAYS, day_of};
use crate::description::Description;
use crate::follow::Contact;
use crate::http::sla::tell;
use crate::incident::Incident;
use crate::levels::{Levels, ServiceKey};
use crate::promise::{Promise, promise};
use crate::standings::Standing;
use crate::target::OWN;

/// Addresses on a page.
const PAGE: usize = 50;
/// Findings of one address.
const FINDINGS: usize = 6;
/// Open incidents, and past ones, on this page; the page of incidents has all.
const OPEN: usize = 12;
const PAST: usize = 10;
/// What watchers say in the log: the newest.
const BREACHES: usize = 20;
/// What is named and not watched: so much of it is told.
const LEFT_OUT: usize = 50;
/// The window of the error budget, in days.
const WINDOW: u32 = 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    page: usize,
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let id: ParticipantId = call.part("operator")?;
    tell_of(app, id, call.query()?).await
}

pub(super) async fn manager(app: App, call: Call) -> Result<Response, Problem> {
    let id = OWN.parse().map_err(|error| Problem::internal(&error))?;
    tell_of(app, id, call.query()?).await
}

async fn tell_of(app: App, id: ParticipantId, query: Query) -> Result<Response, Problem> {
    let aggregator = app.watch.aggregator().clone();
    let levels = aggregator.levels();
    let targets: Vec<Description> =
        levels.targets.values().filter(|target| target.operator == id).cloned().collect();
    is_known(&app, &id)?;
    let (reader, of) = (aggregator.clone(), id.clone());
    let past = answer::blocking(move || reader.newest(None, Some(&of), Some(false), PAST)).await?;
    let past = past.map_err(|error| Problem::internal(&error))?;
    let around = Around::of(&app);
    let incidents = aggregator.incidents();
    let mut open: Vec<&Arc<Incident>> =
        incidents.values().filter(|one| one.is_open() && one.operator == id).collect();
    open.sort_by_key(|one| (one.breach_ms.is_none(), std::cmp::Reverse(one.number)));
    let gathered =
        Gathered { app: &app, levels: &levels, id: &id, targets: &targets, now_ms: aggregator.now_ms() };
    let mut addresses = gathered.addresses(&open_of(&incidents));
    let sight = sight(&app, addresses.iter().map(|(_, address)| address.now));
    let discovered = app.watch.discovered();
    let left_out = || discovered.unwatched().filter(|one| one.operator.as_ref() == Some(&id));
    let pages = addresses.len().div_ceil(PAGE).max(1);
    let page = query.page.clamp(1, pages);
    let (count, bad) =
        (addresses.len(), addresses.iter().filter(|(_, address)| address.now <= Now::Failing).count());
    let unknown = addresses.iter().filter(|(_, address)| address.now == Now::Unknown).count();
    let worst = addresses.iter().fold(BTreeMap::<Kind, Now>::new(), |mut worst, (kind, address)| {
        let now = worst.entry(*kind).or_insert(Now::Good);
        *now = address.now.min(*now);
        worst
    });
    addresses = addresses.into_iter().skip((page - 1) * PAGE).take(PAGE).collect();
    for (kind, address) in &mut addresses {
        gathered.look_up_days(*kind, address);
    }
    let policy = app.watch.policy();
    let told = Operator {
        name: around.name_of(&id),
        sight,
        left_out: left_out().take(LEFT_OUT).map(named).collect(),
        left_out_count: left_out().count(),
        lists: gathered.lists(&around),
        open_count: open.len(),
        open: open.into_iter().take(OPEN).map(|one| judge::incident(&around, one)).collect(),
        past: past.iter().map(|one| judge::incident(&around, one)).collect(),
        maintenance: gathered.maintenance(),
        services: gathered.services(sight, &worst, addresses),
        addresses: count,
        bad,
        unknown,
        breaches: breaches(&around, &id),
        tell: tell(policy, &id).into_iter().collect(),
        today: day_of(gathered.now_ms),
        since: aggregator.days().from(),
        is_counted: !targets.is_empty(),
        page,
        pages,
        manager: (id.as_str() == OWN).then(|| of_manager(&around)),
        id: id.clone(),
    };
    let here = place::operator(&id);
    Ok(html(operator(&around.site(&here), &told)))
}

fn named(one: &crate::discover::LeftOut) -> LeftOut {
    LeftOut { kind: one.kind, what: judge::clipped(&one.what), why: judge::clipped(&one.why.to_string()) }
}

struct Gathered<'a> {
    app: &'a App,
    levels: &'a Levels,
    id: &'a ParticipantId,
    targets: &'a [Description],
    now_ms: i64,
}

impl<'a> Gathered<'a> {
    fn standings(&self) -> Vec<Arc<Standing>> {
        let standings = self.app.watch.standings();
        standings.targets.values().filter(|one| one.target.operator == *self.id).cloned().collect()
    }

    /// What is watched now, the worst first.
    fn addresses(&self, open: &BTreeMap<&str, &Arc<Incident>>) -> Vec<(Kind, Address)> {
        let policy = self.app.watch.policy();
        let of = |standing: &Arc<Standing>| {
            let target = &standing.target;
            let incident = open.get(&*target.id.to_string());
            let last = standing.last.as_ref();
            let findings = last.map(|last| &last.findings);
            let address = Address {
                url: target.url.clone(),
                now: judge::now(standing, incident.is_some(), policy, self.now_ms),
                open: incident.map(|one| (one.number, time(one.began_ms))),
                last_probe: last.map(|last| time(last.at_ms)),
                last_good: standing.good_ms.map(time),
                next_update: standing.facts.next_update.map(Timestamp::from_unix),
                days: Vec::new(),
                findings: findings.into_iter().flatten().take(FINDINGS).map(judge::finding).collect(),
                more: findings.map_or(0, |all| all.len().saturating_sub(FINDINGS)),
            };
            (target.kind, address)
        };
        let mut all: Vec<(Kind, Address)> = self.standings().iter().map(of).collect();
        all.sort_by(|(kind, one), (other_kind, other)| {
            (one.now, kind, &one.url).cmp(&(other.now, other_kind, &other.url))
        });
        all
    }

    fn look_up_days(&self, kind: Kind, address: &mut Address) {
        let of = self.targets.iter().find(|target| target.kind == kind && target.url == address.url);
        let Some(terms) = self.app.watch.policy().terms(self.id.as_str(), kind) else { return };
        let days = self.app.watch.aggregator().days();
        let sums = judge::sums(&days, of, day_of(self.now_ms), self.now_ms);
        address.days = judge::strip(&sums, &terms.objective);
    }

    /// Each kind of service that is watched, or was within the days that are shown.
    fn services(
        &self,
        sight: Sight,
        worst: &BTreeMap<Kind, Now>,
        addresses: Vec<(Kind, Address)>,
    ) -> Vec<Service<'a>> {
        let policy = self.app.watch.policy();
        let mut promised = BTreeMap::<Kind, bool>::new();
        for standing in self.standings() {
            *promised.entry(standing.target.kind).or_default() |= standing.target.is_promised();
        }
        let mut of_kind = BTreeMap::<Kind, Vec<Address>>::new();
        for (kind, address) in addresses {
            of_kind.entry(kind).or_default().push(address);
        }
        let mut services: Vec<Service<'a>> = Vec::new();
        for kind in judge::KINDS {
            let of: Vec<&Description> = self.targets.iter().filter(|target| target.kind == kind).collect();
            let Some(terms) = policy.terms(self.id.as_str(), kind) else { continue };
            let (key, today) = ((self.id.clone(), kind), day_of(self.now_ms));
            let sums =
                judge::sums(&self.app.watch.aggregator().days(), of.iter().copied(), today, self.now_ms);
            let now = worst.get(&kind).copied();
            if now.is_none() && !sums.iter().any(judge::Sum::was_due) {
                continue;
            }
            let promise = promise(of.iter().copied(), promised.get(&kind).copied(), self.now_ms);
            let counted = self.levels.counted(&key, promise);
            services.push(Service {
                kind,
                // Before it is known what there is to watch, nothing is known to have been removed.
                now: now.or((sight == Sight::NotYet).then_some(Now::Unknown)),
                is_promised: promise != Promise::Nothing,
                objective: &terms.objective,
                text: &terms.text,
                source: &terms.source,
                level: self.levels.kept(policy, &key, promise),
                is_counted: self.levels.at_ms > 0,
                is_timed: counted.is_some_and(|counts| counts.latency_ms.total() > 0),
                days: self.days(&key, &sums, &terms.objective),
                addresses: of_kind.remove(&kind).unwrap_or_default(),
            });
        }
        services.sort_by_key(|service| (service.now.is_none(), service.now));
        services
    }

    fn days(&self, key: &ServiceKey, sums: &[judge::Sum], objective: &Objective) -> Vec<ServiceDay> {
        let days = self.app.watch.aggregator().days();
        let times: BTreeMap<u32, _> = days.response(key).collect();
        let since = days.from();
        drop(days);
        let today = day_of(self.now_ms);
        let first = today.saturating_sub(DAYS - 1);
        let day = |(place, number): (usize, u32)| {
            let sum = sums.get(place).copied().unwrap_or_default();
            let within = |per_mille| times.get(&number).and_then(|times| times.percentile(per_mille));
            let window = window(number, since).and_then(|from| from.checked_sub(first));
            let window = window.and_then(|from| sums.get(from as usize..=place));
            ServiceDay {
                day: judge::day(&sum, objective),
                good: sum.good,
                bad: sum.bad,
                excused: sum.excused,
                p50_ms: within(500),
                p95_ms: within(950),
                burnt_milli: window.and_then(|window| burnt(window, objective)),
            }
        };
        (0..).zip(first..=today).map(day).collect()
    }

    fn lists(&self, around: &Around) -> Vec<String> {
        let ids: BTreeSet<_> = self
            .standings()
            .iter()
            .filter(|_| self.id.as_str() != OWN)
            .flat_map(|one| one.target.lists.clone())
            .collect();
        let charter = around.followed.seen.as_ref().map(|seen| &seen.state.charter);
        let name = |id| charter.and_then(|charter| charter.lists.get(id)).map(|list| list.name.to_string());
        ids.iter().map(|id| name(id).unwrap_or_else(|| id.to_string())).collect()
    }

    fn maintenance(&self) -> Vec<Maintenance<'a>> {
        let now = self.now_ms.div_euclid(1000);
        let all = self.app.watch.policy().maintenance_of(self.id.as_str(), Time(now), Time(i64::MAX));
        all.map(judge::maintenance).take(BREACHES).collect()
    }
}

/// The first day of the window of the error budget that ends with this one; none if it was not read of the history yet.
fn window(last: u32, since: Option<u32>) -> Option<u32> {
    let first = last.checked_sub(WINDOW - 1)?;
    since.is_some_and(|since| since <= first).then_some(first)
}

/// How much of the error budget of these days was burnt, in thousandths.
fn burnt(days: &[judge::Sum], objective: &Objective) -> Option<u64> {
    let (bad, valid) =
        days.iter().fold((0, 0), |(bad, valid), sum| (bad + sum.bad, valid + sum.good + sum.bad));
    let allowed = u128::from(objective.budget_ppm()) * u128::from(valid);
    let burnt = (u128::from(bad) * u128::from(MILLION) * 1000).checked_div(allowed)?;
    u64::try_from(burnt).ok()
}

/// What watchers say of the operator in the log: what is not over, and the newest of the rest.
fn breaches(around: &Around, id: &ParticipantId) -> Vec<Breach> {
    let Some(seen) = &around.followed.seen else { return Vec::new() };
    let mut told: Vec<_> =
        seen.state.told().into_iter().map(|(_, told)| told).filter(|told| told.is_of(id)).collect();
    told.sort_by_key(|told| (told.closed().is_some(), std::cmp::Reverse(told.opened_at())));
    told.into_iter().take(BREACHES).map(|told| judge::breach(told.outage(&seen.state))).collect()
}

fn of_manager(around: &Around) -> Manager {
    let seen = around.followed.seen.as_ref();
    let (is_good, contact) = match &around.followed.contact {
        Contact::None => (false, "none since the start".to_owned()),
        Contact::Good(at) => (true, format!("{at}: its log continues what was seen before")),
        Contact::Unanswered(why) | Contact::Inconsistent(why) | Contact::Hindered(why) => {
            (false, judge::clipped(why))
        }
    };
    let lists = seen.iter().flat_map(|seen| {
        seen.state.charter.lists.iter().map(|(id, list)| {
            let published = seen.state.published.get(&Role::List(id.clone()));
            let version =
                published.and_then(|one| Some((one.open.sequence?, one.open.issued_at, one.open.expires)));
            ListAge { id: id.clone(), name: list.name.to_string(), version }
        })
    });
    Manager {
        scheme: seen.map(|seen| seen.state.scheme),
        entries: seen.map(|seen| seen.size),
        contact,
        is_good,
        lists: lists.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_only_of_a_window_that_was_read_as_a_whole() {
        assert_eq!(window(1000, Some(971)), Some(971));
        assert_eq!(window(1000, Some(972)), None, "its first day is not added up yet");
        assert_eq!(window(1000, None), None);
    }
}
