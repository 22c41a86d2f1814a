//! `.model` cards with their values, as a call sees them.

use std::cell::OnceCell;
use std::rc::Rc;

use super::Elaborator;
use super::diode::DiodeOfModel;
use super::number::Number;
use super::scope_tree::ScopeId;
use crate::netlist::{Assignment, Element, Model, Name, NetlistFault};
use crate::source::{Span, Spanned};

/// Models may not start from each other (`ako:`) deeper than this.
const DEEPEST: usize = 100;

/// A model whose parameters have been evaluated.
#[derive(Debug)]
pub(super) struct ResolvedModel {
    /// Its name in the flat circuit: `dmod`, `sub.dmod`, or `x1.dmod` if it depends on the call.
    pub name: Name,
    pub span: Span,
    pub kind: Spanned<Name>,
    pub flags: Vec<Spanned<Name>>,
    pub parameters: Vec<ModelParameter>,
    /// A diode of the model that gives no parameter of its own, outside of calls with a multiplier.
    pub plain_diode: OnceCell<DiodeOfModel>,
}

#[derive(Debug)]
pub(super) struct ModelParameter {
    pub name: Spanned<Name>,
    /// Words such as `mfg=acme` have no number, which matters only where one is needed.
    pub number: Result<Number, Box<NetlistFault>>,
}

impl ResolvedModel {
    /// The last value given to any of `names`.
    pub fn get(&self, names: &[&str]) -> Option<&ModelParameter> {
        let mut parameters = self.parameters.iter().rev();
        parameters.find(|p| names.contains(&p.name.value.as_str()))
    }

    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f.value == flag)
    }
}

impl<'a> Elaborator<'a> {
    /// The model that `name` means in the innermost frame.
    pub(super) fn find_model(&self, name: &str) -> Option<(ScopeId, &'a Model)> {
        self.tree.model(self.top().scope, name)
    }

    /// The model that an element names; a fault is recorded if there is none.
    pub(super) fn model_of(
        &mut self,
        element: &Element,
        reference: &Spanned<Name>,
    ) -> Option<Rc<ResolvedModel>> {
        let Some((scope, model)) = self.find_model(&reference.value) else {
            let scope = self.top().scope;
            self.fault(NetlistFault::UnknownModel {
                element: element.name.clone(),
                model: reference.clone(),
                suggestion: self.tree.closest_model(scope, &reference.value),
            });
            return None;
        };
        Some(self.resolve_model(scope, model))
    }

    /// Evaluates a model in the frame that holds it, once for each such frame.
    pub(super) fn resolve_model(&mut self, scope: ScopeId, model: &'a Model) -> Rc<ResolvedModel> {
        let mut frames = self.frames.iter();
        let frame = frames.rposition(|f| f.scope == scope).unwrap_or(0);
        let key = model.name.value.as_str();
        if let Some(known) = self.frames[frame].models.get(key) {
            return known.clone();
        }
        self.used.model(scope, key);
        let mut resolved = ResolvedModel {
            name: self.model_name(scope, frame, model),
            span: model.name.span,
            kind: model.kind.clone(),
            flags: model.flags.clone(),
            parameters: self.base_parameters(scope, model, &mut Vec::new()),
            plain_diode: OnceCell::new(),
        };
        if resolved.kind.value.is_empty() {
            resolved.kind.value = self.base_kind(scope, model);
        }
        for Assignment { name, value } in &model.parameters {
            let what = format!("`{}` of model `{}`", name.value, model.name.value);
            let number = self.number_in(frame, value, &what).map_err(Box::new);
            let name = name.clone();
            resolved.parameters.push(ModelParameter { name, number });
        }
        let resolved = Rc::new(resolved);
        self.frames[frame].models.insert(key, resolved.clone());
        resolved
    }

    /// A model with expressions is another one in each call.
    fn model_name(&self, scope: ScopeId, frame: usize, model: &Model) -> Name {
        let is_plain = model
            .parameters
            .iter()
            .all(|p| p.value.value.number().is_some());
        let frame = &self.frames[frame];
        let name = &model.name.value;
        match (is_plain, frame.path.is_empty()) {
            (_, true) => name.clone(),
            (true, false) => {
                let prefix = &self.tree.scopes[scope].prefix;
                compact_str::format_compact!("{prefix}{name}")
            }
            (false, false) => super::join(&frame.path, name),
        }
    }

    /// What `ako:` takes over from another model.
    fn base_parameters(
        &mut self,
        scope: ScopeId,
        model: &'a Model,
        path: &mut Vec<&'a str>,
    ) -> Vec<ModelParameter> {
        let Some(base) = &model.base else {
            return Vec::new();
        };
        if path.len() >= DEEPEST {
            self.fault(NetlistFault::TooDeep {
                what: "models start from each other",
                limit: DEEPEST,
                span: base.span,
            });
            return Vec::new();
        }
        path.push(model.name.value.as_str());
        let found = self.tree.model(scope, &base.value);
        let Some((scope, found)) = found.filter(|(_, m)| !path.contains(&m.name.value.as_str()))
        else {
            self.fault(NetlistFault::UnknownModel {
                element: model.name.value.clone(),
                model: base.clone(),
                suggestion: self.tree.closest_model(scope, &base.value),
            });
            return Vec::new();
        };
        self.used.model(scope, found.name.value.as_str());
        let mut parameters = self.base_parameters(scope, found, path);
        let frame = self
            .frames
            .iter()
            .rposition(|f| f.scope == scope)
            .unwrap_or(0);
        for Assignment { name, value } in &found.parameters {
            let what = format!("`{}` of model `{}`", name.value, found.name.value);
            let number = self.number_in(frame, value, &what).map_err(Box::new);
            let name = name.clone();
            parameters.push(ModelParameter { name, number });
        }
        parameters
    }

    fn base_kind(&self, scope: ScopeId, model: &Model) -> Name {
        let mut found = Some((scope, model));
        for _ in 0..self.tree.scopes.len() + 100 {
            let Some((scope, model)) = found else { break };
            if !model.kind.value.is_empty() {
                return model.kind.value.clone();
            }
            let base = model.base.as_ref();
            found = base.and_then(|base| self.tree.model(scope, &base.value));
        }
        Name::default()
    }

    /// The number of a model parameter; its fault is recorded if it has none.
    pub(super) fn model_number(&mut self, parameter: &ModelParameter) -> Option<Number> {
        match &parameter.number {
            Ok(number) => Some(*number),
            Err(fault) => {
                self.fault((**fault).clone());
                None
            }
        }
    }

    /// The value of a model parameter under any of its names; the outer None is a fault.
    pub(super) fn model_value(
        &mut self,
        model: &ResolvedModel,
        names: &[&str],
    ) -> Option<Option<Number>> {
        match model.get(names) {
            None => Some(None),
            Some(parameter) => self.model_number(parameter).map(Some),
        }
    }

    /// The same with a default.
    pub(super) fn model_value_or(
        &mut self,
        model: &ResolvedModel,
        names: &[&str],
        default: f64,
    ) -> Option<Number> {
        let value = self.model_value(model, names)?;
        Some(value.unwrap_or(Number::constant(default)))
    }
}
