//! A circuit: made of text or of calls, solved, differentiated, exported.

use std::ffi::CString;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use numpy::PyArray2;
use ohmgrad::circuit::Simulator;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::arrays::{matrix, rows};
use crate::fault::{Fault, OhmgradWarning, Result};
use crate::function::Function;
use crate::operating_point::OperatingPoint;
use crate::ports::{self, Kernel};
use crate::rows::Rows;
use crate::state::State;

/// A circuit of resistors, diodes and sources. Other threads may run while it is solved; they wait for each
/// other where they ask for the same circuit.
#[pyclass(frozen, module = "ohmgrad")]
pub struct Circuit(Mutex<State>);

/// Reads a name or a list of names.
#[derive(FromPyObject)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        match names {
            Names::One(name) => vec![name],
            Names::Many(names) => names,
        }
    }
}

impl Circuit {
    fn new_checked(py: Python<'_>, state: State) -> PyResult<Self> {
        let circuit = Self(Mutex::new(state));
        circuit.with(py, |state| state.solver().map(drop))?;
        Ok(circuit)
    }

    /// Works on the circuit without Python, then gives Python its warnings.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut State) -> Result<T> + Send,
    ) -> PyResult<T> {
        let (outcome, warnings) = py.detach(|| {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = work(&mut state);
            (outcome, state.take_warnings())
        });
        for text in warnings {
            let text = CString::new(text.replace('\0', "")).unwrap_or_default();
            PyErr::warn(py, &py.get_type::<OhmgradWarning>(), &text, 1)?;
        }
        Ok(outcome?)
    }
}

#[pymethods]
impl Circuit {
    /// A circuit without elements, to which `add` and its kin add some.
    #[new]
    #[pyo3(signature = (title = ""))]
    fn new(title: &str) -> Self {
        let title = title.lines().next().unwrap_or_default();
        Self(Mutex::new(State::of_text("circuit", format!("{title}\n"))))
    }

    /// Reads a SPICE deck. Its first line is the title.
    #[classmethod]
    #[pyo3(signature = (text, name = "netlist"))]
    fn from_netlist(class: &Bound<'_, PyType>, text: &str, name: &str) -> PyResult<Self> {
        Self::new_checked(class.py(), State::of_text(name, text.to_string()))
    }

    /// Reads a SPICE deck from a file; files that it includes are looked for beside it.
    #[classmethod]
    fn from_file(class: &Bound<'_, PyType>, path: PathBuf) -> PyResult<Self> {
        Self::new_checked(class.py(), State::of_file(path))
    }

    /// Adds cards, for instance `add("R1 a b 1k")`.
    fn add(&self, py: Python<'_>, cards: &str) -> PyResult<()> {
        self.with(py, |state| state.add(cards))
    }

    /// Adds a resistor, ohm.
    fn resistor(&self, py: Python<'_>, name: &str, p: &str, n: &str, ohms: f64) -> PyResult<()> {
        self.card(py, ("r", name), p, n, &ohms.to_string())
    }

    /// Adds a source that holds node `p` at so many volts above node `n`.
    fn voltage_source(
        &self,
        py: Python<'_>,
        name: &str,
        p: &str,
        n: &str,
        volts: f64,
    ) -> PyResult<()> {
        self.card(py, ("v", name), p, n, &volts.to_string())
    }

    /// Adds a source that drives so many amperes from node `p` through itself to node `n`.
    fn current_source(
        &self,
        py: Python<'_>,
        name: &str,
        p: &str,
        n: &str,
        amperes: f64,
    ) -> PyResult<()> {
        self.card(py, ("i", name), p, n, &amperes.to_string())
    }

    /// Adds a diode with the parameters of a SPICE model (`IS=1e-14, N=1`), or an ideal one.
    #[pyo3(signature = (name, anode, cathode, *, ideal = false, **parameters))]
    fn diode(
        &self,
        py: Python<'_>,
        name: &str,
        anode: &str,
        cathode: &str,
        ideal: bool,
        parameters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let mut model = String::from(if ideal { "IDEAL" } else { "" });
        for (name, value) in parameters.into_iter().flatten() {
            let (name, value): (String, f64) = (name.extract()?, value.extract()?);
            let _ = write!(model, " {name}={value}");
        }
        let rest = format!(
            "model_of_{name}\n.model model_of_{name} D({})",
            model.trim()
        );
        self.card(py, ("d", name), anode, cathode, &rest)
    }

    /// The operating point.
    fn op(&self, py: Python<'_>) -> PyResult<OperatingPoint> {
        let solved = self.with(py, State::operating_point)?;
        Ok(OperatingPoint(solved))
    }

