//! Lexical scopes of a deck: which definition, model and function a name means.

use std::collections::HashMap;
use std::sync::Arc;

use crate::expression::UserFunction;
use crate::netlist::{Body, Model, Name, Netlist, Subcircuit, closest};

/// Index of a scope; [`MAIN`] is the main circuit.
pub(super) type ScopeId = usize;

pub(super) const MAIN: ScopeId = 0;

pub(super) struct Scope<'a> {
    parent: Option<ScopeId>,
    pub definition: Option<&'a Subcircuit>,
    pub body: &'a Body,
    pub ports: HashMap<&'a str, usize>,
    children: HashMap<&'a str, ScopeId>,
    models: HashMap<&'a str, &'a Model>,
    functions: HashMap<&'a str, &'a Arc<UserFunction>>,
    /// Name of the scope in the names of its models: `sub.` of a subcircuit `sub`.
    pub prefix: String,
}

#[derive(Default)]
pub(super) struct ScopeTree<'a> {
    pub scopes: Vec<Scope<'a>>,
}

impl<'a> ScopeTree<'a> {
    pub fn new(netlist: &'a Netlist) -> Self {
        let mut tree = Self::default();
        tree.add(None, None, &netlist.main, String::new());
        tree
    }

    fn add(
        &mut self,
        parent: Option<ScopeId>,
        definition: Option<&'a Subcircuit>,
        body: &'a Body,
        prefix: String,
    ) {
        let id = self.scopes.len();
        let ports = definition.map_or(&[][..], |d| &d.ports);
        let models = body.models.iter().map(|m| (m.name.value.as_str(), m));
        let functions = body.functions.iter();
        self.scopes.push(Scope {
            parent,
            definition,
            body,
            ports: ports.iter().map(|p| p.value.as_str()).zip(0..).collect(),
            children: HashMap::new(),
            models: models.collect(),
            functions: functions
                .map(|f| (f.name.value.as_str(), &f.definition))
                .collect(),
            prefix: prefix.clone(),
        });
        if let (Some(parent), Some(definition)) = (parent, definition) {
            let name = definition.name.value.as_str();
            self.scopes[parent].children.insert(name, id);
        }
        for nested in body.subcircuits.values() {
            let prefix = format!("{prefix}{}.", nested.name.value);
            self.add(Some(id), Some(nested), &nested.body, prefix);
        }
    }

    fn outwards(&self, from: ScopeId) -> impl Iterator<Item = (ScopeId, &Scope<'a>)> {
        let next = |id: &ScopeId| self.scopes[*id].parent;
        std::iter::successors(Some(from), next).map(|id| (id, &self.scopes[id]))
    }

    pub fn definition(&self, from: ScopeId, name: &str) -> Option<ScopeId> {
        self.outwards(from)
            .find_map(|(_, scope)| scope.children.get(name))
            .copied()
    }

    /// The model that `name` means in a scope, and the scope that holds it.
    pub fn model(&self, from: ScopeId, name: &str) -> Option<(ScopeId, &'a Model)> {
        self.outwards(from)
            .find_map(|(id, scope)| Some((id, *scope.models.get(name)?)))
    }

    pub fn function(&self, from: ScopeId, name: &str) -> Option<Arc<UserFunction>> {
        self.outwards(from)
            .find_map(|(_, scope)| scope.functions.get(name))
            .map(|f| (*f).clone())
    }

    pub fn closest_definition(&self, from: ScopeId, name: &str) -> Option<Name> {
        let known = self
            .outwards(from)
            .flat_map(|(_, s)| s.children.keys().copied());
        closest(name, known.chain(["transformer", "gyrator"])).map(Name::from)
    }

    pub fn closest_model(&self, from: ScopeId, name: &str) -> Option<Name> {
        let known = self
            .outwards(from)
            .flat_map(|(_, s)| s.models.keys().copied());
        closest(name, known).map(Name::from)
    }
}
