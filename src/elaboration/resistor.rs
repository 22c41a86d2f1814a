//! Resistors: value, geometry, temperature, multiplier.

use super::Elaborator;
use super::law_builder::LawBuilder;
use super::model::ResolvedModel;
use super::number::Number;
use crate::device::{Device, Parameter, Quantity};
use crate::expression::{Expr, ExprKind, Function2};
use crate::netlist::{Assignment, Diagnostic, Element, NetlistFault, ResistorDetails, Value};
use crate::source::Spanned;
use crate::units::CELSIUS_ZERO;

/// Where temperature coefficients count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nominal {
    /// TNOM.
    OfCircuit,
    /// 27 degrees Celsius, whatever TNOM is, as in ngspice-39.
    OfBehaviouralSources,
}

impl<'a> Elaborator<'a> {
    pub(super) fn resistor(
        &mut self,
        element: &'a Element,
        resistance: Option<&'a Spanned<Value>>,
        details: Option<&'a ResistorDetails>,
    ) {
        // Most resistors are a number and nothing else.
        let plain = resistance.and_then(|r| r.value.number());
        if let (Some(ohm), None, None) = (plain, details, self.top().multiplier) {
            let nodes = self.nodes(element);
            self.insert(element, Device::Resistor { resistance: ohm }, &nodes);
            return;
        }
        let no_details: &'a ResistorDetails = const { &ResistorDetails::EMPTY };
        let details = details.unwrap_or(no_details);
        if let Some(resistance) = resistance
            && let Value::Expression(expr) = &resistance.value
            && reads_circuit(expr)
        {
            self.behavioural_resistor(element, expr, details);
            return;
        }
        let Some(number) = self.resistance(element, resistance, details) else {
            return;
        };
        let nodes = self.nodes(element);
        let device = Device::Resistor {
            resistance: number.value,
        };
        if let Some(id) = self.insert(element, device, &nodes) {
            self.bind(id, Parameter::Resistance, number);
        }
    }

    /// `R = R0 (1 + tc1 dT + tc2 dT^2) scale / m` as ngspice has it; `R0` is the value, or
    /// `rsh (l - 2 short)/(w - 2 narrow)` of a model.
    fn resistance(
        &mut self,
        element: &'a Element,
        resistance: Option<&'a Spanned<Value>>,
        details: &'a ResistorDetails,
    ) -> Option<Number> {
        let (model, resistance) = self.model_and_value(element, resistance, details)?;
        let parameters = &details.parameters;
        let mut value = match resistance {
            Some(value) => self.number(value, &format!("the resistance of `{}`", element.name))?,
            None => self.sheet_resistance(element, model.as_deref(), parameters)?,
        };
        if let Some(model) = &model
            && resistance.is_some()
            && let Some(factor) = self.model_value(model, &["r"])?
            && model.get(&["rsh"]).is_none()
            && model.kind.value == "res"
        {
            // PSpice: R of the model multiplies the value.
            value = self.combine(Function2::Multiply, value, factor);
        }
        let nominal = Nominal::OfCircuit;
        if let Some(factor) = self.temperature_factor(parameters, model.as_deref(), nominal)? {
            value = self.combine(Function2::Multiply, value, factor);
        }
        if let Some(scale) = self.given(parameters, "scale")? {
            value = self.combine(Function2::Multiply, value, scale);
        }
        if let Some(m) = self.given(parameters, "m")? {
            value = self.combine(Function2::Divide, value, m);
        }
        if let Some(m) = self.top().multiplier {
            value = self.combine(Function2::Divide, value, m);
        }
        match value.value.is_finite() {
            true => Some(value),
            false => {
                self.fault(NetlistFault::NotFinite {
                    what: format!("the resistance of `{}`", element.name),
                    value: value.value,
                    span: element.span,
                });
                None
            }
        }
    }

