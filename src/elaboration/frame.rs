//! One call of a subcircuit, and the parameters that are visible in it.

use std::collections::HashMap;
use std::rc::Rc;

use super::model::ResolvedModel;
use super::number::{Lowered, Number, into_fault, other};
use super::scope_tree::{MAIN, Scope, ScopeId};
use super::{Elaborator, element_name, join};
use crate::circuit::NodeId;
use crate::expression::{Function2, LowerError, Tape, Term};
use crate::netlist::{Assignment, BuiltIn, GROUND, Name, Netlist, NetlistFault, Value};
use crate::source::{Span, Spanned};

/// A call, or the main circuit.
pub(super) struct Frame<'a> {
    pub scope: ScopeId,
    /// Names of the calls that lead here: `x1.x2`.
    pub path: Name,
    /// Nodes at the ports.
    pub ports: Vec<NodeId>,
    /// `m=` of this call and of those around it: so many copies in parallel.
    pub multiplier: Option<Number>,
    pub parameters: HashMap<&'a str, Slot<'a>>,
    pub models: HashMap<&'a str, Rc<ResolvedModel>>,
}

/// A parameter and how far its evaluation has got.
pub(super) struct Slot<'a> {
    pub name: &'a Spanned<Name>,
    value: &'a Spanned<Value>,
    /// The frame in whose terms the value is written.
    frame: usize,
    state: State,
    pub is_used: bool,
}

enum State {
    Pending,
    Active,
    Done(Term),
    Failed(Box<LowerError<Box<NetlistFault>>>),
}

/// Parameters may be defined through each other in any order, but not deeper than this at once.
const DEEPEST: usize = 400;

impl<'a> Frame<'a> {
    pub fn main(netlist: &'a Netlist) -> Self {
        let mut frame = Self::new(MAIN, Name::default(), Vec::new());
        frame.define(&netlist.main.parameters, 0);
        frame
    }

    pub fn new(scope: ScopeId, path: Name, ports: Vec<NodeId>) -> Self {
        Self {
            scope,
            path,
            ports,
            multiplier: None,
            parameters: HashMap::new(),
            models: HashMap::new(),
        }
    }

    /// Later definitions hide earlier ones; `frame` is where their values belong.
    pub fn define(&mut self, assignments: &'a [Assignment], frame: usize) {
        for Assignment { name, value } in assignments {
            let slot = Slot {
                name,
                value,
                frame,
                state: State::Pending,
                is_used: false,
            };
            self.parameters.insert(name.value.as_str(), slot);
        }
    }
}

impl<'a> Elaborator<'a> {
    /// Expands a call: a frame of its own, its parameters, its elements.
    pub(super) fn call(
        &mut self,
        element: &'a crate::netlist::Element,
        definition: &'a Spanned<Name>,
        parameters: &'a [Assignment],
    ) {
        let caller = self.frames.len() - 1;
        let tree = self.tree;
        let Some(scope) = tree.definition(self.top().scope, &definition.value) else {
            // The survey has reported any other name.
            if let Some(built_in) = BuiltIn::from_name(&definition.value) {
                self.built_in(element, built_in, parameters);
            }
            return;
        };
        let ports = self.nodes(element).into_vec();
        let path = join(&self.top().path, &element.name);
        let mut frame = Frame::new(scope, path, ports);
        let body = &tree.scopes[scope];
        let defaults = body.definition.map_or(&[][..], |d| &d.defaults);
        frame.define(defaults, caller + 1);
        frame.define(&body.body.parameters, caller + 1);
        frame.define(parameters, caller);
        self.frames.push(frame);
        self.resolve_parameters();
        let multiplier = self.multiplier_of_call(body, parameters);
        self.frames[caller + 1].multiplier = multiplier;
        self.body();
        let frame = self.frames.pop();
        if let Some(frame) = frame {
            self.check_parameters(&frame, definition, parameters);
        }
    }

