//! Lexical scopes of a deck: which definition and which model a name means, and whether they exist.

use std::collections::{HashMap, HashSet};

use super::builtin::BuiltIn;
use super::fault::{NetlistError, NetlistFault};
use super::source::{Span, Spanned};
use super::suggest::closest;
use super::{Element, ElementKind, Model, Name, Netlist, Subcircuit};

/// Index of a scope; [`MAIN`] is the main circuit.
pub(super) type ScopeId = usize;

pub(super) const MAIN: ScopeId = 0;

/// Calls may not be nested deeper than this.
const DEEPEST: usize = 100;

/// A deck may not expand to more elements than this.
const LARGEST: u64 = 50_000_000;

pub(super) struct Scope<'a> {
    parent: Option<ScopeId>,
    definition: Option<&'a Subcircuit>,
    pub elements: &'a [Element],
    pub models: &'a [Model],
    pub ports: HashMap<&'a str, usize>,
    children: HashMap<&'a str, ScopeId>,
    /// Name in this scope to name in the flat deck.
    flat_models: HashMap<&'a str, Name>,
}

#[derive(Default)]
pub(super) struct ScopeTree<'a> {
    pub scopes: Vec<Scope<'a>>,
    taken_models: HashSet<Name>,
}

impl<'a> ScopeTree<'a> {
    pub fn new(netlist: &'a Netlist) -> Self {
        let mut tree = Self::default();
        tree.scopes.push(Scope {
            parent: None,
            definition: None,
            elements: &netlist.elements,
            models: &netlist.models,
            ports: HashMap::new(),
            children: HashMap::new(),
            flat_models: HashMap::new(),
        });
        tree.name_models(MAIN, "");
        for definition in netlist.subcircuits.values() {
            tree.add(MAIN, definition, "");
        }
        tree
    }

    fn add(&mut self, parent: ScopeId, definition: &'a Subcircuit, prefix: &str) {
        let id = self.scopes.len();
        let ports = definition.ports.iter().map(|p| p.value.as_str());
        self.scopes.push(Scope {
            parent: Some(parent),
            definition: Some(definition),
            elements: &definition.elements,
            models: &definition.models,
            ports: ports.zip(0..).collect(),
            children: HashMap::new(),
            flat_models: HashMap::new(),
        });
        let name = definition.name.value.as_str();
        self.scopes[parent].children.insert(name, id);
        let prefix = format!("{prefix}{name}.");
        self.name_models(id, &prefix);
        for nested in definition.subcircuits.values() {
            self.add(id, nested, &prefix);
        }
    }

    /// A local model `d` of subcircuit `s` becomes `s.d`, or `s.d.2` should that be taken.
    fn name_models(&mut self, id: ScopeId, prefix: &str) {
        for model in self.scopes[id].models {
            let local = model.name.value.as_str();
            let plain = compact_str::format_compact!("{prefix}{local}");
            let numbered = (2..).map(|i| compact_str::format_compact!("{plain}.{i}"));
            let mut names = std::iter::once(plain.clone()).chain(numbered);
            let free = names.find(|name| self.taken_models.insert(name.clone()));
            self.scopes[id]
                .flat_models
                .insert(local, free.unwrap_or(plain));
        }
    }

