//! Lines over a common axis, in one or more panels under each other.

use super::axes::{Axes, Scale};
use super::colours::ColourScale;
use super::responses::{draw_zero_lines, extent};
use super::svg::{Anchor, MUTED, PALETTE, Svg, shortened, text_width, wrapped};

/// A named line; points with a coordinate that is not finite are left out.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// What spreads about the line: x, lowest, highest.
    pub band: Vec<(f64, f64, f64)>,
    /// Steps of a histogram: the last value says nothing.
    pub is_step: bool,
    /// Of a line of a [`Family`], its value.
    pub value: Option<f64>,
}

/// How the vertical scale of a panel is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum YScale {
    /// Logarithmic if all values are positive and span more than a decade.
    #[default]
    Fitting,
    Linear,
    /// Values that have no logarithm are left out.
    Logarithmic,
}

/// One panel: a vertical scale of its own.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Quantity and unit.
    pub y_title: String,
    pub series: Vec<Series>,
    pub scale: YScale,
}

/// Lines that differ by one number, which is their colour.
#[derive(Clone, Debug)]
pub struct Family {
    pub title: String,
    pub unit: String,
    pub colours: ColourScale,
}

/// Panels and what they share.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    pub title: String,
    pub subtitle: String,
    pub x_title: String,
    /// Whole numbers only along x.
    pub counts: bool,
    pub log_x: bool,
    pub panels: Vec<Panel>,
    pub family: Option<Family>,
}

const PLOT: f64 = 432.0;
const PANEL_HEIGHT: f64 = 190.0;
const TOP: f64 = 52.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 132.0;
const GAP: f64 = 58.0;
const BAR: f64 = 52.0;
const LONGEST_NAME: usize = 34;

/// Draws panels over a count under each other; the value at the end of each line stands beside it.
pub fn curves(title: &str, x_title: &str, panels: &[Panel]) -> String {
    draw_curves(&Curves {
        title: title.to_string(),
        x_title: x_title.to_string(),
        counts: true,
        panels: panels.to_vec(),
        ..Curves::default()
    })
}

/// Draws panels under each other; lines of a family have a bar of colours, others their last value beside
/// them.
pub fn draw_curves(picture: &Curves) -> String {
    let panels = &picture.panels;
    let count = panels.len().max(1) as f64;
    let labels = panels.iter().flat_map(|panel| &panel.series);
    let widest = labels.map(|s| text_width(&end_text(s), 12.0) + 30.0);
    let right = match picture.family {
        Some(_) => 40.0,
        None => widest.fold(RIGHT, f64::max),
    };
    let width = LEFT + PLOT + right;
    let lines = wrapped(&picture.subtitle, (width / 7.0) as usize);
    let title = wrapped(&picture.title, ((width - 48.0) / 9.2) as usize);
    let title = &title[..title.len().min(3)];
    let top = TOP + 16.0 * lines.len() as f64 + 20.0 * title.len().saturating_sub(1) as f64;
    let bottom = top + count * (PANEL_HEIGHT + GAP);
    let bar = picture.family.as_ref().map_or(0.0, |_| BAR);
    let mut svg = Svg::new(width, bottom + bar);
    for (k, line) in title.iter().enumerate() {
        svg.title((LEFT - 52.0, 28.0 + 20.0 * k as f64), line);
    }
    for (k, line) in lines.iter().enumerate() {
        let at = (LEFT - 52.0, top - 4.0 - 16.0 * (lines.len() - k) as f64);
        svg.text(at, Anchor::Start, 12.0, MUTED, line);
    }
    let x = x_scale(picture);
    for (index, panel) in panels.iter().enumerate() {
        let axes = Axes {
            left: LEFT,
            top: top + index as f64 * (PANEL_HEIGHT + GAP),
            width: PLOT,
            height: PANEL_HEIGHT,
            x,
            y: y_scale(panel),
        };
        draw_panel(&mut svg, &axes, picture, panel);
    }
    if let Some(family) = &picture.family {
        let at = (LEFT, bottom + 2.0);
        (family.colours).draw_bar(&mut svg, at, 260.0, &family.title, &family.unit);
    }
    svg.finish()
}

