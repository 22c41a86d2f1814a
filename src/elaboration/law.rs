//! Behavioural sources: expressions, polynomials and tables to laws of controls and arguments.

use std::sync::Arc;

use super::Elaborator;
use super::law_builder::{Input, Inputs, LawBuilder};
use super::number::{Lowered, Number, into_fault, other};
use super::resistor::Nominal;
use crate::circuit::{Control, ElementId, NodeId};
use crate::device::{Behavioural, Device, Law, Parameter, Quantity};
use crate::expression::{
    Dialect, Effort, Expr, ExprKind, Function2, Lookup, Resolver, Tape, Term, UserFunction, lower,
};
use crate::netlist::{
    Assignment, Behavioural as Card, Diagnostic, Element, GROUND, Name, NetlistFault, Polynomial,
    PolynomialControls, Table, Value,
};
use crate::source::{Span, Spanned};

impl<'a> Elaborator<'a> {
    pub(super) fn behavioural(&mut self, element: &'a Element, card: &'a Card) {
        let mut law = LawBuilder::default();
        let Some(value) = self.lower_law(&mut law, &card.law) else {
            return;
        };
        let Some(result) = self.scaled(&mut law, value, card) else {
            return;
        };
        self.insert_law(element, card.quantity, law, result);
    }

    /// `m`, and the temperature coefficients of ngspice's B sources.
    fn scaled(&mut self, law: &mut LawBuilder, value: Term, card: &'a Card) -> Option<Term> {
        let mut result = value;
        for Assignment { name, .. } in &card.parameters {
            let known = [
                "m",
                "tc1",
                "tc2",
                "temp",
                "dtemp",
                "reciproctc",
                "reciprocm",
            ];
            if !known.contains(&name.value.as_str()) {
                self.fault(NetlistFault::UnknownParameter {
                    subject: "the source".into(),
                    suggestion: crate::netlist::closest(&name.value, known).map(Name::from),
                    found: name.clone(),
                    form: "m= tc1= tc2= temp= dtemp=",
                });
                return None;
            }
        }
        if let Some(factor) =
            self.temperature_factor(&card.parameters, None, Nominal::OfBehaviouralSources)?
        {
            let factor = law.number(factor);
            result = law.binary(Function2::Multiply, result, factor);
        }
        if card.quantity == Quantity::Current
            && let Some(m) = self.given(&card.parameters, "m")?
        {
            let m = law.number(m);
            result = law.binary(Function2::Multiply, result, m);
        }
        Some(result)
    }

    /// The value of an instance parameter that is given; the outer None is a fault.
    pub(super) fn given(
        &mut self,
        parameters: &'a [Assignment],
        name: &str,
    ) -> Option<Option<Number>> {
        let found = parameters.iter().rev().find(|p| p.name.value == name);
        match found {
            None => Some(None),
            Some(assignment) => self
                .number(&assignment.value, &format!("`{name}`"))
                .map(Some),
        }
    }

    pub(super) fn lower_law(&mut self, law: &mut LawBuilder, expr: &Arc<Expr>) -> Option<Term> {
        self.warn_of_statistics(expr);
        let mut resolver = Laws {
            frame: self.frames.len() - 1,
            elaborator: self,
            inputs: &mut law.inputs,
        };
        lower(expr, &mut law.tape, &mut resolver, Dialect::Behavioural)
            .map_err(|error| self.fault(into_fault(error)))
            .ok()
    }

    pub(super) fn insert_law(
        &mut self,
        element: &Element,
        quantity: Quantity,
        mut law: LawBuilder,
        mut result: Term,
    ) -> Option<ElementId> {
        let mut nodes = self.nodes(element);
        nodes.truncate(2);
        if let (Quantity::Current, Some(m)) = (quantity, self.top().multiplier) {
            let m = law.number(m);
            result = law.binary(Function2::Multiply, result, m);
        }
        if self.reject_constant_nonsense(element, &law, result) {
            return None;
        }
        let LawBuilder {
            mut tape,
            inputs: Inputs { list: inputs, .. },
        } = law;
        // Folding leaves dead constants behind.
        let (pruned, results) = tape.pruned(&[result]);
        (tape, result) = (pruned, results[0]);
        // Controls come first, then arguments.
        let is_control = |input: &Input| matches!(input, Input::Voltage(_) | Input::Current(_));
        let controls: Vec<_> = inputs.iter().filter(|i| is_control(i)).cloned().collect();
        let arguments: Vec<_> = inputs.iter().filter(|i| !is_control(i)).cloned().collect();
        let (mut control, mut argument) = (0, controls.len() as u32);
        let mut number = |input: &Input| {
            let next = if is_control(input) {
                &mut control
            } else {
                &mut argument
            };
            *next += 1;
            *next - 1
        };
        let order: Vec<u32> = inputs.iter().map(&mut number).collect();
        tape.map_inputs(|index| order[index as usize]);
        let values: Vec<f64> = arguments.iter().map(|a| self.argument_value(a)).collect();
        let law = Arc::new(Law::new(tape, result, controls.len(), arguments.len()));
        let source = Behavioural::new(quantity, law, values)?;
        let id = self.insert(element, Device::Behavioural(Box::new(source)), &nodes)?;
        let placed = controls.iter().map(|control| match control {
            Input::Voltage(nodes) => Control::Voltage(*nodes),
            _ => Control::Voltage([NodeId::GROUND; 2]),
        });
        let placed: Vec<Control> = placed.collect();
        self.circuit.set_controls(id, placed);
        for (index, control) in controls.iter().enumerate() {
            if let Input::Current(name) = control {
                self.control_later(id, Some(index), name);
            }
        }
        for (index, argument) in (0..).zip(&arguments) {
            if let Input::Argument(term) = argument {
                let number = self.number_of(*term);
                self.bind(id, Parameter::Argument(index), number);
            }
        }
        Some(id)
    }

