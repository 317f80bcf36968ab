//! `/v1/sla`: the service levels of all operators now and of one operator over any time, as JSON and CSV, with the
//! breaches that the charter's watchers have recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ctl_core::names::ParticipantId;
use ctl_governance::service_levels::{OutageKey, Told};
use ctl_policy::sla::{BURN_WINDOWS, Counts, Kind, Level, Month, SlaPolicy, Time};
use ctl_serve::{Call, Page, Problem, answer};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use warp::http::header;
use warp::reply::Response;

use super::App;
use crate::Aggregator;
use crate::description::Description;
use crate::hours::{ROLLING_HOURS, begin_of, hour_at, hour_of};
use crate::levels::{self, Levels};

/// A caller may ask for at most this many hours: ten years.
const MAX_HOURS: u32 = 10 * 366 * 24;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Csv,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// The first hour.
    from: Option<Time>,
    /// The end; an hour counts if it began before it.
    to: Option<Time>,
    format: Option<Format>,
}

/// Who is to be told about an operator's incidents: the operator, and whoever the policy names.
pub(super) fn tell<'a>(policy: &'a SlaPolicy, operator: &'a ParticipantId) -> BTreeSet<&'a str> {
    policy.told(operator.as_str()).into_iter().chain([operator.as_str()]).collect()
}

/// Whether CSV is the first acceptable media type.
fn wants_csv(accept: Option<&str>) -> bool {
    let types =
        accept.unwrap_or_default().split(',').map(|one| one.split(';').next().unwrap_or_default().trim());
    let mut known = types.filter(|one| ["text/csv", "application/json", "*/*"].contains(one));
    known.next() == Some("text/csv")
}

fn policy(policy: &SlaPolicy) -> Value {
    json!({ "name": policy.name(), "version": policy.version(), "sha256": hex::encode(policy.digest()) })
}

pub(super) async fn overview(app: App, _: Call) -> Result<Response, Problem> {
    let aggregator = app.watch.aggregator();
    let levels = aggregator.levels();
    let services: Vec<Value> = levels.services.iter().filter_map(|(key, standing)| {
        let terms = aggregator.policy().terms(key.0.as_str(), key.1)?;
        let burn: Map<String, Value> = BURN_WINDOWS
            .iter()
            .map(|window| {
                let rate = |seconds| standing.burn_rate_milli(seconds, &terms.objective);
                let pair = json!({ "long_milli": rate(window.long), "short_milli": rate(window.short) });
                (window.name.to_owned(), pair)
            })
            .collect();
        Some(json!({
            "operator": key.0,
            "kind": key.1,
            "objective": terms.objective,
            "rolling_30_days": { "counts": standing.rolling, "level": Level::of(&standing.rolling, &terms.objective) },
            "month": { "counts": standing.month, "level": Level::of(&standing.month, &terms.objective) },
            "burn_rates": burn,
        }))
    }).collect();
    let at = Time(levels.at_ms.div_euclid(1000));
    let value = json!({
        "at": at,
        "month": Month::of(at),
        "policy": policy(aggregator.policy()),
        "services": services,
    });
    Ok(answer::json(&with_recorded(value, &app, |told| told.closed().is_none())))
}

