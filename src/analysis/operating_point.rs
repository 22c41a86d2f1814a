//! The DC operating point, with everything that can be read off it.

use std::ops::Range;

use rayon::prelude::*;

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Device;
use crate::mna::{BranchCurrents, System, Values, Workspace, incidence};
use crate::newton::{self, Convergence, NoConvergence};

use super::energy::cocontent_of;
use super::{Solver, singular};

/// Where a circuit settles. Plain numbers, indexed as in its [`Circuit`].
#[derive(Clone, Debug)]
pub struct OperatingPoint {
    /// Potential of each node, V.
    pub potentials: Vec<f64>,
    /// Current p -> n of each branch, A.
    pub currents: Vec<f64>,
    /// Power taken by each element, W; negative where it is delivered.
    pub power: Vec<f64>,
    /// State of each diode.
    pub diodes: Vec<Diode>,
    /// Co-content of all branches, current sources among them, W; none if the circuit is not reciprocal
    /// ([`check_reciprocal`](super::check_reciprocal) says why).
    pub cocontent: Option<f64>,
    pub convergence: Convergence,
    /// Node at which the residual is largest relative to its tolerance.
    pub worst_node: NodeId,
}

/// What a diode does at the operating point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diode {
    pub element: ElementId,
    /// `on`, `off`, `breakdown`, or `table` for a tabulated one-port.
    pub state: &'static str,
    /// V, anode to cathode.
    pub voltage: f64,
    /// A.
    pub current: f64,
    /// Incremental conductance, S: infinite for an ideal diode that conducts.
    pub conductance: f64,
}

/// No operating point: names and numbers of where it failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SolveError {
    #[error("{}", no_convergence_text(.node, .failure, .open))]
    NoConvergence {
        node: String,
        failure: Box<NoConvergence>,
        /// Of a circuit that is singular where the solver starts: the outputs that its equations leave
        /// open there.
        open: Vec<String>,
    },
    /// The equations hold, but with numbers that mean nothing.
    #[error(
        "the {quantity} of `{element}` would be {value:e}, beyond anything that means something\n  \
         help: put a resistor in series with `{element}`, or look for a value that is out of range"
    )]
    OutOfRange {
        element: String,
        quantity: &'static str,
        value: f64,
    },
}

/// Currents (A), powers (W) and potentials (V) beyond this come from a law outside its range.
const LARGEST_VALUE: f64 = 1e100;

fn no_convergence_text(node: &str, failure: &NoConvergence, open: &[String]) -> String {
    let check = &failure.check;
    let tried: Vec<_> = failure
        .attempts
        .iter()
        .map(|a| {
            format!(
                "{} ({} iterations: {})",
                a.strategy, a.iterations, a.outcome
            )
        })
        .collect();
    let which = match open {
        [] => String::new(),
        _ => format!("\n  its equations do not determine {}", open.join(", ")),
    };
    let (what, help) = if singular::is_singular(failure) {
        (
            format!("the circuit is singular, or too near to it for double precision{which}"),
            "look for resistances that cancel, for a feedback loop of gain one, for a node that only \
             flat tables lead to (put a large resistor there), or for values that cancel to the \
             last digit",
        )
    } else if failure.is_out_of_budget() {
        (
            "the limit was reached before an operating point was found".to_string(),
            "raise --max-iterations or --time-limit",
        )
    } else if failure.is_out_of_memory() {
        (
            "out of memory in the factorization of the circuit's equations".to_string(),
            "make the circuit smaller, or look for a law that depends on very many nodes",
        )
    } else if !check.residual.is_finite() {
        (
            format!("no operating point found: near node `{node}` a law has no value"),
            "look there for an expression that divides by zero or takes the root or the logarithm of \
             a negative number",
        )
    } else {
        (
            format!(
                "no operating point found\n  worst node: `{node}`, residual {:.3e} A, {:.3e} times \
                 its tolerance{which}",
                check.residual, check.ratio
            ),
            "look there for a current that has nowhere to go (a source into a blocking ideal diode \
             or a full table), a voltage forced across an ideal diode, or a loop of high gain",
        )
    };
    format!("{what}\n  tried: {}\n  help: {help}", tried.join(", "))
}

