//! Element laws. Each file holds one law: the current of a one-port, its incremental conductance,
//! its co-content and the derivatives of the current to its parameters, side by side.
//!
//! **Invariant:** a law knows the voltage across its own terminals and nothing else: no node, no
//! unknown, no matrix.

mod behavioural;
mod dual;
mod junction;
mod parameter;
mod piecewise_linear;
mod unit;

use std::sync::Arc;

pub use behavioural::{Behavioural, Law, LawScratch, Quantity};
pub use junction::{
    DiodeLevel, Environment, ExponentialDiode, PlainDiode, Shockley, ShockleyParameters,
};
pub use parameter::Parameter;
pub use piecewise_linear::{PiecewiseDiode, PiecewiseLinear, PiecewiseTable, TableError};

/// Current (A) and incremental conductance di/dv (S) of a one-port at one voltage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Companion {
    pub current: f64,
    pub conductance: f64,
}

/// A nonlinear one-port whose current is a non-decreasing function of its voltage.
#[derive(Clone, Debug, PartialEq)]
pub enum OnePort {
    Shockley(Shockley),
    PiecewiseDiode(PiecewiseDiode),
    PiecewiseTable(PiecewiseTable),
}

impl OnePort {
    /// The companion model at `voltage` (V): current and slope.
    pub fn evaluate(&self, voltage: f64) -> Companion {
        match self {
            OnePort::Shockley(d) => d.evaluate(voltage),
            OnePort::PiecewiseDiode(d) => d.law().evaluate(voltage),
            OnePort::PiecewiseTable(d) => d.law().evaluate(voltage),
        }
    }

    /// Co-content `integral_0^v i(u) du` in W (Millar 1951).
    pub fn cocontent(&self, voltage: f64) -> f64 {
        match self {
            OnePort::Shockley(d) => d.cocontent(voltage),
            OnePort::PiecewiseDiode(d) => d.law().cocontent(voltage),
            OnePort::PiecewiseTable(d) => d.law().cocontent(voltage),
        }
    }

    /// Size of the numbers, A, that cancel in the evaluation of the current at `voltage`, beyond
    /// slope times voltage.
    pub fn offset(&self, voltage: f64) -> f64 {
        match self {
            OnePort::Shockley(_) => 0.0,
            OnePort::PiecewiseDiode(d) => d.law().offset(voltage),
            OnePort::PiecewiseTable(d) => d.law().offset(voltage),
        }
    }

    /// Where to linearize next when a linear solve proposes `proposed` from a companion model made
    /// at `previous` (both V). Piecewise-linear laws need no limiting.
    pub fn limit(&self, proposed: f64, previous: f64) -> f64 {
        match self {
            OnePort::Shockley(d) => d.limit(proposed, previous),
            OnePort::PiecewiseDiode(_) | OnePort::PiecewiseTable(_) => proposed,
        }
    }

    /// The same law as a plain diode, if it is one.
    pub fn plain(&self) -> Option<PlainDiode> {
        match self {
            OnePort::Shockley(d) => d.plain(),
            OnePort::PiecewiseDiode(_) | OnePort::PiecewiseTable(_) => None,
        }
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            OnePort::Shockley(d) => d.parameters(),
            OnePort::PiecewiseDiode(d) => d.parameters(),
            OnePort::PiecewiseTable(d) => d.parameters(),
        }
    }

    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        match self {
            OnePort::Shockley(d) => d.value(parameter),
            OnePort::PiecewiseDiode(d) => d.value(parameter),
            OnePort::PiecewiseTable(d) => d.value(parameter),
        }
    }

    /// Sets a parameter; false if the law has no such parameter or cannot take the value.
    #[must_use]
    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        match self {
            OnePort::Shockley(d) => d.set(parameter, value),
            OnePort::PiecewiseDiode(d) => d.set(parameter, value),
            OnePort::PiecewiseTable(d) => d.set(parameter, value),
        }
    }

    /// `d i / d parameter` at fixed voltage, in A per unit of the parameter.
    pub fn current_derivative(&self, parameter: Parameter, voltage: f64) -> f64 {
        let mut derivative = [0.0];
        self.current_derivatives([parameter], voltage, &mut derivative);
        derivative[0]
    }

    /// The same for each of some `parameters`, which takes little more than for one.
    pub fn current_derivatives(
        &self,
        parameters: impl IntoIterator<Item = Parameter>,
        voltage: f64,
        derivatives: &mut [f64],
    ) {
        match self {
            OnePort::Shockley(d) => d.current_derivatives(parameters, voltage, derivatives),
            OnePort::PiecewiseDiode(d) => {
                let derivative = |parameter| d.current_derivative(parameter, voltage);
                fill(derivatives, parameters.into_iter().map(derivative));
            }
            OnePort::PiecewiseTable(d) => {
                let derivative = |parameter| d.current_derivative(parameter, voltage);
                fill(derivatives, parameters.into_iter().map(derivative));
            }
        }
    }

    /// What the one-port does at `voltage`, for people.
    pub fn state(&self, voltage: f64) -> &'static str {
        match self {
            OnePort::Shockley(d) => d.state(voltage),
            OnePort::PiecewiseDiode(d) => d.state(voltage),
            OnePort::PiecewiseTable(_) => "table",
        }
    }
}