    fn outwards(&self, from: ScopeId) -> impl Iterator<Item = &Scope<'a>> {
        let start = Some(&self.scopes[from]);
        std::iter::successors(start, |scope| scope.parent.map(|p| &self.scopes[p]))
    }

    pub fn definition(&self, from: ScopeId, name: &str) -> Option<ScopeId> {
        self.outwards(from)
            .find_map(|scope| scope.children.get(name))
            .copied()
    }

    /// The flat name of the model that `name` means in a scope.
    pub fn model(&self, from: ScopeId, name: &str) -> Option<&Name> {
        self.outwards(from)
            .find_map(|scope| scope.flat_models.get(name))
    }

    pub fn flat_models(&self, id: ScopeId) -> impl Iterator<Item = (&'a Model, &Name)> {
        let scope = &self.scopes[id];
        let flat = |model: &'a Model| scope.flat_models.get(model.name.value.as_str());
        scope
            .models
            .iter()
            .filter_map(move |model| Some((model, flat(model)?)))
    }

    fn closest_definition(&self, from: ScopeId, name: &str) -> Option<Name> {
        let known = self.outwards(from).flat_map(|s| s.children.keys().copied());
        closest(name, known.chain(["transformer", "gyrator"])).map(Name::from)
    }

    fn closest_model(&self, from: ScopeId, name: &str) -> Option<Name> {
        let known = self
            .outwards(from)
            .flat_map(|s| s.flat_models.keys().copied());
        closest(name, known).map(Name::from)
    }
}

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
        faults: Vec::new(),
    };
    let extent = surveyor.visit(MAIN, Span::default());
    if surveyor.faults.is_empty() && extent.elements > LARGEST {
        surveyor.faults.push(NetlistFault::TooLarge {
            elements: extent.elements,
            limit: LARGEST,
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
    /// Levels of calls below this scope.
    height: usize,
}

struct Surveyor<'t, 'a> {
    tree: &'t ScopeTree<'a>,
    extents: Vec<Option<Extent>>,
    path: Vec<ScopeId>,
    reached: Vec<ScopeId>,
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
        let mut extent = Extent::default();
        for element in self.tree.scopes[id].elements {
            let inner = self.element(id, element);
            extent.elements = extent.elements.saturating_add(inner.elements);
            extent.height = extent.height.max(inner.height);
        }
        self.path.pop();
        self.extents[id] = Some(extent);
        extent
    }

    /// The extent of one element, seen from the scope that holds it.
    fn element(&mut self, id: ScopeId, element: &Element) -> Extent {
        let one = Extent {
            elements: 1,
            height: 0,
        };
        match &element.kind {
            ElementKind::Diode { model, .. } => self.check_model(id, element, model),
            ElementKind::Call { definition } => {
                let Some(inner) = self.resolve_call(id, element, definition) else {
                    return one;
                };
                let inner = self.visit(inner, definition.span);
                return Extent {
                    elements: inner.elements.saturating_add(1),
                    height: inner.height + 1,
                };
            }
            kind => {
                if let Some(built_in) = BuiltIn::of(kind) {
                    self.check_not_shadowed(id, element, built_in);
                }
            }
        }
        one
    }

    fn check_model(&mut self, id: ScopeId, element: &Element, model: &Spanned<Name>) {
        if self.tree.model(id, &model.value).is_none() {
            self.fault(NetlistFault::UnknownModel {
                element: element.name.clone(),
                model: model.clone(),
                suggestion: self.tree.closest_model(id, &model.value),
            });
        }
    }

    fn resolve_call(
        &mut self,
        id: ScopeId,
        call: &Element,
        definition: &Spanned<Name>,
    ) -> Option<ScopeId> {
        let name = &definition.value;
        let Some(inner) = self.tree.definition(id, name) else {
            self.fault(self.unknown_definition(id, call, definition));
            return None;
        };
        let (found, expected) = (call.nodes.len(), self.tree.scopes[inner].ports.len());
        if found != expected {
            self.fault(NetlistFault::PortCount {
                call: Spanned::new(call.name.clone(), call.span),
                subcircuit: name.clone(),
                found,
                expected,
                defined: self.tree.scopes[inner].definition.map(|d| d.name.span),
            });
        }
        Some(inner)
    }

    fn unknown_definition(
        &self,
        id: ScopeId,
        call: &Element,
        definition: &Spanned<Name>,
    ) -> NetlistFault {
        match BuiltIn::from_name(&definition.value) {
            Some(built_in) => built_in.missing_parameter(call, definition.span),
            None => NetlistFault::UnknownSubcircuit {
                call: call.name.clone(),
                subcircuit: definition.clone(),
                suggestion: self.tree.closest_definition(id, &definition.value),
            },
        }
    }

    /// A definition in the deck hides the built-in one, and has no parameters.
    fn check_not_shadowed(&mut self, id: ScopeId, element: &Element, built_in: BuiltIn) {
        if self.tree.definition(id, built_in.name()).is_some() {
            self.fault(NetlistFault::SubcircuitParameter {
                subcircuit: built_in.name().into(),
                parameter: Spanned::new(built_in.parameter().into(), element.span),
            });
        }
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
            self.fault(NetlistFault::TooDeep { limit, span });
        }
        fits
    }

    fn fault(&mut self, fault: NetlistFault) {
        if self.faults.len() < NetlistError::MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}
