//! Responses to one input: their values above, their slopes below, a legend beside them.

use super::axes::{Axes, Scale};
use super::svg::{Anchor, INK, MUTED, PALETTE, Svg, shortened};

/// One line in both panels.
#[derive(Clone, Debug, Default)]
pub struct ResponseCurve {
    /// For the legend.
    pub name: String,
    /// Index of the colour and of the kind of line. Where colours are used up, other lines begin.
    pub colour: usize,
    pub dash: usize,
    /// Input and value.
    pub values: Vec<(f64, f64)>,
    /// Input and slope.
    pub slopes: Vec<(f64, f64)>,
    /// Input and value of dots.
    pub marks: Vec<(f64, f64)>,
}

/// Titles are quantities with their units.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    pub title: String,
    pub x_title: String,
    pub y_title: String,
    pub slope_title: String,
    /// Slopes that are shown whatever the curves are.
    pub slopes_in_sight: [f64; 2],
    /// What dots are, for the legend.
    pub marks_title: String,
    pub curves: Vec<ResponseCurve>,
}

const LEFT: f64 = 76.0;
const TOP: f64 = 52.0;
const WIDTH: f64 = 470.0;
const VALUES: f64 = 300.0;
const SLOPES: f64 = 110.0;
const GAP: f64 = 58.0;
/// Length of a line in the legend, and the width of a letter.
const SAMPLE: f64 = 30.0;
const LETTER: f64 = 6.4;
const LONGEST_NAME: usize = 44;
const LINE: f64 = 20.0;

/// Colours and kinds of lines that are told apart.
pub const COLOURS: usize = PALETTE.len();
pub const LINES: usize = DASHES.len();

/// Lengths of dashes and gaps; the first line is solid.
const DASHES: [&str; 5] = ["", "8 4", "2.5 3.5", "10 3 2.5 3", "14 5"];

/// Draws both panels. Points with a coordinate that is not finite are left out.
pub fn responses(picture: &Responses) -> String {
    let names: Vec<String> = (picture.curves.iter())
        .map(|c| shortened(&c.name, LONGEST_NAME))
        .collect();
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let has_marks = picture.curves.iter().any(|c| !c.marks.is_empty());
    let lines = names.len() + usize::from(has_marks);
    let height = f64::max(
        TOP + VALUES + GAP + SLOPES + GAP,
        TOP + LINE * (lines as f64 + 1.0),
    );
    let beside = SAMPLE + 40.0 + LETTER * longest.max(14) as f64;
    let mut svg = Svg::new(LEFT + WIDTH + beside, height);
    svg.title((LEFT - 52.0, 28.0), &picture.title);
    let inputs = picture.curves.iter().flat_map(|c| &c.values).map(|p| p.0);
    let (low, high) = extent(inputs);
    let x = Scale::linear(low, high);
    let values = picture.curves.iter().flat_map(|c| &c.values).map(|p| p.1);
    let (low, high) = extent(values);
    let margin = 0.04 * (high - low);
    let upper = Axes {
        left: LEFT,
        top: TOP,
        width: WIDTH,
        height: VALUES,
        x,
        y: Scale::linear(low - margin, high + margin),
    };
    let slopes = picture.curves.iter().flat_map(|c| &c.slopes).map(|p| p.1);
    let (low, high) = extent(slopes.chain(picture.slopes_in_sight));
    let margin = 0.06 * (high - low);
    let lower = Axes {
        top: TOP + VALUES + GAP,
        height: SLOPES,
        y: Scale::linear(low - margin, high + margin),
        ..upper
    };
    upper.draw(&mut svg, &picture.x_title, &picture.y_title);
    lower.draw(&mut svg, &picture.x_title, &picture.slope_title);
    draw_zero_lines(&mut svg, &upper);
    for curve in &picture.curves {
        draw_line(&mut svg, &upper, curve, &curve.values);
        draw_line(&mut svg, &lower, curve, &curve.slopes);
    }
    for curve in &picture.curves {
        for (x, y) in finite(&curve.marks) {
            svg.dot(upper.point(x, y), 2.6, "#ffffff", colour(curve));
        }
    }
    draw_legend(&mut svg, picture, &names, has_marks);
    svg.finish()
}

