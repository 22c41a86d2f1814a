//! `ohmgrad grad`: the derivative of an output to every parameter.

use crate::adjoint::{Comparison, Gradient, compare_with_differences};
use crate::analysis::{Output, Solver};
use crate::report::{csv, json, table};

use super::{DeckArguments, Failure, Format, emit, load};

/// Disagreement with differences beyond this fails the check.
const TOLERANCE: f64 = 1e-6;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    /// What to differentiate: v(node), v(node,node) or i(element)
    #[arg(long)]
    output: String,
    /// Compare every entry with central differences; fail on disagreement
    #[arg(long)]
    check: bool,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut solver = load(&arguments.deck.deck)?;
    let output = Output::parse(&solver.circuit, &arguments.output)?;
    let op = solver.operating_point()?;
    let value = output.value(&solver.circuit, &op);
    let gradient = solver.gradient(&[(output, 1.0)])?;
    let name = output.name(&solver.circuit).to_string();
    let circuit = &solver.circuit;
    let unit = if matches!(output, Output::Voltage { .. }) {
        "V"
    } else {
        "A"
    };
    let text = match arguments.format {
        Format::Table => table::gradient(circuit, &name, unit, value, &gradient),
        Format::Json => json::text(&json::gradient(circuit, &name, value, &gradient)),
        Format::Csv => csv::gradient(circuit, &gradient),
    };
    emit(&text, arguments.deck.out.as_deref())?;
    if arguments.check {
        check(&solver, output, &gradient)
    } else {
        Ok(())
    }
}

fn check(solver: &Solver, output: Output, gradient: &Gradient) -> Result<(), Failure> {
    let comparisons = compare_with_differences(solver, &[(output, 1.0)], gradient);
    let bad: Vec<&Comparison> = comparisons
        .iter()
        .filter(|c| !(c.relative_error() <= TOLERANCE))
        .collect();
    let resolved: Vec<f64> = comparisons
        .iter()
        .filter(|c| c.is_resolved(TOLERANCE))
        .map(Comparison::raw_error)
        .collect();
    if bad.is_empty() {
        eprintln!(
            "check: {} of {} entries compared with central differences; {} of them resolved to \
             {TOLERANCE:e}, worst relative error {:.1e}; the others agree within the rounding of the \
             difference",
            comparisons.len(),
            gradient.entries.len(),
            resolved.len(),
            resolved.iter().copied().fold(0.0, f64::max),
        );
        return Ok(());
    }
    Err(Failure::failed(format!(
        "error: {} of {} entries disagree with central differences by more than {TOLERANCE:e}\n{}  \
         help: at a corner of an ideal or piecewise-linear law the derivative is one-sided; \
         move the operating point a little",
        bad.len(),
        comparisons.len(),
        table::comparisons(&solver.circuit, &bad),
    )))
}
