//! A picture of the cross-certificates: the roots that have any on an ellipse, an arrow for each cross-certificate
//! from the root that issued it to the root that it is for. A root without any says nothing here. Names come from outside and are escaped;
//! there is nothing to run in it; equal networks give equal bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;
use std::fmt::Write as _;

use ctl_core::parts::{AnchorStatus, Standard};

use super::document::Subject;
use super::{Matrix, Root};

/// Half the width and height of a root's box.
const BOX: (f64, f64) = (84.0, 26.0);
/// Boxes stand at least so far apart, centre to centre, in width or in height.
const SPACING: (f64, f64) = (190.0, 74.0);
/// Around the boxes.
const MARGIN: f64 = 26.0;
/// Above and below the drawing, for heading and legend.
const HEAD: f64 = 84.0;
const FOOT: f64 = 50.0;
/// The least half axes of the ellipse.
const LEAST: (f64, f64) = (190.0, 150.0);
/// A name is cut after this number of characters; the box's title has all of it.
const LONGEST_NAME: usize = 24;
/// How many arrows are drawn; more could not be told apart.
const MOST_ARROWS: usize = 2000;

/// Colours by day and by night; viewers other than browsers know the day only.
const STYLE: &str = "text{font-family:sans-serif;font-size:12px;fill:#1b1f24}\
.small{font-size:10px;fill:#57606a}.head{font-size:16px;font-weight:bold}.paper{fill:#fff}\
.root{fill:#fff;stroke:#1f6feb;stroke-width:2}.root.warning{stroke:#9a6700}.root.off{stroke:#8c959f;stroke-dasharray:4 3}\
.cross{fill:none;stroke:#1a7f37;stroke-width:2;marker-end:url(#arrow)}\
.cross.short{stroke:#9a6700;marker-end:url(#arrow-short)}\
.cross.off{stroke:#cf222e;stroke-dasharray:5 4;marker-end:url(#arrow-off)}\
#arrow{fill:#1a7f37}#arrow-short{fill:#9a6700}#arrow-off{fill:#cf222e}\
@media (prefers-color-scheme:dark){text{fill:#e6e9ed}.small{fill:#adb5be}.paper,.root{fill:#14171b}\
.root{stroke:#86b7ff}.root.warning,.cross.short{stroke:#f5c063}.cross{stroke:#7fdc98}.cross.off{stroke:#ff9ea5}\
#arrow{fill:#7fdc98}#arrow-short{fill:#f5c063}#arrow-off{fill:#ff9ea5}}";

#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

/// The picture of a list's roots and cross-certificates. The matrices decide what an arrow looks like:
/// green where it makes a pair work for one of the standards, amber where chains would have to be
/// shorter, red and dashed where nobody can use it.
#[must_use]
pub fn svg(subject: &Subject, matrices: &[Matrix]) -> Vec<u8> {
    let Some(first) = matrices.first() else { return Vec::new() };
    let roots = first.network().roots();
    let connected: Vec<usize> = connected(first).into_iter().collect();
    let (places, radius) = ellipse(connected.len());
    let (width, height) =
        (2.0 * (radius.x + BOX.0 + MARGIN), 2.0 * (radius.y + BOX.1 + MARGIN) + HEAD + FOOT);
    let centre = Point { x: width / 2.0, y: radius.y + BOX.1 + MARGIN + HEAD };
    let at = |place: usize| {
        let drawn = connected.binary_search(&place).ok().and_then(|drawn| places.get(drawn)).copied();
        let offset = drawn.unwrap_or(Point { x: 0.0, y: 0.0 });
        Point { x: centre.x + offset.x, y: centre.y + offset.y }
    };
    let mut text = String::new();
    let _ = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 \
         {width:.0} {height:.0}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">Roots and \
         cross-certificates of list {list}, version {sequence}, as of {at}</title>\n<style>{STYLE}</style>\n\
         <defs>{arrow}{short}{off}</defs>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"head\" x=\"20\" y=\"30\">List {list}, version {sequence}</text>\n\
         <text class=\"small\" x=\"20\" y=\"48\">as of {at}; an arrow leads from the root that vouches to the \
         root that it vouches for</text>\n\
         <text class=\"small\" x=\"20\" y=\"62\">{connected} of {all} roots have cross-certificates</text>\n",
        list = escape(subject.list.as_str()),
        sequence = subject.sequence,
        at = first.at(),
        connected = connected.len(),
        all = roots.len(),
        arrow = marker("arrow"),
        short = marker("arrow-short"),
        off = marker("arrow-off"),
    );
    arrows(&mut text, matrices, &at, centre);
    for (place, root) in roots.iter().enumerate().filter(|(place, _)| connected.binary_search(place).is_ok())
    {
        draw_root(&mut text, root, at(place));
    }
    legend(&mut text, height);
    text.push_str("</svg>\n");
    text.into_bytes()
}

