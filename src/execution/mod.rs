//! The analyses and measurements that a deck asks for, in the order of its cards.
//!
//! **Invariant:** this folder turns requests into numbers and writes nothing.

mod measure;

pub use measure::Measurement;

use crate::adjoint::{AdjointError, TransferFunction};
use crate::analysis::dataset::{Dataset, Unit, Variable};
use crate::analysis::{
    OperatingPoint, Output, Probe, RequestError, SolveError, Solver, Sweep, SweepError,
    at_each_point, dc_sweep, selected_probes,
};
use crate::circuit;
use crate::device::{Device, Parameter};
use crate::netlist::{self, Analysis, Diagnostic, Name, OutputCard};
use crate::source::Spanned;

use measure::Measurements;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub outcomes: Vec<Outcome>,
    pub measurements: Vec<Measurement>,
}

/// The result of one analysis at one point of the `.step` loops.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub dataset: Dataset,
    /// Of a `.op`: all that is known besides the columns.
    pub operating_point: Option<OperatingPoint>,
}

impl Results {
    pub fn datasets(&self) -> Vec<Dataset> {
        self.outcomes.iter().map(|o| o.dataset.clone()).collect()
    }
}

/// Which cards choose the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// `.print` and `.save`.
    Saved,
    /// `.print`, and `.save` where there is none.
    Printed,
}

