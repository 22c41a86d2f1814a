//! Circuits whose one-ports are all plain diodes: their laws on vector instructions, and a bound of what meets
//! in any equation.

use pulp::{Arch, NullaryFnOnce};

use crate::device::{Companion, OnePort, PlainDiode};

use super::{System, Values, Workspace};

/// All laws as plain diodes; none unless every one is.
pub(super) fn plain(one_ports: &[OnePort]) -> Vec<PlainDiode> {
    let laws: Option<Vec<PlainDiode>> = one_ports.iter().map(OnePort::plain).collect();
    laws.unwrap_or_default()
}

/// Evaluates diodes at their points; whether the conductances are what they were.
pub(super) fn evaluate(companions: &mut [Companion], laws: &[PlainDiode], points: &[f64]) -> bool {
    Arch::new().dispatch(Evaluation {
        companions,
        laws,
        points,
    })
}

struct Evaluation<'a> {
    companions: &'a mut [Companion],
    laws: &'a [PlainDiode],
    points: &'a [f64],
}

impl NullaryFnOnce for Evaluation<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let (companions, companions_left) = self.companions.as_chunks_mut::<LANES>();
        let (laws, laws_left) = self.laws.as_chunks::<LANES>();
        let (points, points_left) = self.points.as_chunks::<LANES>();
        let mut are_same = true;
        for ((companions, laws), points) in companions.iter_mut().zip(laws).zip(points) {
            are_same &= evaluate_lanes(companions, laws, points);
        }
        let left = companions_left.iter_mut().zip(laws_left);
        for ((companion, law), &point) in left.zip(points_left) {
            let (current, conductance) = law.evaluate(point);
            are_same &= conductance == companion.conductance;
            *companion = Companion {
                current,
                conductance,
            };
        }
        are_same
    }
}

/// Diodes of one vector.
const LANES: usize = 8;

#[inline(always)]
fn evaluate_lanes(
    companions: &mut [Companion; LANES],
    laws: &[PlainDiode; LANES],
    points: &[f64; LANES],
) -> bool {
    let mut currents = [0.0; LANES];
    let mut slopes = [0.0; LANES];
    for k in 0..LANES {
        (currents[k], slopes[k]) = laws[k].evaluate(points[k]);
    }
    let mut are_same = true;
    for k in 0..LANES {
        are_same &= slopes[k] == companions[k].conductance;
        companions[k] = Companion {
            current: currents[k],
            conductance: slopes[k],
        };
    }
    are_same
}

impl Values {
    /// Whether every one-port is a plain diode.
    pub(super) fn has_plain_laws(&self) -> bool {
        self.plain.len() == self.one_ports.len()
    }
}

impl Workspace {
    /// No [scale](super::Scale) of an equation is larger (A); infinite where that is not known.
    pub fn largest_scale(&self, system: &System, values: &Values) -> f64 {
        let is_simple = values.has_plain_laws()
            && system.ideal_diodes.is_empty()
            && system.laws.is_empty()
            && system.couplings.is_empty()
            && system.kept_voltage_sources.is_empty();
        if !is_simple || self.shunt != 0.0 || self.pull != 0.0 {
            return f64::INFINITY;
        }
        // A voltage, and what the potentials at its ends are measured by.
        let span = 2.0 * self.full.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let mut sums = [0.0; 4];
        let one_ports = self.companions.iter().zip(&self.points);
        for (k, (companion, point)) in one_ports.enumerate() {
            let slope = companion.conductance.abs() * (span + 2.0 * point.abs());
            sums[k % 4] += companion.current.abs() + slope;
        }
        let sources = system.current_sources.iter();
        let sources = sources.map(|stamp| self.sources[stamp.source.index()].abs());
        span * values.total_conductance + sums.iter().sum::<f64>() + sources.sum::<f64>()
    }
}
