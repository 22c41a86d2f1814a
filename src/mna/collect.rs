//! From elements to stamps with slots: kept branches, entries, sparsity pattern.

use rayon::prelude::*;

use crate::circuit::{Circuit, Control, Element, ElementId, NodeId};
use crate::device::{Behavioural, Device, Parameter, Quantity};
use crate::linear::{Matrix, Method};

use super::compile::System;
use super::forest::Forest;
use super::laws::{ControlStamp, LawStamp};
use super::stamps::{Coupling, CurrentStamp, IdealStamp, PairStamp, Place};
use super::{FullIndex, KeptBranch, Slot, SourceId, Unknown};

/// Stamps with their full indices; slots are filled in by [`Stamps::assemble`].
pub(super) struct Stamps {
    conductances: Vec<PairStamp>,
    one_ports: Vec<PairStamp>,
    ideal_diodes: Vec<IdealStamp>,
    couplings: Vec<Coupling>,
    current_sources: Vec<CurrentStamp>,
    kept_voltage_sources: Vec<(FullIndex, SourceId)>,
    laws: Vec<LawStamp>,
    controls: Vec<ControlStamp>,
    place: Vec<Place>,
    kept: u32,
    node_count: u32,
}

impl Stamps {
    pub(super) fn collect(circuit: &Circuit, forest: &Forest, sensed: &[bool]) -> Self {
        let mut stamps = Stamps {
            conductances: Vec::new(),
            one_ports: Vec::new(),
            ideal_diodes: Vec::new(),
            couplings: Vec::new(),
            current_sources: Vec::new(),
            kept_voltage_sources: Vec::new(),
            laws: Vec::new(),
            controls: Vec::new(),
            place: vec![Place::RedundantShort; circuit.element_count()],
            kept: 0,
            node_count: circuit.node_count() as u32,
        };
        for (index, tie) in forest.ties.iter().enumerate() {
            stamps.place[tie.element.index()] = Place::Tie(index as u32);
        }
        let branches = stamps.number_branches(circuit, sensed);
        for (id, element) in circuit.elements() {
            stamps.element(id, &element, forest, &branches);
        }
        stamps
    }