    fn argument_value(&mut self, argument: &Input) -> f64 {
        match argument {
            Input::Argument(term) => self.circuit.graph_value(*term),
            Input::Number(value) => *value,
            _ => 0.0,
        }
    }

    fn reject_constant_nonsense(
        &mut self,
        element: &Element,
        law: &LawBuilder,
        result: Term,
    ) -> bool {
        match law.tape.constant_value(result) {
            Some(value) if !value.is_finite() => {
                self.fault(NetlistFault::NotFinite {
                    what: format!("the value of `{}`", element.name),
                    value,
                    span: element.span,
                });
                true
            }
            _ => false,
        }
    }

    /// `POLY(n)`: constant, linear, then all products in the order of SPICE2 (Nagel 1975).
    pub(super) fn polynomial(&mut self, element: &'a Element, card: &'a Polynomial) {
        let mut law = LawBuilder::default();
        let variables: Vec<Term> = match &card.controls {
            PolynomialControls::Voltages(pairs) => pairs
                .iter()
                .map(|pair| {
                    let nodes = [0, 1].map(|k| self.node(&pair[k].value, pair[k].span));
                    law.voltage(nodes)
                })
                .collect(),
            PolynomialControls::Currents(sources) => {
                sources.iter().map(|source| law.current(source)).collect()
            }
        };
        let mut coefficients = Vec::with_capacity(card.coefficients.len());
        for coefficient in &card.coefficients {
            let Some(number) = self.number(coefficient, "a coefficient") else {
                return;
            };
            coefficients.push(law.argument(number));
        }
        if let ([_], [_]) = (&variables[..], &coefficients[..]) {
            self.warn_of_constant_polynomial(element);
        }
        let mut result = law.tape.constant(0.0);
        let tape = &mut law.tape;
        let monomials = monomials(&variables, coefficients.len(), |x, y| {
            tape.binary(Function2::Multiply, *x, *y)
        });
        for (coefficient, monomial) in coefficients.iter().zip(monomials) {
            let product = match monomial {
                Some(x) => law.binary(Function2::Multiply, *coefficient, x),
                None => *coefficient,
            };
            result = law.binary(Function2::Add, result, product);
        }
        self.insert_law(element, card.quantity, law, result);
    }

    /// A table whose points depend on parameters is a function of them as well.
    fn table_of_expressions(&mut self, element: &'a Element, card: &'a Table) {
        let point = |value: &Spanned<Value>| match &value.value {
            Value::Number(number) => Expr {
                kind: ExprKind::Number(*number),
                span: value.span,
            },
            Value::Expression(expr) => (**expr).clone(),
        };
        let points = card.points.iter().flatten().map(point);
        let arguments = std::iter::once((*card.control).clone()).chain(points);
        let call = Expr {
            kind: ExprKind::Call(Name::const_new("table"), arguments.collect()),
            span: element.span,
        };
        let mut law = LawBuilder::default();
        if let Some(result) = self.lower_law(&mut law, &Arc::new(call)) {
            self.insert_law(element, card.quantity, law, result);
        }
    }

    /// SPICE2 and PSpice take a single number as the gain; ngspice takes it as what it is.
    fn warn_of_constant_polynomial(&mut self, element: &Element) {
        let message = format!("the polynomial of `{}` is a constant", element.name);
        let warning = Diagnostic::warning(message).at(element.span, "one coefficient only");
        self.warn(warning.help("write `POLY(1) … 0 gain` for a gain"));
    }

