//! `/`: how everyone stands.

use std::collections::BTreeMap;

use ctl_core::names::ParticipantId;
use ctl_policy::sla::{Kind, Time, Verdict, ppm};
use ctl_serve::{Call, Problem};
use ctl_web::status::{Day, Maintenance, Now, Overview, Row, Show, Sort, overview, place};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, Around, html, judge, open_of};
use crate::aggregator::days::{DAYS, day_of};
use crate::description::Description;
use crate::levels::Levels;
use crate::promise::{Promise, promise};
use crate::target::OWN;

/// Operators on a page.
const PAGE: usize = 250;
/// So many open incidents are handed to the page.
const INCIDENTS: usize = 6;
/// Maintenance that begins within so many seconds is told.
const AHEAD: i64 = 60 * 86_400;
/// So much maintenance is told.
const MAINTENANCE: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    q: String,
    show: Shown,
    sort: Order,
    page: usize,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shown {
    #[default]
    All,
    Trouble,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    Now,
    Name,
    Availability,
}

/// What is known of an operator before its days are looked up.
struct Draft {
    row: Row,
    /// The kinds of its services that are watched, and whether anything is promised of them.
    kinds: BTreeMap<Kind, bool>,
    targets: Vec<Description>,
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let query: Query = call.query()?;
    let around = Around::of(&app);
    let aggregator = app.watch.aggregator();
    let (now_ms, levels, incidents) = (aggregator.now_ms(), aggregator.levels(), aggregator.incidents());
    let mut drafts = drafts(&app, &around, &levels, now_ms);
    let mut addresses = [0; 6];
    let (open, standings, policy) = (open_of(&incidents), app.watch.standings(), app.watch.policy());
    for standing in standings.targets.values() {
        let has_incident = open.contains_key(&*standing.target.id.to_string());
        let now = judge::now(standing, has_incident, policy, now_ms);
        if let Some(sum) = Now::ALL.iter().position(|one| *one == now).and_then(|at| addresses.get_mut(at)) {
            *sum += 1;
        }
    }
    let today = day_of(now_ms);
    let maintenance = maintenance(&app, &around, drafts.values(), now_ms);
    let manager = drafts.remove(OWN);
    let operators = drafts.len();
    let wanted = query.q.to_lowercase();
    let mut found: Vec<Draft> =
        drafts.into_values().filter(|draft| fits(&draft.row, &wanted, query.show)).collect();
    sort(&mut found, query.sort);
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = query.page.clamp(1, pages);
    let count = found.len();
    let shown = found.into_iter().skip((page - 1) * PAGE).take(PAGE);
    let with_days = |draft: Draft| with_days(&app, draft, today, now_ms);
    let mut newest: Vec<_> = incidents.values().filter(|one| one.is_open()).collect();
    let open_count = newest.len();
    newest.sort_by_key(|one| (one.breach_ms.is_none(), std::cmp::Reverse(one.number)));
    let told = Overview {
        addresses,
        left_out: app.watch.discovered().unwatched().count(),
        is_known: !standings.targets.is_empty(),
        operators,
        rows: shown.map(with_days).collect(),
        found: count,
        manager: manager.map(with_days),
        open: newest.into_iter().take(INCIDENTS).map(|one| judge::incident(&around, one)).collect(),
        open_count,
        maintenance,
        today,
        since: aggregator.days().from(),
        query: &query.q,
        show: match query.show {
            Shown::All => Show::All,
            Shown::Trouble => Show::Trouble,
        },
        sort: match query.sort {
            Order::Now => Sort::Now,
            Order::Name => Sort::Name,
            Order::Availability => Sort::Availability,
        },
        page,
        pages,
    };
    Ok(html(overview(&around.site(place::OVERVIEW), &told)))
}

/// Every operator whose services are watched now, or named and left out.
fn drafts(app: &App, around: &Around, levels: &Levels, now_ms: i64) -> BTreeMap<String, Draft> {
    let incidents = app.watch.aggregator().incidents();
    let (open, policy, standings) = (open_of(&incidents), app.watch.policy(), app.watch.standings());
    let mut drafts = BTreeMap::<String, Draft>::new();
    for standing in standings.targets.values() {
        let operator = &standing.target.operator;
        if !drafts.contains_key(operator.as_str()) {
            drafts.insert(operator.to_string(), draft(around, operator));
        }
        let Some(Draft { row, kinds, .. }) = drafts.get_mut(operator.as_str()) else { continue };
        *kinds.entry(standing.target.kind).or_default() |= standing.target.is_promised();
        let incident = open.get(&*standing.target.id.to_string());
        let now = judge::now(standing, incident.is_some(), policy, now_ms);
        row.now = row.now.min(now);
        row.addresses += 1;
        row.bad += usize::from(now <= Now::Failing);
        if let Some(incident) = incident {
            let (newest, many) = row.open.unwrap_or_default();
            row.open = Some((newest.max(incident.number), many + 1));
            let began = super::time(incident.began_ms);
            row.since = Some(row.since.map_or(began, |since| since.min(began)));
        }
    }
    for operator in app.watch.discovered().unwatched().filter_map(|one| one.operator.as_ref()) {
        let draft = drafts.entry(operator.to_string()).or_insert_with(|| {
            let mut draft = draft(around, operator);
            draft.row.now = Now::Unknown;
            draft
        });
        draft.row.left_out += 1;
    }
    for target in levels.targets.values() {
        if let Some(draft) = drafts.get_mut(target.operator.as_str()) {
            draft.targets.push(target.clone());
        }
    }
    for draft in drafts.values_mut() {
        measure(app, levels, draft, now_ms);
    }
    drafts
}

