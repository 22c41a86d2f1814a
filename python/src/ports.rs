//! The kernel equation of a circuit seen from its ports, as arrays.

use numpy::{IntoPyArray, PyArray1, PyArray2};
use ohmgrad::circuit::Circuit;
use ohmgrad::kernel::{CircuitKernel, Dense, Port};
use pyo3::prelude::*;

use crate::arrays::matrix;
use crate::fault::{Fault, Result};

/// `0 in H z + N(z) + B u + c` and `y = -(C z + D u + d)`, N being the normal cone of z >= 0: z holds a
/// current (A) or a reverse voltage (V) of each ideal diode, u what is given at each port, y what is read.
#[pyclass(frozen, module = "ohmgrad")]
pub struct Kernel {
    #[pyo3(get, name = "H")]
    h: Py<PyArray2<f64>>,
    #[pyo3(get, name = "B")]
    b: Py<PyArray2<f64>>,
    #[pyo3(get, name = "C")]
    c: Py<PyArray2<f64>>,
    #[pyo3(get, name = "D")]
    d: Py<PyArray2<f64>>,
    #[pyo3(get, name = "c")]
    bias: Py<PyArray1<f64>>,
    #[pyo3(get, name = "d")]
    output_bias: Py<PyArray1<f64>>,
    /// What each of z is of.
    #[pyo3(get)]
    diodes: Vec<String>,
    /// What each of u and y is of.
    #[pyo3(get)]
    ports: Vec<String>,
}

#[pymethods]
impl Kernel {
    fn __repr__(&self) -> String {
        let (diodes, ports) = (self.diodes.len(), self.ports.len());
        format!("<Kernel: {diodes} diodes, {ports} ports>")
    }
}

/// Finds the equation.
pub fn find(circuit: &Circuit, ports: &[String]) -> Result<CircuitKernel> {
    let ports = Port::parse_all(circuit, ports).map_err(Fault::argument)?;
    CircuitKernel::of(circuit, &ports).map_err(Fault::of)
}

impl Kernel {
    pub fn new(py: Python<'_>, found: CircuitKernel) -> PyResult<Self> {
        let kernel = found.kernel;
        let array = |dense: &Dense| -> PyResult<Py<PyArray2<f64>>> {
            let shape = [dense.rows(), dense.columns()];
            Ok(matrix(py, shape, dense.numbers().to_vec())?.unbind())
        };
        Ok(Self {
            h: array(&kernel.h)?,
            b: array(&kernel.b)?,
            c: array(&kernel.c)?,
            d: array(&kernel.d)?,
            bias: kernel.bias.into_pyarray(py).unbind(),
            output_bias: kernel.output_bias.into_pyarray(py).unbind(),
            diodes: found.diodes.into_iter().map(|diode| diode.name).collect(),
            ports: found.ports.into_iter().map(|port| port.name).collect(),
        })
    }
}
