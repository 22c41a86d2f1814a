//! The check before a deck is expanded: all names known, no circles, and not too large.

use super::scope_tree::{MAIN, ScopeId, ScopeTree};
use crate::limits::{ELEMENT, memory};
use crate::netlist::{BuiltIn, Element, ElementKind, Name, NetlistError, NetlistFault};
use crate::source::{Span, Spanned};

/// Calls may not be nested deeper than this.
const DEEPEST: usize = 100;

/// What the main circuit leads to.
pub(super) struct Survey {
    /// Elements after expansion.
    pub elements: usize,
    /// Scopes that are called, in order of their first call; [`MAIN`] comes first.
    pub reached: Vec<ScopeId>,
}

/// Checks every reachable element once, however often its subcircuit is called.
pub(super) fn survey(tree: &ScopeTree) -> Result<Survey, Vec<NetlistFault>> {
    let mut surveyor = Surveyor {
        tree,
        extents: vec![None; tree.scopes.len()],
        path: Vec::new(),
        reached: Vec::new(),
        largest: (0, Span::default()),
        faults: Vec::new(),
    };
    let extent = surveyor.visit(MAIN, Span::default());
    let limit = memory();
    if surveyor.faults.is_empty() && extent.bytes() > limit {
        surveyor.faults.push(NetlistFault::TooLarge {
            elements: extent.elements,
            bytes: extent.bytes(),
            limit,
            span: surveyor.largest.1,
        });
    }
    match surveyor.faults.is_empty() {
        true => Ok(Survey {
            elements: extent.elements as usize,
            reached: surveyor.reached,
        }),
        false => Err(surveyor.faults),
    }
}

/// The size of an expanded scope. A call counts as an element, for it costs time even if empty.
#[derive(Clone, Copy, Default)]
struct Extent {
    elements: u64,
    /// Numbers that elements and calls hold besides one each: points of tables, parameters.
    numbers: u64,
    /// Names that carry the path of their call.
    names: u64,
    /// Bytes of these names.
    letters: u64,
    /// Levels of calls below this scope.
    height: usize,
}

/// About what a parameter of a call takes, or a point of a table, bytes.
const NUMBER: u64 = 100;

/// A flat name is kept with what it names and in an index.
const COPIES: u64 = 2;

impl Extent {
    /// About what the circuit needs.
    fn bytes(&self) -> u64 {
        let letters = self.letters.saturating_mul(COPIES);
        let numbers = self.numbers.saturating_mul(NUMBER);
        let elements = self.elements.saturating_mul(ELEMENT);
        elements.saturating_add(numbers).saturating_add(letters)
    }

    fn add(&mut self, inner: Self) {
        self.elements = self.elements.saturating_add(inner.elements);
        self.numbers = self.numbers.saturating_add(inner.numbers);
        self.names = self.names.saturating_add(inner.names);
        self.letters = self.letters.saturating_add(inner.letters);
        self.height = self.height.max(inner.height);
    }

    /// The same seen from outside a call of this name.
    fn called(self, name: &Name) -> Self {
        let prefix = name.len() as u64 + 1;
        Self {
            elements: self.elements.saturating_add(1),
            letters: self
                .letters
                .saturating_add(self.names.saturating_mul(prefix)),
            height: self.height + 1,
            ..self
        }
    }
}

/// Numbers of an element besides its value.
fn numbers(element: &Element) -> usize {
    match &element.kind {
        ElementKind::Call { parameters, .. } | ElementKind::Diode { parameters, .. } => {
            parameters.len()
        }
        ElementKind::Polynomial(card) => element.nodes.len() + card.coefficients.len(),
        ElementKind::Table(card) => card.points.len(),
        ElementKind::PiecewiseLinear { points } => points.len(),
        _ => 0,
    }
}

struct Surveyor<'t, 'a> {
    tree: &'t ScopeTree<'a>,
    extents: Vec<Option<Extent>>,
    path: Vec<ScopeId>,
    reached: Vec<ScopeId>,
    /// Bytes and place of the largest element of the main circuit.
    largest: (u64, Span),
    faults: Vec<NetlistFault>,
}

