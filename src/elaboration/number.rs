//! Values to numbers, with the term they came from.

use super::Elaborator;
use crate::circuit::{ElementId, ParameterId};
use crate::device::Parameter;
use crate::expression::{
    Dialect, Effort, Function2, LowerError, Resolver, Tape, Term, UserFunction, lower,
};
use crate::netlist::{Name, NetlistFault, Value, closest};
use crate::source::{Span, Spanned};
use crate::units::CELSIUS_ZERO;

/// A number, and the term that it depends on if it is no constant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub value: f64,
    pub term: Option<Term>,
}

impl Number {
    pub fn constant(value: f64) -> Self {
        Self { value, term: None }
    }
}

impl<'a> Elaborator<'a> {
    /// The number that a value is in the innermost frame; a fault is recorded if there is none.
    pub(super) fn number(&mut self, value: &Spanned<Value>, what: &str) -> Option<Number> {
        let frame = self.frames.len() - 1;
        match self.number_in(frame, value, what) {
            Ok(number) => Some(number),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    pub(super) fn number_in(
        &mut self,
        frame: usize,
        value: &Spanned<Value>,
        what: &str,
    ) -> Result<Number, NetlistFault> {
        if let Value::Number(number) = value.value {
            return Ok(Number::constant(number));
        }
        let term = self.term(|elaborator, tape| elaborator.lower_parameter(tape, frame, value));
        let number = self.number_of(term.map_err(into_fault)?);
        match number.value.is_finite() {
            true => Ok(number),
            false => Err(NetlistFault::NotFinite {
                what: what.to_string(),
                value: number.value,
                span: value.span,
            }),
        }
    }

    /// A number that stays what it is: the parameters behind it cannot be set any more.
    pub(super) fn fixed(&mut self, number: Number) -> f64 {
        if let Some(term) = number.term {
            self.circuit.graph_mut().fix(term);
        }
        number.value
    }

    /// Writes on the circuit's tape.
    pub(super) fn term<T>(&mut self, write: impl FnOnce(&mut Self, &mut Tape) -> T) -> T {
        let mut tape = std::mem::take(self.circuit.graph_tape());
        let result = write(self, &mut tape);
        *self.circuit.graph_tape() = tape;
        result
    }

    /// The value of a term; constants lose their term.
    pub(super) fn number_of(&mut self, term: Term) -> Number {
        let value = self.circuit.graph_value(term);
        let is_constant = self.circuit.graph_tape().constant_value(term).is_some();
        Number {
            value,
            term: (!is_constant).then_some(term),
        }
    }

    /// The term of a number on the circuit's tape.
    pub(super) fn term_of(&self, tape: &mut Tape, number: Number) -> Term {
        number.term.unwrap_or_else(|| tape.constant(number.value))
    }

    pub(super) fn combine(&mut self, function: Function2, x: Number, y: Number) -> Number {
        if x.term.is_none() && y.term.is_none() {
            return Number::constant(function.value(x.value, y.value));
        }
        let term = self.term(|elaborator, tape| {
            let (x, y) = (elaborator.term_of(tape, x), elaborator.term_of(tape, y));
            tape.binary(function, x, y)
        });
        self.number_of(term)
    }

    /// Temperature of the circuit, degrees Celsius.
    pub(super) fn temperature(&mut self) -> Number {
        let term = self.circuit.parameter_graph().temperature_term();
        self.number_of(term)
    }

    pub(super) fn bind(&mut self, element: ElementId, parameter: Parameter, number: Number) {
        if let Some(term) = number.term {
            let parameter = ParameterId { element, parameter };
            self.circuit.graph_mut().bind(parameter, term);
        }
    }

    pub(super) fn lower_parameter(
        &mut self,
        tape: &mut Tape,
        frame: usize,
        value: &Spanned<Value>,
    ) -> Lowered<Term> {
        match &value.value {
            Value::Number(number) => Ok(tape.constant(*number)),
            Value::Expression(expr) => {
                self.warn_of_statistics(expr);
                let mut resolver = Parameters {
                    elaborator: self,
                    frame,
                };
                lower(expr, tape, &mut resolver, Dialect::Parameter)
            }
        }
    }

    /// What every expression may name: the temperature (degrees Celsius) and what follows from it.
    pub(super) fn predefined(&mut self, tape: &mut Tape, name: &str) -> Option<Term> {
        let temperature = self.circuit.parameter_graph().temperature_term();
        let environment = self.circuit.environment;
        Some(match name {
            "temper" | "temp" => temperature,
            "tnom" => tape.constant(environment.nominal_temperature),
            "gmin" => tape.constant(environment.gmin),
            "vt" => {
                let zero = tape.constant(CELSIUS_ZERO);
                let kelvin = tape.binary(Function2::Add, temperature, zero);
                let k = crate::units::BOLTZMANN / crate::units::ELEMENTARY_CHARGE;
                let factor = tape.constant(k);
                tape.binary(Function2::Multiply, factor, kelvin)
            }
            _ => return None,
        })
    }

    /// None once so many names were looked through that the next would keep the user waiting.
    pub(super) fn similar_name(&self, frame: usize, name: &Name) -> Option<Name> {
        const MOST_COMPARED: usize = 1_000_000;
        let known = self.frames[..=frame].iter().map(|f| f.parameters.len());
        let compared = self.compared.get() + known.sum::<usize>();
        self.compared.set(compared);
        if compared > MOST_COMPARED {
            return None;
        }
        let frames = self.frames[..=frame].iter().rev();
        let known = frames.flat_map(|f| f.parameters.keys().copied());
        closest(name, known).map(Name::from)
    }

    pub(super) fn user_function(
        &self,
        frame: usize,
        name: &Name,
    ) -> Option<std::sync::Arc<UserFunction>> {
        let mut frames = self.frames[..=frame].iter().rev();
        frames.find_map(|f| self.tree.function(f.scope, name))
    }
}

/// Names in the value of a parameter or an element.
struct Parameters<'e, 'a> {
    elaborator: &'e mut Elaborator<'a>,
    frame: usize,
}

impl Resolver for Parameters<'_, '_> {
    type Error = Box<NetlistFault>;

    fn name(&mut self, tape: &mut Tape, name: &Name, _: Span) -> Lowered<Option<Term>> {
        match self.elaborator.parameter_term(tape, self.frame, name)? {
            Some(term) => Ok(Some(term)),
            None => Ok(self.elaborator.predefined(tape, name)),
        }
    }

    fn effort(&mut self) -> Option<&mut Effort> {
        Some(&mut self.elaborator.effort)
    }

    fn similar_name(&self, name: &Name) -> Option<Name> {
        self.elaborator.similar_name(self.frame, name)
    }

    fn probe(
        &mut self,
        _: &mut Tape,
        kind: &Name,
        _: &[(Name, Span)],
        span: Span,
    ) -> Lowered<Term> {
        Err(other(NetlistFault::ProbeInParameter {
            probe: kind.clone(),
            span,
        }))
    }

    fn function(&self, name: &Name) -> Option<std::sync::Arc<UserFunction>> {
        self.elaborator.user_function(self.frame, name)
    }
}

/// What lowering gives, or why not.
pub(super) type Lowered<T> = Result<T, LowerError<Box<NetlistFault>>>;

/// A fault found while an expression is lowered.
pub(super) fn other(fault: NetlistFault) -> LowerError<Box<NetlistFault>> {
    LowerError::Resolver(Box::new(fault))
}

pub(super) fn into_fault(error: LowerError<Box<NetlistFault>>) -> NetlistFault {
    match error {
        LowerError::Resolver(fault) => *fault,
        LowerError::Fault(fault, span) => NetlistFault::Lower(fault, span),
    }
}
