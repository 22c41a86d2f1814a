//! An operating point, to be read.

use ohmgrad::analysis::{Output, Probe};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault::Fault;
use crate::state::Solved;

/// Where a circuit settles. Voltages in V, currents in A (positive from the first terminal to the second
/// inside an element), powers in W.
#[pyclass(frozen, module = "ohmgrad")]
pub struct OperatingPoint(pub Solved);

#[pymethods]
impl OperatingPoint {
    /// Potential of each node by name.
    #[getter]
    fn voltages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Solved { circuit, op } = &self.0;
        let nodes = circuit.nodes().zip(&op.potentials);
        dict(py, nodes.map(|((_, node), v)| (node.name.as_str(), *v)))
    }

    /// Current of each element (of its first port) by name.
    #[getter]
    fn currents<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Solved { circuit, op } = &self.0;
        let elements = circuit.elements();
        dict(
            py,
            elements.map(|(id, e)| (e.name(), op.current(circuit, id))),
        )
    }

    /// Power that each element takes, by name; negative where it is delivered.
    #[getter]
    fn powers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Solved { circuit, op } = &self.0;
        let elements = circuit.elements().zip(&op.power);
        dict(py, elements.map(|((_, e), p)| (e.name(), *p)))
    }

    /// Voltage between two nodes, or of one against ground.
    #[pyo3(signature = (node, reference = "0"))]
    fn voltage(&self, node: &str, reference: &str) -> PyResult<f64> {
        self.output(&format!("v({node},{reference})"))
    }

    /// Current of an element.
    fn current(&self, element: &str) -> PyResult<f64> {
        self.output(&format!("i({element})"))
    }

    /// Value of a probe: v(a), v(a,b), i(r1), p(r1), or an expression of these.
    fn value(&self, probe: &str) -> PyResult<f64> {
        let Solved { circuit, op } = &self.0;
        let probe = Probe::parse(circuit, probe).map_err(Fault::argument)?;
        Ok(probe.value(circuit, op))
    }

    /// Power turned into heat by resistors, diodes and tables.
    #[getter]
    fn power_dissipated(&self) -> f64 {
        self.0.op.power_dissipated(&self.0.circuit)
    }

    /// Power that sources deliver.
    #[getter]
    fn power_delivered(&self) -> f64 {
        self.0.op.power_delivered(&self.0.circuit)
    }

    /// Co-content of all branches, W; None where the circuit is not reciprocal.
    #[getter]
    fn cocontent(&self) -> Option<f64> {
        self.0.op.cocontent
    }

    /// Linear solves in all.
    #[getter]
    fn iterations(&self) -> usize {
        self.0.op.convergence.iterations
    }

    /// What led there: linear, descent, newton, ...
    #[getter]
    fn strategy(&self) -> String {
        self.0.op.convergence.strategy.to_string()
    }

    fn __repr__(&self) -> String {
        let Solved { circuit, .. } = &self.0;
        format!(
            "<OperatingPoint of {:?}: {} nodes, {} elements>",
            circuit.title,
            circuit.node_count(),
            circuit.element_count()
        )
    }
}

impl OperatingPoint {
    fn output(&self, text: &str) -> PyResult<f64> {
        let Solved { circuit, op } = &self.0;
        let output = Output::parse(circuit, text).map_err(Fault::argument)?;
        Ok(output.value(circuit, op))
    }
}

fn dict<'py, S: AsRef<str>>(
    py: Python<'py>,
    items: impl Iterator<Item = (S, f64)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in items {
        dict.set_item(name.as_ref(), value)?;
    }
    Ok(dict)
}
