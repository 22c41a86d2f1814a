//! `ohmgrad draw`: the circuit as a picture.

use clap::ValueEnum;

use crate::analysis::Probe;
use crate::drawing::{Annotations, Effects, View, draw};

use super::{DeckArguments, Failure, emit_picture, load_with, show_undetermined};

const HELP: &str = "\
Circuits of up to 150 branches are drawn with their symbols; larger ones as heat maps of their
crossbars of resistors, or as an overview that says so. The picture is SVG, and PNG where --out ends
in .png.

Examples:
  ohmgrad draw circuits/diode/bridge.cir --op --out bridge.svg
  ohmgrad draw circuits/diode/xor_network.cir --grad 'v(out)' --out xor.png
  ohmgrad draw runs/digits/trained.cir --out crossbars.svg";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[command(flatten)]
    settings: super::Settings,
    /// Colour wires by potential, symbols by current, diodes by state
    #[arg(long)]
    op: bool,
    /// Colour symbols by the gradient of this output: v(node), v(node,node), i(element), p(element), or an
    /// expression of these in braces
    #[arg(long, value_name = "OUTPUT")]
    grad: Option<String>,
    /// What the circuit is drawn as
    #[arg(long, value_enum, default_value = "auto")]
    view: Views,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Views {
    /// Symbols where they can be read, else crossbars, else an overview
    Auto,
    /// Symbols and wires
    Symbols,
    /// A heat map of each crossbar of resistors
    Crossbars,
    /// The conductance matrix and counts of elements
    Overview,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut solver = load_with(&arguments.deck.deck, &arguments.settings)?;
    let probe = arguments.grad.as_ref();
    let probe = probe.map(|text| Probe::parse(&solver.circuit, text));
    let probe = probe
        .transpose()
        .map_err(|error| Failure::argument(&error))?;
    let op = match arguments.op || probe.is_some() {
        true => Some(solver.operating_point()?),
        false => None,
    };
    let mut effects = None;
    if let Some(op) = &op {
        show_undetermined(&solver.circuit, op);
        if let Some(probe) = &probe {
            let sensitivities = solver.sensitivities(probe, op)?;
            effects = Some(Effects::new(&solver.circuit, probe, &sensitivities));
        }
    }
    let annotations = Annotations {
        operating_point: op.as_ref().filter(|_| arguments.op),
        effects: effects.as_ref(),
    };
    let view = match arguments.view {
        Views::Auto => View::Automatic,
        Views::Symbols => View::Symbols,
        Views::Crossbars => View::Crossbars,
        Views::Overview => View::Overview,
    };
    let svg = draw(&solver.circuit, annotations, view)?;
    emit_picture(&svg, arguments.deck.out.as_deref())
}
