//! Errors over a small number, both logarithmic, with a legend beside them.

use super::axes::{Axes, Scale};
use super::svg::{Anchor, INK, PALETTE, Svg};

/// One line, or a level that holds everywhere.
#[derive(Clone, Debug, Default)]
pub struct ErrorCurve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub level: Option<f64>,
}

const LEFT: f64 = 86.0;
const TOP: f64 = 52.0;
const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 340.0;
const LEGEND: f64 = 220.0;
const LINE: f64 = 20.0;
const SAMPLE: f64 = 30.0;
/// Lines beyond the colours are dashed.
const DASHES: [&str; 3] = ["", "8 4", "2.5 3.5"];

/// Draws all curves; numbers that have no logarithm are left out.
pub fn error_curves(title: &str, x_title: &str, y_title: &str, curves: &[ErrorCurve]) -> String {
    let height = f64::max(
        TOP + HEIGHT + 58.0,
        TOP + LINE * (curves.len() as f64 + 1.0),
    );
    let mut svg = Svg::new(LEFT + WIDTH + LEGEND, height);
    svg.title((LEFT - 52.0, 28.0), title);
    let points = || curves.iter().flat_map(|c| &c.points).copied();
    let levels = curves.iter().filter_map(|c| c.level);
    let axes = Axes {
        left: LEFT,
        top: TOP,
        width: WIDTH,
        height: HEIGHT,
        x: logarithmic(points().map(|p| p.0)),
        y: logarithmic(points().map(|p| p.1).chain(levels)),
    };
    axes.draw(&mut svg, x_title, y_title);
    for (index, curve) in curves.iter().enumerate() {
        let colour = PALETTE[index % PALETTE.len()];
        let dash = DASHES[(index / PALETTE.len()) % DASHES.len()];
        let level = curve.level.filter(|y| is_drawn(*y)).into_iter();
        let level = level.flat_map(|y| [(axes.x.low, y), (axes.x.high, y)]);
        let drawn = curve
            .points
            .iter()
            .copied()
            .filter(|p| is_drawn(p.0) && is_drawn(p.1));
        let line: Vec<_> = drawn
            .clone()
            .chain(level)
            .map(|p| axes.point(p.0, p.1))
            .collect();
        svg.dashed_polyline(&line, colour, 2.2, dash);
        for (x, y) in drawn {
            svg.dot(axes.point(x, y), 2.8, colour, colour);
        }
        let y = TOP + 10.0 + LINE * index as f64;
        let left = LEFT + WIDTH + 18.0;
        svg.dashed_polyline(&[(left, y), (left + SAMPLE, y)], colour, 2.4, dash);
        let at = (left + SAMPLE + 8.0, y + 4.0);
        svg.text(at, Anchor::Start, 12.0, INK, &curve.name);
    }
    svg.finish()
}

fn is_drawn(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// Whole decades around the values.
fn logarithmic(values: impl Iterator<Item = f64>) -> Scale {
    let logs = values.filter(|v| is_drawn(*v)).map(f64::log10);
    let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v.floor()), h.max(v.ceil()))
    });
    let (low, high) = if low > high {
        (-1.0, 0.0)
    } else {
        (low, high.max(low + 1.0))
    };
    Scale {
        low: 10f64.powf(low),
        high: 10f64.powf(high),
        log: true,
        whole: false,
        prefixed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_has_a_line_and_a_key_and_every_error_a_dot() {
        let curves = [
            ErrorCurve {
                name: "a < b".to_string(),
                points: vec![(1e-1, 1e-2), (1e-2, 1e-4), (1e-3, 0.0)],
                level: None,
            },
            ErrorCurve {
                name: "level".to_string(),
                points: Vec::new(),
                level: Some(3e-3),
            },
        ];
        let svg = error_curves("t", "beta", "error", &curves);
        let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
        let count = |name| {
            document
                .descendants()
                .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", name)))
                .count()
        };
        assert_eq!((count("polyline"), count("circle")), (4, 2));
    }

    #[test]
    fn nothing_gives_a_picture_too() {
        let svg = error_curves("", "", "", &[]);
        assert!(roxmltree::Document::parse(&svg).is_ok());
    }
}