/// The roots that issued a cross-certificate or are the subject of one.
fn connected(matrix: &Matrix) -> BTreeSet<usize> {
    let crosses = matrix.network().cross_certificates();
    let named: BTreeSet<_> = crosses.iter().flat_map(|cross| [cross.issuer, cross.subject]).collect();
    let roots = matrix.network().roots().iter().enumerate();
    roots.filter(|(_, root)| named.contains(&root.fingerprint)).map(|(place, _)| place).collect()
}

/// Places on an ellipse around the origin, so that no two boxes touch, and its half axes. Neighbours are
/// equally far apart in the measure of boxes: side by side takes more room than one above the other.
fn ellipse(count: usize) -> (Vec<Point>, Point) {
    const STEPS: u32 = 1440;
    let point = |step: u32| {
        // Two roots lie side by side, more begin at the top.
        let turn = if count == 2 { 0.5 } else { -0.25 };
        let angle = (f64::from(step) / f64::from(STEPS) + turn) * TAU;
        Point { x: LEAST.0 * angle.cos(), y: LEAST.1 * angle.sin() }
    };
    let boxes =
        |from: Point, to: Point| ((to.x - from.x).abs() / SPACING.0).max((to.y - from.y).abs() / SPACING.1);
    let total: f64 = (0..STEPS).map(|step| boxes(point(step), point(step + 1))).sum();
    let scale = (count as f64 * 1.08 / total).max(1.0);
    let mut places = Vec::with_capacity(count);
    let mut walked = 0.0;
    for step in 0..STEPS {
        if places.len() < count && walked >= total * places.len() as f64 / count as f64 - 1e-9 {
            let Point { x, y } = point(step);
            places.push(Point { x: x * scale, y: y * scale });
        }
        walked += boxes(point(step), point(step + 1));
    }
    (places, Point { x: LEAST.0 * scale, y: LEAST.1 * scale })
}

fn marker(id: &str) -> String {
    format!(
        "<marker id=\"{id}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L10 5L0 10z\"/></marker>"
    )
}

fn arrows(text: &mut String, matrices: &[Matrix], at: &impl Fn(usize) -> Point, centre: Point) {
    let Some(first) = matrices.first() else { return };
    let network = first.network();
    let places: BTreeMap<_, _> =
        network.roots().iter().enumerate().map(|(place, root)| (root.fingerprint, place)).collect();
    // Several between the same two roots lie beside each other.
    let mut drawn: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for (place, cross) in network.cross_certificates().iter().enumerate().take(MOST_ARROWS) {
        let (Some(&from), Some(&to)) = (places.get(&cross.issuer), places.get(&cross.subject)) else {
            continue;
        };
        let lane = drawn.entry((from, to)).or_default();
        *lane += 1;
        let kind = kind_of(matrices, from, to, place);
        let problem = first.facts().problem_of(place).map(|reason| reason.text(network, first.asked()));
        let title =
            format!("{}: {}. {}", cross.name, cross.status, problem.unwrap_or_else(|| kind.words().into()));
        let _ = writeln!(
            text,
            "<path class=\"cross{}\" d=\"{}\"><title>{}</title></path>",
            kind.class(),
            curve(at(from), at(to), centre, *lane),
            escape(&title)
        );
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Off,
    Short,
    Works,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Off => " off",
            Self::Short => " short",
            Self::Works => "",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Off => "No vehicle can use it",
            Self::Short => "Works only for chargers with a shorter chain",
            Self::Works => "In use: the pair works through it",
        }
    }
}

/// The best that a cross-certificate does for any of the standards.
fn kind_of(matrices: &[Matrix], from: usize, to: usize, cross: usize) -> Kind {
    let one = |matrix: &Matrix| {
        let Some(cell) = matrix.cell(from, to) else { return Kind::Off };
        let used = cell.path.as_ref().is_some_and(|path| path.crosses == [cross]);
        let used = used || cell.alternatives.contains(&cross);
        let sound = matrix.facts().problem_of(cross).is_none();
        match (used && cell.works(), used || (sound && cell.path.is_some())) {
            (true, _) => Kind::Works,
            (false, true) => Kind::Short,
            (false, false) => Kind::Off,
        }
    };
    matrices.iter().map(one).max().unwrap_or(Kind::Off)
}

