//! What element values are computed from: named parameters and the temperature.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Circuit, ParameterId};
use crate::expression::{Tape, Term};
use crate::netlist::Name;

/// A named parameter of a [`ParameterGraph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedParameter(pub(crate) u32);

/// An element parameter that has the value of a term.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub parameter: ParameterId,
    pub term: Term,
}

/// `.param`s, parameters of subcircuit calls and the temperature, and which element parameters are
/// functions of them. Derivatives go back through it as in any tape.
#[derive(Clone, Debug)]
pub struct ParameterGraph {
    tape: Arc<Tape>,
    /// By name (`rload`, `x1.rload`): the term of each parameter.
    names: Arc<IndexMap<Name, Term>>,
    bindings: Arc<Vec<Binding>>,
    /// Terms whose values were taken once and for all.
    fixed: Arc<Vec<Term>>,
    temperature_term: Term,
    /// Degrees Celsius.
    temperature: f64,
    overrides: Vec<Option<f64>>,
    values: Vec<f64>,
}

impl ParameterGraph {
    /// A graph without parameters.
    pub(crate) fn new(temperature: f64) -> Self {
        let mut tape = Tape::default();
        let temperature_term = tape.input(0);
        Self {
            tape: Arc::new(tape),
            names: Arc::default(),
            bindings: Arc::default(),
            fixed: Arc::default(),
            temperature_term,
            temperature,
            overrides: Vec::new(),
            values: vec![temperature],
        }
    }

    /// The tape, to write on; what is added is evaluated by [`Self::update`].
    pub(crate) fn tape_mut(&mut self) -> &mut Tape {
        Arc::make_mut(&mut self.tape)
    }

    /// Temperature of the circuit, degrees Celsius.
    pub(crate) fn temperature_term(&self) -> Term {
        self.temperature_term
    }

    /// Evaluates the terms added since the last time, and gives that of `term`.
    pub(crate) fn update(&mut self, term: Term) -> f64 {
        self.update_all();
        self.values[term.index()]
    }

    /// Evaluates the terms added since the last time.
    pub(crate) fn update_all(&mut self) {
        let inputs = [self.temperature];
        self.tape.extend(&inputs, &self.overrides, &mut self.values);
    }

    /// Names a term of `tape`, which is this graph's, so that it can be set and asked for.
    pub(crate) fn define(&mut self, tape: &mut Tape, name: Name, default: Term) -> Term {
        let index = self.names.len() as u32;
        let term = tape.parameter(index, default);
        Arc::make_mut(&mut self.names).insert(name, term);
        self.overrides.push(None);
        term
    }

    pub(crate) fn bind(&mut self, parameter: ParameterId, term: Term) {
        Arc::make_mut(&mut self.bindings).push(Binding { parameter, term });
    }

    /// Notes that the value of a term was taken where it cannot follow: TNOM, `.temp`, `.nodeset`.
    pub(crate) fn fix(&mut self, term: Term) {
        Arc::make_mut(&mut self.fixed).push(term);
    }

    /// True for a parameter that something fixed depends on: it cannot be set any more.
    pub fn is_fixed(&self, parameter: NamedParameter) -> bool {
        let needed = self.tape.needed(&self.fixed);
        needed.get(self.term(parameter).index()) == Some(&true)
    }

    /// Parameters by name that can be set, in order of definition.
    pub fn free_names(&self) -> impl Iterator<Item = (&Name, NamedParameter)> {
        let needed = self.tape.needed(&self.fixed);
        self.names()
            .filter(move |(_, id)| needed.get(self.term(*id).index()) != Some(&true))
    }

    pub fn find(&self, name: &str) -> Option<NamedParameter> {
        self.names
            .get_index_of(name)
            .map(|index| NamedParameter(index as u32))
    }

    /// Parameters by name, in order of definition.
    pub fn names(&self) -> impl Iterator<Item = (&Name, NamedParameter)> {
        let indices = (0..).map(NamedParameter);
        self.names.keys().zip(indices)
    }

