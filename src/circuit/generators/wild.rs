//! Random circuits with values over many decades, each with exactly one operating point.
//!
//! Why there is one: every element is monotone, every two-port lossless, so that what must be shown
//! is that currents find a way, that no loop forces a current without end, and that every potential
//! is set.
//!
//! - Nodes hang on ground by resistors. In a *loose* circuit junctions with GMIN and piecewise-linear
//!   diodes, whose currents rise everywhere, may take their place.
//! - A current source has a resistor across it, or a path of resistors whose drop it does not make
//!   larger than the circuit's largest voltage.
//! - Voltage sources, ideal diodes and junctions without RS are *stiff*. Sources and ideal diodes
//!   never close a loop of stiff elements; a junction that would close one with a source in it gets RS.
//! - A transformer's first port has a resistor in series.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::parts::{Ranges, log_uniform};
use super::resistor;
use super::shapes::Shape;
use crate::circuit::{Circuit, NodeId, TopologyError};
use crate::device::{Device, Environment};

/// What is nonlinear in a random circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Shockley,
    Ideal,
    /// Piecewise-linear diodes and tables.
    Piecewise,
    Mixed,
    /// As `Mixed`, with ideal transformers and gyrators.
    Rtgd,
}

impl Kind {
    fn any(rng: &mut ChaCha8Rng) -> Self {
        match rng.random_range(0..10) {
            0..=4 => Kind::Shockley,
            5 => Kind::Ideal,
            6 => Kind::Piecewise,
            _ => Kind::Mixed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Shockley => "shockley",
            Kind::Ideal => "ideal",
            Kind::Piecewise => "piecewise",
            Kind::Mixed => "mixed",
            Kind::Rtgd => "rtgd",
        }
    }
}

/// A random circuit by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wild {
    pub seed: u64,
    /// Nodes besides ground; 2 to 300, log-uniform, if not given.
    pub nodes: Option<usize>,
    /// Drawn from all but `Rtgd` if not given.
    pub kind: Option<Kind>,
}

impl Wild {
    /// # Errors
    /// None that a seed is known to give.
    pub fn build(&self) -> Result<Circuit, TopologyError> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let drawn = Kind::any(&mut rng);
        let size = log_uniform(&mut rng, 2.0, 300.0).round() as usize;
        let kind = self.kind.unwrap_or(drawn);
        let nodes = self.nodes.unwrap_or(size).max(1);
        let mut draft = Draft::new(self.seed, kind, nodes, rng);
        draft.fill()?;
        Ok(draft.circuit)
    }
}

/// Sets of nodes that are joined, and whether a set holds a voltage source.
struct Groups {
    parent: Vec<usize>,
    sourced: Vec<bool>,
}

impl Groups {
    fn new() -> Self {
        Self {
            parent: Vec::new(),
            sourced: Vec::new(),
        }
    }

    fn root(&mut self, node: NodeId) -> usize {
        while self.parent.len() <= node.index() {
            self.parent.push(self.parent.len());
            self.sourced.push(false);
        }
        let mut k = node.index();
        while self.parent[k] != k {
            self.parent[k] = self.parent[self.parent[k]];
            k = self.parent[k];
        }
        k
    }

    /// False if the two were joined before.
    fn join(&mut self, [p, n]: [NodeId; 2]) -> bool {
        let (p, n) = (self.root(p), self.root(n));
        self.parent[p] = n;
        self.sourced[n] |= self.sourced[p];
        p != n
    }

    fn are_joined(&mut self, [p, n]: [NodeId; 2]) -> bool {
        self.root(p) == self.root(n)
    }
}

struct Draft {
    circuit: Circuit,
    rng: ChaCha8Rng,
    kind: Kind,
    shape: Shape,
    ranges: Ranges,
    /// Whether diodes that conduct at any voltage may hold a node.
    loose: bool,
    /// Nodes that elements may be led to; ground first.
    nodes: Vec<NodeId>,
    /// Nodes besides ground that the circuit may still get.
    room: usize,
    stiff: Groups,
    held: Groups,
    resistors: Vec<([NodeId; 2], f64)>,
    /// Resistance of some path of resistors from each node to ground, ohm.
    reach: Vec<f64>,
    count: usize,
}

impl Draft {
    fn new(seed: u64, kind: Kind, room: usize, mut rng: ChaCha8Rng) -> Self {
        let shape = Shape::any(&mut rng);
        let loose = kind != Kind::Ideal && rng.random_bool(0.3);
        let environment = environment(&mut rng, loose);
        // No more than 15 decades between a resistor and GMIN where that holds a node.
        let floor = if loose { 1e-15 / environment.gmin } else { 0.0 };
        let ranges = Ranges::any(&mut rng, environment, floor);
        let title = format!(
            "random circuit {seed}: {room} nodes, {}, {}{}",
            kind.name(),
            shape.name(),
            if loose { ", loose" } else { "" }
        );
        let mut circuit = Circuit::new(title);
        circuit.set_environment(environment);
        Self {
            circuit,
            rng,
            kind,
            shape,
            ranges,
            loose,
            nodes: vec![NodeId::GROUND],
            room,
            stiff: Groups::new(),
            held: Groups::new(),
            resistors: Vec::new(),
            reach: Vec::new(),
            count: 0,
        }
    }

