//! The analyses and measurements that a deck asks for, in the order of its cards.
//!
//! **Invariant:** this folder turns requests into numbers and writes nothing.

mod measure;
mod transfer;
mod watch;

use std::path::Path;

pub use measure::Measurement;

use crate::adjoint::AdjointError;
use crate::analysis::dataset::{Dataset, Unit, Variable};
use crate::analysis::{
    OperatingPoint, Probe, RequestError, SolveError, Solver, Sweep, SweepError, at_each_point,
    check_points, coordinates, count_points, dc_sweep, selected_probes,
};
use crate::circuit::{self, Circuit};
use crate::netlist::{self, Analysis, Diagnostic, Name, OutputCard};
use crate::points::{PointTable, solve_in_batches};
use crate::source::Spanned;

use measure::Measurements;
use watch::Watch;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub outcomes: Vec<Outcome>,
    pub measurements: Vec<Measurement>,
    /// What operating points leave open, each kind where it comes up first.
    pub warnings: Vec<Diagnostic>,
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
    #[error(
        "the results hold more than {limit} numbers\n  help: name fewer outputs in .print or .save, \
         take larger steps, or run the parts one after the other"
    )]
    TooLarge { limit: usize },
}

/// Numbers that all results may hold together.
const MOST_NUMBERS: usize = 30_000_000;

/// Points of a sweep from which the batch engine is worth its preparation.
const MANY_POINTS: usize = 64;

/// What a dataset or a column of it takes besides its rows, in numbers.
const HEAD: usize = 20;

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
    check_points(&solver.circuit, &steps, &analyses)?;
    let mut execution = Execution {
        probes,
        measures: commands.measures,
        steps: Vec::new(),
        points: 0,
        watch: Watch::default(),
        numbers: 0,
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
    execution.results.warnings = execution.watch.warnings;
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
    /// Points of all sweeps so far.
    points: usize,
    watch: Watch,
    /// Numbers of all results so far.
    numbers: usize,
    results: Results,
}

impl Execution {
    /// Takes account of a result before it is computed.
    fn reserve(&mut self, numbers: usize) -> Result<(), ExecutionError> {
        let limit = MOST_NUMBERS;
        self.numbers = self.numbers.saturating_add(numbers);
        match self.numbers > limit {
            true => Err(ExecutionError::TooLarge { limit }),
            false => Ok(()),
        }
    }

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
        let circuit = &solver.circuit;
        let known = circuit.node_count() + circuit.branch_count() + 5 * circuit.element_count();
        self.reserve(known + HEAD * (1 + self.probes.len()))?;
        let op = solver.operating_point_from_anywhere()?;
        self.watch.note(&solver.circuit, &op);
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
        let points = count_points(&sweeps, self.points)?;
        self.points += points;
        let columns = sweeps.len() + self.probes.len();
        self.reserve(HEAD + columns.saturating_mul(HEAD + points))?;
        let swept = sweeps
            .iter()
            .map(|s| Variable::swept(s.name.clone(), unit(&solver.circuit, &s.variable)));
        let variables = swept.chain(self.columns()).collect();
        let kind = ("dc", "DC transfer characteristic");
        let mut dataset = self.dataset(solver, kind, variables);
        dataset.shape = sweeps.iter().map(|s| s.values.len()).collect();
        if let Some(rows) = self.in_batches(solver, &sweeps, points) {
            dataset.rows = rows;
            self.push(dataset, None);
            return Ok(());
        }
        let mut measurements = Measurements::new(&solver.circuit, &self.measures);
        dc_sweep(solver, &sweeps, &mut |circuit, point| {
            measurements.sample(circuit, &point);
            self.watch.note(circuit, &point.op);
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

    /// The rows of a sweep by the batch engine: where sources are swept, voltages are read, and there is no
    /// operating point but the one, each point for itself is quicker than one after the other.
    fn in_batches(
        &self,
        solver: &Solver,
        sweeps: &[Sweep],
        points: usize,
    ) -> Option<Vec<Vec<f64>>> {
        if points < MANY_POINTS || !self.measures.is_empty() || self.probes.is_empty() {
            return None;
        }
        let names = sweeps.iter().map(|sweep| sweep.name.clone()).collect();
        let mut values = Vec::with_capacity(points * sweeps.len());
        (0..points).for_each(|point| values.extend(coordinates(sweeps, point)));
        let table = PointTable::from_rows(Path::new(".dc"), names, values).ok()?;
        let found = solve_in_batches(solver, &table, &self.probes)?;
        let outputs = found.values.chunks(self.probes.len());
        let rows = outputs.enumerate();
        Some(
            rows.map(|(point, outputs)| [table.row(point), outputs].concat())
                .collect(),
        )
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
        self.watch.note(&solver.circuit, &op);
        let derivatives = solver.sensitivities(&probe, &op)?.all(&solver.circuit);
        self.reserve(HEAD * (1 + derivatives.len()))?;
        let own = Variable::new(probe.name.clone(), probe.unit.clone());
        let others = derivatives.iter().map(|d| {
            let unit = probe.unit.per(&unit(&solver.circuit, &d.variable));
            Variable::new(d.name.clone(), unit)
        });
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

/// The unit of a variable.
fn unit(circuit: &Circuit, variable: &circuit::Variable) -> Unit {
    match variable {
        circuit::Variable::Temperature => Unit::Temperature,
        circuit::Variable::Named(_) => Unit::None,
        circuit::Variable::Elements(ids) => ids.first().map_or(Unit::None, |id| {
            Unit::of(circuit.element(id.element).device.unit(id.parameter))
        }),
    }
}
