//! Random circuits by seed, and element laws written a second time for the tests.
#![allow(dead_code)]

pub mod dense;

use ohmgrad::analysis::OperatingPoint;
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::device::{
    Device, Environment, OnePort, Parameter, PiecewiseDiode, PiecewiseTable, Shockley,
    ShockleyParameters,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a random circuit may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// R, V, I.
    Linear,
    /// R, V, I, Shockley diodes, piecewise-linear diodes and tables.
    Monotone,
    /// As `Monotone`, and ideal diodes.
    MonotoneWithIdeal,
    /// As `MonotoneWithIdeal`, and E, F, G, H, transformers and gyrators.
    NonReciprocal,
    /// R, V, I and E, F, G, H, transformers and gyrators.
    LinearNonReciprocal,
    /// R, V, I and ideal diodes.
    Ideal,
    /// R, V, I, ideal diodes, transformers and gyrators.
    Rtgd,
}

impl Family {
    #[allow(dead_code)]
    pub const ALL: [Family; 7] = [
        Family::Linear,
        Family::Monotone,
        Family::MonotoneWithIdeal,
        Family::NonReciprocal,
        Family::LinearNonReciprocal,
        Family::Ideal,
        Family::Rtgd,
    ];

    fn has_smooth_diodes(self) -> bool {
        matches!(
            self,
            Family::Monotone | Family::MonotoneWithIdeal | Family::NonReciprocal
        )
    }

    fn has_ideal_diodes(self) -> bool {
        matches!(
            self,
            Family::MonotoneWithIdeal | Family::NonReciprocal | Family::Ideal | Family::Rtgd
        )
    }

    fn has_controlled_sources(self) -> bool {
        matches!(self, Family::NonReciprocal | Family::LinearNonReciprocal)
    }

    fn has_two_ports(self) -> bool {
        self.has_controlled_sources() || self == Family::Rtgd
    }
}

/// A circuit under construction. A tree of resistors joins all nodes to ground, no loop consists of
/// elements that prescribe voltages, and each controlled source is dominated by resistors at both of
/// its ports: every circuit made here is strictly monotone and has exactly one operating point.
pub struct Draft {
    pub circuit: Circuit,
    pub rng: ChaCha8Rng,
    pub nodes: Vec<NodeId>,
    /// Nodes of voltage sources, to which no diode leads.
    terminals: Vec<NodeId>,
    /// Representative of each node among those tied by prescribed voltages.
    tied: Vec<usize>,
    count: usize,
}

impl Draft {
    /// `size` nodes besides ground, joined by a random tree of resistors.
    pub fn new(seed: u64, size: usize) -> Self {
        let mut draft = Draft {
            circuit: Circuit::new(format!("random circuit {seed}")),
            rng: ChaCha8Rng::seed_from_u64(seed),
            nodes: vec![NodeId::GROUND],
            terminals: Vec::new(),
            tied: vec![0],
            count: 0,
        };
        for k in 1..=size {
            let parent = draft.any_node();
            let node = draft.new_node(&format!("n{k}"));
            draft.resistor([node, parent]);
        }
        draft
    }

    fn new_node(&mut self, name: &str) -> NodeId {
        let node = self.circuit.node(name);
        self.tied.push(self.tied.len());
        self.nodes.push(node);
        node
    }

    /// A node that takes part in nothing but what its maker adds.
    fn inner_node(&mut self) -> NodeId {
        let name = format!("m{}", self.tied.len());
        let node = self.new_node(&name);
        self.nodes.pop();
        node
    }

    pub fn any_node(&mut self) -> NodeId {
        self.nodes[self.rng.random_range(0..self.nodes.len())]
    }

    pub fn any_pair(&mut self) -> [NodeId; 2] {
        loop {
            let pair = [self.any_node(), self.any_node()];
            if pair[0] != pair[1] {
                return pair;
            }
        }
    }

