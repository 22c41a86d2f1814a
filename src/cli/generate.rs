//! `ohmgrad generate`: standard circuits of any size.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::circuit::generators::{Clamp, Kind, Layered, Wild, grid, ladder};

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
        match self {
            Family::Grid { rows, columns } => rows.saturating_mul(*columns).saturating_mul(3),
            Family::Ladder { stages } => stages.saturating_mul(3),
            Family::Random { nodes, .. } => nodes.unwrap_or(0).saturating_mul(10),
            Family::Layered {
                inputs,
                outputs,
                hidden,
                ..
            } => Layered::size(*inputs, hidden, *outputs),
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.family.elements() > MOST_ELEMENTS {
        let message = format!("error: more than {MOST_ELEMENTS} elements");
        return Err(Failure::arguments(message));
    }
    let circuit = match &arguments.family {
        Family::Grid { rows, columns } if *rows > 0 && *columns > 0 => {
            grid(*rows, *columns, arguments.seed)?
        }
        Family::Ladder { stages } if *stages > 0 => ladder(*stages)?,
        Family::Layered {
            inputs,
            outputs,
            hidden,
            clamp,
        } if *inputs > 0 && *outputs > 0 => {
            layered(*inputs, *outputs, hidden, clamp, arguments.seed)?.build()?
        }
        Family::Random { nodes, kind } if *nodes != Some(0) => Wild {
            seed: arguments.seed,
            nodes: *nodes,
            kind: kind.map(Kind::from),
        }
        .build()?,
        _ => return Err(Failure::arguments("error: sizes must be at least 1")),
    };
    let mut circuit = circuit;
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
