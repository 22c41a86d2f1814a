//! The junction diode: Shockley's exponential with series resistance and reverse breakdown.
//!
//! The law is that of the SPICE level-1 diode at DC (Shockley 1949; Nagel 1975), with ngspice's
//! reverse branch, so that reverse currents agree as well:
//!
//! ```text
//! u >= -3 N Vt      j(u) = IS (exp(u/(N Vt)) - 1) + GMIN u
//! -BV <= u          j(u) = -IS (1 + (3 N Vt/(e u))^3) + GMIN u
//! u < -BV           j(u) = -IS exp(-(BV + u)/(NBV Vt)) + GMIN u
//! ```
//!
//! The series resistance is eliminated here: `v = u + RS j(u)` is solved for the junction voltage
//! `u`, so that the diode stays a one-port with a monotone law `i(v)` and no inner node.

use super::{Companion, Parameter};
use crate::units::{BOLTZMANN, CELSIUS_ZERO, ELEMENTARY_CHARGE};

/// Exponents above a limit are continued linearly: iterates pass there and must stay finite. The
/// limit is where the current reaches e^575 A (1e249), or where the exponential itself nears overflow.
const LARGEST_CURRENT_EXPONENT: f64 = 575.0;
const LARGEST_EXPONENT: f64 = 690.0;

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

/// Model-card parameters of a junction diode with SPICE's defaults. Units V, A, ohm, eV.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShockleyParameters {
    pub saturation_current: f64,
    pub emission_coefficient: f64,
    pub series_resistance: f64,
    pub breakdown_voltage: Option<f64>,
    pub breakdown_current: f64,
    /// Emission coefficient in breakdown; that of the forward law if absent.
    pub breakdown_emission: Option<f64>,
    pub activation_energy: f64,
    pub saturation_exponent: f64,
    pub area: f64,
}

impl Default for ShockleyParameters {
    fn default() -> Self {
        Self {
            saturation_current: 1e-14,
            emission_coefficient: 1.0,
            series_resistance: 0.0,
            breakdown_voltage: None,
            breakdown_current: 1e-3,
            breakdown_emission: None,
            activation_energy: 1.11,
            saturation_exponent: 3.0,
            area: 1.0,
        }
    }
}

/// The law's constants at the diode's temperature, or their derivatives to one parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Junction {
    /// Saturation current, A.
    saturation: f64,
    /// `N Vt`, V.
    thermal: f64,
    /// Series resistance, ohm.
    series: f64,
    /// Voltage where the breakdown branch starts, V (infinite without breakdown).
    breakdown: f64,
    /// `NBV Vt`, V.
    breakdown_thermal: f64,
}

/// A junction diode at its temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Shockley {
    parameters: ShockleyParameters,
    environment: Environment,
    junction: Junction,
}

impl Shockley {
    /// None unless IS, N, area and the absolute temperature are positive, RS is not negative and BV,
    /// IBV are positive where given.
    pub fn new(parameters: ShockleyParameters, environment: Environment) -> Option<Self> {
        let p = &parameters;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let valid = positive(p.saturation_current)
            && positive(p.emission_coefficient)
            && positive(p.area)
            && positive(p.breakdown_current)
            && positive(environment.temperature + CELSIUS_ZERO)
            && positive(environment.nominal_temperature + CELSIUS_ZERO)
            && p.series_resistance >= 0.0
            && p.series_resistance.is_finite()
            && p.breakdown_voltage.is_none_or(positive)
            && p.breakdown_emission.is_none_or(positive);
        let junction = Junction::new(p, &environment);
        let finite = positive(junction.saturation) && positive(junction.thermal);
        (valid && finite).then_some(Self {
            parameters,
            environment,
            junction,
        })
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
        let u = self.junction_voltage(voltage);
        let i = self.inner(u).current;
        self.inner_cocontent(u) + 0.5 * self.junction.series * i * i
    }

