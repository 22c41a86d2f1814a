//! Damped Newton.
//!
//! Where a co-content exists the operating point is its minimum (Millar 1951). The slope of the
//! co-content along a Newton step is `F(z + t d) . d`, which rises with `t` in a monotone circuit: a
//! bracketing search finds its zero without evaluating the co-content, free of cancellation. The
//! co-content falls at every step, so that the iteration converges from any start.

use super::active_set::Pivoting;
use super::state::Residual;
use super::{Check, Outcome, Run};

/// A step is long enough where the slope has fallen to this part of the initial one.
const SLOPE_REDUCTION: f64 = 0.25;
const MAX_HALVINGS: usize = 60;

impl Run<'_> {
    pub(super) fn line_search(&mut self) -> Outcome {
        self.line_search_within(self.options.max_iterations)
    }

    pub(super) fn line_search_within(&mut self, max_iterations: usize) -> Outcome {
        let mut pivoting = Pivoting::one_by_one();
        self.unlimit();
        let mut has_residual = true;
        for _ in 0..max_iterations {
            if self.is_near(has_residual) && !self.flip_ideal_diodes(&mut pivoting) {
                return Outcome::Converged;
            }
            // A flip changes the residual, and so does a law that is linearized elsewhere.
            let is_smooth = !self.system.has_ideal_diodes() && !self.system.has_laws();
            let residual = match has_residual && is_smooth {
                true => Residual::AtHand,
                false => Residual::Unknown,
            };
            if let Err(outcome) = self.step_on(residual) {
                return outcome;
            }
            if !self.move_along_step() {
                return Outcome::Stalled;
            }
            let has_flipped = self.flip_ideal_diodes(&mut pivoting);
            has_residual = !has_flipped && self.workspace.has_cocontent(self.system);
        }
        Outcome::TooManyIterations
    }

    /// Whether the iterate passes the check, which costs nothing where it is far from that.
    fn is_near(&mut self, has_residual: bool) -> bool {
        if !has_residual {
            self.unlimit();
        }
        !self.is_far() && self.check_residual().ratio <= 1.0
    }

    /// The check after [`Run::move_along_step`]: a search on the co-content ends with the residual of
    /// its iterate.
    pub(super) fn check_after_move(&mut self) -> Check {
        match self.workspace.has_cocontent(self.system) {
            true => self.check_residual(),
            false => self.check(),
        }
    }

    /// Moves along the step, on the co-content if there is one; false if it cannot.
    pub(super) fn move_along_step(&mut self) -> bool {
        match self.workspace.has_cocontent(self.system) {
            true => self.search_cocontent(),
            false => self.search_residual_norm(),
        }
    }

    /// Moves along the step to where the slope of the co-content is small; false if it cannot.
    fn search_cocontent(&mut self) -> bool {
        self.workspace.begin_search();
        let initial = self.workspace.initial_slope(self.system);
        if !(initial < 0.0) {
            return false;
        }
        let enough = |slope: f64| slope.abs() <= SLOPE_REDUCTION * initial.abs();
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
        for _ in 0..MAX_HALVINGS {
            let slope = self.slope_at(t);
            if enough(slope) && (slope <= 0.0 || self.falls_until(t, slope)) {
                return true;
            }
            if slope > 0.0 || !slope.is_finite() {
                high = t;
            } else {
                low = t;
            }
            t = if high.is_finite() {
                0.5 * (low + high)
            } else {
                4.0 * t
            };
        }
        // The slope jumps over zero (a corner of a piecewise-linear law): stay on the near side.
        low > 0.0 && {
            self.slope_at(low);
            true
        }
    }

    /// Whether the co-content falls on the way to `t` although its slope there is positive. Slopes rise,
    /// by `rise` over a unit of the way at least, so that the co-content falls where the slope is below
    /// `t rise / 2`, or the sum with the slope halfway is. Where a slope jumps up at the begin of the
    /// step, neither may be. The iterate ends at `t` if it falls.
    fn falls_until(&mut self, t: f64, slope: f64) -> bool {
        let least = 0.5 * t * self.workspace.linear_rise(self.system, self.values);
        slope <= least
            || self.slope_at(0.5 * t) + slope <= least && {
                self.move_to(t);
                true
            }
    }

    /// Puts the iterate `t` steps from where the search began and returns `F . direction` there.
    fn slope_at(&mut self, t: f64) -> f64 {
        self.move_to(t);
        self.workspace.slope()
    }

    fn move_to(&mut self, t: f64) {
        self.workspace.move_along(self.system, t);
        self.unlimit();
    }

    /// Halves the step until the norm of the residual falls. The norm is that of the correction which
    /// the residual calls for on the factors at hand, `|J^-1 F|` (Deuflhard 2004, natural
    /// monotonicity test): it does not depend on how equations are scaled.
    fn search_residual_norm(&mut self) -> bool {
        self.workspace.begin_search();
        // Away from where a law is undefined every step is progress.
        let initial = match self.workspace.undefined_laws() {
            0 => self.correction_norm(),
            _ => f64::MAX,
        };
        let mut t = 1.0;
        for _ in 0..MAX_HALVINGS {
            self.move_to(t);
            self.workspace.solve_step();
            if self.correction_norm() <= (1.0 - 0.25 * t) * initial {
                return true;
            }
            t *= 0.5;
        }
        self.move_to(0.0);
        false
    }

    /// Euclidean norm of the step in the workspace, in V: currents count by the typical conductance.
    fn correction_norm(&self) -> f64 {
        let (nodes, branches) = self
            .workspace
            .reduced
            .split_at(self.system.node_unknown_count());
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let g = self.values.typical_conductance();
        (squares(nodes) + squares(branches) / (g * g)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::circuit::generators::{Kind, Wild};
    use crate::circuit::{Circuit, ElementId};
    use crate::device::{Device, OnePort};
    use crate::mna::{System, Values, Workspace};
    use crate::newton::NewtonOptions;

    use super::*;

    /// Relative error of an integral, and of what is told of a sum of them.
    const ACCURACY: f64 = 1e-10;
    const UNSURE: f64 = 1e-8;

    /// Voltages of all elements (V), points of linearization of one-ports (V), currents of ideal
    /// diodes (A), and the largest potential (V).
    struct State {
        voltages: Vec<f64>,
        points: Vec<f64>,
        currents: Vec<f64>,
        highest: f64,
    }

    impl State {
        fn of(circuit: &Circuit, run: &Run) -> Self {
            let ws = &*run.workspace;
            let voltage = |(_, e): (ElementId, crate::circuit::ElementRef)| {
                let [p, n] = e.port;
                ws.voltage(p, n)
            };
            Self {
                voltages: circuit.elements().map(voltage).collect(),
                points: ws.points.clone(),
                currents: (0..ws.conducting.len())
                    .map(|k| run.system.ideal_diode(ws, k).1)
                    .collect(),
                highest: (ws.full[..run.system.node_count()].iter())
                    .fold(0.0, |m, v| f64::max(m, v.abs())),
            }
        }
    }

    /// The law that descends: straight beyond a point that stays behind its voltage.
    fn current(law: &OnePort, v: f64, ends: [(f64, f64); 2]) -> f64 {
        let beyond = |(voltage, point): &(f64, f64)| (voltage - point) * (v - point) > 0.0;
        match ends.iter().find(|end| beyond(end)) {
            None => law.evaluate(v).current,
            Some(&(_, point)) => {
                let companion = law.evaluate(point);
                companion.current + companion.conductance * (v - point)
            }
        }
    }

    /// Integral by Simpson's rule on halves of halves.
    fn integral(f: &dyn Fn(f64) -> f64, [a, b]: [f64; 2], depth: usize) -> f64 {
        let m = 0.5 * (a + b);
        let simpson = |a: f64, b: f64| (b - a) / 6.0 * (f(a) + 4.0 * f(0.5 * (a + b)) + f(b));
        let (whole, halves) = (simpson(a, b), simpson(a, m) + simpson(m, b));
        if depth == 0 || (whole - halves).abs() <= ACCURACY * halves.abs() {
            return halves;
        }
        integral(f, [a, m], depth - 1) + integral(f, [m, b], depth - 1)
    }

    /// Change of the co-content of every element from one state to another, and how far rounding of the
    /// potentials leaves it open.
    fn changes(circuit: &Circuit, from: &State, to: &State) -> Vec<(f64, f64)> {
        let rounding = 4.0 * f64::EPSILON * from.highest.max(to.highest);
        let (mut one_port, mut ideal) = (0, 0);
        let mut change = |k: usize, device: &Device| {
            let [v, w] = [from.voltages[k], to.voltages[k]];
            match device {
                Device::Resistor { resistance } => {
                    let sum = (v + w) / resistance;
                    (0.5 * (w - v) * sum, v.abs().max(w.abs()) / resistance)
                }
                Device::CurrentSource { current } => (current * (w - v), current.abs()),
                Device::OnePort(law) => {
                    let ends = [(v, from.points[one_port]), (w, to.points[one_port])];
                    one_port += 1;
                    let at = |u: f64| current(law, u, ends);
                    (integral(&at, [v, w], 40), at(v).abs().max(at(w).abs()))
                }
                Device::IdealDiode => {
                    // The first multipliers are zero: a conductance where it conducts.
                    let (i, j) = (from.currents[ideal], to.currents[ideal]);
                    ideal += 1;
                    (0.5 * (j * w - i * v), i.max(j))
                }
                _ => (0.0, 0.0),
            }
        };
        let each = circuit
            .elements()
            .map(|(id, e)| change(id.index(), &e.device));
        each.map(|(change, current)| (change, UNSURE * change.abs() + rounding * current))
            .collect()
    }

    /// Steps that were taken, and how many of them lowered the co-content for sure.
    fn descend(circuit: &Circuit) -> [usize; 2] {
        let system = System::compile(circuit).expect("memory");
        let values = Values::new(&system, circuit);
        let mut workspace = Workspace::new(&system, &values);
        let mut run = Run {
            system: &system,
            values: &values,
            workspace: &mut workspace,
            options: &NewtonOptions::default(),
            iterations: 0,
            started: Instant::now(),
            start: None,
        };
        if system.has_ideal_diodes() {
            run.workspace.enter_multipliers(&system, &values);
        }
        let (mut steps, mut falls) = (0, 0);
        while run.check().ratio > 1.0 && steps < 200 {
            let before = State::of(circuit, &run);
            if run.step().is_err() || !run.search_cocontent() {
                break;
            }
            let changes = changes(circuit, &before, &State::of(circuit, &run));
            let sum: f64 = changes.iter().map(|(change, _)| change).sum();
            let unsure: f64 = changes.iter().map(|(_, unsure)| unsure).sum();
            let title = &circuit.title;
            assert!(
                sum <= unsure,
                "{title}: step {steps} by {sum:e} of {unsure:e}"
            );
            steps += 1;
            falls += usize::from(sum < -unsure);
        }
        [steps, falls]
    }

    #[test]
    fn the_cocontent_falls_at_every_step() {
        for kind in [Kind::Shockley, Kind::Piecewise, Kind::Ideal, Kind::Mixed] {
            let (mut steps, mut falls) = (0, 0);
            for seed in 0..60 {
                let (nodes, kind) = (Some(12), Some(kind));
                let wild = Wild { seed, nodes, kind };
                let circuit = wild.build().expect("a sound circuit");
                let [all, sure] = descend(&circuit);
                steps += all;
                falls += sure;
            }
            println!("{kind:?}: {falls} of {steps} steps for sure");
            assert!(
                steps > 100 && 2 * falls >= steps,
                "{kind:?}: {falls} of {steps}"
            );
        }
    }
}
