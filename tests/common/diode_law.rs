//! The junction diode from its card: ngspice's `dioload.c` at DC, and PSpice's level 2. Written for the
//! tests, for numbers of any precision.

use ohmgrad::device::{Parameter, Shockley};

use super::double_double::{DoubleDouble, Real};

const BOLTZMANN: f64 = 1.38064852e-23;
const CHARGE: f64 = 1.6021766208e-19;
const ZERO_CELSIUS: f64 = 273.15;
/// ohmgrad spreads the step of ngspice's law at the begin of breakdown over this part of `NBV Vt`.
const STEP_WIDTH: f64 = 1e-3;

#[derive(Clone, Copy, Debug)]
struct Breakdown {
    start: DoubleDouble,
    thermal: f64,
    /// Voltage, negated, below which it rules.
    begin: f64,
}

#[derive(Clone, Copy, Debug)]
struct Recombination {
    scale: f64,
    thermal: f64,
    potential: f64,
    half_grading: f64,
}

/// Constants at the diode's temperature.
#[derive(Clone, Copy, Debug)]
pub struct DiodeLaw {
    scale: f64,
    pub thermal: f64,
    /// ohm.
    pub series: f64,
    gmin: f64,
    knee: Option<f64>,
    breakdown: Option<Breakdown>,
    recombination: Option<Recombination>,
    is_level_two: bool,
}

impl DiodeLaw {
    pub fn of(diode: &Shockley) -> Self {
        let get = |p| diode.value(p).expect("a parameter of every diode");
        let kelvin = get(Parameter::Temperature) + ZERO_CELSIUS;
        let nominal = diode.environment().nominal_temperature + ZERO_CELSIUS;
        let ratio = kelvin / nominal;
        let vt = BOLTZMANN * kelvin / CHARGE;
        let growth = |n: f64| {
            let barrier = get(Parameter::ActivationEnergy) * (ratio - 1.0) / vt;
            ((barrier + get(Parameter::SaturationExponent) * ratio.ln()) / n).exp()
        };
        let n = get(Parameter::EmissionCoefficient);
        let copies = get(Parameter::Multiplier);
        let area = get(Parameter::Area) * copies;
        let scale = get(Parameter::SaturationCurrent).max(1e-28) * area * growth(n);
        let is_level_two = diode.card().contains(&("level", 2.0));
        let recombination = diode.value(Parameter::RecombinationCurrent).map(|isr| {
            assert!(is_level_two, "recombination of level 1 is not monotone");
            let nr = get(Parameter::RecombinationEmission);
            let vj = get(Parameter::JunctionPotential);
            let at_nominal = (vj - gap(nominal)) * ratio;
            Recombination {
                scale: isr * area * growth(nr),
                thermal: nr * vt,
                potential: at_nominal - 3.0 * vt * ratio.ln() + gap(kelvin),
                half_grading: 0.5 * get(Parameter::GradingCoefficient).min(0.9),
            }
        });
        let breakdown = diode.value(Parameter::BreakdownVoltage).map(|bv| {
            assert!(!is_level_two, "breakdown of level 2 is not written here");
            let ibv = get(Parameter::BreakdownCurrent) * copies;
            let nbv = diode.value(Parameter::BreakdownEmission).unwrap_or(n);
            let start = breakdown_start(bv, ibv / scale, vt, nbv * vt);
            Breakdown {
                start,
                thermal: nbv * vt,
                begin: start.value().max(3.0 * n * vt),
            }
        });
        Self {
            scale,
            thermal: n * vt,
            series: get(Parameter::SeriesResistance) / area,
            gmin: diode.environment().gmin,
            knee: diode
                .value(Parameter::ForwardKneeCurrent)
                .map(|knee| knee * area),
            breakdown,
            recombination,
            is_level_two,
        }
    }

    /// Voltage where breakdown begins, negated, V; zero without it.
    pub fn farthest(&self) -> f64 {
        self.breakdown.map_or(0.0, |b| b.begin)
    }

    /// Current of the junction at its own voltage `u`, A.
    pub fn junction<T: Real + From<DoubleDouble>>(&self, u: T) -> T {
        let leak = T::from(self.gmin) * u;
        if self.is_level_two {
            self.level_two(u) + leak
        } else {
            self.level_one(u) + leak
        }
    }

