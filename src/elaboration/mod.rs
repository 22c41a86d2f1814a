//! Netlist to [`Circuit`]: subcircuits expanded, parameters evaluated, cards turned into devices.
//!
//! Values that depend on a parameter or on the temperature are bound to a term of the circuit's
//! [`ParameterGraph`](crate::circuit::ParameterGraph), so that they can be set, swept and
//! differentiated to.
//!
//! **Invariant:** names are resolved here and nowhere else; what leaves this folder is a circuit.

mod commands;
mod controls;
mod diode;
mod elements;
mod environment;
mod error;
mod frame;
mod law;
mod law_builder;
mod model;
mod number;
mod resistor;
mod scope_tree;
mod survey;
mod switch;
mod warnings;

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use crate::circuit::{Circuit, ElementId, TopologyError, TopologyFault};
use crate::expression::Effort;
use crate::netlist::{Diagnostic, Name, Netlist, NetlistError, NetlistFault};

use controls::PendingControl;
use frame::Frame;
use scope_tree::ScopeTree;

pub use error::BuildError;

/// Limits the faults that are reported at once.
const MOST_FAULTS: usize = NetlistError::MOST_FAULTS;

/// Nor is the same one looked for forever in every call of a subcircuit.
const MOST_FOUND: usize = 100;

impl Circuit {
    /// Expands subcircuits, evaluates parameters, resolves models and builds the graph.
    ///
    /// # Errors
    /// Unknown names, unusable values, duplicate element names.
    pub fn from_netlist(netlist: &Netlist) -> Result<Self, BuildError> {
        let tree = ScopeTree::new(netlist);
        let survey = survey::survey(&tree).map_err(|faults| NetlistError {
            sources: netlist.sources.clone(),
            faults,
        })?;
        let mut circuit = Circuit::new(netlist.title.clone());
        circuit.reserve(survey.elements);
        circuit.sources = netlist.sources.clone();
        circuit.options = Vec::new();
        circuit.commands = netlist.commands.clone();
        circuit.warnings = netlist.warnings.clone();
        let functions = netlist.main.functions.iter();
        let functions = functions.map(|f| (f.name.value.clone(), f.definition.clone()));
        circuit.functions = Arc::new(functions.collect());
        let mut elaborator = Elaborator {
            netlist,
            tree: &tree,
            circuit,
            frames: Vec::new(),
            pending: Vec::new(),
            globals: netlist.globals.iter().map(|g| g.value.as_str()).collect(),
            effort: Effort::default(),
            compared: Cell::new(0),
            active: Vec::new(),
            faults: Vec::new(),
            found: 0,
            duplicates: Vec::new(),
            used: warnings::Usage::default(),
        };
        elaborator.run(&survey.reached);
        elaborator.finish()
    }
}

/// The state of an elaboration.
pub(crate) struct Elaborator<'a> {
    netlist: &'a Netlist,
    tree: &'a ScopeTree<'a>,
    circuit: Circuit,
    /// The main circuit, then the calls that lead to where we are.
    frames: Vec<Frame<'a>>,
    pending: Vec<PendingControl>,
    globals: HashSet<&'a str>,
    /// Spent on expressions so far.
    effort: Effort,
    /// Names that were looked through for one that the user may have meant.
    compared: Cell<usize>,
    /// Parameters that are being evaluated for each other, by frame and name.
    active: Vec<(usize, &'a str)>,
    faults: Vec<Diagnostic>,
    /// Faults found, those that were known already among them.
    found: usize,
    duplicates: Vec<TopologyFault>,
    used: warnings::Usage,
}

impl<'a> Elaborator<'a> {
    fn run(&mut self, reached: &[scope_tree::ScopeId]) {
        self.frames.push(Frame::main(self.netlist));
        self.environment();
        // What was evaluated for the temperature knew none yet.
        self.frames = vec![Frame::main(self.netlist)];
        self.resolve_parameters();
        self.fix_environment();
        self.body();
        self.connect_controls();
        self.circuit.graph_mut().update_all();
        self.check_commands();
        self.warn_of_unused(reached);
    }

    /// Elements of the innermost frame.
    fn body(&mut self) {
        let scope = self.top().scope;
        for element in &self.tree.scopes[scope].body.elements {
            if self.faults.len() >= MOST_FAULTS || self.found >= MOST_FOUND {
                return;
            }
            self.element(element);
        }
        self.nodeset();
    }

    fn top(&self) -> &Frame<'a> {
        &self.frames[self.frames.len() - 1]
    }

    fn fault(&mut self, fault: NetlistFault) {
        self.diagnose(fault.diagnostic());
    }

    fn diagnose(&mut self, diagnostic: Diagnostic) {
        // Each call of a faulty subcircuit finds the same fault.
        self.found += 1;
        if self.faults.len() < MOST_FAULTS && !self.faults.contains(&diagnostic) {
            self.faults.push(diagnostic);
        }
    }

    /// A warning that a call may find again.
    fn warn(&mut self, diagnostic: Diagnostic) {
        const CHECKED: usize = 64;
        let recent = self.circuit.warnings.iter().rev().take(CHECKED);
        if !recent.into_iter().any(|w| *w == diagnostic) {
            self.circuit.warnings.push(diagnostic);
        }
    }

    fn finish(self) -> Result<Circuit, BuildError> {
        let sources = self.circuit.sources.clone();
        if !self.faults.is_empty() {
            let faults = self.faults;
            return Err(BuildError::Element { sources, faults });
        }
        if !self.duplicates.is_empty() {
            return Err(TopologyError::new(sources, self.duplicates).into());
        }
        Ok(self.circuit)
    }

    fn insert(
        &mut self,
        element: &crate::netlist::Element,
        device: crate::device::Device,
        nodes: &[crate::circuit::NodeId],
    ) -> Option<ElementId> {
        let (port, second) = match nodes {
            [p, n] => ([*p, *n], None),
            [p, n, cp, cn] => ([*p, *n], Some([*cp, *cn])),
            _ => return None,
        };
        let name = self.element_name(&element.name);
        let span = Some(element.span);
        match self.circuit.insert(name, span, device, port, second, None) {
            Ok(id) => Some(id),
            Err(error) => {
                if self.duplicates.len() < MOST_FAULTS {
                    self.duplicates.extend(error.faults);
                }
                None
            }
        }
    }

    /// `r1` in `x1.x2` is `r.x1.x2.r1`: the first letter still tells the kind.
    fn element_name(&self, name: &Name) -> Name {
        element_name(&self.top().path, name)
    }
}

fn element_name(path: &str, name: &Name) -> Name {
    match (path, name.chars().next()) {
        ("", _) | (_, None) => name.clone(),
        (path, Some(letter)) => compact_str::format_compact!("{letter}.{path}.{name}"),
    }
}

fn join(path: &str, name: &Name) -> Name {
    match path {
        "" => name.clone(),
        path => compact_str::format_compact!("{path}.{name}"),
    }
}