    /// The next linearization point is where the law carries the current that the linear model
    /// promises. For a junction alone and rising voltages this is SPICE's junction limiting
    /// (Nagel 1975); it holds with RS, downwards and in breakdown as well.
    pub fn limit(&self, proposed: f64, previous: f64) -> f64 {
        let j = &self.junction;
        let model = self.evaluate(previous);
        let current = model.current + model.conductance * (proposed - previous);
        // Coming from where almost nothing flows, the linear model may promise no current at all:
        // then the point moves to the knee of the branch that the step enters.
        if proposed > 0.0 {
            let current = current.max(j.saturation);
            let u = j.thermal * (current / j.saturation).ln_1p();
            (u + j.series * current).min(proposed)
        } else if proposed < -j.breakdown {
            let current = current.min(-j.saturation);
            let u = -j.breakdown - j.breakdown_thermal * (-current / j.saturation).ln();
            (u + j.series * current).max(proposed)
        } else {
            proposed
        }
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// NBV where the model card gives it.
    pub fn breakdown_emission(&self) -> Option<f64> {
        self.parameters.breakdown_emission
    }

    pub fn state(&self, voltage: f64) -> &'static str {
        let u = self.junction_voltage(voltage);
        if u < -self.junction.breakdown {
            "breakdown"
        } else if self.inner(u).current > 1e-6 * self.junction.thermal {
            "on"
        } else {
            "off"
        }
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        let mut list = vec![
            Parameter::SaturationCurrent,
            Parameter::EmissionCoefficient,
            Parameter::SeriesResistance,
        ];
        if self.parameters.breakdown_voltage.is_some() {
            list.extend([Parameter::BreakdownVoltage, Parameter::BreakdownCurrent]);
        }
        list.extend([
            Parameter::ActivationEnergy,
            Parameter::SaturationExponent,
            Parameter::Area,
            Parameter::Temperature,
        ]);
        list
    }

    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        let p = &self.parameters;
        match parameter {
            Parameter::SaturationCurrent => Some(p.saturation_current),
            Parameter::EmissionCoefficient => Some(p.emission_coefficient),
            Parameter::SeriesResistance => Some(p.series_resistance),
            Parameter::BreakdownVoltage => p.breakdown_voltage,
            Parameter::BreakdownCurrent => p.breakdown_voltage.map(|_| p.breakdown_current),
            Parameter::ActivationEnergy => Some(p.activation_energy),
            Parameter::SaturationExponent => Some(p.saturation_exponent),
            Parameter::Area => Some(p.area),
            Parameter::Temperature => Some(self.environment.temperature),
            _ => None,
        }
    }

    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        let (mut p, mut environment) = (self.parameters, self.environment);
        match parameter {
            Parameter::SaturationCurrent => p.saturation_current = value,
            Parameter::EmissionCoefficient => p.emission_coefficient = value,
            Parameter::SeriesResistance => p.series_resistance = value,
            Parameter::BreakdownVoltage => p.breakdown_voltage = Some(value),
            Parameter::BreakdownCurrent => p.breakdown_current = value,
            Parameter::ActivationEnergy => p.activation_energy = value,
            Parameter::SaturationExponent => p.saturation_exponent = value,
            Parameter::Area => p.area = value,
            Parameter::Temperature => environment.temperature = value,
            _ => return false,
        }
        match Self::new(p, environment) {
            Some(diode) => {
                *self = diode;
                true
            }
            None => false,
        }
    }

    /// `di/dtheta = j_theta/(1 + RS j_u)` and `di/dRS = -j_u i/(1 + RS j_u)` at fixed `v`.
    pub fn current_derivative(&self, parameter: Parameter, voltage: f64) -> f64 {
        let u = self.junction_voltage(voltage);
        let inner = self.inner(u);
        let t = self
            .junction
            .tangent(parameter, &self.parameters, &self.environment);
        let direct = self.inner_derivative(u, &t) - inner.conductance * inner.current * t.series;
        direct / (1.0 + self.junction.series * inner.conductance)
    }

    /// `j(u)` and `dj/du`.
    fn inner(&self, u: f64) -> Companion {
        let j = &self.junction;
        let gmin = self.environment.gmin;
        let (current, conductance) = if u >= -3.0 * j.thermal {
            let e = j.exponential(u / j.thermal);
            (
                j.saturation * e.value_minus_one,
                j.saturation * e.slope / j.thermal,
            )
        } else if u >= -j.breakdown {
            let cube = reverse_cube(j.thermal, u);
            (-j.saturation * (1.0 + cube), 3.0 * j.saturation * cube / u)
        } else {
            // The constant joins the two branches without a step.
            let joint = reverse_cube(j.thermal, -j.breakdown);
            let e = j.exponential(-(j.breakdown + u) / j.breakdown_thermal);
            let current = -j.saturation * (e.value_minus_one + 1.0 + joint);
            (current, j.saturation * e.slope / j.breakdown_thermal)
        };
        Companion {
            current: current + gmin * u,
            conductance: conductance + gmin,
        }
    }

    /// `integral_0^u j`.
    fn inner_cocontent(&self, u: f64) -> f64 {
        let j = &self.junction;
        let shunt = 0.5 * self.environment.gmin * u * u;
        let forward = |u: f64| {
            let x = u / j.thermal;
            j.saturation * j.thermal * (j.exponential(x).integral - x)
        };
        let corner = -3.0 * j.thermal;
        if u >= corner {
            return forward(u) + shunt;
        }
        let cube = (3.0 * j.thermal / std::f64::consts::E).powi(3);
        let reverse = |u: f64| {
            let inverse_squares = 1.0 / (u * u) - 1.0 / (corner * corner);
            forward(corner) - j.saturation * ((u - corner) - 0.5 * cube * inverse_squares)
        };
        if u >= -j.breakdown {
            return reverse(u) + shunt;
        }
        let beyond = u + j.breakdown;
        let joint = reverse_cube(j.thermal, -j.breakdown);
        let e = j.exponential(-beyond / j.breakdown_thermal);
        reverse(-j.breakdown)
            + j.saturation * (j.breakdown_thermal * e.integral - joint * beyond)
            + shunt
    }

    /// Derivative of `j(u)` along the tangent `t` of the junction's constants, at fixed `u`.
    fn inner_derivative(&self, u: f64, t: &Junction) -> f64 {
        let j = &self.junction;
        if u >= -3.0 * j.thermal {
            let e = j.exponential(u / j.thermal);
            return e.value_minus_one * t.saturation
                - j.saturation * e.slope * u / (j.thermal * j.thermal) * t.thermal;
        }
        if u >= -j.breakdown {
            let cube = reverse_cube(j.thermal, u);
            return -(1.0 + cube) * t.saturation
                - 3.0 * j.saturation * cube / j.thermal * t.thermal;
        }
        let joint = reverse_cube(j.thermal, -j.breakdown);
        let beyond = j.breakdown + u;
        let e = j.exponential(-beyond / j.breakdown_thermal);
        let slope = j.saturation * e.slope / j.breakdown_thermal;
        -(e.value_minus_one + 1.0 + joint) * t.saturation
            + slope * (t.breakdown - beyond / j.breakdown_thermal * t.breakdown_thermal)
            - 3.0 * j.saturation * joint * (t.thermal / j.thermal - t.breakdown / j.breakdown)
    }

    /// Solves `u + RS j(u) = v` by Newton inside a bracket; the left side rises with slope >= 1.
    fn junction_voltage(&self, v: f64) -> f64 {
        let j = &self.junction;
        if j.series == 0.0 || v == 0.0 {
            return v;
        }
        let (mut low, mut high) = if v > 0.0 { (0.0, v) } else { (v, 0.0) };
        // At these bounds the junction alone would carry the current that RS takes at full `v`.
        let drop = v.abs() / (j.series * j.saturation);
        let mut u = if v > 0.0 {
            v.min(j.thermal * drop.ln_1p())
        } else {
            v.max(-j.breakdown - j.breakdown_thermal * drop.ln_1p())
        };
        for _ in 0..100 {
            let inner = self.inner(u);
            let excess = u + j.series * inner.current - v;
            if excess > 0.0 {
                high = u;
            } else {
                low = u;
            }
            let step = excess / (1.0 + j.series * inner.conductance);
            let next = u - step;
            let next = if next > low && next < high {
                next
            } else {
                0.5 * (low + high)
            };
            if (next - u).abs() <= 2.0 * f64::EPSILON * u.abs() || next == low || next == high {
                return next;
            }
            u = next;
        }
        u
    }
}

