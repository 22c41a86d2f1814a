//! Netlist to [`Circuit`]: a graph whose nodes are circuit nodes and whose edges are branches.
//!
//! **Invariant:** this folder knows names, devices and who is connected to whom; it knows no matrix.

mod elements;
pub mod generators;
mod models_of_deck;
mod name_index;
mod parameters;
mod topology;
mod variable;
mod warnings;
mod weights;
mod writer;

use std::collections::HashMap;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};
use rayon::prelude::*;

use crate::device::{Behavioural, Device, Environment, OnePort, Parameter};
use crate::expression::{Tape, Term, UserFunction};
use crate::netlist::{Analysis, Commands, Diagnostic, Name, SourceMap, Span, Spanned};

pub use crate::elaboration::BuildError;
use elements::{Connections, Elements};
pub use elements::{Element, ElementRef};
pub(crate) use elements::{Fan, Segment};
use name_index::NameIndex;
pub use parameters::{NamedParameter, ParameterGraph};
pub(crate) use topology::{
    Located, conducts, control_pairs, is_short, names, nodes_named, place, prescribes_voltage,
    relate,
};
pub use topology::{TopologyError, TopologyFault};
pub use variable::{Variable, VariableError};
pub(crate) use weights::held_nodes;
pub use weights::{WeightFault, Weights};
pub use writer::Simulator;

/// A node of a circuit; [`NodeId::GROUND`] is node 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// Elements that a thread lists the parameters of at a time.
const ELEMENTS_OF_A_THREAD: usize = 4096;

/// An element of a circuit, in deck order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId(u32);

/// A branch: an edge of the graph. Two-ports have two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchId(u32);

impl NodeId {
    pub const GROUND: NodeId = NodeId(0);

    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_index(index: usize) -> Self {
        Self(index as u32)
    }
}

