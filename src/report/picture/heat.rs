//! Matrices as heat maps under each other, with one colour bar.

use std::fmt::Write;

use super::colours::{ColourScale, quantity};
use super::svg::{Anchor, FAINT, INK, MUTED, Svg, shortened, wrapped};

/// A matrix; NaN is an empty cell.
#[derive(Clone, Debug, Default)]
pub struct HeatMap {
    pub title: String,
    /// What a column and what a row is.
    pub x_title: String,
    pub y_title: String,
    /// Names of the first and the last column, and of the first and the last row.
    pub x_ends: [String; 2],
    pub y_ends: [String; 2],
    pub rows: usize,
    pub columns: usize,
    /// Row by row from the top.
    pub cells: Vec<f64>,
}

/// Heat maps that share a scale.
#[derive(Clone, Debug)]
pub struct HeatMaps {
    pub title: String,
    /// A paragraph under the title.
    pub subtitle: String,
    pub maps: Vec<HeatMap>,
    pub colours: ColourScale,
    /// What a colour says, and its unit.
    pub quantity: String,
    pub unit: String,
}

const LEFT: f64 = 76.0;
const RIGHT: f64 = 32.0;
const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 420.0;
/// Largest side of a cell, px.
const CELL: f64 = 22.0;
/// Title above a map, axis titles below, and the next one.
const ABOVE: f64 = 26.0;
const BELOW: f64 = 42.0;
const BAR: f64 = 70.0;
/// Colours that are told apart; areas of one colour become one path.
const LEVELS: usize = 64;

/// Cells along each axis beyond which neighbours share one.
pub const MOST_COLUMNS: usize = 310;
pub const MOST_ROWS: usize = 210;

pub fn heat_maps(picture: &HeatMaps) -> String {
    let maps: Vec<HeatMap> = picture.maps.iter().map(upright).map(binned).collect();
    let lines = wrapped(&picture.subtitle, 104);
    let top = 52.0 + 16.0 * lines.len() as f64;
    let height: f64 = maps.iter().map(|map| size(map).1 + ABOVE + BELOW).sum();
    let mut svg = Svg::new(LEFT + WIDTH + RIGHT, top + height + BAR);
    svg.title((24.0, 28.0), &picture.title);
    for (k, line) in lines.iter().enumerate() {
        let at = (24.0, 48.0 + 16.0 * k as f64);
        svg.text(at, Anchor::Start, 12.0, MUTED, line);
    }
    let mut y = top;
    for map in &maps {
        draw_map(&mut svg, map, y + ABOVE, &picture.colours);
        y += size(map).1 + ABOVE + BELOW;
    }
    let (title, unit) = (&picture.quantity, &picture.unit);
    (picture.colours).draw_bar(&mut svg, (LEFT, y + 16.0), 300.0, title, unit);
    svg.finish()
}

/// Width and height in pixels.
fn size(map: &HeatMap) -> (f64, f64) {
    let (rows, columns) = (map.rows.max(1) as f64, map.columns.max(1) as f64);
    let cell = (WIDTH / columns).min(HEIGHT / rows).min(CELL);
    // A few long rows would be a hair's breadth high.
    (columns * cell, rows * cell.max((60.0 / rows).min(8.0)))
}

/// The longer side along the page.
fn upright(map: &HeatMap) -> HeatMap {
    if map.columns >= map.rows {
        return map.clone();
    }
    let turned = (0..map.columns).flat_map(|c| (0..map.rows).map(move |r| r * map.columns + c));
    HeatMap {
        title: map.title.clone(),
        x_title: map.y_title.clone(),
        y_title: map.x_title.clone(),
        x_ends: map.y_ends.clone(),
        y_ends: map.x_ends.clone(),
        rows: map.columns,
        columns: map.rows,
        cells: turned.map(|k| map.cells[k]).collect(),
    }
}

/// Neighbours share a cell, their mean, where there are more than can be seen.
fn binned(map: HeatMap) -> HeatMap {
    let wide = map.columns.div_ceil(MOST_COLUMNS).max(1);
    let high = map.rows.div_ceil(MOST_ROWS).max(1);
    if wide == 1 && high == 1 {
        return map;
    }
    let (rows, columns) = (map.rows.div_ceil(high), map.columns.div_ceil(wide));
    let mut sums = vec![(0.0, 0usize); rows * columns];
    for (k, &value) in map.cells.iter().enumerate() {
        if value.is_finite() {
            let sum = &mut sums[k / map.columns / high * columns + k % map.columns / wide];
            *sum = (sum.0 + value, sum.1 + 1);
        }
    }
    HeatMap {
        title: format!("{}; a cell is the mean of {high} × {wide}", map.title),
        rows,
        columns,
        cells: sums.iter().map(|(sum, n)| sum / *n as f64).collect(),
        ..map
    }
}