    pub(super) fn table(&mut self, element: &'a Element, card: &'a Table) {
        let mut values = card.points.iter().flatten();
        if values.any(|v| v.value.number().is_none()) {
            self.table_of_expressions(element, card);
            return;
        }
        let mut points = Vec::with_capacity(card.points.len());
        for [x, y] in &card.points {
            let (Some(x), Some(y)) = (
                self.number(x, "a point of the table"),
                self.number(y, "a point of the table"),
            ) else {
                return;
            };
            points.push((x.value, y.value));
        }
        if let Some(at) = points.windows(2).position(|w| !(w[1].0 > w[0].0)) {
            self.fault(NetlistFault::TableNotSorted {
                element: element.name.clone(),
                points: [points[at], points[at + 1]],
                span: card.points[at + 1][0].span,
            });
            return;
        }
        let mut law = LawBuilder::default();
        let Some(x) = self.lower_law(&mut law, &card.control) else {
            return;
        };
        let lookup = Lookup {
            points,
            extrapolates: false,
        };
        let result = law.tape.table(lookup, x);
        self.insert_law(element, card.quantity, law, result);
    }
}

/// What each coefficient of a polynomial is multiplied by: nothing, then the products of the variables by
/// degree, and within a degree in lexical order (Nagel 1975).
fn monomials<T: Clone>(
    variables: &[T],
    count: usize,
    mut multiply: impl FnMut(&T, &T) -> T,
) -> Vec<Option<T>> {
    let mut all = vec![None];
    // Products of one degree, each with the variable from which it may be continued.
    let mut degree: Vec<(usize, Option<T>)> = vec![(0, None)];
    while all.len() < count && !variables.is_empty() {
        let mut next = Vec::new();
        for (first, product) in &degree {
            for (index, variable) in variables.iter().enumerate().skip(*first) {
                if all.len() + next.len() < count {
                    let longer = product
                        .as_ref()
                        .map_or(variable.clone(), |p| multiply(p, variable));
                    next.push((index, Some(longer)));
                }
            }
        }
        all.extend(next.iter().map(|(_, product)| product.clone()));
        degree = next;
    }
    all.truncate(count);
    all
}

/// Names and probes in the law of a source.
struct Laws<'e, 'a> {
    elaborator: &'e mut Elaborator<'a>,
    frame: usize,
    inputs: &'e mut Inputs,
}

impl Resolver for Laws<'_, '_> {
    type Error = Box<NetlistFault>;

    fn name(&mut self, tape: &mut Tape, name: &Name, _: Span) -> Lowered<Option<Term>> {
        let frame = self.frame;
        let found = self.elaborator.term(|elaborator, graph| {
            match elaborator.parameter_term(graph, frame, name) {
                Ok(None) => Ok(elaborator.predefined(graph, name)),
                found => found,
            }
        })?;
        Ok(found.map(|term| {
            let number = self.elaborator.number_of(term);
            self.inputs.number(tape, number)
        }))
    }

    fn effort(&mut self) -> Option<&mut Effort> {
        Some(&mut self.elaborator.effort)
    }

    fn similar_name(&self, name: &Name) -> Option<Name> {
        self.elaborator.similar_name(self.frame, name)
    }

    fn probe(
        &mut self,
        tape: &mut Tape,
        kind: &Name,
        arguments: &[(Name, Span)],
        span: Span,
    ) -> Lowered<Term> {
        let node = |elaborator: &mut Elaborator, (name, span): &(Name, Span)| {
            let name = if name == "gnd" { &GROUND } else { name };
            elaborator.node(name, *span)
        };
        let term = match (kind.as_str(), arguments) {
            ("v", [p]) => {
                let p = node(self.elaborator, p);
                Some(self.inputs.voltage(tape, [p, NodeId::GROUND]))
            }
            ("v", [p, n]) => {
                let nodes = [node(self.elaborator, p), node(self.elaborator, n)];
                Some(self.inputs.voltage(tape, nodes))
            }
            ("i", [(name, span)]) => {
                let source = Spanned::new(name.clone(), *span);
                Some(self.inputs.add(tape, Input::Current(source)))
            }
            _ => None,
        };
        term.ok_or_else(|| {
            other(NetlistFault::BadProbe {
                probe: kind.clone(),
                span,
            })
        })
    }

    fn function(&self, name: &Name) -> Option<Arc<UserFunction>> {
        self.elaborator.user_function(self.frame, name)
    }
}

#[cfg(test)]
mod tests {
    use super::monomials;

    fn names(variables: &[&str], count: usize) -> Vec<String> {
        let variables: Vec<String> = variables.iter().map(|v| v.to_string()).collect();
        let monomials = monomials(&variables, count, |x, y| format!("{x}{y}"));
        monomials
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect()
    }

    #[test]
    fn products_come_in_the_order_of_spice() {
        let expected = ["", "x", "y", "z", "xx", "xy", "xz", "yy", "yz", "zz"];
        assert_eq!(names(&["x", "y", "z"], 10), expected);
        assert_eq!(names(&["x"], 4), ["", "x", "xx", "xxx"]);
    }
}
