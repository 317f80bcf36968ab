//! What a PromQL expression stands on: the metrics it reads and the labels that its result has.
#![allow(dead_code, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};

use ctl_serve::family::Type;
use ctl_serve::metrics::Described;
use promql_parser::label::Labels;
use promql_parser::parser::{self, AggregateExpr, BinaryExpr, Expr, LabelModifier, VectorSelector};

pub type Set = BTreeSet<String>;

/// What may be asked: every series name with its labels.
pub struct Known(BTreeMap<String, Set>);

fn set<'a>(labels: impl IntoIterator<Item = &'a str>) -> Set {
    labels.into_iter().map(str::to_owned).collect()
}

/// The metrics of the server, those of the watch, and those of the webhooks.
pub fn described() -> [Vec<Described>; 3] {
    let server = ctl_server::metrics::Metrics::new().unwrap();
    let watch = ctl_watch::metrics::Metrics::new().unwrap();
    let requests = ctl_watch::http::Requests::new().unwrap();
    let webhooks = ctl_webhooks::metrics::Metrics::new().unwrap();
    [
        server.described().to_vec(),
        [watch.described(), requests.described()].concat(),
        webhooks.described().to_vec(),
    ]
}

impl Known {
    /// What the programs register, as a scrape stores it, and what Prometheus brings itself.
    pub fn registered() -> Self {
        let mut known = BTreeMap::from([
            ("up".to_owned(), set(["job", "instance"])),
            ("ALERTS".to_owned(), set(["alertname", "alertstate", "severity"])),
        ]);
        for family in described().into_iter().flatten() {
            let mut labels: Set = family.labels.iter().cloned().collect();
            labels.extend(set(["job", "instance"]));
            if family.kind == Type::Histogram {
                for part in ["sum", "count"] {
                    known.insert(format!("{}_{part}", family.name), labels.clone());
                }
                labels.insert("le".to_owned());
                known.insert(format!("{}_bucket", family.name), labels);
            } else {
                known.insert(family.name.clone(), labels);
            }
        }
        Self(known)
    }

    /// Adds what a recording rule brings.
    pub fn record(&mut self, name: &str, labels: Set) {
        assert!(self.0.insert(name.to_owned(), labels).is_none(), "{name} is there twice");
    }

    /// The labels of an expression's result.
    ///
    /// # Errors
    /// What it asks for that does not exist.
    pub fn labels(&self, expression: &str) -> Result<Set, String> {
        self.of(&parser::parse(expression)?)
    }

    /// The labels of a metric.
    pub fn metric(&self, name: &str) -> Option<&Set> {
        self.0.get(name)
    }

    fn of(&self, expression: &Expr) -> Result<Set, String> {
        match expression {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Unary(unary) => self.of(&unary.expr),
            Expr::Paren(paren) => self.of(&paren.expr),
            Expr::Subquery(subquery) => self.of(&subquery.expr),
            Expr::Call(call) => {
                let mut labels = Set::new();
                for argument in &call.args.args {
                    labels.extend(self.of(argument)?);
                }
                match call.func.name {
                    "histogram_quantile" if !labels.remove("le") => {
                        Err("histogram_quantile over what has no buckets".to_owned())
                    }
                    // What is absent has only the labels that were asked for; here, those that can be known.
                    _ => Ok(labels),
                }
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(Set::new()),
        }
    }

    fn selector(&self, selector: &VectorSelector) -> Result<Set, String> {
        let name = selector.name.as_ref().ok_or("a selector without a name")?;
        let labels = self.0.get(name).ok_or_else(|| format!("nobody exports or records {name}"))?;
        for matcher in selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten())
        {
            if !labels.contains(&matcher.name) {
                return Err(format!("{name} has no label {}, only {labels:?}", matcher.name));
            }
        }
        Ok(labels.clone())
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<Set, String> {
        let labels = self.of(&aggregate.expr)?;
        match &aggregate.modifier {
            None => Ok(Set::new()),
            Some(LabelModifier::Include(by)) => among(by, &labels),
            Some(LabelModifier::Exclude(without)) => Ok(&labels - &among(without, &labels)?),
        }
    }

    fn binary(&self, binary: &BinaryExpr) -> Result<Set, String> {
        let (left, right) = (self.of(&binary.lhs)?, self.of(&binary.rhs)?);
        match binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref()) {
            Some(LabelModifier::Include(on)) => {
                among(on, &left)?;
                among(on, &right)?;
            }
            Some(LabelModifier::Exclude(_)) => {}
            // Without a word, both sides must have the same labels; a side without any is a number.
            None if left.is_empty() || right.is_empty() || left == right => {}
            // `or` takes what there is on either side.
            None if matches!(binary.op.id(), parser::token::T_LOR) => {}
            None => return Err(format!("{left:?} and {right:?} never match: {binary}")),
        }
        Ok(if left.is_empty() { right } else { left })
    }
}

fn among(wanted: &Labels, there: &Set) -> Result<Set, String> {
    let wanted: Set = wanted.labels.iter().cloned().collect();
    match wanted.iter().find(|label| !there.contains(*label)) {
        Some(label) => Err(format!("there is no label {label} to group or match by, only {there:?}")),
        None => Ok(wanted),
    }
}
