//! The junction diode: the exponential law with series resistance, reverse breakdown, recombination,
//! sidewall and high injection, at two levels (`law.rs`), with SPICE's temperature laws
//! (`temperature.rs`).
//!
//! The series resistance is eliminated here: `v = u + RS j(u)` is solved for the junction voltage
//! `u`, so that the diode stays a one-port with a law `i(v)` and no inner node. Every derivative, to
//! the voltage and to each parameter, is one pass of the same law over dual numbers.

mod cocontent;
mod exponential;
mod law;
mod parameters;
mod plain;
mod root;
mod temperature;

use std::f64::consts::E;
use std::sync::Arc;

use super::dual::Dual;
use super::{Companion, Parameter};
use crate::units::CELSIUS_ZERO;
pub use exponential::ExponentialDiode;
use law::{Exponential, Extras, Junction};
pub use parameters::{DiodeLevel, ShockleyParameters};
pub use plain::PlainDiode;

/// Parameters whose derivatives are computed side by side.
const LANES: usize = 8;

/// What a diode takes from the circuit around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Environment {
    /// Degrees Celsius.
    pub temperature: f64,
    /// Temperature at which model parameters were measured, degrees Celsius.
    pub nominal_temperature: f64,
    /// Conductance across each junction, S.
    pub gmin: f64,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            temperature: 27.0,
            nominal_temperature: 27.0,
            gmin: 1e-12,
        }
    }
}

/// A junction diode at its temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Shockley {
    junction: Junction<f64>,
    /// Current at zero voltage, negated, A: the reverse exponentials of level 2 have one.
    offset: f64,
    /// Shared by the clones of a diode.
    parameters: Arc<ShockleyParameters>,
    environment: Environment,
}