/// Solves a circuit from a cold start.
///
/// # Errors
/// [`super::CompileError`] or [`SolveError`], boxed as [`crate::Error`].
pub fn operating_point(circuit: &Circuit) -> Result<OperatingPoint, crate::Error> {
    let mut solver = Solver::new(circuit.clone())?;
    Ok(solver.operating_point()?)
}

impl Solver {
    /// Solves from the state of the workspace: cold the first time, warm afterwards.
    ///
    /// # Errors
    /// [`SolveError`] if no strategy converges.
    pub fn operating_point(&mut self) -> Result<OperatingPoint, SolveError> {
        let Self {
            circuit,
            system,
            values,
            workspace,
            options,
            ..
        } = self;
        let solved = newton::solve(system, values, workspace, options);
        let convergence = solved.map_err(|failure| {
            let was_singular = singular::was_singular(&failure);
            let mut error = describe(circuit, system, failure);
            if let (true, SolveError::NoConvergence { open, .. }) = (was_singular, &mut error) {
                *open = singular::open_outputs(circuit, system, values, workspace);
            }
            error
        })?;
        let op = OperatingPoint::read(circuit, system, values, workspace, convergence);
        op.check_range(circuit)?;
        Ok(op)
    }
}

impl Solver {
    /// Solves from the state of the workspace, and from a cold start if that leads nowhere.
    ///
    /// # Errors
    /// [`SolveError`] if neither does.
    pub(crate) fn operating_point_from_anywhere(&mut self) -> Result<OperatingPoint, SolveError> {
        self.operating_point().or_else(|_| {
            self.workspace.restart(&self.system, &self.values);
            self.operating_point()
        })
    }
}

pub(crate) fn describe(circuit: &Circuit, system: &System, failure: NoConvergence) -> SolveError {
    let node = system.node_of_unknown(failure.check.worst);
    SolveError::NoConvergence {
        node: circuit.node_name(node).to_string(),
        failure: Box::new(failure),
        open: Vec::new(),
    }
}

impl OperatingPoint {
    /// Reads a converged workspace.
    pub fn read(
        circuit: &Circuit,
        system: &System,
        values: &Values,
        workspace: &mut Workspace,
        convergence: Convergence,
    ) -> Self {
        let ties = BranchCurrents::of_workspace(system, workspace);
        let mut op = Self {
            potentials: workspace.full[..system.node_count()].to_vec(),
            currents: Vec::with_capacity(circuit.branch_count()),
            power: Vec::with_capacity(circuit.element_count()),
            diodes: Vec::new(),
            cocontent: None,
            worst_node: system.node_of_unknown(convergence.check.worst),
            convergence,
        };
        let reader = Reader {
            circuit,
            system,
            values,
            workspace: &*workspace,
            ties: &ties,
            potentials: &op.potentials,
            is_reciprocal: circuit.is_reciprocal(),
        };
        let count = circuit.element_count();
        let read = |share: usize| {
            let first = share * ELEMENTS_OF_A_SHARE;
            reader.read(first..(first + ELEMENTS_OF_A_SHARE).min(count))
        };
        let shares: Vec<Share> = match count.div_ceil(ELEMENTS_OF_A_SHARE) {
            0 | 1 => vec![read(0)],
            count => (0..count).into_par_iter().map(read).collect(),
        };
        // One sum after the other, whatever the shares.
        let cocontent = shares.iter().flat_map(|share| &share.cocontents).sum();
        let cocontent = Some(cocontent).filter(|c: &f64| c.abs() < LARGEST_VALUE);
        op.cocontent = cocontent.filter(|_| reader.is_reciprocal);
        for share in shares {
            op.currents.extend(share.currents);
            op.power.extend(share.power);
            op.diodes.extend(share.diodes);
        }
        op
    }

