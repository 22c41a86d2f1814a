//! The effects of a bench by name, each alone or all.

use crate::learning::BenchConfig;
use crate::units::format_engineering;

/// One way in which a bench differs from the ideal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Resolution,
    Noise,
    Mismatch,
    DiodeMismatch,
    Steps,
    Bounds,
    Drift,
}

impl Effect {
    pub const ALL: [Self; 7] = [
        Self::Resolution,
        Self::Noise,
        Self::Mismatch,
        Self::DiodeMismatch,
        Self::Steps,
        Self::Bounds,
        Self::Drift,
    ];

    /// Whether a bench has it.
    pub fn is_in(self, bench: &BenchConfig) -> bool {
        match self {
            Self::Resolution => bench.bits.is_some(),
            Self::Noise => bench.noise > 0.0,
            Self::Mismatch => bench.mismatch > 0.0,
            Self::DiodeMismatch => bench.diode_mismatch > 0.0,
            Self::Steps => bench.levels.is_some() || bench.step.is_some(),
            Self::Bounds => bench.min.is_some() || bench.max.is_some(),
            Self::Drift => bench.drift > 0.0,
        }
    }

    /// All effects of a bench in words; `ideal` if there is none.
    pub fn list(bench: &BenchConfig) -> String {
        let present = Self::ALL.into_iter().filter(|e| e.is_in(bench));
        let texts: Vec<String> = present.map(|e| e.describe(bench)).collect();
        match texts.is_empty() {
            true => "ideal".to_string(),
            false => texts.join(", "),
        }
    }

    /// A bench with these effects of `bench` and no other.
    pub fn only(effects: &[Self], bench: &BenchConfig) -> BenchConfig {
        let mut own = BenchConfig {
            injection: bench.injection,
            ..BenchConfig::default()
        };
        for effect in effects {
            match effect {
                Self::Resolution => {
                    own.bits = bench.bits;
                    own.range = bench.range;
                    own.adjoint_range = bench.adjoint_range;
                    own.output_range = bench.output_range;
                }
                Self::Noise => own.noise = bench.noise,
                Self::Mismatch => own.mismatch = bench.mismatch,
                Self::DiodeMismatch => own.diode_mismatch = bench.diode_mismatch,
                Self::Steps => {
                    own.step = bench.step_within(bench.min, bench.max);
                    own.levels = own.step.map_or(bench.levels, |_| None);
                }
                Self::Bounds => (own.min, own.max) = (bench.min, bench.max),
                Self::Drift => own.drift = bench.drift,
            }
        }
        own
    }

    /// What it is in this bench, in a few words.
    pub fn describe(self, bench: &BenchConfig) -> String {
        let percent = |x: f64| format!("{} %", (1e4 * x).round() / 1e2);
        let siemens = |x: Option<f64>| x.map_or("-".to_string(), |x| format_engineering(x, 3, "S"));
        match self {
            Self::Resolution => format!("{} bits", bench.bits.unwrap_or_default()),
            Self::Noise => format!("{} noise", format_engineering(bench.noise, 3, "V")),
            Self::Mismatch => format!("{} resistor mismatch", percent(bench.mismatch)),
            Self::DiodeMismatch => format!("{} diode mismatch", percent(bench.diode_mismatch)),
            Self::Steps => match (bench.levels, bench.step) {
                (Some(levels), _) => format!("{levels} levels"),
                (None, step) => format!("steps of {}", siemens(step)),
            },
            Self::Bounds => format!("{} to {}", siemens(bench.min), siemens(bench.max)),
            Self::Drift => format!("drift {:e}", bench.drift),
        }
    }
}

impl BenchConfig {
    /// Size of a step between these bounds, S; none if there are no steps, or no bounds to count levels in.
    pub fn step_within(&self, min: Option<f64>, max: Option<f64>) -> Option<f64> {
        let of_levels = || {
            let width = max? - min?;
            let gaps = f64::from(self.levels?) - 1.0;
            width.is_finite().then_some(width / gaps)
        };
        self.step.or_else(of_levels)
    }
}