    pub fn name(&self, parameter: NamedParameter) -> &str {
        self.names
            .get_index(parameter.0 as usize)
            .map_or("", |(name, _)| name)
    }

    pub(crate) fn term(&self, parameter: NamedParameter) -> Term {
        self.names[parameter.0 as usize]
    }

    pub fn value(&self, parameter: NamedParameter) -> f64 {
        self.values[self.term(parameter).index()]
    }

    /// The value that a parameter was set to, in place of that of its definition.
    pub(crate) fn override_of(&self, parameter: NamedParameter) -> Option<f64> {
        self.overrides[parameter.0 as usize]
    }

    /// True if no element depends on a parameter or on the temperature.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// Derivatives of a number to each term, from its derivatives to element parameters and those that
    /// it has to terms besides.
    pub(crate) fn backward(
        &self,
        gradient: impl Fn(ParameterId) -> Option<f64>,
        besides: &[(Term, f64)],
    ) -> Vec<f64> {
        let mut adjoints = vec![0.0; self.tape.len()];
        for (term, derivative) in besides {
            adjoints[term.index()] += derivative;
        }
        for binding in self.bindings.iter() {
            adjoints[binding.term.index()] += gradient(binding.parameter).unwrap_or(0.0);
        }
        self.tape
            .backward(&self.values, &self.overrides, &mut adjoints);
        adjoints
    }

    fn evaluate(&mut self) {
        let inputs = [self.temperature];
        self.tape
            .evaluate(&inputs, &self.overrides, &mut self.values);
    }
}

impl Circuit {
    /// Parameters, and how element values depend on them.
    pub fn parameter_graph(&self) -> &ParameterGraph {
        &self.graph_of_parameters
    }

    /// Sets a `.param`, and all element values that depend on it.
    ///
    /// False if an element cannot take its new value, and then nothing changes.
    #[must_use]
    pub fn set_parameter(&mut self, parameter: NamedParameter, value: f64) -> bool {
        self.override_parameter(parameter, Some(value))
    }

    /// As [`Self::set_parameter`]; without a value, the parameter follows its definition again.
    #[must_use]
    pub(crate) fn override_parameter(
        &mut self,
        parameter: NamedParameter,
        value: Option<f64>,
    ) -> bool {
        let index = parameter.0 as usize;
        self.change_parameters(
            |graph| std::mem::replace(&mut graph.overrides[index], value),
            |graph, old| {
                graph.overrides[index] = old;
            },
        )
    }

    /// Sets the temperature of the circuit, degrees Celsius, and of all elements that have none of
    /// their own.
    #[must_use]
    pub fn set_temperature(&mut self, celsius: f64) -> bool {
        let done = self.change_parameters(
            |graph| std::mem::replace(&mut graph.temperature, celsius),
            |graph, old| graph.temperature = old,
        );
        if done {
            self.environment.temperature = celsius;
        }
        done
    }

    fn change_parameters<T>(
        &mut self,
        change: impl FnOnce(&mut ParameterGraph) -> T,
        undo: impl FnOnce(&mut ParameterGraph, T),
    ) -> bool {
        let before = self.graph_of_parameters.values.clone();
        let old = change(&mut self.graph_of_parameters);
        self.graph_of_parameters.evaluate();
        if self.push_parameters(&before) {
            return true;
        }
        undo(&mut self.graph_of_parameters, old);
        let failed = std::mem::replace(&mut self.graph_of_parameters.values, before);
        let restored = self.push_parameters(&failed);
        debug_assert!(restored);
        false
    }

    /// Writes the values that differ from `before` to their elements; false if one is refused.
    fn push_parameters(&mut self, before: &[f64]) -> bool {
        let bindings = self.graph_of_parameters.bindings.clone();
        for Binding { parameter, term } in bindings.iter() {
            let value = self.graph_of_parameters.values[term.index()];
            let is_new = value.to_bits() != before[term.index()].to_bits();
            if is_new && !self.own.contains(parameter) && !self.set(*parameter, value) {
                return false;
            }
        }
        true
    }
}
