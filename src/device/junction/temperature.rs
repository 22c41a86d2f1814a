//! From the parameters of a diode to the constants of its law at its temperature: ngspice-39's
//! `diotemp.c` and `diosetup.c`, and the PSpice A/D reference guide for level 2.

use super::Environment;
use super::law::{Breakdown, Diffusion, Exponential, Extras, Junction, Recombination};
use super::parameters::{DiodeLevel, ShockleyParameters};
use crate::device::Parameter;
use crate::device::dual::Scalar;
use crate::units::{BOLTZMANN, CELSIUS_ZERO, ELEMENTARY_CHARGE};

/// ngspice raises a smaller IS to this and takes smaller knee currents as absent, A.
const SMALLEST_CURRENT: f64 = 1e-28;
/// ngspice limits M to this at any temperature.
const LARGEST_GRADING: f64 = 0.9;
/// Reference of the silicon potential laws, K.
const REFERENCE: f64 = 300.15;

/// Parameters as scalars: `lift` makes one of a parameter and its value.
struct Card<'a, S> {
    parameters: &'a ShockleyParameters,
    lift: &'a dyn Fn(Parameter, f64) -> S,
    /// `area m`, of which every current of the area is a multiple.
    area: S,
    perimeter: S,
    /// K.
    kelvin: S,
    nominal: f64,
    /// `k T/q`, V.
    vt: S,
    /// `T - Tnom`.
    rise: S,
}

impl<S: Scalar> Junction<S> {
    pub fn new(
        parameters: &ShockleyParameters,
        environment: &Environment,
        lift: &dyn Fn(Parameter, f64) -> S,
    ) -> Self {
        let card = Card::new(parameters, environment, lift);
        match parameters.level {
            DiodeLevel::One => card.level_one(environment.gmin),
            DiodeLevel::Two => card.level_two(environment.gmin),
        }
    }
}

impl<'a, S: Scalar> Card<'a, S> {
    fn new(
        parameters: &'a ShockleyParameters,
        environment: &Environment,
        lift: &'a dyn Fn(Parameter, f64) -> S,
    ) -> Self {
        let kelvin = lift(Parameter::Temperature, environment.temperature) + S::from(CELSIUS_ZERO);
        let nominal = environment.nominal_temperature + CELSIUS_ZERO;
        let multiplier = lift(Parameter::Multiplier, parameters.multiplier);
        Self {
            parameters,
            lift,
            area: lift(Parameter::Area, parameters.area) * multiplier,
            perimeter: lift(Parameter::Perimeter, parameters.perimeter) * multiplier,
            kelvin,
            nominal,
            vt: kelvin * S::from(BOLTZMANN / ELEMENTARY_CHARGE),
            rise: kelvin - S::from(nominal),
        }
    }

    fn option(&self, parameter: Parameter) -> Option<S> {
        let value = self.parameters.given(parameter)?;
        Some((self.lift)(parameter, value))
    }

    /// A parameter with a default.
    fn number(&self, parameter: Parameter) -> S {
        let value = self.parameters.given(parameter).unwrap_or(f64::NAN);
        (self.lift)(parameter, value)
    }

    /// A parameter whose default depends on the level.
    fn or(&self, parameter: Parameter, default: f64) -> S {
        let value = self.parameters.given(parameter).unwrap_or(default);
        (self.lift)(parameter, value)
    }

    fn level_one(&self, gmin: f64) -> Junction<S> {
        let n = self.number(Parameter::EmissionCoefficient);
        let forward = self.saturation(n);
        let breakdown = self.breakdown(forward.scale, n);
        let sidewall = self.sidewall();
        let own_sidewall = self.parameters.sidewall_emission.and(sidewall);
        let joined = match sidewall.filter(|_| own_sidewall.is_none()) {
            Some(side) => Exponential::new(forward.scale + side.scale, forward.thermal),
            None => forward,
        };
        let extras = Extras {
            sidewall: own_sidewall.map(|side| Diffusion::new(side, breakdown)),
            recombination: self.recombination(1.0, Self::potential),
            tunnel: self.tunnel(),
            forward_knee: self.knee(Parameter::ForwardKneeCurrent),
            reverse_knee: self.knee(Parameter::ReverseKneeCurrent),
            ..Extras::none(DiodeLevel::One)
        };
        Junction {
            area: Diffusion::new(joined, breakdown),
            series: self.series(),
            gmin,
            extras: extras.any().then(|| Box::new(extras)),
        }
    }

