//! From `lambda` to the gradient of every parameter of every element.

use rayon::prelude::*;

use crate::analysis::{Output, Solver};
use crate::circuit::{Circuit, ParameterId};
use crate::mna::{BranchCurrents, System, Values, Workspace};

use super::{Adjoint, AdjointError, Cotangent};

/// Parameters whose derivatives one thread computes at a time.
const PARAMETERS_OF_A_THREAD: usize = 4096;

/// Derivative of one number to one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientEntry {
    pub parameter: ParameterId,
    /// Value of the parameter, in the deck's unit.
    pub value: f64,
    /// Derivative per that unit.
    pub gradient: f64,
}

/// Derivatives to every parameter of a circuit, in element order.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    pub entries: Vec<GradientEntry>,
}

impl Gradient {
    /// Evaluates `(direct part) - lambda' dF/dtheta` for each of `parameters`.
    pub fn evaluate(
        circuit: &Circuit,
        system: &System,
        values: &Values,
        workspace: &Workspace,
        (adjoint, cotangent): (&Adjoint, &Cotangent),
        parameters: &[ParameterId],
    ) -> Self {
        let ties = BranchCurrents::of_workspace(system, workspace);
        let lambda = (&ties, adjoint.full.as_slice(), &adjoint.ties);
        let mut entries: Vec<GradientEntry> = parameters
            .par_iter()
            .with_min_len(PARAMETERS_OF_A_THREAD)
            .map(|&parameter| GradientEntry {
                parameter,
                value: circuit.value(parameter).unwrap_or(f64::NAN),
                gradient: 0.0,
            })
            .collect();
        let chunks = parameters.par_chunks(PARAMETERS_OF_A_THREAD);
        let entries_of_chunks = entries.par_chunks_mut(PARAMETERS_OF_A_THREAD);
        chunks
            .zip(entries_of_chunks)
            .for_each(|(parameters, entries)| {
                let mut derivatives = Vec::new();
                let mut entries = entries.iter_mut();
                for own in parameters.chunk_by(|a, b| a.element == b.element) {
                    derivatives.resize(own.len(), 0.0);
                    system.parameter_derivatives(
                        circuit,
                        values,
                        workspace,
                        lambda,
                        own,
                        &mut derivatives,
                    );
                    for (derivative, entry) in derivatives.iter().zip(&mut entries) {
                        let id = entry.parameter;
                        entry.gradient =
                            derivative + direct(circuit, system, workspace, cotangent, id);
                    }
                }
            });
        Self { entries }
    }
}

/// Direct part and `-lambda' dF/dtheta` of one parameter; `ties` are the currents of eliminated
/// sources at the operating point.
pub fn derivative(
    circuit: &Circuit,
    system: &System,
    values: &Values,
    workspace: &Workspace,
    (adjoint, cotangent, ties): (&Adjoint, &Cotangent, &BranchCurrents),
    parameter: ParameterId,
) -> f64 {
    let lambda = (ties, adjoint.full.as_slice(), &adjoint.ties);
    let mut derivative = [0.0];
    let own = [parameter];
    system.parameter_derivatives(circuit, values, workspace, lambda, &own, &mut derivative);
    derivative[0] + direct(circuit, system, workspace, cotangent, parameter)
}

/// How the loss depends on a parameter at fixed potentials: by a current that it weighs.
fn direct(
    circuit: &Circuit,
    system: &System,
    workspace: &Workspace,
    cotangent: &Cotangent,
    parameter: ParameterId,
) -> f64 {
    let own = cotangent
        .direct
        .iter()
        .filter(|(element, _)| *element == parameter.element);
    own.map(|(_, weight)| {
        weight * system.current_parameter_derivative(circuit, workspace, parameter)
    })
    .sum()
}

impl Solver {
    /// Gradient of `sum weight * output` to every parameter, at the cost of one linear solve. What the
    /// operating point leaves open ([`OperatingPoint::undetermined`](crate::analysis::OperatingPoint::undetermined))
    /// has none; that is for the caller to know, or for [`Solver::sensitivities`].
    ///
    /// # Errors
    /// [`AdjointError`].
    pub fn gradient(&mut self, seeds: &[(Output, f64)]) -> Result<Gradient, AdjointError> {
        let (adjoint, cotangent) = self.adjoint(seeds)?;
        let parameters = self.circuit.parameters();
        let gradient = Gradient::evaluate(
            &self.circuit,
            &self.system,
            &self.values,
            &self.workspace,
            (&adjoint, &cotangent),
            &parameters,
        );
        match gradient.entries.iter().all(|e| e.gradient.is_finite()) {
            true => Ok(gradient),
            false => Err(AdjointError::OutOfRange),
        }
    }
}
