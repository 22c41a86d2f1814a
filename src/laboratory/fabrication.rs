//! What a board's parts really are.

use crate::circuit::{Circuit, ParameterId};
use crate::device::{Device, Parameter};
use crate::learning::BenchConfig;
use crate::learning::data::SampleRandom;

/// Realised over nominal value of each part of one board: conductance of resistors, saturation current of
/// diodes, 1 for everything else. By element.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviations(Vec<f64>);

impl Deviations {
    /// Draws those of board `number`; another board, or another seed, has others.
    pub fn draw(circuit: &Circuit, bench: &BenchConfig, seed: u64, number: usize) -> Self {
        let mut random = SampleRandom::new(seed, number);
        let factor = |(_, element): (_, crate::circuit::ElementRef)| {
            // Every part takes its number, whatever the deviations: a part is the same in each row of a table.
            let drawn = random.gaussian(1.0);
            let sigma = match element.device {
                Device::Resistor { .. } => bench.mismatch,
                Device::OnePort(_) => bench.diode_mismatch,
                _ => 0.0,
            };
            (sigma * drawn).exp()
        };
        Self(circuit.elements().map(factor).collect())
    }

    /// Turns a circuit of nominal values into the board.
    pub fn apply(&self, circuit: &mut Circuit) {
        for k in 0..circuit.element_count() {
            let element = crate::circuit::ElementId::from_index(k);
            let parameter = match circuit.element(element).device {
                Device::Resistor { .. } => Parameter::Resistance,
                Device::OnePort(_) => Parameter::SaturationCurrent,
                _ => continue,
            };
            let id = ParameterId { element, parameter };
            if let Some(nominal) = circuit.value(id) {
                self.set(circuit, id, nominal);
            }
        }
    }

    /// Programs a parameter: the board takes the value that its part makes of it.
    pub fn set(&self, circuit: &mut Circuit, id: ParameterId, nominal: f64) {
        let factor = self.0[id.element.index()];
        let realised = match id.parameter {
            Parameter::Resistance => nominal / factor,
            Parameter::SaturationCurrent => nominal * factor,
            _ => nominal,
        };
        // A value that the device cannot take (a conductance of zero, say) leaves the last one.
        let _ = circuit.set(id, realised);
    }
}