    fn level_two(&self, gmin: f64) -> Junction<S> {
        let n = self.number(Parameter::EmissionCoefficient);
        let knee = self.knee(Parameter::ForwardKneeCurrent);
        let growth = S::from(1.0) + self.number(Parameter::KneeTemperature) * self.rise;
        let breakdown_voltage = self.option(Parameter::BreakdownVoltage).map(|bv| {
            let linear = self.number(Parameter::RelativeBreakdownTemperature);
            let square = self.number(Parameter::QuadraticBreakdownTemperature);
            bv * self.quadratic(linear, square)
        });
        Junction {
            area: Diffusion::new(self.saturation(n), None),
            series: self.series(),
            gmin,
            extras: Some(Box::new(Extras {
                recombination: self.recombination(2.0, Self::potential_level_two),
                forward_knee: knee.map(|knee| knee * growth),
                breakdown_voltage,
                reverse: self.reverse(),
                ..Extras::none(DiodeLevel::Two)
            })),
        }
    }

    /// `exp((T/Tnom - 1) EG/(n Vt)) (T/Tnom)^(XTI/n)`, the growth of a saturation current.
    fn growth(&self, energy: S, exponent: S, n: S) -> S {
        let ratio = self.kelvin / S::from(self.nominal);
        let barrier = (ratio - S::from(1.0)) * energy / self.vt;
        ((barrier + exponent * ratio.ln()) / n).exp()
    }

    fn silicon_growth(&self, n: S) -> S {
        let energy = self.number(Parameter::ActivationEnergy);
        self.growth(energy, self.number(Parameter::SaturationExponent), n)
    }

    /// `1 + a (T - Tnom) + b (T - Tnom)^2`.
    fn quadratic(&self, a: S, b: S) -> S {
        S::from(1.0) + (a + b * self.rise) * self.rise
    }

    fn saturation(&self, n: S) -> Exponential<S> {
        let given = self.number(Parameter::SaturationCurrent);
        let scale = if given.value() < SMALLEST_CURRENT {
            S::from(SMALLEST_CURRENT)
        } else {
            given
        };
        Exponential::new(scale * self.area * self.silicon_growth(n), n * self.vt)
    }

    fn sidewall(&self) -> Option<Exponential<S>> {
        let ns = self.or(Parameter::SidewallEmission, 1.0);
        let scale = self.option(Parameter::SidewallCurrent)? * self.perimeter;
        let scale = scale * self.silicon_growth(ns);
        Some(Exponential::new(scale, ns * self.vt))
    }

    fn recombination(&self, nr: f64, potential: fn(&Self) -> S) -> Option<Recombination<S>> {
        let nr = self.or(Parameter::RecombinationEmission, nr);
        let scale = self.option(Parameter::RecombinationCurrent)? * self.area;
        Some(Recombination {
            forward: Exponential::new(scale * self.silicon_growth(nr), nr * self.vt),
            potential: potential(self),
            half_grading: S::from(0.5) * self.grading(),
        })
    }

    fn grading(&self) -> S {
        let linear = self.number(Parameter::GradingTemperature);
        let square = self.number(Parameter::QuadraticGradingTemperature);
        let grading = self.number(Parameter::GradingCoefficient) * self.quadratic(linear, square);
        if grading.value() > LARGEST_GRADING {
            S::from(LARGEST_GRADING)
        } else {
            grading
        }
    }

    fn tunnel(&self) -> Option<Exponential<S>> {
        let bottom = self.option(Parameter::TunnelCurrent);
        let side = self.option(Parameter::SidewallTunnelCurrent);
        let bottom = bottom.map(|current| current * self.area);
        let side = side.map(|current| current * self.perimeter);
        let current = match (bottom, side) {
            (Some(a), Some(b)) => a + b,
            (a, b) => a.or(b)?,
        };
        let n = self.number(Parameter::TunnelEmission);
        let energy =
            self.number(Parameter::TunnelEnergyFactor) * self.number(Parameter::ActivationEnergy);
        let growth = self.growth(energy, self.number(Parameter::TunnelExponent), n);
        Some(Exponential::new(current * growth, n * self.vt))
    }

    fn knee(&self, parameter: Parameter) -> Option<S> {
        self.option(parameter)
            .filter(|knee| knee.value() >= SMALLEST_CURRENT)
            .map(|knee| knee * self.area)
    }

    fn series(&self) -> S {
        let linear = self.number(Parameter::ResistanceTemperature);
        let square = self.number(Parameter::QuadraticResistanceTemperature);
        self.number(Parameter::SeriesResistance) * self.quadratic(linear, square) / self.area
    }

