//! An operating point against Kirchhoff, Tellegen, complementarity and the law of every element, from
//! nothing but the circuit's elements and the numbers reported.

use ohmgrad::analysis::OperatingPoint;
use ohmgrad::circuit::{Circuit, ElementId, ElementRef, NodeId};
use ohmgrad::device::{Device, OnePort};

use super::diode_law::DiodeLaw;
use super::double_double::{DoubleDouble, Real};

/// Allowed error, relative to what meets in an equation.
const RELATIVE: f64 = 1e-9;
/// Allowed current, A, where nothing flows, and voltage, V, where there is none.
const FLOOR: f64 = 1e-24;
/// Rounding of a potential difference relative to the potentials.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// How well an operating point obeys its circuit.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Largest sum of currents at a node, relative to the largest current there.
    pub strict: f64,
    /// The same in units of what is allowed when potentials are rounded to doubles.
    pub weak: f64,
    /// Largest distance of a straight one-port from its curve, relative to its current.
    pub curve: f64,
    /// Largest violation of complementarity, relative to the voltages and currents around.
    pub complementarity: f64,
    /// Sum of all powers, in units of what is allowed.
    pub tellegen: f64,
    /// What does not hold.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Whether everything holds to 1e-9 of itself, however potentials are rounded.
    pub fn is_strict(&self) -> bool {
        let worst = self.strict.max(self.curve).max(self.complementarity);
        worst <= RELATIVE && self.faults.is_empty()
    }
}

pub fn verify(circuit: &Circuit, op: &OperatingPoint) -> Verdict {
    let mut check = Check::new(circuit, op);
    for (id, element) in circuit.elements() {
        check.element(id, &element);
    }
    check.gather_groups();
    for (id, element) in circuit.elements() {
        if element.device == Device::IdealDiode {
            check.ideal_diode(id, &element);
        }
    }
    check.kirchhoff();
    check.tellegen();
    check.verdict
}

/// Current of a one-port that holds no exponential, at `v`, and its slope there.
pub fn straight_law(one_port: &OnePort, v: DoubleDouble) -> Option<(DoubleDouble, f64)> {
    use ohmgrad::device::Parameter as P;
    let real = DoubleDouble::from;
    match one_port {
        OnePort::Shockley(_) => None,
        OnePort::PiecewiseDiode(diode) => {
            let get = |p| diode.value(p);
            let (on, off) = (get(P::OnResistance)?, get(P::OffResistance)?);
            let (forward, area) = (get(P::ForwardVoltage)?, get(P::Area)?);
            let reverse = get(P::ReverseVoltage).zip(get(P::ReverseResistance));
            let line = |begin: f64, resistance: f64| {
                let first = real(begin) / real(off);
                let current = first + (v - real(begin)) / real(resistance);
                (current * real(area), area / resistance)
            };
            Some(match reverse {
                _ if v.value() > forward => line(forward, on),
                Some((voltage, resistance)) if v.value() < -voltage => line(-voltage, resistance),
                _ => line(0.0, off),
            })
        }
        OnePort::PiecewiseTable(table) => {
            let points = table.points();
            let (first, last) = (points.first()?, points.last()?);
            if v.value() < first.0 {
                return Some((real(first.1), 0.0));
            }
            let piece = points.windows(2).find(|pair| v.value() < pair[1].0);
            Some(piece.map_or((real(last.1), 0.0), |pair| {
                let ((a, i), (b, j)) = (pair[0], pair[1]);
                let slope = (real(j) - real(i)) / (real(b) - real(a));
                (real(i) + slope * (v - real(a)), slope.value())
            }))
        }
    }
}