    /// A subcircuit with a parameter `m` of its own does what it likes with it.
    fn multiplier_of_call(
        &mut self,
        scope: &Scope,
        parameters: &'a [Assignment],
    ) -> Option<Number> {
        let frame = self.frames.len() - 1;
        let around = self.frames[frame - 1].multiplier;
        let defaults = scope.definition.map_or(&[][..], |d| &d.defaults);
        let mut own = defaults.iter().chain(&scope.body.parameters);
        if own.any(|p| p.name.value == "m") {
            return around;
        }
        let given = parameters.iter().find(|p| p.name.value == "m");
        let Some(given) = given else {
            return around;
        };
        // By its name in the call, so that it can be set and differentiated to.
        let term = self.term(|elaborator, tape| elaborator.parameter_term(tape, frame, "m"));
        let m = match term.map_err(into_fault) {
            Ok(term) => term.map(|term| self.number_of(term)),
            Err(fault) => {
                self.fault(fault);
                None
            }
        };
        let m = m.filter(|m| m.value.is_finite()).or_else(|| {
            let what = "the multiplier of a call".to_string();
            let (value, span) = (f64::NAN, given.value.span);
            self.fault(NetlistFault::NotFinite { what, value, span });
            None
        });
        match (m, around) {
            (Some(m), Some(around)) => Some(self.combine(Function2::Multiply, m, around)),
            (m, around) => m.or(around),
        }
    }

    /// A value times the multiplier of the call.
    pub(super) fn multiplied(&mut self, number: Number) -> Number {
        match self.top().multiplier {
            Some(m) => self.combine(Function2::Multiply, number, m),
            None => number,
        }
    }

