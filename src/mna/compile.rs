//! Numbering of unknowns, sparsity pattern, and a slot for each stamp entry.

use petgraph::unionfind::UnionFind;

use crate::circuit::{Circuit, Element, ElementId, NodeId};
use crate::device::{Device, Parameter};
use crate::linear::{LinearError, Matrix, Method, Symbolic};

use super::{FullIndex, KeptBranch, Slot, SourceId, Unknown};

/// A circuit compiled for solving: structure only, no element values.
#[derive(Debug)]
pub struct System {
    pub(super) node_count: usize,
    pub(super) order: usize,
    /// Unknown of each entry of the full vector.
    pub(super) unknown: Vec<Unknown>,
    /// Voltage sources and shorts that were eliminated, parents before children.
    pub(super) ties: Vec<Tie>,
    pub(super) conductances: Vec<PairStamp>,
    pub(super) one_ports: Vec<PairStamp>,
    pub(super) ideal_diodes: Vec<IdealStamp>,
    pub(super) couplings: Vec<Coupling>,
    pub(super) current_sources: Vec<CurrentStamp>,
    pub(super) kept_voltage_sources: Vec<(FullIndex, SourceId)>,
    pub(super) source_elements: Vec<ElementId>,
    /// Per element: its index in the list of its kind.
    pub(super) place: Vec<Place>,
    /// Slot of the diagonal entry of each node unknown.
    pub(super) diagonal: Vec<Slot>,
    pub(super) node_unknowns: usize,
    pub(super) pattern: Matrix,
    pub(super) symbolic: Symbolic,
    pub(super) is_reciprocal: bool,
}

/// Where the numbers of an element live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Conductance(u32),
    OnePort(u32),
    Ideal(u32),
    /// Eliminated voltage source or short: index into `ties`.
    Tie(u32),
    RedundantShort,
    Current(u32),
    /// First of its entries in `couplings` and, if it has one, its kept branch.
    Coupled {
        first: u32,
        branch: Option<KeptBranch>,
    },
}

/// `potential[node] = potential[parent] + sign * E`, with E the source's voltage or 0 for a short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tie {
    pub node: NodeId,
    pub parent: NodeId,
    pub source: Option<SourceId>,
    pub element: ElementId,
    pub sign: f64,
}

/// A branch between two nodes whose conductance is stamped at four places.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairStamp {
    pub p: NodeId,
    pub n: NodeId,
    pub element: ElementId,
    pub pp: Slot,
    pub nn: Slot,
    pub pn: Slot,
    pub np: Slot,
}

/// An ideal diode with its branch current: `v = 0` (conducting) or `i = 0` (blocking).
#[derive(Clone, Copy, Debug)]
pub(super) struct IdealStamp {
    pub p: NodeId,
    pub n: NodeId,
    pub branch: FullIndex,
    pub current_p: Slot,
    pub current_n: Slot,
    pub voltage_p: Slot,
    pub voltage_n: Slot,
    pub own: Slot,
}

/// One constant entry of the full Jacobian: `F[row] += coefficient z[column]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coupling {
    pub row: FullIndex,
    pub column: FullIndex,
    pub slot: Slot,
    pub element: ElementId,
    pub sign: f64,
    /// The coefficient is `sign` times this parameter, or `sign` itself.
    pub parameter: Option<Parameter>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentStamp {
    pub p: NodeId,
    pub n: NodeId,
    pub source: SourceId,
}

/// Which method a system shall use; automatic unless a test or a bench asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MethodChoice {
    #[default]
    Automatic,
    Lu,
}

impl System {
    /// Compiles a circuit whose topology [has been checked](Circuit::check).
    ///
    /// # Errors
    /// Only if memory runs out in the symbolic analysis.
    pub fn compile(circuit: &Circuit) -> Result<Self, LinearError> {
        Self::compile_with(circuit, MethodChoice::Automatic)
    }

