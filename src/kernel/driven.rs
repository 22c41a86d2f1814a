//! The linear part of a circuit with a source at each diode and at each port.

use crate::analysis::{CompileError, OperatingPoint, Solver};
use crate::circuit::{Circuit, ElementId, NodeId, ParameterId, TopologyFault};
use crate::device::{Device, Parameter};
use crate::netlist::{Name, Span};

use super::network::Network;
use super::{Dense, KernelError, Variable};

/// The linear circuit that is solved once for each diode and each port.
pub struct Driven {
    solver: Solver,
    /// One for each diode, then one for each port.
    drivers: Vec<Driver>,
    /// Independent sources that are no ports, where they are not at zero.
    inside: Vec<ParameterId>,
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
    fn parameter(self) -> ParameterId {
        let parameter = match self.variable {
            Variable::Voltage => Parameter::Voltage,
            Variable::Current => Parameter::Current,
        };
        ParameterId {
            element: self.element,
            parameter,
        }
    }

    /// The value of its source for one unit of `z` or `u`.
    fn unit(self) -> f64 {
        match self.variable {
            Variable::Voltage => -self.sign,
            Variable::Current => self.sign,
        }
    }

    /// `w` or `-y`.
    fn response(self, circuit: &Circuit, op: &OperatingPoint) -> f64 {
        let [p, n] = self.nodes;
        match self.variable {
            Variable::Voltage => self.sign * op.current(circuit, self.element),
            Variable::Current => -self.sign * op.voltage(p, n),
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
                    builder.drive(element.name.clone(), id, element.port, variable, 1.0)?;
                    if let Some(resistance) = across {
                        let name = Name::from(format!("resistor across {}", element.name));
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
        match self.inside.is_empty() {
            true => Ok(vec![0.0; self.drivers.len()]),
            false => self.solve(),
        }
    }

    /// The first columns of `[H B; C D]`, one for each diode and then for each port, with all sources
    /// inside at zero from here on.
    ///
    /// # Errors
    /// [`KernelError::Solve`]
    pub fn columns(&mut self, count: usize) -> Result<Dense, KernelError> {
        for id in std::mem::take(&mut self.inside) {
            self.set(id, 0.0);
        }
        let mut matrix = Dense::zeros(self.drivers.len(), count);
        for column in 0..count {
            let driver = self.drivers[column];
            self.set(driver.parameter(), driver.unit());
            for (row, response) in self.solve()?.into_iter().enumerate() {
                matrix[(row, column)] = response;
            }
            self.set(driver.parameter(), 0.0);
        }
        Ok(matrix)
    }

    fn set(&mut self, id: ParameterId, value: f64) {
        // A source takes every finite value.
        let _ = self.solver.circuit.set(id, value);
        self.solver.refresh();
    }

    fn solve(&mut self) -> Result<Vec<f64>, KernelError> {
        // From a cold start: a column has no trace of the one before.
        let Solver {
            workspace,
            system,
            values,
            ..
        } = &mut self.solver;
        workspace.restart(system, values);
        let op = self.solver.operating_point();
        let op = op.map_err(|error| KernelError::Solve { error })?;
        let circuit = &self.solver.circuit;
        let responses = self.drivers.iter().map(|d| d.response(circuit, &op) + 0.0);
        Ok(responses.collect())
    }
}

struct Builder<'a> {
    network: &'a Network<'a>,
    circuit: Circuit,
    drivers: Vec<Driver>,
    inside: Vec<ParameterId>,
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
            inside: Vec::new(),
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
        let (port, second) = (element.port, element.second);
        let kept = self.add(element.name.clone(), id, device, port, second)?;
        let is_source = matches!(
            element.device,
            Device::VoltageSource { .. } | Device::CurrentSource { .. }
        );
        if let (true, Some(parameter)) = (is_source, element.device.principal()) {
            let element = kept;
            self.inside.push(ParameterId { element, parameter });
        }
        Ok(())
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
            inside: self.inside,
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