/// Why the deck's analyses cannot be finished.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExecutionError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error(transparent)]
    Solve(#[from] SolveError),
    #[error(transparent)]
    Adjoint(#[from] AdjointError),
}

/// Executes all analyses, `.op` if there is none, at every point of the `.step` loops.
///
/// # Errors
/// At the first request that the circuit cannot fulfil.
pub fn execute(solver: &mut Solver, columns: Columns) -> Result<Results, ExecutionError> {
    let commands = solver.circuit.commands.clone();
    let mut analyses = commands.analyses;
    if analyses.is_empty() {
        analyses.push(Spanned::new(Analysis::OperatingPoint, Default::default()));
    }
    let probes = selected_probes(&solver.circuit, cards(&commands.outputs, columns))?;
    let read = |card| Sweep::from_card(&solver.circuit, card);
    let steps: Vec<_> = commands.steps.iter().map(read).collect::<Result<_, _>>()?;
    let mut execution = Execution {
        probes,
        measures: commands.measures,
        steps: Vec::new(),
        results: Results::default(),
    };
    at_each_point(solver, &steps, &mut |solver, values| {
        let names = steps.iter().map(|s| s.name.clone());
        execution.steps = names.zip(values).collect();
        for analysis in &analyses {
            execution.analysis(solver, analysis)?;
        }
        execution.report_unmeasured(&analyses);
        Ok::<(), ExecutionError>(())
    })?;
    Ok(execution.results)
}

fn cards(outputs: &[OutputCard], columns: Columns) -> impl Iterator<Item = &OutputCard> {
    let has_print = outputs.iter().any(|card| card.prints);
    let only_print = columns == Columns::Printed && has_print;
    outputs.iter().filter(move |c| c.prints || !only_print)
}

struct Execution {
    probes: Vec<Probe>,
    measures: Vec<netlist::Measure>,
    /// Where the `.step` loops stand.
    steps: Vec<(String, f64)>,
    results: Results,
}

impl Execution {
    fn analysis(
        &mut self,
        solver: &mut Solver,
        card: &Spanned<Analysis>,
    ) -> Result<(), ExecutionError> {
        match &card.value {
            Analysis::OperatingPoint => self.operating_point(solver),
            Analysis::DcSweep { sweeps } => self.sweep(solver, sweeps),
            Analysis::TransferFunction { output, input } => {
                self.transfer_function(solver, output, input)
            }
            Analysis::Sensitivity { outputs } => outputs
                .iter()
                .try_for_each(|output| self.sensitivity(solver, output)),
        }
    }

    fn push(&mut self, dataset: Dataset, operating_point: Option<OperatingPoint>) {
        self.results.outcomes.push(Outcome {
            dataset,
            operating_point,
        });
    }

    /// A dataset without rows.
    fn dataset(
        &self,
        solver: &Solver,
        (analysis, plot): (&str, &str),
        variables: Vec<Variable>,
    ) -> Dataset {
        Dataset {
            title: solver.circuit.title.clone(),
            analysis: analysis.to_string(),
            plot: plot.to_string(),
            variables,
            shape: Vec::new(),
            rows: Vec::new(),
            steps: self.steps.clone(),
        }
    }

    fn columns(&self) -> impl Iterator<Item = Variable> + '_ {
        let probes = self.probes.iter();
        probes.map(|p| Variable::new(p.name.clone(), p.unit.clone()))
    }

    fn operating_point(&mut self, solver: &mut Solver) -> Result<(), ExecutionError> {
        let op = solver.operating_point_from_anywhere()?;
        let dataset = operating_point(solver, &op, &self.probes);
        let steps = self.steps.clone();
        self.push(Dataset { steps, ..dataset }, Some(op));
        Ok(())
    }

    fn sweep(
        &mut self,
        solver: &mut Solver,
        cards: &[netlist::Sweep],
    ) -> Result<(), ExecutionError> {
        let read = |card| Sweep::from_card(&solver.circuit, card);
        let sweeps: Vec<Sweep> = cards.iter().map(read).collect::<Result<_, _>>()?;
        let swept = sweeps
            .iter()
            .map(|s| Variable::swept(s.name.clone(), unit(&s.variable)));
        let variables = swept.chain(self.columns()).collect();
        let kind = ("dc", "DC transfer characteristic");
        let mut dataset = self.dataset(solver, kind, variables);
        dataset.shape = sweeps.iter().map(|s| s.values.len()).collect();
        let mut measurements = Measurements::new(&solver.circuit, &self.measures);
        dc_sweep(solver, &sweeps, &mut |circuit, point| {
            measurements.sample(circuit, &point);
            let mut row = point.values;
            row.extend(self.probes.iter().map(|p| p.value(circuit, &point.op)));
            dataset.rows.push(row);
        })?;
        let inner = dataset.shape.first().copied().unwrap_or(1);
        let measured = measurements.evaluate(&solver.circuit, inner, &self.steps);
        self.results.measurements.extend(measured);
        self.push(dataset, None);
        Ok(())
    }

    fn transfer_function(
        &mut self,
        solver: &mut Solver,
        output: &Spanned<Name>,
        input: &Spanned<Name>,
    ) -> Result<(), ExecutionError> {
        let in_deck = |solver: &Solver, d| RequestError::in_deck(&solver.circuit, d);
        let probe = Probe::read(&solver.circuit, output).map_err(|fault| in_deck(solver, fault))?;
        let source = solver.circuit.find_element_spelled(&input.value);
        solver.operating_point_from_anywhere()?;
        let found = match (probe.output(), source) {
            (Some(output), Some(source)) => solver.transfer_function(output, source)?,
            _ => None,
        };
        let (Some(transfer), Some(output)) = (found, probe.output()) else {
            let fault = no_transfer_function(solver, output, input);
            return Err(in_deck(solver, fault).into());
        };
        let variables = transfer_variables(&probe.name, output, &input.value, solver);
        let mut dataset = self.dataset(solver, ("tf", "Transfer Function"), variables);
        let TransferFunction {
            gain,
            input_resistance,
            output_resistance,
        } = transfer;
        dataset.rows = vec![vec![gain, input_resistance, output_resistance]];
        self.push(dataset, None);
        Ok(())
    }

    /// The output itself, then its derivatives.
    fn sensitivity(
        &mut self,
        solver: &mut Solver,
        output: &Spanned<Name>,
    ) -> Result<(), ExecutionError> {
        let probe = Probe::read(&solver.circuit, output)
            .map_err(|fault| RequestError::in_deck(&solver.circuit, fault))?;
        let op = solver.operating_point_from_anywhere()?;
        let derivatives = solver.sensitivities(&probe, &op)?.all(&solver.circuit);
        let own = Variable::new(probe.name.clone(), probe.unit.clone());
        let names = derivatives.iter().map(|d| d.name.clone());
        let others = names.map(|name| Variable::new(name, Unit::None));
        let variables = [own].into_iter().chain(others).collect();
        let mut dataset = self.dataset(solver, ("sens", "Sensitivity Analysis"), variables);
        let value = probe.value(&solver.circuit, &op);
        let gradients = derivatives.iter().map(|d| d.gradient);
        dataset.rows = vec![[value].into_iter().chain(gradients).collect()];
        self.push(dataset, None);
        Ok(())
    }

    /// Measurements are made of sweeps only.
    fn report_unmeasured(&mut self, analyses: &[Spanned<Analysis>]) {
        let is_sweep = |a: &Spanned<Analysis>| matches!(a.value, Analysis::DcSweep { .. });
        if !analyses.iter().any(is_sweep) {
            let none = Measurement::none_without_sweep(&self.measures, &self.steps);
            self.results.measurements.extend(none);
        }
    }
}