    pub fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        self.rng.random_range(low.ln()..high.ln()).exp()
    }

    /// Ohm; conductances are log-uniform between 1 uS and 1 S.
    pub fn resistance(&mut self) -> f64 {
        self.log_uniform(1.0, 1e6)
    }

    pub fn add(&mut self, prefix: &str, device: Device, port: [NodeId; 2]) -> ElementId {
        self.count += 1;
        let name = format!("{prefix}{}", self.count);
        self.circuit.add(&name, device, port).expect("a new name")
    }

    pub fn add_two_port(
        &mut self,
        prefix: &str,
        device: Device,
        [port, second]: [[NodeId; 2]; 2],
    ) -> ElementId {
        self.count += 1;
        let name = format!("{prefix}{}", self.count);
        let added = self.circuit.add_two_port(&name, device, port, second);
        added.expect("a new name")
    }

    fn add_controlled(
        &mut self,
        prefix: &str,
        device: Device,
        port: [NodeId; 2],
        by: ElementId,
    ) -> ElementId {
        self.count += 1;
        let name = format!("{prefix}{}", self.count);
        let added = self.circuit.add_controlled(&name, device, port, by);
        added.expect("a new name")
    }

    pub fn resistor(&mut self, port: [NodeId; 2]) {
        let resistance = self.resistance();
        self.add("r", Device::Resistor { resistance }, port);
    }

    /// Joins two nodes by a prescribed voltage, unless they are joined already.
    pub fn tie(&mut self, [p, n]: [NodeId; 2]) -> bool {
        let (p, n) = (self.tied[p.index()], self.tied[n.index()]);
        if p == n {
            return false;
        }
        for t in &mut self.tied {
            if *t == p {
                *t = n;
            }
        }
        true
    }

    /// Between a new terminal and an older node or terminal; resistors lead on from the terminal, so
    /// that no diode is driven but through a resistor.
    pub fn voltage_source(&mut self, largest: f64) {
        let terminal = self.inner_node();
        let other = match self.terminals.len() {
            0 => self.any_node(),
            _ if self.rng.random_bool(0.5) => self.any_node(),
            len => self.terminals[self.rng.random_range(0..len)],
        };
        let port = match self.rng.random_bool(0.5) {
            true => [terminal, other],
            false => [other, terminal],
        };
        self.tie(port);
        let voltage = self.rng.random_range(-largest..largest);
        self.add("v", Device::VoltageSource { voltage }, port);
        self.terminals.push(terminal);
        for _ in 0..self.rng.random_range(1..=3) {
            let node = self.any_node();
            self.resistor([terminal, node]);
        }
    }

    /// With a resistor in parallel, so that its current always finds a way.
    pub fn current_source(&mut self, largest_voltage: f64) {
        let port = self.any_pair();
        let resistance = self.resistance();
        let current = self.rng.random_range(-largest_voltage..largest_voltage) / resistance;
        self.add("i", Device::CurrentSource { current }, port);
        self.add("r", Device::Resistor { resistance }, port);
    }

    pub fn ideal_diode(&mut self) {
        let port = self.any_pair();
        if self.tie(port) {
            self.add("d", Device::IdealDiode, port);
        }
    }

    pub fn smooth_diode(&mut self) {
        let port = self.any_pair();
        let device = match self.rng.random_range(0..6) {
            0 => piecewise_diode(&mut self.rng).into(),
            1 => table(&mut self.rng).into(),
            _ => shockley(&mut self.rng).into(),
        };
        self.add("d", device, port);
    }

    pub fn two_port(&mut self) {
        let (first, second) = (self.any_pair(), self.any_pair());
        if self.rng.random_bool(0.5) {
            let conductance = self.log_uniform(1e-5, 1e-1) * self.sign();
            let device = Device::Gyrator { conductance };
            self.add_two_port("xg", device, [first, second]);
        } else {
            let ratio = self.log_uniform(0.2, 5.0) * self.sign();
            let inner = self.inner_node();
            self.resistor([first[0], inner]);
            let device = Device::Transformer { ratio };
            self.add_two_port("xt", device, [[inner, first[1]], second]);
        }
    }

    fn sign(&mut self) -> f64 {
        if self.rng.random_bool(0.5) { 1.0 } else { -1.0 }
    }

    /// A controlled source whose transfer conductance is at most 1.6 times the geometric mean of the
    /// conductances placed across its two ports: the pair stays positive definite.
    pub fn controlled_source(&mut self) {
        let (out, control) = (self.any_pair(), self.any_pair());
        let (r_out, r_in) = (self.resistance(), self.resistance());
        let strength = self.rng.random_range(0.1..1.6) * self.sign();
        let mean = (r_out * r_in).sqrt();
        match self.rng.random_range(0..4) {
            0 => {
                let device = Device::Vccs {
                    transconductance: strength / mean,
                };
                self.add("r", Device::Resistor { resistance: r_out }, out);
                self.add("r", Device::Resistor { resistance: r_in }, control);
                self.add_two_port("g", device, [out, control]);
            }
            1 => {
                let gain = strength * (r_out / r_in).sqrt();
                let inner = self.inner_node();
                self.add("r", Device::Resistor { resistance: r_out }, [out[0], inner]);
                self.add("r", Device::Resistor { resistance: r_in }, control);
                self.add_two_port("e", Device::Vcvs { gain }, [[inner, out[1]], control]);
            }
            2 => {
                let sensor = self.sensor(control, r_in);
                let gain = strength * (r_in / r_out).sqrt();
                self.add("r", Device::Resistor { resistance: r_out }, out);
                self.add_controlled("f", Device::Cccs { gain }, out, sensor);
            }
            _ => {
                let sensor = self.sensor(control, r_in);
                let inner = self.inner_node();
                self.add("r", Device::Resistor { resistance: r_out }, [out[0], inner]);
                let device = Device::Ccvs {
                    transresistance: strength * mean,
                };
                self.add_controlled("h", device, [inner, out[1]], sensor);
            }
        }
    }

    /// A voltage source in series with a resistor.
    fn sensor(&mut self, [p, n]: [NodeId; 2], resistance: f64) -> ElementId {
        let inner = self.inner_node();
        let voltage = self.rng.random_range(-1.0..1.0);
        self.add("r", Device::Resistor { resistance }, [inner, n]);
        self.add("v", Device::VoltageSource { voltage }, [p, inner])
    }
}

