//! Random elements: parameters over as many decades as a deck may hold.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::device::{
    Device, DiodeLevel, Environment, PiecewiseDiode, PiecewiseTable, Shockley, ShockleyParameters,
};
use crate::units::{BOLTZMANN, CELSIUS_ZERO, ELEMENTARY_CHARGE};

/// Saturation currents at a diode's own temperature, A: with a small N some ten kelvins would make
/// kiloamperes of picoamperes.
const SATURATION: std::ops::RangeInclusive<f64> = 1e-24..=1e-3;

/// Log-uniform, rounded to four digits so that decks are short.
pub(super) fn log_uniform(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    rounded(rng.random_range(low.log10()..=high.log10().max(low.log10()))).clamp(low, high)
}

fn rounded(exponent: f64) -> f64 {
    let text = format!("{:.3e}", 10f64.powf(exponent));
    text.parse().unwrap_or(1.0)
}

fn sign(rng: &mut ChaCha8Rng) -> f64 {
    if rng.random_bool(0.5) { 1.0 } else { -1.0 }
}

/// What the elements of one circuit have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranges {
    /// Least and largest resistance, ohm.
    pub resistance: (f64, f64),
    /// Largest voltage that a current may have across its resistor, V.
    pub largest_voltage: f64,
    pub environment: Environment,
    /// Whether some diodes are of level 2.
    pub level_two: bool,
}

impl Ranges {
    /// 1 to 15 decades of resistance between 1 uohm and 1 Tohm; with `floor`, none below it.
    pub fn any(rng: &mut ChaCha8Rng, environment: Environment, floor: f64) -> Self {
        let least = floor.max(1e-6).log10();
        let decades = rng.random_range(1.0..15.0f64).min(12.0 - least);
        let low = rng.random_range(least..=f64::max(least, 12.0 - decades));
        let highest = if rng.random_bool(0.03) { 12.0 } else { 6.0 };
        Self {
            resistance: (rounded(low), rounded(low + decades)),
            largest_voltage: rounded(rng.random_range(0.0..highest)),
            environment,
            level_two: rng.random_bool(0.2),
        }
    }

    pub fn resistance(&self, rng: &mut ChaCha8Rng) -> f64 {
        log_uniform(rng, self.resistance.0, self.resistance.1)
    }

    /// 1 uV to 1 kV, of either sign.
    pub fn voltage(&self, rng: &mut ChaCha8Rng) -> f64 {
        log_uniform(rng, 1e-6, 1e3) * sign(rng)
    }

    /// 1 fA to 10 kA, of either sign; no more than makes the circuit's largest voltage at
    /// `resistance`.
    pub fn current(&self, rng: &mut ChaCha8Rng, resistance: f64) -> f64 {
        let largest = (self.largest_voltage / resistance).clamp(1e-15, 1e4);
        log_uniform(rng, 1e-15, largest) * sign(rng)
    }

    pub fn transformer(rng: &mut ChaCha8Rng) -> Device {
        let ratio = log_uniform(rng, 1e-3, 1e3) * sign(rng);
        Device::Transformer { ratio }
    }

    pub fn gyrator(&self, rng: &mut ChaCha8Rng) -> Device {
        let conductance = sign(rng) / self.resistance(rng);
        Device::Gyrator { conductance }
    }

