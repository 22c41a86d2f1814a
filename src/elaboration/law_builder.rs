//! A law under construction: its tape, and what its inputs stand for.

use super::number::Number;
use crate::circuit::NodeId;
use crate::expression::{Dialect, Expr, Function2, LowerError, Resolver, Tape, Term, lower};
use crate::netlist::Name;
use crate::source::{LogicalLine, Span, Spanned};

/// A law under construction: its tape, and what its inputs stand for.
#[derive(Default)]
pub(super) struct LawBuilder {
    pub tape: Tape,
    pub inputs: Inputs,
}

/// What the inputs of a tape stand for, in their order.
#[derive(Default)]
pub(super) struct Inputs(pub Vec<Input>);

#[derive(Clone, PartialEq)]
pub(super) enum Input {
    Voltage([NodeId; 2]),
    /// The name as the frame knows it.
    Current(Spanned<Name>),
    /// A term of the circuit's tape.
    Argument(Term),
    /// A number with a parameter of its own: the coefficient of a polynomial.
    Number(f64),
}

impl Inputs {
    pub fn add(&mut self, tape: &mut Tape, input: Input) -> Term {
        let same = |known: &Input| match (known, &input) {
            (Input::Current(a), Input::Current(b)) => a.value == b.value,
            (Input::Number(_), _) => false,
            (a, b) => a == b,
        };
        let known = match input {
            Input::Number(_) => None,
            _ => self.0.iter().position(same),
        };
        let index = known.unwrap_or_else(|| {
            self.0.push(input);
            self.0.len() - 1
        });
        tape.input(index as u32)
    }

    pub fn voltage(&mut self, tape: &mut Tape, nodes: [NodeId; 2]) -> Term {
        match nodes {
            [p, n] if p == n => tape.constant(0.0),
            nodes => self.add(tape, Input::Voltage(nodes)),
        }
    }

    pub fn number(&mut self, tape: &mut Tape, number: Number) -> Term {
        match number.term {
            Some(term) => self.add(tape, Input::Argument(term)),
            None => tape.constant(number.value),
        }
    }
}

impl LawBuilder {
    pub fn voltage(&mut self, nodes: [NodeId; 2]) -> Term {
        self.inputs.voltage(&mut self.tape, nodes)
    }

    pub fn current(&mut self, source: &Spanned<Name>) -> Term {
        self.inputs
            .add(&mut self.tape, Input::Current(source.clone()))
    }

    /// A number: an argument if it depends on a parameter, else a constant.
    pub fn number(&mut self, number: Number) -> Term {
        self.inputs.number(&mut self.tape, number)
    }

    /// A number that is an argument in any case.
    pub fn argument(&mut self, number: Number) -> Term {
        match number.term {
            Some(term) => self.inputs.add(&mut self.tape, Input::Argument(term)),
            None => self.inputs.add(&mut self.tape, Input::Number(number.value)),
        }
    }

    pub fn binary(&mut self, function: Function2, x: Term, y: Term) -> Term {
        self.tape.binary(function, x, y)
    }

    /// A formula of our own in named terms.
    ///
    /// # Panics
    /// If it is not well formed.
    pub fn formula(&mut self, text: &str, terms: &[(&str, Term)]) -> Term {
        let line = LogicalLine::of(text);
        let lowered = Expr::parse(text, 0, &line, &[]).map(|expr| {
            let mut terms = Terms(terms);
            lower(&expr, &mut self.tape, &mut terms, Dialect::Parameter)
        });
        match lowered {
            Ok(Ok(term)) => term,
            failed => panic!("`{text}`: {failed:?}"),
        }
    }
}

/// Names that stand for terms of the tape itself.
struct Terms<'t>(&'t [(&'t str, Term)]);

impl Resolver for Terms<'_> {
    type Error = &'static str;

    fn name(
        &mut self,
        _: &mut Tape,
        name: &Name,
        _: Span,
    ) -> Result<Option<Term>, LowerError<Self::Error>> {
        let found = self.0.iter().find(|(known, _)| known == name);
        Ok(found.map(|(_, term)| *term))
    }

    fn probe(
        &mut self,
        _: &mut Tape,
        _: &Name,
        _: &[(Name, Span)],
        _: Span,
    ) -> Result<Term, LowerError<Self::Error>> {
        Err(LowerError::Resolver("a formula has no probes"))
    }
}
