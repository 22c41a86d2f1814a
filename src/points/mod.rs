//! Operating points of one circuit for a table of values: each row sets sources, parameters or other
//! variables, and is one point.
//!
//! Where rows set nothing but voltages and currents of sources, the circuit suits the
//! [batch engine](crate::batch) and voltages are all that is read, they are solved in blocks. All other
//! rows, and those that the batch engine is not certain of, go to the general solver. There each row
//! starts cold, so that it has the operating point of the circuit alone, whatever the rows before it.
//!
//! **Invariant:** an error names the first row, in order, that has no operating point, with any number
//! of threads.

mod error;
mod solve;
mod table;

pub use error::{PointError, TableError};
pub(crate) use solve::solve_in_batches;
pub use solve::{Points, solve};
pub(crate) use table::is_npz;
pub use table::{PointTable, parse_csv, parse_npz};
