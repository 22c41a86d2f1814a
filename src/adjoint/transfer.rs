//! `.tf`: gain and the resistances at both ends, from the adjoint.

use crate::analysis::{Output, Solver};
use crate::circuit::{ElementId, NodeId, ParameterId};
use crate::device::{Device, Parameter};

use super::{Adjoint, AdjointError, Cotangent, Gradient};

/// How a small change of a source reaches an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransferFunction {
    /// Derivative of the output to the source: V/V, A/V, V/A or A/A.
    pub gain: f64,
    /// What the source sees, ohm.
    pub input_resistance: f64,
    /// What a load at the output would see, ohm; for the current of a source, what that source sees.
    pub output_resistance: f64,
}

/// ngspice's resistance of what carries no current, ohm.
const OPEN: f64 = 1e20;

impl Solver {
    /// The transfer function at the operating point held in the workspace, from an independent source
    /// to a voltage or to the current of a voltage source. None if source or output are neither.
    ///
    /// # Errors
    /// [`AdjointError::Singular`].
    pub fn transfer_function(
        &mut self,
        output: Output,
        source: ElementId,
    ) -> Result<Option<TransferFunction>, AdjointError> {
        let Some(input) = self.source_parameter(source) else {
            return Ok(None);
        };
        let (adjoint, cotangent) = self.adjoint(&[(output, 1.0)])?;
        let gain = self.derivative_to(&adjoint, &cotangent, input);
        let output_resistance = match output {
            Output::Voltage { p, n } => adjoint.full[p.index()] - adjoint.full[n.index()],
            Output::Current { element } => match self.source_parameter(element) {
                Some(id) if id.parameter == Parameter::Voltage => self.seen_by(id)?,
                _ => return Ok(None),
            },
        };
        Ok(Some(TransferFunction {
            gain,
            input_resistance: self.seen_by(input)?,
            output_resistance,
        }))
    }

    fn source_parameter(&self, element: ElementId) -> Option<ParameterId> {
        let parameter = match self.circuit.element(element).device {
            Device::VoltageSource { .. } => Parameter::Voltage,
            Device::CurrentSource { .. } => Parameter::Current,
            _ => return None,
        };
        Some(ParameterId { element, parameter })
    }

    /// Resistance between the terminals of an independent source, ohm.
    fn seen_by(&mut self, id: ParameterId) -> Result<f64, AdjointError> {
        let element = id.element;
        let [p, n]: [NodeId; 2] = self.circuit.element(element).port;
        let response = match id.parameter {
            Parameter::Voltage => Output::Current { element },
            _ => Output::Voltage { p, n },
        };
        let (adjoint, cotangent) = self.adjoint(&[(response, 1.0)])?;
        let slope = self.derivative_to(&adjoint, &cotangent, id);
        // A source's current flows through it from p to n: what it sees carries the opposite one.
        Ok(match id.parameter {
            Parameter::Voltage if slope.abs() < 1.0 / OPEN => OPEN,
            Parameter::Voltage => -1.0 / slope,
            _ => -slope,
        })
    }

    fn derivative_to(&self, adjoint: &Adjoint, cotangent: &Cotangent, id: ParameterId) -> f64 {
        let gradient = Gradient::evaluate(
            &self.circuit,
            &self.system,
            &self.values,
            &self.workspace,
            (adjoint, cotangent),
            &[id],
        );
        gradient.entries[0].gradient
    }
}
