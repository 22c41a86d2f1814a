//! Directions in which potentials move.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::analysis::{OperatingPoint, Output};
use crate::circuit::{Circuit, ElementId};

use super::LandscapeError;
use super::constraints::nearest;

/// How the potentials of all nodes move, less what sources, shorts, transformers and conducting ideal diodes
/// do not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Drawn evenly; x is the largest change.
    Random { seed: u64 },
    /// One voltage, whose change is x; the nodes that it does not take with it stay.
    Voltage(Output),
}

/// Changes below this part of what was wished are rounding.
const NOTHING: f64 = 1e-9;

impl Direction {
    /// Reads `random:SEED`, `v(a)` or `v(a,b)`.
    ///
    /// # Errors
    /// [`LandscapeError`]
    pub fn parse(circuit: &Circuit, text: &str) -> Result<Self, LandscapeError> {
        let lower = text.trim().to_ascii_lowercase();
        if let Some(seed) = lower.strip_prefix("random") {
            let seed = seed.strip_prefix(':').and_then(|seed| seed.parse().ok());
            let syntax = || LandscapeError::Direction { text: text.into() };
            return Ok(Self::Random {
                seed: seed.ok_or_else(syntax)?,
            });
        }
        Ok(Self::Voltage(Output::parse(circuit, text)?))
    }

    pub(super) fn name(&self, circuit: &Circuit) -> String {
        match self {
            Self::Random { seed } => format!("random:{seed}"),
            Self::Voltage(output) => format!("{} alone", output.name(circuit)),
        }
    }

    /// Changes of the potentials of all nodes for x = 1 V.
    pub(super) fn change(
        &self,
        circuit: &Circuit,
        op: &OperatingPoint,
    ) -> Result<Vec<f64>, LandscapeError> {
        let mut wished = vec![0.0; circuit.node_count()];
        match *self {
            Self::Random { seed } => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let moving = wished.iter_mut().skip(1);
                moving.for_each(|d| *d = rng.random_range(-1.0..1.0));
            }
            Self::Voltage(Output::Voltage { p, n }) => {
                wished[p.index()] += 1.0;
                wished[n.index()] -= 1.0;
            }
            Self::Voltage(output @ Output::Current { .. }) => {
                let name = output.name(circuit).to_string();
                return Err(LandscapeError::NoVoltage { name });
            }
        }
        let mut conducts = vec![false; circuit.element_count()];
        let conducting = op.diodes.iter().filter(|d| d.conductance.is_infinite());
        conducting.for_each(|diode| conducts[diode.element.index()] = true);
        let is_rigid = |id: ElementId| conducts[id.index()];
        let mut change = nearest(circuit, &wished, is_rigid)?;
        let x = match self {
            Self::Voltage(Output::Voltage { p, n }) => change[p.index()] - change[n.index()],
            _ => change.iter().fold(0.0f64, |m, d| m.max(d.abs())),
        };
        if !(x > NOTHING) {
            let name = self.name(circuit);
            return Err(LandscapeError::Held { name });
        }
        change.iter_mut().for_each(|d| *d /= x);
        Ok(change)
    }
}
