//! Diodes: model card and instance parameters to one of the laws.

use std::rc::Rc;
use std::sync::Arc;

use super::Elaborator;
use super::model::ResolvedModel;
use super::number::Number;
use crate::device::{
    Device, DiodeLevel, OnePort, Parameter, PiecewiseDiode, Shockley, ShockleyParameters,
};
use crate::netlist::{Assignment, Diagnostic, Element, Name, closest};
use crate::source::Spanned;

/// Model parameters that matter only beyond DC, or not to a solver at all.
const SILENT: &[&str] = &[
    "cj",
    "cj0",
    "cjo",
    "cjp",
    "cjsw",
    "cjsw0",
    "php",
    "vjsw",
    "pbsw",
    "mjsw",
    "tt",
    "fc",
    "fcs",
    "fcsw",
    "kf",
    "af",
    "cta",
    "ctp",
    "ctc",
    "tm1",
    "tm2",
    "ttt1",
    "ttt2",
    "tpb",
    "tphp",
    "tref",
    "mfg",
    "type",
    "iave",
    "vpk",
    "ipk",
    "irms",
    "icrating",
    "vceo",
    "pd_max",
    "id_max",
    "te_max",
    "rth0",
    "cth0",
    "fv_max",
    "bv_max",
    "tlev",
    "tlevc",
    "vp",
    "qp",
    "xw",
    "lm",
    "wm",
    "lp",
    "wp",
    "xom",
    "xoi",
    "xm",
    "xp",
    "xti_",
    "soft_rev_param",
    "nf",
    "cp",
    "diss",
    "dcap",
    "rl",
    "rgl",
    "level",
    "tnom",
    "t_abs",
    "t_measured",
    "t_rel_global",
    "w",
    "l",
];

/// Numbers of a law that come from terms.
type Bound = Vec<(Parameter, Number)>;

/// A law, and what its numbers come from.
pub(super) type DiodeOfModel = (Device, Bound);

impl<'a> Elaborator<'a> {
    pub(super) fn diode(
        &mut self,
        element: &'a Element,
        reference: &'a Spanned<Name>,
        parameters: &'a [Assignment],
    ) {
        let Some(model) = self.model_of(element, reference) else {
            return;
        };
        // Most diodes differ in nothing but their nodes.
        let is_plain = parameters.is_empty() && self.top().multiplier.is_none();
        if is_plain && let Some(diode) = model.plain_diode.get() {
            self.insert_diode(element, &model, diode);
            return;
        }
        let Some(diode) = self.diode_device(&model, parameters) else {
            return;
        };
        self.insert_diode(element, &model, &diode);
        if is_plain {
            let _ = model.plain_diode.set(diode);
        }
    }

    fn insert_diode(
        &mut self,
        element: &'a Element,
        model: &ResolvedModel,
        (device, bound): &DiodeOfModel,
    ) {
        let nodes = self.nodes(element);
        let Some(id) = self.insert(element, device.clone(), &nodes) else {
            return;
        };
        for (parameter, number) in bound {
            self.bind(id, *parameter, *number);
        }
        self.circuit.note_model(&model.name, id);
    }

    fn diode_device(
        &mut self,
        model: &Rc<ResolvedModel>,
        parameters: &'a [Assignment],
    ) -> Option<(Device, Bound)> {
        if model.kind.value != "d" {
            let message = format!(
                "model `{}` is of type `{}`, but a diode needs type `D`",
                model.name, model.kind.value
            );
            let fault = Diagnostic::error(message).at(model.kind.span, "expected `D`");
            self.diagnose(fault.help("write `.model name D(IS=1e-14 N=1)`"));
            return None;
        }
        if model.has_flag("ideal") {
            return Some((Device::IdealDiode, Vec::new()));
        }
        let is_piecewise = model.get(&["ron", "roff", "vfwd"]).is_some();
        if is_piecewise {
            self.piecewise(model, parameters)
        } else {
            self.shockley(model, parameters)
        }
    }

    /// Area times multiplier, and what they are bound to.
    fn piecewise(
        &mut self,
        model: &ResolvedModel,
        parameters: &'a [Assignment],
    ) -> Option<(Device, Bound)> {
        const CARD: [(&str, Parameter); 5] = [
            ("ron", Parameter::OnResistance),
            ("roff", Parameter::OffResistance),
            ("vfwd", Parameter::ForwardVoltage),
            ("vrev", Parameter::ReverseVoltage),
            ("rrev", Parameter::ReverseResistance),
        ];
        self.warn_of_unknown(model, |name| CARD.iter().any(|(known, _)| *known == name));
        let mut bound = Vec::new();
        let mut values = [None; 5];
        for ((name, parameter), value) in CARD.into_iter().zip(&mut values) {
            if let Some(number) = self.model_value(model, &[name])? {
                *value = Some(number.value);
                bound.push((parameter, number));
            }
        }
        let [ron, roff, vfwd, vrev, rrev] = values;
        let area = self.area(parameters)?;
        bound.push((Parameter::Area, area));
        let ron = ron.unwrap_or(1.0);
        let roff = roff.unwrap_or(1.0 / self.circuit.environment.gmin);
        let reverse = vrev.map(|vrev| (vrev, rrev.unwrap_or(ron)));
        let vfwd = vfwd.unwrap_or(0.0);
        let Some(diode) = PiecewiseDiode::new(ron, roff, vfwd, reverse, area.value) else {
            let rule = "RON, ROFF, RREV and the area must be positive and -VREV < VFWD";
            self.unusable(model, area.value, rule);
            return None;
        };
        if vrev.is_none() {
            bound.retain(|(p, _)| *p != Parameter::ReverseResistance);
        }
        Some((diode.into(), bound))
    }