/// The circuit of this family and seed with at most `largest` nodes besides ground.
pub fn circuit_up_to(family: Family, seed: u64, largest: usize) -> Circuit {
    let mut size_rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let size = size_rng.random_range(2..=largest);
    let mut draft = Draft::new(seed, size);
    for _ in 0..size_rng.random_range(0..=size) {
        let port = draft.any_pair();
        draft.resistor(port);
    }
    for _ in 0..size_rng.random_range(1..=1 + size / 4) {
        draft.voltage_source(10.0);
    }
    for _ in 0..size_rng.random_range(1..=1 + size / 4) {
        draft.current_source(5.0);
    }
    if family.has_controlled_sources() {
        for _ in 0..size_rng.random_range(1..=3) {
            draft.controlled_source();
        }
    }
    if family.has_two_ports() {
        for _ in 0..size_rng.random_range(1..=3) {
            draft.two_port();
        }
    }
    if family.has_smooth_diodes() {
        for _ in 0..size_rng.random_range(1..=size) {
            draft.smooth_diode();
        }
    }
    if family.has_ideal_diodes() {
        for _ in 0..size_rng.random_range(1..=size) {
            draft.ideal_diode();
        }
    }
    draft.circuit
}

/// The circuit of this family and seed, with 2 to 40 nodes besides ground.
pub fn circuit(family: Family, seed: u64) -> Circuit {
    circuit_up_to(family, seed, 40)
}

pub fn shockley(rng: &mut ChaCha8Rng) -> Shockley {
    let mut log = |low: f64, high: f64| rng.random_range(low.ln()..high.ln()).exp();
    let mut parameters = ShockleyParameters {
        saturation_current: log(1e-18, 1e-6),
        area: log(0.1, 10.0),
        ..ShockleyParameters::default()
    };
    let (bv, ibv) = (log(8.0, 60.0), log(1e-5, 1e-2));
    let mut environment = Environment::default();
    parameters.emission_coefficient = rng.random_range(0.8..2.5);
    if rng.random_bool(0.5) {
        parameters.series_resistance = rng.random_range(0.0..100.0);
    }
    if rng.random_bool(0.3) {
        parameters.breakdown_voltage = Some(bv);
        parameters.breakdown_current = Some(ibv);
    }
    if rng.random_bool(0.3) {
        environment.temperature = rng.random_range(-40.0..125.0);
    }
    Shockley::new(parameters, environment).expect("usable parameters")
}

pub fn piecewise_diode(rng: &mut ChaCha8Rng) -> PiecewiseDiode {
    let mut log = |low: f64, high: f64| rng.random_range(low.ln()..high.ln()).exp();
    let (on, off, area) = (log(0.1, 10.0), log(1e4, 1e8), log(0.3, 3.0));
    let (reverse_voltage, reverse_resistance) = (log(2.0, 20.0), log(0.1, 100.0));
    let forward = rng.random_range(0.1..1.0);
    let reverse = rng
        .random_bool(0.5)
        .then_some((reverse_voltage, reverse_resistance));
    PiecewiseDiode::new(on, off, forward, reverse, area).expect("usable parameters")
}

