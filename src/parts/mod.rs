//! What a circuit is built from: preferred values, a bill of materials, a netlist for a board.

mod bill;
mod kicad;
mod series;

use crate::circuit::{Circuit, ElementId, ParameterId};
use crate::device::{Device, Parameter};

pub use bill::{Bill, Line};
pub use kicad::{KicadError, MOST_PARTS, kicad_netlist};
pub use series::Series;

/// What became of the resistors of a circuit that were given preferred values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapped {
    pub resistors: usize,
    /// Means and largest of `|new / old - 1|`.
    pub mean_change: f64,
    pub largest_change: f64,
    /// Resistors that no part stands for: shorts, negative ones.
    pub kept: usize,
}

/// Gives every resistor the value of `series` that is nearest by ratio.
pub fn snap(circuit: &mut Circuit, series: Series) -> Snapped {
    let parameter = Parameter::Resistance;
    let resistors = circuit
        .elements()
        .filter_map(|(element, e)| match e.device {
            Device::Resistor { resistance } => Some((element, resistance)),
            _ => None,
        });
    let resistors: Vec<(ElementId, f64)> = resistors.collect();
    let mut snapped = Snapped::default();
    for (element, resistance) in resistors {
        let id = ParameterId { element, parameter };
        match series.nearest(resistance) {
            Some(value) if circuit.set(id, value) => {
                let change = (value / resistance - 1.0).abs();
                snapped.resistors += 1;
                snapped.mean_change += change;
                snapped.largest_change = snapped.largest_change.max(change);
            }
            _ => snapped.kept += 1,
        }
    }
    snapped.mean_change /= snapped.resistors.max(1) as f64;
    snapped
}

/// The element's name in capitals, beginning with the letters of its kind: `R1`, `D.X1.CLAMP`.
fn designator(name: &str, letters: &str) -> String {
    let name = name.to_ascii_uppercase();
    match name.starts_with(letters) {
        true => name,
        false => format!("{letters}.{name}"),
    }
}