    fn fill(&mut self) -> Result<(), TopologyError> {
        let size = self.room - self.rng.random_range(0..=self.room / 4);
        for _ in 0..size {
            let node = self.new_node();
            self.nodes.push(node);
        }
        let share = match self.shape {
            Shape::Chain => self.rng.random_range(0.7..=1.0),
            _ => self.rng.random_range(0.0..0.8),
        };
        for [p, n] in self.shape.pairs(size, &mut self.rng) {
            let port = [self.nodes[p], self.nodes[n]];
            if self.rng.random_bool(share) {
                self.diode(port)?;
            } else {
                self.resistor(port)?;
            }
        }
        self.hold_all()?;
        self.measure_reach();
        for _ in 0..self.few(size / 3) {
            let port = self.any_pair();
            self.one_port(port)?;
        }
        if self.rng.random_bool(0.2) {
            self.stack()?;
        }
        for _ in 0..1 + self.few(size / 4) {
            self.source()?;
        }
        if self.kind == Kind::Rtgd {
            for _ in 0..1 + self.few(size / 6).min(20) {
                self.two_port()?;
            }
        }
        Ok(())
    }

    /// Up to `most`, rather less.
    fn few(&mut self, most: usize) -> usize {
        log_uniform(&mut self.rng, 1.0, 1.0 + most as f64) as usize - usize::from(most == 0)
    }

    fn new_node(&mut self) -> NodeId {
        self.room -= 1;
        let name = format!("n{}", self.circuit.node_count());
        self.circuit.node(&name)
    }

    fn any_node(&mut self) -> NodeId {
        self.nodes[self.rng.random_range(0..self.nodes.len())]
    }

    fn any_pair(&mut self) -> [NodeId; 2] {
        let n = self.rng.random_range(1..self.nodes.len());
        let p = self.rng.random_range(0..n);
        let pair = [self.nodes[p], self.nodes[n]];
        self.either_way(pair)
    }

    fn either_way(&mut self, [p, n]: [NodeId; 2]) -> [NodeId; 2] {
        if self.rng.random_bool(0.5) {
            [p, n]
        } else {
            [n, p]
        }
    }

    fn add(
        &mut self,
        prefix: &str,
        device: Device,
        port: [NodeId; 2],
    ) -> Result<(), TopologyError> {
        self.count += 1;
        let name = format!("{prefix}{}", self.count);
        self.circuit.add(&name, device, port).map(drop)
    }

    fn resistor(&mut self, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let resistance = self.ranges.resistance(&mut self.rng);
        self.resistor_of(resistance, port)
    }

    fn resistor_of(&mut self, resistance: f64, port: [NodeId; 2]) -> Result<(), TopologyError> {
        self.held.join(port);
        self.resistors.push((port, resistance));
        self.add("r", resistor(resistance), port)
    }

    /// In a chain most diodes look the same way.
    fn diode(&mut self, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let port = match self.shape {
            Shape::Chain if self.rng.random_bool(0.9) => port,
            _ => self.either_way(port),
        };
        let which = match self.kind {
            Kind::Shockley => 0,
            Kind::Ideal => 1,
            Kind::Piecewise => 2,
            Kind::Mixed | Kind::Rtgd => self.rng.random_range(0..3),
        };
        match which {
            0 => self.shockley(port),
            1 if self.stiff.join(port) => self.add("d", Device::IdealDiode, port),
            2 => match self.ranges.piecewise_diode(&mut self.rng) {
                Some(diode) => {
                    self.hold(port);
                    self.add("d", diode.into(), port)
                }
                None => self.resistor(port),
            },
            _ => self.resistor(port),
        }
    }

    fn shockley(&mut self, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let root = self.stiff.root(port[0]);
        let closes_loop = self.stiff.are_joined(port) && self.stiff.sourced[root];
        match self.ranges.shockley(&mut self.rng, !closes_loop) {
            Some(diode) => {
                self.hold(port);
                if !closes_loop {
                    self.stiff.join(port);
                }
                self.add("d", diode.into(), port)
            }
            None => self.resistor(port),
        }
    }

    fn hold(&mut self, port: [NodeId; 2]) {
        if self.loose {
            self.held.join(port);
        }
    }

    fn one_port(&mut self, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let path = self.path(port);
        let may_be_table = matches!(self.kind, Kind::Piecewise | Kind::Mixed | Kind::Rtgd);
        if may_be_table
            && path.is_finite()
            && self.rng.random_bool(0.3)
            && let Some(table) = self.ranges.table(&mut self.rng, path)
        {
            return self.add("g", table.into(), port);
        }
        if self.rng.random_bool(0.2) {
            self.resistor(port)
        } else {
            self.diode(port)
        }
    }

