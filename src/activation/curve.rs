//! A circuit solved along its driving voltage.

use crate::adjoint::{AdjointError, Gradient};
use crate::analysis::{Output, Solver, Sweep, at_each_point, evenly_spaced};
use crate::circuit::{ParameterId, Variable};

use super::closed_form::{ClosedForm, Response};
use super::element::{Conditions, Element, Stage};
use super::error::ActivationError;
use super::knee::{Knee, knees};

/// What drives an element.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// Between the source and the element, ohm.
    pub resistance: f64,
    /// Driving voltages x in the order in which they are solved, V.
    pub inputs: Vec<f64>,
}

impl Drive {
    /// Evenly spaced driving voltages, both ends included.
    ///
    /// # Errors
    /// Fewer than two points, an empty range, a resistance that is not positive.
    pub fn over(
        from: f64,
        to: f64,
        points: usize,
        resistance: f64,
    ) -> Result<Self, ActivationError> {
        if points < 2 {
            return Err(ActivationError::TooFewPoints { points });
        }
        if !(from < to && (to - from).is_finite()) {
            return Err(ActivationError::EmptyRange { from, to });
        }
        let drive = Self {
            resistance,
            inputs: evenly_spaced(from, to, points),
        };
        drive.check()?;
        Ok(drive)
    }

    fn check(&self) -> Result<(), ActivationError> {
        let value = self.resistance;
        match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(ActivationError::Resistance { value }),
        }
    }
}

/// One element at given conditions, solved.
#[derive(Clone, Debug)]
pub struct Curve {
    /// The element's name, as it was written.
    pub element: String,
    /// Those that the element depends on.
    pub conditions: Conditions,
    /// Ohm.
    pub resistance: f64,
    pub points: Vec<Point>,
    pub closed_form: Option<ClosedForm>,
    /// Where the slope passes one half, in the order of x.
    pub knees: Vec<Knee>,
    /// What the deck and its circuit have that is odd, for people.
    pub warnings: Vec<String>,
}

/// The solved circuit at one driving voltage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Driving voltage, V.
    pub x: f64,
    /// Across the element, V.
    pub voltage: f64,
    /// Into the element, A.
    pub current: f64,
    /// dv/dx, from the adjoint network.
    pub slope: f64,
    /// What the formula says, where there is one.
    pub closed: Option<Response>,
}

impl Curve {
    /// The largest distance of the solved voltage from the closed form, V; none without one.
    pub fn largest_difference(&self) -> Option<f64> {
        let points = self.points.iter();
        let differences = points.filter_map(|p| Some((p.voltage - p.closed?.voltage).abs()));
        differences.reduce(f64::max)
    }
}

impl Element {
    /// Solves the element's circuit at each driving voltage, from the solution before.
    ///
    /// # Errors
    /// Conditions that the element cannot take, circuits that cannot be compiled, and the first point
    /// without an operating point.
    pub fn curve(&self, conditions: Conditions, drive: &Drive) -> Result<Curve, ActivationError> {
        drive.check()?;
        let conditions = Conditions {
            temperature: conditions
                .temperature
                .filter(|_| self.depends_on_temperature()),
            emission: conditions.emission.filter(|_| self.depends_on_emission()),
        };
        let stage = self.stage(&conditions, drive.resistance)?;
        let mut bench = Bench::new(self, stage)?;
        let points = bench.solve(&drive.inputs)?;
        let knees = knees(&points, &mut |x| bench.solve(&[x]).ok()?.first().copied());
        let warnings = bench.solver.warnings.iter();
        let sources = &bench.solver.circuit.sources;
        Ok(Curve {
            element: self.name.clone(),
            conditions,
            resistance: drive.resistance,
            points,
            closed_form: bench.closed_form,
            knees,
            warnings: warnings.map(|w| w.render(sources).to_string()).collect(),
        })
    }
}

/// The compiled circuit and what is read off it.
struct Bench<'a> {
    element: &'a Element,
    solver: Solver,
    input: ParameterId,
    voltage: Output,
    current: Output,
    resistance: f64,
    closed_form: Option<ClosedForm>,
}

impl<'a> Bench<'a> {
    fn new(element: &'a Element, stage: Stage) -> Result<Self, ActivationError> {
        let [p, n] = stage.port;
        let solver = Solver::new(stage.circuit)?;
        Ok(Self {
            element,
            solver,
            input: stage.input,
            voltage: Output::Voltage { p, n },
            current: Output::Current {
                element: stage.resistor,
            },
            resistance: stage.resistance,
            closed_form: stage.closed_form,
        })
    }

    fn solve(&mut self, inputs: &[f64]) -> Result<Vec<Point>, ActivationError> {
        let mut points = Vec::with_capacity(inputs.len());
        let Self {
            element,
            solver,
            input,
            voltage,
            current,
            resistance,
            closed_form,
        } = self;
        let sweep = Sweep {
            name: "x".to_string(),
            variable: Variable::Elements(vec![*input]),
            values: inputs.to_vec(),
        };
        at_each_point(solver, &[sweep], &mut |solver, values| {
            let x = values[0];
            let op =
                solver
                    .operating_point_from_anywhere()
                    .map_err(|error| ActivationError::Solve {
                        element: element.name.clone(),
                        x,
                        error: Box::new(error),
                    })?;
            let slope =
                slope(solver, *voltage, *input).map_err(|error| ActivationError::Slope {
                    element: element.name.clone(),
                    x,
                    error,
                })?;
            points.push(Point {
                x,
                voltage: voltage.value(&solver.circuit, &op),
                current: current.value(&solver.circuit, &op),
                slope,
                closed: closed_form
                    .as_ref()
                    .and_then(|form| form.response(x, *resistance)),
            });
            Ok::<(), ActivationError>(())
        })?;
        Ok(points)
    }
}

/// dv/dx at the operating point that the solver holds.
fn slope(solver: &mut Solver, output: Output, input: ParameterId) -> Result<f64, AdjointError> {
    let (adjoint, cotangent) = solver.adjoint(&[(output, 1.0)])?;
    let gradient = Gradient::evaluate(
        &solver.circuit,
        &solver.system,
        &solver.values,
        &solver.workspace,
        (&adjoint, &cotangent),
        &[input],
    );
    Ok(gradient.entries[0].gradient)
}
