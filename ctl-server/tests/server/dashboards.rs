//! Dashboards, recording rules, alerts and runbook fit the programs and each other: every query parses, asks only
//! for metrics that one of them registers or a rule records, and only for labels that these have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ctl_serve::family::Type;
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::promql::{Known, Set, described};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

/// The rules of a file, in order.
fn rules(path: &str) -> Vec<Yaml> {
    let file = YamlLoader::load_from_str(&read(path)).unwrap().remove(0);
    let groups = file["groups"].as_vec().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_vec().unwrap().clone()).collect()
}

fn alerts() -> Vec<Yaml> {
    rules("dashboards/prometheus/alerts.yml")
}

/// What the programs register and what the recording rules make of it, in their order: a rule may use those
/// before it.
fn known() -> Known {
    let mut known = Known::registered();
    for rule in rules("dashboards/prometheus/rules.yml") {
        let name = rule["record"].as_str().unwrap();
        let labels =
            known.labels(rule["expr"].as_str().unwrap()).unwrap_or_else(|why| panic!("{name}: {why}"));
        let [level, metric, operations] = name.split(':').collect::<Vec<_>>()[..] else {
            panic!("{name} is not level:metric:operations")
        };
        assert_eq!(level.split('_').map(str::to_owned).collect::<Set>(), labels, "the level of {name}");
        assert!(metric.starts_with("ctl_") && !operations.is_empty(), "{name}");
        known.record(name, labels);
    }
    known
}

/// The labels that a text names as `{{label}}` or `{{ $labels.label }}`.
fn named(text: &str, prefix: &str) -> Set {
    text.split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}")?.0.trim().strip_prefix(prefix))
        .map(|label| label.split(' ').next().unwrap_or(label).to_owned())
        .collect()
}

fn dashboards() -> Vec<(String, Value)> {
    let folder = repository().join("dashboards/grafana/dashboards");
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), value)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").collect()
}

/// A panel's query as Grafana sends it.
fn substituted(expression: &str) -> String {
    expression.replace("$__rate_interval", "1m")
}

#[test]
fn metrics_are_named_by_the_conventions_and_say_what_they_mean() {
    let mut all = BTreeSet::new();
    for program in described() {
        let mut names = BTreeSet::new();
        for family in program {
            assert!(family.name.starts_with("ctl_"), "{}", family.name);
            let counter = family.kind == Type::Counter;
            assert_eq!(counter, family.name.ends_with("_total"), "{}", family.name);
            assert!(
                family.help.ends_with('.') && family.help.len() > 12,
                "{}: {:?}",
                family.name,
                family.help
            );
            assert!(!family.help.contains('\n') && !family.help.contains('\\'), "{}", family.name);
            assert!(names.insert(family.name.clone()), "{} is there twice", family.name);
        }
        all.extend(names);
    }
    assert!(all.len() > 50, "{all:?}");
}

#[test]
fn what_several_programs_tell_is_the_same_in_all() {
    let all = described().concat();
    for family in &all {
        let other = all.iter().find(|other| other.name == family.name && *other != family);
        assert!(other.is_none(), "{family:?} and {other:?}");
    }
}

#[test]
fn rules_stand_on_metrics_that_exist() {
    known();
}

#[test]
fn alerts_stand_on_metrics_that_exist_and_say_what_to_do() {
    let known = known();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let expression = alert["expr"].as_str().unwrap();
        let mut labels = known.labels(expression).unwrap_or_else(|why| panic!("{name}: {why}"));
        let own = alert["labels"].as_hash().unwrap();
        labels.extend(own.keys().map(|label| label.as_str().unwrap().to_owned()));
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("page" | "ticket")), "{name}");
        for text in ["summary", "description"] {
            let words = alert["annotations"][text].as_str().unwrap_or_else(|| panic!("{name} has no {text}"));
            let missing: Vec<String> = named(words, "$labels.").difference(&labels).cloned().collect();
            assert!(missing.is_empty(), "{name}: the {text} names {missing:?}, of {labels:?}");
        }
        let anchor = format!("docs/runbook.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook_url"].as_str(), Some(anchor.as_str()), "{name}");
    }
}