fn draft(around: &Around, operator: &ParticipantId) -> Draft {
    let row = Row {
        operator: operator.clone(),
        name: around.name_of(operator),
        now: Now::Good,
        since: None,
        addresses: 0,
        bad: 0,
        left_out: 0,
        open: None,
        days: Vec::new(),
        availability_ppm: None,
        is_promised: true,
        kept: None,
    };
    Draft { row, kinds: BTreeMap::new(), targets: Vec::new() }
}

/// The last thirty days of all kinds of services.
fn measure(app: &App, levels: &Levels, Draft { row, kinds, targets }: &mut Draft, now_ms: i64) {
    // Of what is named and left out nobody knows what it was promised to be.
    row.is_promised = kinds.is_empty() && targets.is_empty();
    let policy = app.watch.policy();
    let (mut good, mut valid, mut verdicts) = (0_u64, 0_u64, Vec::new());
    for kind in judge::KINDS {
        let (key, of) = ((row.operator.clone(), kind), targets.iter().filter(|one| one.kind == kind));
        let promise = promise(of, kinds.get(&kind).copied(), now_ms);
        row.is_promised |= promise != Promise::Nothing;
        let Some(standing) = levels.services.get(&key) else { continue };
        good = good.saturating_add(standing.rolling.good);
        valid = valid.saturating_add(standing.rolling.valid());
        // Kept is what every kind of service is known to have kept of all that is promised.
        if promise != Promise::Nothing {
            verdicts.extend(levels.kept(policy, &key, promise).map(|level| level.verdict()));
        }
    }
    row.kept = if verdicts.contains(&Verdict::Missed) {
        Some(false)
    } else {
        (!verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == Verdict::Met)).then_some(true)
    };
    row.availability_ppm = ppm(good, valid);
}

/// Each day is as that of the worst kind of service that was watched on it.
fn with_days(app: &App, draft: Draft, today: u32, now_ms: i64) -> Row {
    let Draft { mut row, targets, .. } = draft;
    let (policy, days) = (app.watch.policy(), app.watch.aggregator().days());
    let mut worst: Vec<Option<Day>> = (0..DAYS).map(|_| None).collect();
    for kind in judge::KINDS {
        let of: Vec<&Description> = targets.iter().filter(|target| target.kind == kind).collect();
        let Some(terms) = policy.terms(row.operator.as_str(), kind).filter(|_| !of.is_empty()) else {
            continue;
        };
        let sums = judge::sums(&days, of, today, now_ms);
        for (worst, sum) in worst.iter_mut().zip(&sums).filter(|(_, sum)| sum.was_due()) {
            *worst = (*worst).max(Some(judge::day(sum, &terms.objective)));
        }
    }
    row.days = worst.into_iter().map(|day| day.unwrap_or(Day::Unknown)).collect();
    row
}

fn fits(row: &Row, wanted: &str, show: Shown) -> bool {
    let is_shown = match show {
        Shown::All => true,
        Shown::Trouble => row.now != Now::Good || row.left_out > 0,
    };
    is_shown && (row.operator.as_str().contains(wanted) || row.name.to_lowercase().contains(wanted))
}

fn sort(found: &mut [Draft], order: Order) {
    match order {
        Order::Now => found.sort_by_cached_key(|Draft { row, .. }| {
            (row.now, row.open.is_none(), std::cmp::Reverse(row.bad), row.name.to_lowercase())
        }),
        Order::Name => found.sort_by_cached_key(|Draft { row, .. }| row.name.to_lowercase()),
        Order::Availability => found.sort_by_cached_key(|Draft { row, .. }| {
            (row.availability_ppm.unwrap_or(u64::MAX), row.name.to_lowercase())
        }),
    }
}

type Announced<'a> = (ParticipantId, String, Maintenance<'a>);

/// Maintenance that is not over, the next first.
fn maintenance<'a, 'b>(
    app: &'a App,
    around: &Around,
    drafts: impl Iterator<Item = &'b Draft>,
    now_ms: i64,
) -> Vec<Announced<'a>> {
    let now = now_ms.div_euclid(1000);
    let (from, to) = (Time(now), Time(now.saturating_add(AHEAD)));
    let policy = app.watch.policy();
    let mut all: Vec<Announced<'_>> = drafts
        .flat_map(|Draft { row, .. }| {
            policy
                .maintenance_of(row.operator.as_str(), from, to)
                .map(|one| (row.operator.clone(), around.name_of(&row.operator), judge::maintenance(one)))
        })
        .collect();
    all.sort_by_key(|(_, _, one)| one.from);
    all.truncate(MAINTENANCE);
    all
}