/// From box to box, bent to the right-hand side so that both directions can be told apart.
fn curve(from: Point, to: Point, centre: Point, lane: u32) -> String {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length = dx.hypot(dy).max(1.0);
    let bend = (24.0 + 16.0 * f64::from(lane.min(12))).min(length * 0.45);
    // Towards the centre, so that arrows between roots of one side do not run behind the boxes there.
    let middle = Point {
        x: f64::midpoint(from.x, to.x) * 0.6 + centre.x * 0.4 - dy / length * bend,
        y: f64::midpoint(from.y, to.y) * 0.6 + centre.y * 0.4 + dx / length * bend,
    };
    let (start, end) = (edge(from, middle), edge(to, middle));
    format!("M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}", start.x, start.y, middle.x, middle.y, end.x, end.y)
}

/// Where the line from a box's centre to a point leaves the box.
fn edge(centre: Point, towards: Point) -> Point {
    let (dx, dy) = (towards.x - centre.x, towards.y - centre.y);
    let share = (BOX.0 / dx.abs().max(0.001)).min(BOX.1 / dy.abs().max(0.001)).min(1.0);
    Point { x: centre.x + dx * share, y: centre.y + dy * share }
}

fn draw_root(text: &mut String, root: &Root, at: Point) {
    let class = match root.status {
        AnchorStatus::Warning | AnchorStatus::Deprecated => " warning",
        status if !status.is_listed() => " off",
        _ => "",
    };
    let uses: Vec<String> = root.uses.iter().map(ToString::to_string).collect();
    let standards: Vec<&str> = [(Standard::Iso15118_2, "-2"), (Standard::Iso15118_20, "-20")]
        .into_iter()
        .filter(|(standard, _)| root.uses.iter().any(|one| one.standard == *standard))
        .map(|(_, name)| name)
        .collect();
    let title = format!("{}: {}; {}; SHA-256 {}", root.name, root.status, uses.join(", "), root.fingerprint);
    let _ = writeln!(
        text,
        "<g><title>{title}</title><rect class=\"root{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" rx=\"7\"/><text x=\"{cx:.1}\" y=\"{line1:.1}\" text-anchor=\"middle\">{name}</text>\
         <text class=\"small\" x=\"{cx:.1}\" y=\"{line2:.1}\" text-anchor=\"middle\">{status} {standards}</text></g>",
        title = escape(&title),
        x = at.x - BOX.0,
        y = at.y - BOX.1,
        width = 2.0 * BOX.0,
        height = 2.0 * BOX.1,
        cx = at.x,
        line1 = at.y - 3.0,
        line2 = at.y + 14.0,
        name = escape(&shortened(root.name.as_str())),
        status = root.status,
        standards = standards.join(" "),
    );
}

fn legend(text: &mut String, height: f64) {
    let entries = [("", "works"), (" short", "shorter chains only"), (" off", "nobody can use it")];
    for (place, (class, words)) in entries.iter().enumerate() {
        let (x, y) = (20.0 + 150.0 * place as f64, height - 20.0);
        let _ = writeln!(
            text,
            "<path class=\"cross{class}\" d=\"M{x:.0} {y:.0}h34\"/><text class=\"small\" x=\"{:.0}\" \
             y=\"{:.0}\">{words}</text>",
            x + 42.0,
            y + 4.0
        );
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let begin: String = name.chars().take(LONGEST_NAME - 1).collect();
    begin + "…"
}

/// Text as it may stand in XML 1.0 elements and attributes: markup escaped, characters that XML does not
/// have replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => escaped.push(c),
            _ => escaped.push('\u{fffd}'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_do_not_touch() {
        for count in [0, 1, 2, 3, 5, 8, 14, 30, 60, 100] {
            let (places, _) = ellipse(count);
            assert_eq!(places.len(), count);
            for (number, one) in places.iter().enumerate() {
                for other in &places[number + 1..] {
                    let (dx, dy) = ((one.x - other.x).abs(), (one.y - other.y).abs());
                    assert!(dx > 2.0 * BOX.0 + 2.0 || dy > 2.0 * BOX.1 + 2.0, "{count}: {dx} {dy}");
                }
            }
        }
    }

    #[test]
    fn text_cannot_become_markup_or_break_xml() {
        assert_eq!(escape("<script>&\"'\u{1}\u{ffff}"), "&lt;script&gt;&amp;&quot;&#39;\u{fffd}\u{fffd}");
        assert_eq!(shortened(&"x".repeat(200)).chars().count(), LONGEST_NAME);
    }
}
