//! A deck, what has been set of it, and its solver. Knows no Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use ohmgrad::adjoint::{AdjointNetwork, Cotangent, Sensitivities};
use ohmgrad::analysis::{OperatingPoint, Output, Probe, Solver, probes_of};
use ohmgrad::circuit::{Circuit, Simulator, Variable};
use ohmgrad::netlist::{Diagnostic, Netlist, SourceMap};
use ohmgrad::points::{self, PointTable, Points};

use crate::fault::{Fault, Result};

/// A circuit that grows card by card, and is compiled where it is asked for something.
pub struct State {
    source: Source,
    /// In the order they were set.
    settings: IndexMap<String, f64>,
    compiled: Option<Compiled>,
    warnings: Vec<String>,
}

enum Source {
    Text { name: String, text: String },
    File(PathBuf),
}

struct Compiled {
    solver: Solver,
    op: Option<Solved>,
}

/// An operating point with the circuit that it is of.
#[derive(Clone)]
pub struct Solved {
    pub circuit: Arc<Circuit>,
    pub op: Arc<OperatingPoint>,
}

impl State {
    /// A deck whose first line is its title; messages call it `name`.
    pub fn of_text(name: &str, text: String) -> Self {
        let name = name.to_string();
        Self::new(Source::Text { name, text })
    }