fn x_scale(picture: &Curves) -> Scale {
    let series = picture.panels.iter().flat_map(|panel| &panel.series);
    let xs = series.flat_map(|s| &s.points).map(|p| p.0);
    let xs = xs.filter(|x| x.is_finite() && (!picture.log_x || *x > 0.0));
    let (low, high) = extent(xs);
    let is_log = picture.log_x && low < high;
    Scale {
        log: is_log,
        whole: picture.counts,
        prefixed: is_log,
        ..Scale::linear(low, high)
    }
}

fn y_scale(panel: &Panel) -> Scale {
    let points = panel.series.iter().flat_map(|s| &s.points).map(|p| p.1);
    let bands = panel.series.iter().flat_map(|s| &s.band);
    let values = points.chain(bands.flat_map(|b| [b.1, b.2]));
    match panel.scale {
        YScale::Fitting => Scale::holding(values),
        YScale::Logarithmic => {
            let positive = values.filter(|y| *y > 0.0);
            let scale = Scale::holding(positive);
            Scale {
                log: scale.low > 0.0,
                prefixed: true,
                ..scale
            }
        }
        YScale::Linear => {
            let (low, high) = extent(values);
            let margin = 0.05 * (high - low);
            // Nothing is a better place to begin than a little below it.
            let low = if low == 0.0 { low } else { low - margin };
            Scale::linear(low, high + margin)
        }
    }
}

fn draw_panel(svg: &mut Svg, axes: &Axes, picture: &Curves, panel: &Panel) {
    axes.draw(svg, &picture.x_title, &panel.y_title);
    if panel.scale == YScale::Linear {
        draw_zero_lines(svg, axes);
    }
    let is_drawn = |x: f64, y: f64| {
        let has_place = |scale: &Scale, value: f64| !scale.log || value > 0.0;
        x.is_finite() && y.is_finite() && has_place(&axes.x, x) && has_place(&axes.y, y)
    };
    let mut ends = Vec::new();
    for (index, series) in panel.series.iter().enumerate() {
        let colour = match (&picture.family, series.value) {
            (Some(family), Some(value)) => family.colours.colour(value),
            _ => PALETTE[index % PALETTE.len()].to_string(),
        };
        let band = series.band.iter();
        let band = band.filter(|b| is_drawn(b.0, b.1) && is_drawn(b.0, b.2));
        let below = band.clone().map(|b| axes.point(b.0, b.1));
        let above = band.rev().map(|b| axes.point(b.0, b.2));
        let edge: Vec<_> = below.chain(above).collect();
        if !edge.is_empty() {
            svg.band(&edge, &colour);
        }
        let finite = series.points.iter().filter(|p| is_drawn(p.0, p.1));
        let points: Vec<_> = finite.map(|p| axes.point(p.0, p.1)).collect();
        svg.polyline(&points, &colour, 2.2);
        if let [only] = points[..] {
            svg.dot(only, 3.0, &colour, &colour);
        }
        if let (Some(at), None) = (points.last(), &picture.family) {
            ends.push((at.1, colour, end_text(series)));
        }
    }
    write_ends(svg, axes.left + axes.width + 10.0, ends);
}

fn end_text(series: &Series) -> String {
    let name = shortened(&series.name, LONGEST_NAME);
    let last = series.points.last().filter(|_| !series.is_step);
    // Two numbers beside each other would be one.
    let colon = if name.contains('=') { ":" } else { "" };
    last.map_or(name.clone(), |p| {
        format!("{name}{colon} {}", three_digits(p.1))
    })
}

/// Labels at the ends of lines, moved apart where they would overlap.
fn write_ends(svg: &mut Svg, x: f64, mut ends: Vec<(f64, String, String)>) {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut last = f64::NEG_INFINITY;
    for (y, colour, text) in ends {
        let y = y.max(last + 16.0);
        svg.dot((x, y), 3.5, &colour, &colour);
        svg.text((x + 9.0, y + 4.0), Anchor::Start, 12.0, MUTED, &text);
        last = y;
    }
}

fn three_digits(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else if value.abs() >= 1e-3 || value == 0.0 {
        format!("{value:.3}")
    } else {
        crate::units::format_engineering(value, 3, "")
            .trim_end()
            .to_string()
    }
}