fn draw_map(svg: &mut Svg, map: &HeatMap, top: f64, colours: &ColourScale) {
    let (width, height) = size(map);
    svg.bold_text((LEFT, top - 9.0), Anchor::Start, 12.0, INK, &map.title);
    svg.rect(LEFT, top, width, height, "#ecece6");
    let cell = (
        width / map.columns.max(1) as f64,
        height / map.rows.max(1) as f64,
    );
    for (level, data) in levels(map, colours).iter().enumerate() {
        if !data.is_empty() {
            let colour = colours.colour_at((level as f64 + 0.5) / LEVELS as f64);
            svg.cells((LEFT, top), cell, data, &colour);
        }
    }
    svg.frame(LEFT, top, width, height, FAINT, 1.0);
    draw_ends(svg, map, top);
    let middle = (LEFT + 0.5 * width, top + height + 20.0);
    if super::svg::text_width(&map.x_title, 12.0) <= width {
        svg.text(middle, Anchor::Middle, 12.0, INK, &map.x_title);
    } else {
        svg.text((LEFT, middle.1), Anchor::Start, 12.0, INK, &map.x_title);
    }
    let lines = wrapped(&map.y_title, ((height / 6.2) as usize).max(14));
    for (k, line) in lines.iter().rev().enumerate() {
        let side = (LEFT - 12.0 - 15.0 * k as f64, top + 0.5 * height);
        svg.vertical_text(side, 12.0, INK, line);
    }
}

/// The names at the corners.
fn draw_ends(svg: &mut Svg, map: &HeatMap, top: f64) {
    let (width, height) = size(map);
    let [left, right] = map.x_ends.clone().map(|name| shortened(&name, 24));
    let below = top + height + 16.0;
    svg.text((LEFT, below), Anchor::Start, 11.0, MUTED, &left);
    svg.text((LEFT + width, below), Anchor::End, 11.0, MUTED, &right);
    let [first, last] = map.y_ends.clone().map(|name| shortened(&name, 9));
    svg.text((LEFT - 6.0, top + 9.0), Anchor::End, 11.0, MUTED, &first);
    svg.text(
        (LEFT - 6.0, top + height - 1.0),
        Anchor::End,
        11.0,
        MUTED,
        &last,
    );
}

/// Cells of each colour as rectangles, runs of them as one.
fn levels(map: &HeatMap, colours: &ColourScale) -> Vec<String> {
    let mut levels = vec![String::new(); LEVELS];
    let level = |value: f64| {
        let place = colours.position(value);
        value
            .is_finite()
            .then_some(((place * LEVELS as f64) as usize).min(LEVELS - 1))
    };
    for (row, cells) in map.cells.chunks(map.columns.max(1)).enumerate() {
        let mut start = 0;
        for column in 1..=cells.len() {
            let own = level(cells[start]);
            if column == cells.len() || level(cells[column]) != own {
                let length = column - start;
                if let Some(own) = own {
                    let _ = write!(levels[own], "M{start} {row}h{length}v1h-{length}z");
                }
                start = column;
            }
        }
    }
    levels
}

/// `1 to 3 mS`: where numbers lie.
pub fn range_text(values: impl Iterator<Item = f64>, unit: &str) -> String {
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    match low <= high {
        true if low == high => quantity(low, 3, unit),
        true => format!("{} to {}", quantity(low, 3, unit), quantity(high, 3, unit)),
        false => "none".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: usize, columns: usize) -> HeatMap {
        HeatMap {
            rows,
            columns,
            cells: (0..rows * columns).map(|k| 1.0 + k as f64).collect(),
            ..HeatMap::default()
        }
    }

    #[test]
    fn too_many_cells_become_means() {
        let small = binned(map(2, 2 * MOST_COLUMNS));
        assert_eq!((small.rows, small.columns), (2, MOST_COLUMNS));
        assert_eq!(small.cells[0], 1.5);
        assert_eq!(small.cells[MOST_COLUMNS], 1.5 + 2.0 * MOST_COLUMNS as f64);
    }

    #[test]
    fn the_longer_side_lies_along_the_page() {
        let turned = upright(&map(3, 2));
        assert_eq!((turned.rows, turned.columns), (2, 3));
        assert_eq!(turned.cells, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn every_cell_is_painted_once_and_empty_ones_are_not() {
        let mut map = map(2, 3);
        map.cells[4] = f64::NAN;
        let colours = ColourScale::signed_areas(map.cells.iter().copied());
        let drawn: usize = levels(&map, &colours)
            .iter()
            .flat_map(|data| data.split('M').skip(1))
            .map(|run| run.split(['h', 'v']).nth(1).expect("a length"))
            .map(|length| length.parse::<usize>().expect("a number"))
            .sum();
        assert_eq!(drawn, 5);
    }
}