    /// The word behind the nodes is a model if there is one of that name, else a parameter.
    #[allow(clippy::type_complexity)]
    fn model_and_value(
        &mut self,
        element: &'a Element,
        resistance: Option<&'a Spanned<Value>>,
        details: &'a ResistorDetails,
    ) -> Option<(
        Option<std::rc::Rc<ResolvedModel>>,
        Option<&'a Spanned<Value>>,
    )> {
        if let Some(reference) = &details.model {
            let model = self.model_of(element, reference)?;
            return Some((Some(model), resistance));
        }
        let name = resistance.and_then(|r| match &r.value {
            Value::Expression(expr) => match &expr.kind {
                ExprKind::Name(name) => Some(name),
                _ => None,
            },
            Value::Number(_) => None,
        });
        match name.and_then(|name| self.find_model(name)) {
            Some((scope, model)) => Some((Some(self.resolve_model(scope, model)), None)),
            None => Some((None, resistance)),
        }
    }

    fn sheet_resistance(
        &mut self,
        element: &Element,
        model: Option<&ResolvedModel>,
        parameters: &'a [Assignment],
    ) -> Option<Number> {
        if let Some(model) = model
            && model.get(&["rsh"]).is_none()
            && let Some(r) = self.model_value(model, &["r", "res"])?
        {
            return Some(r);
        }
        let with_sheet = model.filter(|model| model.get(&["rsh"]).is_some());
        let (Some(model), Some(length)) = (with_sheet, self.given(parameters, "l")?) else {
            self.fault(NetlistFault::NoResistance {
                element: Spanned::new(element.name.clone(), element.span),
            });
            return None;
        };
        let width = match self.given(parameters, "w")? {
            Some(width) => width,
            None => self.model_value_or(model, &["defw", "w"], 10e-6)?,
        };
        let rsh = self.model_value_or(model, &["rsh"], 0.0)?;
        let narrow = self.model_value_or(model, &["narrow", "dw"], 0.0)?;
        let short = self.model_value_or(model, &["short", "dlr"], 0.0)?;
        let two = Number::constant(2.0);
        let narrow = self.combine(Function2::Multiply, narrow, two);
        let short = self.combine(Function2::Multiply, short, two);
        let length = self.combine(Function2::Subtract, length, short);
        let width = self.combine(Function2::Subtract, width, narrow);
        let squares = self.combine(Function2::Divide, length, width);
        Some(self.combine(Function2::Multiply, rsh, squares))
    }

    /// `1 + tc1 dT + tc2 dT^2`, or `1.01^(tce dT)`; the inner None if there are no coefficients. What
    /// the instance gives comes before what the model gives.
    pub(super) fn temperature_factor(
        &mut self,
        parameters: &'a [Assignment],
        model: Option<&ResolvedModel>,
        nominal: Nominal,
    ) -> Option<Option<Number>> {
        let tc1 = self.coefficient(parameters, model, &["tc1", "tc1r"])?;
        let tc2 = self.coefficient(parameters, model, &["tc2", "tc2r"])?;
        let tce = self.coefficient(parameters, model, &["tce"])?;
        let is_zero = |n: &Option<Number>| n.is_none_or(|n| n.term.is_none() && n.value == 0.0);
        if is_zero(&tc1) && is_zero(&tc2) && is_zero(&tce) {
            return Some(None);
        }
        let difference = self.temperature_difference(parameters, model, nominal)?;
        if let Some(tce) = tce.filter(|n| n.term.is_some() || n.value != 0.0) {
            let exponent = self.combine(Function2::Multiply, tce, difference);
            let base = Number::constant(1.01);
            return Some(Some(self.combine(Function2::Power, base, exponent)));
        }
        let zero = Number::constant(0.0);
        let (tc1, tc2) = (tc1.unwrap_or(zero), tc2.unwrap_or(zero));
        // (tc2 dT + tc1) dT + 1
        let inner = self.combine(Function2::Multiply, tc2, difference);
        let inner = self.combine(Function2::Add, inner, tc1);
        let rise = self.combine(Function2::Multiply, inner, difference);
        let one = Number::constant(1.0);
        Some(Some(self.combine(Function2::Add, rise, one)))
    }

