//! `S` and `W`: resistors that a voltage or a current switches.
//!
//! Without memory the law of a switch is a function of its control. Inside the hysteresis of SPICE's
//! `SW` and `CSW` the state on the card rules; between the two thresholds of PSpice's `VSWITCH` and
//! `ISWITCH` the logarithm of the resistance follows a cubic.

use super::Elaborator;
use super::law_builder::LawBuilder;
use super::model::ResolvedModel;
use crate::device::Quantity;
use crate::expression::{Function2, Term};
use crate::netlist::{Diagnostic, Element, Name, Switch};

const PARAMETERS: [&str; 12] = [
    "ron", "roff", "vt", "vh", "it", "ih", "von", "voff", "ion", "ioff", "on", "off",
];

/// Where the control `c` stands between off (-1/2) and on (1/2).
const POSITION: &str = "min(max((c - (on + off)/2)/(on - off), -0.5), 0.5)";

/// `1/R` with `R = exp(Lm + Lr (3 x/2 - 2 x^3))`, `Lm = ln sqrt(Ron Roff)`, `Lr = ln(Ron/Roff)` (PSpice
/// reference guide, voltage-controlled switch).
const SMOOTH: &str = "exp(-(ln(ron*roff)/2 + ln(ron/roff)*x*(1.5 - 2*x*x)))";

/// Off until the upper threshold is passed.
const STAYS_OFF: &str = "1/if(c > t + abs(h), ron, roff)";

/// On until the lower threshold is passed.
const STAYS_ON: &str = "1/if(c > t - abs(h), ron, roff)";

impl<'a> Elaborator<'a> {
    pub(super) fn switch(&mut self, element: &'a Element, card: &'a Switch) {
        let Some(model) = self.model_of(element, &card.model) else {
            return;
        };
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
        self.warn_of_unknown(model, |name| PARAMETERS.contains(&name));
        let is_smooth = model
            .get(&["von", "voff", "ion", "ioff", "on", "off"])
            .is_some()
            || ["vswitch", "iswitch", "switch"].contains(&model.kind.value.as_str());
        let open = match is_smooth {
            true => 1e6,
            false => 1.0 / self.circuit.environment.gmin,
        };
        let ron = self.model_value_or(model, &["ron"], 1.0)?;
        let roff = self.model_value_or(model, &["roff"], open)?;
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
        let terms = [
            ("c", control),
            ("ron", law.number(ron)),
            ("roff", law.number(roff)),
        ];
        match is_smooth {
            true => self.smooth(model, card, law, &terms),
            false => self.abrupt(model, card, law, &terms),
        }
    }

    fn smooth(
        &mut self,
        model: &ResolvedModel,
        card: &Switch,
        law: &mut LawBuilder,
        terms: &[(&str, Term)],
    ) -> Option<Term> {
        let (names, default): ([&[&str]; 2], f64) = match card.control.is_some() {
            true => ([&["ion", "on"], &["ioff", "off"]], 1e-3),
            false => ([&["von", "on"], &["voff", "off"]], 1.0),
        };
        let on = law.number(self.model_value_or(model, names[0], default)?);
        let off = law.number(self.model_value_or(model, names[1], 0.0)?);
        let mut terms = [terms, &[("on", on), ("off", off)]].concat();
        terms.push(("x", law.formula(POSITION, &terms)));
        Some(law.formula(SMOOTH, &terms))
    }

    fn abrupt(
        &mut self,
        model: &ResolvedModel,
        card: &Switch,
        law: &mut LawBuilder,
        terms: &[(&str, Term)],
    ) -> Option<Term> {
        let threshold = law.number(self.model_value_or(model, &["vt", "it"], 0.0)?);
        let hysteresis = law.number(self.model_value_or(model, &["vh", "ih"], 0.0)?);
        let terms = [terms, &[("t", threshold), ("h", hysteresis)]].concat();
        let formula = if card.starts_on { STAYS_ON } else { STAYS_OFF };
        Some(law.formula(formula, &terms))
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