impl Shockley {
    /// None unless every parameter is in its range, at the diode's temperature too.
    pub fn new(parameters: ShockleyParameters, environment: Environment) -> Option<Self> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let valid = parameters.valid()
            && positive(environment.temperature + CELSIUS_ZERO)
            && positive(environment.nominal_temperature + CELSIUS_ZERO)
            && environment.gmin >= 0.0;
        if !valid {
            return None;
        }
        let junction = Junction::new(&parameters, &environment, &|_, value| value);
        let diode = Self {
            offset: -junction.current(0.0),
            junction,
            parameters: Arc::new(parameters),
            environment,
        };
        diode.junction.usable().then_some(diode)
    }

    /// Solves `v = u + RS j(u)`, then reads current and slope there:
    /// `di/dv = j'/(1 + RS j')`.
    pub fn evaluate(&self, voltage: f64) -> Companion {
        let inner = self.inner(self.junction_voltage(voltage));
        if self.junction.series == 0.0 {
            return inner;
        }
        let conductance = inner.conductance / (1.0 + self.junction.series * inner.conductance);
        Companion {
            current: inner.current,
            conductance,
        }
    }

    /// `G(v) = G_j(u) + RS i^2/2`, since `dv = du + RS di`.
    pub fn cocontent(&self, voltage: f64) -> f64 {
        let at = |v: f64| {
            let u = self.junction_voltage(v);
            let i = self.junction.current(u);
            self.junction.cocontent(u) + 0.5 * self.junction.series * i * i
        };
        if self.offset == 0.0 {
            at(voltage)
        } else {
            at(voltage) - at(0.0)
        }
    }

    /// The next linearization point is where the law carries the current that the linear model
    /// promises. For a junction alone and rising voltages this is SPICE's junction limiting
    /// (Nagel 1975); it holds with RS, downwards and in breakdown as well.
    pub fn limit(&self, proposed: f64, previous: f64) -> f64 {
        let model = self.evaluate(previous);
        let current = model.current + model.conductance * (proposed - previous);
        // Coming from where almost nothing flows, or from the plateau before breakdown, the linear
        // model may promise no more current at all: then the point moves past the knee of the branch
        // that the step enters.
        if self.junction.extras.is_none() && !self.junction.area.begins_with_step() {
            self.limit_plain(proposed, current)
        } else if proposed > 0.0 {
            self.limit_by_search(proposed, current.max(self.junction.knee()))
        } else {
            let least = E * f64::max(-model.current, self.junction.knee());
            self.limit_by_search(proposed, current.min(-least))
        }
    }

    fn limit_plain(&self, proposed: f64, current: f64) -> f64 {
        let j = &self.junction;
        let Exponential { scale, thermal, .. } = j.area.forward;
        if proposed > 0.0 {
            let current = current.max(scale);
            let u = thermal * (current / scale).ln_1p();
            return (u + j.series * current).min(proposed);
        }
        match j.area.breakdown {
            Some(breakdown) if proposed < -j.area.begin => {
                let current = current.min(-E * scale);
                let u = -breakdown.start - breakdown.thermal * (-current / scale).ln();
                (u + j.series * current).max(proposed)
            }
            _ => proposed,
        }
    }

    /// The voltage between zero and `proposed` that carries `current`, which has the sign of
    /// `proposed`; `proposed` itself if it carries less.
    fn limit_by_search(&self, proposed: f64, current: f64) -> f64 {
        let sign = current.signum();
        let log_ratio = |u: f64| {
            let inner = self.inner(sign * u);
            let ratio = inner.current / current;
            (ratio.ln(), inner.conductance / inner.current * sign)
        };
        let reach = proposed.abs();
        let carried = self.junction.current(proposed) / current;
        if !(carried > 1.0) {
            return proposed;
        }
        let u = sign * root::bracketed((0.0, reach), reach, 1e-9, log_ratio);
        let v = u + self.junction.series * current;
        if v.abs() < reach { v } else { proposed }
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    pub fn state(&self, voltage: f64) -> &'static str {
        let u = self.junction_voltage(voltage);
        if u < -self.junction.breakdown_begin() {
            "breakdown"
        } else if self.junction.current(u) > 1e-6 * self.junction.area.forward.thermal {
            "on"
        } else {
            "off"
        }
    }

    /// The parameter that a name on a `.model` card sets, in lower case.
    pub fn card_parameter(name: &str) -> Option<Parameter> {
        ShockleyParameters::card_parameter(name)
    }

    /// Every entry of the model card that differs from its default, for a diode of area `area()`.
    pub fn card(&self) -> Vec<(&'static str, f64)> {
        self.parameters.card()
    }

    /// Area with the multiplier: with [`Shockley::card`], the one diode that equals this one.
    pub fn area(&self) -> f64 {
        self.parameters.area * self.parameters.multiplier
    }

    /// Parameters that the current depends on.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut list = self.parameters.listed();
        list.push(Parameter::Temperature);
        list
    }

    /// The value in use, defaults included; none where the card leaves an effect out.
    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        match parameter {
            Parameter::Temperature => Some(self.environment.temperature),
            Parameter::BreakdownCurrent if self.parameters.breakdown_voltage.is_none() => None,
            _ => self.parameters.value(parameter),
        }
    }

    /// False, with nothing changed, if the diode cannot take the value.
    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        let (mut p, mut environment) = (*self.parameters, self.environment);
        if parameter == Parameter::Temperature {
            environment.temperature = value;
        } else if !p.assign(parameter, value) {
            return false;
        }
        match Self::new(p, environment) {
            Some(diode) => {
                *self = diode;
                true
            }
            None => false,
        }
    }

    /// `di/dtheta = (j_theta - j_u i RS_theta)/(1 + RS j_u)` at fixed `v` for each of `parameters`, by the
    /// implicit function theorem for `v = u + RS j(u)`.
    pub fn current_derivatives(
        &self,
        parameters: impl IntoIterator<Item = Parameter>,
        voltage: f64,
        derivatives: &mut [f64],
    ) {
        let u = self.junction_voltage(voltage);
        let inner = self.inner(u);
        let mut parameters = parameters.into_iter();
        for derivatives in derivatives.chunks_mut(LANES) {
            let mut lanes = [None; LANES];
            for (lane, parameter) in lanes[..derivatives.len()].iter_mut().zip(&mut parameters) {
                *lane = Some(parameter);
            }
            let lift = |p: Parameter, value: f64| Dual {
                value,
                derivatives: lanes.map(|lane| f64::from(lane == Some(p))),
            };
            let tangent = Junction::<Dual<LANES>>::new(&self.parameters, &self.environment, &lift);
            let direct = tangent.current(Dual::from(u)).derivatives;
            let lanes = direct.iter().zip(tangent.series.derivatives);
            for (derivative, (direct, series)) in derivatives.iter_mut().zip(lanes) {
                *derivative = (direct - inner.conductance * inner.current * series)
                    / (1.0 + self.junction.series * inner.conductance);
            }
        }
    }

    /// `j(u)` and `dj/du`.
    fn inner(&self, u: f64) -> Companion {
        let current = self.junction.current(Dual::variable(u));
        Companion {
            current: current.value,
            conductance: current.derivative(),
        }
    }

    /// Solves `u + RS j(u) = v` inside a bracket; except at the end of recombination the left side
    /// rises with slope >= 1.
    fn junction_voltage(&self, v: f64) -> f64 {
        let j = &self.junction;
        if j.series == 0.0 || (v == 0.0 && self.offset == 0.0) {
            return v;
        }
        let bracket = (v.min(0.0), v.max(0.0) + j.series * self.offset.max(0.0));
        // Here the area's diffusion current alone would be the one that RS takes at full `v`.
        let drop = v.abs() / (j.series * j.area.forward.scale);
        let start = match j.area.breakdown {
            _ if v > 0.0 => v.min(j.area.forward.thermal * drop.ln_1p()),
            Some(b) => v.max(-b.start - b.thermal * drop.ln_1p()),
            None => v,
        };
        root::bracketed(bracket, start, 2.0 * f64::EPSILON, |u| {
            let inner = self.inner(u);
            let excess = u + j.series * inner.current - v;
            (excess, 1.0 + j.series * inner.conductance)
        })
    }
}

