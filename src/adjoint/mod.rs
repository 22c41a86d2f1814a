//! Operating point to gradients: the adjoint network (Director and Rohrer 1969), which is the
//! hardware linearization of Chaffey (2025).
//!
//! With `F(z, theta) = 0` and a loss `L(z, theta)`: solve `J' lambda = dL/dz`, then
//! `dL/dtheta = (direct part) - lambda' dF/dtheta`. As a circuit: replace every nonlinear element by
//! its incremental conductance at the operating point (ideal diodes by shorts and opens), zero the
//! sources, turn the non-reciprocal elements round, and inject `dL/dv` at the outputs: the voltages
//! and branch currents of that linear circuit are `lambda`. Both roads are here:
//! [`Solver::adjoint`](crate::analysis::Solver::adjoint) solves the transpose on the held factors,
//! [`AdjointNetwork`] is the circuit.

mod check;
mod gradient;
mod network;
mod transfer;
mod transpose;
mod variables;

pub use check::{Comparison, compare_with_differences};
pub use gradient::{Gradient, GradientEntry, derivative};
pub use network::AdjointNetwork;
pub use transfer::TransferFunction;
pub use transpose::{Adjoint, AdjointError, Cotangent};
pub use variables::{Derivative, Sensitivities};
