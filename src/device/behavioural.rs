//! Behavioural sources: a voltage or current that is any function of voltages and currents.

use std::sync::Arc;

use super::Parameter;
use crate::expression::{Tape, Term};
pub use crate::netlist::Quantity;

/// A function of control voltages and currents and of arguments, shared by the elements that have it.
/// The inputs of its tape are the controls, then the arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    tape: Tape,
    result: Term,
    controls: usize,
    arguments: usize,
}

/// A law with the values of its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavioural {
    pub quantity: Quantity,
    law: Arc<Law>,
    arguments: Vec<f64>,
}

/// Buffers for the evaluation of laws.
#[derive(Clone, Debug, Default)]
pub struct LawScratch {
    inputs: Vec<f64>,
    values: Vec<f64>,
    adjoints: Vec<f64>,
}

impl Law {
    /// `tape` has the inputs `0..controls` for the controls and the next `arguments` for the arguments.
    pub fn new(tape: Tape, result: Term, controls: usize, arguments: usize) -> Self {
        Self {
            tape,
            result,
            controls,
            arguments,
        }
    }

    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    pub fn result(&self) -> Term {
        self.result
    }

    pub fn control_count(&self) -> usize {
        self.controls
    }

    pub fn argument_count(&self) -> usize {
        self.arguments
    }
}

impl Behavioural {
    /// None unless there is one number for each argument of the law.
    pub fn new(quantity: Quantity, law: Arc<Law>, arguments: Vec<f64>) -> Option<Self> {
        (arguments.len() == law.arguments).then_some(Self {
            quantity,
            law,
            arguments,
        })
    }

    pub fn law(&self) -> &Law {
        &self.law
    }

    pub fn arguments(&self) -> &[f64] {
        &self.arguments
    }

    /// The value at `controls` (V, A); its slopes to the controls are written to `slopes` and, as far as
    /// there is room behind them, its slopes to the arguments.
    pub fn evaluate(&self, controls: &[f64], slopes: &mut [f64], scratch: &mut LawScratch) -> f64 {
        let value = self.run(controls, scratch);
        slopes.fill(0.0);
        self.collect(scratch, |input, adjoint| {
            if let Some(slope) = slopes.get_mut(input) {
                *slope += adjoint;
            }
        });
        value
    }

    /// The derivative of the value to one argument at `controls`.
    pub fn argument_derivative(
        &self,
        argument: usize,
        controls: &[f64],
        scratch: &mut LawScratch,
    ) -> f64 {
        self.run(controls, scratch);
        let wanted = self.law.controls + argument;
        let mut derivative = 0.0;
        self.collect(scratch, |input, adjoint| {
            if input == wanted {
                derivative += adjoint;
            }
        });
        derivative
    }

    fn run(&self, controls: &[f64], scratch: &mut LawScratch) -> f64 {
        scratch.inputs.clear();
        scratch.inputs.extend_from_slice(controls);
        scratch.inputs.extend_from_slice(&self.arguments);
        let tape = &self.law.tape;
        tape.evaluate(&scratch.inputs, &[], &mut scratch.values);
        scratch.adjoints.clear();
        scratch.adjoints.resize(tape.len(), 0.0);
        scratch.adjoints[self.law.result.index()] = 1.0;
        tape.backward(&scratch.values, &[], &mut scratch.adjoints);
        scratch.values[self.law.result.index()]
    }

    fn collect(&self, scratch: &LawScratch, mut each: impl FnMut(usize, f64)) {
        let operations = self.law.tape.operations().iter();
        for (operation, &adjoint) in operations.zip(&scratch.adjoints) {
            if let crate::expression::Operation::Input(input) = *operation {
                each(input as usize, adjoint);
            }
        }
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        (0..self.arguments.len() as u32)
            .map(Parameter::Argument)
            .collect()
    }

    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        match parameter {
            Parameter::Argument(k) => self.arguments.get(k as usize).copied(),
            _ => None,
        }
    }

    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        let Parameter::Argument(k) = parameter else {
            return false;
        };
        match self.arguments.get_mut(k as usize) {
            Some(slot) => {
                *slot = value;
                true
            }
            None => false,
        }
    }
}
