//! Numbers of a circuit by name: what can be swept, set, and differentiated to.

use super::{Circuit, ElementId, NamedParameter, NodeId, ParameterId, canonical};
use crate::device::{Device, Parameter, Shockley};
use crate::netlist::closest;

/// A number of a circuit that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// Degrees Celsius.
    Temperature,
    Named(NamedParameter),
    /// One parameter of an element, or of all elements that share a model.
    Elements(Vec<ParameterId>),
}

/// What a variable was before it was set.
#[derive(Clone, Debug)]
pub(crate) enum SavedVariable {
    Temperature(f64),
    /// Without a value, the parameter followed its definition.
    Named(NamedParameter, Option<f64>),
    /// With what it was, and whether it stood by itself already.
    Elements(Vec<(ParameterId, f64, bool)>),
}

/// A text names no variable of a circuit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the circuit has no variable `{text}`\n  help: {}", self.help())]
pub struct VariableError {
    pub text: String,
    pub suggestion: Option<String>,
    /// The parameter is there, but what depends on it cannot follow.
    pub is_fixed: bool,
}

impl VariableError {
    pub fn help(&self) -> String {
        if self.is_fixed {
            return "it is fixed, for TNOM, LEVEL, `.temp`, `.options` or `.nodeset` depend on it"
                .into();
        }
        self.suggestion.as_ref().map_or_else(
            || "name a source, `temp`, a `.param`, or `element:parameter` such as d1:is".into(),
            |s| format!("did you mean `{s}`?"),
        )
    }
}

impl Circuit {
    /// Finds `temp`, `rload` or `param:rload`, `v1`, `r1`, `d1:is`, or `dmod:is` for all diodes of a
    /// model.
    pub fn find_variable(&self, text: &str) -> Result<Variable, VariableError> {
        let name = canonical(text);
        let found = match name.split_once(':') {
            Some(("param", name)) => self.named(name),
            _ if name == "temp" || name == "temper" => Some(Variable::Temperature),
            Some((owner, parameter)) => self
                .parameter_of(owner, parameter)
                .or_else(|| self.principal(&name))
                .or_else(|| self.named(&name)),
            None => self.principal(&name).or_else(|| self.named(&name)),
        };
        let found = found.or_else(|| {
            // `x1:r1:r`: the last colon separates the parameter.
            let (owner, parameter) = name.rsplit_once(':')?;
            self.parameter_of(owner, parameter)
        });
        let fixed = |found: &Variable| match found {
            Variable::Named(name) => self.parameter_graph().is_fixed(*name),
            _ => false,
        };
        match found {
            Some(found) if !fixed(&found) => Ok(found),
            found => Err(VariableError {
                text: text.to_string(),
                suggestion: self.closest_variable(&name),
                is_fixed: found.is_some(),
            }),
        }
    }

    /// Everything that [`Self::find_variable`] finds, but for whole models, with a name that finds it:
    /// every parameter of every element (`r1`, `d1:is`), every `.param`, and `temp`.
    pub fn variables(&self) -> Vec<(String, Variable)> {
        let elements = self.parameters().into_iter().map(|id| {
            let element = self.element(id.element);
            let name = match element.device.principal() == Some(id.parameter) {
                true => element.name().to_string(),
                false => format!("{}:{}", element.name(), id.parameter),
            };
            (name, Variable::Elements(vec![id]))
        });
        let named = self.parameter_graph().free_names().map(|(name, id)| {
            let is_taken = self.find_element_spelled(name).is_some() || name == "temp";
            let prefix = if is_taken { "param:" } else { "" };
            (format!("{prefix}{name}"), Variable::Named(id))
        });
        let temperature = ("temp".to_string(), Variable::Temperature);
        elements.chain(named).chain([temperature]).collect()
    }

    fn named(&self, name: &str) -> Option<Variable> {
        let graph = self.parameter_graph();
        let found = graph
            .find(name)
            .or_else(|| graph.find(&name.replace(':', ".")));
        found.map(Variable::Named)
    }

    /// The value on the card of an element.
    fn principal(&self, name: &str) -> Option<Variable> {
        let element = self.find_element_spelled(name)?;
        let parameter = self.element(element).device.principal()?;
        Some(Variable::Elements(vec![ParameterId { element, parameter }]))
    }

    fn parameter_of(&self, owner: &str, name: &str) -> Option<Variable> {
        let id = |element: ElementId| {
            let parameter = parameter_named(&self.element(element).device, name)?;
            Some(ParameterId { element, parameter })
        };
        if let Some(element) = self.find_element_spelled(owner) {
            return Some(Variable::Elements(vec![id(element)?]));
        }
        let elements = self.models.get(owner)?;
        let ids: Vec<_> = elements.iter().filter_map(|e| id(*e)).collect();
        (!ids.is_empty()).then_some(Variable::Elements(ids))
    }

