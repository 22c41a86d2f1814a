//! Gradients that a circuit measures by itself, beside the exact one: one interface for all of them.
//!
//! Every estimator gives the gradient of the mean loss of a few samples to the trained parameters of a
//! training file's circuit, on the real solver: each settling of the circuit is an operating point, warm
//! from the one before it.
//!
//! | name | what is done | error | source |
//! |---|---|---|---|
//! | `adjoint` | the transposed system on the held factors | 0 | Director and Rohrer 1969, Chaffey 2025 |
//! | `adjoint-measured` | the adjoint network solved as a second circuit, drops read by a [`Meter`] | of the meter | Chaffey 2025 |
//! | `forward` | one solve of the linearized circuit for each parameter | 0 | |
//! | `differences` | each parameter moved by `±beta` of its value | `beta^2` | |
//! | `eqprop` | currents `-beta dL/dy` into the outputs | `beta` | Scellier and Bengio 2017, Kendall et al. 2020 |
//! | `eqprop-random` | the same, the sign of beta drawn for the batch | `beta` | Kendall et al. 2020 |
//! | `eqprop-centered` | the same, with both signs | `beta^2` | Scellier 2024 |
//! | `eqprop-conductance` | conductances `±beta` to the targets in place of currents | `beta^2` | Scellier 2024 |
//! | `coupled` | outputs clamped at `y + beta (target - y)` | `beta`, see below | Stern et al. 2021 |
//! | `frequency` | a sinusoidal nudge, lock-in at its frequency | `beta^2` | Anisetti et al. 2024 |
//!
//! `beta` has no unit: a nudge is in parts of the circuit's typical conductance ([`Bench::unit`], S) at
//! 1 V, a clamp in parts of the way to the target, a difference in parts of the parameter's value.
//!
//! # The local rule
//! With the co-content `E` of a reciprocal circuit, the outputs nudged by `beta L` and `d` the change from
//! free to nudged, `dL/dtheta = lim d(dE/dtheta) / beta`: for a conductance `d(v^2)/2`, for a current source
//! `dv`, for a voltage source `-dj`, for a diode the integral of `di/dtheta` over its voltage.
//!
//! # Amplifiers
//! A bidirectional amplifier (VCVS of gain A forwards, CCCS of gain B backwards) is not reciprocal, yet what
//! stands behind it obeys the same principle with its co-content weighted by `B/A`, which is `A^-2` for
//! Kendall's `B = 1/A`. [`Weights`] follows these factors through the deck and multiplies each drop rule by
//! the weight of its element over that of the outputs: `A^(2k)` for k amplifiers in between. Without that,
//! plain drops give the gradient of a layer divided by `A^(2k)`; `adjoint`, `forward` and `differences` need
//! no factor. Other active elements have no such weights, and the drop rules say so.
//!
//! # Coupled learning
//! The clamps exchange `K (target - y)` with the circuit, K its conductance matrix at the outputs, where the
//! loss asks for `target - y`. With one output K is a number, which the currents of the clamps tell; with
//! more, the estimate converges to the gradient in the metric of K, not to that of the loss.

mod bench;
mod clamp;
mod compare;
mod differences;
mod error;
mod linear;
mod local;
mod nudge;
mod settings;
mod versions;

pub use crate::circuit::Weights;
pub use bench::{Bench, Cost, Estimate};
pub use compare::{Comparison, GroupError, compare};
pub use error::{EstimatorError, Inapplicable};
pub use linear::Meter;
pub use settings::Settings;

/// A way to the gradient; see the [table](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Estimator {
    Adjoint,
    AdjointMeasured,
    Forward,
    Differences,
    EqProp,
    EqPropRandom,
    EqPropCentered,
    EqPropConductance,
    Coupled,
    Frequency,
}

impl Estimator {
    /// All of them, the reference first.
    pub const ALL: [Self; 10] = [
        Self::Adjoint,
        Self::AdjointMeasured,
        Self::Forward,
        Self::Differences,
        Self::EqProp,
        Self::EqPropRandom,
        Self::EqPropCentered,
        Self::EqPropConductance,
        Self::Coupled,
        Self::Frequency,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Adjoint => "adjoint",
            Self::AdjointMeasured => "adjoint-measured",
            Self::Forward => "forward",
            Self::Differences => "differences",
            Self::EqProp => "eqprop",
            Self::EqPropRandom => "eqprop-random",
            Self::EqPropCentered => "eqprop-centered",
            Self::EqPropConductance => "eqprop-conductance",
            Self::Coupled => "coupled",
            Self::Frequency => "frequency",
        }
    }

    /// Whether what it gives depends on [`Settings::beta`].
    pub fn depends_on_beta(self) -> bool {
        !matches!(self, Self::Adjoint | Self::AdjointMeasured | Self::Forward)
    }
}

impl std::fmt::Display for Estimator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Estimator {
    type Err = EstimatorError;

    /// # Errors
    /// [`EstimatorError::Unknown`], with the name that was perhaps meant.
    fn from_str(text: &str) -> Result<Self, EstimatorError> {
        let name = text.trim().to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|e| e.name() == name);
        found.ok_or_else(|| EstimatorError::Unknown {
            suggestion: crate::suggest::closest(&name, Self::ALL.map(Self::name)),
            name,
        })
    }
}
