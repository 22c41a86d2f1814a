//! Co-content and power (Millar 1951; Kendall et al. 2020, Theorem 1).
//!
//! The co-content of a one-port is `G(v) = integral_0^v i(u) du`, W; that of a reciprocal circuit is the sum
//! over its branches, in which a current source of I from p to n has `I v_pn`. Voltage sources, shorts,
//! transformers and ideal diodes say which potentials there may be and contribute nothing. The gradient with
//! respect to the potentials is Kirchhoff's current law, so that of all potentials that these elements allow
//! the operating point has the least co-content, if every law is monotone.

use crate::circuit::{Circuit, Element};
use crate::device::Device;

use super::OperatingPoint;

/// A circuit without a co-content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no co-content: `{element}` is a gyrator, a controlled or a behavioural source")]
pub struct NotReciprocal {
    /// The first such element.
    pub element: String,
}

/// Says which element leaves a circuit without a co-content.
///
/// # Errors
/// [`NotReciprocal`]
pub fn check_reciprocal(circuit: &Circuit) -> Result<(), NotReciprocal> {
    let mut elements = circuit.elements();
    match elements.find(|(_, element)| !element.device.is_reciprocal()) {
        None => Ok(()),
        Some((_, element)) => Err(NotReciprocal {
            element: element.name().to_string(),
        }),
    }
}

/// Co-content of a reciprocal circuit at the potentials of its nodes (V), W. Whether voltage sources,
/// transformers and ideal diodes allow these is not looked at.
pub fn cocontent(circuit: &Circuit, potentials: &[f64]) -> f64 {
    let elements = circuit.elements();
    let branches =
        elements.map(|(_, element)| cocontent_of(&element, voltage(&element, potentials)));
    branches.sum()
}

/// Derivative of the co-content along a change of the potentials, W for each unit of it: the sum of
/// branch currents times changes of branch voltages.
pub(crate) fn slope(circuit: &Circuit, potentials: &[f64], direction: &[f64]) -> f64 {
    let of = |element: &Element| {
        let v = voltage(element, potentials);
        let current = match &element.device {
            Device::Resistor { resistance } if *resistance != 0.0 => v / resistance,
            Device::CurrentSource { current } => *current,
            Device::OnePort(one_port) => one_port.evaluate(v).current,
            _ => 0.0,
        };
        current * voltage(element, direction)
    };
    circuit.elements().map(|(_, element)| of(&element)).sum()
}

/// Of the first port, V.
pub(crate) fn voltage(element: &Element, potentials: &[f64]) -> f64 {
    potentials[element.port[0].index()] - potentials[element.port[1].index()]
}

/// The part of one element in the co-content at its voltage (V), W.
pub(super) fn cocontent_of(element: &Element, v: f64) -> f64 {
    match &element.device {
        Device::Resistor { resistance } if *resistance != 0.0 => 0.5 * v * v / resistance,
        Device::CurrentSource { current } => current * v,
        Device::OnePort(one_port) => one_port.cocontent(v),
        _ => 0.0,
    }
}

impl OperatingPoint {
    /// Power turned into heat: that of resistors, diodes and tables, W. Not below zero unless a resistance
    /// is.
    pub fn power_dissipated(&self, circuit: &Circuit) -> f64 {
        let is_resistive = |device: &Device| {
            matches!(
                device,
                Device::Resistor { .. } | Device::OnePort(_) | Device::IdealDiode
            )
        };
        self.power_of(circuit, is_resistive)
    }

    /// Power that sources of every kind deliver, less what they take, W: what is dissipated, but for
    /// rounding (Tellegen). Transformers and gyrators pass on what they take.
    pub fn power_delivered(&self, circuit: &Circuit) -> f64 {
        let is_source = |device: &Device| {
            matches!(
                device,
                Device::VoltageSource { .. }
                    | Device::CurrentSource { .. }
                    | Device::Vcvs { .. }
                    | Device::Vccs { .. }
                    | Device::Cccs { .. }
                    | Device::Ccvs { .. }
                    | Device::Behavioural(_)
            )
        };
        // Adding zero turns -0 into 0.
        -self.power_of(circuit, is_source) + 0.0
    }

    fn power_of(&self, circuit: &Circuit, is_counted: impl Fn(&Device) -> bool) -> f64 {
        let elements = circuit.elements().zip(&self.power);
        let counted = elements.filter(|((_, element), _)| is_counted(&element.device));
        counted.map(|(_, power)| power).sum()
    }

    /// Sum of the power of all elements, W: zero but for rounding (Tellegen).
    pub fn power_balance(&self) -> f64 {
        self.power.iter().sum()
    }

    /// Sum over the elements that take power, sources among them, W.
    pub fn power_taken(&self) -> f64 {
        self.power.iter().filter(|p| **p > 0.0).sum()
    }
}