impl Junction {
    fn new(p: &ShockleyParameters, environment: &Environment) -> Self {
        let vt = thermal_voltage(environment);
        let n = p.emission_coefficient;
        let saturation = p.saturation_current * p.area * temperature_exponent(p, environment).exp();
        let breakdown_thermal = p.breakdown_emission.unwrap_or(n) * vt;
        Self {
            saturation,
            thermal: n * vt,
            series: p.series_resistance / p.area,
            breakdown: p.breakdown_voltage.map_or(f64::INFINITY, |bv| {
                breakdown_start(bv, p.breakdown_current, saturation, vt, breakdown_thermal)
            }),
            breakdown_thermal,
        }
    }

    /// Derivatives of the constants to one parameter.
    fn tangent(self, to: Parameter, p: &ShockleyParameters, environment: &Environment) -> Self {
        let vt = thermal_voltage(environment);
        let n = p.emission_coefficient;
        let kelvin = environment.temperature + CELSIUS_ZERO;
        let nominal = environment.nominal_temperature + CELSIUS_ZERO;
        let mut t = Junction::default();
        let relative = match to {
            Parameter::SaturationCurrent => 1.0 / p.saturation_current,
            Parameter::Area => 1.0 / p.area,
            Parameter::EmissionCoefficient => -temperature_exponent(p, environment) / n,
            Parameter::ActivationEnergy => (kelvin / nominal - 1.0) / (n * vt),
            Parameter::SaturationExponent => (kelvin / nominal).ln() / n,
            Parameter::Temperature => {
                (p.activation_energy / vt + p.saturation_exponent) / (n * kelvin)
            }
            _ => 0.0,
        };
        t.saturation = self.saturation * relative;
        match to {
            Parameter::EmissionCoefficient => {
                t.thermal = vt;
                t.breakdown_thermal = if p.breakdown_emission.is_some() {
                    0.0
                } else {
                    vt
                };
            }
            Parameter::Temperature => {
                t.thermal = self.thermal / kelvin;
                t.breakdown_thermal = self.breakdown_thermal / kelvin;
            }
            Parameter::SeriesResistance => t.series = 1.0 / p.area,
            Parameter::Area => t.series = -p.series_resistance / (p.area * p.area),
            _ => {}
        }
        if let Some(bv) = p.breakdown_voltage {
            t.breakdown = self.breakdown_tangent(to, bv, vt, kelvin, &t);
        }
        t
    }

