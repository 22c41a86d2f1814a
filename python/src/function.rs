//! A circuit as a function of sources and conductances that can be differentiated.

use std::sync::Arc;

use numpy::{
    AllowTypeChange, IntoPyArray, PyArray1, PyArray2, PyArrayLike1, PyArrayLike2, PyArrayMethods,
};
use ohmgrad::batch::Sample;
use pyo3::prelude::*;

use crate::arrays::{AnyRows, check_length, list, matrix, numbers};
use crate::crew::compute;
use crate::rows::{self, Rows};

/// Outputs of a circuit for rows of source values, as a function of these and of the conductances of some
/// of its resistors: `y, tape = f(x, g)`, then `tape.vjp(dy)`.
#[pyclass(frozen, module = "ohmgrad")]
pub struct Function(Arc<Rows>);

/// The operating points of one call of a `Function`, and the way back from there.
#[pyclass(frozen, module = "ohmgrad")]
pub struct Tape {
    function: Arc<Rows>,
    tape: rows::Tape,
}

type Rows2<'py> = PyArrayLike2<'py, f64, AllowTypeChange>;
type List<'py> = PyArrayLike1<'py, f64, AllowTypeChange>;
type Arrays<'py> = (Option<Bound<'py, PyArray2<f64>>>, Bound<'py, PyArray1<f64>>);

impl Function {
    pub fn new(rows: Rows) -> Self {
        Self(Arc::new(rows))
    }
}

#[pymethods]
impl Function {
    /// Number of inputs.
    #[getter]
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    /// What is read: v(a), i(r1), ...
    #[getter]
    fn outputs(&self) -> Vec<String> {
        let probes = self.0.outputs().iter();
        probes.map(|probe| probe.name.clone()).collect()
    }

    /// Names of the resistors whose conductances are an argument.
    #[getter]
    fn resistors(&self) -> Vec<String> {
        self.0.resistors()
    }

    /// Their conductances in the circuit, S.
    #[getter]
    fn conductances<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.conductances().into_pyarray(py)
    }

    /// Whether rows are solved and differentiated in whole batches; conductances below zero are not.
    #[getter]
    fn batched(&self) -> bool {
        self.0.is_batched()
    }

    /// Outputs, rows x outputs, at `inputs`, rows x inputs (V or A), and `conductances` (S). Contiguous inputs of
    /// type float64, float32 or uint8 are taken as they are.
    #[pyo3(signature = (inputs, conductances = None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        conductances: Option<List<'py>>,
    ) -> PyResult<(Bound<'py, PyArray2<f64>>, Tape)> {
        let function = Arc::clone(&self.0);
        let columns = function.inputs();
        let conductances = match &conductances {
            Some(given) => list("conductances", given, function.conductance_count())?,
            None => function.conductances().into(),
        };
        let solve = |rows, inputs: Sample<'_>| {
            compute(py, || function.forward((rows, inputs), &conductances))
        };
        let (outputs, tape) = AnyRows::of(inputs)?.with("inputs", columns, solve)??;
        let shape = [tape.rows(), function.outputs().len()];
        Ok((matrix(py, shape, outputs)?, Tape { function, tape }))
    }
}

#[pymethods]
impl Tape {
    /// Derivatives of `sum(cotangents * outputs)` to the inputs, rows x inputs, and to the conductances,
    /// summed over rows. One linear solve for each row. Without `inputs`, None takes the place of the first. The
    /// second are written to `out`, if it is given.
    #[pyo3(signature = (cotangents, *, inputs = true, out = None))]
    fn vjp<'py>(
        &self,
        py: Python<'py>,
        cotangents: Rows2<'py>,
        inputs: bool,
        out: Option<Bound<'py, PyArray1<f64>>>,
    ) -> PyResult<Arrays<'py>> {
        let Self { function, tape } = self;
        let shape = (Some(tape.rows()), function.outputs().len());
        let cotangents = numbers("cotangents", &cotangents, shape)?;
        let count = function.conductance_count();
        let out = out.unwrap_or_else(|| PyArray1::zeros(py, count, false));
        let mut written = out.try_readwrite()?;
        let to_conductances = written.as_slice_mut()?;
        check_length("out", to_conductances.len(), count)?;
        let inputs = compute(py, || {
            function.backward(tape, &cotangents, to_conductances, inputs)
        })?;
        let shape = [tape.rows(), function.inputs()];
        let inputs = inputs.map(|inputs| matrix(py, shape, inputs)).transpose()?;
        drop(written);
        Ok((inputs, out))
    }

    /// How the outputs, rows x outputs, change along `inputs`, rows x inputs, and `conductances`. One
    /// linear solve for each output of each row.
    fn jvp<'py>(
        &self,
        py: Python<'py>,
        inputs: Rows2<'py>,
        conductances: List<'py>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let Self { function, tape } = self;
        let inputs = numbers("inputs", &inputs, (Some(tape.rows()), function.inputs()))?;
        let count = function.conductance_count();
        let conductances = list("conductances", &conductances, count)?;
        let changes = compute(py, || function.tangents(tape, &inputs, &conductances));
        let shape = [tape.rows(), function.outputs().len()];
        matrix(py, shape, changes?)
    }
}
