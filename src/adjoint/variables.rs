//! From the gradient of every element parameter to that of a `.param`, a model or the temperature.

use std::collections::HashMap;

use crate::analysis::{OperatingPoint, Output, Probe, Solver};
use crate::circuit::{Circuit, ParameterId, Variable};
use crate::netlist::Name;

use super::AdjointError;

/// The derivative of a probe to one variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivative {
    /// A text that names the variable: `rload`, `temp`, `r1`, `d1:is`, `dmod:is`.
    pub name: String,
    pub variable: Variable,
    /// Value of the variable, in the deck's unit.
    pub value: f64,
    /// Derivative per that unit.
    pub gradient: f64,
}

impl Derivative {
    /// The element or model that the variable belongs to, if any, and what it is called there.
    pub fn owner_and_parameter(&self, circuit: &Circuit) -> (Option<Name>, String) {
        match &self.variable {
            Variable::Temperature => (None, "temp".to_string()),
            Variable::Named(name) => (None, circuit.parameter_graph().name(*name).to_string()),
            Variable::Elements(ids) => {
                let parameter = ids.first().map(|id| id.parameter.to_string());
                let owner = match ids[..] {
                    [id] => circuit.element(id.element).name(),
                    _ => self
                        .name
                        .rsplit_once(':')
                        .map_or_else(Name::default, |(owner, _)| owner.into()),
                };
                (Some(owner), parameter.unwrap_or_default())
            }
        }
    }
}

/// The derivatives of a probe to everything that its circuit can vary.
#[derive(Clone, Debug)]
pub struct Sensitivities {
    elements: HashMap<ParameterId, f64>,
    /// By term of the parameter graph.
    terms: Vec<f64>,
}

impl Solver {
    /// Derivatives of `probe` at the operating point held in the workspace, at the cost of one linear
    /// solve.
    ///
    /// # Errors
    /// [`AdjointError::Singular`]; [`AdjointError::Undetermined`] if the probe depends on what the
    /// operating point leaves open.
    pub fn sensitivities(
        &mut self,
        probe: &Probe,
        op: &OperatingPoint,
    ) -> Result<Sensitivities, AdjointError> {
        let seeds = probe.derivatives(&self.circuit, op);
        self.check_determined(op, &seeds.outputs)?;
        let gradient = self.gradient(&seeds.outputs)?;
        let entries = gradient.entries.iter();
        let elements: HashMap<_, _> = entries.map(|e| (e.parameter, e.gradient)).collect();
        let graph = self.circuit.parameter_graph();
        let mut besides = Vec::new();
        for (variable, derivative) in &seeds.variables {
            match variable {
                Variable::Temperature => besides.push((graph.temperature_term(), *derivative)),
                Variable::Named(name) => besides.push((graph.term(*name), *derivative)),
                Variable::Elements(_) => {}
            }
        }
        // An element that was set by itself follows its parameters no more.
        let follows = |id: &ParameterId| !self.circuit.stands_by_itself(*id);
        let gradient = |id| elements.get(&id).copied().filter(|_| follows(&id));
        let terms = graph.backward(gradient, &besides);
        Ok(Sensitivities { elements, terms })
    }
}

impl Solver {
    /// Whether each output has one value at the operating point.
    ///
    /// # Errors
    /// [`AdjointError::Undetermined`] names the first that has not.
    pub(crate) fn check_determined(
        &self,
        op: &OperatingPoint,
        outputs: &[(Output, f64)],
    ) -> Result<(), AdjointError> {
        let open = op.undetermined(&self.circuit);
        let concerning = |output| open.iter().find(|item| item.concerns(output));
        let weighed = outputs.iter().filter(|(_, weight)| *weight != 0.0);
        for &(output, _) in weighed {
            if let Some(item) = concerning(output) {
                return Err(AdjointError::Undetermined {
                    output: output.name(&self.circuit).to_string(),
                    help: item.help(),
                });
            }
        }
        Ok(())
    }
}

impl Sensitivities {
    /// The derivative to a variable; to all elements of a model at once, their sum.
    pub fn to(&self, circuit: &Circuit, variable: &Variable) -> f64 {
        let graph = circuit.parameter_graph();
        match variable {
            Variable::Temperature => self.terms[graph.temperature_term().index()],
            Variable::Named(name) => self.terms[graph.term(*name).index()],
            Variable::Elements(ids) => ids.iter().filter_map(|id| self.elements.get(id)).sum(),
        }
    }

    /// The derivative to a variable with its name and value.
    pub fn derivative(&self, circuit: &Circuit, name: String, variable: Variable) -> Derivative {
        Derivative {
            name,
            value: circuit.variable_value(&variable).unwrap_or(f64::NAN),
            gradient: self.to(circuit, &variable),
            variable,
        }
    }

    /// To every parameter of every element, every named parameter, and the temperature.
    pub fn all(&self, circuit: &Circuit) -> Vec<Derivative> {
        let variables = circuit.variables().into_iter();
        variables
            .map(|(name, variable)| self.derivative(circuit, name, variable))
            .collect()
    }
}
