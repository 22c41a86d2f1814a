//! The plain diode, `IS (exp(v/(N Vt)) - 1) + GMIN v`, in a form that compilers turn into vector
//! instructions: no branch, no call.

use super::Shockley;
use super::law::reverse_cube;

/// A diode without series resistance, breakdown and second-order effects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlainDiode {
    /// IS, A.
    pub scale: f64,
    /// N Vt, V.
    pub thermal: f64,
    /// S.
    pub gmin: f64,
    /// Exponents above are continued linearly.
    largest: f64,
}

impl Shockley {
    /// The same law as a plain diode, if it is one.
    pub fn plain(&self) -> Option<PlainDiode> {
        let junction = &self.junction;
        let is_plain = junction.series == 0.0
            && junction.extras.is_none()
            && junction.area.breakdown.is_none();
        is_plain.then_some(PlainDiode {
            scale: junction.area.forward.scale,
            thermal: junction.area.forward.thermal,
            gmin: junction.gmin,
            largest: junction.area.forward.largest,
        })
    }
}

impl PlainDiode {
    /// The same diode where voltages and currents are counted in units of so many V and A.
    pub fn in_units_of(self, unit: f64) -> Self {
        Self {
            scale: self.scale / unit,
            thermal: self.thermal / unit,
            ..self
        }
    }

    /// Current (A) and slope (S) at a voltage (V).
    #[inline(always)]
    pub fn evaluate(&self, v: f64) -> (f64, f64) {
        let x = v / self.thermal;
        let inside = x.min(self.largest);
        let rise = exp_m1(inside.max(-40.0));
        let forward = rise + (x - inside) * (rise + 1.0);
        // Below -3 N Vt SPICE lets the current come from below to -IS.
        let is_forward = x >= -3.0;
        let cube = reverse_cube(self.thermal, if is_forward { -self.thermal } else { v });
        let current = if is_forward { forward } else { -1.0 - cube };
        let slope = if is_forward {
            rise + 1.0
        } else {
            3.0 * cube / x
        };
        (
            self.scale * current + self.gmin * v,
            self.scale * slope / self.thermal + self.gmin,
        )
    }

    /// The voltage at which the diode takes what a source of the current `available` (A) and the
    /// conductance `g` (S) offers, to a thousandth of `N Vt`: a point to linearize at.
    pub fn resolvent(&self, available: f64, g: f64) -> f64 {
        let part = |current: f64| (current / self.scale).max(1.0);
        let mut v = (self.thermal * part(available).ln_1p()).min(available.max(0.0) / g);
        for _ in 0..2 {
            let left = part(available - g * v);
            let slope = 1.0 + self.thermal * g / (self.scale * (1.0 + left));
            v -= (v - self.thermal * left.ln_1p()) / slope;
        }
        v
    }
}

/// `exp(x) - 1` to about one unit in the last place, for `-40 <= x <= 700`.
#[inline(always)]
fn exp_m1(x: f64) -> f64 {
    /// Adding it rounds a number to an integer, which the last bits of the sum then hold.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// 1/k! from k = 13 down to 2.
    const TERMS: [f64; 12] = [
        1.605_904_383_682_161_5e-10,
        2.087_675_698_786_81e-9,
        2.505_210_838_544_172e-8,
        2.755_731_922_398_589_3e-7,
        2.755_731_922_398_589e-6,
        2.480_158_730_158_73e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
    ];
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut sum = TERMS[0];
    let mut index = 1;
    while index < TERMS.len() {
        sum = sum * r + TERMS[index];
        index += 1;
    }
    let rise = r * r * sum + r;
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    power * rise + (power - 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, ShockleyParameters};
    use super::*;

    #[test]
    fn it_is_the_law_of_the_diode() {
        for (saturation, emission, gmin) in
            [(1e-14, 1.0, 1e-12), (1e-6, 2.0, 0.0), (1e-20, 0.3, 1e-9)]
        {
            let parameters = ShockleyParameters {
                saturation_current: saturation,
                emission_coefficient: emission,
                ..ShockleyParameters::default()
            };
            let environment = Environment {
                gmin,
                ..Environment::default()
            };
            let diode = Shockley::new(parameters, environment).unwrap();
            let plain = diode.plain().unwrap();
            for k in -4000..4000 {
                let v = (f64::from(k) * 1e-2).sinh() * 1e-12 + f64::from(k) * 1e-3;
                let (current, slope) = plain.evaluate(v);
                let law = diode.evaluate(v);
                let near = |a: f64, b: f64| (a - b).abs() <= 4e-14 * b.abs();
                assert!(near(current, law.current), "{v}: {current} {}", law.current);
                assert!(
                    near(slope, law.conductance),
                    "{v}: {slope} {}",
                    law.conductance
                );
            }
        }
    }

    #[test]
    fn the_resolvent_takes_what_is_offered() {
        let diode = Shockley::new(ShockleyParameters::default(), Environment::default());
        let plain = diode.unwrap().plain().unwrap();
        for (available, g) in [(1.0, 1.0), (1e-3, 1e-3), (100.0, 0.5), (1e-6, 1e-5)] {
            let v = plain.resolvent(available, g);
            let (current, slope) = plain.evaluate(v);
            let miss = (current + g * v - available) / (slope + g);
            assert!(miss.abs() < 1e-3 * plain.thermal, "{available} {g}: {miss}");
        }
    }
}
