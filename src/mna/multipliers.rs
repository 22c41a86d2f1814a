//! Ideal diodes by the method of multipliers (Hestenes 1969; Powell 1969): `i = max(0, lambda + rho v)`.
//!
//! While the multipliers `lambda` stay as they are, that is the law of an ordinary, piecewise-linear
//! diode, and there is a co-content in the node potentials. Taking the currents for the next
//! multipliers leads to those of the ideal diodes, from anywhere, for it is the proximal point method
//! on them (Rockafellar 1976).

use crate::device::OnePort;

use super::relaxed::{Linearized, Relaxed};
use super::stamps::IdealStamp;
use super::workspace::Workspace;
use super::{System, Values};

/// Conductance of the penalty in units of what meets at the diode: the error of its current shrinks by
/// about as much with each new multiplier.
const PENALTY: f64 = 1e2;

/// Growth of the penalties with each new multiplier: between diodes in series what meets at their node
/// tells nothing of what meets at their ends.
const GROWTH: f64 = 10.0;

/// Current and conductance of each ideal diode at 0 V.
#[derive(Clone, Debug)]
pub struct Multipliers {
    /// A.
    lambda: Vec<f64>,
    /// S.
    rho: Vec<f64>,
    /// Voltages (V) between which each one-port keeps to its law; beyond, it goes straight on. They lie
    /// where its current is more than the sources can drive: without them the exponentials of a bad
    /// start leave no digit of anything else.
    within: Vec<[f64; 2]>,
}

impl Multipliers {
    /// Current of diode `index` at `voltage`.
    fn current(&self, index: usize, voltage: f64) -> f64 {
        f64::max(self.lambda[index] + self.rho[index] * voltage, 0.0)
    }

    /// `v - i / rho` where the diode conducts; the current obeys the law as it is.
    #[inline]
    pub(super) fn linearized(&self, index: usize, current: f64) -> Linearized {
        let is_conducting = current > 0.0;
        Linearized {
            is_conducting,
            softness: if is_conducting {
                1.0 / self.rho[index]
            } else {
                0.0
            },
            residual: 0.0,
        }
    }
}

impl Workspace {
    /// True if a co-content of the node potentials exists under the laws in force.
    pub fn has_cocontent(&self, system: &System) -> bool {
        let slaved = match self.relaxed {
            Some(Relaxed::Multipliers(_)) => system.ideal_diodes.len(),
            _ => 0,
        };
        system.is_reciprocal && system.order == system.node_unknowns + slaved
    }

    /// Relaxes all ideal diodes, with no current at 0 V.
    pub fn enter_multipliers(&mut self, system: &System, values: &Values) {
        let most = self.most_current(system, values);
        let within = values.one_ports.iter();
        let within = within.map(|law| [-1.0, 1.0].map(|sign| voltage_at(law, sign, most)));
        self.relaxed = Some(Relaxed::Multipliers(Multipliers {
            lambda: vec![0.0; system.ideal_diodes.len()],
            rho: self.penalties(system, values),
            within: within.collect(),
        }));
        self.invalidate();
    }

    /// Takes the currents for multipliers.
    pub fn advance_multipliers(&mut self, system: &System) {
        let Some(Relaxed::Multipliers(multipliers)) = &mut self.relaxed else {
            return;
        };
        for rho in &mut multipliers.rho {
            *rho *= GROWTH;
        }
        for (lambda, stamp) in multipliers.lambda.iter_mut().zip(&system.ideal_diodes) {
            *lambda = self.full[stamp.branch.index()];
        }
        self.invalidate();
    }

    /// Puts currents, states and points where the voltages of the iterate have them.
    pub(super) fn follow_multipliers(&mut self, system: &System) {
        let Some(Relaxed::Multipliers(multipliers)) = &self.relaxed else {
            return;
        };
        for (point, [low, high]) in self.points.iter_mut().zip(&multipliers.within) {
            *point = point.clamp(*low, *high);
        }
        for (index, stamp) in system.ideal_diodes.iter().enumerate() {
            let current = multipliers.current(index, self.voltage(stamp.p, stamp.n));
            self.full[stamp.branch.index()] = current;
            self.low[stamp.branch.index()] = 0.0;
            let on = current > 0.0;
            self.is_factored &= self.conducting[index] == on;
            self.conducting[index] = on;
        }
    }

    /// More than the sources can drive through any element, A.
    fn most_current(&self, system: &System, values: &Values) -> f64 {
        let linear = values.conductances.iter().copied();
        let slopes = self
            .companions
            .iter()
            .map(|companion| companion.conductance);
        let conductance = linear.chain(slopes).fold(0.0f64, |m, g| m.max(g.abs()));
        let (voltage, current) = system.largest_sources(self);
        let sources = self.sources.len() as f64;
        10.0 * sources * (current + voltage * conductance)
    }

    /// Penalties by the conductances that meet at each diode: the smaller sum of its two nodes.
    fn penalties(&self, system: &System, values: &Values) -> Vec<f64> {
        let mut sums = vec![0.0; system.node_unknowns];
        let linear = system.conductances.iter().zip(&values.conductances);
        let slopes = self
            .companions
            .iter()
            .map(|companion| &companion.conductance);
        for (stamp, &g) in linear.chain(system.one_ports.iter().zip(slopes)) {
            for node in [stamp.p, stamp.n] {
                if let Some(sum) = sums.get_mut(system.unknown[node.index()].index()) {
                    *sum += g.abs();
                }
            }
        }
        let typical = values.typical_conductance;
        let around = |stamp: &IdealStamp| {
            let [p, n] = [stamp.p, stamp.n].map(|node| {
                let unknown = system.unknown[node.index()];
                sums.get(unknown.index()).copied().unwrap_or(f64::INFINITY)
            });
            match p.min(n) {
                least if least.is_finite() && least > 0.0 => least,
                _ => typical,
            }
        };
        let penalty = |stamp| PENALTY * around(stamp);
        system.ideal_diodes.iter().map(penalty).collect()
    }
}

/// Where the current of `law` on the side of `sign` is `current` (A) in magnitude; infinity where that
/// is nowhere near.
fn voltage_at(law: &OnePort, sign: f64, current: f64) -> f64 {
    const FARTHEST: f64 = 1e6;
    let exceeds = |volts: f64| !(law.evaluate(sign * volts).current.abs() <= current);
    let (mut low, mut high) = (0.0, 0.125);
    while !exceeds(high) {
        if high > FARTHEST {
            return sign * f64::INFINITY;
        }
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if exceeds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    sign * low
}
