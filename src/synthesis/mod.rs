//! Trained networks to circuits.
//!
//! [`Equilibrium`] holds the parameters of a ReLU equilibrium network and builds the circuit of
//! resistors, transformers, gyrators, ideal diodes and sources that settles to the same numbers. [`Mlp`]
//! holds those of a ReLU network and builds a cascade of resistors, ideal diodes and buffers.

mod equilibrium;
mod error;
mod mlp;
mod mlp_stages;
mod netlist;

pub use equilibrium::Equilibrium;
pub use error::SynthesisError;
pub use mlp::{Layer, Mlp};
pub use netlist::SymmetricPart;
