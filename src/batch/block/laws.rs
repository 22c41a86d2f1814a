//! One-ports that are not straight: where they are linearized in each lane, and what that stamps.

use crate::batch::assembly::Assembly;
use crate::batch::ends::End;
use crate::batch::law::Law;
use crate::batch::real::Real;
use crate::batch::structure::BatchSystem;
use crate::device::PlainDiode;

use super::BlockState;
use super::lanes::{dispatch, row, row_mut};

/// What is left of a current of a law at the end of the iteration, in parts of the currents that
/// meet there. The step that follows squares it.
const LAW_TOLERANCE: f64 = 1e-10;

impl<T: Real> BlockState<T> {
    pub(super) fn start_laws(&mut self, laws: &[Law]) {
        self.points.fill(0.0);
        self.slope.fill(T::ZERO);
        self.companion.fill(T::ZERO);
        let lanes = self.lanes;
        for (index, law) in laws.iter().enumerate() {
            let start = law.evaluate(0.0);
            row_mut(&mut self.currents, index, lanes).fill(start.current);
            row_mut(&mut self.conductances, index, lanes).fill(start.conductance);
        }
    }

    /// Adds the companions of the one-ports to the nodes.
    #[inline(always)]
    pub(super) fn stamp_laws(&mut self, system: &BatchSystem) {
        if system.ports.is_empty() {
            return;
        }
        let lanes = self.lanes;
        self.slope.fill(T::ZERO);
        self.companion.fill(T::ZERO);
        for (index, port) in system.ports.iter().enumerate() {
            let nodes = port.ends.map(End::node);
            if nodes[0] == nodes[1] {
                continue;
            }
            let points = row(&self.points, index, lanes);
            let prescribed = row(&self.prescribed, index, lanes);
            let currents = row(&self.currents, index, lanes);
            let conductances = row(&self.conductances, index, lanes);
            for (node, sign) in nodes.into_iter().zip([1.0, -1.0]) {
                let Some(node) = node else {
                    continue;
                };
                let slope = row_mut(&mut self.slope, node, lanes);
                let companion = row_mut(&mut self.companion, node, lanes);
                for lane in 0..lanes {
                    // Current of the tangent where the free potentials are zero.
                    let beyond = prescribed[lane] - points[lane];
                    let rest = currents[lane] + conductances[lane] * beyond;
                    slope[lane] += T::of(conductances[lane]);
                    companion[lane] -= T::of(sign * rest);
                }
            }
        }
    }

    /// New points of the one-ports; lanes where a current is not what the tangent said go on.
    pub(super) fn move_laws(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        laws: &[Law],
        x: &[T],
    ) {
        for (index, law) in laws.iter().enumerate() {
            // Conductance that the free nodes see beside the one-port.
            let ends = system.ports[index].ends.iter();
            let linear = ends.filter_map(|end| end.node().map(|k| assembly.diagonal[k].f64()));
            let linear = linear.fold(f64::INFINITY, f64::min);
            let linear = if linear.is_finite() { linear } else { 0.0 };
            dispatch(
                #[inline(always)]
                || match law.plain() {
                    Some(plain) => self.move_plain(system, index, linear, x, &plain),
                    None => self.move_law(system, index, linear, x, law),
                },
            );
        }
    }

    /// The voltage across one-port `index` in every lane.
    #[inline(always)]
    fn measure_port(&mut self, system: &BatchSystem, index: usize, x: &[T]) {
        let lanes = self.lanes;
        self.voltages
            .copy_from_slice(row(&self.prescribed, index, lanes));
        for (end, sign) in system.ports[index].ends.into_iter().zip([1.0, -1.0]) {
            if let Some(node) = end.node() {
                for (v, &x) in self.voltages.iter_mut().zip(row(x, node, lanes)) {
                    *v += sign * x.f64();
                }
            }
        }
    }

    #[inline(always)]
    fn move_plain(
        &mut self,
        system: &BatchSystem,
        index: usize,
        linear: f64,
        x: &[T],
        law: &PlainDiode,
    ) {
        self.measure_port(system, index, x);
        let lanes = self.lanes;
        let points = row_mut(&mut self.points, index, lanes);
        let currents = row_mut(&mut self.currents, index, lanes);
        let conductances = row_mut(&mut self.conductances, index, lanes);
        let (voltages, is_moving) = (&mut self.voltages[..lanes], &mut self.is_moving[..lanes]);
        for lane in 0..lanes {
            let (v, before) = (voltages[lane], points[lane]);
            if v > 0.0 && v - before > law.thermal {
                // An exponential runs away from its tangent: what the network offers decides.
                let promised = currents[lane] + conductances[lane] * (v - before);
                let available = promised.max(0.0) + linear * v;
                voltages[lane] = law.resolvent(available, linear).min(v);
                is_moving[lane] = true;
            }
        }
        let tolerance = LAW_TOLERANCE.max(8.0 * T::EPSILON);
        for lane in 0..lanes {
            let point = voltages[lane];
            let promised = currents[lane] + conductances[lane] * (point - points[lane]);
            let (current, conductance) = law.evaluate(point);
            let allowed = tolerance * (current.abs() + linear * point.abs());
            is_moving[lane] |= !((current - promised).abs() <= allowed);
            points[lane] = point;
            currents[lane] = current;
            conductances[lane] = conductance;
        }
    }

    #[inline(always)]
    fn move_law(&mut self, system: &BatchSystem, index: usize, linear: f64, x: &[T], law: &Law) {
        self.measure_port(system, index, x);
        let tolerance = LAW_TOLERANCE.max(8.0 * T::EPSILON);
        for lane in 0..self.lanes {
            let at = index * self.lanes + lane;
            let (voltage, before) = (self.voltages[lane], self.points[at]);
            if voltage == before {
                continue;
            }
            let point = law.limit(voltage, before);
            let new = law.evaluate(point);
            let promised = self.currents[at] + self.conductances[at] * (point - before);
            let allowed = tolerance * (new.current.abs() + linear * voltage.abs());
            let near = (point - voltage).abs() <= 1e-9 * voltage.abs();
            self.is_moving[lane] |= !near || !((new.current - promised).abs() <= allowed);
            self.points[at] = point;
            self.currents[at] = new.current;
            self.conductances[at] = new.conductance;
        }
    }
}