    pub fn of_file(path: PathBuf) -> Self {
        Self::new(Source::File(path))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            settings: IndexMap::new(),
            compiled: None,
            warnings: Vec::new(),
        }
    }

    /// What is odd about the deck or its operating points, since this was last asked.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Adds cards: elements, models, parameters, subcircuits. What stands on the lines is read here,
    /// what they refer to when the circuit is compiled.
    pub fn add(&mut self, cards: &str) -> Result<()> {
        Netlist::parse("add", format!("\n{cards}\n")).map_err(Fault::of_deck)?;
        let Source::Text { text, .. } = &mut self.source else {
            return Err(Fault::argument(
                "a circuit that was read from a file takes no more cards\n  help: read its text, and \
                 use Circuit.from_netlist",
            ));
        };
        text.truncate(before_end(text));
        text.extend(["\n", cards, "\n"]);
        self.compiled = None;
        Ok(())
    }

    /// The solver of the circuit as it is now.
    pub fn solver(&mut self) -> Result<&mut Solver> {
        self.compiled().map(|compiled| &mut compiled.solver)
    }

    fn compiled(&mut self) -> Result<&mut Compiled> {
        let compiled = match self.compiled.take() {
            Some(compiled) => compiled,
            None => self.compile()?,
        };
        Ok(self.compiled.insert(compiled))
    }

    fn compile(&mut self) -> Result<Compiled> {
        let netlist = match &self.source {
            Source::Text { name, text } => Netlist::parse(name, text.as_str()),
            Source::File(path) => Netlist::read(path),
        };
        let netlist = netlist.map_err(Fault::of_deck)?;
        let mut circuit = Circuit::from_netlist(&netlist).map_err(Fault::of_deck)?;
        for (name, &value) in &self.settings {
            let variable = circuit.find_variable(name).map_err(Fault::argument)?;
            set(&mut circuit, name, &variable, value)?;
        }
        let solver = Solver::new(circuit).map_err(Fault::of_deck)?;
        let sources = &solver.circuit.sources;
        self.warnings.extend(render(&solver.warnings, sources));
        Ok(Compiled { solver, op: None })
    }

    /// Sets variables, all of them or none.
    pub fn set(&mut self, values: Vec<(String, f64)>) -> Result<()> {
        let compiled = self.compiled()?;
        let circuit = &mut compiled.solver.circuit;
        let find = |(name, _): &(String, f64)| circuit.find_variable(name);
        let variables: std::result::Result<Vec<Variable>, _> = values.iter().map(find).collect();
        let variables = variables.map_err(Fault::argument)?;
        let mut outcome = Ok(());
        for ((name, value), variable) in values.iter().zip(&variables) {
            outcome = outcome.and_then(|()| set(circuit, name, variable, *value));
        }
        let outcome = outcome.and_then(|()| compiled.solver.take_values().map_err(Fault::of));
        if outcome.is_err() {
            // It is compiled anew from what was set before.
            self.compiled = None;
            return outcome;
        }
        compiled.op = None;
        for (name, value) in values {
            self.settings.shift_remove(&name);
            self.settings.insert(name, value);
        }
        Ok(())
    }

    /// The operating point, from a cold start: it does not depend on those before.
    pub fn operating_point(&mut self) -> Result<Solved> {
        let Compiled { solver, op } = self.compiled()?;
        if let Some(solved) = op {
            return Ok(solved.clone());
        }
        solver.workspace.restart(&solver.system, &solver.values);
        let found = solver.operating_point().map_err(Fault::of)?;
        let open = found.undetermined(&solver.circuit);
        let open: Vec<_> = open.iter().map(|o| o.diagnostic(&solver.circuit)).collect();
        let warnings = render(&open, &solver.circuit.sources);
        let solved = Solved {
            circuit: Arc::new(solver.circuit.clone()),
            op: Arc::new(found),
        };
        *op = Some(solved.clone());
        self.warnings.extend(warnings);
        Ok(solved)
    }

    /// Derivatives of one probe, from one linear solve.
    pub fn sensitivities(&mut self, text: &str) -> Result<Sensitivities> {
        let probe = Probe::parse(&self.solver()?.circuit, text).map_err(Fault::argument)?;
        self.sensitivities_of(&probe)
    }

    /// Derivatives of `sum weight * output`, from one linear solve.
    pub fn weighted_sensitivities(&mut self, weights: &[(String, f64)]) -> Result<Sensitivities> {
        let circuit = &self.solver()?.circuit;
        let seed = |(text, weight): &(String, f64)| {
            Output::parse(circuit, text).map(|output| (output, *weight))
        };
        let seeds: std::result::Result<Vec<_>, _> = weights.iter().map(seed).collect();
        self.sensitivities_of(&Probe::weighted_sum(&seeds.map_err(Fault::argument)?))
    }

    fn sensitivities_of(&mut self, probe: &Probe) -> Result<Sensitivities> {
        let op = self.operating_point()?.op;
        let solver = self.solver()?;
        solver.sensitivities(probe, &op).map_err(Fault::of)
    }

    /// Variables by name; all of them for none.
    pub fn variables(&mut self, names: Option<Vec<String>>) -> Result<Vec<(String, Variable)>> {
        let circuit = &self.solver()?.circuit;
        let Some(names) = names else {
            return Ok(circuit.variables());
        };
        let find = |name: String| {
            let variable = circuit.find_variable(&name).map_err(Fault::argument)?;
            Ok((name, variable))
        };
        names.into_iter().map(find).collect()
    }

    /// What some texts such as `v(out*)` ask for; all potentials, and the currents that ngspice knows,
    /// for none.
    pub fn probes(&mut self, texts: Option<&[String]>) -> Result<Vec<Probe>> {
        let circuit = &self.solver()?.circuit;
        match texts {
            None => Ok(ohmgrad::analysis::default_probes(circuit)),
            Some(texts) => {
                probes_of(circuit, texts.iter().map(String::as_str)).map_err(Fault::argument)
            }
        }
    }

    /// One operating point for each row of `values`, rows x `names`.
    pub fn solve(&mut self, rows: (Vec<String>, Vec<f64>), probes: &[Probe]) -> Result<Points> {
        let table = PointTable::from_rows(Path::new("inputs"), rows.0, rows.1);
        let table = table.map_err(Fault::argument)?;
        let solver = self.solver()?;
        let points = points::solve(solver, &table, probes, &|_| {}).map_err(Fault::of)?;
        let warnings = render(&points.warnings, &solver.circuit.sources);
        self.warnings.extend(warnings);
        Ok(points)
    }

    /// The adjoint network of an output, as a deck.
    pub fn linearize(&mut self, output: &str) -> Result<String> {
        let op = self.operating_point()?.op;
        let solver = self.solver()?;
        let output = Output::parse(&solver.circuit, output).map_err(Fault::argument)?;
        solver.workspace.settle(&solver.system, &solver.values);
        let mut cotangent = Cotangent::new(&solver.system);
        cotangent.add(solver, output, 1.0);
        let network = AdjointNetwork::new(solver, &op, &cotangent).map_err(Fault::of)?;
        // A circuit that nothing can solve is no result.
        network.solve(solver).map_err(Fault::of)?;
        network.circuit.to_spice().map_err(Fault::argument)
    }

    pub fn export(&mut self, simulator: Simulator) -> Result<String> {
        let mut circuit = self.solver()?.circuit.clone();
        if circuit.commands.analyses.is_empty() {
            circuit.ask_for_operating_point();
        }
        circuit.to_spice_for(simulator).map_err(Fault::argument)
    }
}

fn set(circuit: &mut Circuit, name: &str, variable: &Variable, value: f64) -> Result<()> {
    match value.is_finite() && circuit.set_variable(variable, value) {
        true => Ok(()),
        false => Err(Fault::argument(format!(
            "`{name}` cannot be {value}\n  help: an element that depends on it refuses its value then"
        ))),
    }
}

fn render(warnings: &[Diagnostic], sources: &SourceMap) -> Vec<String> {
    let texts = warnings.iter().map(|w| w.render(sources).to_string());
    texts.collect()
}

/// Where the deck ends but for its `.end`.
fn before_end(text: &str) -> usize {
    let trimmed = text.trim_end();
    let last = trimmed.rfind('\n').map_or(0, |at| at + 1);
    match trimmed[last..].trim().eq_ignore_ascii_case(".end") {
        true => last,
        false => text.len(),
    }
}