    pub fn compile_with(circuit: &Circuit, choice: MethodChoice) -> Result<Self, LinearError> {
        let sensed = sensed_sources(circuit);
        let forest = Forest::grow(circuit, &sensed);
        let stamps = Stamps::collect(circuit, &forest);
        let spd = choice == MethodChoice::Automatic && is_positive_definite(circuit, &sensed);
        stamps.assemble(circuit, forest, spd)
    }

    /// Number of reduced unknowns.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Nonzeros of the reduced matrix as stored (lower triangle for Cholesky).
    pub fn nonzeros(&self) -> usize {
        self.pattern.nnz()
    }

    pub fn method(&self) -> Method {
        self.symbolic.method()
    }

    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// True if a co-content exists, so that the operating point is its minimum.
    pub fn is_reciprocal(&self) -> bool {
        self.is_reciprocal
    }

    /// True if one linear solve gives the operating point.
    pub fn is_linear(&self) -> bool {
        self.one_ports.is_empty() && self.ideal_diodes.is_empty()
    }

    /// The V and I elements, in the order of the vector of source values.
    pub fn source_elements(&self) -> &[ElementId] {
        &self.source_elements
    }

    /// Number of unknowns that are node potentials; kept branch currents follow them.
    pub fn node_unknown_count(&self) -> usize {
        self.node_unknowns
    }

    /// True if every unknown is a node potential.
    pub fn has_only_nodes(&self) -> bool {
        self.order == self.node_unknowns
    }

    pub fn has_ideal_diodes(&self) -> bool {
        !self.ideal_diodes.is_empty()
    }

    /// True if every unknown is a node potential or the current of an ideal diode.
    pub fn has_only_nodes_and_ideal_diodes(&self) -> bool {
        self.order == self.node_unknowns + self.ideal_diodes.len()
    }

    /// Positive and negative node of each nonlinear one-port.
    pub fn one_port_nodes(&self) -> impl Iterator<Item = [NodeId; 2]> + '_ {
        self.one_ports.iter().map(|stamp| [stamp.p, stamp.n])
    }

    /// Voltage (V) and current (A) of ideal diode `index` in the iterate of `workspace`.
    pub fn ideal_diode(&self, workspace: &super::Workspace, index: usize) -> (f64, f64) {
        let stamp = &self.ideal_diodes[index];
        (
            workspace.voltage(stamp.p, stamp.n),
            workspace.full[stamp.branch.index()],
        )
    }

    /// A node that the unknown `index` belongs to: its own, or the positive node of its branch.
    pub fn node_of_unknown(&self, index: usize) -> NodeId {
        let full = self
            .unknown
            .iter()
            .position(|u| u.index() == index)
            .unwrap_or(0);
        if full < self.node_count {
            return NodeId::from_index(full);
        }
        let at_branch = |c: &&Coupling| c.column.index() == full && c.row.index() < self.node_count;
        let ideal = self
            .ideal_diodes
            .iter()
            .find(|s| s.branch.index() == full)
            .map(|s| s.p);
        let coupled = self.couplings.iter().find(at_branch);
        ideal
            .or(coupled.map(|c| NodeId::from_index(c.row.index())))
            .unwrap_or(NodeId::GROUND)
    }

    /// The unknown that carries a node's potential, if it is not held by sources.
    pub fn node_unknown(&self, node: NodeId) -> Option<Unknown> {
        Some(self.unknown[node.index()]).filter(|u| u.is_some())
    }
}

/// Voltage sources whose current is sensed by an F or H keep their branch current as an unknown.
fn sensed_sources(circuit: &Circuit) -> Vec<bool> {
    let mut sensed = vec![false; circuit.element_count()];
    for control in circuit.elements().filter_map(|(_, e)| e.control) {
        sensed[control.index()] = true;
    }
    sensed
}

