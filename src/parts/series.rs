//! Preferred values of resistors (IEC 60063).

use clap::ValueEnum;

/// A series of preferred values: so many in each decade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Series {
    /// 10 %
    E12,
    /// 5 %
    E24,
    /// 1 %
    E96,
}

/// Two digits, as the standard lists them: some differ from the rounded powers of ten. Every second
/// one is in E12.
const E24: [u32; 24] = [
    10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91,
];

impl Series {
    pub const ALL: [Series; 3] = [Self::E12, Self::E24, Self::E96];

    pub fn name(self) -> &'static str {
        match self {
            Self::E12 => "E12",
            Self::E24 => "E24",
            Self::E96 => "E96",
        }
    }

    /// The tolerance that parts of the series are sold with, as a part of the value.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::E12 => 0.1,
            Self::E24 => 0.05,
            Self::E96 => 0.01,
        }
    }

    fn len(self) -> i32 {
        match self {
            Self::E12 => 12,
            Self::E24 => 24,
            Self::E96 => 96,
        }
    }

    /// The k-th value from 1 up, k in any decade: digits of which three stand for the decade's first
    /// value, 100, and the power of ten that they are multiplied by.
    fn value(self, k: i32) -> f64 {
        let (decade, place) = (k.div_euclid(self.len()), k.rem_euclid(self.len()));
        let digits = match self {
            Self::E12 => 10 * E24[2 * place as usize],
            Self::E24 => 10 * E24[place as usize],
            Self::E96 => 10f64.powf(2.0 + f64::from(place) / 96.0).round() as u32,
        };
        // From its text a value has the bits that a deck gives it.
        let text = compact_str::format_compact!("{digits}e{}", decade - 2);
        text.parse().unwrap_or(f64::NAN)
    }

    /// The values from 1 up to 10, without it.
    pub fn decade(self) -> Vec<f64> {
        (0..self.len()).map(|k| self.value(k)).collect()
    }

    /// The value nearest to `value` by ratio, the lower one of two; none if `value` is not above zero
    /// or there is no such number.
    pub fn nearest(self, value: f64) -> Option<f64> {
        if !(value > 0.0 && value.is_finite()) {
            return None;
        }
        let count = f64::from(self.len());
        // Values of the lists are within two places of the powers that they stand for.
        let near = (count * value.log10()).round() as i32;
        let distance = |candidate: f64| match candidate > value {
            true => candidate / value,
            false => value / candidate,
        };
        let candidates = (near - 2..=near + 2).map(|k| self.value(k));
        let found = candidates.min_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
        (found > 0.0 && found.is_finite()).then_some(found)
    }
}
