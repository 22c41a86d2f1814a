//! The linear part of a circuit with a source at each diode and at each port.

use std::collections::HashMap;

use crate::analysis::{CompileError, Solver, describe};
use crate::circuit::{Circuit, ElementId, NodeId, TopologyFault};
use crate::device::Device;
use crate::mna::BranchCurrents;
use crate::netlist::{Name, Span};
use crate::newton;

use super::network::Network;
use super::{Dense, KernelError, Variable};

/// The linear circuit that is solved once for each diode and each port.
pub struct Driven {
    solver: Solver,
    /// One for each diode, then one for each port.
    drivers: Vec<Driver>,
}

#[derive(Clone, Copy)]
struct Driver {
    element: ElementId,
    nodes: [NodeId; 2],
    variable: Variable,
    /// One at a diode, whose variables are those of its own; minus one at a port, whose variables are
    /// those of the circuit.
    sign: f64,
}

impl Driver {
    /// The value of its source for one unit of `z` or `u`.
    fn unit(self) -> f64 {
        match self.variable {
            Variable::Voltage => -self.sign,
            Variable::Current => self.sign,
        }
    }

    /// `w` or `-y`, where the solver has solved.
    fn response(self, solver: &Solver, ties: &BranchCurrents) -> f64 {
        let Solver {
            circuit,
            system,
            values,
            workspace,
            ..
        } = solver;
        let [p, n] = self.nodes;
        match self.variable {
            Variable::Voltage => {
                self.sign * system.current(circuit, values, workspace, ties, self.element)
            }
            Variable::Current => -self.sign * workspace.voltage(p, n),
        }
    }
}

impl Driven {
    /// Diodes become sources of `variables`; with `across`, a resistor of so many ohm stands across
    /// each of them.
    ///
    /// # Errors
    /// [`KernelError::Topology`] and [`KernelError::Compile`].
    pub fn new(
        network: &Network,
        variables: &[Variable],
        across: Option<f64>,
    ) -> Result<Self, KernelError> {
        let mut builder = Builder::new(network);
        let mut kinds = variables.iter();
        for (id, element) in network.circuit.elements() {
            if network.ports.iter().any(|port| port.source == Some(id)) {
                continue;
            }
            match (&element.device, kinds.as_slice().first()) {
                (Device::IdealDiode, Some(&variable)) => {
                    kinds.next();
                    builder.drive(element.name(), id, element.port, variable, 1.0)?;
                    if let Some(resistance) = across {
                        let name = Name::from(format!("resistor across {}", element.name()));
                        let device = Device::Resistor { resistance };
                        builder.add(name, id, device, element.port, None)?;
                    }
                }
                _ => builder.keep(id)?,
            }
        }
        builder.ports()?;
        builder.compile()
    }

    /// What sources inside make of `w` and `-y` while nothing else drives: `c` and `d`.
    ///
    /// # Errors
    /// [`KernelError::Solve`]
    pub fn constants(&mut self) -> Result<Vec<f64>, KernelError> {
        let sources = &self.solver.values.sources;
        match sources.iter().all(|value| *value == 0.0) {
            true => Ok(vec![0.0; self.drivers.len()]),
            false => {
                self.solver.workspace.sources.copy_from_slice(sources);
                self.solve()
            }
        }
    }

    /// The first columns of `[H B; C D]`, one for each diode and then for each port, with all sources
    /// inside at zero.
    ///
    /// # Errors
    /// [`KernelError::Solve`]
    pub fn columns(&mut self, count: usize) -> Result<Dense, KernelError> {
        let sources = self.solver.system.source_elements().iter();
        let places: HashMap<ElementId, usize> = sources.copied().zip(0..).collect();
        let mut matrix = Dense::zeros(self.drivers.len(), count);
        for column in 0..count {
            let driver = self.drivers[column];
            let sources = &mut self.solver.workspace.sources;
            sources.fill(0.0);
            if let Some(&place) = places.get(&driver.element) {
                sources[place] = driver.unit();
            }
            for (row, response) in self.solve()?.into_iter().enumerate() {
                matrix[(row, column)] = response;
            }
        }
        Ok(matrix)
    }

