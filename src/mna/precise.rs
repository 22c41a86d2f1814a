//! Residuals in twice the working precision, for the last digits of a solution.
//!
//! A step of iterative refinement is as good as its residual (Wilkinson 1963). Sums and products are
//! carried with their rounding errors (Dekker 1971), so that what is left of a residual after large
//! currents have cancelled is right to its last digit.

use std::ops::AddAssign;

use crate::circuit::NodeId;

use super::clock::Phase;
use super::laws::{ControlStamp, LawStamp};
use super::stamps::PairStamp;
use super::strips::Part;
use super::workspace::Workspace;
use super::{Entries, FullIndex, System, Values};

/// A sum with its rounding error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub high: f64,
    pub low: f64,
}

impl Sum {
    #[inline]
    fn add(&mut self, value: f64) {
        let (sum, error) = two_sum(self.high, value);
        self.high = sum;
        self.low += error;
    }

    /// A value and what rounding cut off it.
    #[inline]
    fn add_both(&mut self, value: f64, rest: f64) {
        self.add(value);
        self.low += rest;
    }

    fn rounded(self) -> f64 {
        self.high + self.low
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.add_both(other.high, other.low);
    }
}

/// Sums with their rounding errors, one for each entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums(Vec<Sum>);

impl Sums {
    pub(super) fn new(len: usize) -> Self {
        Self(vec![Sum::default(); len])
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(Sum::default());
    }

    /// Each sum and its rounding error.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().map(|sum| (sum.high, sum.low))
    }

    #[inline]
    fn add(&mut self, index: usize, value: f64) {
        self.0[index].add(value);
    }

    #[inline]
    fn add_product(&mut self, index: usize, a: f64, b: f64) {
        let (product, error) = two_product(a, b);
        self.0[index].add_both(product, error);
    }

    /// A number that is added to the first equation and taken from the second.
    #[inline]
    fn add_between(&mut self, rows: [FullIndex; 2], (value, error): (f64, f64)) {
        let [p, n] = rows.map(FullIndex::index);
        self.0[p].add_both(value, error);
        self.0[n].add_both(-value, -error);
    }

    /// The value of a law linearized at `points`.
    fn add_law(
        &mut self,
        x: Iterate,
        stamp: &LawStamp,
        controls: (&[ControlStamp], &[f64]),
        (value, slopes): (f64, &[f64]),
        factor: f64,
    ) {
        let beyond = |(control, point): (&ControlStamp, &f64)| {
            let [p, n] = control.columns.map(FullIndex::index);
            x.beyond(p, n, *point)
        };
        let beyond = controls.0.iter().zip(controls.1).map(beyond);
        let change: f64 = beyond.zip(slopes).map(|(b, s)| s * b).sum();
        self.add_between(stamp.rows, (factor * value, factor * change));
    }

    #[inline]
    fn add_current(&mut self, [p, n]: [NodeId; 2], current: f64) {
        self.add(p.index(), current);
        self.add(n.index(), -current);
    }
}

/// A current that leaves p and enters n, and what rounding cut off it.
#[inline(always)]
fn add_current(sums: &mut Part<Sum>, [p, n]: [NodeId; 2], (current, rest): (f64, f64)) {
    sums.at(p).add_both(current, rest);
    sums.at(n).add_both(-current, -rest);
}

#[inline(always)]
fn add_conductance(sums: &mut Part<Sum>, x: Iterate, stamp: &PairStamp, g: f64) {
    let nodes = [stamp.p, stamp.n];
    add_current(sums, nodes, x.current(nodes, g));
}

impl Entries for Sums {
    #[inline]
    fn add(&mut self, index: usize, value: f64) {
        if let Some(sum) = self.0.get_mut(index) {
            sum.add(value);
        }
    }
}

/// A vector with what rounding cut off it.
#[derive(Clone, Copy)]
struct Iterate<'a> {
    full: &'a [f64],
    low: Option<&'a [f64]>,
}

impl Iterate<'_> {
    #[inline]
    fn low(&self, index: usize) -> f64 {
        self.low.map_or(0.0, |low| low[index])
    }

    /// Difference of two entries and its rounding error.
    #[inline]
    fn difference(&self, p: usize, n: usize) -> (f64, f64) {
        let (difference, error) = two_sum(self.full[p], -self.full[n]);
        (difference, error + (self.low(p) - self.low(n)))
    }

    /// The current of a conductance, and its rounding error.
    #[inline]
    fn current(&self, [p, n]: [NodeId; 2], g: f64) -> (f64, f64) {
        let (difference, error) = self.difference(p.index(), n.index());
        let (current, rest) = two_product(g, difference);
        (current, rest + g * error)
    }

    /// How far a difference is from `point`.
    #[inline]
    fn beyond(&self, p: usize, n: usize, point: f64) -> f64 {
        let (difference, error) = self.difference(p, n);
        (difference - point) + error
    }
}

/// `a + b` and its rounding error (Knuth).
#[inline]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let shadow = sum - a;
    (sum, (a - (sum - shadow)) + (b - shadow))
}