    /// Kept branch of each element that has one.
    fn number_branches(&mut self, circuit: &Circuit, sensed: &[bool]) -> Vec<Option<KeptBranch>> {
        let mut branches = vec![None; circuit.element_count()];
        for (id, element) in circuit.elements() {
            let is_tied = self.place[id.index()] != Place::RedundantShort;
            if keeps_branch(&element.device, sensed[id.index()], is_tied) {
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
            Device::Resistor { .. } if branches[id.index()].is_some() => {
                self.coupled(id, element, forest, branches)
            }
            Device::Resistor { resistance: 0.0 } => return,
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
            Device::Behavioural(source) => self.law(id, element, source, branches),
            _ => self.coupled(id, element, forest, branches),
        };
        self.place[id.index()] = place;
    }

    fn branch_index(&self, branch: KeptBranch) -> FullIndex {
        FullIndex(self.node_count + branch.0)
    }

    fn law(
        &mut self,
        id: ElementId,
        element: &Element,
        source: &Behavioural,
        branches: &[Option<KeptBranch>],
    ) -> Place {
        let port = element.port.map(full);
        let branch = branches[id.index()].map(|b| self.branch_index(b));
        let mut rows = port;
        if let Some(own) = branch {
            rows = [full(NodeId::GROUND), own];
            let couplings = &mut self.couplings;
            let element = id;
            Adder { couplings, element }.port_branch(port, own, 1.0, None);
        }
        let first = self.controls.len();
        for &control in element.controls() {
            let columns = self.control_columns(control, branches);
            self.controls.push(ControlStamp::new(columns));
        }
        let law = source.law();
        let slope = self.laws.last().map_or(0, |law| law.slopes.end);
        self.laws.push(LawStamp {
            element: id,
            rows,
            branch,
            controls: first..self.controls.len(),
            slopes: slope..slope + law.control_count() + law.argument_count(),
        });
        Place::Law(self.laws.len() as u32 - 1)
    }

    /// The unknowns whose difference a control is; an element without a branch current has none.
    fn control_columns(&self, control: Control, branches: &[Option<KeptBranch>]) -> [FullIndex; 2] {
        let ground = full(NodeId::GROUND);
        match control {
            Control::Voltage(pair) => pair.map(full),
            Control::Current(id) => {
                let branch = branches[id.index()].map(|b| self.branch_index(b));
                [branch.unwrap_or(ground), ground]
            }
        }
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
        let control = element.control().and_then(|c| branches[c.index()]);
        let control = control.map(|b| self.branch_index(b));
        let port = element.port.map(full);
        let second = element.second().unwrap_or([NodeId::GROUND; 2]).map(full);
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
            (Device::Resistor { .. }, Some(own), _) => {
                add.port_branch(port, own, 1.0, None);
                add.one(own, own, -1.0, Some(Parameter::Resistance));
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

    pub(super) fn assemble(mut self, forest: Forest, spd: bool, is_reciprocal: bool) -> System {
        let node_unknowns = forest.trees;
        let order = node_unknowns + self.kept as usize;
        let mut unknown = forest.root;
        unknown.extend((0..self.kept).map(|k| Unknown(node_unknowns as u32 + k)));
        let mut slots = Slots::new(order, spd, node_unknowns);
        // Two diagonal entries of each, and one beside them or two.
        let pairs = self.conductances.len() + self.one_ports.len();
        slots.positions.reserve(pairs * if spd { 3 } else { 4 });
        self.visit(&unknown, &mut |row, column, _| slots.reserve(row, column));
        let (mut pattern, mut diagonal) = slots.finish();
        let mut next = diagonal.split_off(node_unknowns).into_iter();
        self.visit(&unknown, &mut |row, column, slot| {
            if slots.is_stored(row, column) {
                *slot = next.next().unwrap_or(Slot::NONE);
            }
        });
        self.mark_constant(pattern.data_mut());
        let method = if spd { Method::Cholesky } else { Method::Lu };
        System {
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
            laws: self.laws,
            controls: self.controls,
            source_elements: forest.source_elements,
            place: self.place,
            diagonal,
            node_unknowns,
            pattern,
            method,
            way: Default::default(),
            symbolic: Default::default(),
            precise_symbolic: Default::default(),
            is_reciprocal,
            strips: Default::default(),
        }
    }

    /// Marks the entries that are not zero whatever the state, which pivots can be taken from.
    fn mark_constant(&self, entries: &mut [f64]) {
        let pairs = self.conductances.iter().chain(&self.one_ports);
        let pairs = pairs.flat_map(|s| [s.pp, s.nn, s.pn, s.np]);
        for slot in pairs.chain(self.couplings.iter().map(|c| c.slot)) {
            if let Some(entry) = entries.get_mut(slot.index()) {
                *entry = 1.0;
            }
        }
    }

    /// Calls `f(row, column, slot)` for every stamp entry in a fixed order.
    fn visit(&mut self, unknown: &[Unknown], f: &mut impl FnMut(Unknown, Unknown, &mut Slot)) {
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
        for law in &self.laws {
            for control in &mut self.controls[law.controls.clone()] {
                for (row, slots) in law.rows.iter().zip(&mut control.slots) {
                    for (column, slot) in control.columns.iter().zip(slots) {
                        f(unknown[row.index()], unknown[column.index()], slot);
                    }
                }
            }
        }
    }
}

/// True if the current of an element is an unknown.
pub(super) fn keeps_branch(device: &Device, is_sensed: bool, is_tied: bool) -> bool {
    match device {
        Device::Resistor { .. } => is_sensed,
        Device::VoltageSource { .. } => !is_tied,
        Device::Vcvs { .. }
        | Device::Ccvs { .. }
        | Device::Transformer { .. }
        | Device::IdealDiode => true,
        Device::Behavioural(source) => source.quantity == Quantity::Voltage,
        _ => false,
    }
}

fn full(node: NodeId) -> FullIndex {
    FullIndex(node.index() as u32)
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

/// Collects matrix positions, then hands out their slots in the same order.
struct Slots {
    /// Row and column of each entry, duplicates included.
    positions: Vec<[u32; 2]>,
    order: usize,
    lower_only: bool,
}

impl Slots {
    /// Diagonal entries of node unknowns always exist: continuation methods add to them.
    fn new(order: usize, lower_only: bool, node_unknowns: usize) -> Self {
        Self {
            positions: (0..node_unknowns as u32).map(|k| [k, k]).collect(),
            order,
            lower_only,
        }
    }

    fn is_stored(&self, row: Unknown, column: Unknown) -> bool {
        row.is_some() && column.is_some() && (!self.lower_only || row.index() >= column.index())
    }

    fn reserve(&mut self, row: Unknown, column: Unknown) {
        if self.is_stored(row, column) {
            self.positions.push([row.0, column.0]);
        }
    }

    /// The pattern by columns, and the slot of each position in the order in which they came.
    fn finish(&self) -> (Matrix, Vec<Slot>) {
        let (mut entries, ends) = self.by_column();
        sort_columns(&mut entries, &ends);
        let mut slots = vec![Slot::NONE; entries.len()];
        let mut starts = Vec::with_capacity(self.order + 1);
        starts.push(0);
        let mut rows = Vec::with_capacity(entries.len());
        let mut first = 0;
        for &end in &ends {
            let mut last = None;
            for &(row, entry) in &entries[first..end as usize] {
                if last.replace(row) != Some(row) {
                    rows.push(row as usize);
                }
                slots[entry as usize] = Slot(rows.len() as u32 - 1);
            }
            starts.push(rows.len());
            first = end as usize;
        }
        let shape = (self.order, self.order);
        let zeros = vec![0.0; rows.len()];
        (Matrix::new_csc(shape, starts, rows, zeros), slots)
    }

    /// Row and number of each entry, column after column; and where columns end.
    fn by_column(&self) -> (Vec<(u32, u32)>, Vec<u32>) {
        let mut next = vec![0u32; self.order];
        for [_, column] in &self.positions {
            next[*column as usize] += 1;
        }
        let mut sum = 0;
        for next in &mut next {
            sum += std::mem::replace(next, sum);
        }
        let mut entries = vec![(0, 0); self.positions.len()];
        for (entry, [row, column]) in (0..).zip(&self.positions) {
            let next = &mut next[*column as usize];
            entries[*next as usize] = (*row, entry);
            *next += 1;
        }
        (entries, next)
    }
}

/// Columns that one thread sorts at a time.
const COLUMNS_OF_A_THREAD: usize = 1 << 13;

/// Sorts each column by rows.
fn sort_columns(entries: &mut [(u32, u32)], ends: &[u32]) {
    let mut parts = Vec::with_capacity(ends.len().div_ceil(COLUMNS_OF_A_THREAD));
    let (mut rest, mut first) = (entries, 0);
    for ends in ends.chunks(COLUMNS_OF_A_THREAD) {
        let last = ends.last().map_or(first, |end| *end as usize);
        let (own, others) = rest.split_at_mut(last - first);
        parts.push((own, ends, first));
        (rest, first) = (others, last);
    }
    let sort = |(own, ends, first): (&mut [(u32, u32)], &[u32], usize)| {
        let mut start = 0;
        for end in ends.iter().map(|end| *end as usize - first) {
            own[start..end].sort_unstable();
            start = end;
        }
    };
    match parts.len() {
        0 | 1 => parts.into_iter().for_each(sort),
        _ => parts.into_par_iter().for_each(sort),
    }
}