    /// An element by its flat name (`r.x1.r1`), or as Xyce (`x1:r1`) or people (`x1.r1`) write it.
    pub fn find_element_spelled(&self, name: &str) -> Option<ElementId> {
        let name = canonical(name);
        self.find_element(&name).or_else(|| {
            let dotted = name.replace(':', ".");
            let (_, last) = dotted.rsplit_once('.')?;
            let letter = last.chars().next()?;
            self.find_element(&format!("{letter}.{dotted}"))
                .or_else(|| self.find_element(&dotted))
        })
    }

    /// A node by its flat name (`x1.n`), or as Xyce (`x1:n`) writes it.
    pub fn find_node_spelled(&self, name: &str) -> Option<NodeId> {
        // PSpice puts names that look like numbers in brackets.
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        self.find_node(name)
            .or_else(|| self.find_node(&name.replace(':', ".")))
            .or_else(|| self.find_node(bare?))
    }

    fn closest_variable(&self, name: &str) -> Option<String> {
        let sources = self.elements().filter(|(_, e)| {
            matches!(
                e.device,
                Device::VoltageSource { .. }
                    | Device::CurrentSource { .. }
                    | Device::Resistor { .. }
            )
        });
        let elements = sources.map(|(_, e)| e.name());
        let named = self.parameter_graph().names().map(|(name, _)| name.clone());
        closest(name, elements.chain(named).chain(["temp".into()])).map(|n| n.to_string())
    }

    /// The value of a variable; that of its first element if it has several.
    pub fn variable_value(&self, variable: &Variable) -> Option<f64> {
        match variable {
            Variable::Temperature => Some(self.environment.temperature),
            Variable::Named(name) => Some(self.parameter_graph().value(*name)),
            Variable::Elements(ids) => self.value(*ids.first()?),
        }
    }

    /// Sets a variable and everything that depends on it; false if an element refuses the value.
    #[must_use]
    pub fn set_variable(&mut self, variable: &Variable, value: f64) -> bool {
        match variable {
            Variable::Temperature => self.set_temperature(value),
            Variable::Named(name) => self.set_parameter(*name, value),
            Variable::Elements(ids) => ids.iter().all(|id| {
                // From here on it no longer follows a parameter.
                self.own.insert(*id);
                self.set(*id, value)
            }),
        }
    }

    /// True for an element parameter that was set by itself and follows no other.
    pub(crate) fn stands_by_itself(&self, id: ParameterId) -> bool {
        self.own.contains(&id)
    }

    pub(crate) fn save_variable(&self, variable: &Variable) -> SavedVariable {
        match variable {
            Variable::Temperature => SavedVariable::Temperature(self.environment.temperature),
            Variable::Named(name) => {
                SavedVariable::Named(*name, self.parameter_graph().override_of(*name))
            }
            Variable::Elements(ids) => {
                let is_own = |id| self.own.contains(id);
                let saved = ids
                    .iter()
                    .filter_map(|id| Some((*id, self.value(*id)?, is_own(id))));
                SavedVariable::Elements(saved.collect())
            }
        }
    }

    /// Sets back what [`Self::save_variable`] saved.
    pub(crate) fn restore_variable(&mut self, saved: &SavedVariable) {
        let done = match saved {
            SavedVariable::Temperature(value) => self.set_temperature(*value),
            SavedVariable::Named(name, value) => self.override_parameter(*name, *value),
            SavedVariable::Elements(values) => values.iter().all(|(id, x, was_own)| {
                if !was_own {
                    self.own.remove(id);
                }
                self.set(*id, *x)
            }),
        };
        debug_assert!(done, "what was there before is accepted");
    }
}

/// A parameter of a device by the name that it has on a card.
fn parameter_named(device: &Device, name: &str) -> Option<Parameter> {
    let known = device.parameters();
    let alias = match name {
        "r" => Some(Parameter::Resistance),
        "dc" | "v" => Some(Parameter::Voltage),
        "i" => Some(Parameter::Current),
        "temp" => Some(Parameter::Temperature),
        // On an element it is the multiplier, on a card the grading coefficient.
        "m" => Some(Parameter::Multiplier),
        name => Shockley::card_parameter(name),
    };
    let alias = match (alias, device) {
        (Some(Parameter::Voltage), Device::CurrentSource { .. }) => Some(Parameter::Current),
        (alias, _) => alias,
    };
    let by_name = known.iter().copied().find(|p| p.to_string() == name);
    let settable = |p: &Parameter| device.value(*p).is_some();
    by_name.or(alias.filter(settable))
}