/// `a b` and its rounding error (Dekker); the error is dropped where splitting would overflow.
#[inline]
pub(super) fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let ((a1, a2), (b1, b2)) = (split(a), split(b));
    let error = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;
    (product, if error.is_finite() { error } else { 0.0 })
}

/// Upper and lower half of the digits (Veltkamp).
#[inline]
fn split(a: f64) -> (f64, f64) {
    const FACTOR: f64 = 134_217_729.0;
    let scaled = FACTOR * a;
    let high = scaled - (scaled - a);
    (high, a - high)
}

impl Workspace {
    /// The residual as [`Workspace::evaluate_residual`] computes it, rounded once at the end.
    pub fn evaluate_residual_precisely(&mut self, system: &System, values: &Values) {
        let began = self.clock.begin();
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        self.add_branches(system, values, &mut sums);
        self.add_laws_and_ideal_diodes(system, values, &mut sums);
        for &(node, volts) in &values.nodeset {
            if self.pull != 0.0 {
                let beyond = self.iterate().beyond(node.index(), 0, volts);
                sums.add(node.index(), self.pull * beyond);
            }
        }
        for (value, sum) in self.residual.iter_mut().zip(&sums.0) {
            *value = sum.rounded();
        }
        reduce(system, &sums, &mut self.reduced, &mut self.scratch);
        self.sums = sums;
        self.add_shunts(system);
        self.clock.end(Phase::Residual, began);
    }

    fn iterate(&self) -> Iterate<'_> {
        Iterate {
            full: &self.full,
            low: Some(&self.low),
        }
    }

    fn add_branches(&self, system: &System, values: &Values, sums: &mut Sums) {
        let x = self.iterate();
        let nodes = &mut sums.0[..system.node_count];
        system.strips().run(nodes, |strip, sums| {
            strip.conductances.for_each(|k| {
                add_conductance(sums, x, &system.conductances[k], values.conductances[k]);
            });
            strip.current_sources.for_each(|k| {
                let stamp = &system.current_sources[k];
                let current = self.source_factor * self.sources[stamp.source.index()];
                add_current(sums, [stamp.p, stamp.n], (current, 0.0));
            });
            strip.one_ports.for_each(|k| {
                let (stamp, companion) = (&system.one_ports[k], &self.companions[k]);
                let nodes = [stamp.p, stamp.n];
                let beyond = x.beyond(stamp.p.index(), stamp.n.index(), self.points[k]);
                add_current(sums, nodes, (companion.current, 0.0));
                add_current(sums, nodes, (companion.conductance * beyond, 0.0));
            });
        });
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            let (row, column) = (coupling.row.index(), coupling.column.index());
            sums.add_product(row, c, x.full[column]);
            sums.0[row].low += c * x.low(column);
        }
        for &(row, source) in &system.kept_voltage_sources {
            let volts = self.source_factor * self.sources[source.index()];
            sums.add(row.index(), -volts);
        }
    }

    fn add_laws_and_ideal_diodes(&self, system: &System, values: &Values, sums: &mut Sums) {
        let x = self.iterate();
        for (stamp, &value) in system.laws.iter().zip(&self.laws.values) {
            let controls = stamp.controls.clone();
            let points = &self.laws.points()[controls.clone()];
            let slopes = &self.laws.slopes[stamp.slopes.clone()];
            let at = (&system.controls[controls], points);
            sums.add_law(x, stamp, at, (value, slopes), self.source_factor);
        }
        for (index, (stamp, &on)) in system.ideal_diodes.iter().zip(&self.conducting).enumerate() {
            let own = stamp.branch.index();
            let (voltage, error) = x.difference(stamp.p.index(), stamp.n.index());
            for (node, sign) in [(stamp.p, 1.0), (stamp.n, -1.0)] {
                sums.0[node.index()].add_both(sign * x.full[own], sign * x.low(own));
            }
            if let Some(relaxed) = &self.relaxed {
                let (current, g) = (x.full[own], values.typical_conductance);
                let law = relaxed.linearized(index, current, voltage + error, g);
                sums.add(own, law.residual);
            } else if on {
                sums.add(own, voltage);
                sums.add(own, error);
            } else {
                sums.add(own, x.full[own]);
                sums.add(own, x.low(own));
            }
        }
    }
}

/// Sums the entries that share an unknown.
fn reduce(system: &System, sums: &Sums, reduced: &mut [f64], low: &mut [f64]) {
    reduced.fill(0.0);
    low.fill(0.0);
    for (own, unknown) in sums.0.iter().zip(&system.unknown) {
        if let Some(total) = reduced.get_mut(unknown.index()) {
            let (sum, error) = two_sum(*total, own.high);
            *total = sum;
            low[unknown.index()] += error + own.low;
        }
    }
    for (total, low) in reduced.iter_mut().zip(low) {
        *total += *low;
    }
}

/// `J' lambda` and `dL/dz - J' lambda` in twice the precision.
#[derive(Clone, Debug)]
pub struct TransposedResidual {
    sums: Sums,
    scratch: Vec<f64>,
}

