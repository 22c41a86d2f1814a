//! Training as it is done on a bench, where nothing of a matrix is known (Chaffey 2025).
//!
//! Each step, for each sample:
//!
//! 1. the sample is put on the sources, the *first circuit* settles, the outputs are read, and the loss gives
//!    its derivative to each of them;
//! 2. the *second circuit* is the first one with every nonlinear element replaced by its incremental conductance
//!    where the first one stands (an ideal diode by a short or nothing), its sources at zero and non-reciprocal
//!    elements turned round ([`AdjointNetwork`](crate::adjoint::AdjointNetwork)); into its outputs go currents in
//!    proportion to these derivatives, and it settles;
//! 3. each conductance changes by a rate times its voltage drop in the first circuit times its drop in the
//!    second one, and nothing else.
//!
//! ```text
//! g <- g + rate v1 v2        dL/dg = -v1 v2 / injection
//! ```
//!
//! Both circuits are settled by the solver of operating points. In a [cascade](crate::cascade) the stages go
//! forwards one by one; backwards, the currents that a stage's second circuit drives into its shorted sources
//! are, times the gain of the buffer, what is injected into the stage before.
//!
//! Instruments and parts may be those of a bench ([`BenchConfig`]): converters of a few
//! bits, noise, parts that are not what they were programmed to be, steps and bounds of conductances, drift.
//! The two circuits are two boards: each has its own deviations. Everything random follows from the seed.

mod effect;
mod error;
mod fabrication;
mod meter;
mod program;
mod rule;
mod second;
mod stage;
mod table;
mod trainer;
mod wiring;
mod worker;

pub use crate::learning::BenchConfig;
pub use effect::Effect;
pub use error::LaboratoryError;
pub use fabrication::Deviations;
pub use meter::Meter;
pub use table::{Row, RunOutcome, effects_table, rows};
pub use trainer::BenchTrainer;