/// R, D, V, I and piecewise-linear circuits reduce to a symmetric positive definite system as long
/// as no conductance is negative.
fn is_positive_definite(circuit: &Circuit, sensed: &[bool]) -> bool {
    circuit.elements().all(|(id, e)| match e.device {
        Device::Resistor { resistance } => resistance >= 0.0,
        Device::VoltageSource { .. } => !sensed[id.index()],
        Device::CurrentSource { .. } | Device::OnePort(_) => true,
        _ => false,
    })
}

/// Node potentials that voltage sources and shorts tie together.
struct Forest {
    /// Node -> number of its tree, `NONE` for the tree of ground.
    root: Vec<Unknown>,
    trees: usize,
    ties: Vec<Tie>,
    source_elements: Vec<ElementId>,
    source_of: Vec<Option<SourceId>>,
}

impl Forest {
    fn grow(circuit: &Circuit, sensed: &[bool]) -> Self {
        let mut source_elements = Vec::new();
        let mut source_of = vec![None; circuit.element_count()];
        for (id, element) in circuit.elements() {
            let device = &element.device;
            if matches!(
                device,
                Device::VoltageSource { .. } | Device::CurrentSource { .. }
            ) {
                source_of[id.index()] = Some(SourceId(source_elements.len() as u32));
                source_elements.push(id);
            }
        }
        let mut union = UnionFind::<u32>::new(circuit.node_count());
        let mut adjacent: Vec<Vec<(NodeId, Tie)>> = vec![Vec::new(); circuit.node_count()];
        for (id, element) in circuit.elements() {
            if !is_tie(element, sensed[id.index()]) {
                continue;
            }
            let [p, n] = element.port;
            if !union.union(p.index() as u32, n.index() as u32) {
                continue;
            }
            let source = source_of[id.index()];
            let up = Tie {
                node: p,
                parent: n,
                source,
                element: id,
                sign: 1.0,
            };
            adjacent[n.index()].push((p, up));
            adjacent[p.index()].push((
                n,
                Tie {
                    node: n,
                    parent: p,
                    sign: -1.0,
                    ..up
                },
            ));
        }
        let (root, trees, ties) = walk(&adjacent);
        Self {
            root,
            trees,
            ties,
            source_elements,
            source_of,
        }
    }
}

fn is_tie(element: &Element, sensed: bool) -> bool {
    match element.device {
        Device::VoltageSource { .. } => !sensed,
        Device::Resistor { resistance } => resistance == 0.0,
        _ => false,
    }
}

/// Numbers the trees (ground's first, without a number) and lists ties with parents first.
fn walk(adjacent: &[Vec<(NodeId, Tie)>]) -> (Vec<Unknown>, usize, Vec<Tie>) {
    let mut root = vec![Unknown::NONE; adjacent.len()];
    let mut visited = vec![false; adjacent.len()];
    let (mut ties, mut trees, mut queue) = (Vec::new(), 0u32, Vec::new());
    for start in 0..adjacent.len() {
        if visited[start] {
            continue;
        }
        let number = if start == 0 {
            Unknown::NONE
        } else {
            Unknown(trees)
        };
        trees += u32::from(start != 0);
        visited[start] = true;
        root[start] = number;
        queue.push(start);
        while let Some(node) = queue.pop() {
            for &(next, tie) in &adjacent[node] {
                if !std::mem::replace(&mut visited[next.index()], true) {
                    root[next.index()] = number;
                    ties.push(tie);
                    queue.push(next.index());
                }
            }
        }
    }
    (root, trees as usize, ties)
}

/// Stamps with their full indices; slots are filled in by [`Stamps::assemble`].
struct Stamps {
    conductances: Vec<PairStamp>,
    one_ports: Vec<PairStamp>,
    ideal_diodes: Vec<IdealStamp>,
    couplings: Vec<Coupling>,
    current_sources: Vec<CurrentStamp>,
    kept_voltage_sources: Vec<(FullIndex, SourceId)>,
    place: Vec<Place>,
    kept: u32,
    node_count: u32,
}