impl TransposedResidual {
    pub fn new(system: &System) -> Self {
        Self {
            sums: Sums::new(system.full_len()),
            scratch: vec![0.0; system.order],
        }
    }

    /// Writes `J' lambda - cotangent`, without the ties, by full column to `residual`, and the sum
    /// over columns that share an unknown, with its sign turned, to `reduced`.
    pub fn evaluate(
        &mut self,
        (system, values, workspace): (&System, &Values, &Workspace),
        lambda: &[f64],
        cotangent: &[f64],
        residual: &mut [f64],
        reduced: &mut [f64],
    ) {
        let x = Iterate {
            full: lambda,
            low: None,
        };
        let sums = &mut self.sums;
        sums.clear();
        for (index, &c) in cotangent.iter().enumerate().filter(|(_, c)| **c != 0.0) {
            sums.add(index, -c);
        }
        let nodes = &mut sums.0[..system.node_count];
        system.strips().run(nodes, |strip, sums| {
            strip.conductances.for_each(|k| {
                add_conductance(sums, x, &system.conductances[k], values.conductances[k]);
            });
            strip.one_ports.for_each(|k| {
                let g = workspace.companions[k].conductance;
                add_conductance(sums, x, &system.one_ports[k], g);
            });
        });
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            sums.add_product(coupling.column.index(), c, lambda[coupling.row.index()]);
        }
        for stamp in &system.laws {
            let [p, n] = stamp.rows.map(FullIndex::index);
            let (across, error) = x.difference(p, n);
            let slopes = &workspace.laws.slopes[stamp.slopes.clone()];
            for (control, &slope) in system.controls[stamp.controls.clone()].iter().zip(slopes) {
                let (product, rest) = two_product(slope, across);
                sums.add_between(control.columns, (product, rest + slope * error));
            }
        }
        for (stamp, &on) in system.ideal_diodes.iter().zip(&workspace.conducting) {
            let own = stamp.branch.index();
            sums.add(own, lambda[stamp.p.index()]);
            sums.add(own, -lambda[stamp.n.index()]);
            if on {
                sums.add_current([stamp.p, stamp.n], lambda[own]);
            } else {
                sums.add(own, lambda[own]);
            }
        }
        for (value, sum) in residual.iter_mut().zip(&sums.0) {
            *value = sum.rounded();
        }
        reduce(system, sums, reduced, &mut self.scratch);
        reduced.iter_mut().for_each(|r| *r = -*r);
    }

    /// Sums of the magnitudes that meet in each equation of `J' lambda`, by unknown: what rounding of
    /// `lambda` leaves of a residual is measured by them.
    pub fn magnitudes(
        (system, values, workspace): (&System, &Values, &Workspace),
        lambda: &[f64],
    ) -> Vec<f64> {
        let mut full = vec![0.0; system.full_len()];
        let mut pair = |columns: [usize; 2], slope: f64, rows: [usize; 2]| {
            let size = slope.abs() * (lambda[rows[0]].abs() + lambda[rows[1]].abs());
            for column in columns {
                full[column] += size;
            }
        };
        let conductances = system.conductances.iter().zip(&values.conductances);
        let companions = system.one_ports.iter().zip(&workspace.companions);
        let slopes = companions.map(|(stamp, c)| (stamp, &c.conductance));
        for (stamp, g) in conductances.chain(slopes) {
            let nodes = [stamp.p.index(), stamp.n.index()];
            pair(nodes, *g, nodes);
        }
        for stamp in &system.laws {
            let slopes = &workspace.laws.slopes[stamp.slopes.clone()];
            let rows = stamp.rows.map(FullIndex::index);
            for (control, slope) in system.controls[stamp.controls.clone()].iter().zip(slopes) {
                pair(control.columns.map(FullIndex::index), *slope, rows);
            }
        }
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            full[coupling.column.index()] += (c * lambda[coupling.row.index()]).abs();
        }
        for stamp in &system.ideal_diodes {
            let own = lambda[stamp.branch.index()].abs();
            let nodes = [stamp.p.index(), stamp.n.index()];
            full[stamp.branch.index()] += own + nodes.map(|n| lambda[n].abs()).iter().sum::<f64>();
            for node in nodes {
                full[node] += own;
            }
        }
        let mut reduced = vec![0.0; system.order];
        for (size, unknown) in full.iter().zip(&system.unknown) {
            if let Some(sum) = reduced.get_mut(unknown.index()) {
                *sum += size;
            }
        }
        reduced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_sums_keep_their_last_digit() {
        let mut sums = Sums::new(1);
        for value in [1e16, 1.0, -1e16, 1e-3] {
            sums.add(0, value);
        }
        assert_eq!(sums.0[0].rounded(), 1.001);
    }

    #[test]
    fn products_carry_their_rounding_error() {
        let (a, b) = (1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
        let (product, error) = two_product(a, b);
        assert_eq!(product, 1.0);
        assert_eq!(error, -f64::EPSILON * f64::EPSILON);
        assert_eq!(two_product(1e304, 10.0).1, 0.0);
    }
}