struct Check<'a> {
    circuit: &'a Circuit,
    op: &'a OperatingPoint,
    /// Sum of the currents leaving each node, A.
    sum: Vec<DoubleDouble>,
    /// Largest current at each node, A.
    largest: Vec<f64>,
    /// What rounding of the potentials makes of the currents at each node, A.
    rounding: Vec<f64>,
    /// Largest potential at each node and its neighbours, V.
    volts: Vec<f64>,
    /// Largest potential, V.
    highest: f64,
    /// Representative of each node among those joined by elements whose current the nodes decide.
    group: Vec<usize>,
    /// Rounding of each group, A.
    together: Vec<f64>,
    verdict: Verdict,
}

impl<'a> Check<'a> {
    fn new(circuit: &'a Circuit, op: &'a OperatingPoint) -> Self {
        let nodes = circuit.node_count();
        let mut check = Self {
            circuit,
            op,
            sum: vec![DoubleDouble::ZERO; nodes],
            largest: vec![0.0; nodes],
            rounding: vec![0.0; nodes],
            volts: op.potentials.iter().map(|v| v.abs()).collect(),
            highest: op.potentials.iter().fold(0.0, |m, v| f64::max(m, v.abs())),
            group: (0..nodes).collect(),
            together: vec![0.0; nodes],
            verdict: Verdict::default(),
        };
        for (_, element) in circuit.elements() {
            check.gather(&element);
        }
        check
    }

    /// Currents into the sums, before any law is looked at.
    fn gather(&mut self, element: &ElementRef) {
        for (port, branch) in ports(element).into_iter().zip(element.branches()) {
            let [p, n] = port.map(NodeId::index);
            let current = self.op.currents[branch.index()];
            if !current.is_finite() {
                self.verdict
                    .faults
                    .push(format!("{}: {current} A", element.name()));
            }
            self.sum[p] = self.sum[p] + DoubleDouble::from(current);
            self.sum[n] = self.sum[n] - DoubleDouble::from(current);
            let around = self.op.potentials[p].abs().max(self.op.potentials[n].abs());
            for k in [p, n] {
                self.largest[k] = self.largest[k].max(current.abs());
                self.volts[k] = self.volts[k].max(around);
            }
        }
        let follows = match element.device {
            Device::VoltageSource { .. } | Device::Transformer { .. } => true,
            // One that blocks carries nothing, whatever is rounded.
            Device::IdealDiode => element
                .branches()
                .any(|branch| self.op.currents[branch.index()] != 0.0),
            _ => false,
        };
        if follows {
            for [p, n] in ports(element) {
                self.join(p.index(), n.index());
            }
        }
    }

    fn join(&mut self, p: usize, n: usize) {
        let (p, n) = (self.group[p], self.group[n]);
        if p != n {
            for group in &mut self.group {
                if *group == p {
                    *group = n;
                }
            }
        }
    }

    fn element(&mut self, id: ElementId, element: &ElementRef) {
        let v = self.op.voltage(element.port[0], element.port[1]);
        let open = self.open(element.port);
        let i = self.op.current(self.circuit, id);
        match &element.device {
            Device::Resistor { resistance } => {
                self.expect(element, "current", i, v / resistance, open / resistance);
                self.round(element.port, open / resistance);
            }
            Device::VoltageSource { voltage } => {
                self.expect(
                    element,
                    "voltage",
                    v,
                    *voltage,
                    open + ROUNDING * voltage.abs(),
                );
            }
            Device::CurrentSource { current } => {
                self.expect(element, "current", i, *current, 0.0);
            }
            Device::IdealDiode => {}
            Device::OnePort(one_port) => self.one_port(element, one_port, v, i, open),
            Device::Transformer { ratio } => {
                let [first, second] = self.two(element);
                let open = open + ratio.abs() * self.open(second.port);
                let turned = ratio * second.voltage;
                self.expect(element, "voltage", first.voltage, turned, open);
                let turned = -ratio * first.current;
                self.expect(element, "second current", second.current, turned, 0.0);
            }
            Device::Gyrator { conductance } => {
                let [first, second] = self.two(element);
                for (one, other, g) in [
                    (&first, &second, *conductance),
                    (&second, &first, -conductance),
                ] {
                    let open = conductance.abs() * self.open(other.port);
                    self.expect(element, "current", one.current, g * other.voltage, open);
                    self.round(one.port, open);
                }
            }
            other => self.verdict.faults.push(format!("no law for {other:?}")),
        }
    }

