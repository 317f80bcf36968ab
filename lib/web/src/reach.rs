//! Who can charge where, as a CPO reads it: a matrix at a glance, the graph only where there are cross-certificates, and how
//! much a vehicle gains with each root that it has room for.
//!
//! The matrices take up to a second for a large list, so that the body of the page is made when a list is published, and
//! put into its frame for each reader.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_reach::budget::{self, Choice, Counting};
use ctl_reach::document::Subject;
use ctl_reach::{Answer, Cell, Matrix, standard_name};
use maud::{Markup, PreEscaped, html};

use crate::{Frame, parts, place};

/// A choice for more roots than this is no question of little room.
const MOST: usize = 40;
/// Up to so many roots every one has its row and column.
const LARGE: usize = 12;
/// At most so many answers of one row are told one by one.
const TOLD: usize = 40;

/// The body of the page, for a published version of a list.
#[must_use]
pub fn reach_body(subject: &Subject, matrices: &[Matrix]) -> String {
    let list = &subject.list;
    let json = format!("/{}", ctl_core::paths::INTEROP.of(&[list]));
    let crosses = matrices.first().map_or(0, |matrix| matrix.network().cross_certificates().len());
    let body = html! {
        p.lead {
            "A vehicle accepts a charger if the charger’s certificate leads to a root that the vehicle has, or to one that such a root "
            "vouches for with a cross-certificate. Rows are the roots of vehicles, columns those of chargers."
        }
        p {
            "By " a href=(place::version(list, subject.sequence)) { "version " (subject.sequence) } " of "
            a href=(place::list(list)) { "list " (list) }
            @if let Some(first) = matrices.first() { ", as of " (parts::day(first.at())) }
            ". As JSON: " a href=(json) { code { (json) } } "."
        }
        ul.legend {
            li { span.cell.direct { "●" } " works: the vehicle has the charger’s root" }
            li { span.cell.cross { "X" } " works through a cross-certificate" }
            li { span.cell.partly { "s" } " works for short chains only" }
            li { span.cell.partly { "o" } " works for what was issued until a date" }
            li { span.cell.short { "*" } " would work if chains were shorter than they are" }
            li { span.cell { "·" } " does not work" }
        }
        @for matrix in matrices { (standard(matrix)) }
        @if crosses > 0 {
            section aria-labelledby="graph" {
                h2 id="graph" { "The cross-certificates as a graph" }
                div.wide role="region" aria-label="Graph of the cross-certificates" tabindex="0" {
                    img.graph src={ (json) ".svg" } alt="Roots that are connected by cross-certificates; the tables above say the same.";
                }
            }
        }
    };
    body.into_string()
}

/// The page, with the body that was made when the list was published; none if there is no such list.
#[must_use]
pub fn reach(frame: &Frame<'_>, id: &ListId, body: Option<&str>) -> Option<String> {
    let charter = frame.state.charter.lists.get(id)?;
    let body = match body {
        Some(body) => PreEscaped(body.to_owned()),
        None if !frame.state.published.contains_key(&Role::List(id.clone())) => {
            html! { p { "This list has no published version yet." } }
        }
        None => {
            html! { p { "This is computed after each publication of the list; it is not there yet. Come again in a minute." } }
        }
    };
    Some(frame.page(&format!("Who can charge where: {}", charter.name), &body))
}

fn standard(matrix: &Matrix) -> Markup {
    let title = standard_name(matrix.asked().standard);
    let groups = groups(matrix);
    let order: Vec<usize> = groups.iter().flatten().copied().collect();
    // In a large table those that stand alone are a diagonal, which says less than their names.
    let folded = order.len() > LARGE;
    let (shown, alone): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| !folded || group.len() > 1);
    let (shown, alone) = (shown.concat(), alone.concat());
    let id = format!("standard-{}", title.rsplit('-').next().unwrap_or_default());
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @if order.is_empty() {
                p { "No root is listed for chargers by this standard." }
            } @else {
                p { (summary(matrix, &order)) }
                @if !shown.is_empty() { (table(matrix, &shown)) }
                @if !alone.is_empty() {
                    h3 { "Standing alone" }
                    p { "Whoever wants to charge under one of these " (alone.len()) " needs that root itself; no cross-certificate leads there or from there." }
                    ul.columns { @for root in &alone { li { a href=(address(matrix, *root)) { bdi { (name(matrix, *root)) } } } } }
                }
                details {
                    summary { "Row by row, with the reasons" }
                    @for vehicle in shown.iter().chain(&alone) { (row(matrix, *vehicle, &order)) }
                }
                (curve(matrix, order.len()))
            }
        }
    }
}

