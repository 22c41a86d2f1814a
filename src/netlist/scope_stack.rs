//! The subcircuit definitions that are open while a deck is read.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::cursor::{Cursor, Result, canonical, named};
use super::fault::NetlistFault;
use super::token::Token;
use super::{Element, GROUND, Model, Name, Subcircuit};
use crate::source::{Span, Spanned};

/// The contents of the main circuit or of one definition.
#[derive(Default)]
pub(super) struct OpenScope {
    name: Spanned<Name>,
    ports: Vec<Spanned<Name>>,
    pub elements: Vec<Element>,
    pub models: Vec<Model>,
    pub subcircuits: IndexMap<Name, Subcircuit>,
    model_places: HashMap<Name, Span>,
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

    pub fn current(&mut self) -> &mut OpenScope {
        self.open.last_mut().unwrap_or(&mut self.main)
    }

    /// Opens the scope even when its header is faulty, so that its `.ends` finds it.
    pub fn open(&mut self, header: &[Token]) -> Result<()> {
        let mut cursor = Cursor::new(header, ".subckt name port …");
        if self.open.len() >= Self::DEEPEST {
            return Err(NetlistFault::TooDeep {
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
        Ok(())
    }

    pub fn close(&mut self, tokens: &[Token]) -> Result<()> {
        let Some(scope) = self.open.pop() else {
            let span = tokens[0].span;
            return Err(NetlistFault::StrayEnds { span });
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
        let definitions = &mut self.current().subcircuits;
        if let Some(first) = definitions.get(&name.value) {
            let first = first.name.span;
            return Err(duplicate("subcircuit", name, first));
        }
        definitions.insert(name.value, scope.into_definition());
        Ok(())
    }

    pub fn add_model(&mut self, model: Model) -> Result<()> {
        let scope = self.current();
        let (name, span) = (model.name.value.clone(), model.name.span);
        if let Some(first) = scope.model_places.insert(name, span) {
            return Err(duplicate("model", model.name, first));
        }
        scope.models.push(model);
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
    fn into_definition(self) -> Subcircuit {
        Subcircuit {
            name: self.name,
            ports: self.ports,
            elements: self.elements,
            models: self.models,
            subcircuits: self.subcircuits,
        }
    }
}

fn duplicate(what: &'static str, name: Spanned<Name>, first: Span) -> NetlistFault {
    NetlistFault::Duplicate { what, name, first }
}

fn ports(cursor: &mut Cursor, subcircuit: &Name) -> Result<Vec<Spanned<Name>>> {
    let mut places = HashMap::new();
    let mut ports = Vec::new();
    for token in cursor.words_before_parameters("a port")? {
        let port = named(*token);
        if port.value == GROUND || port.value == "gnd" {
            let subcircuit = subcircuit.clone();
            return Err(NetlistFault::GroundPort { subcircuit, port });
        }
        if let Some(first) = places.insert(port.value.clone(), port.span) {
            return Err(duplicate("port", port, first));
        }
        ports.push(port);
    }
    match cursor.peek() {
        None => Ok(ports),
        Some(parameter) => Err(NetlistFault::SubcircuitParameter {
            subcircuit: subcircuit.clone(),
            parameter: Spanned::new(canonical(parameter.text), parameter.span),
        }),
    }
}