    fn two(&self, element: &ElementRef) -> [Port; 2] {
        let ports = ports(element);
        let branches: Vec<_> = element.branches().collect();
        [0, 1].map(|k| Port {
            port: ports[k],
            voltage: self.op.voltage(ports[k][0], ports[k][1]),
            current: self.op.currents[branches[k].index()],
        })
    }

    /// Rounding of the voltage between two nodes, V.
    fn open(&self, port: [NodeId; 2]) -> f64 {
        let volts = port.map(|node| self.op.potentials[node.index()].abs());
        ROUNDING * (volts[0] + volts[1])
    }

    fn round(&mut self, port: [NodeId; 2], current: f64) {
        for node in port {
            self.rounding[node.index()] += current;
        }
    }

    fn expect(&mut self, element: &ElementRef, what: &str, got: f64, wanted: f64, open: f64) {
        let allowed = RELATIVE * got.abs().min(wanted.abs()) + open + FLOOR;
        if !((got - wanted).abs() <= allowed) {
            let name = element.name();
            self.verdict.faults.push(format!(
                "{name}: {what} {got:e} against {wanted:e}, allowed {allowed:.1e}"
            ));
        }
    }

    fn ideal_diode(&mut self, id: ElementId, element: &ElementRef) {
        let v = self.op.voltage(element.port[0], element.port[1]);
        let i = self.op.current(self.circuit, id);
        let [p, n] = element.port.map(NodeId::index);
        let volts = self.volts[p].max(self.volts[n]) + FLOOR / RELATIVE;
        // The last of 31 digits of some kiloamperes elsewhere.
        let least = 100.0 * FLOOR;
        let amps = self.largest[p].max(self.largest[n]) + least / RELATIVE;
        let violation = |v: f64, i: f64| v.max(-i).max(v.abs().min(i.abs()));
        let strict = violation(v / volts, i / amps);
        let rounding = self.together[self.group[p]] / RELATIVE;
        let unsure = ROUNDING * self.highest / RELATIVE;
        let weak = violation(v / (volts + unsure), i / (amps + rounding));
        self.verdict.complementarity = self.verdict.complementarity.max(strict);
        if !(weak <= RELATIVE) {
            let name = element.name();
            self.verdict
                .faults
                .push(format!("{name}: ideal diode at {v:e} V, {i:e} A"));
        }
    }

    /// Current of a straight one-port, and its distance from the law relative to it.
    fn straight(
        &mut self,
        element: &ElementRef,
        one_port: &OnePort,
        v: f64,
        i: f64,
        open: f64,
    ) -> f64 {
        let at = |v: f64| straight_law(one_port, v.into()).map_or(0.0, |law| law.0.value());
        let (low, high) = (at(v - open), at(v + open));
        let beyond = (low - i).max(i - high);
        let strict = beyond / (i.abs() + FLOOR / RELATIVE);
        self.verdict.curve = self.verdict.curve.max(strict);
        // A law written from its corners rounds relative to them.
        let allowed = RELATIVE * i.abs() + FLOOR + ROUNDING * corners(one_port, v);
        if !(beyond <= allowed) {
            let name = element.name();
            self.verdict.faults.push(format!(
                "{name}: {i:e} A at {v:e} V, the law says {low:e} to {high:e}"
            ));
        }
        high - low + ROUNDING * corners(one_port, v)
    }