    fn area(&mut self, parameters: &'a [Assignment]) -> Option<Number> {
        let one = Number::constant(1.0);
        let area = self.given(parameters, "area")?.unwrap_or(one);
        let m = self.given(parameters, "m")?.unwrap_or(one);
        let m = self.multiplied(m);
        Some(self.combine(crate::expression::Function2::Multiply, area, m))
    }

    fn shockley(
        &mut self,
        model: &ResolvedModel,
        parameters: &'a [Assignment],
    ) -> Option<(Device, Bound)> {
        let mut law = ShockleyParameters::default();
        let mut bound = Bound::new();
        if let Some(level) = self.model_value(model, &["level"])?
            && self.fixed(level) == 2.0
        {
            law.level = DiodeLevel::Two;
        }
        let level = law.level;
        let known = |name: &str| Shockley::card_parameter(name).filter(|p| level.uses(*p));
        self.warn_of_unknown(model, |name| known(name).is_some());
        for parameter in &model.parameters {
            let Some(known) = known(&parameter.name.value) else {
                continue;
            };
            let number = self.model_number(parameter)?;
            bound.retain(|(p, _)| *p != known);
            bound.push((known, number));
        }
        for (name, parameter) in [
            ("area", Parameter::Area),
            ("pj", Parameter::Perimeter),
            ("perim", Parameter::Perimeter),
            ("m", Parameter::Multiplier),
        ] {
            if let Some(number) = self.given(parameters, name)? {
                // What the card of a model says is only a default.
                bound.retain(|(p, _)| *p != parameter);
                bound.push((parameter, number));
            }
        }
        if self.top().multiplier.is_some() {
            let given = bound.iter().find(|(p, _)| *p == Parameter::Multiplier);
            let own = given.map_or(Number::constant(1.0), |(_, number)| *number);
            bound.retain(|(p, _)| *p != Parameter::Multiplier);
            let m = self.multiplied(own);
            bound.push((Parameter::Multiplier, m));
        }
        for (parameter, number) in &mut bound {
            *number = within_ngspice(*parameter, *number);
            if !law.assign(*parameter, number.value) {
                let value = number.value;
                self.refused(model, *parameter, value);
                return None;
            }
        }
        let temperature = self.own_temperature(parameters)?;
        let mut environment = self.circuit.environment;
        environment.temperature = temperature.value;
        if let Some(tnom) = self.model_value(model, &["tnom", "tref", "t_measured"])? {
            environment.nominal_temperature = self.fixed(tnom);
        }
        bound.push((Parameter::Temperature, temperature));
        match Shockley::new(law, environment) {
            Some(diode) => {
                let one_port = Arc::new(OnePort::Shockley(diode));
                Some((Device::OnePort(one_port), bound))
            }
            None => {
                let area = law.area;
                let rule = "IS, N, BV, IBV and the area must be positive, RS not negative";
                self.unusable(model, area, rule);
                None
            }
        }
    }

    fn refused(&mut self, model: &ResolvedModel, parameter: Parameter, value: f64) {
        let message = format!(
            "model `{}` cannot have `{parameter}` = {value}: it is out of range",
            model.name
        );
        let given = model
            .parameters
            .iter()
            .find(|p| Shockley::card_parameter(&p.name.value) == Some(parameter));
        let span = given.map_or(model.span, |p| p.name.span);
        self.diagnose(
            Diagnostic::error(message)
                .at(span, "out of range")
                .help("IS, N, BV, IBV and the area must be positive, RS not negative"),
        );
    }

    fn unusable(&mut self, model: &ResolvedModel, area: f64, rule: &str) {
        let message = format!("model `{}` (area {area}) is not a usable diode", model.name);
        self.diagnose(
            Diagnostic::error(message)
                .at(model.span, "this model")
                .help(rule),
        );
    }

    /// One warning for each parameter that is unknown.
    pub(super) fn warn_of_unknown(
        &mut self,
        model: &ResolvedModel,
        is_known: impl Fn(&str) -> bool,
    ) {
        for parameter in &model.parameters {
            let name = parameter.name.value.as_str();
            if is_known(name) || SILENT.contains(&name) {
                continue;
            }
            let known = [
                "is", "n", "rs", "bv", "ibv", "nbv", "eg", "xti", "ikf", "ikr", "isr", "nr", "jsw",
                "ns", "trs1", "trs2", "vj", "cjo", "tnom",
            ];
            let help = match closest(name, known) {
                Some(known) => format!("did you mean `{known}`?"),
                None if Shockley::card_parameter(name).is_some() => {
                    "it belongs to another LEVEL of the diode".to_string()
                }
                None => "the law has no such parameter".to_string(),
            };
            let warning = Diagnostic::warning(format!(
                "parameter `{name}` of model `{}` is not used",
                model.name
            ))
            .at(parameter.name.span, "ignored")
            .help(help);
            self.warn(warning);
        }
    }
}

/// Where ngspice limits a value without a fault, so do we.
fn within_ngspice(parameter: Parameter, number: Number) -> Number {
    const LEAST_SATURATION: f64 = 1e-28;
    const LARGEST_DEPLETION: f64 = 0.95;
    let value = match parameter {
        Parameter::SaturationCurrent if number.value >= 0.0 => number.value.max(LEAST_SATURATION),
        Parameter::DepletionCoefficient => number.value.min(LARGEST_DEPLETION),
        _ => return number,
    };
    Number { value, ..number }
}