impl Junction<f64> {
    /// Whether the temperature laws left every constant in its range.
    fn usable(&self) -> bool {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let breakdown = self.area.breakdown.map(|b| b.start);
        positive(self.area.forward.scale)
            && positive(self.area.forward.thermal)
            && self.series >= 0.0
            && self.series.is_finite()
            && breakdown.is_none_or(f64::is_finite)
            && self.extras.as_ref().is_none_or(|extras| extras.usable())
    }

    /// Below this voltage, negated, the diode is in breakdown.
    fn breakdown_begin(&self) -> f64 {
        let extras = self.extras.as_deref();
        match extras.and_then(|e| e.breakdown_voltage.zip(Some(e))) {
            Some((bv, extras)) => {
                let scale = self.area.forward.scale;
                let tails = extras.reverse.iter().flatten();
                tails
                    .map(|tail| (bv - tail.thermal * (tail.scale / scale).ln_1p()).max(0.0))
                    .fold(bv, f64::min)
            }
            None => self.area.begin,
        }
    }

    /// A current at the knee of the law, A.
    fn knee(&self) -> f64 {
        let extra = self.extras.as_ref().map_or(0.0, |extras| {
            let sidewall = extras.sidewall.map(|law| law.forward);
            let recombination = extras.recombination.map(|law| law.forward);
            let terms = [sidewall, recombination, extras.tunnel];
            terms.iter().flatten().map(|law| law.scale).sum()
        });
        self.area.forward.scale + extra
    }
}

impl Extras<f64> {
    fn usable(&self) -> bool {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        self.breakdown_voltage.is_none_or(positive)
            && self.forward_knee.is_none_or(positive)
            && (self.recombination).is_none_or(|r| positive(r.potential) && r.half_grading >= 0.0)
    }
}
