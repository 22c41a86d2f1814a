//! The native part of the Python package `ohmgrad`: the library as classes.
//!
//! **Invariant:** nothing is computed here that the library does not compute. [`state`] and [`rows`] know no
//! Python, so that they run without holding it; the other modules turn Python's objects into theirs.

mod arrays;
mod circuit;
mod crew;
mod fault;
mod function;
mod operating_point;
mod ports;
mod rows;
mod state;
mod wiring;

use pyo3::prelude::*;

/// Runs the command line and returns its exit code.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<String>) -> u8 {
    use clap::Parser;
    py.detach(|| match ohmgrad::cli::Cli::try_parse_from(arguments) {
        Ok(cli) => match cli.run() {
            Ok(()) => 0,
            Err(failure) => {
                ohmgrad::note!("{}", failure.message);
                failure.code
            }
        },
        Err(error) => {
            // Nothing is left to tell it to.
            let _ = error.print();
            error.exit_code() as u8
        }
    })
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<circuit::Circuit>()?;
    module.add_class::<operating_point::OperatingPoint>()?;
    module.add_class::<function::Function>()?;
    module.add_class::<function::Tape>()?;
    module.add_class::<ports::Kernel>()?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add("OhmgradError", py.get_type::<fault::OhmgradError>())?;
    module.add("NetlistError", py.get_type::<fault::NetlistError>())?;
    module.add("TopologyError", py.get_type::<fault::TopologyError>())?;
    module.add("ConvergenceError", py.get_type::<fault::ConvergenceError>())?;
    module.add("OhmgradWarning", py.get_type::<fault::OhmgradWarning>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
