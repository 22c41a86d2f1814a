//! `ohmgrad grad`: the derivative of an output to every parameter.

use crate::adjoint::{Comparison, Derivative, compare_with_differences};
use crate::analysis::{Probe, Solver};
use crate::report::{csv, json, table};

use super::{DeckArguments, Failure, Format, emit, load_with, show_undetermined};

/// Disagreement with differences beyond this fails the check.
const TOLERANCE: f64 = 1e-6;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[command(flatten)]
    settings: super::Settings,
    /// What to differentiate: v(node), v(node,node), i(element), p(element), or an expression of these
    /// in braces
    #[arg(long)]
    output: String,
    /// Differentiate to this only (repeatable): a .param, temp, r1, d1:is, dmod:is
    #[arg(long, value_name = "VARIABLE")]
    wrt: Vec<String>,
    /// Compare every entry with central differences; fail on disagreement
    #[arg(long)]
    check: bool,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut solver = load_with(&arguments.deck.deck, &arguments.settings)?;
    let argument = |error: &dyn std::fmt::Display| Failure::argument(error);
    let probe = Probe::parse(&solver.circuit, &arguments.output).map_err(|e| argument(&e))?;
    let find = |name: &String| {
        let found = solver.circuit.find_variable(name);
        found.map(|variable| (name.clone(), variable))
    };
    let wanted = arguments.wrt.iter().map(find);
    let wanted: Vec<_> = wanted.collect::<Result<_, _>>().map_err(|e| argument(&e))?;
    let op = solver.operating_point()?;
    show_undetermined(&solver.circuit, &op);
    let value = probe.value(&solver.circuit, &op);
    if !value.is_finite() {
        let message = format!("error: `{}` is {value} at the operating point", probe.name);
        return Err(Failure::failed(
            message + "\n  help: it has no derivative there",
        ));
    }
    let sensitivities = solver.sensitivities(&probe, &op)?;
    let circuit = &solver.circuit;
    let derivatives = match wanted.is_empty() {
        true => sensitivities.all(circuit),
        false => wanted
            .into_iter()
            .map(|(name, variable)| sensitivities.derivative(circuit, name, variable))
            .collect(),
    };
    if let Some(none) = derivatives.iter().find(|d| !d.gradient.is_finite()) {
        let message = format!("error: the derivative to `{}` does not exist", none.name);
        return Err(Failure::failed(
            message + "\n  help: ask for others by --wrt",
        ));
    }
    let text = match arguments.format {
        Format::Table => table::gradient(
            circuit,
            &probe.name,
            probe.unit.symbol(),
            value,
            &derivatives,
        ),
        Format::Json => json::text(&json::gradient(circuit, &probe.name, value, &derivatives)),
        Format::Csv => csv::gradient(circuit, &derivatives),
    };
    emit(text, arguments.deck.out.as_deref())?;
    match arguments.check {
        true => check(&solver, &probe, &derivatives),
        false => Ok(()),
    }
}

fn check(solver: &Solver, probe: &Probe, derivatives: &[Derivative]) -> Result<(), Failure> {
    let comparisons = compare_with_differences(solver, probe, derivatives);
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
        crate::note!(
            "check: {} of {} entries compared with central differences; {} of them resolved to \
             {TOLERANCE:e}, worst relative error {:.1e}; the others agree within the rounding of the \
             difference",
            comparisons.len(),
            derivatives.len(),
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
