//! Expressions of outputs, named parameters and the temperature, compiled to tapes.

use std::sync::Arc;

use super::request::help;
use super::{OperatingPoint, Output};
use crate::circuit::{Circuit, ElementId, NamedParameter, NodeId};
use crate::expression::{
    Dialect, Expr, Function2, LowerError, Resolver, Tape, Term, UserFunction, lower,
};
use crate::netlist::{Diagnostic, Name, NetlistFault, closest};
use crate::source::Span;
use crate::units::{BOLTZMANN, CELSIUS_ZERO, ELEMENTARY_CHARGE};

/// Words that a node or an element in parentheses follows: voltage, current, power.
pub(crate) const PROBES: &[&str] = &["v", "i", "p", "w"];

/// What an input of a formula is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaf {
    Output(Output),
    /// Degrees Celsius.
    Temperature,
    Named(NamedParameter),
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    tape: Tape,
    result: Term,
    /// The inputs of the tape.
    leaves: Vec<Leaf>,
}

impl Formula {
    /// `known` gives values to names that the circuit does not have.
    pub fn compile(
        circuit: &Circuit,
        expr: &Expr,
        known: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<Self, Diagnostic> {
        let mut names = Names {
            circuit,
            known,
            leaves: Vec::new(),
        };
        let mut tape = Tape::default();
        let result =
            lower(expr, &mut tape, &mut names, Dialect::Parameter).map_err(|e| match e {
                LowerError::Resolver(diagnostic) => *diagnostic,
                LowerError::Fault(fault, span) => NetlistFault::Lower(fault, span).diagnostic(),
            })?;
        let leaves = names.leaves;
        let (tape, results) = tape.pruned(&[result]);
        Ok(Self {
            tape,
            result: results[0],
            leaves,
        })
    }

    /// The formula `v i` of an element with one port; those with two take no power.
    pub fn power(circuit: &Circuit, element: ElementId) -> Self {
        let (mut tape, mut leaves) = (Tape::default(), Vec::new());
        let result = power(circuit, &mut tape, &mut leaves, element);
        Self {
            tape,
            result,
            leaves,
        }
    }

    pub fn weighted_sum(outputs: &[(Output, f64)]) -> Self {
        let (mut tape, mut leaves) = (Tape::default(), Vec::new());
        let mut result = tape.constant(0.0);
        for &(output, weight) in outputs {
            let value = input(&mut tape, &mut leaves, Leaf::Output(output));
            let weight = tape.constant(weight);
            let part = tape.binary(Function2::Multiply, weight, value);
            result = tape.binary(Function2::Add, result, part);
        }
        Self {
            tape,
            result,
            leaves,
        }
    }

    /// True if an operating point is needed for its value.
    pub fn reads_outputs(&self) -> bool {
        self.leaves.iter().any(|l| matches!(l, Leaf::Output(_)))
    }

    /// The value; without an operating point, that of a formula which reads none.
    pub fn value(&self, circuit: &Circuit, op: Option<&OperatingPoint>) -> f64 {
        self.evaluate(circuit, op)[self.result.index()]
    }

    /// Derivatives to each of its leaves.
    pub fn derivatives(&self, circuit: &Circuit, op: &OperatingPoint) -> Vec<(Leaf, f64)> {
        let values = self.evaluate(circuit, Some(op));
        let mut adjoints = vec![0.0; self.tape.len()];
        adjoints[self.result.index()] = 1.0;
        self.tape.backward(&values, &[], &mut adjoints);
        let operations = self.tape.operations().iter().zip(adjoints);
        let inputs = operations.filter_map(|(operation, adjoint)| match operation {
            crate::expression::Operation::Input(k) => Some((self.leaves[*k as usize], adjoint)),
            _ => None,
        });
        inputs.collect()
    }

    fn evaluate(&self, circuit: &Circuit, op: Option<&OperatingPoint>) -> Vec<f64> {
        let value = |leaf: &Leaf| match leaf {
            Leaf::Output(output) => op.map_or(f64::NAN, |op| output.value(circuit, op)),
            Leaf::Temperature => circuit.environment.temperature,
            Leaf::Named(name) => circuit.parameter_graph().value(*name),
        };
        let inputs: Vec<f64> = self.leaves.iter().map(value).collect();
        let mut values = Vec::with_capacity(self.tape.len());
        self.tape.evaluate(&inputs, &[], &mut values);
        values
    }
}

/// The term of a leaf; leaves are shared.
fn input(tape: &mut Tape, leaves: &mut Vec<Leaf>, leaf: Leaf) -> Term {
    let found = leaves.iter().position(|known| *known == leaf);
    let index = found.unwrap_or_else(|| {
        leaves.push(leaf);
        leaves.len() - 1
    });
    tape.input(index as u32)
}

fn power(circuit: &Circuit, tape: &mut Tape, leaves: &mut Vec<Leaf>, id: ElementId) -> Term {
    let element = circuit.element(id);
    if element.is_two_port() {
        return tape.constant(0.0);
    }
    let [p, n] = element.port;
    let voltage = input(tape, leaves, Leaf::Output(Output::Voltage { p, n }));
    let current = input(tape, leaves, Leaf::Output(Output::Current { element: id }));
    tape.binary(Function2::Multiply, voltage, current)
}

/// The names of a circuit.
struct Names<'a> {
    circuit: &'a Circuit,
    known: &'a dyn Fn(&str) -> Option<f64>,
    leaves: Vec<Leaf>,
}

