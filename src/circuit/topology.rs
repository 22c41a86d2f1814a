//! What can be said of a circuit from its graph alone, before any number is computed.

use std::collections::HashSet;
use std::fmt;

use petgraph::unionfind::UnionFind;

use crate::device::{Device, Quantity};
use crate::netlist::{Diagnostic, Name, SourceMap, Span};
use crate::threads::join;

use super::{Circuit, Control, Element, ElementId, NodeId};

/// A name and where the deck has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    pub name: Name,
    pub span: Option<Span>,
}

/// One reason why a circuit has no unique operating point whatever its values are.
#[derive(Clone, Debug, PartialEq)]
pub enum TopologyFault {
    /// No element touches node 0.
    NoGround,
    /// These nodes are connected to each other at most, never to ground.
    NoPathToGround {
        nodes: Vec<Located>,
        sensed_by: Vec<Located>,
    },
    /// Only current sources lead to these nodes, so that nothing sets their potential.
    CurrentCutset {
        nodes: Vec<Located>,
        sources: Vec<Located>,
    },
    /// Elements with a given voltage form a loop; `closing` is the last of it in deck order.
    VoltageLoop {
        closing: Located,
        others: Vec<Located>,
    },
    DuplicateName {
        name: Name,
        span: Option<Span>,
        first: Option<Span>,
    },
}

/// All topology faults of a circuit.
#[derive(Clone, Debug)]
pub struct TopologyError {
    pub sources: SourceMap,
    pub faults: Vec<TopologyFault>,
}

impl TopologyError {
    pub(crate) fn new(sources: SourceMap, faults: Vec<TopologyFault>) -> Self {
        Self { sources, faults }
    }
}

impl std::error::Error for TopologyError {}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.sources.name(crate::netlist::FileId(0));
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(
                f,
                "{separator}{}",
                fault.diagnostic(file).render(&self.sources)
            )?;
        }
        Ok(())
    }
}

impl TopologyFault {
    /// The message with its place and a way out. `file` stands in where a fault has no line.
    pub fn diagnostic(&self, file: &str) -> Diagnostic {
        match self {
            TopologyFault::NoGround => {
                let place = Span {
                    line: 1,
                    column: 1,
                    length: 1,
                    ..Span::default()
                };
                let message = format!("{file} has no ground: no element touches node 0");
                Diagnostic::error(message)
                    .at(place, "no node of this deck is called 0 or gnd")
                    .help("call the reference node `0` (or `gnd`)")
            }
            TopologyFault::NoPathToGround { nodes, sensed_by } => {
                let message = format!("{} no DC path to ground", subject(nodes));
                let mut d = place(Diagnostic::error(message), nodes, "floats");
                for by in sensed_by.iter().take(3) {
                    d = relate(d, by, "only senses the voltage; no current flows here");
                }
                d.help("connect it to ground, for instance by a large resistor: `Rleak node 0 1G`")
            }
            TopologyFault::CurrentCutset { nodes, sources } => {
                let message = format!(
                    "{} reached only through current sources ({})",
                    subject_is(nodes),
                    names(sources)
                );
                let mut d = place(
                    Diagnostic::error(message),
                    nodes,
                    "nothing sets its potential",
                );
                for source in sources.iter().take(3) {
                    d = relate(d, source, "a current source");
                }
                d.help("give the current a path: put a resistor in parallel with a current source")
            }
            TopologyFault::VoltageLoop { closing, others } => {
                let message = if others.is_empty() {
                    format!("{} has both ends on one node", quoted(closing))
                } else {
                    format!(
                        "loop of voltage sources: {} closes a loop with {}",
                        quoted(closing),
                        names(others)
                    )
                };
                let mut d = place(
                    Diagnostic::error(message),
                    std::slice::from_ref(closing),
                    "closes the loop",
                );
                for other in others.iter().take(5) {
                    d = relate(d, other, "part of the loop");
                }
                d.help("the loop's current is not determined; put a small resistor in series")
            }
            TopologyFault::DuplicateName { name, span, first } => {
                let message = format!("two elements are called `{name}`");
                let mut d = Diagnostic::error(message);
                if let Some(span) = span {
                    d = d.at(*span, "second use of the name");
                }
                if let Some(first) = first {
                    d = d.related(*first, "first use");
                }
                d.help("rename one of them; names are case-insensitive")
            }
        }
    }
}

fn quoted(item: &Located) -> String {
    format!("`{}`", item.name)
}

/// The first few names, then how many more.
pub(crate) fn names(items: &[Located]) -> String {
    const SHOWN: usize = 6;
    let mut text: Vec<_> = items.iter().take(SHOWN).map(quoted).collect();
    if items.len() > SHOWN {
        text.push(format!("{} more", items.len() - SHOWN));
    }
    text.join(", ")
}

pub(crate) fn nodes_named(nodes: &[Located]) -> String {
    let noun = if nodes.len() == 1 { "node" } else { "nodes" };
    format!("{noun} {}", names(nodes))
}