    /// From all potentials at zero, so that a column has no trace of the one before. The factors stay:
    /// sources are on the right side only.
    fn solve(&mut self) -> Result<Vec<f64>, KernelError> {
        let Solver {
            circuit,
            system,
            values,
            workspace,
            options,
            ..
        } = &mut self.solver;
        workspace.full.fill(0.0);
        workspace.low.fill(0.0);
        workspace.apply_ties(system);
        newton::solve(system, values, workspace, options).map_err(|failure| {
            let error = describe(circuit, system, failure);
            KernelError::Solve { error }
        })?;
        let ties = BranchCurrents::of_workspace(system, workspace);
        let responses = self.drivers.iter();
        // Adding zero turns -0 into 0.
        let responses = responses.map(|driver| driver.response(&self.solver, &ties) + 0.0);
        Ok(responses.collect())
    }
}

struct Builder<'a> {
    network: &'a Network<'a>,
    circuit: Circuit,
    drivers: Vec<Driver>,
}

impl<'a> Builder<'a> {
    /// Nodes keep their numbers, elements their names and places.
    fn new(network: &'a Network<'a>) -> Self {
        let original = network.circuit;
        let mut circuit = Circuit::new(original.title.clone());
        circuit.sources = original.sources.clone();
        for (_, node) in original.nodes() {
            circuit.node_at(&node.name, node.span);
        }
        Self {
            network,
            circuit,
            drivers: Vec::with_capacity(network.size()),
        }
    }

    fn add(
        &mut self,
        name: Name,
        like: ElementId,
        device: Device,
        port: [NodeId; 2],
        second: Option<[NodeId; 2]>,
    ) -> Result<ElementId, KernelError> {
        let span = self.network.circuit.element(like).span;
        self.insert(name, span, device, port, second)
    }

    fn insert(
        &mut self,
        name: Name,
        span: Option<Span>,
        device: Device,
        port: [NodeId; 2],
        second: Option<[NodeId; 2]>,
    ) -> Result<ElementId, KernelError> {
        let inserted = self.circuit.insert(name, span, device, port, second, None);
        inserted.map_err(|error| KernelError::Topology {
            error,
            is_of_port: false,
        })
    }

    fn keep(&mut self, id: ElementId) -> Result<(), KernelError> {
        let element = self.network.circuit.element(id);
        let device = element.device.clone();
        let (port, second) = (element.port, element.second());
        self.add(element.name(), id, device, port, second).map(drop)
    }

    fn drive(
        &mut self,
        name: Name,
        like: ElementId,
        nodes: [NodeId; 2],
        variable: Variable,
        sign: f64,
    ) -> Result<(), KernelError> {
        let span = self.network.circuit.element(like).span;
        let element = self.insert(name, span, source(variable), nodes, None)?;
        self.drivers.push(Driver {
            element,
            nodes,
            variable,
            sign,
        });
        Ok(())
    }

    /// No element of a deck has a blank in its name.
    fn ports(&mut self) -> Result<(), KernelError> {
        for port in self.network.ports {
            let name = Name::from(format!("{PORT}{}", port.name));
            let span = port.source.map(|id| self.network.circuit.element(id).span);
            let device = source(port.drive);
            let element = self.insert(name, span.flatten(), device, port.nodes, None)?;
            self.drivers.push(Driver {
                element,
                nodes: port.nodes,
                variable: port.drive,
                sign: -1.0,
            });
        }
        Ok(())
    }

    fn compile(self) -> Result<Driven, KernelError> {
        let solver = Solver::new(self.circuit).map_err(|error| match error {
            CompileError::Topology(error) => KernelError::Topology {
                is_of_port: error.faults.iter().any(names_a_port),
                error,
            },
            error => KernelError::Compile(error),
        })?;
        Ok(Driven {
            solver,
            drivers: self.drivers,
        })
    }
}

fn source(variable: Variable) -> Device {
    match variable {
        Variable::Voltage => Device::VoltageSource { voltage: 0.0 },
        Variable::Current => Device::CurrentSource { current: 0.0 },
    }
}

const PORT: &str = "port ";

fn names_a_port(fault: &TopologyFault) -> bool {
    let located = match fault {
        TopologyFault::VoltageLoop { closing, others } => {
            let mut all = others.clone();
            all.push(closing.clone());
            all
        }
        TopologyFault::CurrentCutset { sources, .. } => sources.clone(),
        _ => Vec::new(),
    };
    located.iter().any(|item| item.name.starts_with(PORT))
}