    fn one_port(&mut self, element: &ElementRef, one_port: &OnePort, v: f64, i: f64, open: f64) {
        let OnePort::Shockley(diode) = one_port else {
            let rounding = self.straight(element, one_port, v, i, open);
            return self.round(element.port, rounding);
        };
        let law = DiodeLaw::of(diode);
        let allowed = RELATIVE * i.abs() + FLOOR;
        if !law.admits(v, open + ROUNDING * law.farthest(), i, allowed) {
            let name = element.name();
            self.verdict
                .faults
                .push(format!("{name}: no diode carries {i:e} A at {v:e} V"));
        }
        let current = |v: f64| law.junction(v - law.series * i);
        let rise: f64 = current(v + open) - current(v - open);
        // Behind RS the current cannot follow the junction.
        self.round(element.port, rise.abs().min(2.0 * open / law.series));
    }

    /// Currents of sources, conducting ideal diodes and transformers follow from Kirchhoff's law, so
    /// that rounding anywhere in a group of nodes joined by them may show at any of its nodes.
    fn gather_groups(&mut self) {
        for k in 0..self.rounding.len() {
            self.together[self.group[k]] += self.rounding[k];
        }
    }

    fn kirchhoff(&mut self) {
        for k in 0..self.sum.len() {
            let sum = self.sum[k].abs().value();
            let mut allowed = RELATIVE * self.largest[k] + self.together[self.group[k]] + FLOOR;
            if k == 0 {
                // Ground has no equation: the last digits of all currents end there.
                allowed += f64::EPSILON * self.largest.iter().sum::<f64>();
            }
            let weak = sum / allowed;
            if !(weak <= 1.0) {
                let name = node_name(self.circuit, k);
                self.verdict.faults.push(format!(
                    "node {name}: currents add up to {sum:e} A, allowed {allowed:.1e}"
                ));
            }
            if k > 0 {
                let strict = sum / (self.largest[k] + FLOOR / RELATIVE);
                self.verdict.strict = self.verdict.strict.max(strict);
            }
            self.verdict.weak = self.verdict.weak.max(weak);
        }
    }

    /// The sum of the powers in units of what Kirchhoff's law leaves open.
    fn tellegen(&mut self) {
        let (mut total, mut size) = (DoubleDouble::ZERO, 0.0);
        for &power in &self.op.power {
            total = total + DoubleDouble::from(power);
            size += power.abs();
        }
        let open: f64 = (0..self.circuit.node_count())
            .map(|k| self.op.potentials[k].abs() * self.rounding[k])
            .sum();
        let total = total.abs().value();
        let ratio = total / (RELATIVE * size + open + FLOOR * FLOOR);
        if !(ratio <= 1.0) {
            self.verdict
                .faults
                .push(format!("powers add up to {total:e} W of {size:e} W"));
        }
        self.verdict.tellegen = ratio;
    }
}

/// Size of what cancels in the law of a straight one-port that is written from its corners, A.
fn corners(one_port: &OnePort, v: f64) -> f64 {
    let Some((_, slope)) = straight_law(one_port, v.into()) else {
        return 0.0;
    };
    let (far, current) = match one_port {
        OnePort::PiecewiseTable(table) => table.points().iter().fold((0.0, 0.0), |(v, i), p| {
            (f64::max(v, p.0.abs()), f64::max(i, p.1.abs()))
        }),
        _ => {
            use ohmgrad::device::Parameter::{ForwardVoltage, ReverseVoltage};
            let volts = [ForwardVoltage, ReverseVoltage].map(|p| one_port.value(p));
            (volts.into_iter().flatten().fold(0.0, f64::max), 0.0)
        }
    };
    slope * far + current
}

struct Port {
    port: [NodeId; 2],
    voltage: f64,
    current: f64,
}

pub fn ports(element: &ElementRef) -> Vec<[NodeId; 2]> {
    let second = element.second().filter(|_| element.is_two_port());
    std::iter::once(element.port).chain(second).collect()
}

fn node_name(circuit: &Circuit, index: usize) -> &str {
    let node = circuit.nodes().nth(index);
    node.map_or("?", |(_, node)| &node.name)
}
