//! What can be read off an operating point, by text: `v(a)`, `i(r1)`, `p(d1)`, `{v(a)*i(v1)}`.

use super::dataset::Unit;
use super::formula::{Formula, Leaf, PROBES, Subject, subject};
use super::request::{RequestError, word_of};
use super::{OperatingPoint, Output};
use crate::circuit::{Circuit, ElementId, NodeId, Variable};
use crate::expression::{Expr, ExprKind};
use crate::netlist::{Diagnostic, Name, NetlistFault};
use crate::source::{Span, Spanned};

/// A number to read off an operating point: an output, or an expression of outputs, named parameters
/// and the temperature.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The text it was read from.
    pub name: String,
    pub unit: Unit,
    reading: Reading,
}

#[derive(Clone, Debug)]
enum Reading {
    Output(Output),
    Formula(Formula),
}

/// Derivatives of a probe at an operating point to what it is computed from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeDerivatives {
    pub outputs: Vec<(Output, f64)>,
    pub variables: Vec<(Variable, f64)>,
}

impl Probe {
    /// Reads `v(a)`, `v(a,b)`, `i(r1)`, `p(r1)`, or an expression of these, in braces or not.
    ///
    /// # Errors
    /// If it is none, or names what the circuit does not have.
    pub fn parse(circuit: &Circuit, text: &str) -> Result<Self, RequestError> {
        Self::read(circuit, &word_of(text))
            .map_err(|diagnostic| RequestError::in_text(text, diagnostic))
    }

    pub(crate) fn read(circuit: &Circuit, word: &Spanned<Name>) -> Result<Self, Diagnostic> {
        let name: String = word.value.split_whitespace().collect();
        let is_parameter = circuit.parameter_graph().find(&name).is_some();
        let vector = vector(circuit, &name).filter(|_| !is_parameter);
        let (unit, reading) = match vector {
            Some(subject) => of_subject(circuit, subject),
            None => {
                let expr = parse(word)?;
                read_expression(circuit, &expr)?
            }
        };
        Ok(Self {
            name,
            unit,
            reading,
        })
    }

    pub(crate) fn voltage(circuit: &Circuit, node: NodeId) -> Self {
        let (p, n) = (node, NodeId::GROUND);
        Self::of_output(circuit, Output::Voltage { p, n })
    }

    pub(crate) fn current(circuit: &Circuit, element: ElementId) -> Self {
        Self::of_output(circuit, Output::Current { element })
    }

    pub(crate) fn power(circuit: &Circuit, element: ElementId) -> Self {
        let (unit, reading) = of_subject(circuit, Subject::Power(element));
        Self {
            name: format!("p({})", circuit.element(element).name()),
            unit,
            reading,
        }
    }

    pub fn of_output(circuit: &Circuit, output: Output) -> Self {
        let (unit, reading) = of_subject(circuit, Subject::Output(output));
        Self {
            name: output.name(circuit).to_string(),
            unit,
            reading,
        }
    }

    /// `sum weight * output`, such as a loss.
    pub fn weighted_sum(outputs: &[(Output, f64)]) -> Self {
        Self {
            name: "sum".to_string(),
            unit: Unit::None,
            reading: Reading::Formula(Formula::weighted_sum(outputs)),
        }
    }

    /// The output that this is, if it is no expression.
    pub fn output(&self) -> Option<Output> {
        match self.reading {
            Reading::Output(output) => Some(output),
            Reading::Formula(_) => None,
        }
    }

    pub fn value(&self, circuit: &Circuit, op: &OperatingPoint) -> f64 {
        match &self.reading {
            Reading::Output(output) => output.value(circuit, op),
            Reading::Formula(formula) => formula.value(circuit, Some(op)),
        }
    }

    pub fn derivatives(&self, circuit: &Circuit, op: &OperatingPoint) -> ProbeDerivatives {
        let formula = match &self.reading {
            Reading::Output(output) => {
                return ProbeDerivatives {
                    outputs: vec![(*output, 1.0)],
                    variables: Vec::new(),
                };
            }
            Reading::Formula(formula) => formula,
        };
        let mut derivatives = ProbeDerivatives::default();
        for (leaf, derivative) in formula.derivatives(circuit, op) {
            let variable = match leaf {
                Leaf::Output(output) => {
                    derivatives.outputs.push((output, derivative));
                    continue;
                }
                Leaf::Temperature => Variable::Temperature,
                Leaf::Named(name) => Variable::Named(name),
            };
            derivatives.variables.push((variable, derivative));
        }
        derivatives
    }
}

fn of_subject(circuit: &Circuit, subject: Subject) -> (Unit, Reading) {
    match subject {
        Subject::Output(output) => {
            let unit = match output {
                Output::Voltage { .. } => Unit::Voltage,
                Output::Current { .. } => Unit::Current,
            };
            (unit, Reading::Output(output))
        }
        Subject::Power(id) => {
            let formula = Formula::power(circuit, id);
            (Unit::Power, Reading::Formula(formula))
        }
    }
}

fn read_expression(circuit: &Circuit, expr: &Expr) -> Result<(Unit, Reading), Diagnostic> {
    if let ExprKind::Probe(kind, arguments) = &expr.kind {
        let subject = subject(circuit, kind, arguments, expr.span)?;
        return Ok(of_subject(circuit, subject));
    }
    let formula = Formula::compile(circuit, expr, &|_| None)?;
    Ok((Unit::None, Reading::Formula(formula)))
}

/// Vectors of ngspice: `out`, `v1#branch`, `@r1[i]`, `@d1[p]`.
fn vector(circuit: &Circuit, name: &str) -> Option<Subject> {
    let current = |element| Subject::Output(Output::Current { element });
    if let Some(source) = name.strip_suffix("#branch") {
        return circuit.find_element_spelled(source).map(current);
    }
    if let Some((owner, what)) = name.strip_prefix('@').and_then(|n| n.split_once('[')) {
        let element = circuit.find_element_spelled(owner)?;
        return match what {
            "i]" | "id]" | "current]" => Some(current(element)),
            "p]" => Some(Subject::Power(element)),
            _ => None,
        };
    }
    let is_number = crate::units::parse_number(name).is_some();
    let p = circuit.find_node_spelled(name).filter(|_| !is_number)?;
    let n = NodeId::GROUND;
    Some(Subject::Output(Output::Voltage { p, n }))
}

/// The expression of a word, without its braces, `par('…')` or quotes.
fn parse(word: &Spanned<Name>) -> Result<Expr, Diagnostic> {
    let text = word.value.trim();
    let inner = ["par(", "{", "'", "\""]
        .iter()
        .zip([")", "}", "'", "\""])
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    let inner = inner.unwrap_or(text);
    let inner = inner.trim_matches(['\'', '"']);
    let offset = word.value.find(inner).unwrap_or(0);
    let span = Span {
        column: word.span.column + offset as u32,
        ..word.span
    };
    Expr::parse(inner, 0, &span, PROBES)
        .map_err(|error| NetlistFault::Expression(error).diagnostic())
}
