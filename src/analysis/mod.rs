//! What a user asks of a circuit: an operating point, a sweep.

mod curve;
pub mod dataset;
mod energy;
mod formula;
mod operating_point;
mod output;
mod probe;
mod request;
mod selection;
mod singular;
mod sweep;
mod undetermined;

pub(crate) use curve::{Curve, Window};
pub use energy::{NotReciprocal, check_reciprocal, cocontent};
pub(crate) use energy::{slope as cocontent_slope, voltage as element_voltage};
pub(crate) use formula::Formula;
pub(crate) use operating_point::describe;
pub use operating_point::{Diode, OperatingPoint, SolveError, operating_point};
pub use output::{Output, OutputError};
pub use probe::{Probe, ProbeDerivatives};
pub use request::RequestError;
pub use selection::{default_probes, potentials, probes_of, selected_probes};
pub use sweep::{Sweep, SweepError, SweepPoint, dc_sweep};
pub(crate) use sweep::{
    at_each_point, check_points, coordinates, count_points, evenly_spaced, number,
};
pub use undetermined::Undetermined;

use crate::circuit::{BuildError, Circuit, TopologyError};
use crate::device::Device;
use crate::linear::LinearError;
use crate::mna::{System, Values, Workspace};
use crate::netlist::{Diagnostic, Netlist};
use crate::newton::NewtonOptions;

/// A checked and compiled circuit together with the state of one solve.
#[derive(Debug)]
pub struct Solver {
    pub circuit: Circuit,
    pub system: System,
    pub values: Values,
    pub workspace: Workspace,
    pub options: NewtonOptions,
    /// What the parser, the circuit builder and the topology check found odd.
    pub warnings: Vec<Diagnostic>,
    structure: Vec<Structure>,
}

/// What of an element's value the compiled system depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Structure {
    Short,
    Positive,
    /// The system is not positive definite then.
    Negative,
    Other,
}

fn structure(device: &Device) -> Structure {
    match device {
        Device::Resistor { resistance } if *resistance == 0.0 => Structure::Short,
        Device::Resistor { resistance } if *resistance < 0.0 => Structure::Negative,
        Device::Resistor { .. } => Structure::Positive,
        _ => Structure::Other,
    }
}

/// Why a circuit cannot be compiled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CompileError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Linear(#[from] LinearError),
}

impl Solver {
    /// Expands, builds, checks and compiles a netlist.
    ///
    /// # Errors
    /// [`CompileError`] says in which of these steps and why.
    pub fn from_netlist(netlist: &Netlist) -> Result<Self, CompileError> {
        Self::new(Circuit::from_netlist(netlist)?)
    }

    /// Checks and compiles a circuit. Its `.options reltol= abstol= itl1=` are taken where they are
    /// tighter than ours: results are never looser than the defaults.
    pub fn new(circuit: Circuit) -> Result<Self, CompileError> {
        let mut warnings = circuit.warnings.clone();
        warnings.extend(circuit.check()?);
        let system = System::compile(&circuit)?;
        let values = Values::new(&system, &circuit);
        let workspace = Workspace::new(&system, &values);
        let options = newton_options(&circuit);
        let structure = circuit.elements().map(|(_, e)| structure(&e.device));
        Ok(Self {
            structure: structure.collect(),
            circuit,
            system,
            values,
            workspace,
            options,
            warnings,
        })
    }

    /// Takes changed element values of [`Self::circuit`] into the next solve, and compiles the circuit
    /// anew where a resistor has become a short, ceased to be one, or changed its sign.
    ///
    /// # Errors
    /// As [`Self::new`]; the solver is as before then.
    pub fn take_values(&mut self) -> Result<(), CompileError> {
        let elements = self.circuit.elements();
        let is_same = elements
            .zip(&self.structure)
            .all(|((_, e), known)| structure(&e.device) == *known);
        if is_same {
            self.refresh();
            return Ok(());
        }
        self.circuit.check()?;
        self.system = System::compile(&self.circuit)?;
        self.values = Values::new(&self.system, &self.circuit);
        self.workspace = Workspace::new(&self.system, &self.values);
        let elements = self.circuit.elements();
        self.structure = elements.map(|(_, e)| structure(&e.device)).collect();
        Ok(())
    }

    /// Takes changed element values of [`Self::circuit`] into the next solve. No resistor must become
    /// or cease to be a short, or change its sign.
    pub fn refresh(&mut self) {
        self.values.update(&self.system, &self.circuit);
        self.workspace.sources.copy_from_slice(&self.values.sources);
        self.workspace.invalidate();
        self.workspace.evaluate_companions(&self.values);
        self.workspace.apply_ties(&self.system);
        self.workspace.evaluate_laws(&self.system, &self.values);
    }
}

pub(crate) fn newton_options(circuit: &Circuit) -> NewtonOptions {
    let mut options = NewtonOptions::default();
    for (name, value) in &circuit.options {
        let value = *value;
        if !(value > 0.0) {
            continue;
        }
        match name.as_str() {
            "reltol" => options.relative_tolerance = options.relative_tolerance.min(value),
            "abstol" => options.absolute_tolerance = options.absolute_tolerance.min(value),
            "itl1" => options.max_iterations = options.max_iterations.max(value as usize),
            _ => {}
        }
    }
    options
}