    fn coefficient(
        &mut self,
        parameters: &'a [Assignment],
        model: Option<&ResolvedModel>,
        names: &[&str],
    ) -> Option<Option<Number>> {
        if let Some(own) = self.given(parameters, names[0])? {
            return Some(Some(own));
        }
        match model {
            Some(model) => self.model_value(model, names),
            None => Some(None),
        }
    }

    /// Temperature of an element less the nominal one, K.
    fn temperature_difference(
        &mut self,
        parameters: &'a [Assignment],
        model: Option<&ResolvedModel>,
        nominal: Nominal,
    ) -> Option<Number> {
        let own = self.own_temperature(parameters)?;
        let of_model = match model {
            Some(model) => self.model_value(model, &["tnom", "t_measured"])?,
            None => None,
        };
        let default = match nominal {
            Nominal::OfCircuit => self.circuit.environment.nominal_temperature,
            Nominal::OfBehaviouralSources => 27.0,
        };
        let nominal = of_model.unwrap_or(Number::constant(default));
        Some(self.combine(Function2::Subtract, own, nominal))
    }

    /// `temp=`, or the circuit's temperature plus `dtemp=`; degrees Celsius.
    pub(super) fn own_temperature(&mut self, parameters: &'a [Assignment]) -> Option<Number> {
        let own = match self.given(parameters, "temp")? {
            Some(own) => own,
            None => {
                let circuit = self.temperature();
                match self.given(parameters, "dtemp")? {
                    Some(difference) => self.combine(Function2::Add, circuit, difference),
                    None => return Some(circuit),
                }
            }
        };
        if own.value + CELSIUS_ZERO > 0.0 {
            return Some(own);
        }
        let given = parameters.iter().find(|p| p.name.value.ends_with("temp"));
        let span = given.map(|p| p.name.span).unwrap_or_default();
        let message = format!("{} °C is below absolute zero", own.value);
        self.diagnose(
            Diagnostic::error(message)
                .at(span, "out of range")
                .help("temperatures are in degrees Celsius, above -273.15"),
        );
        None
    }

    /// A resistance that depends on voltages or currents: `i = v/R(…)`, as in ngspice.
    fn behavioural_resistor(
        &mut self,
        element: &'a Element,
        expr: &std::sync::Arc<Expr>,
        details: &'a ResistorDetails,
    ) {
        let mut law = LawBuilder::default();
        let nodes = self.nodes(element);
        let Some(mut resistance) = self.lower_law(&mut law, expr) else {
            return;
        };
        let nominal = Nominal::OfBehaviouralSources;
        let Some(factor) = self.temperature_factor(&details.parameters, None, nominal) else {
            return;
        };
        if let Some(factor) = factor {
            let factor = law.number(factor);
            resistance = law.binary(Function2::Multiply, resistance, factor);
        }
        let Some(m) = self.given(&details.parameters, "m") else {
            return;
        };
        if let Some(m) = m {
            let m = law.number(m);
            resistance = law.binary(Function2::Divide, resistance, m);
        }
        let voltage = law.voltage([nodes[0], nodes[1]]);
        let current = law.binary(Function2::Divide, voltage, resistance);
        self.insert_law(element, Quantity::Current, law, current);
    }
}

/// True if an expression has a `v()` or `i()` in it.
fn reads_circuit(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Probe(..) => true,
        ExprKind::Number(_) | ExprKind::Name(_) => false,
        ExprKind::Call(_, arguments) => arguments.iter().any(reads_circuit),
        ExprKind::Unary(_, x) => reads_circuit(x),
        ExprKind::Binary(_, x, y) => reads_circuit(x) || reads_circuit(y),
        ExprKind::If(c, x, y) => reads_circuit(c) || reads_circuit(x) || reads_circuit(y),
    }
}