    /// No infinite, absurd or undefined number leaves the library.
    fn check_range(&self, circuit: &Circuit) -> Result<(), SolveError> {
        for (id, element) in circuit.elements() {
            let voltage = self.voltage(element.port[0], element.port[1]);
            let values = [
                ("voltage", voltage),
                ("current", self.current(circuit, id)),
                ("power", self.power[id.index()]),
            ];
            if let Some((quantity, value)) =
                values.into_iter().find(|(_, x)| !(x.abs() < LARGEST_VALUE))
            {
                let element = element.name().to_string();
                return Err(SolveError::OutOfRange {
                    element,
                    quantity,
                    value,
                });
            }
        }
        Ok(())
    }

    /// Potential difference, V.
    pub fn voltage(&self, p: NodeId, n: NodeId) -> f64 {
        self.potentials[p.index()] - self.potentials[n.index()]
    }

    /// Current p -> n of the (first) port of an element, A.
    pub fn current(&self, circuit: &Circuit, id: ElementId) -> f64 {
        circuit
            .element(id)
            .branches()
            .next()
            .map_or(0.0, |b| self.currents[b.index()])
    }

    /// Kirchhoff's current law at each node, A: the currents leaving it, added up by the incidence
    /// matrix and not by the solver.
    pub fn kirchhoff(&self, circuit: &Circuit) -> Vec<f64> {
        let mut leaving = vec![0.0; circuit.node_count()];
        let incidence = incidence(circuit);
        sprs::prod::mul_acc_mat_vec_csc(incidence.view(), &self.currents[..], &mut leaving[..]);
        leaving
    }
}

/// Elements that one thread reads at a time.
const ELEMENTS_OF_A_SHARE: usize = crate::threads::MANY;

/// What is read of neighbouring elements.
#[derive(Default)]
struct Share {
    currents: Vec<f64>,
    power: Vec<f64>,
    diodes: Vec<Diode>,
    /// Of each element, W; empty if the circuit is not reciprocal.
    cocontents: Vec<f64>,
}

/// A converged workspace and what it belongs to.
struct Reader<'a> {
    circuit: &'a Circuit,
    system: &'a System,
    values: &'a Values,
    workspace: &'a Workspace,
    ties: &'a BranchCurrents,
    potentials: &'a [f64],
    is_reciprocal: bool,
}

impl Reader<'_> {
    fn read(&self, elements: Range<usize>) -> Share {
        let (circuit, values, workspace) = (self.circuit, self.values, self.workspace);
        let mut share = Share {
            currents: Vec::with_capacity(elements.len()),
            power: Vec::with_capacity(elements.len()),
            ..Share::default()
        };
        let across = |[p, n]: [NodeId; 2]| self.potentials[p.index()] - self.potentials[n.index()];
        for id in elements.map(ElementId::from_index) {
            let element = circuit.element(id);
            let system = self.system;
            let current = system.current(circuit, values, workspace, self.ties, id);
            let voltage = across(element.port);
            let mut power = voltage * current;
            share.currents.push(current);
            if let (true, Some(second)) = (element.is_two_port(), element.second()) {
                let current = system.second_current(circuit, values, workspace, id);
                power += across(second) * current;
                share.currents.push(current);
            }
            share.power.push(power);
            let ideal = system.ideal_state(workspace, id);
            let diode = diode(id, &element.device, ideal, voltage, current);
            share.diodes.extend(diode);
            if self.is_reciprocal {
                share.cocontents.push(cocontent_of(&element, voltage));
            }
        }
        share
    }
}

fn diode(
    element: ElementId,
    device: &Device,
    ideal: Option<bool>,
    voltage: f64,
    current: f64,
) -> Option<Diode> {
    match (device, ideal) {
        (Device::OnePort(one_port), _) => Some(Diode {
            element,
            state: one_port.state(voltage),
            voltage,
            current,
            conductance: one_port.evaluate(voltage).conductance,
        }),
        (_, Some(true)) => Some(Diode {
            element,
            state: "on",
            voltage,
            current,
            conductance: f64::INFINITY,
        }),
        (_, Some(false)) => Some(Diode {
            element,
            state: "off",
            voltage,
            current,
            conductance: 0.0,
        }),
        _ => None,
    }
}