#[test]
fn the_runbook_has_one_section_for_each_alert_and_no_other() {
    let alerts: BTreeSet<String> =
        alerts().iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect();
    let runbook = read("docs/runbook.md");
    let sections: Vec<&str> = runbook.split("\n### ").skip(1).collect();
    let mut titles = BTreeSet::new();
    for section in &sections {
        let (title, text) = section.split_once('\n').unwrap();
        assert!(titles.insert(title.to_owned()), "two sections on {title}");
        for part in ["**Means.**", "**Look.**", "**Do.**", "**Tell.**"] {
            assert!(text.contains(part), "the section on {title} has no {part}");
        }
    }
    assert_eq!(titles, alerts);
}

#[test]
fn every_panel_asks_for_what_there_is() {
    let known = known();
    for (file, dashboard) in dashboards() {
        let mut titles = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            let place = format!("{file}: {title}");
            assert!(titles.insert(title), "{place} is there twice");
            assert!(
                panel["description"].as_str().is_some_and(|text| text.len() > 10),
                "{place} explains nothing"
            );
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{place} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
            let queries = panel["targets"].as_array().unwrap();
            assert!(!queries.is_empty(), "{place}");
            for query in queries {
                let expression = substituted(query["expr"].as_str().unwrap());
                let labels = known.labels(&expression).unwrap_or_else(|why| panic!("{place}: {why}"));
                // A heatmap's legend is its buckets'.
                let legend = named(query["legendFormat"].as_str().unwrap(), "");
                let missing: Vec<String> = legend.difference(&labels).cloned().collect();
                assert!(missing.is_empty(), "{place}: the legend names {missing:?}, of {labels:?}");
            }
        }
    }
}

#[test]
fn variables_come_from_labels_that_exist_and_every_one_is_declared() {
    let known = known();
    for (file, dashboard) in dashboards() {
        let mut declared = BTreeSet::from(["__rate_interval".to_owned()]);
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["type"], "datasource", "{file}: the data source is a variable");
        for variable in variables {
            let name = variable["name"].as_str().unwrap();
            if variable["type"] == "query" {
                let query = variable["query"]["query"].as_str().unwrap();
                let (metric, label) = query
                    .strip_prefix("label_values(")
                    .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
                    .unwrap_or_else(|| panic!("{file}: {query}"));
                let labels = known.labels(metric).unwrap_or_else(|why| panic!("{file}, {name}: {why}"));
                assert!(labels.contains(label), "{file}: {query}");
            }
            declared.insert(name.to_owned());
        }
        for panel in panels(&dashboard) {
            for query in panel["targets"].as_array().unwrap() {
                for used in query["expr"].as_str().unwrap().split('$').skip(1) {
                    let end =
                        used.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(used.len());
                    assert!(declared.contains(&used[..end]), "{file}: ${}", &used[..end]);
                }
            }
        }
    }
}

#[test]
fn a_query_for_what_is_not_there_is_caught() {
    let known = known();
    for wrong in [
        "ctl_probes",
        "sum(rate(ctl_probes_total[5m])",
        "ctl_probes_total{operator=\"alpha\"}",
        "sum by (operator) (ctl_probes_total)",
        "ctl_probe_good and on (list) ctl_probe_good",
        "ctl_sla_objective_ratio - ctl_probe_good",
        "histogram_quantile(0.9, sum by (kind) (rate(ctl_probe_duration_seconds_bucket[5m])))",
        "ctl_probe_duration_seconds",
        "pki_kind:ctl_probes:rate7d",
    ] {
        assert!(known.labels(wrong).is_err(), "{wrong}");
    }
}
