//! `ohmgrad generate`: standard circuits of any size.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::circuit::Circuit;
use crate::circuit::generators::{
    Clamp, Kind, Layered, Wild, crossbar, cube, grid, ladder, mesh, power_grid, random_amplifiers,
    rectifier_mesh, string, wired_crossbar,
};

use super::{Failure, emit};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    family: Family,
    /// Write the deck to this file instead of standard output
    #[arg(long, short, global = true)]
    out: Option<PathBuf>,
    /// Seed of element values
    #[arg(long, global = true, default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, clap::Subcommand)]
enum Family {
    /// Resistor mesh with a Shockley diode from every node to ground
    Grid { rows: usize, columns: usize },
    /// Chain of resistors with a diode at every node
    Ladder { stages: usize },
    /// Shockley diodes in series
    String { stages: usize },
    /// Resistor mesh with a Shockley diode at some nodes and between some
    Mesh { rows: usize, columns: usize },
    /// Resistor grid in three dimensions with a Shockley diode from every node to ground
    Cube { side: usize },
    /// Mesh of bridge rectifiers
    Rectifier { rows: usize, columns: usize },
    /// Crossbar of resistors whose rows are held, with a Shockley diode at every column
    Crossbar { rows: usize, columns: usize },
    /// Crossbar with wire resistance and a diode in every cell
    Wires { rows: usize, columns: usize },
    /// Linear power grid of two layers
    Power { rows: usize, columns: usize },
    /// Random sparse layers with amplifiers in both directions
    Amplifiers { layers: usize, width: usize },
    /// Crossbar network with clamped hidden nodes
    Layered {
        /// Number of features; each drives a source x and a source -x
        inputs: usize,
        /// Number of output nodes
        outputs: usize,
        /// Nodes of each hidden layer, for instance 100,50
        #[arg(long, value_delimiter = ',')]
        hidden: Vec<usize>,
        /// ideal, shockley or biased
        #[arg(long, default_value = "shockley")]
        clamp: String,
    },
    /// Random circuit with values over many decades and exactly one operating point
    Random {
        /// Nodes besides ground; 2 to 300, drawn by the seed, if not given
        #[arg(long)]
        nodes: Option<usize>,
        /// What is nonlinear in it; drawn by the seed from all but rtgd if not given
        #[arg(long)]
        kind: Option<RandomKind>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RandomKind {
    Shockley,
    Ideal,
    /// Piecewise-linear diodes and tables
    Piecewise,
    Mixed,
    /// As mixed, with ideal transformers and gyrators
    Rtgd,
}

impl From<RandomKind> for Kind {
    fn from(kind: RandomKind) -> Self {
        match kind {
            RandomKind::Shockley => Kind::Shockley,
            RandomKind::Ideal => Kind::Ideal,
            RandomKind::Piecewise => Kind::Piecewise,
            RandomKind::Mixed => Kind::Mixed,
            RandomKind::Rtgd => Kind::Rtgd,
        }
    }
}

/// Elements beyond this would not fit into the memory of an ordinary machine.
const MOST_ELEMENTS: usize = 50_000_000;

impl Family {
    /// About how many elements the circuit will have.
    fn elements(&self) -> usize {
        let times = |numbers: &[usize]| numbers.iter().fold(1, |p: usize, n| p.saturating_mul(*n));
        match self {
            Family::Ladder { stages } | Family::String { stages } => times(&[*stages, 3]),
            Family::Grid { rows, columns }
            | Family::Mesh { rows, columns }
            | Family::Power { rows, columns }
            | Family::Wires { rows, columns } => times(&[*rows, *columns, 3]),
            Family::Rectifier { rows, columns } => times(&[*rows, *columns, 7]),
            Family::Crossbar { rows, columns } => times(&[*rows, *columns]),
            Family::Cube { side } => times(&[*side, *side, *side, 4]),
            Family::Amplifiers { layers, width } => times(&[*layers, *width, 9]),
            Family::Random { nodes, .. } => times(&[nodes.unwrap_or(0), 10]),
            Family::Layered {
                inputs,
                outputs,
                hidden,
                ..
            } => Layered::size(*inputs, hidden, *outputs),
        }
    }

    /// Whether there is anything to build.
    fn is_empty(&self) -> bool {
        match self {
            Family::Layered {
                inputs, outputs, ..
            } => *inputs == 0 || *outputs == 0,
            Family::Random { nodes, .. } => *nodes == Some(0),
            _ => self.elements() == 0,
        }
    }

    fn build(&self, seed: u64) -> Result<Circuit, Failure> {
        Ok(match self {
            Family::Grid { rows, columns } => grid(*rows, *columns, seed)?,
            Family::Ladder { stages } => ladder(*stages)?,
            Family::String { stages } => string(*stages)?,
            Family::Mesh { rows, columns } => mesh(*rows, *columns, seed)?,
            Family::Cube { side } => cube(*side, seed)?,
            Family::Rectifier { rows, columns } => rectifier_mesh(*rows, *columns, seed)?,
            Family::Crossbar { rows, columns } => crossbar(*rows, *columns, seed)?,
            Family::Wires { rows, columns } => wired_crossbar(*rows, *columns, seed)?,
            Family::Power { rows, columns } => power_grid(*rows, *columns, seed)?,
            Family::Amplifiers { layers, width } => random_amplifiers(*layers, *width, seed)?,
            Family::Layered {
                inputs,
                outputs,
                hidden,
                clamp,
            } => layered(*inputs, *outputs, hidden, clamp, seed)?.build()?,
            Family::Random { nodes, kind } => Wild {
                seed,
                nodes: *nodes,
                kind: kind.map(Kind::from),
            }
            .build()?,
        })
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.family.elements() > MOST_ELEMENTS {
        let message = format!("error: more than {MOST_ELEMENTS} elements");
        return Err(Failure::arguments(message));
    }
    if arguments.family.is_empty() {
        return Err(Failure::arguments("error: sizes must be at least 1"));
    }
    let mut circuit = arguments.family.build(arguments.seed)?;
    circuit.ask_for_operating_point();
    emit(&circuit.to_spice()?, arguments.out.as_deref())
}

fn layered(
    inputs: usize,
    outputs: usize,
    hidden: &[usize],
    clamp: &str,
    seed: u64,
) -> Result<Layered, Failure> {
    let clamp = match clamp {
        "ideal" => Clamp::Ideal,
        "shockley" => Clamp::Shockley,
        "1n4148" => Clamp::D1N4148,
        "biased" => Clamp::Biased,
        other => {
            let message =
                format!("error: --clamp {other}: expected ideal, shockley, 1n4148 or biased");
            return Err(Failure::arguments(message));
        }
    };
    Ok(Layered {
        inputs,
        hidden: hidden.to_vec(),
        outputs,
        clamp,
        conductance: 1e-3,
        bias: 1.0,
        seed,
    })
}