fn subject(nodes: &[Located]) -> String {
    let verb = if nodes.len() == 1 { "has" } else { "have" };
    format!("{} {verb}", nodes_named(nodes))
}

fn subject_is(nodes: &[Located]) -> String {
    let verb = if nodes.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", nodes_named(nodes))
}

pub(crate) fn place(diagnostic: Diagnostic, items: &[Located], label: &str) -> Diagnostic {
    match items.iter().find_map(|item| item.span) {
        Some(span) => diagnostic.at(span, label),
        None => diagnostic,
    }
}

pub(crate) fn relate(diagnostic: Diagnostic, item: &Located, label: &str) -> Diagnostic {
    match item.span {
        Some(span) => diagnostic.related(span, label),
        None => diagnostic,
    }
}

/// More of them rarely help.
const MOST_FAULTS: usize = crate::netlist::NetlistError::MOST_FAULTS;

impl Circuit {
    pub(crate) fn locate_element(&self, id: ElementId) -> Located {
        let element = self.element(id);
        Located {
            name: element.name(),
            span: element.span,
        }
    }

    pub(crate) fn locate_node(&self, id: NodeId) -> Located {
        let node = &self.nodes[id.index()];
        Located {
            name: node.name.clone(),
            span: node.span,
        }
    }

    /// Checks the graph; returns warnings.
    ///
    /// # Errors
    /// The first [`TopologyFault`]s found.
    pub fn check(&self) -> Result<Vec<Diagnostic>, TopologyError> {
        let (faults, warnings) = join(
            self.element_count(),
            || self.topology_faults(),
            || self.topology_warnings(),
        );
        if faults.is_empty() {
            Ok(warnings)
        } else {
            Err(TopologyError::new(self.sources.clone(), faults))
        }
    }

    fn topology_faults(&self) -> Vec<TopologyFault> {
        let mut faults = Vec::new();
        if !self.touches_ground() {
            faults.push(TopologyFault::NoGround);
        } else {
            self.find_floating(&mut faults);
        }
        self.find_voltage_loops(&mut faults);
        faults
    }

    fn touches_ground(&self) -> bool {
        self.elements()
            .any(|(_, e)| terminals(&e).any(|n| n == NodeId::GROUND))
    }

    /// Components of the conducting graph without ground. Such a component is determined only if a
    /// dependent source feeds it *and* its potential against the rest is sensed somewhere.
    fn find_floating(&self, faults: &mut Vec<TopologyFault>) {
        let mut union = UnionFind::<u32>::new(self.node_count());
        for (_, element) in self.elements().filter(|(_, e)| conducts(&e.device)) {
            union.union(element.port[0].0, element.port[1].0);
            if let (true, Some([p, n])) = (element.is_two_port(), element.second()) {
                union.union(p.0, n.0);
            }
        }
        let root: Vec<u32> = union.into_labeling();
        let ground = root[0];
        if root.iter().all(|&r| r == ground) {
            return;
        }
        let mut component = vec![Component::default(); self.node_count()];
        for (id, element) in self.elements() {
            self.note_boundary(id, &element, &root, &mut component);
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let located = Located {
                name: node.name.clone(),
                span: node.span,
            };
            component[root[index] as usize].nodes.push(located);
        }
        let floating = |&(r, c): &(usize, &Component)| {
            r as u32 != ground && !c.nodes.is_empty() && !(c.fed && c.sensed)
        };
        let floating = component.iter().enumerate().filter(floating);
        for (_, c) in floating.take(MOST_FAULTS) {
            faults.push(c.fault());
        }
    }

    /// Notes at each component which current sources and which control inputs cross its boundary.
    fn note_boundary(
        &self,
        id: ElementId,
        element: &Element,
        root: &[u32],
        component: &mut [Component],
    ) {
        let crossing = |pair: [NodeId; 2]| {
            let [a, b] = pair.map(|n| root[n.index()] as usize);
            (a != b).then_some([a, b])
        };
        let located = || Located {
            name: self.element(id).name(),
            span: element.span,
        };
        if !conducts(&element.device) {
            for side in crossing(element.port).into_iter().flatten() {
                component[side].current_sources.push(located());
                component[side].fed |= is_dependent(element);
            }
        }
        for side in control_pairs(element).filter_map(crossing).flatten() {
            component[side].sensed = true;
            component[side].sensed_by.push(located());
        }
        let Some(second) = element.second() else {
            return;
        };
        for side in crossing(second).into_iter().flatten() {
            component[side].sensed = true;
            component[side].sensed_by.push(located());
            if matches!(element.device, Device::Gyrator { .. }) {
                component[side].fed = true;
            }
        }
        if matches!(element.device, Device::Gyrator { .. }) {
            for side in crossing(element.port).into_iter().flatten() {
                component[side].sensed = true;
            }
        }
    }

