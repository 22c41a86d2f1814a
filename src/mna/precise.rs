//! Residuals in twice the working precision, for the last digits of a solution.
//!
//! A step of iterative refinement is as good as its residual (Wilkinson 1963). Sums and products are
//! carried with their rounding errors (Dekker 1971), so that what is left of a residual after large
//! currents have cancelled is right to its last digit.

use crate::circuit::NodeId;

use super::laws::{ControlStamp, LawStamp};
use super::workspace::Workspace;
use super::{FullIndex, System, Values};

/// Sums with their rounding errors, one for each entry.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    high: Vec<f64>,
    low: Vec<f64>,
}

impl Sums {
    pub(super) fn new(len: usize) -> Self {
        Self {
            high: vec![0.0; len],
            low: vec![0.0; len],
        }
    }

    fn clear(&mut self) {
        self.high.fill(0.0);
        self.low.fill(0.0);
    }

    #[inline]
    fn add(&mut self, index: usize, value: f64) {
        let (sum, error) = two_sum(self.high[index], value);
        self.high[index] = sum;
        self.low[index] += error;
    }

    #[inline]
    fn add_product(&mut self, index: usize, a: f64, b: f64) {
        let (product, error) = two_product(a, b);
        self.add(index, product);
        self.low[index] += error;
    }

    /// A current `g (v_p - v_n)` that leaves p and enters n.
    #[inline]
    fn add_conductance(&mut self, full: &[f64], [p, n]: [NodeId; 2], g: f64) {
        let (p, n) = (p.index(), n.index());
        let (difference, error) = two_sum(full[p], -full[n]);
        self.add_product(p, g, difference);
        self.add_product(n, -g, difference);
        self.low[p] += g * error;
        self.low[n] -= g * error;
    }

    /// A number that is added to the first equation and taken from the second.
    #[inline]
    fn add_between(&mut self, rows: [FullIndex; 2], (value, error): (f64, f64)) {
        let [p, n] = rows.map(FullIndex::index);
        self.add(p, value);
        self.add(n, -value);
        self.low[p] += error;
        self.low[n] -= error;
    }

    /// The value of a law at `full`, where it was evaluated but for the rounding of its controls.
    fn add_law(
        &mut self,
        full: &[f64],
        stamp: &LawStamp,
        controls: &[ControlStamp],
        (value, slopes): (f64, &[f64]),
    ) {
        let rounding = |control: &ControlStamp| difference(full, control.columns).1;
        let rounded = controls.iter().zip(slopes).map(|(c, s)| s * rounding(c));
        self.add_between(stamp.rows, (value, rounded.sum()));
    }

    #[inline]
    fn add_current(&mut self, [p, n]: [NodeId; 2], current: f64) {
        self.add(p.index(), current);
        self.add(n.index(), -current);
    }
}

/// Difference of two entries and its rounding error.
#[inline]
fn difference(full: &[f64], [p, n]: [FullIndex; 2]) -> (f64, f64) {
    two_sum(full[p.index()], -full[n.index()])
}

/// `a + b` and its rounding error (Knuth).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let shadow = sum - a;
    (sum, (a - (sum - shadow)) + (b - shadow))
}

/// `a b` and its rounding error (Dekker); the error is dropped where splitting would overflow.
#[inline]
fn two_product(a: f64, b: f64) -> (f64, f64) {
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
    /// The residual as [`Workspace::evaluate_residual`] computes it, for exact ideal diodes and
    /// without shunts, rounded once at the end; the companions stand at the voltages of the iterate.
    pub fn evaluate_residual_precisely(&mut self, system: &System, values: &Values) {
        let (full, sums) = (&self.full, &mut self.sums);
        sums.clear();
        for (stamp, &g) in system.conductances.iter().zip(&values.conductances) {
            sums.add_conductance(full, [stamp.p, stamp.n], g);
        }
        for stamp in &system.current_sources {
            sums.add_current([stamp.p, stamp.n], self.sources[stamp.source.index()]);
        }
        for (stamp, companion) in system.one_ports.iter().zip(&self.companions) {
            sums.add_current([stamp.p, stamp.n], companion.current);
        }
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            sums.add_product(coupling.row.index(), c, full[coupling.column.index()]);
        }
        for (stamp, &value) in system.laws.iter().zip(&self.laws.values) {
            let controls = &system.controls[stamp.controls.clone()];
            let slopes = &self.laws.slopes[stamp.slopes.clone()];
            sums.add_law(full, stamp, controls, (value, slopes));
        }
        for &(row, source) in &system.kept_voltage_sources {
            sums.add(row.index(), -self.sources[source.index()]);
        }
        for (stamp, &on) in system.ideal_diodes.iter().zip(&self.conducting) {
            let own = stamp.branch.index();
            sums.add_current([stamp.p, stamp.n], full[own]);
            if on {
                sums.add(own, full[stamp.p.index()]);
                sums.add(own, -full[stamp.n.index()]);
            } else {
                sums.add(own, full[own]);
            }
        }
        for (value, (high, low)) in self
            .residual
            .iter_mut()
            .zip(sums.high.iter().zip(&sums.low))
        {
            *value = high + low;
        }
        reduce(system, &self.sums, &mut self.reduced, &mut self.scratch);
    }
}

/// Sums the entries that share an unknown.
fn reduce(system: &System, sums: &Sums, reduced: &mut [f64], low: &mut [f64]) {
    reduced.fill(0.0);
    low.fill(0.0);
    for (index, unknown) in system.unknown.iter().enumerate() {
        if let Some(total) = reduced.get_mut(unknown.index()) {
            let (sum, error) = two_sum(*total, sums.high[index]);
            *total = sum;
            low[unknown.index()] += error + sums.low[index];
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
        let sums = &mut self.sums;
        sums.clear();
        for (index, &c) in cotangent.iter().enumerate() {
            sums.add(index, -c);
        }
        for (stamp, &g) in system.conductances.iter().zip(&values.conductances) {
            sums.add_conductance(lambda, [stamp.p, stamp.n], g);
        }
        for (stamp, companion) in system.one_ports.iter().zip(&workspace.companions) {
            sums.add_conductance(lambda, [stamp.p, stamp.n], companion.conductance);
        }
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            sums.add_product(coupling.column.index(), c, lambda[coupling.row.index()]);
        }
        for stamp in &system.laws {
            let (across, error) = difference(lambda, stamp.rows);
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
        for (value, (high, low)) in residual.iter_mut().zip(sums.high.iter().zip(&sums.low)) {
            *value = high + low;
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
        assert_eq!(sums.high[0] + sums.low[0], 1.001);
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