pub fn table(rng: &mut ChaCha8Rng) -> PiecewiseTable {
    let (mut v, mut i) = (rng.random_range(-6.0..0.0), rng.random_range(-0.02..0.0));
    let points = (0..rng.random_range(2..6))
        .map(|_| {
            let point = (v, i);
            v += rng.random_range(0.2..4.0);
            i += rng.random_range(0.0..0.02);
            point
        })
        .collect();
    PiecewiseTable::new(points).expect("a monotone table")
}

/// Current of a one-port at voltage `v` from its parameters alone.
pub fn one_port_current(one_port: &OnePort, v: f64) -> f64 {
    let value = |parameter| one_port.value(parameter);
    match one_port {
        OnePort::Shockley(diode) => ShockleyLaw::of(diode).current(v),
        OnePort::PiecewiseDiode(_) => {
            let get = |p| value(p).expect("a parameter of every piecewise diode");
            let (ron, roff) = (get(Parameter::OnResistance), get(Parameter::OffResistance));
            let vfwd = get(Parameter::ForwardVoltage);
            let reverse = value(Parameter::ReverseVoltage).zip(value(Parameter::ReverseResistance));
            get(Parameter::Area)
                * match reverse {
                    _ if v > vfwd => vfwd / roff + (v - vfwd) / ron,
                    Some((vrev, rrev)) if v < -vrev => -vrev / roff + (v + vrev) / rrev,
                    _ => v / roff,
                }
        }
        OnePort::PiecewiseTable(table) => {
            let points = table.points();
            let (first, last) = (points[0], points[points.len() - 1]);
            if v <= first.0 {
                return first.1;
            }
            let piece = points.windows(2).find(|w| v < w[1].0);
            piece.map_or(last.1, |w| {
                w[0].1 + (w[1].1 - w[0].1) * (v - w[0].0) / (w[1].0 - w[0].0)
            })
        }
    }
}

/// The level-1 diode of SPICE at DC: Shockley's exponential, the cubic reverse branch, breakdown.
struct ShockleyLaw {
    is: f64,
    nvt: f64,
    rs: f64,
    start: Option<f64>,
    gmin: f64,
}

impl ShockleyLaw {
    fn of(diode: &Shockley) -> Self {
        let get = |p| diode.value(p).expect("a parameter of every diode");
        let kelvin = get(Parameter::Temperature) + 273.15;
        let ratio = kelvin / (diode.environment().nominal_temperature + 273.15);
        let vt = 1.38064852e-23 * kelvin / 1.6021766208e-19;
        let n = get(Parameter::EmissionCoefficient);
        let growth = (get(Parameter::ActivationEnergy) * (ratio - 1.0) / vt
            + get(Parameter::SaturationExponent) * ratio.ln())
            / n;
        let area = get(Parameter::Area);
        let is = get(Parameter::SaturationCurrent) * area * growth.exp();
        let start = diode.value(Parameter::BreakdownVoltage).map(|bv| {
            let ibv = get(Parameter::BreakdownCurrent);
            let at = |x: f64| is * (((bv - x) / (n * vt)).exp() - 1.0 + x / vt);
            if at(bv) >= ibv {
                bv
            } else {
                bisect(0.0, bv, |x| ibv - at(x))
            }
        });
        Self {
            is,
            nvt: n * vt,
            rs: get(Parameter::SeriesResistance) / area,
            start,
            gmin: diode.environment().gmin,
        }
    }

    fn junction(&self, u: f64) -> f64 {
        let cube = |u: f64| (3.0 * self.nvt / (u * std::f64::consts::E)).powi(3);
        let current = match self.start {
            _ if u >= -3.0 * self.nvt => (u / self.nvt).exp_m1(),
            Some(x) if u < -x => -(-(x + u) / self.nvt).exp(),
            _ => -(1.0 + cube(u)),
        };
        self.is * current + self.gmin * u
    }

    fn current(&self, v: f64) -> f64 {
        if self.rs == 0.0 {
            return self.junction(v);
        }
        let (low, high) = (v.min(0.0), v.max(0.0));
        self.junction(bisect(low, high, |u| u + self.rs * self.junction(u) - v))
    }
}

/// Zero of a rising function, to the last bit.
pub fn bisect(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return if f(low).abs() < f(high).abs() {
                low
            } else {
                high
            };
        }
        if f(middle) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// Current p -> n of each branch from the node potentials by the element's law; where a law leaves