    /// Values of all parameters of elements (`r1`, `d1:is`), `.param`s and the temperature (`temp`), in the
    /// deck's units.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let values = self.with(py, |state| {
            let variables = state.variables(None)?;
            let circuit = &state.solver()?.circuit;
            let value = |(name, variable)| (name, circuit.variable_value(&variable));
            Ok(variables.into_iter().map(value).collect::<Vec<_>>())
        })?;
        dict(py, values)
    }

    /// Sets variables: parameters as `parameters()` names them, or those of a model at once (`dmod:is`).
    fn set(&self, py: Python<'_>, values: &Bound<'_, PyDict>) -> PyResult<()> {
        let values = pairs(values)?;
        self.with(py, |state| state.set(values))
    }

    /// Names of what probes such as `v(out*)` read.
    #[pyo3(signature = (outputs = None))]
    fn probes(&self, py: Python<'_>, outputs: Option<Names>) -> PyResult<Vec<String>> {
        let outputs = outputs.map(Vec::from);
        let probes = self.with(py, |state| state.probes(outputs.as_deref()))?;
        Ok(probes.into_iter().map(|probe| probe.name).collect())
    }

    /// One operating point for each row of `inputs`, which is `{name: values}` or `(names, rows x names)`;
    /// what `outputs` ask for, rows x outputs.
    fn solve<'py>(
        &self,
        py: Python<'py>,
        inputs: &Bound<'py, PyAny>,
        outputs: Names,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (inputs, outputs) = (rows(inputs)?, Vec::from(outputs));
        let (width, points) = self.with(py, |state| {
            let probes = state.probes(Some(&outputs))?;
            Ok((probes.len(), state.solve(inputs, &probes)?))
        })?;
        let rows = points.values.len() / width.max(1);
        matrix(py, [rows, width], points.values)
    }

    /// Operating points along values of one variable: an array for each output, by name.
    #[pyo3(signature = (name, values, outputs = None))]
    fn sweep<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        values: &Bound<'py, PyAny>,
        outputs: Option<Names>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let inputs = PyDict::new(py);
        inputs.set_item(name, values)?;
        let (inputs, outputs) = (rows(inputs.as_any())?, outputs.map(Vec::from));
        let (names, points) = self.with(py, |state| {
            let probes = state.probes(outputs.as_deref())?;
            let points = state.solve(inputs, &probes)?;
            let names: Vec<_> = probes.into_iter().map(|probe| probe.name).collect();
            Ok((names, points))
        })?;
        let rows = points.values.len() / names.len().max(1);
        let columns = matrix(py, [rows, names.len()], points.values)?.getattr("T")?;
        let result = PyDict::new(py);
        for (k, name) in names.into_iter().enumerate() {
            result.set_item(name, columns.get_item(k)?)?;
        }
        Ok(result)
    }

    /// Derivatives of a probe (v(a), i(r1), p(d1), or an expression of these) at the operating point, by the
    /// names of `wrt` or of all parameters. One linear solve.
    #[pyo3(signature = (output, wrt = None))]
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        output: &str,
        wrt: Option<Names>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let wrt = wrt.map(Vec::from);
        let derivatives = self.with(py, |state| {
            let variables = state.variables(wrt)?;
            let found = state.sensitivities(output)?;
            let circuit = &state.solver()?.circuit;
            let to = |(name, variable)| (name, Some(found.to(circuit, &variable)));
            Ok(variables.into_iter().map(to).collect::<Vec<_>>())
        })?;
        dict(py, derivatives)
    }

    /// Derivatives of `sum cotangent * output`, by the names of `wrt` or of all parameters; cotangents are by
    /// output, v(a) or i(r1). One linear solve.
    #[pyo3(signature = (cotangents, wrt = None))]
    fn vjp<'py>(
        &self,
        py: Python<'py>,
        cotangents: &Bound<'py, PyDict>,
        wrt: Option<Names>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (cotangents, wrt) = (pairs(cotangents)?, wrt.map(Vec::from));
        let derivatives = self.with(py, |state| {
            let variables = state.variables(wrt)?;
            let found = state.weighted_sensitivities(&cotangents)?;
            let circuit = &state.solver()?.circuit;
            let to = |(name, variable)| (name, Some(found.to(circuit, &variable)));
            Ok(variables.into_iter().map(to).collect::<Vec<_>>())
        })?;
        dict(py, derivatives)
    }

    /// How outputs change where each parameter of `tangents` changes by so much. One linear solve for each
    /// output.
    fn jvp<'py>(
        &self,
        py: Python<'py>,
        tangents: &Bound<'py, PyDict>,
        outputs: Names,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (tangents, outputs) = (pairs(tangents)?, Vec::from(outputs));
        let changes = self.with(py, |state| {
            let (names, steps): (Vec<_>, Vec<f64>) = tangents.into_iter().unzip();
            let variables = state.variables(Some(names))?;
            let probes = state.probes(Some(&outputs))?;
            let change = |probe: ohmgrad::analysis::Probe| {
                let found = state.sensitivities(&probe.name)?;
                let circuit = &state.solver()?.circuit;
                let parts = variables.iter().zip(&steps);
                let change = parts.map(|((_, to), step)| found.to(circuit, to) * step);
                Ok((probe.name, Some(change.sum())))
            };
            probes.into_iter().map(change).collect::<Result<Vec<_>>>()
        })?;
        dict(py, changes)
    }

    /// The adjoint network of an output, v(a) or i(r1), at the operating point: a linear circuit.
    fn linearize(&self, py: Python<'_>, output: &str) -> PyResult<Self> {
        let deck = self.with(py, |state| state.linearize(output))?;
        Self::new_checked(py, State::of_text("adjoint network", deck))
    }

    /// The kernel equation of a circuit of resistors, transformers, gyrators and ideal diodes seen from its
    /// ports: `name:p,n` driven by a voltage, `name:p,n:i` by a current, or the name of a source.
    fn ports(&self, py: Python<'_>, ports: Names) -> PyResult<Kernel> {
        let ports = Vec::from(ports);
        let found = self.with(py, |state| ports::find(&state.solver()?.circuit, &ports))?;
        Kernel::new(py, found)
    }

    /// A flat deck of the circuit as it is now, for "ohmgrad" (every element as itself) or for "ngspice".
    #[pyo3(signature = (simulator = "ohmgrad"))]
    fn export(&self, py: Python<'_>, simulator: &str) -> PyResult<String> {
        let simulator = match simulator {
            "ohmgrad" => Simulator::Ohmgrad,
            "ngspice" => Simulator::Ngspice,
            other => {
                let text = format!("no simulator `{other}`\n  help: write ohmgrad or ngspice");
                return Err(Fault::argument(text).into());
            }
        };
        self.with(py, |state| state.export(simulator))
    }

    /// The circuit as it is now, as a function of the values of some sources and of the conductances of some
    /// resistors (names and patterns such as `r*`), for rows of inputs. Sources `complements` carry the
    /// negatives of the inputs.
    #[pyo3(signature = (inputs, outputs, conductances = None, *, complements = None))]
    fn function(
        &self,
        py: Python<'_>,
        inputs: Names,
        outputs: Names,
        conductances: Option<Names>,
        complements: Option<Names>,
    ) -> PyResult<Function> {
        let (inputs, outputs) = (Vec::from(inputs), Vec::from(outputs));
        let [conductances, complements] =
            [conductances, complements].map(|names| names.map_or(Vec::new(), Vec::from));
        let rows = self.with(py, |state| {
            let probes = state.probes(Some(&outputs))?;
            let circuit = state.solver()?.circuit.clone();
            let solver = ohmgrad::analysis::Solver::new(circuit).map_err(Fault::of)?;
            Rows::new(solver, (&inputs, &complements), probes, &conductances)
        })?;
        Ok(Function::new(rows))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |state| {
            let circuit = &state.solver()?.circuit;
            let (nodes, elements) = (circuit.node_count(), circuit.element_count());
            let title = &circuit.title;
            Ok(format!(
                "<Circuit {title:?}: {nodes} nodes, {elements} elements>"
            ))
        })
    }
}

impl Circuit {
    /// Adds a card of two nodes; its name gets the letter of its kind, if it does not have it.
    fn card(
        &self,
        py: Python<'_>,
        (letter, name): (&str, &str),
        p: &str,
        n: &str,
        rest: &str,
    ) -> PyResult<()> {
        let has_letter = name.to_ascii_lowercase().starts_with(letter);
        let letter = if has_letter { "" } else { letter };
        self.add(py, &format!("{letter}{name} {p} {n} {rest}"))
    }
}

/// Names and numbers.
fn pairs(values: &Bound<'_, PyDict>) -> PyResult<Vec<(String, f64)>> {
    let pair = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((name.extract()?, value.extract()?))
    };
    values.iter().map(pair).collect()
}

fn dict(py: Python<'_>, items: Vec<(String, Option<f64>)>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in items {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}
