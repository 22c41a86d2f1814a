//! `S` and `W`: resistors that a voltage or a current switches.
//!
//! Without memory the law of a switch is a function of its control. Inside the hysteresis of SPICE's
//! `SW` and `CSW` the state on the card rules; between the two thresholds of PSpice's `VSWITCH` and
//! `ISWITCH` the logarithm of the resistance follows a cubic.

use super::Elaborator;
use super::law::LawBuilder;
use super::model::ResolvedModel;
use super::number::Number;
use crate::device::Quantity;
use crate::expression::{Function1, Function2, Term};
use crate::netlist::{Diagnostic, Element, Name, NetlistFault, Switch};

impl<'a> Elaborator<'a> {
    pub(super) fn switch(&mut self, element: &'a Element, card: &'a Switch) {
        let Some((scope, model)) = self.find_model(&card.model.value) else {
            let scope = self.top().scope;
            self.fault(NetlistFault::UnknownModel {
                element: element.name.clone(),
                model: card.model.clone(),
                suggestion: self.tree.closest_model(scope, &card.model.value),
            });
            return;
        };
        let model = self.resolve_model(scope, model);
        let mut law = LawBuilder::default();
        let Some(control) = self.switch_control(element, card, &mut law) else {
            return;
        };
        let Some(conductance) = self.switch_conductance(&model, card, &mut law, control) else {
            return;
        };
        let nodes = self.nodes(element);
        let voltage = law.voltage([nodes[0], nodes[1]]);
        let current = law.binary(Function2::Multiply, conductance, voltage);
        if let Some(id) = self.insert_law(element, Quantity::Current, law, current) {
            self.circuit.note_model(&model.name, id);
        }
    }

    fn switch_control(
        &mut self,
        element: &'a Element,
        card: &'a Switch,
        law: &mut LawBuilder,
    ) -> Option<Term> {
        if let Some(condition) = &card.condition {
            return self.lower_law(law, condition);
        }
        if let Some(source) = &card.control {
            return Some(law.current(source));
        }
        let nodes = self.nodes(element);
        Some(law.voltage([nodes[2], nodes[3]]))
    }

    fn switch_conductance(
        &mut self,
        model: &ResolvedModel,
        card: &Switch,
        law: &mut LawBuilder,
        control: Term,
    ) -> Option<Term> {
        let mut get = |names: &[&str], default: f64| {
            let value = self.model_value(model, names)?;
            Some(value.unwrap_or(Number::constant(default)))
        };
        let ron = get(&["ron"], 1.0)?;
        let gmin = get(&[], 1e-12)?.value;
        let is_smooth = model
            .get(&["von", "voff", "ion", "ioff", "on", "off"])
            .is_some()
            || ["vswitch", "iswitch", "switch"].contains(&model.kind.value.as_str());
        let roff = get(&["roff"], if is_smooth { 1e6 } else { 1.0 / gmin })?;
        if !is_smooth && !["sw", "csw"].contains(&model.kind.value.as_str()) {
            self.wrong_kind(model, &card.model.value);
            return None;
        }
        if !(ron.value > 0.0 && roff.value > 0.0) {
            let message = format!("model `{}` is not a usable switch", model.name);
            self.diagnose(
                Diagnostic::error(message)
                    .at(model.span, "this model")
                    .help("RON and ROFF must be positive"),
            );
            return None;
        }
        let (ron, roff) = (law.number(ron), law.number(roff));
        if is_smooth {
            let is_current = card.control.is_some();
            let names: [&[&str]; 2] = match is_current {
                true => [&["ion", "on"], &["ioff", "off"]],
                false => [&["von", "on"], &["voff", "off"]],
            };
            let on = self.model_value(model, names[0])?;
            let off = self.model_value(model, names[1])?;
            let default = if is_current { 1e-3 } else { 1.0 };
            let on = law.number(on.unwrap_or(Number::constant(default)));
            let off = law.number(off.unwrap_or(Number::constant(0.0)));
            return Some(smooth(law, control, [on, off], [ron, roff]));
        }
        let threshold = self.model_value(model, &["vt", "it"])?;
        let hysteresis = self.model_value(model, &["vh", "ih"])?;
        let zero = Number::constant(0.0);
        let threshold = law.number(threshold.unwrap_or(zero));
        let hysteresis = law.number(hysteresis.unwrap_or(zero));
        let width = law.tape.unary(Function1::Abs, hysteresis);
        // Off until the upper threshold is passed, on until the lower one is.
        let function = if card.starts_on {
            Function2::Subtract
        } else {
            Function2::Add
        };
        let limit = law.binary(function, threshold, width);
        let is_on = law.binary(Function2::Greater, control, limit);
        let resistance = law.tape.select(is_on, ron, roff);
        let one = law.tape.constant(1.0);
        Some(law.binary(Function2::Divide, one, resistance))
    }

    fn wrong_kind(&mut self, model: &ResolvedModel, name: &Name) {
        let message = format!(
            "model `{name}` is of type `{}`, but a switch needs `SW`, `CSW`, `VSWITCH` or `ISWITCH`",
            model.kind.value
        );
        let fault = Diagnostic::error(message).at(model.kind.span, "expected a switch");
        self.diagnose(fault.help("write `.model name SW(vt=1 vh=0 ron=1 roff=1meg)`"));
    }
}

/// `R = exp(Lm + Lr (3 x/2 - 2 x^3))` with `x` from -1/2 (off) to 1/2 (on), `Lm = ln sqrt(Ron Roff)`,
/// `Lr = ln(Ron/Roff)` (PSpice reference guide, voltage-controlled switch).
fn smooth(
    law: &mut LawBuilder,
    control: Term,
    [on, off]: [Term; 2],
    [ron, roff]: [Term; 2],
) -> Term {
    let number = |law: &mut LawBuilder, x: f64| law.tape.constant(x);
    let (half, three_halves, two) = (number(law, 0.5), number(law, 1.5), number(law, 2.0));
    let minus_half = number(law, -0.5);
    let sum = law.binary(Function2::Add, on, off);
    let middle = law.binary(Function2::Multiply, half, sum);
    let span = law.binary(Function2::Subtract, on, off);
    let above = law.binary(Function2::Subtract, control, middle);
    let x = law.binary(Function2::Divide, above, span);
    let x = law.binary(Function2::Max, x, minus_half);
    let x = law.binary(Function2::Min, x, half);
    let product = law.binary(Function2::Multiply, ron, roff);
    let quotient = law.binary(Function2::Divide, ron, roff);
    let ln_product = law.tape.unary(Function1::Ln, product);
    let middle = law.binary(Function2::Multiply, half, ln_product);
    let ratio = law.tape.unary(Function1::Ln, quotient);
    let square = law.binary(Function2::Multiply, x, x);
    let twice = law.binary(Function2::Multiply, two, square);
    let slope = law.binary(Function2::Subtract, three_halves, twice);
    let cubic = law.binary(Function2::Multiply, x, slope);
    let offset = law.binary(Function2::Multiply, ratio, cubic);
    let logarithm = law.binary(Function2::Add, middle, offset);
    let negative = law.tape.unary(Function1::Negate, logarithm);
    law.tape.unary(Function1::Exp, negative)
}
