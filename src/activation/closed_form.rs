//! Responses that can be written down.

use crate::circuit::{Circuit, NodeId};
use crate::device::{Device, ExponentialDiode, OnePort};

use super::omega::wright_omega;

/// The response of an element behind a resistance R, as a formula.
///
/// *Ideal diode.* `v = min(0, x)`, `i = max(0, x)/R`. *Two ideal diodes to biases.* `v = clamp(x, low, high)`.
/// *Piecewise linear.* A breakpoint `(v_k, i_k)` is reached at `x_k = v_k + R i_k`; `v` is linear between.
///
/// *Shockley's diode*, with its series resistance and a conductance GMIN across the junction. With
/// `r = R + RS`, `a = 1 + r GMIN`, `T = N Vt`, `c = r IS/(a T)` and the junction voltage `u`:
///
/// ```text
/// a u + r IS (exp(u/T) - 1) = x
/// w = c exp(u/T)  =>  w + ln w = s + ln c,  s = (x + r IS)/(a T)
/// w = omega(s + ln c) = W(c exp(s)),  u = T (s - w) = T ln(w/c),  i = a T w/r - IS + GMIN u
/// dv/dx = (1 + RS g)/(a (1 + w)),  g = a w/r + GMIN
/// ```
///
/// For RS = GMIN = 0 this is the diode ReLU `i = (T/R) W((IS R/T) exp((x + IS R)/T)) - IS`. The Wright
/// omega function takes the exponent as it is, so that nothing overflows for any `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedForm {
    law: Law,
    is_reversed: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Law {
    /// Ohm.
    Linear(f64),
    Ideal,
    /// V.
    Clip {
        low: f64,
        high: f64,
    },
    Exponential(ExponentialDiode),
    /// Breakpoints (V, A), with one beyond each end.
    Piecewise(Vec<(f64, f64)>),
}

/// What an element does at one driving voltage x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// Across the element, V.
    pub voltage: f64,
    /// Into the element, A.
    pub current: f64,
    /// dv/dx; `1 - dv/dx` is R di/dx.
    pub slope: f64,
}

impl ClosedForm {
    /// The formula for what lies between two nodes, if that is a single element with one.
    pub fn of(circuit: &Circuit, [p, n]: [NodeId; 2]) -> Option<Self> {
        // A source of no volts that grounds the terminal n changes nothing between p and n.
        let grounds_n = |device: &Device, port: [NodeId; 2]| {
            matches!(device, Device::VoltageSource { voltage: 0.0 }) && port == [n, NodeId::GROUND]
        };
        let mut elements = circuit
            .elements()
            .map(|(_, element)| element)
            .filter(|e| !grounds_n(&e.device, e.port));
        let (element, None) = (elements.next()?, elements.next()) else {
            return None;
        };
        let is_reversed = element.port == [n, p];
        if element.port != [p, n] && !is_reversed {
            return None;
        }
        let law = match &element.device {
            Device::Resistor { resistance } if *resistance >= 0.0 => Law::Linear(*resistance),
            Device::IdealDiode => Law::Ideal,
            Device::OnePort(one_port) => match &**one_port {
                OnePort::Shockley(diode) => Law::Exponential(diode.exponential()?),
                OnePort::PiecewiseDiode(diode) => Law::Piecewise(diode.law().points_beyond()),
                OnePort::PiecewiseTable(table) => Law::Piecewise(table.law().points_beyond()),
            },
            _ => return None,
        };
        Some(Self { law, is_reversed })
    }

    /// Ideal diodes that hold the voltage between two biases, V.
    pub fn clip(low: f64, high: f64) -> Self {
        Self {
            law: Law::Clip { low, high },
            is_reversed: false,
        }
    }

    pub(super) fn reversed_if(self, is_reversed: bool) -> Self {
        Self {
            is_reversed,
            ..self
        }
    }

    /// The formula, for people.
    pub fn name(&self) -> &'static str {
        match (&self.law, self.is_reversed) {
            (Law::Linear(_), _) => "divider",
            (Law::Ideal, false) => "min(0, x)",
            (Law::Ideal, true) => "max(0, x)",
            (Law::Clip { .. }, _) => "clip",
            (Law::Exponential(_), _) => "Lambert W",
            (Law::Piecewise(_), _) => "piecewise linear",
        }
    }

    /// The response to `x` (V) behind `resistance` (ohm); none where the element has another law there.
    pub fn response(&self, x: f64, resistance: f64) -> Option<Response> {
        if !self.is_reversed {
            return self.law.response(x, resistance);
        }
        let mirrored = self.law.response(-x, resistance)?;
        Some(Response {
            voltage: -mirrored.voltage,
            current: -mirrored.current,
            slope: mirrored.slope,
        })
    }
}

impl Law {
    fn response(&self, x: f64, r: f64) -> Option<Response> {
        match self {
            Law::Linear(own) => {
                let slope = own / (own + r);
                Some(Response {
                    voltage: slope * x,
                    current: x / (own + r),
                    slope,
                })
            }
            Law::Ideal => Some(clamp(x, f64::NEG_INFINITY, 0.0, r)),
            Law::Clip { low, high } => Some(clamp(x, *low, *high, r)),
            Law::Exponential(diode) => exponential(diode, x, r),
            Law::Piecewise(points) => Some(piecewise(points, x, r)),
        }
    }
}

fn clamp(x: f64, low: f64, high: f64, r: f64) -> Response {
    let voltage = x.max(low).min(high);
    Response {
        voltage,
        current: (x - voltage) / r,
        slope: f64::from(voltage == x),
    }
}

fn exponential(d: &ExponentialDiode, x: f64, resistance: f64) -> Option<Response> {
    let r = resistance + d.series;
    let t = d.thermal;
    let a = 1.0 + r * d.gmin;
    let c = r * d.scale / (a * t);
    let s = (x + r * d.scale) / (a * t);
    let w = wright_omega(s + c.ln());
    let mut u = match w > 1.0 {
        true => t * (w / c).ln(),
        false => t * (s - w),
    };
    let is_small = u.abs() < t;
    if is_small {
        // s and w are then both near c, and their difference lacks digits; a Newton step on the equation
        // in a form that does not cancel restores them.
        let miss = a * u + r * d.scale * (u / t).exp_m1() - x;
        u -= miss / (a * (1.0 + w));
    }
    if !(d.range.0 <= u && u <= d.range.1) {
        return None;
    }
    let through = match is_small {
        true => d.scale * (u / t).exp_m1(),
        false => a * t * w / r - d.scale,
    };
    let current = through + d.gmin * u;
    let conductance = a * w / r + d.gmin;
    Some(Response {
        voltage: u + d.series * current,
        current,
        slope: (1.0 + d.series * conductance) / (a * (1.0 + w)),
    })
}

/// At a breakpoint the slope is that of the piece above it, as the law's is.
fn piecewise(points: &[(f64, f64)], x: f64, r: f64) -> Response {
    let reached_at = |(v, i): (f64, f64)| v + r * i;
    let above = points.partition_point(|&point| reached_at(point) <= x);
    let k = above.clamp(1, points.len() - 1);
    let (from, to) = (points[k - 1], points[k]);
    let rise = (to.0 - from.0) + r * (to.1 - from.1);
    let slope = (to.0 - from.0) / rise;
    let passed = x - reached_at(from);
    Response {
        voltage: from.0 + slope * passed,
        current: from.1 + (to.1 - from.1) / rise * passed,
        slope,
    }
}
