//! The operating point of a small circuit in 32 digits: Newton from the reported one on dense modified
//! nodal equations, with an inner node for each RS.

use ohmgrad::analysis::OperatingPoint;
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::device::{Device, OnePort};

use super::diode_law::DiodeLaw;
use super::double_double::{DoubleDouble, Real};
use super::verify::{ports, straight_law};

const MOST_STEPS: usize = 300;
const MOST_FLIPS: usize = 50;
/// A step this small, relative to what it changes, ends the search.
const LAST_STEP: f64 = 1e-22;
/// Potentials (V) and currents (A) below this count as zero, and potentials so far below the largest.
const FLOOR: f64 = 1e-24;
const NOTHING: f64 = 1e-18;
/// Where all potentials are smaller, V, none is compared with the largest.
const QUIET: f64 = 1e-15;
/// Numbers are compared one by one where the last step left them this certain.
const CERTAIN: f64 = 1e-13;

/// How far reported numbers are from the exact ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forward {
    /// Error of the potentials relative to the largest of them.
    pub potentials: f64,
    /// Largest error of a potential relative to itself.
    pub each_potential: Option<f64>,
    /// Largest error of a current relative to itself.
    pub each_current: Option<f64>,
}

/// What the comparison came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    TooLarge,
    /// The exact solution was not found.
    Open,
    Known(Forward),
}

pub fn compare(circuit: &Circuit, op: &OperatingPoint, most_unknowns: usize) -> Comparison {
    let mut system = Exact::new(circuit, op);
    if system.x.len() > most_unknowns {
        return Comparison::TooLarge;
    }
    match system.solve() {
        Some(()) => Comparison::Known(system.errors(op)),
        None => Comparison::Open,
    }
}

/// The exact operating point, rounded to doubles.
pub fn rounded(circuit: &Circuit, op: &OperatingPoint) -> Option<OperatingPoint> {
    let mut system = Exact::new(circuit, op);
    system.solve()?;
    let mut exact = op.clone();
    for (v, x) in exact.potentials[1..].iter_mut().zip(&system.x) {
        *v = x.value();
    }
    for (id, element) in circuit.elements() {
        let currents = system.currents(id);
        let mut power = DoubleDouble::ZERO;
        for ((branch, port), current) in element.branches().zip(ports(&element)).zip(currents) {
            exact.currents[branch.index()] = current.value();
            power = power + system.voltage(port.map(unknown)) * current;
        }
        exact.power[id.index()] = power.value();
    }
    Some(exact)
}

/// Index of an unknown; ground has none.
type Unknown = Option<usize>;

struct Exact<'a> {
    circuit: &'a Circuit,
    laws: Vec<Option<DiodeLaw>>,
    /// Anode of the junction proper, by element: an inner node behind RS.
    anode: Vec<Unknown>,
    /// Branch current, by element.
    branch: Vec<Unknown>,
    /// Ideal diodes that conduct, by element.
    on: Vec<bool>,
    x: Vec<DoubleDouble>,
    residual: Vec<DoubleDouble>,
    jacobian: Vec<Vec<DoubleDouble>>,
    /// Size of the last step of each unknown relative to it.
    uncertainty: Vec<f64>,
}

fn real(x: f64) -> DoubleDouble {
    DoubleDouble::from(x)
}

fn unknown(node: NodeId) -> Unknown {
    node.index().checked_sub(1)
}

impl<'a> Exact<'a> {
    fn new(circuit: &'a Circuit, op: &OperatingPoint) -> Self {
        let mut x: Vec<_> = op.potentials[1..].iter().map(|&v| real(v)).collect();
        let count = circuit.element_count();
        let mut laws = vec![None; count];
        let (mut anode, mut branch) = (vec![None; count], vec![None; count]);
        let mut on = vec![false; count];
        for (id, element) in circuit.elements() {
            let k = id.index();
            let current = op.current(circuit, id);
            let [p, n] = element.port;
            anode[k] = unknown(p);
            match &element.device {
                Device::OnePort(one_port) => {
                    if let OnePort::Shockley(diode) = &**one_port {
                        let law = DiodeLaw::of(diode);
                        if law.series > 0.0 {
                            anode[k] = Some(x.len());
                            let drop = law.series * current;
                            x.push(real(op.potentials[p.index()]) - real(drop));
                        }
                        laws[k] = Some(law);
                    }
                }
                Device::VoltageSource { .. } | Device::IdealDiode | Device::Transformer { .. } => {
                    on[k] = current.abs() > 0.0 || op.voltage(p, n) == 0.0;
                    branch[k] = Some(x.len());
                    x.push(real(current));
                }
                _ => {}
            }
        }
        Self {
            circuit,
            laws,
            anode,
            branch,
            on,
            residual: vec![DoubleDouble::ZERO; x.len()],
            jacobian: vec![vec![DoubleDouble::ZERO; x.len()]; x.len()],
            uncertainty: vec![0.0; x.len()],
            x,
        }
    }

