//! Lexical scopes of a deck: which definition and which model a name means.

use std::collections::{HashMap, HashSet};

use super::suggest::closest;
use super::{Element, Model, Name, Netlist, Subcircuit};

/// Index of a scope; [`MAIN`] is the main circuit.
pub(super) type ScopeId = usize;

pub(super) const MAIN: ScopeId = 0;

pub(super) struct Scope<'a> {
    parent: Option<ScopeId>,
    pub definition: Option<&'a Subcircuit>,
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

    pub fn closest_definition(&self, from: ScopeId, name: &str) -> Option<Name> {
        let known = self.outwards(from).flat_map(|s| s.children.keys().copied());
        closest(name, known.chain(["transformer", "gyrator"])).map(Name::from)
    }

    pub fn closest_model(&self, from: ScopeId, name: &str) -> Option<Name> {
        let known = self
            .outwards(from)
            .flat_map(|s| s.flat_models.keys().copied());
        closest(name, known).map(Name::from)
    }
}
