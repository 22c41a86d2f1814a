//! Operating points by many solvers side by side: time, memory, iterations, residual, agreement.
//!
//! A [`Plan`] is families × sizes × seeds, or decks, × solvers; each [`Cell`] of it is run several times,
//! each time in a process of its own that reads the deck, solves and leaves the potentials in a file.
//! So peak memory is that of the cell, a [limit](Plan::limit) ends it whatever it does, and the time of
//! the process is comparable with that of another simulator on the same deck. [`run`] gives a
//! [`Record`] for each cell; [`exponents`] fits how time grows with size.
//!
//! Two measures of a solution do not depend on who found it: what is left of Kirchhoff's current law at
//! a node, relative to the currents that meet there, and the largest difference of a potential from that
//! of the first solver of the cell's circuit that has an answer, relative to the largest potential.

mod descent;
mod external;
mod fit;
mod linear;
mod machine;
mod measure;
mod plan;
mod process;
mod record;
mod run;
mod solver;

pub use fit::{Exponent, exponents, slope};
pub use machine::Machine;
pub use measure::{Job, measure};
pub use plan::{Cell, Plan, Subject};
pub use record::{Kernel, Measurement, Outcome, Phases, Record, Result, Spread, Summary};
pub use run::{BenchmarkError, run};
pub use solver::SolverKind;
