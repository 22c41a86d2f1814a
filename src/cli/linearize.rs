//! `ohmgrad linearize`: the adjoint network as a deck that any SPICE runs.

use crate::adjoint::{AdjointNetwork, Cotangent};
use crate::analysis::Output;

use super::{DeckArguments, Failure, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    /// The output whose derivative is injected: v(node), v(node,node) or i(element)
    #[arg(long)]
    output: String,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut solver = load(&arguments.deck.deck)?;
    let output = Output::parse(&solver.circuit, &arguments.output)?;
    let op = solver.operating_point()?;
    solver.workspace.settle(&solver.system, &solver.values);
    let mut cotangent = Cotangent::new(&solver.system);
    cotangent.add(&solver, output, 1.0);
    let network = AdjointNetwork::new(&solver, &op, &cotangent)?;
    // A deck that nothing can solve is no result.
    network.solve(&solver)?;
    let mut circuit = network.circuit;
    circuit.ask_for_operating_point();
    emit(&circuit.to_spice()?, arguments.deck.out.as_deref())
}
