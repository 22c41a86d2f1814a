//! Which drops tell the derivative to a parameter.

use crate::circuit::{Circuit, NodeId, ParameterId};
use crate::device::{Device, Parameter};

use super::LaboratoryError;

type Pair = [NodeId; 2];

/// `dL/dtheta` as products of a drop in the first circuit with one in the second.
///
/// | element | law | dL/dtheta |
/// |---|---|---|
/// | R, conductance g | `i = g v` | `-lambda v` |
/// | G | `i = g v_c` | `-lambda v_c` |
/// | gyrator | `i1 = g v2`, `i2 = -g v1` | `-lambda1 v2 + lambda2 v1` |
/// | I | `i = I` | `-lambda` |
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    Conductance(Pair),
    Transconductance { control: Pair, port: Pair },
    Gyrator { first: Pair, second: Pair },
    Current(Pair),
}

impl Rule {
    /// The rule of a trained parameter; `is_conductance` tells that it is the reciprocal of a resistance.
    ///
    /// # Errors
    /// [`LaboratoryError::NoRule`]
    pub fn of(
        circuit: &Circuit,
        id: ParameterId,
        is_conductance: bool,
    ) -> Result<Self, LaboratoryError> {
        let element = circuit.element(id.element);
        let port = element.port;
        match (&element.device, element.second(), id.parameter) {
            (Device::Resistor { .. }, _, _) if is_conductance => Ok(Self::Conductance(port)),
            (Device::Vccs { .. }, Some(control), _) => Ok(Self::Transconductance { control, port }),
            (Device::Gyrator { .. }, Some(second), _) => Ok(Self::Gyrator {
                first: port,
                second,
            }),
            (Device::CurrentSource { .. }, _, Parameter::Current) => Ok(Self::Current(port)),
            _ => Err(LaboratoryError::NoRule {
                element: element.name().to_string(),
                parameter: id.parameter.to_string(),
            }),
        }
    }

    /// The derivative, from readings of drops in the two circuits.
    pub fn derivative(
        &self,
        mut first: impl FnMut(Pair) -> f64,
        mut second: impl FnMut(Pair) -> f64,
    ) -> f64 {
        match *self {
            Self::Conductance(port) => -second(port) * first(port),
            Self::Transconductance { control, port } => -second(port) * first(control),
            Self::Gyrator {
                first: a,
                second: b,
            } => second(b) * first(a) - second(a) * first(b),
            Self::Current(port) => -second(port),
        }
    }
}