    fn reverse(&self) -> [Option<Exponential<S>>; 2] {
        let tail = |current: S, emission: S| {
            (current.value() > 0.0)
                .then(|| Exponential::new(current * self.area, emission * self.vt))
        };
        let high = self.or(Parameter::BreakdownCurrent, 1e-10);
        let low = self.or(Parameter::LowBreakdownCurrent, 0.0);
        [
            tail(high, self.or(Parameter::BreakdownEmission, 1.0)),
            tail(low, self.number(Parameter::LowBreakdownEmission)),
        ]
    }

    /// IBV scales with the multiplier and not with the area.
    fn breakdown(&self, saturation: S, n: S) -> Option<Breakdown<S>> {
        let nominal = self.option(Parameter::BreakdownVoltage)?;
        let shift = self.number(Parameter::BreakdownTemperature) * self.rise;
        let voltage = if self.parameters.breakdown_temperature_law == 1.0 {
            nominal * (S::from(1.0) - shift)
        } else {
            nominal - shift
        };
        let current =
            self.or(Parameter::BreakdownCurrent, 1e-3) * self.number(Parameter::Multiplier);
        let thermal = self.option(Parameter::BreakdownEmission).unwrap_or(n) * self.vt;
        Some(Breakdown {
            start: breakdown_start(voltage, current / saturation, self.vt, thermal),
            thermal,
        })
    }

    /// Eg(T) of silicon, eV (Varshni 1967).
    fn gap(kelvin: S) -> S {
        S::from(1.16) - S::from(7.02e-4) * kelvin * kelvin / (kelvin + S::from(1108.0))
    }

    /// VJ(T) of Berkeley SPICE, or linear where TLEVC = 1.
    fn potential(&self) -> S {
        let vj = self.number(Parameter::JunctionPotential);
        let potential = if self.parameters.potential_temperature_law == 1.0 {
            let rise = self.kelvin - S::from(REFERENCE);
            vj - self.number(Parameter::PotentialTemperature) * rise
        } else {
            let nominal = S::from(self.nominal);
            let reference = (vj - Self::potential_shift(nominal)) * S::from(REFERENCE) / nominal;
            Self::potential_shift(self.kelvin) + self.kelvin * reference / S::from(REFERENCE)
        };
        let largest = S::from(1.0) / self.number(Parameter::DepletionCoefficient);
        if potential.value() > largest.value() {
            largest
        } else {
            potential
        }
    }

    /// `pbfact` of `diotemp.c`, V.
    fn potential_shift(kelvin: S) -> S {
        let vt = kelvin * S::from(BOLTZMANN / ELEMENTARY_CHARGE);
        let reference = 1.1150877 / (2.0 * REFERENCE);
        let arg = S::from(reference) - Self::gap(kelvin) / (S::from(2.0) * kelvin);
        let arg = arg * S::from(ELEMENTARY_CHARGE / BOLTZMANN);
        let log = (kelvin / S::from(REFERENCE)).ln();
        -S::from(2.0) * vt * (S::from(1.5) * log + arg)
    }

    /// VJ(T) of PSpice.
    fn potential_level_two(&self) -> S {
        let nominal = S::from(self.nominal);
        let ratio = self.kelvin / nominal;
        let vj = self.number(Parameter::JunctionPotential);
        (vj - Self::gap(nominal)) * ratio - S::from(3.0) * self.vt * ratio.ln()
            + Self::gap(self.kelvin)
    }
}

/// Where breakdown must start so that the diode carries IBV at -BV: SPICE's
/// `IBV = IS (exp((BV - x)/(NBV Vt)) - 1 + x/Vt)`; BV itself if IBV is too small for that.
/// `ratio` is IBV/IS. One Newton step in `S` at the solution carries the derivative.
fn breakdown_start<S: Scalar>(voltage: S, ratio: S, vt: S, thermal: S) -> S {
    if !(ratio.value() >= (voltage / vt).value()) {
        return voltage;
    }
    let next = |x: S| voltage - thermal * (ratio + S::from(1.0) - x / vt).ln();
    let tolerance = 2.0 * f64::EPSILON * voltage.value();
    let mut x = voltage - thermal * (ratio + S::from(1.0)).ln();
    for _ in 0..100 {
        let last = x;
        x = S::from(next(x).value());
        if (x.value() - last.value()).abs() <= tolerance {
            break;
        }
    }
    let slope = thermal / (vt * (ratio + S::from(1.0) - x / vt));
    x + (next(x) - x) / (S::from(1.0) - slope)
}
