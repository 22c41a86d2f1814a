//! Subcircuit calls replaced by what they stand for, with hierarchical names.

use compact_str::format_compact;

use super::fault::NetlistError;
use super::scope_tree::{MAIN, ScopeId, ScopeTree};
use super::survey::survey;
use super::{Element, ElementKind, FlatNetlist, GROUND, Model, Name, Netlist};
use crate::source::Spanned;

impl Netlist {
    /// Expands all subcircuit calls. Inside the call `x1`, node `n` becomes `x1.n` and element
    /// `r1` becomes `r.x1.r1`; a local model `d` of subcircuit `s` becomes `s.d`.
    pub fn flatten(&self) -> Result<FlatNetlist, NetlistError> {
        let tree = ScopeTree::new(self);
        let survey = survey(&tree).map_err(|faults| NetlistError {
            sources: self.sources.clone(),
            faults,
        })?;
        let mut expansion = Expansion {
            tree: &tree,
            elements: Vec::with_capacity(survey.elements),
        };
        expansion.expand(MAIN, "", &[]);
        let models = survey.reached.iter().flat_map(|id| tree.flat_models(*id));
        Ok(FlatNetlist {
            sources: self.sources.clone(),
            title: self.title.clone(),
            elements: expansion.elements,
            models: models.map(|(m, name)| renamed(m, name)).collect(),
            analyses: self.analyses.clone(),
            options: self.options.clone(),
            temperature: self.temperature.clone(),
            warnings: self.warnings.clone(),
        })
    }
}

fn renamed(model: &Model, name: &Name) -> (Name, Model) {
    let mut model = model.clone();
    model.name.value = name.clone();
    (name.clone(), model)
}

struct Expansion<'t, 'a> {
    tree: &'t ScopeTree<'a>,
    elements: Vec<Element>,
}

impl Expansion<'_, '_> {
    /// Appends the elements of a scope. `path` is that of the call, such as `x1.x2`, and `actual`
    /// holds the nodes at its ports.
    fn expand(&mut self, scope: ScopeId, path: &str, actual: &[Name]) {
        let tree = self.tree;
        for element in tree.scopes[scope].elements {
            let node = |node: &Name| self.node(scope, path, actual, node);
            match &element.kind {
                ElementKind::Call { definition } => {
                    let inner = tree.definition(scope, &definition.value);
                    let nodes: Vec<_> = element.nodes.iter().map(|n| node(&n.value)).collect();
                    let path = join(path, &element.name);
                    // The survey has found every definition.
                    if let Some(inner) = inner {
                        self.expand(inner, &path, &nodes);
                    }
                }
                kind => {
                    let nodes = element.nodes.iter();
                    let element = Element {
                        name: element_name(path, &element.name),
                        span: element.span,
                        nodes: nodes
                            .map(|n| Spanned::new(node(&n.value), n.span))
                            .collect(),
                        kind: self.kind(scope, path, kind),
                    };
                    self.elements.push(element);
                }
            }
        }
    }

    fn node(&self, scope: ScopeId, path: &str, actual: &[Name], node: &Name) -> Name {
        if path.is_empty() || *node == GROUND {
            return node.clone();
        }
        match self.tree.scopes[scope].ports.get(node.as_str()) {
            Some(port) => actual[*port].clone(),
            None => join(path, node),
        }
    }

    /// The kind with the names in it made flat.
    fn kind(&self, scope: ScopeId, path: &str, kind: &ElementKind) -> ElementKind {
        let mut kind = kind.clone();
        match &mut kind {
            ElementKind::Diode { model, .. } => {
                if let Some(flat) = self.tree.model(scope, &model.value) {
                    model.value = flat.clone();
                }
            }
            ElementKind::Cccs { control, .. } | ElementKind::Ccvs { control, .. } => {
                control.value = element_name(path, &control.value);
            }
            _ => {}
        }
        kind
    }
}

fn join(path: &str, name: &Name) -> Name {
    match path {
        "" => name.clone(),
        path => format_compact!("{path}.{name}"),
    }
}

/// `r1` in `x1.x2` is `r.x1.x2.r1`: the first letter still tells the kind.
fn element_name(path: &str, name: &Name) -> Name {
    match (path, name.chars().next()) {
        ("", _) | (_, None) => name.clone(),
        (path, Some(letter)) => format_compact!("{letter}.{path}.{name}"),
    }
}
