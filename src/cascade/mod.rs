//! Rows of circuits with unidirectional buffers between them (Chaffey 2025): each stage is an ordinary
//! circuit, some of whose sources follow voltages of the stage before and load nothing there.
//!
//! ```text
//! inputs (V) -> drives -> stage 1 -> outputs (V) -> drives -> stage 2 -> ... -> readouts -> outputs (V)
//! ```
//!
//! [`Cascade::evaluate`] solves the stages one after the other. [`Cascade::gradient`] runs backwards: the
//! adjoint of a stage gives, in one linear solve, the derivative of the loss to each of its element
//! parameters and to each source that is driven; times the gains of the drives, the latter are the
//! cotangent of the stage before. No matrix spans two stages. [`Cascade::to_circuit`] is the same as one
//! netlist, each drive a voltage-controlled source.

mod error;
mod gradient;
mod netlist;
mod solve;
mod stage;

pub use error::CascadeError;
pub use gradient::{CascadeEntry, CascadeGradient, CascadeParameter};
pub use netlist::Monolith;
pub use solve::{Cascade, Evaluation};
pub use stage::{Drive, Readout, Stage};