/// the current open (V, E, H, shorts, ideal diodes, port 1 of a transformer), that of `op`.
pub fn currents(circuit: &Circuit, op: &OperatingPoint) -> Vec<f64> {
    let mut currents = Vec::with_capacity(circuit.branch_count());
    for (id, element) in circuit.elements() {
        let [p, n] = element.port;
        let v = op.voltage(p, n);
        let second = element.second().unwrap_or([NodeId::GROUND; 2]);
        let v_second = op.voltage(second[0], second[1]);
        let open = op.current(circuit, id);
        match &element.device {
            Device::Resistor { resistance } if *resistance != 0.0 => currents.push(v / resistance),
            Device::CurrentSource { current } => currents.push(*current),
            Device::OnePort(one_port) => currents.push(one_port_current(one_port, v)),
            Device::Vccs { transconductance } => currents.push(transconductance * v_second),
            Device::Cccs { gain } => {
                let control = element.control().expect("a controlling source");
                currents.push(gain * op.current(circuit, control));
            }
            Device::Gyrator { conductance } => {
                currents.extend([conductance * v_second, -conductance * v]);
            }
            Device::Transformer { ratio } => currents.extend([open, -ratio * open]),
            _ => currents.push(open),
        }
    }
    currents
}

/// How far each equation is from holding, relative to what meets in it: Kirchhoff's current law at
/// each node, and the law of each element that prescribes a voltage. The largest is returned.
pub fn worst_violation(circuit: &Circuit, op: &OperatingPoint) -> f64 {
    let currents = currents(circuit, op);
    let largest = op.potentials.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let mut sum = vec![0.0f64; circuit.node_count()];
    let mut scale = vec![1e-24f64; circuit.node_count()];
    let mut worst = 0.0f64;
    let mut note = |violation: f64| {
        worst = if violation.is_nan() {
            f64::INFINITY
        } else {
            worst.max(violation)
        };
    };
    for (id, element) in circuit.elements() {
        for branch in element.branches() {
            let [p, n] = circuit.branch_nodes(branch);
            let i = currents[branch.index()];
            // A violation of 1e-9 stands for a potential off by 1e-14 of the largest.
            let rounding = 1e-5 * largest * conductance(&element.device, op, id, circuit);
            for (node, sign) in [(p, 1.0), (n, -1.0)] {
                sum[node.index()] += sign * i;
                scale[node.index()] += i.abs() + rounding;
            }
        }
        let [p, n] = element.port;
        let second = element.second().unwrap_or([NodeId::GROUND; 2]);
        let v = op.voltage(p, n);
        let control = || op.current(circuit, element.control().expect("a controlling source"));
        let prescribed = match &element.device {
            Device::VoltageSource { voltage } => Some(*voltage),
            Device::Resistor { resistance: 0.0 } => Some(0.0),
            Device::Vcvs { gain } => Some(gain * op.voltage(second[0], second[1])),
            Device::Ccvs { transresistance } => Some(transresistance * control()),
            Device::Transformer { ratio } => Some(ratio * op.voltage(second[0], second[1])),
            Device::IdealDiode => {
                // v <= 0, i >= 0 and one of them zero, each relative to the circuit's.
                let i = op.current(circuit, id) / scale_of(&currents);
                let v = v / (largest + 1e-24);
                note((-i).max(v).max(i.abs().min(v.abs())));
                None
            }
            _ => None,
        };
        if let Some(prescribed) = prescribed {
            note((v - prescribed).abs() / (largest + 1e-24));
        }
    }
    for (s, scale) in sum.iter().zip(&scale) {
        note(s.abs() / scale);
    }
    worst
}

fn scale_of(currents: &[f64]) -> f64 {
    currents.iter().fold(1e-24f64, |m, i| m.max(i.abs()))
}

/// Incremental conductance of an element, for what rounding of potentials can do to its current.
fn conductance(device: &Device, op: &OperatingPoint, id: ElementId, circuit: &Circuit) -> f64 {
    let [p, n] = circuit.element(id).port;
    match device {
        Device::Resistor { resistance } if *resistance != 0.0 => 1.0 / resistance,
        Device::OnePort(one_port) => {
            let v = op.voltage(p, n);
            let h = 1e-6 * v.abs().max(1e-3);
            let rise = one_port_current(one_port, v + h) - one_port_current(one_port, v - h);
            rise / (2.0 * h)
        }
        Device::Vccs {
            transconductance: g,
        }
        | Device::Gyrator { conductance: g } => g.abs(),
        _ => 0.0,
    }
}

/// `* expect v(out) = 6` in a deck.
pub fn expectations(text: &str) -> Vec<(String, f64)> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("* expect "));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(output, value)| {
            let value = ohmgrad::units::parse_number(value.trim()).expect("a number");
            (output.trim().to_string(), value)
        })
        .collect()
}
