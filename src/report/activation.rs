//! Activations as tables for people, CSV, JSON and a picture.

use serde_json::{Value, json};

use crate::activation::{Curve, Point, Response};
use crate::units::{format_engineering, format_exact};

use super::csv::field;
use super::json::SCHEMA;
use super::picture::{ResponseCurve, Responses, prefix, responses};
use super::table::columns;

/// Which response of the element is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Across the element.
    Voltage,
    /// Into the element.
    Current,
}

const DIGITS: usize = 6;

impl Quantity {
    fn unit(self) -> &'static str {
        match self {
            Quantity::Voltage => "V",
            Quantity::Current => "A",
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Quantity::Voltage => "v",
            Quantity::Current => "i",
        }
    }

    fn value(self, point: &Point) -> f64 {
        match self {
            Quantity::Voltage => point.voltage,
            Quantity::Current => point.current,
        }
    }

    fn closed(self, response: &Response) -> f64 {
        match self {
            Quantity::Voltage => response.voltage,
            Quantity::Current => response.current,
        }
    }

    /// dv/dx, or R di/dx.
    fn slope(self, point: &Point) -> f64 {
        match self {
            Quantity::Voltage => point.slope,
            Quantity::Current => 1.0 - point.slope,
        }
    }

    fn slope_name(self) -> &'static str {
        match self {
            Quantity::Voltage => "dv/dx",
            Quantity::Current => "R di/dx",
        }
    }
}

/// The element with what it is drawn at: `shockley, 50 °C, N = 1.5`.
pub fn name(curve: &Curve) -> String {
    let mut name = curve.element.clone();
    if let Some(celsius) = curve.conditions.temperature {
        name += &format!(", {} °C", format_exact(celsius));
    }
    if let Some(n) = curve.conditions.emission {
        name += &format!(", N = {}", format_exact(n));
    }
    name
}

/// A table of points for each curve, then one of the knees.
pub fn table(curves: &[Curve], quantity: Quantity) -> String {
    let mut text = String::new();
    for curve in curves {
        text += &points(curve, quantity);
        text.push('\n');
    }
    text + &knees(curves)
}

fn points(curve: &Curve, quantity: Quantity) -> String {
    let resistance = format_engineering(curve.resistance, DIGITS, "ohm");
    let (q, unit) = (quantity.symbol(), quantity.unit());
    let closed = format!("{q} by formula, {unit}");
    let difference = format!("difference, {unit}");
    let mut header = vec!["x, V", "v, V", "i, A", quantity.slope_name()];
    if curve.closed_form.is_some() {
        header.extend([closed.as_str(), difference.as_str()]);
    }
    let nothing = nothing(curve);
    let cell = |value: f64, q: Quantity| {
        let nothing = match q {
            Quantity::Voltage => nothing,
            Quantity::Current => nothing / curve.resistance,
        };
        format!("{:.6e}", shown(value, nothing))
    };
    let row = |point: &Point| {
        let mut row = vec![
            cell(point.x, Quantity::Voltage),
            cell(point.voltage, Quantity::Voltage),
            cell(point.current, Quantity::Current),
            format!("{:.6}", quantity.slope(point) + 0.0),
        ];
        if curve.closed_form.is_some() {
            let closed = point.closed.map(|response| quantity.closed(&response));
            let difference = closed.map(|y| quantity.value(point) - y);
            let difference = difference.map(|d| format!("{:.1e}", shown(d.abs(), nothing)));
            let closed = closed.map(|y| cell(y, quantity));
            row.extend([closed, difference].map(Option::unwrap_or_default));
        }
        row
    };
    let rows: Vec<_> = curve.points.iter().map(row).collect();
    format!(
        "{} behind {resistance}\n\n{}",
        name(curve),
        columns(&header, &rows, &vec![true; header.len()])
    )
}

/// Voltages below this are what rounding leaves of zero.
fn nothing(curve: &Curve) -> f64 {
    let largest = curve.points.iter().map(|p| p.x.abs()).fold(0.0, f64::max);
    1e-26 * largest
}

fn shown(value: f64, nothing: f64) -> f64 {
    match value.abs() > nothing {
        true => value,
        false => 0.0,
    }
}

/// Where each curve bends, and how far it is from its formula.
fn knees(curves: &[Curve]) -> String {
    let row = |curve: &Curve, k: usize| {
        let nothing = nothing(curve);
        let volts = |x: f64| format_engineering(shown(x, nothing), DIGITS, "V");
        let knee = curve.knees.get(k);
        let is_first = k == 0;
        let of_curve = |text: String| if is_first { text } else { String::new() };
        let formula = curve.closed_form.as_ref().map_or("", |form| form.name());
        let difference = curve.largest_difference();
        vec![
            of_curve(name(curve)),
            knee.map_or("none".to_string(), |knee| volts(knee.x)),
            knee.map_or(String::new(), |knee| volts(knee.voltage)),
            knee.and_then(|knee| knee.width)
                .map_or(String::new(), volts),
            of_curve(formula.to_string()),
            of_curve(difference.map_or(String::new(), |d| format!("{d:.1e} V"))),
        ]
    };
    let rows = curves.iter().flat_map(|curve| {
        let count = curve.knees.len().max(1);
        (0..count).map(move |k| row(curve, k))
    });
    let header = [
        "element",
        "knee at x",
        "v there",
        "width",
        "closed form",
        "largest difference",
    ];
    let right = [false, true, true, true, false, true];
    format!(
        "{}\nA knee is where dv/dx passes 1/2; its width is what x moves while dv/dx goes from 0.9 to 0.1.\n",
        columns(&header, &rows.collect::<Vec<_>>(), &right)
    )
}