impl Stamps {
    fn collect(circuit: &Circuit, forest: &Forest) -> Self {
        let mut stamps = Stamps {
            conductances: Vec::new(),
            one_ports: Vec::new(),
            ideal_diodes: Vec::new(),
            couplings: Vec::new(),
            current_sources: Vec::new(),
            kept_voltage_sources: Vec::new(),
            place: vec![Place::RedundantShort; circuit.element_count()],
            kept: 0,
            node_count: circuit.node_count() as u32,
        };
        for (index, tie) in forest.ties.iter().enumerate() {
            stamps.place[tie.element.index()] = Place::Tie(index as u32);
        }
        let branches = stamps.number_branches(circuit);
        for (id, element) in circuit.elements() {
            stamps.element(id, element, forest, &branches);
        }
        stamps
    }

    /// Kept branch of each element that has one.
    fn number_branches(&mut self, circuit: &Circuit) -> Vec<Option<KeptBranch>> {
        let mut branches = vec![None; circuit.element_count()];
        for (id, element) in circuit.elements() {
            let keeps = match element.device {
                Device::VoltageSource { .. } => self.place[id.index()] == Place::RedundantShort,
                Device::Vcvs { .. }
                | Device::Ccvs { .. }
                | Device::Transformer { .. }
                | Device::IdealDiode => true,
                _ => false,
            };
            if keeps {
                branches[id.index()] = Some(KeptBranch(self.kept));
                self.kept += 1;
            }
        }
        branches
    }

    fn element(
        &mut self,
        id: ElementId,
        element: &Element,
        forest: &Forest,
        branches: &[Option<KeptBranch>],
    ) {
        let [p, n] = element.port;
        let index = |len: usize| len as u32;
        let place = match &element.device {
            Device::Resistor { resistance } if *resistance == 0.0 => return,
            Device::Resistor { .. } => {
                self.conductances.push(PairStamp::between(p, n, id));
                Place::Conductance(index(self.conductances.len() - 1))
            }
            Device::OnePort(_) => {
                self.one_ports.push(PairStamp::between(p, n, id));
                Place::OnePort(index(self.one_ports.len() - 1))
            }
            Device::CurrentSource { .. } => {
                let Some(source) = forest.source_of[id.index()] else {
                    return;
                };
                self.current_sources.push(CurrentStamp { p, n, source });
                Place::Current(index(self.current_sources.len() - 1))
            }
            Device::IdealDiode => {
                let Some(branch) = branches[id.index()] else {
                    return;
                };
                self.ideal_diodes
                    .push(IdealStamp::new(p, n, self.branch_index(branch)));
                Place::Ideal(index(self.ideal_diodes.len() - 1))
            }
            Device::VoltageSource { .. } if branches[id.index()].is_none() => return,
            _ => self.coupled(id, element, forest, branches),
        };
        self.place[id.index()] = place;
    }

    fn branch_index(&self, branch: KeptBranch) -> FullIndex {
        FullIndex(self.node_count + branch.0)
    }

