//! Rules that need nothing but what is measured at an element.

use crate::analysis::{OperatingPoint, Output};
use crate::circuit::{Circuit, ParameterId};
use crate::device::{Device, Parameter};

use super::{Bench, Inapplicable};

/// `dE/dtheta` of the second state less that of the first, E the co-content (W) and theta the parameter in
/// the deck's unit. Exact for resistors and sources; for a diode the trapezoid of `di/dtheta`, off by the
/// third power of the change of its voltage.
pub(super) fn contrast(
    circuit: &Circuit,
    first: &OperatingPoint,
    second: &OperatingPoint,
    id: ParameterId,
) -> f64 {
    let element = circuit.element(id.element);
    let [p, n] = element.port;
    let (a, b) = (first.voltage(p, n), second.voltage(p, n));
    let current = |op: &OperatingPoint| {
        Output::Current {
            element: id.element,
        }
        .value(circuit, op)
    };
    match &element.device {
        Device::VoltageSource { .. } => current(first) - current(second),
        device => (b - a) * 0.5 * (slope(device, id.parameter, a) + slope(device, id.parameter, b)),
    }
}

/// `di/dtheta` of a one-port at fixed voltage, A per unit of the parameter.
pub(super) fn slope(device: &Device, parameter: Parameter, voltage: f64) -> f64 {
    match device {
        Device::Resistor { resistance } => -voltage / (resistance * resistance),
        Device::CurrentSource { .. } => 1.0,
        Device::OnePort(one_port) => one_port.current_derivative(parameter, voltage),
        _ => 0.0,
    }
}

impl Bench {
    /// Whether every trained parameter has a local rule. The current of a voltage source does not tell
    /// which side of an amplifier it comes from.
    pub(super) fn check_local(&self, with_voltage_sources: bool) -> Result<(), Inapplicable> {
        let circuit = &self.solver.circuit;
        for id in self.parameters.ids() {
            let element = circuit.element(id.element);
            let is_local = match &element.device {
                Device::Resistor { resistance } => *resistance != 0.0,
                Device::CurrentSource { .. } | Device::OnePort(_) => true,
                Device::VoltageSource { .. } => with_voltage_sources,
                _ => false,
            };
            if !is_local {
                return Err(Inapplicable::NoLocalRule {
                    element: element.name().to_string(),
                    parameter: id.parameter.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Adds `weight` times the contrast of two states to the derivatives to the deck's parameters.
    pub(super) fn add_contrast(
        &self,
        (first, second): (&OperatingPoint, &OperatingPoint),
        weight: f64,
        gradient: &mut [f64],
    ) {
        for (g, id) in gradient.iter_mut().zip(self.parameters.ids()) {
            *g += weight * contrast(&self.solver.circuit, first, second, id);
        }
    }
}