fn fill(places: &mut [f64], values: impl Iterator<Item = f64>) {
    for (place, value) in places.iter_mut().zip(values) {
        *place = value;
    }
}

/// What an element is. Values in SI units; currents flow p -> n inside the element.
#[derive(Clone, Debug, PartialEq)]
pub enum Device {
    /// `i = v / resistance` (ohm); zero is a short.
    Resistor { resistance: f64 },
    /// `v = voltage` (V).
    VoltageSource { voltage: f64 },
    /// `i = current` (A).
    CurrentSource { current: f64 },
    /// Elements of a model share its law.
    OnePort(Arc<OnePort>),
    /// `v <= 0, i >= 0, v i = 0`.
    IdealDiode,
    /// `v = gain v_control`.
    Vcvs { gain: f64 },
    /// `i = transconductance v_control` (S).
    Vccs { transconductance: f64 },
    /// `i = gain i_control`.
    Cccs { gain: f64 },
    /// `v = transresistance i_control` (ohm).
    Ccvs { transresistance: f64 },
    /// `v1 = ratio v2`, `i2 = -ratio i1`.
    Transformer { ratio: f64 },
    /// `i1 = conductance v2`, `i2 = -conductance v1` (S).
    Gyrator { conductance: f64 },
    /// `v` or `i` is a function of the element's controls.
    Behavioural(Box<Behavioural>),
}

impl Device {
    /// Parameters in a fixed order; every one of them carries a gradient.
    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            Device::OnePort(one_port) => one_port.parameters(),
            Device::Behavioural(source) => source.parameters(),
            Device::IdealDiode => Vec::new(),
            _ => self
                .scalar()
                .map(|(parameter, _)| vec![parameter])
                .unwrap_or_default(),
        }
    }

    /// The value on the element's card, where a card holds one value.
    pub fn principal(&self) -> Option<Parameter> {
        self.scalar().map(|(parameter, _)| parameter)
    }

    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        match self {
            Device::OnePort(one_port) => one_port.value(parameter),
            Device::Behavioural(source) => source.value(parameter),
            _ => self
                .scalar()
                .filter(|(p, _)| *p == parameter)
                .map(|(_, value)| value),
        }
    }

    /// Sets a parameter; false if the device has no such parameter or cannot take the value.
    #[must_use]
    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        match self {
            Device::OnePort(one_port) => return Arc::make_mut(one_port).set(parameter, value),
            Device::Behavioural(source) => return source.set(parameter, value),
            _ => {}
        }
        match self.scalar_mut() {
            Some((p, slot)) if p == parameter => {
                *slot = value;
                true
            }
            _ => false,
        }
    }

    /// True if the law is its own adjoint, so that a co-content exists (Millar 1951).
    pub fn is_reciprocal(&self) -> bool {
        !matches!(
            self,
            Device::Vcvs { .. }
                | Device::Vccs { .. }
                | Device::Cccs { .. }
                | Device::Ccvs { .. }
                | Device::Gyrator { .. }
                | Device::Behavioural(_)
        )
    }

    fn scalar(&self) -> Option<(Parameter, f64)> {
        let mut copy = self.clone();
        copy.scalar_mut()
            .map(|(parameter, value)| (parameter, *value))
    }

    fn scalar_mut(&mut self) -> Option<(Parameter, &mut f64)> {
        Some(match self {
            Device::Resistor { resistance } => (Parameter::Resistance, resistance),
            Device::VoltageSource { voltage } => (Parameter::Voltage, voltage),
            Device::CurrentSource { current } => (Parameter::Current, current),
            Device::Vcvs { gain } | Device::Cccs { gain } => (Parameter::Gain, gain),
            Device::Vccs { transconductance } => (Parameter::Transconductance, transconductance),
            Device::Ccvs { transresistance } => (Parameter::Transresistance, transresistance),
            Device::Transformer { ratio } => (Parameter::Ratio, ratio),
            Device::Gyrator { conductance } => (Parameter::Conductance, conductance),
            Device::OnePort(_) | Device::Behavioural(_) | Device::IdealDiode => return None,
        })
    }
}
