//! Energy landscapes as tables for people, CSV, JSON and a picture.

use serde_json::{Value, json};

use crate::landscape::{Landscape, Line, Point};
use crate::units::{format_engineering, format_exact};

use super::csv::field;
use super::json::SCHEMA;
use super::picture::{COLOURS, ResponseCurve, Responses, prefix, responses};
use super::table::columns;

const DIGITS: usize = 7;

/// A table of points for each line, behind the operating point.
pub fn table(landscape: &Landscape, lines: &[Line]) -> String {
    let least = landscape.least();
    let mut text = format!(
        "{}\n\nco-content of the operating point {}\n",
        landscape.circuit().title,
        format_engineering(least, DIGITS, "W")
    );
    for line in lines {
        text += &format!("\n{}\n\n", heading(line));
        let row = |p: &Point| {
            vec![
                format!("{:.6e}", p.x + 0.0),
                format!("{:.9e}", p.cocontent),
                format!("{:.6e}", p.cocontent - least),
                p.slope
                    .map_or("-".to_string(), |slope| format!("{:.6e}", slope + 0.0)),
            ]
        };
        let rows: Vec<_> = line.points.iter().map(row).collect();
        let header = [
            "x, V",
            "co-content, W",
            "above the operating point, W",
            "slope, A",
        ];
        text += &columns(&header, &rows, &[true; 4]);
    }
    text
}

fn heading(line: &Line) -> String {
    let rest = format_engineering(line.rest, DIGITS, "V");
    format!("x = {}, at the operating point {rest}", line.name)
}

/// One line for each point: `line,x,cocontent,slope` in V, W and A; `inf` and nothing where ideal diodes
/// forbid the point.
pub fn csv(lines: &[Line]) -> String {
    let mut text = String::from("line,x,cocontent,slope\n");
    for line in lines {
        for p in &line.points {
            let slope = p.slope.map_or(String::new(), format_exact);
            let (x, cocontent) = (format_exact(p.x), format_exact(p.cocontent));
            text += &format!("{},{x},{cocontent},{slope}\n", field(&line.name));
        }
    }
    text
}

/// `schema, title, cocontent, lines: [{name, rest, x[], cocontent[], slope[]}]`: the co-content of the
/// operating point (W), where it is on each line (V), and points; null where ideal diodes forbid one.
pub fn json(landscape: &Landscape, lines: &[Line]) -> Value {
    let line = |line: &Line| {
        let points = line.points.iter();
        let finite = |p: &Point| Some(p.cocontent).filter(|energy| energy.is_finite());
        json!({
            "name": line.name,
            "rest": line.rest,
            "x": points.clone().map(|p| p.x).collect::<Vec<_>>(),
            "cocontent": points.clone().map(finite).collect::<Vec<_>>(),
            "slope": points.map(|p| p.slope).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema": SCHEMA,
        "title": landscape.circuit().title,
        "cocontent": landscape.least(),
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
    })
}

/// Lines and their slopes; dots are operating points, and lines end where ideal diodes forbid more.
pub fn picture(landscape: &Landscape, lines: &[Line]) -> String {
    let least = landscape.least();
    let points = || lines.iter().flat_map(|line| &line.points);
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        let finite = values.filter(|x| x.is_finite());
        finite.fold(0.0, |m: f64, x| m.max(x.abs()))
    };
    let (watts, factor) = prefix(largest(&mut points().map(|p| p.cocontent - least)));
    let (amperes, steepness) = prefix(largest(&mut points().filter_map(|p| p.slope)));
    let curve = |(k, line): (usize, &Line)| ResponseCurve {
        name: line.name.clone(),
        colour: k,
        dash: k / COLOURS,
        values: (line.points.iter())
            .map(|p| (p.x, factor * (p.cocontent - least)))
            .collect(),
        slopes: (line.points.iter())
            .filter_map(|p| Some((p.x, steepness * p.slope?)))
            .collect(),
        marks: vec![(line.rest, 0.0)],
    };
    responses(&Responses {
        title: "Co-content around the operating point".to_string(),
        x_title: "x, V".to_string(),
        y_title: format!("above the operating point, {watts}W"),
        slope_title: format!("slope, {amperes}A"),
        slopes_in_sight: [0.0, 0.0],
        marks_title: "operating point".to_string(),
        curves: lines.iter().enumerate().map(curve).collect(),
    })
}
