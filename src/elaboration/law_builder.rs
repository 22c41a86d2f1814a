//! A law under construction: its tape, and what its inputs stand for.

use std::collections::HashMap;

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

/// What the inputs of a tape stand for.
#[derive(Default)]
pub(super) struct Inputs {
    /// In the order of the tape.
    pub list: Vec<Input>,
    known: HashMap<Key, usize>,
}

#[derive(Clone)]
pub(super) enum Input {
    Voltage([NodeId; 2]),
    /// The name as the frame knows it.
    Current(Spanned<Name>),
    /// A term of the circuit's tape.
    Argument(Term),
    /// A number with a parameter of its own: the coefficient of a polynomial.
    Number(f64),
}

/// What makes two inputs the same.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Voltage([NodeId; 2]),
    Current(Name),
    Argument(Term),
}

impl Input {
    fn key(&self) -> Option<Key> {
        Some(match self {
            Self::Voltage(nodes) => Key::Voltage(*nodes),
            Self::Current(source) => Key::Current(source.value.clone()),
            Self::Argument(term) => Key::Argument(*term),
            Self::Number(_) => return None,
        })
    }
}

impl Inputs {
    pub fn add(&mut self, tape: &mut Tape, input: Input) -> Term {
        let next = self.list.len();
        let index = match input.key() {
            Some(key) => *self.known.entry(key).or_insert(next),
            None => next,
        };
        if index == next {
            self.list.push(input);
        }
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