/// Adds the breaches that watchers have recorded, confirmed or not, by the log as last verified: as many as fit a page.
/// The server has all of them, in pages.
fn with_recorded(mut value: Value, app: &App, wanted: impl Fn(&Told<'_>) -> bool) -> Value {
    let seen = app.watch.followed().seen;
    let told = seen.iter().flat_map(|seen| {
        let told = seen.state.told().into_iter().filter(|(_, told)| wanted(told));
        told.map(|(key, told)| (key, json!(told.outage(&seen.state))))
    });
    let mut page = Page::<OutageKey>::new(None, Some(usize::MAX)).of("breaches", told);
    if let Some(members) = value.as_object_mut() {
        members
            .insert("breaches_truncated".into(), page.get("next").is_some_and(|next| !next.is_null()).into());
        members.insert("breaches".into(), page.get_mut("breaches").map(Value::take).unwrap_or_default());
    }
    value
}

/// The hours that the caller asks for.
fn stretch(query: &Query, now_ms: i64) -> Result<(u32, u32), Problem> {
    let next = hour_of(now_ms).saturating_add(1);
    let to = match query.to {
        Some(to) => hour_at(Time(to.0.saturating_add(3599))),
        None => next,
    };
    let from = query.from.map_or_else(|| to.saturating_sub(ROLLING_HOURS), hour_at);
    if from >= to || to.saturating_sub(from) > MAX_HOURS {
        return Err(Problem::malformed("`from` must lie before `to`, by at most ten years"));
    }
    Ok((from, to.min(next)))
}

struct Lines {
    kinds: BTreeMap<Kind, (Counts, Level)>,
    targets: Vec<(Description, Counts, Level)>,
}

fn lines(
    aggregator: &Aggregator,
    levels: &Levels,
    operator: &ParticipantId,
    hours: (u32, u32),
) -> Result<Lines, Problem> {
    let of: Vec<Description> =
        levels.targets.values().filter(|one| one.operator == *operator).cloned().collect();
    let counted = levels::counted(aggregator.store(), &of, hours, aggregator.now_ms())
        .map_err(|error| Problem::internal(&error))?;
    let (mut kinds, mut targets) = (BTreeMap::<Kind, Counts>::new(), Vec::new());
    for target in of {
        let Some(counts) = counted.get(&target.number).filter(|counts| counts.due() > 0) else { continue };
        let Some(terms) = aggregator.policy().terms(operator.as_str(), target.kind) else { continue };
        kinds.entry(target.kind).or_default().merge(counts);
        targets.push((target, counts.clone(), Level::of(counts, &terms.objective)));
    }
    let kinds = kinds.into_iter().filter_map(|(kind, counts)| {
        let terms = aggregator.policy().terms(operator.as_str(), kind)?;
        let level = Level::of(&counts, &terms.objective);
        Some((kind, (counts, level)))
    });
    Ok(Lines { kinds: kinds.collect(), targets })
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let (operator, query): (ParticipantId, Query) = (call.part("operator")?, call.query()?);
    let csv = query.format == Some(Format::Csv) || wants_csv(call.header(&header::ACCEPT));
    let (aggregator, operator) = (app.watch.aggregator().clone(), &operator);
    let levels = aggregator.levels();
    if levels.at_ms == 0 {
        return Err(Problem::unavailable("nothing is added up yet"));
    }
    if !levels.targets.values().any(|target| target.operator == *operator) {
        return Err(Problem::not_found(format!("no service of {operator} is or ever was watched here")));
    }
    let hours = stretch(&query, aggregator.now_ms())?;
    let (reader, of) = (aggregator.clone(), operator.clone());
    let lines = answer::blocking(move || lines(&reader, &levels, &of, hours)).await??;
    let (from, to) = (Time(begin_of(hours.0) / 1000), Time(begin_of(hours.1) / 1000));
    if csv {
        return Ok(as_csv(operator, (from, to), &lines));
    }
    let kinds: Vec<Value> = lines
        .kinds
        .iter()
        .map(|(kind, (counts, level))| {
            let terms = aggregator.policy().terms(operator.as_str(), *kind);
            json!({ "kind": kind, "objective": terms.map(|terms| &terms.objective), "counts": counts, "level": level })
        })
        .collect();
    let targets: Vec<Value> = lines
        .targets
        .iter()
        .map(|(target, counts, level)| {
            json!({
                "target": target.id().to_string(),
                "kind": target.kind,
                "url": target.url,
                "watched": target.is_watched(),
                "counts": counts,
                "level": level,
            })
        })
        .collect();
    let maintenance: Vec<_> = aggregator.policy().maintenance_of(operator.as_str(), from, to).collect();
    let value = json!({
        "operator": operator,
        "from": from,
        "to": to,
        "policy": policy(aggregator.policy()),
        "kinds": kinds,
        "targets": targets,
        "maintenance": maintenance,
        "tell": tell(aggregator.policy(), operator),
    });
    Ok(answer::json(&with_recorded(value, &app, |told| {
        told.is_of(operator)
            && told.opened_at().unix() < to.0
            && told.closed().is_none_or(|closed| from.0 <= closed.at.unix())
    })))
}

const COLUMNS: &str = "operator,kind,url,from,to,good,bad,excused,missing,availability_ppm,availability_at_least_ppm,\
availability_at_most_ppm,coverage_ppm,freshness_ppm,correctness_ppm,p50_ms,p95_ms,p99_ms,budget_left_ppm,verdict\r\n";

/// One line for each kind, without an address, and one for each target (RFC 4180).
fn as_csv(operator: &ParticipantId, (from, to): (Time, Time), lines: &Lines) -> Response {
    let mut text = COLUMNS.to_owned();
    let mut line = |kind: Kind, url: &str, counts: &Counts, level: &Level| {
        let of = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
        let numbers = [
            counts.good.to_string(),
            counts.bad.to_string(),
            counts.excused.to_string(),
            counts.missing.to_string(),
            of(level.availability_ppm),
            of(level.availability_at_least_ppm),
            of(level.availability_at_most_ppm),
            of(level.coverage_ppm),
            of(level.freshness_ppm),
            of(level.correctness_ppm),
            of(level.p50_ms),
            of(level.p95_ms),
            of(level.p99_ms),
            level.budget_left_ppm.map_or_else(String::new, |left| left.to_string()),
            level.verdict().as_str().to_owned(),
        ];
        // Writing to a String cannot fail.
        let _ = write!(text, "{operator},{kind},{},{from},{to},{}\r\n", quoted(url), numbers.join(","));
    };
    for (kind, (counts, level)) in &lines.kinds {
        line(*kind, "", counts, level);
    }
    for (target, counts, level) in &lines.targets {
        line(target.kind, &target.url, counts, level);
    }
    answer::bytes(text, "text/csv; charset=utf-8", "no-cache")
}

/// Quotes an address. Addresses come from certificates; a spreadsheet must not take one for a formula.
fn quoted(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_for_those_who_ask_for_it() {
        for (accept, csv) in [
            (None, false),
            (Some("text/csv"), true),
            (Some("text/csv;q=1, */*"), true),
            (Some("application/json, text/csv"), false),
            (Some("*/*"), false),
        ] {
            assert_eq!(wants_csv(accept), csv, "{accept:?}");
        }
    }

    #[test]
    fn an_address_is_no_formula_and_breaks_no_line() {
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
        assert_eq!(quoted("http://a/?x=\"1,2\""), "\"http://a/?x=\"\"1,2\"\"\"");
    }

    #[test]
    fn the_time_asked_for_is_whole_hours_that_have_begun() {
        let now_ms = 1_795_219_200_000 + 1_800_000;
        let ask = |from: Option<&str>, to: Option<&str>| {
            let parse = |text: &str| text.parse().unwrap();
            stretch(&Query { from: from.map(parse), to: to.map(parse), format: None }, now_ms)
        };
        let hour = hour_of(now_ms);
        assert_eq!(ask(None, None), Ok((hour + 1 - 720, hour + 1)));
        assert_eq!(ask(Some("2026-11-20T22:30:00Z"), Some("2026-11-20T23:10:00Z")), Ok((hour - 2, hour)));
        assert_eq!(ask(Some("2026-11-20T22:00:00Z"), Some("2027-11-20T23:00:00Z")), Ok((hour - 2, hour + 1)));
        assert!(ask(Some("2026-11-21T00:00:00Z"), Some("2026-11-20T00:00:00Z")).is_err());
        assert!(ask(Some("1990-11-21T00:00:00Z"), None).is_err());
    }
}
