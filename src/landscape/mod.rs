//! The energy landscape: the co-content of a circuit along lines through its operating point.
//!
//! The operating point has the least co-content `G` of all potentials that voltage sources, transformers
//! and ideal diodes allow ([`cocontent`]; Millar 1951). Two kinds of line lead there:
//!
//! ```text
//! along a voltage      E(x) = min { G(v) : v_p - v_n = x }      dE/dx = current of a source that forces x
//! along a direction    E(t) = G(v* + t d)                       dE/dt = sum of i_k(v) d_k over the branches
//! ```
//!
//! In the first a voltage is forced and all others settle, which is the *reduced* co-content; in the second
//! all potentials move in proportion. If every law is monotone, both are convex, and where both start from
//! the same node the first lies below. Where ideal diodes forbid a point, its co-content is infinite.
//!
//! ```
//! use ohmgrad::analysis::{Output, Solver};
//! use ohmgrad::landscape::Landscape;
//! use ohmgrad::netlist::Netlist;
//!
//! let deck = "divider\nV1 in 0 2\nR1 in out 1k\nR2 out 0 1k\n";
//! let solver = Solver::from_netlist(&Netlist::parse("divider", deck)?)?;
//! let out = Output::parse(&solver.circuit, "v(out)")?;
//! let line = Landscape::new(solver)?.along(out, &[0.0, 1.0, 2.0])?;
//! let cocontent: Vec<f64> = line.points.iter().map(|point| point.cocontent).collect();
//! for (computed, exact) in cocontent.iter().zip([2e-3, 1e-3, 2e-3]) {
//!     assert!((computed - exact).abs() < 1e-15);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod constraints;
mod direction;
mod error;

use crate::analysis::{
    OperatingPoint, Output, Solver, Sweep, check_reciprocal, cocontent, cocontent_slope, dc_sweep,
};
use crate::circuit::{Circuit, ElementId, NodeId, ParameterId, Variable};
use crate::device::{Device, Parameter};
use crate::newton::NewtonOptions;

pub use direction::Direction;
pub use error::LandscapeError;

/// A circuit at its operating point.
#[derive(Clone, Debug)]
pub struct Landscape {
    circuit: Circuit,
    op: OperatingPoint,
    options: NewtonOptions,
}

/// The co-content along a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// `v(out)`, or of a straight line `random:1` or `v(out) alone`.
    pub name: String,
    /// Where the operating point is on it, V.
    pub rest: f64,
    pub points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The forced voltage, or how far the direction is gone, V.
    pub x: f64,
    /// W; infinite where ideal diodes forbid the point.
    pub cocontent: f64,
    /// dE/dx, A; none where the co-content is infinite.
    pub slope: Option<f64>,
}

impl Point {
    fn forbidden(x: f64) -> Self {
        Self {
            x,
            cocontent: f64::INFINITY,
            slope: None,
        }
    }
}

/// Name of the source that forces a voltage.
const CLAMP: &str = "vclamp";

impl Landscape {
    /// Solves the circuit.
    ///
    /// # Errors
    /// [`LandscapeError`] if it has no co-content or no operating point.
    pub fn new(mut solver: Solver) -> Result<Self, LandscapeError> {
        check_reciprocal(&solver.circuit)?;
        let op = solver.operating_point()?;
        Ok(Self {
            circuit: solver.circuit,
            op,
            options: solver.options,
        })
    }

    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    pub fn operating_point(&self) -> &OperatingPoint {
        &self.op
    }

    /// Co-content of the operating point, W.
    pub fn least(&self) -> f64 {
        cocontent(&self.circuit, &self.op.potentials)
    }

    /// The least co-content of all potentials with a given voltage, for each of the values (V).
    ///
    /// # Errors
    /// [`LandscapeError`] if the output is no voltage or is held by sources, or a point has no operating
    /// point.
    pub fn along(&self, output: Output, values: &[f64]) -> Result<Line, LandscapeError> {
        let name = output.name(&self.circuit).to_string();
        let Output::Voltage { p, n } = output else {
            return Err(LandscapeError::NoVoltage { name });
        };
        if !constraints::is_free(&self.circuit, [p, n])? {
            return Err(LandscapeError::Held { name });
        }
        let (low, high) = constraints::reach(&self.circuit, [p, n]);
        let is_allowed = |x: &f64| (low..=high).contains(x);
        let (mut solver, clamp) = self.clamped([p, n])?;
        let voltage = ParameterId {
            element: clamp,
            parameter: Parameter::Voltage,
        };
        let sweep = Sweep {
            name: name.clone(),
            variable: Variable::Elements(vec![voltage]),
            values: values.iter().copied().filter(is_allowed).collect(),
        };
        let mut solved = Vec::with_capacity(sweep.values.len());
        dc_sweep(&mut solver, &[sweep], &mut |circuit, point| {
            solved.push(Point {
                x: point.values[0],
                cocontent: cocontent(circuit, &point.op.potentials),
                slope: Some(-point.op.current(circuit, clamp)),
            });
        })?;
        let mut solved = solved.into_iter();
        let point = |&x: &f64| {
            let known = is_allowed(&x).then(|| solved.next()).flatten();
            known.unwrap_or_else(|| Point::forbidden(x))
        };
        Ok(Line {
            rest: self.op.voltage(p, n),
            name,
            points: values.iter().map(point).collect(),
        })
    }

    /// The circuit with a source that forces the voltage of a port.
    fn clamped(&self, port: [NodeId; 2]) -> Result<(Solver, ElementId), LandscapeError> {
        let mut circuit = self.circuit.clone();
        let mut name = CLAMP.to_string();
        while circuit.find_element(&name).is_some() {
            name.push('_');
        }
        let voltage = self.op.voltage(port[0], port[1]);
        let clamp = circuit.add(&name, Device::VoltageSource { voltage }, port)?;
        let mut solver = Solver::new(circuit)?;
        solver.options = self.options;
        Ok((solver, clamp))
    }

    /// The co-content at each of the `steps` (V) from the operating point, all potentials moving in proportion.
    /// Potentials that sources hold stay, and ideal diodes that conduct go on conducting.
    ///
    /// # Errors
    /// [`LandscapeError`] if nothing can move in this direction.
    pub fn straight(&self, direction: &Direction, steps: &[f64]) -> Result<Line, LandscapeError> {
        let change = direction.change(&self.circuit, &self.op)?;
        let point = |&t: &f64| {
            let moved = self.op.potentials.iter().zip(&change);
            let potentials: Vec<f64> = moved.map(|(v, d)| v + t * d).collect();
            if !constraints::is_allowed(&self.circuit, &potentials) {
                return Point::forbidden(t);
            }
            Point {
                x: t,
                cocontent: cocontent(&self.circuit, &potentials),
                slope: Some(cocontent_slope(&self.circuit, &potentials, &change)),
            }
        };
        Ok(Line {
            name: direction.name(&self.circuit),
            rest: 0.0,
            points: steps.iter().map(point).collect(),
        })
    }
}
