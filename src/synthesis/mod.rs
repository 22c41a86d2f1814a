//! Trained networks to circuits.
//!
//! [`Equilibrium`] holds the parameters of a ReLU equilibrium network and builds the circuit of
//! resistors, transformers, gyrators, ideal diodes and sources that settles to the same numbers.

mod equilibrium;
mod error;
mod netlist;

pub use equilibrium::Equilibrium;
pub use error::SynthesisError;
pub use netlist::SymmetricPart;