/// A prefix that makes a readable number of the largest one, and its factor.
pub fn prefix(largest: f64) -> (&'static str, f64) {
    const PREFIXES: [(&str, f64); 5] = [("", 1.0), ("m", 1e3), ("µ", 1e6), ("n", 1e9), ("p", 1e12)];
    let mut prefixes = PREFIXES.into_iter();
    let readable = prefixes.find(|(_, factor)| largest * factor >= 0.5);
    readable.unwrap_or(PREFIXES[0])
}

fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let points = points.iter().copied();
    points.filter(|p| p.0.is_finite() && p.1.is_finite())
}

pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|v| v.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    })
}

fn colour(curve: &ResponseCurve) -> &'static str {
    PALETTE[curve.colour % PALETTE.len()]
}

/// Where colours are used up, dashes go on.
fn dash(curve: &ResponseCurve) -> &'static str {
    DASHES[(curve.dash + curve.colour / PALETTE.len()) % DASHES.len()]
}

fn draw_line(svg: &mut Svg, axes: &Axes, curve: &ResponseCurve, points: &[(f64, f64)]) {
    let points: Vec<_> = finite(points).map(|p| axes.point(p.0, p.1)).collect();
    svg.dashed_polyline(&points, colour(curve), 2.2, dash(curve));
}

/// An input of zero and a value of zero, where they are in sight.
pub(super) fn draw_zero_lines(svg: &mut Svg, axes: &Axes) {
    let is_inside = |scale: &Scale| scale.low < 0.0 && scale.high > 0.0;
    if is_inside(&axes.x) {
        let (x, _) = axes.point(0.0, axes.y.low);
        svg.line((x, axes.top), (x, axes.top + axes.height), MUTED, 0.8);
    }
    if is_inside(&axes.y) {
        let (_, y) = axes.point(axes.x.low, 0.0);
        svg.line((axes.left, y), (axes.left + axes.width, y), MUTED, 0.8);
    }
}

fn draw_legend(svg: &mut Svg, picture: &Responses, names: &[String], has_marks: bool) {
    let left = LEFT + WIDTH + 18.0;
    let mut y = TOP + 10.0;
    for (curve, name) in picture.curves.iter().zip(names) {
        let line = [(left, y), (left + SAMPLE, y)];
        svg.dashed_polyline(&line, colour(curve), 2.4, dash(curve));
        svg.text(
            (left + SAMPLE + 8.0, y + 4.0),
            Anchor::Start,
            12.0,
            INK,
            name,
        );
        y += LINE;
    }
    if has_marks {
        svg.dot((left + 0.5 * SAMPLE, y), 2.6, "#ffffff", MUTED);
        let at = (left + SAMPLE + 8.0, y + 4.0);
        svg.text(at, Anchor::Start, 12.0, MUTED, &picture.marks_title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(svg: &str, name: &str) -> usize {
        let document = roxmltree::Document::parse(svg).expect("well-formed XML");
        let elements = document.descendants();
        elements.filter(|n| n.tag_name().name() == name).count()
    }

    #[test]
    fn a_curve_has_a_line_in_each_panel_and_one_in_the_legend() {
        let curve = |colour| ResponseCurve {
            name: format!("a < b, {colour}"),
            colour,
            dash: colour % 2,
            values: vec![(0.0, 1.0), (1.0, 2.0)],
            slopes: vec![(0.0, 0.5), (1.0, f64::NAN)],
            marks: vec![(0.0, 1.0)],
        };
        let picture = Responses {
            curves: (0..9).map(curve).collect(),
            ..Responses::default()
        };
        let svg = responses(&picture);
        assert_eq!(count(&svg, "polyline"), 3 * 9);
        // One dot for each curve, and the key.
        assert_eq!(count(&svg, "circle"), 9 + 1);
    }

    #[test]
    fn no_curve_and_long_names_give_a_picture_too() {
        count(&responses(&Responses::default()), "svg");
        let curve = ResponseCurve {
            name: "µ".repeat(200),
            ..ResponseCurve::default()
        };
        let picture = Responses {
            curves: vec![curve],
            ..Responses::default()
        };
        assert!(responses(&picture).contains('…'));
    }
}