    fn coupled(
        &mut self,
        id: ElementId,
        element: &Element,
        forest: &Forest,
        branches: &[Option<KeptBranch>],
    ) -> Place {
        let first = self.couplings.len() as u32;
        let branch = branches[id.index()];
        let own = branch.map(|b| self.branch_index(b));
        let control = element.control.and_then(|c| branches[c.index()]);
        let control = control.map(|b| self.branch_index(b));
        let port = element.port.map(full);
        let second = element.second.unwrap_or([NodeId::GROUND; 2]).map(full);
        let mut add = Adder {
            couplings: &mut self.couplings,
            element: id,
        };
        match (&element.device, own, control) {
            (Device::VoltageSource { .. }, Some(own), _) => {
                add.port_branch(port, own, 1.0, None);
                let source = forest.source_of[id.index()].map(|s| (own, s));
                self.kept_voltage_sources.extend(source);
            }
            (Device::Vcvs { .. }, Some(own), _) => {
                add.port_branch(port, own, 1.0, None);
                add.row_of_pair(own, second, -1.0, Some(Parameter::Gain));
            }
            (Device::Ccvs { .. }, Some(own), Some(control)) => {
                add.port_branch(port, own, 1.0, None);
                add.one(own, control, -1.0, Some(Parameter::Transresistance));
            }
            (Device::Cccs { .. }, _, Some(control)) => {
                add.column_of_pair(port, control, 1.0, Some(Parameter::Gain));
            }
            (Device::Vccs { .. }, ..) => {
                add.pair_to_pair(port, second, 1.0, Parameter::Transconductance);
            }
            (Device::Transformer { .. }, Some(own), _) => {
                add.port_branch(port, own, 1.0, None);
                add.port_branch(second, own, -1.0, Some(Parameter::Ratio));
            }
            (Device::Gyrator { .. }, ..) => {
                add.pair_to_pair(port, second, 1.0, Parameter::Conductance);
                add.pair_to_pair(second, port, -1.0, Parameter::Conductance);
            }
            _ => {}
        }
        Place::Coupled { first, branch }
    }

    fn assemble(
        mut self,
        circuit: &Circuit,
        forest: Forest,
        spd: bool,
    ) -> Result<System, LinearError> {
        let node_unknowns = forest.trees;
        let order = node_unknowns + self.kept as usize;
        let mut unknown = forest.root;
        unknown.extend((0..self.kept).map(|k| Unknown(node_unknowns as u32 + k)));
        let mut slots = SlotFinder::new(order, spd, node_unknowns);
        self.visit(&unknown, &mut |row, column, _| slots.reserve(row, column));
        let pattern = slots.finish();
        self.visit(&unknown, &mut |row, column, slot| {
            *slot = slots.find(&pattern, row, column)
        });
        let diagonal = (0..node_unknowns)
            .map(|k| slots.find(&pattern, Unknown(k as u32), Unknown(k as u32)))
            .collect();
        let method = if spd { Method::Cholesky } else { Method::Lu };
        let symbolic = Symbolic::analyze(&pattern, method)?;
        Ok(System {
            node_count: self.node_count as usize,
            order,
            unknown,
            ties: forest.ties,
            conductances: self.conductances,
            one_ports: self.one_ports,
            ideal_diodes: self.ideal_diodes,
            couplings: self.couplings,
            current_sources: self.current_sources,
            kept_voltage_sources: self.kept_voltage_sources,
            source_elements: forest.source_elements,
            place: self.place,
            diagonal,
            node_unknowns,
            pattern,
            symbolic,
            is_reciprocal: circuit.is_reciprocal(),
        })
    }

    /// Calls `f(row, column, slot)` for every stamp entry in a fixed order.
    fn visit(&mut self, unknown: &[Unknown], f: &mut dyn FnMut(Unknown, Unknown, &mut Slot)) {
        let of = |node: NodeId| unknown[node.index()];
        for s in self.conductances.iter_mut().chain(&mut self.one_ports) {
            let (p, n) = (of(s.p), of(s.n));
            if p != n {
                f(p, p, &mut s.pp);
                f(n, n, &mut s.nn);
                f(p, n, &mut s.pn);
                f(n, p, &mut s.np);
            }
        }
        for s in &mut self.ideal_diodes {
            let (p, n, own) = (of(s.p), of(s.n), unknown[s.branch.index()]);
            f(p, own, &mut s.current_p);
            f(n, own, &mut s.current_n);
            f(own, p, &mut s.voltage_p);
            f(own, n, &mut s.voltage_n);
            f(own, own, &mut s.own);
        }
        for c in &mut self.couplings {
            f(
                unknown[c.row.index()],
                unknown[c.column.index()],
                &mut c.slot,
            );
        }
    }
}

fn full(node: NodeId) -> FullIndex {
    FullIndex(node.index() as u32)
}

