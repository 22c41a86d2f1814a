//! What a circuit of two features decides, over a map of them.

use super::axes::{Axes, Scale};
use super::svg::{Anchor, INK, MUTED, PALETTE, PANEL, Svg, blend, channels};

/// Classes and confidences on a raster, with the samples on top.
#[derive(Clone, Debug, Default)]
pub struct DecisionMap {
    pub title: String,
    pub x_title: String,
    pub y_title: String,
    /// Lower and upper bound of the two features.
    pub x: (f64, f64),
    pub y: (f64, f64),
    pub columns: usize,
    pub rows: usize,
    /// Class and its probability at each cell, row by row from the lowest y.
    pub cells: Vec<(usize, f64)>,
    /// Feature 0, feature 1, class.
    pub samples: Vec<(f64, f64, usize)>,
}

const SIDE: f64 = 440.0;
/// Shades between undecided and certain.
const SHADES: f64 = 16.0;

pub fn decision_map(map: &DecisionMap) -> String {
    let mut svg = Svg::new(SIDE + 200.0, SIDE + 110.0);
    let axes = Axes {
        left: 76.0,
        top: 52.0,
        width: SIDE,
        height: SIDE,
        x: Scale::linear(map.x.0, map.x.1),
        y: Scale::linear(map.y.0, map.y.1),
    };
    svg.title((24.0, 28.0), &map.title);
    draw_cells(&mut svg, &axes, map);
    axes.draw(&mut svg, &map.x_title, &map.y_title);
    for &(x, y, class) in &map.samples {
        mark(&mut svg, axes.point(x, y), 3.4, class);
    }
    draw_legend(&mut svg, map);
    svg.finish()
}

/// Cells of the same shade in a row become one rectangle.
fn draw_cells(svg: &mut Svg, axes: &Axes, map: &DecisionMap) {
    let (w, h) = (
        axes.width / map.columns as f64,
        axes.height / map.rows as f64,
    );
    for (row, cells) in map.cells.chunks(map.columns.max(1)).enumerate() {
        let top = axes.top + axes.height - (row + 1) as f64 * h;
        let mut start = 0;
        for column in 1..=cells.len() {
            let colour = shade(cells[start], classes(map));
            if column == cells.len() || shade(cells[column], classes(map)) != colour {
                let left = axes.left + start as f64 * w;
                svg.rect(left, top, (column - start) as f64 * w, h, &colour);
                start = column;
            }
        }
    }
}

fn classes(map: &DecisionMap) -> usize {
    let highest = map
        .cells
        .iter()
        .map(|c| c.0)
        .chain(map.samples.iter().map(|s| s.2))
        .max();
    highest.map_or(2, |k| k + 1).max(2)
}

/// From the panel's colour (no better than chance) to the class colour (certain).
fn shade((class, probability): (usize, f64), classes: usize) -> String {
    let chance = 1.0 / classes as f64;
    let confidence = ((probability - chance) / (1.0 - chance)).clamp(0.0, 1.0);
    let step = (confidence * SHADES).round() / SHADES;
    blend(
        channels(PANEL),
        channels(PALETTE[class % PALETTE.len()]),
        0.08 + 0.5 * step,
    )
}

fn mark(svg: &mut Svg, at: (f64, f64), radius: f64, class: usize) {
    let fill = PALETTE[class % PALETTE.len()];
    if class.is_multiple_of(2) {
        svg.dot(at, radius, fill, "#ffffff");
    } else {
        svg.square(at, radius * 0.9, fill, "#ffffff");
    }
}

fn draw_legend(svg: &mut Svg, map: &DecisionMap) {
    let left = 76.0 + SIDE + 22.0;
    svg.text((left, 64.0), Anchor::Start, 12.0, INK, "test samples");
    for class in 0..classes(map) {
        let y = 86.0 + 20.0 * class as f64;
        mark(svg, (left + 5.0, y - 4.0), 4.5, class);
        svg.text(
            (left + 17.0, y),
            Anchor::Start,
            12.0,
            MUTED,
            &format!("class {class}"),
        );
    }
}