    fn exponential<T: Real>(scale: f64, thermal: f64, u: T) -> T {
        T::from(scale) * (u / T::from(thermal)).exp_m1()
    }

    fn level_one<T: Real + From<DoubleDouble>>(&self, u: T) -> T {
        if u.value() >= -3.0 * self.thermal {
            let current = Self::exponential(self.scale, self.thermal, u);
            return match self.knee {
                Some(knee) if current.value() >= 1e-100 => {
                    current / (T::from(1.0) + (current / T::from(knee)).sqrt())
                }
                _ => current,
            };
        }
        match &self.breakdown {
            Some(breakdown) if u.value() < -breakdown.begin => self.broken(u, breakdown),
            _ => -T::from(self.scale) * (T::from(1.0) + self.cube(u)),
        }
    }

    /// `(3 N Vt/(e u))^3`.
    fn cube<T: Real>(&self, u: T) -> T {
        let root = T::from(3.0 * self.thermal / std::f64::consts::E) / u;
        root * root * root
    }

    fn broken<T: Real + From<DoubleDouble>>(&self, u: T, breakdown: &Breakdown) -> T {
        let thermal = T::from(breakdown.thermal);
        let growth = |u: T| (-(T::from(breakdown.start) + u) / thermal).exp();
        let begin = T::from(-breakdown.begin);
        let passed = (begin - u) / (thermal * T::from(STEP_WIDTH));
        let mut current = growth(u);
        if passed.value() < 1.0 {
            let step = growth(begin) - T::from(1.0) - self.cube(begin);
            current = current - step * (T::from(1.0) - passed);
        }
        -T::from(self.scale) * current
    }

    fn level_two<T: Real>(&self, u: T) -> T {
        let mut current = Self::exponential(self.scale, self.thermal, u);
        if let Some(knee) = self.knee.filter(|_| current.value() > 0.0) {
            let knee = T::from(knee);
            current = current * (knee / (knee + current)).sqrt();
        }
        if let Some(r) = &self.recombination {
            let inner = T::from(1.0) - u / T::from(r.potential);
            let depth = inner * inner + T::from(0.005);
            let generation = (T::from(r.half_grading) * depth.ln()).exp();
            current = current + Self::exponential(r.scale, r.thermal, u) * generation;
        }
        current
    }

    /// Slope of the junction's current, S.
    pub fn slope(&self, u: DoubleDouble) -> DoubleDouble {
        let thermal = self.breakdown.map_or(self.thermal, |b| b.thermal);
        let h = DoubleDouble::from(1e-10 * thermal.min(self.thermal));
        (self.junction(u + h) - self.junction(u - h)) / (h + h)
    }

    /// Whether a diode with the voltage `v +- open` may carry `current +- allowed`: both rise together,
    /// so that the corners of the box decide.
    pub fn admits(&self, v: f64, open: f64, current: f64, allowed: f64) -> bool {
        let needs = |v: f64, i: f64| i - self.junction(v - self.series * i);
        needs(v + open, current - allowed) <= 0.0 && needs(v - open, current + allowed) >= 0.0
    }
}

impl From<DoubleDouble> for f64 {
    fn from(x: DoubleDouble) -> f64 {
        x.value()
    }
}

/// Eg(T) of silicon, eV.
fn gap(kelvin: f64) -> f64 {
    1.16 - 7.02e-4 * kelvin * kelvin / (kelvin + 1108.0)
}

/// `x` of `IBV = IS (exp((BV - x)/(NBV Vt)) - 1 + x/Vt)`.
fn breakdown_start(bv: f64, ratio: f64, vt: f64, thermal: f64) -> DoubleDouble {
    let real = DoubleDouble::from;
    if ratio < bv / vt {
        return real(bv);
    }
    let mut x = real(bv);
    for _ in 0..100 {
        let growth = (real(ratio) + real(1.0) - x / real(vt)).ln();
        let next = real(bv) - real(thermal) * growth;
        let step = (next - x).abs().value();
        x = next;
        if step <= 1e-30 * bv {
            break;
        }
    }
    x
}