/// The roots that are listed for this, in groups of those that work together, the largest group first; by name.
fn groups(matrix: &Matrix) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = matrix.listed().collect();
    left.sort_by_key(|place| name(matrix, *place));
    let together = |one: usize, other: usize| {
        let both = [(one, other), (other, one)].into_iter();
        both.filter_map(|(vehicle, charger)| matrix.cell(vehicle, charger)).any(connected)
    };
    let mut groups = Vec::new();
    while !left.is_empty() {
        let (mut group, mut at) = (vec![left.remove(0)], 0);
        while let Some(one) = group.get(at).copied() {
            let (next, rest) = left.into_iter().partition(|other| together(one, *other));
            left = rest;
            group.extend::<Vec<usize>>(next);
            at = at.saturating_add(1);
        }
        group.sort_by_key(|place| name(matrix, *place));
        groups.push(group);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

/// Whether anything connects the two, though it may be of use to nobody yet.
const fn connected(cell: &Cell) -> bool {
    works(cell) || cell.path.is_some()
}

const fn works(cell: &Cell) -> bool {
    matches!(cell.answer, Answer::Direct | Answer::Cross | Answer::Partly)
}

fn summary(matrix: &Matrix, order: &[usize]) -> String {
    let pairs = || {
        order
            .iter()
            .flat_map(|vehicle| order.iter().filter_map(move |charger| matrix.cell(*vehicle, *charger)))
    };
    let answered = |answer: Answer| pairs().filter(|cell| cell.answer == answer).count();
    let (cross, partly) = (answered(Answer::Cross), answered(Answer::Partly));
    let short = pairs().filter(|cell| !works(cell) && connected(cell)).count();
    let mut text = parts::count(order.len(), "root");
    text += match cross.saturating_add(partly) {
        0 => ", and each stands for itself: a vehicle charges only where it has the charger’s own root",
        _ => "; what works beside each root’s own chargers:",
    };
    let more = [(cross, "through cross-certificates"), (partly, "for short chains only")];
    let more = more.into_iter().filter(|(count, _)| *count > 0);
    let more: Vec<String> =
        more.map(|(count, words)| format!(" {} {words}", parts::count(count, "pair"))).collect();
    text += &more.join(",");
    if short > 0 {
        text += &format!(". {} would work if the chargers’ chains were shorter", parts::count(short, "pair"));
    }
    text + "."
}

fn table(matrix: &Matrix, order: &[usize]) -> Markup {
    let table = html! {
        table.matrix {
            thead { tr {
                th scope="col" { span { "vehicle ↓ charger →" } }
                @for charger in order { th scope="col" { span { bdi { (name(matrix, *charger)) } } } }
            } }
            tbody {
                @for vehicle in order {
                    tr {
                        th scope="row" { a href=(address(matrix, *vehicle)) { bdi { (name(matrix, *vehicle)) } } }
                        @for charger in order { (cell(matrix, *vehicle, *charger)) }
                    }
                }
            }
        }
    };
    parts::wide(&format!("Who can charge where by {}", standard_name(matrix.asked().standard)), &table)
}

/// Whether new certificates do not work any more.
fn ends(matrix: &Matrix, vehicle: usize, charger: usize) -> bool {
    matrix.cell(vehicle, charger).is_some_and(|cell| cell.issued_until.is_some())
}

fn cell(matrix: &Matrix, vehicle: usize, charger: usize) -> Markup {
    match matrix.cell(vehicle, charger).map(|cell| cell.answer) {
        Some(Answer::Direct | Answer::Cross) if ends(matrix, vehicle, charger) => {
            html! { td.partly { "o" span.hidden { " works for what was issued until a date" } } }
        }
        Some(Answer::Direct) => html! { td.direct { "●" span.hidden { " works" } } },
        Some(Answer::Cross) => {
            html! { td.cross { "X" span.hidden { " works through a cross-certificate" } } }
        }
        Some(Answer::Partly) => html! { td.partly { "s" span.hidden { " short chains only" } } },
        Some(Answer::No) if matrix.cell(vehicle, charger).is_some_and(connected) => {
            html! { td.short { "*" span.hidden { " not with chains of this length" } } }
        }
        _ => html! { td { "·" } },
    }
}

/// One row in words.
fn row(matrix: &Matrix, vehicle: usize, order: &[usize]) -> Markup {
    let mut lines: Vec<String> = Vec::new();
    // One reason is mostly that of many.
    let mut why: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut reached = 0_usize;
    for charger in order.iter().copied() {
        let Some(cell) = matrix.cell(vehicle, charger) else { continue };
        reached = reached.saturating_add(usize::from(works(cell)));
        let who = name(matrix, charger);
        let reasons = || {
            cell.reasons
                .iter()
                .map(|reason| reason.text(matrix.network(), matrix.asked()))
                .collect::<Vec<_>>()
                .join("; ")
        };
        match cell.answer {
            Answer::Direct if cell.issued_until.is_none() => {}
            Answer::Direct => lines.push(format!("{who}: yes{}", until(cell))),
            Answer::Cross => lines.push(format!("{who}: yes, {}{}", through(matrix, cell), until(cell))),
            Answer::Partly => {
                lines.push(format!("{who}: in part, {}{}: {}", through(matrix, cell), until(cell), reasons()))
            }
            Answer::No => match cell.reasons.first().map(ctl_reach::Reason::code) {
                Some(code) if code == ctl_reach::Reason::NoCrossCertificate.code() => {
                    let count = why.entry("no cross-certificate leads there").or_default();
                    *count = count.saturating_add(1);
                }
                _ => lines.push(format!("{who}: no: {}", reasons())),
            },
        }
    }
    let more = lines.len().saturating_sub(TOLD);
    html! {
        h3 { bdi { (name(matrix, vehicle)) } ": " (reached) " of " (order.len()) }
        ul {
            @for line in lines.iter().take(TOLD) { li { bdi { (ctl_pki::print::line(line)) } } }
            @if more > 0 { li { "and " (more) " more, which the JSON has" } }
            @for (reason, count) in &why { li { (parts::count(*count, "other")) ": no: " (reason) } }
        }
    }
}

fn through(matrix: &Matrix, cell: &Cell) -> String {
    let Some(path) = &cell.path else { return "directly".into() };
    let crosses = path.crosses.iter().filter_map(|place| matrix.network().cross_certificates().get(*place));
    let names: Vec<&str> = crosses.map(|cross| cross.name.as_str()).collect();
    let sub_cas = match path.sub_cas {
        0 => "for chargers without sub-CA".to_owned(),
        1 => "for chains with at most 1 sub-CA".to_owned(),
        many => format!("for chains with at most {many} sub-CAs"),
    };
    if names.is_empty() { sub_cas } else { format!("through {}, {sub_cas}", names.join(" and ")) }
}

fn until(cell: &Cell) -> String {
    cell.issued_until.map_or_else(String::new, |until| format!(", for what was issued until {until}"))
}

/// How many chargers' roots a vehicle reaches with each number of roots that it has room for.
fn curve(matrix: &Matrix, all: usize) -> Markup {
    let reach = budget::reach(matrix, Counting::All);
    let weights: Vec<u64> = {
        let listed: BTreeSet<usize> = matrix.listed().collect();
        (0..reach.len()).map(|place| u64::from(listed.contains(&place))).collect()
    };
    let choices = budget::choices(&reach, &weights, MOST.min(all));
    if choices.is_empty() {
        return html! {};
    }
    let name_of = standard_name(matrix.asked().standard);
    html! {
        h3 { "How many roots does a vehicle need?" }
        p {
            "With the best choice of so many roots, a vehicle reaches so many of the " (all) " chargers’ roots. Each counts the same: "
            "with the numbers of your own chargers, " code { "ctl-admin budget" } " chooses for you."
        }
        (picture(&choices, all as u64, &format!("Roots reached by the number of roots installed, {name_of}")))
        details {
            summary { "The choices as a table" }
            (parts::wide(&format!("Best choices by {name_of}"), &html! {
                table {
                    thead { tr { th scope="col" { "Roots installed" } th scope="col" { "Reached" } th scope="col" { "Proven best" } th scope="col" { "Which" } } }
                    tbody {
                        @for choice in &choices {
                            tr {
                                th scope="row" { (choice.roots.len()) }
                                td { (choice.reached) " of " (all) }
                                td { @if choice.is_exact() { "yes" } @else { "no: at most " (choice.at_most) } }
                                td { @for (at, root) in choice.roots.iter().enumerate() { @if at > 0 { ", " } bdi { (name(matrix, *root)) } } }
                            }
                        }
                    }
                }
            }))
        }
    }
}

/// The curve: 400 by 160, with room for the numbers at the axes.
fn picture(choices: &[Choice], all: u64, title: &str) -> Markup {
    const WIDTH: usize = 400;
    const HEIGHT: u64 = 160;
    let most = choices.iter().map(|choice| choice.roots.len()).max().unwrap_or(1).max(1);
    let x = |roots: usize| 40 + roots * WIDTH / most;
    let y = |reached: u64| 10 + HEIGHT - reached * HEIGHT / all.max(1);
    let mut points = format!("{},{}", x(0), y(0));
    for choice in choices {
        points += &format!(" {},{}", x(choice.roots.len()), y(choice.reached));
    }
    html! {
        svg.chart viewBox="0 0 470 205" role="img" aria-label=(title) {
            path.axis d={ "M40 10V" (10 + HEIGHT) "H" (40 + WIDTH) } {}
            polyline.line points=(points) {}
            @for choice in choices { circle.dot cx=(x(choice.roots.len())) cy=(y(choice.reached)) r="3" {} }
            text x="34" y="15" text-anchor="end" { (all) }
            text x="34" y=(14 + HEIGHT) text-anchor="end" { "0" }
            text x="40" y=(28 + HEIGHT) text-anchor="middle" { "0" }
            text x=(40 + WIDTH) y=(28 + HEIGHT) text-anchor="middle" { (most) }
            text x=(40 + WIDTH / 2) y=(38 + HEIGHT) text-anchor="middle" { "roots installed" }
        }
    }
}

fn name(matrix: &Matrix, place: usize) -> &str {
    matrix.network().roots().get(place).map_or("", |root| root.name.as_str())
}

fn address(matrix: &Matrix, place: usize) -> String {
    matrix.network().roots().get(place).map_or_else(String::new, |root| place::certificate(&root.fingerprint))
}