/// The dataset of an operating point.
pub fn operating_point(solver: &Solver, op: &OperatingPoint, probes: &[Probe]) -> Dataset {
    let variables = probes.iter();
    let variables = variables.map(|p| Variable::new(p.name.clone(), p.unit.clone()));
    let row = probes.iter().map(|p| p.value(&solver.circuit, op));
    Dataset {
        title: solver.circuit.title.clone(),
        analysis: "op".to_string(),
        plot: "Operating Point".to_string(),
        variables: variables.collect(),
        shape: Vec::new(),
        rows: vec![row.collect()],
        steps: Vec::new(),
    }
}

/// ngspice's names.
fn transfer_variables(name: &str, output: Output, source: &str, solver: &Solver) -> Vec<Variable> {
    let impedance = match output {
        Output::Voltage { .. } => format!("output_impedance_at_{name}"),
        Output::Current { element } => {
            format!("{}#output_impedance", solver.circuit.element(element).name)
        }
    };
    vec![
        Variable::new("transfer_function", Unit::None),
        Variable::new(format!("{source}#input_impedance"), Unit::Resistance),
        Variable::new(impedance, Unit::Resistance),
    ]
}

fn no_transfer_function(
    solver: &Solver,
    output: &Spanned<Name>,
    input: &Spanned<Name>,
) -> Diagnostic {
    let source = solver.circuit.find_element_spelled(&input.value);
    let is_source = source.is_some_and(|id| {
        let device = &solver.circuit.element(id).device;
        matches!(
            device,
            Device::VoltageSource { .. } | Device::CurrentSource { .. }
        )
    });
    if is_source {
        Diagnostic::error(format!("`.tf` cannot take the output `{}`", output.value))
            .at(output.span, "neither v(…) nor the current of a source")
            .help("write v(node), v(node,node), or i(v1) of a voltage source v1")
    } else {
        Diagnostic::error(format!("`{}` is no independent source", input.value))
            .at(input.span, "not a V or I source of the circuit")
            .help("write .tf output source, for instance .tf v(out) v1")
    }
}

/// The unit of a sweep variable.
fn unit(variable: &circuit::Variable) -> Unit {
    match variable {
        circuit::Variable::Temperature => Unit::Temperature,
        circuit::Variable::Named(_) => Unit::None,
        circuit::Variable::Elements(ids) => match ids.first().map(|id| id.parameter) {
            Some(Parameter::Voltage) => Unit::Voltage,
            Some(Parameter::Current) => Unit::Current,
            Some(Parameter::Resistance) => Unit::Resistance,
            _ => Unit::None,
        },
    }
}