    /// Parameters of the innermost frame, in the order of definition as far as they allow. One that
    /// fails is an error only where it is used.
    pub(super) fn resolve_parameters(&mut self) {
        let frame = self.frames.len() - 1;
        if self.frames[frame].parameters.is_empty() {
            return;
        }
        let mut names: Vec<(&'a str, Span)> = self.frames[frame]
            .parameters
            .iter()
            .map(|(name, slot)| (*name, slot.name.span))
            .collect();
        names.sort_by_key(|(name, span)| (span.file.0, span.line, span.column, *name));
        for (name, _) in names {
            let mut tape = std::mem::take(self.circuit.graph_tape());
            let _ = self.evaluate_slot(&mut tape, frame, name);
            *self.circuit.graph_tape() = tape;
        }
    }

    /// The term of a parameter that is visible in `frame`: its own, or one of the calls around it.
    pub(super) fn parameter_term(
        &mut self,
        tape: &mut Tape,
        frame: usize,
        name: &str,
    ) -> Lowered<Option<Term>> {
        let mut holders = (0..=frame)
            .rev()
            .filter(|f| self.frames[*f].parameters.contains_key(name));
        let Some(mut holder) = holders.next() else {
            return Ok(None);
        };
        // `rload={rload}` of a subcircuit means the one outside.
        let is_own = self.active.last().is_some_and(|own| *own == (holder, name));
        if is_own && let Some(outer) = holders.next() {
            holder = outer;
        }
        drop(holders);
        if let Some(slot) = self.frames[holder].parameters.get_mut(name) {
            slot.is_used = true;
        }
        self.evaluate_slot(tape, holder, name).map(Some)
    }

    fn evaluate_slot(&mut self, tape: &mut Tape, holder: usize, name: &str) -> Lowered<Term> {
        let Some(slot) = self.frames[holder].parameters.get_mut(name) else {
            let name = name.into();
            let fault = crate::expression::LowerFault::UnknownName {
                name,
                suggestion: None,
            };
            return Err(LowerError::Fault(fault, Span::default()));
        };
        match &slot.state {
            State::Done(term) => return Ok(*term),
            State::Failed(error) => return Err((**error).clone()),
            State::Active => return Err(self.circle(holder, name)),
            State::Pending => {}
        }
        let (key, value, frame) = (slot.name, slot.value, slot.frame);
        slot.state = State::Active;
        self.active.push((holder, key.value.as_str()));
        let term = if self.active.len() > DEEPEST {
            Err(other(NetlistFault::TooDeep {
                what: "parameters depend on each other",
                limit: DEEPEST,
                span: key.span,
            }))
        } else {
            self.lower_parameter(tape, frame, value)
        };
        self.active.pop();
        let defined = term.map(|term| {
            let name = join(&self.frames[holder].path, &key.value);
            self.circuit.graph_mut().define(tape, name, term)
        });
        if let Some(slot) = self.frames[holder].parameters.get_mut(name) {
            slot.state = match &defined {
                Ok(term) => State::Done(*term),
                Err(error) => State::Failed(Box::new(error.clone())),
            };
        }
        defined
    }

    /// The parameters that are being evaluated, from `name` on.
    fn circle(&self, holder: usize, name: &str) -> LowerError<Box<NetlistFault>> {
        let active = self.frames[holder].parameters.values();
        let mut active: Vec<_> = active
            .filter(|slot| matches!(slot.state, State::Active))
            .map(|slot| slot.name)
            .collect();
        active.sort_by_key(|n| (n.span.file.0, n.span.line, n.span.column));
        let span = active.iter().find(|n| n.value == name).map(|n| n.span);
        let start = active.iter().position(|n| n.value == name).unwrap_or(0);
        active.rotate_left(start);
        let names = active.iter().map(|n| n.value.clone());
        other(NetlistFault::ParameterCircle {
            cycle: names.chain([name.into()]).collect(),
            span: span.unwrap_or_default(),
        })
    }

    /// A parameter in a call that the subcircuit neither declares nor uses is a slip.
    fn check_parameters(
        &mut self,
        frame: &Frame,
        definition: &Spanned<Name>,
        given: &[Assignment],
    ) {
        let Some(subcircuit) = self.tree.scopes[frame.scope].definition else {
            return;
        };
        let declared = || {
            let body = &subcircuit.body.parameters;
            subcircuit
                .defaults
                .iter()
                .chain(body)
                .map(|p| &p.name.value)
        };
        for Assignment { name, .. } in given {
            let slot = frame.parameters.get(name.value.as_str());
            let is_used = slot.is_some_and(|slot| slot.is_used);
            if is_used || name.value == "m" || declared().any(|d| *d == name.value) {
                continue;
            }
            let known = declared().map(Name::as_str);
            self.fault(NetlistFault::SubcircuitParameter {
                subcircuit: definition.value.clone(),
                parameter: name.clone(),
                suggestion: crate::netlist::closest(&name.value, known).map(Name::from),
            });
        }
    }

    /// The nodes of an element, as the innermost frame sees them.
    pub(super) fn nodes(
        &mut self,
        element: &crate::netlist::Element,
    ) -> smallvec::SmallVec<[NodeId; 4]> {
        element
            .nodes
            .iter()
            .map(|node| self.node(&node.value, node.span))
            .collect()
    }

    pub(super) fn node(&mut self, node: &Name, span: Span) -> NodeId {
        if *node == GROUND {
            return NodeId::GROUND;
        }
        let frame = &self.frames[self.frames.len() - 1];
        if !frame.path.is_empty() && !self.is_global(node) {
            let ports = &self.tree.scopes[frame.scope].ports;
            if let Some(port) = ports.get(node.as_str()) {
                return frame.ports[*port];
            }
            let name = join(&frame.path, node);
            return self.circuit.node_at(&name, Some(span));
        }
        self.circuit.node_at(node, Some(span))
    }

    /// The same without making one.
    pub(super) fn existing_node(&self, node: &Name) -> Option<NodeId> {
        let frame = self.top();
        if !frame.path.is_empty() && *node != GROUND && !self.is_global(node) {
            let ports = &self.tree.scopes[frame.scope].ports;
            return match ports.get(node.as_str()) {
                Some(port) => Some(frame.ports[*port]),
                None => self.circuit.find_node(&join(&frame.path, node)),
            };
        }
        self.circuit.find_node_spelled(node)
    }

    /// Nodes of `.global`, and PSpice's `$G_…`.
    fn is_global(&self, node: &Name) -> bool {
        self.globals.contains(node.as_str()) || node.starts_with("$g_")
    }

    /// An element of the circuit by the name that the innermost frame knows it by.
    pub(super) fn flat_name(&self, name: &Name) -> Name {
        element_name(&self.top().path, name)
    }
}
