//! Equilibrium networks that learn: batches of fixed points, their adjoint, and steps on the element
//! values of the circuit they are.
//!
//! An [`Equilibrium`](crate::synthesis::Equilibrium) network is a circuit of gyrators, resistors and
//! ideal diodes, and A, B, U are conductances of its gyrators. Its operating point solves
//! `0 ∈ S z - q + N(z)` with `S = m I + A'A + B' - B` and `q = U x + b`, N being the normal cone of z ≥ 0;
//! the adjoint circuit has S transposed and only the conducting diodes' nodes, `S' λ = ∂L/∂z` there.
//! Both are Peaceman-Rachford splittings on one factored matrix for all samples (Winston and Kolter
//! 2020, sections 4 and 5). With `G = -λ z'` the derivatives are `A (G + G')`, `G' - G`, `λ x'` and `λ`.

mod circuit;
mod layout;
mod splitting;
mod trainer;

pub use circuit::{CircuitEvaluationError, engine, evaluate, logits};
pub use trainer::{EquilibriumOptions, EquilibriumTrainer, NotSettled};