    fn at(&self, unknown: Unknown) -> DoubleDouble {
        unknown.map_or(DoubleDouble::ZERO, |k| self.x[k])
    }

    fn voltage(&self, [p, n]: [Unknown; 2]) -> DoubleDouble {
        self.at(p) - self.at(n)
    }

    fn add(&mut self, row: Unknown, value: DoubleDouble) {
        if let Some(row) = row {
            self.residual[row] = self.residual[row] + value;
        }
    }

    fn add_slope(&mut self, row: Unknown, column: Unknown, value: DoubleDouble) {
        if let (Some(row), Some(column)) = (row, column) {
            self.jacobian[row][column] = self.jacobian[row][column] + value;
        }
    }

    /// A current p -> n at `port` that rises by `slope` with the voltage at `control`.
    fn conduct(
        &mut self,
        [p, n]: [Unknown; 2],
        [cp, cn]: [Unknown; 2],
        current: DoubleDouble,
        slope: DoubleDouble,
    ) {
        for (row, current, slope) in [(p, current, slope), (n, -current, -slope)] {
            self.add(row, current);
            self.add_slope(row, cp, slope);
            self.add_slope(row, cn, -slope);
        }
    }

    fn resistor(&mut self, port: [Unknown; 2], resistance: f64) {
        let slope = real(1.0) / real(resistance);
        let current = self.voltage(port) / real(resistance);
        self.conduct(port, port, current, slope);
    }

    /// The unknown current `branch` flows p -> n, `share` of it.
    fn carry(&mut self, [p, n]: [Unknown; 2], branch: usize, share: f64) {
        for (row, share) in [(p, real(share)), (n, real(-share))] {
            let current = self.x[branch] * share;
            self.add(row, current);
            self.add_slope(row, Some(branch), share);
        }
    }

    /// The equation of `branch` gets `factor v`.
    fn prescribe(&mut self, branch: usize, [p, n]: [Unknown; 2], factor: f64) {
        let factor = real(factor);
        let voltage = self.voltage([p, n]) * factor;
        self.add(Some(branch), voltage);
        self.add_slope(Some(branch), p, factor);
        self.add_slope(Some(branch), n, -factor);
    }

    fn assemble(&mut self) {
        self.residual.fill(DoubleDouble::ZERO);
        for row in &mut self.jacobian {
            row.fill(DoubleDouble::ZERO);
        }
        for (id, _) in self.circuit.elements() {
            self.stamp(id);
        }
    }

    fn stamp(&mut self, id: ElementId) {
        let circuit = self.circuit;
        let element = circuit.element(id);
        let k = id.index();
        let port = element.port.map(unknown);
        let second = element.second().map_or([None; 2], |s| s.map(unknown));
        let branch = self.branch[k].unwrap_or_default();
        match &element.device {
            Device::Resistor { resistance } => self.resistor(port, *resistance),
            Device::CurrentSource { current } => {
                self.conduct(port, port, real(*current), DoubleDouble::ZERO);
            }
            Device::VoltageSource { voltage } => {
                self.carry(port, branch, 1.0);
                self.prescribe(branch, port, 1.0);
                self.add(Some(branch), real(-*voltage));
            }
            Device::IdealDiode => {
                self.carry(port, branch, 1.0);
                if self.on[k] {
                    self.prescribe(branch, port, 1.0);
                } else {
                    let current = self.x[branch];
                    self.add(Some(branch), current);
                    self.add_slope(Some(branch), Some(branch), real(1.0));
                }
            }
            Device::Transformer { ratio } => {
                self.carry(port, branch, 1.0);
                self.carry(second, branch, -*ratio);
                self.prescribe(branch, port, 1.0);
                self.prescribe(branch, second, -*ratio);
            }
            Device::Gyrator { conductance } => {
                let g = real(*conductance);
                let currents = [self.voltage(second) * g, self.voltage(port) * -g];
                self.conduct(port, second, currents[0], g);
                self.conduct(second, port, currents[1], -g);
            }
            Device::OnePort(one_port) => match self.laws[k] {
                Some(law) => {
                    let inner = [self.anode[k], port[1]];
                    if law.series > 0.0 {
                        self.resistor([port[0], inner[0]], law.series);
                    }
                    let u = self.voltage(inner);
                    self.conduct(inner, inner, law.junction(u), law.slope(u));
                }
                None => {
                    let (current, slope) = straight_law(one_port, self.voltage(port))
                        .unwrap_or((DoubleDouble::ZERO, 0.0));
                    self.conduct(port, port, current, real(slope));
                }
            },
            _ => {}
        }
    }