impl PairStamp {
    fn between(p: NodeId, n: NodeId, element: ElementId) -> Self {
        let none = Slot::NONE;
        Self {
            p,
            n,
            element,
            pp: none,
            nn: none,
            pn: none,
            np: none,
        }
    }
}

impl IdealStamp {
    fn new(p: NodeId, n: NodeId, branch: FullIndex) -> Self {
        let none = Slot::NONE;
        Self {
            p,
            n,
            branch,
            current_p: none,
            current_n: none,
            voltage_p: none,
            voltage_n: none,
            own: none,
        }
    }
}

/// Adds the entries of one element to the list of couplings.
struct Adder<'a> {
    couplings: &'a mut Vec<Coupling>,
    element: ElementId,
}

impl Adder<'_> {
    fn one(&mut self, row: FullIndex, column: FullIndex, sign: f64, parameter: Option<Parameter>) {
        let (element, slot) = (self.element, Slot::NONE);
        self.couplings.push(Coupling {
            row,
            column,
            slot,
            element,
            sign,
            parameter,
        });
    }

    /// The current `column` leaves the first node and enters the second.
    fn column_of_pair(
        &mut self,
        [p, n]: [FullIndex; 2],
        column: FullIndex,
        sign: f64,
        parameter: Option<Parameter>,
    ) {
        self.one(p, column, sign, parameter);
        self.one(n, column, -sign, parameter);
    }

    /// The voltage of the pair enters the equation `row`.
    fn row_of_pair(
        &mut self,
        row: FullIndex,
        [p, n]: [FullIndex; 2],
        sign: f64,
        parameter: Option<Parameter>,
    ) {
        self.one(row, p, sign, parameter);
        self.one(row, n, -sign, parameter);
    }

    /// A branch current at a port together with the port's voltage in the branch equation.
    fn port_branch(
        &mut self,
        port: [FullIndex; 2],
        own: FullIndex,
        sign: f64,
        parameter: Option<Parameter>,
    ) {
        self.column_of_pair(port, own, sign, parameter);
        self.row_of_pair(own, port, sign, parameter);
    }

    /// A current at `port` proportional to the voltage of `control`.
    fn pair_to_pair(
        &mut self,
        port: [FullIndex; 2],
        control: [FullIndex; 2],
        sign: f64,
        parameter: Parameter,
    ) {
        self.row_of_pair(port[0], control, sign, Some(parameter));
        self.row_of_pair(port[1], control, -sign, Some(parameter));
    }
}

/// Collects matrix positions, then finds their slots.
struct SlotFinder {
    positions: sprs::TriMat<f64>,
    lower_only: bool,
}

impl SlotFinder {
    /// Diagonal entries of node unknowns always exist: continuation methods add to them.
    fn new(order: usize, lower_only: bool, node_unknowns: usize) -> Self {
        let mut positions = sprs::TriMat::new((order, order));
        for k in 0..node_unknowns {
            positions.add_triplet(k, k, 0.0);
        }
        Self {
            positions,
            lower_only,
        }
    }

    fn stored(&self, row: Unknown, column: Unknown) -> bool {
        row.is_some() && column.is_some() && (!self.lower_only || row.index() >= column.index())
    }

    fn reserve(&mut self, row: Unknown, column: Unknown) {
        if self.stored(row, column) {
            self.positions.add_triplet(row.index(), column.index(), 0.0);
        }
    }

    fn finish(&mut self) -> Matrix {
        let shape = self.positions.shape();
        std::mem::replace(&mut self.positions, sprs::TriMat::new(shape)).to_csc()
    }

    fn find(&self, pattern: &Matrix, row: Unknown, column: Unknown) -> Slot {
        if !self.stored(row, column) {
            return Slot::NONE;
        }
        let found = pattern.nnz_index(row.index(), column.index());
        found.map_or(Slot::NONE, |index| Slot(index.0 as u32))
    }
}