    /// A resistor for every node that nothing holds yet.
    fn hold_all(&mut self) -> Result<(), TopologyError> {
        for k in 1..self.nodes.len() {
            let node = self.nodes[k];
            if self.held.are_joined([node, NodeId::GROUND]) {
                continue;
            }
            let mut other = self.any_node();
            if !self.held.are_joined([other, NodeId::GROUND]) {
                other = NodeId::GROUND;
            }
            self.resistor([node, other])?;
        }
        Ok(())
    }

    /// Shortest paths by resistance (Dijkstra 1959).
    fn measure_reach(&mut self) {
        let count = self.circuit.node_count();
        let mut neighbours = vec![Vec::new(); count];
        for &([p, n], resistance) in &self.resistors {
            neighbours[p.index()].push((n.index(), resistance));
            neighbours[n.index()].push((p.index(), resistance));
        }
        self.reach = vec![f64::INFINITY; count];
        self.reach[0] = 0.0;
        let mut open: Vec<usize> = (0..count).collect();
        while let Some(place) =
            (0..open.len()).min_by(|&a, &b| self.reach[open[a]].total_cmp(&self.reach[open[b]]))
        {
            let here = open.swap_remove(place);
            for &(next, resistance) in &neighbours[here] {
                self.reach[next] = self.reach[next].min(self.reach[here] + resistance);
            }
        }
    }

    /// Resistance of a path of resistors between two nodes, ohm; infinite if none is known.
    fn path(&self, port: [NodeId; 2]) -> f64 {
        port.iter().map(|node| self.reach[node.index()]).sum()
    }

    fn source(&mut self) -> Result<(), TopologyError> {
        let port = self.any_pair();
        match self.rng.random_range(0..10) {
            0..=2 if self.tie(port) => {
                let voltage = self.ranges.voltage(&mut self.rng);
                self.add("v", Device::VoltageSource { voltage }, port)
            }
            0..=5 if self.room > 0 => {
                let inner = self.new_node();
                self.resistor([inner, port[1]])?;
                self.tie([port[0], inner]);
                let voltage = self.ranges.voltage(&mut self.rng);
                self.add("v", Device::VoltageSource { voltage }, [port[0], inner])
            }
            6 if self.path(port).is_finite() => {
                let path = self.path(port);
                let current = self.ranges.current(&mut self.rng, path);
                self.add("i", Device::CurrentSource { current }, port)
            }
            _ => {
                let resistance = self.ranges.resistance(&mut self.rng);
                let current = self.ranges.current(&mut self.rng, resistance);
                self.resistor_of(resistance, port)?;
                self.add("i", Device::CurrentSource { current }, port)
            }
        }
    }

    /// False if stiff elements join the two already.
    fn tie(&mut self, port: [NodeId; 2]) -> bool {
        let is_new = self.stiff.join(port);
        if is_new {
            let root = self.stiff.root(port[0]);
            self.stiff.sourced[root] = true;
        }
        is_new
    }

    /// Sources in series from some node on, each of 0.1 to 1 kV, with resistors from its taps.
    fn stack(&mut self) -> Result<(), TopologyError> {
        let mut below = self.any_node();
        for _ in 0..self.rng.random_range(1..=10) {
            if self.room == 0 {
                break;
            }
            let above = self.new_node();
            self.tie([above, below]);
            let voltage = log_uniform(&mut self.rng, 1e2, 1e3);
            self.add("v", Device::VoltageSource { voltage }, [above, below])?;
            if self.rng.random_bool(0.5) {
                let other = self.any_node();
                self.resistor([above, other])?;
            }
            below = above;
        }
        let other = self.any_node();
        if other != below {
            self.resistor([below, other])?;
        }
        Ok(())
    }

    fn two_port(&mut self) -> Result<(), TopologyError> {
        let (first, second) = (self.any_pair(), self.any_pair());
        self.count += 1;
        let name = format!("x{}", self.count);
        if self.room == 0 || self.rng.random_bool(0.5) {
            let device = self.ranges.gyrator(&mut self.rng);
            self.circuit.add_two_port(&name, device, first, second)?;
        } else {
            let inner = self.new_node();
            let device = Ranges::transformer(&mut self.rng);
            self.circuit
                .add_two_port(&name, device, [inner, first[1]], second)?;
            self.resistor([first[0], inner])?;
        }
        Ok(())
    }
}

/// GMIN is ngspice's in most circuits; it may be nothing where no node depends on it.
fn environment(rng: &mut ChaCha8Rng, loose: bool) -> Environment {
    let default = Environment::default();
    let gmin = match rng.random_range(0..10) {
        0 if !loose => 0.0,
        1 => log_uniform(rng, 1e-15, 1e-9),
        _ => default.gmin,
    };
    Environment { gmin, ..default }
}