    /// Loops among elements that prescribe a voltage, shorts included. A loop of shorts alone is
    /// harmless, unless something senses a current in it: its redundant member carries none by choice.
    fn find_voltage_loops(&self, faults: &mut Vec<TopologyFault>) {
        let mut union = UnionFind::<u32>::new(self.node_count());
        let sensed: HashSet<ElementId> = self.sensed_elements().collect();
        let mut tree: Vec<ElementId> = Vec::new();
        // What elements of the tree connect that are free all the way.
        let mut free = UnionFind::<u32>::new(self.node_count());
        let prescribing = self.elements();
        for (id, element) in prescribing.filter(|(_, e)| prescribes_voltage(&e.device)) {
            let is_free = is_short(&element.device) && !sensed.contains(&id);
            let [p, n] = element.port.map(|node| node.0);
            if union.union(p, n) {
                tree.push(id);
                if is_free {
                    free.union(p, n);
                }
                continue;
            }
            let shorts_only = is_free && free.equiv(p, n);
            if shorts_only {
                continue;
            }
            if faults.len() >= MOST_FAULTS {
                return;
            }
            let path = self.tree_path(&tree, element.port);
            faults.push(TopologyFault::VoltageLoop {
                closing: self.locate_element(id),
                others: path.into_iter().map(|id| self.locate_element(id)).collect(),
            });
        }
    }

    /// Elements on the path between the two nodes in the forest `tree`.
    fn tree_path(&self, tree: &[ElementId], [from, to]: [NodeId; 2]) -> Vec<ElementId> {
        let ports = tree.iter().map(|id| self.element(*id).port);
        let edges = ports.map(|[p, n]| (p.0, n.0));
        let graph = petgraph::graph::UnGraph::<(), ()>::from_edges(edges);
        if from == to || graph.node_count() <= from.index().max(to.index()) {
            return Vec::new();
        }
        let index = |n: NodeId| petgraph::graph::NodeIndex::new(n.index());
        let path = petgraph::algo::astar(&graph, index(from), |n| n == index(to), |_| 1, |_| 0);
        let Some((_, nodes)) = path else {
            return Vec::new();
        };
        let edge = |pair: &[petgraph::graph::NodeIndex]| graph.find_edge(pair[0], pair[1]);
        nodes
            .windows(2)
            .filter_map(edge)
            .map(|e| tree[e.index()])
            .collect()
    }
}

#[derive(Clone, Debug, Default)]
struct Component {
    nodes: Vec<Located>,
    current_sources: Vec<Located>,
    sensed_by: Vec<Located>,
    /// A dependent current source crosses the boundary.
    fed: bool,
    /// A control input senses the voltage across the boundary.
    sensed: bool,
}

impl Component {
    fn fault(&self) -> TopologyFault {
        let nodes = self.nodes.clone();
        if self.current_sources.is_empty() {
            TopologyFault::NoPathToGround {
                nodes,
                sensed_by: self.sensed_by.clone(),
            }
        } else {
            TopologyFault::CurrentCutset {
                nodes,
                sources: self.current_sources.clone(),
            }
        }
    }
}

pub(super) fn terminals(element: &Element) -> impl Iterator<Item = NodeId> + '_ {
    element
        .port
        .into_iter()
        .chain(element.second().into_iter().flatten())
        .chain(control_pairs(element).flatten())
}

/// Pairs of nodes whose voltages control a behavioural source.
pub(crate) fn control_pairs(element: &Element) -> impl Iterator<Item = [NodeId; 2]> + '_ {
    element
        .controls()
        .iter()
        .filter_map(|control| match *control {
            Control::Voltage(pair) => Some(pair),
            Control::Current(_) => None,
        })
}

/// False for sources whose value nothing in the circuit can change.
fn is_dependent(element: &Element) -> bool {
    match element.device {
        Device::CurrentSource { .. } => false,
        Device::Behavioural(_) => !element.controls().is_empty(),
        _ => true,
    }
}

fn prescribes(device: &Device, quantity: Quantity) -> bool {
    matches!(device, Device::Behavioural(source) if source.quantity == quantity)
}

/// True if a direct current can flow between the terminals of each port and fixes their voltage.
pub(crate) fn conducts(device: &Device) -> bool {
    !matches!(
        device,
        Device::CurrentSource { .. }
            | Device::Vccs { .. }
            | Device::Cccs { .. }
            | Device::Gyrator { .. }
    ) && !prescribes(device, Quantity::Current)
}

pub(crate) fn prescribes_voltage(device: &Device) -> bool {
    matches!(
        device,
        Device::VoltageSource { .. } | Device::Vcvs { .. } | Device::Ccvs { .. }
    ) || is_short(device)
        || prescribes(device, Quantity::Voltage)
}

pub(crate) fn is_short(device: &Device) -> bool {
    matches!(device, Device::Resistor { resistance: 0.0 })
}
