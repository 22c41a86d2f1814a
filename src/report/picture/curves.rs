//! Lines over a common axis, in one or more panels under each other.

use super::axes::{Axes, Scale};
use super::svg::{Anchor, MUTED, PALETTE, Svg};

/// A named line; points with a coordinate that is not finite are left out.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// One panel: a vertical scale of its own.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Quantity and unit.
    pub y_title: String,
    pub series: Vec<Series>,
}

const WIDTH: f64 = 640.0;
const PANEL_HEIGHT: f64 = 190.0;
const TOP: f64 = 52.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 132.0;
const GAP: f64 = 58.0;

/// Draws panels under each other; the value at the end of each line stands beside it.
pub fn curves(title: &str, x_title: &str, panels: &[Panel]) -> String {
    let count = panels.len().max(1) as f64;
    let mut svg = Svg::new(WIDTH, TOP + count * (PANEL_HEIGHT + GAP));
    svg.title((LEFT - 52.0, 28.0), title);
    let xs = panels
        .iter()
        .flat_map(|p| &p.series)
        .flat_map(|s| &s.points)
        .map(|p| p.0);
    let (low, high) = xs
        .filter(|x| x.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| {
            (l.min(x), h.max(x))
        });
    for (index, panel) in panels.iter().enumerate() {
        let axes = Axes {
            left: LEFT,
            top: TOP + index as f64 * (PANEL_HEIGHT + GAP),
            width: WIDTH - LEFT - RIGHT,
            height: PANEL_HEIGHT,
            x: Scale::counting(low, high),
            y: Scale::holding(panel.series.iter().flat_map(|s| &s.points).map(|p| p.1)),
        };
        draw_panel(&mut svg, &axes, x_title, panel);
    }
    svg.finish()
}

fn draw_panel(svg: &mut Svg, axes: &Axes, x_title: &str, panel: &Panel) {
    axes.draw(svg, x_title, &panel.y_title);
    let mut ends = Vec::new();
    for (index, series) in panel.series.iter().enumerate() {
        let colour = PALETTE[index % PALETTE.len()];
        let finite = series
            .points
            .iter()
            .filter(|p| p.0.is_finite() && p.1.is_finite());
        let points: Vec<_> = finite.map(|p| axes.point(p.0, p.1)).collect();
        svg.polyline(&points, colour, 2.2);
        if let [only] = points[..] {
            svg.dot(only, 3.0, colour, colour);
        }
        if let (Some(at), Some(last)) = (points.last(), series.points.last()) {
            ends.push((
                at.1,
                colour,
                format!("{} {}", series.name, three_digits(last.1)),
            ));
        }
    }
    write_ends(svg, axes.left + axes.width + 10.0, ends);
}

/// Labels at the ends of lines, moved apart where they would overlap.
fn write_ends(svg: &mut Svg, x: f64, mut ends: Vec<(f64, &str, String)>) {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut last = f64::NEG_INFINITY;
    for (y, colour, text) in ends {
        let y = y.max(last + 16.0);
        svg.dot((x, y), 3.5, colour, colour);
        svg.text((x + 9.0, y + 4.0), Anchor::Start, 12.0, MUTED, &text);
        last = y;
    }
}

fn three_digits(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
