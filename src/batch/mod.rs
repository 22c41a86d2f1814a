//! Many operating points and gradients of one circuit at once.
//!
//! All samples share topology, sparsity and linear conductances; only source values and the states of
//! diodes differ. A [`BatchSystem`] is a [`System`](crate::mna::System) compiled further for that:
//!
//! - **Held nodes.** Nodes whose potential sources prescribe are functions of the features. What they
//!   inject into the free nodes, `(G_fs S) u`, is one product for a batch (`inputs.rs`, `features.rs`);
//!   conductances that meet the same held nodes in the same order share one pattern (`rows.rs`).
//! - **Crossbars.** Free nodes with the same neighbours form a group; between two groups lies a dense
//!   block of conductances (`groups.rs`). Its products go to dense matrix multiplication.
//! - **Elimination.** Groups are eliminated first, which leaves a small Schur complement; that, and
//!   all of a circuit without crossbars, is factored for a block of samples in lock-step
//!   (`elimination.rs`). The same factors give the adjoint.
//! - **Relaxation.** Where layers are coupled by large dense blocks, the co-content is minimised
//!   group by group, each exactly, until a stated residual is left (`relaxation.rs`).
//!
//! Data lies unknown-major, sample-minor. Samples are taken in blocks whose size depends on the batch
//! alone; relaxation takes a batch as one and spreads nodes over threads. Sums over blocks are taken in
//! order: the bits do not depend on the number of threads.
//! A sample whose operating point is not certified here goes to the general solver.
//!
//! **Amplifiers** in both directions are taken out before (`amplifiers.rs`).
//!
//! Other circuits without a co-content, or with ideal diodes between free nodes, are not compiled:
//! [`Unsuited`] says why, and the general solver takes all their samples.

mod amplifiers;
mod assembly;
mod block;
mod elimination;
mod ends;
mod engine;
mod features;
mod function;
mod groups;
mod inputs;
mod law;
mod pool;
mod real;
mod relaxation;
mod rows;
mod sample;
mod share;
mod structure;
mod sums;

pub use amplifiers::Unamplified;
pub use engine::{Accuracy, BatchEngine, Nudge, Precision, TOLERANCE_F32, TOLERANCE_F64, Timing};
pub use function::{BatchFunction, Given, Refused};
pub use inputs::Drive;
pub use law::Law;
pub use real::Real;
pub(crate) use sample::Conversion;
pub use sample::{Sample, Samples};
pub use structure::{BatchSystem, Method, Unsuited};