/// One line for each point: `element,temperature,n,x,voltage,current,slope,closed_voltage,closed_current`
/// in °C, V, A and V/V; empty where an element does not depend on a quantity or has no closed form.
pub fn csv(curves: &[Curve]) -> String {
    let mut text = String::from(
        "element,temperature,n,x,voltage,current,slope,closed_voltage,closed_current\n",
    );
    let optional = |value: Option<f64>| value.map_or(String::new(), format_exact);
    for curve in curves {
        let head = [
            field(&curve.element),
            optional(curve.conditions.temperature),
            optional(curve.conditions.emission),
        ];
        let head = head.join(",");
        for p in &curve.points {
            let numbers = [p.x, p.voltage, p.current, p.slope].map(format_exact);
            let closed = [p.closed.map(|c| c.voltage), p.closed.map(|c| c.current)];
            let closed = closed.map(optional);
            text += &format!("{head},{},{}\n", numbers.join(","), closed.join(","));
        }
    }
    text
}

/// `schema, resistance, curves: [{element, temperature, n, closed_form, largest_difference, knees: [{x,
/// voltage, width}], x[], voltage[], current[], slope[], closed_voltage[], closed_current[]}]`; null where
/// there is nothing.
pub fn json(curves: &[Curve]) -> Value {
    let curve = |curve: &Curve| {
        let column = |f: &dyn Fn(&Point) -> Option<f64>| -> Vec<Option<f64>> {
            curve.points.iter().map(f).collect()
        };
        let knees = curve.knees.iter();
        let knees: Vec<_> = knees
            .map(|k| json!({ "x": k.x, "voltage": k.voltage, "width": k.width }))
            .collect();
        json!({
            "element": curve.element,
            "temperature": curve.conditions.temperature,
            "n": curve.conditions.emission,
            "closed_form": curve.closed_form.as_ref().map(|form| form.name()),
            "largest_difference": curve.largest_difference(),
            "knees": knees,
            "x": column(&|p| Some(p.x)),
            "voltage": column(&|p| Some(p.voltage)),
            "current": column(&|p| Some(p.current)),
            "slope": column(&|p| Some(p.slope)),
            "closed_voltage": column(&|p| p.closed.map(|c| c.voltage)),
            "closed_current": column(&|p| p.closed.map(|c| c.current)),
        })
    };
    let all: Vec<_> = curves.iter().map(curve).collect();
    let resistance = curves.first().map(|curve| curve.resistance);
    json!({ "schema": SCHEMA, "resistance": resistance, "curves": all })
}

/// Curves with the colour and the dashes of each; `coarse` has the points at which formulae are shown.
pub fn picture(
    fine: &[Curve],
    coarse: &[Curve],
    styles: &[(usize, usize)],
    quantity: Quantity,
) -> String {
    let largest = fine
        .iter()
        .flat_map(|c| &c.points)
        .map(|p| quantity.value(p).abs());
    let (prefix, factor) = scale(quantity, largest.fold(0.0, f64::max));
    let curve = |((fine, coarse), &(colour, dash)): ((&Curve, &Curve), &(usize, usize))| {
        let points = fine.points.iter();
        let closed = coarse.points.iter().filter_map(|p| {
            let response = p.closed?;
            Some((p.x, factor * quantity.closed(&response)))
        });
        ResponseCurve {
            name: name(fine),
            colour,
            dash,
            values: points
                .clone()
                .map(|p| (p.x, factor * quantity.value(p)))
                .collect(),
            slopes: points.map(|p| (p.x, quantity.slope(p))).collect(),
            marks: closed.collect(),
        }
    };
    let resistance = fine.first().map_or(0.0, |curve| curve.resistance);
    let resistance = format_engineering(resistance, DIGITS, "ohm");
    let what = match quantity {
        Quantity::Voltage => "voltage across the element v",
        Quantity::Current => "current into the element i",
    };
    let curves = fine.iter().zip(coarse).zip(styles).map(curve);
    responses(&Responses {
        title: format!("What an element behind {resistance} makes of its input"),
        x_title: "driving voltage x, V".to_string(),
        y_title: format!("{what}, {prefix}{}", quantity.unit()),
        slope_title: quantity.slope_name().to_string(),
        // Passive elements stay between zero and one; active ones are shown as they are.
        slopes_in_sight: [0.0, 1.0],
        marks_title: "closed form".to_string(),
        curves: curves.collect(),
    })
}

/// Currents get a prefix that makes readable numbers of them; voltages stay in volts, as x is.
fn scale(quantity: Quantity, largest: f64) -> (&'static str, f64) {
    match quantity {
        Quantity::Voltage => ("", 1.0),
        Quantity::Current => prefix(largest),
    }
}