impl ElementId {
    pub(crate) fn from_index(index: usize) -> Self {
        Self(index as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl BranchId {
    pub(crate) fn from_index(index: usize) -> Self {
        Self(index as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A circuit node and where the deck first names it.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: Name,
    pub span: Option<Span>,
}

/// One edge of the graph: port `port` (0 or 1) of `element`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    pub element: ElementId,
    pub port: u8,
}

/// A voltage or a current that controls a behavioural source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// Voltage between two nodes, V.
    Voltage([NodeId; 2]),
    /// Current p -> n of a voltage source, a resistor, or another element with a branch current (E, H,
    /// ideal diode, first port of a transformer, behavioural voltage source), A.
    Current(ElementId),
}

/// A parameter of one element of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParameterId {
    pub element: ElementId,
    pub parameter: Parameter,
}

/// A circuit: the graph, its elements, and the conditions they work in.
#[derive(Clone, Debug)]
pub struct Circuit {
    pub title: String,
    pub sources: SourceMap,
    pub environment: Environment,
    /// What the deck asks for.
    pub commands: Commands,
    /// Numbers of `.options`, in order.
    pub options: Vec<(Name, f64)>,
    pub warnings: Vec<Diagnostic>,
    /// Potentials (V) near which to look for the operating point; they choose among several.
    pub nodeset: Vec<(NodeId, f64)>,
    /// `.func` definitions of the main circuit.
    pub(crate) functions: Arc<HashMap<Name, Arc<UserFunction>>>,
    graph_of_parameters: ParameterGraph,
    /// Element parameters that were set by themselves and follow no other parameter.
    own: std::collections::HashSet<ParameterId>,
    /// Elements that share a model, by its name.
    models: indexmap::IndexMap<Name, Vec<ElementId>>,
    nodes: Vec<Node>,
    node_index: NameIndex,
    elements: Elements,
}

impl Circuit {
    /// A circuit that holds nothing but the ground node.
    pub fn new(title: impl Into<String>) -> Self {
        let ground = Node {
            name: Name::const_new("0"),
            span: None,
        };
        Self {
            title: title.into(),
            sources: SourceMap::default(),
            environment: Environment::default(),
            commands: Commands::default(),
            options: Vec::new(),
            warnings: Vec::new(),
            nodeset: Vec::new(),
            functions: Arc::default(),
            graph_of_parameters: ParameterGraph::new(Environment::default().temperature),
            own: std::collections::HashSet::new(),
            models: indexmap::IndexMap::new(),
            nodes: vec![ground],
            node_index: NameIndex::of_one("0"),
            elements: Elements::default(),
        }
    }

    /// The node of this name, made if it is new. Names are case-insensitive; `gnd` is ground.
    pub fn node(&mut self, name: &str) -> NodeId {
        self.node_at(&canonical(name), None)
    }

    pub(crate) fn node_at(&mut self, name: &Name, span: Option<Span>) -> NodeId {
        let name = if name == "gnd" { "0" } else { name.as_str() };
        let id = self.nodes.len() as u32;
        let nodes = &self.nodes;
        let name_of = |index: u32| nodes[index as usize].name.as_str();
        if let Some(known) = self.node_index.find_or_insert(name, id, name_of) {
            return NodeId(known);
        }
        let name = Name::new(name);
        self.nodes.push(Node { name, span });
        NodeId(id)
    }

    /// A node whose name is new: `base`, or `base` with a number.
    pub(crate) fn fresh_node(&mut self, base: &str) -> NodeId {
        let name = (0..)
            .map(|k| {
                if k == 0 {
                    base.to_string()
                } else {
                    format!("{base}_{k}")
                }
            })
            .find(|name| self.find_canonical_node(name).is_none())
            .unwrap_or_default();
        self.node(&name)
    }

    /// Adds an element with one port, for instance
    /// `circuit.add("r1", Device::Resistor { resistance: 1e3 }, [a, b])`.
    ///
    /// # Errors
    /// [`TopologyFault::DuplicateName`] if the circuit already has an element of that name.
    pub fn add(
        &mut self,
        name: &str,
        device: Device,
        port: [NodeId; 2],
    ) -> Result<ElementId, TopologyError> {
        self.insert(canonical(name), None, device, port, None, None)
    }

    /// Adds an element with a second pair of terminals (E, G: control; transformer, gyrator: port 2).
    pub fn add_two_port(
        &mut self,
        name: &str,
        device: Device,
        port: [NodeId; 2],
        second: [NodeId; 2],
    ) -> Result<ElementId, TopologyError> {
        self.insert(canonical(name), None, device, port, Some(second), None)
    }

    /// Adds an F or H, controlled by the current of the voltage source `control`.
    pub fn add_controlled(
        &mut self,
        name: &str,
        device: Device,
        port: [NodeId; 2],
        control: ElementId,
    ) -> Result<ElementId, TopologyError> {
        self.insert(canonical(name), None, device, port, None, Some(control))
    }

    /// Adds a behavioural source. Control currents of elements that have no branch current (I, G, F,
    /// diodes with a law, gyrators) count as zero.
    pub fn add_behavioural(
        &mut self,
        name: &str,
        source: Behavioural,
        port: [NodeId; 2],
        controls: &[Control],
    ) -> Result<ElementId, TopologyError> {
        let device = Device::Behavioural(Box::new(source));
        let id = self.insert(canonical(name), None, device, port, None, None)?;
        self.set_controls(id, controls.into());
        Ok(id)
    }

    pub(crate) fn insert(
        &mut self,
        name: Name,
        span: Option<Span>,
        device: Device,
        port: [NodeId; 2],
        second: Option<[NodeId; 2]>,
        control: Option<ElementId>,
    ) -> Result<ElementId, TopologyError> {
        let more = (second.is_some() || control.is_some()).then(|| {
            Box::new(Connections {
                second,
                control,
                controls: Box::default(),
            })
        });
        let first_branch = BranchId(0);
        let element = Element {
            label: name,
            span,
            device,
            port,
            first_branch,
            more,
        };
        self.elements.push(element).map_err(|(known, element)| {
            let first = self.element(known).span;
            let name = element.label;
            let fault = TopologyFault::DuplicateName { name, span, first };
            TopologyError::new(self.sources.clone(), vec![fault])
        })
    }

    /// Adds resistors at once; no element may have one of their names.
    pub(crate) fn add_fan(&mut self, fan: Fan) -> ElementId {
        debug_assert!(
            (0..fan.from.len()).all(|k| self.find_canonical(&fan.name(k)).is_none()),
            "a fan brings new names"
        );
        self.elements.push_fan(fan)
    }

    /// Room for so many elements.
    pub(crate) fn reserve(&mut self, elements: usize) {
        self.elements.reserve(elements);
    }

    pub(crate) fn set_environment(&mut self, environment: Environment) {
        self.environment = environment;
        self.graph_of_parameters = ParameterGraph::new(environment.temperature);
    }

    pub(crate) fn graph_tape(&mut self) -> &mut Tape {
        self.graph_of_parameters.tape_mut()
    }

    pub(crate) fn graph_value(&mut self, term: Term) -> f64 {
        self.graph_of_parameters.update(term)
    }

    pub(crate) fn graph_mut(&mut self) -> &mut ParameterGraph {
        &mut self.graph_of_parameters
    }

    pub(crate) fn note_model(&mut self, model: &Name, element: ElementId) {
        match self.models.get_mut(model) {
            Some(elements) => elements.push(element),
            None => {
                self.models.insert(model.clone(), vec![element]);
            }
        }
    }

    pub(crate) fn set_control(&mut self, element: ElementId, control: ElementId) {
        if let Some(element) = self.elements.one_mut(element) {
            element.more_mut().control = Some(control);
        }
    }

    pub(crate) fn set_controls(&mut self, element: ElementId, controls: Vec<Control>) {
        if let Some(element) = self.elements.one_mut(element) {
            element.more_mut().controls = controls.into();
        }
    }

    pub(crate) fn set_control_of_law(
        &mut self,
        element: ElementId,
        index: usize,
        control: Control,
    ) {
        if let Some(element) = self.elements.one_mut(element) {
            element.more_mut().controls[index] = control;
        }
    }

    /// Adds a `.op` to what the deck asks for.
    pub fn ask_for_operating_point(&mut self) {
        let card = Spanned::new(Analysis::OperatingPoint, Span::default());
        self.commands.analyses.push(card);
    }

    /// The last value of an option.
    pub fn option(&self, name: &str) -> Option<f64> {
        let mut options = self.options.iter().rev();
        options.find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    /// The graph: nodes are circuit nodes, edges run from the positive to the negative terminal.
    pub fn graph(&self) -> DiGraph<&Node, Branch> {
        let mut graph = DiGraph::with_capacity(self.node_count(), self.branch_count());
        for node in &self.nodes {
            graph.add_node(node);
        }
        let index = |node: NodeId| NodeIndex::new(node.index());
        for id in (0..self.branch_count()).map(BranchId::from_index) {
            let [p, n] = self.branch_nodes(id);
            graph.add_edge(index(p), index(n), self.branch(id));
        }
        graph
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub fn branch_count(&self) -> usize {
        self.elements.branch_count()
    }

    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .map(|(k, node)| (NodeId(k as u32), node))
    }

    pub fn node_name(&self, id: NodeId) -> &str {
        &self.nodes[id.index()].name
    }

    pub fn branch(&self, id: BranchId) -> Branch {
        let (element, port) = self.elements.branch(id);
        Branch { element, port }
    }

    /// Positive and negative node of a branch.
    pub fn branch_nodes(&self, id: BranchId) -> [NodeId; 2] {
        let branch = self.branch(id);
        let element = self.element(branch.element);
        match (branch.port, element.second()) {
            (1, Some(second)) => second,
            _ => element.port,
        }
    }

    pub fn elements(&self) -> impl ExactSizeIterator<Item = (ElementId, ElementRef<'_>)> {
        self.elements.iter()
    }

    /// Elements whose currents control another one, once for each that they control.
    pub fn sensed_elements(&self) -> impl Iterator<Item = ElementId> + '_ {
        let controls = |e: ElementRef| e.control_currents().collect::<Vec<_>>();
        self.elements().flat_map(move |(_, e)| controls(e))
    }

    /// The elements, fans as one.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.elements.segments()
    }

    pub fn element(&self, id: ElementId) -> ElementRef<'_> {
        self.elements.get(id)
    }