impl Surveyor<'_, '_> {
    fn visit(&mut self, id: ScopeId, call: Span) -> Extent {
        if let Some(extent) = self.extents[id] {
            self.check_depth(extent.height, call);
            return extent;
        }
        if self.path.contains(&id) {
            self.fault(self.recursion(id, call));
            return Extent::default();
        }
        if !self.check_depth(0, call) {
            return Extent::default();
        }
        self.path.push(id);
        self.reached.push(id);
        let scope = &self.tree.scopes[id];
        let defaults = scope.definition.map_or(0, |d| d.defaults.len());
        let parameters = (defaults + scope.body.parameters.len()) as u64;
        let mut extent = Extent {
            numbers: parameters,
            names: parameters,
            ..Extent::default()
        };
        for fault in &self.tree.scopes[id].body.faults {
            self.fault(fault.clone());
        }
        for element in &self.tree.scopes[id].body.elements {
            let inner = self.element(id, element);
            if id == MAIN && inner.bytes() > self.largest.0 {
                self.largest = (inner.bytes(), element.span);
            }
            extent.add(inner);
        }
        self.path.pop();
        self.extents[id] = Some(extent);
        extent
    }

    /// The extent of one element, seen from the scope that holds it.
    fn element(&mut self, id: ScopeId, element: &Element) -> Extent {
        let nodes = element.nodes.iter().map(|n| n.value.len());
        let one = Extent {
            elements: 1,
            numbers: numbers(element) as u64,
            names: 1 + element.nodes.len() as u64,
            letters: (element.name.len() + nodes.sum::<usize>()) as u64,
            height: 0,
        };
        let ElementKind::Call { definition, .. } = &element.kind else {
            return one;
        };
        let Some(inner) = self.resolve_call(id, element, definition) else {
            return one;
        };
        let mut extent = self.visit(inner, definition.span).called(&element.name);
        extent.numbers = extent.numbers.saturating_add(one.numbers);
        extent
    }

    fn resolve_call(
        &mut self,
        id: ScopeId,
        call: &Element,
        definition: &Spanned<Name>,
    ) -> Option<ScopeId> {
        let name = &definition.value;
        let found = call.nodes.len();
        let Some(inner) = self.tree.definition(id, name) else {
            // A suggestion is dear where there are many definitions.
            if self.faults.len() < NetlistError::MOST_FAULTS
                && let Some(fault) = self.unknown_definition(id, call, definition)
            {
                self.fault(fault);
            }
            return None;
        };
        let expected = self.tree.scopes[inner].ports.len();
        if found != expected {
            let defined = self.tree.scopes[inner].definition.map(|d| d.name.span);
            self.fault(port_count(call, name, expected, defined));
        }
        Some(inner)
    }

    /// None for a correct call of a built-in subcircuit.
    fn unknown_definition(
        &self,
        id: ScopeId,
        call: &Element,
        definition: &Spanned<Name>,
    ) -> Option<NetlistFault> {
        let Some(built_in) = BuiltIn::from_name(&definition.value) else {
            return Some(NetlistFault::UnknownSubcircuit {
                call: call.name.clone(),
                subcircuit: definition.clone(),
                suggestion: self.tree.closest_definition(id, &definition.value),
            });
        };
        if call.nodes.len() != BuiltIn::PORTS {
            return Some(port_count(call, &definition.value, BuiltIn::PORTS, None));
        }
        let ElementKind::Call { parameters, .. } = &call.kind else {
            return None;
        };
        if parameters.is_empty() {
            return Some(built_in.missing_parameter(call, definition.span));
        }
        let mut parameters = parameters.iter();
        let other = parameters.find(|p| p.name.value != built_in.parameter())?;
        Some(NetlistFault::SubcircuitParameter {
            subcircuit: definition.value.clone(),
            parameter: other.name.clone(),
            suggestion: Some(built_in.parameter().into()),
        })
    }

    fn recursion(&self, id: ScopeId, span: Span) -> NetlistFault {
        let circle = self.path.iter().skip_while(|p| **p != id).chain([&id]);
        let name = |id: &ScopeId| self.tree.scopes[*id].definition.map(|d| &d.name.value);
        NetlistFault::Recursive {
            cycle: circle.filter_map(name).cloned().collect(),
            span,
        }
    }

    fn check_depth(&mut self, height: usize, span: Span) -> bool {
        let fits = self.path.len() + height <= DEEPEST;
        if !fits {
            let limit = DEEPEST;
            self.fault(NetlistFault::TooDeep {
                what: "subcircuits are nested",
                limit,
                span,
            });
        }
        fits
    }

    fn fault(&mut self, fault: NetlistFault) {
        if self.faults.len() < NetlistError::MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}

fn port_count(
    call: &Element,
    subcircuit: &Name,
    expected: usize,
    defined: Option<Span>,
) -> NetlistFault {
    NetlistFault::PortCount {
        call: Spanned::new(call.name.clone(), call.span),
        subcircuit: subcircuit.clone(),
        found: call.nodes.len(),
        expected,
        defined,
    }
}