impl Names<'_> {
    fn leaf(&mut self, tape: &mut Tape, leaf: Leaf) -> Term {
        input(tape, &mut self.leaves, leaf)
    }

    /// `k T / q`
    fn thermal_voltage(&mut self, tape: &mut Tape) -> Term {
        let celsius = self.leaf(tape, Leaf::Temperature);
        let zero = tape.constant(CELSIUS_ZERO);
        let kelvin = tape.binary(Function2::Add, celsius, zero);
        let factor = tape.constant(BOLTZMANN / ELEMENTARY_CHARGE);
        tape.binary(Function2::Multiply, factor, kelvin)
    }
}

type Lowered<T> = Result<T, LowerError<Box<Diagnostic>>>;

impl Resolver for Names<'_> {
    type Error = Box<Diagnostic>;

    fn name(&mut self, tape: &mut Tape, name: &Name, _: Span) -> Lowered<Option<Term>> {
        let graph = self.circuit.parameter_graph();
        if let Some(value) = (self.known)(name) {
            return Ok(Some(tape.constant(value)));
        }
        if let Some(parameter) = graph.find(name) {
            return Ok(Some(self.leaf(tape, Leaf::Named(parameter))));
        }
        let environment = self.circuit.environment;
        Ok(Some(match name.as_str() {
            "temp" | "temper" => self.leaf(tape, Leaf::Temperature),
            "tnom" => tape.constant(environment.nominal_temperature),
            "gmin" => tape.constant(environment.gmin),
            "vt" => self.thermal_voltage(tape),
            name => {
                let Some(p) = self.circuit.find_node_spelled(name) else {
                    return Ok(None);
                };
                let n = NodeId::GROUND;
                self.leaf(tape, Leaf::Output(Output::Voltage { p, n }))
            }
        }))
    }

    fn probe(
        &mut self,
        tape: &mut Tape,
        kind: &Name,
        arguments: &[(Name, Span)],
        span: Span,
    ) -> Lowered<Term> {
        let subject = subject(self.circuit, kind, arguments, span)
            .map_err(|diagnostic| LowerError::Resolver(Box::new(diagnostic)))?;
        Ok(match subject {
            Subject::Output(output) => self.leaf(tape, Leaf::Output(output)),
            Subject::Power(id) => power(self.circuit, tape, &mut self.leaves, id),
        })
    }

    fn function(&self, name: &Name) -> Option<Arc<UserFunction>> {
        self.circuit.functions.get(name).cloned()
    }

    fn similar_name(&self, name: &Name) -> Option<Name> {
        let names = self.circuit.parameter_graph().names();
        closest(name, names.map(|(name, _)| name.as_str())).map(Name::from)
    }

    fn similar_function(&self, name: &Name) -> Option<Name> {
        closest(name, self.circuit.functions.keys().map(Name::as_str)).map(Name::from)
    }
}

/// What `v(…)`, `i(…)` and `p(…)` stand for.
pub(super) enum Subject {
    Output(Output),
    Power(ElementId),
}

pub(super) fn subject(
    circuit: &Circuit,
    kind: &str,
    arguments: &[(Name, Span)],
    span: Span,
) -> Result<Subject, Diagnostic> {
    match (kind, arguments) {
        ("v", [(name, span)]) => {
            voltage(circuit, name, *span).map(|[p, n]| Subject::Output(Output::Voltage { p, n }))
        }
        ("v", [(p, at_p), (n, at_n)]) => {
            let [p, n] = [node(circuit, p, *at_p)?, node(circuit, n, *at_n)?];
            Ok(Subject::Output(Output::Voltage { p, n }))
        }
        ("i", [(name, span)]) => {
            let element = element(circuit, name, *span)?;
            Ok(Subject::Output(Output::Current { element }))
        }
        ("p" | "w", [(name, span)]) => Ok(Subject::Power(element(circuit, name, *span)?)),
        _ => {
            let fault = Diagnostic::error(format!("`{kind}(…)` is not an output"));
            Err(fault
                .at(span, "not an output")
                .help("write v(node), v(node,node), i(element) or p(element)"))
        }
    }
}

/// The two nodes of `v(a)`, or of `v(r1)` if no node is called `r1`.
fn voltage(circuit: &Circuit, name: &str, span: Span) -> Result<[NodeId; 2], Diagnostic> {
    match (
        circuit.find_node_spelled(name),
        circuit.find_element_spelled(name),
    ) {
        (Some(p), _) => Ok([p, NodeId::GROUND]),
        (None, Some(element)) => Ok(circuit.element(element).port),
        (None, None) => node(circuit, name, span).map(|p| [p, NodeId::GROUND]),
    }
}

fn node(circuit: &Circuit, name: &str, span: Span) -> Result<NodeId, Diagnostic> {
    circuit.find_node_spelled(name).ok_or_else(|| {
        let nodes = circuit.nodes().map(|(_, node)| node.name.as_str());
        unknown("node", name, span, closest(name, nodes))
    })
}

fn element(circuit: &Circuit, name: &str, span: Span) -> Result<ElementId, Diagnostic> {
    circuit.find_element_spelled(name).ok_or_else(|| {
        let elements = circuit.elements().map(|(_, e)| e.name());
        unknown("element", name, span, closest(name, elements).as_deref())
    })
}

fn unknown(what: &str, name: &str, span: Span, suggestion: Option<&str>) -> Diagnostic {
    let suggestion = suggestion.map(str::to_string);
    let otherwise = match name.contains(['.', ':']) {
        true => "ports of a subcircuit have the names of the nodes outside".to_string(),
        false => format!("name one of the {what}s of the deck; in a subcircuit: x1.{name}"),
    };
    Diagnostic::error(format!("the circuit has no {what} `{name}`"))
        .at(span, format!("no such {what}"))
        .help(help(suggestion, &otherwise))
}