    pub fn element_count(&self) -> usize {
        self.elements.len()
    }

    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        let name = canonical(name);
        let name = if name == "gnd" { "0" } else { name.as_str() };
        self.find_canonical_node(name)
    }

    fn find_canonical_node(&self, name: &str) -> Option<NodeId> {
        let name_of = |index: u32| self.node_name(NodeId(index));
        self.node_index.find(name, name_of).map(NodeId)
    }

    pub fn find_element(&self, name: &str) -> Option<ElementId> {
        self.find_canonical(&canonical(name))
    }

    /// The same for a name in lower case.
    fn find_canonical(&self, name: &str) -> Option<ElementId> {
        self.elements.find(name)
    }

    /// Every parameter of every element, in element order.
    pub fn parameters(&self) -> Vec<ParameterId> {
        let ids = (0..self.elements.len() as u32).into_par_iter();
        ids.with_min_len(ELEMENTS_OF_A_THREAD)
            .flat_map_iter(|index| {
                let element = ElementId(index);
                let list = self.element(element).device.parameters().into_iter();
                list.map(move |parameter| ParameterId { element, parameter })
            })
            .collect()
    }

    /// The value of a parameter, in the deck's unit.
    pub fn value(&self, id: ParameterId) -> Option<f64> {
        self.element(id.element).device.value(id.parameter)
    }

    /// Sets a parameter; false if the element has no such parameter or cannot take the value, and
    /// then nothing changes.
    #[must_use]
    pub fn set(&mut self, id: ParameterId, value: f64) -> bool {
        self.elements.set(id.element, id.parameter, value)
    }

    /// True if every element is its own adjoint, so that a co-content exists.
    pub fn is_reciprocal(&self) -> bool {
        self.elements().all(|(_, e)| e.device.is_reciprocal())
    }
}

/// Names are case-insensitive: lower case is their canonical form.
pub fn canonical(name: &str) -> Name {
    Name::from(name.trim().to_ascii_lowercase())
}

/// A diode as a device, for circuits built in code.
impl From<crate::device::Shockley> for Device {
    fn from(diode: crate::device::Shockley) -> Self {
        Device::OnePort(Arc::new(OnePort::Shockley(diode)))
    }
}

impl From<crate::device::PiecewiseDiode> for Device {
    fn from(diode: crate::device::PiecewiseDiode) -> Self {
        Device::OnePort(Arc::new(OnePort::PiecewiseDiode(diode)))
    }
}

impl From<crate::device::PiecewiseTable> for Device {
    fn from(table: crate::device::PiecewiseTable) -> Self {
        Device::OnePort(Arc::new(OnePort::PiecewiseTable(table)))
    }
}
