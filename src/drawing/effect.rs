//! What the parameters of elements do to an output.

use crate::adjoint::Sensitivities;
use crate::analysis::Probe;
use crate::circuit::{Circuit, ElementId, ParameterId, Variable};
use crate::device::Parameter;

/// What one parameter does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub parameter: ParameterId,
    /// In the deck's unit.
    pub value: f64,
    /// Derivative of the output per that unit.
    pub gradient: f64,
}

impl Effect {
    /// Change of the output where the parameter grows by a hundredth: what compares ohms with amperes.
    pub fn of_a_percent(&self) -> f64 {
        0.01 * self.value * self.gradient
    }
}

/// The strongest effect of each element on one output.
#[derive(Clone, Debug)]
pub struct Effects {
    /// Name and unit of the output.
    pub output: String,
    pub unit: String,
    by_element: Vec<Option<Effect>>,
}

impl Effects {
    /// Of each element, the parameter of which a hundredth changes `probe` most. Temperatures are left
    /// out: a hundredth of degrees Celsius means nothing.
    pub fn new(circuit: &Circuit, probe: &Probe, sensitivities: &Sensitivities) -> Self {
        let mut by_element: Vec<Option<Effect>> = vec![None; circuit.element_count()];
        let wanted = |id: &ParameterId| id.parameter != Parameter::Temperature;
        for parameter in circuit.parameters().into_iter().filter(wanted) {
            let variable = Variable::Elements(vec![parameter]);
            let effect = Effect {
                parameter,
                value: circuit.value(parameter).unwrap_or(0.0),
                gradient: sensitivities.to(circuit, &variable),
            };
            let strength = |effect: &Effect| effect.of_a_percent().abs();
            let slot = &mut by_element[parameter.element.index()];
            if slot.is_none_or(|known| strength(&effect) > strength(&known)) {
                *slot = Some(effect);
            }
        }
        Self {
            output: probe.name.clone(),
            unit: probe.unit.symbol().to_string(),
            by_element,
        }
    }

    pub fn of(&self, element: ElementId) -> Option<Effect> {
        self.by_element[element.index()]
    }

    pub fn iter(&self) -> impl Iterator<Item = Effect> + '_ {
        self.by_element.iter().flatten().copied()
    }
}
