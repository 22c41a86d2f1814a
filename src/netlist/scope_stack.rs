//! The subcircuit definitions that are open while a deck is read.

use std::collections::HashMap;

use super::cursor::{Cursor, Result, named};
use super::element::parameters;
use super::fault::NetlistFault;
use super::token::Token;
use super::{Assignment, Body, Function, GROUND, Model, Name, Subcircuit};
use crate::source::{LogicalLine, Span, Spanned};

/// The contents of the main circuit or of one definition.
#[derive(Default)]
pub(super) struct OpenScope {
    name: Spanned<Name>,
    ports: Vec<Spanned<Name>>,
    defaults: Vec<Assignment>,
    pub body: Body,
    /// Where each model, parameter and function is defined.
    places: HashMap<(&'static str, Name), Span>,
    /// Index of each parameter of the body.
    parameters: HashMap<Name, usize>,
}

/// The main circuit, then one scope for each `.subckt` without its `.ends` yet.
#[derive(Default)]
pub(super) struct ScopeStack {
    main: OpenScope,
    open: Vec<OpenScope>,
}

impl ScopeStack {
    /// Deeper definitions are refused: dropping them would exhaust the call stack.
    const DEEPEST: usize = 100;

    /// True inside a definition.
    pub fn is_nested(&self) -> bool {
        !self.open.is_empty()
    }

    pub fn current(&mut self) -> &mut OpenScope {
        self.open.last_mut().unwrap_or(&mut self.main)
    }

    /// Opens the scope even when its header is faulty, so that its `.ends` finds it.
    pub fn open<'a>(&mut self, line: &'a LogicalLine, header: &[Token<'a>]) -> Result<()> {
        let mut cursor = Cursor::new(line, header, ".subckt name port … [name=value …]");
        if self.open.len() >= Self::DEEPEST {
            return Err(NetlistFault::TooDeep {
                what: "subcircuits are nested",
                limit: Self::DEEPEST,
                span: header[0].span,
            });
        }
        self.open.push(OpenScope {
            name: cursor.subject(),
            ..OpenScope::default()
        });
        let name = cursor.name("its name")?;
        self.current().name = name.clone();
        self.current().ports = ports(&mut cursor, &name.value)?;
        let defaults = parameters(&mut cursor)?;
        for default in &defaults {
            self.current().claim("parameter", &default.name)?;
        }
        self.current().defaults = defaults;
        Ok(())
    }

    pub fn close(&mut self, tokens: &[Token]) -> Result<()> {
        let Some(scope) = self.open.pop() else {
            let span = tokens[0].span;
            return Err(NetlistFault::StrayEnds {
                span,
                closer: ".ends",
                opener: ".subckt",
            });
        };
        let open = scope.name.clone();
        let defined = self.define(scope);
        match tokens.get(1).map(|t| named(*t)) {
            Some(found) if found.value != open.value => {
                Err(NetlistFault::MismatchedEnds { open, found })
            }
            _ => defined,
        }
    }

    fn define(&mut self, scope: OpenScope) -> Result<()> {
        let name = scope.name.clone();
        let definitions = &mut self.current().body.subcircuits;
        if let Some(first) = definitions.get(&name.value) {
            let first = first.name.span;
            return Err(duplicate("subcircuit", name, first));
        }
        definitions.insert(name.value, scope.into_definition());
        Ok(())
    }

    pub fn add_model(&mut self, model: Model) -> Result<()> {
        self.current().claim("model", &model.name)?;
        self.current().body.models.push(model);
        Ok(())
    }

    /// A parameter that is defined again takes its last value, as in other simulators.
    pub fn add_parameter(&mut self, parameter: Assignment) -> Result<()> {
        let scope = self.current();
        let all = &mut scope.body.parameters;
        let name = parameter.name.value.clone();
        match scope.parameters.get(&name) {
            Some(&known) => all[known] = parameter,
            None => {
                scope.parameters.insert(name, all.len());
                all.push(parameter);
            }
        }
        Ok(())
    }

    pub fn add_function(&mut self, function: Function) -> Result<()> {
        self.current().claim("function", &function.name)?;
        self.current().body.functions.push(function);
        Ok(())
    }

    /// Ends the deck: gives the main circuit, and a fault for each definition still open.
    pub fn close_all(self, faults: &mut Vec<NetlistFault>) -> OpenScope {
        faults.extend(self.open.into_iter().map(|scope| NetlistFault::Unclosed {
            opener: scope.name,
            closer: ".ends",
        }));
        self.main
    }
}

impl OpenScope {
    /// A name means one thing of its kind in a scope.
    fn claim(&mut self, what: &'static str, name: &Spanned<Name>) -> Result<()> {
        let first = self.places.insert((what, name.value.clone()), name.span);
        match first {
            None => Ok(()),
            Some(first) => Err(duplicate(what, name.clone(), first)),
        }
    }

    fn into_definition(self) -> Subcircuit {
        Subcircuit {
            name: self.name,
            ports: self.ports,
            defaults: self.defaults,
            body: self.body,
        }
    }
}

fn duplicate(what: &'static str, name: Spanned<Name>, first: Span) -> NetlistFault {
    NetlistFault::Duplicate { what, name, first }
}

fn ports(cursor: &mut Cursor, subcircuit: &Name) -> Result<Vec<Spanned<Name>>> {
    let mut places = HashMap::new();
    let mut ports = Vec::new();
    for token in cursor.words_before_parameters()? {
        let port = named(*token);
        if port.value == "params:" || port.value == "params" {
            continue;
        }
        if port.value == "optional:" {
            return Err(cursor.unexpected(*token));
        }
        if port.value == GROUND || port.value == "gnd" {
            let subcircuit = subcircuit.clone();
            return Err(NetlistFault::GroundPort { subcircuit, port });
        }
        if let Some(first) = places.insert(port.value.clone(), port.span) {
            return Err(duplicate("port", port, first));
        }
        ports.push(port);
    }
    Ok(ports)
}
