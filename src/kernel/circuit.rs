//! A circuit and its ports to a [`Kernel`].

use crate::analysis::OperatingPoint;
use crate::circuit::{Circuit, ElementId};
use crate::limits::memory;

use super::choice::choose;
use super::driven::Driven;
use super::network::Network;
use super::{Choice, Dense, Kernel, KernelError, Port, Variable};

/// The kernel equation of a circuit, and what its numbers belong to.
#[derive(Clone, Debug)]
pub struct CircuitKernel {
    pub title: String,
    pub kernel: Kernel,
    /// What each of `z` and `w` is, in deck order.
    pub diodes: Vec<Diode>,
    /// What each of `u` and `y` is.
    pub ports: Vec<Port>,
    pub choice: Choice,
    /// False if a gyrator is there. Opposite entries are made equal to the last bit if true.
    pub is_reciprocal: bool,
    /// By how much opposite entries of a reciprocal circuit differed as they were computed, relative
    /// to the diagonal.
    pub rounding: f64,
}

/// An ideal diode of the deck.
#[derive(Clone, Debug, PartialEq)]
pub struct Diode {
    pub element: ElementId,
    pub name: String,
    /// What of it is in `z`.
    pub variable: Variable,
}

impl CircuitKernel {
    /// Takes a circuit of resistors, transformers, gyrators, ideal diodes and independent sources apart:
    /// n diodes and m ports. The choice of variables is made by [rank-revealing elimination](Choice) of
    /// the scattering matrix; each column of the matrices is one certified solution of the linear
    /// circuit with a unit source, so that no column suffers from the size of another.
    ///
    /// # Errors
    /// [`KernelError`] names the element, the port or the node.
    pub fn of(circuit: &Circuit, ports: &[Port]) -> Result<Self, KernelError> {
        let network = Network::new(circuit, ports)?;
        check_size(&network)?;
        let (choice, variables) = choice_of(&network)?;
        let mut driven = Driven::new(&network, &variables, None)?;
        let constants = driven.constants()?;
        let mut matrix = driven.columns(network.size())?;
        let kinds: Vec<Variable> = variables
            .iter()
            .copied()
            .chain(ports.iter().map(|port| port.drive))
            .collect();
        let is_reciprocal = !network.has_gyrators;
        let rounding = match is_reciprocal {
            true => make_reciprocal(&mut matrix, &kinds),
            false => 0.0,
        };
        if !matrix.largest().is_finite() {
            return Err(KernelError::Range);
        }
        let diode = |(&element, &variable): (&ElementId, &Variable)| Diode {
            element,
            name: circuit.element(element).name().to_string(),
            variable,
        };
        let diodes: Vec<Diode> = network.diodes.iter().zip(&variables).map(diode).collect();
        Ok(Self {
            title: circuit.title.clone(),
            kernel: split(&matrix, &constants, &diodes),
            diodes,
            ports: ports.to_vec(),
            choice,
            is_reciprocal,
            rounding,
        })
    }

    /// `z` of an operating point of the circuit itself, n.
    pub fn unknowns(&self, circuit: &Circuit, op: &OperatingPoint) -> Vec<f64> {
        self.pairs(circuit, op).map(|(z, _)| z).collect()
    }

    /// `w` of an operating point of the circuit itself, n.
    pub fn slacks(&self, circuit: &Circuit, op: &OperatingPoint) -> Vec<f64> {
        self.pairs(circuit, op).map(|(_, w)| w).collect()
    }

    fn pairs(&self, circuit: &Circuit, op: &OperatingPoint) -> impl Iterator<Item = (f64, f64)> {
        self.diodes.iter().map(move |diode| {
            let [p, n] = circuit.element(diode.element).port;
            let current = op.current(circuit, diode.element);
            let reverse = op.voltage(n, p);
            match diode.variable {
                Variable::Current => (current, reverse),
                Variable::Voltage => (reverse, current),
            }
        })
    }
}

/// The matrices, their scattering form and the factors of one solve.
fn check_size(network: &Network) -> Result<(), KernelError> {
    let (diodes, ports) = (network.diodes.len(), network.ports.len());
    let size = network.size() as u64;
    let bytes = size.saturating_mul(size).saturating_mul(8 * 4);
    let limit = memory();
    match bytes > limit {
        true => Err(KernelError::TooLarge {
            diodes,
            ports,
            bytes,
            limit,
        }),
        false => Ok(()),
    }
}

fn choice_of(network: &Network) -> Result<(Choice, Vec<Variable>), KernelError> {
    let n = network.diodes.len();
    let r = network.resistance;
    let currents = vec![Variable::Current; n];
    let impedance = Driven::new(network, &currents, Some(r))?.columns(n)?;
    let scattering = Dense::from_fn(n, n, |i, j| {
        let diagonal = if i == j { 1.0 } else { 0.0 };
        2.0 * impedance[(i, j)] / r - diagonal
    });
    match scattering.largest().is_finite() {
        true => Ok(choose(&scattering)),
        false => Err(KernelError::Range),
    }
}

/// Puts the mean of opposite entries in their places: equal where both variables are of one kind, of
/// opposite sign where they are not. Returns the largest difference that there was.
fn make_reciprocal(matrix: &mut Dense, kinds: &[Variable]) -> f64 {
    let mut rounding = 0.0f64;
    for i in 0..kinds.len() {
        for j in 0..i {
            let sign = if kinds[i] == kinds[j] { 1.0 } else { -1.0 };
            let (a, b) = (matrix[(i, j)], sign * matrix[(j, i)]);
            let diagonal = (matrix[(i, i)] * matrix[(j, j)]).abs().sqrt();
            let size = a.abs().max(b.abs()).max(diagonal);
            if size > 0.0 {
                rounding = rounding.max((a - b).abs() / size);
            }
            let mean = 0.5 * a + 0.5 * b;
            matrix[(i, j)] = mean;
            matrix[(j, i)] = sign * mean + 0.0;
        }
    }
    rounding
}

fn split(matrix: &Dense, constants: &[f64], diodes: &[Diode]) -> Kernel {
    let n = diodes.len();
    let m = matrix.rows() - n;
    let block = |row: usize, column: usize, rows, columns| {
        Dense::from_fn(rows, columns, |i, j| matrix[(row + i, column + j)])
    };
    Kernel {
        h: block(0, 0, n, n),
        b: block(0, n, n, m),
        c: block(n, 0, m, n),
        d: block(n, n, m, m),
        bias: constants[..n].to_vec(),
        output_bias: constants[n..].to_vec(),
        names: diodes.iter().map(|diode| diode.name.clone()).collect(),
    }
}
