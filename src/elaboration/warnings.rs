//! Definitions that nothing uses.

use std::collections::{HashMap, HashSet};

use super::Elaborator;
use super::scope_tree::{MAIN, ScopeId};
use crate::expression::{Expr, ExprKind, is_statistical};
use crate::netlist::{Diagnostic, Name};
use crate::source::{FileId, Spanned};

/// The file of the deck itself.
const DECK: FileId = FileId(0);

/// What has been used so far.
#[derive(Default)]
pub(super) struct Usage {
    models: HashSet<(ScopeId, Name)>,
}

impl Usage {
    pub fn model(&mut self, scope: ScopeId, name: &str) {
        self.models.insert((scope, name.into()));
    }
}

impl<'a> Elaborator<'a> {
    /// Models and parameters of the deck itself that nothing uses; those of included files are a
    /// stock to choose from.
    pub(super) fn warn_of_unused(&mut self, reached: &[ScopeId]) {
        for scope in reached.iter().copied() {
            for model in &self.tree.scopes[scope].body.models {
                let key = (scope, model.name.value.clone());
                if !self.used.models.contains(&key) {
                    self.unused("model", &model.name);
                }
            }
        }
        let mut unused: Vec<&'a Spanned<Name>> = self.frames[MAIN]
            .parameters
            .values()
            .filter(|slot| !slot.is_used)
            .map(|slot| slot.name)
            .collect();
        self.retain_unmentioned(&mut unused);
        unused.sort_by_key(|name| (name.span.line, name.span.column));
        for name in unused {
            self.unused("parameter", name);
        }
    }

    /// Random functions give their nominal value: nothing is drawn.
    pub(super) fn warn_of_statistics(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Call(name, arguments) => {
                if is_statistical(name, arguments.len()) {
                    let message = format!("`{name}` is not drawn: its nominal value is used");
                    self.warn(Diagnostic::warning(message).at(expr.span, "nominal"));
                }
                arguments.iter().for_each(|e| self.warn_of_statistics(e));
            }
            ExprKind::Unary(_, x) => self.warn_of_statistics(x),
            ExprKind::Binary(_, x, y) => {
                self.warn_of_statistics(x);
                self.warn_of_statistics(y);
            }
            ExprKind::If(c, x, y) => {
                for e in [c, x, y] {
                    self.warn_of_statistics(e);
                }
            }
            ExprKind::Number(_) | ExprKind::Name(_) | ExprKind::Probe(..) => {}
        }
    }

    /// Cards that ask for results may name a parameter as well: a sweep, a measurement.
    fn retain_unmentioned(&self, names: &mut Vec<&'a Spanned<Name>>) {
        if names.is_empty() {
            return;
        }
        let mut mentions: HashMap<String, usize> = names
            .iter()
            .map(|name| (name.value.to_string(), 0))
            .collect();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        for word in self.netlist.sources.text(DECK).split(|c| !is_part(c)) {
            if let Some(count) = mentions.get_mut(&word.to_ascii_lowercase()) {
                *count += 1;
            }
        }
        names.retain(|name| mentions.get(name.value.as_str()) == Some(&1));
    }

    fn unused(&mut self, what: &str, name: &Spanned<Name>) {
        if name.span.file == DECK {
            let message = format!("{what} `{}` is not used", name.value);
            self.warn(Diagnostic::warning(message).at(name.span, "never used"));
        }
    }
}