    /// Differentiates the equation that [`breakdown_start`] solves.
    fn breakdown_tangent(&self, to: Parameter, bv: f64, vt: f64, kelvin: f64, t: &Junction) -> f64 {
        let bv_dot = f64::from(to == Parameter::BreakdownVoltage);
        let current_dot = f64::from(to == Parameter::BreakdownCurrent);
        let vt_dot = if to == Parameter::Temperature {
            vt / kelvin
        } else {
            0.0
        };
        let (is, vb, x) = (self.saturation, self.breakdown_thermal, self.breakdown);
        if x == bv {
            return bv_dot;
        }
        if x == 3.0 * vb {
            return 3.0 * t.breakdown_thermal;
        }
        let e = ((bv - x) / vb).exp();
        let right = t.saturation * (e - 1.0 + x / vt)
            + is * e / vb * (bv_dot - (bv - x) / vb * t.breakdown_thermal)
            - is * x / (vt * vt) * vt_dot
            - current_dot;
        right / (is * (e / vb - 1.0 / vt))
    }
}

fn thermal_voltage(environment: &Environment) -> f64 {
    BOLTZMANN * (environment.temperature + CELSIUS_ZERO) / ELEMENTARY_CHARGE
}

/// `ln(IS(T)/IS)`: `(T/Tnom - 1) EG/(N Vt) + (XTI/N) ln(T/Tnom)`.
fn temperature_exponent(p: &ShockleyParameters, environment: &Environment) -> f64 {
    let ratio =
        (environment.temperature + CELSIUS_ZERO) / (environment.nominal_temperature + CELSIUS_ZERO);
    let vt = thermal_voltage(environment);
    ((ratio - 1.0) * p.activation_energy / vt + p.saturation_exponent * ratio.ln())
        / p.emission_coefficient
}

/// Where the breakdown branch must start so that the diode carries IBV at -BV: SPICE's
/// `IBV = IS (exp((BV - x)/(NBV Vt)) - 1 + x/Vt)`; BV itself if IBV is too small for that. IBV does
/// not scale with the area.
fn breakdown_start(bv: f64, ibv: f64, saturation: f64, vt: f64, breakdown_thermal: f64) -> f64 {
    if ibv <= saturation * bv / vt {
        return bv;
    }
    let mut x = bv - breakdown_thermal * (ibv / saturation).ln_1p();
    for _ in 0..100 {
        let next = bv - breakdown_thermal * (ibv / saturation + 1.0 - x / vt).ln();
        let change = (next - x).abs();
        x = next;
        if change <= 2.0 * f64::EPSILON * bv {
            break;
        }
    }
    // A breakdown so low that it would begin inside the forward branch begins at its end.
    x.max(3.0 * breakdown_thermal)
}

/// `(3 N Vt/(e u))^3`, negative for negative `u`.
fn reverse_cube(thermal: f64, u: f64) -> f64 {
    (3.0 * thermal / (u * std::f64::consts::E)).powi(3)
}

/// `exp(x) - 1`, its slope, and `integral_0^x exp`, continued linearly for large `x`.
struct Exponential {
    value_minus_one: f64,
    slope: f64,
    integral: f64,
}

impl Junction {
    fn exponential(&self, x: f64) -> Exponential {
        let limit = (LARGEST_CURRENT_EXPONENT - self.saturation.ln()).min(LARGEST_EXPONENT);
        if x <= limit {
            let value_minus_one = x.exp_m1();
            return Exponential {
                value_minus_one,
                slope: x.exp(),
                integral: value_minus_one,
            };
        }
        let top = limit.exp();
        let beyond = x - limit;
        Exponential {
            value_minus_one: top * (1.0 + beyond) - 1.0,
            slope: top,
            integral: top * (1.0 + beyond * (1.0 + 0.5 * beyond)) - 1.0,
        }
    }
}