    /// RS is left out only where `may_be_stiff`.
    pub fn shockley(&self, rng: &mut ChaCha8Rng, may_be_stiff: bool) -> Option<Shockley> {
        let mut p = ShockleyParameters {
            saturation_current: log_uniform(rng, 1e-20, 1e-3),
            emission_coefficient: log_uniform(rng, 0.01, 10.0),
            ..ShockleyParameters::default()
        };
        if rng.random_bool(0.5) {
            p.emission_coefficient = log_uniform(rng, 0.8, 2.5);
        }
        if !may_be_stiff || rng.random_bool(0.5) {
            p.series_resistance = log_uniform(rng, 1e-6, 1e3);
        }
        if rng.random_bool(0.3) {
            p.breakdown_voltage = Some(log_uniform(rng, 1.0, 1e3));
            p.breakdown_current = Some(log_uniform(rng, 1e-12, 1e-1));
            if rng.random_bool(0.3) {
                p.breakdown_emission = Some(log_uniform(rng, 0.5, 10.0));
            }
        }
        if rng.random_bool(0.2) {
            p.area = log_uniform(rng, 0.1, 10.0);
        }
        if rng.random_bool(0.1) {
            p.multiplier = f64::from(rng.random_range(2..=10u32));
        }
        match rng.random_range(0..20) {
            0 => p.forward_knee_current = Some(log_uniform(rng, 1e-6, 10.0)),
            1 if self.level_two => level_two(rng, &mut p),
            _ => {}
        }
        let mut environment = self.environment;
        if rng.random_bool(0.3) {
            let temperature = f64::from(rng.random_range(-55..=150));
            let growth = growth(&p, temperature, environment.nominal_temperature);
            if SATURATION.contains(&(p.saturation_current * growth)) {
                environment.temperature = temperature;
            }
        }
        Shockley::new(p, environment)
    }

    pub fn piecewise_diode(&self, rng: &mut ChaCha8Rng) -> Option<PiecewiseDiode> {
        let (a, b) = (self.resistance(rng), self.resistance(rng));
        let forward = if rng.random_bool(0.2) {
            0.0
        } else {
            log_uniform(rng, 1e-3, 10.0)
        };
        let reverse = rng
            .random_bool(0.4)
            .then(|| (log_uniform(rng, 1.0, 1e3), self.resistance(rng)));
        PiecewiseDiode::new(a.min(b), a.max(b), forward, reverse, 1.0)
    }

    /// Steps of either zero or several decades of current; none beyond what makes the circuit's
    /// largest voltage at `resistance`.
    pub fn table(&self, rng: &mut ChaCha8Rng, resistance: f64) -> Option<PiecewiseTable> {
        let largest = (self.largest_voltage / resistance).clamp(1e-15, 1e2);
        let (width, height) = (
            log_uniform(rng, 1e-3, 1e2),
            log_uniform(rng, 1e-3 * largest, 0.1 * largest),
        );
        let (mut v, mut i) = (
            width * f64::from(rng.random_range(-5..=0)),
            height * f64::from(rng.random_range(-5..=0)),
        );
        let mut points = vec![(v, i)];
        for _ in 0..rng.random_range(1..=6) {
            v += width * log_uniform(rng, 1e-2, 1.0);
            if rng.random_bool(0.7) {
                i += height * log_uniform(rng, 1e-4, 1.0);
            }
            points.push((v, i));
        }
        PiecewiseTable::new(points).ok()
    }
}

/// Recombination at level 2, whose current never falls; at level 1 it ends with a jump.
fn level_two(rng: &mut ChaCha8Rng, p: &mut ShockleyParameters) {
    p.level = DiodeLevel::Two;
    p.multiplier = 1.0;
    p.breakdown_voltage = None;
    p.breakdown_current = None;
    p.breakdown_emission = None;
    p.recombination_current = Some(log_uniform(rng, 1e-18, 1e-6));
    p.recombination_emission = Some(log_uniform(rng, 1.0, 3.0));
    if rng.random_bool(0.5) {
        p.forward_knee_current = Some(log_uniform(rng, 1e-6, 10.0));
    }
}

/// Factor by which the saturation current changes with the temperature.
fn growth(p: &ShockleyParameters, temperature: f64, nominal: f64) -> f64 {
    let kelvin = temperature + CELSIUS_ZERO;
    let ratio = kelvin / (nominal + CELSIUS_ZERO);
    let vt = kelvin * BOLTZMANN / ELEMENTARY_CHARGE;
    let total = p.activation_energy * (ratio - 1.0) / vt + p.saturation_exponent * ratio.ln();
    (total / p.emission_coefficient).exp()
}
