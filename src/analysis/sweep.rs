//! `.dc`: the operating point as a source moves, each point started from the one before.

use crate::circuit::{Circuit, ElementId, ParameterId, Variable, VariableError};
use crate::device::Parameter;
use crate::netlist::{self, SweepRange};

use super::{OperatingPoint, SolveError, Solver};

/// One sweep variable and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// As the deck names it: `v1`, `temp`, `d1:is`.
    pub name: String,
    pub variable: Variable,
    pub values: Vec<f64>,
}

/// Values of the sweep variables, outermost last, and what came out.
#[derive(Clone, Debug)]
pub struct SweepPoint {
    pub values: Vec<f64>,
    pub op: OperatingPoint,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Variable(#[from] VariableError),
    #[error(
        "`.dc` of `{name}` from {start} to {stop} by {step} never ends\n  help: give a step with the sign of stop - start"
    )]
    BadStep {
        name: String,
        start: f64,
        stop: f64,
        step: f64,
    },
    #[error(
        "`.dc` of `{name}` has {points} points; the limit is {limit}\n  help: take a larger step"
    )]
    TooManyPoints {
        name: String,
        points: f64,
        limit: usize,
    },
    #[error("`{name}` cannot be {value}: an element refuses the value")]
    Refused { name: String, value: f64 },
    #[error("at {at}: {error}")]
    Solve { at: String, error: SolveError },
}

const MAX_POINTS: usize = 10_000_000;

impl Sweep {
    /// Turns `.dc source start stop step` into values; the last one is `stop` if the steps meet it.
    pub fn from_card(circuit: &Circuit, card: &netlist::Sweep) -> Result<Self, SweepError> {
        let name = card.variable.value.to_string();
        let variable = circuit.find_variable(&name)?;
        let SweepRange::Linear { start, stop, step } = &card.range else {
            return Ok(Self {
                name,
                variable,
                values: Vec::new(),
            });
        };
        let number = |v: &crate::source::Spanned<netlist::Value>| v.value.number().unwrap_or(0.0);
        let (start, stop, step) = (number(start), number(stop), number(step));
        if start == stop {
            return Ok(Self {
                name,
                variable,
                values: vec![start],
            });
        }
        // A quotient that is a whole number but for rounding counts as whole.
        let steps = ((stop - start) / step * (1.0 + 1e-12)).floor();
        if !(steps >= 0.0) || !steps.is_finite() {
            return Err(SweepError::BadStep {
                name,
                start,
                stop,
                step,
            });
        }
        if steps >= MAX_POINTS as f64 {
            return Err(SweepError::TooManyPoints {
                name,
                points: steps + 1.0,
                limit: MAX_POINTS,
            });
        }
        let values = (0..=steps as usize)
            .map(|k| start + k as f64 * step)
            .collect();
        Ok(Self {
            name,
            variable,
            values,
        })
    }
}

/// Solves every point; the first sweep is the inner loop. The circuit is restored at the end.
pub fn dc_sweep(
    solver: &mut Solver,
    sweeps: &[Sweep],
    each: &mut dyn FnMut(&Circuit, SweepPoint),
) -> Result<(), SweepError> {
    let kept = solver.circuit.clone();
    let outcome = sweep_points(solver, sweeps, each);
    solver.circuit = kept;
    solver.refresh();
    outcome
}

fn sweep_points(
    solver: &mut Solver,
    sweeps: &[Sweep],
    each: &mut dyn FnMut(&Circuit, SweepPoint),
) -> Result<(), SweepError> {
    let total: usize = sweeps.iter().map(|s| s.values.len()).product();
    for index in 0..total {
        let values = coordinates(sweeps, index);
        for (sweep, &value) in sweeps.iter().zip(&values) {
            if !solver.circuit.set_variable(&sweep.variable, value) {
                let name = sweep.name.clone();
                return Err(SweepError::Refused { name, value });
            }
        }
        solver.refresh();
        let op = solver.operating_point().map_err(|error| {
            let place = |(s, v): (&Sweep, &f64)| format!("{} = {v}", s.name);
            let at: Vec<_> = sweeps.iter().zip(&values).map(place).collect();
            SweepError::Solve {
                at: at.join(", "),
                error,
            }
        })?;
        each(&solver.circuit, SweepPoint { values, op });
    }
    Ok(())
}

fn coordinates(sweeps: &[Sweep], mut index: usize) -> Vec<f64> {
    let mut digit = |s: &Sweep| {
        let value = s.values[index % s.values.len()];
        index /= s.values.len();
        value
    };
    sweeps.iter().map(&mut digit).collect()
}

/// Sets the value of an independent source.
pub(crate) fn set_source(circuit: &mut Circuit, element: ElementId, value: f64) {
    for parameter in [Parameter::Voltage, Parameter::Current] {
        if circuit.set(ParameterId { element, parameter }, value) {
            return;
        }
    }
}
