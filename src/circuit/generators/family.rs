//! Families of circuits by their size in elements.

use std::fmt;

use crate::circuit::{Circuit, ParameterId, TopologyError};
use crate::device::Parameter;

use super::{
    Clamp, Kind, Layered, Wild, crossbar, cube, grid, ladder, mesh, power_grid, random_amplifiers,
    rectifier_mesh, string, wired_crossbar,
};

/// Circuits that grow by one number.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Chain of resistors with a diode at every node
    Ladder,
    /// Diodes in series
    String,
    /// Resistor mesh with a diode at every node
    Grid,
    /// Resistor mesh with a diode at some nodes and between some
    Mesh,
    /// Resistor grid in three dimensions with a diode at every node
    Cube,
    /// Mesh of bridge rectifiers
    Rectifier,
    /// Crossbar whose rows are held, with a diode at every column
    Crossbar,
    /// Crossbar with wire resistance and a diode in every cell
    Wires,
    /// Linear power grid of two layers
    Power,
    /// Crossbars between three hidden layers with Shockley diodes
    Layered,
    /// The same with ideal diodes
    Ideal,
    /// Random sparse layers with amplifiers in both directions
    Amplifiers,
    /// Random circuit of Shockley diodes with values over many decades
    Random,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ladder => "ladder",
            Self::String => "string",
            Self::Grid => "grid",
            Self::Mesh => "mesh",
            Self::Cube => "cube",
            Self::Rectifier => "rectifier",
            Self::Crossbar => "crossbar",
            Self::Wires => "wires",
            Self::Power => "power",
            Self::Layered => "layered",
            Self::Ideal => "ideal",
            Self::Amplifiers => "amplifiers",
            Self::Random => "random",
        })
    }
}

/// Hidden layers of [`Family::Layered`], and nodes of a layer for each row of [`Family::Amplifiers`].
const HIDDEN: usize = 3;
const LAYERS: usize = 10;
const RANDOM_ELEMENTS_OF_A_NODE: f64 = 1.8;

impl Family {
    /// A circuit of about so many elements: as near as the shape allows.
    ///
    /// # Errors
    /// None that a size is known to give.
    pub fn build(self, elements: usize, seed: u64) -> Result<Circuit, TopologyError> {
        let count = |per_unit: f64| ((elements as f64 / per_unit).round() as usize).max(1);
        let side = |per_unit: f64| (elements as f64 / per_unit).sqrt().round().max(2.0) as usize;
        match self {
            Self::Ladder => ladder(count(3.0)),
            Self::String => string(count(2.0)),
            Self::Grid => grid(side(3.0), side(3.0), seed),
            Self::Mesh => mesh(side(2.24), side(2.24), seed),
            Self::Cube => cube(
                (elements as f64 / 4.0).cbrt().round().max(2.0) as usize,
                seed,
            ),
            Self::Rectifier => rectifier_mesh(side(6.25), side(6.25), seed),
            Self::Crossbar => crossbar(side(1.0), side(1.0), seed),
            Self::Wires => wired_crossbar(side(3.0), side(3.0), seed),
            Self::Power => power_grid(side(2.35), side(2.35), seed),
            Self::Layered => layered(side(4.0), Clamp::Shockley, seed),
            Self::Ideal => layered(side(4.0), Clamp::Ideal, seed),
            Self::Amplifiers => random_amplifiers(LAYERS, count(9.0 * LAYERS as f64), seed),
            Self::Random => {
                let nodes = Some(count(RANDOM_ELEMENTS_OF_A_NODE));
                let kind = Some(Kind::Shockley);
                Wild { seed, nodes, kind }.build()
            }
        }
    }
}

/// Equal layers, whose sources have the voltages of one sample.
fn layered(width: usize, clamp: Clamp, seed: u64) -> Result<Circuit, TopologyError> {
    let network = Layered {
        inputs: width.div_ceil(2),
        hidden: vec![width; HIDDEN],
        outputs: width.div_ceil(2),
        clamp,
        conductance: 1e-3,
        bias: 1.0,
        seed,
    };
    let mut circuit = network.build()?;
    for k in 0..network.inputs {
        // A feature between 0 and 1 without a pattern, and its complement.
        let feature = (0.618_033_988_749_895 * (k as f64 + 1.0) + 0.1 * seed as f64).fract();
        for (prefix, voltage) in [("vp", 4.0 * feature), ("vn", -4.0 * feature)] {
            let element = circuit.find_element(&format!("{prefix}{k}"));
            let parameter = Parameter::Voltage;
            if let Some(id) = element.map(|element| ParameterId { element, parameter }) {
                let _ = circuit.set(id, voltage);
            }
        }
    }
    Ok(circuit)
}