    /// Newton for one set of diode states after another, until the states are those of the solution.
    fn solve(&mut self) -> Option<()> {
        for _ in 0..MOST_FLIPS {
            self.newton()?;
            if !self.flip() {
                return Some(());
            }
        }
        None
    }

    fn newton(&mut self) -> Option<()> {
        let nodes = self.circuit.node_count() - 1;
        let mut last = f64::INFINITY;
        for _ in 0..MOST_STEPS {
            self.assemble();
            let right = self.residual.iter().map(|&r| -r).collect();
            let step = gauss(self.jacobian.clone(), right)?;
            let part = self.part(&step);
            for (x, &step) in self.x.iter_mut().zip(&step) {
                *x = *x + step * real(part);
            }
            let relative = |(x, step): (&DoubleDouble, &DoubleDouble)| match step.value() {
                0.0 => 0.0,
                step => (step / x.value()).abs(),
            };
            let sizes = self.x.iter().zip(&step).map(relative);
            self.uncertainty = sizes.collect();
            let largest = |values: &[DoubleDouble]| {
                values[..nodes]
                    .iter()
                    .fold(0.0f64, |m, x| m.max(x.value().abs()))
            };
            let size = largest(&step) / largest(&self.x).max(f64::MIN_POSITIVE);
            let each = self.uncertainty[..nodes]
                .iter()
                .fold(0.0f64, |m, x| m.max(*x));
            if part == 1.0 && (each <= LAST_STEP || (size <= LAST_STEP && each >= 0.5 * last)) {
                return Some(());
            }
            last = each;
        }
        None
    }

    /// The part of a step that no junction answers with a current out of proportion.
    fn part(&self, step: &[DoubleDouble]) -> f64 {
        let mut part = 1.0;
        let elements: Vec<_> = self.circuit.elements().map(|(_, e)| e).collect();
        for (k, law) in self.laws.iter().enumerate() {
            let Some(law) = law else { continue };
            let element = &elements[k];
            let inner = [self.anode[k], unknown(element.port[1])];
            let u = self.voltage(inner).value();
            let [a, c] = inner.map(|k| k.map_or(DoubleDouble::ZERO, |k| step[k]));
            let rise = (a - c).value();
            let slope = law.slope(real(u)).value();
            let here: f64 = law.junction(u);
            for _ in 0..80 {
                let there: f64 = law.junction(u + part * rise);
                let linear = here.abs() + slope * (part * rise).abs();
                if there.abs() <= 10.0 * linear + f64::MIN_POSITIVE {
                    break;
                }
                part *= 0.5;
            }
        }
        part
    }

    /// Turns the ideal diodes that are in the wrong state; false if there are none.
    fn flip(&mut self) -> bool {
        let nodes = self.circuit.node_count() - 1;
        let largest =
            |values: &[DoubleDouble]| values.iter().fold(0.0f64, |m, x| m.max(x.value().abs()));
        let (volts, amps) = (largest(&self.x[..nodes]), largest(&self.x[nodes..]));
        let mut turned = false;
        for (id, element) in self.circuit.elements() {
            let k = id.index();
            if element.device != Device::IdealDiode {
                continue;
            }
            let v = self.voltage(element.port.map(unknown)).value();
            let i = self.at(self.branch[k]).value();
            let wrong = if self.on[k] {
                i < -1e-26 * amps
            } else {
                v > 1e-26 * volts
            };
            self.on[k] ^= wrong;
            turned |= wrong;
        }
        turned
    }

    fn errors(&self, op: &OperatingPoint) -> Forward {
        let nodes = self.circuit.node_count() - 1;
        let largest = self.x[..nodes]
            .iter()
            .fold(0.0f64, |m, x| m.max(x.value().abs()));
        let (mut potentials, mut each) = (0.0f64, 0.0f64);
        for (k, &exact) in self.x[..nodes].iter().enumerate() {
            let error = (real(op.potentials[k + 1]) - exact).abs().value();
            potentials = potentials.max(error / largest.max(QUIET));
            each = each.max(error / exact.value().abs().max(NOTHING * largest).max(FLOOR));
        }
        let certain = self.uncertainty[..nodes].iter().all(|&u| u <= CERTAIN);
        Forward {
            potentials,
            each_potential: certain.then_some(each),
            each_current: certain.then(|| self.current_error(op)),
        }
    }

    fn current_error(&self, op: &OperatingPoint) -> f64 {
        let mut worst = 0.0f64;
        for (id, element) in self.circuit.elements() {
            for (branch, exact) in element.branches().zip(self.currents(id)) {
                let error = (real(op.currents[branch.index()]) - exact).abs().value();
                worst = worst.max(error / exact.value().abs().max(FLOOR));
            }
        }
        worst
    }

    /// Currents of the two ports of an element; the second means something for two-ports only.
    fn currents(&self, id: ElementId) -> [DoubleDouble; 2] {
        let element = self.circuit.element(id);
        let k = id.index();
        let port = element.port.map(unknown);
        let second = element.second().map_or([None; 2], |s| s.map(unknown));
        let first = match (&element.device, self.branch[k]) {
            (_, Some(branch)) => self.x[branch],
            (Device::Resistor { resistance }, _) => self.voltage(port) / real(*resistance),
            (Device::CurrentSource { current }, _) => real(*current),
            (Device::Gyrator { conductance }, _) => self.voltage(second) * real(*conductance),
            (Device::OnePort(one_port), _) => match self.laws[k] {
                Some(law) => law.junction(self.voltage([self.anode[k], port[1]])),
                None => straight_law(one_port, self.voltage(port)).map_or(real(0.0), |l| l.0),
            },
            _ => DoubleDouble::ZERO,
        };
        let second = match &element.device {
            Device::Transformer { ratio } => -first * real(*ratio),
            Device::Gyrator { conductance } => -self.voltage(port) * real(*conductance),
            _ => DoubleDouble::ZERO,
        };
        [first, second]
    }
}

/// Gaussian elimination; pivots are the largest relative to their rows.
fn gauss(mut a: Vec<Vec<DoubleDouble>>, mut b: Vec<DoubleDouble>) -> Option<Vec<DoubleDouble>> {
    let n = b.len();
    for (row, b) in a.iter_mut().zip(&mut b) {
        let size = row.iter().fold(0.0f64, |m, x| m.max(x.value().abs()));
        if !(size > 0.0 && size.is_finite()) {
            return None;
        }
        // A power of two rounds nothing.
        let scale = real(2f64.powi(-size.log2().round() as i32));
        for x in row.iter_mut() {
            *x = *x * scale;
        }
        *b = *b * scale;
    }
    for k in 0..n {
        let size = |row: usize| a[row][k].value().abs();
        let pivot = (k..n).max_by(|&i, &j| size(i).total_cmp(&size(j)))?;
        if !(size(pivot) > 0.0) {
            return None;
        }
        a.swap(k, pivot);
        b.swap(k, pivot);
        let (upper, lower) = a.split_at_mut(k + 1);
        let own = &upper[k];
        let right = b[k];
        for (row, b) in lower.iter_mut().zip(&mut b[k + 1..]) {
            if row[k].value() == 0.0 {
                continue;
            }
            let factor = row[k] / own[k];
            for (x, &y) in row[k..].iter_mut().zip(&own[k..]) {
                *x = *x - factor * y;
            }
            *b = *b - factor * right;
        }
    }
    for k in (0..n).rev() {
        let known = (k + 1..n).fold(b[k], |sum, j| sum - a[k][j] * b[j]);
        b[k] = known / a[k][k];
    }
    b.iter().all(|x| x.value().is_finite()).then_some(b)
}
